"""The layers of every month of a release: made from its bulk files, or taken over where nothing they tell differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from publish.api import rows
from publish.api.deflating import Deflating
from publish.api.earlier import Earlier
from publish.api.ids import Ids
from publish.api.told import Told, save_numbers
from publish.api.writing import write_layer
from publish.feeds.privacy import number_of
from publish.parts import Parts
from transforms.periods import quarters_of

#: What the months are called among the parts of a build.
PART: Final = "months"


@dataclass(frozen=True)
class Months:
    """The months of a build, in order. `places` is of `places.laid_out`, `national` are the national forces.

    `key` tells all that a month is made of besides lines. Where `earlier` is given, its months were made with that key.
    """

    feeds: Path
    folder: Path
    months: Sequence[date]
    places: pl.DataFrame
    national: Sequence[str]
    parts: Parts
    key: str
    earlier: Earlier | None

    def write(self) -> dict[str, dict[str, Any]]:
        """Write them, and the ids of crimes and outcomes. Returns what is needed beside the files to open each."""
        with Deflating() as deflating:
            return self._write(deflating)

    def _write(self, deflating: Deflating) -> dict[str, dict[str, Any]]:
        feeds, places, national, earlier = self.feeds, self.places, self.national, self.earlier
        self.parts.made[PART] = self.key
        standing = set() if earlier is None else earlier.crimes(self.names)
        given = self._given_otherwise(standing)
        crimes, ids = self._each(
            deflating, "crimes", standing, lambda month: rows.crimes(feeds, month, places, national, given)
        )
        told = Told(self.folder, self.names, self._save_ids("crimes", standing, ids))
        if earlier is not None:
            otherwise = pl.Series(earlier.told_otherwise(told, standing))
            touched = given.filter(pl.col("key").is_in(otherwise.implode()))["month"]
            standing = earlier.outcomes(self.names) - set(touched.unique())
        outcomes, ids = self._each(
            deflating, "outcomes", standing, lambda month: rows.outcomes(feeds, month, places, national, told)
        )
        if outcomes:
            self._save_ids("outcomes", standing, ids)
        standing = set() if earlier is None else earlier.stops(self.names)
        stops, _ = self._each(deflating, "stops", standing, lambda month: rows.stops(feeds, month, places))
        return {"crimes": crimes, "outcomes": outcomes, "stops": stops}

    @property
    def names(self) -> list[str]:
        """The months by name."""
        return [f"{month:%Y-%m}" for month in self.months]

    def _given_otherwise(self, standing: Set[str]) -> pl.DataFrame:
        """The outcomes (`rows.given`) of every crime of the months that do not stand: of those made before, and now."""
        if self.earlier is None or not standing:
            return rows.given(sorted((self.feeds / "parquet").glob("*-outcomes.parquet")))
        made = [month for month in self.months if f"{month:%Y-%m}" not in standing]
        crimes = [pl.Series(self.earlier.keys_but(standing))]
        for quarter in quarters_of(made):
            lines = pl.scan_parquet(self.feeds / "parquet" / f"{quarter}-street.parquet")
            own = lines.filter(pl.col("month").is_in([f"{month:%Y-%m}" for month in made]))
            crimes.append(own.select(number_of("crime_id")).drop_nulls().collect().to_series())
        keys = pl.concat(crimes).unique().sort()
        return rows.given(self.earlier.files_telling(keys.to_numpy()), keys)

    def _each(
        self,
        deflating: Deflating,
        kind: str,
        standing: Set[str],
        made: Callable[[date], pl.DataFrame | None],
    ) -> tuple[dict[str, Any], list[Ids]]:
        """Write each month of a kind, or take it over. Returns what is held, and the ids of what was made."""
        held: dict[str, Any] = {}
        ids = []
        for number, (name, month) in enumerate(zip(self.names, self.months, strict=True)):
            if self.earlier is not None and name in standing:
                self.parts.kept(PART, self.key, f"{kind}/{name}")
                held[name] = self.earlier.held[kind][name]
            elif (table := made(month)) is not None:
                held[name] = write_layer(self.folder / kind / name, table, self.places.height)
                deflating.add(
                    self.folder / kind / name,
                    None if self.earlier is None else self.earlier.layer(kind, name),
                )
                if kind == "crimes":
                    save_numbers(table, self.folder / kind / name)
                if kind != "stops":
                    ids.append(_ids_of(table, number))
        return held, ids

    def _save_ids(self, kind: str, standing: Set[str], made: Sequence[Ids]) -> Ids:
        """Write the ids of a kind: of the months that were made, and of those that stand."""
        parts = list(made)
        if self.earlier is not None and standing:
            numbers = {name: number for number, name in enumerate(self.names) if name in standing}
            parts.append(self.earlier.ids(kind, numbers))
        ids = _joined(parts)
        ids.save(self.folder / f"{kind}-ids")
        return ids


def _ids_of(rows: pl.DataFrame, month: int) -> Ids:
    """Those of the rows of one month: `crime_id`, null where a record has none, and `row`."""
    held = rows.select(number_of("crime_id").alias("key"), pl.col("row").cast(pl.Int32)).drop_nulls()
    key, row = held["key"].to_numpy(), held["row"].to_numpy()
    return Ids(key, np.full(len(key), month, np.int16), row)


def _joined(parts: Sequence[Ids]) -> Ids:
    """Those of some parts, in order."""
    frames = [pl.DataFrame({"key": each.key, "month": each.month, "row": each.row}) for each in parts]
    # Runs that are in order are put together at once, and only of an id with several records is more looked at.
    ids = pl.concat([each.sort("key", maintain_order=True) for each in frames]).sort(
        "key", maintain_order=True
    )
    again = (ids["key"] == ids["key"].shift(1)).fill_null(False)
    tied = (again | again.shift(-1, fill_value=False)).arg_true()
    in_order = ids[tied].sort("key", "month", "row")
    month, row = (ids[name].scatter(tied, in_order[name]) for name in ("month", "row"))
    return Ids(ids["key"].to_numpy(), month.to_numpy(), row.to_numpy())
