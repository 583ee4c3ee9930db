"""What publishing would look like under each decision, worked out by the very rules that publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl

from publish.desk.book import Book
from transforms.aggregation import add_up
from transforms.contracts.columns import BEHAVIOUR, ZONE
from transforms.contracts.status import STATUS, Status
from transforms.decisions import in_force
from transforms.holding import decide, hold_cells, hold_verdicts, holds_of
from transforms.periods import Quarter, quarters_of

#: What can be decided, in the order that the desk offers it.
ACTIONS: Final = (
    "confirm gap",
    "accept as genuine",
    "ask for resupply",
    "mark partial",
    "exclude from comparison",
    "defer",
)


@dataclass(frozen=True)
class Shown:
    """One published figure: its number, or None, with its status."""

    count: int | None
    status: str


#: What is shown of a part that has no cell.
NOTHING: Final = Shown(None, Status.NOT_APPLICABLE.value)


@dataclass(frozen=True)
class Effect:
    """What would be published under one decision: of the part concerned, its force and the whole country.

    Each is for the last quarter that the finding touches. `excluded` are the forces that the country lacks, and
    `without` is its figure when they are left out by name.
    """

    action: str
    part: Shown
    force: Shown
    country: Shown
    without: Shown
    excluded: tuple[str, ...]

    @property
    def outcome(self) -> tuple[object, ...]:
        """What is published, whichever decision it comes from."""
        return tuple(each.count for each in (self.part, self.force, self.country, self.without))


def effects(
    book: Book, finding: dict[str, Any], decisions: pl.DataFrame, today: date
) -> tuple[Quarter, list[Effect]]:
    """The quarter shown, and the effect of each of `ACTIONS`, decided now, on its figures.

    `decisions` is the ledger so far about the finding's force (`tables.Decisions`). A force of which no cell is
    known, such as “all forces”, gives no effects.

    The rules of publication run once, over the force as many times as there are decisions to choose from: each copy
    of it is called after the decision that it is under.
    """
    first, last = finding["first_month"], finding["last_month"]
    quarter = quarters_of([last])[-1]
    force = finding["force"]
    months = [month for month in quarter.months if month in book.months]
    if force not in book.names or not months:
        return quarter, []
    lsoas = book.once(("lsoas", force), lambda: book.country.lsoas.filter(pl.col("force") == force))
    standing = in_force(decisions, today)
    decided = pl.concat([_under_each(standing), _made_now(standing, finding)])
    held = book.once(("holds", force), lambda: _under_each(_held(book, force, lsoas)))
    copies = book.once(("copies", force), lambda: _under_each(lsoas))
    holds = decide(held, decided, copies).filter(pl.col("month").is_in(months))
    # A month whose file held no record of it is missing whatever anyone decides, unless that was right.
    empty = _under_each(
        book.verdicts.filter(
            pl.col("force") == force, pl.col("status").cast(pl.String) == Status.MISSING.value
        ).select("force", "month")
    ).filter(pl.col("force") != "accept as genuine")
    concerned = _places_of(finding, lsoas)
    types = finding["category"].split(" > ") if finding["category"] else None
    apart = [*holds.get_column("lsoa_code").unique().drop_nulls(), *(concerned or ())]
    kinds = [*holds.get_column("category").cast(pl.String).unique().drop_nulls(), *(types or ())]
    cells = _cells(book, force, months, apart, kinds)
    published = _published(_under_each(cells), holds, empty)
    part = _within(published, concerned, types, max(first, months[0]), last)
    own = add_up(published, by=["force"])
    others = book.once(("others", force, *months), lambda: _others(book, force, months))
    everyone = pl.concat(
        [
            others.join(pl.DataFrame({"under": ACTIONS}), how="cross"),
            own.select(force=pl.lit(force), count="count", status="status", under="force"),
        ]
    )
    whole = add_up(everyone, by=["under"], child="force")
    lacking = whole.select("under", force="lacking").explode("force")
    parts, forces, countries = _shown(add_up(part, by=["force"])), _shown(own), _shown(whole)
    without = _shown(add_up(everyone.join(lacking, on=["under", "force"], how="anti"), by=["under"]))
    named = dict(whole.select("under", "lacking").iter_rows())
    return quarter, [
        Effect(
            action,
            parts.get(action, NOTHING),
            forces.get(action, NOTHING),
            countries.get(action, NOTHING),
            without.get(action, NOTHING),
            tuple(book.names.get(each, each) for each in named.get(action, ())),
        )
        for action in ACTIONS
    ]


def _under_each(of_force: pl.DataFrame) -> pl.DataFrame:
    """The rows of one force once for each of `ACTIONS`, which takes the place of its name."""
    return of_force.drop("force").join(pl.DataFrame({"force": ACTIONS}), how="cross").select(of_force.columns)


def _held(book: Book, force: str, lsoas: pl.DataFrame) -> pl.DataFrame:
    """What the force's findings hold before anyone has decided."""
    return holds_of(book.findings.filter(pl.col("force") == force), lsoas)


