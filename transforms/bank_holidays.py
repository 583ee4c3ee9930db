"""The bank holidays of England and Wales, on which nothing is released."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

MONDAY, SATURDAY, SUNDAY = 0, 5, 6

#: Moved or added by proclamation: the day it would have been, if any, and the day it was.
PROCLAIMED: Final = {
    (date(2002, 5, 27), date(2002, 6, 4)),
    (None, date(2002, 6, 3)),
    (None, date(2011, 4, 29)),
    (date(2012, 5, 28), date(2012, 6, 4)),
    (None, date(2012, 6, 5)),
    (date(2020, 5, 4), date(2020, 5, 8)),
    (date(2022, 5, 30), date(2022, 6, 2)),
    (None, date(2022, 6, 3)),
    (None, date(2022, 9, 19)),
    (None, date(2023, 5, 8)),
}


def bank_holidays(year: int) -> set[date]:
    """The bank holidays of a year, with the days that stand for those at a weekend.

    Banking and Financial Dealings Act 1971, schedule 1; gov.uk, “UK bank holidays”. Future proclamations are not known.
    """
    easter = _easter(year)
    days = {
        easter - timedelta(days=2),
        easter + timedelta(days=1),
        _first_monday(date(year, 5, 1)),
        _first_monday(date(year, 5, 25)),
        _first_monday(date(year, 8, 25)),
    }
    for fixed in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        day = fixed
        while day.weekday() >= SATURDAY or day in days:
            day += timedelta(days=1)
        days.add(day)
    gone = {was for was, _ in PROCLAIMED}
    return (days - gone) | {now for _, now in PROCLAIMED if now.year == year}


def _first_monday(start: date) -> date:
    return start + timedelta(days=(MONDAY - start.weekday()) % 7)


def _easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (Meeus, Jones and Butcher)."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - moon + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * sunday) // 451
    month, day = divmod(epact + sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)
