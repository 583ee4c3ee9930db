"""Alerts: what the judge found, joined to what people did about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from publish.desk.book import Book
from publish.desk.ledger import Draft, Entry, Ledger
from publish.desk.trail import Trail, has_expired
from transforms.completeness.catalogue import CATALOGUE
from transforms.completeness.supply import SILENT
from transforms.periods import Quarter, month_title, months_between, quarters_of

#: Severities, worst first; what is only information asks nothing of anybody.
SEVERITIES: Final = ("block", "sign-off", "warn")
SEVERITY_WORDS: Final = {
    "block": "Holds figures back",
    "sign-off": "Wants a signature",
    "warn": "Worth a look",
}
#: States, those that wait for a person first.
STATES: Final = ("overdue", "open", "waiting", "decided", "closed")
STATE_WORDS: Final = {
    "overdue": "To decide again",
    "open": "To decide",
    "waiting": "Waiting",
    "decided": "Decided",
    "closed": "Closed by itself",
}
#: Decisions that leave the question open until a day.
PUT_OFF: Final = ("ask for resupply", "defer")
#: Who writes what nobody did: that an alert was found, or was mended.
PROGRAM: Final = "fullcount"
#: Kinds of finding that account for smaller ones of the same months (`completeness.supply.unexplained`).
EXPLAINING: Final = (*SILENT, "W06", "W34", "W35")
#: A finding's fields that the ledger remembers, so that a closed alert can still be shown.
REMEMBERED: Final = (
    "code", "severity", "level", "force", "area", "category", "first_month", "last_month", "observed", "expected",
    "low", "high", "sentence", "next_steps",
)  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """One finding and everything that was done about it."""

    finding: str
    row: dict[str, Any]
    state: str
    opened: datetime
    entries: tuple[Entry, ...]
    decision: Entry | None
    owner: str | None

    def __getattr__(self, name: str) -> Any:
        """The finding's own fields."""
        try:
            return self.row[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def version(self) -> int:
        """How many entries it has: what a form says it has seen."""
        return len(self.entries)

    @property
    def title(self) -> str:
        """The kind of finding, in words."""
        return CATALOGUE[self.row["code"]].title if self.row["code"] in CATALOGUE else self.row["code"]

    @property
    def months(self) -> list[date]:
        """The months that it is about."""
        return months_between(self.row["first_month"], self.row["last_month"])

    @property
    def span(self) -> str:
        """Its months in words."""
        first, last = self.row["first_month"], self.row["last_month"]
        return month_title(first) if first == last else f"{month_title(first)} to {month_title(last)}"

    @property
    def quarters(self) -> list[Quarter]:
        """The quarters that its months fall in."""
        return quarters_of(self.months)

    @property
    def cause(self) -> tuple[str, str, date]:
        """What it shares with the alerts that one decision may cover: force, kind and first month."""
        return self.row["force"], self.row["code"], self.row["first_month"]

    @property
    def blocks(self) -> bool:
        """Whether a release has to wait for it."""
        return self.row["severity"] == "block" and self.waits_for_a_person

    @property
    def waits_for_a_person(self) -> bool:
        """Whether it is to be decided now."""
        return self.state in ("open", "overdue")

    def age(self, today: date) -> int:
        """Days since it was first seen."""
        return (today - self.opened.date()).days


def observe(ledger: Ledger, trail: Trail, book: Book) -> None:
    """Write down which alerts are new and which are gone, since the last time that anybody looked.

    An alert whose finding the latest run no longer makes has been mended by what was supplied since: it closes
    itself. Both are entries of its own, so a decision made on what is no longer there meets a clash.
    """
    present = {
        row["finding"]: row for row in book.findings.iter_rows(named=True) if row["severity"] in SEVERITIES
    }
    known = dict(_open_or_not(trail))
    drafts = []
    for finding, row in present.items():
        if not known.get(finding, False):
            action = "opened again" if finding in known else "opened"
            body = {"action": action, "finding": _plain(row), "snapshot": book.snapshot}
            drafts.append(_draft(finding, trail, body))
    for finding, is_open in known.items():
        if is_open and finding not in present:
            body = {"action": "closed itself", "snapshot": book.snapshot}
            drafts.append(_draft(finding, trail, body | _gone(trail.of[finding], present, book)))
    if drafts:
        ledger.append(*drafts)
        trail.refresh()


def _open_or_not(trail: Trail) -> Iterable[tuple[str, bool]]:
    for subject, entries in trail.of.items():
        told = [entry for entry in entries if entry.kind == "alert"]
        if told:
            yield subject, told[-1].body["action"] != "closed itself"


def _draft(finding: str, trail: Trail, body: dict[str, Any]) -> Draft:
    # The same news of the same version is told once, whichever desk tells it first.
    news = f"{body['action']} {finding} {trail.version(finding)}"
    token = hashlib.sha256(news.encode()).hexdigest()
    return Draft("alert", PROGRAM, finding, None, token, body)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps({name: row[name] for name in REMEMBERED}, default=str))
    return found


