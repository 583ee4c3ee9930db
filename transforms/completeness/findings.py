"""Turns what a rule or the judge found into rows of findings, with the catalogue's severity and next steps."""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms.completeness.catalogue import CATALOGUE
from transforms.completeness.judgement import Judgement

#: The force column of a finding that is about the whole country.
ALL_FORCES: Final = "all forces"

#: Columns of the findings table, in order.
COLUMNS: Final = {
    "finding": pl.String,
    "code": pl.String,
    "severity": pl.String,
    "level": pl.String,
    "force": pl.String,
    "area": pl.String,
    "category": pl.String,
    "first_month": pl.Date,
    "last_month": pl.Date,
    "observed": pl.Float64,
    "expected": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "sentence": pl.String,
    "next_steps": pl.String,
}


def number(value: str | pl.Expr) -> pl.Expr:
    """A count as a sentence says it: whole, with a comma between thousands."""
    count = pl.col(value) if isinstance(value, str) else value
    whole = count.cast(pl.Float64).round(0).cast(pl.Int64)
    backwards = whole.abs().cast(pl.String).str.reverse().str.replace_all(r"(\d{3})", "${1},")
    sign = pl.when(whole < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return sign + backwards.str.strip_chars_end(",").str.reverse()


def as_findings(rows: pl.DataFrame | pl.LazyFrame, code: str, sentence: pl.Expr) -> pl.DataFrame:
    """Rows that break the rule `code` as findings.

    `rows` holds `force` and `month` (or `first_month` and `last_month`) and may hold `level, area, category,
    observed, expected, low, high`; `sentence` says each row in words. Ids are made of the code, the scope and
    the first month, so they are stable from run to run.
    """
    frame = rows.lazy()
    names = frame.collect_schema().names()
    if "month" in names and "first_month" not in names:
        frame = frame.with_columns(first_month=pl.col("month"), last_month=pl.col("month"))
    missing = [
        pl.lit(None, kind).alias(name)
        for name, kind in COLUMNS.items()
        if name not in frame.collect_schema().names()
    ]
    kind = CATALOGUE[code]
    frame = frame.with_columns(missing).with_columns(
        code=pl.lit(code),
        severity=pl.lit(kind.severity),
        level=pl.col("level").fill_null("force"),
        force=pl.col("force").fill_null(ALL_FORCES),
        sentence=sentence,
        next_steps=pl.lit(kind.next_steps),
    )
    parts = [
        pl.col("code"),
        pl.col("force"),
        pl.col("area"),
        pl.col("category"),
        pl.col("first_month").dt.strftime("%Y-%m"),
    ]
    stable = (
        pl.concat_str(parts, separator="-", ignore_nulls=True)
        .str.to_lowercase()
        .str.replace_all("[^a-z0-9]+", "-")
    )
    frame = frame.with_columns(finding=stable.str.strip_chars("-"))
    return frame.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items()).sort("finding").collect()


def with_names(findings: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Findings whose sentences call each force by its name; `names` has `force, name`."""
    said = findings.join(names.select("force", "name"), on="force", how="left", maintain_order="left")
    called = pl.col("sentence").str.split(pl.col("force")).list.join(pl.col("name"))
    return said.with_columns(
        sentence=pl.when(pl.col("name").is_null()).then("sentence").otherwise(called)
    ).select(findings.columns)


def judged_findings(judgement: Judgement) -> pl.DataFrame:
    """The alerts of a judgement as rows of the findings table, worst first."""
    return (
        judgement.alerts.rename({"id": "finding"})
        .with_columns(pl.col("force").fill_null(ALL_FORCES), pl.col("severity").cast(pl.String))
        .select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
    )


def judged_verdicts(judgement: Judgement, file_type: str) -> pl.DataFrame:
    """The verdicts of a judgement as rows of the verdicts table, for one file type."""
    return judgement.verdicts.select(
        "force",
        pl.lit(file_type).alias("file_type"),
        "month",
        pl.col("verdict").alias("status"),
        "reason",
        "since",
        "coverage",
    ).sort("force", "file_type", "month")
