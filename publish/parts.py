"""Parts of a folder that an earlier build made from the same: taken over from it, byte for byte, and not made again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from functools import cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Final

import polars as pl
from polars import selectors

#: What each part of a folder was made from.
BUILT: Final = "built.json"
#: What writes files and draws shapes: another version may choose other bytes.
LIBRARIES: Final = (
    "brotli",
    "geopandas",
    "jinja2",
    "numpy",
    "plotly",
    "polars",
    "pyarrow",
    "pyproj",
    "scipy",
    "shapely",
)


class Parts:
    """The parts of one build, each known by a key of what it is made from; and those of the build before.

    `earlier` is the folder of that other build. A part whose key is the same there is taken over with `kept`.
    """

    def __init__(self, folder: Path, earlier: Path | None) -> None:
        self.folder = folder
        self.earlier = earlier if earlier is not None and (earlier / BUILT).is_file() else None
        self.made: dict[str, str] = {}
        self.before: dict[str, str] = {}
        if self.earlier is not None:
            self.before = json.loads((self.earlier / BUILT).read_text("utf-8"))

    def is_same(self, part: str, key: str) -> bool:
        """Whether the earlier build made a part from the same."""
        return self.before.get(part) == key

    def kept(self, part: str, key: str, *patterns: str) -> list[Path] | None:
        """Take over the files of a part when it was made from the same; None where it is to be made.

        `patterns` find them in the earlier build, or folders that hold nothing else. Either way the part is known by
        its key from now on. Returns the paths taken, in order.
        """
        self.made[part] = key
        if self.earlier is None or not self.is_same(part, key):
            return None
        taken: list[str] = []

        def take(source: str | Path, path: str | Path) -> None:
            try:
                os.link(source, path)
            except OSError:  # another disk, or one that knows no links
                shutil.copyfile(source, path)
            taken.append(str(path))

        for source in sorted(each for pattern in patterns for each in self.earlier.glob(pattern)):
            path = self.folder / source.relative_to(self.earlier)
            path.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, path, copy_function=take)
            else:
                take(source, path)
        return [Path(path) for path in sorted(taken)]

    def told(self) -> bytes:
        """The content of `BUILT`, for the next build."""
        return json.dumps(self.made, indent=1, sort_keys=True).encode()

    def write(self) -> Path:
        """Write `BUILT` into the folder. Returns its path."""
        path = self.folder / BUILT
        path.write_bytes(self.told())
        return path


def key_of(*parts: object) -> str:
    """A key of what a part is made from: figures as text or bytes, tables, and the code that makes it (`code_of`)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, pl.DataFrame):
            content = _rows(part)
        else:
            content = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _rows(table: pl.DataFrame) -> bytes:
    """The rows of a table, in whatever order: two tables of the same columns differ where these do."""
    # A categorical is hashed by its number, which depends on what else this process has read. So is an enumerated
    # value, whose number the type tells.
    hashes = table.with_columns(selectors.categorical().cast(pl.String)).hash_rows().sort()
    return repr((pl.__version__, table.schema)).encode() + hashes.to_numpy().tobytes()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_of(*packages: str) -> bytes:
    """A digest of the source of some packages and all that lies in them, and of the libraries whose bytes parts are."""
    digest = hashlib.sha256(repr([(name, version(name)) for name in LIBRARIES]).encode())
    digest.update(zlib.ZLIB_RUNTIME_VERSION.encode())

    def add(name: str, place: resources.abc.Traversable) -> None:
        for each in sorted(place.iterdir(), key=lambda each: each.name):
            if each.is_dir() and each.name != "__pycache__":
                add(f"{name}/{each.name}", each)
            elif each.is_file() and not each.name.endswith(".pyc"):
                digest.update(f"{name}/{each.name}".encode() + each.read_bytes())

    for package in packages:
        add(package, resources.files(package))
    return digest.digest()
