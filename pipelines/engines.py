"""Engines that run the same function over many items: in this process, in several, on Dask or on Spark."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from pipelines.settings import SettingsError
from publish.processes import processes

Item = TypeVar("Item")
Result = TypeVar("Result")

#: The environment variable that names the engine.
ENGINE: Final = "FULLCOUNT_ENGINE"
FORMS: Final = "here, processes:2, dask:tcp://scheduler:8786, spark:spark://master:7077"
#: How often an item is tried again after a worker died under it.
ATTEMPTS: Final = 3
#: What is left is given to idle workers too when no result has come for so many seconds, and for this share of the time
#: that the work has taken.
LATE_SECONDS: Final = 10.0
LATE_SHARE: Final = 0.25


class Engine(Protocol):
    """Runs a plain importable function over items that can be pickled."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The result of each item, as it comes, in no order. An exception of the function is raised here."""
        ...


def engine(named: str | None = None) -> Engine:
    """The engine that is named, else that FULLCOUNT_ENGINE names, else this process.

    Raises SettingsError when no such engine is known, or what it needs is not installed.
    """
    text = named or os.environ.get(ENGINE) or "here"
    kind, _, where = text.partition(":")
    if text == "here":
        return Here()
    if kind == "processes" and where.isdecimal() and int(where) > 0:
        return Processes(int(where))
    if kind == "dask" and where:
        return Dask(where)
    if kind == "spark" and where:
        return Spark(where)
    raise SettingsError(f"“{text}” is no engine: set {ENGINE} to one of {FORMS}.")


class Here:
    """One item after another in this process, each with all its threads."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results in the order of the items."""
        return map(function, items)


@dataclass(frozen=True)
class Processes:
    """So many processes of this machine, each with its share of the threads."""

    workers: int

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results as they come. An item whose process was killed is tried again in a new one."""
        left = dict(enumerate(items))
        for attempt in range(1, ATTEMPTS + 1):
            try:
                for place, result in self._once(function, left):
                    del left[place]
                    yield result
                return
            except BrokenProcessPool:
                if attempt == ATTEMPTS:
                    raise

    def _once(
        self, function: Callable[[Item], Result], items: dict[int, Item]
    ) -> Iterator[tuple[int, Result]]:
        others = multiprocessing.active_children()
        with _polars_threads(max(1, (os.cpu_count() or 1) // self.workers)):
            pool = processes(self.workers)
            try:
                waiting = {pool.submit(function, item): place for place, item in items.items()}
                for future in as_completed(waiting):
                    yield waiting[future], future.result()
            except BaseException:
                # What is being done is not wanted any more, and may take minutes.
                for process in set(multiprocessing.active_children()).difference(others):
                    process.kill()
                raise
            finally:
                pool.shutdown(cancel_futures=True)


@contextmanager
def _polars_threads(number: int) -> Iterator[None]:
    """Let processes that are started meanwhile use so many threads: Polars looks when it is loaded."""
    name = "POLARS_MAX_THREADS"
    before = os.environ.get(name)
    os.environ[name] = str(number)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask scheduler that is running already; it needs the extra `dask`."""

    address: str

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results as they come. The scheduler gives the item of a lost worker to another.

        One that a slow or hanging worker is late with is given to an idle one as well, once, and the first to be done
        with it counts: a worker with a bad disk would hold up the whole run with its last item.
        """
        distributed = _installed("distributed", "dask")
        work = list(items)
        with distributed.Client(self.address) as client:
            places = dict(
                zip(client.map(function, work, pure=False, retries=0), range(len(work)), strict=True)
            )
            left, asked_again = set(places.values()), set[int]()
            done = distributed.as_completed(places, with_results=True)
            began = last = time.monotonic()
            while left:
                if done.has_ready():
                    future, result = next(done)
                    if places[future] in left:
                        left.remove(places[future])
                        yield result
                    last = time.monotonic()
                    continue
                time.sleep(0.05)
                is_late = time.monotonic() - last > max(LATE_SECONDS, LATE_SHARE * (last - began))
                late = sorted(left - asked_again) if is_late else []
                idle = [worker for worker, held in client.processing().items() if not held] if late else []
                for place in late if idle else ():
                    again = client.submit(
                        function, work[place], pure=False, retries=0, workers=idle, allow_other_workers=True
                    )
                    places[again] = place
                    done.add(again)
                    asked_again.add(place)


@dataclass(frozen=True)
class Spark:
    """The executors of a Spark master; it needs the extra `spark` and Java."""

    master: str

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results when all are there, a task for each item. Spark tries the task of a lost executor again."""
        sql = _installed("pyspark.sql", "spark")
        work = list(items)
        if self.master.startswith("local"):
            # Executors of this machine are to be this Python; those of a cluster have their own.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        session = sql.SparkSession.builder.master(self.master).appName("fullcount").getOrCreate()
        try:
            yield from session.sparkContext.parallelize(work, len(work)).map(function).collect()
        finally:
            session.stop()


def _installed(module: str, extra: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise SettingsError(
            f"The {extra} engine is not installed: install fullcount[{extra}], or set {ENGINE} to another of {FORMS}."
        ) from None
