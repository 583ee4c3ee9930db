"""Freezes a supplied file: its bytes as received, kept once under the hash of their contents."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import polars as pl
import pyarrow as pa

from pipelines.room import MAKE_ROOM, is_out_of_room
from pipelines.sources.finding import Found, State, too_much, unreadable
from pipelines.sources.naming import what_it_is
from pipelines.sources.refusal import Refusal

#: Small enough to stay in the cache of the processor between being read, hashed and written.
_CHUNK: Final = 256 * 1024
#: Longer than the tick of any clock that a local file is stamped with, so that a write shows. In seconds.
_TICK: Final = 0.02


@dataclass(frozen=True)
class Frozen:
    """One file as received, kept: `supply` is the SHA-256 of its bytes, `path` where they lie for good.

    `original` is where an object store has the same bytes, and the tag that they have there.
    """

    supply: str
    bytes: int
    path: Path
    original: tuple[str, str] | None = None


def freeze(found: Found | Path, store: Path) -> Frozen:
    """Copy the bytes of `found` into `store` under their SHA-256, whole or not at all.

    Freezing the same bytes again changes nothing. Raises `Refusal` when the file changes while it is read, cannot
    be read to its end, or does not fit on the disk; nothing half-written is left.
    """
    if isinstance(found, Path):
        found = Found(found.name, found)
    store.mkdir(parents=True, exist_ok=True)
    before = _state(found)
    with _atomically(found.name, store) as (copy, keep):
        supply, size = _copy_hashing(found, copy)
        # A file that changed moments ago may change again without a new time: read it twice.
        if not before.will_show:
            time.sleep(_TICK)
            if _copy_hashing(found, None) != (supply, size):
                raise _changed(found.name)
        if _state(found) != before:
            raise _changed(found.name)
        place = store / supply[:2] / supply
        keep(place)
    return Frozen(supply, size, place, found.original(before))


@contextmanager
def unpacked(frozen: Frozen, name: str, scratch: Path) -> Iterator[Path]:
    """The path of the plain bytes of a frozen file, inflated into `scratch` and removed after, when they are packed.

    Raises `Refusal` when a gzip or zstd stream is cut short, damaged, or grows beyond reason.
    """
    with frozen.path.open("rb") as stream:
        form = what_it_is(stream.read(8))
    if form not in ("gz", "zst"):
        yield frozen.path
        return
    with scratch_file(scratch, name) as plain:
        with plain.open("wb") as copy:
            for chunk in _inflated(frozen, name, form):
                copy.write(chunk)
        yield plain


@contextmanager
def scratch_file(folder: Path, name: str, suffix: str = "") -> Iterator[Path]:
    """A file in `folder` that is gone afterwards. A full disk is told as a `Refusal` of the file `name`."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(dir=folder, prefix=".reading-", suffix=suffix)
    os.close(handle)
    try:
        with _full_disk_told(name):
            yield Path(path)
    finally:
        Path(path).unlink(missing_ok=True)


def _inflated(frozen: Frozen, name: str, form: str) -> Iterator[bytes]:
    inflated = 0
    try:
        with frozen.path.open("rb") as packed, closing(_inflating(packed, form)) as stream:
            while chunk := stream.read(_CHUNK):
                inflated += len(chunk)
                if too_much(frozen.bytes, inflated):
                    raise Refusal(
                        name,
                        "the file inflates beyond reason, as a bomb does",
                        "ask the sender what it is, and supply it unpacked",
                        seen=f"more than {inflated:,} bytes out of {frozen.bytes:,}",
                        wanted="a table",
                    )
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(name, error) from error


def _inflating(packed: IO[bytes], form: str) -> Any:
    return gzip.GzipFile(fileobj=packed) if form == "gz" else pa.CompressedInputStream(packed, "zstd")


@contextmanager
def _atomically(name: str, store: Path) -> Iterator[tuple[IO[bytes], Callable[[Path], None]]]:
    """A new file in `store`, and the function that puts it in its place at once and for good."""
    handle, temporary = tempfile.mkstemp(dir=store, prefix=".freezing-")
    copy = os.fdopen(handle, "wb")

    def keep(place: Path) -> None:
        if place.exists():
            return
        copy.flush()
        os.fsync(copy.fileno())
        place.parent.mkdir(exist_ok=True)
        Path(temporary).replace(place)
        _sync_folder(place.parent)

    try:
        with _full_disk_told(name), copy:
            yield copy, keep
    finally:
        Path(temporary).unlink(missing_ok=True)


def _copy_hashing(found: Found, copy: IO[bytes] | None) -> tuple[str, int]:
    """The SHA-256 and size of the bytes of `found`, written to `copy` on the way when there is one."""
    digest, size = hashlib.sha256(), 0
    with closing(_opened(found)) as stream:
        while chunk := _read(found, stream):
            digest.update(chunk)
            size += len(chunk)
            if copy is not None:
                copy.write(chunk)
    return digest.hexdigest(), size


def _opened(found: Found) -> IO[bytes]:
    try:
        return found.open()
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise unreadable(found.name, error) from error


def _read(found: Found, stream: IO[bytes]) -> bytes:
    try:
        return stream.read(_CHUNK)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise unreadable(found.name, error) from error


def _state(found: Found) -> State:
    try:
        return found.state()
    except OSError as error:
        raise unreadable(found.name, error) from error


def _changed(name: str) -> Refusal:
    return Refusal(
        name, "the file changed while it was read", "nothing is needed: it will be read at the next run"
    )


@contextmanager
def _full_disk_told(name: str) -> Iterator[None]:
    """Tell a full disk as a `Refusal`, whether the system says so or an engine that was writing a file."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        if not is_out_of_room(error):
            raise
        raise Refusal(name, "there is no room left on the disk for it", MAKE_ROOM) from error


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last through a power cut, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
