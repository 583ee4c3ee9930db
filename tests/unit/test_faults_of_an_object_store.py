"""What networks and stores do to a run: it ends with the same bytes, or is refused in words and the next run does."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlparse

import duckdb
import polars as pl
import pytest

from pipelines.engines import Here, Processes
from pipelines.settings import settings
from pipelines.sources.finding import Found, find
from pipelines.stages import shard
from pipelines.stages.counted import count_forces
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.supplied import take_in
from pipelines.store import Storage, StoreError, Workspace
from publish.parts import file_digest
from tests.journeys.object_store import (
    BUSY,
    CUT_ANSWER,
    CUT_REQUEST,
    FAULTS,
    LOST_AFTER,
    LOST_BEFORE,
    Faltering,
    Request,
    upload,
)
from tests.unit.engine_work import copy_in, made_of, recorded_workspace

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("s3fs", "moto"))), reason="s3fs or moto is not installed"
)

URL = "s3://crime/workspace"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_workspace(tmp_path_factory.mktemp("faults"), "2019-04", crimes_per_month=40)


@pytest.fixture(scope="module")
def here(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What is made in a folder."""
    folder = tmp_path_factory.mktemp("here") / "workspace"
    shutil.copytree(recorded / "workspace", folder)
    line = opened(recorded, str(folder))
    count_forces(line, Here())
    return made_of(line.workspace)


@contextlib.contextmanager
def losing(store: Faltering, fault: str, at: Callable[[Request], bool]) -> Iterator[None]:
    """A process of its own, whose clients do not ask again, so that a store that is gone is told at once."""
    import s3fs

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        patch.setattr(s3fs.S3FileSystem, "retries", 1)
        as_a_new_process()
        store.faults, store.one_in, store.at = (fault,), 1, at
        yield
        store.one_in = 0
    as_a_new_process()


