"""One model of a published table, from which every format is written: workbook, CSV, metadata and page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import polars as pl
import polars.selectors as cs

from publish.returns.errors import ReturnError
from transforms.contracts.status import SHORTHAND, SHORTHAND_MEANING, STATUS, Status, allows_number

#: Longest name of a worksheet that every spreadsheet program accepts.
LONGEST_SHEET_NAME: Final = 31
#: Longest text that a cell of an XLSX file holds.
LONGEST_TEXT: Final = 32_767
#: What spreadsheet programs take for the name of a table; others lose the mark-up without a word.
_TABLE_NAME = re.compile(r"^[a-z]+(_[a-z0-9]+)+$")


@dataclass(frozen=True)
class Column:
    """One column: its name in data files, its heading, what it means, its unit and its decimals.

    A column without a unit is a label and holds text; a column with one holds figures.
    """

    key: str
    heading: str
    meaning: str
    unit: str | None = None
    decimals: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table of a release: its words, its columns and its rows.

    `rows` has one row for each printed row, in order: `row` (its number from 0), the label columns as text,
    and `notes`, the keys of the notes that apply to it. `figures` has one row for each printed cell: `row`,
    `column` (key), `value` (null unless the status allows a number), `status` and `marks`, such as `[p]`.
    """

    name: str
    sheet: str
    title: str
    period: str
    measure: str
    statements: tuple[str, ...]
    labels: tuple[Column, ...]
    columns: tuple[Column, ...]
    rows: pl.DataFrame
    figures: pl.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def shorthand(self) -> list[str]:
        """The shorthand that the table uses, in alphabetical order."""
        used = self.figures.select(pl.col("status").cast(pl.String).unique()).to_series().to_list()
        marks = self.figures.select(pl.col("marks").unique()).to_series().to_list()
        found = {SHORTHAND[Status(status)] for status in used if Status(status) in SHORTHAND}
        labels = {text for column in self.labels for text in self.rows.get_column(column.key).unique()}
        in_text = (re.findall(r"\[[a-z]+\]", text) for text in (*marks, self.title))
        return sorted(found.union(labels & set(SHORTHAND_MEANING), *in_text))

    @property
    def note_keys(self) -> list[str]:
        """The keys of the notes that the table refers to, in the order a reader meets them."""
        keys = [*self.notes, *(key for column in (*self.labels, *self.columns) for key in column.notes)]
        keys += [key for row in self.rows.get_column("notes").to_list() for key in row]
        return list(dict.fromkeys(keys))


@dataclass(frozen=True)
class Release:
    """A set of tables that is published as one workbook, with the words around them.

    `name` is the file name without its ending; `dated` is the date written into the files. `cover` are
    paragraphs; `notes` maps the key of a note to its text. Raises ReturnError when anything would come out broken.
    """

    name: str
    title: str
    subject: str
    dated: date
    cover: tuple[str, ...]
    tables: tuple[Table, ...]
    notes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in self.tables:
            _check_table(table)
        for kind, names in (
            ("worksheets", [table.sheet for table in self.tables]),
            ("tables", [table.name for table in self.tables]),
        ):
            if len(set(names)) < len(names):
                raise ReturnError(self.name, f"two {kind} have one name among {names}.", "Give each its own.")
        for key in self.note_numbers:
            if not self.notes.get(key, "").strip():
                raise ReturnError(
                    f"{self.name}, note “{key}”",
                    "the note has no text.",
                    "Write the note, or drop the reference.",
                )

    @property
    def note_numbers(self) -> dict[str, int]:
        """The number of each note that is referred to, in the order a reader meets them."""
        keys = dict.fromkeys(key for table in self.tables for key in table.note_keys)
        return {key: number for number, key in enumerate(keys, start=1)}

    def note_marks(self, keys: tuple[str, ...] | list[str]) -> str:
        """References to notes as printed: `[note 1][note 4]`."""
        return "".join(f"[note {number}]" for number in sorted(self.note_numbers[key] for key in keys))


