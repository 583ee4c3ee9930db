"""Which LSOA boundaries a code belongs to, and how rows under earlier codes come to stand under today's."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import polars as pl
import shapely

from geography.boundaries import project

CURRENT: Final = "current"
EARLIER: Final = "earlier"

#: How a row came by its current code, or why it has none.
RESOLUTION: Final = pl.Enum(
    [
        "current code",
        "unchanged",
        "merged",
        "placed by its point",
        "no code",
        "split and no point to place it by",
        "unknown code",
    ]
)


def vintage_of(codes: pl.Series, vintages: pl.DataFrame) -> str:
    """The vintage that the LSOA codes of one file are in: `current` or `earlier`.

    Only codes that one vintage has and the other has not can tell, and each distinct code has one vote. A
    file in which none tells, or as many tell each way, is current. `vintages` is `LsoaVintages`.
    """
    distinct = codes.drop_nulls().unique()
    old = distinct.is_in(vintages["old_code"].implode())
    new = distinct.is_in(vintages["lsoa_code"].implode())
    return EARLIER if len(distinct.filter(old & ~new)) > len(distinct.filter(new & ~old)) else CURRENT


def to_current(
    rows: pl.DataFrame,
    vintages: pl.DataFrame,
    lsoas: pl.DataFrame,
    boundaries: gpd.GeoDataFrame | None = None,
) -> pl.DataFrame:
    """The same rows in the same order, `lsoa_code` current or null, with `resolution` saying how or why.

    - A code of `lsoas` stays.
    - An earlier code that is unchanged or merged has one successor and takes it.
    - A split or complex code needs the point: the row takes the successor that its `longitude` and
      `latitude` (WGS 84 degrees) lie in. Where they lie in none, because boundaries are generalised, it takes
      the successor nearest to them, the lowest code when two are as near.
    - Without a point or `boundaries` (`lsoa_code` and WGS 84 `geometry`), and for a code in neither vintage,
      the code is null and `resolution` says why.

    `vintages` is `LsoaVintages` and `lsoas` is `Lsoas`. No row is gained, dropped or shared out, so whatever
    the rows count keeps its total. Raises ValueError when an unchanged or merged code has several successors.
    """
    exact = vintages.filter(pl.col("change").is_in(["U", "M"]))
    several = exact.filter(pl.col("old_code").is_duplicated())["old_code"]
    if len(several):
        raise ValueError(
            f"{several[0]} is unchanged or merged in the vintages and yet has several successors."
        )
    divided = vintages.join(exact, on="old_code", how="anti").select(lsoa_code="old_code").unique()
    answers = (
        rows.select("lsoa_code")
        .unique()
        .join(lsoas.select("lsoa_code", known=True), on="lsoa_code", how="left")
        .join(exact.select("change", lsoa_code="old_code", successor="lsoa_code"), on="lsoa_code", how="left")
        .join(divided.with_columns(divided=True), on="lsoa_code", how="left")
        .with_columns(
            current=pl.when(pl.col("known")).then("lsoa_code").otherwise("successor"),
            how=pl.when(pl.col("lsoa_code").is_null())
            .then(pl.lit("no code"))
            .when(pl.col("known"))
            .then(pl.lit("current code"))
            .when(pl.col("change") == "U")
            .then(pl.lit("unchanged"))
            .when(pl.col("change") == "M")
            .then(pl.lit("merged"))
            .when(pl.col("divided"))
            .then(pl.lit("split and no point to place it by"))
            .otherwise(pl.lit("unknown code"))
            .cast(RESOLUTION),
        )
    )
    by_point = pl.col("current").is_null() & pl.col("placed").is_not_null()
    return (
        rows.with_columns(placed=_by_point(rows, vintages, divided, boundaries))
        .join(
            answers.select("lsoa_code", "current", "how"),
            on="lsoa_code",
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .with_columns(
            lsoa_code=pl.coalesce("current", "placed"),
            resolution=pl.when(by_point).then(pl.lit("placed by its point", RESOLUTION)).otherwise("how"),
        )
        .drop("placed", "current", "how")
    )


def _by_point(
    rows: pl.DataFrame, vintages: pl.DataFrame, divided: pl.DataFrame, boundaries: gpd.GeoDataFrame | None
) -> pl.Series:
    """For each row, the successor of its divided code that its point lies in or nearest to; else null."""
    if boundaries is None or not {"longitude", "latitude"} <= set(rows.columns):
        return pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    key = ["lsoa_code", "longitude", "latitude"]
    pairs = (
        rows.select(key)
        .join(divided, on="lsoa_code", how="semi")
        .filter(pl.all_horizontal(pl.col("longitude", "latitude").is_finite()))
        .unique()
        .join(vintages.select(lsoa_code="old_code", successor="lsoa_code"), on="lsoa_code")
    )
    shapes = boundaries.set_index("lsoa_code").geometry.loc[pairs["successor"].to_list()]
    points = gpd.GeoSeries.from_xy(pairs["longitude"], pairs["latitude"], index=shapes.index, crs=shapes.crs)
    inside = shapely.covers(shapes.to_numpy(), points.to_numpy())
    metres = shapely.distance(project(shapes).to_numpy(), project(points).to_numpy())
    chosen = (
        pairs.with_columns(
            inside=pl.Series(inside, dtype=pl.Boolean), metres=pl.Series(metres, dtype=pl.Float64)
        )
        .sort(*key, ~pl.col("inside"), "metres", "successor")
        .unique(key, keep="first", maintain_order=True)
    )
    return rows.select(key).join(chosen, on=key, how="left", maintain_order="left")["successor"]
