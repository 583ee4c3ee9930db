"""Points to areas, and areas to the force that answers for them. “Unplaced” is an answer, never a drop."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import polars as pl
import shapely

#: Longitude and latitude, as GeoParquet and KML hold them.
WGS84 = 4326

#: A column of its own while points are placed.
KEY = "coordinate"


def place(points: pl.DataFrame | pl.LazyFrame, boundaries: gpd.GeoDataFrame) -> pl.DataFrame:
    """The same rows in the same order, with `lsoa_code`: the LSOA that each point lies in, or null.

    `points` has `longitude` and `latitude` in WGS 84 degrees and any other columns; `boundaries` has
    `lsoa_code` and a WGS 84 `geometry`. A point on a shared edge, or where generalised boundaries overlap,
    belongs to the lowest of the codes that touch it, so each row is placed once at most. A row without
    coordinates, or outside every area, keeps its place in the frame with a null code.

    Each distinct coordinate is tested once. Raises ValueError when a column is absent, when `points` holds
    an `lsoa_code` already, or when the boundaries are not in WGS 84.
    """
    points = points.lazy().collect()
    _check(points, boundaries)
    keyed = points.with_columns(_key())
    coordinates = keyed.select("longitude", "latitude", KEY).filter(pl.col(KEY).is_not_null()).unique(KEY)
    placed = coordinates.select(
        KEY, _lowest_code(coordinates.select("longitude", "latitude"), boundaries).alias("lsoa_code")
    )
    return keyed.join(placed, on=KEY, how="left", maintain_order="left").drop(KEY)


def _key() -> pl.Expr:
    """One number for each coordinate, to the ten-millionth of a degree (a centimetre): numbers join fast.

    Null where there is no coordinate on the globe.
    """
    east, north = pl.col("longitude") + 180, pl.col("latitude") + 90
    whole = [(each * 1e7).round().cast(pl.UInt64, strict=False) for each in (east, north)]
    on_the_globe = east.is_between(0, 360) & north.is_between(0, 180)
    return pl.when(on_the_globe).then(whole[0] * 2**32 + whole[1]).alias(KEY)


def _lowest_code(coordinates: pl.DataFrame, boundaries: gpd.GeoDataFrame) -> pl.Series:
    """For each coordinate, the lowest code among the areas that cover it; null where none does."""
    areas = boundaries.sort_values("lsoa_code")
    # The tree is of points because a polygon that queries is prepared once for all the points near it.
    tree = shapely.STRtree(shapely.points(coordinates.to_numpy()))
    area, point = tree.query(areas.geometry.to_numpy(), predicate="covers")
    lowest = np.full(coordinates.height, len(areas))
    np.minimum.at(lowest, point, area)
    codes = pl.Series([*areas["lsoa_code"], None], dtype=pl.String)
    return codes.gather(pl.Series(lowest)).alias("lsoa_code")


def _check(points: pl.DataFrame, boundaries: gpd.GeoDataFrame) -> None:
    absent = [column for column in ("longitude", "latitude") if column not in points.columns]
    if absent:
        raise ValueError(
            f"points have no column {' or '.join(absent)}: placing needs both, in WGS 84 degrees."
        )
    if "lsoa_code" in points.columns:
        raise ValueError("points have an lsoa_code already: rename or drop it before placing.")
    if "lsoa_code" not in boundaries.columns:
        raise ValueError(f"boundaries have no column lsoa_code; they have {', '.join(boundaries.columns)}.")
    if boundaries.crs is None or boundaries.crs.to_epsg() != WGS84:
        seen = boundaries.crs.name if boundaries.crs else "no stated coordinate system"
        raise ValueError(f"boundaries are in {seen}; placing needs WGS 84 (EPSG:4326).")


def published_place(lsoas: pl.DataFrame, *, no_location: str, outside: str) -> pl.Expr:
    """The place that a row of `force`, `lsoa_code`, `csp_code` (and `longitude`) is published at.

    `lsoas` has one row for each LSOA with the `csp_code` that it lies in and the `force` that owns both. The answer is

    - the row's LSOA, when it belongs to the force that recorded the row;
    - `no_location`, when it has no LSOA though it lies in a partnership of that force (its location is withheld),
      and when it has neither an LSOA nor a longitude;
    - `outside`, when it belongs to another force, or lies in no LSOA though it has a longitude or a code
      (a railway station in Scotland).

    So a force's rows add up to its records exactly, and one force's crimes never fill another's area.
    """
    owner = pl.col("lsoa_code").replace_strict(
        lsoas["lsoa_code"], lsoas["force"], default=None, return_dtype=pl.String
    )
    partnerships = lsoas.select("csp_code", "force").unique("csp_code", maintain_order=True)
    withheld = pl.col("lsoa_code").is_null() & (
        pl.col("csp_code").replace_strict(
            partnerships["csp_code"], partnerships["force"], default=None, return_dtype=pl.String
        )
        == pl.col("force")
    )
    located = pl.col("lsoa_code").is_not_null() | pl.col("longitude").is_not_null()
    return (
        pl.when(owner == pl.col("force"))
        .then(pl.col("lsoa_code"))
        .when(withheld)
        .then(pl.lit(no_location))
        .when(located)
        .then(pl.lit(outside))
        .otherwise(pl.lit(no_location))
    )


def placed_in_force(
    counted: pl.LazyFrame, lsoas: pl.DataFrame, *, no_location: str, outside: str
) -> pl.LazyFrame:
    """One row for each row of `counted`, with `place`: see `published_place`.

    The row's own `lsoa_code` stays beside it, so that crimes recorded by other forces can be shown apart.
    """
    return counted.with_columns(place=published_place(lsoas, no_location=no_location, outside=outside))
