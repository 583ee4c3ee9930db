"""Areas as drawings: the paths of a small map of a neighbourhood or a force."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import geopandas
import numpy as np
import polars as pl
import shapely

from geography.boundaries import METRES, dissolve, polygons_of, project, repair, simplify
from publish.parts import code_of
from publish.site.writing import Folder, key_of

#: Detail below this many metres does not show at the size the maps are printed.
DETAIL_METRES: Final = 12.0
#: The file of a site that holds what its maps are drawn from, for the next build.
OUTLINES: Final = "outlines.parquet"
#: Size of a map in its own units, which are pixels on a wide phone.
WIDTH: Final = 480
HEIGHT: Final = 420
MARGIN: Final = 6
#: A shape narrower than this has no room for its number, and a map of more shapes than that has none at all.
LABEL_ROOM: Final = 22
MOST_LABELS: Final = 40
#: How far labels must stand apart, side by side or one above the other.
LABEL_WIDTH: Final = 40
LABEL_HEIGHT: Final = 18


class Shape(NamedTuple):
    """One area in the units of its map; the label stands at (x, y), unless there is no room for one."""

    key: Hashable
    path: str
    x: int
    y: int
    has_room: bool


class Map(NamedTuple):
    """The shapes of one place, and how long a kilometre is in its units."""

    width: int
    height: int
    kilometre: float
    shapes: list[Shape]


class Outlines:
    """Areas ready to draw, in metres, each under a key."""

    def __init__(self, keys: Sequence[Hashable], outlines: np.ndarray[Any, Any]) -> None:
        self.outlines = outlines
        has_area = shapely.area(outlines) > 0
        self.index = {key: number for number, key in enumerate(keys) if has_area[number]}
        self.inside = shapely.point_on_surface(outlines)
        self._degrees: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None = None

    def of(self, keys: Sequence[Hashable]) -> np.ndarray[Any, Any]:
        """The outline of each area in turn, empty where there is none."""
        nowhere = shapely.Polygon()
        found = [self.outlines[self.index[key]] if key in self.index else nowhere for key in keys]
        return np.array(found, dtype=object)

    def square_metres(self) -> dict[Any, float]:
        """How large each area is."""
        sizes = shapely.area(self.outlines)
        return {key: float(sizes[number]) for key, number in self.index.items()}

    def middle(self, key: Hashable) -> tuple[float, float] | None:
        """Longitude and latitude of a point inside an area; None when it has no boundary."""
        if self._degrees is None:
            points = geopandas.GeoSeries(self.inside, crs=METRES).to_crs(4326)
            self._degrees = (points.x.to_numpy(), points.y.to_numpy())
        if key not in self.index:
            return None
        x, y = self._degrees
        return float(x[self.index[key]]), float(y[self.index[key]])

    def simpler(self, metres: float) -> Outlines:
        """The same areas with less detail; neighbours still fit together."""
        keys = list(self.index)
        return Outlines(keys, shapely.coverage_simplify(self.of(keys), metres))

    def drawn(self, keys: Sequence[Hashable]) -> Map | None:
        """The map of some areas; None when there is no boundary for any of them."""
        found = [(key, self.index[key]) for key in keys if key in self.index]
        if not found:
            return None
        outlines = [self.outlines[number] for _, number in found]
        west, south, east, north = shapely.total_bounds(outlines)
        scale = min((WIDTH - 2 * MARGIN) / (east - west), (HEIGHT - 2 * MARGIN) / (north - south))
        inside = self.inside[[number for _, number in found]]
        x = np.rint(MARGIN + (shapely.get_x(inside) - west) * scale).astype(int).tolist()
        y = np.rint(MARGIN + (north - shapely.get_y(inside)) * scale).astype(int).tolist()
        left, bottom, right, top = shapely.bounds(outlines).T
        sizes = (np.minimum(right - left, top - bottom) * scale).tolist()
        room = _with_room(x, y, sizes) if len(found) <= MOST_LABELS else set()
        shapes = [
            Shape(key, _path(outline, west, north, scale), x[place], y[place], place in room)
            for place, ((key, _), outline) in enumerate(zip(found, outlines, strict=True))
        ]
        return Map(
            width=round((east - west) * scale) + 2 * MARGIN,
            height=round((north - south) * scale) + 2 * MARGIN,
            kilometre=float(1000 * scale),
            shapes=shapes,
        )


class Boundaries:
    """Outlines of LSOAs and forces, in metres, simplified so that neighbours still fit together.

    `table` has a row for each that has a boundary: its `level`, its `key` (a code or a slug) and its `outline` (WKB).
    `key` tells what they were made from.
    """

    def __init__(self, table: pl.DataFrame, key: str) -> None:
        self.table = table
        self.key = key

    def lsoas(self, lsoas: pl.DataFrame | None = None) -> Outlines:
        """Each LSOA, or each of some, under its code."""
        rows = self._level("lsoa")
        rows = rows if lsoas is None else _of(lsoas, rows)
        return Outlines(rows["key"].to_list(), _outlines(rows))

    def neighbourhoods(self, lsoas: pl.DataFrame) -> Outlines:
        """Each neighbourhood, under its force and id, as far as its LSOAs have boundaries."""
        areas = _dissolved(self._level("lsoa"), lsoas, ["force", "neighbourhood"])
        keys = list(zip(areas["force"], areas["neighbourhood"], strict=True))
        return Outlines(keys, areas.geometry.to_numpy())

    def forces(self) -> Outlines:
        """Each force, under its slug, as far as its LSOAs have boundaries."""
        rows = self._level("force")
        return Outlines(rows["key"].to_list(), _outlines(rows))

    def _level(self, level: str) -> pl.DataFrame:
        return self.table.filter(pl.col("level") == level)


def outlines_of(boundaries: geopandas.GeoDataFrame, lsoas: pl.DataFrame, files: Folder) -> Boundaries:
    """The outlines of some LSOAs and their forces, from the build before (`OUTLINES`) where it made them from the same.

    `boundaries` has `lsoa_code` and `geometry` in any projection. Rows without a polygon are left out.
    """
    key = key_of(
        code_of("geography"),
        lsoas.write_json().encode(),
        boundaries["lsoa_code"].to_list(),
        boundaries.crs and boundaries.crs.to_wkt(),
        *boundaries.geometry.to_wkb(),
    )
    content = b""
    if files.parts.earlier is not None:
        with contextlib.suppress(OSError):
            content = (files.parts.earlier / OUTLINES).read_bytes()
    # The content is told too, so that a file that has come to harm is made again.
    if not files.kept("outlines", key_of(key, content), OUTLINES):
        file = io.BytesIO()
        _simplified(boundaries, lsoas).write_parquet(file, compression="zstd")
        content = file.getvalue()
        files.parts.made["outlines"] = key_of(key, content)
        files.put(OUTLINES, content)
    return Boundaries(pl.read_parquet(content), key)


def _simplified(boundaries: geopandas.GeoDataFrame, lsoas: pl.DataFrame) -> pl.DataFrame:
    """Boundaries repaired, on the grid, and simplified so that neighbours still fit together, and those of forces."""
    frame = boundaries[boundaries.geometry.notna()].sort_values("lsoa_code")
    whole = repair(project(frame))
    simple = simplify(whole, DETAIL_METRES).geometry.to_numpy()
    # An area smaller than the detail would vanish: it keeps its own outline.
    outlines = np.where(shapely.area(simple) > 0, simple, whole.geometry.to_numpy())
    small = _table("lsoa", whole["lsoa_code"], outlines)
    forces = _dissolved(small, lsoas, ["force"])
    return pl.concat([small, _table("force", forces["force"], forces.geometry.to_numpy())])


def _table(level: str, keys: Iterable[str], outlines: np.ndarray[Any, Any]) -> pl.DataFrame:
    columns = {"key": list(keys), "outline": list(shapely.to_wkb(outlines))}
    schema = {"key": pl.String, "outline": pl.Binary}
    return pl.DataFrame(columns, schema=schema).select(pl.lit(level).alias("level"), "key", "outline")


def _of(lsoas: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("key").is_in(lsoas["lsoa_code"].to_list()))


def _dissolved(rows: pl.DataFrame, lsoas: pl.DataFrame, by: list[str]) -> geopandas.GeoDataFrame:
    rows = _of(lsoas, rows)
    drawable = lsoas.filter(pl.col("lsoa_code").is_in(rows["key"].to_list()))
    if drawable.is_empty():
        return geopandas.GeoDataFrame({name: [] for name in by}, geometry=[], crs=METRES)
    codes = {"lsoa_code": rows["key"].to_list()}
    return dissolve(geopandas.GeoDataFrame(codes, geometry=_outlines(rows), crs=METRES), drawable, by)


def _outlines(rows: pl.DataFrame) -> np.ndarray[Any, Any]:
    return np.asarray(shapely.from_wkb(rows["outline"].to_numpy()), dtype=object)


def _with_room(x: Sequence[int], y: Sequence[int], sizes: Sequence[float]) -> set[int]:
    """The places of the labels that fit their area and lie over no other; a larger area's goes first."""
    room: list[int] = []
    for place in sorted(range(len(sizes)), key=lambda place: (-sizes[place], place)):
        clear = all(
            abs(x[place] - x[other]) >= LABEL_WIDTH or abs(y[place] - y[other]) >= LABEL_HEIGHT
            for other in room
        )
        if sizes[place] >= LABEL_ROOM and clear:
            room.append(place)
    return set(room)


