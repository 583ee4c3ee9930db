"""The evidence beside an alert: what the force supplied before and around it, and what others did meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl
from markupsafe import Markup

from publish.desk.alerts import Alert
from publish.desk.book import Book
from publish.site.charts import trend_picture, trend_words
from publish.site.figures import Figure
from transforms.aggregation import add_up
from transforms.contracts.columns import BEHAVIOUR
from transforms.contracts.status import STATUS, Status
from transforms.periods import plus_months

#: Months shown before an alert's first.
BEFORE: Final = 24
#: Rows of a comparison, at most.
MOST: Final = 12


@dataclass(frozen=True)
class Trend:
    """One series: a still picture, its words, and the numbers for the chart that a script draws over it."""

    title: str
    months: list[date]
    figures: list[Figure]
    expected: float | None
    low: float | None
    high: float | None
    alert_months: list[date]

    @property
    def picture(self) -> Markup:
        """The picture, which needs no script."""
        return trend_picture(self.figures, self.months, self.title)

    @property
    def words(self) -> str:
        """What it shows, for those who cannot see it."""
        return trend_words(self.figures, self.months)

    @property
    def data(self) -> str:
        """What the Plotly chart is drawn from, as JSON: a month without a figure is null, never 0."""
        return json.dumps(
            {
                "title": self.title,
                "months": [f"{month:%Y-%m-%d}" for month in self.months],
                "counts": [figure.count for figure in self.figures],
                "alert": [f"{month:%Y-%m-%d}" for month in self.alert_months],
                "expected": self.expected,
                "low": self.low,
                "high": self.high,
            }
        )


@dataclass(frozen=True)
class Compared:
    """One row of a comparison: before (the mean of the year before), and in the alert's months."""

    name: str
    before: float | None
    now: float | None
    change: float | None


def trend_of(book: Book, alert: Alert) -> Trend | None:
    """The months of the alert's own part: its force, its type or its places; None when it has no force."""
    row = alert.row
    if row["force"] not in book.names:
        return None
    series = _series(book, row)
    last = min(max(book.months), plus_months(row["last_month"], 12))
    first = max(min(book.months), plus_months(row["first_month"], -BEFORE))
    known = dict(series.select("month", "count").iter_rows())
    months = [month for month in book.months if first <= month <= last]
    figures = [
        Figure(known.get(month), (Status.COMPLETE if known.get(month) is not None else Status.MISSING).value)
        for month in months
    ]
    what = " and ".join(filter(None, [row["category"], _place(row["area"])])) or "all crime"
    single = row["first_month"] == row["last_month"]
    return Trend(
        f"{book.names[row['force']]}, {what}, as supplied",
        months,
        figures,
        row["expected"] if single else None,
        row["low"] if single else None,
        row["high"] if single else None,
        alert.months,
    )


def _place(area: str | None) -> str | None:
    if area is None:
        return None
    places = area.split(";")
    return places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} other areas"


def _series(book: Book, row: dict[str, Any]) -> pl.DataFrame:
    """The months of the alert's own part, as supplied: `month, count, status`."""
    return book.once(
        ("series", row["force"], row["area"], row["category"]), lambda: _worked_out_series(book, row)
    )


def _worked_out_series(book: Book, row: dict[str, Any]) -> pl.DataFrame:
    force = row["force"]
    types = row["category"].split(" > ") if row["category"] else None
    if row["area"] is None:
        counts = book.supplied_counts.filter(pl.col("force") == force)
        kind = pl.col("category").cast(pl.String)
        counts = counts.filter(
            kind.is_in(types) if types and types[0] in _kinds(counts) else kind != BEHAVIOUR
        )
        return add_up(counts, by=["month"])
    places = row["area"].split(";")
    if types is None:
        own = book.places.filter(pl.col("force") == force, pl.col("neighbourhood").is_in(places))
        if own.height:
            return _added(own)
    lsoas = book.country.lsoas.filter(
        pl.col("force") == force, pl.col("lsoa_code").is_in(places) | pl.col("neighbourhood").is_in(places)
    ).get_column("lsoa_code")
    cells = book.cells(force, book.months).filter(pl.col("lsoa_code").is_in(lsoas.to_list()))
    if types:
        cells = cells.filter(pl.col("category").cast(pl.String).is_in(types))
    return _added(cells.select("month", "count").collect())


