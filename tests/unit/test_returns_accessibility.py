"""The accessibility checklist passes on what is made, and each item of it fails when it is broken on purpose."""

import io
import re
import zipfile
from collections.abc import Callable

import pytest

from fixtures.judged_offences import country, judged_offences, offences_reference
from publish.returns.accessibility import accessibility_faults
from publish.returns.ods import write_ods
from publish.returns.recorded_crime import recorded_crime
from publish.returns.worksheets import workbook
from publish.returns.xlsx import write_xlsx
from transforms.periods import Quarter


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    release = recorded_crime(judged_offences(), country(), offences_reference(), Quarter(2019, 3))
    book = workbook(release)
    return {"ods": write_ods(book), "xlsx": write_xlsx(book)}


def changed(content: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """The workbook with one part of it changed; the change must change something."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            if name == part:
                new = change(data.decode()).encode()
                assert new != data, f"nothing in {part} was changed"
                data = new
            after.writestr(name, data)
    return target.getvalue()


def swap(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, count)


def sub(pattern: str, new: str, count: int = 1) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, new, text, count=count, flags=re.DOTALL)


@pytest.mark.parametrize("form", ["ods", "xlsx"])
def test_what_is_made_passes(made: dict[str, bytes], form: str) -> None:
    assert accessibility_faults(made[form]) == []


CELL = '<table:table-cell table:style-name="{}" office:value-type="string"><text:p>{}</text:p></table:table-cell>'
ROW = "<table:table-row>{}</table:table-row>"

ODS = [
    ("meta.xml", sub(r"<dc:title>.*?</dc:title>", ""), "no title"),
    ("meta.xml", sub(r"<dc:language>.*?<", "<dc:language>fr-FR<"), "language is “fr-FR”"),
    ("content.xml", swap('table:name="Cover"', 'table:name="Front"'), "not with the cover"),
    ("content.xml", swap('<table:table table:name="Table_2"', '<table:table table:name="Table_1"'), "one name"),
    ("content.xml", swap("#Table_3.A1", "#Table_2.A1"), "no link to Table_3"),
    ("content.xml", swap("<text:p>note 1<", "<text:p>note 99<"), "note 1 is referred to and not on"),
    ("content.xml", swap("<text:p>note 1<", "<text:p>note 99<"), "note 99 is on the notes worksheet and nothing"),
    ("content.xml", swap('table:style-name="Heading_20_1"', 'table:style-name="Line"'), "not tagged as a heading"),
    ("content.xml", swap('office:value-type="float"', 'table:formula="of:=1" office:value-type="float"'), "a formula"),
    ("content.xml", swap("#Contents.A1", "#Nowhere.A1"), "leads to “Nowhere”"),
    ("content.xml", swap("Back to the contents", "click here"), "does not say where it leads"),
    ("styles.xml", sub(r'(style:name="Number0".*?style:table-cell-properties )', r'\1fo:background-color="#ff0000" '),
     "filled with colour"),
    ("content.xml", swap('contains-header="true"', 'contains-header="false"'), "header row is not marked"),
    ("content.xml", sub(r"</?table:table-header-rows[^>]*>", "", 2), "header row is not marked"),
    ("content.xml", sub(r"<table:database-range [^>]*Table_1[^>]*/>", ""), "0 tables are marked up"),
    ("content.xml", swap('table:name="offence_group_quarter"', 'table:name="t1"'), "taken for a cell"),
    ("content.xml", swap('address="Table_1.A', 'address="Table_1.B'), "does not begin in column A"),
    ("content.xml", sub(r"(</table:table-row>)(</table:table><table:database-ranges)",
     r"\1" + ROW.format(CELL.format("Line", "Source: us")) + r"\2"), "something below"),
    ("content.xml", sub(r"Area code(?=</text:p>)", "Area name"), "a heading is empty or occurs twice"),
    ("content.xml", sub(r'(table-header-rows.*?)"Column_20_heading"', r'\1"Line"'), "a heading is not wrapped"),
    ("styles.xml", swap('number:grouping="true"', 'number:grouping="false"', 9), "no number format"),
    ("content.xml", swap("<text:p>[x]</text:p>", "<text:p></text:p>"), "is empty without an explanation"),
    ("content.xml", swap("<text:p>[x]</text:p>", "<text:p>n/a</text:p>"), "stands among the numbers"),
    ("content.xml", swap("<text:p>[x]</text:p>", "<text:p>[q]</text:p>"), "[q] is not explained"),
    ("content.xml", swap("[x] is ", "[x] means ", 1), "[x] is not explained"),
    ("content.xml", swap("contains one table", "has a table", 99), "nothing above the table says"),
    ("content.xml", swap("is blank where no note applies", "may be anything", 9), "is empty without an explanation"),
    ("content.xml", swap("<table:table-cell ", '<table:table-cell table:number-columns-spanned="2" '), "merged"),
    ("content.xml", swap("<table:table-row>", '<table:table-row table:visibility="collapse">'), "hidden"),
    ("content.xml", swap('display-filter-buttons="false"', 'display-filter-buttons="true"'), "there is a filter"),
    ("content.xml", sub(r'style:column-width="[^"]*"', "", 99), "has no width"),
    ("settings.xml", sub(r'("CursorPositionX"[^>]*>)0', r"\g<1>7"), "cursor is not in A1"),
    ("settings.xml", sub(r'("ActiveTable"[^>]*>)Cover', r"\1Notes"), "does not open on its first"),
    ("content.xml", sub(r'(table:table table:name="Table_1".*?</table:table-row>)', r"\1<table:table-row/>"),
     "above the table is blank"),
    ("content.xml", swap('"Paragraph"', '"Line"', 999), "text on the cover is not wrapped"),
]  # fmt: skip

XLSX = [
    ("docProps/core.xml", sub(r"<dc:title>.*?</dc:title>", ""), "no title"),
    ("docProps/core.xml", sub(r"<dc:language>.*?</dc:language>", ""), "language is “”"),
    ("xl/workbook.xml", swap('name="Cover"', 'name="Front"'), "not with the cover"),
    ("xl/workbook.xml", swap('<sheet name="Table_1"', '<sheet state="hidden" name="Table_1"'), "is hidden"),
    ("xl/styles.xml", swap("Heading 1", "Fancy"), "not tagged"),
    ("xl/styles.xml", swap('<fill><patternFill patternType="none"/></fill>', '<fill><patternFill patternType="solid"/>'
     "</fill>"), "filled with colour"),
    ("xl/styles.xml", swap('wrapText="1"', 'wrapText="0"', 99), "a heading is not wrapped"),
    ("xl/styles.xml", sub("#,##0", "0", 9), "no number format"),
    ("xl/worksheets/_rels/sheet4.xml.rels", sub(r"<Relationship [^>]*/>", ""), "0 tables are marked up"),
    ("xl/tables/table3.xml", sub(r'displayName="[^"]*"', 'displayName="t1"'), "taken for a cell"),
    ("xl/tables/table3.xml", swap(" id=", ' headerRowCount="0" id='), "header row is not marked"),
    ("xl/tables/table3.xml", swap("<tableColumns", "<autoFilter/><tableColumns"), "there is a filter"),
    ("xl/tables/table3.xml", sub(r'ref="A', 'ref="B'), "does not begin in column A"),
    ("xl/worksheets/sheet4.xml", swap("</sheetData>", '</sheetData><mergeCells><mergeCell ref="A1:B1"/></mergeCells>'),
     "merged"),
    ("xl/worksheets/sheet4.xml", swap("<sheetFormatPr", '<sheetViews><sheetView><pane/></sheetView></sheetViews>'
     "<sheetFormatPr"), "frozen"),
    ("xl/worksheets/sheet1.xml", swap('workbookViewId="0"/>', 'workbookViewId="0"><selection activeCell="C3"/>'
     "</sheetView>"), "cursor is not in A1"),
    ("xl/worksheets/sheet4.xml", sub(r'<row r="9"', '<row hidden="1" r="9"'), "hidden"),
    ("xl/worksheets/sheet4.xml", sub(r"<cols>.*?</cols>", ""), "has no width"),
    ("xl/worksheets/sheet4.xml", swap("</sheetData>", '<row r="99"><c r="A99"><v>1</v></c></row></sheetData>'),
     "something below"),
    ("xl/worksheets/sheet4.xml", sub(r"(<c r=\"C[^>]*>)<v>(\d+)</v>",
     r"\1<f>1+1</f><v>\2</v>"), "a formula"),
    ("xl/worksheets/sheet4.xml", swap("</worksheet>", "<headerFooter><oddHeader>x</oddHeader></headerFooter>"
     "</worksheet>"), "page header"),
    ("xl/worksheets/sheet2.xml", swap("'Table_3'!A1", "'Table_2'!A1"), "no link to Table_3"),
    ("xl/worksheets/sheet3.xml", swap(">note 1<", ">note 99<"), "note 1 is referred to and not on"),
    ("xl/worksheets/sheet4.xml", swap(">[x]<", ">..<"), "stands among the numbers"),
    ("xl/worksheets/sheet4.xml", swap(">[x]<", "><"), "is empty without an explanation"),
    ("xl/sharedStrings.xml", swap("[x] is ", "[x] means ", 99), "[x] is not explained"),
    ("xl/sharedStrings.xml", sub(r"<t>Area code</t>", "<t>Area name</t>"), "occurs twice"),
    ("xl/sharedStrings.xml", sub(r"<t>This worksheet contains one table[^<]*</t>", "<t>Hello.</t>", 99),
     "nothing above the table says"),
    ("xl/workbook.xml", swap("<workbookView ", '<workbookView activeTab="2" '), "does not open on its first"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "change", "fault"), ODS, ids=[fault for *_, fault in ODS])
def test_a_broken_item_is_found_in_ods(
    made: dict[str, bytes], part: str, change: Callable[[str], str], fault: str
) -> None:
    faults = accessibility_faults(changed(made["ods"], part, change))
    assert any(fault in found for found in faults), faults[:5]


@pytest.mark.parametrize(("part", "change", "fault"), XLSX, ids=[fault for *_, fault in XLSX])
def test_a_broken_item_is_found_in_xlsx(
    made: dict[str, bytes], part: str, change: Callable[[str], str], fault: str
) -> None:
    faults = accessibility_faults(changed(made["xlsx"], part, change))
    assert any(fault in found for found in faults), faults[:5]


def test_pictures_and_macros_are_found(made: dict[str, bytes]) -> None:
    for form, name in (("ods", "Pictures/1.png"), ("xlsx", "xl/vbaProject.bin")):
        target = io.BytesIO(made[form])
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr(name, b"x")
        assert any("the file holds" in found for found in accessibility_faults(target.getvalue()))
