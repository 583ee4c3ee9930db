"""Released: everything that is published for a quarter, built into the private area whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import ledger, provenance
from pipelines.settings import crime_id_key
from pipelines.shelves import LOCK, PRIVATE, PUBLIC, WITHDRAWN, Shelved, Shelves
from pipelines.stages.judged import open_judged
from pipelines.stages.line import Line
from pipelines.store import StoreError, digest
from publish import release as releases
from transforms import readiness
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

    A published release stands as it is; what has changed since becomes its next version. Raises StoreError
    when nothing has been supplied for the quarter.
    """
    window = line.window()
    require_supplied(line, quarter)
    quarters = [each for each in line.quarters() if quarter.plus(1 - QUARTERS_SHOWN) <= each <= quarter]
    shelves = Shelves(line.workspace.storage)
    published = shelves.on(PUBLIC, quarter)
    months = tuple(month for each in quarters for month in each.months if month in window)
    entries = readiness.standing(ledger.release_entries(line.settings.workspace), quarter)
    basis = provenance.basis(line, quarters, months, entries)
    made_from = digest(basis)
    follows = published[-1] if published else None
    for standing in [*published[-1:], *shelves.on(PRIVATE, quarter)]:
        if _stands(standing, made_from, follows):
            return Released(quarter, standing.folder, new=False)
    ingredients = releases.Ingredients(
        judged=open_judged(line, quarters),
        country=line.country,
        boundaries=line.loaded.boundaries,
        offences_reference=line.offences_reference(quarter),
        quarter=quarter,
        months=months,
        crime_id_key=crime_id_key(line.settings.workspace),
        basis=basis | {"key": made_from},
        behind=provenance.behind(line, quarters),
    )
    with line.workspace.scratch() as scratch:
        fresh = scratch / "release"
        fresh.mkdir()
        files = releases.build(ingredients, fresh)
        used = [each.name.version for each in [*published, *shelves.on(WITHDRAWN, quarter)]]
        version = _version(basis, files, follows, used)
        releases.seal(ingredients, fresh, str(version), str(follows.name) if follows else None)
        folder = shelves.place(PRIVATE, ReleaseName(quarter, version))
        shelves.storage.path(PRIVATE).mkdir(mode=0o700, exist_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with line.workspace.lock(LOCK):
            if shelves.on(PUBLIC, quarter) != published:
                raise StoreError(f"A version of {quarter} was published while this one was built: run again.")
            # Killed between these moves, no release is there and the next run builds the same bytes again.
            for number, earlier in enumerate(shelves.on(PRIVATE, quarter)):
                earlier.folder.replace(scratch / f"superseded-{number}")
            fresh.replace(folder)
    return Released(quarter, folder, new=True)


def _version(
    basis: dict[str, Any], files: list[str], follows: Shelved | None, used: list[Version]
) -> Version:
    if follows is None:
        return next_version(used, Change.PATCH)
    before = follows.manifest
    gone = before["files"].keys() - set(files)
    return next_version(used, provenance.change(before["made_from"], basis, gone))


def _stands(standing: Shelved, made_from: str, follows: Shelved | None) -> bool:
    """Whether a release is whole and is what would be built now."""
    told = standing.manifest
    current = standing == follows or told["follows"] == (str(follows.name) if follows else None)
    return (
        current
        and told["made_from"]["key"] == made_from
        and all(
            (standing.folder / name).exists() and (standing.folder / name).stat().st_size == file["bytes"]
            for name, file in told["files"].items()
        )
    )


def _spoken(quarters: list[Quarter]) -> str:
    return f"{quarters[0]} to {quarters[-1]}" if quarters else "none yet"
