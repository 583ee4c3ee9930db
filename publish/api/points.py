"""Map points laid out for finding those in a circle, in a polygon, or nearest to a place."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Indices: TypeAlias = NDArray[np.int64]
Degrees: TypeAlias = NDArray[np.float64]

EARTH_RADIUS_METRES: Final = 6_371_008.8
#: About a kilometre each way at 52° north: a one-mile circle touches sixteen of them.
CELL: Final = (0.01, 0.015)
#: A country so wide that its cells would be more than this has larger ones.
MOST_CELLS: Final = 4_000_000
ARRAYS: Final = ("id", "latitude", "longitude", "x", "y", "z", "by_id", "cell_at", "in_cell")
GRID: Final = "grid.json"


@dataclass(frozen=True)
class Points:
    """Every map point, in the order of a curve that keeps neighbours together: its rank is its number here.

    `id`, `latitude`, `longitude` are by rank, and so are `x`, `y` and `z`: metres from the middle of the
    Earth, whose straight lines are quicker than angles. `by_id` holds the ranks in order of id. `in_cell` holds the
    ranks in order of cell (row by row from the south-west), and `cell_at` where each cell's begin.
    """

    id: Indices
    latitude: Degrees
    longitude: Degrees
    x: Degrees
    y: Degrees
    z: Degrees
    by_id: Indices
    cell_at: Indices
    in_cell: Indices
    west: float
    south: float
    step: tuple[float, float]
    columns: int

    @classmethod
    def laid_out(cls, ids: Indices, latitude: Degrees, longitude: Degrees) -> tuple[Points, Indices]:
        """Lay out points given in any order. Returns them, and the order in which they now are."""
        if not len(ids):
            empty, whole = np.zeros(0), np.zeros(0, np.int64)
            starts = np.zeros(2, np.int64)
            nothing = cls(whole, empty, empty, empty, empty, empty, whole, starts, whole, 0.0, 0.0, CELL, 1)
            return nothing, whole
        west, south = float(longitude.min()), float(latitude.min())
        tall, wide = float(latitude.max()) - south, float(longitude.max()) - west
        grow = max(1.0, float(np.sqrt(tall * wide / (CELL[0] * CELL[1]) / MOST_CELLS)))
        north_step, east_step = CELL[0] * grow, CELL[1] * grow
        rows, columns = int(tall / north_step) + 1, int(wide / east_step) + 1
        order = np.lexsort((ids, _curve(latitude, longitude)))
        ids, latitude, longitude = ids[order], latitude[order], longitude[order]
        cell = ((latitude - south) / north_step).astype(np.int64) * columns + (
            (longitude - west) / east_step
        ).astype(np.int64)
        return (
            cls(
                ids,
                latitude,
                longitude,
                *_on_sphere(latitude, longitude),
                np.argsort(ids, kind="stable"),
                np.searchsorted(np.sort(cell), np.arange(rows * columns + 1)).astype(np.int64),
                np.argsort(cell, kind="stable"),
                west,
                south,
                (north_step, east_step),
                columns,
            ),
            order,
        )

    def save(self, folder: Path) -> None:
        """Write the arrays, and what is needed beside them (`GRID`), into a new folder."""
        folder.mkdir()
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        grid = {"west": self.west, "south": self.south, "step": list(self.step), "columns": self.columns}
        (folder / GRID).write_text(json.dumps(grid) + "\n", encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Points:
        """Open what `save` wrote, mapped and not read."""
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
        grid = json.loads((folder / GRID).read_bytes())
        return cls(
            **{name: np.asarray(array) for name, array in arrays.items()},
            west=grid["west"], south=grid["south"], step=tuple(grid["step"]), columns=grid["columns"],
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.id)

    @cached_property
    def extent(self) -> tuple[float, float]:
        """The northernmost latitude and the easternmost longitude of any point."""
        return float(self.latitude.max()), float(self.longitude.max())

    def rank(self, identity: int) -> int | None:
        """The rank of a point by its id; None where there is no such point."""
        at = int(np.searchsorted(self.id, identity, sorter=self.by_id))
        if at == len(self) or int(self.id[self.by_id[at]]) != identity:
            return None
        return int(self.by_id[at])

    def in_box(self, south: float, west: float, north: float, east: float) -> Indices:
        """The ranks of the points in every cell that the box touches, in order of cell."""
        north_step, east_step = self.step
        rows = (len(self.cell_at) - 1) // self.columns
        first_row, last_row = (math.floor((edge - self.south) / north_step) for edge in (south, north))
        first, last = (math.floor((edge - self.west) / east_step) for edge in (west, east))
        first_row, last_row = max(first_row, 0), min(last_row, rows - 1)
        first, last = max(first, 0), min(last, self.columns - 1)
        if first_row > last_row or first > last:
            return np.zeros(0, np.int64)
        starts = np.arange(first_row, last_row + 1) * self.columns
        return np.concatenate(
            [
                self.in_cell[begin:end]
                for begin, end in zip(
                    self.cell_at[starts + first].tolist(),
                    self.cell_at[starts + last + 1].tolist(),
                    strict=True,
                )
            ]
        )

    def in_circle(self, latitude: float, longitude: float, metres: float) -> Indices:
        """The ranks, in order, of the points at most so many metres from a place, along the ground."""
        high = math.degrees(metres / EARTH_RADIUS_METRES)
        wide = high / max(math.cos(math.radians(min(abs(latitude) + high, 89.9))), 1e-3)
        found = self.in_box(latitude - high, longitude - wide, latitude + high, longitude + wide)
        chord = 2 * EARTH_RADIUS_METRES * math.sin(min(metres / (2 * EARTH_RADIUS_METRES), math.pi / 2))
        found = found[self._squares(found, latitude, longitude) <= chord * chord]
        return np.sort(found)

    def nearest(self, latitude: float, longitude: float) -> int | None:
        """The rank of the point nearest to a place; None when there is no point at all."""
        # The last reaches round the Earth.
        for metres in (1e3, 8e3, 64e3, 512e3, 4e6, 20_015_200.0):
            near = self.in_circle(latitude, longitude, metres)
            if len(near):
                return int(near[np.argmin(self._squares(near, latitude, longitude))])
        return None

    def _squares(self, ranks: Indices, latitude: float, longitude: float) -> Degrees:
        """The square of the straight line from a place to each point, in square metres."""
        # One place is quicker without arrays.
        north, east = math.radians(latitude), math.radians(longitude)
        flat = EARTH_RADIUS_METRES * math.cos(north)
        x, y, z = flat * math.cos(east), flat * math.sin(east), EARTH_RADIUS_METRES * math.sin(north)
        across, along, up = self.x[ranks] - x, self.y[ranks] - y, self.z[ranks] - z
        return np.asarray(across * across + along * along + up * up)


def _on_sphere(latitude: Any, longitude: Any) -> tuple[Degrees, Degrees, Degrees]:
    north, east = np.radians(latitude), np.radians(longitude)
    return (
        EARTH_RADIUS_METRES * np.cos(north) * np.cos(east),
        EARTH_RADIUS_METRES * np.cos(north) * np.sin(east),
        EARTH_RADIUS_METRES * np.sin(north),
    )


def _curve(latitude: Degrees, longitude: Degrees) -> NDArray[np.uint64]:
    """The place of each position on a Z-order curve over the whole globe, to a few metres."""
    north = ((latitude + 90) / 180 * 2**24).astype(np.uint64)
    east = ((longitude + 180) / 360 * 2**25).astype(np.uint64)
    return _spread(north) << np.uint64(1) | _spread(east)


def _spread(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The low 32 bits with a zero bit after each."""
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333), (1, 0x5555555555555555),
    ):  # fmt: skip
        value = (value | value << np.uint64(shift)) & np.uint64(mask)
    return value
