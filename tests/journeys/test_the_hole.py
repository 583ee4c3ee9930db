"""A gap is never published as a zero: one file taken away, one true zero, one silent force with busy neighbours."""

from __future__ import annotations

import gzip
import html
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import mapbox_vector_tile
import numpy as np
import polars as pl
import pytest
from pmtiles.reader import MmapSource, all_tiles

from fixtures.scenarios import HOLE, SILENT, ZERO
from tests.journeys.statements import FINGERPRINT, statements
from transforms.contracts.status import SHORTHAND, Status

pytestmark = pytest.mark.xdist_group("the hole")

FORCE, MONTH = HOLE
AREA = "Northmoor and Vale"
#: The areas that it is part of, by name.
ANCESTORS = ["England and Wales", "England", "East Bank"]
#: A quarter for which the hole is the latest month, and the latest, for which it lies in the year.
QUARTERS = ["2019-Q1", "2019-Q4"]
NEWEST = {"2019-Q1": "2019-03", "2019-Q2": "2019-06", "2019-Q4": "2019-12"}

#: What the map and the API read of the month of the hole, compared by itself; how many files an update brought.
COMPARED = (
    f"site/map/{MONTH}/kind-",
    f"site/map/{MONTH}.pmtiles",
    f"api/crimes/{MONTH}/",
    "api/outcomes/",
    "feeds/changes.xml",
)
#: What a manifest and an index say of where things are, and not of what they are.
WHEREABOUTS = ("/made_from/", "/behind/", f"/layers/crimes/{MONTH}/", "/layers/outcomes/")
#: Sentences on the whole release: how many files are new, and that nothing at all is lacking.
OF_THE_WHOLE = ("/items//title: ", "<p>Nothing changed: every force supplied every month")

Runs = Callable[..., Any]


@pytest.fixture(scope="module")
def complete(ran: Runs) -> Any:
    return ran("complete", *QUARTERS)


@pytest.fixture(scope="module")
def hole(ran: Runs) -> Any:
    return ran("hole", *QUARTERS)


# The tables ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["judged_offences", "judged_areas"])
def test_only_the_cells_of_the_hole_differ(complete: Any, hole: Any, table: str) -> None:
    before, after = complete.table(table), hole.table(table)
    key = [name for name in before.columns if name not in ("count", "status")]
    assert after.select(key).sort(key).equals(before.select(key).sort(key)), (
        "the grid is the register's, not the data's"
    )
    both = before.join(after, on=key, how="full", suffix="_after", coalesce=True)
    differ = both.filter(
        pl.col("count").ne_missing(pl.col("count_after")) | (pl.col("status") != pl.col("status_after"))
    )
    assert differ["force", "month"].unique().rows() == [(FORCE, MONTH)]
    assert differ.height == before.filter(force=FORCE, month=MONTH).height > 0
    assert differ["count_after"].null_count() == differ.height
    assert differ["status_after"].cast(pl.String).unique().to_list() == ["missing"]


def test_the_verdict_names_the_file(complete: Any, hole: Any) -> None:
    assert complete.not_complete() == set()
    assert hole.not_complete() == {tuple(cell) for cell in hole.expected["not_complete"]}
    verdict = hole.table("verdicts").filter(force=FORCE, month=MONTH).row(0, named=True)
    assert verdict["since"] == MONTH
    assert verdict["reason"] == "nothing was supplied for this month"


@pytest.mark.parametrize("scenario", ["complete", "hole"])
def test_the_judged_figures_are_the_crimes_that_happened(ran: Runs, scenario: str) -> None:
    came = ran(scenario)
    counted = (
        came.table("judged_offences")
        .filter(pl.col("count").is_not_null())
        .group_by("force", "month")
        .agg(pl.col("count").sum())
    )
    found = {f"{force} {month}": count for force, month, count in counted.rows()}
    assert found == came.expected["counted"]


# The bytes -------------------------------------------------------------------------------------------------------


