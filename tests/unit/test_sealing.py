"""The manifest of a release: every file of it, hashed once, in the order of their places."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from publish import release

PLACES = ["a/b.html", "a/b/c.html", "a-b/c.html", "a.html", "a/b-c.html", "feeds/x.csv", "B/c.html", "é.html"]
SUMS = "feeds/SHA256SUMS"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(release, "_told", lambda *_: {})
    made = filled(tmp_path / "release", PLACES)
    (made / SUMS).touch()
    return made


def filled(folder: Path, places: list[str]) -> Path:
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(f"what is at {place}")
    return folder


def sealed(folder: Path, before: Path | None = None) -> dict[str, dict[str, object]]:
    manifest = release.seal(None, folder, "1.0.0", None, before)
    files: dict[str, dict[str, object]] = json.loads(manifest.read_text())["files"]
    return files


def test_files_are_told_in_the_order_of_their_places(folder: Path):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    (folder / "manifest.json").touch()
    assert release.names(folder) == [path.relative_to(folder).as_posix() for path in paths]
    assert list(sealed(folder)) == release.names(folder)


def test_a_file_of_the_release_before_has_the_hash_that_it_had(folder: Path, tmp_path: Path):
    before = tmp_path / "before"
    told = {"sha256": "as it was told", "bytes": 1}
    for place in PLACES[:4]:
        (before / place).parent.mkdir(parents=True, exist_ok=True)
        os.link(folder / place, before / place)
    filled(before, PLACES[4:6])  # the same bytes in files of their own
    (before / "manifest.json").write_text(
        json.dumps({"files": dict.fromkeys([*PLACES[:3], *PLACES[4:6]], told)})
    )
    files = sealed(folder, before)
    assert set(files) == {*PLACES, SUMS}
    assert [files[place] for place in PLACES[:3]] == [told] * 3
    for place in PLACES[3:]:
        held = (folder / place).read_bytes()
        assert files[place] == {"sha256": hashlib.sha256(held).hexdigest(), "bytes": len(held)}


def test_a_bulk_file_has_the_hash_that_was_published_beside_it(folder: Path):
    (folder / SUMS).write_text("0123  x.csv\n")
    assert sealed(folder)["feeds/x.csv"]["sha256"] == "0123"
