"""Reads dates and times as records systems write them, and places them in the Europe/London calendar."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

import polars as pl

from transforms.contracts.columns import ZONE

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Style:
    """One way of writing a moment: a pattern, and what says which offset from UTC it is in."""

    pattern: str
    offset: Literal["none", "utc", "written"] = "none"
    day_first: bool = False

    def clock(self, text: pl.Expr) -> pl.Expr:
        """What the clock face says; in UTC where the style gives an offset. Null where `text` is in another style."""
        if self.offset == "written":
            moment = text.str.to_datetime(
                self.pattern, time_unit="us", time_zone="UTC", strict=False, cache=False
            )
            return moment.dt.replace_time_zone(None)
        return text.str.to_datetime(self.pattern, time_unit="us", strict=False, cache=False)

    def moment(self, clock: pl.Expr, years: range) -> pl.Expr:
        """The moment in Europe/London that a clock face of this style shows.

        A clock without an offset is Europe/London's own. Null where the clocks going back or forward make it two
        moments or none, and outside `years`: `any_style` reads those.
        """
        if self.offset == "none":
            first, last = years.start, years.stop - 1
            return clock.map_batches(
                lambda faces: _in_london(faces, first, last),
                return_dtype=pl.Datetime("us", ZONE),
                is_elementwise=True,
            )
        return clock.dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE)


def _in_london(clock: pl.Series, first: int, last: int) -> pl.Series:
    """The moments that clock faces show; null where they show two or none, and outside the years."""
    # A time zone database is asked value by value; looking up the spell of the year takes a third of the time.
    starts, shifts = _spells(first, last)
    shift = shifts.gather(starts.search_sorted(clock, side="right"))
    # The cast takes the clock for that of UTC.
    return (clock + shift).cast(pl.Datetime("us", ZONE))


@cache
def _spells(first: int, last: int) -> tuple[pl.Series, pl.Series]:
    """When each spell of the years starts, by the clock, and what to add in it for UTC; null in doubtful hours.

    There is one shift more than starts: the first is for what comes before them all.
    """
    starts, shifts = [datetime(first, 1, 1)], [None, timedelta()]
    for year in range(first, last + 1):
        left_out, twice = summer_time(year)
        starts += [left_out, left_out + _HOUR, twice - _HOUR, twice]
        shifts += [None, -_HOUR, None, timedelta()]
    starts.append(datetime(last + 1, 1, 1))
    shifts.append(None)
    return pl.Series(starts, dtype=pl.Datetime("us")), pl.Series(shifts, dtype=pl.Duration("us"))


@cache
def summer_time(year: int) -> tuple[datetime, datetime]:
    """The two doubtful hours of a year, by the clock: the one from the first is left out, the one to the second twice.

    For 2019: 31 March 01:00 and 27 October 02:00. From the time zone database. Raises `ValueError` for a year
    whose clocks did not go forward and back.
    """
    london, day = ZoneInfo(ZONE), timedelta(days=1)

    def offset(moment: datetime) -> timedelta | None:
        return moment.astimezone(london).utcoffset()

    days = [datetime(year, 1, 1, tzinfo=UTC) + number * day for number in range(365)]
    changes = [
        start + number * _HOUR
        for start in days
        if offset(start) != offset(start + day)
        for number in range(24)
        if offset(start + number * _HOUR) != offset(start + (number - 1) * _HOUR)
    ]
    if len(changes) != 2:
        raise ValueError(f"the clocks did not go forward and back once in {year}")
    forward, back = (change.replace(tzinfo=None) for change in changes)
    return forward, back + _HOUR


#: ISO 8601 as systems write it; the first that fits most of a column is tried first on all of it.
ISO: Final = (
    Style("%Y-%m-%dT%H:%M:%S"),
    Style("%Y-%m-%d %H:%M:%S"),
    Style("%Y-%m-%dT%H:%M:%SZ", "utc"),
    Style("%+", "written"),
    Style("%Y-%m-%dT%H:%M:%S%.f"),
    Style("%Y-%m-%d %H:%M:%S%.f"),
    Style("%Y-%m-%dT%H:%M"),
    Style("%Y-%m-%d %H:%M"),
    Style("%Y-%m-%d"),
)
#: Day first, as in British spreadsheets. Read only where the map or the file itself rules out month first.
DAY_FIRST: Final = (
    Style("%d/%m/%Y %H:%M:%S", day_first=True),
    Style("%d/%m/%Y %H:%M", day_first=True),
    Style("%d/%m/%Y", day_first=True),
)
#: A date alone, for columns that hold no time.
DATES: Final = ("%Y-%m-%d", "%d/%m/%Y")

_SLASHED: Final = r"^(\d{1,2})/(\d{1,2})/\d{4}"
#: Days since 30 December 1899 for 1955 to 2064, which is how a spreadsheet stores a date.
_SERIAL: Final = r"^[2-5]\d{4}(\.\d+)?$"


def is_day_first(table: pl.DataFrame, names: Collection[str]) -> bool:
    """Whether some value of the named columns can only have the day before the month: 30/07/2019."""
    first = pl.col(names).str.extract(_SLASHED, 1).cast(pl.Int32)
    return bool(names) and any(table.select(first.gt(12).any()).row(0))


def is_month_first(text: pl.Expr) -> pl.Expr:
    """Whether `text` can only have the month before the day: 07/30/2019."""
    return text.str.extract(_SLASHED, 2).cast(pl.Int32).gt(12).fill_null(False)


def main_styles(sample: pl.DataFrame, day_first: bool) -> dict[str, Style]:
    """The style that most of a sample of each column is written in; plain ISO 8601 where one is empty."""
    styles = (*ISO, *DAY_FIRST) if day_first else ISO
    given = sample.select(pl.all().count()).row(0, named=True) if sample.columns else {}
    fits = _fits(sample, sample.columns, styles[:1])
    # Most columns are in the first style. For the others every style is tried at once: asking costs far more than
    # reading a thousand values.
    others = _fits(sample, [name for name in sample.columns if fits[name][0] < given[name]], styles[1:])
    every = {name: [*found, *others.get(name, [])] for name, found in fits.items()}
    return {name: styles[found.index(max(found))] for name, found in every.items()}


def _fits(sample: pl.DataFrame, names: Sequence[str], styles: Sequence[Style]) -> dict[str, list[int]]:
    """How many values of each of the columns are written in each of the styles."""
    if not names:
        return {}
    counts = (
        pl.concat_list(style.clock(pl.col(name)).count() for style in styles).alias(name) for name in names
    )
    return sample.select(counts).row(0, named=True)


def any_style(text: pl.Expr, day_first: bool) -> pl.Expr:
    """The moment that `text` writes in any style that is read, in Europe/London; null where it is in none.

    The hour that comes twice in October is taken as the first of the two (summer time); the hour that is left out
    in March is read as if the clocks had not yet gone forward. Neither changes the day, so no period depends on it.
    """
    clock = pl.coalesce(style.clock(text) for style in _plain(day_first))
    placed = clock.dt.replace_time_zone(ZONE, ambiguous="earliest", non_existent="null")
    left_out = clock.dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE)
    offset = pl.coalesce(style.clock(text) for style in ISO if style.offset != "none")
    offset = offset.dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE)
    return pl.coalesce(placed, left_out, offset)


def is_doubtful(text: pl.Expr, day_first: bool) -> pl.Expr:
    """Whether `text` is a time that the clocks going back or forward makes two moments, or none."""
    clock = pl.coalesce(style.clock(text) for style in _plain(day_first))
    strictly = clock.dt.replace_time_zone(ZONE, ambiguous="null", non_existent="null")
    return (clock.is_not_null() & strictly.is_null()).fill_null(False)


def any_date(text: pl.Expr, day_first: bool) -> pl.Expr:
    """The date that `text` writes, alone or with a time; null where it writes none."""
    dates = [text.str.to_date(pattern, strict=False) for pattern in (DATES if day_first else DATES[:1])]
    return pl.coalesce(*dates, any_style(text, day_first).dt.date())


def why_no_time(text: pl.Expr) -> pl.Expr:
    """What is wrong with a value that is no date or time, in words."""
    serial = pl.date(1899, 12, 30) + pl.duration(
        days=text.str.extract(r"^(\d{5})").cast(pl.Int32, strict=False)
    )
    return (
        pl.when(text.is_null())
        .then(pl.lit("the value is empty"))
        .when(text.str.contains(_SERIAL))
        .then(pl.format("Excel serial date: looks like {}", serial.dt.to_string("%Y-%m-%d")))
        .when(text.str.contains(_SLASHED))
        .then(pl.lit("day and month cannot be told apart in this file"))
        .otherwise(pl.lit("no such date and time"))
    )


def _plain(day_first: bool) -> Iterable[Style]:
    styles: Sequence[Style] = (*ISO, *DAY_FIRST) if day_first else ISO
    return [style for style in styles if style.offset == "none"]
