"""Writes a release as an accessible XLSX workbook, the same bytes for the same release."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from datetime import datetime, time
from typing import Final

import xlsxwriter

from publish.returns.errors import ReturnError
from publish.returns.tables import Release
from publish.returns.worksheets import COVER_WIDTH, Body, Sheet, worksheets

LANGUAGE: Final = "en-GB"
FONT: Final = "Arial"
#: Points.
LINE_HEIGHT: Final = 15
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def write_xlsx(release: Release) -> bytes:
    """The workbook as bytes. Raises ReturnError when the library would leave out a mark-up it was asked for."""
    target = io.BytesIO()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
            book.set_properties(
                {
                    "title": release.title,
                    "subject": release.subject,
                    "created": datetime.combine(release.dated, time()),
                }
            )
            styles = _Styles(book)
            for sheet in worksheets(release):
                _write_sheet(book.add_worksheet(sheet.name), sheet, styles)
    if said:
        # XlsxWriter only warns when it drops a table or a link.
        raise ReturnError(
            release.name, f"the workbook would be incomplete: {said[0].message}", "Correct the text named."
        )
    return _finished(target)


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
        place = {"align": "right"} if is_number else {"indent": 1}
        return self._format(bold=True, text_wrap=True, bottom=1, **place)

    def label(self, strong: bool) -> xlsxwriter.format.Format:
        return self._format(text_wrap=True, indent=1, bold=strong)

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
    page.write_string(0, 0, sheet.title, styles.title())
    for row, line in enumerate(sheet.lines, start=1):
        if line.link:
            page.write_url(row, 0, f"internal:'{line.link}'!A1", styles.link(), string=line.text)
        else:
            page.write_string(row, 0, line.text, styles.line() if sheet.body else styles.paragraph())
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
        top + body.rows.height,
        body.rows.width - 1,
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
    for row, lines in enumerate(body.lines(), start=top):
        if lines > 1:
            page.set_row(row, lines * LINE_HEIGHT)
    strong = body.strong or (False,) * body.rows.height
    for place, (decimals, width) in enumerate(zip(body.decimals, body.widths, strict=True)):
        page.set_column(place, place, width)
        values = zip(range(top + 1, top + 1 + body.rows.height), body.rows[:, place], strong, strict=True)
        if body.links and place == 0:
            for row, text, _ in values:
                page.write_url(row, place, f"internal:'{text}'!A1", styles.link(), string=text)
        elif decimals is None:
            # Text is always written as text: `=` begins no formula and `http` no link.
            for row, text, bold in values:
                page.write_string(row, place, text, styles.label(bold))
        else:
            for row, figure, bold in values:
                if figure["number"] is None:
                    page.write_string(row, place, figure["text"], styles.shorthand(bold))
                else:
                    page.write_number(row, place, figure["number"], styles.number(decimals, bold))


def _finished(made: io.BytesIO) -> bytes:
    """The same archive with what the library has no way to say: the language, and titles tagged as headings."""
    target = io.BytesIO()
    with zipfile.ZipFile(made) as before, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "docProps/core.xml":
                content = _replaced(
                    content, "<dc:creator>", f"<dc:language>{LANGUAGE}</dc:language><dc:creator>"
                )
            elif name == "xl/styles.xml":
                content = _with_heading_style(content)
            after.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


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
