"""Every engine makes the same tables of the same forces, survives a killed worker and refuses other code."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.country import FORCES
from pipelines.engines import Engine, Here, Processes, engine
from pipelines.settings import SettingsError, settings
from pipelines.sources import force_extract
from pipelines.stages.counted import count_forces
from pipelines.stages.line import Line
from pipelines.stages.recorded import accepted, identity, record_forces
from pipelines.stages.shard import count_shard
from pipelines.stages.supplied import take_in
from pipelines.store import StoreError
from tests.processes import wait_until_gone
from tests.unit.engine_work import die_once, fail, recorded_workspace


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_workspace(tmp_path_factory.mktemp("engines"))


def opened(made: Path, workspace: Path) -> Line:
    return Line.open(settings(str(workspace), str(made / "supply"), str(made / "country")))


def counted_by(using: Engine, recorded: Path, folder: Path) -> tuple[str, Line]:
    """The name of the snapshot that an engine makes: the hash of the hash of every table's bytes."""
    shutil.copytree(recorded / "workspace", folder / "workspace")
    line = opened(recorded, folder / "workspace")
    assert count_forces(line, using) == line.forces
    return line.workspace.snapshot, line


@pytest.fixture(scope="module")
def here(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    snapshot, line = counted_by(Here(), recorded, tmp_path_factory.mktemp("here"))
    assert line.workspace.rows("counted") > 500
    assert line.workspace.rows("transferred_out") > 0
    return snapshot


def test_two_processes_make_the_same_bytes(here: str, recorded: Path, tmp_path: Path) -> None:
    assert counted_by(Processes(2), recorded, tmp_path)[0] == here


def test_two_processes_take_in_the_same_bytes_in_the_same_order(recorded: Path, tmp_path: Path) -> None:
    line, other = opened(recorded, tmp_path), opened(recorded, recorded / "workspace")
    taken = take_in(line, using=Processes(2))
    assert len(taken.new) == other.supplies().height
    assert line.supplies().drop("received_at").equals(other.supplies().drop("received_at"))
    assert line.workspace.key("lines") == other.workspace.key("lines")


@pytest.mark.parametrize("years", [-30, 30])
def test_a_worker_whose_clock_is_wrong_takes_in_the_same_bytes(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    true, seconds = time.time_ns, years * 365 * 86_400
    monkeypatch.setattr(time, "time_ns", lambda: true() + seconds * 10**9)
    line, other = opened(recorded, tmp_path), opened(recorded, recorded / "workspace")
    take_in(line, using=Here())
    assert line.workspace.key("lines") == other.workspace.key("lines")


def test_a_row_that_a_reader_loses_shows(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file holds is what its reader counted, and not what is left of it: the identity is no tautology."""
    read = force_extract.read_extract

    def losing(*file, **told):  # type: ignore[no-untyped-def]
        whole = read(*file, **told)
        return replace(whole, rows=whole.rows + 1)

    monkeypatch.setattr(force_extract, "read_extract", losing)
    line = opened(recorded, tmp_path)
    taken = take_in(line, using=Here())
    assert taken.rows == taken.accepted + taken.rejected + len(taken.new)
    record_forces(line)
    assert not identity(line).holds


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("distributed"), reason="dask is not installed")
def test_dask_makes_the_same_bytes(here: str, recorded: Path, tmp_path: Path) -> None:
    import distributed

    with distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        using = engine(f"dask:{cluster.scheduler_address}")
        assert counted_by(using, recorded, tmp_path)[0] == here


@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("pyspark"),
    reason="fullcount[spark] is not installed",
)
@pytest.mark.skipif(not shutil.which("java"), reason="Java is not installed")
def test_spark_makes_the_same_bytes(
    here: str, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else Spark listens on the address of the machine's name, which not every machine can look up.
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    assert counted_by(engine("spark:local[2]"), recorded, tmp_path)[0] == here


def test_a_stopped_count_goes_on_where_it_was(here: str, recorded: Path, tmp_path: Path) -> None:
    """What was counted is committed force by force, and counting the rest makes the same tables."""

    class Tired:
        def map(self, function, items):  # type: ignore[no-untyped-def]
            for place, item in enumerate(items):
                if place == 2:
                    raise KeyboardInterrupt
                yield function(item)

    shutil.copytree(recorded / "workspace", tmp_path / "workspace")
    with pytest.raises(KeyboardInterrupt):
        count_forces(opened(recorded, tmp_path / "workspace"), Tired())
    line = opened(recorded, tmp_path / "workspace")
    assert len(count_forces(line, Here())) == len(line.forces) - 2
    assert line.workspace.snapshot == here


def test_a_killed_process_is_replaced_and_its_item_done(tmp_path: Path) -> None:
    items = [(number, str(tmp_path / "died")) for number in range(6)]
    assert sorted(Processes(2).map(die_once, items)) == [0, 1, 4, 9, 16, 25]
    assert (tmp_path / "died").exists()


def test_what_goes_wrong_in_a_process_is_told_here() -> None:
    with pytest.raises(ValueError, match="item 7 is bad"):
        list(Processes(2).map(fail, [7]))


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_a_run_that_is_killed_or_stopped(stop: signal.Signals, tmp_path: Path) -> None:
    run = f"""
from pipelines.engines import Processes
from tests.unit.engine_work import wait_for_ever
if __name__ == "__main__":
    list(Processes(2).map(wait_for_ever, [{str(tmp_path)!r}] * 4))
"""
    with subprocess.Popen(
        [sys.executable, "-c", run], start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as process:
        until = time.monotonic() + 60
        while len(started := [int(path.name) for path in tmp_path.iterdir()]) < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        # Ctrl-C reaches every process of a terminal.
        (os.killpg if stop is signal.SIGINT else os.kill)(process.pid, stop)
        wait_until_gone(started)
        _, said = process.communicate(timeout=30)
    assert said.count("Traceback") == (1 if stop is signal.SIGINT else 0), said


def test_a_worker_of_another_version_refuses_in_words(recorded: Path, tmp_path: Path) -> None:
    sent = []

    class Spy:
        def map(self, function, items):  # type: ignore[no-untyped-def]
            sent.extend(items)
            return iter(())

    shutil.copytree(recorded / "workspace", tmp_path / "workspace")
    line = opened(recorded, tmp_path / "workspace")
    count_forces(line, Spy())
    assert len(sent) == len(FORCES)
    rows = [
        sum(line.workspace.rows("lines", [name]) for name in accepted(line, "lines", each.force))
        for each in sent
    ]
    assert rows == sorted(rows, reverse=True), "the largest force is to be begun first"
    with pytest.raises(StoreError, match="another version of the code"):
        count_shard(replace(sent[0], code="0" * 64))


@pytest.mark.parametrize("name", ["ray", "processes:0", "processes:many", "dask:", "spark:"])
def test_an_engine_that_is_not_known_is_refused_in_words(name: str) -> None:
    with pytest.raises(SettingsError, match="is no engine: set FULLCOUNT_ENGINE to one of"):
        engine(name)


def test_the_engine_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FULLCOUNT_ENGINE", "processes:3")
    assert engine() == Processes(3)
    assert isinstance(engine("here"), Here)
