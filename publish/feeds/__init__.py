"""Writes the bulk files: street-level records in the police.uk layout, with what was and was not supplied."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import geopandas as gpd

from geography.areas import Country
from publish.feeds.building import Build
from transforms.judging import Judged

__all__ = ["build"]


def build(
    judged: Judged,
    country: Country,
    months: Sequence[date],
    folder: Path,
    key: bytes,
    earlier: Path | None = None,
    shapes: gpd.GeoDataFrame | None = None,
    ever_public: Sequence[Path] = (),
    before: Path | None = None,
) -> list[Path]:
    """Write the bulk files for `months` (first days of months) into `folder`, which must be empty or absent.

    For each force and month whose verdict allows a number: `YYYY-MM/YYYY-MM-<force>-street.csv`, the layout
    of data.police.uk; where supplied, `…-outcomes.csv` and `…-stop-and-search.csv` too. For every other: no file at
    all. Beside them `availability.csv` (each force, file and
    month owed: supplied, partial, not supplied, since when and why), `README.txt`, `YYYY-MM.zip` of
    everything, named after the newest month, `latest.zip` (the same bytes) and `SHA256SUMS`; and
    `parquet/<quarter>-street.parquet` (GeoParquet), every force's lines of the quarter's months; and what
    keeps them anonymous: `map-points.csv` with the addresses of each point, `privacy.csv` with the figures of
    each month, `parquet/points-by-month.parquet`. Beside those `geojson/<force>.geojson` of the newest month,
    `counts.json` (JSON-stat), `boundaries/` (KML, given `shapes` with `lsoa_code` and `geometry`), and what
    changed since the release before, as `changes.json` (JSON Feed) and `changes.xml` (Atom). `earlier` is the
    folder of the bulk files published before; when the list of points has changed since, `map-points-crosswalk.csv`
    tells what became of each. A record that those, or any of `ever_public`, have at another point gets no location.
    `before` is a folder of bulk files, published or not, of which what was made from the same is taken over: quarters,
    and of others the months of street lines and each force's outcomes. That never changes a byte.
    `key` is the secret of the crime ids, at least 16 bytes, kept apart from the data and from `folder`.
    Returns the paths written, in order. Equal inputs give equal bytes.
    Raises ValueError when no month is asked for or the key is too short.
    """
    if not months:
        raise ValueError("No month was asked for: give at least one first-of-month date.")
    folder.mkdir(parents=True, exist_ok=True)
    releases = [*ever_public, *([] if earlier is None else [earlier])]
    return Build(judged, country, sorted(months), folder, key, releases, before).write(earlier, shapes)
