"""What the desk reads of the line: the tables of one snapshot of the workspace, handed in by whoever opened it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import polars as pl

from geography.areas import Country


@dataclass(frozen=True)
class Book:
    """One snapshot, as the desk sees it. No table in it has a personal field.

    `supplied_counts` has `force, month, category, count, status`: what was supplied, before judgement, null
    where nothing was. `judged` is `tables.OffenceCounts` added up by `force, month`; `flags` is `tables.DayFlags`
    and `delays` is `tables.RecordingDelays`; `systems` has `force, place, open, rows`, how many crimes are in which
    of two records systems. `cells(force, months)` reads `tables.AreaGrid`, which is too large to hold.
    """

    snapshot: str
    made_at: datetime
    country: Country
    findings: pl.DataFrame
    verdicts: pl.DataFrame
    supplies: pl.DataFrame
    rejects: pl.DataFrame
    supplied_counts: pl.DataFrame
    judged: pl.DataFrame
    places: pl.DataFrame
    days: pl.DataFrame
    flags: pl.DataFrame
    delays: pl.DataFrame
    systems: pl.DataFrame
    cells: Callable[[str, Sequence[date]], pl.LazyFrame]

    @cached_property
    def names(self) -> dict[str, str]:
        """Each force's name by its slug."""
        return dict(self.country.forces.select("force", "name").iter_rows())

    @cached_property
    def months(self) -> list[date]:
        """Every month owed, in order."""
        return self.verdicts.get_column("month").unique().sort().to_list()

    @cached_property
    def by_finding(self) -> dict[str, dict[str, object]]:
        """Each finding's row by its id."""
        return {row["finding"]: row for row in self.findings.iter_rows(named=True)}
