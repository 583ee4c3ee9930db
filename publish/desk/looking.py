"""The pages that people look at: today, an alert, a force, rejected rows, the trail, and what a search finds."""

from __future__ import annotations

import csv
import io
import secrets
from collections import defaultdict
from datetime import date
from typing import Any, Final

import polars as pl
from starlette.exceptions import HTTPException
from starlette.responses import Response

from publish.desk import evidence, messages, preview
from publish.desk.alerts import Alert
from publish.desk.deciding import found
from publish.desk.errors import DeskError
from publish.desk.roles import May
from publish.desk.visits import Visit
from transforms.periods import Quarter

#: Rows on one page, at most.
ROWS: Final = 200
#: Months of a force's supply calendar.
CALENDAR: Final = 24


def today(visit: Visit) -> Response:
    """What waits for a person, by severity and cause, and which releases it holds up."""
    book = visit.desk.book()
    every = visit.desk.alerts(book)
    chosen = {name: visit.asked(name) for name in ("severity", "state", "force", "owner")}
    shown = [alert for alert in every if _wanted(alert, chosen)]
    causes: defaultdict[tuple[Any, ...], list[Alert]] = defaultdict(list)
    for alert in shown:
        causes[alert.row["severity"], alert.state, alert.cause].append(alert)
    blocking: defaultdict[Quarter, list[Alert]] = defaultdict(list)
    for alert in every:
        if alert.blocks:
            for quarter in alert.quarters:
                blocking[quarter].append(alert)
    return visit.page(
        "today.html",
        book=book,
        groups=list(causes.values())[:ROWS],
        more=max(0, len(causes) - ROWS),
        chosen=chosen,
        blocking=sorted(blocking.items(), reverse=True),
        counts={
            state: len([a for a in every if a.state == state]) for state in ("open", "overdue", "waiting")
        },
        owners=sorted({alert.owner for alert in every if alert.owner}),
        forces=sorted({alert.row["force"] for alert in every}),
    )


def _wanted(alert: Alert, chosen: dict[str, str]) -> bool:
    state = chosen["state"]
    if state and state != "all":
        if alert.state != state:
            return False
    elif not state and not alert.waits_for_a_person:
        return False
    return (
        chosen["severity"] in ("", alert.row["severity"])
        and chosen["force"] in ("", alert.row["force"])
        and chosen["owner"] in ("", alert.owner or "nobody")
    )


def alert(visit: Visit) -> Response:
    """One alert, with everything that helps to decide it."""
    book = visit.desk.book()
    try:
        it = found(visit, visit.path("finding"))
    except DeskError as problem:
        raise HTTPException(404, str(problem)) from None
    force = it.row["force"]
    known = force in book.names
    first, last = it.row["first_month"], it.row["last_month"]
    quarter, effects = visit.desk.effects(book, it) if it.state != "closed" else (it.quarters[-1], [])
    files = evidence.arrivals(book, force, first, last)
    deadline = visit.desk.today + messages.DEADLINE
    asked = it.decision if it.decision and it.decision.body["action"] == "ask for resupply" else None
    asked_by = date.fromisoformat(asked.body["expires"]) if asked and asked.body["expires"] else deadline
    return visit.page(
        "alert.html",
        alert=it,
        book=book,
        force_name=book.names.get(force, force),
        trend=evidence.trend_of(book, it),
        year_before=evidence.year_before(book, it),
        comparisons=evidence.comparisons(book, it) if known else [],
        files=files,
        delays=of_force(book.delays, force),
        systems=of_force(book.systems, force),
        quarter=quarter,
        effects={effect.action: effect for effect in effects},
        actions=preview.ACTIONS,
        deadline=deadline,
        put_off=visit.desk.today + messages.PUT_OFF,
        coverage=_coverage(it),
        request_text=messages.resupply_request(it, book.names.get(force, force), files, asked_by),
        asked=asked,
        contact=_contact(visit, force),
        once=secrets.token_hex(12),
    )


def _coverage(it: Alert) -> str:
    if it.row["observed"] is None or not it.row["expected"]:
        return ""
    share = it.row["observed"] / it.row["expected"]
    return f"{100 * share:.0f}" if 0 < share < 1 else ""


