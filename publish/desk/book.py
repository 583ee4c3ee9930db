"""What the desk reads of the line: the tables of one snapshot of the workspace, handed in by whoever opened it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, TypeVar

import polars as pl

from geography.areas import Country

#: Answers that one snapshot remembers at once.
REMEMBERED: Final = 5000

T = TypeVar("T")


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
    _answers: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _locks: dict[Hashable, threading.Lock] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def once(self, question: Hashable, work_out: Callable[[], T]) -> T:
        """What was worked out of this snapshot, so that the next page that asks has it at hand.

        Of several that ask at once, one works it out and the others wait for it.
        """
        with self._locks.setdefault(question, threading.Lock()):
            if question in (answers := self._answers):
                known: T = answers[question]
                return known
            answer = work_out()
            if len(answers) >= REMEMBERED:
                # Emptied rather than trimmed: a snapshot lasts a day and seldom comes to this.
                answers.clear()
            answers[question] = answer
            return answer

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
