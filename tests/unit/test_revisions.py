"""What changed between two editions: every cell, its causes, and that the causes add up to the difference."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import revisions as r
from transforms.contracts import tables
from transforms.contracts.status import STATUS
from transforms.periods import Quarter, quarters_of

APRIL, MAY, JUNE, JULY = (date(2019, month, 1) for month in (4, 5, 6, 7))
QUARTER = (APRIL, MAY, JUNE)
CODES = ("28E", "30C")


def frame(schema: Any, rows: list[dict[str, Any]]) -> pl.DataFrame:
    types = dict(schema.create_empty().schema)
    return pl.DataFrame([dict.fromkeys(types) | row for row in rows], schema=types, orient="row")


def crime(
    ref: str, code: str = "28E", month: date = APRIL, supply: str = "first", counted: int = 1
) -> dict[str, Any]:
    return {
        "force": "ashdene", "month": month, "offence_code": code, "crime_ref": ref, "counted": counted,
        "supply": supply,
    }  # fmt: skip


def received(supply: str, first: date = APRIL, last: date = JUNE, state: str = "accepted") -> dict[str, Any]:
    return {
        "supply": supply, "kind": "extract", "force": "ashdene", "first_month": first, "last_month": last,
        "source_system": "niche", "state": state,
    }  # fmt: skip


def edition(
    crimes: list[dict[str, Any]],
    files: list[dict[str, Any]] | None = None,
    not_counted: dict[str, str] | None = None,
    silent: bool = False,
    rules: str = "2019",
    areas: str = "2011",
    population: int | None = 1000,
    months: tuple[date, ...] = QUARTER,
) -> r.Edition:
    """An edition whose figures are the tally of its crimes; silent, it has no figure at all."""
    tally: dict[tuple[date, str], int] = {}
    for each in crimes:
        key = (each["month"], each["offence_code"])
        tally[key] = tally.get(key, 0) + each["counted"]
    figures = [
        {
            "force": "ashdene", "month": month, "offence_code": code,
            "count": None if silent else tally.get((month, code), 0),
            "status": "missing" if silent else "complete",
        }
        for month in months for code in CODES
    ]  # fmt: skip
    decided = [each | {"rule": "counts"} for each in crimes] + [
        {"force": "ashdene", "crime_ref": ref, "counted": 0, "month": APRIL, "rule": rule}
        for ref, rule in (not_counted or {}).items()
    ]
    of_crimes = dict.fromkeys(("force", "offence_code", "crime_ref", "supply"), pl.String)
    return r.Edition(
        figures=frame(tables.OffenceCounts, figures),
        crimes=pl.DataFrame(crimes, schema=of_crimes | {"month": pl.Date, "counted": pl.Int8}),
        decided=pl.DataFrame(
            [{name: each[name] for name in ("force", "crime_ref", "counted", "rule")} for each in decided],
            schema={"force": pl.String, "crime_ref": pl.String, "counted": pl.Int8, "rule": pl.String},
        ),
        received=frame(tables.Supplies, [received("first")] if files is None else files),
        populations=pl.DataFrame([{"force": "ashdene", "population": population, "lsoas": 7}]),
        rules=rules,
        areas=areas,
    )  # fmt: skip


def told(before: r.Edition, after: r.Edition) -> list[tuple[Any, ...]]:
    """Each revision in short: the class, was, now, why, change."""
    return r.revisions(before, after).select("offence_code", "was", "now", "why", "change").rows()


BOTH_FILES = [received("first"), received("second", APRIL, JULY)]
FIRST = [crime("a"), crime("b")]


def test_two_editions_of_the_same_records_have_no_revision() -> None:
    assert told(edition(FIRST), edition(FIRST)) == []


def test_a_crime_sent_in_later_is_a_late_recording() -> None:
    after = edition([*FIRST, crime("c", supply="second")], BOTH_FILES)
    assert told(edition(FIRST), after) == [("28E", 2, 3, r.LATE, 1)]


def test_a_crime_under_another_class_is_reclassified_in_both_cells() -> None:
    after = edition([crime("a"), crime("b", "30C", supply="second")], BOTH_FILES)
    assert told(edition(FIRST), after) == [
        ("28E", 2, 1, r.RECLASSIFIED, -1),
        ("30C", 0, 1, r.RECLASSIFIED, 1),
    ]


@pytest.mark.parametrize("rule", ["cancelled", "transferred"])
def test_a_crime_that_its_force_removed_is_cancelled(rule: str) -> None:
    after = edition([crime("a")], BOTH_FILES, {"b": rule})
    assert told(edition(FIRST), after) == [("28E", 2, 1, r.CANCELLED, -1)]


def test_a_net_correction_in_a_return_is_what_the_record_says() -> None:
    correction = crime("b", counted=-1) | {"supply": None}
    after = edition([*FIRST, correction], BOTH_FILES, {"b": "cancelled"})
    assert told(edition(FIRST), after) == [("28E", 2, 1, r.CANCELLED, -1)]


def test_a_file_sent_again_is_a_resupply_both_ways() -> None:
    again = [received("first", state="superseded"), received("again")]
    after = edition(
        [crime("a", supply="again"), crime("c", supply="again"), crime("d", supply="again")], again
    )
    assert told(edition(FIRST), after) == [("28E", 2, 3, r.RESUPPLIED, 1)]


def test_what_was_missing_and_came_is_back_filled_and_has_no_difference() -> None:
    after = edition(FIRST, BOTH_FILES)
    assert told(edition([], [], silent=True), after) == [
        ("28E", None, 2, r.BACK_FILLED, None),
        ("30C", None, 0, r.BACK_FILLED, None),
    ]


def test_the_same_records_judged_otherwise_were_decided() -> None:
    assert {row[3] for row in told(edition(FIRST, silent=True), edition(FIRST))} == {r.DECIDED}


def test_a_figure_that_is_no_longer_fit_is_told_as_such() -> None:
    found = told(edition(FIRST), edition(FIRST, silent=True))
    assert [row[3:] for row in found] == [(r.WITHHELD, None), (r.WITHHELD, None)]


def test_the_same_records_under_other_rules_are_a_rule_edition() -> None:
    after = edition([crime("a"), crime("b", "30C")], rules="2023")
    assert {row[3] for row in told(edition(FIRST), after)} == {r.RULES}
    gone = edition([crime("a")], not_counted={"b": "principal"}, rules="2023")
    assert told(edition(FIRST), gone) == [("28E", 2, 1, r.RULES, -1)]


def test_populations_and_areas_of_another_date_are_told_by_force() -> None:
    before, after = edition(FIRST), edition(FIRST, areas="2021", population=1100)
    (row,) = r.revisions(before, after).select("measure", "was", "now", "why", "change").rows()
    assert row == ("population", 1000, 1100, r.POPULATION, 100)


def test_quarters_that_only_one_edition_holds_are_no_revisions() -> None:
    longer = edition([*FIRST, crime("j", month=JULY)], months=(*QUARTER, JULY))
    assert told(edition(FIRST), longer) == []


references = st.sampled_from("abcdef")
some_crimes = st.lists(
    st.builds(
        crime,
        references,
        st.sampled_from(CODES),
        st.sampled_from(QUARTER),
        st.sampled_from(["first", "second"]),
        st.sampled_from([1, 1, 1, -1]),
    ),
    max_size=8,
)

not_counting = st.dictionaries(references, st.sampled_from(["cancelled", "principal"]), max_size=3)


@settings(max_examples=40, deadline=None)
@given(
    some_crimes,
    some_crimes,
    st.dictionaries(references, st.sampled_from(["cancelled", "principal"]), max_size=3),
    st.booleans(),
)
def test_the_causes_of_a_revision_add_up_to_it_and_every_changed_cell_is_there(
    first: list[dict[str, Any]], second: list[dict[str, Any]], removed: dict[str, str], restated: bool
) -> None:
    before = edition(first)
    after = edition(second, BOTH_FILES, removed, rules="2023" if restated else "2019")
    found = r.revisions(before, after)
    tables.Revisions.validate(found, cast=True)
    by_cell: dict[str, int] = {}
    for row in found.iter_rows(named=True):
        assert row["why"] in r.MEANING
        by_cell[row["offence_code"]] = by_cell.get(row["offence_code"], 0) + row["change"]
    for code in CODES:
        was, now = (
            sum(each["counted"] for each in crimes if each["offence_code"] == code)
            for crimes in (first, second)
        )
        assert by_cell.get(code, 0) == now - was
        assert (code in by_cell) == (was != now)


# Years that want a note -------------------------------------------------------------------------------------------

YEAR = Quarter(2019, 2).year_ending


def year(count: int | None, months: tuple[date, ...] = YEAR) -> pl.DataFrame:
    """A force's year with so many crimes, all in its last month."""
    rows = [
        {"force": "ashdene", "month": month, "offence_code": "28E", "count": 0, "status": "complete"}
        for month in months
    ]
    rows[-1] |= {"count": count, "status": "missing" if count is None else "complete"}
    return frame(tables.OffenceCounts, rows)


