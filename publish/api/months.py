"""The layers of every month of a release: made from its bulk files, or taken over where nothing they tell differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

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
        """Write them. Returns what is needed beside the files to open each."""
        with Deflating() as deflating:
            return self._write(deflating)

    def _write(self, deflating: Deflating) -> dict[str, dict[str, Any]]:
        feeds, places, national, earlier = self.feeds, self.places, self.national, self.earlier
        self.parts.made[PART] = self.key
        standing = set() if earlier is None else earlier.crimes(self.names)
        given = self._given_otherwise(standing)
        crimes = self._each(
            deflating, "crimes", standing, lambda month: rows.crimes(feeds, month, places, national, given)
        )
        told = Told(self.folder, self.names)
        if earlier is not None:
            otherwise = pl.Series(earlier.told_otherwise(told, standing))
            touched = given.filter(pl.col("key").is_in(otherwise.implode()))["month"]
            standing = earlier.outcomes(self.names) - set(touched.unique())
        outcomes = self._each(
            deflating, "outcomes", standing, lambda month: rows.outcomes(feeds, month, places, national, told)
        )
        standing = set() if earlier is None else earlier.stops(self.names)
        stops = self._each(deflating, "stops", standing, lambda month: rows.stops(feeds, month, places))
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
        crimes = [pl.Series(self.earlier.keys_but(standing), dtype=pl.Int64)]
        for quarter in quarters_of(made):
            lines = pl.scan_parquet(self.feeds / "parquet" / f"{quarter}-street.parquet")
            own = lines.filter(pl.col("month").is_in([f"{month:%Y-%m}" for month in made]))
            crimes.append(own.select(number_of("crime_id")).drop_nulls().collect().to_series())
        keys = pl.concat(crimes).unique().sort()
        return rows.given(self.earlier.files_telling(keys.to_numpy(), standing), keys)

    def _each(
        self,
        deflating: Deflating,
        kind: str,
        standing: Set[str],
        made: Callable[[date], pl.DataFrame | None],
    ) -> dict[str, Any]:
        """Write each month of a kind, or take it over. Returns what is needed beside the files to open each."""
        held: dict[str, Any] = {}
        for name, month in zip(self.names, self.months, strict=True):
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
                    _ids_of(table).save(self.folder / kind / name)
        return held


def _ids_of(rows: pl.DataFrame) -> Ids:
    """Those of the rows of one month: `key`, null where a record has no id, and `row`."""
    held = rows.select("key", pl.col("row").cast(pl.Int64)).drop_nulls().sort("key", "row")
    return Ids(held["key"].to_numpy(), held["row"].to_numpy())
