"""What keeps a published record from telling where it was, and the figures that show how well it does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country
from publish.feeds.changes import SUMS, read_sums

NO_LOCATION: Final = "No Location"
#: What a line tells of a place beside its name.
PLACE: Final = ("Longitude", "Latitude", "LSOA code", "LSOA name")
#: The columns of `privacy.csv`.
FIGURES: Final = {
    "month": pl.String,
    "records": pl.Int64,
    "placed": pl.Int64,
    "without_location": pl.Int64,
    "withheld_as_sensitive": pl.Int64,
    "withheld_as_moved": pl.Int64,
    "points": pl.Int64,
    "points_without_addresses": pl.Int64,
    "fewest_addresses": pl.Int64,
    "share_alone_at_point": pl.Float64,
    "share_alone_at_point_and_type": pl.Float64,
    "median_metres_moved": pl.Float64,
    "share_moved_far": pl.Float64,
}
#: What `places_in` finds where nothing was published before.
NO_PLACES: Final = pl.DataFrame(schema={"id": pl.Int64, "longitude": pl.Float64, "latitude": pl.Float64})
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


def only_where_known(lines: pl.DataFrame, places: pl.DataFrame, beside: Sequence[str] = ()) -> pl.DataFrame:
    """The lines with `moved`: those that `places` (`places_in`) knows, and not where they are now, without a location.

    Two points of one record tell that it was where their catchments overlap, which can be a single door. So a later
    release has it without a location; what was public before stays what it was. `beside` are more columns that tell of
    the place.
    """
    if places.is_empty():
        return lines.with_columns(moved=pl.lit(False))
    at = ["id", "at_longitude", "at_latitude"]
    known = places.select("id", at_longitude="longitude", at_latitude="latitude")
    moved = (
        pl.col("at_longitude").is_not_null()
        & pl.col("is_known").fill_null(False)
        & ~pl.col("is_there").fill_null(False)
    )
    return (
        lines.with_columns(
            id=number_of("Crime ID"),
            at_longitude=pl.col("Longitude").round(6),
            at_latitude=pl.col("Latitude").round(6),
        )
        .join(known.select("id", is_known=pl.lit(True)).unique(), on="id", how="left", maintain_order="left")
        .join(known.unique().with_columns(is_there=pl.lit(True)), on=at, how="left", maintain_order="left")
        .with_columns(moved=moved)
        .with_columns(
            *(pl.when(~pl.col("moved")).then(name).alias(name) for name in (*PLACE, *beside)),
            Location=pl.when("moved").then(pl.lit(NO_LOCATION)).otherwise("Location"),
        )
        .drop(*at, "is_known", "is_there")
    )


def places_in(files: Sequence[Path], ids: pl.Series | None = None) -> pl.DataFrame:
    """Where Parquet files of lines have each record with an id: `id` (`number_of`), `longitude`, `latitude`.

    Both are null for nowhere. Only of `ids` when they are given.
    """
    wanted = None if ids is None else ids.unique().to_frame("crime_id").lazy()
    parts = []
    for path in files:
        part = pl.scan_parquet(path).filter(pl.col("crime_id").is_not_null())
        if wanted is not None:
            part = part.join(wanted, on="crime_id", how="semi")
        parts.append(
            part.select(
                id=number_of("crime_id"),
                longitude=pl.col("longitude").round(6),
                latitude=pl.col("latitude").round(6),
            )
            .unique()
            .collect()
        )
    return pl.concat([NO_PLACES, *parts]).unique()


def files_with_places(releases: Sequence[Path]) -> dict[str, Path]:
    """The Parquet files of bulk files whose lines have an id and a place, each different one once, by its SHA-256.

    Both those of crimes and those of outcomes. A folder that is still being written has no list of those: there a
    file's path stands for it.
    """
    found = {}
    for folder in releases:
        sums = read_sums(folder) if (folder / SUMS).is_file() else {}
        for kind in ("street", "outcomes"):
            for path in sorted((folder / "parquet").glob(f"*-{kind}.parquet")):
                found[sums.get(path.relative_to(folder).as_posix(), str(path))] = path
    return found


def number_of(crime_id: str) -> pl.Expr:
    """The first 60 bits of an id in a column, enough to tell it from every other of a country."""
    return pl.col(crime_id).str.head(15).str.to_integer(base=16, strict=False)


def figures(month: str, rows: pl.DataFrame) -> pl.DataFrame:
    """One line of `privacy.csv` (`FIGURES`): how a month's records (`street.published`) share their points.

    Shares are of the placed records. The addresses and the metres are known only of records that a force
    placed itself.
    """
    placed = rows.filter(pl.col("Longitude").is_not_null())
    point = ["Longitude", "Latitude"]
    points = placed.group_by(point).agg(pl.len(), empty=(pl.col("addresses") == 0).any())
    of_type = placed.group_by(*point, "Crime type").len()
    alone = [each.filter(pl.col("len") == 1).height for each in (points, of_type)]
    used = placed.filter(pl.col("addresses") > 0)["addresses"]
    told = {
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
    return pl.DataFrame([told], schema=FIGURES, orient="row")


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
