"""The ledger: everything that people did, appended in one chain of hashes and never changed.

One code for SQLite (the default) and PostgreSQL. An entry names its subject (a finding, a release, an
account) and the version of that subject it was made on, so that of two people who decide the same thing
at once one is told of the other; it carries a token, so that a form sent twice is one entry; and it
carries the hash of the entry before it, so that a changed row breaks the chain from there on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    func,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from publish.desk.errors import ClashError, DeskError, TamperedError, UnreachableError
from transforms.contracts import tables
from transforms.contracts.columns import ZONE

#: What an entry may be about.
KINDS: Final = ("alert", "decision", "sign-off", "release", "access", "note", "account", "sign-in")
#: The hash before the first entry.
GENESIS: Final = "0" * 64
#: Characters in the longest text a person may write in one field.
LONGEST: Final = 4000
#: PostgreSQL's lock for those who make tables: any number that nothing else uses.
MAKING: Final = 8_121_019
#: How often an append that lost a race for the next number is tried again.
TRIES: Final = 5

METADATA: Final = MetaData()
ENTRIES: Final = Table(
    "ledger_entries",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("author", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("token", String(80), nullable=False, unique=True),
    Column("body", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("subject", "version", name="one_entry_for_each_version"),
)
#: One row: the last number and hash, so that entries cut off the end are missed. Locked by whoever appends.
HEAD: Final = Table(
    "ledger_head",
    METADATA,
    Column("only", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)


def _after_making(table: Table, statement: str, dialect: str | None = None) -> None:
    event.listen(table, "after_create", DDL(statement).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]


_after_making(HEAD, f"INSERT INTO ledger_head VALUES (1, 0, '{GENESIS}')")
# Nobody changes or removes an entry by mistake, whatever program they use: the database itself refuses.
for _verb in ("UPDATE", "DELETE"):
    _after_making(
        ENTRIES,
        f"CREATE TRIGGER ledger_never_{_verb.lower()} BEFORE {_verb} ON ledger_entries "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
        "sqlite",
    )
_after_making(
    ENTRIES,
    "CREATE OR REPLACE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
    "postgresql",
)
_after_making(
    ENTRIES,
    "CREATE TRIGGER ledger_never_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()",
    "postgresql",
)


@dataclass(frozen=True)
class Entry:
    """One entry of the ledger. `at` is in UTC; `body` is what was decided or done."""

    number: int
    at: datetime
    kind: str
    author: str
    subject: str
    version: int
    token: str
    body: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True)
class Draft:
    """An entry that somebody wants to make.

    `seen` is how many entries its subject had when they looked; None for what happened whatever was there
    before, such as a sign-in.
    """

    kind: str
    author: str
    subject: str
    seen: int | None
    token: str
    body: Mapping[str, Any]


def canonical(value: object) -> str:
    """The one way to write a body as text, so that its hash is the same everywhere."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def chained(row: Mapping[str, Any]) -> str:
    """The hash of an entry: SHA-256 over everything in it and the hash before it."""
    names = ("number", "at", "kind", "author", "subject", "version", "token", "body", "previous")
    return hashlib.sha256(canonical([row[name] for name in names]).encode()).hexdigest()


