"""The revisions of a release as its own workbook and data: every changed figure with its causes, and the triangle."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from geography.areas import Country
from publish.returns.accessibility import accessibility_faults
from publish.returns.errors import ReturnError
from publish.returns.formats import workbook_files
from publish.returns.machine_readable import REVISION
from publish.returns.tables import Column, Release, Table
from publish.returns.worksheets import workbook
from transforms.contracts.status import STATUS, Status, allows_number
from transforms.periods import Quarter
from transforms.revisions import MEANING, is_provisional

#: What the triangle calls the edition that it is printed in, whose number is given when it is sealed.
THIS: Final = "this release"
_LABELS: Final = (
    Column("measure", "Measure", "What the figure counts"),
    Column("area_name", "Police force area", "Force whose figure it is"),
    Column("quarter", "Quarter", "Quarter of the figure; “all” for what is of no quarter"),
    Column("offence_code", "Offence code", "Home Office offence code; “all” for what is of no offence"),
    Column("why", "What changed it", "What changed the figure"),
)
_FIGURES: Final = (
    Column("was", "As published before", "The figure of the earlier edition", "number"),
    Column("now", "As published now", "The figure of this edition", "number"),
    Column("change", "Change", "What this cause made of the difference", "number"),
)


@dataclass(frozen=True)
class Revised:
    """What a release revises: `changes` is `tables.Revisions` against the release `compared_with`.

    `corner` is a triangle (`transforms.revisions.triangle`) over `vintages`, the releases before this one and
    `THIS`, in order; `notes` are the texts that explain a force's revisions, by force.
    """

    compared_with: str
    changes: pl.DataFrame
    vintages: Sequence[str]
    corner: pl.DataFrame
    notes: Sequence[tuple[str, str]]


def revision_files(revised: Revised, country: Country, quarter: Quarter) -> dict[str, bytes]:
    """The files on revisions, by name: both workbooks, and the changes and the triangle as CSV and Parquet.

    Raises ReturnError when a workbook breaks the accessibility checklist.
    """
    name = f"revisions-{quarter}"
    book = workbook(_release(revised, country, quarter, name))
    made = workbook_files(name, book)
    for file, content in made.items():
        if faults := accessibility_faults(content):
            raise ReturnError(
                file, f"it is not accessible: {faults[0]}.", "Correct what is named, and build again."
            )
    for suffix, frame in (("", revised.changes), ("-triangle", revised.corner)):
        parquet = io.BytesIO()
        frame.write_parquet(parquet, compression="zstd")
        made[f"{name}{suffix}.csv"] = frame.write_csv().encode()
        made[f"{name}{suffix}.parquet"] = parquet.getvalue()
    return made


def _release(revised: Revised, country: Country, quarter: Quarter, name: str) -> Release:
    named = country.forces.select("force", area_name="name", area_code="pfa_code")
    tables = [] if revised.changes.is_empty() else [_changes(revised, named, quarter)]
    tables.append(_triangle(revised, named, quarter, number=len(tables) + 1))
    names = dict(named.select("force", "area_name").iter_rows())
    causes = set(revised.changes.get_column("why"))
    return Release(
        name=name,
        title=f"Revisions of recorded crime, {quarter.title}",
        subject="Figures that differ from those of the release before, and why",
        dated=quarter.months[2],
        cover=(
            f"Every figure of this release that differs from the release {revised.compared_with}.",
            *(["No figure differs."] if revised.changes.is_empty() else []),
            *(
                f"{cause[0].upper() + cause[1:]}: {meaning}"
                for cause, meaning in MEANING.items()
                if cause in causes
            ),
            *(f"Note on {names[force]}: {text}" for force, text in revised.notes),
        ),
        tables=tuple(tables),
    )


def _changes(revised: Revised, named: pl.DataFrame, quarter: Quarter) -> Table:
    rows = (
        revised.changes.join(named, on="force", how="left", maintain_order="left")
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64), pl.col("measure").cast(pl.String))
    )
    provisional = [
        str(quarter.plus(-back)) for back in range(4) if is_provisional(quarter.plus(-back), quarter)
    ]
    marks = pl.lit("[r]") + pl.when(pl.col("quarter").is_in(provisional)).then(pl.lit("[p]")).otherwise(
        pl.lit("")
    )
    no_change = pl.lit(Status.NOT_APPLICABLE.value, STATUS)
    figures = pl.concat(
        [
            rows.select("row", column=pl.lit("was"), value="was", status="was_status", marks=pl.lit("")),
            rows.select(
                "row",
                column=pl.lit("now"),
                value="now",
                status="now_status",
                marks=pl.when(pl.col("now").is_not_null()).then(marks).otherwise(pl.lit("")),
            ),
            rows.select(
                "row",
                column=pl.lit("change"),
                value="change",
                status=pl.when(pl.col("change").is_null())
                .then(no_change)
                .otherwise(pl.lit(Status.COMPLETE.value, STATUS)),
                marks=pl.lit(""),
            ),
        ]
    )
    return _table(
        "revised_figures", 1, f"Figures revised since {revised.compared_with}",
        ("One row for each figure and each thing that changed it: the changes of a figure add up to the difference.",),
        _LABELS, _FIGURES, rows.with_columns(pl.col("quarter", "offence_code").fill_null("all")), figures,
    )  # fmt: skip


def _triangle(revised: Revised, named: pl.DataFrame, quarter: Quarter, number: int) -> Table:
    columns = tuple(
        Column(f"release_{place}", release, f"Total as published in {release}", "offences")
        for place, release in enumerate(revised.vintages)
    )
    keys = {column.heading: column.key for column in columns}
    cells = revised.corner.with_columns(column=pl.col("release").replace_strict(keys, return_dtype=pl.String))
    rows = (
        cells.select("force", "quarter")
        .unique()
        .sort("force", "quarter")
        .join(named, on="force", how="left", maintain_order="left")
        .with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
    )
    grid = rows.select("row", "force", "quarter").join(
        pl.DataFrame({"column": [column.key for column in columns]}), how="cross"
    )
    held = grid.join(
        cells.select("force", "quarter", "column", "count", "status"),
        on=["force", "quarter", "column"],
        how="left",
    )
    figures = held.select(
        "row",
        "column",
        value="count",
        # A release that does not hold the quarter has no figure of it to give.
        status=pl.col("status").fill_null(pl.lit(Status.NOT_APPLICABLE.value, STATUS)),
        marks=pl.lit(""),
    )
    labels = (_LABELS[1], _LABELS[2])
    return _table(
        "revision_triangle", number, "Each quarter's total as each release published it",
        ("Read along a row: how a quarter's total of recorded offences changed from release to release.",),
        labels, columns, rows, figures,
    )  # fmt: skip


def _table(
    name: str,
    number: int,
    title: str,
    statements: tuple[str, ...],
    labels: tuple[Column, ...],
    columns: tuple[Column, ...],
    rows: pl.DataFrame,
    figures: pl.DataFrame,
) -> Table:
    return Table(
        name=name,
        sheet=f"Table_{number}",
        title=f"Table {number}: {title}",
        period="both editions",
        measure=REVISION,
        statements=statements,
        labels=labels,
        columns=columns,
        rows=rows.select(
            "row",
            *(column.key for column in labels),
            area="force",
            area_code=pl.col("area_code").fill_null("[z]"),
            area_level=pl.lit("police force area"),
            level=pl.lit("police force area"),
        ).with_columns(notes=pl.lit([], dtype=pl.List(pl.String))),
        figures=figures.with_columns(value=pl.when(allows_number()).then(pl.col("value").cast(pl.Float64))),
    )
