"""What a release is made from: inputs, tables, counting edition, country, key and code, told for its manifest."""

from __future__ import annotations

import functools
import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import polars as pl

import geography
import pipelines
import publish
import transforms
from pipelines.country import FILES, country_files
from pipelines.settings import crime_id_key
from pipelines.sources.reference_table import reference_table_in
from pipelines.stages.line import Line
from pipelines.stages.recorded import published_before
from pipelines.store import digest, object_name
from publish.parts import file_digest
from transforms.contracts import tables
from transforms.periods import Quarter
from transforms.versions import Change

#: The tables that a release is read from (`stages.judged.open_judged`): cut by quarter, or else whole.
TABLES: Final = (
    "counted",
    "deciding_rules",
    "findings",
    "holds",
    "judged_areas",
    "judged_offences",
    "outcome_counts",
    "verdicts",
)
#: Of those, the ones that are not cut by quarter.
WHOLE: Final = ("outcome_counts",)
#: The rows of police.uk files that are passed on by month, as they were supplied.
PASSED_ON: Final = ("case_outcomes", "searches")
#: The tables behind those, which tell why a figure is what it is.
BEHIND: Final = ("area_grid", "offence_grid", "returned")
#: The files of a country that say what an area is; a figure of other areas means something else.
AREA_FILES: Final = ("forces.csv", "lsoas.parquet", "lsoa_vintages.parquet", "boundaries.parquet")


def basis(
    line: Line, quarters: Sequence[Quarter], months: Iterable[date], said: pl.DataFrame
) -> dict[str, Any]:
    """Everything that decides what a release publishes: the same basis, the same figures, pages and files.

    `said` are the revision notes and the access in force (`tables.ReleaseEntries`): those who were given access
    before publication are listed by name and post, as the law on pre-release access wants.
    """
    held = list(months)
    return {
        "code": {"fullcount": version("fullcount"), "sha256": code_digest()},
        "counting_editions": line.basis[2],
        "country": country_files(line.settings.country),
        "other_country_files": {
            name: file_digest(path) for name, path in _beside(line.settings.country).items()
        },
        "tables": _objects(line, TABLES, quarters)
        | {
            table: dict(line.workspace.key(table, published_before(line, table, held))) for table in PASSED_ON
        },
        "decisions": dict(line.workspace.key("decisions")),
        "months": [f"{month:%Y-%m}" for month in held],
        "said": said.select("entry", "action", "force", "person", "post", "text").to_dicts(),
        "crime_id_key": digest(crime_id_key(line.settings.workspace).hex()),
    }


def behind(line: Line, quarters: Sequence[Quarter]) -> dict[str, Any]:
    """What the basis itself was made from: every file that was taken in, and the tables on the way.

    A file is told without its name, and a decision without its reason: those are their senders' own words.
    """
    held = line.supplies().filter(pl.col("state") != "refused")
    columns = (
        "kind",
        "force",
        "first_month",
        "last_month",
        "source_system",
        "supply",
        "rows",
        "rejected",
        "state",
    )
    told = (
        held.select(columns).with_columns(pl.col(pl.Date).dt.strftime("%Y-%m")).sort(columns, nulls_last=True)
    )
    decided = ("entry", "action", "finding", "force", "first_month", "last_month", "coverage")
    decisions = line.workspace.read("decisions", tables.Decisions).select(decided)
    return {
        "inputs": told.rename({"supply": "sha256"}).to_dicts(),
        "decisions": decisions.with_columns(pl.col(pl.Date).dt.strftime("%Y-%m")).to_dicts(),
        "tables": _objects(line, BEHIND, quarters),
    }


def _beside(country: str) -> dict[str, Path]:
    """The files that a country folder may hold and need not: column maps and a table of offence codes."""
    folder = Path(country)
    reference = reference_table_in(folder)
    found = [*sorted((folder / "column-maps").glob("*.toml")), *([reference] if reference else [])]
    return {path.relative_to(folder).as_posix(): path for path in found}


def freeze_country(line: Line) -> None:
    """Keep every file of the country in the workspace, so that a release can be rebuilt once the folder changes."""
    folder = Path(line.settings.country)
    with line.workspace.scratch() as scratch:
        for name in (*FILES, *_beside(line.settings.country)):
            path = folder / name
            if not line.workspace.storage.exists(object_name(file_digest(path), path.suffix)):
                copy = Path(shutil.copyfile(path, scratch / path.name))
                line.workspace.adopt_object(copy, path.suffix)


def _objects(line: Line, names: Iterable[str], quarters: Sequence[Quarter]) -> dict[str, dict[str, str]]:
    """The object of every partition of the tables that is of one of the quarters."""
    wanted = {str(quarter) for quarter in quarters}
    return {
        table: {
            partition: entry.object
            for partition, entry in sorted(line.workspace.head.get(table, {}).items())
            if partition.rpartition(" ")[2] in wanted or table in WHOLE
        }
        for table in names
    }


def change(before: Mapping[str, Any], now: Mapping[str, Any], gone: Iterable[str]) -> Change:
    """How far a release made from `now` departs from one made from `before` (`transforms.versions`).

    `gone` are the files of the earlier one that the later one lacks.
    """
    means_other = before["counting_editions"] != now["counting_editions"] or any(
        before["country"].get(name) != now["country"].get(name) for name in AREA_FILES
    )
    if means_other or any(gone):
        return Change.MAJOR
    if before["tables"] != now["tables"]:
        return Change.MINOR
    return Change.PATCH


@functools.cache
def code_digest() -> str:
    """SHA-256 over every file of the program, by its place in it."""
    told = hashlib.sha256()
    for package in (geography, pipelines, publish, transforms):
        root = Path(package.__path__[0])
        for path in sorted(each for each in root.rglob("*") if each.is_file() and each.suffix != ".pyc"):
            told.update(f"{root.name}/{path.relative_to(root).as_posix()} {file_digest(path)}\n".encode())
    return told.hexdigest()
