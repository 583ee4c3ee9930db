"""Counted: one row for each crime that counts, by force and quarter, with the rule that decided each record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import dataframely as dy
import polars as pl

from geography.placing import place
from geography.vintages import to_current
from pipelines.progress import steps
from pipelines.stages.line import Line
from pipelines.stages.recorded import Superseded, accepted, records
from pipelines.store import digest
from transforms.aggregation import rows_by
from transforms.contracts import tables
from transforms.counting import of_force, transfers
from transforms.counting.reconciliation import summarise
from transforms.periods import quarter_key

#: The columns that put counted crimes in one order whatever order they came in.
ORDER: Final = [
    "month", "crime_ref", "longitude", "latitude", "category", "outcome", "offence_code", "supply",
]  # fmt: skip

#: The other tables of a force that are kept a quarter at a time.
BY_QUARTER: Final = ("deciding_rules", "returned")


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
                *line.returning(force),
            )
            if _stands(line, force, made_from):
                continue
            _count_force(line, force, lines, streets, made_from)
            workspace.commit()
            recounted.append(force)
    return recounted


def reconcile_transfers(line: Line) -> bool:
    """Look for every crime that a force transferred out among the others' records. Returns whether anything was new.

    The one step that crosses forces, after each has been counted; it changes no count.
    """
    workspace = line.workspace
    made_from = digest(workspace.key("transferred_out"), workspace.key("deciding_rules"))
    if workspace.up_to_date("transfers", "all", made_from):
        return False
    holding = [force for force in line.forces if accepted(line, "lines", force)]
    found = transfers.reconcile_transfers(
        workspace.scan("transferred_out", tables.TransferredOut).collect(),
        pl.concat([tables.Records.create_empty().lazy(), *(records(line, force) for force in holding)]),
        workspace.scan("deciding_rules", tables.DecidingRules),
    )
    workspace.write("transfers", "all", found, tables.Transfers, made_from)
    workspace.commit()
    return True


def _count_force(line: Line, force: str, lines: list[str], streets: list[str], made_from: str) -> None:
    workspace = line.workspace
    parts = []
    found = {name: schema.create_empty() for name, (schema, _) in of_force.TABLES.items()}
    if lines:
        done = of_force.count_force(
            workspace.scan("lines", tables.Lines, lines),
            workspace.scan("superseded", Superseded, [force]),
            line.treatment(force),
            line.quarters(),
            line.editions,
        )
        found = done.tables
        parts.append(_placed(line, done.counted))
    if streets:
        parts.append(
            _on_current_boundaries(line, workspace.scan("street", tables.Counted, streets).collect())
        )
    counted = pl.concat([part.select(list(tables.Counted.column_names())) for part in parts])
    _replace(line, "counted", force, counted.sort(ORDER), tables.Counted, made_from)
    for name, (schema, _) in of_force.TABLES.items():
        if name in BY_QUARTER:
            _replace(line, name, force, found[name], schema, made_from)
        elif found[name].height:
            workspace.write(name, force, found[name], schema, made_from)
        else:
            workspace.forget(name, [each for each in workspace.head.get(name, {}) if each != force])


def _replace(
    line: Line, table: str, force: str, frame: pl.DataFrame, schema: type[dy.Schema], made_from: str
) -> None:
    """Write a force's partitions of a table, one for each quarter, and drop those it no longer has."""
    others = [name for name in line.workspace.head.get(table, {}) if not name.startswith(f"{force} ")]
    written = []
    for quarter, part in _by_quarter(frame):
        partition = f"{force} {quarter}"
        line.workspace.write(table, partition, part, schema, made_from)
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


def _placed(line: Line, counted: pl.DataFrame) -> pl.DataFrame:
    """Counted crimes of an extract with the LSOA that their point lies in; the map point comes at release."""
    return place(counted.drop("lsoa_code", strict=False), line.loaded.boundaries).with_columns(
        location=pl.lit(None, pl.String)
    )


def _on_current_boundaries(line: Line, counted: pl.DataFrame) -> pl.DataFrame:
    """Rows of police.uk files, whose LSOA codes may be of an earlier census, under current codes."""
    return to_current(counted, line.country.vintages, line.country.lsoas, line.loaded.boundaries)


def told(line: Line) -> list[str]:
    """What counting found that a person should look at, a sentence each: systems reconciled, corrections, checks."""
    workspace = line.workspace
    sentences = []
    if line.reference is not None and line.differences is not None:
        sentences.append(
            f"The classes are those of {line.reference.name}, which differs from the bundled tables in "
            f"{line.differences.height:,} places: `fullcount editions --reference {line.reference}` lists them."
        )
    places = summarise(workspace.scan("system_places", tables.SystemPlaces).collect())
    for force, rows in places.group_by("force", maintain_order=True):
        each = ", ".join(
            f"{row['crimes']:,} {row['place']} ({row['open']:,} open)" for row in rows.iter_rows(named=True)
        )
        sentences.append(
            f"{force[0]} has two records systems: {each}. `fullcount reconcile` lists what to look at."
        )
    if corrections := workspace.rows("net_corrections"):
        forces = len(workspace.head["net_corrections"])
        sentences.append(
            f"{corrections:,} net corrections are in the returns of {forces} aggregate "
            f"{'force' if forces == 1 else 'forces'}; `fullcount explain CRIME_REF` says why."
        )
    if sent := workspace.rows("transfers"):
        lost = workspace.scan("transfers", tables.Transfers).filter(pl.col("state") == "not found")
        sentences.append(
            f"{sent:,} crimes were transferred to another force, of which {lost.collect().height:,} are found in no "
            "other force's records: `fullcount transfers` lists them."
        )
    checks = workspace.scan("recording_checks", tables.RecordingCheckCounts)
    failed = rows_by(checks, ["check"]).sort("check").collect().get_column("check").to_list()
    if failed:
        sentences.append(
            f"Some records do not pass the checks on recording ({', '.join(failed)}): nothing is mended; "
            "`fullcount checks` lists them."
        )
    return sentences
