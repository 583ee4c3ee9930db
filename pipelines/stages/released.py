"""Released: everything that is published for a quarter, built into the private area whole or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import ledger, provenance
from pipelines.editions import edition, edition_of, figures_of, published_table
from pipelines.settings import crime_id_key
from pipelines.shelves import PRIVATE, PUBLIC, Shelved, Shelves
from pipelines.stages.judged import open_judged
from pipelines.stages.line import Line
from pipelines.store import StoreError, digest
from publish import release as releases
from publish.parts import file_digest
from publish.returns.revision_tables import THIS, Revised
from transforms import readiness, revisions
from transforms.periods import Quarter
from transforms.versions import Change, ReleaseName, Version, next_version

#: The rolling window of the site and the bulk files: 36 months.
QUARTERS_SHOWN = 12


@dataclass(frozen=True)
class Released:
    """Where a release is, and whether this run made it."""

    quarter: Quarter
    folder: Path
    new: bool


def require_supplied(line: Line, quarter: Quarter) -> None:
    """Raise StoreError when nothing has been supplied for the quarter."""
    if quarter not in line.quarters():
        raise StoreError(
            f"{quarter} cannot be released: nothing was supplied for any of its months. "
            f"The quarters supplied are {_spoken(line.quarters())}."
        )


def release(line: Line, quarter: Quarter) -> Released:
    """Build the quarter's release into the private area when anything that it is made from has changed.

    A published release stands as it is; what has changed since becomes its next version. So does a private one
    that two people have signed, unless it is stopped or another release was published since, which keeps it from
    being published. Raises StoreError when nothing has been supplied for the quarter.
    """
    require_supplied(line, quarter)
    shelves = Shelves(line.workspace.storage)
    published = shelves.on(PUBLIC, quarter)
    follows = published[-1] if published else None
    entries = ledger.release_entries(line.settings.workspace)
    sign_offs = ledger.sign_offs(line.settings.workspace)
    for private in shelves.on(PRIVATE, quarter):
        manifest = file_digest(private.folder / releases.MANIFEST)
        signed = readiness.is_signed(sign_offs, entries, private.name, manifest)
        if signed and not shelves.not_compared(private):
            return Released(quarter, private.folder, new=False)
    recipe = recipe_of(line, quarter, entries, follows, _before(shelves, quarter), shelves.ever_public())
    standings = [*published[-1:], *shelves.on(PRIVATE, quarter)]
    for standing in standings:
        if _stands(standing, recipe):
            return Released(quarter, standing.folder, new=False)
    used = [each.name.version for each in shelves.ever_public(quarter)]
    # Most of a quarter's first release is that of the quarter before.
    like = standings or [each for each in shelves.all() if each.name.quarter < quarter]
    with shelves.scratch() as scratch:
        fresh = scratch / "release"
        version = make(line, recipe, used, fresh, like[-1].folder if like else None)
        folder = shelves.place(PRIVATE, ReleaseName(quarter, version))
        shelves.storage.path(PRIVATE).mkdir(mode=0o700, exist_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with shelves.lock():
            if shelves.on(PUBLIC, quarter) != published:
                raise StoreError(f"A version of {quarter} was published while this one was built: run again.")
            # Killed between these moves, no release is there and the next run builds the same bytes again.
            for number, earlier in enumerate(shelves.on(PRIVATE, quarter)):
                earlier.folder.replace(scratch / f"superseded-{number}")
            fresh.replace(folder)
    return Released(quarter, folder, new=True)


@dataclass(frozen=True)
class Recipe:
    """What a release is to be made from: its quarters and months, its basis, and the releases before it."""

    quarter: Quarter
    quarters: list[Quarter]
    months: tuple[date, ...]
    basis: dict[str, Any]
    follows: Shelved | None
    vintages: list[Shelved]
    ever_public: list[Shelved]

    @property
    def key(self) -> str:
        """One hash for the whole basis."""
        return digest(self.basis)

    @property
    def compared_with(self) -> Shelved | None:
        """The release before it, which its revisions are told against."""
        return self.vintages[-1] if self.vintages else None


def _before(shelves: Shelves, quarter: Quarter) -> list[Shelved]:
    """The public releases that a quarter's next release is set beside: of earlier quarters and its own."""
    return [each for each in shelves.on(PUBLIC) if each.name.quarter <= quarter]


