"""Two workers that share nothing but an object store make the bytes of one process, even with one of them killed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

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
