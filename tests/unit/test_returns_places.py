"""Partnerships, small areas, outcomes and removed records: the figures agree with each other and with the crimes."""

from __future__ import annotations

import io
from datetime import date
from itertools import product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from fixtures.attack import Attacker
from fixtures.judged_offences import OFFENCES, offences_reference
from fixtures.judged_places import country, judged_places
from publish.feeds.privacy import SENSITIVE
from publish.returns import ReturnError, build
from publish.returns.area_tables import on_grid
from publish.returns.machine_readable import write_machine_readable
from publish.returns.outcomes import COLUMNS, outcomes, outcomes_open_data
from publish.returns.recorded_crime import partnership_crime
from publish.returns.small_areas import WITHHELD, small_areas
from publish.returns.tables import Release, printed
from tests.journeys.statements import statements
from transforms.contracts.status import STATUS
from transforms.disclosure import LSOA
from transforms.judging import Judged
from transforms.periods import Quarter

QUARTER = Quarter(2019, 1)


@pytest.fixture(scope="module")
def judged() -> Judged:
    return judged_places()


@pytest.fixture(scope="module")
def built(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every file of the return of January to March 2019."""
    folder = tmp_path_factory.mktemp("return")
    return {
        path.name: path.read_bytes()
        for path in build(judged, country(), offences_reference(), QUARTER, folder)
    }


def read(content: bytes) -> pl.DataFrame:
    return pl.read_csv(content, schema_overrides={"value": pl.Float64, "notes": pl.String})


def cell(release: Release, table: int, area: str, column: str) -> float | str:
    chosen = release.tables[table - 1]
    row = printed(release, chosen).filter(pl.col("area_name") == area).row(0, named=True)[column]
    return row["text"] if row["number"] is None else row["number"]


def test_partnerships_and_the_unassigned_add_to_their_force(built: dict[str, bytes]) -> None:
    figures = read(built["community-safety-partnerships-2019-Q1.csv"]).filter(pl.col("measure") == "count")
    force = figures.filter(pl.col("area_level") == "police force area")
    parts = figures.filter(pl.col("area_level") == "Community Safety Partnership").with_columns(
        area=pl.col("area").str.split("/").list.first()
    )
    key = ["table", "area", "category"]
    both = force.join(parts.group_by(key).agg(parts=pl.col("value").sum()), on=key)
    held = both.filter(pl.col("status") == "complete")
    assert held.height > 150
    assert held.filter(pl.col("value") != pl.col("parts")).is_empty()
    main = read(built["recorded-crime-2019-Q1.csv"]).filter(pl.col("measure") == "count")
    same = main.join(figures, on=["measure", "period", "area", "category"], suffix=" here")
    assert same.height == main.height and same["value"].equals(same["value here"])


def test_a_silent_force_takes_its_partnerships_with_it_and_no_other(judged: Judged) -> None:
    release = partnership_crime(judged, country(), offences_reference(), QUARTER)
    assert cell(release, 2, "Mercaster 0", "total") == "[x]"
    assert isinstance(cell(release, 2, "Gwynfa 0", "total"), float)
    assert isinstance(cell(release, 2, "North West excluding Greater Mercaster", "total"), float)
    assert cell(release, 5, "City-Of-London 0", "total") == "[z]", "no rate for the City of London"
    assert cell(release, 5, "Unassigned Gwynfa", "total") == "[z]", "nobody lives there"
    notes = [text for text in release.notes.values() if text.startswith("Greater Mercaster:")]
    assert len(notes) == 1, "one note, not one for each partnership"


def test_small_areas_are_given_once_a_year_and_hide_what_the_map_withholds(judged: Judged) -> None:
    assert small_areas(judged, country(), Quarter(2019, 2)) is None
    release = small_areas(judged, country(), QUARTER)
    assert release is not None
    apart = pl.col("column") == WITHHELD.key
    for table in release.tables:
        of_map = table.figures.filter(~apart)
        assert "withheld" not in set(of_map["status"]), "the map tells it, so hiding it would serve nothing"
        silent = table.rows.filter(pl.col("force") == "mercaster")
        assert set(table.figures.join(silent, on="row", how="semi")["status"]) == {"missing"}, "never [c]"
    of_neighbourhoods, of_lsoas = release.tables
    assert WITHHELD not in of_lsoas.columns, "it could be of one point"
    withheld = of_neighbourhoods.figures.filter(apart)
    assert withheld.filter(pl.col("value").is_between(1, 2)).is_empty()
    others = withheld.join(
        of_neighbourhoods.rows.filter(pl.col("force") != "mercaster"), on="row", how="semi"
    )
    assert {"withheld", "complete"} == set(others["status"])
    assert of_neighbourhoods.shorthand == ["[c]", "[p]", "[x]"]


def test_small_areas_add_up_what_the_map_shows(judged: Judged) -> None:
    release = small_areas(judged, country(), QUARTER)
    assert release is not None
    year = judged.areas.collect().filter(pl.col("month").is_in(QUARTER.year_ending))
    shown = year.group_by("lsoa_code").agg(pl.col("count").sum(), whole=pl.col("count").is_not_null().all())
    of_lsoas = release.tables[1]
    totals = of_lsoas.figures.filter(pl.col("column") == "total").join(of_lsoas.rows, on="row")
    both = totals.join(shown.filter("whole"), left_on="area", right_on="lsoa_code")
    assert both.height > 40
    assert both["value"].to_list() == both["count"].to_list()


def test_a_silent_force_changes_small_areas_of_no_other_line_by_line(built: dict[str, bytes]) -> None:
    whole = small_areas(judged_places(silent=None), country(), QUARTER)
    assert whole is not None
    full = write_machine_readable(whole)
    assert {name for name in built if name.startswith("small-areas")} == full.keys() | {
        f"small-areas-{QUARTER}.ods",
        f"small-areas-{QUARTER}.xlsx",
    }
    name = f"small-areas-{QUARTER}.csv"
    before, after = (content.decode().splitlines() for content in (full[name], built[name]))
    assert len(before) == len(after)
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) > 150
    own = country().lsoas.filter(pl.col("force") == "mercaster")["lsoa_code"].to_list()
    assert all(any(f",{area}," in line for area in own) or ",mercaster/" in line for line in changed)
    assert all(",missing,[x]," in line for line in changed), "never a zero, and never [c]"
    for kind in (".csv-metadata.json", ".datapackage.json", ".jsonld"):
        told = [statements(f"it{kind}", made[f"small-areas-{QUARTER}{kind}"]) for made in (full, built)]
        differ = (told[0] - told[1]) + (told[1] - told[0])
        assert all("Greater Mercaster" in each for each in differ), kind


def test_an_area_that_is_held_is_missing_and_not_confidential() -> None:
    lsoa = country().lsoas.filter(pl.col("force") == "gwynfa")["lsoa_code"][0]
    release = small_areas(judged_places(held=lsoa), country(), QUARTER)
    assert release is not None
    of_lsoa = release.tables[1].figures.join(
        release.tables[1].rows.filter(pl.col("area") == lsoa), on="row", how="semi"
    )
    assert set(of_lsoa["status"]) == {"unjudged"}, "it prints [x]"


def test_every_published_table_together_tells_nothing_of_what_is_hidden(built: dict[str, bytes]) -> None:
    """The attack reads the files alone: small areas, and partnerships by quarter and code."""
    areas = country().lsoas.filter(pl.col("force") != "mercaster")
    kinds = {code: kind for code, *_, kind, _ in OFFENCES}
    (sensitive,) = SENSITIVE
    # One unknown for each LSOA: the crimes whose location is withheld.
    atom = {code: n for n, code in enumerate(areas["lsoa_code"])}
    inside = {code: [code] for code in areas["lsoa_code"]} | {
        f"{force}/{name}": places["lsoa_code"].to_list()
        for (force, name), places in areas.group_by("force", "neighbourhood")
    }
    small = read(built["small-areas-2019-Q1.csv"]).filter(pl.col("area").is_in(list(inside)))
    withheld = small.filter(pl.col("category") == WITHHELD.heading)
    sums = [
        ([atom[place] for place in inside[area]], int(value))
        for area, value in withheld.select("area", "value").drop_nulls().iter_rows()
    ]
    mapped = dict(
        small.filter(pl.col("category") == sensitive, pl.col("area_level") == LSOA)
        .select("area", "value")
        .iter_rows()
    )
    year = pl.read_csv(built["prc-csp-2019-Q1.csv"], infer_schema=False).filter(
        pl.col("Financial Year") == "2018/19",
        pl.col("Offence Code").replace_strict(kinds) == sensitive,
        pl.col("CSP Name").is_in(areas["csp_name"].unique().to_list()),
    )
    every = year.group_by("CSP Name").agg(pl.col("Offence Count").cast(int).sum())
    for name, value in every.iter_rows():
        places = areas.filter(pl.col("csp_name") == name)["lsoa_code"].to_list()
        on_the_map = sum(int(mapped[place]) for place in places)
        sums.append(([atom[place] for place in places], value - on_the_map))
    attacker = Attacker(sums, len(atom))
    crimes = (
        judged_places()
        .crimes.collect()
        .filter(
            pl.col("month").is_in(QUARTER.year_ending),
            pl.col("lsoa_code").is_null(),
            pl.col("csp_code").is_not_null(),
        )
    )
    points = country().map_points.select("longitude", "latitude", at="lsoa_code")
    true = dict(crimes.join(points, on=["longitude", "latitude"])["at"].value_counts().iter_rows())
    hidden = withheld.filter(pl.col("status") == "withheld")["area"]
    for area in hidden:
        low, high = attacker.between([atom[place] for place in inside[area]])
        value = sum(true.get(place, 0) for place in inside[area])
        assert low <= value <= high, "the attacker's sums are the product's"
        assert high > low, f"{area} is pinned at {low}"
        assert not 0 < value < 3 or (high - low >= 3 and high >= 3) or low == 0
    assert len(hidden) >= 3 and len(sums) > len(hidden)


def test_a_later_version_keeps_what_was_printed_of_small_areas(
    judged: Judged, built: dict[str, bytes]
) -> None:
    earlier = pl.read_parquet(io.BytesIO(built["small-areas-2019-Q1.parquet"]))
    other = small_areas(judged_places(seed=2), country(), QUARTER, earlier)
    again = small_areas(judged, country(), QUARTER)
    assert other is not None and again is not None
    apart = pl.col("column") == WITHHELD.key
    for now, before in zip(other.tables, again.tables, strict=True):
        assert now.figures.filter(apart).equals(before.figures.filter(apart)), "a change would tell"
        assert not now.figures.filter(~apart).equals(before.figures.filter(~apart)), "the map is restated too"


def test_outcomes_agree_on_both_bases_with_the_crimes(judged: Judged) -> None:
    release = outcomes(judged, country(), QUARTER)
    assert release is not None
    crimes = judged.crimes.collect().filter(
        pl.col("force") == "gwynfa", pl.col("month").is_between(pl.date(2018, 4, 1), pl.date(2019, 3, 1))
    )
    assert cell(release, 2, "Gwynfa", "total") == crimes.height, (
        "every crime recorded, with an outcome or none"
    )
    closed = judged.crimes.collect().filter(
        pl.col("force") == "gwynfa", pl.col("month").is_between(pl.date(2018, 2, 1), pl.date(2019, 1, 1))
    )
    held = float(cell(release, 4, "Gwynfa", "total"))
    assert 0.6 * closed.height < held < 0.73 * closed.height, "two in three were closed, two months on"
    assert (
        cell(release, 2, "Greater Mercaster", "total")
        == cell(release, 4, "Greater Mercaster", "total")
        == "[x]"
    )
    assert cell(release, 6, "Gwynfa", "recorded") == crimes.height
    assert cell(release, 6, "Gwynfa", "total") == crimes.height + float(cell(release, 6, "Gwynfa", "removed"))
    assert float(cell(release, 6, "Gwynfa", "removed")) > 0


def test_the_long_table_of_outcomes_is_dense_and_says_what_was_not_provided(judged: Judged) -> None:
    table = outcomes_open_data(judged, country(), offences_reference(), QUARTER)
    assert table is not None
    assert tuple(table.rows.columns) == COLUMNS
    recorded, closed = COLUMNS[-2:]
    number = lambda name: pl.col(name).struct.field("number")  # noqa: E731
    text = lambda name: pl.col(name).struct.field("text")  # noqa: E731
    key = ["Financial Year", "Financial Quarter", "Force Name", "Offence Code", "Outcome Type"]
    assert table.rows.select(key).is_unique().all()
    types = (
        table.rows.group_by("Financial Year").agg(pl.col("Outcome Type").n_unique()).sort("Financial Year")
    )
    assert types["Outcome Type"].n_unique() == 1 and types["Outcome Type"][0] == 24, (
        "22 is not there before 2019/20"
    )
    assert table.rows.height == 8 * 6 * len(OFFENCES) * 24
    silent = table.rows.filter(pl.col("Force Name") == "Greater Mercaster", number(recorded).is_null())
    assert set(silent.select(text(recorded)).to_series()) == {"N/A - data not provided"}
    assert silent.select("Financial Year", number("Financial Quarter")).unique().rows() == [("2018/19", 4.0)]
    open_crimes = table.rows.filter(pl.col("Outcome Type") == "0")
    assert set(open_crimes.select(text(closed)).to_series()) == {"[z]"}
    whole = table.rows.filter(~pl.col("Outcome Type").str.contains("A"), pl.col("Force Name") == "Gwynfa")
    crimes = judged.crimes.collect().filter(
        pl.col("force") == "gwynfa", pl.col("month") < pl.date(2019, 4, 1)
    )
    assert whole.select(number(recorded)).to_series().sum() == crimes.height, (
        "each crime once, sub-types apart"
    )


def test_every_workbook_of_the_return_opens_and_the_long_tables_end_with_the_quarter(
    built: dict[str, bytes],
) -> None:
    books = [name for name in built if name.endswith((".ods", ".xlsx"))]
    assert len(books) == 12
    for name in books:
        assert CalamineWorkbook.from_filelike(io.BytesIO(built[name])).sheet_names[:2] == [
            "Cover",
            "Contents",
        ]
    assert "2019/20" not in built["prc-pfa-2019-Q1.csv"].decode()


def test_the_same_figures_give_the_same_bytes(
    judged: Judged, built: dict[str, bytes], tmp_path: Path
) -> None:
    again = build(judged, country(), offences_reference(), QUARTER, tmp_path)
    assert {path.name: path.read_bytes() for path in again} == built


def test_a_partnership_with_two_codes_is_refused(judged: Judged) -> None:
    place = country()
    twice = place.lsoas.with_columns(
        csp_code=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("E22999999")).otherwise("csp_code")
    )
    with pytest.raises(ReturnError, match="two codes in one force"):
        partnership_crime(
            judged, type(place)(**{**vars(place), "lsoas": twice}), offences_reference(), QUARTER
        )


PLACES, GRID_MONTHS, PARTS = ("a", "b", "c"), (date(2019, 1, 1), date(2019, 2, 1)), ("x", "y")


@given(st.sets(st.tuples(st.sampled_from(PLACES), st.sampled_from(GRID_MONTHS), st.sampled_from(PARTS))))
def test_what_a_place_lacks_and_another_has_in_the_month_is_missing(
    there: set[tuple[str, date, str]],
) -> None:
    schema = {"place": pl.Enum(PLACES), "month": pl.Date, "part": pl.Enum(PARTS)}
    monthly = pl.DataFrame(sorted(there), schema=schema, orient="row").with_columns(
        count=pl.lit(1, pl.Int64), status=pl.lit("complete", STATUS)
    )
    owed = {
        (month, part)
        for month, part in product(GRID_MONTHS, {part for _, _, part in there})
        if any(row[1:] == (month, part) for row in there) or not any(row[1] == month for row in there)
    }
    found = on_grid(monthly, GRID_MONTHS)
    assert found.height == len(PLACES) * len(owed)
    assert {row[:3]: row[3:] for row in found.select(*schema, "count", "status").iter_rows()} == {
        (place, *each): (1, "complete") if (place, *each) in there else (None, "missing")
        for place, each in product(PLACES, owed)
    }
