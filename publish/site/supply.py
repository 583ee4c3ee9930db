"""What each force supplied, month by month, as the pages tell it: runs of gaps, reasons, months recorded late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

import polars as pl

from transforms.contracts.status import Status
from transforms.judging import counting_verdicts
from transforms.periods import months_between, plus_months

#: The code of a surplus that follows a gap, in the catalogue of findings.
BACKLOG: Final = "W10"


class Gap(NamedTuple):
    """A run of months that one force has not supplied in full, for one reason."""

    force: str
    file: str
    first: date
    last: date
    status: str
    reason: str
    since: date | None
    coverage: float | None


def supplied(verdicts: pl.DataFrame) -> dict[tuple[str, str], dict[date, tuple[str, float | None]]]:
    """The status and coverage of each month that is owed, by force and file."""
    found: dict[tuple[str, str], dict[date, tuple[str, float | None]]] = {}
    rows = files(verdicts).select("force", "file", "month", "status", "coverage").iter_rows()
    for force, file, month, status, coverage in rows:
        found.setdefault((force, file), {})[month] = (status, coverage)
    return found


def reasons(verdicts: pl.DataFrame) -> dict[str, dict[date, tuple[str, str]]]:
    """The status of each force's crime records by month, and why where they are not whole."""
    found: dict[str, dict[date, tuple[str, str]]] = {}
    rows = files(verdicts).filter(pl.col("file") == "crime").select("force", "month", "status", "reason")
    for force, month, status, reason in rows.iter_rows():
        found.setdefault(force, {})[month] = (status, "" if status == Status.COMPLETE.value else reason)
    return found


def gaps(verdicts: pl.DataFrame, window: Sequence[date]) -> dict[str, list[Gap]]:
    """Runs of neighbouring months with one status and one reason, by force, latest first."""
    found: dict[str, list[Gap]] = {}
    rows = files(verdicts).filter(
        pl.col("month").is_between(window[0], window[-1]), pl.col("status") != Status.COMPLETE.value
    )
    for row in rows.select("force", "file", "month", "status", "reason", "since", "coverage").iter_rows():
        force, file, month, status, reason, since, coverage = row
        runs = found.setdefault(force, [])
        before = runs[-1] if runs else None
        continues = (
            before is not None
            and (before.file, before.status, before.reason) == (file, status, reason)
            and plus_months(before.last, 1) == month
        )
        if before is not None and continues:
            runs[-1] = before._replace(last=month, coverage=None)
        else:
            runs.append(Gap(force, file, month, month, status, reason, since, coverage))
    return {
        force: sorted(runs, key=lambda gap: (gap.file, gap.first), reverse=True)
        for force, runs in found.items()
    }


def late(findings: pl.DataFrame) -> dict[str, set[date]]:
    """For each force, months that hold crimes of earlier months, recorded late."""
    found: dict[str, set[date]] = {}
    backlogs = findings.filter(pl.col("code") == BACKLOG).sort("force", "first_month", "last_month")
    for force, first, last in backlogs.select("force", "first_month", "last_month").iter_rows():
        found.setdefault(force, set()).update(months_between(first, last))
    return found


def files(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Verdicts with one name, “crime”, for the two files that crimes are counted from, in order."""
    counted = counting_verdicts(verdicts).get_column("file_type").unique().to_list()
    return (
        verdicts.with_columns(
            file=pl.when(pl.col("file_type").is_in(counted)).then(pl.lit("crime")).otherwise("file_type")
        )
        .sort("force", "file", "month", pl.col("status").to_physical(), "file_type")
        .unique(["force", "file", "month"], keep="first", maintain_order=True)
        .with_columns(pl.col("status").cast(pl.String))
    )
