"""The worked example of comparability, on the real force-year totals of England and Wales."""

import os
from pathlib import Path

import polars as pl
import pytest

from transforms.comparability import changes, in_words, leaving, like_for_like, total_label
from transforms.contracts.status import STATUS

DATA = Path(os.environ.get("FULLCOUNT_OPEN_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
TOTALS = DATA / "official" / "prc_force_year_totals_july2026-vintage.csv"
FORCES = Path(__file__).parents[2] / "geography" / "data" / "forces.csv"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not TOTALS.exists(), reason=f"the open data are not at {DATA}; set FULLCOUNT_OPEN_DATA"
    ),
]


@pytest.fixture(scope="module")
def totals() -> pl.DataFrame:
    """One row for each force and financial year, complete."""
    return (
        pl.read_csv(TOTALS)
        .rename({"force": "name", "financial_year": "period", "recorded_crime_excl_AF_CIFAS_UKF": "count"})
        .with_columns(pl.col("name").replace("City of London", "London, City of"))
        .join(forces(), on="name")
        .select("force", "period", "count", column=pl.lit("total"), status=pl.lit("complete", dtype=STATUS))
    )


def forces() -> pl.DataFrame:
    return pl.read_csv(FORCES).filter(pl.col("kind") == "territorial").select("force", "name", "region")


def members() -> pl.DataFrame:
    everyone = forces().select("force", area=pl.lit("England and Wales"))
    return pl.concat([everyone, forces().select("force", area="region")]).select("area", "force")


def compared(figures: pl.DataFrame, before: str, now: str) -> dict[str, tuple[int, int, float]]:
    """For each area as labelled: both years and the change to one decimal."""
    chosen = figures.filter(pl.col("period").is_in([before, now]))
    gone = leaving(chosen)["force"].to_list()
    total = like_for_like(chosen, members(), gone)
    this, last = (total.filter(pl.col("period") == period) for period in (now, before))
    change = changes(this, last, ["area"], decimals=1)
    names = dict(forces().select("force", "name").iter_rows())
    rows = last.join(this, on="area", suffix=" now").join(change, on="area")
    return {
        total_label(area, [names[force] for force in excluding]): (old, new, value)
        for area, excluding, old, new, value in rows.select(
            "area", "excluding", "count", "count now", "value"
        ).iter_rows()
    }


def without(figures: pl.DataFrame, force: str, period: str) -> pl.DataFrame:
    gone = (pl.col("force") == force) & (pl.col("period") == period)
    return figures.with_columns(
        count=pl.when(~gone).then("count"),
        status=pl.when(gone).then(pl.lit("missing")).otherwise(pl.col("status").cast(pl.String)).cast(STATUS),
    )


def test_every_force_is_there(totals: pl.DataFrame) -> None:
    assert totals["force"].n_unique() == 43


def test_greater_manchester_in_both_years(totals: pl.DataFrame) -> None:
    found = compared(totals, "2018/19", "2019/20")
    assert found["England and Wales"] == (5_200_043, 5_234_118, 0.7)
    assert found["North West"] == (766_743, 713_277, -7.0)


def test_greater_manchester_missing_from_the_later_year_leaves_both(totals: pl.DataFrame) -> None:
    found = compared(without(totals, "greater-manchester", "2019/20"), "2018/19", "2019/20")
    assert found["England and Wales excluding Greater Manchester"] == (4_866_363, 4_933_908, 1.4)
    assert found["North West excluding Greater Manchester"] == (433_063, 413_067, -4.6)
    assert found["South West"] == compared(totals, "2018/19", "2019/20")["South West"]
    wrong = round(100 * (4_933_908 - 5_200_043) / 5_200_043, 1)
    assert wrong == -5.1, "the mistake that this prevents"


def test_devon_and_cornwall_short_of_one_quarter_of_2022_23(totals: pl.DataFrame) -> None:
    found = compared(without(totals, "devon-and-cornwall", "2022/23"), "2021/22", "2022/23")
    before, now, change = found["England and Wales excluding Devon and Cornwall"]
    assert (before, now, change) == (5_176_161, 5_411_026, 4.5)
    assert "South West excluding Devon and Cornwall" in found
    assert (
        in_words(["Devon and Cornwall", "Greater Manchester"]) == "Devon and Cornwall, and Greater Manchester"
    )
