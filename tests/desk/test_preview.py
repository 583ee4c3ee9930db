"""What the desk says each decision would publish is what the line publishes once it has been made."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from fixtures.small_book import MONTHS, small_book
from publish.desk.book import Book
from publish.desk.preview import ACTIONS, effects
from transforms.aggregation import add_up
from transforms.contracts import tables
from transforms.contracts.columns import ZONE
from transforms.decisions import in_force
from transforms.holding import decide, hold_verdicts, holds_of
from transforms.judging import judge_areas

TODAY = date(2019, 10, 14)
BOOK = small_book()
FINDINGS = {row["finding"]: row for row in BOOK.findings.iter_rows(named=True)}
#: What had been decided before: nothing; another finding of the force; the finding itself; a scope by itself.
BEFORE: list[list[tuple[str, str | None]]] = [
    [],
    [("confirm gap", "w39-northshire-nc02-2019-08")],
    [("mark partial", "w39-northshire-nc01-2019-08"), ("defer", "w09-eastmark-2019-09")],
    [("ask for resupply", None)],
]


def entry(number: int, action: str, about: dict[str, Any], *, finding: bool = True) -> dict[str, Any]:
    """A decision as the ledger holds it."""
    return {
        "entry": number,
        "decided_at": datetime(2019, 10, 1, tzinfo=UTC),
        "author": "amina",
        "action": action,
        "finding": about["finding"] if finding else None,
        **{name: about[name] for name in ("force", "area", "category", "first_month", "last_month")},
        "coverage": 0.5 if action == "mark partial" else None,
        "reason": "Looked.",
    }


def ledger(rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {**tables.Decisions.create_empty().schema, "decided_at": pl.Datetime("us", "UTC")}
    made = pl.DataFrame(rows, schema=schema)
    return tables.Decisions.validate(
        made.with_columns(pl.col("decided_at").dt.convert_time_zone(ZONE)), cast=True
    )


def published(book: Book, force: str, decisions: pl.DataFrame) -> pl.DataFrame:
    """Every cell of a force's last quarter as the line judges it, under what is held and what was decided."""
    lsoas = book.country.lsoas
    holds = decide(holds_of(book.findings, lsoas), in_force(decisions, TODAY), lsoas)
    verdicts = hold_verdicts(book.verdicts, holds)
    return judge_areas(book.cells(force, MONTHS[-3:]), verdicts, holds).collect()


@pytest.mark.parametrize("before", BEFORE, ids=["nothing", "another", "itself", "scope"])
@pytest.mark.parametrize("finding", FINDINGS)
def test_each_effect_is_what_the_line_then_publishes(
    finding: str, before: list[tuple[str, str | None]]
) -> None:
    about = FINDINGS[finding]
    made = [
        entry(number, action, FINDINGS[on] if on else about, finding=on is not None)
        for number, (action, on) in enumerate(before, 1)
    ]
    of_force = ledger([row for row in made if row["force"] == about["force"]])
    quarter, shown = effects(BOOK, about, of_force, TODAY)
    assert [effect.action for effect in shown] == list(ACTIONS)
    for effect in shown:
        now = published(BOOK, about["force"], ledger([*made, entry(9, effect.action, about)]))
        (force,) = add_up(now, by=["force"]).iter_rows(named=True)
        assert (effect.force.count, effect.force.status) == (force["count"], force["status"]), effect.action
        part = now.filter(pl.col("month").is_between(about["first_month"], about["last_month"]))
        if about["area"]:
            own = BOOK.country.lsoas.filter(pl.col("neighbourhood") == about["area"])
            part = part.filter(pl.col("lsoa_code").is_in(own.get_column("lsoa_code").to_list()))
        (row,) = add_up(part, by=["force"]).iter_rows(named=True)
        assert (effect.part.count, effect.part.status) == (row["count"], row["status"]), effect.action
        others = BOOK.judged.filter(pl.col("force") != about["force"], pl.col("month").is_in(quarter.months))
        everyone = pl.concat([frame.select("count", "status") for frame in (others, now)])
        (country,) = add_up(everyone.with_columns(all=pl.lit("all")), by=["all"]).iter_rows(named=True)
        assert (effect.country.count, effect.country.status) == (country["count"], country["status"])
