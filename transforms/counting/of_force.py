"""Everything that counting makes of the lines of one force, in one pure step: the unit of work of the line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from transforms.aggregation import net_of, rows_by
from transforms.contracts import tables
from transforms.counting.checks import count_checks, recording_delay
from transforms.counting.corrections import AGGREGATE, count_as_returned
from transforms.counting.editions import Editions
from transforms.counting.engine import Counts, count
from transforms.counting.migration import forces_with_several_systems
from transforms.counting.outcomes import count_outcomes
from transforms.counting.reconciliation import RECONCILED, reconcile
from transforms.counting.transfers import transferred_out
from transforms.periods import Quarter, month_of

#: How many records are held at once. They are what the memory of counting goes by, about 600 MB for a million.
RECORDS_AT_ONCE: Final = 2_500_000

_OUTCOME: Final = [name for name in tables.OutcomeCounts.column_names() if name != "rows"]

#: The tables of a whole force, their contracts, and the columns that put their rows in one order.
TABLES: Final = {
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
class Part:
    """What counting makes of some records of a force that decide each other and nothing else."""

    #: one row for each crime that counts, in the order of the records; the columns of `Counts.counted`.
    counted: pl.DataFrame
    #: one row for each record, in the same order: `DecidingRules`.
    deciding_rules: pl.DataFrame
    #: what the tables of the whole force are made of, by name.
    told: dict[str, pl.DataFrame]


def count_parts(
    lines: pl.LazyFrame, superseded: pl.LazyFrame, editions: Editions, at_once: int = RECORDS_AT_ONCE
) -> Iterator[Part]:
    """Count one force, part by part, each of `at_once` records or so: the same rows however many parts.

    `lines` is `Lines` of that force, every version; `superseded` the `supply, row` of those that a later version
    replaces (`recording.superseded`). It reads nothing else, so the same arguments give the same rows wherever it
    runs.
    """
    records = lines.join(superseded, on=["supply", "row"], how="anti", maintain_order="left")
    systems = records.select("force", "source_system").unique().collect(engine="streaming")
    several = forces_with_several_systems(systems).cast(pl.Categorical)
    before = 0
    for part in apart(records, at_once):
        counted = _part(count(part, editions), several, before, editions)
        before += counted.deciding_rules.height
        yield counted
        del counted  # the next part takes its memory


def whole_force(
    parts: Sequence[dict[str, pl.DataFrame]],
    lines: pl.LazyFrame,
    treatment: str,
    quarters: Sequence[Quarter],
    editions: Editions,
) -> dict[str, pl.DataFrame]:
    """The tables of `TABLES` by name, their rows in order, from what was `told` of every part.

    `treatment` is record-level or aggregate and `quarters` are those to return. `returned` is empty for a
    record-level force, whose published quarters are restated from `counted`; those of an aggregate force are counted
    all at once, since a version may have moved a record from one part to another.
    """
    told = {name: pl.concat(part[name] for part in parts) for name in parts[0]}
    returned, corrections = _returned(lines, treatment, quarters, editions)
    times = told["times"].lazy()
    at = pl.col("recorded_at")
    days = times.select("force", month=month_of(at), day=at.dt.day())
    found = {
        "returned": returned,
        "net_corrections": corrections,
        "outcome_counts": net_of(told["outcome_counts"], _OUTCOME, "rows"),
        "recording_checks": _checks(told["recording_checks"]),
        "recording_delays": recording_delay(times, editions),
        "recorded_days": rows_by(days, ["force", "month", "day"]).collect(),
        "transferred_out": told["transferred_out"],
        "system_places": reconcile(told["lines"]),
    }
    return {
        name: found[name].select(schema.column_names()).sort(order, nulls_last=True)
        for name, (schema, order) in TABLES.items()
    }


def apart(records: pl.LazyFrame, at_once: int) -> Iterator[pl.LazyFrame]:
    """The records in parts of about `at_once`, so that no counting rule joins records of two parts.

    Rules join the records of an incident, and those that name each other's reference. The records of an incident are
    in one part; all incidents that a previous reference leads into or out of are in one part together. Every record
    is in exactly one part, in the order it had.
    """
    number = -(-records.select(pl.len()).collect(engine="streaming").item() // at_once)
    if number <= 1:
        yield records
        return
    incident, previous = pl.col("incident_ref"), pl.col("previous_crime_ref")
    part = incident.hash() % number
    named = records.select(previous.drop_nulls().unique()).collect(engine="streaming").to_series()
    if named.len():
        linked = previous.is_not_null() | pl.col("crime_ref").is_in(named.implode())
        reached = records.filter(linked).select(incident.drop_nulls().unique()).collect(engine="streaming")
        together = linked | incident.is_in(reached.to_series().implode()).fill_null(False)
        part = pl.when(together).then(0).otherwise(part)
    for each in range(number):
        yield records.filter(part == each)


def _part(counts: Counts, several: pl.DataFrame, before: int, editions: Editions) -> Part:
    """What one part comes to; its lines are numbered after the `before` lines of the parts before it."""
    lines = counts.lines.lazy()
    return Part(
        counts.counted.collect(),
        # The sentence of each decision is made when someone asks for it (`fullcount explain`).
        counts.decisions.select(tables.DecidingRules.column_names()).collect(),
        {
            "outcome_counts": count_outcomes(counts, editions),
            "recording_checks": count_checks(counts, editions),
            "transferred_out": transferred_out(counts),
            "times": lines.select(pl.col("force").cast(pl.String), "reported_at", "recorded_at").collect(),
            "lines": lines.join(several.lazy(), on="force", how="semi")
            .select(RECONCILED)
            .with_columns(pl.col("line", "by") + before)
            .collect(),
        },
    )


def _checks(found: pl.DataFrame) -> pl.DataFrame:
    """The checks of every part put together: each with the sentence of the first record by its reference."""
    by = ["force", "month", "check"]
    first = found.sort("crime_ref", "source_system").unique(by, keep="first", maintain_order=True)
    return first.drop("rows").join(net_of(found, by, "rows"), on=by)


def _returned(
    lines: pl.LazyFrame, treatment: str, quarters: Sequence[Quarter], editions: Editions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`Returned` and `NetCorrections` of an aggregate force; both empty for a record-level one."""
    if treatment != AGGREGATE or not quarters:
        return tables.Returned.create_empty(), tables.NetCorrections.create_empty()
    done = count_as_returned(lines, quarters, editions)
    return done.counted, done.changes
