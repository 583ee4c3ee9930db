"""Builds one release: the return, the bulk files and the site in one folder, with a manifest of hashes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import polars as pl

from geography.areas import Country
from publish import feeds, returns, site
from publish.gate import admit
from transforms.judging import Judged
from transforms.periods import Quarter

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Ingredients:
    """Everything a release is made from."""

    judged: Judged
    country: Country
    boundaries: gpd.GeoDataFrame
    offences_reference: pl.DataFrame
    quarter: Quarter
    months: tuple[date, ...]
    crime_id_key: bytes
    basis: dict[str, Any]


def build(ingredients: Ingredients, folder: Path) -> Path:
    """Write a whole release into an empty folder. Returns its manifest.

    The same ingredients give the same bytes. Raises JudgementError when the tables are not judged.
    """
    judged = admit(ingredients.judged)
    months = list(ingredients.months)
    returns.build(
        judged,
        ingredients.country,
        ingredients.offences_reference,
        str(ingredients.quarter),
        folder / "returns",
    )
    feeds.build(judged, ingredients.country, months, folder / "feeds", key=ingredients.crime_id_key)
    site.build(judged, ingredients.country, ingredients.boundaries, months, folder / "site")
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps(_manifest(ingredients, folder), indent=1, ensure_ascii=False) + "\n")
    return manifest


def _manifest(ingredients: Ingredients, folder: Path) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "quarter": str(ingredients.quarter),
        "financial_year": ingredients.quarter.financial_year,
        "financial_quarter": ingredients.quarter.financial_quarter,
        "months": [f"{month:%Y-%m}" for month in ingredients.months],
        "made_from": ingredients.basis,
        "files": {
            str(path.relative_to(folder)): {"sha256": _sha256(path), "bytes": path.stat().st_size}
            for path in files
        },
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
