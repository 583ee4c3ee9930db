"""One supplied file from its bytes to objects of the store: the unit of work of taking in, that any engine can run."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.sources import force_extract, police_uk
from pipelines.sources.column_maps import ColumnMap
from pipelines.sources.finding import Found
from pipelines.sources.freeze import Frozen, freeze
from pipelines.sources.naming import Recognised, recognise
from pipelines.sources.refusal import Refusal
from pipelines.stages.recorded import supply_partition
from pipelines.stages.shard import require_same_code
from pipelines.store import Entry, Storage, Workspace, digest, supplied_name
from transforms.contracts import tables

#: What one file is of: a later one of the same supersedes it.
SCOPE: Final = ("kind", "force", "first_month", "last_month", "source_system")


@dataclass(frozen=True)
class Intake:
    """What every file of a run is held against: all that a worker needs to know, small enough to send anywhere."""

    workspace: str
    forces: pl.DataFrame
    codes: frozenset[str]
    #: the column maps of the country; the refusal of one that cannot be read is that of every extract.
    maps: tuple[ColumnMap, ...] | Refusal
    #: what every table rests on besides its input.
    basis: tuple[str, ...]
    #: the object of the store that names the files received before.
    received: str | None
    #: the version of the code that asks.
    code: str


@dataclass(frozen=True)
class Arrival:
    """One file to be taken in, and its place among the files of the run."""

    place: int
    found: Found
    intake: Intake


@dataclass(frozen=True)
class Brought:
    """What came of one file.

    `row` is its row of `Supplies` but for when it was received; `partitions` are its tables, already in the store
    under the names of their bytes; neither is there where the file was held already, as `held` says (`scope_key`).
    `kept` is how many of its `row["rows"]` were kept.
    """

    place: int
    row: dict[str, object] | None = None
    held: tuple[object, ...] | None = None
    partitions: Mapping[str, Entry] = field(default_factory=dict)
    kept: int = 0

    @property
    def key(self) -> tuple[object, ...] | None:
        """What the file is held by from now on (`scope_key`); None where it was refused."""
        if self.row is not None and self.row["state"] == "accepted":
            return scope_key(self.row)
        return self.held


@dataclass(frozen=True)
class Received:
    """The files that are held: their bytes, and what these are of."""

    supplies: set[object]
    scopes: set[tuple[object, ...]]

    @classmethod
    def of(cls, supplies: pl.DataFrame) -> Received:
        """Those of a `Supplies` that were not refused."""
        received = cls(set(), set())
        for row in supplies.filter(pl.col("state") != "refused").iter_rows(named=True):
            received.add(row)
        return received

    def add(self, row: dict[str, object]) -> None:
        """Take in one more."""
        self.supplies.add(row["supply"])
        self.scopes.add(scope_key(row))

    def holds(self, row: dict[str, object]) -> bool:
        """Whether the file is held already. Raises Refusal where its bytes are, as those of something else."""
        if scope_key(row) in self.scopes:
            return True
        if row["supply"] in self.supplies:
            raise Refusal(
                str(row["name"]),
                "the same bytes were supplied before for another force, month or system",
                "supply the file that belongs under this name",
            )
        return False


def scope_key(row: dict[str, object]) -> tuple[object, ...]:
    """What a file is held by: its bytes, and what they are of."""
    return tuple(row[name] for name in ("supply", *SCOPE))


def take_file(arrival: Arrival) -> Brought:
    """Freeze and read one file, and write its tables to the store.

    It looks at no clock but to see whether the file is still being written, and writes objects named by their bytes:
    run twice, or twice at once, it makes the same. A file that cannot be used is refused in the row. Raises StoreError
    where the code of the worker is not that of who asks, or an object store does not answer.
    """
    intake, found = arrival.intake, arrival.found
    require_same_code(intake.code, f"take in {found.name}")
    # A head of its own: what is written here is made current by who asked.
    workspace = Workspace(Storage(intake.workspace))
    frozen: Frozen | None = None
    recognised: Recognised | None = None
    try:
        with workspace.storage.answering(), workspace.scratch() as scratch:
            frozen = _frozen(found, workspace.storage, scratch)
            recognised = _recognised(found, intake)
            row = supplies_row(frozen, recognised, found.name)
            if _received(intake.workspace, intake.received).holds(row):
                return Brought(arrival.place, held=scope_key(row))
            rows, kept, rejects = _read(workspace, intake, frozen, recognised, scratch, row)
    except Refusal as refusal:
        return Brought(arrival.place, refused_row(found.name, refusal, frozen, recognised))
    partitions = {table: entry for table, entries in workspace.head.items() for entry in entries.values()}
    row |= {"rows": rows, "rejected": rejects}
    return Brought(arrival.place, row, partitions=partitions, kept=kept)


def _frozen(found: Found, storage: Storage, scratch: Path) -> Frozen:
    """The file kept in the store for good; on an object store, read from a copy in `scratch`."""
    if storage.local:
        return freeze(found, storage.path("supplied"))
    frozen = freeze(found, scratch / "supplied")
    storage.copy_in(frozen.path, supplied_name(frozen.supply), frozen.original)
    return frozen


@functools.lru_cache(maxsize=1)
def _received(workspace: str, name: str | None) -> Received:
    """The files received before the run, read once by each worker."""
    if name is None:
        return Received.of(tables.Supplies.create_empty())
    return Received.of(
        Workspace(Storage(workspace)).scan_objects([name], tables.Supplies, "supplies").collect()
    )


def _recognised(found: Found, intake: Intake) -> Recognised:
    told = recognise(found.name, found.head(), forces=intake.forces["force"].to_list())
    if isinstance(told, Refusal):
        raise told
    return told


def _read(
    workspace: Workspace,
    intake: Intake,
    frozen: Frozen,
    recognised: Recognised,
    scratch: Path,
    row: dict[str, object],
) -> tuple[int, int, int]:
    """Read a frozen file with the adapter of its kind. Returns how many rows it has, as the adapter counted them.

    And how many of them were kept and how many rejected: that the two make up the first is checked, not assumed.
    """
    made_from = digest(list(intake.basis), frozen.supply, recognised.label)
    partition = supply_partition(row)
    if recognised.kind == "extract":
        if isinstance(intake.maps, Refusal):
            raise intake.maps
        extract = force_extract.read_extract(
            frozen,
            recognised,
            known_forces=intake.forces["force"].to_list(),
            known_codes=intake.codes,
            folder=scratch,
            maps=intake.maps,
        )
        workspace.adopt("lines", partition, extract.lines, extract.kept, made_from)
        kept, rejects, rows = extract.kept, extract.rejects, extract.rows
    elif recognised.kind == "street":
        street = police_uk.read_street(frozen, recognised, intake.forces, scratch)
        workspace.write("street", partition, street.counted, tables.Counted, made_from)
        kept, rejects, rows = street.counted.height, street.rejects, street.rows
    else:
        if recognised.kind == "outcomes":
            other = police_uk.read_outcomes(frozen, recognised, intake.forces, scratch)
            workspace.write("case_outcomes", partition, other.kept, tables.CaseOutcomes, made_from)
        else:
            other = police_uk.read_searches(frozen, recognised, scratch)
            workspace.write("searches", partition, other.kept, tables.Searches, made_from)
        kept, rejects, rows = other.kept.height, other.rejects, other.rows
    if rejects.height:
        workspace.write("rejects", partition, rejects, tables.Rejects, made_from)
    return rows, kept, rejects.height


def supplies_row(frozen: Frozen | None, recognised: Recognised | None, name: str) -> dict[str, object]:
    """A file's row of `Supplies` before its rows are counted; what could not be found out is empty."""
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


def refused_row(
    name: str, refusal: Refusal, frozen: Frozen | None = None, recognised: Recognised | None = None
) -> dict[str, object]:
    """The row of `Supplies` of a file that cannot be used."""
    return supplies_row(frozen, recognised, name) | {"state": "refused", "reason": str(refusal)}
