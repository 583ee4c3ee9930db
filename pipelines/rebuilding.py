"""Makes a release again, elsewhere, from what the workspace has frozen, and compares the two byte for byte.

Nothing of the first build is used but its manifest, which names every input: the files as received, the country
as it was, the decisions in force, the notes and access. Each is taken from the workspace by its SHA-256.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipelines.publication import PUBLICATION, WITHDRAWAL
from pipelines.settings import Settings, crime_id_key
from pipelines.shelves import PRIVATE, Shelved, Shelves
from pipelines.sources.finding import Found, Remote
from pipelines.stages.aggregated import aggregate_quarter
from pipelines.stages.counted import count_forces
from pipelines.stages.judged import judge_quarters
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.released import make, recipe_of
from pipelines.stages.supplied import take_in
from pipelines.store import StoreError, Workspace, digest, object_name, supplied_name
from publish.parts import file_digest
from transforms.contracts import tables
from transforms.versions import ReleaseName

#: What identifies one file received among the supplies of a workspace.
_INPUT: Final = ("kind", "force", "first_month", "last_month", "source_system", "sha256")


@dataclass(frozen=True)
class Comparison:
    """A release beside its rebuild: the files that differ, and how many were compared."""

    release: Shelved
    files: int
    bytes: int
    differing: list[str]
    same_code: bool

    @property
    def words(self) -> str:
        """What came of it, in a few sentences."""
        if not self.differing:
            return (
                f"{self.release.name} was rebuilt from its frozen inputs: all {self.files:,} files, "
                f"{self.bytes:,} bytes, are the same."
            )
        shown = "\n".join(f"- {each}" for each in self.differing[:20])
        more = f"\nand {len(self.differing) - 20:,} more" if len(self.differing) > 20 else ""
        why = (
            ""
            if self.same_code
            else "\nThe release was made by another version of the program: verify it with that one."
        )
        return f"{self.release.name} differs from its rebuild in {len(self.differing):,} files:\n{shown}{more}{why}"


def verify(where: Settings, text: str) -> Comparison:
    """Rebuild a release in a scratch folder of the workspace and compare the two.

    Raises StoreError when there is no such release, or something that it was made from is no longer kept.
    """
    workspace = Workspace.open(where.workspace)
    shelves = Shelves(workspace.storage)
    release = shelves.find(text)
    with workspace.scratch() as scratch:
        again = rebuild(where, release, scratch)
        return compare(release, again)


def rebuild(where: Settings, release: Shelved, folder: Path) -> Path:
    """Make a release again under an empty folder: a country, a workspace and, in the end, the release."""
    original = Workspace.open(where.workspace)
    told = release.manifest
    country = _thaw_country(original, told["made_from"], folder / "country")
    _same_key(where, told["made_from"], folder)
    elsewhere = replace(where, workspace=str(folder / "workspace"), supply=str(folder), country=str(country))
    line = Line.open(elsewhere)
    take_in(line, _inputs(original, told["behind"]["inputs"]))
    record_forces(line)
    count_forces(line)
    quarters = line.quarters()
    for quarter in quarters:
        aggregate_quarter(line, quarter)
    decisions = original.scan_objects(
        sorted(told["made_from"]["decisions"].values()), tables.Decisions, "decisions"
    )
    judge_quarters(line, quarters, decisions.collect())
    shelves = Shelves(original.storage)
    follows = shelves.find(told["follows"]) if told["follows"] else None
    used = [
        each.name.version
        for each in shelves.ever_public(release.name.quarter)
        if each.name.version < release.name.version
    ]
    vintages, ever_public = (
        [shelves.find(name) for name in told[each]] for each in ("vintages", "ever_public")
    )
    said = _said(told["made_from"]["said"], release.name)
    recipe = recipe_of(line, release.name.quarter, said, follows, vintages, ever_public)
    make(line, recipe, used, folder / "release")
    return folder / "release"


def compare(release: Shelved, again: Path) -> Comparison:
    """Every file of a release against its rebuild, the manifest too."""
    beside = {PUBLICATION, WITHDRAWAL}
    here, there = (
        {name: path for name, path in _files(root) if name not in beside} for root in (release.folder, again)
    )
    differing = [
        *(f"{name} is not in the rebuild" for name in sorted(here.keys() - there.keys())),
        *(f"{name} is only in the rebuild" for name in sorted(there.keys() - here.keys())),
        *(
            f"{name} has other bytes"
            for name in sorted(here.keys() & there.keys())
            if file_digest(here[name]) != file_digest(there[name])
        ),
    ]
    rebuilt = Shelved(release.name, PRIVATE, again).manifest
    return Comparison(
        release,
        len(here),
        sum(path.stat().st_size for path in here.values()),
        differing,
        rebuilt["made_from"]["code"] == release.manifest["made_from"]["code"],
    )


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for path in root.rglob("*"):
        if path.is_file():
            yield path.relative_to(root).as_posix(), path


def _thaw_country(workspace: Workspace, made_from: dict[str, Any], folder: Path) -> Path:
    """The country folder as it was, from the objects of the workspace."""
    for name, sha256 in {**made_from["country"], **made_from["other_country_files"]}.items():
        place = folder / name
        kept = object_name(sha256, place.suffix)
        if not workspace.storage.exists(kept):
            where = workspace.storage.uri(kept)
            raise StoreError(f"The workspace no longer keeps {name} of the country ({where}): put it back.")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(workspace.storage.read(kept))
    return folder


def _same_key(where: Settings, made_from: dict[str, Any], folder: Path) -> None:
    """Have the rebuild use the key of the public crime ids, which must be the one that the release was made with."""
    key = crime_id_key(where.workspace)
    if digest(key.hex()) != made_from["crime_id_key"]:
        raise StoreError(
            "The key of the public crime ids is not the one that this release was made with: put that one back, "
            "or name its file in FULLCOUNT_CRIME_ID_KEY_FILE."
        )
    if "FULLCOUNT_CRIME_ID_KEY_FILE" not in os.environ:
        place = folder / "workspace-crime-id.key"
        place.touch(mode=0o600)
        place.write_bytes(key)


def _inputs(workspace: Workspace, told: list[dict[str, Any]]) -> list[Found]:
    """The files that were taken in, as received: those that had been superseded then, and those that counted.

    Each in the order received. One that was put back since was received once more, and counts in the workspace again.
    """
    supplies = workspace.read("supplies", tables.Supplies).sort("received_order").rename({"supply": "sha256"})
    wanted = {tuple(each[name] for name in _INPUT): each["state"] for each in told}
    found: dict[str, list[Found]] = {"superseded": [], "accepted": []}
    for row in supplies.filter(pl.col("state") != "refused").iter_rows(named=True):
        month = {name: f"{row[name]:%Y-%m}" if row[name] else None for name in ("first_month", "last_month")}
        state = wanted.get(tuple((row | month)[name] for name in _INPUT))
        if state is None:
            continue
        storage, kept = workspace.storage, supplied_name(row["sha256"])
        if not storage.exists(kept):
            raise StoreError(
                f"The workspace no longer keeps {row['name']} as received ({storage.uri(kept)}): put it back."
            )
        at = storage.path(kept) if storage.local else Remote(storage.uri(kept))
        found[state].append(Found(row["name"], at))
    files = [*found["superseded"], *found["accepted"]]
    if len(files) != len(wanted):
        raise StoreError(
            f"The workspace knows {len(files)} of the {len(wanted)} files that the release was made from: "
            "verify it in the workspace that it was built in, or in a whole copy of that."
        )
    return files


def _said(rows: list[dict[str, Any]], name: ReleaseName) -> pl.DataFrame:
    """Notes and access as the manifest tells them, in the columns of `tables.ReleaseEntries`."""
    types = dict(tables.ReleaseEntries.create_empty().schema)
    whole = [dict.fromkeys(types) | row | {"quarter": str(name.quarter)} for row in rows]
    return pl.DataFrame(whole, schema=types, orient="row")
