"""Benchmark: one worker against two that share nothing but an object store, and the same in one process.

    python -m tests.bench.workers_benchmark [ROWS] [FORCES]

What forces supplied and every table lie on an S3 server that is started here; files are read and forces counted by Dask
workers, each a process with one thread, in network namespaces where they can be made. Before that, one such process and
two of them work in a folder, without a store and a scheduler beside them: that is what two of the machine's cores give
over one, and no more can be asked of workers. At the end the tables of every run are compared, by the hash of their
bytes. A last run has two workers, of which one is killed when half the forces are counted.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.volume import MONTHS, write_volume_supply
from pipelines.engines import Engine, Here, engine
from pipelines.settings import settings
from pipelines.stages.counted import count_forces
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.supplied import take_in
from tests.bench.harness import Measured, keep_ratios
from tests.journeys.cluster import Cluster, cluster
from tests.journeys.object_store import upload
from tests.unit.engine_work import made_of


@dataclass(frozen=True)
class Ran:
    """One run: seconds of the work that workers do, of the rest, and what was made."""

    name: str
    taking_in: float
    recording: float
    counting: float
    made: dict[str, dict[str, str]]

    @property
    def spread(self) -> float:
        """The seconds of what is spread over workers."""
        return self.taking_in + self.counting


@dataclass(frozen=True)
class OfOneThread:
    """An engine of so many processes of this machine, each with one thread as a worker has."""

    processes: int

    def map(self, function: Any, items: Any) -> Iterator[Any]:
        """The results as they come."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("POLARS_MAX_THREADS", "1")
            with ProcessPoolExecutor(self.processes, multiprocessing.get_context("spawn")) as pool:
                for done in as_completed([pool.submit(function, item) for item in items]):
                    yield done.result()


@dataclass(frozen=True)
class Killing:
    """An engine under which one worker is killed when half the results are there."""

    under: Engine
    made: Cluster

    def map(self, function: Any, items: Any) -> Iterator[Any]:
        """The results as they come."""
        items = list(items)
        for place, result in enumerate(self.under.map(function, items)):
            if place == len(items) // 2 and all(worker.poll() is None for worker in self.made.workers):
                self.made.kill(self.made.workers[0])
            yield result


def run(name: str, where: tuple[str, str, str], taking: Engine, counting: Engine) -> Ran:
    """Take in, record and count from nothing."""
    line = Line.open(settings(*where))
    times = [time.perf_counter()]
    assert not take_in(line, using=taking).refused
    times.append(time.perf_counter())
    record_forces(line)
    times.append(time.perf_counter())
    count_forces(line, counting)
    times.append(time.perf_counter())
    took = [after - before for before, after in itertools.pairwise(times)]
    print(
        f"{name:<34} taking in {took[0]:7.1f} s, superseded {took[1]:6.1f} s, counting {took[2]:7.1f} s",
        flush=True,
    )
    return Ran(name, *took, made_of(line.workspace))


def main(rows: int, forces: int) -> None:
    """Make the input, run each, print the table."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("FULLCOUNT_BENCH")) as name:
        folder = Path(name)
        for path in write_volume_supply(folder, rows, forces=forces, months=MONTHS):
            print(path.name, f"{path.stat().st_size:,} bytes")
        country = str(folder / "country")
        local = (str(folder / "workspace"), str(folder / "supply"), country)
        runs = [run("one process, in a folder", local, Here(), Here())]
        alone = []
        for number, name in ((1, "one process of one thread, in a folder"), (2, "two of them")):
            processes = OfOneThread(number)
            alone.append(run(name, (str(folder / f"alone-{number}"), *local[1:]), processes, processes))
        workers = []
        with cluster(folder / "cluster") as made:
            upload(folder / "supply", "s3://crime/supply")
            using = engine(f"dask:{made.scheduler}")
            for place, name in (("one", "one worker"), ("two", "two workers")):
                made.add_worker()
                workers.append(run(name, (f"s3://crime/{place}", "s3://crime/supply", country), using, using))
            remote = ("s3://crime/killed", "s3://crime/supply", country)
            workers.append(run("two workers, one of them killed", remote, using, Killing(using, made)))
            apart = "in namespaces of their own" if made.in_namespaces else "on ports of their own"
        one = workers[0]
        runs += alone + workers
        print(f"\n### Workers that share an object store ({rows:,} rows, {forces} forces; {apart})\n")
        print("| what | seconds of taking in and counting | rows a second | × one worker | same bytes |")
        print("|---|---:|---:|---:|---|")
        others = (each for each in runs if each is not one)
        spread = [Measured(each.name, each.spread, float("nan")) for each in (one, *others)]
        keep_ratios("Taking in and counting on workers", spread, rows)
        for each in runs:
            same = "yes" if each.made == runs[0].made else "NO"
            ratio = one.spread / each.spread
            print(f"| {each.name} | {each.spread:.1f} | {rows / each.spread:,.0f} | {ratio:.2f} | {same} |")
        print(
            f"\nTwo workers do {workers[0].spread / workers[1].spread:.2f} times what one does, where two processes "
            f"with nothing beside them do {alone[0].spread / alone[1].spread:.2f} times what one of them does."
        )


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [2_000_000, 43][len(numbers) :]))
