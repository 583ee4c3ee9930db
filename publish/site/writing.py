"""The files of a site as they are written: each with its compressed copies, and parts kept from an earlier build."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

import brotli
import jinja2

#: Smaller files are not worth a compressed copy.
WORTH_COMPRESSING: Final = 1024
COMPRESSED: Final = {".html", ".css", ".js", ".mjs", ".json", ".svg", ".csv"}
#: Larger files are scripts, the same in every build of a process.
WORTH_KEEPING: Final = 400_000
#: What each part of the site was made from.
BUILT: Final = "built.json"


class Folder:
    """The folder of one build. Files are compressed and written in a thread of their own, while others are made.

    Leaving the `with` block waits for them, and raises what went wrong with any. `earlier` is the folder of
    another build: a part of the site made from the same is taken over from it.
    """

    def __init__(self, folder: Path, earlier: Path | None) -> None:
        self.folder = folder
        self.earlier = earlier
        self.written: list[Path] = []
        self.parts: dict[str, str] = {}
        self.before: dict[str, str] = {}
        if earlier is not None and (earlier / BUILT).is_file():
            self.before = json.loads((earlier / BUILT).read_text("utf-8"))
        self.worker = ThreadPoolExecutor(max_workers=1)
        self.waiting: list[Future[None]] = []

    def __enter__(self) -> Folder:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        with self.worker:
            if failed is None:
                self.put(BUILT, json.dumps(self.parts, indent=1, sort_keys=True).encode())
            for file in self.waiting:
                file.result()

    def put(self, name: str, content: bytes) -> None:
        """Write a file, and beside it the compressed copies that browsers take."""
        path = self.folder / name
        self.written.append(path)
        worth = path.suffix in COMPRESSED and len(content) > WORTH_COMPRESSING
        suffixes = list(COPIES) if worth else []
        self.written += [path.with_name(path.name + suffix) for suffix in suffixes]
        self.waiting.append(self.worker.submit(_write, path, content, suffixes))

    def is_same(self, part: str, key: str) -> bool:
        """Whether the earlier build made a part from the same."""
        return self.earlier is not None and self.before.get(part) == key

    def kept(self, part: str, key: str, pattern: str) -> bool:
        """Take over the files of a part from the earlier build, when it was made from the same.

        `pattern` finds them there, or folders that hold nothing else. Either way the part is known by its key from
        now on.
        """
        self.parts[part] = key
        if self.earlier is None or not self.is_same(part, key):
            return False
        taken: list[str] = []

        def take(source: str | Path, path: str | Path) -> None:
            try:
                os.link(source, path)
            except OSError:  # another disk, or one that knows no links
                shutil.copyfile(source, path)
            taken.append(str(path))

        for source in sorted(self.earlier.glob(pattern)):
            path = self.folder / source.relative_to(self.earlier)
            path.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, path, copy_function=take)
            else:
                take(source, path)
        self.written += map(Path, sorted(taken))
        return True


def _write(path: Path, content: bytes, suffixes: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    # A script that many builds share is worth more effort, once.
    compress = _squeezed if len(content) > WORTH_KEEPING else _compressed
    for suffix in suffixes:
        path.with_name(path.name + suffix).write_bytes(compress(suffix, content))


def _compressed(suffix: str, content: bytes) -> bytes:
    return COPIES[suffix](content)


@lru_cache(maxsize=16)
def _squeezed(suffix: str, content: bytes) -> bytes:
    return bytes(brotli.compress(content, quality=9)) if suffix == ".br" else COPIES[suffix](content)


#: The compressed copies of a text file, by their ending.
COPIES: Final = {
    ".br": lambda content: bytes(brotli.compress(content, quality=5)),
    ".gz": lambda content: gzip.compress(content, compresslevel=6, mtime=0),
}


def key_of(*parts: object) -> str:
    """A key of what a part is made from: its figures as text or bytes, and the code that makes it."""
    digest = hashlib.sha256(_code())
    for part in parts:
        content = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _code() -> bytes:
    """A digest of the modules and templates of the site, and of what writes its pages."""
    site = resources.files("publish.site")
    digest = hashlib.sha256(f"{jinja2.__version__} {brotli.__version__}".encode())
    for folder in (site, site / "templates", site / "messages"):
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.name.endswith((".py", ".html", ".json")):
                digest.update(file.name.encode() + file.read_bytes())
    return digest.digest()