def recipe_of(
    line: Line,
    quarter: Quarter,
    entries: pl.DataFrame,
    follows: Shelved | None,
    vintages: list[Shelved],
    ever_public: list[Shelved],
) -> Recipe:
    """The recipe of a quarter's release.

    `entries` is what was said about releases (`tables.ReleaseEntries`), `follows` the version of the quarter that it
    comes after, `vintages` the public releases that it is set beside, oldest first, and `ever_public` every release
    whose bulk files were public at some time.
    """
    window = line.window()
    quarters = [each for each in line.quarters() if quarter.plus(1 - QUARTERS_SHOWN) <= each <= quarter]
    months = tuple(month for each in quarters for month in each.months if month in window)
    basis = provenance.basis(line, quarters, months, readiness.standing(entries, quarter))
    return Recipe(quarter, quarters, months, basis, follows, vintages, ever_public)


def make(
    line: Line, recipe: Recipe, used: list[Version], folder: Path, before: Path | None = None
) -> Version:
    """Make a release in a new folder, wherever that is, and seal it under the version that follows those `used`.

    `before` is a release that what was made from the same may be taken over from; without it every byte is made anew.
    """
    folder.mkdir()
    provenance.freeze_country(line)
    behind = provenance.behind(line, recipe.quarters)
    judged = open_judged(line, recipe.quarters)
    revised, notes_wanted = _revised(line, recipe, behind, judged.offences)
    follows, quarter = recipe.follows, recipe.quarter
    ingredients = releases.Ingredients(
        judged=judged,
        country=line.country,
        boundaries=line.loaded.boundaries,
        offences_reference=line.offences_reference(recipe.quarter),
        every_class=line.classes_of(recipe.quarters),
        quarter=recipe.quarter,
        months=recipe.months,
        crime_id_key=crime_id_key(line.settings.workspace),
        basis=recipe.basis | {"key": recipe.key},
        behind=behind,
        revised=revised,
        earlier=published_table(follows, f"recorded-crime-{quarter}.parquet") if follows else None,
        earlier_small_areas=published_table(follows, f"small-areas-{quarter}.parquet") if follows else None,
        notes_wanted=notes_wanted,
        earlier_feeds=recipe.compared_with.folder / "feeds" if recipe.compared_with else None,
        ever_public={str(each.name): each.folder for each in recipe.ever_public},
    )
    files = releases.build(ingredients, folder, before)
    version = _version(recipe, files, used)
    follow = str(recipe.follows.name) if recipe.follows else None
    releases.seal(ingredients, folder, str(version), follow, before)
    return version


def _revised(
    line: Line, recipe: Recipe, behind: dict[str, Any], figures: pl.DataFrame
) -> tuple[Revised | None, list[str]]:
    """What the release revises, and the forces whose revisions still want a note; nothing for a first release."""
    before = recipe.compared_with
    if before is None:
        return None, []
    old, new = edition_of(before), edition(line.workspace, recipe.basis, behind)
    vintages = {str(each.name): figures_of(each) for each in recipe.vintages} | {THIS: figures}
    notes = [(said["force"], said["text"]) for said in recipe.basis["said"] if said["force"]]
    wanted = revisions.needs_note(old.figures, figures).get_column("force").unique().sort().to_list()
    return (
        Revised(
            compared_with=str(before.name),
            changes=revisions.revisions(old, new),
            vintages=list(vintages),
            corner=revisions.triangle(vintages),
            notes=notes,
        ),
        [force for force in wanted if force not in dict(notes)],
    )


def _version(recipe: Recipe, files: list[str], used: list[Version]) -> Version:
    if recipe.follows is None:
        return next_version(used, Change.PATCH)
    before = recipe.follows.manifest
    gone = before["files"].keys() - set(files)
    return next_version(used, provenance.change(before["made_from"], recipe.basis, gone))


def _stands(standing: Shelved, recipe: Recipe) -> bool:
    """Whether a release is whole and is what would be made now."""
    told, follows = standing.manifest, recipe.follows
    beside = {
        "follows": str(follows.name) if follows else None,
        "vintages": [str(each.name) for each in recipe.vintages],
        "ever_public": [str(each.name) for each in recipe.ever_public],
    }
    # A release made before a manifest told all of these is made again.
    current = standing == follows or all(told.get(name) == value for name, value in beside.items())
    return (
        current
        and told["made_from"]["key"] == recipe.key
        and all(_bytes(f"{standing.folder}/{name}") == file["bytes"] for name, file in told["files"].items())
    )


def _bytes(file: str) -> int | None:
    """How many bytes a file has; none where it is not there."""
    try:
        return os.stat(file).st_size  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None


def _spoken(quarters: list[Quarter]) -> str:
    return f"{quarters[0]} to {quarters[-1]}" if quarters else "none yet"
