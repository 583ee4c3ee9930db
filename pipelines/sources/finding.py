"""Finds the files in a supply folder: plain, in folders, or inside zip archives, member by member."""

from __future__ import annotations

import functools
import io
import stat
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from pipelines.settings import SettingsError, is_remote
from pipelines.sources.refusal import Refusal
from pipelines.store import StoreError, answering

#: What operating systems leave in folders and archives.
_LITTER: Final = ("__MACOSX", "Thumbs.db", "desktop.ini")

#: A member that says it holds more than this many bytes, or an archive more in all, is refused unopened.
MOST_INFLATED: Final = 64 * 1024**3
#: Text shrinks 5 to 30 times; a file that grows more than this many times over is a bomb.
MOST_RATIO: Final = 250
#: Below this size a high ratio is harmless.
RATIO_MATTERS_FROM: Final = 16 * 1024**2
#: More members than any archive of police.uk holds, by far.
MOST_MEMBERS: Final = 100_000


#: A write younger than the clock tick of a file system can leave the time of change as it was. In nanoseconds.
COARSEST_TICK: Final = 3_000_000_000


@dataclass(frozen=True)
class State:
    """What changes when a file is written to or replaced, and when that was last, in nanoseconds.

    There is no such time on an object store, which replaces objects whole, each with a `tag` of its own.
    """

    marks: tuple[str | int | None, ...]
    written_at: int | None = None
    tag: str | None = None

    @property
    def will_show(self) -> bool:
        """Whether a file that is written to from now on will be in another state."""
        return self.written_at is None or time.time_ns() - self.written_at >= COARSEST_TICK


