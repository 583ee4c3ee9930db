"""What a release built before can lend the API's files: the months of which nothing differs that their answers tell."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from publish.api import rows
from publish.api.ids import Ids
from publish.api.layers import ARRAYS
from publish.api.opened import FORMAT, INDEX
from publish.api.points import Indices
from publish.api.told import NUMBERS, Told
from publish.feeds import changes
from publish.feeds.changes import SUMS, read_sums
from publish.parts import BUILT
from transforms.periods import Quarter

#: The files of a month; one of crimes or outcomes has their ids too, and one of crimes their numbers.
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
            sums = read_sums(feeds), read_sums(now)
            return cls(feeds, now, sums, index["layers"], Told(api, index["months"]))
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
        otherwise = self._given_otherwise()
        same = self._same("crimes", "street", months)
        return {month for month in same if not self.told.ids(month).first(otherwise)[0].any()}

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
            both = self.told.in_month(month).join(now.in_month(month), on="key", how="full", coalesce=True)
            other = (pl.col(name).ne_missing(pl.col(f"{name}_right")) for name in ("category", "id"))
            changed.append(both.filter(pl.any_horizontal(other))["key"].to_numpy())
        return np.unique(np.concatenate(changed))

    def keys_but(self, standing: Set[str]) -> Indices:
        """The ids of the crimes of every month but those that stand."""
        gone = [self.told.ids(month).key for month in self.told.months if month not in standing]
        return np.concatenate([np.zeros(0, np.int64), *gone])

    def files_telling(self, crimes: Indices, standing: Set[str]) -> list[Path]:
        """The Parquet files of outcomes of now in which some crimes, by their ids in order, may have one.

        One that is as it was then has an outcome of a crime that was held then only where its month has that too, and
        one of a crime that was not only where it has more lines than its months have. `standing` are the months whose
        crimes stand: most are of others.
        """
        telling, held = self._differing("outcomes"), Counter[str]()
        for month in self.held["outcomes"]:
            ids, name = Ids.open(self.api / "outcomes" / month), _outcomes_of(month)
            held[name] += len(ids.key)
            if name not in telling and ids.first(crimes)[0].any():
                telling.add(name)
        new = crimes
        for month in sorted(self.told.months, key=lambda month: month in standing):
            new = new[~self.told.ids(month).first(new)[0]]
        return [
            path
            for path in sorted((self.now / "parquet").glob("*-outcomes.parquet"))
            if path.name in telling or (len(new) and pq.read_metadata(path).num_rows != held[path.name])
        ]

    def _same(self, kind: str, file: str, months: Sequence[str]) -> set[str]:
        """The months that a kind of layer is held of whose lines in a kind of file are the same now."""
        then, now = (changes.by_month(sums, file) for sums in self.sums)
        return {month for month in months if month in self.held[kind] and then.get(month) == now.get(month)}

    def _differing(self, file: str) -> set[str]:
        """The names of the Parquet files of a kind, of then or now, that the other release has not the same."""
        then, now = (
            {(path, digest) for path, digest in sums.items() if path.endswith(f"-{file}.parquet")}
            for sums in self.sums
        )
        return {Path(path).name for path, _ in then ^ now}

    def _given_otherwise(self) -> Indices:
        """The ids of the crimes that have an outcome in one release which they have not in the other."""
        then, now = (
            {
                (month, force, digest)
                for month, forces in changes.by_month(sums, "outcomes").items()
                for force, digest in forces.items()
            }
            for sums in self.sums
        )
        names = sorted(self._differing("outcomes"))
        # Whose file of a month is the same has the same outcomes in it.
        other = pl.DataFrame(
            sorted({each[:2] for each in then ^ now}),
            schema={"month": pl.String, "force": pl.String},
            orient="row",
        )
        there, here = (
            rows.given([path for name in names if (path := folder / "parquet" / name).is_file()], of=other)
            for folder in (self.feeds, self.now)
        )
        both = pl.concat([there.unique(), here.unique()])
        return both.filter(both.is_unique())["key"].unique().sort().to_numpy()


def _is_whole(api: Path, kind: str, month: str) -> bool:
    """Whether every file of a month of a kind is there. Raises what opening its ids does when these are not whole."""
    folder = api / kind / month
    if kind != "stops":
        Ids.open(folder)
    names = [*OF_A_MONTH, NUMBERS] if kind == "crimes" else OF_A_MONTH
    return all((folder / name).is_file() for name in names)


def _outcomes_of(month: str) -> str:
    """The name of the Parquet file with the outcomes of a month."""
    return f"{Quarter.of(date.fromisoformat(f'{month}-01'))}-outcomes.parquet"


def tag(feeds: Path) -> str:
    """A name for what is published: equal exactly when every bulk file is."""
    return hashlib.sha256((feeds / SUMS).read_bytes()).hexdigest()[:20]
