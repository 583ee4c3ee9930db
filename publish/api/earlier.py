"""What a release built before can lend the API's files: the months of which nothing differs that their answers tell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from publish.api import rows
from publish.api.ids import Ids
from publish.api.layers import ARRAYS
from publish.api.opened import FORMAT, INDEX
from publish.api.points import Indices
from publish.api.told import NUMBERS, Told
from publish.feeds.changes import SUMS, read_sums
from publish.parts import BUILT

#: The files of a month; one of crimes has their numbers too.
OF_A_MONTH: Final = ("text.bin", "deflated.bin", *(f"{name}.npy" for name in ARRAYS))


@dataclass(frozen=True)
class Earlier:
    """The API's files of an earlier release, and the bulk files that they were made from beside those of now (`now`).

    `held` is what its index says of each layer. Of the bulk files only those are read whose SHA-256 is another now.
    """

    feeds: Path
    now: Path
    sums: tuple[dict[str, str], dict[str, str]]
    held: Mapping[str, Mapping[str, Any]]
    told: Told

    @classmethod
    def open(cls, release: Path | None, now: Path) -> Earlier | None:
        """Open what was built for a release; None where that is not whole, or another version of this wrote it.

        `now` is the folder of the bulk files that the API's files are to be made from.
        """
        if release is None:
            return None
        feeds, api = release / "feeds", release / "api"
        try:
            index = json.loads((api / INDEX).read_bytes())
            json.loads((api / BUILT).read_bytes())
            if index["format"] != FORMAT or index["tag"] != tag(feeds):
                return None
            if not all(
                _is_whole(api, kind, month) for kind, held in index["layers"].items() for month in held
            ):
                return None
            told = Told(api, index["months"], Ids.open(api / "crimes-ids"))
            return cls(feeds, now, (read_sums(feeds), read_sums(now)), index["layers"], told)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def api(self) -> Path:
        """The folder of the API's files."""
        return self.told.folder

    def layer(self, kind: str, month: str) -> tuple[Path, Mapping[str, Any]] | None:
        """What a month of a kind as it was written is opened with (`Layer.open`); None where there was none."""
        held = self.held[kind].get(month)
        return None if held is None else (self.api / kind / month, held)

    def crimes(self, months: Sequence[str]) -> set[str]:
        """Those of some months whose crimes stand: their lines are the same, and the outcomes of each."""
        at = self.told.ids.every(self._given_otherwise())
        touched = {self.told.months[number] for number in np.unique(self.told.ids.month[at])}
        return self._same("crimes", "street", months) - touched

    def outcomes(self, months: Sequence[str]) -> set[str]:
        """Those of some months whose outcomes stand, as long as none is of a crime that is told otherwise."""
        return self._same("outcomes", "outcomes", months)

    def stops(self, months: Sequence[str]) -> set[str]:
        """Those of some months whose searches stand."""
        return self._same("stops", "stop-and-search", months)

    def told_otherwise(self, now: Told, standing: Set[str]) -> Indices:
        """The ids of the crimes of which outcomes tell something else now, given the months whose crimes stand."""
        changed: list[Indices] = [np.zeros(0, np.int64)]
        for month in sorted({*self.told.months, *now.months} - standing):
            both = pl.concat([self.told.in_month(month), now.in_month(month)])
            changed.append(both.filter(both.is_unique())["key"].to_numpy())
        return np.unique(np.concatenate(changed))

    def keys_but(self, standing: Set[str]) -> Indices:
        """The ids of the crimes of every month but those that stand."""
        gone = [number for number, name in enumerate(self.told.months) if name not in standing]
        return np.asarray(self.told.ids.key[np.isin(self.told.ids.month, gone)])

    def ids(self, kind: str, numbers: Mapping[str, int]) -> Ids:
        """The ids of some months of a kind, under the numbers that these have now."""
        renumbered = {old: numbers[name] for old, name in enumerate(self.told.months) if name in numbers}
        return Ids.open(self.api / f"{kind}-ids").of_months(renumbered)

    def _same(self, kind: str, file: str, months: Sequence[str]) -> set[str]:
        """The months that a kind of layer is held of whose lines in a kind of file are the same now."""
        paths = {path for differing in self._differing(file) for path in differing}
        other = {month for path in paths for month in _differing(self.feeds / path, self.now / path)}
        return {month for month in months if month in self.held[kind] and month not in other}

    def _differing(self, file: str) -> tuple[set[str], set[str]]:
        """The Parquet files of a kind that the other release has not the same: those of then, and those of now."""
        before, now = (
            {(path, digest) for path, digest in sums.items() if path.endswith(f"-{file}.parquet")}
            for sums in self.sums
        )
        return {path for path, _ in before - now}, {path for path, _ in now - before}

    def _given_otherwise(self) -> Indices:
        """The ids of the crimes that have an outcome in one release which they have not in the other."""
        there, here = (
            rows.given([folder / path for path in sorted(paths)]).unique()
            for folder, paths in zip((self.feeds, self.now), self._differing("outcomes"), strict=True)
        )
        both = pl.concat([there, here])
        return both.filter(both.is_unique())["key"].unique().sort().to_numpy()


def _is_whole(api: Path, kind: str, month: str) -> bool:
    """Whether every file of a month of a kind is there."""
    names = [*OF_A_MONTH, NUMBERS] if kind == "crimes" else OF_A_MONTH
    return all((api / kind / month / name).is_file() for name in names)


def _differing(*paths: Path) -> set[str]:
    """The months whose lines differ between two files of a quarter, either of which may not be there."""
    there, here = (_by_month(path) if path.exists() else {} for path in paths)
    return {
        month
        for month in there.keys() | here.keys()
        if month not in there or month not in here or not there[month].equals(here[month])
    }


def _by_month(path: Path) -> dict[str, pl.DataFrame]:
    """The lines of a quarter's file, without the geometry, by month."""
    parts = pl.read_parquet(path).drop("geometry").partition_by("month", as_dict=True, maintain_order=True)
    return {str(month): lines for (month,), lines in parts.items()}


def tag(feeds: Path) -> str:
    """A name for what is published: equal exactly when every bulk file is."""
    return hashlib.sha256((feeds / SUMS).read_bytes()).hexdigest()[:20]
