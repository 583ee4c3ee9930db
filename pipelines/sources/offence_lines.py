"""Reads a file of offence lines with few columns, the rest defaulted to a live record of one force."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from pipelines.sources.refusal import Refusal, nearest
from pipelines.sources.times import any_date, any_style, is_day_first, why_no_time
from transforms.contracts.columns import EXTRACT, PERSONAL
from transforms.contracts.tables import Lines

#: Columns without which a line cannot be counted.
NEEDED: Final = ("crime_ref", "offence_code", "recorded_at")

_TIMES: Final = ("reported_at", "recorded_at", "occurred_from", "occurred_to", "status_at", "updated_at")
_DEFAULTS: Final = {"force": "force", "source_system": "system", "victim_kind": "person", "status": "live"}
_SUPPLY: Final = "0" * 64


def read_offence_lines(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The lines of a CSV or Parquet file as `Lines`, and `row, because` of those that cannot be read.

    Columns are those of the record-level extract; personal ones are not read. A line without an incident was
    reported alone; times not given are those of recording. Raises Refusal when the file is no such file.
    """
    table = _text(path)
    unknown = [name for name in table.columns if name not in (*EXTRACT, *PERSONAL, "supply", "row")]
    if unknown:
        raise Refusal(
            path.name,
            f"the column is not one of the extract{nearest(unknown[0], EXTRACT)}",
            "rename it or leave it out",
            line=1,
            field=unknown[0],
        )
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise Refusal(path.name, "the column is missing", "add it", line=1, field=missing[0])
    written = (
        table.select(pl.col(name) for name in EXTRACT if name in table.columns)
        .with_columns(pl.all().str.strip_chars().replace("", None))
        .with_row_index("row", offset=1)
    )
    lines = _typed(written)
    faults = pl.coalesce(
        pl.when(pl.col("crime_ref").is_null()).then(pl.lit("The line has no crime_ref.")),
        pl.when(pl.col("recorded_at").is_null()).then(
            pl.format(
                "recorded_at “{}” cannot be read: {}; write it as 2024-05-03T14:30.",
                pl.coalesce("written", pl.lit("")),
                why_no_time(pl.coalesce("written", pl.lit(""))),
            )
        ),
    )
    judged = lines.with_columns(because=faults)
    good = judged.filter(pl.col("because").is_null()).select(Lines.column_names())
    return good, judged.filter(pl.col("because").is_not_null()).select(
        "row", "crime_ref", "offence_code", "because"
    )


def _text(path: Path) -> pl.DataFrame:
    if not path.exists():
        raise Refusal(path.name, "there is no such file", "check the path")
    try:
        if path.name.endswith(".parquet"):
            return pl.read_parquet(path).cast(pl.String)
        return pl.read_csv(path, infer_schema=False, truncate_ragged_lines=False)
    except pl.exceptions.PolarsError as problem:
        first = str(problem).strip().splitlines()[0]
        raise Refusal(
            path.name, f"it cannot be read as a table ({first})", "save it as CSV in UTF-8"
        ) from None


def _typed(written: pl.DataFrame) -> pl.DataFrame:
    """Every column of `Lines` in its type, and the recorded time as `written`. What cannot be read is null."""
    recorded = _moment(written, "recorded_at")
    times = {name: pl.coalesce(_moment(written, name), recorded) for name in ("reported_at", "updated_at")}
    return written.select(
        pl.lit(_SUPPLY).alias("supply"),
        "row",
        *(
            pl.coalesce(_column(written, name), pl.lit(value)).alias(name)
            for name, value in _DEFAULTS.items()
        ),
        *(
            _column(written, name).alias(name)
            for name in EXTRACT
            if name not in (*_TIMES, *_NUMBERS, *_DEFAULTS)
        ),
        *(
            _column(written, name).cast(pl.Float64, strict=False).alias(name)
            for name in ("longitude", "latitude")
        ),
        *(times.get(name, _moment(written, name)).alias(name) for name in _TIMES),
        outcome_at=any_date(_column(written, "outcome_at"), False),
        written=_column(written, "recorded_at"),
    ).with_columns(pl.col("incident_ref").fill_null(pl.format("{} alone", "crime_ref")))


_NUMBERS: Final = ("easting", "northing", "longitude", "latitude", "outcome_at")


def _column(table: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name) if name in table.columns else pl.lit(None, pl.String)


def _moment(table: pl.DataFrame, name: str) -> pl.Expr:
    if name not in table.columns:
        return pl.lit(None, pl.Datetime("us", "Europe/London"))
    return any_style(pl.col(name), is_day_first(table, [name]))
