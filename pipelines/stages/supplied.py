"""Supplied: every file as received is frozen, read once, and each of its rows kept or rejected with a reason."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.engines import Engine, engine
from pipelines.progress import steps
from pipelines.sources.column_maps import ColumnMap, maps_in
from pipelines.sources.finding import Found, find
from pipelines.sources.refusal import Refusal
from pipelines.stages.arrival import (
    SCOPE,
    Arrival,
    Brought,
    Intake,
    Received,
    refused_row,
    scope_key,
    take_file,
)
from pipelines.stages.line import Line
from pipelines.stages.recorded import supply_partition
from pipelines.stages.shard import code_version
from pipelines.store import Storage, digest
from transforms.contracts import tables
from transforms.contracts.columns import ZONE

#: Commit after so many files entered, so that a stopped run has lost little.
FILES_PER_COMMIT: Final = 50
#: But where more are held, only after one for every so many of them: a commit writes down every file there is.
HELD_PER_FILE: Final = 20
#: Where a workspace keeps how the files it holds stood.
SEEN: Final = "seen.json"
_SUPPLIES: Final = dict(tables.Supplies.create_empty().schema)


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
    #: files held before that count again.
    again: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unchanged: int = 0
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    marks: list[Mark] = field(default_factory=list)


def take_in(line: Line, files: Iterable[Found | Refusal] | None = None, using: Engine | None = None) -> Taken:
    """Freeze and read every file that is new in the supply folder, or among the files given.

    Each is read by itself, on the engine that is set, and entered in the order of the files. One whose bytes and scope
    are held already is passed over, and not read when it stands as it did (`Seen`). One that cannot be used is refused
    with a message and stops nobody else's. Each file's tables are committed whole.

    A file that another took the place of counts again where it is in the supply folder and that other is not: who
    puts back what was there before means it.
    """
    taken, is_whole_folder = Taken(), files is None
    line.workspace.clear_scratch()
    supplies = line.supplies()
    received, entered = Received.of(supplies), Entered(supplies)
    seen = Seen.open(line, received)
    not_committed = 0
    there: set[object] = set()
    files = list(find(line.settings.supply) if files is None else files)
    with steps("taking in", len(files)) as advance:
        for name, brought in _brought(line, files, seen, using or engine()):
            advance(name)
            row = _enter(line, brought, received, taken)
            # A file that cannot be read today is there all the same: it is known by its name.
            there.add(name if brought.key is None else brought.key)
            if row is None:
                taken.unchanged += 1
                continue
            not_committed += entered.enter(row)
            if not_committed >= max(FILES_PER_COMMIT, len(entered) // HELD_PER_FILE):
                _commit(line, entered)
                not_committed = 0
    if is_whole_folder:
        for row in entered.put_back(there):
            taken.again.append(str(row["name"]))
            taken.marks.extend(_marks(row))
    _commit(line, entered)
    seen.save()
    return taken


def _brought(
    line: Line, files: Sequence[Found | Refusal], seen: Seen, using: Engine
) -> Iterator[tuple[str, Brought]]:
    """What came of each file, in the order of the files, whatever the order in which the engine is done with them."""
    intake = _intake(line)
    work, early = [], dict[int, Brought]()
    for place, each in enumerate(files):
        if isinstance(each, Refusal):
            early[place] = Brought(place, refused_row(each.name, each))
        elif (held := seen.held_as(each)) is not None:
            early[place] = Brought(place, held=held)
        else:
            work.append(Arrival(place, each, intake))
    done = iter(using.map(take_file, work) if work else ())
    for place, each in enumerate(files):
        while place not in early:
            brought = next(done)
            early[brought.place] = brought
        if isinstance(each, Found):
            seen.enter(each, early[place])
        yield each.name, early.pop(place)


def _intake(line: Line) -> Intake:
    held = line.workspace.head.get("supplies", {}).get("all")
    maps: tuple[ColumnMap, ...] | Refusal
    try:
        maps = tuple(maps_in(Path(line.settings.country) / "column-maps"))
    except Refusal as refusal:
        maps = refusal
    return Intake(
        line.settings.workspace,
        line.country.forces,
        frozenset(line.editions.known_codes()),
        maps,
        tuple(line.basis),
        held.object if held else None,
        code_version(),
    )


def _enter(line: Line, brought: Brought, received: Received, taken: Taken) -> dict[str, object] | None:
    """Make a file's tables current. Returns its row of `Supplies`, or nothing when it is held already."""
    row = brought.row
    if row is None:
        return None
    if row["state"] != "refused":
        try:
            # Two files of one run may be the same, and neither worker knew of the other.
            if received.holds(row):
                return None
        except Refusal as refusal:
            row |= {"rows": 0, "rejected": 0, "state": "refused", "reason": str(refusal)}
    if row["state"] == "refused":
        taken.refused.append(str(row["reason"]))
        return row
    for table, entry in brought.partitions.items():
        line.workspace.head.setdefault(table, {})[supply_partition(row)] = entry
    received.add(row)
    taken.new.append(str(row["name"]))
    taken.rows += int(str(row["rows"]))
    taken.accepted += brought.kept
    taken.rejected += int(str(row["rejected"]))
    taken.marks.extend(_marks(row))
    return row


