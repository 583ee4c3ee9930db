"""Released: a folder of everything that is published for a quarter, put in place whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import crime_id_key
from pipelines.stages.judged import open_judged
from pipelines.stages.line import Line
from pipelines.store import StoreError, digest
from publish import release as releases
from transforms.periods import Quarter

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
    """Build the quarter's release when anything that it is made from has changed.

    Raises StoreError when nothing has been supplied for the quarter.
    """
    window = line.window()
    require_supplied(line, quarter)
    quarters = [each for each in line.quarters() if quarter.plus(1 - QUARTERS_SHOWN) <= each <= quarter]
    workspace = line.workspace
    names = [str(each) for each in quarters]
    key = crime_id_key(line.settings.workspace)
    basis = {
        "fullcount": line.basis[0],
        "country": line.basis[1],
        "counting_editions": line.basis[2],
        "tables": {
            table: dict(workspace.key(table, names))
            for table in ("verdicts", "findings", "judged_offences", "judged_areas")
        },
        "crime_id_key": digest(key.hex()),
    }
    made_from = digest(basis, [f"{month}" for month in window])
    folder = workspace.storage.path(f"releases/{quarter}")
    if _stands(folder, made_from):
        return Released(quarter, folder, new=False)
    months = tuple(month for each in quarters for month in each.months if month in window)
    with workspace.scratch() as scratch:
        fresh = scratch / "release"
        fresh.mkdir()
        releases.build(
            releases.Ingredients(
                judged=open_judged(line, quarters),
                country=line.country,
                boundaries=line.loaded.boundaries,
                offences_reference=line.offences_reference(quarter),
                quarter=quarter,
                months=months,
                crime_id_key=key,
                basis=basis | {"key": made_from},
            ),
            fresh,
        )
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Killed between the two moves, the folder is absent and the next run builds the same bytes again.
        if folder.exists():
            folder.replace(scratch / "superseded")
        fresh.replace(folder)
    return Released(quarter, folder, new=True)


def _stands(folder: Path, made_from: str) -> bool:
    manifest = folder / releases.MANIFEST
    if not manifest.exists():
        return False
    told = json.loads(manifest.read_text())
    return told["made_from"]["key"] == made_from and all(
        (folder / name).exists() and (folder / name).stat().st_size == file["bytes"]
        for name, file in told["files"].items()
    )


def _spoken(quarters: list[Quarter]) -> str:
    return f"{quarters[0]} to {quarters[-1]}" if quarters else "none yet"
