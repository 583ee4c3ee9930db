"""Reads a finished workbook back and says which items of the accessibility checklist it breaks.

The items are those of the Government Analysis Function, “Releasing statistics in spreadsheets”. Both formats
are read from their own XML into one view, and the checks are made once on that view.
"""

from __future__ import annotations

import gc
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple
from xml.etree import ElementTree as Xml

from publish.returns.tables import LONGEST_SHEET_NAME
from publish.returns.worksheets import CONTENTS, COVER, NOTES
from transforms.contracts.status import SHORTHAND_MEANING

LANGUAGE: Final = "en-GB"

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_DC: Final = "{http://purl.org/dc/elements/1.1/}"
_ODF: Final = "urn:oasis:names:tc:opendocument:xmlns:"
_OFFICE, _TABLE, _TEXT, _STYLE, _FO, _NUMBER = (
    "{" + _ODF + part + "}"
    for part in ("office:1.0", "table:1.0", "text:1.0", "style:1.0", "xsl-fo-compatible:1.0", "datastyle:1.0")
)
_LINK, _PARAGRAPH, _VALUE_TYPE = f"{_TEXT}a", f"{_TEXT}p", f"{_OFFICE}value-type"
_SPANNED, _STYLE_NAME, _FORMULA = (
    f"{_TABLE}{name}" for name in ("number-columns-spanned", "style-name", "formula")
)
_XLINK: Final = "{http://www.w3.org/1999/xlink}"
_NOTE = re.compile(r"\[note (\d+)\]")
_SHORTHAND = re.compile(r"\[[a-z]+\]")


class Cell(NamedTuple):
    """One cell as a reader meets it."""

    text: str
    is_number: bool = False
    style: frozenset[str] = frozenset()
    is_formula: bool = False
    link: str | None = None


#: What a reader meets where there is nothing.
BLANK: Final = Cell("")


@dataclass
class Page:
    """One worksheet: its cells by (row, column) from 0, its marked-up tables and what else is on it."""

    name: str
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    #: name, top, left, bottom, right, whether a header row is marked
    tables: list[tuple[str, int, int, int, int, bool]] = field(default_factory=list)
    widths: set[int] = field(default_factory=set)
    oddities: list[str] = field(default_factory=list)


@dataclass
class Book:
    """A workbook as read back."""

    title: str
    language: str
    pages: list[Page]
    oddities: list[str]


def accessibility_faults(content: bytes) -> list[str]:
    """Every broken item of the checklist in a workbook, as sentences; empty when it passes."""
    with _nothing_collected():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            book = _read_ods(archive) if "mimetype" in archive.namelist() else _read_xlsx(archive)
        found = list(_book_faults(book))
        for page in book.pages:
            found += [f"{page.name}: {fault}" for fault in _page_faults(page, book)]
    return found


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep the interpreter from looking for cycles, which takes as long as all that is read: a workbook has none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _book_faults(book: Book) -> Iterator[str]:
    if not book.title.strip():
        yield "the document has no title"
    if book.language != LANGUAGE:
        yield f"the document's language is “{book.language}”, not {LANGUAGE}"
    yield from book.oddities
    names = [page.name for page in book.pages]
    if names[:2] != [COVER, CONTENTS]:
        yield f"the worksheets begin with {names[:2]}, not with the cover and the contents"
    if len(set(names)) < len(names):
        yield "two worksheets have one name"
    tables = Counter(table[0] for page in book.pages for table in page.tables)
    yield from (f"two tables are named {name}" for name, number in tables.items() if number > 1)
    contents = next((page for page in book.pages if page.name == CONTENTS), Page(CONTENTS))
    linked = {cell.link for cell in contents.cells.values() if cell.link}
    yield from (
        f"the contents have no link to {name}" for name in names if name != CONTENTS and name not in linked
    )
    referred = {
        int(n) for page in book.pages for cell in page.cells.values() for n in _NOTE.findall(cell.text)
    }
    notes = next((page for page in book.pages if page.name == NOTES), Page(NOTES))
    written = {
        int(c.text.removeprefix("note ")) for c in notes.cells.values() if re.fullmatch(r"note \d+", c.text)
    }
    yield from (
        f"note {number} is referred to and not on the notes worksheet"
        for number in sorted(referred - written)
    )
    yield from (
        f"note {number} is on the notes worksheet and nothing refers to it"
        for number in sorted(written - referred)
    )


