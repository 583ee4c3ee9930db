"""Writes the files of the API: a month of ready-made answers, and the neighbourhoods."""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from geography.areas import Country
from geography.boundaries import dissolve, polygons_of
from publish.api.layers import ARRAYS, SEPARATION, STORED_SEPARATION, Layer
from publish.api.points import Indices
from publish.api.text import joined
from transforms.aggregation import population_of

PLACE: Final = ["force", "neighbourhood"]


def write_layer(
    folder: Path, rows: pl.DataFrame, points: int, earlier: Layer | None = None
) -> dict[str, Any]:
    """Write one month. Returns what is needed beside the files to open it.

    `rows` is sorted: `point` (rank of the map point, 0 to `points`, ascending, nulls last), `force` (with
    the nulls of `point`, ascending), `category` (number), `json` (an object with its separator). `earlier` is the
    same month as it was written before, by the same code and of the same points.
    """
    folder.mkdir(parents=True)
    data, row_at = joined(rows["json"])
    (folder / "text.bin").write_bytes(data)
    placed = rows["point"].drop_nulls().to_numpy().astype(np.int64)
    point_at = np.searchsorted(placed, np.arange(points + 1)).astype(np.int32)
    deflated_at, after, before = _deflate(data, row_at, point_at, folder / "deflated.bin", earlier)
    forces = rows["force"].unique().sort()
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "row_at": row_at, "category": rows["category"].to_numpy().astype(np.uint8),
        "force": forces.search_sorted(rows["force"]).to_numpy().astype(np.uint8), "point_at": point_at,
        "deflated_at": deflated_at, "crc_after": after, "crc_before": before,
    }  # fmt: skip
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", arrays[name], allow_pickle=False)
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


def _deflate(
    data: Any, row_at: Indices, point_at: NDArray[np.int32], path: Path, earlier: Layer | None
) -> tuple[Indices, NDArray[np.uint32], NDArray[np.uint32]]:
    """Deflate each point's text so that any run of points can be sent as it is (RFC 1951).

    A full flush ends each on a byte and forgets what went before; the separator follows as a block of its
    own. Returns where each point's bytes begin, and the checksum of all text up to and including each
    point: with its last separator, led by that of no text, and without it. A point whose text is the same in
    `earlier` has the bytes that it has there.
    """
    filled = np.flatnonzero(np.diff(point_at))
    starts, ends = (row_at[point_at[filled + step]].tolist() for step in (0, 1))
    known: Iterator[tuple[bytes, bytes]] = itertools.repeat((b"", b""))
    if earlier is not None:
        known = zip(earlier.texts(filled), earlier.blocks(filled), strict=True)
    lengths, after, before = [0], [0], []
    # A full flush clears the compressor's memory, so it is given little: most points have a few kilobytes.
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -13, 5)
    running = 0
    with path.open("wb") as file:
        for start, end, (was, then) in zip(starts, ends, known, strict=False):
            text, gap = data[start : end - len(SEPARATION)], data[end - len(SEPARATION) : end]
            # Two views are compared item by item, which takes longer than deflating.
            if was == bytes(data[start:end]):
                block = then
            else:
                block = squeeze.compress(text) + squeeze.flush(zlib.Z_FULL_FLUSH) + STORED_SEPARATION
            file.write(block)
            lengths.append(len(block))
            before.append(running := zlib.crc32(text, running))
            after.append(running := zlib.crc32(gap, running))
    # A point without a record begins where the next one does.
    number = np.searchsorted(filled, np.arange(len(point_at)))
    ends_at = np.cumsum(lengths, dtype=np.int64)
    before_at = np.zeros(len(point_at) - 1, np.uint32)
    before_at[filled] = before
    return ends_at[number], np.array(after, np.uint32)[number], before_at


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
