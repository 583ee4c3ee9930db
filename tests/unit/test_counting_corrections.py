"""Changes after publication: restated or netted, each crime once over all months."""

# Tables of facts are wider than code.
# ruff: noqa: E501

from datetime import date

import polars as pl
import pytest

from fixtures.worked_examples import read
from transforms.counting import count, load_editions
from transforms.counting.corrections import AGGREGATE, RECORD_LEVEL, count_as_returned, net_corrections
from transforms.periods import Quarter

EDITIONS = load_editions()
HEADER = "crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status | status_reason | status_at | updated_at\n"

FIRST = (
    HEADER
    + """
    A | I1 | 8N  | 2024-05-20 | V1 | live |  |  | 2024-05-20
    B | I2 | 8N  | 2024-05-21 | V2 | live |  |  | 2024-05-21
    C | I3 | 88C | 2024-06-21 | V3 | live |  |  | 2024-06-21
    D | I4 | 49  | 2024-06-22 | V4 | live |  |  | 2024-06-22
"""
)
#: A is reclassified, C cancelled, D unchanged, E supplied late, F new; B is supplied no longer.
SECOND = (
    HEADER
    + """
    A | I1 | 5D  | 2024-05-20 | V1 | live      |    |            | 2024-08-04
    C | I3 | 88C | 2024-06-21 | V3 | cancelled | C2 | 2024-09-02 | 2024-09-02
    D | I4 | 49  | 2024-06-22 | V4 | live      |    |            | 2024-06-22
    E | I5 | 46  | 2024-06-30 | V5 | live      |    |            | 2024-06-30
    F | I6 | 46  | 2024-07-03 | V6 | live      |    |            | 2024-07-03
"""
)


def counted(text: str):  # type: ignore[no-untyped-def]
    return count(read(text)[0].lazy(), EDITIONS)


def terms(treatment: str, through: date | None = date(2024, 6, 1)) -> pl.DataFrame:
    return pl.DataFrame(
        {"force": ["force"], "treatment": [treatment], "published_through": [through]},
        schema={"force": pl.String, "treatment": pl.String, "published_through": pl.Date},
    )


def totals(rows: pl.DataFrame, *by: str) -> dict[object, int]:
    summed = (
        rows.group_by(by).agg(pl.col("counted").cast(pl.Int64).sum()).filter(pl.col("counted") != 0).sort(by)
    )
    return {row[:-1]: row[-1] for row in summed.iter_rows()}


def test_an_aggregate_force_shows_the_net_in_the_open_quarter() -> None:
    published = counted(FIRST).counted.collect()
    corrected = net_corrections(published, counted(SECOND), terms(AGGREGATE), EDITIONS)
    assert corrected.changes.select("crime_ref", "offence_code", "counted", "month", "rule").rows() == [
        ("B", "8N", -1, date(2024, 7, 1), "removed-after-publication"),
        ("E", "46", 1, date(2024, 7, 1), "added-after-publication"),
        ("A", "8N", -1, date(2024, 8, 1), "reclassified"),
        ("A", "5D", 1, date(2024, 8, 1), "reclassified"),
        ("C", "88C", -1, date(2024, 9, 1), "removed-after-publication"),
    ]
    closed = corrected.counted.filter(pl.col("month") <= date(2024, 6, 1))
    assert closed.sort("crime_ref").equals(published.sort("crime_ref"))
    assert totals(corrected.counted.filter(pl.col("month") > date(2024, 6, 1)), "offence_code") == {
        ("46",): 2, ("5D",): 1, ("88C",): -1, ("8N",): -2,
    }  # fmt: skip


def test_a_record_level_force_restates_and_says_what_moved() -> None:
    published = counted(FIRST).counted.collect()
    now = counted(SECOND)
    corrected = net_corrections(published, now, terms(RECORD_LEVEL), EDITIONS)
    assert corrected.counted.sort("crime_ref").equals(now.counted.collect().sort("crime_ref"))
    assert set(corrected.changes.select("crime_ref", "counted", "month").rows()) == {
        ("A", -1, date(2024, 5, 1)), ("A", 1, date(2024, 5, 1)), ("B", -1, date(2024, 5, 1)),
        ("C", -1, date(2024, 6, 1)), ("E", 1, date(2024, 6, 1)),
    }  # fmt: skip


