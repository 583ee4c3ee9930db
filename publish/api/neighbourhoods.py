"""Policing neighbourhoods for the API: their names, residents and shapes, and who polices a place."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

#: Who polices the surroundings of a place is worked out once for each square of this many degrees.
SQUARE: Final = 0.02
#: A mile in degrees of latitude, and of longitude as far north as Shetland, with a little over.
MILE: Final = (0.0147, 0.0307)


@dataclass(frozen=True)
class Neighbourhoods:
    """The neighbourhoods of a release. `rows` are as written, in order of force and id."""

    rows: list[dict[str, Any]]
    shapes: np.ndarray[Any, Any]

    @classmethod
    def open(cls, folder: Path) -> Neighbourhoods:
        """Open what `writing.write_neighbourhoods` wrote."""
        at = np.load(folder / "at.npy").tolist()
        binary = (folder / "shapes.wkb").read_bytes()
        shapes = shapely.from_wkb([binary[start:end] for start, end in pairwise(at)])
        shapely.prepare(shapes)
        return cls(json.loads((folder / "neighbourhoods.json").read_text(encoding="utf-8")), shapes)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    @cached_property
    def _number(self) -> dict[tuple[str, str], int]:
        return {(row["force"], row["id"]): number for number, row in enumerate(self.rows)}

    @cached_property
    def _around(self) -> dict[tuple[int, int], frozenset[str]]:
        return {}

    def of(self, force: str) -> list[dict[str, Any]]:
        """The neighbourhoods of a force."""
        return [row for row in self.rows if row["force"] == force]

    def find(self, force: str, neighbourhood: str) -> dict[str, Any] | None:
        """One neighbourhood, if there is such a one."""
        number = self._number.get((force, neighbourhood))
        return None if number is None else self.rows[number]

    def ring(self, force: str, neighbourhood: str) -> list[tuple[float, float]]:
        """The outer ring of the largest part of a neighbourhood: longitude and latitude, closed."""
        parts = shapely.get_parts(self.shapes[self._number[force, neighbourhood]])
        if not len(parts):
            return []
        largest = parts[int(np.argmax(shapely.area(parts)))]
        return [(float(x), float(y)) for x, y in shapely.get_coordinates(largest.exterior)]

    def at(self, latitude: float, longitude: float) -> dict[str, Any] | None:
        """The neighbourhood at a place: on a border, the first by force and id."""
        hits = self._tree.query(shapely.Point(longitude, latitude), predicate="intersects")
        return self.rows[int(hits.min())] if len(hits) else None

    def forces_near(self, latitude: float, longitude: float) -> frozenset[str]:
        """The forces with any ground within a mile of a place's square: a few at most, and often one."""
        square = (int(np.floor(latitude / SQUARE)), int(np.floor(longitude / SQUARE)))
        found = self._around.get(square)
        if found is None:
            south, west = square[0] * SQUARE, square[1] * SQUARE
            box = shapely.box(
                west - MILE[1], south - MILE[0], west + SQUARE + MILE[1], south + SQUARE + MILE[0]
            )
            if len(self._around) > 100_000:
                self._around.clear()
            found = self._around[square] = self.forces_in(box)
        if len(found) < 2:
            return found
        return self.forces_in(
            shapely.box(longitude - MILE[1], latitude - MILE[0], longitude + MILE[1], latitude + MILE[0])
        )

    def forces_in(self, shape: Any) -> frozenset[str]:
        """The forces with any ground in a shape."""
        return frozenset(self._names(self._tree.query(shape, predicate="intersects").tolist()))

    def _names(self, numbers: Iterable[int]) -> set[str]:
        return {self.rows[number]["force"] for number in numbers}
