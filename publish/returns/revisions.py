"""Marks what has changed since an earlier edition of a return, and lists every changed count with what changed it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import polars as pl

from publish.returns.errors import ReturnError
from publish.returns.machine_readable import REVISION, data
from publish.returns.tables import Column, Release, Table
from transforms.comparability import rounded_ratio
from transforms.contracts.status import STATUS, Status, allows_number
from transforms.revisions import NOTE_OVER_PER_CENT

#: What makes two figures the same figure in two editions.
_KEY: Final = ("classification", "measure", "period", "area", "category")

#: Statuses of a figure that somebody owes or withholds.
_NOT_HELD: Final = (Status.MISSING.value, Status.UNJUDGED.value, Status.WITHHELD.value)

RESTATED: Final = "Restated: records added, cancelled, transferred or reclassified since"
SUPPLIED: Final = "Supplied since"
WITHDRAWN: Final = "No longer held in full"
REBASED: Final = "The total now holds other forces"


def revisions(release: Release, earlier: pl.DataFrame) -> pl.DataFrame:
    """Every figure whose value or status differs from `earlier`, the `data` of an earlier edition.

    One row each: the columns of `data` as now, with `was`, `was_status`, `change` (null unless both editions
    give a number), `per_cent` of the earlier figure, and `why`. Figures of periods that the earlier edition
    did not hold are not revisions. Raises ReturnError when the two have no figure in common.
    """
    now = data(release)
    before = earlier.select(*_KEY, was="value", was_status="status", was_name="area_name")
    both = now.join(before, on=list(_KEY))
    if both.is_empty():
        raise ReturnError(
            release.name, "the earlier edition holds none of its figures.", "Give an edition of it."
        )
    lacked, lacks = (pl.col(status).is_in(_NOT_HELD) for status in ("was_status", "status"))
    why = (
        pl.when(lacked & ~lacks)
        .then(pl.lit(SUPPLIED))
        .when(lacks & ~lacked)
        .then(pl.lit(WITHDRAWN))
        .when(pl.col("area_name") != pl.col("was_name"))
        .then(pl.lit(REBASED))
        .otherwise(pl.lit(RESTATED))
    )
    changed = pl.col("value").ne_missing(pl.col("was")) | (pl.col("status") != pl.col("was_status"))
    change = pl.col("value") - pl.col("was")
    whole = pl.col("was").cast(pl.Int64, strict=False)
    return both.filter(changed).with_columns(
        change=change,
        per_cent=rounded_ratio(100 * change.cast(pl.Int64, strict=False), whole, 1),
        why=why,
    )


def needs_note(changed: pl.DataFrame) -> pl.DataFrame:
    """The revisions that a note must explain before release: over `NOTE_OVER_PER_CENT` of a force's year."""
    return changed.filter(
        pl.col("measure") == "count",
        pl.col("period").str.starts_with("year ending"),
        pl.col("area_level").is_in(["police force area", "national force"]),
        pl.col("per_cent").abs() > NOTE_OVER_PER_CENT,
    )


def revised(release: Release, earlier: pl.DataFrame) -> Release:
    """The release with `[r]` on every figure that has changed since `earlier`, and a table of the changed counts."""
    changed = revisions(release, earlier)
    tables = tuple(_marked(table, changed) for table in release.tables)
    counts = changed.filter(pl.col("measure") == "count")
    if counts.height:
        tables = (*tables, _list(counts, number=len(tables) + 1))
    return replace(release, tables=tables)


def _marked(table: Table, changed: pl.DataFrame) -> Table:
    keys = {column.heading: column.key for column in table.columns}
    here = changed.filter(pl.col("table") == table.sheet, pl.col("value").is_not_null()).select(
        "area", pl.col("category").replace_strict(keys, default=None, return_dtype=pl.String).alias("column")
    )
    cells = here.join(table.rows.select("row", "area"), on="area").select("row", "column", mark=pl.lit("[r]"))
    figures = table.figures.join(cells, on=["row", "column"], how="left", maintain_order="left")
    return replace(
        table, figures=figures.with_columns(marks=pl.col("marks") + pl.col("mark").fill_null("")).drop("mark")
    )


def _list(counts: pl.DataFrame, number: int) -> Table:
    """The table of changed counts."""
    labels = (
        Column("table", "Worksheet", "Worksheet that prints the figure"),
        Column("area_name", "Area name", "Area, with what a total leaves out"),
        Column("category", "Offence group or crime type", "Heading of the figure's column"),
        Column("why", "What changed", "What changed the figure"),
    )
    columns = (
        Column("was", "As published before", "The figure of the earlier edition", "offences"),
        Column("value", "As published now", "The figure of this edition", "offences"),
        Column("change", "Change", "Difference of the two", "offences"),
        Column(
            "per_cent", "Percentage change", "Change as a share of the earlier figure", "per cent", decimals=1
        ),
    )
    rows = counts.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    worse = pl.when(pl.col("value").is_null()).then("status").otherwise("was_status")
    figures = pl.concat(
        [
            rows.select("row", column=pl.lit("was"), value="was", status="was_status"),
            rows.select("row", column=pl.lit("value"), value="value", status="status"),
            *(
                rows.select(
                    "row",
                    column=pl.lit(key),
                    value=key,
                    status=pl.when(pl.col(key).is_not_null())
                    .then(pl.lit(Status.COMPLETE.value))
                    .when(pl.col("change").is_not_null())
                    .then(pl.lit(Status.NOT_APPLICABLE.value))
                    .otherwise(worse),
                )
                for key in ("change", "per_cent")
            ),
        ]
    ).with_columns(status=pl.col("status").cast(STATUS), marks=pl.lit(""))
    return Table(
        name="list_of_revisions",
        sheet=f"Table_{number}",
        title=f"Table {number}: Counts revised since the earlier edition",
        period="both editions",
        measure=REVISION,
        statements=("Figures are numbers as published before and now, and the difference.",),
        labels=labels,
        columns=columns,
        rows=rows.select(
            "row",
            *(column.key for column in labels),
            "area",
            "area_code",
            area_level="area_level",
            level=pl.lit(""),
        ).with_columns(notes=pl.lit([], dtype=pl.List(pl.String))),
        figures=figures.filter(pl.col("value").is_not_null() == allows_number()),
    )
