"""Who may sign in with a password: accounts made from the command line, their hashes, and lockout."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, Text, insert, select, update

from publish.desk.errors import DeskError
from publish.desk.ledger import Draft, Ledger, make_tables
from publish.desk.roles import ROLES, Person
from publish.desk.sessions import end_all_of, make_session_table

METADATA: Final = MetaData()
ACCOUNTS: Final = Table(
    "desk_accounts",
    METADATA,
    Column("name", String(60), primary_key=True),
    Column("shown", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("password", Text, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", String(40), nullable=True),
)
NAME: Final = re.compile(r"^[a-z][a-z0-9.-]{1,39}$")
#: NIST SP 800-63B and ASVS 2.1: length, not composition.
SHORTEST: Final = 12
LONGEST: Final = 128
#: Wrong passwords in a row before the account is locked, and for how long.
FAILURES: Final = 5
LOCKED_FOR: Final = timedelta(minutes=15)
#: Words that make a long password an easy one.
EASY: Final = (
    "password", "passw0rd", "fullcount", "qwerty", "letmein", "welcome", "12345678", "87654321", "abcdefgh",
    "1q2w3e", "1qaz2wsx", "qazwsx", "asdfgh", "zxcvbn", "changeme", "administrator", "iloveyou", "trustno1",
)  # fmt: skip
#: Argon2 takes tens of megabytes for each password: no more than so many at once.
AT_ONCE: Final = 4


class Accounts:
    """Local accounts, in the ledger's database. Every change to one is an entry of the ledger."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self.ledger = ledger
        self.clock = clock
        self._hasher = PasswordHasher()
        self._room = threading.BoundedSemaphore(AT_ONCE)
        # An unknown name costs as long as a known one, so that the answer's time tells nothing.
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        with ledger.reaching():
            make_tables(ledger.engine, METADATA)
            make_session_table(ledger.engine)

    def add(self, name: str, shown: str, role: str, password: str, by: str) -> None:
        """Make an account. Raises DeskError when the name is taken or anything is not as wanted."""
        if not NAME.match(name):
            raise DeskError(
                f"“{name}” cannot be an account: write 2 to 40 small letters, digits, dots and hyphens."
            )
        if role not in ROLES:
            raise DeskError(f"There is no role “{role}”. The roles are {', '.join(ROLES)}.")
        _good(password, name)
        if self._row(name) is not None:
            raise DeskError(f"There is an account {name} already. Close it, or choose another name.")
        row = {
            "name": name,
            "shown": shown.strip() or name,
            "role": role,
            "password": self._hasher.hash(password),
            "closed": False,
            "failures": 0,
            "locked_until": None,
        }
        with self.ledger.reaching(), self.ledger.engine.begin() as connection:
            connection.execute(insert(ACCOUNTS).values(row))
        self._told(name, by, {"action": "account made", "role": role, "shown": row["shown"]})

    def set_password(self, name: str, password: str, by: str) -> None:
        """Give an account another password, and unlock it. Raises DeskError when there is none or it is too easy."""
        self._known(name)
        _good(password, name)
        self._change(name, password=self._hasher.hash(password), failures=0, locked_until=None)
        end_all_of(self.ledger, name, self.clock())
        self._told(name, by, {"action": "password set"})

    def set_role(self, name: str, role: str, by: str) -> None:
        """Give an account another role."""
        self._known(name)
        if role not in ROLES:
            raise DeskError(f"There is no role “{role}”. The roles are {', '.join(ROLES)}.")
        self._change(name, role=role)
        end_all_of(self.ledger, name, self.clock())
        self._told(name, by, {"action": "role set", "role": role})

    def close(self, name: str, by: str) -> None:
        """Close an account: nobody signs in with it any more, and what it decided stays."""
        self._known(name)
        self._change(name, closed=True)
        end_all_of(self.ledger, name, self.clock())
        self._told(name, by, {"action": "account closed"})

    def sign_in(self, name: str, password: str) -> Person | None:
        """The person with this name and password; None when either is wrong, or the account is closed or locked.

        Which of these it was is told to nobody but the ledger.
        """
        row = self._row(name) if NAME.match(name) else None
        locked = row is not None and row["locked_until"] and self.clock() < _moment(row["locked_until"])
        good = self._matches(row["password"] if row else self._nobody, password[: LONGEST + 1])
        if row is None:
            return None
        if row["closed"] or locked:
            self._told(
                name, name, {"action": "refused, the account is " + ("closed" if row["closed"] else "locked")}
            )
            return None
        if not good:
            failures = row["failures"] + 1
            if failures < FAILURES:
                self._change(name, failures=failures)
                self._told(name, name, {"action": "refused, wrong password"})
            else:
                until = (self.clock() + LOCKED_FOR).astimezone(UTC).isoformat()
                self._change(name, failures=0, locked_until=until)
                self._told(name, name, {"action": f"locked after {FAILURES} wrong passwords"})
            return None
        if row["failures"] or row["locked_until"]:
            self._change(name, failures=0, locked_until=None)
        if self._hasher.check_needs_rehash(row["password"]):
            self._change(name, password=self._hasher.hash(password))
        return Person(row["name"], row["shown"], row["role"])

    def all(self) -> list[dict[str, Any]]:
        """Every account, without its hash."""
        with self.ledger.reading() as connection:
            rows = connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.name))
            return [{k: v for k, v in row._mapping.items() if k != "password"} for row in rows]

    def _matches(self, hashed: str, password: str) -> bool:
        with self._room:
            try:
                return self._hasher.verify(hashed, password)
            except (VerificationError, InvalidHashError):
                return False

    def _row(self, name: str) -> dict[str, Any] | None:
        with self.ledger.reading() as connection:
            row = connection.execute(select(ACCOUNTS).where(ACCOUNTS.c.name == name)).first()
        return None if row is None else dict(row._mapping)

    def _known(self, name: str) -> None:
        if self._row(name) is None:
            raise DeskError(f"There is no account {name}. `fullcount desk-user list` shows them.")

    def _change(self, name: str, **values: Any) -> None:
        with self.ledger.reaching(), self.ledger.engine.begin() as connection:
            connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.name == name).values(**values))

    def _told(self, name: str, by: str, body: dict[str, Any]) -> None:
        kind = "account" if by != name else "sign-in"
        self.ledger.append(Draft(kind, by, f"account:{name}", None, secrets.token_hex(16), body))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _good(password: str, name: str) -> None:
    if not SHORTEST <= len(password) <= LONGEST:
        raise DeskError(f"A password has {SHORTEST} to {LONGEST} characters. Three or four words do well.")
    plain = password.lower()
    if name in plain or plain.isdigit() or len(set(plain)) < 5 or any(word in plain for word in EASY):
        raise DeskError("That password is among the first that anyone would try. Choose three or four words.")
