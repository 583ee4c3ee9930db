"""What the ledger holds about releases: who signed which bytes, and notes, access, corrections and stops."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import dataframely as dy
import polars as pl

from publish.desk.ledger import Draft, Entry, Ledger
from transforms.contracts import tables
from transforms.contracts.columns import ZONE
from transforms.periods import Quarter
from transforms.versions import ReleaseName


def sign(
    ledger: Ledger,
    who: str,
    role: str,
    release: ReleaseName,
    manifest: str,
    note: str | None = None,
    token: str | None = None,
    seen: int | None = None,
) -> Entry:
    """Enter that somebody prepared or approved a release whose manifest has this SHA-256.

    `seen` is how many entries about the release the signer had seen, when it was on a form. Raises ClashError
    when there has been another since.
    """
    body = {"action": role, "release": str(release), "manifest": manifest, "note": note or None}
    return _append(ledger, "sign-off", who, f"release {release}", body, token, seen)


def say(
    ledger: Ledger,
    who: str,
    action: str,
    quarter: Quarter,
    text: str,
    *,
    version: str | None = None,
    force: str | None = None,
    person: str | None = None,
    post: str | None = None,
    due: datetime | None = None,
    token: str | None = None,
) -> Entry:
    """Enter one thing said about a release (`tables.ReleaseEntries`)."""
    body = {
        "action": action,
        "quarter": str(quarter),
        "version": version,
        "force": force,
        "person": person,
        "post": post,
        "due": None if due is None else due.isoformat(),
        "text": text,
    }
    subject = f"release {quarter}/{version}" if version else f"release {quarter}"
    return _append(ledger, "release", who, subject, body, token)


def _append(
    ledger: Ledger,
    kind: str,
    who: str,
    subject: str,
    body: Mapping[str, Any],
    token: str | None,
    seen: int | None = None,
) -> Entry:
    # What is said without a form to look at is said whatever came before it.
    (entry,) = ledger.append(Draft(kind, who, subject, seen, token or secrets.token_urlsafe(16), body))
    return entry


def sign_offs(ledger: Ledger) -> pl.DataFrame:
    """Every sign-off: `tables.SignOffs`, in the order made."""
    return _table(
        tables.SignOffs,
        [
            {
                "entry": entry.number,
                "signed_at": entry.at,
                "who": entry.author,
                "role": entry.body["action"],
                **{name: entry.body.get(name) for name in ("release", "manifest", "note")},
            }
            for entry in ledger.entries("sign-off")
        ],
        "signed_at",
    )


def entries(ledger: Ledger) -> pl.DataFrame:
    """Everything else said about releases: `tables.ReleaseEntries`, in the order said."""
    told = ("action", "quarter", "version", "force", "person", "post", "text")
    return _table(
        tables.ReleaseEntries,
        [
            {
                "entry": entry.number,
                "at": entry.at,
                "who": entry.author,
                "due": datetime.fromisoformat(due) if (due := entry.body.get("due")) else None,
                **{name: entry.body.get(name) for name in told},
            }
            for entry in ledger.entries("release")
            if entry.body.get("action") in tables.RELEASE_ACTIONS
        ],
        "at",
        "due",
    )


def _table(schema: type[dy.Schema], rows: list[dict[str, Any]], *moments: str) -> pl.DataFrame:
    for row in rows:
        for name in moments:
            if row[name] is not None:
                row[name] = row[name].astimezone(ZoneInfo(ZONE))
    return schema.validate(pl.DataFrame(rows, schema=dict(schema.create_empty().schema), orient="row"))
