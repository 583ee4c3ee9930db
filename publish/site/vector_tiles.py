"""Mapbox Vector Tiles as bytes: whole arrays of features at once, never one by one.

Source of the format: Mapbox Vector Tile Specification 2.1. A tile is a protobuf message of layers; a layer
holds its features, and the keys and values that they share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

#: Units along the side of a tile.
EXTENT: Final = 4096

POINT: Final = 1
POLYGON: Final = 3

Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def varints(values: Integers) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """Each number in groups of seven bits, lowest first: a row of bytes as long as the longest, and which count."""
    longest = max(1, -(-int(values.max(initial=0)).bit_length() // 7))
    rows = np.empty((len(values), longest), np.uint8)
    used = np.ones((len(values), longest), np.bool_)
    for place in range(longest):
        more = values >= 1 << 7 * (place + 1)
        rows[:, place] = (values >> 7 * place) & 0x7F | more.astype(np.uint8) << 7
        if place + 1 < longest:
            used[:, place + 1] = more
    return rows, used


@cache
def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def packed(values: Iterable[int]) -> bytes:
    """Numbers one after another, as the format packs a list of them."""
    return b"".join(map(_varint, values))


def zigzag(values: Integers) -> Integers:
    """Signed numbers as unsigned ones, small when near zero."""
    return (values << 1) ^ (values >> 63)


def field(number: int, content: bytes) -> bytes:
    """A part of a message that has a length: text, a packed list or a message of its own."""
    return packed([number << 3 | 2]) + packed([len(content)]) + content


def layer(name: str, features: bytes, keys: Sequence[str], values: Sequence[str | int]) -> bytes:
    """A layer as a part of a tile; `features` are its features, one after another."""
    content = field(1, name.encode()) + features
    content += b"".join(field(3, key.encode()) for key in keys)
    content += b"".join(field(4, _value(value)) for value in values)
    content += packed([5 << 3, EXTENT, 15 << 3, 2])
    return field(3, content)


def _value(value: str | int) -> bytes:
    return field(1, value.encode()) if isinstance(value, str) else packed([5 << 3, value])


def polygon_features(
    shapes: npt.NDArray[Any], identities: Sequence[int], tags: Sequence[Sequence[int]]
) -> bytes:
    """Features of polygons whose corners are in units of the tile; one that vanishes there is left out.

    `tags` holds for each the places of its keys and values in turn.
    """
    found = []
    for geometry, identity, tag in zip(_geometries(shapes), identities, tags, strict=True):
        if geometry:
            content = packed([1 << 3, identity]) + field(2, packed(tag)) + packed([3 << 3, POLYGON])
            found.append(field(2, content + field(4, packed(geometry))))
    return b"".join(found)


def _geometries(shapes: npt.NDArray[Any]) -> list[list[int]]:
    """The commands that draw each of some polygons: each ring begins where the one before ended."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    polygons = shapely.get_type_id(parts) == 3
    rings, part = shapely.get_rings(parts[polygons], return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    corners = np.rint(corners).astype(np.int64)
    # A ring ends with its first corner again; corners that fall together are one.
    ends = np.diff(ring, append=-1) != 0
    again = np.all(corners == np.roll(corners, -1, axis=0), axis=1)
    corners, ring = corners[~ends & ~again], ring[~ends & ~again]
    drawn: list[list[int]] = [[] for _ in shapes]
    owners = owner[polygons][part].tolist()
    starts = np.searchsorted(ring, np.arange(len(rings) + 1))
    x, y = corners[:, 0].tolist(), corners[:, 1].tolist()
    at: dict[int, tuple[int, int]] = {}
    outside_of, has_outside = -1, False
    for number, (start, end) in enumerate(pairwise(starts.tolist())):
        xs, ys = x[start:end], y[start:end]
        is_outside = part[number] != outside_of
        outside_of = part[number]
        area = _area(xs, ys)
        drawable = len(xs) >= 3 and area != 0
        if is_outside:
            has_outside = drawable
        # Without its outside a polygon has no inside.
        if not (drawable and has_outside):
            continue
        # Outsides turn one way and holes the other.
        if (area > 0) != is_outside:
            xs, ys = xs[::-1], ys[::-1]
        commands = drawn[owners[number]]
        last_x, last_y = at.get(owners[number], (0, 0))
        for corner, (here_x, here_y) in enumerate(zip(xs, ys, strict=True)):
            if corner < 2:
                commands.append(1 << 3 | 1 if corner == 0 else (len(xs) - 1) << 3 | 2)
            step_x, step_y = here_x - last_x, here_y - last_y
            commands += ((step_x << 1) ^ (step_x >> 63), (step_y << 1) ^ (step_y >> 63))
            last_x, last_y = here_x, here_y
        commands.append(1 << 3 | 7)
        at[owners[number]] = last_x, last_y
    return drawn


def _area(xs: Sequence[int], ys: Sequence[int]) -> int:
    """Twice the area inside a ring, positive when it turns clockwise on a screen."""
    area = 0
    for number in range(len(xs)):
        area += xs[number - 1] * ys[number] - xs[number] * ys[number - 1]
    return area


def point_features(
    x: Integers, y: Integers, tags: Mapping[int, Integers], tiles: Integers
) -> dict[int, bytes]:
    """Features of points for many tiles at once: the bytes of each tile's features, in order, by tile.

    All arrays have one element for each point and are sorted by `tiles`. `x` and `y` are in units of the
    tile; `tags` gives for each place of a key the places of the points' values.
    """
    size = len(x)
    if not size:
        return {}

    def constant(*numbers: int) -> tuple[Bytes, npt.NDArray[np.bool_]]:
        return np.tile(np.array(numbers, np.uint8), (size, 1)), np.ones((size, len(numbers)), dtype=bool)

    tag_parts = [part for key, values in tags.items() for part in (constant(key), varints(values))]
    geometry = [constant(1 << 3 | 1), varints(zigzag(x)), varints(zigzag(y))]
    inner = [
        constant(2 << 3 | 2),
        varints(_length(tag_parts)),
        *tag_parts,
        constant(3 << 3, POINT, 4 << 3 | 2),
        varints(_length(geometry)),
        *geometry,
    ]
    whole = [constant(2 << 3 | 2), varints(_length(inner)), *inner]
    content = np.hstack([rows for rows, _ in whole])
    used = np.hstack([mask for _, mask in whole])
    ends = np.cumsum(np.count_nonzero(used, axis=1))
    stream = content[used].tobytes()
    starts = np.flatnonzero(np.diff(tiles, prepend=tiles[0] - 1))
    edges = [0, *ends[starts[1:] - 1].tolist(), len(stream)]
    return {
        int(tiles[start]): stream[first:last]
        for start, first, last in zip(starts, edges[:-1], edges[1:], strict=True)
    }


def _length(parts: Sequence[tuple[Bytes, npt.NDArray[np.bool_]]]) -> Integers:
    found = np.zeros(len(parts[0][0]), np.int64)
    for _, mask in parts:
        found += np.count_nonzero(mask, axis=1)
    return found
