"""A release as worksheets: cover, contents, notes and one table a sheet, the same for every workbook format."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import Final

import polars as pl

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
NARROWEST: Final = 13
WIDEST: Final = 42


@dataclass(frozen=True)
class Line:
    """One cell of text above a table, perhaps a link to another worksheet."""

    text: str
    link: str | None = None


@dataclass(frozen=True)
class Body:
    """The marked-up table of a worksheet.

    `rows` has one column for each heading: text, or a struct of `number` and `text` for figures, whose
    `decimals` are then given. `strong` says which rows stand out, as totals do. With `links`, each cell of
    the first column links to the worksheet it names.
    """

    name: str
    headings: tuple[str, ...]
    decimals: tuple[int | None, ...]
    widths: tuple[int, ...]
    rows: pl.DataFrame
    description: str
    strong: tuple[bool, ...] = ()
    links: bool = False

    def lines(self) -> list[int]:
        """How many lines of text the tallest cell of each row takes, the header row first."""
        texts = [place for place, decimals in enumerate(self.decimals) if decimals is None]
        body = [
            max(_lines(row[place], self.widths[at]) for place, at in enumerate(texts))
            for row in self.rows.select(pl.nth(texts)).iter_rows()
        ]
        header = max(_lines(name, width) for name, width in zip(self.headings, self.widths, strict=True))
        return [header, *body]


@dataclass(frozen=True)
class Sheet:
    """One worksheet: its title in A1, lines of text below it, and then its table, if it has one."""

    name: str
    title: str
    lines: tuple[Line, ...]
    body: Body | None = None


def worksheets(release: Release) -> list[Sheet]:
    """The worksheets of a release in reading order: cover, contents, notes, tables."""
    has_notes = bool(release.note_numbers)
    sheets = [_cover(release, has_notes), _contents(release, has_notes)]
    if has_notes:
        sheets.append(_notes(release))
    return [*sheets, *(_table_sheet(release, table) for table in release.tables)]


def _cover(release: Release, has_notes: bool) -> Sheet:
    links = [Line("Go to the contents", CONTENTS)]
    if has_notes:
        links.append(Line("Go to the notes", NOTES))
    return Sheet(COVER, release.title, (*(Line(text) for text in release.cover), *links))


def _contents(release: Release, has_notes: bool) -> Sheet:
    listed = [(COVER, release.title)]
    if has_notes:
        listed.append((NOTES, "Notes on the tables"))
    listed += [(table.sheet, table.title) for table in release.tables]
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
        (Line("This worksheet contains one table: the notes that the tables refer to."), _back()),
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
        _width(name, rows[:, place], number)
        for place, (name, number) in enumerate(zip(names, decimals, strict=True))
    ]
    return Sheet(
        table.sheet,
        heading(release, table),
        (*(Line(text) for text in introduction(release, table)), _back()),
        Body(table.name, tuple(names), tuple(decimals), tuple(widths), rows, table.title, strong),
    )


def _back() -> Line:
    return Line("Back to the contents", CONTENTS)


def _width(name: str, values: pl.Series, decimals: int | None) -> int:
    """Wide enough for the longest word of the heading, and for text up to `WIDEST`; longer text wraps."""
    longest_word = max(len(word) for word in name.split())
    if decimals is not None:
        return max(NARROWEST, longest_word + 2)
    longest = max(len(text) for text in values)
    return max(NARROWEST, longest_word + 2, min(longest + 2, WIDEST))


def _lines(text: str, width: int) -> int:
    """Lines that a text takes when it wraps at spaces in a column of so many characters."""
    return len(wrap(text, width - 1)) or 1
