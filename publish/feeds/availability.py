"""What each force supplied, file by file and month by month: absence is never a month without crime."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country
from transforms.contracts.status import STATUS, Status, allows_number

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
    the better of the two is what the file is made from.
    """
    file = pl.col("file_type").cast(pl.String).replace({"extract": "street"})
    return (
        verdicts.join(country.forces.select("force", "name"), on="force", how="left")
        .with_columns(
            file=file,
            state=pl.col("status").cast(pl.String).replace_strict(STATES),
            name=pl.col("name").fill_null(pl.col("force")),
        )
        .sort("force", "file", "month", pl.col("status").to_physical(), "file_type")
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
            why=pl.when("lacks").then(pl.lit("no row of the file supplied could be used")).otherwise("why"),
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
