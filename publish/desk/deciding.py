"""What people do about alerts: decide, decide several at once, take back, take on, and note whom to ask."""

from __future__ import annotations

import secrets
from datetime import date
from typing import Any, Final

from starlette.responses import Response

from publish.desk.alerts import Alert
from publish.desk.errors import DeskError
from publish.desk.ledger import Draft
from publish.desk.preview import ACTIONS
from publish.desk.visits import Visit

#: Alerts in one decision, at most.
TOGETHER: Final = 200
#: The field that holds the day to ask again of a decision that leaves the question open.
DAY_OF: Final = {"ask for resupply": "deadline", "defer": "until"}


def decide(visit: Visit) -> Response:
    """Record one decision on one alert."""
    finding = visit.path("finding")
    alert = found(visit, finding)
    body = decision_body(visit, alert)
    draft = Draft("decision", visit.name, finding, whole_number(visit.sent("seen")), once(visit), body)
    visit.desk.ledger.append(draft)
    return visit.done(f"/alert/{finding}", f"Recorded: {body['action']}. You can take it back below.")


def decide_together(visit: Visit) -> Response:
    """Record one decision on every alert that was chosen: all of them, or none."""
    chosen = visit.sent_all("finding")
    if not chosen:
        raise DeskError("Choose at least one alert to decide on.")
    if len(chosen) > TOGETHER:
        raise DeskError(f"Decide at most {TOGETHER} alerts at once.")
    alerts = [found(visit, finding) for finding in dict.fromkeys(chosen)]
    if len({alert.cause for alert in alerts}) > 1:
        raise DeskError("Those alerts have different causes. Decide together only what one cause explains.")
    token = once(visit)
    drafts = [
        Draft(
            "decision",
            visit.name,
            alert.finding,
            whole_number(visit.sent(f"seen-{alert.finding}")),
            f"{token}:{number}",
            decision_body(visit, alert),
        )
        for number, alert in enumerate(alerts)
    ]
    visit.desk.ledger.append(*drafts)
    return visit.done("/", f"Recorded: {drafts[0].body['action']}, for {len(drafts)} alerts.")


def decision_body(visit: Visit, alert: Alert) -> dict[str, Any]:
    """What was decided, as the line will read it. Raises DeskError for what is missing or makes no sense."""
    if alert.state == "closed":
        raise DeskError(
            "This alert has just closed itself: the latest run no longer finds it. Nothing was recorded, and "
            "nothing needs to be."
        )
    action = visit.sent("action")
    if action not in ACTIONS:
        raise DeskError("Choose what you decide.")
    reason = visit.sent("reason")
    if not reason:
        raise DeskError("Say why in a sentence: the next person, and the auditor, have only this to go by.")
    evidence = visit.sent("evidence") or None
    if action == "accept as genuine" and evidence is None:
        raise DeskError("Name the evidence that the figure is genuine: a call, a letter, a published notice.")
    return {
        "action": action,
        "finding": alert.finding,
        "force": alert.force,
        "file_type": None,
        "area": alert.area,
        "category": alert.category,
        "first_month": alert.first_month.isoformat(),
        "last_month": alert.last_month.isoformat(),
        "coverage": _coverage(visit.sent("coverage")) if action == "mark partial" else None,
        "reason": reason,
        "evidence": evidence,
        "expires": _expiry(visit, action),
        "undoes": None,
    }


def undo(visit: Visit) -> Response:
    """Take the standing decision back: an entry of its own."""
    finding = visit.path("finding")
    alert = found(visit, finding)
    number = visit.sent("undoes")
    if alert.decision is None or number != str(alert.decision.number):
        raise DeskError("That decision does not stand any more. Nothing was recorded.")
    reason = visit.sent("undo_reason")
    if not reason:
        raise DeskError("Say why you take it back.")
    body = {**alert.decision.body, "action": "undo", "undoes": alert.decision.number, "coverage": None}
    body |= {"reason": reason, "evidence": None, "expires": None}
    visit.desk.ledger.append(
        Draft("decision", visit.name, finding, whole_number(visit.sent("seen")), once(visit), body)
    )
    return visit.done(f"/alert/{finding}", "Taken back: the alert is to be decided again.")


def take(visit: Visit) -> Response:
    """Take an alert on, so that others can see who is on it."""
    finding = visit.path("finding")
    found(visit, finding)
    visit.desk.ledger.append(
        Draft("note", visit.name, finding, whole_number(visit.sent("seen")), once(visit), {"action": "taken"})
    )
    return visit.done(f"/alert/{finding}", "It is yours: others see your name on it.")


def note_contact(visit: Visit) -> Response:
    """Write down whom to ask at a force."""
    force = visit.path("force")
    if force not in visit.desk.book().names:
        raise DeskError(f"There is no force {force}.")
    contact = visit.sent("contact")
    if not contact:
        raise DeskError("Write whom to ask: a name or a desk, and how to reach them.")
    body = {"action": "contact", "contact": contact}
    visit.desk.ledger.append(
        Draft("note", visit.name, f"force:{force}", whole_number(visit.sent("seen")), once(visit), body)
    )
    return visit.done(f"/forces/{force}", "Noted.")


def found(visit: Visit, finding: str) -> Alert:
    """The alert of that id. Raises DeskError when there is none."""
    for alert in visit.desk.alerts(visit.desk.book()):
        if alert.finding == finding:
            return alert
    raise DeskError(f"There is no alert {finding}.")


def once(visit: Visit) -> str:
    """What makes a form sent twice one entry: the person's own, so that nobody can answer for another."""
    nonce = visit.sent("once")
    return f"{visit.name[:40]}:{nonce[:32]}" if nonce else secrets.token_hex(16)


def whole_number(text: str) -> int:
    """How many entries a form has seen of its subject."""
    if not text.isdigit():
        raise DeskError("The form was not whole. Open the page again.")
    return int(text)


def _coverage(text: str) -> float:
    """A share from what was typed as per cent."""
    try:
        percent = float(text.removesuffix("%").strip())
    except ValueError:
        raise DeskError("Write the share that was supplied as a per cent, such as 54.") from None
    if not 0 < percent < 100:
        raise DeskError(
            "The share supplied lies between 0 and 100 per cent. A whole month is accepted as genuine."
        )
    return round(percent / 100, 6)


def _expiry(visit: Visit, action: str) -> str | None:
    text = visit.sent("expires")
    if action in DAY_OF:
        text = visit.sent(DAY_OF[action]) or text
        if not text:
            raise DeskError("Say by when: a day such as 2019-11-01.")
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise DeskError(f"“{text[:20]}” is no day. Write one such as 2019-11-01.") from None
    if day <= visit.desk.today:
        raise DeskError(f"{day:%-d %B %Y} is not in the future: the alert would be asked again at once.")
    return day.isoformat()