def _places_of(finding: dict[str, Any], lsoas: pl.DataFrame) -> list[str] | None:
    """The LSOAs that a finding names, themselves or by a larger area; None when it is about the whole force."""
    if finding["area"] is None:
        return None
    places = finding["area"].split(";")
    named = pl.any_horizontal(
        pl.col(level).is_in(places) for level in ("lsoa_code", "neighbourhood", "csp_code")
    )
    return lsoas.filter(named).get_column("lsoa_code").to_list()


def _cells(book: Book, force: str, months: list[date], apart: list[str], kinds: list[str]) -> pl.DataFrame:
    """The force's crimes as supplied, before any judgement: `force, month, lsoa_code, category, count, status`.

    The places and types that nothing holds share one fate, so they stand as one: null.
    """
    supplied = pl.when("supplied").then(pl.lit(Status.COMPLETE.value)).otherwise(pl.lit(Status.MISSING.value))
    cells = (
        book.cells(force, months)
        .filter(pl.col("category").cast(pl.String) != BEHAVIOUR)
        .with_columns(
            lsoa_code=pl.when(pl.col("lsoa_code").is_in(apart)).then("lsoa_code"),
            category=pl.when(pl.col("category").cast(pl.String).is_in(kinds)).then("category"),
            status=supplied.cast(STATUS),
        )
    )
    return add_up(cells, by=["force", "month", "lsoa_code", "category"])


def _others(book: Book, force: str, months: list[date]) -> pl.DataFrame:
    """Every other force's figure as it was judged: `force, count, status`."""
    return add_up(
        book.judged.filter(pl.col("force") != force, pl.col("month").is_in(months)), by=["force"]
    ).select("force", "count", "status")


def _made_now(standing: pl.DataFrame, finding: dict[str, Any]) -> pl.DataFrame:
    """Each decision on the finding as the ledger would hold it if it were made now, in its own copy of the force."""
    observed, expected = finding["observed"], finding["expected"]
    coverage = min(max(observed / expected, 0.0), 1.0) if observed is not None and expected else 0.5
    rows = [
        {
            "entry": max(standing.get_column("entry").to_list(), default=0) + 1,
            "decided_at": datetime(2000, 1, 1, tzinfo=UTC),
            "author": "preview",
            "action": action,
            "force": action,
            **{name: finding[name] for name in ("finding", "area", "category", "first_month", "last_month")},
            "coverage": coverage if action == "mark partial" else None,
            "reason": "preview",
        }
        for action in ACTIONS
    ]
    made = pl.DataFrame(rows, schema={**standing.schema, "decided_at": pl.Datetime("us", "UTC")})
    return made.with_columns(pl.col("decided_at").dt.convert_time_zone(ZONE))


def _published(cells: pl.DataFrame, holds: pl.DataFrame, empty: pl.DataFrame) -> pl.DataFrame:
    """Cells as they would be published: the force's own verdict, then every hold on a part."""
    gone = empty.lazy().with_columns(gone=pl.lit(True))
    verdicts = (
        cells.lazy()
        .group_by("force", "month")
        .agg(status=pl.col("status").first())
        .join(gone, on=["force", "month"], how="left")
        .select(
            "force",
            "month",
            file_type=pl.lit("extract"),
            status=pl.when("gone")
            .then(pl.lit(Status.MISSING.value))
            .otherwise(pl.col("status"))
            .cast(STATUS),
            reason=pl.lit(""),
            since=pl.lit(None, pl.Date),
            coverage=pl.lit(None, pl.Float64),
        )
        .collect()
    )
    inherited = hold_verdicts(verdicts, holds).lazy().select("force", "month", verdict="status")
    judged = (
        cells.lazy()
        .join(inherited, on=["force", "month"], how="left")
        .with_columns(status="verdict")
        .drop("verdict")
    )
    return hold_cells(judged, holds).collect()


def _within(
    cells: pl.DataFrame, places: list[str] | None, types: list[str] | None, first: date, last: date
) -> pl.DataFrame:
    """The cells that a finding is about."""
    part = cells.lazy().filter(pl.col("month").is_between(first, last))
    if places is not None:
        part = part.filter(pl.col("lsoa_code").is_in(places))
    if types is not None:
        part = part.filter(pl.col("category").cast(pl.String).is_in(types))
    return part.collect()


def _shown(totals: pl.DataFrame) -> dict[str, Shown]:
    """Each row's figure by what its first column says."""
    first = totals.columns[0]
    return {row[first]: Shown(row["count"], str(row["status"])) for row in totals.iter_rows(named=True)}
