"""Writes an accessible XLSX workbook, the same bytes for the same workbook.

XlsxWriter makes the document: formats, properties, worksheets, links, header rows and the marked-up tables.
Only the rows of the tables are put in as text, column by column, which is many times faster than cell by cell.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from datetime import datetime, time
from typing import Final

import polars as pl
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from publish.returns.errors import ReturnError
from publish.returns.packing import Packed, Run, add_member, deflated
from publish.returns.tables import written
from publish.returns.worksheets import (
    COVER_WIDTH,
    FONT,
    LANGUAGE,
    LINE_HEIGHT,
    ROWS_AT_ONCE,
    Body,
    KeptRows,
    Sheet,
    Workbook,
    lines_of_text,
    text_once,
)

#: Points.
TITLE_HEIGHT: Final = 24
#: Text that holds the place of a body's rows.
MARKER: Final = "rows"
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
#: What `KeptRows` calls this form of file.
FORM: Final = "xlsx"


def write_xlsx(book: Workbook) -> bytes:
    """The workbook as bytes. Raises ReturnError when the library would leave out a mark-up it was asked for."""
    return pack_xlsx(book).content


def pack_xlsx(book: Workbook) -> Packed:
    """The workbook with the place of the rows of each table in it. Raises as `write_xlsx`."""
    shell = io.BytesIO()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with xlsxwriter.Workbook(shell, {"in_memory": True}) as made:
            created = datetime.combine(book.dated, time())
            made.set_properties({"title": book.title, "subject": book.subject, "created": created})
            styles = _Styles(made)
            for sheet in book.sheets:
                _write_sheet(made.add_worksheet(sheet.name), sheet, styles)
    # XlsxWriter only warns when it drops a table or a link; the other workbook is written beside this one.
    said = [each for each in said if "xlsxwriter" in each.filename]
    if said:
        raise ReturnError(
            book.title, f"the workbook would be incomplete: {said[0].message}", "Correct the text named."
        )
    return _finished(shell, book)


class _Styles:
    """The cell formats of a workbook; `strong` is in bold."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        book.formats[0].set_font_name(FONT)
        self._book = book
        self._made: dict[tuple[str, ...], xlsxwriter.format.Format] = {}

    def title(self) -> xlsxwriter.format.Format:
        return self._format(font_size=16, bold=True)

    def line(self) -> xlsxwriter.format.Format:
        return self._format()

    def paragraph(self) -> xlsxwriter.format.Format:
        return self._format(text_wrap=True)

    def link(self) -> xlsxwriter.format.Format:
        return self._format(font_color="#0563C1", underline=1)

    def heading(self, is_number: bool) -> xlsxwriter.format.Format:
        place = {"align": "right"} if is_number else {"align": "left", "indent": 1}
        return self._format(bold=True, text_wrap=True, bottom=1, **place)

    def label(self, strong: bool) -> xlsxwriter.format.Format:
        return self._format(text_wrap=True, align="left", indent=1, bold=strong)

    def shorthand(self, strong: bool) -> xlsxwriter.format.Format:
        return self._format(align="right", bold=strong)

    def number(self, decimals: int, strong: bool) -> xlsxwriter.format.Format:
        return self._format(num_format="#,##0" + ("." + "0" * decimals if decimals else ""), bold=strong)

    def _format(self, **properties: object) -> xlsxwriter.format.Format:
        wanted = {"font_name": FONT, "font_size": 11, "valign": "top", **properties}
        key = tuple(f"{name} {value}" for name, value in sorted(wanted.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(wanted)
        return self._made[key]


def _write_sheet(page: xlsxwriter.worksheet.Worksheet, sheet: Sheet, styles: _Styles) -> None:
    """Title, lines and table, all from column A, without a blank row."""
    page.set_landscape()
    page.set_paper(8)
    page.fit_to_pages(1, 0)
    page.set_row(0, TITLE_HEIGHT)
    page.write_string(0, 0, sheet.title, styles.title())
    for row, line in enumerate(sheet.lines, start=1):
        if line.link:
            page.write_url(row, 0, f"internal:'{line.link}'!A1", styles.link(), string=line.text)
        else:
            page.write_string(row, 0, line.text, styles.line() if sheet.body else styles.paragraph())
            if not sheet.body:
                # Not every program gives a row the height that its wrapped text needs.
                page.set_row(row, lines_of_text(line.text, COVER_WIDTH) * LINE_HEIGHT)
    if sheet.body:
        _write_body(page, sheet.body, len(sheet.lines) + 1, styles)
    else:
        page.set_column(0, 0, COVER_WIDTH)


def _write_body(page: xlsxwriter.worksheet.Worksheet, body: Body, top: int, styles: _Styles) -> None:
    headers = [
        {"header": name, "header_format": styles.heading(decimals is not None)}
        for name, decimals in zip(body.headings, body.decimals, strict=True)
    ]
    page.add_table(
        top,
        0,
        # XlsxWriter goes through every row of a table that it is told of; `_finished` gives it its length.
        top + body.rows.height if body.links else top + 1,
        len(body.headings) - 1,
        {
            "name": body.name,
            "columns": headers,
            "style": None,
            "banded_rows": False,
            "autofilter": False,
            "title": body.name.replace("_", " "),
            "description": body.description,
        },
    )
    for place, width in enumerate(body.widths):
        page.set_column(place, place, width)
    page.set_row(top, body.lines_of_headings * LINE_HEIGHT)
    if body.links:
        for row, lines in body.tall_rows().items():
            page.set_row(top + row, lines * LINE_HEIGHT)
        _write_links(page, body, top + 1, styles)
        return
    # One cell in each format that the body uses; `_finished` reads the numbers of the formats off this row.
    page.write_string(top + 1, 0, MARKER, styles.label(False))
    for place, style in enumerate(_body_formats(body, styles), start=1):
        page.write_blank(top + 1, place, None, style)


def _write_links(page: xlsxwriter.worksheet.Worksheet, body: Body, top: int, styles: _Styles) -> None:
    for row, (name, *texts) in enumerate(body.laid_out.iter_rows(), start=top):
        page.write_url(row, 0, f"internal:'{name}'!A1", styles.link(), string=name)
        for place, text in enumerate(texts, start=1):
            page.write_string(row, place, text, styles.label(False))


def _body_formats(body: Body, styles: _Styles) -> list[xlsxwriter.format.Format]:
    """Formats of labels, shorthand and each number of decimals, plain and then strong."""
    formats = []
    for strong in (False, True):
        formats += [styles.label(strong), styles.shorthand(strong)]
        formats += [styles.number(decimals, strong) for decimals in _decimals_of(body)]
    return formats


def _decimals_of(body: Body) -> list[int]:
    return sorted({decimals for decimals in body.decimals if decimals is not None})


def _finished(shell: io.BytesIO, book: Workbook) -> Packed:
    """The workbook with the bodies in their places and what the library has no way to say.

    That is the language, and that titles are headings.
    """
    target = io.BytesIO()
    marked = [(sheet.body, len(sheet.lines) + 2) for sheet in book.sheets if sheet.body]
    tables = {f"xl/tables/table{number}.xml": table for number, table in enumerate(marked, start=1)}
    bodies = {f"xl/worksheets/sheet{number}.xml": sheet for number, sheet in enumerate(book.sheets, start=1)}
    runs: dict[str, tuple[int, Run]] = {}
    with zipfile.ZipFile(shell) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "docProps/core.xml":
                content = _replaced(
                    content, "<dc:creator>", f"<dc:language>{LANGUAGE}</dc:language><dc:creator>"
                )
            elif name == "xl/styles.xml":
                content = _with_heading_style(content)
            elif name in tables:
                content = _with_range(content, *tables[name])
            sheet = bodies.get(name)
            if sheet is None or sheet.body is None or sheet.body.links:
                add_member(after, name, [deflated([content])])
            else:
                start, rows, end = _with_body(content, sheet.body, top=len(sheet.lines) + 3)
                places = add_member(after, name, [start, rows, end])
                runs[sheet.body.name] = (places[1], rows)
    return Packed(target.getvalue(), runs)


def _with_range(content: bytes, body: Body, top: int) -> bytes:
    """The mark-up of a table over all rows of its body; `top` is its header row, counted from 1."""
    reach = f'ref="A{top}:{xl_col_to_name(len(body.headings) - 1)}{top + body.rows.height}"'
    return re.sub(rb'ref="[^"]*"', reach.encode(), content, count=1)


def _with_body(content: bytes, body: Body, top: int) -> tuple[Run, Run, Run]:
    """A worksheet with the rows of its body, from row `top` counted from 1, in place of the marked row."""
    marked = re.search(rb'<row r="%d"[^>]*>(.*?)</row>' % top, content)
    if marked is None:
        raise AssertionError("the library no longer writes the marked row")
    _, *numbers = re.findall(rb' s="(\d+)"', marked[1])
    last = f"{xl_col_to_name(len(body.headings) - 1)}{top + body.rows.height - 1}"
    start = re.sub(
        rb'<dimension ref="[^"]*"/>', f'<dimension ref="A1:{last}"/>'.encode(), content[: marked.start()]
    )
    if isinstance(body.rows, KeptRows):
        rows = body.rows.runs[FORM]
    else:
        cells = _cells(body, top, [number.decode() for number in numbers])
        rows = deflated(_rows(some) for some in cells.iter_slices(ROWS_AT_ONCE))
    return deflated([start]), rows, deflated([content[marked.end() :]])


def _cells(body: Body, top: int, formats: list[str]) -> pl.DataFrame:
    """Each row's number and beginning, and every cell of a body as SpreadsheetML text that follows that number."""
    half = len(formats) // 2
    decimals_of = _decimals_of(body)
    rows = body.plain().with_columns(pl.Series("strong", body.strong or (False,) * body.rows.height))

    def style(place: int) -> pl.Expr:
        number = pl.when("strong").then(pl.lit(formats[half + place])).otherwise(pl.lit(formats[place]))
        return pl.format('" s="{}"', number)

    cells = [*_row_starts(body, top)]
    for place, decimals in enumerate(body.decimals):
        if decimals is None:
            contents = [f"{place}"]
            cell = _text_cell(style(0), pl.col(f"{place}"))
        else:
            contents = [f"{place} number", f"{place} text"]
            number, text = (pl.col(name) for name in contents)
            figure = pl.format(
                "{}><v>{}</v></c>", style(2 + decimals_of.index(decimals)), written(number, decimals)
            )
            cell = pl.when(number.is_null()).then(_text_cell(style(1), text)).otherwise(figure)
        cells.append(text_once(rows, [*contents, "strong"], cell).alias(f"{place}"))
    return pl.DataFrame(cells)


def _row_starts(body: Body, top: int) -> list[pl.Series]:
    """The number of each row as text, and its beginning, with its height where it is not one line."""
    tall = {row + top - 1: lines for row, lines in body.tall_rows().items()}
    heights = pl.DataFrame(
        {"row": list(tall), "lines": list(tall.values())}, schema={"row": pl.UInt32, "lines": pl.Int64}
    )
    height = pl.format(' ht="{}" customHeight="1"', pl.col("lines") * LINE_HEIGHT).fill_null("")
    return (
        pl.select(row=pl.int_range(top, top + body.rows.height, dtype=pl.UInt32))
        .join(heights, on="row", how="left", maintain_order="left")
        .select(pl.col("row").cast(pl.String), start=pl.format('<row r="{}"{}>', "row", height))
        .get_columns()
    )


def _rows(cells: pl.DataFrame) -> bytes:
    """Rows of a body as SpreadsheetML text."""
    pieces: list[pl.Expr] = [pl.col("start")]
    for place, name in enumerate(cells.columns[2:]):
        pieces += [pl.lit(f'<c r="{xl_col_to_name(place)}'), pl.col("row"), pl.col(name)]
    text: str = cells.select(pl.concat_str(*pieces, pl.lit("</row>")).str.join("")).item()
    return text.encode()


def _text_cell(start: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Text is always written as text: `=` begins no formula and `http` no link."""
    safe = text.str.replace_many(_ESCAPES)
    inline = pl.format('{} t="inlineStr"><is><t xml:space="preserve">{}</t></is></c>', start, safe)
    return pl.when(text == "").then(start + "/>").otherwise(inline)


def _with_heading_style(content: bytes) -> bytes:
    """Tie the format of titles to the built-in cell style “Heading 1”, by which screen readers find them."""
    styles = content.decode()
    fonts = re.findall(r"<font>.*?</font>", styles)
    font = next(place for place, text in enumerate(fonts) if '<sz val="16"/>' in text)
    parents = len(re.findall(r"<xf ", styles.split("<cellStyleXfs")[1].split("</cellStyleXfs>")[0]))
    named = len(re.findall(r"<cellStyle ", styles))
    for old, new in (
        (f'<cellStyleXfs count="{parents}">', f'<cellStyleXfs count="{parents + 1}">'),
        ("</cellStyleXfs>", f'<xf numFmtId="0" fontId="{font}" fillId="0" borderId="0"/></cellStyleXfs>'),
        (f'<cellStyles count="{named}">', f'<cellStyles count="{named + 1}">'),
        ("</cellStyles>", f'<cellStyle name="Heading 1" xfId="{parents}" builtinId="16"/></cellStyles>'),
    ):
        styles = _replaced(styles.encode(), old, new).decode()
    used = re.search(rf'<xf numFmtId="0" fontId="{font}" fillId="0" borderId="0" xfId="0"', styles)
    if used is None:
        raise AssertionError("the library no longer writes the title's format as expected")
    return (styles[: used.end() - 2] + f'{parents}"' + styles[used.end() :]).encode()


def _replaced(content: bytes, old: str, new: str) -> bytes:
    """`old`, which must be there exactly once, replaced."""
    if content.count(old.encode()) != 1:
        raise AssertionError(f"the library no longer writes {old!r} once")
    return content.replace(old.encode(), new.encode())
