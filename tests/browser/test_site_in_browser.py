"""The site as a reader meets it: found by typing, by keyboard, on a phone, in the dark, without script."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from fixtures.small_judged import KEY, MONTHS, small_boundaries, small_country, small_judged
from publish import feeds, site
from publish.serve import application

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or "/usr/bin/chromium"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium on this machine"),
]

PAGES = {
    "home": "",
    "busy": "northshire/NC01/",
    "quiet": "northshire/NC02/",
    "missing": "mercaster/MC01/",
    "short": "eastmark/EM01/",
    "long name": "northshire/NC04/",
    "force": "northshire/",
    "missing force": "mercaster/",
    "map": "map/",
    "supplied": "supplied/",
    "about": "about/",
    "counting": "counting/",
    "releases": "releases/",
    "revisions": "revisions/",
    "changes": "changes/",
    "developers": "developers/",
    "accessibility": "accessibility/",
    "absent in a force": "northshire/NC99/",
    "download": "download/",
    "absent": "no/such/page/",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    release = tmp_path_factory.mktemp("release")
    country = small_country()
    judged = small_judged(country)
    site.build(judged, country, small_boundaries(country), MONTHS, release / "site")
    feeds.build(judged, country, MONTHS[-3:], release / "feeds", KEY)
    with serving(release) as there:
        yield there


@contextmanager
def serving(release: Path) -> Iterator[str]:
    """The address of a release while it is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application(release), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(5)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page that remembers what went wrong on it and where it asked for things."""

    def __init__(self, browser: Browser, address: str, **options) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page: Page = self.context.new_page()
        self.address = address
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _heard(self, message: ConsoleMessage) -> None:
        # The software that draws WebGL here remarks on its own speed.
        if message.type in ("error", "warning") and "GL Driver Message" not in message.text:
            self.errors.append(message.text)

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_) -> None:
        self.context.close()

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def assert_clean(self) -> None:
        assert self.errors == []
        outside = [url for url in self.asked if not url.startswith((self.address, "data:", "blob:"))]
        assert outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, address, scheme):
    with Visit(browser, address, color_scheme=scheme) as visit:
        for name, path in PAGES.items():
            page = visit.go(path)
            found = Axe().run(page).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found] == [], name


@pytest.mark.parametrize("width", [320, 390, 640])
def test_no_page_is_wider_than_the_screen(browser, address, width):
    with Visit(browser, address, viewport={"width": width, "height": 800}) as visit:
        for name, path in PAGES.items():
            page = visit.go(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_no_page_is_wider_than_the_screen_when_its_text_is_twice_as_large(browser, address):
    with Visit(browser, address) as visit:
        for name, path in PAGES.items():
            page = visit.go(path)
            page.add_style_tag(content="html { font-size: 200% !important }")
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280, name


def test_nothing_moves_for_those_who_asked_for_less_motion(browser, address):
    moving = """[...document.querySelectorAll("*")].filter((each) => {
        const style = getComputedStyle(each);
        return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0
            || style.scrollBehavior === "smooth";
    }).map((each) => each.outerHTML.slice(0, 80))"""
    with Visit(browser, address, reduced_motion="reduce") as visit:
        for name, path in PAGES.items():
            assert visit.go(path).evaluate(moving) == [], name


def test_read_a_place_by_keyboard_alone(browser, address):
    """Past the header, to another month, into the table and away with the file, by keys only."""
    with Visit(browser, address) as visit:
        page = visit.go("mercaster/MC01/")

        def tab_to(found: str) -> None:
            for _ in range(60):
                page.keyboard.press("Tab")
                if page.evaluate(f"document.activeElement.matches({found!r})"):
                    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                    assert outline != "none", f"it cannot be seen that {found} has the focus"
                    return
            raise AssertionError(f"no way by Tab to {found}")

        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.url.endswith("#main")
        tab_to("summary")
        page.keyboard.press("Enter")
        assert page.locator("[data-chart-table]").is_visible()
        page.locator("select[name=month]").wait_for()
        tab_to("select[name=month]")
        for _ in range(3):
            page.keyboard.press("ArrowDown")
        page.locator(".controls").get_by_text("All crime, June 2019:").wait_for()
        tab_to("a[download]")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename == "mercaster-MC01.csv"
        visit.assert_clean()


def test_find_a_place_by_typing_and_go_back(browser, address):
    with Visit(browser, address) as visit:
        page = visit.go("")
        page.get_by_role("combobox").fill("picca")
        option = page.get_by_role("option").first
        assert "latest month not known" in option.inner_text()
        option.click()
        page.wait_for_url("**/mercaster/MC01/")
        assert "not known" in page.locator(".notice h2").inner_text()
        page.go_back()
        page.wait_for_url(visit.address)
        visit.assert_clean()


def test_find_a_place_by_keyboard_alone(browser, address):
    with Visit(browser, address) as visit:
        page = visit.go("")
        for _ in range(8):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "q":
                break
        page.keyboard.type("northshire")
        page.get_by_role("option").first.wait_for()
        first = page.get_by_role("combobox").get_attribute("aria-activedescendant")
        page.keyboard.press("ArrowDown")
        second = page.get_by_role("combobox").get_attribute("aria-activedescendant")
        assert first != second
        assert page.locator(f"#{second}").get_attribute("aria-selected") == "true"
        page.keyboard.press("Enter")
        page.wait_for_url("**/northshire/**")
        visit.assert_clean()


def test_search_folds_accents_and_case_and_says_when_nothing_is_found(browser, address):
    with Visit(browser, address) as visit:
        page = visit.go("")
        box, said = page.get_by_role("combobox"), page.locator("#search-said")
        box.fill("O'HARA")
        page.get_by_text("1 place found.").wait_for()
        box.fill("zzzz")
        page.get_by_text("0 places found.").wait_for()
        assert page.get_by_role("listbox").is_hidden()
        assert said.get_attribute("role") == "status"
        box.fill("<script>")
        page.get_by_role("option").first.wait_for()
        assert "<script>alert(1)</script>" in page.get_by_role("option").first.inner_text()
        visit.assert_clean()


def test_everything_is_there_without_script(browser, address):
    with Visit(browser, address, java_script_enabled=False) as visit:
        page = visit.go("")
        assert page.locator("form.search").is_hidden()
        page.get_by_role("link", name="Greater Mercaster").last.click()
        page.locator("table").get_by_role("link", name="Piccadilly").click()
        assert page.locator("svg.trend .gap").count() == 1
        assert page.locator(".map path.missing").count() == 5
        page.get_by_text("The same figures as a table").click()
        assert page.locator("[data-chart-table] tbody tr").count() == 36
        assert page.locator("button").count() == 0
        visit.assert_clean()


def test_chart_replaces_its_picture_when_seen_and_keeps_its_gap(browser, address):
    with Visit(browser, address, viewport={"width": 1280, "height": 400}) as visit:
        page = visit.go("mercaster/MC01/")
        page.wait_for_load_state("networkidle")
        assert not any("plotly" in url for url in visit.asked), "it is below the screen"
        before = page.locator("figure.chart").bounding_box()["height"]
        page.locator("figure.chart").scroll_into_view_if_needed()
        page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=30_000)
        page.locator("svg.trend").wait_for(state="detached")
        assert page.locator("figure.chart").bounding_box()["height"] == before
        values = page.evaluate("[...document.querySelector('.js-plotly-plot').data[0].y]")
        assert len(values) == 36
        assert values[-3:] == [None, None, None]
        assert min(value for value in values if value is not None) > 100
        shapes = page.evaluate("document.querySelector('.js-plotly-plot').layout.shapes.length")
        assert shapes == 1
        assert page.locator(".js-plotly-plot").get_by_text("not known").count() == 1
        visit.assert_clean()


def test_another_month_and_kind_change_map_table_and_address(browser, address):
    with Visit(browser, address) as visit:
        page = visit.go("mercaster/MC01/")
        page.locator("#map").scroll_into_view_if_needed()
        said = page.locator(".controls [role=status]")
        page.get_by_role("combobox", name="Month").select_option("2019-06")
        said.get_by_text("All crime, June 2019:").wait_for()
        assert page.locator(".map path.missing").count() == 0
        all_crime = page.locator(".areas td").first.inner_text()
        page.get_by_role("combobox", name="Kind").select_option("Robbery")
        said.get_by_text("Robbery, June 2019:").wait_for()
        assert page.locator(".areas td").first.inner_text() != all_crime
        assert page.url.endswith("#month=2019-06&kind=Robbery")
        assert page.locator("#map").inner_text() == "Where, in June 2019"
        shared = page.url
        page.get_by_role("combobox", name="Month").select_option("2019-08")
        said.get_by_text("Robbery, August 2019:").wait_for()
        assert page.locator(".map path.missing").count() == 5
        assert set(page.locator(".areas td").all_inner_texts()) == {"not known"}
        page.goto("about:blank")
        page.goto(shared)
        page.locator(".controls").get_by_text("Robbery, June 2019:").wait_for()
        assert page.get_by_role("combobox", name="Kind").input_value() == "Robbery"
        found = Axe().run(page).response["violations"]
        assert [each["id"] for each in found] == []
        visit.assert_clean()


@pytest.mark.parametrize("month", ["2019-13", "1066-10", "<b>x", "2031-01"])
def test_address_with_a_bad_month_is_explained(browser, address, month):
    with Visit(browser, address) as visit:
        page = visit.go(f"northshire/NC01/#month={month}")
        page.get_by_text("There are no figures for").wait_for()
        assert page.get_by_role("combobox", name="Month").input_value() == "2019-09"
        visit.assert_clean()


def ready(page: Page, state: str) -> None:
    """Wait until the map shows a month, a kind and a level of area."""
    page.locator(f'[data-country-map][data-ready="{state}"]').wait_for(timeout=30_000)


def shades(page: Page) -> list[str]:
    return page.locator("[data-table] tbody tr td:nth-child(2)").all_inner_texts()


def test_country_map_tells_three_states_and_names_the_silent_force(browser, address):
    with Visit(browser, address) as visit:
        page = visit.go("map/")
        ready(page, "2019-09 0 areas")
        rows = shades(page)
        assert rows.count("not known") == 9
        assert rows.count("0 crimes") == 4
        assert len(rows) == 28
        said = page.locator("[data-said]").inner_text()
        assert "9 not known. No figures from Greater Mercaster Police." in said
        assert page.locator(".map-label").inner_text() == "Greater Mercaster Police\nnot known"
        legend = page.locator("[data-live] [data-legend]").inner_text()
        assert "not known" in legend and "0, no crime recorded" in legend
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found] == []
        visit.assert_clean()


def test_country_map_by_month_and_kind_keeps_them_in_the_address(browser, address):
    with Visit(browser, address) as visit:
        page = visit.go("map/")
        ready(page, "2019-09 0 areas")
        slider = page.get_by_role("slider", name="Month")
        slider.focus()
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        ready(page, "2019-06 0 areas")
        assert slider.get_attribute("aria-valuetext") == "June 2019"
        assert "not known" not in shades(page)
        assert page.locator(".map-label").count() == 0
        page.get_by_role("combobox", name="Kind").select_option("Burglary")
        ready(page, "2019-06 3 areas")
        shared = page.url
        assert "#month=2019-06&kind=Burglary&at=" in shared
        with page.expect_download() as download:
            page.get_by_role("button", name="Download this table").click()
        lines = Path(download.value.path()).read_text().splitlines()
        assert lines[0] == "code,name,force,month,kind,count,status"
        assert len(lines) == 29
        page.goto("about:blank")
        page.goto(shared)
        ready(page, "2019-06 3 areas")
        assert page.get_by_role("combobox", name="Kind").input_value() == "3"
        page.goto("about:blank")
        page.goto(f"{address}map/#month=2019-13")
        page.get_by_text("There are no figures for “2019-13”.").wait_for()
        visit.assert_clean()


def test_a_silent_area_says_why_when_it_is_chosen(browser, address):
    with Visit(browser, address) as visit:
        page = visit.go("map/#month=2019-09&at=14/52.025/-1.4325")
        ready(page, "2019-09 0 areas")
        page.locator(".canvas canvas").click()
        detail = page.locator("[data-detail]")
        detail.get_by_text("This does not mean that there was no crime.").wait_for()
        assert "change of records system on 8 July 2019" in detail.inner_text()
        visit.assert_clean()


def test_map_without_script_is_a_picture_and_a_table_of_forces(browser, address):
    with Visit(browser, address, java_script_enabled=False) as visit:
        page = visit.go("map/")
        assert page.locator(".map path.missing").count() == 1
        row = page.get_by_role("row", name="Greater Mercaster Police")
        assert "not known" in row.inner_text()
        assert page.locator("[data-live]").is_hidden()
        visit.assert_clean()


def test_map_that_cannot_be_loaded_leaves_the_picture(browser, address):
    with Visit(browser, address) as visit:
        visit.page.route("**/index.json", lambda route: route.abort())
        page = visit.go("map/")
        page.get_by_text("The map could not be loaded.").wait_for()
        assert page.locator("[data-still] svg").first.is_visible()


def test_base_map_of_the_same_origin_lies_under_the_areas(browser, tmp_path):
    country = replace(small_country(), basemap="/base.json")
    site.build(small_judged(country), country, small_boundaries(country), MONTHS, tmp_path / "site")
    ground = {"id": "sea", "type": "background", "paint": {"background-color": "#abcdef"}}
    (tmp_path / "site/base.json").write_text(json.dumps({"version": 8, "sources": {}, "layers": [ground]}))
    with serving(tmp_path) as address, Visit(browser, address) as visit:
        page = visit.go("map/")
        ready(page, "2019-09 0 areas")
        assert f"{address}base.json" in visit.asked
        assert shades(page).count("not known") == 9
        visit.assert_clean()


def test_table_is_downloaded(browser, address):
    with Visit(browser, address) as visit:
        page = visit.go("mercaster/MC01/")
        with page.expect_download() as download:
            page.get_by_role("link", name="Every month and kind as CSV").click()
        content = Path(download.value.path()).read_text()
        assert download.value.suggested_filename == "mercaster-MC01.csv"
        assert "2019-09,Burglary,,missing," in content
        assert ",0,missing" not in content
        page = visit.go("download/")
        with page.expect_download() as download:
            page.get_by_role("link", name="availability.csv").click()
        assert "not supplied" in Path(download.value.path()).read_text()


def test_print_shows_the_tables_and_the_pattern(browser, address):
    with Visit(browser, address) as visit:
        page = visit.go("mercaster/MC01/")
        page.emulate_media(media="print")
        assert page.locator("header.site nav").is_hidden()
        assert page.locator(".notice").is_visible()
        assert page.locator("[data-chart-table]").bounding_box()["height"] > 300


def test_map_shapes_differ_by_more_than_colour(browser, address):
    with Visit(browser, address) as visit:
        fill = "e => getComputedStyle(e).fill"
        missing = visit.go("mercaster/MC01/").locator(".map path.missing").first.evaluate(fill)
        zero = visit.go("northshire/NC02/").locator(".map path.zero").first.evaluate(fill)
        value = visit.go("northshire/NC01/").locator('.map path[class^="s"]').first.evaluate(fill)
        assert "#hatch" in missing
        assert "#dots" in zero
        assert value.startswith("rgb")