def heading(release: Release, table: Table) -> str:
    """The title of a table as printed, with references to the notes on the whole of it."""
    return f"{table.title} {release.note_marks(table.notes)}".strip()


def headings(release: Release, table: Table) -> list[str]:
    """The header row of a table as printed, with note references; the Notes column last when there is one."""
    named = [
        f"{column.heading} {release.note_marks(column.notes)}".strip()
        for column in (*table.labels, *table.columns)
    ]
    return [*named, "Notes"] if has_notes_column(table) else named


def has_notes_column(table: Table) -> bool:
    """Whether a row of the table has something to say beside its figures."""
    return bool(
        table.rows.select((pl.col("notes").list.len() > 0).any()).item()
        or table.figures.select((pl.col("marks") != "").any()).item()
    )


def printed(release: Release, table: Table) -> pl.DataFrame:
    """The body of a table as printed, one column for each heading, in row order.

    A label column and the Notes column are text. A figure column is a struct of `number`, null unless the
    status allows one, and `text`, the shorthand printed in its place.
    """
    cells = table.figures.with_columns(
        cell=pl.struct(
            number=pl.when(allows_number()).then("value"),
            text=pl.when(~allows_number()).then(shorthand_of(pl.col("status"))),
        )
    ).pivot(on="column", index="row", values="cell")
    body = table.rows.join(cells, on="row", how="left", maintain_order="left").sort("row")
    columns = [pl.col(column.key) for column in (*table.labels, *table.columns)]
    if has_notes_column(table):
        body = body.join(_row_marks(table), on="row", how="left").sort("row")
        numbers = {key: f"[note {number:04d}]" for key, number in release.note_numbers.items()}
        references = pl.col("notes").list.eval(pl.element().replace_strict(numbers, return_dtype=pl.String))
        references = (
            references.list.unique().list.sort().list.join("").str.replace_all(r"\[note 0+", "[note ")
        )
        columns.append((pl.col("marks").fill_null("") + " " + references).str.strip_chars().alias("Notes"))
    return body.select(columns).with_columns(clean(cs.string()))


def clean(text: pl.Expr) -> pl.Expr:
    """Text that every format keeps alike: no control characters, and no runs of white space."""
    return text.str.replace_all(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff\s]+", " ").str.strip_chars()


