"""Which decisions stand: undo appends, and expiry asks again."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from transforms.contracts import tables
from transforms.decisions import in_force


def decision(entry: int, action: str = "confirm gap", **more: Any) -> dict[str, Any]:
    return {
        "entry": entry,
        "decided_at": datetime(2020, 1, entry, 9, tzinfo=UTC),
        "author": "A Checker",
        "action": action,
        "finding": "W01-aaaa",
        "force": "northshire",
        "file_type": None,
        "area": None,
        "category": None,
        "first_month": date(2019, 7, 1),
        "last_month": date(2019, 9, 1),
        "coverage": None,
        "reason": "The force has said so.",
        "evidence": None,
        "expires": None,
        "undoes": None,
    } | more


def ledger(*rows: dict[str, Any]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=tables.Decisions.create_empty().schema)
    return tables.Decisions.validate(frame)


def standing(*rows: dict[str, Any], on: date = date(2020, 2, 1)) -> list[int]:
    return in_force(ledger(*rows), on).get_column("entry").to_list()


def test_what_was_decided_stands() -> None:
    assert standing(decision(1), decision(2)) == [1, 2]


def test_an_undo_takes_back_and_an_undone_undo_restores() -> None:
    rows = [decision(1), decision(2, "undo", undoes=1)]
    assert standing(*rows) == []
    assert standing(*rows, decision(3, "undo", undoes=2)) == [1]


def test_an_expired_decision_is_asked_again_from_its_day() -> None:
    row = decision(1, expires=date(2020, 3, 1))
    assert standing(row, on=date(2020, 2, 29)) == [1]
    assert standing(row, on=date(2020, 3, 1)) == []


def test_no_entries_none_standing() -> None:
    assert in_force(tables.Decisions.create_empty(), date(2020, 1, 1)).is_empty()
