"""Outcomes of the crimes that count, on both bases: by when the crime was recorded, and by when it was closed."""

from __future__ import annotations

from typing import Final, Literal, get_args

import polars as pl

from transforms.aggregation import net_of, rows_by
from transforms.counting.editions import Editions
from transforms.counting.engine import Counts

Basis = Literal["recorded", "closed"]

#: Not an outcome: a crime that has none yet, on the recorded basis only.
NOT_YET: Final = "0"

_BY: Final = ["force", "month", "offence_code", "outcome_type", "sub_type"]


def assign_outcomes(counts: Counts, editions: Editions) -> pl.DataFrame:
    """One row for each crime that counts, with its outcome so far.

    `force, crime_ref, offence_code, recorded_month, closed_month` (null while there is no outcome),
    `outcome_type` (`0` to `22`, sub-types under the type they are part of, so that adding up counts each
    crime once), `sub_type` (`1A`, `2A`, `3A` or null: an "of which", never added to its type), `group`
    and `police_uk`. An outcome type that no edition knows, and an outcome without a date, leave the crime
    not yet assigned; `check_recording` reports them. Source: Home Office crime outcomes user guide.
    """
    crimes = _assigned(_counting(counts, "crime_ref").collect(), editions)
    return crimes.sort("force", "crime_ref", "offence_code")


def count_outcomes(counts: Counts, editions: Editions) -> pl.DataFrame:
    """How many crimes have which outcome, on both bases: `OutcomeCounts`, in no order.

    The rows of `assign_outcomes`, counted; crimes that are alike are looked at once.
    """
    alike = _counting(counts)
    crimes = _assigned(rows_by(alike, alike.collect_schema().names()).collect(), editions)
    return pl.concat(
        net_of(on_basis(crimes, basis), _BY, "rows").with_columns(basis=pl.lit(basis))
        for basis in get_args(Basis)
    )


def on_basis(outcomes: pl.DataFrame, basis: Basis) -> pl.DataFrame:
    """The rows of `assign_outcomes` that belong to a basis, each with the `month` it is counted in.

    Recorded: every crime, in the month it was recorded, `not yet assigned` included. Closed: crimes that have
    an outcome, in the month of the outcome, whenever they were recorded. The two are not interchangeable:
    recent months on the recorded basis are still filling.
    """
    if basis == "recorded":
        return outcomes.with_columns(month=pl.col("recorded_month"))
    return outcomes.filter(pl.col("closed_month").is_not_null()).with_columns(month=pl.col("closed_month"))


def _counting(counts: Counts, *also: str) -> pl.LazyFrame:
    """The crimes that count, with what decides their outcome."""
    closed = pl.col("outcome_at").dt.month_start()
    return (
        counts.lines.lazy()
        .filter(pl.col("counted") == 1)
        .select(*also, "force", "class_code", "month", "outcome_type", closed=closed)
    )


def _assigned(crimes: pl.DataFrame, editions: Editions) -> pl.DataFrame:
    """`crimes` with the outcome that each has so far, under the names of `assign_outcomes`."""
    types = editions.outcomes.select(
        pl.col("outcome_type").alias("written"),
        pl.coalesce("sub_type_of", "outcome_type").alias("outcome_type"),
        sub_type=pl.when(pl.col("sub_type_of").is_not_null()).then("outcome_type"),
        group="group",
        police_uk="police_uk",
    )
    dated = pl.when(pl.col("closed").is_not_null()).then(pl.col("outcome_type").cast(pl.String))
    known = dated.is_in(types["written"].to_list())
    return (
        crimes.with_columns(
            pl.col("force").cast(pl.String),
            pl.col("class_code").cast(pl.String),
            written=pl.when(known).then(dated).otherwise(pl.lit(NOT_YET)),
        )
        .drop("outcome_type")
        .rename({"class_code": "offence_code", "month": "recorded_month"})
        .join(types, on="written", how="left")
        .with_columns(closed_month=pl.when(pl.col("outcome_type") != NOT_YET).then("closed"))
        .drop("written", "closed")
    )
