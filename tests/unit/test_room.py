"""Which of the places that a run writes to has run out of room."""

from __future__ import annotations

import errno
import shutil
from collections import namedtuple

import pytest

from pipelines import running
from pipelines.room import fullest
from pipelines.settings import settings
from pipelines.store import StoreError

Usage = namedtuple("Usage", "total used free")
GIB = 1 << 30


@pytest.fixture
def disks(monkeypatch):
    """The bytes that are free at places, to be said by a test; no other is there."""
    free: dict[str, int] = {}

    def usage(place: str) -> Usage:
        if place not in free:
            raise FileNotFoundError(errno.ENOENT, "no such place", place)
        return Usage(100 * GIB, 100 * GIB - free[place], free[place])

    monkeypatch.setattr(shutil, "disk_usage", usage)
    return free


def test_the_disk_with_least_room_is_the_full_one(disks):
    disks |= {"/workspace": 40 * GIB, "/releases": 4096, "/tmp": 1 << 20}
    assert fullest(["/workspace", "/releases", "/tmp", "s3://crime/workspace"]) == "/releases"


def test_where_every_disk_has_room_none_is_named(disks):
    disks |= {"/workspace": 40 * GIB, "/tmp": GIB}
    assert fullest(["/workspace", "/tmp", "/not/there"]) is None
    assert fullest([]) is None


@pytest.mark.parametrize("full", ["workspace", "releases", "temporary"])
def test_a_run_names_the_place_that_is_full(tmp_path, monkeypatch, disks, full):
    places = {name: str(tmp_path / name) for name in ("workspace", "releases", "temporary")}
    disks |= dict.fromkeys(places.values(), 20 * GIB) | {places[full]: 0}
    monkeypatch.setattr(running, "releases_folder", lambda workspace: places["releases"])
    monkeypatch.setattr(running.tempfile, "gettempdir", lambda: places["temporary"])

    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(running, "_run_line", fails)
    where = settings(places["workspace"], str(tmp_path), str(tmp_path))
    with pytest.raises(StoreError, match="no room left on the disk") as told:
        running.run_line(where, None)
    assert places[full] in str(told.value)
    assert [place for place in places.values() if place in str(told.value)] == [places[full]]