def together(visit: Visit) -> Response:
    """The alerts of one cause, to be decided as one."""
    book = visit.desk.book()
    chosen = visit.sent_all("finding") or visit.request.query_params.getlist("finding")
    if not chosen and visit.session and (draft := visit.session.kept.get("draft")):
        chosen = [name.removeprefix("seen-") for name in draft["fields"] if name.startswith("seen-")]
    every = {each.finding: each for each in visit.desk.alerts(book)}
    alerts = [every[finding] for finding in dict.fromkeys(chosen) if finding in every]
    if not alerts:
        raise HTTPException(404, "None of those alerts is there any more.")
    return visit.page(
        "together.html",
        book=book,
        alerts=alerts,
        actions=preview.ACTIONS,
        deadline=visit.desk.today + messages.DEADLINE,
        put_off=visit.desk.today + messages.PUT_OFF,
        once=secrets.token_hex(12),
    )


def forces(visit: Visit) -> Response:
    """Every force, with what waits there and its latest month."""
    book = visit.desk.book()
    waiting: defaultdict[str, int] = defaultdict(int)
    for each in visit.desk.alerts(book):
        if each.waits_for_a_person:
            waiting[each.row["force"]] += 1
    latest = max(book.months, default=None)
    status = (
        {
            (row["force"], row["month"]): row["status"]
            for row in book.verdicts.filter(pl.col("month") == latest).iter_rows(named=True)
        }
        if latest
        else {}
    )
    rows = [
        (force, name, waiting[force], status.get((force, latest)))
        for force, name in sorted(book.names.items())
    ]
    return visit.page("forces.html", rows=rows, latest=latest)


def force(visit: Visit) -> Response:
    """One force: its supply calendar, every file with its hash and rejected rows, contacts and history."""
    book = visit.desk.book()
    slug = visit.path("force")
    if slug not in book.names:
        raise HTTPException(404, f"There is no force {slug}.")
    months = book.months[-CALENDAR:]
    verdicts = book.verdicts.filter(pl.col("force") == slug, pl.col("month").is_in(months))
    calendar: defaultdict[str, dict[date, dict[str, Any]]] = defaultdict(dict)
    for row in verdicts.iter_rows(named=True):
        calendar[row["file_type"]][row["month"]] = row
    every = [each for each in visit.desk.alerts(book) if each.row["force"] == slug]
    return visit.page(
        "force.html",
        slug=slug,
        name=book.names[slug],
        months=months,
        calendar=dict(calendar),
        files=book.supplies.filter(pl.col("force") == slug)
        .sort("received_order", descending=True)
        .to_dicts(),
        alerts=every,
        delays=of_force(book.delays, slug),
        systems=of_force(book.systems, slug),
        contact=_contact(visit, slug),
        version=visit.desk.trail.version(f"force:{slug}"),
        history=[entry for each in every for entry in each.entries if entry.kind == "decision"][-ROWS:],
        once=secrets.token_hex(12),
    )


def of_force(table: pl.DataFrame, force: str) -> list[dict[str, Any]]:
    """A force's rows of a table."""
    return table.filter(pl.col("force") == force).to_dicts()


def _contact(visit: Visit, slug: str) -> Any:
    """The last note of whom to ask at a force."""
    noted = [entry for entry in visit.desk.trail.of.get(f"force:{slug}", ()) if "contact" in entry.body]
    return noted[-1] if noted else None


def rejects(visit: Visit) -> Response:
    """Rejected rows, by cause."""
    shown = _rejects(visit)
    causes = (
        shown.group_by("force", "field", "reason")
        .agg(rows=pl.len(), files=pl.col("name").n_unique(), wanted=pl.col("wanted").first())
        .sort(["rows", "force", "field", "reason"], descending=[True, False, False, False])
    )
    return visit.page(
        "rejects.html",
        causes=causes.head(ROWS).to_dicts(),
        rows=shown.sort("name", "line").head(ROWS).to_dicts(),
        total=shown.height,
        chosen={name: visit.asked(name) for name in ("force", "field", "reason", "name")},
        names=visit.desk.book().names,
        query=visit.request.url.query,
    )


