"""The ledger: nothing is lost, nothing is overwritten, and whatever is changed afterwards is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from publish.desk.errors import ClashError, DeskError, TamperedError, UnreachableError
from publish.desk.ledger import Draft, Ledger
from transforms.decisions import in_force

FINDING = "W01-northshire-2019-07"


def body(action: str = "confirm gap", **more: Any) -> dict[str, Any]:
    return {
        "action": action,
        "finding": FINDING,
        "force": "northshire",
        "file_type": None,
        "area": None,
        "category": None,
        "first_month": "2019-07-01",
        "last_month": "2019-09-01",
        "coverage": None,
        "reason": "The force has said so.",
        "evidence": None,
        "expires": None,
        "undoes": None,
    } | more


def draft(seen: int = 0, token: str = "one", author: str = "amina", **more: Any) -> Draft:
    return Draft(
        more.pop("kind", "decision"), author, more.pop("subject", FINDING), seen, token, body(**more)
    )


def test_entries_are_read_back_as_they_were_made(ledger: Ledger) -> None:
    (first,) = ledger.append(draft(reason="Zoë said: “no”.\nTwice."))
    (second,) = ledger.append(draft(1, "two", action="defer", expires="2019-11-01"))
    assert ledger.entries() == [first, second]
    assert [entry.number for entry in ledger.entries(newest=1)] == [2]
    assert second.previous == first.hash
    table = ledger.decisions()
    assert table.get_column("reason").to_list() == ["Zoë said: “no”.\nTwice.", "The force has said so."]
    assert table.get_column("expires").to_list() == [None, date(2019, 11, 1)]
    assert table.get_column("decided_at")[0].astimezone(UTC) == datetime(2019, 10, 14, 8, tzinfo=UTC)
    assert ledger.versions([FINDING, "unknown"]) == {FINDING: 2, "unknown": 0}


def test_the_second_of_two_people_is_told_of_the_first(ledger: Ledger) -> None:
    ledger.append(draft())
    with pytest.raises(ClashError, match=r"amina recorded “confirm gap” on it at 09:00 on 14 October 2019"):
        ledger.append(draft(0, "two", author="ben", action="accept as genuine"))
    assert len(ledger.entries()) == 1


def test_a_form_sent_twice_is_one_entry(ledger: Ledger) -> None:
    once, again = ledger.append(draft()), ledger.append(draft())
    assert once == again
    assert len(ledger.entries()) == 1


def test_several_are_appended_together_or_not_at_all(ledger: Ledger) -> None:
    ledger.append(draft(subject="b", token="earlier"))
    with pytest.raises(ClashError):
        ledger.append(*(draft(subject=each, token=each) for each in "abc"))
    assert [entry.subject for entry in ledger.entries()] == ["b"]
    ledger.append(*(draft(subject=each, token=each) for each in "acd"))
    assert [entry.number for entry in ledger.entries()] == [1, 2, 3, 4]
    ledger.verify()


def test_an_undo_is_an_entry(ledger: Ledger) -> None:
    (made,) = ledger.append(draft())
    ledger.append(draft(1, "two", action="undo", undoes=made.number, reason="Wrong force."))
    assert in_force(ledger.decisions(), date(2020, 1, 1)).is_empty()
    assert len(ledger.entries()) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"reason": "x" * 100_000}, r"100,000 characters, where at most 4,000 fit"),
        ({"reason": "a\x00b"}, "no text"),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused(ledger: Ledger, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(DeskError, match=said):
        ledger.append(draft(**wrong))
    assert ledger.entries() == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_entries SET author = 'someone else' WHERE number = 2",
        "UPDATE ledger_entries SET body = replace(body, 'said so', 'said no') WHERE number = 1",
        "UPDATE ledger_entries SET at = '2019-01-01T00:00:00+00:00' WHERE number = 3",
        "DELETE FROM ledger_entries WHERE number = 2",
        "DELETE FROM ledger_entries WHERE number = 3",
    ],
)
def test_the_database_refuses_a_change_and_the_chain_finds_it(ledger: Ledger, change: str) -> None:
    for number in range(3):
        ledger.append(draft(number, f"token {number}"))
    assert ledger.verify()[0] == 3
    with pytest.raises(Exception, match="append-only"), ledger.engine.begin() as connection:
        connection.execute(text(change))
    ledger.verify()
    with ledger.engine.begin() as connection:
        # Someone who owns the database can take the lock off it; the hashes still tell.
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER ledger_never_update"))
            connection.execute(text("DROP TRIGGER ledger_never_delete"))
        else:
            connection.execute(text("DROP TRIGGER ledger_never_changes ON ledger_entries"))
        connection.execute(text(change))
    with pytest.raises(TamperedError, match="Keep the database as it is"):
        ledger.verify()


def test_an_export_is_imported_elsewhere(
    ledger: Ledger, tmp_path: Path, clock: Callable[[], datetime]
) -> None:
    for number in range(3):
        ledger.append(draft(number, f"token {number}"))
    lines = list(ledger.export())
    other = Ledger(f"sqlite:///{tmp_path / 'other.sqlite'}", clock)
    assert other.take_in(lines[:2]) == 2
    assert other.take_in(lines) == 1
    assert other.take_in(lines) == 0
    assert other.entries() == ledger.entries()
    assert other.verify() == ledger.verify()
    assert other.holds(ledger.entries()[1].hash)
    assert not other.holds("0" * 64)

    changed = json.loads(lines[1])
    changed["body"]["reason"] = "Something else."
    with pytest.raises(TamperedError, match="Entry 2"):
        other.take_in([lines[0], json.dumps(changed), lines[2]])
    with pytest.raises(DeskError, match="Line 2 of the export is no ledger entry"):
        other.take_in([lines[0], "{}"])
    apart = Ledger(f"sqlite:///{tmp_path / 'apart.sqlite'}", clock)
    apart.append(draft(author="someone else"))
    with pytest.raises(DeskError, match="does not begin with"):
        apart.take_in(lines)


def test_fifty_people_at_once_lose_nothing(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    """Fifty checkers each decide four alerts of their own and all of them the same one."""
    ledgers = [reopen() for _ in range(5)]

    def work(person: int) -> int:
        own = ledgers[person % 5]
        for number in range(4):
            own.append(
                draft(subject=f"alert {person} {number}", token=f"{person}-{number}", author=f"p{person}")
            )
        try:
            own.append(draft(token=f"{person}-same", author=f"p{person}"))
        except ClashError:
            return 0
        return 1

    with ThreadPoolExecutor(50) as pool:
        first_to_decide = list(pool.map(work, range(50)))
    for each in ledgers:
        each.engine.dispose()
    assert sorted(first_to_decide)[-2:] == [0, 1], "exactly one of them decided the alert that all wanted"
    assert ledger.verify()[0] == 201
    assert len({entry.subject for entry in ledger.entries()}) == 201


def test_a_database_that_is_not_there_is_told_in_one_message(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(UnreachableError, match="Nothing was written"):
        Ledger(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite'}", clock)
    with pytest.raises(
        UnreachableError, match=r"postgresql\+psycopg://me:\*\*\*@127\.0\.0\.1:1/x.* does not answer"
    ):
        Ledger("postgresql://me:secret@127.0.0.1:1/x?connect_timeout=2", clock)
    with pytest.raises(DeskError, match="no database address"):
        Ledger("not a url", clock)
    with pytest.raises(DeskError, match="not in mysql"):
        Ledger("mysql://host/x", clock)


def test_a_full_database_is_told_in_one_message(tmp_path: Path, clock: Any) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'small.sqlite'}", clock)
    from sqlalchemy import event

    @event.listens_for(ledger.engine, "connect")
    def _small(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA max_page_count = 20")

    made = 0
    with pytest.raises(UnreachableError, match="has room"):
        for number in range(200):
            ledger.append(draft(number, f"token {number}", reason="long " * 700))
            made += 1
    assert made
    assert ledger.verify()[0] == made, "what was written before it was full is whole"


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_keeps_the_chain(tmp_path: Path, clock: Any, said: list[tuple[str, str]]) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'any.sqlite'}", clock)
    before = ledger.head()[0]
    for author, reason in said:
        number = ledger.head()[0]
        if author.strip():
            ledger.append(draft(subject=f"s{number}", token=f"t{number}", author=author, reason=reason))
    ledger.verify()
    kept = [entry.body["reason"] for entry in ledger.entries()][before:]
    assert kept == [reason for author, reason in said if author.strip()]
