"""Writes the files of the API: a month of ready-made answers, and the neighbourhoods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import polars as pl
import shapely

from geography.areas import Country
from geography.boundaries import dissolve, polygons_of
from publish.api.text import joined
from transforms.aggregation import population_of

PLACE: Final = ["force", "neighbourhood"]


def write_layer(folder: Path, rows: pl.DataFrame, points: int) -> dict[str, Any]:
    """Write one month, to be deflated (`deflating.deflate`). Returns what is needed beside the files to open it.

    `rows` is sorted: `point` (rank of the map point, 0 to `points`, ascending, nulls last), `force` (with
    the nulls of `point`, ascending), `category` (number), `json` (an object with its separator).
    """
    folder.mkdir(parents=True)
    data, row_at = joined(rows["json"])
    (folder / "text.bin").write_bytes(data)
    placed = rows["point"].drop_nulls().to_numpy().astype(np.int64)
    point_at = np.searchsorted(placed, np.arange(points + 1)).astype(np.int32)
    forces = rows["force"].unique().sort()
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "row_at": row_at, "category": rows["category"].to_numpy().astype(np.uint8),
        "force": forces.search_sorted(rows["force"]).to_numpy().astype(np.uint8), "point_at": point_at,
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    nowhere = (
        rows.select("point", "force", row=pl.int_range(pl.len()))
        .filter(pl.col("point").is_null())
        .group_by("force")
        .agg(first=pl.col("row").min(), last=pl.col("row").max() + 1)
        .sort("force")
    )
    return {
        "forces": forces.to_list(),
        "nowhere": {force: [first, last] for force, first, last in nowhere.iter_rows()},
    }


def write_neighbourhoods(country: Country, boundaries: gpd.GeoDataFrame, folder: Path) -> None:
    """Write every neighbourhood of the country with its shape; one without a boundary has an empty one."""
    folder.mkdir()
    drawn = set(boundaries["lsoa_code"])
    lsoas = country.lsoas
    shaped = lsoas.filter(lsoas["lsoa_code"].is_in(list(drawn)))
    areas = dissolve(boundaries, shaped, PLACE)
    shapes = {(row.force, row.neighbourhood): row.geometry for row in areas.itertuples()}
    names = lsoas.select(*PLACE, "neighbourhood_name").unique(PLACE, keep="first").sort(PLACE)
    rows, binary = [], []
    for force, neighbourhood, name, population in names.join(
        population_of(lsoas, PLACE), on=PLACE, how="left", maintain_order="left"
    ).iter_rows():
        shape = shapes.get((force, neighbourhood), shapely.Polygon())
        centre = shapely.point_on_surface(shape)
        rows.append(
            {
                "force": force,
                "id": neighbourhood,
                "name": name,
                "population": population,
                "centre": [] if shape.is_empty else [round(centre.y, 6), round(centre.x, 6)],
            }
        )
        # Shapes left over from joining areas may hold lines; only what has an area is kept.
        binary.append(shapely.to_wkb(shapely.MultiPolygon(list(polygons_of(shape))), byte_order=1))
    np.save(folder / "at.npy", np.cumsum([0, *map(len, binary)], dtype=np.int64), allow_pickle=False)
    (folder / "shapes.wkb").write_bytes(b"".join(binary))
    (folder / "neighbourhoods.json").write_text(
        json.dumps(rows, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