def _page_faults(page: Page, book: Book) -> Iterator[str]:
    yield from page.oddities
    if not 0 < len(page.name) <= LONGEST_SHEET_NAME:
        yield "the worksheet's name is longer than programs accept"
    if not page.cells:
        yield "the worksheet is blank"
        return
    title = page.cells.get((0, 0), BLANK)
    if not title.text:
        yield "there is no title in A1"
    if "heading 1" not in title.style:
        yield "the title is not tagged as a heading"
    names = {other.name for other in book.pages}
    for cell in page.cells.values():
        if cell.is_formula:
            yield f"“{cell.text}” is a formula"
        if cell.link is not None and cell.link not in names:
            yield f"a link leads to “{cell.link}”, which is no worksheet"
        if cell.link is not None and re.match(r"(https?:|#|click here)", cell.text):
            yield f"the link “{cell.text}” does not say where it leads"
        if "fill" in cell.style:
            yield f"“{cell.text}” is filled with colour"
    first = 0 if page.name == COVER else page.tables[0][1] if page.tables else 0
    above = [row for row in range(first) if (row, 0) not in page.cells]
    if above:
        yield f"row {above[0] + 1} above the table is blank in column A"
    if page.name == COVER:
        if page.tables:
            yield "the cover holds a table"
        if any("wrap" not in cell.style for (row, _), cell in page.cells.items() if row and not cell.link):
            yield "text on the cover is not wrapped"
    elif len(page.tables) != 1:
        yield f"{len(page.tables)} tables are marked up, not one"
    else:
        yield from _table_faults(page)


def _table_faults(page: Page) -> Iterator[str]:
    name, top, left, bottom, right, has_header = page.tables[0]
    if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name):
        yield f"the table's name “{name}” means nothing to a reader, or is taken for a cell"
    if not has_header:
        yield "the table's header row is not marked"
    if left:
        yield "the table does not begin in column A"
    if max(row for row, _ in page.cells) != bottom or max(column for _, column in page.cells) != right:
        yield "there is something below or beside the table, or its last rows are not part of it"
    above = [cell.text for (row, _), cell in page.cells.items() if row < top]
    if not any("contains one table" in text for text in above):
        yield "nothing above the table says that there is one"
    header = [page.cells.get((top, column), BLANK) for column in range(left, right + 1)]
    texts = {left + place: cell.text.strip() for place, cell in enumerate(header)}
    if not all(texts.values()) or len(set(texts.values())) < len(texts):
        yield "a heading is empty or occurs twice"
    if any("wrap" not in cell.style for cell in header):
        yield "a heading is not wrapped"
    yield from (
        f"column {column + 1} has no width" for column in range(right + 1) if column not in page.widths
    )

    def is_explained(text: str) -> bool:
        return bool(_SHORTHAND.fullmatch(text)) or any(f"“{text}” stands" in line for line in above)

    explains_blanks = any("blank" in text for text in above)
    used: set[str] = set()
    for column in range(left, right + 1):
        body = [page.cells.get((row, column), BLANK) for row in range(top + 1, bottom + 1)]
        numbers = any(cell.is_number for cell in body)
        used |= {cell.text for cell in body if _SHORTHAND.fullmatch(cell.text)}
        used |= {mark for cell in body if texts[column] == "Notes" for mark in _SHORTHAND.findall(cell.text)}
        if any(not cell.text for cell in body) and not (texts[column] == "Notes" and explains_blanks):
            yield f"a cell of “{texts[column]}” is empty without an explanation"
        if not any(cell.text for cell in body) and texts[column] != "Notes":
            yield f"the column “{texts[column]}” is blank"
        for cell in body:
            if numbers and not cell.is_number and cell.text and not is_explained(cell.text):
                yield f"“{cell.text}” stands among the numbers of “{texts[column]}”"
            if cell.is_number and "thousands" not in cell.style:
                yield f"the number {cell.text} in “{texts[column]}” has no number format"
    for row in range(top + 1, bottom + 1):
        if not any(page.cells.get((row, column), BLANK).text for column in range(left, right + 1)):
            yield f"row {row + 1} of the table is blank"
    legend = " ".join(above)
    for mark in sorted(used | set(_SHORTHAND.findall(page.cells[(0, 0)].text))):
        if mark not in SHORTHAND_MEANING or f"{mark} is " not in legend:
            yield f"the shorthand {mark} is not explained above the table"


