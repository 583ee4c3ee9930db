"""Two workers that share nothing but an object store make the bytes of one process, be one killed, slow or hung."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import engines
from pipelines.engines import Here, engine
from pipelines.settings import settings
from pipelines.stages.counted import count_forces
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.supplied import take_in
from pipelines.store import Storage
from tests.journeys.cluster import Cluster, cluster
from tests.journeys.object_store import upload
from tests.trees import contents
from tests.unit.engine_work import made_of, recorded_workspace

FULLCOUNT = str(Path(sys.executable).with_name("fullcount"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("distributed", "s3fs", "moto"))),
        reason="distributed, s3fs or moto is not installed",
    ),
    pytest.mark.xdist_group("cluster"),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_workspace(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def embedded(recorded: Path) -> dict[str, dict[str, str]]:
    """What one process makes of the supply, in a folder."""
    line = Line.open(settings(*(str(recorded / each) for each in ("workspace", "supply", "country"))))
    count_forces(line, Here())
    return made_of(line.workspace)


@pytest.fixture
def two(tmp_path: Path, recorded: Path) -> Iterator[Cluster]:
    """Two workers, and what forces supplied on the object store."""
    with cluster(tmp_path) as made:
        upload(recorded / "supply", "s3://crime/supply")
        made.add_worker()
        made.add_worker()
        yield made


def counted_on(made: Cluster, recorded: Path) -> Line:
    line = Line.open(settings("s3://crime/workspace", "s3://crime/supply", str(recorded / "country")))
    using = engine(f"dask:{made.scheduler}")
    assert not take_in(line, using=using).refused
    record_forces(line)
    count_forces(line, using)
    return line


@contextlib.contextmanager
def counting_items(made: Cluster) -> Iterator[Counter[tuple[str, str]]]:
    """How many items of each function each worker has done, by its name: there when the work is over."""
    from distributed import Client, get_task_stream

    did: Counter[tuple[str, str]] = Counter()
    with Client(made.scheduler) as client:
        with get_task_stream(client=client) as stream:
            yield did
        names = made.names()
        did.update((names[each["worker"]], each["key"].partition("-")[0]) for each in stream.data)


def test_they_make_the_same_bytes(two: Cluster, recorded: Path, embedded: dict[str, dict[str, str]]) -> None:
    assert made_of(counted_on(two, recorded).workspace) == embedded


def test_one_that_is_killed_in_mid_run_is_survived(
    two: Cluster, recorded: Path, embedded: dict[str, dict[str, str]]
) -> None:
    first = two.workers[0]
    tables_there = threading.Event()

    def kill() -> None:
        """As soon as something of the run is on the store."""
        while not Storage("s3://crime/workspace").exists("objects"):
            time.sleep(0.05)
        two.kill(first)
        tables_there.set()

    threading.Thread(target=kill, daemon=True).start()
    line = counted_on(two, recorded)
    assert tables_there.is_set(), "the run was over before a worker was killed"
    assert first.returncode == -9
    assert two.workers[1].poll() is None
    assert made_of(line.workspace) == embedded


def test_one_with_a_slow_disk_does_less_and_holds_up_nobody(
    tmp_path: Path, recorded: Path, embedded: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its every write waits half a second, a hundred times what a write takes."""
    monkeypatch.setattr(engines, "LATE_SECONDS", 2.0)
    with cluster(tmp_path) as made:
        upload(recorded / "supply", "s3://crime/supply")
        made.add_worker()
        made.add_worker(disk_waits=0.5)
        with counting_items(made) as did:
            line = counted_on(made, recorded)
        assert made_of(line.workspace) == embedded
    files = {worker: did[worker, "take_file"] for worker in ("1", "2")}
    assert files["2"] >= 1, "the slow disk was not met"
    assert files["1"] > 3 * files["2"]
    assert did["1", "count_shard"] > did["2", "count_shard"]


def test_one_that_hangs_is_not_waited_for(
    two: Cluster, recorded: Path, embedded: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it holds is given to the other as well, long before Dask forgets it."""
    monkeypatch.setattr(engines, "LATE_SECONDS", 2.0)
    first = two.workers[0]

    def stop() -> None:
        while not Storage("s3://crime/workspace").exists("objects"):
            time.sleep(0.05)
        os.killpg(first.pid, signal.SIGSTOP)

    stopping = threading.Thread(target=stop, daemon=True)
    stopping.start()
    try:
        with counting_items(two) as did:
            line = counted_on(two, recorded)
        assert not stopping.is_alive(), "the run was over before a worker hung"
        assert set(two.names().values()) == {"1", "2"}, "the run waited until Dask had forgotten the worker"
        assert did["2", "count_shard"] == len(line.forces)
        assert made_of(line.workspace) == embedded
    finally:
        os.killpg(first.pid, signal.SIGCONT)


def test_workers_are_in_namespaces_of_their_own_where_they_can_be(two: Cluster) -> None:
    if not two.in_namespaces:
        pytest.skip("this process may not make network namespaces: the workers are on ports of their own")
    named = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert {line.split()[0] for line in named.splitlines()} >= {"fullcount-t1", "fullcount-t2"}


def test_the_whole_line_runs_from_an_object_store_to_one_and_releases_the_same_bytes(
    two: Cluster, recorded: Path, tmp_path: Path
) -> None:
    """The command, with nothing but the configuration changed."""
    key = tmp_path / "crime-id.key"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    environment = os.environ | two.environment | {"FULLCOUNT_CRIME_ID_KEY_FILE": str(key)}
    country = str(recorded / "country")

    def run(workspace: str, supply: str, **also: str) -> None:
        words = ("run", "--workspace", workspace, "--supply", supply, "--country", country)
        done = subprocess.run([FULLCOUNT, *words], env=environment | also, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr or done.stdout

    run(str(tmp_path / "here"), str(recorded / "supply"))
    run(
        "s3://crime/whole",
        "s3://crime/supply",
        FULLCOUNT_ENGINE=f"dask:{two.scheduler}",
        FULLCOUNT_RELEASES=str(tmp_path / "there"),
        FULLCOUNT_LEDGER=f"sqlite:///{tmp_path / 'ledger.sqlite'}",
        DAGSTER_HOME=str(tmp_path / "dagster"),
    )
    here, there = (contents(tmp_path / name / "private") for name in ("here", "there"))
    assert len(here) > 100
    # July was supplied too, and its quarter is not over.
    assert {name.split("/")[0] for name in here} == {"2019-Q2"}
    assert there == here
