"""Killed at any instant, or out of room: nothing half-written is read, and the next run ends in the same bytes."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipelines.store import Workspace
from publish.parts import file_digest

pytestmark = pytest.mark.xdist_group("killed anywhere")

SEED = 20190708


def same_as(small: Any, workspace: Path) -> None:
    """A workspace holds the same tables and the same release as the undisturbed one.

    The table `supplies` is left out, for it alone holds a time: when each file was received.
    """
    came = type(small)(small.made, workspace)
    assert came.files("2019-Q1") == small.files("2019-Q1")
    assert came.tables() == small.tables()
    kept = came.table("supplies").drop("received_at").sort("received_order")
    assert kept.equals(small.table("supplies").drop("received_at").sort("received_order"))
    assert [path.parent.name + "/" + path.name for path in (workspace / "private").glob("*/*")] == [
        "2019-Q1/1.0.0"
    ]


def words(workspace: Path, made: Path) -> list[str | Path]:
    return ["run", "--workspace", workspace, "--supply", made / "supply", "--country", made / "country"]


def files_in(workspace: Path) -> int:
    """How far a run has come: the files in its workspace, half-made ones too, but for Dagster's own."""
    own = str(workspace / "dagster")
    # os.walk passes over folders that go away while it looks.
    return sum(len(files) for folder, _, files in os.walk(workspace) if not folder.startswith(own))


def kill_at(fullcount: Any, small: Any, workspace: Path, share: float) -> bool:
    """Start a run and end it without warning when it has come that far. Whether it was still running."""
    before, whole = files_in(workspace), files_in(small.workspace)
    process = fullcount.start(*words(workspace, small.made))
    while process.poll() is None and files_in(workspace) < before + share * (whole - before):
        time.sleep(0.002)
    running = process.poll() is None
    if running:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    return running


@pytest.mark.parametrize("kills", [4, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_the_next_run_ends_in_the_same_bytes(
    small: Any, fullcount: Any, tmp_path: Path, kills: int
) -> None:
    chance = random.Random(SEED + kills)
    killed = 0
    for number in range(kills):
        # Half of the kills start anew, the others hit a run that goes on from what an earlier one left.
        workspace = tmp_path / f"workspace-{number % (kills // 2)}"
        killed += kill_at(fullcount, small, workspace, chance.uniform(0.01, 0.95))
    assert killed >= kills - 1, "the kills must come while it runs"
    for workspace in sorted(tmp_path.glob("workspace-*")):
        done = fullcount.run(workspace, small.made)
        assert done.returncode == 0, done.stderr
        same_as(small, workspace)


def test_stopped_by_a_person_it_says_so_and_goes_on(small: Any, fullcount: Any, tmp_path: Path) -> None:
    process = fullcount.start(*words(tmp_path / "workspace", small.made))
    end = time.monotonic() + 60
    while not (tmp_path / "workspace" / "supplied").exists() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "run the same command to go on" in said
    done = fullcount.run(tmp_path / "workspace", small.made)
    assert done.returncode == 0, done.stderr
    same_as(small, tmp_path / "workspace")


def test_two_runs_at_once_do_not_mix(small: Any, fullcount: Any, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    both = [fullcount.start(*words(workspace, small.made)) for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    for process, told in zip(both, said, strict=True):
        assert process.returncode in (0, 2), told
        assert "Traceback" not in told
        if process.returncode == 2:
            assert "another run" in told
            assert "is using" in told
    done = fullcount.run(workspace, small.made)
    assert done.returncode == 0, done.stderr
    same_as(small, workspace)


@contextmanager
def tiny_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own with little room; skips where it cannot be made."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_full_at_each_stage_is_told_and_the_run_with_room_completes(
    small: Any, fullcount: Any, tmp_path: Path
) -> None:
    """The disk grows from run to run: full when files are taken in, when they are counted, and at the release."""
    reached = []
    with tiny_disk(tmp_path / "disk", 1) as disk:
        workspace = disk / "workspace"
        for kilobytes in (1000, 1800, 4000):
            subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(disk)], check=True)
            done = fullcount.run(workspace, small.made)
            said = done.stdout + done.stderr
            assert done.returncode == 2, said
            assert "Traceback" not in said
            flat = " ".join(done.stderr.split())
            assert "there is no room left on the disk for" in flat, said
            assert str(workspace) in "".join(done.stderr.split()), "it is not said where"
            assert "make room and run the same command again" in flat
            assert not half_written(workspace)
            held = Workspace.open(workspace).head
            reached.append("judged" if "judged_areas" in held else "lines" if "lines" in held else "nothing")
        assert reached == ["nothing", "lines", "judged"]
        subprocess.run(["mount", "-o", "remount,size=400m", str(disk)], check=True)
        again = fullcount.run(workspace, small.made)
        assert again.returncode == 0, again.stderr
        same_as(small, workspace)


def half_written(workspace: Path) -> list[Path]:
    """What a write that was broken off could have left: parts of files, and a release that is not whole."""
    parts = [path for path in workspace.rglob(".*") if path.name.startswith((".part-", ".freezing-"))]
    scratch = [path for path in (workspace / "scratch").rglob("*") if path.is_file()]
    named = [path for path in (workspace / "objects").rglob("*.parquet") if file_digest(path) != path.stem]
    return [*parts, *scratch, *named, *(workspace / "private").glob("*/*")]


def test_files_that_cannot_grow_end_with_one_message_and_the_next_run_completes(
    small: Any, fullcount: Any, tmp_path: Path
) -> None:
    """As a full disk, for those who may not mount one: no file may grow beyond 40 kB."""

    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))

    workspace = tmp_path / "workspace"
    done = fullcount.run(workspace, small.made, preexec_fn=no_room)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "Traceback" not in said
    again = fullcount.run(workspace, small.made)
    assert again.returncode == 0, again.stderr
    same_as(small, workspace)
