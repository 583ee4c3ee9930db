"""Who is signed in: sessions kept on the server, and what someone had typed when theirs ended."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, Engine, MetaData, String, Table, Text, delete, insert, select, update

from publish.desk.ledger import Ledger, make_tables
from publish.desk.roles import Person

METADATA: Final = MetaData()
SESSIONS: Final = Table(
    "desk_sessions",
    METADATA,
    # The cookie's hash: who reads the database cannot sign in with it.
    Column("hash", String(64), primary_key=True),
    Column("account", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("began", String(40), nullable=False),
    Column("used", String(40), nullable=False),
    Column("ended", String(40), nullable=True),
    Column("kept", Text, nullable=False),
)
#: How long a session lasts unused, and at all; and how long what was typed in an ended one is kept.
IDLE: Final = timedelta(minutes=30)
WHOLE: Final = timedelta(hours=12)
REMEMBERED: Final = timedelta(hours=24)
#: How exactly the last use is known: a session is written no more often than this.
STEP: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Session:
    """One session: the cookie that names it, who it is of, and small things kept for its next page.

    `person` is None before anybody has signed in with it.
    """

    cookie: str
    person: Person | None
    alive: bool
    kept: dict[str, Any] = field(default_factory=dict)


class Sessions:
    """Every session, in the ledger's database, so that several desks share them and a restart keeps them."""

    def __init__(self, ledger: Ledger, secret: bytes, clock: Callable[[], datetime]) -> None:
        self.ledger = ledger
        self.clock = clock
        self._secret = secret
        with ledger.reaching():
            make_session_table(ledger.engine)

    def begin(self, person: Person | None, kept: dict[str, Any] | None = None) -> Session:
        """A new session under a new name, so that nobody can have known it before."""
        cookie = secrets.token_urlsafe(32)
        now = self._now()
        row = {
            "hash": _hash(cookie),
            "account": person.name if person else "",
            "shown": person.shown if person else "",
            "role": person.role if person else "",
            "began": now,
            "used": now,
            "ended": None,
            "kept": json.dumps(kept or {}),
        }
        stale = (self.clock() - WHOLE - REMEMBERED).astimezone(UTC).isoformat()
        with self.ledger.reaching(), self.ledger.engine.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.began < stale))
            connection.execute(insert(SESSIONS).values(row))
        return Session(cookie, person, True, kept or {})

    def find(self, cookie: str | None) -> Session | None:
        """The session that a cookie names, whether it still lives or not; None when there is none."""
        if not cookie:
            return None
        with self.ledger.reading() as connection:
            row = connection.execute(select(SESSIONS).where(SESSIONS.c.hash == _hash(cookie))).first()
        if row is None:
            return None
        now, used = self.clock(), datetime.fromisoformat(row.used)
        alive = row.ended is None and now - used < IDLE and now - datetime.fromisoformat(row.began) < WHOLE
        if alive and now - used >= STEP:
            self._change(cookie, used=self._now())
        person = Person(row.account, row.shown, row.role) if row.account else None
        return Session(cookie, person, alive, json.loads(row.kept))

    def keep(self, session: Session, **kept: Any) -> None:
        """Keep small things for the session's next page; None drops one."""
        there = {name: value for name, value in {**session.kept, **kept}.items() if value is not None}
        self._change(session.cookie, kept=json.dumps(there))

    def end(self, cookie: str) -> None:
        """Sign out: the cookie opens nothing from now on, wherever it was copied to."""
        self._change(cookie, ended=self._now())

    def form_token(self, session: Session) -> str:
        """What every form of a session carries, and no other site can know."""
        return hmac.new(self._secret, b"form " + session.cookie.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session: Session, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.form_token(session).encode(), token.encode())

    def _change(self, cookie: str, **values: Any) -> None:
        with self.ledger.reaching(), self.ledger.engine.begin() as connection:
            connection.execute(update(SESSIONS).where(SESSIONS.c.hash == _hash(cookie)).values(**values))

    def _now(self) -> str:
        return self.clock().astimezone(UTC).isoformat()


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def make_session_table(engine: Engine) -> None:
    """Make the table of sessions when it is not there."""
    make_tables(engine, METADATA)


def end_all_of(ledger: Ledger, account: str, now: datetime) -> None:
    """Sign an account out everywhere."""
    of = update(SESSIONS).where(SESSIONS.c.account == account, SESSIONS.c.ended.is_(None))
    with ledger.reaching(), ledger.engine.begin() as connection:
        connection.execute(of.values(ended=now.astimezone(UTC).isoformat()))
