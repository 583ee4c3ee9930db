"""Supplied: every file as received is frozen, read once, and each of its rows kept or rejected with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.progress import steps
from pipelines.sources import force_extract, police_uk
from pipelines.sources.column_maps import maps_in
from pipelines.sources.finding import Found, find
from pipelines.sources.freeze import Frozen, freeze
from pipelines.sources.naming import Recognised, recognise
from pipelines.sources.refusal import Refusal
from pipelines.stages.line import Line
from pipelines.stages.recorded import supply_partition
from pipelines.store import digest
from transforms.contracts import tables
from transforms.contracts.columns import ZONE

#: Commit after so many new files, so that a stopped run has lost little.
FILES_PER_COMMIT: Final = 50


@dataclass(frozen=True)
class Mark:
    """One force-month of one file received, for the supply calendar."""

    force: str
    month: date
    name: str
    rows: int
    sha256: str
    state: str


@dataclass
class Taken:
    """What a look at the supply folder brought."""

    new: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unchanged: int = 0
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True)
class Read:
    """What one file held: how many rows, and how many of them were kept and refused."""

    rows: int
    kept: int
    rejected: int


def take_in(line: Line, files: Iterable[Found | Refusal] | None = None) -> Taken:
    """Freeze and read every file that is new in the supply folder, or among the files given.

    A file whose bytes and scope are held already is passed over. One that cannot be used is refused with a
    message and stops nobody else's. Each file's tables are committed whole.
    """
    taken = Taken()
    line.workspace.clear_scratch()
    supplies = line.supplies()
    held = {_scope_key(row) for row in supplies.filter(pl.col("state") != "refused").iter_rows(named=True)}
    files = list(find(Path(line.settings.supply)) if files is None else files)
    with steps("taking in", len(files)) as advance:
        for each in files:
            advance(each.name)
            row = _take_one(line, each, held, taken)
            if row is None:
                taken.unchanged += 1
                continue
            supplies = _entered(supplies, row)
            if len(taken.new) % FILES_PER_COMMIT == 0:
                _commit(line, supplies)
    _commit(line, supplies)
    return taken


def _take_one(
    line: Line, each: Found | Refusal, held: set[tuple[object, ...]], taken: Taken
) -> dict[str, object] | None:
    """Freeze and read one file. Returns its row of `Supplies`, or nothing when it is held already."""
    frozen: Frozen | None = None
    recognised: Recognised | None = None
    try:
        if isinstance(each, Refusal):
            raise each
        frozen = freeze(each, line.workspace.storage.path("supplied"))
        told = recognise(each.name, each.head(), forces=line.forces)
        if isinstance(told, Refusal):
            raise told
        recognised = told
        row = _row(frozen, recognised, each.name)
        if _scope_key(row) in held:
            return None
        if any(each_held[0] == frozen.supply for each_held in held):
            raise Refusal(
                each.name,
                "the same bytes were supplied before for another force, month or system",
                "supply the file that belongs under this name",
            )
        read = _read(line, frozen, recognised, row)
    except Refusal as refusal:
        taken.refused.append(str(refusal))
        return _row(frozen, recognised, each.name) | {"state": "refused", "reason": str(refusal)}
    held.add(_scope_key(row))
    taken.new.append(each.name)
    taken.rows += read.rows
    taken.accepted += read.kept
    taken.rejected += read.rejected
    row |= {"rows": read.rows, "rejected": read.rejected}
    taken.marks.extend(_marks(row))
    return row


def _read(line: Line, frozen: Frozen, recognised: Recognised, row: dict[str, object]) -> Read:
    """Read one frozen file with the adapter of its kind, and take its tables into the workspace."""
    workspace = line.workspace
    made_from = digest(line.basis, frozen.supply, recognised.label)
    partition = supply_partition(row)
    with workspace.scratch() as scratch:
        if recognised.kind == "extract":
            extract = force_extract.read_extract(
                frozen,
                recognised,
                known_forces=line.forces,
                known_codes=line.editions.known_codes(),
                folder=scratch,
                maps=maps_in(Path(line.settings.country) / "column-maps"),
            )
            workspace.adopt("lines", partition, extract.lines, extract.kept, made_from)
            kept, rejects, rows = extract.kept, extract.rejects, extract.rows
        elif recognised.kind == "street":
            street = police_uk.read_street(frozen, recognised, line.country.forces, scratch)
            workspace.write("street", partition, street.counted, tables.Counted, made_from)
            kept, rejects, rows = street.counted.height, street.rejects, street.rows
        else:
            if recognised.kind == "outcomes":
                other = police_uk.read_outcomes(frozen, recognised, line.country.forces, scratch)
                workspace.write("case_outcomes", partition, other.kept, tables.CaseOutcomes, made_from)
            else:
                other = police_uk.read_searches(frozen, recognised, scratch)
                workspace.write("searches", partition, other.kept, tables.Searches, made_from)
            kept, rejects, rows = other.kept.height, other.rejects, other.rows
        if rejects.height:
            workspace.write("rejects", partition, rejects, tables.Rejects, made_from)
    return Read(rows, kept, rejects.height)


def _row(frozen: Frozen | None, recognised: Recognised | None, name: str) -> dict[str, object]:
    return {
        "supply": frozen.supply if frozen else "0" * 64,
        "name": name,
        "kind": recognised.kind if recognised else "unknown",
        "force": recognised.force if recognised else None,
        "first_month": recognised.first_month if recognised else None,
        "last_month": recognised.last_month if recognised else None,
        "source_system": recognised.system if recognised else None,
        "bytes": frozen.bytes if frozen else 0,
        "rows": 0,
        "rejected": 0,
        "state": "accepted",
        "reason": None,
    }


def _scope(row: dict[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in ("kind", "force", "first_month", "last_month", "source_system"))


def _scope_key(row: dict[str, object]) -> tuple[object, ...]:
    return (row["supply"], *_scope(row))


def _entered(supplies: pl.DataFrame, row: dict[str, object]) -> pl.DataFrame:
    """Enter one file: an accepted one supersedes what was held of its scope; a refusal repeats no line."""
    if row["state"] == "refused":
        told = [row[name] for name in ("name", "supply", "reason")]
        if list(told) in [list(each) for each in supplies.select("name", "supply", "reason").rows()]:
            return supplies
        supplies = supplies.filter(~((pl.col("state") == "refused") & (pl.col("name") == row["name"])))
    else:
        same = pl.all_horizontal(
            pl.col(name).eq_missing(pl.lit(row[name]))
            for name in ("kind", "force", "first_month", "last_month", "source_system")
        )
        supplies = supplies.with_columns(
            state=pl.when(same & (pl.col("state") == "accepted"))
            .then(pl.lit("superseded"))
            .otherwise("state")
        )
    order = (supplies.get_column("received_order").max() or 0) + 1
    entered = pl.DataFrame(
        [row | {"received_order": order, "received_at": datetime.now(ZoneInfo(ZONE))}],
        schema_overrides=dict(tables.Supplies.create_empty().schema),
    )
    return pl.concat([supplies, entered.select(supplies.columns)], how="vertical_relaxed")


def _commit(line: Line, supplies: pl.DataFrame) -> None:
    line.workspace.write("supplies", "all", supplies, tables.Supplies, digest(supplies.height))
    line.workspace.commit()


def _marks(row: dict[str, object]) -> Iterator[Mark]:
    from transforms.periods import months_between

    first, last, force = row["first_month"], row["last_month"], row["force"]
    if isinstance(first, date) and isinstance(last, date) and isinstance(force, str):
        for month in months_between(first, last):
            yield Mark(
                force, month, str(row["name"]), int(str(row["rows"])), str(row["supply"]), str(row["state"])
            )
