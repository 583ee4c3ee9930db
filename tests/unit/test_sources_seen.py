"""A file that stands as it did when it was taken in is not read again; one that may not is."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from fixtures.country import write_country
from pipelines.settings import settings
from pipelines.sources import finding
from pipelines.sources.finding import Found
from pipelines.stages.line import Line
from pipelines.stages.supplied import SEEN, take_in
from tests.journeys.object_store import Faltering, upload
from tests.unit.test_many_small_files import opened, write_files

FILES = 3


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("country")
    write_country(folder, first_month="2010-01")
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the files whose bytes were read, once for each time."""
    # Every file of a test was written a moment ago.
    monkeypatch.setattr(finding, "COARSEST_TICK", 0)
    names: list[str] = []
    real = Found.open

    def noting(self: Found):  # type: ignore[no-untyped-def]
        names.append(self.name)
        return real(self)

    monkeypatch.setattr(Found, "open", noting)
    return names


@pytest.fixture
def taken(tmp_path: Path, country: Path, read: list[str]) -> Line:
    """A supply taken in, and nothing read since."""
    write_files(tmp_path / "supply", FILES)
    line = opened(tmp_path, country)
    assert len(take_in(line).new) == FILES
    assert len(set(read)) == FILES
    read.clear()
    return line


def supplied(line: Line) -> list[Path]:
    return sorted(Path(line.settings.supply).iterdir())


def again(line: Line) -> Line:
    return Line.open(line.settings)


def test_a_file_that_stands_as_it_did_is_not_read(taken: Line, read: list[str]) -> None:
    told = take_in(again(taken))
    assert (told.unchanged, told.new, told.refused, read) == (FILES, [], [], [])


def test_one_of_other_bytes_is_read_though_its_size_and_time_are_the_same(
    taken: Line, read: list[str]
) -> None:
    path = supplied(taken)[0]
    before, data = path.stat(), path.read_bytes()
    path.write_bytes(data.replace(b"recorded_at", b"RECORDED_AT", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    line = again(taken)
    assert take_in(line).new == [path.name]
    assert set(read) == {path.name}
    assert line.supplies()["state"].to_list().count("superseded") == 1


def test_a_file_is_read_where_a_write_may_not_show(
    taken: Line, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "COARSEST_TICK", 10**15)
    assert take_in(again(taken)).unchanged == FILES
    assert set(read) == {path.name for path in supplied(taken)}


def test_a_file_that_the_workspace_does_not_hold_is_taken_in_whatever_was_seen(
    taken: Line, read: list[str]
) -> None:
    """As after somebody put back the tables of an earlier day."""
    storage = taken.workspace.storage
    storage.path("HEAD").unlink()
    assert storage.exists(SEEN)
    line = again(taken)
    assert len(take_in(line).new) == FILES
    assert line.workspace.head["supplies"]["all"].rows == FILES


@pytest.mark.parametrize("told", [b"", b"{", b"[]", b'{"basis": "another", "files": {}}'])
def test_every_file_is_read_where_what_was_seen_is_lost(taken: Line, read: list[str], told: bytes) -> None:
    taken.workspace.storage.write(SEEN, told)
    assert take_in(again(taken)).unchanged == FILES
    assert len(set(read)) == FILES
    read.clear()
    assert take_in(again(taken)).unchanged == FILES
    assert read == []


def test_a_refused_file_is_read_again(taken: Line, read: list[str]) -> None:
    """What is wrong may lie elsewhere, in the list of forces or a map of columns."""
    bad = Path(taken.settings.supply) / "2018-01-nowhere-niche-extract.csv"
    bad.write_bytes(supplied(taken)[0].read_bytes())
    for _ in range(2):
        read.clear()
        assert len(take_in(again(taken)).refused) == 1
        assert set(read) == {bad.name}


def test_the_members_of_an_archive_stand_as_it_does(tmp_path: Path, country: Path, read: list[str]) -> None:
    write_files(tmp_path / "supply", FILES)
    line = opened(tmp_path, country)
    packed = Path(line.settings.supply) / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in supplied(line):
            if path != packed:
                archive.write(path, path.name)
                path.unlink()
    assert len(take_in(line).new) == FILES
    read.clear()
    assert take_in(again(line)).unchanged == FILES
    assert read == []


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("s3fs", "moto"))), reason="s3fs or moto is not installed"
)
def test_an_object_is_not_fetched_again(
    store: Faltering, tmp_path: Path, country: Path, read: list[str]
) -> None:
    write_files(tmp_path / "supply", FILES)
    upload(Path(opened(tmp_path, country).settings.supply), "s3://crime/supply")
    line = Line.open(settings("s3://crime/workspace", "s3://crime/supply", str(country)))
    assert len(take_in(line).new) == FILES
    read.clear()
    assert take_in(again(line)).unchanged == FILES
    assert read == []


def states(line: Line, *names: str) -> list[str]:
    """What became of the files of some names, in the order received."""
    return line.supplies().filter(pl.col("name").is_in(names)).sort("received_order")["state"].to_list()


def test_a_file_that_is_put_back_counts_again(taken: Line) -> None:
    path = supplied(taken)[0]
    first = path.read_bytes()
    path.write_bytes(b"\n".join(first.splitlines()[:-1]) + b"\n")
    line = again(taken)
    assert take_in(line).new == [path.name]
    later = line.supplies().filter(name=path.name, state="accepted")["supply"].item()
    path.write_bytes(first)
    line = again(taken)
    told = take_in(line)
    assert (told.new, told.again, [mark.name for mark in told.marks]) == ([], [path.name], [path.name])
    held = line.supplies().filter(name=path.name).sort("received_order")
    assert held["state"].to_list() == ["superseded", "accepted"]
    assert held["supply"][0] == later
    # And stays so: nothing is new when it is looked at once more.
    snapshot = line.workspace.snapshot
    line = again(taken)
    assert (take_in(line).again, line.workspace.snapshot) == ([], snapshot)


def test_a_file_does_not_count_again_where_what_took_its_place_is_there(taken: Line) -> None:
    path = supplied(taken)[0]
    (path.parent / "later").mkdir()
    (path.parent / "later" / path.name).write_bytes(path.read_bytes().replace(b"live", b"LIVE"))
    names = path.name, f"later/{path.name}"
    for _ in range(2):
        line = again(taken)
        assert take_in(line).again == []
        assert states(line, *names) == ["superseded", "accepted"]
    # Nor where that cannot be read today, nor where it is gone and the first with it.
    (path.parent / names[1]).write_bytes(b"")
    line = again(taken)
    told = take_in(line)
    assert (len(told.refused), told.again) == (1, [])
    for name in names:
        (path.parent / name).unlink()
    line = again(taken)
    assert take_in(line).again == []
    assert states(line, *names)[:2] == ["superseded", "accepted"]


def test_of_several_that_are_put_back_the_last_counts(taken: Line) -> None:
    path = supplied(taken)[0]
    first = path.read_bytes().splitlines()
    versions = [b"\n".join(first[:rows]) + b"\n" for rows in (4, 3, 2)]
    for version in versions:
        path.write_bytes(version)
        assert take_in(again(taken)).new == [path.name]
    path.unlink()
    for place, version in enumerate(versions[:2]):
        (path.parent / f"{place}").mkdir()
        (path.parent / f"{place}" / path.name).write_bytes(version)
    line = again(taken)
    assert take_in(line).again == [path.name]
    accepted = line.supplies().filter(name=path.name, state="accepted")
    assert accepted["rows"].to_list() == [2]
