"""Long tables in the layout of the Home Office open data: every place, quarter and offence code, zero or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from geography.areas import Country
from publish.returns import partnerships
from publish.returns.errors import ReturnError
from publish.returns.formats import workbook_files
from publish.returns.tables import clean, written
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
from transforms.aggregation import add_up, rows_by
from transforms.contracts.status import STATUS, Status, allows_number
from transforms.judging import Judged
from transforms.periods import Quarter, financial_quarter, financial_year, quarters_of

#: What the Home Office writes where a force gave no figure. Readers of its tables know it; it is not a zero.
NOT_PROVIDED: Final = "N/A - data not provided"

_PERIOD: Final = ("Financial Year", "Financial Quarter")
_OFFENCE: Final = ("Offence Description", "Offence Group", "Offence Subgroup", "Offence Code")
#: The columns of the tables, in order (Home Office open data, March 2013 onwards).
PFA_COLUMNS: Final = (*_PERIOD, "Force Name", *_OFFENCE, "Number of Offences")
CSP_COLUMNS: Final = (*_PERIOD, "Police Force", "CSP Name", *_OFFENCE, "Offence Count")

_LINES: Final = (
    "This worksheet contains one table.",
    f"“{NOT_PROVIDED}” stands where a force has not supplied its figures in full. It is not zero.",
    "A negative number is a net correction of earlier quarters.",
    "Source: crime records and counts supplied by police forces.",
)


@dataclass(frozen=True)
class OpenData:
    """One long table: its file name without ending, its title, and its rows in the published layout and order.

    Columns of figures (the last, or the last two of outcomes) are a struct of `number`, null where the status
    allows none, and `text`, then `NOT_PROVIDED`.
    """

    name: str
    title: str
    last: Quarter
    rows: pl.DataFrame


def pfa_open_data(
    judged: Judged, country: Country, offences_reference: pl.DataFrame, last: Quarter | None = None
) -> OpenData:
    """Offences by police force area, financial quarter and offence code: one row for each, none left out.

    Holds every force that supplies offence codes and every quarter, to the `last`, whose three months are judged.
    Raises ReturnError for a code or a force that the reference tables do not hold, and when no quarter is whole.
    """
    quarters = whole_quarters(judged, last)
    names = country.forces.select("force", clean(pl.col("name")).alias("Force Name"))
    figures = judged.offences.select("force", "month", "offence_code", "count", "status")
    unknown = figures.join(names, on="force", how="anti")["force"]
    if unknown.len():
        raise ReturnError(
            f"force {unknown[0]}", "it is in the figures and not in forces.csv.", "Add it to the country."
        )
    return _open_data(
        "prc-pfa", "police force area", quarters, figures, names, PFA_COLUMNS, offences_reference
    )


def csp_open_data(
    judged: Judged,
    country: Country,
    offences_reference: pl.DataFrame,
    last: Quarter | None = None,
    by_offence: pl.DataFrame | None = None,
) -> OpenData:
    """Offences by Community Safety Partnership, financial quarter and offence code, as `pfa_open_data`.

    Crimes that lie in none stand under “Unassigned” and the force's name (`partnerships.by_offence`, made here unless
    it is given).
    """
    quarters = whole_quarters(judged, last)
    forces = country.forces.select("force", clean(pl.col("name")).alias("Police Force"))
    names = (
        partnerships.places(country)
        .join(forces, on="force")
        .select("partnership", "Police Force", clean(pl.col("csp_name")).alias("CSP Name"))
        .unique()
    )
    figures = partnerships.by_offence(judged, country) if by_offence is None else by_offence
    return _open_data(
        "prc-csp",
        "Community Safety Partnership",
        quarters,
        figures.drop("force"),
        names,
        CSP_COLUMNS,
        offences_reference,
    )


def _open_data(
    name: str,
    place: str,
    quarters: list[Quarter],
    figures: pl.DataFrame,
    names: pl.DataFrame,
    columns: tuple[str, ...],
    offences_reference: pl.DataFrame,
) -> OpenData:
    """Lay monthly figures out by quarter. A place without every month of a quarter is missing from it, not absent.

    `figures` has the place, `month`, `offence_code`, `count` and `status`; `names` has the place, in its first
    column, and what it is printed as in the others.
    """
    if not quarters:
        raise ReturnError(
            "judged tables", "no quarter is judged in all its months.", "Load and judge a quarter."
        )
    months = pl.DataFrame(
        [(quarter.months[0], month) for quarter in quarters for month in quarter.months],
        schema={"quarter": pl.Date, "month": pl.Date},
        orient="row",
    )
    key, *printed = names.columns
    # Millions of rows name a few hundred places and codes: they are compared as numbers, in the order they are printed.
    names = names.with_columns(pl.col(key).cast(pl.String)).sort(printed)
    places = pl.Enum(names.get_column(key))
    codes = pl.Enum(figures.get_column("offence_code").cast(pl.String).unique().sort())
    figures = figures.join(months, on="month").select(
        "quarter",
        _coded(figures, key, places),
        _coded(figures, "offence_code", codes),
        "count",
        "status",
    )
    by = ["quarter", key, "offence_code"]
    owed = figures.select("quarter", "offence_code").unique().join(figures.select(key).unique(), how="cross")
    lacks_a_month = (pl.col("rows") < len(quarters[0].months)).fill_null(True)
    by_quarter = (
        owed.lazy()
        .join(add_up(figures, by=by).lazy(), on=by, how="left")
        .join(rows_by(figures.lazy(), by), on=by, how="left")
        .with_columns(
            status=pl.when(lacks_a_month).then(pl.lit(Status.MISSING.value, STATUS)).otherwise("status")
        )
        .with_columns(count=pl.when(allows_number()).then("count"))
        .drop("rows")
        .collect()
    )
    reference = (
        offences_reference.filter(pl.col("offence_code").is_in(codes.categories.to_list()))
        .unique("offence_code", maintain_order=True)
        .select(
            pl.col("offence_code").cast(codes),
            clean(pl.col("offence_description")).alias("Offence Description"),
            clean(pl.col("offence_group")).alias("Offence Group"),
            clean(pl.col("offence_subgroup")).alias("Offence Subgroup"),
            # A description can have several codes.
            order=pl.struct("offence_description", "offence_code").rank("ordinal"),
        )
    )
    unknown = by_quarter.join(reference, on="offence_code", how="anti")["offence_code"].unique().sort()
    if unknown.len():
        raise ReturnError(
            f"offence code {unknown[0]}",
            "it is in the figures and not in the offence reference.",
            "Add it to the reference with its group and subgroup.",
        )
    rows = (
        by_quarter.join(reference.select("offence_code", "order"), on="offence_code")
        .sort("quarter", key, "order")
        .join(reference.drop("order"), on="offence_code", how="left", maintain_order="left")
        .join(names.with_columns(pl.col(key).cast(places)), on=key, how="left", maintain_order="left")
    )
    rows = rows.select(
        *printed,
        *_OFFENCE[:3],
        pl.col("offence_code").cast(pl.String).alias("Offence Code"),
        financial_year(pl.col("quarter")).alias("Financial Year"),
        pl.struct(number=financial_quarter(pl.col("quarter")).cast(pl.Float64), text=pl.lit("")).alias(
            "Financial Quarter"
        ),
        pl.struct(
            number=pl.when(allows_number()).then(pl.col("count").cast(pl.Float64)),
            text=pl.when(allows_number()).then(pl.lit("")).otherwise(pl.lit(NOT_PROVIDED)),
        ).alias(columns[-1]),
    )
    first, last = quarters[0], quarters[-1]
    title = f"Police recorded crime by {place} and offence, {first.title} to {last.title}"
    return OpenData(name, title, last, rows.select(columns))


def _coded(figures: pl.DataFrame, column: str, kind: pl.Enum) -> pl.Expr:
    """A column of text as `kind`: each different text is looked up once where they are numbered already."""
    now = figures.schema[column]
    if not isinstance(now, pl.Enum):
        return pl.col(column).cast(kind)
    return pl.col(column).replace_strict(
        now.categories, now.categories.cast(kind, strict=False), return_dtype=kind
    )


def open_data_csv(table: OpenData) -> bytes:
    """The table as CSV: the layout of the Home Office, with codes as text and numbers bare."""
    figures = table.rows.with_columns(
        _bare(column) for column, kind in table.rows.schema.items() if kind != pl.String
    )
    return figures.write_csv().encode()


def open_data_workbook(table: OpenData) -> Workbook:
    """The table as a workbook: cover, contents, and a worksheet for each financial year, named `2019_20`."""
    years = table.rows.partition_by("Financial Year", as_dict=True, maintain_order=True)
    sheets = [_year(table, str(year), rows) for (year,), rows in years.items()]
    cover = cover_sheet(table.title, (table.title + ".", *_LINES[1:]))
    listed = [(cover.name, table.title), *((sheet.name, sheet.title) for sheet in sheets)]
    return Workbook(
        table.title, table.title, table.last.plus(1).months[0], (cover, contents_sheet(listed), *sheets)
    )


def open_data_files(table: OpenData, workbooks: bool = True) -> dict[str, bytes]:
    """Every file of a long table, by name; `workbooks` may be left out, as CSV alone is much smaller."""
    stem = f"{table.name}-{table.last}"
    made = {f"{stem}.csv": open_data_csv(table)}
    if workbooks:
        made |= workbook_files(stem, open_data_workbook(table))
    return made


def _year(table: OpenData, year: str, rows: pl.DataFrame) -> Sheet:
    decimals = tuple(None if kind == pl.String else 0 for kind in rows.schema.values())
    widths = tuple(
        column_width(name, rows[name], places) for name, places in zip(rows.columns, decimals, strict=True)
    )
    name = year.replace("/", "_")
    return Sheet(
        name,
        f"{table.title.split(',')[0]}, {year}",
        (*(Line(text) for text in _LINES), back_to_contents()),
        Body(
            f"{table.name.replace('-', '_')}_{name}", tuple(rows.columns), decimals, widths, rows, table.title
        ),
    )


def _bare(column: str) -> pl.Expr:
    number, text = pl.col(column).struct.field("number"), pl.col(column).struct.field("text")
    return pl.when(number.is_null()).then(text).otherwise(written(number, 0)).alias(column)


def whole_quarters(judged: Judged, last: Quarter | None = None) -> list[Quarter]:
    """The quarters, to the `last`, of which every month is judged by offence code, in order."""
    held = set(judged.offences.get_column("month").unique())
    whole = [quarter for quarter in quarters_of(sorted(held)) if held.issuperset(quarter.months)]
    return [quarter for quarter in whole if last is None or quarter <= last]
