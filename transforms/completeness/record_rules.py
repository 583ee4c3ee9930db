"""Lays the line's tables of records, counts and files out as the rules on them read them, and calls each rule once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from transforms.completeness import signatures
from transforms.completeness.supply import location_lost
from transforms.contracts import columns as c
from transforms.periods import month_of

#: Counts of lines without a field that most crimes have, and the names of those fields.
FIELDS: Final = {"no_location": "location", "no_victim": "victim", "no_time": "time of the offence"}
#: The check on recording that finds records alike in all but their reference.
RECORDED_TWICE: Final = "recorded-twice"


@dataclass(frozen=True)
class RecordTables:
    """What the line holds of its records: `OffenceGrid`, `PlaceTotals`, `LineTallies`, `Supplies`, `Rejects`, counts.

    `types` has `offence_code, category`: the crime type of each code. `window` are the months owed.
    """

    offences: pl.LazyFrame
    totals: pl.DataFrame
    lines: pl.DataFrame
    supplies: pl.DataFrame
    rejects: pl.DataFrame
    outcomes: pl.LazyFrame
    checks: pl.DataFrame
    delays: pl.DataFrame
    places: pl.DataFrame
    types: pl.DataFrame
    window: Sequence[date]


def record_findings(held: RecordTables) -> pl.DataFrame:
    """What the records themselves show (`Findings`)."""
    cells = (
        held.offences.filter(pl.col("count") != 0)
        .select("force", "month", "offence_code", n="count")
        .collect()
    )
    return pl.concat(
        [
            signatures.negative_figures(cells),
            signatures.redefined(_parts(cells, held.types)),
            location_lost(held.totals),
            signatures.points_outside(_points(held.totals)),
            signatures.empty_fields(_filled(held.lines)),
            signatures.month_boundary(_boundaries(held.lines, held.supplies)),
            signatures.recorded_twice(_twice(held.checks, held.lines)),
            signatures.refused_values(_refused(held.rejects, held.supplies)),
            signatures.outcomes_late(_unresolved(held.outcomes), max(held.window)),
            signatures.outcome_swings(_years(held.outcomes, held.window)),
            signatures.recorded_late(held.delays),
            signatures.left_behind(held.places),
        ]
    )


def tally_lines(lines: pl.LazyFrame) -> pl.DataFrame:
    """`LineTallies` of some `Lines`, sorted."""
    at = pl.col("recorded_at")
    last_hour = (at.dt.hour() == 23) & (at.dt.date() == at.dt.date().dt.month_end())
    return (
        lines.group_by("supply", "force", month=month_of(at))
        .agg(
            rows=pl.len().cast(pl.Int64),
            last_hour=last_hour.sum().cast(pl.Int64),
            no_location=pl.col("longitude").null_count().cast(pl.Int64),
            no_victim=pl.col("victim_ref").null_count().cast(pl.Int64),
            no_time=pl.col("occurred_from").null_count().cast(pl.Int64),
        )
        .collect(engine="streaming")
        .sort("supply", "force", "month")
    )


def _filled(lines: pl.DataFrame) -> pl.DataFrame:
    """How many lines of each force and month leave a field empty that is usually filled, and how many there are."""
    by = ["force", "month"]
    rows = lines.group_by(by).agg(pl.col("rows", *FIELDS).sum()).rename(FIELDS)
    return rows.unpivot(
        list(FIELDS.values()), index=[*by, "rows"], variable_name="field", value_name="empty"
    ).sort(*by, "field")


def _boundaries(lines: pl.DataFrame, supplies: pl.DataFrame) -> pl.DataFrame:
    """Of each file of one month: its rows, those of the month before, and those of that one's last hour."""
    own = supplies.filter(
        pl.col("kind") == "extract",
        pl.col("state") != "refused",
        pl.col("first_month") == pl.col("last_month"),
    ).select("supply", "force", file_month="first_month")
    before = pl.col("month") == pl.col("file_month").dt.offset_by("-1mo")
    return (
        lines.join(own, on=["supply", "force"])
        .group_by("force", month="file_month")
        .agg(
            pl.col("last_hour").filter(before).sum(),
            pl.col("rows").filter(before).sum().alias("before"),
            pl.col("rows").sum().alias("rows"),
        )
    )


def _twice(checks: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Records there twice, by force and month, of how many."""
    rows = lines.group_by("force", "month").agg(pl.col("rows").sum())
    twice = checks.filter(pl.col("check") == RECORDED_TWICE).select("force", "month", twice="rows")
    return rows.join(twice, on=["force", "month"], how="left").with_columns(pl.col("twice").fill_null(0))


def _points(totals: pl.DataFrame) -> pl.DataFrame:
    """Located crimes by force and month, and those outside the area of their force, where it has one."""
    place, crimes = pl.col("lsoa_code"), pl.col("crimes")
    return (
        totals.filter(crimes > 0, place != c.NO_LOCATION)
        .group_by("force", "month")
        .agg(outside=crimes.filter(place == c.OUTSIDE).sum(), rows=crimes.sum())
        .filter((pl.col("outside") < 0.5 * pl.col("rows")).any().over("force"))
    )


def _parts(cells: pl.DataFrame, types: pl.DataFrame) -> pl.DataFrame:
    """Counts by class as parts of their crime type."""
    return cells.join(
        types.select("offence_code", group=pl.col("category").cast(pl.String)), on="offence_code"
    ).select("force", "month", "group", "n", category="offence_code")


def _refused(rejects: pl.DataFrame, supplies: pl.DataFrame) -> pl.DataFrame:
    """Refused rows by force, month of the file, field and value, of how many rows."""
    files = supplies.filter(pl.col("force").is_not_null(), pl.col("first_month").is_not_null()).select(
        "supply", "force", "rows", month="first_month"
    )
    return (
        rejects.join(files.unique("supply"), on="supply")
        .group_by("force", "month", "field", "seen")
        .agg(refused=pl.len(), rows=pl.col("rows").max())
    )


def _unresolved(outcomes: pl.LazyFrame) -> pl.DataFrame:
    """Crimes by force and month recorded, and those without an outcome."""
    return (
        outcomes.filter(pl.col("basis") == "recorded", pl.col("sub_type").is_null())
        .group_by("force", "month")
        .agg(none=pl.col("rows").filter(pl.col("outcome_type") == "0").sum(), rows=pl.col("rows").sum())
        .collect()
    )


def _years(outcomes: pl.LazyFrame, window: Sequence[date]) -> pl.DataFrame:
    """Outcomes by force, type and financial year closed, of the years that lie in the window whole."""
    april = pl.date(pl.col("month").dt.offset_by("-3mo").dt.year(), 4, 1)
    whole = pl.DataFrame({"month": list(window)}).group_by(year=april).len().filter(pl.col("len") == 12)
    return (
        outcomes.filter(pl.col("basis") == "closed", pl.col("sub_type").is_null())
        .group_by("force", month=april, outcome="outcome_type")
        .agg(n=pl.col("rows").sum())
        .collect()
        .join(whole, left_on="month", right_on="year", how="semi")
    )
