"""The Home Office adapter: counts out of PFA and CSP tables, in CSV, ODS and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from odfdo import Document, Row, Table

from pipelines.sources.freeze import freeze
from pipelines.sources.home_office import HOMICIDE, NOT_PROVIDED, absent_keys, read_prc_table
from pipelines.sources.naming import Recognised, recognise
from pipelines.sources.refusal import Refusal

FORCES = pl.DataFrame(
    {"force": ["kent", "city-of-london"], "name": ["Kent", "London, City of"], "reported_by": ["", ""]}
)
PFA = ("Financial Year", "Financial Quarter", "Force Name", "Offence Description", "Offence Group", "Offence Subgroup",
       "Offence Code", "Number of Offences")  # fmt: skip
CSP = ("Financial Year", "Financial Quarter", "Police Force", "CSP Name", "Offence Group", "Offence Count")
VAP = "Violence against the person"


def pfa(
    count: object, code: str = "8N", force: str = "Kent", quarter: object = 1, year: str = "2017/18"
) -> list[object]:
    return [year, quarter, force, "Assault with injury", VAP, "Violence with injury", code, count]


def as_csv(*rows: list[object], header: tuple[str, ...] = PFA) -> bytes:
    stream = io.StringIO()
    csv.writer(stream).writerows([header, *rows])
    return stream.getvalue().encode()


def as_xlsx(sheets: dict[str, list[list[object]]]) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        for title, rows in sheets.items():
            sheet = book.add_worksheet(title)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
    return stream.getvalue()


def as_ods(sheets: dict[str, list[list[object]]]) -> bytes:
    document = Document("spreadsheet")
    document.body.clear()
    for title, rows in sheets.items():
        table = Table(title)
        for values in rows:
            row = Row()
            row.set_values(values)
            table.append_row(row)
        document.body.append(table)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., pl.DataFrame]:
    def reading(data: bytes, name: str = "prc-pfa-test.csv") -> pl.DataFrame:
        (tmp_path / name).write_bytes(data)
        recognised = recognise(name, data[:50], forces=[])
        assert isinstance(recognised, Recognised)
        return read_prc_table(
            freeze(tmp_path / name, tmp_path / "store"), recognised, FORCES, tmp_path / "scratch"
        )

    return reading


@pytest.mark.parametrize(
    ("written", "count", "status"),
    [
        (" 66776 ", 66776, "complete"),
        ("1,234", 1234, "complete"),
        ("-00 ", 0, "complete"),
        ("0", 0, "complete"),
        ("-45", -45, "complete"),
        (NOT_PROVIDED, None, "missing"),
    ],
)
def test_a_count_is_read_as_written_and_a_gap_is_no_zero(
    read: Callable[..., pl.DataFrame], written: str, count: int | None, status: str
) -> None:
    [row] = read(as_csv(pfa(written))).rows(named=True)
    assert (row["count"], row["status"]) == (count, status)
    assert (row["force"], row["quarter"], row["financial_year"], row["offence_code"]) == (
        "kent",
        1,
        "2017/18",
        "8N",
    )


def test_other_names_of_forces_and_bodies_that_are_no_force(read: Callable[..., pl.DataFrame]) -> None:
    table = read(as_csv(pfa(1, force="City of London"), pfa(2, force="Action Fraud", code="AF")))
    assert table.sort("count")["force"].to_list() == ["city-of-london", None]


def test_homicide_given_in_parts_is_added_up_and_a_missing_part_is_missing(
    read: Callable[..., pl.DataFrame],
) -> None:
    parts = [pfa(count, code=HOMICIDE, quarter=quarter) for quarter in (1, 2) for count in (1, 2, 0, "4")]
    parts[7][-1] = NOT_PROVIDED
    table = read(as_csv(*parts, pfa(5))).sort("quarter", "offence_code")
    assert table.select("quarter", "offence_code", "count", "status").rows() == [
        (1, HOMICIDE, 7, "complete"),
        (1, "8N", 5, "complete"),
        (2, HOMICIDE, None, "missing"),
    ]


def test_csp_tables_have_two_other_headers(read: Callable[..., pl.DataFrame]) -> None:
    rows = [["2017/18", 1, "Kent", "Medway", VAP, 7], ["2017/18", 1, "Kent", "Unassigned Kent", VAP, 3]]
    table = read(as_csv(*rows, header=CSP), name="prc-csp-test.csv")
    assert table.select("csp_name", "count").sort("csp_name").rows() == [
        ("Medway", 7),
        ("Unassigned Kent", 3),
    ]
    assert table["offence_code"].null_count() == 2


@pytest.mark.parametrize(("write", "name"), [(as_xlsx, "prc-pfa-test.xlsx"), (as_ods, "prc-pfa-test.ods")])
def test_workbooks_give_what_the_csv_gives(
    read: Callable[..., pl.DataFrame], write: Callable[[dict[str, list[list[object]]]], bytes], name: str
) -> None:
    years = {"2016_17": "2016/17", "2017_18": "2017/18"}
    rows = {
        sheet: [pfa(3, year=year), pfa(-2, code="49", year=year), pfa(1, code="37.2", year=year)]
        for sheet, year in years.items()
    }
    sheets = {"Cover_sheet": [["Police recorded crime"]], "Notes_": [["a note"]]}
    sheets |= {sheet: [["Table"], list(PFA), *body] for sheet, body in rows.items()}
    ours = read(as_csv(*rows["2016_17"], *rows["2017_18"]))
    assert read(write(sheets), name=name).sort(pl.all()).equals(ours.sort(pl.all()))


@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        ({"2017-18": [list(PFA), pfa(1)]}, "the sheet is unknown, seen “2017-18”"),
        ({"2018_19": [list(PFA), pfa(1)]}, "another year than its name says, seen “2017/18”, wanted 2018/19"),
        ({"2017_18": [["nothing"]]}, "the sheet has no header"),
        ({"Notes": [["nothing"]]}, "no sheet of the workbook holds a table"),
        ({"2017_18": [list(PFA), [*pfa(1)[:6], 4.1, 1]]}, "4.1 and 4.10 cannot be told apart"),
    ],
)
def test_a_workbook_is_refused_in_one_sentence(
    read: Callable[..., pl.DataFrame], sheets: dict[str, list[list[object]]], said: str
) -> None:
    with pytest.raises(Refusal) as refused:
        read(as_xlsx(sheets), name="prc-pfa-test.xlsx")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (as_csv([*pfa(1), "x"], header=(*PFA, "Mood")), "unknown: Mood"),
        (as_csv(pfa(1)[:-1], header=PFA[:-1]), "lacking: count"),
        (as_csv(pfa(1), pfa("many")), "line 3, field Number of Offences"),
        (as_csv(pfa("")), "a whole number or “N/A - data not provided”"),
        (as_csv(pfa("1.5")), "“1.5”"),
        (as_csv(pfa(1, force="Kant")), "nearest: Kent"),
        (as_csv(pfa(1, quarter=5)), "wanted 1 to 4"),
        (as_csv(pfa(1, year="2017")), "a year such as 2017/18"),
        (as_csv([*pfa(1)[:4], "Piracy", *pfa(1)[5:]]), "field Offence Group"),
        (as_csv(pfa(1), pfa(2)), "a key is given twice"),
        (as_csv(pfa(1)) + b"2017/18,1,Kent\r\n", "another number of fields than the header"),
    ],
)
def test_a_table_is_refused_in_one_sentence(
    read: Callable[..., pl.DataFrame], data: bytes, said: str
) -> None:
    with pytest.raises(Refusal) as refused:
        read(data)
    assert said in str(refused.value) and str(refused.value).startswith("prc-pfa-test.csv")


def test_a_damaged_workbook_is_refused(read: Callable[..., pl.DataFrame]) -> None:
    data = as_xlsx({"2017_18": [list(PFA), pfa(1)]})
    with pytest.raises(Refusal, match="damaged or cut short"):
        read(data[: len(data) // 2], name="prc-pfa-test.xlsx")


def test_keys_that_a_dense_table_lacks_are_listed(read: Callable[..., pl.DataFrame]) -> None:
    table = read(
        as_csv(
            pfa(1), pfa(0, code="49"), pfa(3, force="London, City of"), pfa(9, force="CIFAS", code="CIFAS")
        )
    )
    assert absent_keys(table).rows() == [("2017/18", 1, "city-of-london", "49")]
