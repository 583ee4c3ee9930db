"""What an outcome tells of its crime, found by the crime's id in the layers of crimes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

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
    """The layers of crimes in a folder of the API's files, their months in order, and where each id is."""

    folder: Path
    months: Sequence[str]
    ids: Ids

    def of(self, outcomes: pl.DataFrame) -> pl.DataFrame:
        """The rows of `outcomes` (with `key`, the first 60 bits of an id) whose crime is here, with what it is.

        That is `category` (its number), `category_name`, `id` (the crime's number) and `crime_month`: of its record
        in the earliest month, and there of the first row.
        """
        # In order, keys that are looked for one after another lie near each other.
        outcomes = outcomes.filter(pl.col("key").is_not_null()).sort("key")
        here, at = self.ids.first(outcomes["key"].to_numpy())
        category, number = self._read(at)
        names, months = [CATEGORIES[code] for code in RECORDED], list(self.months)
        return outcomes.filter(pl.Series(here)).with_columns(
            category=pl.Series(category),
            category_name=pl.Series(names)[category],
            id=pl.Series(number),
            crime_month=pl.Series(months, dtype=pl.String)[self.ids.month[at]],
        )

    def in_month(self, month: str) -> pl.DataFrame:
        """What is told of each crime of a month (of its first row): `key`, `category`, `id`; none without the month."""
        number = self.months.index(month) if month in self.months else -1
        at = np.flatnonzero(self.ids.month == number)
        at = at[np.unique(self.ids.key[at], return_index=True)[1]]
        category, numbers = self._read(at)
        return pl.DataFrame({"key": self.ids.key[at], "category": category, "id": numbers})

    def _read(self, at: Indices) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], Indices]:
        """The category and the number of the crimes at some places of `ids`."""
        months, rows = self.ids.month[at], self.ids.row[at]
        category, number = np.zeros(len(at), np.uint8), np.zeros(len(at), np.int64)
        for month in np.unique(months):
            own, folder = months == month, self.folder / "crimes" / self.months[month]
            category[own] = np.load(folder / "category.npy", mmap_mode="r")[rows[own]]
            number[own] = np.load(folder / NUMBERS, mmap_mode="r")[rows[own]]
        return category, number
