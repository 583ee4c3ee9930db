"""What an outcome tells of its crime, found by the crime's id in the layers of crimes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from publish.api.ids import Ids
from publish.api.points import Indices
from publish.api.words import CATEGORIES, RECORDED

#: The file, beside those that answers are made of, with the number of each crime of a month.
NUMBERS: Final = "number.npy"


def save_numbers(rows: pl.DataFrame, folder: Path) -> None:
    """Write the number (`id`) of each crime of a month into its folder."""
    np.save(folder / NUMBERS, rows["id"].to_numpy().astype(np.int32), allow_pickle=False)


@dataclass(frozen=True)
class Told:
    """The layers of crimes in a folder of the API's files, and their months in order."""

    folder: Path
    months: Sequence[str]

    def of(self, outcomes: pl.DataFrame) -> pl.DataFrame:
        """The rows of `outcomes` (with `key`, the first 60 bits of an id) whose crime is here, with what it is.

        That is `category` (its number), `category_name`, `id` (the crime's number) and `crime_month`: of its record
        in the earliest month, and there of the first row.
        """
        outcomes = outcomes.filter(pl.col("key").is_not_null())
        # In order, keys that are looked for one after another lie near each other.
        keys, which = np.unique(outcomes["key"].to_numpy(), return_inverse=True)
        category, number = np.zeros(len(keys), np.uint8), np.zeros(len(keys), np.int64)
        place, left = np.full(len(keys), -1, np.int16), np.arange(len(keys))
        for at, month in enumerate(self.months):
            here, row = self.ids(month).first(keys[left])
            found, left = left[here], left[~here]
            place[found], category[found], number[found] = at, *self._read(month, row)
        names, months = [CATEGORIES[code] for code in RECORDED], list(self.months)
        here = place[which] >= 0
        which = which[here]
        return outcomes.filter(pl.Series(here)).with_columns(
            category=pl.Series(category[which]),
            category_name=pl.Series(names)[category[which]],
            id=pl.Series(number[which]),
            crime_month=pl.Series(months, dtype=pl.String)[place[which]],
        )

    def in_month(self, month: str) -> pl.DataFrame:
        """What is told of each crime of a month (of its first row): `key`, `category`, `id`; none without the month."""
        if month not in self.months:
            return pl.DataFrame(schema={"key": pl.Int64, "category": pl.UInt8, "id": pl.Int32})
        ids = self.ids(month)
        key, at = np.unique(ids.key, return_index=True)
        category, number = self._read(month, ids.row[at])
        return pl.DataFrame({"key": key, "category": category, "id": number})

    def ids(self, month: str) -> Ids:
        """Where the crimes of one of the months are."""
        return Ids.open(self.folder / "crimes" / month)

    def _read(self, month: str, rows: Indices) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """The category and the number of the crimes in some rows of a month."""
        folder = self.folder / "crimes" / month
        category, number = (np.load(folder / name, mmap_mode="r") for name in ("category.npy", NUMBERS))
        return category[rows], number[rows]