def _gone(entries: Sequence[Entry], present: dict[str, dict[str, Any]], book: Book) -> dict[str, Any]:
    """Why an alert's finding is no longer made: a larger one accounts for it, it was mended, or nobody can tell."""
    told = [entry for entry in entries if entry.kind == "alert"]
    row = next(entry.body["finding"] for entry in reversed(told) if "finding" in entry.body)
    within = _within(row["force"], row["area"], book)
    larger = [finding for finding, other in sorted(present.items()) if _accounts_for(other, row, within)]
    if larger:
        because = f"the larger alert {larger[0]}, of the same months, accounts for it"
        return {"because": because, "accounted_for_by": larger[0]}
    return {"because": _mended_by(row, told[-1].at, book)}


def _within(force: str, area: str | None, book: Book) -> set[str]:
    """A finding's areas, and the LSOAs of those that are neighbourhoods."""
    places = area.split(";") if area else []
    lsoas = book.country.lsoas.filter(pl.col("force") == force, pl.col("neighbourhood").is_in(places))
    return {*places, *lsoas.get_column("lsoa_code")}


def _accounts_for(other: dict[str, Any], row: dict[str, Any], within: set[str]) -> bool:
    """Whether a finding explains another away: `row`, as it is remembered, which is about the areas `within`."""
    return (
        other["code"] in EXPLAINING
        and other["force"] == row["force"]
        and f"{other['first_month']}" <= row["first_month"]
        and f"{other['last_month']}" >= row["last_month"]
        and other["category"] is None
        and (other["area"] is None or not within.isdisjoint(other["area"].split(";")))
    )


def _mended_by(row: dict[str, Any], last_told: datetime, book: Book) -> str:
    since = [
        supply
        for supply in book.supplies.iter_rows(named=True)
        if supply["force"] == row["force"]
        and supply["state"] == "accepted"
        and supply["received_at"] > last_told
        and supply["first_month"] is not None
        and f"{supply['first_month']}" <= row["last_month"]
        and f"{supply['last_month']}" >= row["first_month"]
    ]
    if since:
        return f"mended by {since[-1]['name']}, received {since[-1]['received_at']:%-d %B %Y}"
    return "what was supplied since, or a changed rule, no longer shows it"


def alerts(trail: Trail, book: Book, today: date) -> list[Alert]:
    """Every alert, those that wait for a person first, then the worst, then the oldest."""
    found = []
    for finding, entries in trail.of.items():
        if any(entry.kind == "alert" for entry in entries):
            found.append(_alert(finding, tuple(entries), trail, book, today))
    return sorted(
        found,
        key=lambda each: (
            STATES.index(each.state),
            SEVERITIES.index(each.row["severity"]),
            each.opened,
            each.row["force"],
            each.finding,
        ),
    )


def _alert(finding: str, entries: tuple[Entry, ...], trail: Trail, book: Book, today: date) -> Alert:
    told = [entry for entry in entries if entry.kind == "alert"]
    row = book.by_finding.get(finding)
    if row is None:
        kept = next(entry.body["finding"] for entry in reversed(told) if "finding" in entry.body)
        row = kept | {name: date.fromisoformat(kept[name]) for name in ("first_month", "last_month")}
    decision = trail.last_decision(finding)
    owners = [entry.author for entry in entries if entry.kind == "note" and entry.body["action"] == "taken"]
    return Alert(
        finding=finding,
        row=dict(row),
        state=_state(told[-1], decision, today),
        opened=next(entry.at for entry in reversed(told) if entry.body["action"] != "closed itself"),
        entries=entries,
        decision=decision,
        owner=owners[-1] if owners else None if decision is None else decision.author,
    )


def _state(told: Entry, decision: Entry | None, today: date) -> str:
    if told.body["action"] == "closed itself":
        return "closed"
    if decision is None or (told.body["action"] == "opened again" and told.number > decision.number):
        return "open"
    if has_expired(decision, today):
        return "overdue"
    return "waiting" if decision.body["action"] in PUT_OFF else "decided"
