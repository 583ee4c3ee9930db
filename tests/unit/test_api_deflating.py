"""Large months of the API are deflated in processes beside the one that builds: the same bytes, come what may."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from publish.api import deflating
from publish.api.deflating import Deflating, deflate
from publish.api.layers import SEPARATION
from tests.processes import wait_until_gone
from tests.trees import contents

POINTS = 200


def month(folder: Path, number: int, longer: int = 0) -> Path:
    """The text of a month as `write_layer` leaves it: three records at each point, of the last ones `longer`."""
    folder.mkdir(parents=True)
    texts = [f'{{"at":{at // 3},"number":{at * number}}}'.encode() + SEPARATION for at in range(3 * POINTS)]
    texts[len(texts) - longer :] = [b" " + text for text in texts[len(texts) - longer :]]
    (folder / "text.bin").write_bytes(b"".join(texts))
    for name in ("category", "force"):
        np.save(folder / f"{name}.npy", np.zeros(3 * POINTS, np.uint8))
    np.save(folder / "row_at.npy", np.cumsum([0, *map(len, texts)], dtype=np.int64))
    np.save(folder / "point_at.npy", np.arange(0, 3 * POINTS + 1, 3, dtype=np.int32))
    return folder


@pytest.fixture
def large(monkeypatch):
    """Every month is large."""
    monkeypatch.setattr(deflating, "LARGE", 0)


@pytest.fixture
def wanted(tmp_path):
    """Four months deflated in this process."""
    for number in range(4):
        deflate(month(tmp_path / "here" / str(number), number))
    return contents(tmp_path / "here")


def test_processes_make_the_same_bytes(tmp_path, large, wanted):
    with Deflating() as work:
        for number in range(4):
            work.add(month(tmp_path / "there" / str(number), number))
        assert work.waiting
    assert contents(tmp_path / "there") == wanted


@pytest.mark.parametrize(("longer", "processes"), [(0, 0), (3, 0), (60, 1)])
def test_only_what_differs_from_the_month_before_is_worth_a_process(tmp_path, monkeypatch, longer, processes):
    deflate(month(tmp_path / "was", 1))
    deflate(month(tmp_path / "here", 1, longer))
    monkeypatch.setattr(deflating, "LARGE", 500)
    with Deflating() as work:
        work.add(month(tmp_path / "there", 1, longer), (tmp_path / "was", {"forces": [], "nowhere": {}}))
        assert len(work.waiting) == processes
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_what_a_killed_process_left_is_done_by_the_build_itself(tmp_path, large, wanted):
    with Deflating() as work:
        for number in range(4):
            if number == 2:
                for process in multiprocessing.active_children():
                    process.kill()
                    process.join()
            work.add(month(tmp_path / "there" / str(number), number))
    assert contents(tmp_path / "there") == wanted


def test_what_goes_wrong_in_a_process_is_raised_at_the_end(tmp_path, large):
    with pytest.raises(FileNotFoundError, match=r"point_at\.npy"), Deflating() as work:
        (month(tmp_path / "month", 1) / "point_at.npy").unlink()
        work.add(tmp_path / "month")


def test_processes_end_with_a_build_that_is_killed(tmp_path):
    """The build adds a month, tells the processes that it has, and hangs; then it is killed."""
    month(tmp_path / "month", 1)
    build = f"""
import multiprocessing, time
from pathlib import Path
from publish.api import deflating
deflating.LARGE = 0
with deflating.Deflating() as work:
    work.add(Path({str(tmp_path / "month")!r}))
    work.waiting[0][0].result()
    print(*(process.pid for process in multiprocessing.active_children()), flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", build], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        started = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()
    assert started
    wait_until_gone(started)
