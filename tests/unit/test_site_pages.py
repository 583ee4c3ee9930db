"""The site: a number, zero or not known on every page, and the same bytes again."""

import gzip
import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import brotli
import geopandas
import numpy as np
import polars as pl
import pytest
from shapely.geometry import MultiPolygon, Point, box

from fixtures.small_judged import MONTHS, small_boundaries, small_country, small_judged
from geography.areas import Country
from publish import site
from publish.site.charts import trend_figure, trend_picture, trend_words
from publish.site.figures import Figure, Place, figures_of
from publish.site.map_figures import KINDS, force_files
from publish.site.messages import texts
from publish.site.pages import slug, templates
from publish.site.shapes import LABEL_HEIGHT, LABEL_WIDTH, OUTLINES, Boundaries, Map, Outlines, outlines_of
from publish.site.similar import similar_places
from publish.site.writing import Folder
from transforms.contracts.status import STATUS
from transforms.contracts.tables import Findings
from transforms.counting.editions import load_editions, load_worked_examples
from transforms.judging import judged as seal
from transforms.periods import Quarter
from transforms.quarter_rows import QuarterRows
from transforms.sums import Sums, of_areas, of_listed, of_outcomes


@pytest.fixture(scope="module")
def country():
    return small_country()


@pytest.fixture(scope="module")
def folder(country, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    site.build(small_judged(country), country, small_boundaries(country), MONTHS, folder)
    return folder


class Words(HTMLParser):
    """The text of a page, without its markup, titles of shapes included."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("href", "src") and value]

    def handle_data(self, data):
        self.words.append(data)


def read(path: Path) -> Words:
    parser = Words()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def text(path: Path) -> str:
    return re.sub(r"\s+", " ", " ".join(read(path).words))


def headline(page: str) -> list[str]:
    return re.findall(r"<dd>(.*?)</dd>", page)


def test_missing_force_is_not_known_on_every_line(folder):
    page = (folder / "mercaster/MC01/index.html").read_text()
    assert all("not known" in figure for figure in headline(page))
    assert len(re.findall(r'<path class="missing"', page)) == 5
    assert not re.search(r'<path class="(zero|s\d)', page)
    assert not re.search(r'<td class="n">0</td>', page.split("By kind of crime")[1])
    words = text(folder / "mercaster/MC01/index.html")
    assert "How much crime was recorded here in September 2019 is not known" in words
    assert "change of records system on 8 July 2019" in words
    assert "no figures from Greater Mercaster Police since July 2019" in words
    assert "The last month that is known is June 2019" in words


def test_crimes_of_another_force_never_fill_a_silent_neighbourhood(folder):
    words = text(folder / "mercaster/MC01/index.html")
    assert (
        "Other forces also recorded crimes or incidents here in September 2019: British Transport Police"
        in words
    )
    assert "not in the figures of Greater Mercaster Police" in words


def test_true_zero_is_shown_as_zero(folder):
    page = (folder / "northshire/NC02/index.html").read_text()
    assert re.search(r'<path class="zero"', page)
    assert "not known" not in headline(page)[0]
    assert re.search(r'<td class="n">0</td>', page)
    assert re.search(r"<title>[^<]*: 0 crimes</title>", page)
    assert "is not known</h2>" not in page


def test_short_month_is_a_number_that_says_so(folder):
    page = (folder / "eastmark/EM01/index.html").read_text()
    assert "in part" in headline(page)[0]
    assert "in part" in headline(page)[1], "a year with a short month is short"
    assert 'class="s2 short"' in page or 'class="s1 short"' in page
    assert "About 76% of the expected records came" in text(folder / "eastmark/EM01/index.html")


def test_totals_agree_with_the_judged_cells(country, folder):
    judged = small_judged(country)
    lsoas = country.lsoas.filter(pl.col("neighbourhood") == "NC01")["lsoa_code"].to_list()
    cells = judged.areas.collect().filter(
        pl.col("lsoa_code").is_in(lsoas),
        pl.col("month") == date(2019, 9, 1),
        pl.col("category").cast(pl.String) != "Anti-social behaviour",
    )
    page = (folder / "northshire/NC01/index.html").read_text()
    assert headline(page)[0] == f"{cells['count'].sum():,}"
    rows = (folder / "northshire/NC01/figures.csv").read_bytes().decode().split("\r\n")
    assert rows[0] == "month,kind,count,status,why"
    assert len(rows) == 2 + 14 * len(MONTHS)


def test_trend_breaks_at_a_gap_and_labels_it():
    months = MONTHS[:12]
    known = [Figure(10 + n, "complete") for n in range(12)]
    gap = [*known[:4], Figure(None, "missing"), Figure(None, "missing"), *known[6:11], Figure(3, "partial")]
    picture = trend_picture(gap, months, "A trend")
    line = re.search(r'class="line" d="([^"]*)"', picture)[1]
    assert line.count("M") == 2, "one stroke before the gap, one after"
    assert picture.count('class="gap"') == 1
    assert ">not known</text>" in picture
    assert 'class="ring"' in picture
    assert " 100.00" not in line, "the line never falls to zero"
    words = trend_words(gap, months)
    assert "Not known: February to March 2017." in words
    assert "Supplied in part: September 2017." in words
    assert "lowest month was October 2016 (10)" in words


def test_backlog_month_is_marked_as_recorded_late(country, tmp_path):
    whole = small_judged(country)
    backlog = Findings.validate(
        pl.DataFrame(
            {
                "finding": "W10:northshire:2019-05",
                "code": "W10",
                "severity": "sign-off",
                "level": "force",
                "force": "northshire",
                "area": None,
                "category": None,
                "first_month": date(2019, 5, 1),
                "last_month": date(2019, 5, 1),
                "observed": 400.0,
                "expected": 250.0,
                "low": None,
                "high": None,
                "sentence": "A sentence for checkers.",
                "next_steps": "Ask.",
            }
        ),
        cast=True,
    )
    late = seal(whole.offences, whole.areas, whole.verdicts, backlog, whole.crimes)
    site.build(late, country, small_boundaries(country), MONTHS, tmp_path / "site")
    page = (tmp_path / "site/northshire/NC01/index.html").read_text()
    assert page.count(">recorded late</text>") == 1
    assert re.search(r'data-month="2019-05-01" data-late>', page)
    assert "Recorded late: May 2019 holds crimes of earlier months." in page
    assert "A sentence for checkers" not in page
    assert "recorded late" not in (tmp_path / "site/eastmark/EM01/index.html").read_text()


def test_plotly_figure_leaves_gaps_open():
    figure = json.loads(trend_figure())
    assert figure["data"][0]["connectgaps"] is False
    assert "y" not in figure["data"][0]


def test_names_are_escaped_and_ids_are_safe_paths(folder):
    page = (folder / "northshire/NC03/index.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert slug("NC01") == "NC01"
    assert re.fullmatch(r"NC-05-[0-9a-f]{8}", slug("NC 05/é"))
    assert slug("../../etc") != slug("..-..-etc")
    assert len(slug("x" * 300)) < 80
    assert (folder / "northshire" / slug("NC 05/é") / "index.html").exists()


def test_no_population_and_no_boundary_is_a_page_all_the_same(folder):
    words = text(folder / "northshire" / slug("NC 05/é") / "index.html")
    assert "does not apply" in words
    assert "There is no boundary to draw for this neighbourhood" in words


def test_every_link_leads_somewhere_and_nothing_is_fetched_from_elsewhere(folder):
    for path in folder.rglob("*.html"):
        for link in read(path).links:
            assert "//" not in link, f"{path}: {link}"
            if link.startswith(("#", "feeds/")) or "/feeds/" in link:
                continue
            base = folder if link.startswith("/") else path.parent
            target = (base / link.lstrip("/").split("#")[0]).resolve()
            assert (target / "index.html").exists() or target.is_file(), f"{path}: {link}"


def test_pages_are_light_and_compressed_copies_are_the_same(folder):
    style = next((folder / "assets").glob("site.*.css.gz")).stat().st_size
    for path in folder.rglob("*/index.html"):
        beside = path.with_name("index.html.gz")
        assert gzip.decompress(beside.read_bytes()) == path.read_bytes()
        assert brotli.decompress(path.with_name("index.html.br").read_bytes()) == path.read_bytes()
        assert beside.stat().st_size + style < 60_000


def test_same_input_gives_the_same_bytes(country, folder, tmp_path):
    again = tmp_path / "site"
    site.build(small_judged(country), country, small_boundaries(country), MONTHS, again)
    first = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    second = {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()}
    assert first == second


def test_hole_changes_no_page_of_another_force(country, folder, tmp_path):
    holed = small_judged(country, hole=("eastmark", date(2019, 9, 1)))
    site.build(holed, country, small_boundaries(country), MONTHS, tmp_path / "site")
    page = (tmp_path / "site/eastmark/EM01/index.html").read_text()
    assert all("not known" in figure for figure in headline(page))
    assert "not supplied" in text(tmp_path / "site/supplied/index.html")
    for name in ("northshire/NC02/figures.csv", "mercaster/MC01/figures.csv"):
        assert (folder / name).read_bytes() == (tmp_path / "site" / name).read_bytes()


def test_home_names_what_is_lacking_and_search_marks_it(folder):
    words = text(folder / "index.html")
    assert "September 2019: 2 of 4 forces supplied in full" in words
    assert "Greater Mercaster Police : not supplied since July 2019" in words
    index = json.loads(next((folder / "assets").glob("search.*.json")).read_text())
    known = {name: known for name, *_, known in index["places"]}
    assert known["Piccadilly"] == 0
    assert known["City Centre"] == 1


def test_completeness_page_has_a_cell_for_every_file_and_month(country, folder):
    page = (folder / "supplied/index.html").read_text()
    cells = re.findall(r'<td class="(\w*)"[^>]*><span aria-hidden', page)
    judged = small_judged(country).verdicts.get_column("status").cast(pl.String).to_list()
    assert len(cells) == len(judged)
    assert {state: cells.count(state) for state in set(cells)} == {
        state: judged.count(state) for state in set(judged)
    }


def test_month_that_nobody_owed_is_not_a_zero(country):
    whole = small_judged(country)
    later = pl.col("month") > date(2019, 1, 1)
    short = seal(
        whole.offences,
        whole.areas.collect().filter(later),
        whole.verdicts.filter(later),
        whole.findings,
        whole.crimes.collect().filter(later),
    )
    place = figures_of(short, country, MONTHS).neighbourhoods("northshire")["NC01"]
    assert place.trend[0].count is None
    assert place.year.count is None, "eight months are no year"
    assert place.latest.count > 0


def test_absent_cell_is_refused_not_added_up_without(country):
    whole = small_judged(country)
    areas = whole.areas.collect().filter(
        (pl.col("lsoa_code") != "E01990003") | (pl.col("category").cast(pl.String) != "Robbery")
    )
    lost = seal(whole.offences, areas, whole.verdicts, whole.findings, whole.crimes)
    with pytest.raises(ValueError, match="cells where"):
        figures_of(lost, country, MONTHS)


def with_area_held(whole, lsoa):
    """The judged tables with every figure of one LSOA in September 2019 held, and no crime of it listed."""
    here = (pl.col("lsoa_code") == lsoa) & (pl.col("month") == date(2019, 9, 1))
    areas = whole.areas.collect().with_columns(
        count=pl.when(~here).then("count"),
        status=pl.when(here)
        .then(pl.lit("unjudged"))
        .otherwise(pl.col("status").cast(pl.String))
        .cast(STATUS),
    )
    crimes = whole.crimes.collect().filter(~here.fill_null(False))
    return seal(whole.offences, areas, whole.verdicts, whole.findings, crimes)


def test_one_unknown_cell_makes_its_neighbourhood_unknown(country):
    whole = small_judged(country)
    lsoa = country.lsoas.filter(pl.col("neighbourhood") == "NC01")["lsoa_code"][0]
    held = with_area_held(whole, lsoa)
    found = figures_of(held, country, MONTHS).neighbourhoods("northshire")
    place = found["NC01"]
    assert place.latest == Figure(None, "unjudged")
    assert place.year.count is None
    assert sum(area.crimes.count is None for area in place.areas) == 1
    assert found["NC02"].latest.count is not None


def force_file(folder: Path, month: str, force: str) -> dict:
    return json.loads((folder / f"map/{month}/{force}.json").read_text())


def test_map_files_hold_every_month_and_kind_and_leave_out_what_is_not_known(country, folder):
    judged = small_judged(country)
    silent = force_file(folder, "2019-07", "mercaster")
    assert (silent["status"], silent["kinds"]) == ("missing", {})
    assert "change of records system" in silent["why"]
    assert force_file(folder, "2019-09", "eastmark")["status"] == "partial"
    known = force_file(folder, "2019-06", "mercaster")
    lsoas = country.lsoas.filter(pl.col("force") == "mercaster")["lsoa_code"].sort().to_list()
    cells = judged.areas.collect().filter(
        pl.col("month") == date(2019, 6, 1), pl.col("lsoa_code").is_in(lsoas)
    )
    for number, kind in enumerate(KINDS):
        of_kind = pl.col("category").cast(pl.String) == kind
        if kind == "All crime":
            of_kind = pl.col("category").cast(pl.String) != "Anti-social behaviour"
        found = cells.filter(of_kind).group_by("lsoa_code").agg(pl.col("count").sum()).sort("lsoa_code")
        assert known["kinds"][str(number)] == found["count"].to_list(), kind


def test_national_map_files_have_null_for_every_place_of_a_silent_force(country, folder):
    index = json.loads((folder / "map/index.json").read_text())
    search = json.loads(next((folder / "assets").glob("search.*.json")).read_text())
    for kind in range(len(index["kinds"])):
        figures = json.loads((folder / f"map/2019-09/kind-{kind}.json").read_text())
        for force, count in zip(index["forces"], figures["forces"], strict=True):
            assert (count is None) == (force["slug"] == "mercaster")
        for place, count in zip(search["places"], figures["neighbourhoods"], strict=True):
            silent = index["forces"][place[2]]["slug"] == "mercaster"
            assert (count is None) == silent
    assert figures["forces"][[force["slug"] for force in index["forces"]].index("northshire")] > 0


def test_one_unknown_area_keeps_the_others_in_their_places_on_the_map(country):
    whole = small_judged(country)
    lsoas = country.lsoas.filter(pl.col("force") == "northshire").sort("lsoa_code")
    unknown = lsoas["lsoa_code"][1]
    held = with_area_held(whole, unknown)
    cells = figures_of(held, country, MONTHS).cells.of_forces(["northshire"])["northshire"]
    placed = cells.filter(pl.col("place").is_not_null())
    ((_, text),) = force_files(placed, lsoas.height, {}, MONTHS[-1:])
    kinds = json.loads(text)["kinds"]
    assert len(kinds) == 15
    assert all(kind[1] is None for kind in kinds.values())
    assert all(count is not None for kind in kinds.values() for count in [kind[0], *kind[2:]])


def test_kind_that_a_force_does_not_owe_is_neither_zero_nor_missing(country, tmp_path):
    whole = small_judged(country)
    areas = whole.areas.collect().filter(pl.col("category").cast(pl.String) != "Anti-social behaviour")
    crimes_only = seal(whole.offences, areas, whole.verdicts, whole.findings, whole.crimes)
    site.build(crimes_only, country, small_boundaries(country), MONTHS, tmp_path / "site")
    path = tmp_path / "site/northshire/NC01/index.html"
    assert "counted apart from crime not part of what the force supplies" in text(path)
    assert "not known" not in "".join(headline(path.read_text()))
    figures = force_file(tmp_path / "site", "2019-09", "northshire")
    assert figures["not_owed"] == [1]
    assert sorted(figures["kinds"], key=int) == [str(kind) for kind in range(15) if kind != 1]


def test_force_map_leads_to_its_neighbourhoods_and_shows_a_silent_force_whole(folder):
    page = (folder / "mercaster/index.html").read_text()
    shapes = re.findall(r'<a href="([^"]+)" aria-label="([^"]+)"><path class="([^"]+)"', page)
    assert shapes == [
        ("MC01/", "Piccadilly: not known", "missing"),
        ("MC02/", "Canal Street: not known", "missing"),
    ]
    page = (folder / "northshire/index.html").read_text()
    assert 'aria-label="Quiet Valley &amp; O’Hara’s Farm: 0 crimes"><path class="zero"' in page


def test_no_label_of_a_map_lies_over_another():
    columns, rows = 12, 3
    squares = [box(x, y, x + 1, y + 1) for x in range(columns) for y in range(rows)]
    keys = list(range(len(squares)))
    drawn = Outlines(keys, np.array(squares)).drawn(keys)
    labels = [(shape.x, shape.y) for shape in drawn.shapes if shape.has_room]
    assert 5 < len(labels) < len(squares)
    for number, (x, y) in enumerate(labels):
        assert all(abs(x - a) >= LABEL_WIDTH or abs(y - b) >= LABEL_HEIGHT for a, b in labels[:number])


def same_files(one: Path, other: Path) -> dict[str, Path]:
    """The files of a folder by their place in it, after a look at whether they are those of another."""
    first, second = (
        {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.is_file()}
        for place in (one, other)
    )
    assert first.keys() == second.keys()
    assert [name for name in first if first[name].read_bytes() != second[name].read_bytes()] == []
    return first


def outlines(boundaries, lsoas, folder, earlier=None) -> Boundaries:
    with Folder(folder, earlier) as files:
        return outlines_of(boundaries, lsoas, files)


def test_boundary_in_seven_pieces_with_a_hole_is_drawn(tmp_path):
    islands = MultiPolygon([box(n, 52, n + 0.5, 52.2) for n in range(-6, 1)])
    ring = Point(-1, 53).buffer(0.3).difference(Point(-1, 53).buffer(0.1))
    frame = geopandas.GeoDataFrame(
        {"lsoa_code": ["A", "B", "C"]}, geometry=[islands, ring, None], crs="EPSG:4326"
    )
    lsoas = pl.DataFrame({"lsoa_code": ["A", "B", "C"], "force": "northshire"})
    areas = outlines(frame, lsoas, tmp_path).lsoas()
    drawn = areas.drawn(["A", "B", "C", "D"])
    paths = {shape.key: shape.path for shape in drawn.shapes}
    assert paths["A"].count("z") == 7
    assert paths["B"].count("z") == 2
    assert set(paths) == {"A", "B"}
    assert areas.drawn(["C"]) is None


def drawing(boundaries: Boundaries, country: Country) -> list[Map | None]:
    levels = (boundaries.lsoas(), boundaries.neighbourhoods(country.lsoas), boundaries.forces())
    return [level.drawn(list(level.index)) for level in levels]


def test_outlines_of_the_same_are_not_made_again(country, tmp_path, monkeypatch):
    boundaries = small_boundaries(country)
    first = outlines(boundaries, country.lsoas, tmp_path / "first")
    monkeypatch.setattr("publish.site.shapes.simplify", None)
    second = outlines(boundaries, country.lsoas, tmp_path / "second", tmp_path / "first")
    assert (tmp_path / "second" / OUTLINES).samefile(tmp_path / "first" / OUTLINES)
    assert drawing(second, country) == drawing(first, country)
    same_files(tmp_path / "second", tmp_path / "first")


@pytest.mark.parametrize(
    "change",
    [
        lambda boundaries, lsoas: (boundaries.set_geometry(boundaries.geometry.translate(xoff=0.001)), lsoas),
        lambda boundaries, lsoas: (boundaries.to_crs(27700).set_crs(2157, allow_override=True), lsoas),
        lambda boundaries, lsoas: (boundaries.iloc[1:], lsoas),
        lambda boundaries, lsoas: (
            boundaries.assign(lsoa_code=boundaries["lsoa_code"].to_list()[::-1]),
            lsoas,
        ),
        lambda boundaries, lsoas: (boundaries, lsoas.with_columns(force=pl.lit("northshire"))),
    ],
    ids=["moved", "in another system", "one lost", "under other codes", "of another force"],
)
def test_outlines_of_another_country_are_made_anew(country, tmp_path, change):
    boundaries = small_boundaries(country)
    outlines(boundaries, country.lsoas, tmp_path / "first")
    other = change(boundaries, country.lsoas)
    after = outlines(*other, tmp_path / "after", tmp_path / "first")
    anew = outlines(*other, tmp_path / "anew")
    assert (tmp_path / "after" / OUTLINES).read_bytes() != (tmp_path / "first" / OUTLINES).read_bytes()
    assert drawing(after, country) == drawing(anew, country)
    same_files(tmp_path / "after", tmp_path / "anew")


def test_outlines_by_other_code_are_made_anew(country, tmp_path, monkeypatch):
    boundaries = small_boundaries(country)
    outlines(boundaries, country.lsoas, tmp_path / "first")
    monkeypatch.setattr("publish.site.shapes.code_of", lambda package: f"another {package}".encode())
    outlines(boundaries, country.lsoas, tmp_path / "after", tmp_path / "first")
    assert not (tmp_path / "after" / OUTLINES).samefile(tmp_path / "first" / OUTLINES)


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"E", b"F")),
    ],
    ids=["gone", "empty", "cut", "altered"],
)
def test_outlines_that_have_come_to_harm_are_made_anew(country, tmp_path, damage):
    boundaries = small_boundaries(country)
    for name in ("whole", "first"):
        outlines(boundaries, country.lsoas, tmp_path / name)
    damage(tmp_path / "first" / OUTLINES)
    outlines(boundaries, country.lsoas, tmp_path / "after", tmp_path / "first")
    same_files(tmp_path / "after", tmp_path / "whole")


def test_the_methodology_of_counting_is_published_from_its_worked_examples(folder):
    words = text(folder / "counting/index.html")
    editions = load_editions()
    assert [rule for rule in editions.rules["sentence"] if rule not in words] == []
    assert [
        each["id"] for each in load_worked_examples() if f"{each['id']}. {each['title']}" not in words
    ] == []
    assert "../counting/" in read(folder / "about/index.html").links


def test_outcomes_are_those_of_the_crimes_of_the_year(country, folder):
    words = text(folder / "northshire/NC01/index.html")
    judged = small_judged(country)
    lsoas = country.lsoas.filter(pl.col("neighbourhood") == "NC01")["lsoa_code"].to_list()
    crimes = judged.crimes.collect().filter(
        pl.col("lsoa_code").is_in(lsoas),
        pl.col("force") == "northshire",
        pl.col("month") > date(2018, 9, 1),
        pl.col("category").cast(pl.String) != "Anti-social behaviour",
    )
    assert f"Under investigation {crimes.height:,}" in words
    silent = text(folder / "mercaster/MC01/index.html")
    assert "Months that are not known are not in this table." in silent


def test_similar_neighbourhoods_are_near_in_density():
    def place(number: int, people: int | None, count: int | None) -> Place:
        year = Figure(count, "complete" if count is not None else "missing")
        return Place("f", f"N{number}", f"N{number}", "", "", people, [year], year, {})

    places = {f"N{n}": place(n, 100 * 2**n, 10 * n) for n in range(14)}
    places["N14"] = place(14, None, 5)
    found = similar_places(places, dict.fromkeys(places, 1000000.0))
    assert "N14" not in found, "nobody lives there"
    assert [key for key, _ in found["N6"].companions[:4]] == ["N5", "N7", "N4", "N8"]
    assert len(found["N6"].companions) == 10
    assert found["N6"].median is not None
    unknown = {**places, "N5": place(5, 3200, None)}
    assert similar_places(unknown, dict.fromkeys(unknown, 1000000.0))["N6"].median is None
    alone = {"N0": place(0, 100, 1)}
    assert similar_places(alone, {"N0": 1000000.0}) == {}, "alone in its force"


def test_page_of_what_changed_tells_gaps_and_their_end(folder):
    words = text(folder / "changes/index.html")
    assert "July 2019 , Greater Mercaster Police : not supplied" in words
    assert "September 2019 , Eastmark Constabulary : short" in words
    gone = text(folder / "northshire/404.html")
    assert "Northshire Police has no neighbourhood at this address" in gone


def test_every_text_is_in_the_catalogue_and_no_template_has_text_outside_it():
    catalogue = json.loads((resources.files("publish.site.messages") / "catalogue.json").read_text("utf-8"))
    assert sorted(catalogue) == texts(templates()), "run python -m publish.site.messages"
    for template in (resources.files("publish.site") / "templates").iterdir():
        bare = re.sub(r"\{%-?\s*trans.*?endtrans\s*-?%\}", "", template.read_text("utf-8"), flags=re.DOTALL)
        bare = re.sub(r"\{[{%#].*?[}%#]\}", "", bare, flags=re.DOTALL)
        bare = re.sub(r"<code>.*?</code>|<svg.*?</svg>|<[^>]*>", "", bare, flags=re.DOTALL)
        words = [word for word in re.findall(r"[A-Za-z]{2,}", bare) if word not in BARE]
        assert words == [], template.name


#: Words that are the same in every language: names of files.
BARE = {"availability", "csv", "latest", "zip", "SHA", "SUMS"}


def test_site_speaks_another_language_where_it_has_the_words(country, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no catalogue of the language xx"):
        site.build(small_judged(country), country, small_boundaries(country), MONTHS, tmp_path, language="xx")
    assert not any(tmp_path.iterdir())


def test_build_beside_an_earlier_one_makes_only_what_changed_and_the_same_bytes(
    country, folder, tmp_path, monkeypatch
):
    holed = small_judged(country, hole=("eastmark", date(2018, 9, 1)))
    boundaries = small_boundaries(country)
    with monkeypatch.context() as patch:
        patch.setattr("publish.site.shapes.simplify", None)  # The outlines are there.
        site.build(holed, country, boundaries, MONTHS, tmp_path / "after", earlier=folder)
    site.build(holed, country, boundaries, MONTHS, tmp_path / "anew")
    after = same_files(tmp_path / "after", tmp_path / "anew")
    shared = {name for name, path in after.items() if path.stat().st_nlink > 1}
    assert {
        "outlines.parquet",
        *(name for name in after if re.match(r"assets/(areas|plotly)", name)),
    } <= shared
    assert {"northshire/NC01/index.html", "mercaster/404.html", "map/2018-10.pmtiles"} <= shared
    assert {"map/2018-09/northshire.json", "map/2018-10/kind-0.json"} <= shared
    assert not any("eastmark" in name for name in shared)
    assert not any(name.startswith(("map/2018-09/kind-", "map/2018-09.")) for name in shared)


def test_areas_of_a_quarter_that_stands_are_not_read(country, folder, tmp_path):
    """Of a build in which nothing differs only the latest quarter is looked at by area."""
    whole = small_judged(country)
    added = Sums(
        QuarterRows.of(of_areas(whole.areas.lazy(), country.lsoas)),
        QuarterRows.of(of_listed(whole.crimes.lazy())),
        QuarterRows.of(of_outcomes(whole.crimes.lazy(), country.lsoas)),
    )
    read = []

    def told(quarter: Quarter, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.map_batches(lambda frame: read.append(quarter) or frame)

    areas = replace(whole.areas, parts={each: told(each, rows) for each, rows in whole.areas.parts.items()})
    watched = replace(whole, areas=areas, sums=added)
    site.build(watched, country, small_boundaries(country), MONTHS, tmp_path / "site", earlier=folder)
    assert set(read) == {Quarter.of(MONTHS[-1])}
    assert len(whole.areas.parts) > 1
    pages = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert [
        path for path in pages if (tmp_path / "site" / path).read_bytes() != (folder / path).read_bytes()
    ] == []