def test_over_all_months_both_treatments_come_to_the_same() -> None:
    published = counted(FIRST).counted.collect()
    both = [
        net_corrections(published, counted(SECOND), terms(treatment), EDITIONS).counted
        for treatment in (RECORD_LEVEL, AGGREGATE)
    ]
    assert totals(both[0], "offence_code") == totals(both[1], "offence_code")


def test_a_correction_is_made_once() -> None:
    """What was published with its corrections is the next starting point."""
    second = net_corrections(
        counted(FIRST).counted.collect(), counted(SECOND), terms(AGGREGATE), EDITIONS
    ).counted
    third = net_corrections(second, counted(SECOND), terms(AGGREGATE, date(2024, 9, 1)), EDITIONS)
    assert third.changes.is_empty()
    assert totals(third.counted, "month", "offence_code") == totals(second, "month", "offence_code")


def test_a_reclassification_undone_is_taken_back() -> None:
    second = net_corrections(
        counted(FIRST).counted.collect(), counted(SECOND), terms(AGGREGATE), EDITIONS
    ).counted
    undone = counted(SECOND.replace("5D ", "8N ").replace("2024-08-04", "2024-10-09"))
    changes = net_corrections(second, undone, terms(AGGREGATE, date(2024, 9, 1)), EDITIONS).changes
    assert changes.select("crime_ref", "offence_code", "counted", "month").rows() == [
        ("A", "5D", -1, date(2024, 10, 1)),
        ("A", "8N", 1, date(2024, 10, 1)),
    ]


def test_a_crime_that_moved_to_another_system_is_no_change() -> None:
    moved = (
        HEADER.replace("crime_ref", "crime_ref | previous_crime_ref | source_system", 1)
        + """
        A  |   | opus  | I1 | 8N | 2024-05-20 | V1 | live | | | 2024-05-20
        A2 | A | niche | J1 | 8N | 2024-07-20 | V1 | live | | | 2024-07-20
    """
    )
    published = counted(HEADER + "A | I1 | 8N | 2024-05-20 | V1 | live | | | 2024-05-20").counted.collect()
    corrected = net_corrections(published, counted(moved), terms(AGGREGATE), EDITIONS)
    assert corrected.changes.is_empty()


@pytest.mark.parametrize("treatment", [RECORD_LEVEL, AGGREGATE])
def test_nothing_published_is_nothing_to_correct(treatment: str) -> None:
    now = counted(SECOND)
    corrected = net_corrections(now.counted.collect().clear(), now, terms(treatment, None), EDITIONS)
    assert corrected.changes.is_empty()
    assert corrected.counted.sort("crime_ref").equals(now.counted.collect().sort("crime_ref"))


def test_an_aggregate_force_is_counted_quarter_after_quarter_as_it_returned_them() -> None:
    first, second = (read(text)[0] for text in (FIRST, SECOND))
    lines = pl.concat(
        [first.with_columns(supply=pl.lit("1" * 64)), second.with_columns(supply=pl.lit("2" * 64))]
    )
    quarters = [Quarter.parse("2024/25-Q1"), Quarter.parse("2024/25-Q2")]
    returned = count_as_returned(lines.lazy(), quarters, EDITIONS)
    in_first = pl.col("month") <= date(2024, 6, 1)
    assert totals(returned.counted.filter(in_first), "offence_code") == {
        ("46",): 1, ("49",): 1, ("88C",): 1, ("8N",): 2,
    }  # fmt: skip
    assert totals(returned.counted.filter(~in_first), "offence_code") == {
        ("46",): 1, ("5D",): 1, ("88C",): -1, ("8N",): -1,
    }  # fmt: skip
    again = count_as_returned(lines.reverse().lazy(), quarters, EDITIONS)
    assert again.changes.equals(returned.changes)


def test_a_record_first_supplied_after_its_quarter_was_updated_since_stands_in_its_quarter() -> None:
    """June's file is extracted in July: what was updated in between is still what June was returned as."""
    line = HEADER + "    D | I4 | 49 | 2024-06-30 | V4 | live |  |  | 2024-07-03\n"
    quarters = [Quarter.parse("2024/25-Q1"), Quarter.parse("2024/25-Q2")]
    returned = count_as_returned(read(line)[0].lazy(), quarters, EDITIONS)
    assert returned.changes.is_empty()
    assert totals(returned.counted, "month") == {(date(2024, 6, 1),): 1}