class Ledger:
    """The ledger in one database. Safe to share between threads and processes."""

    def __init__(self, url: str, clock: Callable[[], datetime]) -> None:
        """Open the ledger at a database URL, making its tables when they are not there.

        Raises DeskError for an address that is no database's, UnreachableError for one that does not answer.
        """
        self.clock = clock
        self.engine = engine_of(url)
        with self.reaching():
            make_tables(self.engine, METADATA)

    def append(self, *drafts: Draft) -> list[Entry]:
        """Append entries, all or none. A draft whose token is already there is answered with that entry.

        Raises ClashError when a subject has had another entry since its `seen`, DeskError for a text that is
        empty where it must not be, too long or not text, and UnreachableError when nothing could be written.
        """
        for draft in drafts:
            _checked(draft)
        with self.reaching():
            for attempt in range(TRIES):
                try:
                    with self.engine.begin() as connection:
                        return self._append(connection, drafts)
                except IntegrityError:
                    # Two first entries of a new database, or two sendings of one form: look again.
                    if attempt == TRIES - 1:
                        raise
        raise AssertionError("not reached")

    def _append(self, connection: Connection, drafts: Sequence[Draft]) -> list[Entry]:
        number, previous = connection.execute(select(HEAD.c.number, HEAD.c.hash).with_for_update()).one()
        made = []
        for draft in drafts:
            if there := connection.execute(select(ENTRIES).where(ENTRIES.c.token == draft.token)).first():
                made.append(entry_of(there._mapping))
                continue
            latest = connection.execute(
                select(ENTRIES).where(ENTRIES.c.subject == draft.subject).order_by(ENTRIES.c.version.desc())
            ).first()
            version = 0 if latest is None else latest.version
            if draft.seen is not None and version != draft.seen:
                raise ClashError(_clash(draft, None if latest is None else entry_of(latest._mapping)))
            number += 1
            row = {
                "number": number,
                "at": self.clock().astimezone(UTC).isoformat(timespec="microseconds"),
                "kind": draft.kind,
                "author": draft.author,
                "subject": draft.subject,
                "version": version + 1,
                "token": draft.token,
                "body": canonical(draft.body),
                "previous": previous,
            }
            previous = row["hash"] = chained(row)
            connection.execute(insert(ENTRIES).values(row))
            made.append(entry_of(row))
        connection.execute(update(HEAD).values(number=number, hash=previous))
        return made

    def entries(
        self, *kinds: str, subject: str | None = None, after: int = 0, newest: int | None = None
    ) -> list[Entry]:
        """Entries in the order made, of some kinds, of one subject, after a number; only the `newest` when given."""
        wanted = select(ENTRIES)
        if kinds:
            wanted = wanted.where(ENTRIES.c.kind.in_(kinds))
        if subject is not None:
            wanted = wanted.where(ENTRIES.c.subject == subject)
        if after:
            wanted = wanted.where(ENTRIES.c.number > after)
        wanted = wanted.order_by(ENTRIES.c.number.desc())
        if newest is not None:
            wanted = wanted.limit(newest)
        with self.reading() as connection:
            return [entry_of(row._mapping) for row in connection.execute(wanted)][::-1]

    def versions(self, subjects: Iterable[str]) -> dict[str, int]:
        """How many entries each subject has: what a form shows as seen."""
        wanted = list(subjects)
        with self.reading() as connection:
            found = connection.execute(
                select(ENTRIES.c.subject, func.max(ENTRIES.c.version))
                .where(ENTRIES.c.subject.in_(wanted))
                .group_by(ENTRIES.c.subject)
            ).all()
        return dict.fromkeys(wanted, 0) | {row.subject: int(row[1]) for row in found}

    def decisions(self) -> pl.DataFrame:
        """The decisions: `tables.Decisions`, one row for each, in the order made."""
        return tables.Decisions.validate(decisions_of(self.entries("decision")))

    def head(self) -> tuple[int, str]:
        """The number and hash of the last entry; 0 and zeros when there is none."""
        with self.reading() as connection:
            number, seal = connection.execute(select(HEAD.c.number, HEAD.c.hash)).one()
        return int(number), str(seal)

    def holds(self, seal: str) -> bool:
        """Whether some entry has this hash."""
        with self.reading() as connection:
            return (
                connection.execute(select(ENTRIES.c.number).where(ENTRIES.c.hash == seal)).first() is not None
            )

    def verify(self) -> tuple[int, str]:
        """Recompute the whole chain. Returns the number and hash of the last entry.

        Raises TamperedError naming the first entry that was changed, taken out, put in or cut off.
        """
        with self.reading() as connection:
            number, seal = connection.execute(select(HEAD.c.number, HEAD.c.hash)).one()
            rows = connection.execute(select(ENTRIES).order_by(ENTRIES.c.number))
            last = _walked(dict(row._mapping) for row in rows)
        if last != (number, seal):
            raise TamperedError(
                f"The ledger ends at entry {last[0]}, where its head says {number} ({seal[:12]}…): entries were cut "
                "off or put in at the end. Keep the database as it is, and compare it with the last export."
            )
        return last

    def export(self) -> Iterator[str]:
        """The ledger as lines of JSON, one for each entry, hashes and all."""
        with self.reading() as connection:
            for row in connection.execute(select(ENTRIES).order_by(ENTRIES.c.number)):
                plain = dict(row._mapping)
                yield canonical({**plain, "body": json.loads(plain["body"])}) + "\n"

    def take_in(self, lines: Iterable[str]) -> int:
        """Add the entries of an export that are not here yet. Returns how many.

        Raises TamperedError when the export is broken, and DeskError when it is of another ledger.
        """
        rows = []
        for at, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                rows.append({**row, "body": canonical(row["body"])})
            except (ValueError, KeyError, TypeError):
                raise DeskError(
                    f"Line {at} of the export is no ledger entry. Export the ledger again."
                ) from None
        number, seal = _walked(rows)
        with self.reaching(), self.engine.begin() as connection:
            here, last = connection.execute(select(HEAD.c.number, HEAD.c.hash).with_for_update()).one()
            if here and (number < here or rows[here - 1]["hash"] != last):
                raise DeskError(
                    f"This ledger holds {here} entries that the export does not begin with. "
                    "Import into an empty ledger (set FULLCOUNT_LEDGER to a new database)."
                )
            if fresh := rows[here:]:
                connection.execute(insert(ENTRIES), fresh)
                connection.execute(update(HEAD).values(number=number, hash=seal))
        return len(fresh)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent look at the database. Raises UnreachableError."""
        with self.reaching(), self.engine.connect() as connection:
            yield connection.execution_options(reading=True)

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Tell a database that is down, full or locked in one message, and keep everything else as it is."""
        try:
            yield
        except IntegrityError:
            raise
        except SQLAlchemyError as problem:
            seen = " ".join(str(getattr(problem, "orig", None) or problem).split())[:200]
            raise UnreachableError(
                f"The ledger's database at {self.engine.url.render_as_string(hide_password=True)} does not answer "
                f"({seen}). Nothing was written. See that it runs and has room, and send the form again."
            ) from problem


