"""The force's own quarterly return as files: aggregate, record-level and validation, ready for its sign-off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from publish.returns.formats import workbook_files
from publish.returns.open_data import NOT_PROVIDED
from publish.returns.tables import clean
from publish.returns.worksheets import (
    Body,
    Line,
    Sheet,
    Workbook,
    back_to_contents,
    column_width,
    contents_sheet,
    cover_sheet,
)
from transforms.aggregation import add_up
from transforms.contracts.status import allows_number
from transforms.periods import Quarter

_AGGREGATE: Final = (
    "Offence code",
    "Offence description",
    "Offence group",
    "Offence subgroup",
    "Number of offences",
)
_CHECKED: Final = (
    "Check",
    "Result",
    "Subject",
    "This quarter",
    "Compared with",
    "What was found",
    "What to do",
)
#: What the force enters when it signs.
SIGNED: Final = ("Signed for the force by", "Role", "Date", "Figures agreed: yes, or no and why")


@dataclass(frozen=True)
class ForceReturn:
    """What a force returns of one quarter: its name, `OffenceCounts`, `hub_records` and `validation` of it."""

    force: str
    name: str
    quarter: Quarter
    offences: pl.DataFrame
    records: pl.DataFrame
    validation: pl.DataFrame


def force_return_files(made: ForceReturn, offences_reference: pl.DataFrame) -> dict[str, bytes]:
    """Every file of the return, by name: a workbook in two formats, and the three tables as CSV.

    A figure that is not supplied in full is “N/A - data not provided”, never zero. The same input gives the same bytes.
    """
    stem = f"{made.force}-{made.quarter}"
    aggregate = _aggregate(made, offences_reference)
    book = _workbook(made, aggregate)
    number = pl.col(_AGGREGATE[-1]).struct.field("number")
    flat = aggregate.with_columns(
        pl.when(number.is_null())
        .then(pl.lit(NOT_PROVIDED))
        .otherwise(number.cast(pl.Int64).cast(pl.String))
        .alias(_AGGREGATE[-1])
    )
    periods = [
        pl.lit(made.quarter.financial_year).alias("Financial Year"),
        pl.lit(str(made.quarter.financial_quarter)).alias("Financial Quarter"),
        pl.lit(made.name).alias("Force Name"),
    ]
    return {
        **workbook_files(f"{stem}-return", book),
        f"{stem}-aggregate.csv": flat.select(*periods, pl.all()).write_csv().encode(),
        f"{stem}-records.csv": made.records.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%z").encode(),
        f"{stem}-validation.csv": made.validation.write_csv().encode(),
    }


def _aggregate(made: ForceReturn, offences_reference: pl.DataFrame) -> pl.DataFrame:
    of_quarter = made.offences.filter(pl.col("month").is_in(made.quarter.months))
    names = offences_reference.select(
        "offence_code", "offence_description", "offence_group", "offence_subgroup"
    ).unique("offence_code")
    return (
        add_up(of_quarter, by=["offence_code"])
        .join(names, on="offence_code", how="left")
        .sort("offence_group", "offence_subgroup", "offence_code")
        .select(
            pl.col("offence_code").alias(_AGGREGATE[0]),
            pl.col("offence_description").alias(_AGGREGATE[1]),
            pl.col("offence_group").alias(_AGGREGATE[2]),
            pl.col("offence_subgroup").alias(_AGGREGATE[3]),
            _figure(pl.when(allows_number()).then("count"), NOT_PROVIDED).alias(_AGGREGATE[4]),
        )
    )


def _figure(number: pl.Expr, otherwise: str) -> pl.Expr:
    return pl.struct(
        number=number.cast(pl.Float64),
        text=pl.when(number.is_null()).then(pl.lit(otherwise)).otherwise(pl.lit("")),
    )


def _workbook(made: ForceReturn, aggregate: pl.DataFrame) -> Workbook:
    title = f"Recorded crime return of {made.name}: {made.quarter.title}"
    results = set(made.validation.get_column("result"))
    state = (
        "Something failed validation: settle it before signing."
        if "fail" in results
        else "Nothing failed validation; answer what is queried before signing."
        if "query" in results
        else "Nothing failed validation and nothing is queried."
    )
    checked = made.validation.select(
        *(
            pl.col(name).alias(heading)
            for name, heading in zip(("check", "result", "subject"), _CHECKED, strict=False)
        ),
        _figure(pl.col("this_quarter"), "[z]").alias(_CHECKED[3]),
        _figure(pl.col("compared_with"), "[z]").alias(_CHECKED[4]),
        pl.col("sentence").alias(_CHECKED[5]),
        pl.col("next_steps").alias(_CHECKED[6]),
    )
    to_sign = pl.DataFrame({"Item": SIGNED, "Entry": ["to be entered by the force"] * len(SIGNED)})
    sheets = [
        _sheet("Aggregate", f"Offences recorded by {made.name}, {made.quarter.title}", "recorded_offences", aggregate,
               (f"“{NOT_PROVIDED}” stands where the quarter is not supplied in full. It is not zero.",)),
        _sheet("Validation", f"What to look at before signing, {made.quarter.title}", "validation_report", checked,
               ("Shorthand: [z] is not applicable.", "Thresholds are this product's: none are public.")),
        _sheet("Sign_off", f"Sign-off of the return, {made.quarter.title}", "sign_off", to_sign, ()),
    ]  # fmt: skip
    cover = cover_sheet(
        title,
        (
            f"{made.name}, financial year {made.quarter.financial_year}, quarter {made.quarter.financial_quarter}.",
            state,
            f"{made.records.height:,} records are in the record-level file beside this one. It names no person.",
            "Not for publication: figures are the force's own until it has signed them.",
        ),
    )
    listed = [(cover.name, title), *((sheet.name, sheet.title) for sheet in sheets)]
    return Workbook(
        title,
        f"Quarterly return of {made.name} to the Home Office",
        made.quarter.plus(1).months[0],
        (cover, contents_sheet(listed), *sheets),
    )


def _sheet(name: str, title: str, table: str, rows: pl.DataFrame, lines: tuple[str, ...]) -> Sheet:
    text = [column for column, kind in rows.schema.items() if kind == pl.String]
    rows = rows.with_columns(clean(pl.col(text)))
    decimals = tuple(None if column in text else 0 for column in rows.columns)
    widths = tuple(
        column_width(column, rows[column], places)
        for column, places in zip(rows.columns, decimals, strict=True)
    )
    return Sheet(
        name,
        title,
        (Line("This worksheet contains one table."), *(Line(line) for line in lines), back_to_contents()),
        Body(table, tuple(rows.columns), decimals, widths, rows, title),
    )