def speaks_of_the_hole(statement: str, came: Any) -> bool:
    """Whether a statement names the force, or the month and no other force, or gives no figure at all."""
    if FORCE in statement or AREA in statement:
        return True
    if not re.search(r"\d", re.sub(r"<[^>]*>|#", "", statement)):
        return True
    forces = pl.read_csv(came.made / "country" / "forces.csv")
    others = [*forces["force"], *forces["name"]]
    is_month = MONTH in statement or "March 2019" in statement
    return is_month and not any(other in statement for other in others)


def changed_statements(complete: Any, hole: Any, quarter: str) -> dict[str, Counter[str]]:
    """What the two releases state differently, by file; a file that only one of them has, as its name.

    The figures of the return and of the map are compared cell by cell below, in every form.
    """
    releases = [came.release(quarter) for came in (complete, hole)]
    before, after = (
        {
            FINGERPRINT.sub("#", path.relative_to(folder).as_posix()): path
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in releases
    )
    changed = {}
    for name in before.keys() | after.keys():
        if name.startswith(("returns/", *COMPARED)):
            continue
        if name not in before or name not in after:
            changed[name] = Counter([name])
        elif (was := before[name].read_bytes()) != (now := after[name].read_bytes()):
            one, other = statements(name, was), statements(name, now)
            changed[name] = (one - other) + (other - one)
    return changed


def not_about_the_hole(changed: dict[str, Counter[str]], came: Any) -> dict[str, list[str]]:
    """The statements that changed and speak of something else, by file. The manifest says what it was made from."""
    found = {
        name: [
            each
            for each in stated
            if not speaks_of_the_hole(each, came) and not each.startswith((*WHEREABOUTS, *OF_THE_WHOLE))
        ]
        for name, stated in changed.items()
        if FORCE not in name
    }
    return {name: stated for name, stated in found.items() if stated}


def test_nothing_changes_that_does_not_speak_of_the_hole(complete: Any, hole: Any) -> None:
    """A year later: every other line of every file has the same bytes, but for totals that the force is left out of."""
    changed = changed_statements(complete, hole, "2019-Q4")
    assert not_about_the_hole(changed, hole) == {}
    before, after = complete.files("2019-Q4"), hole.files("2019-Q4")
    assert f"feeds/{MONTH}/{MONTH}-{FORCE}-street.csv" in set(before) - set(after)
    assert all(FORCE in name and MONTH in name for name in before.keys() ^ after.keys())
    own_pages = {name for name in after if name.startswith(f"site/{FORCE}/") and name.endswith("index.html")}
    assert own_pages <= changed.keys(), "every page of the force shows the month"
    assert {"site/index.html", "site/supplied/index.html", "feeds/availability.csv"} <= changed.keys()


def test_in_the_month_itself_pages_of_other_places_keep_every_figure(complete: Any, hole: Any) -> None:
    """When the hole is the newest month, the shades of all maps are drawn from the figures that are left."""
    changed = changed_statements(complete, hole, "2019-Q1")
    assert {"site/index.html", "site/download/index.html"} <= changed.keys(), "every force is told here"
    for name, stated in changed.items():
        if name.startswith("site/"):
            changed[name] = without_scale(name, stated)
    assert not_about_the_hole(changed, hole) == {}


def without_scale(name: str, changed: Counter[str]) -> Counter[str]:
    """What differs besides what the whole country shares in its newest month.

    The scale of shades (its key, and the shade of an area), whether the search list calls a place known, and the
    sentence on what other forces recorded in a place, which no longer names this one. What is written on the map
    of the country is in its table too.
    """
    if name.startswith(("site/map/index.json", "site/built.json")):
        return Counter()
    left: Counter[str] = Counter()
    for each, times in changed.items():
        if re.search(r'<li>.*<rect class="s[1-5]"|<p class="elsewhere">|class="on-map"', each):
            continue
        each = re.sub(r'class="s[1-5]( short)?"', "", each)
        if name.startswith("site/assets/search."):
            each = re.sub(r"[01]\]$", "]", each)
        left[each] += times
    # What is left the same in both releases is there twice.
    return Counter({each: times for each, times in left.items() if times % 2})


def rows_of_the_api(
    came: Any, quarter: str, kind: str = "crimes", month: str = MONTH
) -> dict[str, Counter[bytes]]:
    """Every crime, or outcome of one, that the API tells of a month, as it tells it, by force."""
    index = json.loads(came.read("api/index.json", quarter))
    forces = index["layers"][kind][month]["forces"]
    folder = came.release(quarter) / "api" / kind / month
    ends, force = np.load(folder / "row_at.npy"), np.load(folder / "force.npy")
    told = (folder / "text.bin").read_bytes()
    found: dict[str, Counter[bytes]] = {name: Counter() for name in forces}
    for number, start, end in zip(force, ends[:-1], ends[1:], strict=True):
        # The number of a crime is its row, which holds within one release only; its lasting id is beside it.
        found[forces[number]][re.sub(rb'"id":\d+,"location_subtype"', b"", told[start:end])] += 1
    return found


def crimes_by_id(came: Any, quarter: str) -> set[tuple[int, str, int]]:
    """The key, month and row of every crime of another month that the API finds by its id."""
    months = json.loads(came.read("api/index.json", quarter))["months"]
    folder = came.release(quarter) / "api" / "crimes"
    return {
        (int(key), month, int(row))
        for month in months
        if month != MONTH
        for key, row in np.load(folder / month / "ids.npy").T
    }


@pytest.mark.parametrize("quarter", QUARTERS)
def test_the_api_tells_every_other_crime_as_before(complete: Any, hole: Any, quarter: str) -> None:
    before, after = rows_of_the_api(complete, quarter), rows_of_the_api(hole, quarter)
    assert before.pop(FORCE).total() > 50
    assert after == before
    assert crimes_by_id(hole, quarter) == crimes_by_id(complete, quarter)


@pytest.mark.parametrize("quarter", QUARTERS)
def test_the_api_tells_every_other_outcome_as_before(complete: Any, hole: Any, quarter: str) -> None:
    """Of the force nothing is told of its month; what it tells of later ones may be short, and is called partial."""
    months = json.loads(complete.read("api/index.json", quarter))["layers"]["outcomes"]
    for month in months:
        before, after = (rows_of_the_api(came, quarter, "outcomes", month) for came in (complete, hole))
        was, now = before.pop(FORCE), after.pop(FORCE, Counter())
        assert after == before, month
        assert was.total() > 0 and (now.total() == 0) == (month == MONTH), month
    table = pl.read_csv(hole.release(quarter) / "feeds" / "availability.csv", infer_schema=False)
    told = table.filter(force=FORCE, file="outcomes")
    states = dict(told.select("month", "state").iter_rows())
    assert states.pop(MONTH) == "not supplied"
    assert all(states[month] == "partial" for month in states if month > MONTH)


@pytest.mark.parametrize("stem", ["community-safety-partnerships", "outcomes"])
def test_in_the_other_tables_only_the_force_and_what_holds_it_change(
    complete: Any, hole: Any, stem: str
) -> None:
    key = ["table", "area", "category"]
    before, after = (
        pl.read_csv(
            came.release("2019-Q4") / "returns" / f"{stem}-2019-Q4.csv",
            schema_overrides={"value": pl.Float64, "notes": pl.String},
        )
        for came in (complete, hole)
    )
    assert after.select(key).equals(before.select(key))
    changed = after.join(before, on=key, suffix=" before").filter(
        pl.col("value").ne_missing(pl.col("value before")) | (pl.col("status") != pl.col("status before"))
    )
    own = changed.filter(pl.col("area").str.split("/").list.first() == FORCE)
    assert own.height > 0 and set(own["status"]) <= {"missing", "not applicable"}
    assert set(changed["area"]) - set(own["area"]) <= set(ANCESTORS)
    # A total that is zero now is a true zero of the others, and its name says whom it leaves out.
    zeros = changed.filter(pl.col("measure") == "count", pl.col("value") == 0, pl.col("value before") != 0)
    assert all(f"excluding {AREA}" in name for name in zeros["area_name"])


@pytest.mark.parametrize("stem", ["prc-pfa", "prc-csp", "prc-outcomes"])
def test_in_the_long_tables_the_quarter_of_the_force_is_not_provided(
    complete: Any, hole: Any, stem: str
) -> None:
    before, after = (
        pl.read_csv(came.release("2019-Q4") / "returns" / f"{stem}-2019-Q4.csv", infer_schema=False)
        for came in (complete, hole)
    )
    later = [name for name in after.columns if "closed" in name]
    short = after.filter(pl.any_horizontal(False, *(after[name] != before[name] for name in later)))
    # Later quarters too lack the outcomes that crimes of the month were given in them, and say so.
    assert set(short.select(later).to_series() if later else []) <= {"N/A - data not provided"}
    assert set(short[short.columns[2]]) <= {AREA} and bool(later) == (short.height > 0)
    before, after = before.drop(later), after.drop(later)
    changed = after.filter(pl.any_horizontal(after[name] != before[name] for name in after.columns))
    assert set(changed[changed.columns[2]]) == {AREA}
    assert changed.select("Financial Year", "Financial Quarter").unique().rows() == [("2018/19", "4")]
    figures = [name for name in changed.columns if "Number" in name or "Count" in name]
    assert set(changed.select(figures).to_series()) == {"N/A - data not provided"}


@pytest.mark.parametrize("quarter", QUARTERS)
def test_what_is_told_of_the_tables_changes_only_where_it_speaks_of_the_hole(
    complete: Any, hole: Any, quarter: str
) -> None:
    """CSV on the Web, data packages and catalogue entries, sentence by sentence, whatever number a note has."""
    before, after = (
        {
            path.name: Counter(_sentences(path.name, path.read_bytes()))
            for path in (came.release(quarter) / "returns").iterdir()
            if path.name.endswith(("metadata.json", "datapackage.json", ".jsonld"))
        }
        for came in (complete, hole)
    )
    assert before.keys() == after.keys() and len(after) > 5
    changed = {name: (before[name] - after[name]) + (after[name] - before[name]) for name in after}
    assert any(changed.values()), "the return says whom its totals leave out"
    left = not_about_the_hole(changed, hole)
    assert {each for stated in left.values() for each in stated if not each.endswith(WHOLE)} == set()


#: What a table says when it holds everyone, as none over the hole does.
WHOLE = "Every police force is included."


def _sentences(name: str, content: bytes) -> list[str]:
    """What a description states, sentence by sentence; a note is about one thing whatever number it has."""
    found: list[str] = []
    for each in statements(name, content).elements():
        if each.startswith("/notes/"):
            found.append(re.sub(r'"note": \d+', '"note": #', each))
        else:
            found += re.split(r"(?<=\.) ", each)
    return found


def test_the_map_shows_every_other_place_as_before(complete: Any, hole: Any) -> None:
    """In what the map reads, the force and its neighbourhoods turn to null; no other figure and point changes."""
    forces = [force["slug"] for force in json.loads(hole.read("site/map/index.json"))["forces"]]
    (search,) = [name for name in hole.files("2019-Q4") if re.search(r"assets/search\.\w+\.json$", name)]
    owners = [forces[place[2]] for place in json.loads(hole.read(search))["places"]]
    for kind in range(15):
        name = f"site/map/{MONTH}/kind-{kind}.json"
        before, after = json.loads(complete.read(name)), json.loads(hole.read(name))
        for level, of in (("forces", forces), ("neighbourhoods", owners)):
            kept = [None if force == FORCE else count for force, count in zip(of, before[level], strict=True)]
            assert after[level] == kept, name
    figures = json.loads(hole.read(f"site/map/{MONTH}/{FORCE}.json"))
    assert figures["status"] == "missing"
    assert figures["why"] == "nothing was supplied for this month"
    assert figures["kinds"] == {}
    before, after = on_the_map(complete), on_the_map(hole)
    assert after == {point: n for point, n in before.items() if point[-2] != FORCE}
    assert len(before) > len(after) > 0


def on_the_map(came: Any) -> dict[tuple[Any, ...], int]:
    """Crimes of the month on the street-level tiles: tile, place, kind, recording force, and their number."""
    found = {}
    with (came.release("2019-Q4") / f"site/map/{MONTH}.pmtiles").open("rb") as file:
        for tile, content in all_tiles(MmapSource(file)):
            for feature in mapbox_vector_tile.decode(gzip.decompress(content)).get(
                "points", {"features": []}
            )["features"]:
                known = feature["properties"]
                place = (
                    tile,
                    *feature["geometry"]["coordinates"],
                    known["at"],
                    known["kind"],
                    known["by"],
                    known["of"],
                )
                found[place] = known["n"]
    return found


def test_the_archive_holds_what_the_folder_holds(complete: Any, hole: Any) -> None:
    before, after = complete.archive(), hole.archive()
    files = {f"{MONTH}/{MONTH}-{FORCE}-{kind}.csv" for kind in ("street", "outcomes")}
    assert set(before) - set(after) == files
    # Later outcomes of the month's crimes have no place, as those have no line.
    changed = {
        name for name in after if after[name] != before[name] and not name.endswith(f"-{FORCE}-outcomes.csv")
    }
    assert changed <= {"README.txt", "availability.csv", "privacy.csv"}
    assert {"README.txt", "availability.csv"} <= changed
    # The figures on privacy are of the records that are published: those of the month are fewer.
    of_other_months = [
        [line for line in content["privacy.csv"].splitlines() if not line.startswith(MONTH.encode())]
        for content in (before, after)
        if "privacy.csv" in content
    ]
    assert all(lines == of_other_months[0] for lines in of_other_months)
    assert all(b"\r\n" in content for name, content in after.items() if name.endswith("street.csv"))


# The products ----------------------------------------------------------------------------------------------------


def published_in_every_form(came: Any, quarter: str) -> pl.DataFrame:
    """The figures of the return, after making sure that CSV, Parquet, XLSX and ODS show the same."""
    figures = came.figures(quarter)
    parquet = pl.read_parquet(came.release(quarter) / "returns" / f"recorded-crime-{quarter}.parquet")
    assert parquet["status"].to_list() == figures["status"].to_list()
    assert parquet["value"].is_null().to_list() == figures["value"].is_null().to_list()
    said = {
        (row["table"], row["area_name"], row["category"]): SHORTHAND[Status(row["status"])]
        if row["value"] is None
        else row["value"]
        for row in figures.iter_rows(named=True)
    }
    for form in ("xlsx", "ods"):
        shown = came.printed(form, quarter)
        assert shown.keys() == said.keys()
        wrong = {
            key: (shown[key], value)
            for key, value in said.items()
            if (shown[key] != value if isinstance(value, str) else not close(shown[key], value))
        }
        assert wrong == {}, form
    return figures


def close(shown: object, value: float) -> bool:
    return isinstance(shown, int | float) and abs(shown - value) <= 0.0501


@pytest.mark.parametrize("quarter", QUARTERS)
def test_the_return_says_x_and_leaves_the_force_out_of_its_totals(
    complete: Any, hole: Any, quarter: str
) -> None:
    key = ["table", "period", "measure", "of", "category"]
    before = published_in_every_form(complete, quarter)
    after = published_in_every_form(hole, quarter)
    both = after.join(before, on=key, suffix="_before", validate="1:1")
    assert both.height == after.height == before.height

    # Every other area stands as it was.
    others = both.filter(~pl.col("of").is_in([AREA, *ANCESTORS]))
    assert others["value"].equals(others["value_before"])
    assert others["status"].equals(others["status_before"])

    # The quarter or year that the hole lies in has no figure for the force, in any column.
    periods = ["January to March 2019"] if quarter == "2019-Q1" else ["year ending December 2019"]
    ours = both.filter(pl.col("of") == AREA, pl.col("period").is_in(periods))
    assert ours.height > 0
    assert ours["value"].null_count() == ours.height
    assert ours["marks"].str.contains("[x]", literal=True).all()
    untouched = both.filter(pl.col("of") == AREA, pl.col("period") == "October to December 2019")
    assert untouched["value"].equals(untouched["value_before"])

    # A total leaves the force out and says so in its name; it is the sum of the others, never smaller unsaid.
    totals = both.filter(pl.col("of").is_in(ANCESTORS), pl.col("period").is_in(periods))
    assert totals["area_name"].str.ends_with(f" excluding {AREA}").all()
    counts = totals.filter(pl.col("measure") == "count")
    lost = before.filter(pl.col("of") == AREA).select(*key[:3], "category", lost="value")
    exact = counts.join(lost, on=[*key[:3], "category"])
    assert exact.height == counts.height > 0
    assert exact.select((pl.col("value") == pl.col("value_before") - pl.col("lost")).all()).item()


@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize("scenario", ["complete", "hole"])
def test_every_figure_of_the_return_is_the_sum_of_its_months_or_none(
    ran: Runs, scenario: str, quarter: str
) -> None:
    came = ran(scenario, *QUARTERS)
    counts = came.figures(quarter).filter(
        pl.col("measure") == "count",
        pl.col("category").str.starts_with("Total"),
        pl.col("table") == "Table_1",
    )
    months = {"2019-Q1": ["2019-01", "2019-02", "2019-03"], "2019-Q4": ["2019-10", "2019-11", "2019-12"]}[
        quarter
    ]
    forces = pl.read_csv(came.made / "country" / "forces.csv")
    for force, name in forces["force", "name"].rows():
        cells = [came.expected["counted"].get(f"{force} {month}") for month in months]
        shown = counts.filter(pl.col("area_name") == name).row(0, named=True)
        if None in cells:
            assert (shown["value"], shown["status"]) == (None, "missing")
        else:
            fraud = came.table("judged_offences").filter(
                pl.col("force") == force, pl.col("month").is_in(months), pl.col("offence_code").is_in(FRAUD)
            )
            assert shown["value"] == sum(cells) - fraud["count"].sum()


#: Fraud is recorded nationally and not in a force's total.
FRAUD = ["51", "52", "53A", "53B", "53C", "53D", "53E", "53F", "53H", "53J", "55"]


def test_the_bulk_files_hold_no_file_for_the_month_and_say_why(hole: Any) -> None:
    told = hole.availability()
    (outcomes,) = told.filter(force=FORCE, month=MONTH, file="outcomes").rows(named=True)
    assert (outcomes["state"], outcomes["path"], outcomes["since"]) == ("not supplied", "", MONTH)
    states = told.filter(file="street")
    gap = states.filter(pl.col("state") != "supplied")
    assert gap.select("force", "month", "state", "path", "lines", "since", "why").rows() == [
        (FORCE, MONTH, "not supplied", "", "", MONTH, "nothing was supplied for this month")
    ]
    assert states.height == len(hole.expected["counted"]) + 1
    for row in states.filter(pl.col("state") == "supplied").iter_rows(named=True):
        lines = hole.read(f"feeds/{row['path']}").count("\n") - 1
        assert lines == int(row["lines"]) == hole.expected["counted"][f"{row['force']} {row['month']}"]
    assert "In this archive months are lacking for: Northmoor and Vale." in hole.read("feeds/README.txt")


@pytest.mark.parametrize(
    ("scenario", "quarter"),
    [("hole", "2019-Q1"), ("hole", "2019-Q4"), ("true-zero", "2019-Q2"), ("silent-neighbour", "2019-Q2")],
)
def test_every_page_shows_what_was_judged(ran: Runs, scenario: str, quarter: str) -> None:
    """Every table, map text and CSV of every neighbourhood: a number is the judged sum, null is “not known”."""
    came = ran(scenario, quarter) if quarter == "2019-Q2" else ran(scenario, *QUARTERS)
    newest = NEWEST[quarter]
    cells = came.neighbourhoods().filter(pl.col("month") <= newest)
    lsoas = pl.read_parquet(came.made / "country" / "lsoas.parquet")
    by_lsoa = dict(
        came.table("judged_areas")
        .filter(pl.col("month") == newest)
        .group_by("lsoa_code")
        .agg(pl.when(pl.col("count").is_null().any()).then(None).otherwise(pl.col("count").sum()))
        .rows()
    )
    for (force, place), own in cells.group_by("force", "neighbourhood"):
        page = came.page(str(force), str(place), quarter)
        by_month = (
            own.group_by("month")
            .agg(pl.when(pl.col("count").is_null().any()).then(None).otherwise(pl.col("count").sum()))
            .rows()
        )
        shown = dict(re.findall(r'data-month="(\d{4}-\d{2})-01"[^>]*>(.*?)</td>', page))
        assert {month: text(cell) for month, cell in shown.items()} == {
            month: spoken(count) for month, count in by_month
        }
        kinds = dict(re.findall(r'<tr><th scope="row">([^<]+)</th><td class="n">(.*?)</td>', page))
        newest_kinds = {html.unescape(kind): text(cell) for kind, cell in kinds.items()}
        for kind, count in own.filter(pl.col("month") == newest)["category", "count"].rows():
            assert newest_kinds[kind] == spoken(count)
        codes = lsoas.filter(force=force, neighbourhood=place)["lsoa_code", "lsoa_name"].rows()
        on_map = dict(re.findall(r"<title>([^<]+?): ([^<]+)</title>", page.split('<figure class="map">')[1]))
        for code, name in codes:
            count = by_lsoa[code]
            said = "not known" if count is None else f"{count:,} crime{'' if count == 1 else 's'}"
            assert html.unescape(on_map[html.escape(name)]) == said
        csv = pl.read_csv(
            came.release(quarter) / "site" / str(force) / str(place) / "figures.csv",
            schema_overrides={"count": pl.Int64, "why": pl.String},
        )
        told = csv.select("month", "kind", "count").sort("month", "kind")
        assert told.rows() == own.select("month", "category", "count").sort("month", "category").rows()


def text(cell: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", cell))


def spoken(count: int | None) -> str:
    return "not known" if count is None else f"{count:,}"


def test_the_pages_of_the_force_say_that_the_month_is_not_known(hole: Any) -> None:
    page = hole.page(FORCE, "N01", "2019-Q1")
    assert "How much crime was recorded here in March 2019 is not known" in page
    assert "This does not mean that there was no crime." in page
    assert "<title>" in page.split('<figure class="map">')[1]
    assert 'class="zero" d=' not in page
    later = hole.page(FORCE, "N01", "2019-Q4")
    assert "How much crime was recorded here" not in later
    assert later.count("not known") > 3
    supplied = hole.read("site/supplied/index.html")
    assert "March 2019: not supplied" in supplied


# A true zero -----------------------------------------------------------------------------------------------------


def test_a_true_zero_is_a_zero_everywhere(ran: Runs) -> None:
    came = ran("true-zero", "2019-Q2")
    assert came.not_complete() == set()
    cells = came.table("judged_areas").filter(
        pl.col("lsoa_code").is_in(came.expected["zero_lsoas"]),
        pl.col("category").cast(pl.String) == ZERO["category"],
        pl.col("month") == ZERO["month"],
    )
    assert cells.height == len(came.expected["zero_lsoas"])
    assert cells["count"].to_list() == [0] * cells.height
    assert cells["status"].cast(pl.String).unique().to_list() == ["complete"]
    csv = came.read(f"site/{ZERO['force']}/{ZERO['neighbourhood']}/figures.csv", "2019-Q2")
    assert f"{ZERO['month']},{ZERO['category']},0,complete," in csv
    lines = came.read(f"feeds/{ZERO['month']}/{ZERO['month']}-{ZERO['force']}-street.csv", "2019-Q2")
    street = pl.read_csv(io.StringIO(lines))
    there = street.filter(pl.col("LSOA code").is_in(came.expected["zero_lsoas"]))
    assert there.height > 0
    assert there.filter(pl.col("Crime type") == ZERO["category"]).height == 0


def test_zeros_of_months_supplied_in_full_are_printed_as_numbers(ran: Runs) -> None:
    came = ran("true-zero", "2019-Q2")
    figures = published_in_every_form(came, "2019-Q2").filter(
        pl.col("measure") == "count", pl.col("table") == "Table_1"
    )
    assert figures.filter(pl.col("value") == 0).height > 0
    assert figures["value"].null_count() == 0
    pages = "".join(came.page(ZERO["force"], f"N{number:02}", "2019-Q2") for number in range(1, 11))
    assert re.search(r'<tr><th scope="row">[^<]+</th><td class="n">0</td>', pages)
    quiet = (
        came.table("judged_areas")
        .filter(pl.col("month") == "2019-06", pl.col("lsoa_code").str.starts_with("W"))
        .group_by("lsoa_code")
        .agg(pl.col("count").sum())
        .filter(pl.col("count") == 0)
    )
    assert pages.count(": 0 crimes</title>") == quiet.height
    assert pages.count('class="zero" d=') == quiet.height


# A silent force with neighbours ----------------------------------------------------------------------------------


def test_a_silent_force_stays_missing_though_others_record_inside_it(ran: Runs) -> None:
    came = ran("silent-neighbour", "2019-Q2")
    force, month = SILENT
    assert came.expected["records_of_others_inside"] > 60
    assert came.not_complete() == {(force, month, "missing")}
    lsoas = (
        pl.read_parquet(came.made / "country" / "lsoas.parquet").filter(force=force)["lsoa_code"].to_list()
    )
    strangers = came.table("counted").filter(pl.col("month") == month, pl.col("lsoa_code").is_in(lsoas))
    assert strangers.height >= 60
    cells = came.table("judged_areas").filter(pl.col("month") == month, pl.col("lsoa_code").is_in(lsoas))
    assert cells.height > 0
    assert cells["count"].null_count() == cells.height
    assert cells["force"].unique().to_list() == [force]

    figures = published_in_every_form(came, "2019-Q2")
    ours = figures.filter(pl.col("area_name") == "Ashdene", pl.col("measure") == "count")
    assert ours["value"].null_count() == ours.height > 0
    assert not (came.release("2019-Q2") / f"feeds/{month}/{month}-{force}-street.csv").exists()
    page = came.page(force, "N01", "2019-Q2")
    assert "How much crime was recorded here in June 2019 is not known" in page
    every_page = "".join(came.page(force, f"N{number:02}", "2019-Q2") for number in range(1, 10))
    assert "Other forces also recorded crimes or incidents here in June 2019" in every_page
    assert not re.search(r"<title>[^<]+: [\d,]+ crimes?</title>", every_page)


def test_records_inside_another_force_stay_in_their_own_forces_figures(ran: Runs) -> None:
    came = ran("silent-neighbour", "2019-Q2")
    counted = (
        came.table("judged_areas")
        .filter(pl.col("count").is_not_null())
        .group_by("force", "month")
        .agg(pl.col("count").sum())
    )
    assert {f"{force} {month}": count for force, month, count in counted.rows()} == came.expected["counted"]
