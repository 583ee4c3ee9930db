"""Deflates the text of months in processes of this machine, while the rows of the next are made.

Each process imports this, so nothing is imported here that takes long.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from publish.api.layers import SEPARATION, STORED_SEPARATION, Layer, mapped
from publish.api.points import Indices
from publish.processes import processes

#: Bytes to deflate from which on a month is worth a process: about a second's work.
LARGE: Final = 16 << 20
#: Points whose text is compared at once: some megabytes.
TOGETHER: Final = 10_000


class Deflating:
    """The months that are being deflated. Leaving the `with` block waits for them, and raises what went wrong."""

    def __init__(self) -> None:
        self.processes = processes()
        self.waiting: list[tuple[Future[None] | None, Path, tuple[Path, Mapping[str, Any]] | None]] = []

    def __enter__(self) -> Deflating:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        try:
            for future, folder, earlier in self.waiting if failed is None else ():
                try:
                    if future is not None:
                        future.result()
                        continue
                except BrokenProcessPool:
                    pass
                # Its process was killed: what is left is done here.
                deflate(folder, earlier)
        finally:
            self.processes.shutdown(cancel_futures=True)

    def add(self, folder: Path, earlier: tuple[Path, Mapping[str, Any]] | None = None) -> None:
        """Deflate a month as `deflate` does, by the end of the `with` block."""
        # What is the same in the month before is soon found and copied; a process takes seconds to start.
        size = (folder / "text.bin").stat().st_size if earlier is None else _differing(folder, earlier[0])
        if size < LARGE:
            deflate(folder, earlier)
            return
        try:
            future = self.processes.submit(deflate, folder, earlier)
        except BrokenProcessPool:
            future = None
        self.waiting.append((future, folder, earlier))


def _differing(folder: Path, earlier: Path) -> int:
    """About how many bytes of text of a month are not in another: those of points whose text is not as long there."""
    row_at, point_at, was_at, was_point_at = (
        np.load(each / f"{name}.npy") for each in (folder, earlier) for name in ("row_at", "point_at")
    )
    lengths = np.diff(row_at[point_at])
    return int(lengths @ (lengths != np.diff(was_at[was_point_at])))


def deflate(folder: Path, earlier: tuple[Path, Mapping[str, Any]] | None = None) -> None:
    """Deflate the text of each point of a month of `writing.write_layer`, so that any run can be sent (RFC 1951).

    A full flush ends each on a byte and forgets what went before; the separator follows as a block of its own. Beside
    it is written where the bytes of each point begin (`deflated_at`), and the checksum of all text up to and including
    each point: with its last separator, led by that of no text (`crc_after`), and without it (`crc_before`). A point
    whose text is the same in `earlier`, the same month as it was written before (what `Layer.open` is given), has the
    bytes that it has there.
    """
    data = mapped(folder / "text.bin")
    row_at, point_at = (np.load(folder / f"{name}.npy") for name in ("row_at", "point_at"))
    filled = np.flatnonzero(np.diff(point_at))
    starts, ends = (row_at[point_at[filled + step]] for step in (0, 1))
    layer = None if earlier is None else Layer.open(*earlier)
    same, first_at, last_at = np.zeros(len(filled), bool), np.zeros_like(starts), np.zeros_like(ends)
    if layer is not None:
        same = _same(layer, filled, data, starts, ends)
        first_at, last_at = layer.deflated_at[filled], layer.deflated_at[filled + 1]
    lengths = last_at - first_at
    # A full flush clears the compressor's memory, so it is given little: most points have a few kilobytes.
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -13, 6)
    with (folder / "deflated.bin").open("wb") as file:
        for first, last in _runs(same, first_at[1:] == last_at[:-1]):
            if layer is not None and same[first]:
                file.write(layer.deflated[first_at[first] : last_at[last]])
            else:
                text = data[starts[first] : ends[first] - len(SEPARATION)]
                block = squeeze.compress(text) + squeeze.flush(zlib.Z_FULL_FLUSH) + STORED_SEPARATION
                lengths[first] = file.write(block)
    after, before, running = [0], [], 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        before.append(running := zlib.crc32(data[start : end - len(SEPARATION)], running))
        after.append(running := zlib.crc32(SEPARATION, running))
    # A point without a record begins where the next one does.
    number = np.searchsorted(filled, np.arange(len(point_at)))
    before_at = np.zeros(len(point_at) - 1, np.uint32)
    before_at[filled] = before
    made: dict[str, np.ndarray[Any, Any]] = {
        "deflated_at": np.cumsum([0, *lengths], dtype=np.int64)[number],
        "crc_after": np.array(after, np.uint32)[number],
        "crc_before": before_at,
    }
    for name, array in made.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _same(
    layer: Layer, filled: Indices, data: memoryview, starts: Indices, ends: Indices
) -> NDArray[np.bool_]:
    """Which points have the text in a layer that they have now, in `data` from `starts` to `ends`."""
    was_start, was_end = (layer.row_at[layer.point_at[filled + step]] for step in (0, 1))
    same = np.asarray(was_end - was_start == ends - starts)
    if len(layer.text) != layer.row_at[-1] or len(layer.deflated) != layer.deflated_at[-1]:
        return np.zeros_like(same)  # It is damaged.
    now, was = np.frombuffer(data, np.uint8), np.frombuffer(layer.text, np.uint8)
    follows = (was_start[1:] == was_end[:-1]) & (np.arange(1, len(filled)) % TOGETHER > 0)
    for first, last in _runs(same, follows):
        if same[first]:
            differs = now[starts[first] : ends[last]] != was[was_start[first] : was_end[last]]
            same[np.searchsorted(ends, np.flatnonzero(differs) + starts[first], side="right")] = False
    return same


def _runs(known: NDArray[np.bool_], follows: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """The first and last of each run of known items, and each unknown one by itself.

    `follows` is of every item but the first: whether it follows the one before.
    """
    begins = np.flatnonzero(~(known[1:] & known[:-1] & follows)) + 1
    if len(known):
        yield from zip([0, *begins.tolist()], [*(begins - 1).tolist(), len(known) - 1], strict=True)
