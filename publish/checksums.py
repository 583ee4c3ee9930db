"""The checksum of bytes put together from runs whose own are known, without reading them again."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL: Final = 0xEDB88320

Words = NDArray[np.uint32]


def of_runs(opening: bytes, closing: bytes, before: Words, until: Words, lengths: NDArray[np.int64]) -> int:
    """CRC-32 of `opening`, the runs one after another, and `closing`.

    Each run is given by the checksum of the whole text before it, of the text up to its end, and its
    length. CRC-32 is linear: crc(A + B) = crc(A) moved past len(B) zero bytes, xor crc(B). So that of a run
    follows from the two beside it, and that of the whole from the runs moved past what comes after them.
    """
    after = np.cumsum(lengths[::-1])[::-1] - lengths + len(closing)
    crc = np.array([zlib.crc32(opening)], np.uint32)
    moved = _past(
        np.concatenate([crc, before, until]),
        np.concatenate([[after[0] + lengths[0]], after + lengths, after]),
    )
    return int(np.bitwise_xor.reduce(moved)) ^ zlib.crc32(closing)


def joined(checksums: Sequence[int], lengths: Sequence[int]) -> int:
    """CRC-32 of texts one after another, each given by its own and its length."""
    each = np.array(lengths, np.int64)
    after = np.cumsum(each[::-1])[::-1] - each
    return int(np.bitwise_xor.reduce(_past(np.array(checksums, np.uint32), after)))


def _past(crc: Words, zeros: NDArray[np.int64]) -> Words:
    """Each checksum moved past so many zero bytes. The number is taken a byte at a time, the lowest first."""
    place = 0
    while zeros.any():
        which, table = zeros & 255, _table(place)
        crc = (
            table[which, 0, crc & 255]
            ^ table[which, 1, (crc >> 8) & 255]
            ^ table[which, 2, (crc >> 16) & 255]
            ^ table[which, 3, crc >> 24]
        )
        zeros, place = zeros >> 8, place + 1
    return crc


@functools.cache
def _table(place: int) -> Words:
    """For each value of the byte of a length at a place, what each byte of a checksum becomes (1 MiB)."""
    columns = _columns(place)
    table: Words = np.zeros((256, 4, 256), np.uint32)
    for bit in range(8):
        having = np.flatnonzero(np.arange(256) >> bit & 1)
        table[:, :, having] ^= columns.reshape(256, 4, 8)[:, :, bit, None]
    return table


@functools.cache
def _columns(place: int) -> Words:
    """For each value of the byte of a length at a place, what each bit of a checksum becomes."""
    step = _one_zero_byte() if place == 0 else _apply(_columns(place - 1)[1], _columns(place - 1)[255])
    columns = np.empty((256, 32), np.uint32)
    columns[0] = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for value in range(1, 256):
        columns[value] = _apply(step, columns[value - 1])
    return columns


def _one_zero_byte() -> Words:
    """What each bit of a checksum becomes past one zero byte."""
    words = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(8):
        words = (words >> np.uint32(1)) ^ np.where(words & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return words


def _apply(columns: Words, words: Words) -> Words:
    """A linear map, given by what becomes of each bit, applied to some words."""
    bits: Any = (words[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    return np.asarray(np.bitwise_xor.reduce(np.where(bits, columns[None, :], np.uint32(0)), axis=1))