def _added(counts: pl.DataFrame) -> pl.DataFrame:
    known = pl.col("count").is_not_null()
    status = (
        pl.when(known)
        .then(pl.lit(Status.COMPLETE.value))
        .otherwise(pl.lit(Status.MISSING.value))
        .cast(STATUS)
    )
    return add_up(counts.with_columns(status=status), by=["month"])


def _kinds(counts: pl.DataFrame) -> list[str]:
    return counts.get_column("category").cast(pl.String).unique().to_list()


def comparisons(book: Book, alert: Alert) -> list[tuple[str, list[Compared]]]:
    """What else happened in the alert's months: in other types and places of its force, and in other forces."""
    force, months = alert.row["force"], alert.months
    return book.once(
        ("comparisons", force, *months),
        lambda: [
            ("Other crime types of the force", _compared(_types(book, force), months)),
            ("Other neighbourhoods of the force", _compared(_places(book, force), months)),
            ("Other forces", _compared(_forces(book, force), months)),
        ],
    )


def _types(book: Book, force: str) -> pl.DataFrame:
    """The same force's crime types."""
    counts = book.supplied_counts.filter(
        pl.col("force") == force, pl.col("category").cast(pl.String) != BEHAVIOUR
    )
    return counts.with_columns(name=pl.col("category").cast(pl.String))


def _places(book: Book, force: str) -> pl.DataFrame:
    """The same force's neighbourhoods."""
    names = book.country.lsoas.select("force", "neighbourhood", name="neighbourhood_name").unique()
    return book.places.filter(pl.col("force") == force).join(names, on=["force", "neighbourhood"])


def _forces(book: Book, force: str) -> pl.DataFrame:
    """Other forces: those of the same region, or all where it has fewer than three."""
    forces = book.country.forces.select("force", "region", named="name")
    totals = book.once(
        ("totals",),
        lambda: add_up(
            book.supplied_counts.filter(pl.col("category").cast(pl.String) != BEHAVIOUR),
            by=["force", "month"],
        ).join(forces, on="force"),
    )
    here = forces.filter(pl.col("force") == force).get_column("region").to_list()
    near = totals.filter(
        pl.col("force") != force, pl.col("region").is_in(here) if here and here[0] else pl.lit(True)
    )
    if near.get_column("force").n_unique() < 3:
        near = totals.filter(pl.col("force") != force)
    return near.with_columns(name="named")


def _compared(counts: pl.DataFrame, months: Sequence[date]) -> list[Compared]:
    """By `name`: the mean month of the year before the first of `months`, and the mean of `months` themselves."""
    first = months[0]
    before = counts.filter(pl.col("month").is_between(plus_months(first, -12), plus_months(first, -1)))
    now = counts.filter(pl.col("month").is_in(list(months)))
    rows = (
        before.group_by("name")
        .agg(before=pl.col("count").mean())
        .join(now.group_by("name").agg(now=pl.col("count").mean()), on="name", how="full", coalesce=True)
        .with_columns(change=pl.col("now") / pl.when(pl.col("before") > 0).then("before") - 1)
        .sort("change", "name", nulls_last=False)
        .head(MOST)
    )
    return [Compared(**row) for row in rows.select("name", "before", "now", "change").iter_rows(named=True)]


def year_before(book: Book, alert: Alert) -> Compared | None:
    """The alert's part in its own months and in the same months a year before."""
    if alert.row["force"] not in book.names:
        return None
    series = _series(book, alert.row)
    earlier = [plus_months(month, -12) for month in alert.months]
    now = series.filter(pl.col("month").is_in(alert.months)).get_column("count")
    then = series.filter(pl.col("month").is_in(earlier)).get_column("count")
    if then.len() == 0:
        return None
    means = [None if each.null_count() or not each.len() else float(each.mean() or 0) for each in (then, now)]  # type: ignore[arg-type]
    change = means[1] / means[0] - 1 if means[0] and means[1] is not None else None
    return Compared("the same months a year before", means[0], means[1], change)


def arrivals(book: Book, force: str, first: date, last: date) -> list[dict[str, Any]]:
    """Every file of a force that holds any of these months, in the order received."""
    files = book.supplies.filter(
        pl.col("force") == force, pl.col("first_month") <= last, pl.col("last_month") >= first
    )
    return files.to_dicts()
