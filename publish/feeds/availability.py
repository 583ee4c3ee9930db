"""What each force supplied, file by file and month by month: absence is never a month without crime."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country
from transforms.contracts.status import Status, allows_number

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


def allowed(states: pl.DataFrame) -> dict[date, list[str]]:
    """For each month, the forces whose street file may be published, in order."""
    rows = (
        states.filter((pl.col("file") == "street") & allows_number())
        .group_by("month")
        .agg(pl.col("force").sort())
    )
    return dict(rows.iter_rows())


def write(states: pl.DataFrame, files: Mapping[tuple[str, str], tuple[str, int]], path: Path) -> None:
    """Write `availability.csv`; `files` gives the street file of a force and month, and its lines."""
    made = pl.DataFrame(
        [(force, month, "street", name, rows) for (force, month), (name, rows) in files.items()],
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
