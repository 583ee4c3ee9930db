"""Rows by quarter: those that were there, only of what may be given, and no file read that was not asked for."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from transforms.judging import among, withdrawn
from transforms.periods import Quarter
from transforms.quarter_rows import QuarterRows

SPRING, SUMMER = Quarter(2019, 2), Quarter(2019, 3)
ROWS = pl.DataFrame(
    {
        "force": ["ashire", "ashire", "beeshire", "beeshire"],
        "month": [date(2019, 4, 1), date(2019, 7, 1), date(2019, 6, 1), date(2019, 9, 1)],
        "crime_ref": ["A1", "A2", "B1", None],
        "counted": [1, 1, 1, -1],
    }
)


def test_rows_that_are_there_come_back_by_quarter() -> None:
    rows = QuarterRows.of(ROWS)
    assert rows.collect().sort("month").equals(ROWS.sort("month"))
    assert sorted(rows.collect([date(2019, 6, 1), date(2019, 7, 1)])["crime_ref"]) == ["A2", "B1"]
    assert rows.collect([date(2020, 1, 1)]).is_empty()
    assert rows.collect([]).is_empty()
    assert rows.scopes.rows() == sorted(ROWS.select("force", "month").rows())
    assert QuarterRows.of(ROWS.clear()).collect().equals(ROWS.clear())


def test_the_key_of_a_quarter_is_another_exactly_when_its_rows_are() -> None:
    rows = QuarterRows.of(ROWS)
    less = QuarterRows.of(ROWS[:-1])
    assert rows.keys[SPRING] == less.keys[SPRING]
    assert rows.keys[SUMMER] != less.keys[SUMMER]


def test_a_quarter_that_is_not_asked_for_is_not_read(tmp_path: Path) -> None:
    spring = ROWS.filter(pl.col("month").is_in(SPRING.months))
    spring.write_parquet(tmp_path / "spring.parquet")
    parts = {
        SPRING: pl.scan_parquet(tmp_path / "spring.parquet"),
        SUMMER: pl.scan_parquet(tmp_path / "gone.parquet", schema=dict(ROWS.schema)),
    }
    rows = QuarterRows(ROWS.clear(), parts, {}, ROWS.select("force", "month"))
    assert rows.collect(SPRING.months).sort("month").equals(spring.sort("month"))
    with pytest.raises(FileNotFoundError):
        rows.collect()


def test_nothing_is_given_outside_what_may_be() -> None:
    rows = QuarterRows.of(ROWS)
    one = QuarterRows(rows.nothing, rows.parts, rows.keys, ROWS.select("force", "month")[:1])
    assert one.collect()["crime_ref"].to_list() == ["A1"]


def test_what_was_taken_back_is_known_where_it_is() -> None:
    crimes = pl.concat(
        [ROWS, ROWS[:1].with_columns(month=date(2019, 9, 1), counted=pl.lit(-1, pl.Int64))]
    ).lazy()
    gone = withdrawn(crimes).collect()
    assert gone.rows() == [("ashire", "A1")], "what has no reference cannot be taken back by it"
    assert among(gone, [ROWS[1:].lazy()]).is_empty()
    assert among(gone, [ROWS[1:].lazy(), ROWS[:1].lazy()]).rows() == [("ashire", "A1")]
    assert among(gone, []).is_empty()
