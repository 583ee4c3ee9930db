"""The street file: one line for each published record, in the columns and spelling of data.police.uk."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import polars as pl
from polars import selectors

from geography.areas import FEWEST_ADDRESSES, Country
from geography.map_points import PLACE, snapper_of
from publish.feeds.privacy import (
    ENOUGH_ADDRESSES,
    ENOUGH_ALIKE,
    NO_LOCATION,
    NO_PLACES,
    SENSITIVE,
    is_withheld,
    may_be_withheld,
    only_where_known,
)
from transforms.contracts.columns import BEHAVIOUR

SHORTEST_KEY: Final = 16

#: Header and order of the file. New facts go in files beside it, never in new columns.
COLUMNS: Final = (
    "Crime ID",
    "Month",
    "Reported by",
    "Falls within",
    "Longitude",
    "Latitude",
    "Location",
    "LSOA code",
    "LSOA name",
    "Crime type",
    "Last outcome category",
    "Context",
)

#: Lines are sorted on every column that can differ within a file, places without a location last.
ORDER: Final = (
    "force",
    "LSOA name",
    "LSOA code",
    "Longitude",
    "Latitude",
    "Location",
    "Crime type",
    "Crime ID",
    "Last outcome category",
)

#: What is known of a point beside its place: only for a record that was placed here.
KNOWN: Final = ("point_id", "addresses", "metres")

#: What of a judged crime decides its line, and whether it has one.
READ: Final = (
    "force",
    "month",
    "crime_ref",
    "offence_code",
    "category",
    "counted",
    "outcome",
    "longitude",
    "latitude",
    "location",
    "lsoa_code",
    "csp_code",
)

#: Bytes of a block of SHA-256.
BLOCK: Final = 64


def map_points_of(crimes: pl.LazyFrame, country: Country) -> pl.DataFrame:
    """The map point of each place that a force recorded: `csp_code, longitude, latitude` and the point's `at_…`.

    Nothing else of a recorded place is published. Each distinct place is looked up once.
    """
    places = crimes.filter(~_is_public()).select(PLACE).drop_nulls().unique().collect()
    found = snapper_of(country).snap(places.with_columns(pl.col(*PLACE).name.prefix("from_")))
    return found.select(
        *(pl.col(f"from_{name}").alias(name) for name in PLACE),
        pl.col("longitude", "latitude", "location", "lsoa_code", *KNOWN).name.prefix("at_"),
    )


def lsoas_of_figures(crimes: pl.DataFrame, country: Country) -> pl.Series:
    """The LSOA that each crime is counted in: that of its map point; null where nothing of its place may be told.

    `crimes` are those of whole months. A crime whose location is withheld counts in the LSOA all the same, where
    that leaves open of every point of few addresses whether it was there: as many fit at the others. A point of few
    addresses holds fewer than `ENOUGH_ALIKE` withheld crimes of a type and month, so that can be counted.
    """
    own = crimes.select(pl.when(~_is_public()).then("csp_code").alias("csp_code"), "longitude", "latitude")
    at = (
        snapper_of(country).snap(own).select(at="lsoa_code", at_point_id="point_id", at_addresses="addresses")
    )
    rows = crimes.select(
        "force", "month", "category", lsoa=pl.when(_is_public()).then("lsoa_code")
    ).hstack(at).with_row_index("row")  # fmt: skip
    group = ["force", "month", "category", "at"]
    room = (ENOUGH_ALIKE - 1) * (pl.col("open") - 1)
    untold = (
        rows.filter(may_be_withheld())
        .with_columns(withheld=is_withheld())
        .join(_points_of_few(country), on="at", how="left", maintain_order="left")
        .with_columns(
            withheld_here=pl.col("withheld").filter("withheld").len().over(group),
            open=pl.col("few")
            - pl.col("at_point_id").filter(~pl.col("withheld")).n_unique().over(group).cast(pl.Int64),
        )
        .filter(pl.col("withheld"), ~(pl.col("withheld_here") <= room).fill_null(False))
    )
    is_told = ~pl.col("row").is_in(untold["row"].implode())
    return rows.select(lsoa_code=pl.when(is_told).then(pl.coalesce("lsoa", "at"))).to_series()


@functools.lru_cache(maxsize=1)
def _points_of_few(country: Country) -> pl.DataFrame:
    """How many map points of few addresses lie in each LSOA (`at`) that has any: `few`."""
    few = country.map_points.filter(
        pl.col("addresses") < ENOUGH_ADDRESSES, ~pl.col("addresses").is_between(1, FEWEST_ADDRESSES - 1)
    )
    return few.group_by(at="lsoa_code").agg(few=pl.struct("longitude", "latitude").n_unique().cast(pl.Int64))


def without_place(crimes: pl.LazyFrame, country: Country) -> pl.DataFrame:
    """The crimes that not even their LSOA is told of (`lsoas_of_figures`), with `area`, the LSOA of their map point.

    No line and no map tells it: it is for figures that hide what is small (`transforms.disclosure`).
    """
    apart = crimes.filter(
        pl.col("lsoa_code").is_null(),
        pl.col("counted") > 0,
        pl.col("category").cast(pl.String).is_in(SENSITIVE),
    ).collect()
    places = map_points_of(apart.lazy(), country).select(*PLACE, area="at_lsoa_code")
    return apart.join(places, on=PLACE).filter(pl.col("area").is_not_null())


def standing(crimes: pl.DataFrame, withdrawn: pl.DataFrame) -> pl.DataFrame:
    """The crimes that have a line: neither a net correction nor what one took back."""
    return crimes.filter(pl.col("counted") > 0).join(withdrawn, on=["force", "crime_ref"], how="anti")


def at_map_points(crimes: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """The same rows at their map points: place, name and LSOA are those of the point, null without one.

    Beside them `point_id`, the point's `addresses`, the `metres` moved, and `withheld`: whether the location is
    withheld because of what the record is (`privacy.is_withheld`), in which case all of these are null.
    """
    place = ("longitude", "latitude", "location", "lsoa_code")
    return (
        crimes.join(points, on=PLACE, how="left", maintain_order="left")
        .with_columns(pl.when(~_is_public()).then(f"at_{name}").alias(f"at_{name}") for name in KNOWN)
        .with_columns(withheld=is_withheld())
        .with_columns(
            *(pl.when(_is_public()).then(name).otherwise(f"at_{name}").alias(name) for name in place),
            *(pl.col(f"at_{name}").alias(name) for name in KNOWN),
        )
        .with_columns(pl.when(~pl.col("withheld")).then(name).alias(name) for name in (*place, *KNOWN))
        .drop(selectors.starts_with("at_"))
    )


def published(
    crimes: pl.DataFrame,
    points: pl.DataFrame,
    withdrawn: pl.DataFrame,
    country: Country,
    key: bytes,
    earlier: pl.DataFrame = NO_PLACES,
) -> pl.DataFrame:
    """Lines of the street file, sorted, with their `force` and what `at_map_points` and `moved` say of them.

    `crimes` is `Counted`, `points` is `map_points_of`, `withdrawn` is `judging.withdrawn`. A record of a force is
    put at its map point, with the LSOA of that point, and its reference is replaced by a keyed hash. A row
    that police.uk published before is passed on as it was. Anti-social behaviour has neither id nor
    outcome. A record without a map point keeps its line, with “No Location” and no LSOA; and so does one that
    `earlier` (`privacy.places_in`) has elsewhere, and not there. Where it was nowhere tells nothing.
    """
    is_crime = pl.col("category").cast(pl.String) != BEHAVIOUR
    shown = standing(crimes, withdrawn)
    references = shown.select(
        "force", crime_ref=pl.when(is_crime).then("crime_ref"), is_public=pl.col("offence_code").is_null()
    )
    return (
        described(at_map_points(shown.with_columns(crime_id=crime_ids(references, key)), points), country)
        .with_columns(
            pl.col("category").cast(pl.String).alias("Crime type"),
            pl.when(is_crime).then("outcome").alias("Last outcome category"),
            pl.lit(None, pl.String).alias("Context"),
        )
        .select("force", *COLUMNS, *KNOWN, "withheld")
        .pipe(only_where_known, earlier.drop_nulls("longitude"), KNOWN)
        .pipe(in_order, ORDER)
    )


def in_order(lines: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """Lines sorted on text by its letters, with what is not there last.

    Text that few values make up is compared as numbers, which takes two thirds of the time.
    """
    names = [name for name in order if lines.schema[name] == pl.String and name != "Crime ID"]
    ranks = {name: pl.Enum(lines[name].drop_nulls().unique().sort()) for name in names}
    # Enough of an id to tell it from every other; where it is not an id in hexadecimal, the whole of it decides.
    start = pl.col("Crime ID").str.head(15).str.to_integer(base=16, strict=False)
    whole = pl.when(start.is_null()).then("Crime ID")
    keys = [
        key
        for name in order
        for key in (
            [start, whole] if name == "Crime ID" else [pl.col(name).cast(ranks.get(name, lines.schema[name]))]
        )
    ]
    return lines[lines.select(pl.arg_sort_by(keys, nulls_last=True)).to_series()]


def described(rows: pl.DataFrame, country: Country) -> pl.DataFrame:
    """The same rows with what a line says of whose, when and where: the first nine columns of the file.

    Of `force`, `month`, `crime_id`, `longitude`, `latitude`, `location` and `lsoa_code`. What has no coordinates has
    no LSOA, and “No Location” for a name.
    """
    placed = pl.col("longitude").is_not_null() & pl.col("latitude").is_not_null()
    force = pl.col("force").replace_strict(
        country.forces["force"],
        country.forces["reported_by"],
        default=pl.col("force"),
        return_dtype=pl.String,
    )
    return rows.join(
        country.lsoas.select("lsoa_code", "lsoa_name"), on="lsoa_code", how="left", maintain_order="left"
    ).with_columns(
        pl.col("crime_id").alias("Crime ID"),
        pl.col("month").dt.strftime("%Y-%m").alias("Month"),
        force.alias("Reported by"),
        force.alias("Falls within"),
        pl.when(placed).then("longitude").alias("Longitude"),
        pl.when(placed).then("latitude").alias("Latitude"),
        pl.when(placed).then("location").otherwise(pl.lit(NO_LOCATION)).alias("Location"),
        pl.when(placed).then("lsoa_code").alias("LSOA code"),
        pl.when(placed).then("lsoa_name").alias("LSOA name"),
    )


def write(lines: pl.DataFrame, path: Path, columns: Sequence[str] = COLUMNS) -> None:
    """Write one force and month: UTF-8 without a mark, CRLF, six decimals, quotes only where needed."""
    lines.select(columns).write_csv(
        path, line_terminator="\r\n", float_precision=6, quote_style="necessary", null_value=""
    )


def _is_public() -> pl.Expr:
    """Whether a row's place is already a map point: police.uk names its points, a force does not."""
    return pl.col("offence_code").is_null() & pl.col("location").is_not_null()


