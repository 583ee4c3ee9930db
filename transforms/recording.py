"""Turns supplied lines into records: the latest version of each crime, and the versions that it replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

#: What makes two lines versions of one crime record.
CRIME: Final = ("force", "source_system", "crime_ref")


def superseded(lines: pl.LazyFrame, received: Sequence[str] = ()) -> pl.DataFrame:
    """The lines that a later version of the same crime record replaces: `supply` and `row` of each, sorted.

    `lines` is `Lines`. The latest version is the one last updated; of versions updated at the same moment, the one
    in the file received later (`received` lists supplies in that order; files not in it come first, by their hash),
    then the one further down its file. So a line supplied twice is one record, whichever copy it is read from. A
    later version may have another recorded time, and so move the record to another month.
    """
    # Nearly every crime has one version. Hashes find the few that may have more; what those are is then told by
    # their references, so that two crimes that share a hash by chance are never taken for one.
    key = pl.col("force").hash(1) ^ pl.col("source_system").hash(2) ^ pl.col("crime_ref").hash(3)
    keys = (
        lines.select(key=key)
        .sort("key")
        .filter(pl.col("key") == pl.col("key").shift())
        .unique()
        .collect()["key"]
    )
    place = pl.lit(-1)
    if received:
        order = {supply: at for at, supply in enumerate(received)}
        place = pl.col("supply").replace_strict(order, default=-1, return_dtype=pl.Int64)
    return (
        lines.filter(key.is_in(keys.implode()))
        .select(*CRIME, "updated_at", place.alias("received"), "supply", "row")
        .collect()
        .sort(*CRIME, "updated_at", "received", "supply", "row")
        .filter(~pl.struct(CRIME).is_last_distinct())
        .select("supply", "row")
        .sort("supply", "row")
    )


def record(lines: pl.LazyFrame, received: Sequence[str] = ()) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Records, one for each crime, and superseded lines: every line of `lines` is in exactly one of the two.

    Both have the columns of `Lines`, in no order. `superseded` says which version is the record.
    """
    earlier = superseded(lines, received).lazy()
    key = ["supply", "row"]
    return lines.join(earlier, on=key, how="anti"), lines.join(earlier, on=key, how="semi")
