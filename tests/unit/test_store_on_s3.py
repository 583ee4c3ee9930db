"""A workspace on an object store: the same bytes, by workers that share nothing else, through a store that falters.

The server is started here.
"""

from __future__ import annotations

import importlib.util
import shutil
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines import Here, Processes
from pipelines.settings import SettingsError, settings
from pipelines.sources.finding import Found, find
from pipelines.stages.counted import count_forces
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.supplied import take_in
from pipelines.store import Storage, StoreError, Workspace, supplied_name
from tests.unit.engine_work import recorded_workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("s3fs", "moto"))), reason="s3fs or moto is not installed"
    ),
]


class Faltering:
    """A web application that now and then answers that it is too busy, before it does anything."""

    def __init__(self, behind: Any, one_in: int) -> None:
        self.behind, self.one_in = behind, one_in
        self.asked = Counter[str]()
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self.lock:
            self.asked["all"] += 1
            busy = self.one_in and self.asked["all"] % self.one_in == 0
            self.asked["refused"] += bool(busy)
        if busy:
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [
                b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            ]
        return self.behind(environ, start_response)  # type: ignore[no-any-return]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faltering]:
    """An S3 server in this process, empty but for the bucket `crime`, and the environment that points to it."""
    from moto.backends import get_backend
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    get_backend("s3").reset()
    behind = Faltering(DomainDispatcherApplication(create_backend_app), 0)
    server = make_server("127.0.0.1", 0, behind, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("crime")
    yield behind
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_workspace(tmp_path_factory.mktemp("s3"))


@pytest.fixture(scope="module")
def here(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("here") / "workspace"
    shutil.copytree(recorded / "workspace", folder)
    line = opened(recorded, str(folder))
    count_forces(line, Here())
    return line.workspace.snapshot


def opened(made: Path, workspace: str) -> Line:
    return Line.open(settings(workspace, str(made / "supply"), str(made / "country")))


def upload(workspace: Path, url: str) -> None:
    storage = Storage(url)
    for path in sorted(workspace.rglob("*")):
        if path.is_file() and path.name != "lock":
            storage.write(path.relative_to(workspace).as_posix(), path.read_bytes())


def test_two_workers_that_share_only_the_object_store_make_the_same_bytes(
    here: str, recorded: Path, store: Faltering
) -> None:
    upload(recorded / "workspace", "s3://crime/workspace")
    line = opened(recorded, "s3://crime/workspace")
    assert count_forces(line, Processes(2)) == line.forces
    assert Workspace.open("s3://crime/workspace").snapshot == here


def made_of(workspace: Workspace) -> dict[str, dict[str, str]]:
    """The object of every partition of every table, but for the list of files, which says when each came."""
    return {
        table: {name: entry.object for name, entry in partitions.items()}
        for table, partitions in workspace.head.items()
        if table != "supplies"
    }


@pytest.mark.parametrize("one_in", [0, 11])
def test_supply_and_tables_on_the_object_store_make_the_same_bytes(
    here: str, recorded: Path, store: Faltering, one_in: int
) -> None:
    """Workers read what forces supplied from the store and write tables to it; one request in eleven is refused."""
    upload(recorded / "supply", "s3://crime/supply")
    store.one_in = one_in
    line = Line.open(settings("s3://crime/workspace", "s3://crime/supply", str(recorded / "country")))
    taken = take_in(line, using=Processes(2))
    assert (len(taken.new), taken.refused) == (len(list((recorded / "supply").iterdir())), [])
    record_forces(line)
    store.one_in = 0
    assert made_of(line.workspace) == made_of(Workspace.open(recorded / "workspace"))
    frozen = line.supplies()["supply"][0]
    assert line.workspace.storage.exists(supplied_name(frozen))
    assert take_in(line).unchanged == len(taken.new)


def test_an_archive_on_the_object_store_is_read_member_by_member(store: Faltering, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("2019-05/one.csv", "a\n1\n")
        archive.writestr("2019-05/two.csv", "a\n2\n")
    Storage("s3://crime/supply").write("a.zip", (tmp_path / "a.zip").read_bytes())
    found = list(find("s3://crime/supply"))
    assert [each.name for each in found] == ["a.zip!2019-05/one.csv", "a.zip!2019-05/two.csv"]
    assert [each.head() for each in found if isinstance(each, Found)] == [b"a\n1\n", b"a\n2\n"]


def test_a_supply_that_cannot_be_listed_is_told(store: Faltering) -> None:
    with pytest.raises(SettingsError, match="The supply s3://no-such-bucket/supply cannot be listed"):
        list(find("s3://no-such-bucket/supply"))


def test_of_two_runs_at_once_on_the_object_store_the_second_to_commit_is_told(
    recorded: Path, store: Faltering
) -> None:
    upload(recorded / "workspace", "s3://crime/workspace")
    first, second = (Workspace.open("s3://crime/workspace") for _ in range(2))
    del first.head["lines"]
    first.commit()
    first.commit()
    with pytest.raises(StoreError, match="another run has changed s3://crime/workspace"):
        second.commit()
    assert "lines" not in Workspace.open("s3://crime/workspace").head


def test_a_store_that_is_too_busy_now_and_then_loses_nothing(
    here: str, recorded: Path, store: Faltering
) -> None:
    upload(recorded / "workspace", "s3://crime/workspace")
    store.one_in = 7
    line = opened(recorded, "s3://crime/workspace")
    count_forces(line, Here())
    store.one_in = 0
    assert store.asked["refused"] > 10
    assert Workspace.open("s3://crime/workspace").snapshot == here
