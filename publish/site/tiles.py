"""Vector tiles of the map: the areas of a country at three levels, and a month's crimes at their map points."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import geopandas
import numpy as np
import polars as pl
import shapely
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from geography.boundaries import METRES
from publish.site import vector_tiles
from publish.site.vector_tiles import EXTENT
from transforms.aggregation import rows_by

#: Web Mercator, in which every tile is a square.
MERCATOR: Final = 3857
HALF_WORLD: Final = 20037508.342789244
#: How far a shape goes on beyond its tile, in units of the tile, so that no edge shows where tiles meet.
BUFFER: Final = 64

#: Zoom of the tiles in which points are gathered into a grid of `GRID` by `GRID`, and in which each stands alone.
GATHERED: Final = 11
ALONE: Final = 13
GRID: Final = 16
#: What is known of a point in words.
TEXTS: Final = ("location", "force", "area_force")


class Level(NamedTuple):
    """Areas that are drawn at some zooms; the place of an area in `outlines` is its id on the map."""

    name: str
    zooms: Sequence[int]
    #: In metres on the British National Grid.
    outlines: np.ndarray[Any, Any]
    #: What else is known of each area, by name.
    properties: Mapping[str, Sequence[str | int]]


def write_areas(path: Path, levels: Sequence[Level]) -> None:
    """Write the areas of each level as one archive of vector tiles. Equal inputs give equal bytes."""
    tiles: dict[int, bytes] = {}
    for level in levels:
        shapes = geopandas.GeoSeries(level.outlines, crs=METRES).to_crs(MERCATOR).to_numpy()
        drawable = np.flatnonzero(~shapely.is_empty(shapes))
        for zoom in level.zooms:
            tiles.update(_level_tiles(level, shapes[drawable], drawable, zoom))
    _write(path, tiles, [level.name for level in levels])


def _level_tiles(
    level: Level, shapes: np.ndarray[Any, Any], identities: np.ndarray[Any, Any], zoom: int
) -> Iterator[tuple[int, bytes]]:
    side = 2 * HALF_WORLD / 2**zoom
    unit = side / EXTENT
    simple = shapely.coverage_simplify(shapes, 2 * unit * EXTENT / 512)
    # An area smaller than the detail would vanish: it keeps its own outline.
    simple = np.where(shapely.area(simple) > 0, simple, shapes)
    x, y = _grid(shapely.total_bounds(simple), side)
    boxes = shapely.box(
        x * side - HALF_WORLD - BUFFER * unit,
        HALF_WORLD - (y + 1) * side - BUFFER * unit,
        (x + 1) * side - HALF_WORLD + BUFFER * unit,
        HALF_WORLD - y * side + BUFFER * unit,
    )
    tile, area = shapely.STRtree(simple).query(boxes, predicate="intersects")
    order = np.lexsort((area, tile))
    tile, area = tile[order], area[order]
    for start, end in _runs(tile):
        here, inside = tile[start], area[start:end]
        west, north = x[here] * side - HALF_WORLD, HALF_WORLD - y[here] * side
        clipped = shapely.clip_by_rect(simple[inside], *shapely.bounds(boxes[here]))
        in_units = shapely.transform(clipped, lambda at, w=west, n=north: (at - (w, n)) / (unit, -unit))
        values, tags = _tags(level.properties, identities[inside].tolist())
        features = vector_tiles.polygon_features(in_units, identities[inside].tolist(), tags)
        if features:
            content = vector_tiles.layer(level.name, features, list(level.properties), values)
            yield zxy_to_tileid(zoom, int(x[here]), int(y[here])), content


def _tags(
    properties: Mapping[str, Sequence[str | int]], identities: Sequence[int]
) -> tuple[list[str | int], list[list[int]]]:
    """The distinct values of some areas, and for each area the places of its keys and values in turn."""
    places: dict[str | int, int] = {}
    tags = [
        [
            number
            for key, values in enumerate(properties.values())
            for number in (key, places.setdefault(values[identity], len(places)))
        ]
        for identity in identities
    ]
    return list(places), tags


def _grid(bounds: np.ndarray[Any, Any], side: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Columns and rows of every tile that meets some bounds."""
    west, south, east, north = bounds
    columns = np.arange(int((west + HALF_WORLD) // side), int((east + HALF_WORLD) // side) + 1)
    rows = np.arange(int((HALF_WORLD - north) // side), int((HALF_WORLD - south) // side) + 1)
    x, y = np.meshgrid(columns, rows)
    return x.ravel(), y.ravel()


def _runs(sorted_values: np.ndarray[Any, Any]) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal values."""
    if len(sorted_values):
        starts = [0, *(np.flatnonzero(np.diff(sorted_values)) + 1).tolist(), len(sorted_values)]
        yield from pairwise(starts)


def write_points(path: Path, crimes: pl.DataFrame, owners: pl.DataFrame) -> bool:
    """Write one month's crimes at their map points; false, and no file, when there is none to show.

    `crimes` has one row for each crime with the `longitude`, `latitude` and `location` of its map point, its
    `lsoa_code`, its `kind` (a number) and the `force` that recorded it; `owners` gives the `area_force` of
    each LSOA. A feature stands for the crimes of one kind at one place: `n` of them, the `kind`, `at` (the
    location), `by` (who recorded them) and `of` (the force whose area it lies in). Points of different
    forces' areas are never gathered into one, so a gathering never speaks for an area without figures.
    """
    placed = (
        crimes.lazy()
        .filter(pl.col("longitude").is_not_null(), pl.col("latitude").is_not_null())
        .join(owners.lazy(), on="lsoa_code", how="left")
        .with_columns(pl.col("location", "area_force").fill_null(""))
        .collect()
    )
    # Names are few and records many: as numbers in order of the names they are quick to group and to sort.
    texts = {name: pl.Enum(["", *_names(placed.get_column(name))]) for name in TEXTS}
    coded = placed.lazy().select(
        "longitude", "latitude", "kind", *(pl.col(name).cast(texts[name]) for name in TEXTS)
    )
    tiles: dict[int, bytes] = {}
    for zoom, name, grid in ((GATHERED, "gathered", GRID), (ALONE, "points", EXTENT)):
        tiles.update(_point_tiles(_on_tiles(coded, zoom, grid), name, zoom))
    if tiles:
        _write(path, tiles, ["gathered", "points"])
    return bool(tiles)


def _names(texts: pl.Series) -> list[str]:
    return texts.filter(texts != "").unique().sort().to_list()


def _on_tiles(placed: pl.LazyFrame, zoom: int, grid: int) -> pl.DataFrame:
    """Crimes of a zoom with the `tile` they lie on and where: one row for each cell of the grid and kind."""
    side = EXTENT * 2**zoom
    cell = EXTENT // grid
    latitude = pl.col("latitude").radians()
    mercator = (latitude.tan() + 1 / latitude.cos()).log() / np.pi
    cells = placed.with_columns(
        x=((pl.col("longitude") / 360 + 0.5) * side).floor().cast(pl.Int64),
        y=((1 - mercator) / 2 * side).floor().cast(pl.Int64),
    ).with_columns(pl.col("x", "y") // cell * cell + cell // 2)
    key = ["x", "y", "kind", "area_force"]
    if cell == 1:
        key += ["force", "location"]
    found = rows_by(cells, key).collect()
    if cell > 1:
        nothing = pl.lit("").cast
        found = found.with_columns(
            **{name: nothing(placed.collect_schema()[name]) for name in ("force", "location")}
        )
    # One number is far quicker to sort by than four.
    on_tile = pl.col("y") % EXTENT * EXTENT + pl.col("x") % EXTENT
    place = (pl.col("column") * 2**zoom + pl.col("row")) * EXTENT**2 + on_tile
    return (
        found.with_columns(column=pl.col("x") // EXTENT, row=pl.col("y") // EXTENT)
        .sort(place, "kind", "area_force", "force", "location")
        .with_columns(tile=pl.struct("column", "row").rle_id().cast(pl.Int64))
    )


def _point_tiles(points: pl.DataFrame, name: str, zoom: int) -> Iterator[tuple[int, bytes]]:
    keys = {"n": "rows", "kind": "kind", "at": "location", "by": "force", "of": "area_force"}
    values, places = _values(points, list(keys.values()))
    features = vector_tiles.point_features(
        points["x"].to_numpy() % EXTENT,
        points["y"].to_numpy() % EXTENT,
        {number: places[column].to_numpy() for number, column in enumerate(keys.values())},
        points["tile"].to_numpy(),
    )
    corners = points.select("tile", "column", "row").unique("tile").sort("tile")
    for tile, column, row in corners.iter_rows():
        content = vector_tiles.layer(name, features[tile], list(keys), values[tile])
        yield zxy_to_tileid(zoom, column, row), content


def _values(points: pl.DataFrame, columns: Sequence[str]) -> tuple[dict[int, list[str | int]], pl.DataFrame]:
    """The distinct values of each tile, and for each point the place of each of its values among them."""
    listed: dict[int, list[str | int]] = {}
    places = points.select("tile")
    before = pl.lit(0, pl.Int64)
    for column in columns:
        values = points.get_column(column)
        names = values.dtype.categories if isinstance(values.dtype, pl.Enum) else None
        codes = values if names is None else values.to_physical()
        rank = pl.col("value").rank("dense").over("tile").cast(pl.Int64)
        ranked = points.select("tile", value=codes).with_columns(place=rank - 1)
        places = places.with_columns(ranked["place"].alias(column))
        distinct = ranked.select("tile", "value").unique().sort("tile", "value")
        if names is not None:
            distinct = distinct.with_columns(names.gather(distinct.get_column("value")).alias("value"))
        for tile, found in distinct.group_by("tile", maintain_order=True).agg("value").iter_rows():
            listed.setdefault(tile, []).extend(found)
        places = places.with_columns(
            (pl.col(column) + before).alias(column),
            size=pl.col(column).max().over("tile") + 1 + before,
        )
        before = pl.col("size")
    return listed, places


def _write(path: Path, tiles: dict[int, bytes], layers: Sequence[str]) -> None:
    """One archive of tiles (PMTiles 3), in the order of their ids."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = Writer(file)
        for identity in sorted(tiles):
            writer.write_tile(identity, gzip.compress(tiles[identity], compresslevel=6, mtime=0))
        writer.finalize(
            {"tile_type": TileType.MVT, "tile_compression": Compression.GZIP, **_whole_world()},
            {"vector_layers": [{"id": name, "fields": {}} for name in layers]},
        )


def _whole_world() -> dict[str, int]:
    return {
        "min_lon_e7": -1800000000,
        "min_lat_e7": -850000000,
        "max_lon_e7": 1800000000,
        "max_lat_e7": 850000000,
        "center_zoom": 0,
        "center_lon_e7": 0,
        "center_lat_e7": 0,
    }
