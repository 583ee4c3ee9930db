"""The counting rules over a whole extract: which records count, in which class and month, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from transforms.counting.editions import Editions
from transforms.counting.explanations import decisions_of
from transforms.counting.migration import find_moves
from transforms.counting.together import decide_together
from transforms.periods import month_of

#: The columns of Records that counting looks at, and text that takes few values among them: held once,
#: so that ten million records fit in memory.
_FEW_VALUES: Final = (
    "supply",
    "force",
    "source_system",
    "offence_code",
    "victim_kind",
    "status",
    "status_reason",
    "outcome_type",
)
_REFERENCES: Final = (
    "crime_ref",
    "previous_crime_ref",
    "incident_ref",
    "victim_ref",
    "offender_ref",
    "owner_ref",
    "premises_ref",
)
_OTHERS: Final = (
    "reported_at",
    "recorded_at",
    "occurred_from",
    "updated_at",
    "status_at",
    "outcome_at",
    "longitude",
    "latitude",
)


@dataclass(frozen=True)
class Counts:
    """What the counting rules make of a set of records."""

    #: one row for each record with all that decided it; see `judge_lines`.
    lines: pl.DataFrame
    #: CountingDecisions: one row for each record. A sentence is built only where `because` is collected.
    decisions: pl.LazyFrame
    #: one row for each crime that counts: `force, month, offence_code, category, crime_ref, counted,
    #: longitude, latitude, outcome` (police.uk words), `outcome_month` and `supply`.
    counted: pl.LazyFrame


def count(records: pl.LazyFrame, editions: Editions) -> Counts:
    """Apply the Home Office Counting Rules of the edition in force on each recorded date.

    Takes Records (one row for each crime record, key `force, source_system, crime_ref`); gives `Counts`.
    Records of different forces never decide each other, so the result over several forces is the results
    over each, put together. The order of rows does not matter. Nothing is added up here.
    """
    lines = judge_lines(records, editions)
    return Counts(lines, decisions_of(lines, editions), _counted(lines, editions))


def judge_lines(records: pl.LazyFrame, editions: Editions) -> pl.DataFrame:
    """One row for each record with the rule that decided it: the working table behind `count`.

    Beside the columns of Records that counting looks at: `line` (row number), `month` (first of the month in
    which the crime counts), `class_code` and `category` (null when no class is known), `unit`, `counted`
    (1 or 0), `rule`, `by` (the `line` of the record that counts in its stead), `code_note`, `in_force`.
    """
    rule_ids = editions.rule_ids
    lines = _with_moves(_with_classes(records, editions)).with_columns(
        # A copy that moved on is decided by the copy in the other system, whatever its own status.
        alone=pl.when(pl.col("moved_to").is_not_null())
        .then(pl.lit("migrated-duplicate", rule_ids))
        .when(pl.col("refused").is_not_null())
        .then("refused")
        .when(pl.col("status") == "transferred")
        .then(pl.lit("transferred", rule_ids))
        .when(pl.col("status") == "cancelled")
        .then(pl.lit("cancelled", rule_ids))
    )
    together = decide_together(lines, editions)
    return (
        _beside(lines, together, ["line"])
        .with_columns(
            counted=(pl.col("alone").is_null() & pl.col("lost_to").is_null()).cast(pl.Int8),
            rule=pl.coalesce("alone", "together", pl.lit("recorded", rule_ids)),
            by=pl.coalesce("moved_to", "lost_to"),
        )
        .drop("alone", "refused", "together", "moved_to", "lost_to")
    )


def _beside(lines: pl.DataFrame, found: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """`lines` with the other columns of `found`, of which each key has one row.

    A left join that copies no column of `lines`: ten million records are held once.
    """
    joined = lines.select(key).join(found, on=key, how="left", nulls_equal=True, maintain_order="left")
    return lines.hstack(joined.drop(key))


def _with_moves(lines: pl.DataFrame) -> pl.DataFrame:
    """`moved_to` of copies that another system now holds; the month and the incident that a move leaves them."""
    moves = find_moves(lines)
    if moves is None:
        return lines.with_columns(moved_to=pl.lit(None, pl.UInt32))
    moved = _beside(
        _beside(lines, moves.records, ["line"]), moves.incidents, ["force", "source_system", "incident_ref"]
    )
    return moved.with_columns(
        month=pl.coalesce("first_month", "month"),
        incident_ref=pl.coalesce("moved_incident", "incident_ref"),
    ).drop("first_month", "moved_incident")


def _with_classes(records: pl.LazyFrame, editions: Editions) -> pl.DataFrame:
    lines = (
        records.select(
            *(pl.col(name).cast(pl.Categorical) for name in _FEW_VALUES),
            *_REFERENCES,
            *_OTHERS,
            month=pl.col("recorded_at").dt.date().dt.month_start(),
        )
        .with_row_index("line")
        .collect(engine="streaming")
    )
    key = ["offence_code", "victim_kind", "month"]
    written = lines.select(key).unique()
    classes = editions.resolve(written.cast({"offence_code": pl.String, "victim_kind": pl.String}))
    once = ("offence_code", "victim_kind", "class_code", "unit", "code_note")
    return _beside(lines, classes.cast(dict.fromkeys(once, pl.Categorical)), key)


def _counted(lines: pl.DataFrame, editions: Editions) -> pl.LazyFrame:
    words = dict(editions.outcomes.select("outcome_type", "police_uk").iter_rows())
    is_outcome = pl.col("outcome_type").cast(pl.String).is_in([name for name in words if name != "0"])
    return (
        lines.lazy()
        .filter(pl.col("counted") == 1)
        .select(
            pl.col("force").cast(pl.String),
            "month",
            pl.col("class_code").cast(pl.String).alias("offence_code"),
            "category",
            "crime_ref",
            "counted",
            "longitude",
            "latitude",
            outcome=pl.col("outcome_type").cast(pl.String).fill_null("0").replace_strict(words, default=None),
            outcome_month=pl.when(is_outcome).then(month_of(pl.col("outcome_at"))),
            supply=pl.col("supply").cast(pl.String),
        )
    )