def crime_ids(references: pl.DataFrame, key: bytes) -> pl.Series:
    """The public id of each row of `force`, `crime_ref` (null where there is to be none) and `is_public`.

    A row that police.uk published keeps its id. Without the key an id cannot be searched for by guessing
    references; with the same key it is the same in every release.
    """
    is_hashed = pl.col("is_public") & pl.col("crime_ref").str.contains(r"^[0-9a-f]{64}$")
    message = pl.concat_str("force", "crime_ref", separator="\n")
    rows = references.select(
        message=pl.when(~is_hashed).then(message), kept=pl.when(is_hashed).then("crime_ref")
    )
    keyed_hash = _keyed_hash(key)
    # The one loop over rows here: no table library computes a keyed hash faster.
    ids = [None if text is None else keyed_hash(text.encode()) for text in rows.get_column("message")]
    return rows.select(pl.coalesce(pl.Series(ids, dtype=pl.String), "kept")).to_series()


def _keyed_hash(key: bytes) -> Callable[[bytes], str]:
    """HMAC-SHA256 under `key` (RFC 2104), in hexadecimal, with the work on the key done once.

    `hmac.digest` starts again from the key each time, which takes nearly three times as long.
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError(
            f"The key of the crime ids has {len(key)} bytes; {SHORTEST_KEY} or more are wanted. "
            "Make one with: openssl rand -hex 32"
        )
    block = (key if len(key) <= BLOCK else hashlib.sha256(key).digest()).ljust(BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def keyed_hash(message: bytes) -> str:
        first, second = inner.copy(), outer.copy()
        first.update(message)
        second.update(first.digest())
        return second.hexdigest()

    return keyed_hash
