"""Counted: one row for each crime that counts, by force and quarter, with the rule that decided each record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from geography.placing import place
from geography.vintages import to_current
from pipelines.progress import steps
from pipelines.stages.line import Line
from pipelines.stages.recorded import accepted, records
from pipelines.store import digest
from transforms.aggregation import rows_by
from transforms.contracts import tables
from transforms.counting import count
from transforms.periods import month_of, quarter_key

#: The tables of a force, and the columns that put their rows in one order whatever order they came in.
TABLES: Final = {
    "counted": (
        tables.Counted,
        ["month", "crime_ref", "longitude", "latitude", "category", "outcome", "offence_code", "supply"],
    ),
    "deciding_rules": (tables.DecidingRules, ["month", "crime_ref", "source_system", "offence_code"]),
}


def count_forces(line: Line) -> list[str]:
    """Count every force whose records have changed. Returns those forces.

    A force is counted by itself: no counting rule joins records of two forces.
    """
    workspace = line.workspace
    recounted = []
    with steps("counting", len(line.forces)) as advance:
        for force in line.forces:
            advance(force)
            lines, streets = (accepted(line, table, force) for table in ("lines", "street"))
            if not lines and not streets:
                continue
            made_from = digest(
                line.basis,
                workspace.key("lines", lines),
                workspace.key("street", streets),
                workspace.key("superseded", [force]),
            )
            if _stands(line, force, made_from):
                continue
            _count_force(line, force, lines, streets, made_from)
            workspace.commit()
            recounted.append(force)
    return recounted


def _count_force(line: Line, force: str, lines: list[str], streets: list[str], made_from: str) -> None:
    parts = []
    decided = tables.DecidingRules.create_empty()
    if lines:
        counts = count(records(line, force), line.editions)
        # The sentence of each decision is made when someone asks for it (`fullcount explain`).
        decided = counts.decisions.drop("because").collect()
        parts.append(_placed(line, counts.counted.collect()))
    if streets:
        parts.append(
            _on_current_boundaries(line, line.workspace.scan("street", tables.Counted, streets).collect())
        )
    counted = pl.concat([part.select(list(tables.Counted.column_names())) for part in parts])
    _replace(line, "counted", force, counted, made_from)
    if lines:
        line.workspace.write(
            "recorded_days", force, _days(records(line, force)), tables.RecordedDays, made_from
        )
    _replace(line, "deciding_rules", force, decided, made_from)


def _replace(line: Line, table: str, force: str, frame: pl.DataFrame, made_from: str) -> None:
    """Write a force's partitions of a table, one for each quarter, and drop those it no longer has."""
    schema, order = TABLES[table]
    others = [name for name in line.workspace.head.get(table, {}) if not name.startswith(f"{force} ")]
    written = []
    for quarter, part in _by_quarter(frame):
        partition = f"{force} {quarter}"
        line.workspace.write(table, partition, part.sort(order), schema, made_from)
        written.append(partition)
    line.workspace.forget(table, [*others, *written])


def _by_quarter(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    parts = frame.with_columns(quarter=quarter_key(pl.col("month"))).partition_by(
        "quarter", as_dict=True, include_key=False
    )
    for (quarter,), part in sorted(parts.items(), key=lambda item: str(item[0])):
        yield str(quarter), part


def _stands(line: Line, force: str, made_from: str) -> bool:
    entries = [
        entry
        for name, entry in line.workspace.head.get("counted", {}).items()
        if name.startswith(f"{force} ")
    ]
    return bool(entries) and all(entry.made_from == made_from for entry in entries)


def _days(recorded: pl.LazyFrame) -> pl.DataFrame:
    at = pl.col("recorded_at")
    return (
        rows_by(recorded.select("force", month=month_of(at), day=at.dt.day()), ["force", "month", "day"])
        .sort("force", "month", "day")
        .collect()
    )


def _placed(line: Line, counted: pl.DataFrame) -> pl.DataFrame:
    """Counted crimes of an extract with the LSOA that their point lies in; the map point comes at release."""
    return place(counted.drop("lsoa_code", strict=False), line.loaded.boundaries).with_columns(
        location=pl.lit(None, pl.String)
    )


def _on_current_boundaries(line: Line, counted: pl.DataFrame) -> pl.DataFrame:
    """Rows of police.uk files, whose LSOA codes may be of an earlier census, under current codes."""
    return to_current(counted, line.country.vintages, line.country.lsoas, line.loaded.boundaries)
