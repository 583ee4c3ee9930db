"""The gate: what each release waits for, who has signed, who sees it early, and its publication or stop."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import polars as pl
from starlette.exceptions import HTTPException
from starlette.responses import Response

from publish import signing
from publish.desk.book import Book
from publish.desk.deciding import once, whole_number
from publish.desk.errors import DeskError
from publish.desk.roles import May
from publish.desk.visits import Visit
from transforms.aggregation import add_up
from transforms.contracts.columns import ZONE
from transforms.contracts.status import allows_number
from transforms.judging import counting_verdicts
from transforms.periods import Quarter

#: Releases go out at this time of day (Code of Practice for Statistics, T3).
HALF_PAST_NINE: Final = time(9, 30)


@dataclass(frozen=True)
class Release:
    """One release as it lies: `shelf` is private, public or withdrawn; `waits_for` is empty when its gate is open."""

    name: str
    quarter: Quarter
    shelf: str
    manifest: str
    due: datetime | None
    waits_for: Sequence[str]
    notes_wanted: Sequence[str]
    corrects: bool


class Gatekeeper(Protocol):
    """Whoever can see and move releases: the same functions that the command line and Dagster use.

    Each raises DeskError with what stands in the way.
    """

    def releases(self) -> list[Release]:
        """Every release, oldest quarter and lowest version first."""

    def sign(self, name: str, who: str, role: str, note: str | None, seen: int, token: str) -> None:
        """Sign that a private release is prepared or approved."""

    def publish(self, name: str) -> None:
        """Move a release to where readers are."""

    def stop(self, name: str, who: str, reason: str) -> None:
        """Keep a private release in, or take a public one back."""

    def lift(self, name: str, who: str, reason: str) -> None:
        """Let a stopped release go on."""

    def announce(self, name: str, who: str, notice: str, due: datetime | None) -> None:
        """Write the notice of a correction."""


def quarters(visit: Visit) -> Response:
    """Every quarter, with its releases and what they wait for."""
    book = visit.desk.book()
    shelved = visit.desk.gate.releases()
    blocked = _blocked(visit, book)
    found = sorted(
        {Quarter.of(month) for month in book.months} | {each.quarter for each in shelved}, reverse=True
    )
    rows = [
        (quarter, [each for each in shelved if each.quarter == quarter], blocked.get(quarter, 0))
        for quarter in found
    ]
    return visit.page("quarters.html", rows=rows)


def _blocked(visit: Visit, book: Book) -> dict[Quarter, int]:
    waiting: dict[Quarter, int] = {}
    for alert in visit.desk.alerts(book):
        if alert.blocks:
            for quarter in alert.quarters:
                waiting[quarter] = waiting.get(quarter, 0) + 1
    return waiting


def quarter(visit: Visit) -> Response:
    """One quarter: owed, supplied, judged and decided; what is left out and what that does; and its releases."""
    book = visit.desk.book()
    wanted = _quarter(visit)
    months = [month for month in wanted.months if month in book.months]
    shelved = [each for each in visit.desk.gate.releases() if each.quarter == wanted]
    if not months and not shelved:
        raise HTTPException(404, f"Nothing is owed for {wanted}.")
    owed = counting_verdicts(book.verdicts).filter(pl.col("month").is_in(months))
    alerts = [alert for alert in visit.desk.alerts(book) if wanted in alert.quarters]
    trail = visit.desk.trail
    releases = [
        {
            "it": each,
            "subject": f"release {each.name}",
            "version": trail.version(f"release {each.name}"),
            "entries": trail.of.get(f"release {each.name}", [])[::-1],
            "stopped": _stopped(trail.of.get(f"release {each.name}", [])),
        }
        for each in shelved[::-1]
    ]
    said = trail.of.get(f"release {wanted}", [])
    return visit.page(
        "quarter.html",
        quarter=wanted,
        book=book,
        months=months,
        counts={
            "owed": owed.height,
            "complete": owed.filter(pl.col("status").cast(pl.String) == "complete").height,
            "partial": owed.filter(pl.col("status").cast(pl.String) == "partial").height,
            "not published": owed.filter(~allows_number()).height,
        },
        short=owed.filter(pl.col("status").cast(pl.String) != "complete").to_dicts(),
        blocking=[alert for alert in alerts if alert.blocks],
        decided=[alert for alert in alerts if alert.state in ("decided", "waiting")],
        totals=_totals(book, months),
        releases=releases,
        access=_access(said),
        notes=[entry for entry in said if entry.body["action"] == "note a revision"],
        once=secrets.token_hex(12),
    )


def _totals(book: Book, months: Sequence[date]) -> list[dict[str, Any]]:
    """The country's total with every force, and with those left out by name whose figures are not there."""
    chosen = book.judged.filter(pl.col("month").is_in(list(months))).with_columns(all=pl.lit("all"))
    if chosen.is_empty():
        return []
    whole = add_up(chosen, by=["all"], child="force").row(0, named=True)
    rows = [{"name": "All forces", "count": whole["count"], "lacking": whole["lacking"]}]
    if whole["lacking"]:
        rest = add_up(chosen.filter(~pl.col("force").is_in(whole["lacking"])), by=["all"])
        names = ", ".join(book.names.get(each, each) for each in whole["lacking"])
        rows.append(
            {"name": f"All forces excluding {names}", "count": rest.get_column("count")[0], "lacking": []}
        )
    return rows


