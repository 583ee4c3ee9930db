"""A release as worksheets: cover, contents, notes and one table a sheet, the same for every workbook format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from textwrap import wrap
from typing import Final

import polars as pl

from publish.returns.packing import Run
from publish.returns.tables import (
    Release,
    Table,
    clean,
    has_notes_column,
    heading,
    headings,
    introduction,
    printed,
)

COVER: Final = "Cover"
CONTENTS: Final = "Contents"
NOTES: Final = "Notes"

#: Levels of area whose rows stand out.
STRONG_LEVELS: Final = ("country", "region")
#: Widths of columns, in characters.
COVER_WIDTH: Final = 100
LANGUAGE: Final = "en-GB"
FONT: Final = "Arial"
#: Points.
LINE_HEIGHT: Final = 15
#: A few megabytes of text, which stay in the processor's cache on their way into the file.
ROWS_AT_ONCE: Final = 2_000
NARROWEST: Final = 13
WIDEST: Final = 42


@dataclass(frozen=True)
class Line:
    """One cell of text above a table, perhaps a link to another worksheet."""

    text: str
    link: str | None = None


@dataclass(frozen=True)
class KeptRows:
    """Rows of a table as earlier files have them: how many, the widths of their columns, and a run for each form."""

    height: int
    widths: tuple[int, ...]
    runs: Mapping[str, Run]


@dataclass(frozen=True)
class Body:
    """The marked-up table of a worksheet.

    `rows` has one column for each heading: text, or a struct of `number` and `text` for figures, whose
    `decimals` are then given. `strong` says which rows stand out, as totals do. With `links`, each cell of
    the first column links to the worksheet it names. Rows that an earlier file has are not laid out again.
    """

    name: str
    headings: tuple[str, ...]
    decimals: tuple[int | None, ...]
    widths: tuple[int, ...]
    rows: pl.DataFrame | KeptRows
    description: str
    strong: tuple[bool, ...] = ()
    links: bool = False

    @property
    def laid_out(self) -> pl.DataFrame:
        """The rows, which must not be those of an earlier file."""
        assert isinstance(self.rows, pl.DataFrame)
        return self.rows

    def plain(self) -> pl.DataFrame:
        """The rows in columns named by their place: `0` for text, `1 number` and `1 text` for a figure."""
        columns: list[pl.Expr] = []
        for place, (name, decimals) in enumerate(zip(self.laid_out.columns, self.decimals, strict=True)):
            if decimals is None:
                columns.append(pl.col(name).alias(f"{place}"))
            else:
                fields = ("number", "text")
                columns += [pl.col(name).struct.field(field).alias(f"{place} {field}") for field in fields]
        return self.laid_out.select(columns)

    @property
    def lines_of_headings(self) -> int:
        """How many lines of text the header row takes."""
        return max(lines_of_text(name, width) for name, width in zip(self.headings, self.widths, strict=True))

    def tall_rows(self) -> dict[int, int]:
        """Rows of more than one line of text, counted from 1, and how many lines each takes."""
        rows = self.laid_out
        texts = [
            (name, width)
            for name, width, decimals in zip(rows.columns, self.widths, self.decimals, strict=True)
            if decimals is None
        ]
        lines = rows.select(
            pl.max_horizontal(_lines_of(rows.get_column(name), width) for name, width in texts).alias("lines")
        )
        return dict(lines.with_row_index("row", offset=1).filter(pl.col("lines") > 1).iter_rows())


@dataclass(frozen=True)
class Sheet:
    """One worksheet: its title in A1, lines of text below it, and then its table, if it has one."""

    name: str
    title: str
    lines: tuple[Line, ...]
    body: Body | None = None


@dataclass(frozen=True)
class Workbook:
    """Worksheets and what the file says of itself; `dated` is the date written into it."""

    title: str
    subject: str
    dated: date
    sheets: tuple[Sheet, ...]


def workbook(release: Release) -> Workbook:
    """A release as a workbook, its worksheets in reading order: cover, contents, notes, tables."""
    notes = (_notes(release),) if release.note_numbers else ()
    tables = tuple(_table_sheet(release, table) for table in release.tables)
    cover = cover_sheet(release.title, release.cover, has_notes=bool(notes))
    listed = [(COVER, release.title), *((NOTES, "Notes on the tables") for _ in notes)]
    listed += [(table.sheet, table.title) for table in release.tables]
    sheets = (cover, contents_sheet(listed), *notes, *tables)
    return Workbook(release.title, release.subject, release.dated, sheets)


def cover_sheet(title: str, paragraphs: Sequence[str], has_notes: bool = False) -> Sheet:
    """The first worksheet: what the file is and how to read it, with links onwards."""
    links = [Line("Go to the contents", CONTENTS)]
    if has_notes:
        links.append(Line("Go to the notes", NOTES))
    return Sheet(COVER, title, (*(Line(text) for text in paragraphs), *links))


def contents_sheet(listed: Sequence[tuple[str, str]]) -> Sheet:
    """The list of worksheets, each by its name and its title, with links."""
    rows = pl.DataFrame(listed, schema=["worksheet", "title"], orient="row")
    return Sheet(
        CONTENTS,
        "Contents",
        (Line("This worksheet contains one table: the worksheets of this file, with links."),),
        Body(
            "list_of_contents",
            ("Worksheet", "Title"),
            (None, None),
            (16, 100),
            rows,
            "List of worksheets",
            links=True,
        ),
    )


def _notes(release: Release) -> Sheet:
    listed = [(f"note {number}", release.notes[key]) for key, number in release.note_numbers.items()]
    rows = pl.DataFrame(listed, schema=["note", "text"], orient="row").with_columns(clean(pl.all()))
    return Sheet(
        NOTES,
        "Notes",
        (Line("This worksheet contains one table: the notes that the tables refer to."), back_to_contents()),
        Body("list_of_notes", ("Note number", "Note text"), (None, None), (16, 100), rows, "List of notes"),
    )


def _table_sheet(release: Release, table: Table) -> Sheet:
    rows = printed(release, table)
    names = headings(release, table)
    decimals: list[int | None] = [None] * len(table.labels) + [column.decimals for column in table.columns]
    if has_notes_column(table):
        decimals.append(None)
    levels = table.rows.sort("row").get_column("level").to_list() if "level" in table.rows.columns else []
    strong = tuple(level in STRONG_LEVELS for level in levels)
    widths = [
        column_width(name, rows[:, place], number)
        for place, (name, number) in enumerate(zip(names, decimals, strict=True))
    ]
    return Sheet(
        table.sheet,
        heading(release, table),
        (*(Line(text) for text in introduction(release, table)), back_to_contents()),
        Body(table.name, tuple(names), tuple(decimals), tuple(widths), rows, table.title, strong),
    )


def text_once(rows: pl.DataFrame, contents: Sequence[str], cell: pl.Expr) -> pl.Series:
    """The text of `cell` on every row, worked out once for each different content of the columns it is made of.

    A long table has millions of cells, and a few thousand different ones. In a short one it is not worth the search.
    """
    if rows.height <= ROWS_AT_ONCE:
        return rows.select(cell.alias("cell")).to_series()
    different = rows.select(contents).unique()
    if different.height * 2 > rows.height:
        return rows.select(cell.alias("cell")).to_series()
    different = different.with_columns(cell.alias("cell"))
    there = rows.select(contents).join(
        different, on=list(contents), how="left", nulls_equal=True, maintain_order="left"
    )
    return there.get_column("cell")


def back_to_contents() -> Line:
    """The link from a worksheet to the list of worksheets."""
    return Line("Back to the contents", CONTENTS)


def column_width(name: str, values: pl.Series, decimals: int | None) -> int:
    """Wide enough for the longest word of the heading, and for text up to `WIDEST`; longer text wraps."""
    longest_word = max(len(word) for word in name.split())
    if decimals is not None:
        return max(NARROWEST, longest_word + 2)
    longest = values.str.len_chars().max()
    assert isinstance(longest, int)
    return max(NARROWEST, longest_word + 2, min(longest + 2, WIDEST))


def _lines_of(texts: pl.Series, width: int) -> pl.Series:
    """Lines that each text takes: each different long text is wrapped once."""
    long = texts.filter(texts.str.len_chars() >= width).unique().to_list()
    if not long:
        return pl.repeat(1, texts.len(), dtype=pl.Int64, eager=True)
    wrapped = {text: lines_of_text(text, width) for text in long}
    return texts.replace_strict(wrapped, default=1, return_dtype=pl.Int64)


def lines_of_text(text: str, width: int) -> int:
    """Lines that a text takes when it wraps at spaces in a column of so many characters."""
    return len(wrap(text, width)) or 1
