"""Counted: one row for each crime that counts, by force and quarter, with the rule that decided each record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from pipelines.engines import Engine, engine
from pipelines.progress import steps
from pipelines.stages.line import Line
from pipelines.stages.recorded import accepted_of_each, records
from pipelines.stages.shard import Counted, Shard, code_version, count_shard
from pipelines.store import digest
from transforms.aggregation import rows_by
from transforms.contracts import tables
from transforms.counting import of_force, transfers
from transforms.counting.reconciliation import summarise

#: Every table that counting makes (`stages.shard`).
MADE: Final = ("counted", "deciding_rules", *of_force.TABLES)


def count_forces(line: Line, using: Engine | None = None) -> list[str]:
    """Count every force whose records have changed, on the engine that is set. Returns those forces, in order.

    A force is counted by itself: no counting rule joins records of two forces. Each is committed as it is done, so
    that a stopped run goes on where it was.
    """
    lines, streets = (accepted_of_each(line, table) for table in ("lines", "street"))
    work = [shard for force in line.forces if (shard := _work(line, force, lines[force], streets[force]))]
    # The largest first: were it last, the other workers would wait for it.
    rows = {
        force: line.workspace.rows("lines", lines[force]) + line.workspace.rows("street", streets[force])
        for force in line.forces
    }
    work.sort(key=lambda shard: -rows[shard.force])
    done = set[str]()
    with steps("counting", len(work)) as advance:
        for counted in (using or engine()).map(count_shard, work) if work else ():
            advance(counted.force)
            _take(line, counted)
            line.workspace.commit()
            done.add(counted.force)
    return [force for force in line.forces if force in done]


def _work(line: Line, force: str, lines: list[str], streets: list[str]) -> Shard | None:
    """What is to be done for a force, given the partitions of its files; nothing when its count stands."""
    workspace = line.workspace
    if not lines and not streets:
        return None
    tables_read = {"lines": lines, "street": streets, "superseded": [force]}
    objects = {
        table: [name for _, name in workspace.key(table, names)] for table, names in tables_read.items()
    }
    made_from = digest(
        line.basis,
        *(workspace.key(table, names) for table, names in tables_read.items()),
        *line.returning(force),
    )
    if _stands(line, force, made_from):
        return None
    return Shard(line.settings, force, objects, tuple(line.quarters()), made_from, code_version())


def _take(line: Line, counted: Counted) -> None:
    """Put what was made of a force in the place of what was held of it, of every table: it may have no rows now."""
    for table in MADE:
        partitions = counted.partitions.get(table, {})
        held = line.workspace.head.setdefault(table, {})
        line.workspace.forget(table, held.keys() - set(_of_force(line, table, counted.force)))
        held.update(partitions)
        if not held:
            del line.workspace.head[table]


def reconcile_transfers(line: Line) -> bool:
    """Look for every crime that a force transferred out among the others' records. Returns whether anything was new.

    The one step that crosses forces, after each has been counted; it changes no count.
    """
    workspace = line.workspace
    made_from = digest(workspace.key("transferred_out"), workspace.key("deciding_rules"))
    if workspace.up_to_date("transfers", "all", made_from):
        return False
    out = workspace.scan("transferred_out", tables.TransferredOut).collect()
    asked = workspace.scan("transfers", tables.Transfers).select(out.columns).collect()
    new = out.join(asked, on=out.columns, how="anti", nulls_equal=True)
    files = accepted_of_each(line, "lines").items()
    made = {force: _candidates_key(line, force, names) for force, names in files if names}
    standing = [force for force in made if workspace.up_to_date("transfer_candidates", force, made[force])]
    held = workspace.scan("transfer_candidates", tables.TransferCandidates, standing).collect()
    # Hardly a record of the forces that stand may be one of the few that are new: all are asked at once.
    still = [transfers.still_candidates(held, out), _candidates(line, standing, new)]
    seen = pl.concat(still).unique().sort("force", "source_system", "crime_ref")
    with steps("looking for transfers", len(made)) as advance:
        for force in made:
            advance(force)
            own = pl.col("force") == force
            found = seen.filter(own) if force in standing else _candidates(line, [force], out)
            if force not in standing or not found.equals(held.filter(own)):
                workspace.write("transfer_candidates", force, found, tables.TransferCandidates, made[force])
    workspace.forget("transfer_candidates", made)
    seen = workspace.scan("transfer_candidates", tables.TransferCandidates).collect()
    found = transfers.reconcile_transfers(out, seen)
    workspace.write("transfers", "all", found, tables.Transfers, made_from)
    workspace.commit()
    return True


def _candidates_key(line: Line, force: str, files: list[str]) -> str:
    """What a force's records are made from, among which crimes that others transferred out are looked for."""
    workspace = line.workspace
    return digest(
        line.basis[0],
        workspace.key("lines", files),
        workspace.key("superseded", [force]),
        workspace.key("deciding_rules", _of_force(line, "deciding_rules", force)),
    )


def _candidates(line: Line, forces: Sequence[str], out: pl.DataFrame) -> pl.DataFrame:
    """The records of some forces that may be one of the crimes transferred `out` (`TransferCandidates`), sorted."""
    if out.is_empty() or not forces:
        return tables.TransferCandidates.create_empty()
    seen = transfers.candidates(out, records(line, *forces))
    names = [name for force in seen["force"].unique() for name in _of_force(line, "deciding_rules", force)]
    decided = line.workspace.scan("deciding_rules", tables.DecidingRules, names)
    return transfers.with_rules(seen, decided).select(tables.TransferCandidates.column_names())


def _of_force(line: Line, table: str, force: str) -> list[str]:
    """The partitions of a table that hold a force: one of its name, or one for each of its quarters."""
    held = line.workspace.head.get(table, {})
    return [name for name in held if name == force or name.startswith(f"{force} ")]


def _stands(line: Line, force: str, made_from: str) -> bool:
    entries = [line.workspace.head["counted"][name] for name in _of_force(line, "counted", force)]
    return bool(entries) and all(entry.made_from == made_from for entry in entries)


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
