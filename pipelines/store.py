"""The workspace: every table and file the product keeps, written whole or not at all.

Objects are named by the SHA-256 of their bytes and never change. A snapshot names the object of each table partition
and what it was made from; `HEAD` names the current snapshot and is replaced in one step, on S3 only by who saw the one
before. A process killed at any instant leaves the previous snapshot whole, and the next run completes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import dataframely as dy
import duckdb
import fsspec
import polars as pl

from pipelines.room import MAKE_ROOM, is_out_of_room
from publish.parts import file_digest

ROWS_PER_GROUP: Final = 262_144

#: The packages with which an object store is spoken to. Not all of their errors are `OSError`s.
_CLIENTS: Final = ("aiobotocore", "aiohttp", "botocore")


class StoreError(RuntimeError):
    """The workspace cannot be read or written; the message says which part and what to do."""


@contextlib.contextmanager
def answering(where: str) -> Iterator[None]:
    """Speak to the object store at `where`. Raises StoreError where it refuses, or does not answer to the end.

    The clients have asked again by then, for about half a minute. That something is not there stays
    `FileNotFoundError`.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        # An error that names a file is of a disk, and not of the store.
        of_store = isinstance(error, OSError) and error.filename is None
        if not of_store and type(error).__module__.partition(".")[0] not in _CLIENTS:
            raise
        raise StoreError(
            f"{where} does not answer as an object store does: {' '.join(str(error).split())}. Nothing half-written "
            "is left and what was finished is kept: see that the store, the network and the keys are right, and run "
            "again."
        ) from error


@dataclass(frozen=True)
class Entry:
    """One partition of a table: the object that holds it, its rows, and the key of what it was made from."""

    object: str
    rows: int
    made_from: str


def digest(*parts: object) -> str:
    """A key for what something is made from: SHA-256 over the parts, in order."""
    text = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def object_name(sha256: str, suffix: str) -> str:
    """Where a workspace keeps the file with these bytes."""
    return f"objects/{sha256[:2]}/{sha256}{suffix}"


def supplied_name(sha256: str) -> str:
    """Where a workspace keeps the supplied file with these bytes, as received."""
    return f"supplied/{sha256[:2]}/{sha256}"


