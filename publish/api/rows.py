"""The rows of one month of crimes, outcomes or searches, in the order that they are held, each with its text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from publish.api import text
from publish.api.numbers import numbers
from publish.api.places import PLACE
from publish.api.told import Told
from publish.api.words import CODE_OF_CATEGORY, RECORDED
from publish.feeds import searches
from publish.feeds.privacy import number_of
from publish.feeds.tables import read_month
from transforms.periods import Quarter

#: Columns of the searches that keep the names they have in Parquet.
KEPT: Final = ("force", "month", "longitude", "latitude")

NUMBER_OF_CATEGORY: Final = {
    category: RECORDED.index(code) for category, code in CODE_OF_CATEGORY.items() if code in RECORDED
}


def given(
    paths: Sequence[Path], crimes: pl.Series | None = None, of: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The outcomes in some files of crimes with an id: `key` (its first 60 bits, ascending), `outcome_type`, `month`.

    Only of the `crimes` with those keys, and `of` those months and forces, when they are given.
    """
    wanted = None if crimes is None else crimes.to_frame("key").lazy()
    parts = [pl.DataFrame(schema={"key": pl.Int64, "outcome_type": pl.Categorical, "month": pl.Categorical})]
    for path in paths:
        lines = pl.scan_parquet(path)
        if of is not None:
            lines = lines.join(of.lazy(), on=["month", "force"], how="semi")
        part = lines.select(
            number_of("crime_id").alias("key"), pl.col("outcome_type", "month").cast(pl.Categorical)
        )
        if wanted is not None:
            part = part.join(wanted, on="key", how="semi")
        parts.append(part.drop_nulls("key").collect())
    return pl.concat(parts).sort("key")


def crimes(
    feeds: Path, month: date, places: pl.DataFrame, national: Sequence[str], given: pl.DataFrame
) -> pl.DataFrame:
    """The crimes of one month, with `id` (its number), `key` (the first 60 bits of its id) and `row`.

    `places` is of `places.laid_out`, and `given` has the outcomes of every crime of the month (as `given` finds them).
    """
    lines = _lines(feeds, "street", month)
    assert lines is not None
    rows = (
        lines.join(places.select(*PLACE, "at", point="rank"), on=PLACE, how="left")
        .with_columns(
            category_name="crime_type",
            category=pl.col("crime_type").replace_strict(NUMBER_OF_CATEGORY, return_dtype=pl.UInt8),
            outcome="last_outcome_category",
        )
        .sort("point", "force", "category", "crime_id", "outcome", nulls_last=True)
        .with_row_index("row")
        .with_columns(number_of("crime_id").alias("key"))
    )
    return (
        rows.join(_latest(rows, given), on="row", how="left", maintain_order="left")
        .with_columns(
            id=pl.Series(numbers(rows, month)),
            is_national=pl.col("force").is_in(list(national)),
            number="category",
            category="category_name",
        )
        .with_columns(json=text.crime(f"{month:%Y-%m}"), category="number")
    )


def _latest(rows: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """The month (`outcome_month`) in which the crime of each `row` was last given its outcome, where it was.

    Two tables in the order of their keys are joined by going along both, without a table of all that was ever given.
    """
    asked = rows.select("row", "key", "outcome").drop_nulls().sort("key")
    return (
        asked.join(given, on="key")
        .filter(pl.col("outcome") == pl.col("outcome_type").cast(pl.String))
        .group_by("row")
        .agg(outcome_month=pl.col("month").cast(pl.String).max())
    )


def outcomes(
    feeds: Path, month: date, places: pl.DataFrame, national: Sequence[str], told: Told
) -> pl.DataFrame | None:
    """The outcomes of one month, with `key` (the first 60 bits of the crime's id) and `row`; None where there are none.

    An answer tells the crime beside the outcome, so the outcome of a crime that is before the release's months,
    or held back, is in the bulk file only.
    """
    lines = _lines(feeds, "outcomes", month)
    if lines is None:
        return None
    return (
        told.of(lines.with_columns(number_of("crime_id").alias("key")))
        .join(places.select(*PLACE, "at", point="rank"), on=PLACE, how="left")
        .with_columns(outcome="outcome_type", is_national=pl.col("force").is_in(list(national)))
        .sort("point", "force", "category", "crime_id", "outcome", nulls_last=True)
        .with_row_index("row")
        .with_columns(number="category", category="category_name")
        .with_columns(json=text.outcome(f"{month:%Y-%m}"), category="number")
    )


def stops(feeds: Path, month: date, places: pl.DataFrame) -> pl.DataFrame | None:
    """The searches of one month; None where there are none."""
    lines = _lines(feeds, "stop-and-search", month)
    if lines is None:
        return None
    at = places.sort("rank").unique(["longitude", "latitude"], keep="first", maintain_order=True)
    return (
        lines.rename({name: column for column, name in searches.NAMES.items() if name not in KEPT})
        .with_row_index("line")
        .join(
            at.select("longitude", "latitude", "at", point="rank"),
            on=["longitude", "latitude"],
            how="left",
        )
        .sort("point", "force", "line", nulls_last=True)
        .with_columns(json=text.stop(), category=pl.lit(0, pl.UInt8))
    )


def _lines(feeds: Path, kind: str, month: date) -> pl.DataFrame | None:
    """The lines of one month of a kind of file; None where there are none, but of street files, which are always."""
    path = feeds / "parquet" / f"{Quarter.of(month)}-{kind}.parquet"
    if kind != "street" and not path.exists():
        return None
    lines = read_month(path, f"{month:%Y-%m}").with_columns(pl.col("longitude", "latitude").round(6))
    return lines if kind == "street" or lines.height else None
