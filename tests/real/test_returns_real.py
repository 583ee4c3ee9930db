"""The return's own tables and labels on real totals, and the long table against the real one of 2017/18."""

import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from fixtures.judged_offences import country as small_country
from geography.areas import Country, Forces
from pipelines.sources.freeze import freeze
from pipelines.sources.home_office import read_prc_table
from pipelines.sources.naming import Recognised, recognise
from publish.returns.open_data import open_data_csv, pfa_open_data
from publish.returns.recorded_crime import recorded_crime
from publish.returns.tables import printed
from transforms.contracts.status import STATUS
from transforms.contracts.tables import AreaCounts, Counted, Findings
from transforms.judging import Judged, judged
from transforms.periods import Quarter

DATA = Path(os.environ.get("FULLCOUNT_OPEN_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
OFFICIAL = DATA / "official"
FORCES = Path(__file__).parents[2] / "geography" / "data" / "forces.csv"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not OFFICIAL.exists(), reason=f"the open data are not at {DATA}; set FULLCOUNT_OPEN_DATA"
    ),
]


@pytest.fixture(scope="module")
def place() -> Country:
    """The real forces; one LSOA each, of no interest here."""
    forces = Forces.validate(pl.read_csv(FORCES).select(Forces.column_names()), cast=True)
    homes = forces.filter(pl.col("kind") == "territorial")["force"]
    one = small_country().lsoas.head(1)
    lsoas = pl.concat(
        [
            one.with_columns(force=pl.lit(force), lsoa_code=pl.lit(f"E01{n:06}"))
            for n, force in enumerate(homes)
        ]
    )
    return replace(small_country(), title="England and Wales", forces=forces, lsoas=lsoas)


def tables(figures: pl.DataFrame) -> Judged:
    """Quarterly or yearly figures laid on months: all in the first month of their period, none in the others."""
    figures = figures.sort("force", "month", "offence_code")
    verdicts = (
        figures.select("force", "month", "status")
        .unique()
        .sort("force", "month")
        .select(
            "force",
            "month",
            "status",
            file_type=pl.lit("extract"),
            reason=pl.when(pl.col("status").cast(pl.String) == "missing")
            .then(pl.lit("nothing was supplied after a new records system"))
            .otherwise(pl.lit("supplied in full as far as is known")),
            since=pl.lit(None, pl.Date),
            coverage=pl.lit(None, pl.Float64),
        )
    )
    empty = (AreaCounts.create_empty(), verdicts, Findings.create_empty(), Counted.create_empty())
    return judged(figures.select("force", "month", "offence_code", "count", "status"), *empty)


def by_month(figures: pl.DataFrame, months: int) -> pl.DataFrame:
    """`figures` with `start`, the first month of their period, on every month of it."""
    return (
        figures.with_columns(step=pl.int_ranges(0, months, eager=False))
        .explode("step")
        .with_columns(
            month=pl.col("start").dt.offset_by(pl.format("{}mo", "step")),
            count=pl.when(pl.col("step") == 0).then("count").otherwise(0),
            status=pl.lit("complete", dtype=STATUS),
        )
    )


def year_totals() -> pl.DataFrame:
    return (
        pl.read_csv(OFFICIAL / "prc_force_year_totals_july2026-vintage.csv")
        .select(
            name=pl.col("force").replace("City of London", "London, City of"),
            start=pl.date(pl.col("financial_year").str.head(4).cast(pl.Int32), 4, 1),
            count=pl.col("recorded_crime_excl_AF_CIFAS_UKF"),
            offence_code=pl.lit("49"),
        )
        .join(pl.read_csv(FORCES).select("name", "force"), on="name")
    )


def compared(
    place: Country, silent: tuple[str, int] | None, quarter: Quarter
) -> dict[str, tuple[object, ...]]:
    """The comparison table as printed: each area's name with its two totals and the change."""
    figures = by_month(year_totals(), 12)
    if silent:
        force, year = silent
        # The force's last three months of the calendar year, as Devon and Cornwall's in 2022.
        gone = (pl.col("force") == force) & pl.col("month").is_between(
            pl.date(year, 10, 1), pl.date(year, 12, 1)
        )
        figures = figures.with_columns(
            count=pl.when(~gone).then("count"),
            status=pl.when(gone).then(pl.lit("missing")).otherwise(pl.lit("complete")).cast(STATUS),
        )
    reference = pl.DataFrame(
        {
            "offence_code": ["49"],
            "offence_group": ["Theft offences"],
            "offence_subgroup": ["Other theft offences"],
            "offence_description": ["Everything, for this test"],
        }
    )
    territorial = replace(place, forces=place.forces.filter(pl.col("kind") == "territorial"))
    release = recorded_crime(tables(figures), territorial, reference, quarter)
    table = next(table for table in release.tables if table.name == "offence_group_comparison")
    return {
        name: tuple(cell["text"] if cell["number"] is None else cell["number"] for cell in cells)
        for name, *cells in printed(release, table).select("area_name", "before", "now", "change").iter_rows()
    }


def test_the_product_prints_the_worked_example(place: Country) -> None:
    everyone = compared(place, None, Quarter(2020, 1))
    assert everyone["England and Wales"] == (5_200_043, 5_234_118, 0.7)
    assert everyone["North West"] == (766_743, 713_277, -7.0)
    without = compared(place, ("greater-manchester", 2019), Quarter(2020, 1))
    assert without["England and Wales excluding Greater Manchester"] == (4_866_363, 4_933_908, 1.4)
    assert without["North West excluding Greater Manchester"] == (433_063, 413_067, -4.6)
    assert without["Greater Manchester"] == ("[x]", "[x]", "[x]")
    assert without["Wales"] == everyone["Wales"]


def test_three_months_of_devon_and_cornwall_withhold_its_year(place: Country) -> None:
    found = compared(place, ("devon-and-cornwall", 2022), Quarter(2023, 1))
    assert found["England and Wales excluding Devon and Cornwall"] == (5_176_161, 5_411_026, 4.5)
    assert found["Devon and Cornwall"] == ("[x]", "[x]", "[x]")
    assert "South West excluding Devon and Cornwall" in found and "North West" in found


def test_the_long_table_equals_the_real_one(place: Country, tmp_path: Path) -> None:
    real = OFFICIAL / "prc-pfa-mar2013-onwards-tables_2017-18.csv"
    recognised = recognise(real.name, real.read_bytes()[:8], forces=place.forces["force"].to_list())
    assert isinstance(recognised, Recognised)
    theirs = read_prc_table(freeze(real, tmp_path / "theirs"), recognised, place.forces)
    figures = by_month(
        theirs.filter(pl.col("force").is_not_null()).with_columns(
            start=pl.date(2017, 1, 1).dt.offset_by(pl.format("{}mo", pl.col("quarter").cast(pl.Int64) * 3))
        ),
        3,
    )
    reference = theirs.select(
        "offence_code", "offence_description", offence_group="group", offence_subgroup="subgroup"
    ).unique("offence_code")
    ours = open_data_csv(pfa_open_data(tables(figures), place, reference))
    (tmp_path / real.name).write_bytes(ours)
    assert ours.splitlines()[0] == real.read_bytes().splitlines()[0].strip()
    again = read_prc_table(freeze(tmp_path / real.name, tmp_path / "ours"), recognised, place.forces)
    key = ["financial_year", "quarter", "force", "offence_code"]
    both = theirs.filter(pl.col("force").is_not_null()).sort(key).select(again.columns)
    assert again.sort(key).equals(both)
    assert again.filter(pl.col("count") < 0).height == 34, "net corrections stay negative"
