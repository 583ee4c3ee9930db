"""The command `fullcount judge`: is a table of counts whole, month by month, and if not, what is missing."""

from __future__ import annotations

import json
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from transforms.completeness import CountsError
from transforms.completeness import judge as judge_counts
from transforms.completeness.judgement import ALERT_COLUMNS, VERDICT_COLUMNS


class Format(StrEnum):
    """How the answer is printed."""

    CSV = "csv"
    JSON = "json"


def scan_table(path: Path) -> pl.LazyFrame:
    """A table from Parquet, read when it is needed, or CSV, every column of it text. Raises `CountsError`."""
    if not path.is_file():
        raise CountsError(f"{path}: no such file; wanted a Parquet or CSV file.")
    try:
        if path.suffix.lower() not in (".parquet", ".pq"):
            return pl.read_csv(path, infer_schema=False).lazy()
        table = pl.scan_parquet(path)
        table.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CountsError(f"{path}: cannot be read as Parquet or CSV ({error}).") from error
    return table


def read_table(path: Path) -> pl.DataFrame:
    """A table from Parquet or CSV, whole. Raises `CountsError`."""
    table = scan_table(path)
    try:
        return table.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CountsError(f"{path}: cannot be read as Parquet or CSV ({error}).") from error


def parse_month(text: str) -> date:
    """`YYYY-MM` as its first day. Raises `CountsError`."""
    try:
        return date.fromisoformat(f"{text[:7]}-01")
    except ValueError as error:
        raise CountsError(f"--as-of: {text!r} is not a month; wanted YYYY-MM, such as 2024-07.") from error


def judge(
    counts: Annotated[
        Path, typer.Argument(help="Parquet or CSV: month, area, category, n; positive cells only")
    ],
    areas: Annotated[Path, typer.Option(help="Parquet or CSV: area, force and any levels between")],
    register: Annotated[
        Path | None, typer.Option(help="CSV: force, first_month, last_month owed (empty: still owed)")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="judge this month (YYYY-MM) with what was known then")
    ] = None,
    anchor: Annotated[
        Path | None, typer.Option(help="CSV: force, crimes that an outside source counts in a month")
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="how to print")] = Format.CSV,
    alerts: Annotated[
        bool, typer.Option("--alerts", help="print the alerts instead of the verdicts")
    ] = False,
) -> None:
    """Judge whether counts are whole: a verdict for each force and month, or with `--alerts` what is wrong.

    With `--as-of` the month asked for is printed, and those earlier months that were still open then.
    """
    try:
        month = parse_month(as_of) if as_of else None
        judgement = judge_counts(
            scan_table(counts),
            read_table(areas),
            read_table(register) if register else None,
            month,
            read_table(anchor).with_columns(pl.col("crimes").cast(pl.Float64)) if anchor else None,
        )
    except CountsError as error:
        typer.echo(f"fullcount judge: {error}", err=True)
        raise typer.Exit(2) from error
    if alerts:
        table = judgement.alerts.select(ALERT_COLUMNS)
    else:
        table = judgement.verdicts.select(VERDICT_COLUMNS)
        if month is not None:
            still_open = (pl.col("month") == month) | pl.col("verdict").is_in(["missing", "partial"])
            table = table.filter(still_open).sort("month", "force", descending=[True, False])
    table = table.with_columns(pl.col(pl.Date).dt.strftime("%Y-%m"))
    if output is Format.JSON:
        sys.stdout.write(json.dumps(table.to_dicts(), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(table.write_csv())


def register(app: typer.Typer) -> None:
    """Adds the command to the application."""
    app.command("judge")(judge)
