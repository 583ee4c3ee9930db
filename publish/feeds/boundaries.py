"""Boundaries of neighbourhoods and forces as KML, in the archives and under the names that police.uk has."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import geopandas as gpd

from geography.areas import Country
from geography.boundaries import dissolve
from geography.kml import write_kml
from publish.feeds.archive import write_texts


def write(country: Country, boundaries: gpd.GeoDataFrame, month: str, folder: Path) -> list[Path]:
    """Write `<month>.zip` (`<force>/<neighbourhood>.kml`) and `force_kmls.zip` (`<force>.kml`) into `folder`.

    What has no boundary has no file. An id that is no file name is written as in an address, such as `A%2F1`.
    """
    folder.mkdir(exist_ok=True)
    lsoas = country.lsoas.filter(country.lsoas["lsoa_code"].is_in(boundaries["lsoa_code"].to_list()))
    written = files(month, folder)
    for path, by in zip(written, (["force", "neighbourhood"], ["force"]), strict=True):
        areas = dissolve(boundaries, lsoas, by)
        texts = {
            "/".join(quote(str(part), safe=" ") for part in row[:-1]) + ".kml": write_kml(
                row[-1], str(row[-2])
            )
            for row in areas[[*by, areas.geometry.name]].itertuples(index=False)
        }
        write_texts(texts, path)
    return written


def files(month: str, folder: Path) -> list[Path]:
    """The paths that `write` writes."""
    return [folder / f"{month}.zip", folder / "force_kmls.zip"]