@pytest.mark.parametrize(
    ("now", "wanted"), [(1020, False), (1021, True), (980, False), (979, True), (None, True)]
)
def test_a_year_revised_by_more_than_two_per_cent_wants_a_note(now: int | None, wanted: bool) -> None:
    assert (r.needs_note(year(1000), year(now)).height == 1) == wanted


def test_a_year_that_appears_wants_a_note_and_has_no_percentage() -> None:
    assert r.needs_note(year(None), year(1000)).rows() == [("ashdene", "2019-Q2", None, 1000, None)]


def test_a_year_is_four_whole_quarters() -> None:
    assert r.needs_note(year(1000, YEAR[3:]), year(2000, YEAR[3:])).is_empty()
    assert len(quarters_of(YEAR)) == 4


# The triangle -----------------------------------------------------------------------------------------------------


def test_the_common_total_leaves_a_force_out_of_every_release_or_of_none() -> None:
    def figures(**counts: int | None) -> pl.DataFrame:
        return frame(
            tables.OffenceCounts,
            [
                {
                    "force": force, "month": APRIL, "offence_code": "28E", "count": count,
                    "status": "missing" if count is None else "complete",
                }
                for force, count in counts.items()
            ],
        )  # fmt: skip

    corner = r.triangle({"2019-Q2/1.0.0": figures(a=10, b=None), "2019-Q2/1.1.0": figures(a=11, b=500)})
    assert corner.get_column("count").to_list() == [10, None, 11, 500]
    assert corner.schema["status"] == STATUS
    common = r.common_total(corner).select("release", "count", "without").rows()
    assert common == [("2019-Q2/1.0.0", 10, "b"), ("2019-Q2/1.1.0", 11, "b")]


def test_the_rolling_year_of_a_release_is_provisional() -> None:
    latest = Quarter(2019, 2)
    marked = [back for back in range(-1, 6) if r.is_provisional(latest.plus(-back), latest)]
    assert marked == [0, 1, 2, 3]
