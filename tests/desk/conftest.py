"""The databases that the desk is tested on: SQLite, and a PostgreSQL cluster of the tests' own."""

from __future__ import annotations

import html
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import polars as pl
import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from fixtures.small_book import small_book
from publish import signing
from publish.desk.application import application
from publish.desk.book import Book
from publish.desk.desk import Desk
from publish.desk.errors import DeskError
from publish.desk.gate import Release
from publish.desk.ledger import Ledger
from publish.desk.settings import DeskSettings
from transforms import readiness
from transforms.versions import ReleaseName

PASSWORD: Final = "three words and a comma,"
PEOPLE: Final = {
    "amina": "checker",
    "ben": "checker",
    "carol": "statistician",
    "dev": "approver",
    "erin": "administrator",
    "farah": "auditor",
}


class Clock:
    """A clock that the test winds."""

    def __init__(self, now: datetime = datetime(2019, 10, 14, 8, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **more: float) -> None:
        self.now += timedelta(**more)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def binaries() -> Path | None:
    """The folder of PostgreSQL's own commands, the newest there is."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), reverse=True
    )
    return found[0].parent if found else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server started for this session on a port of its own."""
    tools = binaries()
    if tools is None:
        pytest.skip("PostgreSQL is not installed (apt: postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="fullcount-postgresql-"))
    as_postgres: list[str] = []
    if os.geteuid() == 0:
        # PostgreSQL refuses to be started by root.
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_postgres = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"

    def tool(name: str, *words: str) -> None:
        subprocess.run(
            [*as_postgres, str(tools / name), *words], check=True, cwd=folder, stdout=subprocess.DEVNULL
        )

    tool("initdb", "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=120"
    tool("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}"
    finally:
        tool("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    import psycopg

    server = request.getfixturevalue("postgresql")
    name = f"desk_{os.urandom(6).hex()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture
def ledger(database: str, clock: Clock) -> Iterator[Ledger]:
    opened = Ledger(database, clock)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def reopen(database: str, clock: Clock) -> Callable[[], Ledger]:
    """Another process's view of the same ledger."""
    return lambda: Ledger(database, clock)


class Tab:
    """A browser without scripts: keeps cookies, follows redirects, fills in the forms of a page."""

    def __init__(self, desk: Desk) -> None:
        self.client = TestClient(application(desk), base_url="http://127.0.0.1:8010")
        self.page = ""

    def get(self, path: str, **more: Any) -> httpx.Response:
        answer = self.client.get(path, **more)
        self.page = answer.text
        return answer

    def fields(self, action: str) -> dict[str, str]:
        """The hidden fields of the page's form that is sent to `action`."""
        form = re.search(
            rf'<form[^>]*action="{re.escape(action)}"[^>]*method="post".*?</form>', self.page, re.S
        )
        assert form is not None, f"the page has no form to {action}"
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
        return {name: html.unescape(value) for name, value in hidden}

    def send(self, to: str, /, **typed: Any) -> httpx.Response:
        """Fill in the form of the current page and send it."""
        answer = self.client.post(to, data={**self.fields(to), **typed})
        self.page = answer.text
        return answer

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        self.get("/sign-in")
        return self.send("/sign-in", name=name, password=password)


class Shelf:
    """Hands out whichever book is the latest."""

    def __init__(self) -> None:
        self.book = small_book()

    def __call__(self) -> Book:
        return self.book


class Gate:
    """Releases in memory. Whether one may go out is worked out by the product's own rules on the real ledger."""

    def __init__(self, ledger: Ledger, shelf: Shelf, clock: Clock) -> None:
        self.ledger, self.shelf, self.clock = ledger, shelf, clock
        self.shelves = {"2019-Q3/1.0.0": "private", "2019-Q2/1.0.0": "public"}
        self.manifest = "a" * 64

    def releases(self) -> list[Release]:
        return [self._release(name) for name in sorted(self.shelves)]

    def _release(self, text: str) -> Release:
        name = ReleaseName.parse(text)
        due = datetime(2019, 10, 17, 8, 30, tzinfo=UTC)
        candidate = readiness.Candidate(name, self.manifest, False, [], self._built_with())
        calendar = pl.DataFrame({"quarter": [str(name.quarter)], "release_at": [due]})
        waits_for = readiness.blockers(
            candidate,
            calendar,
            self.shelf.book.findings,
            self.ledger.decisions(),
            signing.sign_offs(self.ledger),
            signing.entries(self.ledger),
            self.clock(),
        )
        return Release(
            text, name.quarter, self.shelves[text], self.manifest, due,
            waits_for if self.shelves[text] == "private" else [], [], False,
        )  # fmt: skip

    def _built_with(self) -> list[int]:
        said = readiness.standing(signing.entries(self.ledger), ReleaseName.parse("2019-Q3/1.0.0"))
        return said.get_column("entry").to_list()

    def sign(self, name: str, who: str, role: str, note: str | None, seen: int, token: str) -> None:
        signing.sign(self.ledger, who, role, ReleaseName.parse(name), self.manifest, note, token, seen)

    def publish(self, name: str) -> None:
        if waits_for := self._release(name).waits_for:
            raise DeskError("It waits for: " + " ".join(waits_for))
        self.shelves[name] = "public"

    def stop(self, name: str, who: str, reason: str) -> None:
        self._say(who, "stop", name, reason)
        if self.shelves[name] == "public":
            self.shelves[name] = "withdrawn"

    def lift(self, name: str, who: str, reason: str) -> None:
        self._say(who, "lift the stop", name, reason)

    def announce(self, name: str, who: str, notice: str, due: datetime | None) -> None:
        self._say(who, "announce a correction", name, notice)

    def _say(self, who: str, action: str, text: str, words: str) -> None:
        name = ReleaseName.parse(text)
        signing.say(self.ledger, who, action, name.quarter, words, version=str(name.version))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def desk(ledger: Ledger, shelf: Shelf, clock: Clock) -> Desk:
    """A desk on each kind of database, with one account of each role."""
    made = Desk(
        DeskSettings(secret=b"a secret of the tests"), ledger, shelf, Gate(ledger, shelf, clock), clock
    )
    # The real parameters cost 50 ms a password; what is hashed here guards nothing.
    made.accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    made.accounts._nobody = made.accounts._hasher.hash("nobody at all")
    if not made.accounts.all():
        for name, role in PEOPLE.items():
            made.accounts.add(name, name.title(), role, PASSWORD, by="the tests")
    return made


@pytest.fixture
def tab(desk: Desk) -> Callable[..., Tab]:
    """`tab("amina")`: a browser in which that person has signed in; `tab()`: one in which nobody has."""

    def opened(name: str | None = None) -> Tab:
        made = Tab(desk)
        if name is not None:
            assert made.sign_in(name).status_code == 200
        return made

    return opened