def engine_of(url: str) -> Engine:
    """The engine of a database URL: SQLite with a write lock taken at once, PostgreSQL through psycopg.

    Raises DeskError when the URL names no database that can be used.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise DeskError(
            f"“{url}” is no database address. Write sqlite:///FILE or postgresql://USER@HOST/NAME."
        ) from None
    if address.get_backend_name() == "postgresql":
        return create_engine(
            address.set(drivername="postgresql+psycopg"), pool_size=10, max_overflow=20, pool_pre_ping=True
        )
    if address.get_backend_name() != "sqlite" or not address.database:
        raise DeskError(f"The ledger is kept in SQLite or PostgreSQL, not in {address.get_backend_name()}.")
    engine = create_engine(address, poolclass=NullPool, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        # Transactions are begun here and not by the driver, which begins them too late for a lock.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def make_tables(engine: Engine, metadata: MetaData) -> None:
    """Make the tables that are not there, when another process may be doing the same."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(MAKING)))
        metadata.create_all(connection)


def entry_of(row: Any) -> Entry:
    """One row of the table as an entry."""
    return Entry(**{**row, "at": datetime.fromisoformat(row["at"]), "body": json.loads(row["body"])})


def decisions_of(entries: Iterable[Entry]) -> pl.DataFrame:
    """Entries of kind “decision” as rows of `tables.Decisions`, one for each, in their order."""
    rows = [
        {"entry": entry.number, "decided_at": entry.at, "author": entry.author, **_dated(entry.body)}
        for entry in entries
    ]
    schema = tables.Decisions.create_empty().schema
    frame = pl.DataFrame(rows, schema={**schema, "decided_at": pl.Datetime("us", "UTC")}, orient="row")
    return frame.with_columns(pl.col("decided_at").dt.convert_time_zone(ZONE))


def _dated(body: Mapping[str, Any]) -> dict[str, Any]:
    """A decision's body with its days as dates."""
    days = ("first_month", "last_month", "expires")
    return {
        name: date.fromisoformat(value) if name in days and value is not None else value
        for name, value in body.items()
        if name in DECISION_FIELDS
    }


#: The fields of a decision's body; the others of `tables.Decisions` are the entry's own.
DECISION_FIELDS: Final = tuple(
    name for name in tables.Decisions.column_names() if name not in ("entry", "decided_at", "author")
)


def _checked(draft: Draft) -> None:
    if draft.kind not in KINDS:
        raise DeskError(f"There is no entry of kind “{draft.kind}”.")
    for name, text in (("author", draft.author), ("subject", draft.subject), ("token", draft.token)):
        if not text.strip():
            raise DeskError(f"An entry needs its {name}.")
    for name, value in draft.body.items():
        if isinstance(value, str):
            if len(value) > LONGEST:
                raise DeskError(
                    f"The {name} has {len(value):,} characters, where at most {LONGEST:,} fit. Say it more "
                    "briefly, and name the document that holds the rest as the evidence."
                )
            if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in value):
                raise DeskError(f"The {name} holds characters that are no text. Type it again.")


def _clash(draft: Draft, latest: Entry | None) -> str:
    if latest is None:
        return (
            f"{draft.subject} has no entries, where your form says that it has {draft.seen}. Open it again."
        )
    what = latest.body.get("action", latest.kind)
    when = latest.at.astimezone(ZoneInfo(ZONE))
    return (
        f"While you had this open, {latest.author} recorded “{what}” on it at {when:%H:%M on %-d %B %Y}. "
        "Nothing of yours was recorded. Read what they wrote; if you would still decide otherwise, decide again."
    )


def _walked(rows: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    """The last number and hash of a chain. Raises TamperedError at the first entry that does not fit."""
    number, previous = 0, GENESIS
    for row in rows:
        if row["number"] != number + 1:
            raise TamperedError(
                f"Entry {number + 1} of the ledger is missing: after entry {number} comes {row['number']}. "
                "Keep the database as it is, and compare it with the last export."
            )
        if row["previous"] != previous or row["hash"] != chained(row):
            raise TamperedError(
                f"Entry {row['number']} of the ledger is not what was written. "
                "Keep the database as it is, and compare it with the last export."
            )
        number, previous = row["number"], row["hash"]
    return number, previous
