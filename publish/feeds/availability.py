"""What each force supplied, file by file and month by month: absence is never a month without crime."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country
from transforms.contracts.status import STATUS, Status, allows_number, worst_so_far

#: Outcomes that extracts tell are of crimes that the release holds, and may come long after the crime: for so many
#: months from its first they are told as partial.
FILLING_MONTHS: Final = 12

#: The words of the published table for each status.
STATES: Final = {
    Status.NOT_APPLICABLE.value: "not owed",
    Status.COMPLETE.value: "supplied",
    Status.PARTIAL.value: "partial",
    Status.WITHHELD.value: "withheld",
    Status.UNJUDGED.value: "not judged",
    Status.MISSING.value: "not supplied",
}


def states(verdicts: pl.DataFrame, country: Country) -> pl.DataFrame:
    """One row for each force, published file and month owed, sorted, with its state and why.

    A record-level extract is published as a street file, so both are one file here; where both are owed
    the better of the two is what the file is made from. Its outcomes are published as an outcomes file, where the
    force has none of its own.
    """
    file = pl.col("file_type").cast(pl.String).replace({"extract": "street"})
    of_outcomes = pl.col("is_told").cast(pl.UInt8) + 2 * (~allows_number()).cast(pl.UInt8)
    rank = pl.when(pl.col("file") == "outcomes").then(of_outcomes).otherwise(pl.col("status").to_physical())
    return (
        pl.concat([verdicts.with_columns(is_told=pl.lit(False)), _of_outcomes(verdicts)])
        .join(country.forces.select("force", "name"), on="force", how="left")
        .with_columns(
            file=pl.when("is_told").then(pl.lit("outcomes")).otherwise(file),
            state=pl.col("status").cast(pl.String).replace_strict(STATES),
            name=pl.col("name").fill_null(pl.col("force")),
        )
        .sort("force", "file", "month", rank, "file_type")
        .unique(["force", "file", "month"], keep="first", maintain_order=True)
        .select(
            "force",
            "name",
            "file",
            "month",
            "status",
            "state",
            "coverage",
            "since",
            pl.col("reason").alias("why"),
        )
    )


def _of_outcomes(verdicts: pl.DataFrame) -> pl.DataFrame:
    """What the extracts tell of outcomes, month by month: the verdicts on them, marked `is_told`.

    The outcomes that crimes of a missing month were given later came with no file: from then on they are partial.
    """
    first = pl.lit(verdicts["month"].min())
    is_whole = pl.col("status") == pl.lit(Status.COMPLETE.value, STATUS)
    so_far = worst_so_far(pl.col("status")).over("force", order_by="month").cast(pl.String)
    is_after = is_whole & (so_far != Status.COMPLETE.value)
    is_filling = is_whole & (pl.col("month") < first.dt.offset_by(f"{FILLING_MONTHS}mo"))
    told = pl.format("outcomes of crimes recorded since {}", first.dt.strftime("%Y-%m"))
    short = pl.format("{}, but for months that were not supplied in full", told)
    return verdicts.filter(pl.col("file_type") == "extract").with_columns(
        is_told=pl.lit(True),
        status=pl.when(is_filling | is_after).then(pl.lit(Status.PARTIAL.value, STATUS)).otherwise("status"),
        reason=pl.when(is_after).then(short).when(is_whole).then(told).otherwise("reason"),
        # What share of crimes came is no share of outcomes.
        coverage=pl.lit(None, pl.Float64),
    )


def without_rows(states: pl.DataFrame, file: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The same states, but that a file of which no row (`force`, `month`) can be used is not supplied.

    A street file may rightly be empty; an outcomes or a search file that is has told nothing.
    """
    held = rows.select("force", "month", is_held=pl.lit(True)).unique()
    lacks = (pl.col("file") == file) & allows_number() & ~pl.col("is_held").fill_null(False)
    return (
        states.join(held, on=["force", "month"], how="left", maintain_order="left")
        .with_columns(lacks=lacks)
        .with_columns(
            status=pl.when("lacks").then(pl.lit(Status.MISSING.value, STATUS)).otherwise("status"),
            state=pl.when("lacks").then(pl.lit(STATES[Status.MISSING.value])).otherwise("state"),
            why=pl.when("lacks")
            .then(pl.lit("no row of it was supplied, or none could be used"))
            .otherwise("why"),
            since=pl.when("lacks").then("month").otherwise("since"),
        )
        .drop("is_held", "lacks")
    )


def allowed(states: pl.DataFrame, file: str = "street") -> dict[date, list[str]]:
    """For each month, the forces whose file of a kind may be published, in order."""
    rows = (
        states.filter((pl.col("file") == file) & allows_number())
        .group_by("month")
        .agg(pl.col("force").sort())
    )
    return dict(rows.iter_rows())


def write(states: pl.DataFrame, files: Mapping[tuple[str, str, str], tuple[str, int]], path: Path) -> None:
    """Write `availability.csv`; `files` gives the file of a force, month and kind, and its lines."""
    made = pl.DataFrame(
        [(*scope, name, rows) for scope, (name, rows) in files.items()],
        schema={
            "force": pl.String,
            "month": pl.String,
            "file": pl.String,
            "path": pl.String,
            "lines": pl.Int64,
        },
        orient="row",
    )
    (
        states.with_columns(pl.col("month", "since").dt.strftime("%Y-%m"), pl.col("coverage").round(3))
        .join(made, on=["force", "month", "file"], how="left")
        .select("force", "name", "file", "month", "state", "coverage", "since", "why", "path", "lines")
        .sort("month", "force", "file")
        .write_csv(path, line_terminator="\r\n", null_value="")
    )
