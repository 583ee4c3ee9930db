"""The street file: one line for each published record, in the columns and spelling of data.police.uk."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country

ANTI_SOCIAL: Final = "Anti-social behaviour"
NO_LOCATION: Final = "No Location"
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


def withdrawn(crimes: pl.DataFrame) -> pl.DataFrame:
    """The crimes that a later net correction took back: neither the crime nor its correction has a line."""
    return crimes.filter(pl.col("counted") < 0).select("force", "crime_ref").drop_nulls().unique()


def published(crimes: pl.DataFrame, withdrawn: pl.DataFrame, country: Country, key: bytes) -> pl.DataFrame:
    """Lines of the street file with their `force`, sorted on every column.

    `crimes` is `Counted`; a row that was already published by police.uk (no offence code, and a reference
    of 64 hexadecimal digits) keeps its crime id, and every other reference is replaced by a keyed hash.
    Anti-social behaviour has neither id nor outcome. A record without a map point keeps its line, with
    “No Location” and no LSOA.
    """
    placed = pl.col("longitude").is_not_null() & pl.col("latitude").is_not_null()
    is_crime = pl.col("category").cast(pl.String) != ANTI_SOCIAL
    force = pl.col("force").replace_strict(
        country.forces["force"],
        country.forces["reported_by"],
        default=pl.col("force"),
        return_dtype=pl.String,
    )
    return (
        crimes.filter(pl.col("counted") > 0)
        .join(withdrawn, on=["force", "crime_ref"], how="anti")
        .join(
            _crime_ids(crimes, key), on=["force", "crime_ref", "offence_code"], how="left", nulls_equal=True
        )
        .join(country.lsoas.select("lsoa_code", "lsoa_name"), on="lsoa_code", how="left")
        .select(
            "force",
            pl.when(is_crime).then("crime_id").alias("Crime ID"),
            pl.col("month").dt.strftime("%Y-%m").alias("Month"),
            force.alias("Reported by"),
            force.alias("Falls within"),
            pl.when(placed).then("longitude").alias("Longitude"),
            pl.when(placed).then("latitude").alias("Latitude"),
            pl.when(placed).then("location").otherwise(pl.lit(NO_LOCATION)).alias("Location"),
            pl.when(placed).then("lsoa_code").alias("LSOA code"),
            pl.when(placed).then("lsoa_name").alias("LSOA name"),
            pl.col("category").cast(pl.String).alias("Crime type"),
            pl.when(is_crime).then("outcome").alias("Last outcome category"),
            pl.lit(None, pl.String).alias("Context"),
        )
        .sort(
            "force",
            "LSOA name",
            "LSOA code",
            *(c for c in COLUMNS if not c.startswith("LSOA")),
            nulls_last=True,
        )
    )


def write(lines: pl.DataFrame, path: Path) -> None:
    """Write one force and month: UTF-8 without a mark, CRLF, six decimals, quotes only where needed."""
    lines.select(COLUMNS).write_csv(
        path, line_terminator="\r\n", float_precision=6, quote_style="necessary", null_value=""
    )


def _crime_ids(crimes: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """The public id of each crime reference: HMAC-SHA256 of force and reference, hashed once each.

    Without the key an id cannot be searched for by guessing references; with the same key it is the same
    in every release. The loop is over distinct references: no table library computes a keyed hash.
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError(
            f"The key of the crime ids has {len(key)} bytes; {SHORTEST_KEY} or more are wanted. "
            "Make one with: openssl rand -hex 32"
        )
    references = crimes.select("force", "crime_ref", "offence_code").drop_nulls("crime_ref").unique()
    already_public = pl.col("offence_code").is_null() & pl.col("crime_ref").str.contains(r"^[0-9a-f]{64}$")
    kept = references.filter(already_public).with_columns(crime_id="crime_ref")
    hashed = references.filter(~already_public)
    messages = hashed.select(pl.concat_str("force", "crime_ref", separator="\n")).to_series()
    ids = [hmac.digest(key, message.encode(), "sha256").hex() for message in messages]
    return pl.concat([kept, hashed.with_columns(crime_id=pl.Series(ids, dtype=pl.String))])