def _path(outline: Any, west: float, north: float, scale: float) -> str:
    """An SVG path in whole units, each step relative to the one before."""
    pieces = []
    for ring in shapely.get_rings(polygons_of(outline)):
        corners = shapely.get_coordinates(ring)[:-1]
        units = np.rint(
            np.column_stack(
                (MARGIN + (corners[:, 0] - west) * scale, MARGIN + (north - corners[:, 1]) * scale)
            )
        ).astype(int)
        steps = np.diff(units, axis=0)
        steps = steps[np.any(steps != 0, axis=1)]
        if not len(steps):
            continue  # A ring smaller than one unit.
        start = units[0].tolist()
        pieces.append(f"M{start[0]} {start[1]}l" + " ".join(f"{x} {y}" for x, y in steps.tolist()) + "z")
    return "".join(pieces)


def scale_bar(kilometre: float) -> Mapping[str, object]:
    """A round length that fits the map: its words and its length in units."""
    for metres, words in (
        (50_000, "50 km"),
        (20_000, "20 km"),
        (10_000, "10 km"),
        (5000, "5 km"),
        (2000, "2 km"),
        (1000, "1 km"),
        (500, "500 m"),
        (200, "200 m"),
    ):
        if metres / 1000 * kilometre <= WIDTH / 3:
            return {"words": words, "length": round(metres / 1000 * kilometre)}
    return {"words": "100 m", "length": round(0.1 * kilometre)}
