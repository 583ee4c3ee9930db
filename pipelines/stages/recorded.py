"""Recorded: the latest version of each crime record, as the lines that nothing supersedes.

Lines are not copied: what is kept is the list of superseded ones, and a record is a line not on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date

import dataframely as dy
import polars as pl

from pipelines.progress import steps
from pipelines.stages.line import Line
from pipelines.store import digest
from transforms import recording
from transforms.contracts import columns as c
from transforms.contracts import tables
from transforms.register import COUNTED_FROM


class Superseded(dy.Schema):
    """One row for each line that a later version of the same crime record supersedes."""

    supply = c.supply(primary_key=True)
    row = dy.UInt32(primary_key=True, description="record number in the file, from 1")


@dataclass(frozen=True)
class Identity:
    """Where every supplied row went: supplied = recorded + superseded + rejected."""

    supplied: int
    recorded: int
    superseded: int
    rejected: int

    @property
    def holds(self) -> bool:
        """Whether every row is accounted for, once."""
        return self.supplied == self.recorded + self.superseded + self.rejected

    @property
    def figures(self) -> dict[str, int]:
        """The four numbers, by name."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """The identity in words."""
        return (
            f"{self.supplied:,} rows supplied = {self.recorded:,} recorded + {self.superseded:,} superseded "
            f"+ {self.rejected:,} rejected."
        )


def accepted(line: Line, table: str, force: str) -> list[str]:
    """The partitions of `table` (lines or street) that come from the accepted files of a force of the country."""
    return accepted_of_each(line, table)[force]


def accepted_of_each(line: Line, table: str) -> dict[str, list[str]]:
    """What `accepted` gives of each force of the country, the list of files being gone through once."""
    held = line.workspace.head.get(table, {})
    files = line.supplies().filter(pl.col("state") == "accepted")
    found: dict[str, list[str]] = {force: [] for force in line.forces}
    for row in files.select("supply", "kind", "force", "first_month", "last_month").iter_rows(named=True):
        name = supply_partition(row)
        if name in held and row["force"] in found:
            found[row["force"]].append(name)
    return {force: sorted(names) for force, names in found.items()}


def published_before(line: Line, table: str, months: Collection[date]) -> list[str]:
    """The partitions of `case_outcomes` or `searches` that come from accepted files of some months."""
    held = line.workspace.head.get(table, {})
    files = line.supplies().filter(pl.col("state") == "accepted", pl.col("first_month").is_in(list(months)))
    return sorted(
        name for name in (supply_partition(row) for row in files.iter_rows(named=True)) if name in held
    )


def supply_partition(row: dict[str, object]) -> str:
    """The name of the partition that holds what was read from one file, given its row of `Supplies`."""
    first, last = (f"{row[name]:%Y-%m}" if row[name] else "" for name in ("first_month", "last_month"))
    return f"{row['supply']} {row['kind']} {row['force'] or ''} {first} {last}".strip()


def record_forces(line: Line) -> list[str]:
    """Find the superseded lines of every force whose files have changed. Returns those forces."""
    workspace, files = line.workspace, accepted_of_each(line, "lines")
    changed = []
    with steps("recording", len(files)) as advance:
        for force, partitions in files.items():
            advance(force)
            made_from = digest(workspace.key("lines", partitions))
            if not partitions or workspace.up_to_date("superseded", force, made_from):
                continue
            lines = workspace.scan("lines", tables.Lines, partitions)
            received = line.supplies().sort("received_order").get_column("supply").to_list()
            earlier = recording.superseded(lines, received)
            workspace.write("superseded", force, earlier, Superseded, made_from)
            changed.append(force)
    workspace.forget("superseded", [force for force, partitions in files.items() if partitions])
    workspace.commit()
    return changed


def records(line: Line, *forces: str) -> pl.LazyFrame:
    """The records of some forces: one row for each crime record, the latest version."""
    files = accepted_of_each(line, "lines")
    names = [name for force in forces for name in files.get(force, [])]
    lines = line.workspace.scan("lines", tables.Lines, names)
    return lines.join(line.workspace.scan("superseded", Superseded, forces), on=["supply", "row"], how="anti")


def identity(line: Line) -> Identity:
    """Account for every row of every file whose rows are read into records or counted crimes."""
    workspace = line.workspace
    tally = Counter[str]()
    for row in line.supplies().iter_rows(named=True):
        if row["kind"] not in COUNTED_FROM or row["state"] == "refused":
            continue
        name = supply_partition(row)
        # The rows of a table are counted from the table itself, so that a lost row shows.
        kept = sum(workspace.rows(table, [name]) for table in ("lines", "street"))
        tally["supplied"] += row["rows"]
        tally["rejected"] += workspace.rows("rejects", [name])
        tally["recorded" if row["state"] == "accepted" else "superseded"] += kept
    replaced = workspace.rows("superseded")
    return Identity(
        supplied=tally["supplied"],
        recorded=tally["recorded"] - replaced,
        superseded=tally["superseded"] + replaced,
        rejected=tally["rejected"],
    )
