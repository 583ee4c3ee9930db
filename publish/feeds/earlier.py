"""What bulk files that were built before can lend: files as they are, the figures of their months, and their lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from publish.feeds import privacy, tables
from publish.feeds.changes import read_sums
from publish.parts import BUILT, file_digest

AVAILABILITY: Final = "availability.csv"
LATEST: Final = "latest.zip"
POINTS_BY_MONTH: Final = "parquet/points-by-month.parquet"
PRIVACY: Final = "privacy.csv"


@dataclass(frozen=True)
class Earlier:
    """The bulk files of an earlier build, by the SHA-256 that their own list gives each (`sums`)."""

    folder: Path
    sums: Mapping[str, str]

    @classmethod
    def open(cls, folder: Path | None) -> Earlier | None:
        """The bulk files in a folder; None where those that every build reads of them are not there, or not whole.

        Whether the archive is whole is not looked at, for its size.
        """
        if folder is None:
            return None
        try:
            json.loads((folder / BUILT).read_bytes())
            earlier = cls(folder, read_sums(folder))
        except (OSError, ValueError):
            return None
        whole = all(earlier.is_whole(name) for name in (AVAILABILITY, POINTS_BY_MONTH, PRIVACY))
        return earlier if whole and earlier.has([LATEST]) else None

    def has(self, names: Sequence[str]) -> bool:
        """Whether files are listed and there."""
        return all(name in self.sums and (self.folder / name).is_file() for name in names)

    def is_whole(self, name: str) -> bool:
        """Whether a file is what it was when it was listed."""
        return self.has([name]) and self.sums[name] == file_digest(self.folder / name)

    def lines_by_file(self) -> dict[str, int]:
        """The number of lines of each file of a force and month, by its path."""
        with (self.folder / AVAILABILITY).open(encoding="utf-8", newline="") as file:
            return {row["path"]: int(row["lines"]) for row in csv.DictReader(file) if row["path"]}

    def figures(self, months: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """`privacy.figures` and `privacy.at_points` of months."""
        of_months = pl.col("month").is_in(months)
        return (
            pl.read_csv(self.folder / PRIVACY, schema=privacy.FIGURES).filter(of_months),
            pl.scan_parquet(self.folder / POINTS_BY_MONTH).filter(of_months).collect(),
        )

    def lines(self, name: str, names: Mapping[str, str]) -> pl.DataFrame | None:
        """The lines of a quarter's Parquet file (`tables.read_quarter`); None where it is not whole."""
        return tables.read_quarter(self.folder / name, names) if self.is_whole(name) else None