def as_a_new_process() -> None:
    """Forget connections to the store, and who holds them."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    shard._opened.cache_clear()


@pytest.fixture
def store(store: Faltering) -> Faltering:
    """An object store that this process has not spoken to."""
    as_a_new_process()
    return store


def opened(made: Path, workspace: str) -> Line:
    return Line.open(settings(workspace, "s3://crime/supply", str(made / "country")))


def asks(method: str, part: str) -> Callable[[Request], bool]:
    """Whether a request is of this method and its path holds `part`."""
    return lambda request: request[0] == method and part in request[1]


def run(line: Line) -> None:
    assert not take_in(line, using=Here()).refused
    record_forces(line)
    count_forces(line, Here())


def test_a_store_that_fails_one_request_in_four_in_every_way_loses_nothing(
    here: dict[str, dict[str, str]], recorded: Path, store: Faltering
) -> None:
    upload(recorded / "supply", "s3://crime/supply")
    store.faults, store.one_in = FAULTS, 4
    run(opened(recorded, URL))
    store.one_in = 0
    assert set(store.met) == set(FAULTS)
    assert min(store.met.values()) > 5
    assert made_of(Workspace.open(URL)) == here


@pytest.mark.parametrize("fault", FAULTS)
def test_each_client_asks_again(store: Faltering, tmp_path: Path, fault: str) -> None:
    """Every third request fails: what is read is whole, and what is written is there."""
    table = pl.DataFrame({"number": range(20_000)})
    table.write_parquet(tmp_path / "t.parquet")
    storage, data = Storage(URL), (tmp_path / "t.parquet").read_bytes()
    storage.write("before", data)
    store.faults, store.one_in = (fault,), 3
    storage.adopt(tmp_path / "t.parquet", "t.parquet")
    assert storage.exists("t.parquet")
    assert not storage.exists("u.parquet")
    assert storage.read("before") == data
    assert pl.scan_parquet(storage.uri("t.parquet")).collect().equals(table)
    with duckdb.connect() as connection:
        connection.register_filesystem(storage.filesystem)
        found = connection.sql(
            f"SELECT max(number), count(*) FROM read_parquet('{storage.uri('t.parquet')}')"
        )
        assert found.fetchall() == [(19_999, 20_000)]
    assert store.met[fault] > 4


#: Where a run may lose its store: on what it asks for, and how.
PLACES = {
    "writing a table": (asks("PUT", "/objects/"), LOST_BEFORE),
    "having written a table": (asks("PUT", "/objects/"), LOST_AFTER),
    "half-way through writing a table": (asks("PUT", "/objects/"), CUT_REQUEST),
    "reading a table": (asks("GET", "/objects/"), CUT_ANSWER),
    "writing what a snapshot names": (asks("PUT", "/snapshots/"), LOST_BEFORE),
    "making a snapshot current": (asks("PUT", "/HEAD"), BUSY),
    "having made a snapshot current": (asks("PUT", "/HEAD"), LOST_AFTER),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_store_that_is_lost_is_told_and_the_next_run_completes(
    here: dict[str, dict[str, str]], recorded: Path, store: Faltering, place: str
) -> None:
    """From the second such request on, the store fails every one."""
    upload(recorded / "workspace", URL)
    lost, fault = PLACES[place]
    seen: list[Request] = []

    def from_the_second(request: Request) -> bool:
        seen.extend([request] if lost(request) else [])
        return len(seen) > 1 and (lost(request) or fault != CUT_ANSWER)

    told = r"s3://crime/workspace/ does not answer as an object store does: .*run again"
    with losing(store, fault, from_the_second), pytest.raises(StoreError, match=told):
        count_forces(opened(recorded, URL), Here())
    held = made_of(Workspace.open(URL))
    assert all(held[table].items() <= here[table].items() for table in held)
    count_forces(opened(recorded, URL), Here())
    assert made_of(Workspace.open(URL)) == here


@pytest.mark.parametrize("fault", [LOST_BEFORE, CUT_ANSWER])
def test_a_lost_supply_is_not_blamed_on_the_file(recorded: Path, store: Faltering, fault: str) -> None:
    upload(recorded / "supply", "s3://crime/supply")
    told = pytest.raises(StoreError, match=r"s3://crime/supply/2019-04-.* does not answer")
    with losing(store, fault, asks("GET", "-extract.csv")), told:
        take_in(opened(recorded, URL), using=Here())
    assert not take_in(opened(recorded, URL), using=Here()).refused


def test_an_archive_whose_store_is_lost_is_not_called_damaged(store: Faltering, tmp_path: Path) -> None:
    (tmp_path / "supply").mkdir()
    (tmp_path / "supply" / "one.csv").write_text("a\n1\n")
    shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "supply")
    Storage("s3://crime/supply").write("a.zip", (tmp_path / "a.zip").read_bytes())
    told = pytest.raises(StoreError, match=r"s3://crime/supply/a\.zip does not answer")
    with losing(store, CUT_ANSWER, asks("GET", "a.zip")), told:
        list(find("s3://crime/supply"))
    assert [isinstance(each, Found) for each in find("s3://crime/supply")] == [True]


def test_a_commit_whose_answer_was_lost_is_known_for_its_own(recorded: Path, store: Faltering) -> None:
    """The store refuses the second try, since HEAD is what the first made it: it is read, and nothing more is done."""
    upload(recorded / "workspace", URL)
    workspace = Workspace.open(URL)
    del workspace.head["lines"]
    store.faults, store.one_in, store.at = (LOST_AFTER,), 1, once(asks("PUT", "/HEAD"))
    workspace.commit()
    assert store.met == {LOST_AFTER: 1}
    del workspace.head["superseded"]
    workspace.commit()
    assert Workspace.open(URL).head.keys().isdisjoint({"lines", "superseded"})


def test_a_commit_whose_answer_was_lost_is_told_where_another_run_came_between(
    recorded: Path, store: Faltering
) -> None:
    upload(recorded / "workspace", URL)
    first, second = (Workspace.open(URL) for _ in range(2))
    del first.head["lines"]
    del second.head["superseded"]
    first_try = once(asks("PUT", "/HEAD"))

    def busy_while_the_other_commits(request: Request) -> bool:
        if not first_try(request):
            return False
        second.commit()
        return True

    store.faults, store.one_in, store.at = (BUSY,), 1, busy_while_the_other_commits
    with pytest.raises(StoreError, match="another run has changed"):
        first.commit()
    assert Workspace.open(URL).head.keys() >= {"lines"}


def once(asked: Callable[[Request], bool]) -> Callable[[Request], bool]:
    """The first request that is asked for, and no other."""
    met: list[Request] = []

    def first(request: Request) -> bool:
        if met or not asked(request):
            return False
        met.append(request)
        return True

    return first


def test_half_a_write_leaves_nothing(store: Faltering) -> None:
    """A worker that is killed while it writes sends the length of the whole and half of it."""
    server = urlparse(os.environ["AWS_ENDPOINT_URL"])
    with socket.create_connection((server.hostname or "", server.port or 0)) as connection:
        head = "PUT /crime/workspace/half HTTP/1.1\r\nHost: store\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + b"a" * 500)
    while not store.asked["PUT"]:
        time.sleep(0.01)
    assert not Storage(URL).exists("half")


@pytest.mark.slow
def test_a_worker_killed_between_the_parts_of_a_large_file_is_replaced(
    store: Faltering, tmp_path: Path
) -> None:
    """Nothing is seen of the file until the last part is there; another process does it again."""
    large, process = tmp_path / "large", tmp_path / "process"
    with large.open("wb") as stream:
        stream.write(b"crime")
        stream.truncate(101 * 2**20)
    second_part = once(lambda request: "partNumber=2" in request[2])
    there: list[bool] = []

    def killed(request: Request) -> bool:
        if not second_part(request):
            return False
        os.kill(int(process.read_text()), signal.SIGKILL)
        there.append(Storage(URL).exists("supplied/large"))
        return True

    store.faults, store.one_in, store.at = (CUT_REQUEST,), 1, killed
    item = (str(large), URL, "supplied/large", str(process))
    assert list(Processes(1).map(copy_in, [item])) == ["supplied/large"]
    assert there == [False]
    (tmp_path / "again").write_bytes(Storage(URL).read("supplied/large"))
    assert file_digest(tmp_path / "again") == file_digest(large)
