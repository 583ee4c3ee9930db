"""Writes an accessible ODS workbook, the same bytes for the same workbook.

odfdo makes the document: styles, language, properties, worksheets, links, header rows and the marked-up
ranges. Only the figures' rows are put in as text, column by column: as odfdo objects 25,000 rows of 8 cells
take 24 seconds, and this way a fraction of one.
"""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, time
from typing import Final

import polars as pl
from odfdo import Cell, Column, Document, Element, HeaderRows, Link, Paragraph, Row, Style, Table

from publish.returns.packing import Packed, Run, add_member, deflated
from publish.returns.tables import written
from publish.returns.worksheets import (
    COVER_WIDTH,
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

#: Width of a digit of the font at its size.
_CHARACTER_CM: Final = 0.2
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
#: What `KeptRows` calls this form of file.
FORM: Final = "ods"


def write_ods(book: Workbook) -> bytes:
    """The workbook as bytes."""
    return pack_ods(book).content


def pack_ods(book: Workbook) -> Packed:
    """The workbook with the place of the rows of each table in it."""
    sheets = list(book.sheets)
    document = Document("spreadsheet")
    document.body.clear()
    _set_properties(document, book)
    _set_styles(document)
    for sheet in sheets:
        document.body.append(_sheet(document, sheet))
    document.body.append(_ranges(sheets))
    _put_cursor_first(document, sheets)
    shell = io.BytesIO()
    document.save(shell)
    return _finished(shell, sheets)


def _set_properties(document: Document, book: Workbook) -> None:
    meta = document.meta
    moment = datetime.combine(book.dated, time())
    meta.title, meta.subject, meta.language = book.title, book.subject, LANGUAGE
    meta.creation_date = meta.date = moment
    document.language = LANGUAGE


def _set_styles(document: Document) -> None:
    """Replace the template's styles, which are in another language and another taste, with our own."""
    styles = document.styles
    for old in styles.get_elements(
        "//office:styles/* | //office:automatic-styles/* | //office:master-styles/*"
    ):
        old.delete()
    for old in document.content.get_elements("//office:automatic-styles/*"):
        old.delete()
    for text in _STYLES:
        styles.root.get_element("//office:styles").append(Element.from_tag(text))
    styles.root.get_element("//office:automatic-styles").append(Element.from_tag(_PAGE_LAYOUT))
    styles.root.get_element("//office:master-styles").append(Element.from_tag(_MASTER_PAGE))


def _number_style(decimals: int) -> str:
    return (
        f'<number:number-style style:name="Decimals{decimals}"><number:number number:decimal-places="{decimals}" '
        f'number:min-decimal-places="{decimals}" number:min-integer-digits="1" number:grouping="true"/>'
        "</number:number-style>"
    )


def _cell_style(
    name: str, text: str = "", cell: str = "", paragraph: str = "", display: str = "", data: str = ""
) -> str:
    shown = f' style:display-name="{display}"' if display else ""
    number = f' style:data-style-name="{data}"' if data else ""
    return (
        f'<style:style style:name="{name}"{shown} style:family="table-cell" style:parent-style-name="Default"{number}>'
        '<style:table-cell-properties style:vertical-align="top" fo:padding-left="0.25cm" '
        f'fo:padding-right="0.1cm" {cell}/>'
        f"<style:paragraph-properties {paragraph}/><style:text-properties {text}/></style:style>"
    )


_BOLD: Final = 'fo:font-weight="bold"'
_WRAP: Final = 'fo:wrap-option="wrap"'
_UNDERLINED: Final = 'fo:border-bottom="0.75pt solid #000000"'
_RIGHT: Final = 'fo:text-align="end"'
_FIXED: Final = 'style:text-align-source="fix"'

_STYLES: Final = (
    '<style:default-style style:family="table-cell"><style:text-properties style:font-name="Arial" '
    'fo:font-size="11pt" fo:language="en" fo:country="GB"/></style:default-style>',
    *(_number_style(decimals) for decimals in (0, 1, 2)),
    '<style:style style:name="Default" style:family="table-cell"/>',
    _cell_style("Heading_20_1", f'fo:font-size="16pt" {_BOLD}', display="Heading 1"),
    _cell_style("Line"),
    _cell_style("Paragraph", cell=_WRAP),
    _cell_style("Column_20_heading", _BOLD, f"{_WRAP} {_UNDERLINED}", display="Column heading"),
    _cell_style(
        "Number_20_heading", _BOLD, f"{_WRAP} {_UNDERLINED} {_FIXED}", _RIGHT, display="Number heading"
    ),
    _cell_style("Strong", _BOLD, _WRAP),
    _cell_style("Shorthand", cell=_FIXED, paragraph=_RIGHT),
    _cell_style("StrongShorthand", _BOLD, _FIXED, _RIGHT),
    *(_cell_style(f"StrongNumber{decimals}", _BOLD, data=f"Decimals{decimals}") for decimals in (0, 1, 2)),
    *(_cell_style(f"Number{decimals}", data=f"Decimals{decimals}") for decimals in (0, 1, 2)),
    '<style:style style:name="Internet_20_link" style:display-name="Internet link" style:family="text">'
    '<style:text-properties fo:color="#0563c1" style:text-underline-style="solid"/></style:style>',
)
_PAGE_LAYOUT: Final = (
    '<style:page-layout style:name="Landscape"><style:page-layout-properties fo:page-width="42cm" '
    'fo:page-height="29.7cm" style:print-orientation="landscape" fo:margin="1.5cm" style:scale-to-X="1" '
    'style:scale-to-Y="0"/></style:page-layout>'
)
_MASTER_PAGE: Final = (
    '<style:master-page style:name="Default" style:page-layout-name="Landscape"><style:header style:display="false"/>'
    '<style:footer style:display="false"/></style:master-page>'
)


def _sheet(document: Document, sheet: Sheet) -> Table:
    """Title, lines and the header row of a worksheet, with one marked row where its body will go."""
    table = Table(sheet.name, style=_table_style(document))
    body = sheet.body
    widths = body.widths if body else (COVER_WIDTH,)
    for width in widths:
        table.append(Column(style=_column_style(document, width)))
    Element.append(table, _row(_text_cell(sheet.title, "Heading_20_1")))
    for line in sheet.lines:
        row = _row(_text_cell(line.text, "Line" if body else "Paragraph", line.link))
        lines = lines_of_text(line.text, COVER_WIDTH)
        if not body and lines > 1:
            # A row of its own height is too low in print, where letters run wider than on the screen.
            row.style = _row_style(document, lines)
        Element.append(table, row)
    if body:
        header = HeaderRows()
        named = zip(body.headings, body.decimals, strict=True)
        cells = [
            _text_cell(name, "Column_20_heading" if decimals is None else "Number_20_heading")
            for name, decimals in named
        ]
        header.append(_row(*cells))
        Element.append(table, header)
        Element.append(table, _row(_text_cell(_marker(body), "Line")))
    return table


def _row(*cells: Cell) -> Row:
    row = Row()
    Element.extend(row, cells)
    return row


def _text_cell(text: str, style: str, link: str | None = None) -> Cell:
    cell = Cell(style=style)
    cell.type = "string"
    paragraph = Paragraph("" if link else text)
    if link:
        paragraph.append(Link(f"#{link}.A1", text=text, style="Internet_20_link"))
    cell.append(paragraph)
    return cell


def _table_style(document: Document) -> str:
    name = "sheet"
    if document.get_style("table", name) is None:
        document.insert_style(
            Element.from_tag(
                f'<style:style style:name="{name}" style:family="table" style:master-page-name="Default">'
                '<style:table-properties table:display="true" style:writing-mode="lr-tb"/></style:style>'
            ),
            automatic=True,
        )
    return name


def _row_style(document: Document, lines: int) -> str:
    name = f"lines{lines}"
    if document.get_style("table-row", name) is None:
        height = f'style:row-height="{lines * LINE_HEIGHT}pt" style:use-optimal-row-height="false"'
        document.insert_style(
            Element.from_tag(
                f'<style:style style:name="{name}" style:family="table-row">'
                f"<style:table-row-properties {height}/></style:style>"
            ),
            automatic=True,
        )
    return name


def _column_style(document: Document, characters: int) -> str:
    name = f"width{characters}"
    if document.get_style("table-column", name) is None:
        width = f"{characters * _CHARACTER_CM + 0.5:.2f}cm"
        document.insert_style(Style("table-column", name=name, width=width), automatic=True)
    return name


def _ranges(sheets: list[Sheet]) -> Element:
    """The mark-up of each table: a named range that knows its header row, without filter buttons."""
    ranges = Element.from_tag("<table:database-ranges/>")
    for sheet in sheets:
        if sheet.body:
            top = len(sheet.lines) + 2
            last = f"{_letters(len(sheet.body.headings))}{top + sheet.body.rows.height}"
            ranges.append(
                Element.from_tag(
                    f'<table:database-range table:name="{sheet.body.name}" '
                    f'table:target-range-address="{sheet.name}.A{top}:{sheet.name}.{last}" '
                    'table:contains-header="true" table:display-filter-buttons="false"/>'
                )
            )
    return ranges


def _letters(column: int) -> str:
    """The letters of a column counted from 1: A, Z, AA."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _put_cursor_first(document: Document, sheets: list[Sheet]) -> None:
    """Open on the first worksheet with the cursor in A1 of each."""
    settings = document.get_part("settings.xml")
    views = settings.get_element("//config:config-item-map-indexed[@config:name='Views']")
    views.clear()
    views.append(
        Element.from_tag(
            "<config:config-item-map-entry>"
            '<config:config-item config:name="ViewId" config:type="string">view1</config:config-item>'
            '<config:config-item-map-named config:name="Tables">'
            + "".join(
                f'<config:config-item-map-entry config:name="{sheet.name}">'
                '<config:config-item config:name="CursorPositionX" config:type="int">0</config:config-item>'
                '<config:config-item config:name="CursorPositionY" config:type="int">0</config:config-item>'
                "</config:config-item-map-entry>"
                for sheet in sheets
            )
            + "</config:config-item-map-named>"
            f'<config:config-item config:name="ActiveTable" config:type="string">{sheets[0].name}</config:config-item>'
            "</config:config-item-map-entry>"
        )
    )
    views.set_attribute("config:name", "Views")


def _marker(body: Body) -> str:
    return f"\ue000{body.name}\ue000"


def _finished(shell: io.BytesIO, sheets: list[Sheet]) -> Packed:
    """The document with the bodies in their places and one fixed time on every part."""
    target = io.BytesIO()
    bodies = [sheet.body for sheet in sheets if sheet.body]
    found: dict[str, tuple[int, Run]] = {}
    with zipfile.ZipFile(shell) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            if name.startswith(("Configurations2/", "Thumbnails/")):
                continue
            content = before.read(name)
            if name == "META-INF/manifest.xml":
                content = _without_absent_parts(content)
            if name == "mimetype":
                # The one part that must not be compressed, so that the kind of file can be read off its start.
                after.writestr(zipfile.ZipInfo(name), content)
            elif name == "content.xml":
                runs = []
                for body in bodies:
                    start, content = _split(content, body)
                    runs += [deflated([start]), _run(body)]
                places = add_member(after, name, [*runs, deflated([content])])
                of_bodies = zip(places[1::2], runs[1::2], strict=True)
                found = dict(zip((body.name for body in bodies), of_bodies, strict=True))
            else:
                add_member(after, name, [deflated([content])])
    return Packed(target.getvalue(), found)


def _run(body: Body) -> Run:
    """The rows of a body, each a whole row of the document."""
    if isinstance(body.rows, KeptRows):
        return body.rows.runs[FORM]
    return deflated(_rows(cells) for cells in _cells(body).iter_slices(ROWS_AT_ONCE))


def _split(content: bytes, body: Body) -> tuple[bytes, bytes]:
    """What stands before and after the marked row of a body."""
    place = content.index(_marker(body).encode())
    first = content.rindex(b"<table:table-row", 0, place)
    end = content.index(b"</table:table-row>", place) + len(b"</table:table-row>")
    return content[:first], content[end:]


def _without_absent_parts(manifest: bytes) -> bytes:
    document = Element.from_tag(manifest.split(b"?>", 1)[1].decode())
    for entry in document.get_elements("//manifest:file-entry"):
        if entry.get_attribute("manifest:full-path").startswith(("Configurations2/", "Thumbnails/")):
            entry.delete()
    serialised: str = document.serialize(with_ns=True)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + serialised.encode()


def _cells(body: Body) -> pl.DataFrame:
    """Every cell of a body as ODF text, one column for each heading."""
    # The prefix of the styles of each row.
    strong = ["Strong" if bold else "" for bold in body.strong or (False,) * body.rows.height]
    rows = body.plain().with_columns(pl.Series("strong", strong))
    cells = []
    for place, decimals in enumerate(body.decimals):
        if decimals is None:
            contents = [f"{place}"]
            cell = _label_cells(pl.col(f"{place}"), body.links and place == 0)
        else:
            contents = [f"{place} number", f"{place} text"]
            number, text = (pl.col(name) for name in contents)
            cell = _figure_cells(number, text, decimals)
        cells.append(text_once(rows, [*contents, "strong"], cell).alias(f"{place}"))
    return pl.DataFrame(cells)


def _rows(cells: pl.DataFrame) -> bytes:
    """Rows of a body as ODF text."""
    row = pl.concat_str(pl.lit("<table:table-row>"), *cells.columns, pl.lit("</table:table-row>"))
    text: str = cells.select(row.str.join("")).item()
    return text.encode()


def _label_cells(text: pl.Expr, links: bool) -> pl.Expr:
    """Text is always a string cell: `=` begins no formula."""
    safe = text.str.replace_many(_ESCAPES)
    if links:
        safe = pl.format(
            '<text:a xlink:type="simple" xlink:href="#{}.A1" text:style-name="Internet_20_link">{}</text:a>',
            safe,
            safe,
        )
    style = pl.when(pl.col("strong") == "").then(pl.lit("Paragraph")).otherwise(pl.lit("Strong"))
    return _string_cell(style, safe)


def _string_cell(style: pl.Expr, text: pl.Expr) -> pl.Expr:
    return pl.format(
        '<table:table-cell table:style-name="{}" office:value-type="string"><text:p>{}</text:p></table:table-cell>',
        style,
        text,
    )


def _figure_cells(number: pl.Expr, text: pl.Expr, decimals: int) -> pl.Expr:
    shown = pl.format(
        f'<table:table-cell table:style-name="{{}}Number{decimals}" office:value-type="float" office:value="{{}}">'
        "<text:p>{}</text:p></table:table-cell>",
        pl.col("strong"),
        written(number, decimals),
        written(number, decimals, ","),
    )
    return pl.when(number.is_null()).then(_string_cell(pl.col("strong") + "Shorthand", text)).otherwise(shown)