def written(number: pl.Expr, decimals: int, thousands: str = "") -> pl.Expr:
    """A number as text with so many decimals: `-1234.5`, or `-1,234.5` with a separator of thousands."""
    scale = 10**decimals
    units = (number * scale).round(mode="half_away_from_zero").cast(pl.Int64)
    text = (units.abs() // scale).cast(pl.String)
    if thousands:
        # From the end, a separator goes after every third digit that another follows.
        grouped = text.str.reverse().str.replace_all(r"(\d{3})", f"${{1}}{thousands}")
        text = grouped.str.strip_chars_end(thousands).str.reverse()
    if decimals:
        text = text + "." + (units.abs() % scale).cast(pl.String).str.zfill(decimals)
    return pl.when(units < 0).then("-" + text).otherwise(text)


def shorthand_of(status: pl.Expr) -> pl.Expr:
    """The shorthand printed where a status allows no number; empty where it allows one."""
    meaning = {status.value: SHORTHAND.get(status, "") for status in Status}
    return status.cast(pl.String).replace_strict(meaning, return_dtype=pl.String)


def legend(table: Table) -> str:
    """The line above a table that explains the shorthand in it; empty when it uses none."""
    if not table.shorthand:
        return ""
    return "Shorthand: " + "; ".join(f"{mark} is {SHORTHAND_MEANING[mark]}" for mark in table.shorthand) + "."


def introduction(release: Release, table: Table) -> list[str]:
    """The lines between the title and the table, each for one cell of column A."""
    notes = " Notes are in the Notes worksheet." if table.note_keys else ""
    lines = [f"This worksheet contains one table.{notes}", legend(table), *table.statements]
    if has_notes_column(table):
        lines.append("A cell in the Notes column is blank where no note applies to the row.")
    return [line for line in lines if line]


def _row_marks(table: Table) -> pl.DataFrame:
    """The marks of each row: bare when they hold for every figure of it, else with the columns they hold for."""
    heading = {column.key: column.heading for column in table.columns}
    order = {column.key: place for place, column in enumerate(table.columns)}
    numbers = table.figures.filter(allows_number()).group_by("row").agg(pl.len().alias("numbers"))
    marked = (
        table.figures.filter(pl.col("marks") != "")
        .with_columns(mark=pl.col("marks").str.extract_all(r"\[[a-z]+\]"))
        .explode("mark")
        .sort("row", pl.col("column").replace_strict(order))
        .group_by("row", "mark", maintain_order=True)
        .agg(pl.len().alias("cells"), pl.col("column").replace(heading).alias("columns"))
        .join(numbers, on="row", how="left")
        .with_columns(
            pl.when(pl.col("cells") == pl.col("numbers"))
            .then("mark")
            .otherwise(pl.format("{} ({})", "mark", pl.col("columns").list.join(", ")))
            .alias("marks")
        )
    )
    return marked.sort("row", "mark").group_by("row").agg(pl.col("marks").str.join(" "))


def _check_table(table: Table) -> None:
    if not _TABLE_NAME.match(table.name) or len(table.name) > 250:
        raise ReturnError(
            f"table “{table.name}”", "spreadsheet programs drop a table so named.", "Use words_and_lines."
        )
    if not 0 < len(table.sheet) <= LONGEST_SHEET_NAME or re.search(r"[\[\]:*?/\\']", table.sheet):
        raise ReturnError(
            f"worksheet “{table.sheet}”", "no spreadsheet program takes this name.", "Shorten it."
        )
    if table.rows.is_empty():
        raise ReturnError(table.sheet, "the table has no rows.", "Leave the table out, or supply its data.")
    headings = [column.heading for column in (*table.labels, *table.columns)]
    if len(set(headings)) < len(headings) or not all(heading.strip() for heading in headings):
        raise ReturnError(
            table.sheet, f"a heading is empty or occurs twice: {headings}.", "Name each column once."
        )
    expected = table.rows.height * len(table.columns)
    unique = table.figures.select(pl.struct("row", "column").n_unique()).item()
    if not table.figures.height == unique == expected:
        raise ReturnError(
            table.sheet,
            f"{expected} cells are wanted and {unique} different ones of {table.figures.height} are there.",
            "Every row needs one figure, with a status, for every column.",
        )
    _check_cells(table)


def _check_cells(table: Table) -> None:
    if table.figures.schema["status"] != STATUS or table.figures["status"].null_count():
        raise ReturnError(
            table.sheet, "a figure has no status.", "Judge the figures before they are published."
        )
    loose = table.figures.filter(pl.col("value").is_not_null() != allows_number())
    if loose.height:
        row, column, value, status = loose.select("row", "column", "value", "status").row(0)
        label = table.rows.filter(pl.col("row") == row).select(column.key for column in table.labels).row(0)
        raise ReturnError(
            f"{table.sheet}, row {label}, column {column}",
            f"the value is {value} but its status is {status}.",
            "A number is printed exactly when its status allows one: judge the figure again.",
        )
    for column in table.labels:
        text = pl.col(column.key)
        bad = table.rows.filter(
            text.is_null() | (text.str.strip_chars() == "") | (text.str.len_chars() > LONGEST_TEXT)
        )
        if bad.height:
            raise ReturnError(
                f"{table.sheet}, row {bad['row'][0] + 1}, column {column.heading}",
                f"the label is {'empty' if not bad[column.key][0] else 'longer than a cell can hold'}.",
                "Correct it in the country folder.",
            )
