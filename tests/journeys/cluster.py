"""A cluster on one machine, for tests: an S3 server, a Dask scheduler, and workers that share nothing but these.

Each worker is a process of its own, with its own temporary folder and one thread: in its own network namespace where
this process may make one (root on Linux), else on its own port.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from tests.journeys import object_store, slow_disk

#: The network that the namespaces share, and where scheduler and store listen on it.
NETWORK, HOST = "10.77.91.", "10.77.91.1"
BRIDGE = "fullcount-t"
STORE_PORT, SCHEDULER_PORT = 9021, 8786
#: Seconds to wait for a process to be ready.
PATIENCE = 60


@dataclass
class Cluster:
    """The scheduler, the store and the workers, while they run."""

    folder: Path
    host: str
    in_namespaces: bool
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def scheduler(self) -> str:
        """The address of the Dask scheduler."""
        return f"tcp://{self.host}:{SCHEDULER_PORT}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in order to reach the store."""
        return object_store.environment(f"http://{self.host}:{STORE_PORT}")

    def add_worker(self, disk_waits: float | None = None) -> subprocess.Popen[bytes]:
        """Start one more worker and wait until the scheduler knows it. Its name is its number, from 1.

        Each write to its disk takes `disk_waits` seconds longer, where that is given.
        """
        from distributed import Client

        number = len(self.workers) + 1
        place = self.folder / f"worker-{number}"
        place.mkdir()
        words = ("--name", str(number), "--nthreads", "1", "--no-dashboard", "--no-nanny")
        command = _dask("worker", self.scheduler, *words)
        if self.in_namespaces:
            _join(number)
            command = ["ip", "netns", "exec", f"{BRIDGE}{number}", *command]
        own = {"TMPDIR": str(place), "POLARS_MAX_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        if disk_waits is not None:
            command += ["--preload", slow_disk.__name__]
            own[slow_disk.ENVIRONMENT] = str(disk_waits)
        worker = _start(command, place / "log", self.environment | own, cwd=place)
        self.workers.append(worker)
        alive = sum(each.poll() is None for each in self.workers)
        with Client(self.scheduler) as client:
            client.wait_for_workers(alive, timeout=PATIENCE)
        return worker

    def names(self) -> dict[str, str]:
        """The name of every worker that the scheduler knows, by its address."""
        from distributed import Client

        with Client(self.scheduler) as client:
            known = client.scheduler_info(n_workers=-1)["workers"]
        return {address: str(told["name"]) for address, told in known.items()}

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """End a worker as a machine that loses its power does."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster without workers yet, and with an empty bucket `crime` that the environment leads to."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as at_end:
        in_namespaces = _may_make_namespaces()
        if in_namespaces:
            at_end.callback(_take_down)
            _take_down()
            _run("ip", "link", "add", BRIDGE, "type", "bridge")
            _run("ip", "addr", "add", f"{HOST}/24", "dev", BRIDGE)
            _run("ip", "link", "set", BRIDGE, "up")
        made = Cluster(folder, HOST if in_namespaces else "127.0.0.1", in_namespaces)
        server = [sys.executable, "-m", object_store.__name__, made.host, str(STORE_PORT)]
        store = _start(server, folder / "store.log", {"PYTHONPATH": os.pathsep.join(sys.path)})
        at_end.callback(_stop, store)
        where = ("--host", made.host, "--port", str(SCHEDULER_PORT), "--no-dashboard")
        scheduler = _start(_dask("scheduler", *where), folder / "scheduler.log", {})
        at_end.callback(_stop, scheduler)
        at_end.callback(lambda: [_stop(worker) for worker in made.workers])
        _wait(lambda: _answers(made.environment["AWS_ENDPOINT_URL"]), "the store")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in made.environment.items():
                patch.setenv(name, value)
            object_store.make_bucket("crime")
            yield made


def _dask(*words: str) -> list[str]:
    return [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]


def _start(
    command: list[str], log: Path, environment: dict[str, str], cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    with log.open("wb") as told:
        return subprocess.Popen(
            command, env=os.environ | environment, cwd=cwd, stdout=told, stderr=told, start_new_session=True
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(is_ready: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not is_ready():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not start in {PATIENCE} seconds")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=2).close()
    except HTTPError:
        return True
    except (URLError, OSError):
        return False
    return True


# Network namespaces -------------------------------------------------------------------------------------------------


def _may_make_namespaces() -> bool:
    """Whether this process may make network namespaces, tried by making one."""
    if os.geteuid() or not shutil.which("ip"):
        return False
    tried = subprocess.run(["ip", "netns", "add", f"{BRIDGE}-try"], capture_output=True)
    subprocess.run(["ip", "netns", "del", f"{BRIDGE}-try"], capture_output=True)
    return tried.returncode == 0


def _join(number: int) -> None:
    """A namespace for one worker, on the bridge under an address of its own."""
    name, outside, inside = f"{BRIDGE}{number}", f"fc-out-{number}", f"fc-in-{number}"
    _run("ip", "netns", "add", name)
    _run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside)
    _run("ip", "link", "set", inside, "netns", name)
    _run("ip", "link", "set", outside, "master", BRIDGE, "up")
    for words in (
        ("addr", "add", f"{NETWORK}{number + 1}/24", "dev", inside),
        ("link", "set", inside, "up"),
        ("link", "set", "lo", "up"),
    ):
        _run("ip", "-n", name, *words)


def _take_down() -> None:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout.split()
    for name in listed:
        if name.startswith(BRIDGE):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
    subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
