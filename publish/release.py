"""Builds one release: the return, the bulk files and the site in one folder, with a manifest of hashes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import polars as pl

from geography.areas import Country
from publish import feeds, returns, site
from publish.api import index as api
from publish.feeds.changes import read_sums
from publish.gate import admit
from publish.parts import BUILT, file_digest
from publish.returns.build import write
from publish.returns.revision_tables import Revised, revision_files
from transforms.judging import Judged
from transforms.periods import Quarter

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Ingredients:
    """Everything a release is made from.

    `revised` is what differs from the release before; None when there is none. `earlier` and `earlier_small_areas`
    are the tables of the version of the same quarter that it follows. `notes_wanted` are the forces of which a
    year is revised so much that a note must say why, and none does.
    """

    judged: Judged
    country: Country
    boundaries: gpd.GeoDataFrame
    #: The published classes of the two years that the quarter ends.
    offences_reference: pl.DataFrame
    #: Those of every month that the release holds.
    every_class: pl.DataFrame
    quarter: Quarter
    months: tuple[date, ...]
    crime_id_key: bytes
    basis: dict[str, Any]
    behind: dict[str, Any]
    revised: Revised | None
    earlier: pl.DataFrame | None
    earlier_small_areas: pl.DataFrame | None
    notes_wanted: list[str]
    #: The bulk files of the release that was public before.
    earlier_feeds: Path | None
    #: Every release that was ever public, oldest first, by name: the place of each record is compared with theirs.
    ever_public: Mapping[str, Path]


def build(ingredients: Ingredients, folder: Path, before: Path | None = None) -> list[str]:
    """Write everything that a release publishes into an empty folder. Returns the names of the files.

    What is made from the same as in the release `before` is taken over from it: bulk files, years of the return's long
    tables, months of the API, pages. The same ingredients give the same bytes. Raises JudgementError when the tables
    are not judged.
    """
    judged = admit(ingredients.judged)
    months = list(ingredients.months)
    # Much of each is one step after another, so two go side by side: the return and then the site, which lists its
    # documents, beside the bulk files and then the API's.
    beside = ThreadPoolExecutor(max_workers=1)
    try:
        returned = beside.submit(_returns, ingredients, judged, folder / "returns", before)
        feeds.build(
            judged,
            ingredients.country,
            months,
            folder / "feeds",
            key=ingredients.crime_id_key,
            earlier=ingredients.earlier_feeds,
            shapes=ingredients.boundaries,
            ever_public=[release / "feeds" for release in ingredients.ever_public.values()],
            before=None if before is None else before / "feeds",
        )
        if returned.done():
            returned.result()  # What is wrong with it is told before more is made.
        shown = beside.submit(_site, ingredients, judged, folder, before)
        api.build(
            folder / "feeds", ingredients.country, ingredients.boundaries, months, folder / "api", before
        )
        returned.result()
        shown.result()
    finally:
        beside.shutdown(cancel_futures=True)
    return names(folder)


def _returns(ingredients: Ingredients, judged: Judged, folder: Path, before: Path | None) -> None:
    """Write every table of the return, and what it revises."""
    returns.build(
        judged,
        ingredients.country,
        ingredients.offences_reference,
        str(ingredients.quarter),
        folder,
        earlier=ingredients.earlier,
        earlier_small_areas=ingredients.earlier_small_areas,
        every_class=ingredients.every_class,
        before=None if before is None else before / "returns",
    )
    if ingredients.revised is not None:
        write(revision_files(ingredients.revised, ingredients.country, ingredients.quarter), folder)


def _site(ingredients: Ingredients, judged: Judged, folder: Path, before: Path | None) -> None:
    """Write the site, of the bulk files and with the documents of the return, which are there."""
    files = sorted(path.name for path in (folder / "returns").iterdir() if path.is_file())
    documents = [name for name in files if name != BUILT]
    site.build(
        judged,
        ingredients.country,
        ingredients.boundaries,
        list(ingredients.months),
        folder / "site",
        site.Addresses(documents=documents),
        revised=ingredients.revised,
        earlier=None if before is None else before / "site",
        bulk=folder / "feeds",
    )


def names(folder: Path) -> list[str]:
    """The files of a release by their place in it, folder by folder, without its manifest."""
    # There are tens of thousands, so they stay text: a path costs ten times as much.
    beyond = len(str(folder)) + 1
    files = [os.path.join(root, name)[beyond:] for root, _, held in os.walk(folder) for name in held]  # noqa: PTH118
    return sorted((name for name in files if name != MANIFEST), key=lambda name: name.split("/"))


def seal(
    ingredients: Ingredients, folder: Path, version: str, follows: str | None, before: Path | None = None
) -> Path:
    """Write the manifest of a release that is built: its version, what it follows, all it was made from.

    A file that is one with that of the release `before` has the hash that it has there, and a bulk file the one that
    was published beside it. Returns the manifest's path.
    """
    manifest = folder / MANIFEST
    known: dict[str, dict[str, Any]] = {}
    if before is not None:
        known = json.loads((before / MANIFEST).read_text(encoding="utf-8"))["files"]
    bulk = {f"feeds/{name}": digest for name, digest in read_sums(folder / "feeds").items()}

    every = names(folder)
    kept = {
        name
        for name in every
        if name in known and os.path.samefile(f"{folder}/{name}", f"{before}/{name}")  # noqa: PTH121
    }
    fresh = [name for name in every if name not in kept]

    def told(share: list[str]) -> dict[str, dict[str, Any]]:
        return {
            name: {"sha256": bulk.get(name) or file_digest(path), "bytes": path.stat().st_size}
            for name in share
            for path in [folder / name]
        }

    # Hashing lets go of the interpreter's lock, so a thread for each processor takes its share.
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        for hashed in pool.map(told, [fresh[first::threads] for first in range(threads)]):
            known |= hashed
    files = {name: known[name] for name in every}
    content = _told(ingredients, version, follows) | {"files": files}
    manifest.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


def _told(ingredients: Ingredients, version: str, follows: str | None) -> dict[str, Any]:
    return {
        "release": f"{ingredients.quarter}/{version}",
        "follows": follows,
        "quarter": str(ingredients.quarter),
        "financial_year": ingredients.quarter.financial_year,
        "financial_quarter": ingredients.quarter.financial_quarter,
        "months": [f"{month:%Y-%m}" for month in ingredients.months],
        "made_from": ingredients.basis,
        "behind": ingredients.behind,
        "compared_with": ingredients.revised.compared_with if ingredients.revised else None,
        "vintages": list(ingredients.revised.vintages[:-1]) if ingredients.revised else [],
        "ever_public": list(ingredients.ever_public),
        "notes_wanted": ingredients.notes_wanted,
    }
