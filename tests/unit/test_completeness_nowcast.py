"""Coverage of the latest months from the reporting triangle; never a count."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from transforms.completeness.nowcast import nowcast, reporting_coverage


def triangle(shares: tuple[float, ...] = (0.8, 0.95, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)) -> pl.DataFrame:
    months = pl.date_range(date(2023, 1, 1), date(2023, 12, 1), "1mo", eager=True).to_list()
    rows = [
        {
            "force": force,
            "month": month,
            "vintage": vintage,
            "n": round(1000 * shares[min(j - i, len(shares) - 1)]),
        }
        for force in ("ashtonshire", "birchshire")
        for i, month in enumerate(months)
        for j, vintage in enumerate(months)
        if j >= i and not (force == "birchshire" and i == j == 11)
    ]
    return pl.DataFrame(rows)


def test_coverage_by_lag_is_what_later_vintages_added() -> None:
    table = reporting_coverage(triangle())
    assert table["lag"].to_list() == list(range(6))
    assert table["coverage"].to_list()[:3] == pytest.approx([0.8, 0.95, 1.0])


def test_the_latest_months_get_coverage_and_no_count() -> None:
    table = nowcast(triangle(), date(2023, 12, 1))
    assert "n" not in table.columns
    latest = table.filter((pl.col("force") == "ashtonshire") & (pl.col("lag") == 0)).row(0, named=True)
    assert latest["coverage"] == pytest.approx(0.8)


def test_a_month_that_the_vintage_lacks_has_no_coverage() -> None:
    table = nowcast(triangle(), date(2023, 12, 1))
    absent = table.filter((pl.col("force") == "birchshire") & (pl.col("month") == date(2023, 12, 1)))
    assert absent["coverage"].to_list() == [0.0]
