"""The return of a quarter: what is known is printed, what is not is said, in every format alike."""

import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from fixtures.judged_offences import country, judged_offences, offences_reference
from geography.areas import Country
from publish.returns import ReturnError, build
from publish.returns.build import files, write
from publish.returns.recorded_crime import recorded_crime
from publish.returns.tables import Release, printed, written
from transforms.contracts.tables import Decisions
from transforms.judging import Judged
from transforms.judging import judged as seal
from transforms.periods import Quarter

QUARTER = Quarter(2019, 3)


def release(
    judged: Judged | None = None, place: Country | None = None, quarter: Quarter = QUARTER
) -> Release:
    return recorded_crime(judged or judged_offences(), place or country(), offences_reference(), quarter)


def cells(made: Release, table: int, area: str) -> dict[str, float | str]:
    """What one row of a table prints, by heading; the area by how its name begins."""
    chosen = made.tables[table - 1]
    rows = printed(made, chosen).filter(pl.col("area_name").str.starts_with(area)).row(0, named=True)
    return {
        key: (value["text"] if value["number"] is None else value["number"])
        if isinstance(value, dict)
        else value
        for key, value in rows.items()
    }


def read_csv(content: bytes) -> pl.DataFrame:
    return pl.read_csv(content, schema_overrides={"value": pl.Float64, "notes": pl.String})


