"""Long tables in the layout of the Home Office open data: every place, quarter and offence code, zero or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby
from typing import Final

import polars as pl

from geography.areas import Country
from publish.parts import key_of
from publish.returns import formats, partnerships
from publish.returns.errors import ReturnError
from publish.returns.packing import Packed, Run, plain, starts_of
from publish.returns.tables import clean, written
from publish.returns.taking_over import TakingOver, code
from publish.returns.worksheets import (
    Body,
    KeptRows,
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
_REFERENCE: Final = ("offence_description", "offence_group", "offence_subgroup")
#: The columns of the tables, in order (Home Office open data, March 2013 onwards).
PFA_COLUMNS: Final = (*_PERIOD, "Force Name", *_OFFENCE, "Number of Offences")
CSP_COLUMNS: Final = (*_PERIOD, "Police Force", "CSP Name", *_OFFENCE, "Offence Count")

_LINES: Final = (
    "This worksheet contains one table.",
    f"“{NOT_PROVIDED}” stands where a force has not supplied its figures in full. It is not zero.",
    "A negative number is a net correction of earlier quarters.",
    "Source: crime records and counts supplied by police forces.",
)


#: What `KeptRows` calls the form of file without worksheets.
CSV: Final = "csv"


@dataclass(frozen=True)
class Year:
    """A financial year of a long table: a worksheet of its own, and lines of the CSV file that stand together.

    `key` is one of all that its rows are made of: two of one key have the same rows. `lay_out` makes them.
    """

    title: str
    key: str
    lay_out: Callable[[], pl.DataFrame]


@dataclass(frozen=True)
class OpenData:
    """One long table: its file name without ending, its title, its columns and its years, in the published order.

    The rows of a year have the columns in their order. Those of figures are a struct of `number`, null where the
    status allows none, and `text`, then `NOT_PROVIDED`; the others are text.
    """

    name: str
    title: str
    last: Quarter
    columns: tuple[str, ...]
    figures: tuple[str, ...]
    years: tuple[Year, ...]

    @property
    def rows(self) -> pl.DataFrame:
        """The rows of every year, laid out."""
        return pl.concat([year.lay_out() for year in self.years])


def pfa_open_data(
    judged: Judged, country: Country, offences_reference: pl.DataFrame, last: Quarter | None = None
) -> OpenData:
    """Offences by police force area, financial quarter and offence code: one row for each, none left out.

    Holds every force that supplies offence codes and every quarter, to the `last`, whose three months are judged.
    Raises ReturnError for a code or a force that the reference tables do not hold, and when no quarter is whole.
    """
    names = country.forces.select("force", clean(pl.col("name")).alias("Force Name"))
    unknown = judged.offences.join(names, on="force", how="anti")["force"]
    if unknown.len():
        raise ReturnError(
            f"force {unknown[0]}", "it is in the figures and not in forces.csv.", "Add it to the country."
        )

    def of_quarter(quarter: Quarter) -> pl.DataFrame:
        return judged.offences.filter(pl.col("month").is_in(quarter.months))

    layout = Layout("prc-pfa", "police force area", "force", PFA_COLUMNS, names, of_quarter, of_quarter)
    return _open_data(layout, judged, offences_reference, last)


def csp_open_data(
    judged: Judged,
    country: Country,
    offences_reference: pl.DataFrame,
    last: Quarter | None = None,
    figures: partnerships.Figures | None = None,
) -> OpenData:
    """Offences by Community Safety Partnership, financial quarter and offence code, as `pfa_open_data`.

    Crimes that lie in none stand under “Unassigned” and the force's name. `figures` are those of these judged tables,
    where some of them are made already.
    """
    figures = partnerships.Figures(judged, country) if figures is None else figures
    forces = country.forces.select("force", clean(pl.col("name")).alias("Police Force"))
    names = (
        partnerships.places(country)
        .join(forces, on="force")
        .select("partnership", "force", "Police Force", clean(pl.col("csp_name")).alias("CSP Name"))
        .unique()
    )
    layout = Layout(
        "prc-csp",
        "Community Safety Partnership",
        "partnership",
        CSP_COLUMNS,
        names,
        figures.by_offence,
        figures.made_from,
    )
    return _open_data(layout, judged, offences_reference, last)


@dataclass(frozen=True)
class Layout:
    """How a long table by offence code is laid out.

    `key` is the column of its places. `names` has them with their force and what they are printed as. `figures` gives
    those of a quarter, by place, `month` and `offence_code` with `count` and `status`; `made_from` what they are made
    of, for a key.
    """

    name: str
    place: str
    key: str
    columns: tuple[str, ...]
    names: pl.DataFrame
    figures: Callable[[Quarter], pl.DataFrame]
    made_from: Callable[[Quarter], pl.DataFrame | str]


def _open_data(
    layout: Layout, judged: Judged, offences_reference: pl.DataFrame, last: Quarter | None
) -> OpenData:
    """A long table of which each year is laid out when it is asked for."""
    quarters = whole_quarters(judged, last)
    if not quarters:
        raise ReturnError(
            "judged tables", "no quarter is judged in all its months.", "Load and judge a quarter."
        )
    owed = judged.offences.filter(pl.col("month").is_in(months_of(quarters)))
    reference = offences_reference.select("offence_code", *_REFERENCE).unique(
        "offence_code", maintain_order=True
    )
    unknown = owed.join(reference, on="offence_code", how="anti")["offence_code"].unique().sort()
    if unknown.len():
        raise ReturnError(
            f"offence code {unknown[0]}",
            "it is in the figures and not in the offence reference.",
            "Add it to the reference with its group and subgroup.",
        )
    # A force that is silent for a year has rows in it all the same.
    names = layout.names.join(owed, on="force", how="semi").drop([] if layout.key == "force" else ["force"])
    years = []
    for title, of_year in by_year(quarters):
        codes = owed.filter(pl.col("month").is_in(months_of(of_year))).select("offence_code")
        classes = reference.join(codes, on="offence_code", how="semi", maintain_order="left")
        made_from = [layout.made_from(quarter) for quarter in of_year]
        years.append(
            Year(
                title,
                key_of(code(), layout.name, of_year, names, classes, *made_from),
                partial(_laid_out, layout, of_year, names, classes),
            )
        )
    title = (
        f"Police recorded crime by {layout.place} and offence, {quarters[0].title} to {quarters[-1].title}"
    )
    figures = (_PERIOD[1], layout.columns[-1])
    return OpenData(layout.name, title, quarters[-1], layout.columns, figures, tuple(years))


def _laid_out(
    layout: Layout, quarters: Sequence[Quarter], names: pl.DataFrame, classes: pl.DataFrame
) -> pl.DataFrame:
    """The rows of a year. A place without every month of a quarter is missing from it, not absent."""
    key, *printed = names.columns
    # Millions of rows name a few hundred places and codes: they are compared as numbers, in the order they are printed.
    names = names.with_columns(pl.col(key).cast(pl.String)).sort(printed)
    places = pl.Enum(names.get_column(key))
    codes = pl.Enum(classes.get_column("offence_code").sort())
    figures = pl.concat(
        monthly.select(
            pl.lit(quarter.months[0]).alias("quarter"),
            _coded(monthly, key, places),
            _coded(monthly, "offence_code", codes),
            "count",
            "status",
        )
        for quarter in quarters
        for monthly in [layout.figures(quarter)]
    )
    by = ["quarter", key, "offence_code"]
    every_place = names.select(pl.col(key).cast(places))
    owed = figures.select("quarter", "offence_code").unique().join(every_place, how="cross")
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
    reference = classes.select(
        pl.col("offence_code").cast(codes),
        clean(pl.col("offence_description")).alias("Offence Description"),
        clean(pl.col("offence_group")).alias("Offence Group"),
        clean(pl.col("offence_subgroup")).alias("Offence Subgroup"),
        # A description can have several codes.
        order=pl.struct("offence_description", "offence_code").rank("ordinal"),
    )
    rows = (
        by_quarter.join(reference.select("offence_code", "order"), on="offence_code")
        .sort("quarter", key, "order")
        .join(reference.drop("order"), on="offence_code", how="left", maintain_order="left")
        .join(names.with_columns(pl.col(key).cast(places)), on=key, how="left", maintain_order="left")
    )
    return rows.select(
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
        ).alias(layout.columns[-1]),
    ).select(layout.columns)


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
    return _csv(table, [year.lay_out() for year in table.years]).content


def open_data_workbook(table: OpenData) -> Workbook:
    """The table as a workbook: cover, contents, and a worksheet for each financial year, named `2019_20`."""
    rows = [year.lay_out() for year in table.years]
    return _workbook(table, rows, [_widths(table, each) for each in rows])


def open_data_files(
    table: OpenData, taking_over: TakingOver | None = None, workbooks: bool = True
) -> dict[str, bytes]:
    """Every file of a long table, by name; `workbooks` may be left out, as CSV alone is much smaller.

    A year that the return before has as it would be made is taken over from it.
    """
    kept = TakingOver() if taking_over is None else taking_over
    forms = (CSV, *formats.FORMS) if workbooks else (CSV,)
    rows = [kept.rows(_table_name(table, year), year.key, forms) or year.lay_out() for year in table.years]
    widths = [_widths(table, each) if workbooks else () for each in rows]
    made = {CSV: _csv(table, rows)}
    if workbooks:
        made |= formats.packed_workbook(_workbook(table, rows, widths))
    files = {form: (f"{table.name}-{table.last}.{form}", packed) for form, packed in made.items()}
    for year, its_rows, its_widths in zip(table.years, rows, widths, strict=True):
        kept.add(_table_name(table, year), year.key, its_rows.height, its_widths, files)
    return {name: packed.content for name, packed in files.values()}


def _table_name(table: OpenData, year: Year) -> str:
    """What spreadsheet programs call the table of a year."""
    return f"{table.name}_{year.title}".replace("-", "_").replace("/", "_")


def _csv(table: OpenData, rows: Sequence[pl.DataFrame | KeptRows]) -> Packed:
    header = plain(pl.DataFrame(schema=table.columns).write_csv().encode())
    runs = [header, *(each.runs[CSV] if isinstance(each, KeptRows) else _lines(table, each) for each in rows)]
    names = [_table_name(table, year) for year in table.years]
    placed = zip(starts_of(runs, 0)[1:], runs[1:], strict=True)
    return Packed(b"".join(run.content for run in runs), dict(zip(names, placed, strict=True)))


def _lines(table: OpenData, rows: pl.DataFrame) -> Run:
    bare = rows.with_columns(_bare(column) for column in table.figures)
    return plain(bare.write_csv(include_header=False).encode())


def _workbook(
    table: OpenData, rows: Sequence[pl.DataFrame | KeptRows], widths: Sequence[tuple[int, ...]]
) -> Workbook:
    sheets = [_sheet(table, *each) for each in zip(table.years, rows, widths, strict=True)]
    cover = cover_sheet(table.title, (table.title + ".", *_LINES[1:]))
    listed = [(cover.name, table.title), *((sheet.name, sheet.title) for sheet in sheets)]
    return Workbook(
        table.title, table.title, table.last.plus(1).months[0], (cover, contents_sheet(listed), *sheets)
    )


def _sheet(table: OpenData, year: Year, rows: pl.DataFrame | KeptRows, widths: tuple[int, ...]) -> Sheet:
    body = Body(_table_name(table, year), table.columns, _decimals(table), widths, rows, table.title)
    return Sheet(
        year.title.replace("/", "_"),
        f"{table.title.split(',')[0]}, {year.title}",
        (*(Line(text) for text in _LINES), back_to_contents()),
        body,
    )


def _decimals(table: OpenData) -> tuple[int | None, ...]:
    return tuple(0 if column in table.figures else None for column in table.columns)


def _widths(table: OpenData, rows: pl.DataFrame | KeptRows) -> tuple[int, ...]:
    if isinstance(rows, KeptRows):
        return rows.widths
    return tuple(
        column_width(name, rows[name], places)
        for name, places in zip(table.columns, _decimals(table), strict=True)
    )


def _bare(column: str) -> pl.Expr:
    number, text = pl.col(column).struct.field("number"), pl.col(column).struct.field("text")
    return pl.when(number.is_null()).then(text).otherwise(written(number, 0)).alias(column)


def whole_quarters(judged: Judged, last: Quarter | None = None) -> list[Quarter]:
    """The quarters, to the `last`, of which every month is judged by offence code, in order."""
    held = set(judged.offences.get_column("month").unique())
    whole = [quarter for quarter in quarters_of(sorted(held)) if held.issuperset(quarter.months)]
    return [quarter for quarter in whole if last is None or quarter <= last]


def months_of(quarters: Sequence[Quarter]) -> list[date]:
    """The months of quarters, in order."""
    return [month for quarter in quarters for month in quarter.months]


def by_year(quarters: Sequence[Quarter]) -> list[tuple[str, list[Quarter]]]:
    """Quarters by their financial year, in order."""
    return [(year, list(each)) for year, each in groupby(quarters, lambda quarter: quarter.financial_year)]
