"""The outcomes file: one line for each outcome of a crime, in the columns and spelling of data.police.uk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country
from publish.feeds import street
from publish.feeds.privacy import files_with_places, only_where_known, places_in
from publish.feeds.tables import NAMES as STREET_NAMES

COLUMNS: Final = (*street.COLUMNS[:9], "Outcome type")
ORDER: Final = (*street.ORDER[:6], "Crime ID", "Outcome type")

#: What of the street lines of a force decides where the outcomes are that its extracts tell.
PLACED: Final = ("Crime ID", "Longitude", "Latitude", "Location", "LSOA code")

#: The columns of the Parquet file, as those of the street lines are named.
NAMES: Final = {
    "force": "force",
    **{name: alias for name, alias in STREET_NAMES.items() if name in COLUMNS},
    "Outcome type": "outcome_type",
}


def published(
    outcomes: pl.DataFrame,
    country: Country,
    key: bytes,
    folder: Path,
    streets: Sequence[Path] = (),
    earlier: Sequence[Path] = (),
) -> pl.DataFrame:
    """Lines of the outcomes file, sorted, with their `force`. `outcomes` is `CaseOutcomes`.

    An outcome that an extract tells is where the line of its crime is in one of the `streets` (Parquet files of street
    lines), and nowhere when that has no place or is not in this release: what the force's own lines say (`PLACED`)
    decides. One that a file tells is where the file has
    it; but where its crime is told in `folder`, with the files of this release, or in `earlier`, the bulk files of
    those before, and not there, it is nowhere.
    """
    of_extract = pl.col("file_type") == "extract"
    references = outcomes.select("force", "crime_ref", is_public=~of_extract)
    rows = outcomes.with_columns(crime_id=street.crime_ids(references, key))
    rows = pl.concat(
        [
            rows.filter(~of_extract),
            _at_their_crimes(rows.filter(of_extract), [folder / name for name in streets]),
        ]
    )
    lines = street.described(rows, country).with_columns(pl.col("outcome").alias("Outcome type"))
    if (own := lines.filter(~of_extract)).height:
        for releases in ([folder], list(earlier)):
            files = list(files_with_places(releases).values())
            own = only_where_known(own, places_in(files, own["Crime ID"]))
        lines = pl.concat([own.select(lines.columns), lines.filter(of_extract)])
    return lines.select("force", *COLUMNS).sort(ORDER, nulls_last=True)


def _at_their_crimes(rows: pl.DataFrame, streets: Sequence[Path]) -> pl.DataFrame:
    """The same rows with the place of their crime's line in files of street lines.

    An id is a hash of the force and its reference, so the line is one of the force's own.
    """
    crime = ["force", "crime_id"]
    place = [STREET_NAMES[name] for name in PLACED[1:]]
    if rows.is_empty():
        return rows
    lines = (
        pl.scan_parquet(list(streets))
        .filter(pl.col("force").is_in(rows["force"].unique().to_list()))
        .select(*crime, *place)
        .join(rows.lazy().select(crime), on=crime, how="semi")
        .collect(engine="streaming")
        .sort(*crime, *place, nulls_last=True)
        .unique(crime, keep="first", maintain_order=True)
    )
    return rows.drop(place).join(lines, on=crime, how="left", maintain_order="left").select(rows.columns)
