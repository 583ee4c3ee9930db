"""Reads back from the workspace what a release was made from, as far as its revisions can tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipelines.provenance import AREA_FILES
from pipelines.shelves import Shelved
from pipelines.store import Workspace, digest, object_name
from transforms.aggregation import population_of, rows_by
from transforms.contracts import tables
from transforms.revisions import Edition

_CRIME: Final = ("force", "month", "offence_code", "crime_ref", "counted", "supply")
_SCOPE: Final = ("kind", "force", "first_month", "last_month", "source_system", "supply", "state")


def edition_of(release: Shelved) -> Edition:
    """What a release was made from, read from the workspace that it lies in."""
    told = release.manifest
    return edition(Workspace.open(release.folder.parents[2]), told["made_from"], told["behind"])


def figures_of(release: Shelved) -> pl.DataFrame:
    """The judged figures that a release was made from: `tables.OffenceCounts`."""
    workspace = Workspace.open(release.folder.parents[2])
    return _read(workspace, release.manifest["made_from"]["tables"], "judged_offences", tables.OffenceCounts)


def edition(workspace: Workspace, made_from: Mapping[str, Any], behind: Mapping[str, Any]) -> Edition:
    """What was made of a basis and of what is behind it (`provenance`), from the objects of a workspace."""
    returned = _read(workspace, behind["tables"], "returned", tables.Returned)
    counted = _read(workspace, made_from["tables"], "counted", tables.Counted)
    # An aggregate force's figures are what it returned, corrections and all, and not its crimes as they stand.
    nets = returned.get_column("force").unique().implode()
    crimes = pl.concat(
        [
            counted.filter(~pl.col("force").is_in(nets)).select(_CRIME),
            returned.with_columns(supply=pl.lit(None, pl.String)).select(_CRIME),
        ]
    )
    lsoas = pl.read_parquet(
        workspace.storage.uri(object_name(made_from["country"]["lsoas.parquet"], ".parquet"))
    )
    populations = population_of(lsoas, ["force"]).join(
        rows_by(lsoas.lazy(), ["force"]).rename({"rows": "lsoas"}).collect(), on="force"
    )
    inputs = pl.DataFrame(behind["inputs"], infer_schema_length=None).rename({"sha256": "supply"})
    return Edition(
        figures=_read(workspace, made_from["tables"], "judged_offences", tables.OffenceCounts),
        crimes=crimes,
        decided=_read(workspace, made_from["tables"], "deciding_rules", tables.DecidingRules),
        received=inputs.select(_SCOPE).cast(pl.String),
        populations=populations.sort("force"),
        rules=made_from["counting_editions"],
        areas=digest([made_from["country"].get(name) for name in AREA_FILES]),
    )


def _read(
    workspace: Workspace, objects: Mapping[str, Mapping[str, str]], table: str, schema: Any
) -> pl.DataFrame:
    names = sorted(objects.get(table, {}).values())
    return workspace.scan_objects(names, schema, table).collect()


def published_table(release: Shelved, name: str) -> pl.DataFrame | None:
    """One Parquet table of a release's returns as it was published, if the release has it."""
    path: Path = release.folder / "returns" / name
    return pl.read_parquet(path) if path.is_file() else None
