"""Sends the digest: by e-mail and to a webhook, and remembers which alerts have been told."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import smtplib
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final

import httpx

from publish.desk.alerts import PROGRAM, Alert
from publish.desk.desk import Desk
from publish.desk.errors import DeskError
from publish.desk.ledger import Draft
from publish.desk.messages import digest
from publish.desk.settings import Mail, Webhook

WAIT: Final = 20
#: The ledger subject under which digests are noted.
SUBJECT: Final = "digest"


def send_digest(desk: Desk) -> str:
    """Tell of alerts that are new since the last digest and of those to be decided again. Returns what was done.

    Raises DeskError when neither e-mail nor webhook is set up, or one does not take the message; the digest then
    counts as not sent, and the next one tells the same.
    """
    mail, webhook = desk.settings.mail, desk.settings.webhook
    if mail is None and webhook is None:
        raise DeskError(
            "The desk's settings name neither [mail] nor [webhook]: there is nowhere to send a digest."
        )
    book = desk.book()
    every = desk.alerts(book)
    # What an earlier digest had seen of the ledger is told; an alert that opened since is new.
    sent = [entry.body["seen"] for entry in desk.trail.of.get(SUBJECT, ())]
    told_up_to = sent[-1] if sent else 0
    new = [alert for alert in every if alert.state == "open" and _opened_by(alert) > told_up_to]
    overdue = [alert for alert in every if alert.state == "overdue"]
    head = desk.ledger.head()
    subject, plain, html = digest(new, overdue, book.names, desk.settings.url, head, desk.today)
    if mail is not None:
        _mail(desk, mail, subject, plain, html)
    if webhook is not None:
        _post(webhook, subject, plain, new, overdue, head)
    body = {"action": "digest sent", "seen": head[0], "new": len(new), "overdue": len(overdue)}
    desk.ledger.append(Draft("note", PROGRAM, SUBJECT, None, secrets.token_hex(16), body))
    to = [f"by e-mail to {', '.join(mail.to)}"] if mail else []
    to += [f"to {webhook.url}"] if webhook else []
    return f"Sent {' and '.join(to)}: {len(new)} new, {len(overdue)} overdue."


def _opened_by(alert: Alert) -> int:
    return max(entry.number for entry in alert.entries if entry.kind == "alert")


def _mail(desk: Desk, mail: Mail, subject: str, plain: str, html: str) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Date"] = format_datetime(desk.clock())
    message["Message-ID"] = make_msgid(domain=mail.sender.rsplit("@", 1)[-1].rstrip(">"))
    # Says that no person wrote it, so that nobody's absence note answers it (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(plain)
    message.add_alternative(html, subtype="html")
    try:
        with smtplib.SMTP(mail.host, mail.port, timeout=WAIT) as server:
            if mail.starttls:
                server.starttls()
            if mail.user is not None:
                server.login(mail.user, mail.password or "")
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as problem:
        raise DeskError(
            f"The mail server {mail.host}:{mail.port} did not take the digest: {problem}."
        ) from None


def _post(
    webhook: Webhook, subject: str, plain: str, new: list[Alert], overdue: list[Alert], head: tuple[int, str]
) -> None:
    """Post the digest as JSON; its signature is in `X-Fullcount-Signature`, so that nobody else can send one."""
    payload = json.dumps(
        {
            "subject": subject,
            "text": plain,
            "new": [alert.finding for alert in new],
            "overdue": [alert.finding for alert in overdue],
            "ledger": {"entries": head[0], "last": head[1]},
        },
        ensure_ascii=False,
    ).encode()
    signature = hmac.new(webhook.secret, payload, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Fullcount-Signature": f"sha256={signature}"}
    try:
        httpx.post(webhook.url, content=payload, headers=headers, timeout=WAIT).raise_for_status()
    except httpx.HTTPError as problem:
        raise DeskError(f"{webhook.url} did not take the digest: {problem}.") from None
