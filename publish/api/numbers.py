"""The number of a crime in answers: the same in every release, whatever else is published beside it."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Numbers of a month: so many, of which the last few are kept for records pushed on by others.
IN_A_MONTH: Final = 2**24
SPARE: Final = 2**16
#: Months after which the numbers begin again; no release goes back so far.
MONTHS: Final = 127
NOWHERE: Final = 2**40


def numbers(rows: pl.DataFrame, month: date) -> NDArray[np.int64]:
    """The number of each row of a month, from 1 to 2^31 - 1, no two alike.

    `rows` has `crime_id` (64 hexadecimal digits, or null), `force`, `category`, `longitude` and `latitude`. A number
    comes from the id, which is a keyed hash; without one, from what the record is and how many like it there are. Two
    records that want the same number are rare: the one that comes later in the order of ids gets the next that is
    free, so only such a pair can change when one of them goes. Raises ValueError when there are too many.
    """
    start = rows["crime_id"].str.head(16).str.to_integer(base=16, dtype=pl.UInt64, strict=False)
    lacks = start.is_null()
    of_id = np.zeros(rows.height, np.uint64)  # What has no id comes first.
    of_id[~lacks.to_numpy()] = start.drop_nulls().to_numpy()
    wanted = _wanted(rows, of_id, lacks)
    order = np.lexsort((of_id, wanted))
    place = np.arange(len(wanted))
    # Each takes the number that it wants or the one after its neighbour's, whichever is more.
    taken = np.maximum.accumulate(wanted[order] - place) + place
    if len(taken) and int(taken[-1]) >= IN_A_MONTH:
        raise ValueError(
            f"{month:%Y-%m} has {len(taken):,} records, which {IN_A_MONTH:,} numbers cannot tell apart."
        )
    found = np.empty(len(wanted), np.int64)
    found[order] = taken + 1 + (month.year * 12 + month.month) % MONTHS * IN_A_MONTH
    return found


def _wanted(rows: pl.DataFrame, of_id: NDArray[np.uint64], lacks: pl.Series) -> NDArray[np.int64]:
    """The number that each row would have if it were alone, within the month.

    `of_id` is the start of its id, where it does not lack one.
    """
    alike = ["force", "category", "longitude", "latitude"]
    # How many like it come before it is asked of one without an id alone, and only of categories that have such.
    lacking = (
        rows.select("force", "category", "longitude", "latitude", lacks=lacks)
        .with_row_index("at")
        .filter(pl.col("lacks").any().over("category"))
        .with_columns(which=pl.int_range(pl.len()).over(alike))
        .filter("lacks")
    )
    forces = lacking["force"].unique().sort()
    named = [int.from_bytes(hashlib.sha256(force.encode()).digest()[:8], "big") for force in forces]
    parts = lacking.select(
        force=pl.col("force").replace_strict(
            forces, pl.Series(named, dtype=pl.UInt64), return_dtype=pl.UInt64
        ),
        category="category",
        longitude=_millionths("longitude"),
        latitude=_millionths("latitude"),
        which="which",
    )
    mixed = np.zeros(parts.height, np.uint64)
    for name in parts.columns:
        mixed = _mix(mixed ^ parts[name].to_numpy().astype(np.int64, copy=False).view(np.uint64))
    # An id tells a crime from any other; one that two rows share gives them numbers beside each other.
    chosen = of_id.copy()
    chosen[lacking["at"].to_numpy()] = mixed
    return ((chosen >> np.uint64(40)) * np.uint64(IN_A_MONTH - SPARE) >> np.uint64(24)).astype(np.int64)


def _millionths(degrees: str) -> pl.Expr:
    """Whole millionths of a degree; what is nowhere has a number that no place has."""
    told = (pl.col(degrees) * 1e6).round().cast(pl.Int64)
    return pl.when(told.is_not_null()).then(told).otherwise(pl.lit(NOWHERE))


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each word with its bits well mixed (the finaliser of SplitMix64: Steele, Lea and Flood, 2014)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
