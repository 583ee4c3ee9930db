"""Which areas leave which totals, in which periods; percentage changes and rates that are safe to print.

An area without a whole figure in one period of a comparison leaves every period of it, and every total
above it says so (the practice of the Office for National Statistics for Greater Manchester in 2019/20 and
Devon and Cornwall in 2022). Nothing is imputed. Rounding is half away from zero, in whole numbers, so that
no binary fraction decides a printed digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from transforms.aggregation import add_up
from transforms.contracts.status import STATUS, Status, allows_number

#: No percentage change is given on a smaller figure than this (ONS police force area tables).
SMALLEST_BASE: Final = 50

#: Its resident population is too small for a rate to mean anything (ONS police force area tables).
NO_RATE: Final = ("city-of-london",)


def leaving(figures: pl.DataFrame, child: str = "force") -> pl.DataFrame:
    """The areas that leave a comparison: one row for each, with the periods they lack.

    `figures` has one row for each `child`, `period` and published column of the whole comparison, with
    `count` and `status`. A child leaves when any of its figures in any period allows no number. Returns
    `child` and `lacking`, the periods, sorted.
    """
    return (
        figures.filter(~allows_number())
        .group_by(child)
        .agg(pl.col("period").unique().sort().alias("lacking"))
        .sort(child)
    )


def like_for_like(
    figures: pl.DataFrame,
    members: pl.DataFrame,
    gone: Sequence[str],
    by: Sequence[str] = ("period", "column"),
    child: str = "force",
) -> pl.DataFrame:
    """Totals for areas over the children that stay in the comparison, in every period alike.

    `figures` has one row for each `child` and `by`; `members` has one row for each `area` and `child`;
    `gone` are the children that leave (see `leaving`). Returns one row for each `area` and `by`, with
    `count`, `status` and two lists that label it: `excluding`, the children that left, and `in_part`,
    those whose figures are partial. An area that every child has left is missing.
    """
    placed = members.join(figures, on=child)
    stays = ~pl.col(child).is_in(list(gone))
    totals = add_up(placed.filter(stays), by=["area", *by])
    labels = placed.group_by("area").agg(
        pl.col(child).filter(~stays).unique().sort().alias("excluding"),
        pl.col(child)
        .filter(stays & (pl.col("status").cast(pl.String) == Status.PARTIAL.value))
        .unique()
        .sort()
        .alias("in_part"),
    )
    return (
        placed.select("area", *by)
        .unique()
        .join(totals, on=["area", *by], how="left")
        .with_columns(status=pl.col("status").fill_null(Status.MISSING.value))
        .join(labels, on="area")
        .sort("area", *by)
    )


def total_label(name: str, excluding: Sequence[str]) -> str:
    """The name of a total that says what is left out: “England and Wales excluding Greater Manchester”."""
    return f"{name} excluding {in_words(excluding)}" if excluding else name


def in_words(names: Sequence[str]) -> str:
    """Names in one phrase: “A”, “A, B and C”; “A, and B and C” or “A; and B, C” where names hold “and” or commas."""
    *first, last = names
    if not first:
        return last
    if any("," in name for name in names):
        return f"{'; '.join(first)}; and {last}"
    comma = "," if any(" and " in name for name in names) else ""
    return f"{', '.join(first)}{comma} and {last}"


def rounded_ratio(numerator: pl.Expr, denominator: pl.Expr, decimals: int) -> pl.Expr:
    """`numerator / denominator` to so many decimals, half away from zero; null on a denominator not above 0.

    Both are whole numbers; the digit is decided in whole numbers.
    """
    scale: int = 10**decimals
    usable = pl.when(denominator > 0).then(denominator)
    whole = (2 * scale * numerator.abs() + usable) // (2 * usable)
    # Polars divides by a constant through its reciprocal, which is off by one bit for one number in three.
    return ((whole * numerator.sign()).cast(pl.Float64) / scale).round(decimals)


def percentage_change(now: pl.Expr, before: pl.Expr, decimals: int = 0) -> pl.Expr:
    """Change from `before` to `now` in per cent; null on a base under `SMALLEST_BASE`."""
    base = pl.when(before >= SMALLEST_BASE).then(before)
    return rounded_ratio(100 * (now - base), base, decimals)


def changes(now: pl.DataFrame, before: pl.DataFrame, key: Sequence[str], decimals: int = 0) -> pl.DataFrame:
    """Percentage change of each figure: `key`, `value` and `status`.

    Not applicable on a base under `SMALLEST_BASE`; otherwise the worse of the two statuses, with a value
    only where both allow a number.
    """
    both = now.join(before, on=list(key), how="full", coalesce=True, suffix=" before")
    here, there = _present(pl.col("status")), _present(pl.col("status before"))
    worse = pl.when(here.to_physical() >= there.to_physical()).then(here).otherwise(there)
    return (
        both.with_columns(
            status=worse, value=percentage_change(pl.col("count"), pl.col("count before"), decimals)
        )
        .with_columns(status=_not_applicable(allows_number() & pl.col("value").is_null()))
        .select(*key, pl.when(allows_number()).then("value").alias("value"), "status")
        .sort(key)
    )


def rates(
    figures: pl.DataFrame, people: pl.DataFrame, key: Sequence[str], no_rate: Sequence[str] = NO_RATE
) -> pl.DataFrame:
    """Offences per 1,000 people (or households), to one decimal: `area`, `key`, `value` and `status`.

    `figures` has `area`, `key`, `count`, `status`; `people` has one `count` and `status` for each `area`.
    Not applicable for an area without a population of its own and for those of `no_rate`.
    """
    joined = figures.join(
        people.select("area", people="count", people_status="status"), on="area", how="left"
    )
    no_residents = pl.col("area").is_in(list(no_rate)) | pl.col("people_status").is_null()
    unknown = ~allows_number("people_status")
    return (
        joined.with_columns(
            value=rounded_ratio(1000 * pl.col("count"), pl.col("people"), 1),
            status=pl.when(unknown & allows_number()).then(pl.lit(Status.MISSING.value)).otherwise("status"),
        )
        .with_columns(status=_not_applicable(no_residents | (allows_number() & pl.col("value").is_null())))
        .select("area", *key, pl.when(allows_number()).then("value").alias("value"), "status")
        .sort("area", *key)
    )


def _present(status: pl.Expr) -> pl.Expr:
    """A status, missing where the other side of a join had no row."""
    return status.cast(STATUS).fill_null(Status.MISSING.value)


def _not_applicable(where: pl.Expr) -> pl.Expr:
    status = pl.col("status").cast(pl.String)
    return pl.when(where).then(pl.lit(Status.NOT_APPLICABLE.value)).otherwise(status).cast(STATUS)