def _read_xlsx(archive: zipfile.ZipFile) -> Book:
    core = Xml.fromstring(archive.read("docProps/core.xml"))
    workbook = Xml.fromstring(archive.read("xl/workbook.xml"))
    parts = {
        r.get("Id"): r.get("Target", "") for r in Xml.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    shared = [_all_text(item) for item in _maybe(archive, "xl/sharedStrings.xml")]
    styles = _xlsx_styles(Xml.fromstring(archive.read("xl/styles.xml")))
    oddities = [
        f"the file holds {name}"
        for name in archive.namelist()
        if re.search(r"drawing|media|vba|comment", name)
    ]
    view = workbook.find(f".//{_MAIN}workbookView")
    if view is not None and view.get("activeTab", "0") != "0":
        oddities.append("the file does not open on its first worksheet")
    pages = []
    for sheet in workbook.iter(f"{_MAIN}sheet"):
        page = _xlsx_page(archive, sheet.get("name", ""), parts[sheet.get(f"{_REL}id")], shared, styles)
        if sheet.get("state", "visible") != "visible":
            page.oddities.append("the worksheet is hidden")
        pages.append(page)
    return Book(core.findtext(f"{_DC}title") or "", core.findtext(f"{_DC}language") or "", pages, oddities)


def _xlsx_page(
    archive: zipfile.ZipFile, name: str, target: str, shared: list[str], styles: list[frozenset[str]]
) -> Page:
    sheet = Xml.fromstring(archive.read(f"xl/{target}"))
    page = Page(name)
    rows = sheet.find(f"{_MAIN}sheetData")
    assert rows is not None
    # Almost everything: what else there is is found quickly without it.
    sheet.remove(rows)
    links = {link.get("ref", ""): link.get("location", "") for link in sheet.iter(f"{_MAIN}hyperlink")}
    for element in rows.iter(f"{_MAIN}c"):
        reference = element.get("r", "")
        kind = element.get("t", "n")
        if kind == "inlineStr":
            text = _all_text(element)
        else:
            raw = element.findtext(f"{_MAIN}v") or ""
            text = shared[int(raw)] if kind == "s" else raw
        if text:
            location = links.get(reference)
            page.cells[_place(reference)] = Cell(
                text,
                is_number=kind == "n",
                style=styles[int(element.get("s", "0"))],
                is_formula=element.find(f"{_MAIN}f") is not None,
                link=location.split("!")[0].strip("'") if location else None,
            )
    for column in sheet.iter(f"{_MAIN}col"):
        page.widths |= set(range(int(column.get("min", "1")) - 1, int(column.get("max", "1"))))
    for tag, oddity in (
        ("mergeCell", "cells are merged"),
        ("pane", "panes are frozen"),
        ("autoFilter", "there is a filter"),
        ("drawing", "there is a picture or a box"),
    ):
        if sheet.find(f".//{_MAIN}{tag}") is not None:
            page.oddities.append(oddity)
    if sheet.findall(f".//{_MAIN}headerFooter/*"):
        page.oddities.append("there is a page header or footer")
    if any(each.get("hidden") == "1" for each in (*rows, *sheet.iter(f"{_MAIN}col"))):
        page.oddities.append("rows or columns are hidden")
    selection = sheet.find(f".//{_MAIN}selection")
    if selection is not None and selection.get("activeCell", "A1") != "A1":
        page.oddities.append("the cursor is not in A1")
    folder, file = target.rsplit("/", 1)
    for relation in _maybe(archive, f"xl/{folder}/_rels/{file}.rels"):
        if relation.get("Type", "").endswith("/table"):
            table = Xml.fromstring(archive.read(f"xl/{relation.get('Target', '').removeprefix('../')}"))
            first, last = (_place(corner) for corner in table.get("ref", "").split(":"))
            if table.find(f"{_MAIN}autoFilter") is not None:
                page.oddities.append("there is a filter")
            has_header = table.get("headerRowCount", "1") == "1"
            page.tables.append((table.get("displayName", ""), *first, *last, has_header))
    return page


def _xlsx_styles(styles: Xml.Element) -> list[frozenset[str]]:
    """What each cell format says of itself, of what the checks ask about."""
    formats = {f.get("numFmtId"): f.get("formatCode", "") for f in styles.iter(f"{_MAIN}numFmt")}
    named = {s.get("xfId"): s.get("name", "").lower() for s in styles.iter(f"{_MAIN}cellStyle")}
    fills = [fill.find(f"{_MAIN}patternFill") for fill in styles.findall(f"{_MAIN}fills/{_MAIN}fill")]
    plain = ("none", "gray125")
    found = []
    for form in styles.findall(f"{_MAIN}cellXfs/{_MAIN}xf"):
        says = {named.get(form.get("xfId"), "")}
        alignment = form.find(f"{_MAIN}alignment")
        if alignment is not None and alignment.get("wrapText") == "1":
            says.add("wrap")
        fill = fills[int(form.get("fillId", "0"))]
        if fill is not None and fill.get("patternType") not in plain:
            says.add("fill")
        # 3 is the built-in format #,##0.
        if form.get("numFmtId") == "3" or "#,##0" in formats.get(form.get("numFmtId"), ""):
            says.add("thousands")
        found.append(frozenset(says))
    return found


def _read_ods(archive: zipfile.ZipFile) -> Book:
    meta = Xml.fromstring(archive.read("meta.xml"))
    content = Xml.fromstring(archive.read("content.xml"))
    styles = _ods_styles([content, Xml.fromstring(archive.read("styles.xml"))])
    odd = [
        f"the file holds {name}"
        for name in archive.namelist()
        if re.search(r"Pictures|Object|Basic|Scripts", name)
    ]
    ranges = [
        (
            element.get(f"{_TABLE}target-range-address", ""),
            element.get(f"{_TABLE}name", ""),
            element.get(f"{_TABLE}contains-header", "true") == "true",
            element.get(f"{_TABLE}display-filter-buttons", "false") == "true",
        )
        for element in content.iter(f"{_TABLE}database-range")
    ]
    pages = [_ods_page(table, styles, ranges) for table in content.iter(f"{_TABLE}table")]
    settings = archive.read("settings.xml").decode()
    active = re.search(r'name="ActiveTable"[^>]*>([^<]*)<', settings)
    if active is None or active[1] != pages[0].name:
        odd.append("the file does not open on its first worksheet")
    if any(place != "0" for place in re.findall(r'name="CursorPosition[XY]"[^>]*>([^<]*)<', settings)):
        odd.append("the cursor is not in A1")
    return Book(meta.findtext(f".//{_DC}title") or "", meta.findtext(f".//{_DC}language") or "", pages, odd)


def _ods_page(
    table: Xml.Element, styles: dict[str, frozenset[str]], ranges: list[tuple[str, str, bool, bool]]
) -> Page:
    page = Page(table.get(f"{_TABLE}name", ""))
    columns = list(table.iter(f"{_TABLE}table-column"))
    page.widths = {
        place
        for place, column in enumerate(columns)
        if "width" in styles[column.get(f"{_TABLE}style-name", "")]
    }
    header_rows = {id(row) for header in table.iter(f"{_TABLE}table-header-rows") for row in header}
    headers = set()
    for row, element in enumerate(table.iter(f"{_TABLE}table-row")):
        if id(element) in header_rows:
            headers.add(row)
        for column, cell in enumerate(element):
            text = "".join([_all_text(paragraph) for paragraph in cell.iter(_PARAGRAPH)])
            link = next(cell.iter(_LINK), None)
            if cell.get(_SPANNED, "1") != "1":
                page.oddities.append("cells are merged")
            if text:
                page.cells[(row, column)] = Cell(
                    text,
                    is_number=cell.get(_VALUE_TYPE) == "float",
                    style=styles.get(cell.get(_STYLE_NAME, ""), frozenset()),
                    is_formula=cell.get(_FORMULA) is not None,
                    link=None
                    if link is None
                    else link.get(f"{_XLINK}href", "").removeprefix("#").rsplit(".", 1)[0],
                )
    lines = (each for tag in ("row", "column") for each in table.iter(f"{_TABLE}table-{tag}"))
    if any(each.get(f"{_TABLE}visibility", "visible") != "visible" for each in lines):
        page.oddities.append("rows or columns are hidden")
    if "hidden" in styles.get(table.get(f"{_TABLE}style-name", ""), frozenset()):
        page.oddities.append("the worksheet is hidden")
    for address, name, contains_header, has_filter in ranges:
        first, last = address.split(":")
        if first.rsplit(".", 1)[0].strip("'$") == page.name:
            top, left = _place(first.rsplit(".", 1)[1])
            bottom, right = _place(last.rsplit(".", 1)[1])
            page.tables.append((name, top, left, bottom, right, contains_header and headers == {top}))
            if has_filter:
                page.oddities.append("there is a filter")
    return page


def _ods_styles(parts: list[Xml.Element]) -> dict[str, frozenset[str]]:
    thousands = {
        style.get(f"{_STYLE}name")
        for part in parts
        for style in part.iter(f"{_NUMBER}number-style")
        for number in style
        if number.get(f"{_NUMBER}grouping") == "true"
    }
    found = {"": frozenset[str]()}
    for style in (style for part in parts for style in part.iter(f"{_STYLE}style")):
        name = style.get(f"{_STYLE}name", "")
        says = {(style.get(f"{_STYLE}display-name") or name).lower()}
        if style.get(f"{_STYLE}data-style-name") in thousands:
            says.add("thousands")
        for properties in style:
            if properties.get(f"{_FO}wrap-option") == "wrap":
                says.add("wrap")
            if properties.get(f"{_FO}background-color", "transparent") != "transparent":
                says.add("fill")
            if properties.get(f"{_STYLE}column-width"):
                says.add("width")
            if properties.get(f"{_TABLE}display") == "false":
                says.add("hidden")
        found[name] = frozenset(says)
    return found


def _maybe(archive: zipfile.ZipFile, name: str) -> list[Xml.Element]:
    """The children of a part's root, or nothing where the part is absent."""
    return list(Xml.fromstring(archive.read(name))) if name in archive.namelist() else []


def _all_text(element: Xml.Element) -> str:
    return "".join(element.itertext())


def _place(reference: str) -> tuple[int, int]:
    """Row and column, from 0, of a reference such as `AB12`."""
    reference = reference.replace("$", "")
    letters = reference.rstrip("0123456789")
    return int(reference[len(letters) :]) - 1, _column(letters)


@cache
def _column(letters: str) -> int:
    """A column from 0, of its letters: A, Z, AA."""
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1
