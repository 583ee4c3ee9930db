"""Where the records of each crime id are: arrays in the order of the first 60 bits of the id.

The server opens these, so nothing is imported here that takes long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from publish.api.points import Indices


@dataclass(frozen=True)
class Ids:
    """By `key` (the first 60 bits), `month` (its place in the list of months) and `row` within the month's layer."""

    key: Indices
    month: NDArray[np.int16]
    row: NDArray[np.int32]

    @classmethod
    def open(cls, folder: Path) -> Ids:
        """Open what `save` wrote, mapped and not read."""
        return cls(
            *(np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in ("key", "month", "row"))
        )

    def save(self, folder: Path) -> None:
        """Write the arrays into a new folder."""
        folder.mkdir()
        for name in ("key", "month", "row"):
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    def first(self, keys: Indices) -> tuple[NDArray[np.bool_], Indices]:
        """Which of some keys are here, and for each of these where its first record is."""
        at = np.searchsorted(self.key, keys)
        inside = at < len(self.key)
        inside[inside] = self.key[at[inside]] == keys[inside]
        return inside, at[inside]

    def every(self, keys: Indices) -> Indices:
        """Where the records of some keys, each given once, are."""
        starts, ends = (np.searchsorted(self.key, keys, side=side) for side in ("left", "right"))
        lengths = ends - starts
        shift = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        return np.asarray(np.arange(len(shift)) + shift, np.int64)

    def of_months(self, numbers: Mapping[int, int]) -> Ids:
        """Those of some months, by their place in the list, under the places that these have in another."""
        if not len(self.month):
            return self
        renumbered = np.full(max(int(self.month.max()), *numbers, 0) + 1, -1, np.int16)
        for old, new in numbers.items():
            renumbered[old] = new
        month = renumbered[self.month]
        own = month >= 0
        return Ids(self.key[own], month[own], self.row[own])
