"""What keeps a published record from telling where it was, and the figures that show how well it does."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country

#: The type that holds sexual and domestic offences. The rule takes the whole type: hiding only those offences
#: would tell which they are.
SENSITIVE: Final = ("Violence and sexual offences",)
#: A record of a sensitive type keeps its point where at least so many addresses share it, twice the floor …
ENOUGH_ADDRESSES: Final = 16
#: … or at least so many records of the type are there in the month, of the same force: were other forces' counted
#: too, a force that falls silent would change where another's records are shown.
ENOUGH_ALIKE: Final = 3
#: A record that was moved further than this says little of where it was.
FAR_METRES: Final = 500


def is_withheld() -> pl.Expr:
    """Whether a record's location is withheld because of what it is: few addresses, and few of its kind.

    Of records with `force`, `month`, `category`, `at_point_id` and `at_addresses` (null for a record that
    police.uk placed before, which is passed on).
    """
    alike = pl.len().over("force", "month", "at_point_id", "category")
    return may_be_withheld() & (alike < ENOUGH_ALIKE)


def may_be_withheld() -> pl.Expr:
    """Whether a record's location is withheld unless enough of its kind are at its point (`is_withheld`)."""
    of_a_kind = pl.col("category").cast(pl.String).is_in(SENSITIVE)
    return (of_a_kind & (pl.col("at_addresses") < ENOUGH_ADDRESSES)).fill_null(False)


def moved_since() -> pl.Expr:
    """Whether a line has a place, and `was_longitude`, `was_latitude` say that an earlier release had another.

    Two points of one record tell that it was where their catchments overlap, which can be a single door. So
    the later release has it without a location; what was public before stays what it was.
    """
    was = pl.col("was_longitude").is_not_null()
    same = (pl.col("was_longitude") == pl.col("Longitude").round(6)) & (
        pl.col("was_latitude") == pl.col("Latitude").round(6)
    )
    return (was & pl.col("Longitude").is_not_null() & ~same).fill_null(False)


def places_in(feeds: Path, ids: pl.Series | None = None) -> pl.DataFrame:
    """Where bulk files have each record that has an id: `Crime ID`, `was_longitude`, `was_latitude`; null for nowhere.

    Both as a crime and as an outcome of one. Only of `ids` when they are given.
    """
    files = [
        each for kind in ("street", "outcomes") for each in (feeds / "parquet").glob(f"*-{kind}.parquet")
    ]
    parts = []
    for path in sorted(files):
        part = pl.scan_parquet(path).filter(pl.col("crime_id").is_not_null())
        if ids is not None:
            part = part.join(ids.alias("crime_id").unique().to_frame().lazy(), on="crime_id", how="semi")
        parts.append(
            part.select(
                pl.col("crime_id").alias("Crime ID"),
                was_longitude=pl.col("longitude").round(6),
                was_latitude=pl.col("latitude").round(6),
            ).collect()
        )
    empty = pl.DataFrame(
        schema={"Crime ID": pl.String, "was_longitude": pl.Float64, "was_latitude": pl.Float64}
    )
    return pl.concat([empty, *parts]).sort("Crime ID", "was_longitude", "was_latitude")


def figures(month: str, rows: pl.DataFrame) -> dict[str, object]:
    """One line of `privacy.csv`: how a month's records (`street.published`) share their points.

    Shares are of the placed records. The addresses and the metres are known only of records that a force
    placed itself.
    """
    placed = rows.filter(pl.col("Longitude").is_not_null())
    point = ["Longitude", "Latitude"]
    points = placed.group_by(point).agg(pl.len(), empty=(pl.col("addresses") == 0).any())
    of_type = placed.group_by(*point, "Crime type").len()
    alone = [each.filter(pl.col("len") == 1).height for each in (points, of_type)]
    used = placed.filter(pl.col("addresses") > 0)["addresses"]
    return {
        "month": month,
        "records": rows.height,
        "placed": placed.height,
        "without_location": rows.height - placed.height,
        "withheld_as_sensitive": rows.filter("withheld").height,
        "withheld_as_moved": rows.filter("moved").height,
        "points": points.height,
        "points_without_addresses": points.filter("empty").height,
        "fewest_addresses": used.min(),
        "share_alone_at_point": _share(alone[0], placed.height),
        "share_alone_at_point_and_type": _share(alone[1], placed.height),
        "median_metres_moved": _rounded(placed["metres"].median()),
        "share_moved_far": _rounded(placed.select((pl.col("metres") > FAR_METRES).mean()).item()),
    }


def at_points(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each month and point that a force's records are published at, with its addresses and records."""
    return (
        rows.filter(pl.col("point_id").is_not_null())
        .group_by("Month", "point_id", "addresses")
        .agg(records=pl.len())
        .select(month="Month", point_id="point_id", addresses="addresses", records="records")
        .sort("month", "point_id")
    )


def write_map_points(country: Country, path: Path) -> None:
    """Write every map point with the number of addresses that share it: what an anonymised location means."""
    (
        country.map_points.select(
            "point_id",
            pl.col("longitude", "latitude").round(6),
            location="On or near " + pl.col("name"),
            lsoa_code="lsoa_code",
            force="force",
            addresses="addresses",
        )
        .sort("point_id")
        .write_csv(path, line_terminator="\r\n", float_precision=6)
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _rounded(value: object) -> float | None:
    return round(float(value), 3) if isinstance(value, float) else None
