"""Long tables hold every place, quarter and code, and say where a figure was not provided."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fixtures import judged_places
from fixtures.judged_offences import OFFENCES, country, judged_offences, offences_reference
from pipelines.sources.freeze import freeze
from pipelines.sources.home_office import absent_keys, read_prc_table
from pipelines.sources.naming import Recognised, recognise
from publish.returns import ReturnError
from publish.returns.accessibility import accessibility_faults
from publish.returns.open_data import (
    CSP_COLUMNS,
    NOT_PROVIDED,
    PFA_COLUMNS,
    csp_open_data,
    open_data_csv,
    open_data_files,
    pfa_open_data,
)
from transforms.judging import Judged, judged
from transforms.periods import Quarter


def text(content: bytes) -> pl.DataFrame:
    return pl.read_csv(content, infer_schema=False)


def with_crimes(tables: Judged) -> Judged:
    """The same tables with a row for each crime, half of them in the second LSOA of the force and a few nowhere."""
    lsoas = country().lsoas.group_by("force").agg(pl.col("lsoa_code").sort(), pl.col("csp_code").first())
    crimes = (
        tables.offences.filter(pl.col("month") >= date(2019, 7, 1), pl.col("count") > 0)
        .select("force", "month", "offence_code", n=pl.int_ranges(0, pl.col("count")))
        .explode("n")
        .join(lsoas, on="force", how="left")
        .select(
            "force",
            "month",
            "offence_code",
            category=pl.lit("Other crime"),
            crime_ref=pl.format("{}", "n"),
            counted=pl.lit(1, pl.Int8),
            longitude=pl.lit(None, pl.Float64),
            latitude=pl.lit(None, pl.Float64),
            location=pl.lit(None, pl.String),
            lsoa_code=pl.when(pl.col("n") % 10 > 0).then(pl.col("lsoa_code").list.get(pl.col("n") % 2)),
            csp_code=pl.when(pl.col("n") % 10 > 0).then("csp_code"),
            outcome=pl.lit(None, pl.String),
            outcome_month=pl.lit(None, pl.Date),
            supply=pl.lit("0" * 64),
        )
    )
    return judged(tables.offences, tables.areas, tables.verdicts, tables.findings, crimes)


def test_every_force_quarter_and_code_is_there() -> None:
    table = pfa_open_data(judged_offences(), country(), offences_reference())
    assert tuple(table.rows.columns) == PFA_COLUMNS
    assert table.rows.height == 6 * 9 * len(OFFENCES)
    csv = text(open_data_csv(table))
    assert csv["Financial Year"].unique().sort().to_list() == ["2017/18", "2018/19", "2019/20"]
    silent = csv.filter(
        pl.col("Force Name") == "Greater Mercaster", pl.col("Number of Offences") == NOT_PROVIDED
    )
    assert silent.select("Financial Year", "Financial Quarter").unique().rows() == [("2019/20", "2")]
    assert silent.height == len(OFFENCES)
    assert csv.filter(pl.col("Number of Offences") == NOT_PROVIDED).height == len(OFFENCES)


def test_a_quarter_that_lacks_one_month_is_not_provided() -> None:
    table = pfa_open_data(judged_offences(hole=("gwynfa", date(2018, 2, 1))), country(), offences_reference())
    gone = text(open_data_csv(table)).filter(
        pl.col("Number of Offences") == NOT_PROVIDED, pl.col("Force Name") == "Gwynfa"
    )
    assert gone.select("Financial Year", "Financial Quarter").unique().rows() == [("2017/18", "4")]


@pytest.mark.parametrize("form", ["csv", "ods", "xlsx"])
def test_the_reader_of_the_real_tables_reads_ours_unchanged(form: str, tmp_path: Path) -> None:
    place = country()
    place = replace(
        place, forces=place.forces.with_columns(name=pl.col("name").replace("=Eastmark", "Eastmark"))
    )
    table = pfa_open_data(judged_offences(), place, offences_reference())
    content = open_data_files(table)[f"prc-pfa-2019-Q3.{form}"]
    path = tmp_path / f"prc-pfa-mar2013-onwards-tables.{form}"
    path.write_bytes(content)
    recognised = recognise(path.name, content[:8], forces=place.forces["force"].to_list())
    assert isinstance(recognised, Recognised), recognised
    read = read_prc_table(freeze(path, tmp_path / "frozen"), recognised, place.forces)
    assert read.height == table.rows.height
    assert read.filter(pl.col("status").cast(pl.String) == "missing").height == len(OFFENCES)
    assert absent_keys(read).height == 0


def test_workbooks_are_accessible_and_the_same_bytes_each_time() -> None:
    table = pfa_open_data(judged_offences(), country(), offences_reference())
    made = open_data_files(table)
    assert made == open_data_files(pfa_open_data(judged_offences(), country(), offences_reference()))
    for name, content in made.items():
        if not name.endswith(".csv"):
            assert accessibility_faults(content) == []


def test_partnerships_add_to_their_force() -> None:
    tables = with_crimes(judged_offences())
    rows = csp_open_data(tables, country(), offences_reference()).rows
    assert tuple(rows.columns) == CSP_COLUMNS
    csv = text(open_data_csv(csp_open_data(tables, country(), offences_reference())))
    latest = csv.filter(pl.col("Financial Year") == "2019/20", pl.col("Financial Quarter") == "2")
    assert "Unassigned Gwynfa" in latest["CSP Name"].to_list()
    by_force = (
        latest.filter(pl.col("Offence Count") != NOT_PROVIDED)
        .group_by("Police Force")
        .agg(pl.col("Offence Count").cast(pl.Int64).sum())
    )
    wanted = (
        tables.offences.filter(pl.col("month").is_in(Quarter(2019, 3).months))
        .join(country().forces, on="force")
        .group_by(pl.col("name").alias("Police Force"))
        .agg(pl.col("count").sum())
        .filter(pl.col("Police Force") != "Greater Mercaster")
    )
    assert dict(by_force.iter_rows()) == dict(wanted.iter_rows())
    assert set(latest.filter(pl.col("Police Force") == "Greater Mercaster")["Offence Count"]) == {
        NOT_PROVIDED
    }


def test_a_force_that_gives_totals_and_no_crimes_has_no_zeros_by_partnership() -> None:
    csv = text(open_data_csv(csp_open_data(judged_offences(), country(), offences_reference())))
    assert set(csv["Offence Count"]) == {NOT_PROVIDED}


def test_a_held_area_holds_its_partnership_alone() -> None:
    lsoa = judged_places.country().lsoas.filter(pl.col("force") == "gwynfa")["lsoa_code"][0]
    tables = judged_places.judged_places(held=lsoa)
    csv = text(open_data_csv(csp_open_data(tables, judged_places.country(), offences_reference())))
    latest = csv.filter(pl.col("Police Force") == "Gwynfa", pl.col("Financial Year") == "2018/19",
                        pl.col("Financial Quarter") == "4")  # fmt: skip
    shown = latest.group_by("CSP Name").agg((pl.col("Offence Count") != NOT_PROVIDED).any()).sort("CSP Name")
    assert shown.rows() == [("Gwynfa 0", False), ("Gwynfa 1", True), ("Unassigned Gwynfa", True)]


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(ReturnError, match="offence code 8N"):
        pfa_open_data(
            judged_offences(), country(), offences_reference().filter(pl.col("offence_code") != "8N")
        )