def rejects_file(visit: Visit) -> Response:
    """The same rows as a CSV, to send back to the force."""
    columns = ["name", "line", "field", "seen", "wanted", "reason", "supply"]
    chosen = _rejects(visit).sort("name", "line", "field").select(columns)
    headings = ["file", "line", "field", "value seen", "value wanted", "reason", "sha256 of the file"]
    return _csv("rejected-rows.csv", headings, chosen.rows())


def _rejects(visit: Visit) -> pl.DataFrame:
    book = visit.desk.book()
    of = book.supplies.select("supply", "force").unique("supply", keep="first", maintain_order=True)
    shown = book.rejects.join(of, on="supply", how="left")
    for name in ("force", "field", "reason", "name"):
        if value := visit.asked(name):
            shown = shown.filter(pl.col(name) == value)
    return shown


def trail(visit: Visit) -> Response:
    """What was done, the latest first; sign-ins only for those who audit."""
    visit.desk.book()
    kinds = ["alert", "decision", "sign-off", "release", "access", "note"]
    if visit.may(May.AUDIT):
        kinds += ["account", "sign-in"]
    kind, author = visit.asked("kind"), visit.asked("author")
    before = visit.asked("before")
    wanted = [
        entry
        for entry in visit.desk.trail.entries
        if entry.kind in kinds
        and kind in ("", entry.kind)
        and author in ("", entry.author)
        and (not before.isdigit() or entry.number < int(before))
    ]
    shown = wanted[: -ROWS - 1 : -1]
    return visit.page(
        "trail.html",
        entries=shown,
        kinds=kinds,
        chosen={"kind": kind, "author": author},
        authors=sorted({entry.author for entry in visit.desk.trail.entries if entry.kind in kinds}),
        older=shown[-1].number if len(wanted) > len(shown) else None,
        head=visit.desk.ledger.head(),
    )


def trail_file(visit: Visit) -> Response:
    """Everything on the trail as a CSV, hashes and all, for those who audit."""
    visit.desk.trail.refresh()
    rows = [
        (
            *(entry.number, entry.at.isoformat(), entry.kind, entry.author, entry.subject),
            *(entry.body.get("action", ""), entry.body.get("reason", ""), entry.hash),
        )
        for entry in visit.desk.trail.entries
    ]
    return _csv(
        "audit-trail.csv", ["entry", "at", "kind", "author", "subject", "action", "reason", "hash"], rows
    )


def search(visit: Visit) -> Response:
    """Forces, alerts and files that a few words, a hash or a reference name."""
    book = visit.desk.book()
    asked = visit.asked("for")[:100]
    words = asked.lower().split()
    found_forces = [(slug, name) for slug, name in book.names.items() if _has(words, slug, name)]
    found_alerts = [
        each
        for each in visit.desk.alerts(book)
        if _has(words, each.finding, each.row["sentence"], each.title, book.names.get(each.row["force"], ""))
    ]
    named = pl.concat_str("name", "supply", separator=" ").str.to_lowercase()
    files = book.supplies.filter(
        pl.all_horizontal([named.str.contains(word, literal=True) for word in words])
        if words
        else pl.lit(False)
    )
    decided = [
        entry
        for entry in visit.desk.trail.entries
        if entry.kind == "decision"
        and _has(words, entry.body["reason"], entry.body["evidence"] or "", entry.author)
    ]
    return visit.page(
        "search.html",
        asked=asked,
        forces=found_forces[:ROWS],
        alerts=found_alerts[:ROWS],
        files=files.head(ROWS).to_dicts(),
        decided=decided[-ROWS:],
    )


def _has(words: list[str], *texts: str) -> bool:
    whole = " ".join(texts).lower()
    return bool(words) and all(word in whole for word in words)


def people(visit: Visit) -> Response:
    """Who has a local account, and when they last came."""
    visit.desk.trail.refresh()
    last = {entry.author: entry.at for entry in visit.desk.trail.entries if entry.kind == "sign-in"}
    return visit.page("people.html", accounts=visit.desk.accounts.all(), last=last)


def _csv(name: str, headings: list[str], rows: list[tuple[Any, ...]]) -> Response:
    """A CSV whose cells a spreadsheet takes as text, whatever they begin with."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([_as_text(cell) for cell in row])
    return Response(
        "\ufeff" + out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _as_text(cell: Any) -> Any:
    return "'" + cell if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
