"""What publishing would look like under each decision, worked out by the very rules that publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl

from publish.desk.book import Book
from transforms.aggregation import add_up
from transforms.contracts import tables
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

    `decisions` is the ledger so far (`tables.Decisions`). A force of which no cell is known, such as “all
    forces”, gives no effects.
    """
    first, last = finding["first_month"], finding["last_month"]
    quarter = quarters_of([last])[-1]
    force = finding["force"]
    months = [month for month in quarter.months if month in book.months]
    if force not in book.names or not months:
        return quarter, []
    cells = (
        book.cells(force, months)
        .filter(pl.col("category").cast(pl.String) != BEHAVIOUR)
        .with_columns(
            status=pl.when("supplied")
            .then(pl.lit(Status.COMPLETE.value))
            .otherwise(pl.lit(Status.MISSING.value))
            .cast(STATUS)
        )
        .collect()
    )
    # A month whose file held no record of it is missing whatever anyone decides.
    empty = book.verdicts.filter(
        pl.col("force") == force, pl.col("status").cast(pl.String) == Status.MISSING.value
    ).select("force", "month")
    held = holds_of(book.findings.filter(pl.col("force") == force), book.country.lsoas)
    others = book.judged.filter(pl.col("force") != force, pl.col("month").is_in(months))
    standing = in_force(decisions, today)
    rows = []
    for action in ACTIONS:
        decided = _with(standing, finding, action)
        holds = decide(held, decided, book.country.lsoas).filter(pl.col("month").is_in(months))
        published = _published(cells, holds, empty if action != "accept as genuine" else empty.clear())
        in_part = _within(published, finding, book, max(first, months[0]), last)
        own = add_up(published, by=["force"])
        figures = ["force", "count", "status"]
        all_forces = pl.concat([others.select(figures), published.select(figures)]).with_columns(
            all=pl.lit("all")
        )
        whole = add_up(all_forces, by=["all"], child="force")
        lacking = whole.get_column("lacking").to_list()[0]
        rows.append(
            Effect(
                action,
                _shown(add_up(in_part.with_columns(all=pl.lit("all")), by=["all"])),
                _shown(own),
                _shown(whole),
                _shown(add_up(all_forces.filter(~pl.col("force").is_in(lacking)), by=["all"])),
                tuple(book.names.get(each, each) for each in lacking),
            )
        )
    return quarter, rows


def _with(standing: pl.DataFrame, finding: dict[str, Any], action: str) -> pl.DataFrame:
    """The decisions that would stand if this one were made now."""
    observed, expected = finding["observed"], finding["expected"]
    coverage = min(max(observed / expected, 0.0), 1.0) if observed is not None and expected else 0.5
    row = {
        "entry": max(standing.get_column("entry").to_list(), default=0) + 1,
        "decided_at": datetime(2000, 1, 1, tzinfo=UTC),
        "author": "preview",
        "action": action,
        "finding": finding["finding"],
        **{name: finding[name] for name in ("force", "area", "category", "first_month", "last_month")},
        "file_type": None,
        "coverage": coverage if action == "mark partial" else None,
        "reason": "preview",
        "evidence": None,
        "expires": None,
        "undoes": None,
    }
    schema = tables.Decisions.create_empty().schema
    made = pl.DataFrame([row], schema={**schema, "decided_at": pl.Datetime("us", "UTC")})
    local = made.with_columns(pl.col("decided_at").dt.convert_time_zone(ZONE)).select(list(schema))
    return pl.concat([standing, local])


def _published(cells: pl.DataFrame, holds: pl.DataFrame, empty: pl.DataFrame) -> pl.DataFrame:
    """Cells as they would be published: the force's own verdict, then every hold on a part."""
    verdicts = (
        cells.lazy()
        .group_by("force", "month")
        .agg(status=pl.col("status").first())
        .with_columns(
            file_type=pl.lit("extract"),
            reason=pl.lit(""),
            since=pl.lit(None, pl.Date),
            coverage=pl.lit(None, pl.Float64),
        )
        .collect()
    )
    missing = verdicts.join(empty, on=["force", "month"], how="semi").select(
        "force", "month", gone=pl.lit(True)
    )
    verdicts = (
        verdicts.join(missing, on=["force", "month"], how="left")
        .with_columns(
            status=pl.when("gone").then(pl.lit(Status.MISSING.value)).otherwise(pl.col("status")).cast(STATUS)
        )
        .select("force", "file_type", "month", "status", "reason", "since", "coverage")
    )
    inherited = hold_verdicts(verdicts, holds).select("force", "month", verdict="status")
    judged = (
        cells.join(inherited, on=["force", "month"], how="left")
        .with_columns(status="verdict")
        .drop("verdict")
    )
    return hold_cells(judged.lazy(), holds).collect()


def _within(
    cells: pl.DataFrame, finding: dict[str, Any], book: Book, first: date, last: date
) -> pl.DataFrame:
    """The cells that a finding is about."""
    part = cells.filter(pl.col("month").is_between(first, last))
    if finding["area"] is not None:
        places = finding["area"].split(";")
        lsoas = book.country.lsoas.filter(
            pl.col("force") == finding["force"],
            pl.col("lsoa_code").is_in(places) | pl.col("neighbourhood").is_in(places),
        ).get_column("lsoa_code")
        part = part.filter(pl.col("lsoa_code").is_in(lsoas.to_list()))
    if finding["category"] is not None:
        part = part.filter(pl.col("category").cast(pl.String).is_in(finding["category"].split(" > ")))
    return part


def _shown(total: pl.DataFrame) -> Shown:
    if total.is_empty():
        return Shown(None, Status.NOT_APPLICABLE.value)
    row: dict[str, Any] = total.row(0, named=True)
    return Shown(row["count"], str(row["status"]))