def sheet(content: bytes, name: str) -> list[list[object]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(name).to_python()


def test_a_silent_force_is_a_symbol_and_its_totals_say_so() -> None:
    made = release()
    assert set(cells(made, 1, "Greater Mercaster").values()) - {"[x]"} == {
        "E23999002", "Greater Mercaster", "[note 3]",
    }  # fmt: skip
    england_and_wales = cells(made, 1, "England and Wales")
    assert england_and_wales["area_name"] == "England and Wales excluding Greater Mercaster"
    parts = [
        cells(made, 1, name)["total"]
        for name in ("Northshire", "=Eastmark", "London, City", "Gwynfa", "British")
    ]
    assert england_and_wales["total"] == sum(float(part) for part in parts)
    assert cells(made, 1, "North West")["area_name"] == "North West excluding Greater Mercaster"
    assert cells(made, 1, "Wales")["area_name"] == "Wales"
    number = re.search(r"\d+", str(england_and_wales["Notes"]))
    assert number is not None
    note = next(text for key, text in made.notes.items() if made.note_numbers.get(key) == int(number[0]))
    assert "July to September 2019: nothing was supplied (change of records system on 8 July 2019)." in note
    assert "not zero" in note


def test_a_force_short_of_one_quarter_leaves_the_year_and_both_years_of_a_comparison() -> None:
    made = release(judged_offences(hole=("gwynfa", date(2018, 2, 1))))
    assert cells(made, 2, "Gwynfa")["total"] != "[x]", "its latest year is whole"
    assert cells(made, 3, "Gwynfa")["total"] == "[x]", "the year before is not"
    assert {cells(made, 4, "Gwynfa")[key] for key in ("before", "now", "change")} == {"[x]"}
    assert cells(made, 3, "England and Wales")["area_name"] == (
        "England and Wales excluding Greater Mercaster and Gwynfa"
    )
    assert cells(made, 2, "England and Wales")["area_name"] == "England and Wales excluding Greater Mercaster"


def excluding(judged: Judged, force: str, first: date, last: date, reason: str) -> Judged:
    entry = dict.fromkeys(Decisions.column_names())
    entry |= {"entry": 1, "decided_at": datetime(2019, 10, 1, tzinfo=ZoneInfo("Europe/London")), "author": "A. Checker",
              "action": "exclude from comparison", "force": force, "first_month": first, "last_month": last,
              "reason": reason}  # fmt: skip
    decisions = pl.DataFrame([entry], schema=dict(Decisions.create_empty().schema))
    frames = (judged.offences, judged.areas, judged.verdicts, judged.findings, judged.crimes)
    return seal(*frames, decisions=decisions)


def test_a_force_that_a_person_leaves_out_of_comparisons_leaves_both_years_and_keeps_its_number() -> None:
    decided = excluding(
        judged_offences(), "gwynfa", date(2018, 1, 1), date(2018, 3, 1), "A change of recording practice"
    )
    made = release(decided, quarter=Quarter(2019, 2))
    assert isinstance(cells(made, 2, "Gwynfa")["total"], float), "its own number stands"
    assert cells(made, 2, "England and Wales")["area_name"] == "England and Wales"
    for table in (3, 4):
        assert cells(made, table, "England and Wales")["area_name"] == "England and Wales excluding Gwynfa"
    assert {cells(made, 4, "Gwynfa")[key] for key in ("before", "now", "change")} == {"[x]"}
    assert cells(made, 4, "Wales")["now"] == "[x]", "no other force is in it"
    assert any("A change of recording practice." in text for text in made.notes.values())
    later = excluding(judged_offences(), "gwynfa", date(2020, 1, 1), date(2020, 3, 1), "Later")
    assert cells(release(later, quarter=Quarter(2019, 2)), 4, "Wales")["now"] != "[x]"


def test_a_wales_that_lost_its_only_force_is_missing() -> None:
    made = release(judged_offences(hole=("gwynfa", date(2019, 8, 1))))
    assert cells(made, 1, "Wales")["total"] == "[x]"


def test_partial_figures_are_numbers_with_a_mark_wherever_they_are_part() -> None:
    made = release(quarter=Quarter(2019, 2))
    for area in ("=Eastmark", "East of England", "England", "England and Wales"):
        row = cells(made, 1, area)
        assert isinstance(row["total"], float) and str(row["Notes"]).startswith("[e]")
    assert "[e]" not in str(cells(made, 1, "Gwynfa").get("Notes"))
    assert any("about 76% of what was expected" in text for text in made.notes.values())


def test_rates_and_changes_that_cannot_be_given() -> None:
    made = release(quarter=Quarter(2019, 2))
    assert cells(made, 5, "London, City")["total"] == "[z]"
    assert cells(made, 5, "British")["total"] == "[z]"
    assert isinstance(cells(made, 5, "London")["total"], float)
    assert cells(made, 3, "Gwynfa")["homicide"] == "[z]", "the base is under 50"
    assert isinstance(cells(made, 5, "Gwynfa")["burglary_per_1_000_households"], float)


def test_the_hole_changes_only_its_own_cell_and_those_above_it() -> None:
    """Taking one force-month away turns its cells and its ancestors', and no other, and nothing into 0."""
    quarter = Quarter(2019, 2)
    whole, holed = (
        release(quarter=quarter),
        release(judged_offences(hole=("gwynfa", date(2019, 6, 1))), quarter=quarter),
    )
    for before, after in zip(whole.tables, holed.tables, strict=True):
        old, new = printed(whole, before).drop("Notes"), printed(holed, after).drop("Notes")
        for row_before, row_after in zip(old.iter_rows(named=True), new.iter_rows(named=True), strict=True):
            name = row_before["area_name"]
            if name in ("Gwynfa", "Wales"):
                figures = [value["text"] for key, value in row_after.items() if isinstance(value, dict)]
                assert set(figures) <= {"[x]", "[z]"} and "[x]" in figures
            elif name.startswith("England and Wales"):
                assert row_after["area_name"] == "England and Wales excluding Gwynfa"
                numbers = [value["number"] for value in row_after.values() if isinstance(value, dict)]
                assert before.measure == "percentage change" or 0 not in numbers[:1]
            else:
                assert row_before == row_after


def test_a_true_zero_is_a_zero_everywhere(tmp_path: Path) -> None:
    judged = judged_offences(zero=("gwynfa", date(2019, 6, 1)))
    for path in build(judged, country(), offences_reference(), "2019-Q2", tmp_path):
        if path.name in {"recorded-crime-2019-Q2.ods", "recorded-crime-2019-Q2.xlsx"}:
            row = next(row for row in sheet(path.read_bytes(), "Table_1") if row[1] == "Gwynfa")
            assert row[4] == 0.0, "homicide"
    figures = read_csv((tmp_path / "recorded-crime-2019-Q2.csv").read_bytes())
    homicide = figures.filter(
        pl.col("area_name") == "Gwynfa",
        pl.col("category") == "Homicide",
        pl.col("table") == "Table_1",
    )
    assert homicide.select("value", "status").row(0) == (0.0, "complete")


def test_formats_agree_and_are_the_same_bytes_each_time() -> None:
    made = release()
    first, second = files(made), files(release())
    assert first == second
    workbooks = [first[f"{made.name}.{form}"] for form in ("ods", "xlsx")]
    csv = read_csv(first[f"{made.name}.csv"])
    for table in made.tables:
        ods, xlsx = (sheet(content, table.sheet) for content in workbooks)
        assert ods == xlsx
        in_csv = csv.filter(pl.col("table") == table.sheet)
        body = ods[-table.rows.height :]
        numbers = [value for row in body for value in row if isinstance(value, float)]
        assert numbers == in_csv["value"].drop_nulls().to_list()
        assert in_csv.filter(pl.col("value").is_null()).height == sum(
            value in ("[x]", "[z]", "[c]") for row in body for value in row[2:]
        )


def test_csv_says_its_status_and_its_metadata_fits_it() -> None:
    made = files(release())
    csv = read_csv(made["recorded-crime-2019-Q3.csv"])
    metadata = json.loads(made["recorded-crime-2019-Q3.csv-metadata.json"])
    assert [column["name"] for column in metadata["tableSchema"]["columns"]] == csv.columns
    assert csv.select(metadata["tableSchema"]["primaryKey"]).is_unique().all()
    required = [column["name"] for column in metadata["tableSchema"]["columns"] if column["required"]]
    assert csv.select(required).null_count().row(0) == (0,) * len(required)
    assert (
        csv.filter(pl.col("status") == "missing")["value"].null_count()
        == csv.filter(pl.col("status") == "missing").height
    )
    assert set(csv.filter(pl.col("status") == "missing")["marks"]) == {"[x]"}
    numbers = csv.filter(pl.col("value").is_not_null())
    assert set(numbers["marks"]) == {"[p]", "[p][e]"}, "the latest quarter and year are provisional"
    parquet = pl.read_parquet(made["recorded-crime-2019-Q3.parquet"])
    assert parquet["value"].to_list() == csv["value"].to_list()
    package = json.loads(made["recorded-crime-2019-Q3.datapackage.json"])
    assert package["resources"][0]["bytes"] == len(made["recorded-crime-2019-Q3.csv"])


def test_text_that_looks_like_a_formula_or_markup_stays_text() -> None:
    place = country()
    long = "Long & <b>winding</b> " + "x" * 280
    names = pl.col("name").replace({"Gwynfa": long, "Greater Mercaster": '=HYPERLINK("http://x","y")'})
    place = replace(place, forces=place.forces.with_columns(names))
    made = files(release(place=place))
    for form in ("ods", "xlsx"):
        content = made[f"recorded-crime-2019-Q3.{form}"]
        names_printed = [row[1] for row in sheet(content, "Table_1")]
        assert (
            long in names_printed
            and '=HYPERLINK("http://x","y")' in names_printed
            and "=Eastmark" in names_printed
        )
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            xml = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".xml"))
        assert b"<f>" not in xml and b"table:formula" not in xml


