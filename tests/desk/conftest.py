"""The databases that the desk is tested on: SQLite, and a PostgreSQL cluster of the tests' own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publish.desk.ledger import Ledger


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