def _stopped(entries: Sequence[Any]) -> bool:
    said = [entry.body["action"] for entry in entries if entry.body["action"] in ("stop", "lift the stop")]
    return bool(said) and said[-1] == "stop"


def _access(entries: Sequence[Any]) -> list[Any]:
    """The grants of access that have not been ended."""
    last = {e.body["person"]: e for e in entries if e.body["action"] in ("give access", "end access")}
    return [entry for entry in last.values() if entry.body["action"] == "give access"]


def sign(visit: Visit) -> Response:
    """Sign that a release is prepared, or approved: two people, one for each."""
    release, role = _release(visit), visit.sent("role")
    needed = {"prepared": May.PREPARE, "approved": May.APPROVE}
    if role not in needed:
        raise DeskError("Choose what you sign.")
    if not visit.may(needed[role]):
        raise HTTPException(403, f"Your role does not sign that a release is {role}.")
    signed = visit.desk.trail.refresh().of.get(f"release {release.name}", [])
    of_these = [e for e in signed if e.kind == "sign-off" and e.body["manifest"] == release.manifest]
    mine = [entry for entry in of_these if entry.author == visit.name]
    if any(entry.body["action"] != role for entry in mine):
        raise DeskError(
            f"You have signed that it is {mine[-1].body['action']}: another person has to sign that it is {role}."
        )
    if visit.sent("manifest") != release.manifest:
        raise DeskError("The release was built again while you had this open. Look at it again, then sign.")
    note_of_signer, seen = visit.sent("note") or None, whole_number(visit.sent("seen"))
    visit.desk.gate.sign(release.name, visit.name, role, note_of_signer, seen, once(visit))
    return visit.done(f"/quarters/{release.quarter}", f"Signed: {release.name} is {role}.")


def publish(visit: Visit) -> Response:
    """Publish a release now, when nothing stands in its way."""
    release = _release(visit)
    visit.desk.gate.publish(release.name)
    return visit.done(f"/quarters/{release.quarter}", f"{release.name} is public.")


def stop(visit: Visit) -> Response:
    """The emergency stop."""
    release = _release(visit)
    reason = _needed(visit, "reason", "Say why, for readers: the notice carries it.")
    visit.desk.gate.stop(release.name, visit.name, reason)
    return visit.done(f"/quarters/{release.quarter}", f"{release.name} is stopped.")


def lift(visit: Visit) -> Response:
    """Let a stopped release go on."""
    release = _release(visit)
    visit.desk.gate.lift(release.name, visit.name, _needed(visit, "reason", "Say why it may go on."))
    return visit.done(f"/quarters/{release.quarter}", f"{release.name} is no longer stopped.")


def announce(visit: Visit) -> Response:
    """Write the notice of a correction."""
    release = _release(visit)
    notice = _needed(visit, "notice", "Say what was wrong and what is put right, for readers.")
    due = None
    if day := visit.sent("on"):
        try:
            due = datetime.combine(date.fromisoformat(day), HALF_PAST_NINE, ZoneInfo(ZONE))
        except ValueError:
            raise DeskError(f"“{day[:20]}” is no day. Write one such as 2020-01-23.") from None
    visit.desk.gate.announce(release.name, visit.name, notice, due)
    return visit.done(f"/quarters/{release.quarter}", "The notice is kept; it goes out with the release.")


def give_access(visit: Visit) -> Response:
    """Put somebody on the pre-release access list, or take them off."""
    wanted = _quarter(visit)
    person = _needed(visit, "person", "Name the person.")
    ends = visit.sent("ends") == "yes"
    reason = visit.sent("reason") or ("No longer needed." if ends else "")
    if not ends and not (visit.sent("post") and reason):
        raise DeskError(
            "Say which post they hold and why they need it: the release lists everyone with access."
        )
    signing.say(
        visit.desk.ledger,
        visit.name,
        "end access" if ends else "give access",
        wanted,
        reason,
        person=person,
        post=visit.sent("post") or None,
        token=once(visit),
    )
    return visit.done(f"/quarters/{wanted}", "Kept. The release lists it once it is built again.")


def note(visit: Visit) -> Response:
    """Explain a force's revisions to readers."""
    wanted, force = _quarter(visit), visit.sent("force")
    if force not in visit.desk.book().names:
        raise DeskError("Choose the force whose figures are revised.")
    words = _needed(visit, "text", "Write the note: why the figures are revised, for readers.")
    signing.say(
        visit.desk.ledger, visit.name, "note a revision", wanted, words, force=force, token=once(visit)
    )
    return visit.done(f"/quarters/{wanted}", "The note is kept. The release holds it once it is built again.")


def _quarter(visit: Visit) -> Quarter:
    try:
        return Quarter.parse(visit.path("quarter"))
    except ValueError as problem:
        raise HTTPException(404, str(problem)) from None


def _release(visit: Visit) -> Release:
    wanted = f"{_quarter(visit)}/{visit.sent('release').rsplit('/', 1)[-1]}"
    for each in visit.desk.gate.releases():
        if each.name == wanted:
            return each
    raise DeskError(f"There is no release {wanted}. Open the page again.")


def _needed(visit: Visit, name: str, wanted: str) -> str:
    if not (words := visit.sent(name)):
        raise DeskError(wanted)
    return words
