"""One force counted from files to files: the unit of work, pure and idempotent, that any engine can run anywhere."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dataframely as dy
import polars as pl

from geography.placing import place
from geography.vintages import to_current
from pipelines.settings import Settings
from pipelines.stages.line import Line
from pipelines.stages.recorded import Superseded
from pipelines.store import Entry, StoreError, Workspace
from transforms.contracts import tables
from transforms.counting import of_force
from transforms.periods import Quarter, quarter_key

#: The columns that put counted crimes in one order whatever order they came in.
ORDER: Final = [
    "month", "crime_ref", "longitude", "latitude", "category", "outcome", "offence_code", "supply",
]  # fmt: skip

#: The tables of a force that are kept a quarter at a time; the others are kept whole.
BY_QUARTER: Final = ("counted", "deciding_rules", "returned")

#: Whose source decides what a count comes to.
_PACKAGES: Final = ("transforms", "geography", "pipelines")


@dataclass(frozen=True)
class Shard:
    """What is to be counted: everything a worker needs to know, small enough to send anywhere."""

    settings: Settings
    force: str
    #: objects of the store to read, by table: lines, street and superseded.
    objects: Mapping[str, list[str]]
    quarters: tuple[Quarter, ...]
    made_from: str
    #: the version of the code that asks.
    code: str


@dataclass(frozen=True)
class Counted:
    """What was counted: the partitions of each table, already in the store under the names of their bytes."""

    force: str
    partitions: Mapping[str, Mapping[str, Entry]]


def count_shard(shard: Shard) -> Counted:
    """Count one force and write its tables to the store.

    It reads the objects that the shard names and the country folder, looks at no clock, and writes objects named by
    their bytes: run twice, or twice at once, it makes the same. Raises StoreError where the code of the worker is not
    that of who asks.
    """
    if shard.code != code_version():
        raise StoreError(
            f"a worker that was to count {shard.force} runs another version of the code ({code_version()[:12]}, "
            f"asked by {shard.code[:12]}). Install the same version on every worker and run again."
        )
    line = _opened(shard.settings)
    # A head of its own: what is written here is made current by who asked.
    workspace = Workspace(line.workspace.storage)
    made = {}
    for table, (frame, schema) in _tables(line, workspace, shard).items():
        parts = _by_quarter(frame) if table in BY_QUARTER else [("", frame)]
        made[table] = {
            f"{shard.force} {part}".strip(): workspace.write(table, part, rows, schema, shard.made_from)
            for part, rows in parts
            if rows.height
        }
    return Counted(shard.force, made)


@functools.cache
def code_version() -> str:
    """A key for the source that counts, so that two versions never make tables of one run: SHA-256."""
    top = Path(__file__).parents[2]
    sources = sorted(path for package in _PACKAGES for path in (top / package).rglob("*.py"))
    content = hashlib.sha256()
    for path in sources:
        content.update(path.relative_to(top).as_posix().encode() + path.read_bytes())
    return content.hexdigest()


@functools.lru_cache(maxsize=1)
def _opened(settings: Settings) -> Line:
    """The country and the editions, read once by each worker."""
    return Line.open(settings)


def _tables(
    line: Line, workspace: Workspace, shard: Shard
) -> dict[str, tuple[pl.DataFrame, type[dy.Schema]]]:
    """Every table that counting makes of the force, with its contract."""
    parts = []
    found = {name: schema.create_empty() for name, (schema, _) in of_force.TABLES.items()}
    if lines := shard.objects["lines"]:
        done = of_force.count_force(
            workspace.scan_objects(lines, tables.Lines, "lines"),
            workspace.scan_objects(shard.objects["superseded"], Superseded, "superseded"),
            line.treatment(shard.force),
            shard.quarters,
            line.editions,
        )
        found = done.tables
        parts.append(_placed(line, done.counted))
    if streets := shard.objects["street"]:
        street = workspace.scan_objects(streets, tables.Counted, "street").collect()
        parts.append(_on_current_boundaries(line, street))
    counted = pl.concat([part.select(list(tables.Counted.column_names())) for part in parts]).sort(ORDER)
    return {
        "counted": (counted, tables.Counted),
        **{name: (found[name], schema) for name, (schema, _) in of_force.TABLES.items()},
    }


def _by_quarter(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    parts = frame.with_columns(quarter=quarter_key(pl.col("month"))).partition_by(
        "quarter", as_dict=True, include_key=False
    )
    for (quarter,), part in sorted(parts.items(), key=lambda item: str(item[0])):
        yield str(quarter), part


def _placed(line: Line, counted: pl.DataFrame) -> pl.DataFrame:
    """Counted crimes of an extract with the LSOA that their point lies in; the map point comes at release."""
    return place(counted.drop("lsoa_code", strict=False), line.loaded.boundaries).with_columns(
        location=pl.lit(None, pl.String)
    )


def _on_current_boundaries(line: Line, counted: pl.DataFrame) -> pl.DataFrame:
    """Rows of police.uk files, whose LSOA codes may be of an earlier census, under current codes."""
    return to_current(counted, line.country.vintages, line.country.lsoas, line.loaded.boundaries)
