"""The desk in a real browser: each role's morning by keyboard, actions counted, and no barrier that axe can find."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from argon2 import PasswordHasher
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from publish.desk.application import application
from publish.desk.desk import Desk
from publish.desk.ledger import Ledger
from publish.desk.settings import DeskSettings
from tests.desk.conftest import PASSWORD, PEOPLE, Clock, Gate, Shelf

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]

GAP = "w01-mercaster-2019-07"
QUIET = [f"w39-northshire-nc0{number}-2019-08" for number in (1, 2, 3)]
PAGES = ["/", f"/alert/{GAP}", "/early", "/forces", "/forces/mercaster", "/quarters", "/quarters/2019-Q3", "/rejects",
         "/trail", "/search?for=mercaster"]  # fmt: skip
#: Where to keep pictures of every page, when somebody wants to look at them.
PICTURES = os.environ.get("FULLCOUNT_PICTURES")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def served(tmp_path: Path, clock: Clock) -> Iterator[tuple[str, Desk]]:
    """A desk on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    shelf = Shelf()
    settings = DeskSettings(
        secret=b"a secret of the tests", url=f"http://127.0.0.1:{port}", requests_a_minute=10_000
    )
    desk = Desk(settings, ledger, shelf, Gate(ledger, shelf, clock), clock)
    desk.accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    for name, role in PEOPLE.items():
        desk.accounts.add(name, name.title(), role, PASSWORD, by="the tests")
    server = uvicorn.Server(uvicorn.Config(application(desk), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield settings.url, desk
    server.should_exit = True
    thread.join()


def sign_in(browser: Browser, url: str, name: str, **options: Any) -> Page:
    """Open a page as that person, by keyboard: the name, Tab, the password, Enter."""
    page = browser.new_context(**options).new_page()
    page.goto(f"{url}/sign-in")
    page.get_by_label("Name").focus()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")
    return page


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until what has the focus says `wanted`: nothing can be reached only with a mouse."""
    for _ in range(120):
        page.keyboard.press("Tab")
        said = page.evaluate(
            "() => (e => e.innerText || e.name || e.getAttribute('aria-label') || '')(document.activeElement).trim()"
        )
        if said.startswith(wanted):
            assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"Tab never reaches “{wanted}”")


def test_a_checker_decides_in_three_actions(browser: Browser, served: tuple[str, Desk]) -> None:
    """Counted from the first page of the morning: open the alert, say why, press the decision's own button."""
    url, desk = served
    page = sign_in(browser, url, "amina")
    actions = 0
    page.get_by_role("link", name="Greater Mercaster has supplied nothing").click()
    actions += 1
    assert page.get_by_text("the country").first.is_visible(), (
        "the effect stands there before anything is pressed"
    )
    page.get_by_label("Why").fill("The force has told us that nothing will come.")
    actions += 1
    page.get_by_role("button", name="Confirm the gap").click()
    actions += 1
    assert page.get_by_role("status").inner_text().startswith("Recorded: confirm gap")
    assert actions == 3
    (made,) = desk.ledger.entries("decision")
    assert made.author == "amina"


def test_a_checkers_morning_by_keyboard_alone(browser: Browser, served: tuple[str, Desk]) -> None:
    url, desk = served
    page = sign_in(browser, url, "amina")
    tab_to(page, "Skip to the page")
    page.keyboard.press("Enter")
    tab_to(page, "Greater Mercaster has supplied nothing")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/alert/{GAP}")
    tab_to(page, "reason")
    page.keyboard.type("Rang them; the file comes next week.")
    tab_to(page, "Ask for a resupply")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=status]")
    assert "ask for resupply" in page.get_by_role("status").inner_text()
    assert desk.ledger.entries("decision")[0].body["expires"] == "2019-10-28"
    assert (
        "please supply July 2019 to September 2019 again"
        in page.get_by_label("Message", exact=True).input_value()
    )
    # And takes it back.
    tab_to(page, "Take it back")
    page.keyboard.press("Enter")
    tab_to(page, "undo_reason")
    page.keyboard.type("Wrong force.")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Taken back")


def test_several_of_one_cause_are_decided_together(browser: Browser, served: tuple[str, Desk]) -> None:
    url, desk = served
    page = sign_in(browser, url, "amina")
    page.get_by_role("button", name="Decide these together").click()
    page.get_by_label("Why").fill("A park closed; nobody lives there.")
    page.get_by_label("Evidence").fill("letter of 9 October")
    page.get_by_role("button", name="Accept as genuine").click()
    page.wait_for_selector("text=for 3 alerts")
    assert len(desk.ledger.entries("decision")) == 3


def test_a_quarter_is_prepared_approved_and_published_by_two_people(
    browser: Browser, served: tuple[str, Desk], clock: Clock
) -> None:
    url, desk = served
    carol = sign_in(browser, url, "carol")
    for alert in [each for each in desk.alerts(desk.book()) if each.blocks]:
        carol.goto(f"{url}/alert/{alert.finding}")
        carol.get_by_label("Why").fill("The force says so.")
        carol.get_by_role("button", name="Confirm the gap").click()
        carol.wait_for_selector("[role=status]")
    carol.goto(f"{url}/quarters/2019-Q3")
    tab_to(carol, "Sign: prepared")
    carol.keyboard.press("Enter")
    carol.wait_for_selector("text=Signed: 2019-Q3/1.0.0 is prepared")
    assert carol.get_by_role("button", name="Sign: approved").count() == 0
    clock.forward(days=3, hours=2)
    dev = sign_in(browser, url, "dev")
    dev.goto(f"{url}/quarters/2019-Q3")
    assert dev.get_by_role("button", name="Publish").count() == 0
    tab_to(dev, "Sign: approved")
    dev.keyboard.press("Enter")
    dev.wait_for_selector("text=It waits for nothing")
    tab_to(dev, "Publish 2019-Q3/1.0.0 now")
    dev.keyboard.press("Enter")
    dev.wait_for_selector("text=2019-Q3/1.0.0 is public")
    # The emergency stop is there for the day it is needed.
    dev.get_by_text("Emergency stop").click()
    dev.get_by_label("Why, for readers").fill("A figure was wrong.")
    dev.get_by_role("button", name="Stop 2019-Q3/1.0.0").click()
    dev.wait_for_selector("text=is stopped")


def test_an_auditor_sees_everything_and_changes_nothing(browser: Browser, served: tuple[str, Desk]) -> None:
    url, _ = served
    page = sign_in(browser, url, "farah")
    tab_to(page, "Audit trail")
    page.keyboard.press("Enter")
    page.wait_for_url("**/trail")
    assert page.get_by_text("signed in by password").count() > 0
    for path in PAGES:
        page.goto(url + path)
        buttons = {each.inner_text() for each in page.get_by_role("button").all()}
        assert buttons <= {"Search", "Sign out", "Show"}, path


def test_an_administrator_sees_the_accounts(browser: Browser, served: tuple[str, Desk]) -> None:
    url, _ = served
    page = sign_in(browser, url, "erin")
    page.get_by_role("link", name="People").click()
    assert page.get_by_role("row").count() == 1 + len(PEOPLE)


def test_what_was_typed_is_there_after_signing_in_again(
    browser: Browser, served: tuple[str, Desk], clock: Clock
) -> None:
    url, desk = served
    page = sign_in(browser, url, "amina")
    page.goto(f"{url}/alert/{GAP}")
    page.get_by_label("Why").fill("A long thought.")
    clock.forward(minutes=31)
    page.get_by_role("button", name="Confirm the gap").click()
    page.wait_for_selector("text=What you typed is kept")
    page.get_by_label("Name").fill("amina")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/alert/{GAP}")
    assert page.get_by_label("Why").input_value() == "A long thought."
    assert desk.ledger.entries("decision") == []


def test_the_trend_breaks_at_the_gap_and_needs_no_script(browser: Browser, served: tuple[str, Desk]) -> None:
    url, _ = served
    errors: list[str] = []
    page = sign_in(browser, url, "amina")
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{url}/alert/{GAP}")
    page.wait_for_selector(".chart.drawn .js-line", state="attached")
    counts = page.evaluate("() => document.querySelector('.plot').data[0].y")
    assert counts[-3:] == [None, None, None]
    assert page.evaluate("() => document.querySelector('.plot').data[0].connectgaps") is False
    layers = page.evaluate(
        "() => [...document.querySelectorAll('.plot .main-svg')].map(e => Math.round(e.getBoundingClientRect().top))"
    )
    assert len(set(layers)) == 1, "the layers of the chart lie over each other"
    assert errors == [], "the strict policy stops nothing that the page needs"
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.context.add_cookies(page.context.cookies())
    plain.goto(f"{url}/alert/{GAP}")
    assert plain.locator("svg.trend").is_visible()
    assert plain.locator("svg.trend .gap").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier(browser: Browser, served: tuple[str, Desk], scheme: Any) -> None:
    url, _ = served
    carol, erin = (sign_in(browser, url, name, color_scheme=scheme) for name in ("carol", "erin"))
    carol.goto(f"{url}/alert/{QUIET[0]}")
    carol.get_by_label("Why", exact=False).first.fill("Rang the desk: the station moved.")
    carol.get_by_role("button", name="Confirm the gap").click()
    nobody = browser.new_context(color_scheme=scheme).new_page()
    together = "/together?" + "&".join(f"finding={finding}" for finding in QUIET[1:])
    seen = [(carol, path) for path in (*PAGES, f"/alert/{QUIET[0]}", together, "/nowhere")]
    seen += [(erin, path) for path in ("/people", "/trail")]
    seen += [(nobody, "/sign-in"), (nobody, "/sign-in?ended=1")]
    for page, path in seen:
        for width in (390, 1360):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(url + path)
            assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), (
                path,
                width,
            )
            if PICTURES:
                name = re.sub(r"[^a-z0-9]+", "_", path.lower()).strip("_")[:40] or "today"
                who = {carol: "", erin: "-erin", nobody: ""}[page]
                page.screenshot(path=f"{PICTURES}/{name}{who}-{scheme}-{width}.png", full_page=True)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
