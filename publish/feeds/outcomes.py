"""The outcomes file: one line for each outcome of a crime, in the columns and spelling of data.police.uk."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country
from publish.feeds import street
from publish.feeds.privacy import places_in
from publish.feeds.tables import NAMES as STREET_NAMES

COLUMNS: Final = (*street.COLUMNS[:9], "Outcome type")
ORDER: Final = (*street.ORDER[:6], "Crime ID", "Outcome type")
PLACE: Final = ("Longitude", "Latitude", "LSOA code", "LSOA name")

#: The columns of the Parquet file, as those of the street lines are named.
NAMES: Final = {
    "force": "force",
    **{name: alias for name, alias in STREET_NAMES.items() if name in COLUMNS},
    "Outcome type": "outcome_type",
}


def published(
    outcomes: pl.DataFrame, country: Country, key: bytes, folder: Path, earlier: Path | None = None
) -> pl.DataFrame:
    """Lines of the outcomes file, sorted, with their `force`. `outcomes` is `CaseOutcomes`.

    An outcome that an extract tells is where the line of its crime is, and nowhere when that has no place or is not in
    this release. `folder` has the street lines of this release and `earlier` the bulk files of the one before. An
    outcome of a crime that either has without a location has none either, and so has one whose crime is at other
    points in either: two points tell more than one (`privacy.moved_since`).
    """
    of_extract = pl.col("file_type") == "extract"
    references = outcomes.select("force", "crime_ref", is_public=~of_extract)
    rows = outcomes.with_columns(crime_id=street.crime_ids(references, key))
    rows = pl.concat([rows.filter(~of_extract), _at_their_crimes(rows.filter(of_extract), folder)])
    lines = street.described(rows, country).with_columns(pl.col("outcome").alias("Outcome type"))
    if (own := lines.filter(~of_extract)).height:
        lines = pl.concat(
            [_only_where_known(own, places_in(folder, own["Crime ID"])), lines.filter(of_extract)]
        )
    if earlier is not None:
        lines = _only_where_known(lines, places_in(earlier, lines["Crime ID"]))
    return lines.select("force", *COLUMNS).sort(ORDER, nulls_last=True)


def _at_their_crimes(rows: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """The same rows with the place of their crime's line in the bulk files of `folder`."""
    place = ("longitude", "latitude", "location", "lsoa_code")
    if rows.is_empty():
        return rows
    lines = (
        pl.scan_parquet(folder / "parquet" / "*-street.parquet")
        .select("crime_id", *place)
        .join(rows.lazy().select("crime_id"), on="crime_id", how="semi")
        .collect(engine="streaming")
        .sort("crime_id", *place, nulls_last=True)
        .unique("crime_id", keep="first", maintain_order=True)
    )
    return rows.drop(place).join(lines, on="crime_id", how="left", maintain_order="left").select(rows.columns)


def _only_where_known(lines: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """The lines, those of a crime that has `places` (`Crime ID, was_…`) at one of them or without a location."""
    at = ["Crime ID", "at_longitude", "at_latitude"]
    known = places.select("Crime ID", is_known=pl.lit(True)).unique()
    there = places.select(
        "Crime ID", at_longitude="was_longitude", at_latitude="was_latitude", is_there=pl.lit(True)
    ).unique()
    moved = (
        pl.col("Longitude").is_not_null()
        & pl.col("is_known").fill_null(False)
        & ~pl.col("is_there").fill_null(False)
    )
    return (
        lines.with_columns(at_longitude=pl.col("Longitude").round(6), at_latitude=pl.col("Latitude").round(6))
        .join(known, on="Crime ID", how="left")
        .join(there, on=at, how="left")
        .with_columns(
            *(pl.when(~moved).then(name).alias(name) for name in PLACE),
            Location=pl.when(moved).then(pl.lit(street.NO_LOCATION)).otherwise("Location"),
        )
        .drop("is_known", "is_there", *at[1:])
    )
