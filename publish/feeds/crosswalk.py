"""From the map points of the release before to those of this one, when the list of points has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country
from geography.map_points import in_partnerships, snap

CROSSWALK: Final = "map-points-crosswalk.csv"
SAME, MOVED, RENAMED, GONE, NEW = "unchanged", "moved", "renamed", "left the list", "new"


def crosswalk(before: pl.DataFrame, country: Country) -> pl.DataFrame:
    """One row for each map point of either list: `old_point_id`, `change`, `point_id` and `metres` between the two.

    `before` is `map-points.csv` of the release before, every column text. A point keeps its id while it is in the
    list; one that left is given the point now nearest to it in its Community Safety Partnership, within 20 km, or
    none. A new point has no `old_point_id`.
    """
    old = before.select(
        old_point_id=pl.col("point_id").cast(pl.Int64),
        longitude=pl.col("longitude").cast(pl.Float64),
        latitude=pl.col("latitude").cast(pl.Float64),
        name=pl.col("location").str.strip_prefix("On or near "),
        lsoa_code="lsoa_code",
    )
    now = country.map_points.select(
        "point_id",
        now_longitude=pl.col("longitude").round(6),
        now_latitude=pl.col("latitude").round(6),
        now_name="name",
    )
    # Each old point is told the nearest of today's: its own, where that stands.
    lying = in_partnerships(old, country.lsoas)
    nearest = snap(lying, in_partnerships(country.map_points, country.lsoas)).select(
        "old_point_id", nearest="point_id", metres="metres"
    )
    is_there = pl.col("now_longitude").is_not_null()
    stands = (pl.col("longitude") == pl.col("now_longitude")) & (pl.col("latitude") == pl.col("now_latitude"))
    kept = (
        old.join(now, left_on="old_point_id", right_on="point_id", how="left")
        .join(nearest, on="old_point_id", how="left")
        .select(
            "old_point_id",
            change=pl.when(~is_there)
            .then(pl.lit(GONE))
            .when(~stands)
            .then(pl.lit(MOVED))
            .when(pl.col("name") != pl.col("now_name"))
            .then(pl.lit(RENAMED))
            .otherwise(pl.lit(SAME)),
            point_id=pl.when(is_there).then("old_point_id").otherwise("nearest"),
            metres=pl.when(is_there & stands)
            .then(0.0)
            .when(is_there)
            .then(_metres("longitude", "latitude", "now_longitude", "now_latitude"))
            .otherwise("metres")
            .round(1),
        )
    )
    new = now.join(old, left_on="point_id", right_on="old_point_id", how="anti").select(
        old_point_id=pl.lit(None, pl.Int64), change=pl.lit(NEW), point_id="point_id", metres=pl.lit(None, pl.Float64)
    )  # fmt: skip
    return pl.concat([kept, new]).sort("old_point_id", "point_id", nulls_last=True)


def write(country: Country, earlier: Path | None, folder: Path) -> list[Path]:
    """Write the crosswalk from the bulk files in `earlier` into `folder`; no file when no point has changed."""
    path = None if earlier is None else earlier / "map-points.csv"
    if path is None or not path.is_file():
        return []
    rows = crosswalk(pl.read_csv(path, infer_schema=False), country)
    if rows.filter(pl.col("change") != SAME).is_empty():
        return []
    rows.write_csv(folder / CROSSWALK, line_terminator="\r\n", null_value="", float_precision=1)
    return [folder / CROSSWALK]


def _metres(longitude: str, latitude: str, other_longitude: str, other_latitude: str) -> pl.Expr:
    """The distance between two places a few kilometres apart at most, on a flat Earth as steep as the first."""
    degree = 111_195.0
    east = (pl.col(longitude) - pl.col(other_longitude)) * pl.col(latitude).radians().cos()
    north = pl.col(latitude) - pl.col(other_latitude)
    return (east * east + north * north).sqrt() * degree
