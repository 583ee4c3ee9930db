"""The Home Office table of 2017/18, turned into records and counted back: every force, quarter and code.

Also a script: `python tests/real/test_counting_round_trip.py [FORCE …]` prints the cells compared and different.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import polars as pl
import pytest

from fixtures.inflate import inflate_counts
from transforms.contracts.columns import ZONE
from transforms.contracts.tables import Lines
from transforms.counting import load_editions
from transforms.counting.corrections import count_as_returned
from transforms.periods import Quarter, quarter_key

DATA = Path(os.environ.get("FULLCOUNT_OPEN_DATA", Path(__file__).parents[3] / "shared" / "data"))
TABLE = DATA / "official" / "prc-pfa-mar2013-onwards-tables_2017-18.csv"
EDITIONS = load_editions()

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not TABLE.exists(), reason=f"the open data table {TABLE.name} is not beside the checkout"
    ),
]

#: National bodies that record fraud; forces do not.
NOT_FORCES = ("Action Fraud", "CIFAS", "UK Finance", "Financial Fraud Action UK")


def published_table() -> pl.DataFrame:
    """The table as printed, one row for each row of it: `force, quarter, offence_code, count`."""
    year, number = (
        pl.col("Financial Year").str.slice(0, 4).cast(pl.Int32),
        pl.col("Financial Quarter").cast(pl.Int32),
    )
    printed = pl.read_csv(TABLE, infer_schema=False).filter(~pl.col("Force Name").is_in(NOT_FORCES))
    return printed.select(
        pl.col("Force Name").str.to_lowercase().str.replace_all(r"[^a-z]+", "-").alias("force"),
        pl.format("{}-Q{}", year + (number == 4).cast(pl.Int32), number % 4 + 1).alias("quarter"),
        pl.col("Offence Code").alias("offence_code"),
        pl.col("Number of Offences")
        .str.replace_all(r"[ ,]", "")
        .replace("-00", "0")
        .cast(pl.Int64)
        .alias("count"),
    )


def lines_of(supplied: pl.DataFrame) -> pl.DataFrame:
    """Supplied extract lines as `Lines`, every version, in a supply for each quarter."""
    london = pl.selectors.datetime().dt.replace_time_zone(ZONE, ambiguous="earliest")
    return (
        supplied.with_columns(
            london,
            supply=pl.col("quarter").str.replace_all(r"\D", "").str.zfill(64),
            row=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("quarter"),
        )
        .select("quarter", *Lines.column_names())
        .cast({name: kind for name, kind in Lines.create_empty().schema.items() if kind == pl.String})
    )


def counted_back(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """What the product counts of records inflated from `table`, quarter after quarter, and how many lines they were."""
    lines = lines_of(inflate_counts(table))
    quarters = [Quarter.parse(text) for text in table["quarter"].unique().sort()]
    returned = count_as_returned(lines.drop("quarter").lazy(), quarters, EDITIONS).counted
    cells = returned.with_columns(quarter=quarter_key(pl.col("month"))).group_by(
        "force", "quarter", "offence_code"
    )
    return cells.agg(pl.col("counted").cast(pl.Int64).sum().alias("seen")), lines.height


def compared(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Each cell of the table, and each that was counted besides: `count` as printed, `seen`; and how many lines."""
    seen, lines = counted_back(table)
    printed = table.group_by("force", "quarter", "offence_code").agg(pl.col("count").sum())
    in_year = seen.filter(pl.col("quarter").is_in(printed["quarter"].implode()))
    key = ["force", "quarter", "offence_code"]
    return printed.join(in_year, on=key, how="full", coalesce=True).fill_null(0), lines


def tell(name: str, cells: pl.DataFrame, lines: int) -> int:
    """Print what was compared; gives the number of cells that differ."""
    different = cells.filter(pl.col("count") != pl.col("seen"))
    negative = cells.filter(pl.col("count") < 0).height
    print(
        f"{name}: {lines:,} lines, {cells.height:,} cells compared, {negative} of them negative, "
        f"{cells['seen'].sum():,} crimes, {different.height} cells different"
    )
    return different.height


#: Between them: negative cells of 1, 45 and 22, a negative homicide cell, and the railways.
FEW = ("lancashire", "dorset", "british-transport-police")


@pytest.mark.parametrize("force", FEW)
def test_a_force_is_counted_back_exactly(force: str) -> None:
    table = published_table().filter(pl.col("force") == force)
    cells, lines = compared(table)
    assert tell(force, cells, lines) == 0
    assert (table.height, cells.height) == (131 * 4, 128 * 4)
    assert (table["count"] < 0).any()


@pytest.mark.slow
def test_every_force_is_counted_back_exactly() -> None:
    assert round_trip(sorted(set(published_table()["force"]))) == 0


def round_trip(forces: list[str]) -> int:
    """Count every force back, one at a time, and print the sum of it; gives the number of cells that differ."""
    table = published_table()
    parts = []
    total = 0
    for force in forces:
        cells, lines = compared(table.filter(pl.col("force") == force))
        tell(force, cells, lines)
        parts.append(cells)
        total += lines
    return tell(f"all {len(forces)} forces", pl.concat(parts), total)


if __name__ == "__main__":
    sys.exit(round_trip(sys.argv[1:] or sorted(set(published_table()["force"]))) != 0)
