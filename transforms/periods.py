"""Months, quarters and years: how a date becomes a published period, and how periods are written.

Financial years run April to March; quarter 1 is April to June (Home Office open data tables).
A quarter key such as `2019-Q2` is the calendar quarter April to June 2019, which is 2019/20 quarter 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

MONTH_NAMES: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_CALENDAR = re.compile(r"^(\d{4})-?Q([1-4])$")
_FINANCIAL = re.compile(r"^(\d{4})/(\d{2})-?Q([1-4])$")


@dataclass(frozen=True, order=True)
class Quarter:
    """One calendar quarter."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read `2019-Q2` (calendar) or `2019/20-Q1` (financial), which are the same quarter.

        Raises ValueError with the value seen and the forms wanted.
        """
        wanted = text.strip().upper().replace(" ", "-")
        if match := _CALENDAR.match(wanted):
            return cls(int(match[1]), int(match[2]))
        match = _FINANCIAL.match(wanted)
        if match and int(match[2]) == (int(match[1]) + 1) % 100:
            financial_quarter = int(match[3])
            return cls(int(match[1]) + financial_quarter // 4, financial_quarter % 4 + 1)
        raise ValueError(
            f"“{text}” is not a quarter: write 2019-Q2, or 2019/20-Q1 for the same quarter by financial year."
        )

    @classmethod
    def of(cls, day: date) -> Quarter:
        """The quarter that a day falls in."""
        return cls(day.year, (day.month - 1) // 3 + 1)

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"

    @property
    def months(self) -> tuple[date, date, date]:
        """Its three months, each as its first day."""
        first = 3 * (self.number - 1) + 1
        return (date(self.year, first, 1), date(self.year, first + 1, 1), date(self.year, first + 2, 1))

    @property
    def financial_year(self) -> str:
        """The financial year, such as `2019/20`."""
        start = self.year - (self.number == 1)
        return f"{start}/{(start + 1) % 100:02d}"

    @property
    def financial_quarter(self) -> int:
        """The quarter of the financial year: 1 is April to June."""
        return (self.number - 2) % 4 + 1

    @property
    def title(self) -> str:
        """In words, such as `April to June 2019`."""
        first, _, last = self.months
        return f"{MONTH_NAMES[first.month - 1]} to {month_title(last)}"

    @property
    def year_title(self) -> str:
        """The rolling year that it ends, such as `year ending June 2019`."""
        return f"year ending {month_title(self.months[2])}"

    def plus(self, quarters: int) -> Quarter:
        """The quarter so many quarters later; earlier when negative."""
        index = self.year * 4 + self.number - 1 + quarters
        return Quarter(index // 4, index % 4 + 1)

    @property
    def year_ending(self) -> tuple[date, ...]:
        """The twelve months of the rolling year that it ends."""
        return tuple(month for back in (-3, -2, -1, 0) for month in self.plus(back).months)


def month_title(month: date) -> str:
    """A month in words, such as `June 2019`."""
    return f"{MONTH_NAMES[month.month - 1]} {month.year}"


def parse_month(text: str) -> date:
    """Read `2019-07` as 1 July 2019. Raises ValueError with the value seen and the form wanted."""
    if match := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text.strip()):
        return date(int(match[1]), int(match[2]), 1)
    raise ValueError(f"“{text}” is not a month: write it as 2019-07.")


def plus_months(month: date, months: int) -> date:
    """The month so many months later; earlier when negative."""
    index = month.year * 12 + month.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def months_between(first: date, last: date) -> list[date]:
    """Every month from the first to the last, both included."""
    span = (last.year - first.year) * 12 + last.month - first.month
    return [plus_months(first, step) for step in range(span + 1)]


def quarters_of(months: Sequence[date]) -> list[Quarter]:
    """The quarters that the months fall in, in order, each once."""
    return sorted({Quarter.of(month) for month in months})


def month_of(moment: pl.Expr) -> pl.Expr:
    """The month of a moment by its own calendar, as its first day."""
    return moment.dt.date().dt.truncate("1mo")


def financial_year(month: pl.Expr) -> pl.Expr:
    """The financial year of a month, as text such as `2019/20`."""
    start = month.dt.year() - (month.dt.month() < 4).cast(pl.Int32)
    return pl.format("{}/{}", start, ((start + 1) % 100).cast(pl.String).str.zfill(2))


def financial_quarter(month: pl.Expr) -> pl.Expr:
    """The quarter of the financial year of a month: 1 is April to June."""
    return (month.dt.month().cast(pl.Int32) + 8) % 12 // 3 + 1


def quarter_key(month: pl.Expr) -> pl.Expr:
    """The calendar quarter of a month, as text such as `2019-Q2`."""
    return pl.format("{}-Q{}", month.dt.year(), month.dt.quarter())
