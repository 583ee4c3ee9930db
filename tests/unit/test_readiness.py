"""What keeps a release from being published: each blocker by itself, and the instant in summer and in winter."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.contracts import tables
from transforms.readiness import Candidate, blockers, due, standing
from transforms.versions import ReleaseName

LONDON = ZoneInfo("Europe/London")
RELEASE = ReleaseName.parse("2019-Q2/1.0.0")
MANIFEST = "a" * 64
DUE = datetime(2019, 10, 17, 9, 30, tzinfo=LONDON)
BEFORE_NOW = datetime(2019, 10, 16, 12, 0, tzinfo=LONDON)


def candidate(**other: Any) -> Candidate:
    told: dict[str, Any] = {
        "name": RELEASE, "manifest": MANIFEST, "corrects": False, "notes_wanted": (), "entries": (),
    }  # fmt: skip
    return Candidate(**told | other)


def calendar(*days: tuple[str, datetime]) -> pl.DataFrame:
    return pl.DataFrame(
        list(days) or [("2019-Q2", DUE)],
        schema={"quarter": pl.String, "release_at": pl.Datetime("us", "Europe/London")},
        orient="row",
    )


def table(schema: Any, *rows: dict[str, Any]) -> pl.DataFrame:
    types = dict(schema.create_empty().schema)
    whole = [dict.fromkeys(types) | row for row in rows]
    return pl.DataFrame(whole, schema=types, orient="row")


def signed(*signers: tuple[str, str], manifest: str = MANIFEST) -> pl.DataFrame:
    return table(
        tables.SignOffs,
        *(
            {
                "entry": number, "signed_at": BEFORE_NOW, "who": who, "role": role,
                "release": str(RELEASE), "manifest": manifest,
            }
            for number, (who, role) in enumerate(signers, 1)
        ),
    )  # fmt: skip


def said(*rows: dict[str, Any]) -> pl.DataFrame:
    common = {"at": BEFORE_NOW, "who": "Ada", "quarter": "2019-Q2", "text": "because"}
    return table(
        tables.ReleaseEntries, *(common | {"entry": number} | row for number, row in enumerate(rows, 1))
    )


def finding(**other: Any) -> dict[str, Any]:
    return {
        "finding": "gap-1", "code": "G01", "severity": "block", "level": "force", "force": "ashdene",
        "first_month": date(2019, 4, 1), "last_month": date(2019, 5, 1), "sentence": "Ashdene fell silent.",
        "next_steps": "Ask.",
    } | other  # fmt: skip


def decision(**other: Any) -> dict[str, Any]:
    return {
        "entry": 1, "decided_at": BEFORE_NOW, "author": "Ada", "action": "confirm gap", "force": "ashdene",
        "first_month": date(2019, 4, 1), "last_month": date(2019, 5, 1), "reason": "It is so.",
    } | other  # fmt: skip


ALONE = "both prepared and approved it: another person has to do one of the two."
BOTH = signed(("Ada", "prepared"), ("Grace", "approved"))


def stands_in_the_way(
    asked: Candidate | None = None,
    findings: pl.DataFrame | None = None,
    decisions: pl.DataFrame | None = None,
    sign_offs: pl.DataFrame = BOTH,
    entries: pl.DataFrame | None = None,
    now: datetime = DUE,
    days: pl.DataFrame | None = None,
) -> list[str]:
    return blockers(
        asked or candidate(),
        calendar() if days is None else days,
        tables.Findings.create_empty() if findings is None else findings,
        tables.Decisions.create_empty() if decisions is None else decisions,
        sign_offs,
        tables.ReleaseEntries.create_empty() if entries is None else entries,
        now,
    )


def test_a_release_that_two_people_signed_and_whose_time_has_come_waits_for_nothing() -> None:
    assert stands_in_the_way() == []


@pytest.mark.parametrize(
    ("sign_offs", "words"),
    [
        (signed(), ["Nobody has signed that it is prepared.", "Nobody has signed that it is approved."]),
        (signed(("Ada", "prepared")), ["Nobody has signed that it is approved."]),
        (signed(("Grace", "approved")), ["Nobody has signed that it is prepared."]),
        (signed(("Ada", "prepared"), ("Ada", "approved")), [f"Ada {ALONE}"]),
        (signed(("Ada L", "prepared"), (" ada  l", "approved")), [f"Ada L {ALONE}"]),
    ],
)  # fmt: skip
def test_two_different_people_sign(sign_offs: pl.DataFrame, words: list[str]) -> None:
    assert stands_in_the_way(sign_offs=sign_offs) == words


people = st.sampled_from(["Ada", "Grace", "Mary"])
roles = st.sampled_from(["prepared", "approved"])


@settings(max_examples=40)
@given(st.lists(st.tuples(people, roles), max_size=5))
def test_it_is_signed_exactly_when_some_pair_of_people_prepared_and_approved(
    signers: list[tuple[str, str]],
) -> None:
    pairs = {
        (a, b) for a, first in signers for b, second in signers if (first, second) == ("prepared", "approved")
    }
    assert (stands_in_the_way(sign_offs=signed(*signers)) == []) == any(a != b for a, b in pairs)


def test_a_signature_stands_for_the_bytes_that_were_signed_and_no_others() -> None:
    other = signed(("Ada", "prepared"), ("Grace", "approved"), manifest="b" * 64)
    assert stands_in_the_way(sign_offs=other) == [
        "Nobody has signed that it is prepared (Ada signed a build that is no longer this one).",
        "Nobody has signed that it is approved (Grace signed a build that is no longer this one).",
    ]


def test_an_alert_that_blocks_waits_for_a_decision() -> None:
    found = table(tables.Findings, finding(), finding(finding="warn-1", severity="warn"))
    told = stands_in_the_way(findings=found)
    assert told == ["An alert that blocks is not decided (gap-1): Ashdene fell silent."]


@pytest.mark.parametrize(
    ("taken", "settled"),
    [
        (decision(finding="gap-1"), True),
        (decision(finding="gap-2"), False),
        (decision(finding="gap-1", expires=date(2019, 10, 17)), False),
        (decision(finding="gap-1", expires=date(2019, 10, 18)), True),
        (decision(), True),
        (decision(last_month=date(2019, 4, 1)), False),
        (decision(force="carrow"), False),
        (decision(category="burglary"), False),
    ],
)
def test_a_decision_settles_the_alert_it_names_or_covers_until_it_expires(
    taken: dict[str, Any], settled: bool
) -> None:
    told = stands_in_the_way(
        findings=table(tables.Findings, finding()), decisions=table(tables.Decisions, taken)
    )
    assert (told == []) == settled


@pytest.mark.parametrize(
    ("months", "settled"), [([5], False), ([5, 6], True)], ids=["the first month", "both months"]
)
def test_a_gap_that_grew_is_settled_when_each_of_its_months_was_decided(
    months: list[int], settled: bool
) -> None:
    """Decisions on one-month gaps (W08) are about their months, also when they have become one of two (W01)."""
    grown = finding(
        finding="w01-ashdene-2019-05", code="W01", first_month=date(2019, 5, 1), last_month=date(2019, 6, 1)
    )
    made = [
        decision(
            entry=number, finding=f"w08-ashdene-2019-{month:02d}", first_month=date(2019, month, 1),
            last_month=date(2019, month, 1),
        )
        for number, month in enumerate(months, 1)
    ]  # fmt: skip
    told = stands_in_the_way(findings=table(tables.Findings, grown), decisions=table(tables.Decisions, *made))
    assert (told == []) == settled


def test_a_decision_that_was_taken_back_settles_nothing() -> None:
    ledger = table(
        tables.Decisions,
        decision(finding="gap-1"),
        decision(entry=2, finding="gap-1", action="undo", undoes=1),
    )
    assert len(stands_in_the_way(findings=table(tables.Findings, finding()), decisions=ledger)) == 1


def test_a_large_revision_waits_for_its_note() -> None:
    (told,) = stands_in_the_way(candidate(notes_wanted=("ashdene",)))
    assert (
        told
        == "A year of ashdene is revised by more than 2% and no note says why: write one, and build it again."
    )


def test_what_was_written_since_it_was_built_asks_for_another_build() -> None:
    entries = said({"action": "give access", "person": "Mary", "post": "Minister"})
    assert any("since it was built" in told for told in stands_in_the_way(entries=entries))
    assert stands_in_the_way(candidate(entries=(1,)), entries=entries) == []


def test_access_that_was_ended_and_a_note_that_was_rewritten_no_longer_stand() -> None:
    entries = said(
        {"action": "give access", "person": "Mary", "post": "Minister"},
        {"action": "note a revision", "force": "ashdene"},
        {"action": "end access", "person": "Mary"},
        {"action": "note a revision", "force": "ashdene", "text": "because of late records"},
        {"action": "note a revision", "force": "carrow", "quarter": "2019-Q1"},
    )
    assert standing(entries, RELEASE.quarter).get_column("entry").to_list() == [4]


def test_a_stop_holds_until_it_is_lifted() -> None:
    stop = {"action": "stop", "version": "1.0.0", "text": "A total is wrong."}
    assert stands_in_the_way(entries=said(stop)) == ["Ada stopped it: A total is wrong."]
    assert stands_in_the_way(entries=said(stop, {"action": "lift the stop", "version": "1.0.0"})) == []
    assert stands_in_the_way(entries=said(stop | {"version": "1.0.1"})) == []


def test_a_correction_needs_its_notice_and_keeps_the_time_announced() -> None:
    asked = candidate(corrects=True)
    assert stands_in_the_way(asked) == [
        "It corrects a release that was published, and no correction notice is written."
    ]
    notice = {"action": "announce a correction", "version": "1.0.0", "text": "Ashdene was doubled."}
    assert stands_in_the_way(asked, entries=said(notice)) == [], "unscheduled: as soon as it is ready"
    scheduled = said(notice | {"due": DUE})
    assert stands_in_the_way(asked, entries=scheduled) == []
    (told,) = stands_in_the_way(asked, entries=scheduled, now=DUE - timedelta(seconds=1))
    assert "It is due at 09:30 on Thursday 17 October 2019" in told


# The instant ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "utc_hour", "zone"),
    [
        (date(2019, 10, 17), 8, "BST"),
        (date(2019, 10, 25), 8, "BST"),
        (date(2019, 10, 28), 9, "GMT"),
        (date(2020, 1, 23), 9, "GMT"),
        (date(2020, 3, 27), 9, "GMT"),
        (date(2020, 3, 30), 8, "BST"),
        (date(2020, 7, 23), 8, "BST"),
    ],
)
def test_half_past_nine_is_by_the_clock_in_london_summer_and_winter(
    day: date, utc_hour: int, zone: str
) -> None:
    days = calendar(("2019-Q2", datetime(day.year, day.month, day.day, 9, 30, tzinfo=LONDON)))
    instant = datetime(day.year, day.month, day.day, utc_hour, 30, tzinfo=UTC)
    assert stands_in_the_way(days=days, now=instant) == []
    (told,) = stands_in_the_way(days=days, now=instant - timedelta(microseconds=1))
    assert told == f"It is due at 09:30 on {day:%A %-d %B %Y} ({zone}), and not before."


def test_a_quarter_without_a_date_stays_private_however_late_it_is() -> None:
    days = calendar(("2019-Q1", DUE))
    assert due(days, tables.ReleaseEntries.create_empty(), candidate()) is None
    (told,) = stands_in_the_way(days=days, now=DUE + timedelta(days=3650))
    assert told == "The release calendar has no date for 2019-Q2: without one it stays private."