class Seen:
    """How every file that is held stood when it was read, by its name: one that stands so still is not read again.

    It is kept beside the tables, and may be lost: every file is read then.
    """

    def __init__(self, storage: Storage, basis: str, files: dict[str, list[str]], received: Received) -> None:
        self._storage, self._basis, self._before = storage, basis, files
        self._scopes = {digest(scope): scope for scope in received.scopes}
        self._now: dict[str, list[str]] = {}

    @classmethod
    def open(cls, line: Line, received: Received) -> Seen:
        """What the last run saw, where it would have held the same files for the same bytes."""
        storage, basis = line.workspace.storage, digest(code_version(), line.country.forces.rows())
        try:
            told = json.loads(storage.read(SEEN))
            return cls(storage, basis, told["files"] if told["basis"] == basis else {}, received)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return cls(storage, basis, {}, received)

    def held_as(self, found: Found) -> tuple[object, ...] | None:
        """What a file is held by (`scope_key`) that stands as it did; None where it has to be read."""
        state, scope = self._before.get(found.name, ("", ""))
        return self._scopes.get(scope) if found.listed and state == digest(vars(found.listed)) else None

    def enter(self, found: Found, brought: Brought) -> None:
        """Remember a file that is held, or was taken in."""
        if brought.key is not None and found.listed is not None:
            self._now[found.name] = [digest(vars(found.listed)), digest(brought.key)]

    def save(self) -> None:
        """Keep what was entered for the next run."""
        if self._now != self._before:
            told = {"basis": self._basis, "files": self._now}
            self._storage.write(SEEN, json.dumps(told, indent=0, sort_keys=True).encode())


class Entered:
    """The rows of `Supplies`. Entering one more file costs the same however many there are."""

    def __init__(self, supplies: pl.DataFrame) -> None:
        #: every row by its place in the order received, first to last.
        self._rows: dict[int, dict[str, object]] = {}
        #: the place of the one accepted file of each scope, and of the one refusal of each name.
        self._accepted: dict[tuple[object, ...], int] = {}
        self._refused: dict[object, int] = {}
        for row in supplies.iter_rows(named=True):
            self._add(row["received_order"], row)

    def __len__(self) -> int:
        return len(self._rows)

    def enter(self, row: dict[str, object]) -> bool:
        """Enter one file: an accepted one supersedes what was held of its scope; a refusal repeats no line.

        Returns whether that changed anything.
        """
        if row["state"] == "refused":
            before = self._refused.get(row["name"])
            if before is not None:
                if all(self._rows[before][name] == row[name] for name in ("supply", "reason")):
                    return False
                del self._rows[before]
        elif (before := self._accepted.get(_scope(row))) is not None:
            self._rows[before] |= {"state": "superseded"}
        order = next(reversed(self._rows), 0) + 1
        self._add(order, row | {"received_order": order, "received_at": datetime.now(ZoneInfo(ZONE))})
        return True

    def put_back(self, there: Collection[object]) -> list[dict[str, object]]:
        """Let superseded files that are `there` count again where the one that took their place is not.

        `there` has what each file is held by, or the name of one that cannot be read. Of several of a scope it is the
        one received last, and it counts as received now. Returns their rows.
        """
        last = {
            _scope(row): order
            for order, row in self._rows.items()
            if row["state"] == "superseded" and scope_key(row) in there
        }
        unreadable = tuple(name for name in there if isinstance(name, str))
        found = []
        for scope, order in last.items():
            standing = self._rows[self._accepted[scope]]
            # A file within an archive is called by the name of that and its own.
            if scope_key(standing) not in there and not str(standing["name"]).startswith(unreadable):
                row = self._rows.pop(order) | {"state": "accepted"}
                self.enter(row)
                found.append(row)
        return found

    def table(self) -> pl.DataFrame:
        """All of them, as `Supplies`."""
        return pl.DataFrame(list(self._rows.values()), schema=_SUPPLIES)

    def _add(self, order: int, row: dict[str, object]) -> None:
        self._rows[order] = row
        if row["state"] == "refused":
            self._refused[row["name"]] = order
        elif row["state"] == "accepted":
            self._accepted[_scope(row)] = order


def _scope(row: dict[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in SCOPE)


def _commit(line: Line, entered: Entered) -> None:
    supplies = entered.table()
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
