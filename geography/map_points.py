"""Anonymised map points: the only places that a record's location may be published at."""

from __future__ import annotations

import functools
from typing import Any, Final

import numpy as np
import polars as pl
from scipy.spatial import cKDTree

from geography.areas import FEWEST_ADDRESSES, Country, MapPoints

#: Beyond this the nearest point says nothing of where the record was, so it is published without a location.
FURTHEST_METRES: Final = 20_000.0
EARTH_RADIUS_METRES: Final = 6_371_008.8

#: What tells the place of a record: those that agree on it go to one map point.
PLACE: Final = ["csp_code", "longitude", "latitude"]
SNAPPED: Final = pl.Schema(
    {
        "point_id": pl.Int64(),
        "longitude": pl.Float64(),
        "latitude": pl.Float64(),
        "location": pl.String(),
        "lsoa_code": pl.String(),
        "addresses": pl.Int64(),
        "metres": pl.Float64(),
    }
)


def points_from(candidates: pl.DataFrame, addresses: pl.DataFrame) -> pl.DataFrame:
    """The map points of a country (`geography.areas.MapPoints`), from its streets and places and its addresses.

    `candidates` has `point_id, longitude, latitude, name, lsoa_code, force, csp_code`: the middle of each street and
    each public place. `addresses` has `csp_code, longitude, latitude`, one row for each postal address. An address
    belongs to the nearest point of its Community Safety Partnership, as a record does (`snap`). A point with one to
    seven addresses is left out, and its addresses go to their next nearest; that can give a few to a point that had
    none, so it is done until none is left.
    """
    points = candidates.sort("point_id")
    while True:
        # Every point takes part here, whatever it holds so far: who is too small is what is being found out.
        held = snap(addresses, points.with_columns(addresses=pl.lit(FEWEST_ADDRESSES))).group_by("point_id")
        counted = points.join(held.len(name="addresses"), on="point_id", how="left").select(
            *MapPoints.column_names()[:-1],
            "csp_code",
            addresses=pl.when(pl.col("addresses").is_not_null())
            .then(pl.col("addresses").cast(pl.Int64))
            .otherwise(pl.lit(0, pl.Int64)),
        )
        enough = counted.filter(~pl.col("addresses").is_between(1, FEWEST_ADDRESSES - 1))
        if enough.height == counted.height:
            return MapPoints.validate(enough.drop("csp_code").sort("point_id"))
        points = enough.drop("addresses")


def in_partnerships(map_points: pl.DataFrame, lsoas: pl.DataFrame) -> pl.DataFrame:
    """Map points (`MapPoints`) with the `csp_code` of the Community Safety Partnership that each lies in."""
    return map_points.join(lsoas.select("lsoa_code", "csp_code"), on="lsoa_code", maintain_order="left")


def snap(points: pl.DataFrame, map_points: pl.DataFrame) -> pl.DataFrame:
    """`Snapper.snap` among `map_points`: `MapPoints` with `csp_code`."""
    return Snapper(map_points).snap(points)


@functools.lru_cache(maxsize=1)
def snapper_of(country: Country) -> Snapper:
    """The snapper of a country's map points, made once however many tables are snapped."""
    return Snapper(in_partnerships(country.map_points, country.lsoas))


class Snapper:
    """Map points (`MapPoints` with `csp_code`), laid out so that the nearest of each partnership is found."""

    def __init__(self, map_points: pl.DataFrame) -> None:
        enough = map_points.filter(~pl.col("addresses").is_between(1, FEWEST_ADDRESSES - 1)).sort("point_id")
        # The lowest id comes first, so that it is the one kept where two points share coordinates.
        targets = enough.unique(PLACE, keep="first", maintain_order=True).with_row_index("target")
        self._own = targets.select("target", *PLACE).partition_by("csp_code", as_dict=True)
        self._trees: dict[tuple[object, ...], cKDTree] = {}
        self._targets = targets.select(
            "point_id",
            "longitude",
            "latitude",
            ("On or near " + pl.col("name")).alias("location"),
            "lsoa_code",
            "addresses",
        )

    def snap(self, points: pl.DataFrame) -> pl.DataFrame:
        """Move each record to the nearest map point of the Community Safety Partnership that it lies in.

        A partnership's own figures are of where crimes were. Were a record moved into the next one, the difference
        between those figures and the map would tell on which side of the border it was, which can be a single door.
        A point with one to seven addresses is passed over, wherever the list is from.

        `points` has one row for each record, with `csp_code` (null when it lies in none), `longitude` and `latitude`
        (WGS 84, null when not known) and any other columns. Returns the same rows in the same order with the
        coordinates replaced and `point_id`, `location` (“On or near …”), `lsoa_code` (that of the point, not of the
        record), `addresses` (in the point's catchment) and `metres` (how far the record moved) set; all null when the
        record has no coordinates, lies in no partnership or has no point within 20 km, so it stays in the counts
        without a place.
        Source: data.police.uk, “Location anonymisation”; the partnership is this product's own.
        """
        nearest = np.zeros(points.height, dtype=np.uint32)
        metres = np.full(points.height, np.inf)
        places = points.select(PLACE).with_row_index("record").drop_nulls()
        for partnership, group in places.partition_by("csp_code", as_dict=True).items():
            if partnership in self._own:
                record = group["record"].to_numpy()
                metres[record], found = self._tree(partnership).query(_on_sphere(group), workers=-1)
                nearest[record] = self._own[partnership]["target"].to_numpy()[found]
        moved = pl.Series("metres", metres)
        at = pl.select(pl.when(moved <= FURTHEST_METRES).then(pl.Series(nearest))).to_series()
        snapped = self._targets.select(pl.all().gather(at))
        others = [name for name in SNAPPED.names() if name in points.columns]
        return points.drop(others).hstack(
            snapped.with_columns(metres=pl.when(at.is_not_null()).then(moved)).select(SNAPPED.names())
        )

    def _tree(self, partnership: tuple[object, ...]) -> cKDTree:
        if partnership not in self._trees:
            self._trees[partnership] = cKDTree(_on_sphere(self._own[partnership]))
        return self._trees[partnership]


def _on_sphere(places: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Metres in three dimensions: straight-line order is great-circle order, at any latitude."""
    longitude = np.radians(places["longitude"].to_numpy())
    latitude = np.radians(places["latitude"].to_numpy())
    return EARTH_RADIUS_METRES * np.column_stack(
        (np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude))
    )
