"""Shapes of areas: repair, check, simplify, dissolve and project. Frames in, frames out; nothing is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import geopandas as gpd
import numpy as np
import polars as pl
import shapely

#: British National Grid: eastings and northings in metres.
METRES: Final = 27700

Shapes = TypeVar("Shapes", gpd.GeoDataFrame, gpd.GeoSeries)


def polygons_of(shape: Any) -> np.ndarray[Any, Any]:
    """The polygons that a shape is made of; what has no area is left out."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return np.asarray(parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)], dtype=object)


def project(shapes: Shapes, epsg: int = METRES) -> Shapes:
    """The same rows in another coordinate system: 27700 is metres, 4326 degrees.

    Raises ValueError when the shapes do not say which system they are in.
    """
    if shapes.crs is None:
        raise ValueError("the shapes do not say which coordinate system they are in: set their crs first.")
    return shapes.to_crs(epsg)


def repair(boundaries: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The same rows with every shape valid and polygonal, in the same units.

    A ring that crosses itself becomes the area it encloses (`make_valid`, structure method); lines and
    points that are left over are dropped. A row without any area comes back with an empty shape.
    """
    shapes = boundaries.geometry.to_numpy().copy()
    broken = ~shapely.is_valid(shapes)
    shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    return boundaries.set_geometry(gpd.GeoSeries(shapes, index=boundaries.index, crs=boundaries.crs))


@dataclass(frozen=True)
class CoverageReport:
    """What keeps a set of areas from covering their country once and without gaps. Areas in square metres."""

    #: Codes of areas whose shape is not valid.
    invalid: tuple[str, ...]
    #: One row for each pair of areas that overlap: `code`, `other`, `square_metres`.
    overlaps: pl.DataFrame
    #: One row for each gap that areas enclose: `square_metres` and a point in it (`longitude`, `latitude`).
    gaps: pl.DataFrame

    @property
    def whole(self) -> bool:
        """Whether every shape is valid and there is neither an overlap nor a gap."""
        return not self.invalid and self.overlaps.is_empty() and self.gaps.is_empty()


def check_coverage(boundaries: gpd.GeoDataFrame, code: str = "lsoa_code") -> CoverageReport:
    """Report invalid shapes, overlaps and enclosed gaps among areas; nothing is changed.

    `boundaries` has a column `code` and a geometry in any coordinate system. A real hole in the country (an
    enclave that is another country) is reported as a gap too: the caller knows which. Both tables have the
    largest first.
    """
    metric = project(boundaries, METRES).sort_values(code, ignore_index=True)
    shapes = metric.geometry.to_numpy()
    invalid = tuple(metric.loc[~metric.geometry.is_valid, code])
    shapes = repair(metric).geometry.to_numpy() if invalid else shapes

    # Only areas with an edge that their neighbours do not share can overlap or leave a gap: a few of many.
    edges = shapely.coverage_invalid_edges(shapes)
    suspects = np.flatnonzero(~shapely.is_empty(edges))
    area, other = shapely.STRtree(shapes).query(shapes[suspects], predicate="intersects")
    area = suspects[area]
    pairs = np.unique(np.sort(np.stack([area, other]), axis=0)[:, area != other], axis=1)
    common = shapely.area(shapely.intersection(shapes[pairs[0]], shapes[pairs[1]]))
    codes = pl.Series(metric[code].to_list(), dtype=pl.String)
    overlaps = pl.DataFrame(
        {"code": codes.gather(pairs[0]), "other": codes.gather(pairs[1]), "square_metres": common}
    ).filter(pl.col("square_metres") > 0)

    holes = _holes(shapely.union_all(shapes))
    inside = gpd.GeoSeries(shapely.point_on_surface(holes), crs=metric.crs).to_crs(4326)
    gaps = pl.DataFrame(
        {
            "square_metres": shapely.area(holes),
            "longitude": inside.x.to_numpy(),
            "latitude": inside.y.to_numpy(),
        },
        schema={"square_metres": pl.Float64, "longitude": pl.Float64, "latitude": pl.Float64},
    )
    return CoverageReport(
        invalid,
        overlaps.sort("square_metres", "code", "other", descending=[True, False, False]),
        gaps.sort("square_metres", "longitude", "latitude", descending=[True, False, False]),
    )


def _holes(shape: Any) -> np.ndarray[Any, Any]:
    """The holes of a shape, each as a polygon."""
    parts = shapely.get_parts(shape)
    rings, owner = shapely.get_rings(parts, return_index=True)
    # The first ring of each part is its outside.
    outside = np.concatenate([[True], owner[1:] != owner[:-1]]) if len(owner) else np.zeros(0, bool)
    return np.asarray(shapely.polygons(rings[~outside]), dtype=object)


def simplify(boundaries: gpd.GeoDataFrame, metres: float) -> gpd.GeoDataFrame:
    """The same rows with fewer corners, for display; neighbours still share their edges exactly.

    `metres` is the length below which detail goes: corners are dropped while the triangle that each makes
    with its neighbours is smaller than `metres` squared (Visvalingam–Whyatt over the whole coverage). The
    result is in the coordinate system of `boundaries`. Never place points with it.
    """
    metric = project(boundaries, METRES)
    simpler = shapely.coverage_simplify(metric.geometry.to_numpy(), metres)
    shapes = gpd.GeoSeries(simpler, index=boundaries.index, crs=metric.crs).to_crs(boundaries.crs)
    return boundaries.set_geometry(shapes)


def dissolve(boundaries: gpd.GeoDataFrame, lsoas: pl.DataFrame, by: list[str]) -> gpd.GeoDataFrame:
    """One row for each area of a higher level, with its columns `by` and its shape, sorted on `by`.

    `lsoas` has `lsoa_code` and the columns `by`, such as `["force", "neighbourhood"]`, `["csp_code"]` or
    `["force"]`. Edges inside an area vanish. The coordinate system is that of `boundaries`. Raises
    ValueError when an LSOA has no boundary.
    """
    ordered = lsoas.select("lsoa_code", *by).sort(*by, "lsoa_code")
    shapes = boundaries.set_index("lsoa_code").geometry
    absent = [code for code in ordered["lsoa_code"] if code not in shapes.index]
    if absent:
        raise ValueError(f"{absent[0]} and {len(absent) - 1} other LSOAs have no boundary.")
    members = shapes.loc[ordered["lsoa_code"].to_list()].to_numpy()
    areas = ordered.group_by(by, maintain_order=True).agg(size=pl.len())
    starts = np.cumsum(areas["size"].to_numpy())[:-1]
    union = [_union(part) for part in np.split(members, starts)]
    return gpd.GeoDataFrame(areas.select(by).to_dict(as_series=False), geometry=union, crs=boundaries.crs)


def _union(shapes: np.ndarray[Any, Any]) -> Any:
    """One shape of several that share edges."""
    # The fast union is right only when every shared edge is shared exactly.
    if shapely.coverage_is_valid(shapes):
        return shapely.coverage_union_all(shapes)
    return shapely.union_all(shapes)
