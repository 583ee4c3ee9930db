"""Outcomes of the crimes that count, on both bases: by when the crime was recorded, and by when it was closed."""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

from transforms.counting.editions import Editions
from transforms.counting.engine import Counts

#: Not an outcome: a crime that has none yet, on the recorded basis only.
NOT_YET: Final = "0"


def assign_outcomes(counts: Counts, editions: Editions) -> pl.DataFrame:
    """One row for each crime that counts, with its outcome so far.

    `force, crime_ref, offence_code, recorded_month, closed_month` (null while there is no outcome),
    `outcome_type` (`0` to `22`, sub-types under the type they are part of, so that adding up counts each
    crime once), `sub_type` (`1A`, `2A`, `3A` or null: an "of which", never added to its type), `group`
    and `police_uk`. An outcome type that no edition knows, and an outcome without a date, leave the crime
    not yet assigned; `check_recording` reports them. Source: Home Office crime outcomes user guide.
    """
    types = editions.outcomes.select(
        pl.col("outcome_type").alias("written"),
        pl.coalesce("sub_type_of", "outcome_type").alias("outcome_type"),
        sub_type=pl.when(pl.col("sub_type_of").is_not_null()).then("outcome_type"),
        group="group",
        police_uk="police_uk",
    )
    dated = pl.when(pl.col("outcome_at").is_not_null()).then(pl.col("outcome_type").cast(pl.String))
    known = dated.is_in(types["written"].to_list())
    return (
        counts.lines.filter(pl.col("counted") == 1)
        .select(
            pl.col("force").cast(pl.String),
            "crime_ref",
            pl.col("class_code").cast(pl.String).alias("offence_code"),
            pl.col("month").alias("recorded_month"),
            written=pl.when(known).then(dated).otherwise(pl.lit(NOT_YET)),
            closed=pl.col("outcome_at").dt.month_start(),
        )
        .join(types, on="written", how="left")
        .with_columns(closed_month=pl.when(pl.col("outcome_type") != NOT_YET).then("closed"))
        .drop("written", "closed")
        .sort("force", "crime_ref", "offence_code")
    )


def on_basis(outcomes: pl.DataFrame, basis: Literal["recorded", "closed"]) -> pl.DataFrame:
    """The rows of `assign_outcomes` that belong to a basis, each with the `month` it is counted in.

    Recorded: every crime, in the month it was recorded, `not yet assigned` included. Closed: crimes that have
    an outcome, in the month of the outcome, whenever they were recorded. The two are not interchangeable:
    recent months on the recorded basis are still filling.
    """
    if basis == "recorded":
        return outcomes.with_columns(month=pl.col("recorded_month"))
    return outcomes.filter(pl.col("closed_month").is_not_null()).with_columns(month=pl.col("closed_month"))
