"""One month of ready-made answers: the JSON text of every record by map point, and the same text deflated."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from publish import checksums
from publish.api.points import Indices

#: What ends each object in the stored text: a list is the objects between brackets, without the last of these.
SEPARATION: Final = b",\n"
#: A stored block of deflate that holds the separator and is not the last.
STORED_SEPARATION: Final = b"\x00\x02\x00\xfd\xff" + SEPARATION
#: gzip (RFC 1952) without a name or a time, then a stored block of one byte: the opening bracket.
GZIP_OPENING: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff" + b"\x00\x01\x00\xfe\xff["
#: The last stored block: the closing bracket.
GZIP_CLOSING: Final = b"\x01\x01\x00\xfe\xff]"
ARRAYS: Final = ("row_at", "category", "force", "point_at", "deflated_at", "crc_after", "crc_before")


@dataclass(frozen=True)
class Layer:
    """One month as written: which bytes hold which records."""

    text: memoryview
    deflated: memoryview
    row_at: Indices
    category: NDArray[np.uint8]
    force: NDArray[np.uint8]
    point_at: NDArray[np.int32]
    deflated_at: Indices
    crc_after: NDArray[np.uint32]
    crc_before: NDArray[np.uint32]
    forces: list[str]
    nowhere: Mapping[str, list[int]]

    @classmethod
    def open(cls, folder: Path, beside: Mapping[str, Any]) -> Layer:
        """Open what `writing.write_layer` wrote and `deflating.deflate` did, mapped and not read."""
        arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in ARRAYS}
        return cls(
            text=mapped(folder / "text.bin"),
            deflated=mapped(folder / "deflated.bin"),
            forces=beside["forces"],
            nowhere=beside["nowhere"],
            **arrays,
        )

    def held(self, ranks: Indices) -> tuple[Indices, int]:
        """Those of some points, in order, that have a record, and how many records they have."""
        lengths = self.point_at[ranks + 1] - self.point_at[ranks]
        return np.asarray(ranks[lengths > 0]), int(np.add.reduce(lengths))

    def rows(self, ranks: Indices) -> Indices:
        """The rows of some points, in order."""
        starts, ends = self.point_at[ranks].astype(np.int64), self.point_at[ranks + 1].astype(np.int64)
        lengths = ends - starts
        shift = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        return np.asarray(np.arange(len(shift)) + shift)

    def of_category(self, rows: Indices, category: int) -> Indices:
        """Those of some rows that are of a category, by number."""
        return np.asarray(rows[self.category[rows] == category])

    def nowhere_of(self, force: str) -> Indices:
        """The rows of a force that have no location."""
        first, last = self.nowhere.get(force, (0, 0))
        return np.arange(first, last)

    def rows_of(self, force: str) -> Indices:
        """The rows of a force, wherever they are."""
        if force not in self.forces:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self.force == self.forces.index(force))

    def pieces(self, rows: Indices) -> list[memoryview]:
        """The text of some rows, in order, as few slices of the file; each object ends with the separator."""
        return _cut(self.text, self.row_at[rows], self.row_at[rows + 1])

    def point_pieces(self, filled: Indices) -> list[memoryview]:
        """The text of every row of some points (`filled`), in order."""
        return _cut(self.text, self.row_at[self.point_at[filled]], self.row_at[self.point_at[filled + 1]])

    def gzipped(self, filled: Indices) -> bytes:
        """A list of every row of some points (`filled`, at least one) as gzip, put together and not compressed."""
        starts, ends = self.row_at[self.point_at[filled]], self.row_at[self.point_at[filled + 1]]
        begins = np.concatenate([[True], starts[1:] != ends[:-1]])
        first, last = filled[begins], filled[np.concatenate([begins[1:], [True]])]
        lengths = self.row_at[self.point_at[last + 1]] - self.row_at[self.point_at[first]]
        lengths[-1] -= len(SEPARATION)
        until = self.crc_after[last + 1].copy()
        until[-1] = self.crc_before[last[-1]]
        crc = checksums.of_runs(b"[", b"]", self.crc_after[first], until, lengths)
        blocks = list(zip(self.deflated_at[first].tolist(), self.deflated_at[last + 1].tolist(), strict=True))
        blocks[-1] = (blocks[-1][0], blocks[-1][1] - len(STORED_SEPARATION))
        size = int(np.add.reduce(lengths)) + 2
        return b"".join(
            [
                GZIP_OPENING,
                *(self.deflated[begin:end] for begin, end in blocks),
                GZIP_CLOSING,
                crc.to_bytes(4, "little"),
                size.to_bytes(4, "little"),
            ]
        )


def as_list(pieces: Iterable[memoryview]) -> bytes:
    """A JSON list of the objects in some pieces."""
    parts: list[Any] = [b"[", *pieces]
    if len(parts) == 1:
        return b"[]"
    parts[-1] = parts[-1][: -len(SEPARATION)]
    parts.append(b"]")
    return b"".join(parts)


def mapped(path: Path) -> memoryview:
    """A file as bytes that are read when they are needed; an empty one as none."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _cut(text: memoryview, starts: Indices, ends: Indices) -> list[memoryview]:
    if not len(starts):
        return []
    begins = np.flatnonzero(starts[1:] != ends[:-1]) + 1
    first = starts[np.concatenate([[0], begins])].tolist()
    last = ends[np.concatenate([begins - 1, [len(ends) - 1]])].tolist()
    return [text[begin:end] for begin, end in zip(first, last, strict=True)]
