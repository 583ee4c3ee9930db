"""The only place that adds up: counts onto the expected grid, and figures into totals.

Everywhere else a sum over nulls would be 0 and a half-null sum a silent undercount, so an architecture
test refuses `.sum(` and zero-filling outside this module.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from transforms.contracts.status import allows_number, ranked, worst_rank


def count_onto_grid(grid: pl.LazyFrame, counted: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """Lay counted crimes onto the grid of what ought to exist.

    `grid` has one row for each key that is owed, with `supplied` (whether its force supplied the month).
    `counted` has one row for each crime that counts, with `key` and `counted` (1 or -1).
    Returns the grid, in its order, with `count`: zero only where the month was supplied and holds no such crime, and
    null where nothing was supplied, whatever strays were found there.
    """
    counts = counted.group_by(key).agg(pl.col("counted").cast(pl.Int64).sum().alias("count"))
    return (
        grid.with_row_index("at")
        .join(counts, on=list(key), how="left")
        .with_columns(count=pl.when("supplied").then(pl.col("count").fill_null(0)))
        .sort("at")
        .drop("at")
    )


def off_grid(grid: pl.LazyFrame, counted: pl.LazyFrame, key: Sequence[str]) -> pl.DataFrame:
    """Counted crimes that no row of the grid awaits, as `key` and `rows`: supply that would otherwise be lost."""
    return rows_by(counted.join(grid, on=list(key), how="anti"), key).sort(key).collect()


def add_up(figures: pl.DataFrame | pl.LazyFrame, by: Sequence[str], child: str | None = None) -> pl.DataFrame:
    """Total figures: one row for each value of `by`, with `count`, `status` and, given `child`, `lacking`.

    The total is null unless every part allows a number; its status is the worst of its parts. `lacking`
    lists, in order, the children whose figures are not there. Rows come sorted on `by`.
    """
    parts = [
        pl.col("count").sum().alias("count"),
        worst_rank(pl.col("status")).alias("status"),
    ]
    if child is not None:
        parts.append(pl.col(child).filter(~allows_number()).unique().sort().alias("lacking"))
    return (
        figures.lazy()
        .group_by(by)
        .agg(parts)
        .with_columns(ranked(pl.col("status")))
        .with_columns(count=pl.when(allows_number()).then("count"))
        .sort(by)
        .collect()
    )


def net_of(changes: pl.DataFrame, by: Sequence[str], column: str) -> pl.DataFrame:
    """The net of signed whole changes: one row for each value of `by`, sorted, with `column`; none may be null."""
    return changes.group_by(by).agg(pl.col(column).cast(pl.Int64).sum()).sort(by)


def counted_by(crimes: pl.LazyFrame, by: Sequence[str]) -> pl.DataFrame:
    """How many crimes count (`counted`, 1 or -1 in each) of each value of `by` that has one, in no order."""
    return crimes.group_by(by).agg(pl.col("counted").cast(pl.Int64).sum()).collect(engine="streaming")


def total_within(column: str, by: Sequence[str]) -> pl.Expr:
    """On every row, the total of whole numbers over the rows that share `by`; nulls are no part of it.

    For weighing what is to be hidden and for checking sums, never for a published figure.
    """
    return pl.col(column).sum().over(by)


def mean_before(figures: pl.DataFrame, by: Sequence[str], order: str) -> pl.DataFrame:
    """Add `before`, how many earlier figures there are, and `mean`, their mean, leaving out nulls.

    Earlier is by `order` within `by`; a figure is no part of its own past.
    """
    number = pl.col("count").is_not_null()
    past_total = pl.col("count").fill_null(0).cum_sum().over(by) - pl.col("count").fill_null(0)
    return (
        figures.sort(*by, order)
        .with_columns(before=number.cum_sum().over(by) - number.cast(pl.UInt32), past_total=past_total)
        .with_columns(mean=pl.col("past_total") / pl.when(pl.col("before") > 0).then("before"))
        .drop("past_total")
    )


def rows_by(frame: pl.LazyFrame, by: Sequence[str]) -> pl.LazyFrame:
    """How many rows there are for each value of `by`, as `rows`: a tally of records, not a figure."""
    return frame.group_by(by).agg(pl.len().cast(pl.Int64).alias("rows"))


def population_of(lsoas: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Residents of larger areas: one row for each value of `by`, sorted; null unless every LSOA's is known."""
    known = pl.col("population").is_not_null().all()
    return lsoas.group_by(by).agg(population=pl.when(known).then(pl.col("population").sum())).sort(by)
