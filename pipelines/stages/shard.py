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
from publish.feeds import street
from transforms.contracts import tables
from transforms.counting import of_force
from transforms.periods import Quarter

#: The tables of a force that are kept a quarter at a time; the others are kept whole.
BY_QUARTER: Final = ("counted", "deciding_rules", "returned")

#: Whose source decides what a count comes to.
_PACKAGES: Final = ("transforms", "geography", "publish", "pipelines")


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
    that of who asks, or an object store does not answer.
    """
    require_same_code(shard.code, f"count {shard.force}")
    line = _opened(shard.settings)
    # A head of its own: what is written here is made current by who asked.
    workspace = Workspace(line.workspace.storage)
    made: dict[str, dict[str, Entry]] = {}
    with workspace.storage.answering(), workspace.scratch() as folder:
        for table, part, rows, schema in _tables(line, workspace, shard, folder):
            if rows.height:
                name = f"{shard.force} {part}".strip()
                entry = workspace.write(table, part, rows, schema, shard.made_from)
                made.setdefault(table, {})[name] = entry
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


def require_same_code(asked_by: str, what: str) -> None:
    """Raise StoreError where who asks runs another version of the code than this worker."""
    if asked_by != code_version():
        raise StoreError(
            f"a worker that was to {what} runs another version of the code ({code_version()[:12]}, "
            f"asked by {asked_by[:12]}). Install the same version on every worker and run again."
        )


@functools.lru_cache(maxsize=1)
def _opened(settings: Settings) -> Line:
    """The country and the editions, read once by each worker."""
    return Line.open(settings)


def _tables(
    line: Line, workspace: Workspace, shard: Shard, folder: Path
) -> Iterator[tuple[str, str, pl.DataFrame, type[dy.Schema]]]:
    """Every table that counting makes of the force, with its quarter where it is kept by quarter, and its contract."""
    lines = workspace.scan_objects(shard.objects["lines"], tables.Lines, "lines")
    are_many = lines.select(pl.len()).collect().item() > of_force.RECORDS_AT_ONCE
    counted, rules = (_Rows(folder, name, are_many) for name in ("counted", "deciding_rules"))
    if shard.objects["lines"]:
        superseded = workspace.scan_objects(shard.objects["superseded"], Superseded, "superseded")
        told = []
        for part in of_force.count_parts(lines, superseded, line.editions):
            counted.add(_placed(line, part.counted).select(tables.Counted.column_names()))
            rules.add(part.deciding_rules)
            told.append(part.told)
            del part  # the next one takes its memory
        whole = of_force.whole_force(told, lines, line.treatment(shard.force), shard.quarters, line.editions)
        for name, (schema, _) in of_force.TABLES.items():
            for quarter, rows in _by_quarter(whole[name]) if name in BY_QUARTER else [("", whole[name])]:
                yield name, quarter, rows, schema
    if objects := shard.objects["street"]:
        published = workspace.scan_objects(objects, tables.Counted, "street").collect()
        counted.add(_on_current_boundaries(line, published).select(tables.Counted.column_names()))
    for quarter, rows in counted.by_quarter():
        yield counted.name, quarter, _where_published(line, rows), tables.Counted
    for quarter, rows in rules.by_quarter():
        yield rules.name, quarter, rows, tables.DecidingRules


class _Rows:
    """The rows of one table by quarter, as they come part by part: in memory, or in files where there are many."""

    def __init__(self, folder: Path, name: str, are_many: bool) -> None:
        self.name = name
        self._folder = folder if are_many else None
        self._parts: dict[str, list[pl.LazyFrame]] = {}

    def add(self, rows: pl.DataFrame) -> None:
        """Take in one part."""
        for quarter, part in _by_quarter(rows):
            parts = self._parts.setdefault(quarter, [])
            if self._folder is None:
                parts.append(part.lazy())
                continue
            file = self._folder / f"{self.name} {quarter} {len(parts)}.arrow"
            part.write_ipc(file)
            parts.append(pl.scan_ipc(file))

    def by_quarter(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """The rows of each quarter, in the order they came."""
        for quarter in sorted(self._parts):
            yield quarter, pl.concat(self._parts.pop(quarter)).collect()


def _by_quarter(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    month = pl.col("month")
    parts = frame.with_columns(quarter=month.dt.year() * 4 + month.dt.quarter()).partition_by(
        "quarter", as_dict=True, include_key=False
    )
    for _, part in sorted(parts.items()):
        yield str(Quarter.of(part["month"][0])), part


def _placed(line: Line, counted: pl.DataFrame) -> pl.DataFrame:
    """Counted crimes of an extract with the LSOA and the partnership that they themselves lie in."""
    own = place(counted.drop("lsoa_code", strict=False), line.loaded.boundaries)
    return _in_partnership(line, own).with_columns(location=pl.lit(None, pl.String))


def _in_partnership(line: Line, placed: pl.DataFrame) -> pl.DataFrame:
    """The same rows with `csp_code`, that of their LSOA."""
    return placed.join(
        line.country.lsoas.select("lsoa_code", "csp_code"), on="lsoa_code", how="left", maintain_order="left"
    )


def _where_published(line: Line, counted: pl.DataFrame) -> pl.DataFrame:
    """A force's crimes of whole months, `lsoa_code` being that of the map point as in every file that lists them.

    A figure of where crimes really were, beside the map, would tell by how much a point was moved.
    """
    return counted.with_columns(street.lsoas_of_figures(counted, line.country))


def _on_current_boundaries(line: Line, counted: pl.DataFrame) -> pl.DataFrame:
    """Rows of police.uk files, whose LSOA codes may be of an earlier census, under current codes."""
    current = to_current(
        counted.drop("csp_code"), line.country.vintages, line.country.lsoas, line.loaded.boundaries
    )
    return _in_partnership(line, current)
