"""Supplied: every file as received is frozen, read once, and each of its rows kept or rejected with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from pipelines.stages.arrival import SCOPE, Arrival, Brought, Intake, Received, refused_row, take_file
from pipelines.stages.line import Line
from pipelines.stages.recorded import supply_partition
from pipelines.stages.shard import code_version
from pipelines.store import digest
from transforms.contracts import tables
from transforms.contracts.columns import ZONE

#: Commit after so many new files, so that a stopped run has lost little.
FILES_PER_COMMIT: Final = 50
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
    refused: list[str] = field(default_factory=list)
    unchanged: int = 0
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    marks: list[Mark] = field(default_factory=list)


def take_in(line: Line, files: Iterable[Found | Refusal] | None = None, using: Engine | None = None) -> Taken:
    """Freeze and read every file that is new in the supply folder, or among the files given.

    Each is read by itself, on the engine that is set, and entered in the order of the files. One whose bytes and scope
    are held already is passed over. One that cannot be used is refused with a message and stops nobody else's. Each
    file's tables are committed whole.
    """
    taken = Taken()
    line.workspace.clear_scratch()
    supplies = line.supplies()
    received = Received.of(supplies)
    files = list(find(line.settings.supply) if files is None else files)
    with steps("taking in", len(files)) as advance:
        for name, brought in _brought(line, files, using or engine()):
            advance(name)
            row = _enter(line, brought, received, taken)
            if row is None:
                taken.unchanged += 1
                continue
            supplies = _entered(supplies, row)
            if len(taken.new) % FILES_PER_COMMIT == 0:
                _commit(line, supplies)
    _commit(line, supplies)
    return taken


def _brought(line: Line, files: Sequence[Found | Refusal], using: Engine) -> Iterator[tuple[str, Brought]]:
    """What came of each file, in the order of the files, whatever the order in which the engine is done with them."""
    intake = _intake(line)
    work = [Arrival(place, each, intake) for place, each in enumerate(files) if isinstance(each, Found)]
    done = iter(using.map(take_file, work) if work else ())
    early: dict[int, Brought] = {}
    for place, each in enumerate(files):
        if isinstance(each, Refusal):
            yield each.name, Brought(place, refused_row(each.name, each))
            continue
        while place not in early:
            brought = next(done)
            early[brought.place] = brought
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


def _entered(supplies: pl.DataFrame, row: dict[str, object]) -> pl.DataFrame:
    """Enter one file: an accepted one supersedes what was held of its scope; a refusal repeats no line."""
    if row["state"] == "refused":
        told = [row[name] for name in ("name", "supply", "reason")]
        if list(told) in [list(each) for each in supplies.select("name", "supply", "reason").rows()]:
            return supplies
        supplies = supplies.filter(~((pl.col("state") == "refused") & (pl.col("name") == row["name"])))
    else:
        same = pl.all_horizontal(pl.col(name).eq_missing(pl.lit(row[name])) for name in SCOPE)
        supplies = supplies.with_columns(
            state=pl.when(same & (pl.col("state") == "accepted"))
            .then(pl.lit("superseded"))
            .otherwise("state")
        )
    order = (supplies.get_column("received_order").max() or 0) + 1
    entered = pl.DataFrame(
        [row | {"received_order": order, "received_at": datetime.now(ZoneInfo(ZONE))}],
        schema_overrides=_SUPPLIES,
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
