"""The files of a site as they are written: each with its compressed copies, and parts kept from an earlier build."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Final

import brotli

from publish.parts import BUILT, Parts, code_of
from publish.parts import key_of as parts_key

#: Smaller files are not worth a compressed copy.
WORTH_COMPRESSING: Final = 1024
COMPRESSED: Final = {".html", ".css", ".js", ".mjs", ".json", ".svg", ".csv"}
#: Larger files are scripts, the same in every build of a process.
WORTH_KEEPING: Final = 400_000


class Folder:
    """The folder of one build. Files are compressed and written in a thread of their own, while others are made.

    Leaving the `with` block waits for them, and raises what went wrong with any. `earlier` is the folder of
    another build: a part of the site made from the same is taken over from it (`publish.parts`).
    """

    def __init__(self, folder: Path, earlier: Path | None) -> None:
        self.folder = folder
        self.parts = Parts(folder, earlier)
        self.written: list[Path] = []
        self.worker = ThreadPoolExecutor(max_workers=1)
        self.waiting: list[Future[None]] = []

    def __enter__(self) -> Folder:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        with self.worker:
            if failed is None:
                self.put(BUILT, self.parts.told())
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

    def kept(self, part: str, key: str, *patterns: str) -> bool:
        """Take over the files of a part from the earlier build, when it was made from the same (`Parts.kept`)."""
        taken = self.parts.kept(part, key, *patterns)
        self.written += taken or []
        return taken is not None


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
    """A key of what a part of the site is made from (`publish.parts`): figures, and the code that makes it."""
    return parts_key(code_of("publish.site"), *parts)
