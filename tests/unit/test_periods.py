"""Months, quarters and years."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms import periods
from transforms.periods import Quarter


@pytest.mark.parametrize(
    ("written", "quarter", "financial_year", "financial_quarter", "title"),
    [
        ("2019-Q2", "2019-Q2", "2019/20", 1, "April to June 2019"),
        ("2019/20-Q1", "2019-Q2", "2019/20", 1, "April to June 2019"),
        ("2019/20 q4", "2020-Q1", "2019/20", 4, "January to March 2020"),
        ("2020Q1", "2020-Q1", "2019/20", 4, "January to March 2020"),
        ("1999/00-Q3", "1999-Q4", "1999/00", 3, "October to December 1999"),
    ],
)
def test_a_quarter_is_the_same_by_either_year(
    written: str, quarter: str, financial_year: str, financial_quarter: int, title: str
) -> None:
    read = Quarter.parse(written)
    assert (str(read), read.financial_year, read.financial_quarter, read.title) == (
        quarter, financial_year, financial_quarter, title,
    )  # fmt: skip


@pytest.mark.parametrize("written", ["2019", "2019-Q5", "2019/21-Q1", "Q2 2019", "", "2019-06"])
def test_what_is_not_a_quarter_is_refused_with_the_form_wanted(written: str) -> None:
    with pytest.raises(ValueError, match="write 2019-Q2"):
        Quarter.parse(written)


def test_the_rolling_year_ends_with_its_quarter() -> None:
    year = Quarter.parse("2019-Q2").year_ending
    assert (len(year), year[0], year[-1]) == (12, date(2018, 7, 1), date(2019, 6, 1))
    assert Quarter.parse("2019-Q2").year_title == "year ending June 2019"


@given(st.dates(date(1990, 1, 1), date(2050, 12, 31)), st.integers(-200, 200))
def test_steps_forward_and_back_meet(day: date, step: int) -> None:
    month = day.replace(day=1)
    assert periods.plus_months(periods.plus_months(month, step), -step) == month
    assert Quarter.of(day).plus(step).plus(-step) == Quarter.of(day)


@given(st.dates(date(1990, 1, 1), date(2050, 12, 31)))
def test_columns_and_quarters_agree(day: date) -> None:
    frame = pl.DataFrame({"month": [day.replace(day=1)]}).select(
        year=periods.financial_year(pl.col("month")),
        quarter=periods.financial_quarter(pl.col("month")),
        key=periods.quarter_key(pl.col("month")),
    )
    quarter = Quarter.of(day)
    assert frame.row(0) == (quarter.financial_year, quarter.financial_quarter, str(quarter))


def test_a_crime_recorded_just_after_midnight_in_summer_belongs_to_the_new_month() -> None:
    # 23:30 UTC on 30 June is 00:30 on 1 July in Europe/London.
    moment = datetime(2019, 6, 30, 23, 30, tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo("Europe/London"))
    frame = pl.DataFrame({"at": [moment]}, schema={"at": pl.Datetime("us", "Europe/London")})
    assert frame.select(periods.month_of(pl.col("at"))).item() == date(2019, 7, 1)


def test_months_run_over_the_year_end() -> None:
    assert periods.months_between(date(2019, 11, 1), date(2020, 2, 1)) == [
        date(2019, 11, 1), date(2019, 12, 1), date(2020, 1, 1), date(2020, 2, 1),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="2019-13"):
        periods.parse_month("2019-13")
