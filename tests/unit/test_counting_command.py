"""`fullcount count`, `explain` and `audit`, as people type them."""

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.sources.refusal import Refusal
from transforms.counting import load_editions

RUNNER = CliRunner()

LINES = """\
crime_ref,incident_ref,offence_code,recorded_at,victim_ref,offender_ref
A,I1,8Q,2023-06-14T10:00,V1,O1
B,I1,58A,2023-06-14T10:00,V1,O1
C,I2,43986,2024-03-31T23:30:00Z,V2,
D,I3,8N,not a day,V3,
"""


def told(path: Path, *options: str) -> str:
    result = RUNNER.invoke(app, ["count", str(path), *options])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.csv"
    path.write_text(LINES)
    return path


def test_csv_answers_one_row_for_each_line_in_order(lines: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(told(lines, "--format", "csv"))))
    assert ",".join(rows[0]) == "crime_ref,counted,offence_code,financial_year,quarter,rule,because"
    assert [tuple(row.values())[:6] for row in rows] == [
        ("A", "1", "8Q", "2023/24", "1", "principal-crime"),
        ("B", "0", "58A", "2023/24", "1", "principal-crime"),
        ("C", "0", "", "2024/25", "1", "damaged-code"),
        ("D", "0", "", "", "", "unreadable"),
    ]
    assert rows[1]["because"].startswith("A (8Q) is more serious")
    assert "“not a day”" in rows[3]["because"]


def test_json_answers_the_same(lines: Path) -> None:
    rows = json.loads(told(lines, "--format", "json"))
    assert [row["counted"] for row in rows] == [1, 0, 0, 0]
    assert rows[0]["quarter"] == 1


def test_a_table_is_printed_for_people(lines: Path) -> None:
    printed = told(lines)
    assert "principal-crime" in printed
    assert "A (8Q) is more serious" in " ".join(printed.split())


