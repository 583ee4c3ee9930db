"""Personal detail stops at the door: no byte of it in anything published, said, logged or kept as a table."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.xdist_group("nothing is lost")

CANARY = b"CANARY"


@pytest.fixture(scope="module", params=["dirty", "small"])
def came(request: pytest.FixtureRequest, ran: Callable[..., Any]) -> Any:
    return ran("small", "2019-Q1") if request.param == "small" else ran("dirty")


def sings(content: bytes) -> bool:
    """Whether a canary is in some bytes, in any case and in either width of letters."""
    low = content.lower()
    return CANARY.lower() in low or CANARY.decode().lower().encode("utf-16-le") in low


def inside(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file as its bytes, and all that is packed in it: archives, workbooks, gzip, columns of Parquet."""
    yield name, content
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for member in packed.namelist():
                yield from inside(f"{name}!{member}", packed.read(member))
    elif content[:2] == b"\x1f\x8b":
        yield from inside(f"{name}!", gzip.decompress(content))
    elif content[:4] == b"PAR1":
        table = pl.read_parquet(io.BytesIO(content))
        yield f"{name}!columns", " ".join(table.columns).encode()
        for column in table.select(pl.col(pl.String, pl.Categorical, pl.Enum)):
            yield f"{name}!{column.name}", "\n".join(column.cast(pl.String).drop_nulls().unique()).encode()


def where_it_sings(folder: Path) -> list[str]:
    return [
        inner
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for inner, content in inside(str(path), path.read_bytes())
        if sings(content)
    ]


def test_the_supply_is_full_of_it(came: Any) -> None:
    """Without this nothing below would prove anything."""
    files = [path for path in (came.made / "supply").glob("*.csv") if path.stat().st_size > 4000]
    assert len(files) > 10
    singing = [path for path in files if sings(path.read_bytes())]
    assert len(singing) >= len(files) - 1


def test_what_is_frozen_is_the_only_place_that_keeps_it(came: Any) -> None:
    frozen = [path for path in (came.workspace / "supplied").rglob("*") if path.is_file()]
    assert any(sings(path.read_bytes()) for path in frozen)
    for folder in sorted(came.workspace.iterdir()):
        if folder.name != "supplied":
            found = where_it_sings(folder) if folder.is_dir() else [folder.name] * sings(folder.read_bytes())
            assert found == [], folder.name


def test_nothing_published_holds_it(came: Any) -> None:
    releases = came.workspace / "private"
    assert len([*releases.rglob("*.html")]) > 10
    assert where_it_sings(releases) == []


def test_the_record_of_runs_holds_none_of_it(came: Any) -> None:
    """Dagster's own databases, row by row: text in them may be packed."""
    databases = list((came.workspace / "dagster").rglob("*.db"))
    events = 0
    for path in databases:
        with closing(sqlite3.connect(path)) as connection:
            names = [
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            ]
            for name in names:
                for row in connection.execute(f'SELECT * FROM "{name}"'):
                    events += 1
                    assert not sings(repr(row).encode()), (path.name, name)
    assert events > 20


def test_the_commands_say_none_of_it(came: Any, fullcount: Any) -> None:
    assert not sings(came.said.encode())
    for command in ("sources", "status"):
        done = fullcount(command, "--workspace", came.workspace)
        assert done.returncode == 0, done.stderr
        assert not sings((done.stdout + done.stderr).encode())


def test_no_message_about_a_personal_column_shows_its_value(
    small: Any, fullcount: Any, made: Path, tmp_path: Path
) -> None:
    """Rows whose fields have slipped by one, so that personal values stand where codes and times belong."""
    path = made / "supply" / "2019-01-carrow-niche-extract.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    slipped = [",".join([*row.split(",")[-5:], *row.split(",")[:-5]]) for row in rows[:10]]
    path.write_text("\n".join([header, *slipped, *rows[10:]]) + "\n", encoding="utf-8")
    done = fullcount.run(tmp_path / "workspace", made)
    listed = fullcount("sources", "--workspace", tmp_path / "workspace", "--refused")
    assert not sings((done.stdout + done.stderr + listed.stdout + listed.stderr).encode())
    for folder in ("objects", "private", "dagster", "snapshots"):
        assert where_it_sings(tmp_path / "workspace" / folder) == []
