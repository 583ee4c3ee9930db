"""Where the records of each crime id are: of every month an array in the order of the first 60 bits of the id.

The server opens these, so nothing is imported here that takes long.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from publish.api.points import Indices

#: The file, beside those that answers are made of, with the ids of a month.
IDS: Final = "ids.npy"


@dataclass(frozen=True)
class Ids:
    """Those of one month: `key` (the first 60 bits), ascending, and the `row` of each in the month's layer.

    Rows of one key ascend. What has no id is not here.
    """

    key: Indices
    row: Indices

    @classmethod
    def open(cls, folder: Path) -> Ids:
        """Open what `save` wrote into a month's folder, mapped and not read."""
        key, row = np.asarray(np.load(folder / IDS, mmap_mode="r"))
        return cls(key, row)

    def save(self, folder: Path) -> None:
        """Write them into the folder of a month."""
        np.save(folder / IDS, np.stack([self.key, self.row]), allow_pickle=False)

    def of(self, key: int) -> Indices:
        """The rows of a key, in order."""
        first, last = self.key.searchsorted([key, key + 1])
        return self.row[first:last]

    def first(self, keys: Indices) -> tuple[NDArray[np.bool_], Indices]:
        """Which of some keys are here, and for each of these its first row."""
        at = np.searchsorted(self.key, keys)
        inside = at < len(self.key)
        inside[inside] = self.key[at[inside]] == keys[inside]
        return inside, self.row[at[inside]]