def test_forces_without_offence_codes_are_returned_by_crime_type() -> None:
    made = release(judged_offences(by_code=False))
    assert [table.name for table in made.tables] == [
        "crime_type_quarter", "crime_type_year", "crime_type_change", "crime_type_comparison", "crime_type_rate",
    ]  # fmt: skip
    by_code = release()
    assert cells(made, 1, "Gwynfa")["total"] == cells(by_code, 1, "Gwynfa")["total"]
    assert cells(made, 1, "Greater Mercaster")["total"] == "[x]"


def test_a_year_before_that_is_not_held_gives_no_table_of_changes() -> None:
    made = release(quarter=Quarter(2018, 2))
    assert [table.measure for table in made.tables] == ["count", "count", "rate"]
    assert any(text.startswith("No change on the year ending June 2017 is given") for text in made.cover)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: replace(c, lsoas=c.lsoas.with_columns(population=None)), ["E01990000", "population"]),
        (lambda c: replace(c, lsoas=c.lsoas.filter(pl.col("force") != "gwynfa")), ["gwynfa", "no LSOA"]),
        (
            lambda c: replace(c, forces=c.forces.with_columns(region=pl.col("region").replace("Wales", None))),
            ["gwynfa", "region is empty"],
        ),
        (
            lambda c: replace(c, forces=pl.concat([c.forces, c.forces.head(1).with_columns(region=pl.lit("London"))])),
            ["mercaster", "two regions", "London and North West"],
        ),
        (lambda c: replace(c, forces=c.forces.filter(pl.col("force") != "gwynfa")), ["gwynfa", "not in forces.csv"]),
    ],
)  # fmt: skip
def test_a_country_that_cannot_be_published_is_refused(
    change: object, words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ReturnError) as refused:
        build(judged_offences(), change(country()), offences_reference(), "2019-Q3", tmp_path)  # type: ignore[operator]
    assert all(word in str(refused.value) for word in words), str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("quarter", "word"),
    [("2019-Q4", "October 2019"), ("2011-Q1", "January 2011"), ("Summer", "not a quarter")],
)
def test_a_quarter_without_data_is_refused(quarter: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(ReturnError, match=word):
        build(judged_offences(), country(), offences_reference(), quarter, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_force_whose_total_is_below_zero_is_refused() -> None:
    judged = judged_offences()
    taken = (
        (pl.col("force") == "gwynfa")
        & (pl.col("month") == date(2019, 8, 1))
        & (pl.col("offence_code") == "8N")
    )
    offences = judged.offences.with_columns(count=pl.when(taken).then(pl.lit(-5_000)).otherwise("count"))
    below = seal(offences, judged.areas, judged.verdicts, judged.findings, judged.crimes)
    with pytest.raises(ReturnError, match=r"Gwynfa, total, quarter: it is -\d+: corrections take away"):
        release(below)


def test_an_offence_outside_the_reference_is_refused() -> None:
    with pytest.raises(ReturnError, match="offence code 8N"):
        recorded_crime(
            judged_offences(), country(), offences_reference().filter(pl.col("offence_code") != "8N"), QUARTER
        )
    strange = offences_reference().with_columns(offence_subgroup=pl.lit("Witchcraft"))
    with pytest.raises(ReturnError, match="Witchcraft"):
        recorded_crime(judged_offences(), country(), strange, QUARTER)


def test_a_note_without_text_is_refused() -> None:
    made = release()
    with pytest.raises(ReturnError, match="no text"):
        replace(made, notes={**made.notes, "provisional": " "})


def test_a_number_that_its_status_forbids_is_refused() -> None:
    made = release()
    table = made.tables[0]
    loose = table.figures.with_columns(value=pl.lit(0.0))
    with pytest.raises(ReturnError, match=r"Greater Mercaster.*status is missing"):
        replace(made, tables=(replace(table, figures=loose),))


@pytest.mark.parametrize("name", ["t1", "P1", "r", "1_table", "Table-P1"])
def test_a_table_name_that_programs_drop_is_refused(name: str) -> None:
    made = release()
    with pytest.raises(ReturnError, match="drop a table"):
        replace(made, tables=(replace(made.tables[0], name=name),))


def test_a_full_disk_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written_files = 0

    def full(_: int) -> None:
        nonlocal written_files
        written_files += 1
        if written_files == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write({"a.ods": b"1", "b.xlsx": b"2"}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [(0.0, 0, "0"), (-45.0, 0, "-45"), (1234567.0, 0, "1,234,567"), (1000.5, 1, "1,000.5"), (-0.4, 1, "-0.4"),
     (999.95, 1, "1,000.0"), (1_000_000_000.0, 0, "1,000,000,000")],
)  # fmt: skip
def test_numbers_as_text(number: float, decimals: int, text: str) -> None:
    assert pl.DataFrame({"n": [number]}).select(written(pl.col("n"), decimals, ",")).item() == text
    assert pl.DataFrame({"n": [number]}).select(written(pl.col("n"), decimals)).item() == text.replace(
        ",", ""
    )
