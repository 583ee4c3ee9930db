"""Day by day: how many records each force makes, how late, and what its old system still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Final

import polars as pl
from markupsafe import Markup
from starlette.responses import Response

from publish.desk.book import Book
from publish.desk.visits import Visit

#: Days drawn for each force.
DAYS: Final = 92
#: Weeks that a day of the week is compared with, and how far below them a day stands out.
WEEKS: Final = 8
LOW: Final = 0.5
HEIGHT: Final = 56
#: Fewest records usual on a day before it can be called low.
FEWEST: Final = 10
#: Flags shown, the latest first.
MOST: Final = 60


@dataclass(frozen=True)
class Pulse:
    """One force's last days: the bars, the last day with records, how many days ran low, its delay and its old system.

    `usual` is the median of the same days of the week in the eight weeks before the last seven days.
    """

    force: str
    name: str
    picture: Markup
    words: str
    last: date | None
    week: int | None
    usual: float | None
    low_days: int
    median_hours: float | None
    usual_hours: float | None
    left_behind: int


def early(visit: Visit) -> Response:
    """Every force's daily volumes, recording delay and unmigrated crimes, those that fell furthest first."""
    book = visit.desk.book()
    pulses = sorted(pulses_of(book), key=lambda each: (-each.low_days, each.name))
    flags = book.flags.sort("as_of", "force", "code", descending=[True, False, False]).head(MOST).to_dicts()
    words = {"low": LOW, "weeks": WEEKS, "fewest": FEWEST}
    return visit.page("early.html", pulses=pulses, flags=flags, names=book.names, **words)


def pulses_of(book: Book) -> list[Pulse]:
    """One for each force that supplies records day by day."""
    if book.days.is_empty():
        return []
    daily = book.days.select(
        "force", "rows", at=pl.date(pl.col("month").dt.year(), pl.col("month").dt.month(), "day")
    )
    latest = daily.get_column("at").max()
    assert isinstance(latest, date)
    parts = daily.partition_by("force", as_dict=True)
    return [
        _pulse(book, force, part, latest)
        for force, part in sorted(
            ((str(key[0]), part) for key, part in parts.items()), key=lambda each: each[0]
        )
    ]


def _pulse(book: Book, force: str, daily: pl.DataFrame, latest: date) -> Pulse:
    counts: dict[date, int] = dict(daily.select("at", "rows").iter_rows())
    days = [latest - timedelta(days=back) for back in reversed(range(DAYS))]
    usual = {day: _usual(counts, day) for day in days}
    low = [
        day
        for day in days[-14:]
        if (usual[day] or 0) >= FEWEST and counts.get(day, 0) < LOW * (usual[day] or 0)
    ]
    delays = book.delays.filter(pl.col("force") == force).sort("week")
    hours = delays.get_column("median_hours").to_list()
    left = book.systems.filter(pl.col("force") == force, pl.col("place") == "old only", pl.col("open"))
    week = [counts[day] for day in days[-7:] if day in counts]
    usual_week = [there for day in days[-7:] if (there := usual[day]) is not None]
    return Pulse(
        force=force,
        name=book.names.get(force, force),
        picture=_bars(days, counts, book.names.get(force, force)),
        words=_words(days, counts),
        last=max(counts, default=None),
        week=sum(week) if week else None,
        usual=sum(usual_week) if usual_week else None,
        low_days=len(low),
        median_hours=hours[-1] if hours else None,
        usual_hours=float(median(hours[-13:-1])) if len(hours) > 4 else None,
        left_behind=left.get_column("rows").to_list()[0] if left.height else 0,
    )


def _usual(counts: dict[date, int], day: date) -> float | None:
    """The median of the last `WEEKS` known same days of the week, within a year; None when they are too few."""
    before = [day - timedelta(weeks=back) for back in range(1, 53)]
    known = [counts[there] for there in before if there in counts][:WEEKS]
    return float(median(known)) if len(known) > WEEKS / 2 else None


def _bars(days: list[date], counts: dict[date, int], name: str) -> Markup:
    """A bar for each day; a day without a record is hatched to the top, so that it is no bar of no height."""
    top = max((counts.get(day, 0) for day in days), default=0) or 1
    parts = [
        f'<svg class="pulse" role="img" aria-label="{Markup.escape(name)}, records a day" '
        f'viewBox="0 0 {len(days) * 4} {HEIGHT}" preserveAspectRatio="none">'
    ]
    for place, day in enumerate(days):
        tall = HEIGHT * counts[day] / top if day in counts else HEIGHT
        kind = "bar" if day in counts else "gap"
        parts.append(
            f'<rect class="{kind}" x="{4 * place}" width="{3 if day in counts else 4}" '
            f'y="{HEIGHT - tall:.1f}" height="{tall:.1f}"><title>{day:%-d %B %Y}: '
            f"{f'{counts[day]:,} records' if day in counts else 'no record known'}</title></rect>"
        )
    return Markup("".join([*parts, "</svg>"]))


def _words(days: list[date], counts: dict[date, int]) -> str:
    absent = [day for day in days if day not in counts]
    if not absent:
        return f"Records on every day from {days[0]:%-d %B} to {days[-1]:%-d %B %Y}."
    return f"No record known on {len(absent)} of the last {len(days)} days, the last such day {absent[-1]:%-d %B %Y}."
