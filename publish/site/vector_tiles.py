"""Mapbox Vector Tiles as bytes: whole arrays of features at once, never one by one.

Source of the format: Mapbox Vector Tile Specification 2.1. A tile is a protobuf message of layers; a layer
holds its features, and the keys and values that they share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

#: Units along the side of a tile.
EXTENT: Final = 4096

POINT: Final = 1
POLYGON: Final = 3

#: Bytes that the longest number of these tiles takes: 32 bits in groups of seven.
LONGEST: Final = 5

Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def varints(values: Integers) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """Each number in groups of seven bits, lowest first: a row of `LONGEST` bytes, and which of them count."""
    shifts = 7 * np.arange(LONGEST)
    groups = (values[:, None] >> shifts) & 0x7F
    counts = np.maximum(1, np.ceil(np.log2(np.maximum(values, 1) + 1) / 7)).astype(np.int64)
    places = np.arange(LONGEST)
    more = places < counts[:, None] - 1
    return (groups | (more << 7)).astype(np.uint8), places < counts[:, None]


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
    for shape, identity, tag in zip(shapes, identities, tags, strict=True):
        if geometry := _polygon(shape):
            content = packed([1 << 3, identity]) + field(2, packed(tag)) + packed([3 << 3, POLYGON])
            found.append(field(2, content + field(4, geometry)))
    return b"".join(found)


def _polygon(shape: Any) -> bytes:
    """The commands that draw a polygon: each ring begins where the one before ended."""
    commands: list[int] = []
    at = np.zeros((1, 2), dtype=np.int64)
    for part in shapely.get_parts(shape):
        if part.geom_type != "Polygon":
            continue
        for number, ring in enumerate(shapely.get_rings(part)):
            corners = np.rint(shapely.get_coordinates(ring)[:-1]).astype(np.int64)
            corners = corners[np.any(corners != np.roll(corners, 1, axis=0), axis=1)]
            area = _area(corners)
            if len(corners) < 3 or area == 0:
                if number == 0:
                    break  # Without its outside a polygon has no inside.
                continue
            # Outsides turn one way and holes the other.
            if (area > 0) != (number == 0):
                corners = corners[::-1]
            steps = zigzag(np.diff(corners, axis=0, prepend=at))
            first, *others = steps.tolist()
            commands += [1 << 3 | 1, *first, (len(corners) - 1) << 3 | 2]
            commands += [step for pair in others for step in pair]
            commands.append(1 << 3 | 7)
            at = corners[-1:]
    return packed(commands)


def _area(corners: Integers) -> int:
    """Twice the area inside a ring, positive when it turns clockwise on a screen."""
    x, y = corners[:, 0], corners[:, 1]
    return int(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


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
    return np.asarray(np.count_nonzero(np.hstack([mask for _, mask in parts]), axis=1), dtype=np.int64)
