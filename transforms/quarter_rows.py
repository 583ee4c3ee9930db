"""Rows that may be published, by quarter: read when they are asked for, and told apart without being read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl
from polars import selectors

from transforms.periods import Quarter, quarters_of

#: What is allowed or not: rows of a force and month, of a kind of file where there are several.
SCOPE = ("file_type", "force", "month")


@dataclass(frozen=True)
class QuarterRows:
    """The rows of some quarters, and a key of what those of each are read from: equal keys, equal rows.

    `nothing` has their columns and no row. `scopes` has each `force` and `month` (and `file_type`, where rows have
    one) of which rows are given; of others none is. A release of millions of rows takes over most of what the one
    before made of them: of those it asks the key and reads nothing.
    """

    nothing: pl.DataFrame
    parts: Mapping[Quarter, pl.LazyFrame]
    keys: Mapping[Quarter, str]
    scopes: pl.DataFrame

    @classmethod
    def of(cls, rows: pl.DataFrame) -> QuarterRows:
        """Rows that are there already, those of each quarter known by their content."""
        parts = {
            quarter: rows.filter(pl.col("month").is_in(quarter.months))
            for quarter in quarters_of(rows["month"].unique().to_list())
        }
        return cls(
            rows.clear(),
            {quarter: part.lazy() for quarter, part in parts.items()},
            {quarter: _content(part) for quarter, part in parts.items()},
            scopes_of(rows.lazy()),
        )

    def lazy(self, months: Iterable[date] | None = None) -> pl.LazyFrame:
        """The rows of some months, of all unless given, in no order; of other quarters no file is looked at."""
        wanted = None if months is None else list(months)
        quarters = sorted(self.parts) if wanted is None else quarters_of(wanted)
        parts = [self.parts[quarter] for quarter in quarters if quarter in self.parts]
        rows = pl.concat([self.nothing.lazy(), *parts])
        if wanted is not None:
            rows = rows.filter(pl.col("month").is_in(wanted))
        return rows.join(self.scopes.lazy(), on=self.scopes.columns, how="semi")

    def collect(self, months: Iterable[date] | None = None) -> pl.DataFrame:
        """The rows of some months, of all unless given, in memory and in no order."""
        return self.lazy(months).collect()

    def typed(self, columns: Mapping[str, pl.DataType]) -> QuarterRows:
        """The same rows with some of their columns, as they are to be typed."""
        wanted = [pl.col(name).cast(dtype) for name, dtype in columns.items()]
        parts = {quarter: part.select(wanted) for quarter, part in self.parts.items()}
        return replace(self, nothing=self.nothing.select(wanted), parts=parts)


def scopes_of(rows: pl.LazyFrame) -> pl.DataFrame:
    """Each force and month that has a row, and the kind of file where rows have one; in order."""
    by = [name for name in SCOPE if name in rows.collect_schema()]
    return rows.select(by).unique().collect(engine="streaming").sort(by)


def _content(rows: pl.DataFrame) -> str:
    # A categorical is written by its number, which depends on what else this process has read; rows have no order.
    plain = rows.with_columns(selectors.categorical().cast(pl.String)).sort(pl.all())
    return hashlib.sha256(plain.write_ipc(None).getvalue()).hexdigest()
