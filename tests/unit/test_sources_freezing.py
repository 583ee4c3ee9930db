"""Finding files in folders and archives, and freezing their bytes: whole, once, or not at all."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.sources import finding
from pipelines.sources import freeze as freezing
from pipelines.sources.finding import Found, find
from pipelines.sources.freeze import freeze, unpacked
from pipelines.sources.refusal import Refusal

MEMBER = "2024-01/2024-01-kent-street.csv"


def names(place: Path) -> list[str]:
    return [each.name for each in find(place)]


def refusals(place: Path) -> list[str]:
    return [str(each) for each in find(place) if isinstance(each, Refusal)]


def zipped(path: Path, *members: str, data: bytes = b"x") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.writestr(member, data)
    return path


def test_folders_are_walked_and_archives_opened_member_by_member(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.csv").write_bytes(b"b")
    (tmp_path / "a.csv").write_bytes(b"a")
    zipped(tmp_path / "c.zip", MEMBER, "2024-01/2024-01-essex-street.csv", data=b"inside")
    found = list(find(tmp_path))
    assert [each.name for each in found] == [
        "a.csv",
        "c.zip!2024-01/2024-01-essex-street.csv",
        f"c.zip!{MEMBER}",
        "deep/er/b.csv",
    ]
    assert isinstance(found[1], Found) and found[1].head() == b"inside"


def test_litter_links_to_folders_and_pipes_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.csv").write_bytes(b"x")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    zipped(tmp_path / "c.zip", "__MACOSX/._x.csv", ".x.csv", "real.csv")
    assert names(tmp_path) == ["c.zip!real.csv"]


def test_paths_that_lead_out_of_an_archive_are_only_labels(tmp_path: Path) -> None:
    zipped(tmp_path / "c.zip", "../../etc/2024-01-kent-street.csv", "/root/2024-01-kent-outcomes.csv")
    store = tmp_path / "deep" / "store"
    for each in find(tmp_path / "c.zip"):
        assert isinstance(each, Found)
        assert ".." not in each.name
        assert freeze(each, store).path.is_relative_to(store)
    assert not (tmp_path / "etc").exists()


def test_an_archive_inside_an_archive_is_refused(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", MEMBER).read_bytes()
    zipped(tmp_path / "outer.zip", "inner.zip", data=inner)
    [said] = refusals(tmp_path / "outer.zip")
    assert "outer.zip!inner.zip: an archive lies inside an archive; unpack the outer one" in said


def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zipped(tmp_path / "bomb.zip", MEMBER, data=bytes(64 * 1024**2))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("inflated"))
    [said] = refusals(tmp_path / "bomb.zip")
    assert "inflates beyond reason" in said


def test_too_many_members_and_too_many_bytes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = zipped(tmp_path / "many.zip", "a.csv", "b.csv", "c.csv", data=b"four")
    monkeypatch.setattr(finding, "MOST_MEMBERS", 2)
    assert "holds too many files, seen “3 files”" in refusals(place)[0]
    monkeypatch.setattr(finding, "MOST_MEMBERS", 3)
    monkeypatch.setattr(finding, "MOST_INFLATED", 11)
    assert "inflates beyond reason" in refusals(place)[0]


@pytest.mark.parametrize("cut", [10, 60, -5])
def test_a_truncated_zip_is_refused_and_names_itself(tmp_path: Path, cut: int) -> None:
    place = zipped(tmp_path / "half.zip", MEMBER, data=bytes(range(256)) * 40)
    place.write_bytes(place.read_bytes()[:cut])
    [said] = refusals(tmp_path)
    assert said.startswith("half.zip: the file is damaged or cut short")


def test_a_damaged_member_is_refused_when_it_is_frozen(tmp_path: Path) -> None:
    place = zipped(tmp_path / "c.zip", MEMBER, data=os.urandom(5000))
    data = bytearray(place.read_bytes())
    data[2000] ^= 0xFF
    place.write_bytes(data)
    [each] = find(place)
    with pytest.raises(
        Refusal, match=r"c\.zip!2024-01/2024-01-kent-street\.csv: the file is damaged or cut short"
    ):
        freeze(each, tmp_path / "store")  # type: ignore[arg-type]
    assert not any((tmp_path / "store").iterdir())


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "there is no such file or folder" in refusals(tmp_path / "nowhere")[0]


def test_bytes_are_kept_once_under_their_hash(tmp_path: Path) -> None:
    data = os.urandom(100_000)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(data)
        frozen = freeze(tmp_path / name, tmp_path / "store")
        assert frozen.supply == hashlib.sha256(data).hexdigest() and frozen.bytes == len(data)
        assert frozen.path.read_bytes() == data
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == [frozen.path]


def grown(source: Path) -> None:
    source.write_bytes(source.read_bytes() + b"more")


def rewritten_keeping_its_time(source: Path) -> None:
    times = source.stat()
    source.write_bytes(b"other")
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced_by_another_of_its_age(source: Path) -> None:
    other = source.with_name("other")
    other.write_bytes(source.read_bytes())
    times = source.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(source)


def gone(source: Path) -> None:
    source.unlink()


@pytest.mark.parametrize("change", [grown, rewritten_keeping_its_time, replaced_by_another_of_its_age, gone])
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(b"first")
    copying = freezing._copy_hashing
    monkeypatch.setattr(freezing, "_copy_hashing", lambda *given: (copying(*given), change(source))[0])
    with pytest.raises(Refusal, match=r"changed while it was read; .*at the next run|damaged or cut short"):
        freeze(source, tmp_path / "store")
    assert not any((tmp_path / "store").iterdir())


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(b"first")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        Refusal,
        match=r"a\.csv: there is no room left on the disk for it; make room and run the same command again",
    ):
        freeze(source, tmp_path / "store")
    assert not any((tmp_path / "store").iterdir())


def test_a_packed_file_is_frozen_as_received_and_unpacked_for_reading(tmp_path: Path) -> None:
    packed = gzip.compress(b"plain" * 1000)
    (tmp_path / "a.csv.gz").write_bytes(packed)
    frozen = freeze(tmp_path / "a.csv.gz", tmp_path / "store")
    assert frozen.path.read_bytes() == packed
    with unpacked(frozen, "a.csv.gz", tmp_path / "scratch") as plain:
        assert plain.read_bytes() == b"plain" * 1000
    assert not any((tmp_path / "scratch").iterdir())


def test_a_gzip_bomb_is_stopped_while_it_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(bytes(64 * 1024**2)))
    frozen = freeze(tmp_path / "a.csv.gz", tmp_path / "store")
    with (
        pytest.raises(Refusal, match="inflates beyond reason"),
        unpacked(frozen, "a.csv.gz", tmp_path / "scratch"),
    ):
        pytest.fail("unpacked")
    assert not any((tmp_path / "scratch").iterdir())
