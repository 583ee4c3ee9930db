"""Everything that counting makes of the lines of one force, in one pure step: the unit of work of the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from transforms.aggregation import rows_by
from transforms.contracts import tables
from transforms.counting.checks import check_recording, recording_delay
from transforms.counting.corrections import AGGREGATE, count_as_returned
from transforms.counting.editions import Editions
from transforms.counting.engine import count
from transforms.counting.outcomes import assign_outcomes, on_basis
from transforms.counting.reconciliation import reconcile
from transforms.counting.transfers import transferred_out
from transforms.periods import Quarter, month_of

#: The tables of `ForceCounts`, their contracts, and the columns that put their rows in one order.
TABLES: Final = {
    "deciding_rules": (tables.DecidingRules, ["month", "crime_ref", "source_system", "offence_code"]),
    "returned": (tables.Returned, ["month", "offence_code", "crime_ref", "counted"]),
    "net_corrections": (tables.NetCorrections, ["month", "offence_code", "crime_ref", "counted"]),
    "outcome_counts": (
        tables.OutcomeCounts,
        ["basis", "month", "offence_code", "outcome_type", "sub_type"],
    ),
    "recording_checks": (tables.RecordingCheckCounts, ["month", "check"]),
    "recording_delays": (tables.RecordingDelays, ["week"]),
    "recorded_days": (tables.RecordedDays, ["month", "day"]),
    "transferred_out": (tables.TransferredOut, ["source_system", "crime_ref"]),
    "system_places": (tables.SystemPlaces, ["place", "old_ref", "new_ref"]),
}


@dataclass(frozen=True)
class ForceCounts:
    """What counting makes of one force: each crime that counts, and the tables of `TABLES` by name."""

    #: one row for each crime that counts; the columns of `Counts.counted`.
    counted: pl.DataFrame
    #: each table of `TABLES`, its rows in order.
    tables: dict[str, pl.DataFrame]


def count_force(
    lines: pl.LazyFrame,
    superseded: pl.LazyFrame,
    treatment: str,
    quarters: Sequence[Quarter],
    editions: Editions,
) -> ForceCounts:
    """Count one force.

    `lines` is `Lines` of that force, every version; `superseded` the `supply, row` of those that a later version
    replaces (`recording.superseded`); `treatment` is record-level or aggregate and `quarters` are those to return.
    It reads nothing else, so the same arguments give the same rows wherever it runs. `returned` is empty for a
    record-level force, whose published quarters are restated from `counted`.
    """
    records = lines.join(superseded, on=["supply", "row"], how="anti")
    counts = count(records, editions)
    outcomes = assign_outcomes(counts, editions)
    checks = check_recording(records, counts, editions)
    returned, corrections = _returned(lines, treatment, quarters, editions)
    found = {
        # The sentence of each decision is made when someone asks for it (`fullcount explain`).
        "deciding_rules": counts.decisions.drop("because").collect(),
        "returned": returned,
        "net_corrections": corrections,
        "outcome_counts": pl.concat([_tally(outcomes, "recorded"), _tally(outcomes, "closed")]),
        "recording_checks": checks.group_by("force", "month", "check", maintain_order=True).agg(
            pl.len().cast(pl.Int64).alias("rows"), pl.col("sentence", "next_steps").first()
        ),
        "recording_delays": recording_delay(records, editions),
        "recorded_days": _days(records),
        "transferred_out": transferred_out(records, counts),
        "system_places": reconcile(counts.lines),
    }
    return ForceCounts(
        counts.counted.collect(),
        {
            name: found[name].select(schema.column_names()).sort(order, nulls_last=True)
            for name, (schema, order) in TABLES.items()
        },
    )


def _returned(
    lines: pl.LazyFrame, treatment: str, quarters: Sequence[Quarter], editions: Editions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`Returned` and `NetCorrections` of an aggregate force; both empty for a record-level one."""
    if treatment != AGGREGATE or not quarters:
        return tables.Returned.create_empty(), tables.NetCorrections.create_empty()
    done = count_as_returned(lines, quarters, editions)
    return done.counted, done.changes


def _tally(outcomes: pl.DataFrame, basis: Literal["recorded", "closed"]) -> pl.DataFrame:
    by = ["force", "month", "offence_code", "outcome_type", "sub_type"]
    rows = rows_by(on_basis(outcomes, basis).lazy(), by).collect()
    return rows.with_columns(basis=pl.lit(basis))


def _days(records: pl.LazyFrame) -> pl.DataFrame:
    at = pl.col("recorded_at")
    days = records.select("force", month=month_of(at), day=at.dt.day())
    return rows_by(days, ["force", "month", "day"]).collect()
