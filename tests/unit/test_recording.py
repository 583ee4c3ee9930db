"""Supplied lines into records: which version is the record, and that every line goes to one place."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.recording import record, superseded

SUPPLIES = ("a" * 64, "b" * 64, "c" * 64)
START = datetime(2019, 7, 1)


def lines(*rows: tuple[int, int, str, str, int]) -> pl.LazyFrame:
    """Lines of one force as (supply, row, source system, crime reference, day last updated)."""
    return pl.LazyFrame(
        [
            {
                "supply": SUPPLIES[supply],
                "row": row,
                "force": "carrow",
                "source_system": system,
                "crime_ref": crime,
                "updated_at": START + timedelta(days=day),
            }
            for supply, row, system, crime, day in rows
        ],
        schema_overrides={"row": pl.UInt32},
    )


def replaced(table: pl.LazyFrame, received: tuple[str, ...] = ()) -> list[tuple[int, int]]:
    return [(SUPPLIES.index(supply), row) for supply, row in superseded(table, received).rows()]


def test_the_version_last_updated_is_the_record_in_whatever_file_it_came() -> None:
    assert replaced(lines((0, 1, "opus", "C1", 5), (1, 1, "opus", "C1", 2), (2, 9, "opus", "C1", 9))) == [
        (0, 1),
        (1, 1),
    ]


def test_one_reference_in_two_systems_or_forces_is_two_records() -> None:
    table = lines((0, 1, "opus", "C1", 1), (0, 2, "policeworks", "C1", 2))
    assert replaced(table) == []
    other = table.with_columns(force=pl.lit("greater-carrow"), supply=pl.lit(SUPPLIES[1]))
    assert replaced(pl.concat([table, other])) == []


def test_of_versions_updated_together_the_file_received_later_then_the_later_row_holds() -> None:
    table = lines((0, 1, "opus", "C1", 1), (0, 2, "opus", "C1", 1), (1, 1, "opus", "C1", 1))
    assert replaced(table) == [(0, 1), (0, 2)]
    assert replaced(table, (SUPPLIES[1], SUPPLIES[0])) == [(0, 1), (1, 1)]


def test_no_lines_is_no_records() -> None:
    assert superseded(lines((0, 1, "opus", "C1", 1)).head(0)).is_empty()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.sampled_from(["opus", "niche"]), st.sampled_from("ABCDE"), st.integers(0, 3)
        ),
        max_size=40,
    )
)
def test_every_line_is_a_record_or_superseded_and_each_crime_has_one_record(
    rows: list[tuple[int, str, str, int]],
) -> None:
    table = lines(
        *((supply, row, system, crime, day) for row, (supply, system, crime, day) in enumerate(rows, 1))
    )
    if not rows:
        return
    records, earlier = (part.collect() for part in record(table))
    whole = table.collect()
    assert pl.concat([records, earlier]).sort("row").equals(whole.sort("row"))
    crimes = ["force", "source_system", "crime_ref"]
    assert records.select(crimes).is_duplicated().any() is False
    assert records.height == whole.select(crimes).n_unique()
    latest = whole.group_by(crimes).agg(pl.col("updated_at").max())
    assert records.join(latest, on=[*crimes, "updated_at"], how="anti").is_empty()