@dataclass(frozen=True)
class Remote:
    """A file on an object store, by its URL."""

    url: str

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Its bytes. Reading them raises StoreError where the store does not answer."""
        store, path = _store(self.url)
        with answering(self.url):
            return io.BufferedReader(_Answering(self.url, store.open(path, mode)))

    def state(self) -> State:
        """The object as it stands."""
        store, path = _store(self.url)
        with answering(self.url):
            told = store.info(path, refresh=True)
        return _state_of(told)


def _state_of(told: Mapping[str, Any]) -> State:
    """The state of an object, by what its store tells of it."""
    return State((told["size"], str(told.get("LastModified"))), tag=told.get("ETag"))


class _Answering(io.RawIOBase):
    """The bytes of an object. That its store does not answer is told as that, and not as damage to the file."""

    def __init__(self, url: str, stream: IO[bytes]) -> None:
        self._url, self._stream = url, stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with answering(self._url):
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


@dataclass(frozen=True)
class Found:
    """One file as received: what it is called and how to read its bytes. Any worker that reaches the place can."""

    name: str
    path: Path | Remote
    #: where the place is that of an archive.
    member: zipfile.ZipInfo | None = None
    #: how it stood when it was found, where every change since would show.
    listed: State | None = None

    def open(self) -> IO[bytes]:
        """The bytes of the file as received, a member of an archive being inflated as it is read."""
        if self.member is None:
            return self.path.open("rb")
        return _archive(self.path, self.state()).open(self.member)

    def state(self) -> State:
        """The file, or the archive that it lies in, as it stands."""
        if isinstance(self.path, Remote):
            return self.path.state()
        told = self.path.stat()
        times = told.st_mtime_ns, told.st_ctime_ns
        return State((told.st_ino, told.st_size, *times), max(times))

    def original(self, state: State) -> tuple[str, str] | None:
        """Where its bytes lie on an object store by themselves, and the tag that they have there in this state."""
        if isinstance(self.path, Remote) and self.member is None and state.tag:
            return self.path.url, state.tag
        return None

    def head(self, size: int = 4096) -> bytes:
        """The first `size` bytes. Raises `Refusal` when the file cannot be opened or inflated."""
        try:
            with closing(self.open()) as stream:
                return stream.read(size)
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise unreadable(self.name, error) from error


def find(place: str | Path) -> Iterator[Found | Refusal]:
    """Every file under `place` (a folder, a zip, one file, or the URL of a folder), in order of name.

    A refusal stands for what cannot be opened. Links to folders are not followed, litter of operating systems is passed
    over, and nothing is inflated.
    """
    if is_remote(place):
        yield from _find_remote(str(place).rstrip("/"))
        return
    place = Path(place)
    if place.is_dir():
        for path in sorted(place.rglob("*"), key=lambda each: each.relative_to(place).as_posix()):
            name = path.relative_to(place).as_posix()
            if _is_litter(name) or not _is_regular(path):
                continue
            yield from _file(path, name, _listed(path))
    elif _is_regular(place):
        yield from _file(place, place.name, _listed(place))
    else:
        yield Refusal(
            place.name,
            "there is no such file or folder",
            "check the path",
            seen=place.name,
            wanted="a file or a folder",
        )


def unreadable(name: str, error: Exception) -> Refusal:
    """The refusal of a file that broke while it was read: truncated, damaged, locked or gone.

    Raises StoreError where that is the error: a store that does not answer is no fault of the file.
    """
    if isinstance(error, StoreError):
        raise error
    if isinstance(error, RuntimeError) and "password" in str(error):
        return Refusal(name, "the file is encrypted", "ask the sender to supply it without a password")
    return Refusal(
        name,
        "the file is damaged or cut short",
        "ask the sender to supply it again",
        seen=str(error) or type(error).__name__,
        wanted="a file that opens to its end",
    )


def _find_remote(url: str) -> Iterator[Found | Refusal]:
    try:
        store, root = _store(url)
        told = store.find(root, detail=True)
    except Exception as error:  # each kind of store has errors of its own
        raise SettingsError(
            f"The supply {url} cannot be listed: {error}. Check its address and its keys."
        ) from error
    for path in sorted(told):
        name = path.removeprefix(root).lstrip("/")
        if not _is_litter(name):
            yield from _file(Remote(f"{url}/{name}"), name, _state_of(told[path]))


def _store(url: str) -> tuple[Any, str]:
    """The object store of a URL, and the path in it. Nothing is remembered of what lies there."""
    import fsspec

    store, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    return store, path


@functools.lru_cache(maxsize=4)
def _archive(path: Path | Remote, state: State) -> zipfile.ZipFile:
    """An archive that stays open for its members, since its directory is long to read; another where it changed."""
    return zipfile.ZipFile(path if isinstance(path, Path) else path.open())


def _file(path: Path | Remote, name: str, listed: State | None) -> Iterator[Found | Refusal]:
    if not name.lower().endswith(".zip"):
        yield Found(name, path, listed=listed)
        return
    try:
        archive = _archive(path, Found(name, path).state())
        members = [member for member in archive.infolist() if not member.is_dir()]
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        yield unreadable(name, error)
        return
    if refusal := _bomb(name, members):
        yield refusal
        return
    for member in sorted(members, key=lambda each: each.filename):
        # A member's path is only ever a label: nothing is written under it, so it cannot lead anywhere.
        inside = "/".join(
            part
            for part in PurePosixPath(member.filename.replace("\\", "/")).parts
            if part not in ("..", "/")
        )
        label = f"{name}!{inside}"
        if _is_litter(inside):
            continue
        if inside.lower().endswith(".zip"):
            yield Refusal(
                label, "an archive lies inside an archive", "unpack the outer one and supply the inner one"
            )
        else:
            yield Found(label, path, member, listed)


def _bomb(name: str, members: list[zipfile.ZipInfo]) -> Refusal | None:
    """A refusal when the archive would inflate beyond reason, told from its directory alone."""
    if len(members) > MOST_MEMBERS:
        return Refusal(
            name,
            "the archive holds too many files",
            "supply it in parts",
            seen=f"{len(members):,} files",
            wanted=f"at most {MOST_MEMBERS:,}",
        )
    worst = max(members, key=lambda each: each.file_size / max(each.compress_size, 1), default=None)
    inflated = 0
    for member in members:
        inflated += member.file_size
    if inflated > MOST_INFLATED or (worst is not None and too_much(worst.compress_size, worst.file_size)):
        return Refusal(
            name,
            "the archive inflates beyond reason, as a zip bomb does",
            "ask the sender what it is, and supply the files unpacked",
            seen=f"{inflated:,} bytes from {name}",
            wanted=f"at most {MOST_INFLATED:,} bytes and {MOST_RATIO} times the packed size",
        )
    return None


def refuse_bomb(path: Path, name: str) -> None:
    """Raise `Refusal` when the zip at `path` (a workbook is one) would inflate beyond reason, or is no zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            refusal = _bomb(name, archive.infolist())
    except (OSError, zipfile.BadZipFile) as error:
        raise unreadable(name, error) from error
    if refusal:
        raise refusal


def too_much(packed: int, inflated: int) -> bool:
    """Whether `packed` bytes growing into `inflated` bytes is beyond what any real table does."""
    return inflated > MOST_INFLATED or (inflated > RATIO_MATTERS_FROM and inflated > packed * MOST_RATIO)


def _is_litter(name: str) -> bool:
    return any(part.startswith(".") or part in _LITTER for part in PurePosixPath(name).parts)


def _listed(path: Path) -> State | None:
    try:
        state = Found(path.name, path).state()
    except OSError:
        return None
    return state if state.will_show else None


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