def test_parquet_is_read_as_well(lines: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lines.parquet"
    pl.read_csv(lines, infer_schema=False).write_parquet(copy)
    assert told(copy, "--format", "csv") == told(lines, "--format", "csv")


def test_corrections_of_a_published_quarter(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(
        "crime_ref,incident_ref,offence_code,recorded_at,victim_ref,updated_at\n"
        "A,I1,8N,2024-05-20,V1,2024-05-20\nA,I1,5D,2024-05-20,V1,2024-08-04\n"
    )
    netted = told(path, "--format", "csv", "--published-through", "2024/25-Q1", "--treatment", "aggregate")
    assert [row.split(",")[:5] for row in netted.splitlines()[1:]] == [
        ["A", "-1", "8N", "2024/25", "2"],
        ["A", "1", "5D", "2024/25", "2"],
    ]
    assert "Restates 2024/25 Q1: 8N −1, 5D +1." in told(
        path, "--format", "csv", "--published-through", "2024/25-Q1"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("crime_ref,offence_code\nA,8N\n", "field recorded_at: the column is missing; add it"),
        ("crime_ref,offence_code,recorded_at,victm_ref\nA,8N,2024-05-01,V\n", "nearest: victim_ref"),
        ("", "cannot be read as a table"),
        ("crime_ref,offence_code,recorded_at\nA,8N,2024-05-01,more,and more\n", "cannot be read as a table"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused_in_one_sentence(
    text: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(text)
    with pytest.raises(Refusal) as refused:
        told(path)
    assert words in str(refused.value)
    assert "lines.csv" in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no such file"):
        told(tmp_path / "absent.csv")


def test_personal_fields_are_read_no_further_than_the_door(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(
        "crime_ref,offence_code,recorded_at,victim_name,free_text\nA,8N,2024-05-01,CANARY,CANARY\n"
    )
    assert "CANARY" not in told(path, "--format", "json")


def test_a_quarter_or_treatment_that_is_not_one(lines: Path) -> None:
    for options in (["--published-through", "spring"], ["--treatment", "mixed"]):
        assert RUNNER.invoke(app, ["count", str(lines), *options]).exit_code == 2


def test_explain_says_why_and_by_what_rule(lines: Path) -> None:
    told_why = RUNNER.invoke(app, ["explain", "B", "--file", str(lines)])
    assert told_why.exit_code == 0
    assert "does not count" in told_why.stdout
    assert "A (8Q) is more serious" in told_why.stdout
    assert "principal-crime" in told_why.stdout
    assert RUNNER.invoke(app, ["explain", "Z", "--file", str(lines)]).exit_code == 1


SAMPLE = "stratum,should_be_recorded,recorded,recorded_crimes\nviolence,400,320,24000\nother,300,285,57000\n"


def test_audit_prints_each_stratum_and_all_together(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(SAMPLE)
    result = RUNNER.invoke(app, ["audit", str(path), "--format", "json"])
    rows = json.loads(result.stdout)
    assert [row["stratum"] for row in rows] == ["violence", "other", "all strata"]
    assert [row["unrecorded"] for row in rows] == [6000, 3000, 9000]
    assert "never added into it" in RUNNER.invoke(app, ["audit", str(path)]).stdout


def test_audit_of_one_row_for_each_crime_is_the_audit_of_their_totals(tmp_path: Path) -> None:
    each, whole = tmp_path / "each.csv", tmp_path / "whole.csv"
    each.write_text("should_be_recorded,recorded\n" + "1,1\n" * 1594 + "1,0\n" * 362)
    whole.write_text("should_be_recorded,recorded\n1956,1594\n")
    options = ["--recorded-crimes", "77078", "--format", "json"]
    answers = [
        json.loads(RUNNER.invoke(app, ["audit", str(path), *options]).stdout) for path in (each, whole)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0]["unrecorded"] == 17505
    assert (answers[0][0]["unrecorded_normal_low"], answers[0][0]["unrecorded_normal_high"]) == (15548, 19545)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recorded\n1\n", "field should_be_recorded: the column is missing"),
        ("should_be_recorded,recorded\n1,yes\n", "line 2, field recorded: not a whole number"),
        ("should_be_recorded,recorded\n1,2\n", "2 recorded of 1"),
        ("should_be_recorded,recorded\n", "no row"),
        ("stratum,should_be_recorded,recorded\na,5,4\nb,5,4\n", "give the crimes recorded in the year"),
    ],
)
def test_an_audit_sample_that_cannot_be_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(text)
    result = RUNNER.invoke(app, ["audit", str(path)])
    assert isinstance(result.exception, Refusal)
    assert words in str(result.exception)


def reference_book(path: Path) -> None:
    """A reference table as the Home Office lays it out: a cover sheet, then a table under its title."""
    from odfdo import Cell, Document, Row, Table

    ours = load_editions().offences.filter(pl.col("kind") == "notifiable")
    rows = [
        ["Offence Code", "Offence Description", "Offence Group", "Offence Subgroup"],
        *ours.select(
            "offence_code", pl.col("description").replace({"Blackmail": "Extortion"}), "group", "subgroup"
        ).rows(),
    ]
    book = Document("spreadsheet")
    book.body.clear()
    for name, cells in (("Cover_sheet", [["Offence codes"]]), ("Reference", [["Table 1"], [""], *rows])):
        sheet = Table(name)
        for values in cells:
            row = Row()
            for value in values:
                row.append_cell(Cell(text=value, value=value, cell_type="string"), clone=False)
            sheet.append_row(row)
        book.body.append(sheet)
    book.save(str(path))


def test_the_home_office_reference_table_is_compared_and_taken(tmp_path: Path) -> None:
    book = tmp_path / "prc-offence-ref-table-290126.ods"
    reference_book(book)
    result = RUNNER.invoke(app, ["editions", "--reference", str(book), "--format", "csv"])
    assert result.stdout.splitlines() == [
        "offence_code,field,ours,theirs",
        "35,description,Blackmail,Extortion",
    ]
    told = RUNNER.invoke(app, ["editions", "--reference", str(book), "--on", "2019-05-01", "--format", "csv"])
    assert "35,Extortion," in told.stdout


def test_another_file_is_no_reference_table(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("code,colour\n1,red\n")
    for path in (other, tmp_path / "absent.ods"):
        assert isinstance(RUNNER.invoke(app, ["editions", "--reference", str(path)]).exception, Refusal)


def test_checks_and_the_recording_delay_are_printed(lines: Path) -> None:
    printed = RUNNER.invoke(app, ["checks", "--file", str(lines)]).stdout
    assert "recorded-twice" in printed
    assert "median_hours" in printed
    rows = json.loads(RUNNER.invoke(app, ["checks", "--file", str(lines), "--format", "json"]).stdout)
    assert {row["check"] for row in rows} == {"recorded-twice", "code-not-read"}


def test_the_reconciliation_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(
        "crime_ref,source_system,previous_crime_ref,incident_ref,offence_code,recorded_at,victim_ref\n"
        "O1,opus,,I1,8N,2019-06-20,V1\nO2,opus,,I2,46,2019-06-21,V2\nN1,policeworks,O1,J1,8N,2019-06-20,V1\n"
    )
    result = RUNNER.invoke(app, ["reconcile", "--file", str(path), "--format", "csv"])
    assert [row.split(",")[1:4] for row in result.stdout.splitlines()[1:]] == [
        ["both", "opus", "O1"],
        ["old only", "opus", "O2"],
    ]
    assert "old only" in RUNNER.invoke(app, ["reconcile", "--file", str(path)]).stdout
    one_system = tmp_path / "one.csv"
    one_system.write_text("crime_ref,offence_code,recorded_at\nA,8N,2019-06-20\n")
    assert RUNNER.invoke(app, ["reconcile", "--file", str(one_system)]).exit_code == 1
