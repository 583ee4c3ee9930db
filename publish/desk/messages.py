"""The words that leave the desk: what a force is asked to supply again, and the digest of what waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from publish.desk.alerts import SEVERITIES, SEVERITY_WORDS, Alert
from publish.desk.rendering import render

#: Working time that a force is given, and how long an alert may be put off.
DEADLINE: Final = timedelta(days=14)
PUT_OFF: Final = timedelta(days=7)


def resupply_request(alert: Alert, force_name: str, files: Sequence[dict[str, Any]], deadline: date) -> str:
    """What to write to a force: which months, what is wrong with them, which files those were, and by when."""
    return render("resupply.txt", alert=alert, force_name=force_name, files=files, deadline=deadline).strip()


def digest(
    new: Sequence[Alert],
    overdue: Sequence[Alert],
    names: dict[str, str],
    url: str,
    head: tuple[int, str],
    day: date,
) -> tuple[str, str, str]:
    """The digest's subject, its plain text and its HTML: new alerts and those that are to be decided again.

    It carries the ledger's last hash, so that whoever keeps the message can tell a ledger that was replaced.
    """
    context = {
        "new": in_order(new),
        "overdue": in_order(overdue),
        "names": names,
        "url": url.rstrip("/"),
        "head": head,
        "day": day,
    }
    subject = (
        f"Desk: {len(new)} new and {len(overdue)} overdue "
        f"{'alert' if len(new) + len(overdue) == 1 else 'alerts'}, {day:%-d %B %Y}"
    )
    return subject, render("digest.txt", **context), render("digest.html", **context)


def in_order(found: Sequence[Alert]) -> list[tuple[str, list[Alert]]]:
    """Alerts under their severity, worst first."""
    return [
        (SEVERITY_WORDS[severity], chosen)
        for severity in SEVERITIES
        if (chosen := [alert for alert in found if alert.row["severity"] == severity])
    ]