class Storage:
    """Bytes under one root: a local folder or an object-store URL (`s3://bucket/prefix`)."""

    def __init__(self, root: str | Path) -> None:
        self._fs, base = fsspec.core.url_to_fs(str(root))
        self.local = "file" in self._fs.protocol
        self.root = str(Path(base).resolve()) if self.local else base
        self._scheme = "" if self.local else str(root).split("://", 1)[0] + "://"

    def uri(self, name: str) -> str:
        """The address of `name` that Polars and DuckDB read."""
        return f"{self._scheme}{self.root}/{name}"

    def path(self, name: str) -> Path:
        """The local path of `name`. Raises StoreError on an object store."""
        if not self.local:
            raise StoreError(f"{self.uri(name)} is on an object store; this needs a local workspace.")
        return Path(self.root) / name

    def answering(self) -> contextlib.AbstractContextManager[None]:
        """Where bytes of an object store are read or written: raises StoreError when it does not answer."""
        return contextlib.nullcontext() if self.local else answering(self.uri(""))

    def exists(self, name: str) -> bool:
        """Whether `name` is there, whole."""
        with self.answering():
            return bool(self._fs.exists(f"{self.root}/{name}"))

    def read(self, name: str) -> bytes:
        """The bytes of `name`."""
        with self.answering():
            return bytes(self._fs.cat_file(f"{self.root}/{name}"))

    def write(self, name: str, data: bytes) -> None:
        """Write `name` whole or not at all."""
        if not self.local:
            with self.answering():
                self._fs.pipe_file(f"{self.root}/{name}", data)
            return
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(target)
        except OSError as error:
            Path(temporary).unlink(missing_ok=True)
            if is_out_of_room(error):
                raise StoreError(f"there is no room left on the disk for {target}: {MAKE_ROOM}.") from error
            raise StoreError(
                f"could not write {target}: {error.strerror}. See that it may be written."
            ) from error

    def tag(self, name: str) -> str | None:
        """What an S3 store calls the bytes that `name` has now; none where it is not there, or in a folder."""
        if not self._scheme.startswith("s3"):
            return None
        try:
            with self.answering():
                return str(self._fs.info(f"{self.root}/{name}", refresh=True)["ETag"])
        except FileNotFoundError:
            return None

    def replace(self, name: str, data: bytes, seen: str | None) -> str | None:
        """Write `name` whole, on S3 only if its tag is still the one `seen`. Returns its tag.

        Raises StoreError where another run has written it since. In a folder a lock keeps other runs out.
        """
        if not self._scheme.startswith("s3"):
            self.write(name, data)
            return None
        condition = {"IfMatch": seen} if seen else {"IfNoneMatch": "*"}
        try:
            with self.answering():
                # The tag is that of the answer: asked for afterwards, it could be that of another run.
                return str(self._fs.pipe_file(f"{self.root}/{name}", data, **condition)["ETag"])
        except StoreError:
            now = self.tag(name)
            if now == seen:
                raise
            # The answer to a write that was done may have been lost, and the write tried again.
            if self.read(name) != data:
                raise StoreError(
                    f"another run has changed {self.uri('')} since this one began. Nothing of either is lost: run "
                    "again when it has ended."
                ) from None
            return now

    def adopt(self, path: Path, name: str) -> None:
        """Move a finished local file in as `name`, whole or not at all."""
        if self.local:
            target = self.path(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
            path.replace(target)
        else:
            self._put(path, name)
            path.unlink()

    def copy_in(self, path: Path, name: str, original: tuple[str, str] | None = None) -> None:
        """Copy a finished local file to an object store as `name`, unless it is there already.

        The store itself copies an `original` with the same bytes, by its URL, while it has the tag that it had.
        """
        if not self.exists(name) and not (original and self._copied(*original, name)):
            self._put(path, name)

    def _copied(self, url: str, tag: str, name: str) -> bool:
        """Whether the store copied what lies at `url`. It may know no such place, or hold other bytes there by now."""
        scheme, _, place = url.partition("://")
        if f"{scheme}://" != self._scheme or not scheme.startswith("s3"):
            return False
        (bucket, key), (from_bucket, from_key) = (
            each.split("/", 1) for each in (f"{self.root}/{name}", place)
        )
        source = {"Bucket": from_bucket, "Key": from_key}
        try:
            self._fs.call_s3("copy_object", Bucket=bucket, Key=key, CopySource=source, CopySourceIfMatch=tag)
        except Exception:  # each kind of store has errors of its own, and the bytes are here to be sent
            return False
        return True

    def _put(self, path: Path, name: str) -> None:
        """Copy a local file to an object store, a large one in parts; nothing is there until the last is."""
        with self.answering():
            self._fs.put_file(str(path), f"{self.root}/{name}")

    @property
    def filesystem(self) -> Any:
        """The fsspec filesystem, for DuckDB to read through."""
        return self._fs


@dataclass
class Workspace:
    """Tables by partition, kept under one root."""

    storage: Storage
    head: dict[str, dict[str, Entry]] = field(default_factory=dict)
    #: the tag of HEAD as it was read or written last.
    _seen: str | None = None

    @classmethod
    def open(cls, root: str | Path) -> Workspace:
        """Open the workspace at a folder or URL, making it when it is not there."""
        storage = Storage(root)
        if storage.local:
            Path(storage.root).mkdir(parents=True, exist_ok=True)
        workspace = cls(storage)
        workspace.head = workspace._read_head()
        return workspace

    def _read_head(self) -> dict[str, dict[str, Entry]]:
        self._seen = self.storage.tag("HEAD")
        if not self.storage.exists("HEAD"):
            return {}
        name = self.storage.read("HEAD").decode().strip()
        snapshot = json.loads(self.storage.read(f"snapshots/{name}.json"))
        return {
            table: {partition: Entry(**entry) for partition, entry in partitions.items()}
            for table, partitions in snapshot.items()
        }

    @property
    def snapshot(self) -> str:
        """The name of the current snapshot: the SHA-256 of its bytes."""
        return hashlib.sha256(self._snapshot_bytes()).hexdigest()

    def _snapshot_bytes(self) -> bytes:
        plain = {
            table: {partition: vars(entry) for partition, entry in sorted(partitions.items())}
            for table, partitions in sorted(self.head.items())
        }
        return json.dumps(plain, indent=1).encode()

    def commit(self) -> str:
        """Make everything written since the last commit current, in one step. Returns the snapshot's name."""
        data = self._snapshot_bytes()
        name = hashlib.sha256(data).hexdigest()
        if not self.storage.exists(f"snapshots/{name}.json"):
            self.storage.write(f"snapshots/{name}.json", data)
        self._seen = self.storage.replace("HEAD", f"{name}\n".encode(), self._seen)
        return name

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A local folder for half-made files, emptied afterwards and never read by anyone else."""
        if self.storage.local:
            root = self.storage.path("scratch")
            root.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=root))
        else:
            folder = Path(tempfile.mkdtemp(prefix="fullcount-"))
        try:
            yield folder
        finally:
            _remove(folder)

    def clear_scratch(self) -> None:
        """Remove what a killed run left half-made. Call it while holding the lock."""
        if self.storage.local:
            _remove(self.storage.path("scratch"))

    def up_to_date(self, table: str, partition: str, made_from: str) -> bool:
        """Whether the partition is there and was made from exactly this."""
        entry = self.head.get(table, {}).get(partition)
        return entry is not None and entry.made_from == made_from

    def write(
        self,
        table: str,
        partition: str,
        frame: pl.LazyFrame | pl.DataFrame,
        schema: type[dy.Schema],
        made_from: str,
    ) -> Entry:
        """Write one partition after checking it against its contract.

        Raises StoreError naming the table, the partition and the rules broken.
        """
        checked = validated(frame, schema, f"{table} {partition}")
        with self.scratch() as folder:
            part = folder / "part.parquet"
            checked.write_parquet(
                part, compression="zstd", compression_level=1, row_group_size=ROWS_PER_GROUP
            )
            return self.adopt(table, partition, part, checked.height, made_from)

    def adopt(self, table: str, partition: str, parquet: Path, rows: int, made_from: str) -> Entry:
        """Take in a finished Parquet file as one partition."""
        entry = Entry(self.adopt_object(parquet, ".parquet"), rows, made_from)
        self.head.setdefault(table, {})[partition] = entry
        return entry

    def adopt_object(self, path: Path, suffix: str) -> str:
        """Take in a finished file under the name of its bytes. Returns that name."""
        name = object_name(file_digest(path), suffix)
        # On an object store, asking whether it is there costs as much as writing the same bytes again.
        if not self.storage.local or not self.storage.exists(name):
            self.storage.adopt(path, name)
        return name

    def forget(self, table: str, keep: Iterable[str]) -> list[str]:
        """Drop the partitions that are not in `keep` from the snapshot; the objects stay."""
        wanted = set(keep)
        gone = [partition for partition in self.head.get(table, {}) if partition not in wanted]
        for partition in gone:
            del self.head[table][partition]
        return gone

    def key(self, table: str, partitions: Iterable[str] | None = None) -> list[tuple[str, str]]:
        """What a reader of these partitions depends on: their names and objects."""
        held = self.head.get(table, {})
        names = sorted(held) if partitions is None else sorted(set(partitions) & held.keys())
        return [(name, held[name].object) for name in names]

    def changed(self, table: str, since: Workspace) -> list[str]:
        """The partitions made from something else than they were in an earlier look at the workspace, sorted."""
        held = since.head.get(table, {})
        return sorted(
            name
            for name, entry in self.head.get(table, {}).items()
            if name not in held or held[name].made_from != entry.made_from
        )

    def rows(self, table: str, partitions: Iterable[str] | None = None) -> int:
        """How many rows these partitions hold; all of the table's unless named."""
        held = self.head.get(table, {})
        return sum(held[name].rows for name in (held if partitions is None else partitions) if name in held)

    def scan(
        self, table: str, schema: type[dy.Schema], partitions: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Read partitions lazily, their columns and types checked against the contract.

        Partitions that are not there are left out; none at all gives an empty table.
        """
        return self.scan_objects([name for _, name in self.key(table, partitions)], schema, table)

    def scan_objects(self, objects: list[str], schema: type[dy.Schema], what: str) -> pl.LazyFrame:
        """Read objects lazily as one table, their columns and types checked against the contract."""
        if not objects:
            return schema.create_empty().lazy()
        frame = pl.scan_parquet([self.storage.uri(name) for name in objects])
        wanted: Mapping[str, pl.DataType] = dict(schema.create_empty().schema)
        with self.storage.answering():
            found = frame.collect_schema()
        for name, dtype in wanted.items():
            if found.get(name) != dtype:
                raise StoreError(
                    f"{what}: column “{name}” is {found.get(name, 'absent')} where {dtype} is wanted. "
                    "The workspace was written by another version: run again with a new --workspace."
                )
        return frame.select(list(wanted))

    def read(
        self, table: str, schema: type[dy.Schema], partitions: Iterable[str] | None = None
    ) -> pl.DataFrame:
        """Read partitions whole and check every rule of the contract."""
        with self.storage.answering():
            return validated(self.scan(table, schema, partitions), schema, table)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open the workspace for reading with SQL: one DuckDB view for each table."""
        connection = duckdb.connect()
        if not self.storage.local:
            connection.register_filesystem(self.storage.filesystem)
        for table, partitions in sorted(self.head.items()):
            files = ", ".join(f"'{self.storage.uri(entry.object)}'" for entry in partitions.values())
            if files:
                connection.execute(f'CREATE VIEW "{table}" AS FROM read_parquet([{files}])').fetchall()
        return connection

    @contextlib.contextmanager
    def lock(self, name: str = "lock") -> Iterator[None]:
        """Keep a second run of the same workspace out. Raises StoreError naming the first.

        `name` tells locks apart that one process holds within each other.
        """
        if not self.storage.local:
            yield
            return
        path = self.storage.path(name)
        with path.open("a+") as stream:
            _take_lock(stream, path)
            yield


def _take_lock(stream: Any, path: Path) -> None:
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        raise StoreError(
            f"another run (process {stream.read().strip() or 'unknown'}) is using {path.parent}. "
            "Wait for it to end, or give this one its own --workspace."
        ) from None
    stream.seek(0)
    stream.truncate()
    stream.write(str(os.getpid()))
    stream.flush()


def _remove(folder: Path) -> None:
    """Remove a folder with all that is in it.

    A release has thousands of folders, and nearly all of the time that removing one takes is waiting for the disk: so
    those of several branches go at once.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        for branch in folder.glob("*/*/*"):
            if branch.is_dir():
                pool.submit(shutil.rmtree, branch, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def validated(frame: pl.LazyFrame | pl.DataFrame, schema: type[dy.Schema], what: str) -> pl.DataFrame:
    """The table, in the contract's columns and order. Raises StoreError naming the rules broken."""
    eager = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    try:
        good, failures = schema.filter(eager, cast=True)
    except Exception as error:
        raise StoreError(f"{what}: does not fit its contract: {error}") from error
    if broken := failures.counts():
        rules = ", ".join(f"{rule} ({rows} rows)" for rule, rows in sorted(broken.items()))
        raise StoreError(f"{what}: breaks its contract: {rules}.")
    return good
