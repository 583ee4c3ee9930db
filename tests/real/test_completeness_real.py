"""The judge on the open data: the known gaps of the 26-month cube, and first supplies that were short."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from transforms.completeness import Judgement, judge

DATA = Path(
    os.environ.get("FULLCOUNT_OPEN_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
CUBE = DATA / "counts" / "lsoa_month_crimetype_2023-05_2025-06.parquet"
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not CUBE.exists(), reason=f"the open data folder is absent: {DATA}"),
]


@pytest.fixture(scope="module")
def areas() -> pl.DataFrame:
    lookup = pl.read_parquet(DATA / "geography" / "lsoa11_or_21_to_lad24_csp24_pfa24.parquet")
    names = pl.read_parquet(DATA / "geography" / "lookup_lsoa11_lsoa21_ltla22.parquet")
    named = pl.concat([names.select(area=f"lsoa{v}_code", name=f"lsoa{v}_name") for v in (11, 21)])
    return lookup.join(
        named.unique("area", keep="last", maintain_order=True), left_on="lsoa_code", right_on="area"
    ).select(area="lsoa_code", force="pfa24_name", csp="csp24_code", msoa=pl.col("name").str.head(-1))


@pytest.fixture(scope="module")
def counts() -> pl.DataFrame:
    return pl.read_parquet(CUBE).rename({"lsoa_code": "area", "crime_type": "category"})


@pytest.fixture(scope="module")
def whole(counts: pl.DataFrame, areas: pl.DataFrame) -> Judgement:
    """The whole range, each month as it would have arrived and the first in the light of later ones."""
    return judge(counts, areas)


def verdicts(judged: Judgement, force: str) -> dict[str, str]:
    mine = judged.verdicts.filter(pl.col("force") == force).with_columns(pl.col("month").dt.strftime("%Y-%m"))
    return dict(mine.select("month", "verdict").iter_rows())


def test_greater_manchester_is_missing_throughout(whole: Judgement) -> None:
    assert set(verdicts(whole, "Greater Manchester").values()) == {"missing"}
    mine = whole.alerts.filter((pl.col("force") == "Greater Manchester") & (pl.col("level") == "force"))
    assert mine["code"].to_list() == ["W03"]


def test_dyfed_powys_2024_is_found(whole: Judgement) -> None:
    found = verdicts(whole, "Dyfed-Powys")
    assert all(
        found[month] in ("partial", "missing")
        for month in ("2023-05", "2024-01", "2024-02", "2024-03", "2024-04")
    )
    assert found["2024-06"] == "complete"


def test_devon_and_cornwall_is_exposed_back_to_the_first_month(whole: Judgement) -> None:
    found = verdicts(whole, "Devon & Cornwall")
    assert all(found[f"2023-{month:02d}"] == "partial" for month in range(5, 12))
    assert found["2024-06"] == "complete"


def test_the_type_gaps_are_found(whole: Judgement) -> None:
    types = whole.alerts.filter(pl.col("code") == "W33").select("force", "category", "first_month").rows()
    assert ("Derbyshire", "Anti-social behaviour", date(2024, 11, 1)) in types
    assert ("Nottinghamshire", "Anti-social behaviour", date(2024, 9, 1)) in types


def test_the_group_of_areas_of_dorset_is_found(whole: Judgement) -> None:
    dorset = whole.alerts.filter((pl.col("force") == "Dorset") & (pl.col("first_month") == date(2024, 7, 1)))
    assert dorset["code"].to_list() == ["W34"]
    assert dorset["observed"][0] < 0.1 * dorset["expected"][0]


def test_other_alerts_are_few_enough_to_read(whole: Judgement) -> None:
    serious = whole.alerts.filter(
        pl.col("level").is_in(["force", "category"]) & (pl.col("observed") < pl.col("expected"))
    )
    assert serious.height <= 14
    later = whole.alerts.filter((pl.col("first_month") >= date(2024, 6, 1)) & (pl.col("severity") != "info"))
    assert later.height <= 3 * 13


@pytest.mark.parametrize(
    ("month", "force"), [("2024-01", "Nottinghamshire"), ("2024-01", "Cheshire"), ("2024-02", "Cheshire")]
)
def test_a_short_first_supply_is_found(
    counts: pl.DataFrame, areas: pl.DataFrame, month: str, force: str
) -> None:
    """The archives of January and February 2024 as first supplied, in place of the later counts of the same forces."""
    first = []
    with zipfile.ZipFile(DATA / "police-uk" / "archive-2024-01-to-2024-02-all-forces.zip") as archive:
        for name in archive.namelist():
            if name.endswith("-street.csv") and name[:7] <= month:
                columns = ["Month", "LSOA code", "Crime type"]
                first.append(pl.read_csv(io.BytesIO(archive.read(name)), columns=columns, infer_schema=False))
    street = (
        pl.concat(first)
        .group_by(month="Month", area=pl.col("LSOA code").fill_null(""), category="Crime type")
        .agg(n=pl.len().cast(pl.Int64))
        .select("month", "area", "category", "n")
    )
    mixed = pl.concat([counts.filter(pl.col("month") < "2024-01").select(street.columns), street])
    judged = judge(mixed, areas, as_of=date.fromisoformat(f"{month}-01"))
    row = judged.verdicts.filter(
        (pl.col("force") == force) & (pl.col("month") == date.fromisoformat(f"{month}-01"))
    )
    assert row["verdict"].to_list() == ["partial"]
    inside = areas.filter(pl.col("force") == force)["area"].to_list()
    later = counts.filter((pl.col("month") == month) & pl.col("area").is_in(inside))["n"].sum()
    assert row["expected"][0] == pytest.approx(later, rel=0.08)
