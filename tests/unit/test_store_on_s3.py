"""A workspace on an object store: the same bytes, by workers that share nothing else, through a store that falters.

The server is started here.
"""

from __future__ import annotations

import importlib.util
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines import Here, Processes
from pipelines.settings import settings
from pipelines.stages.counted import count_forces
from pipelines.stages.line import Line
from pipelines.store import Storage, Workspace
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
