"""A release as the API sees it: its files mapped, and what each force supplied for each month."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final

import numpy as np

from publish.api.bodies import Availability
from publish.api.ids import Ids
from publish.api.layers import Layer
from publish.api.neighbourhoods import Neighbourhoods
from publish.api.points import Indices, Points

INDEX: Final = "index.json"
#: Raised when what is written changes, so that a server never opens what it would misread.
FORMAT: Final = 2

#: States of `availability.csv` that say a number was published.
WHOLE: Final = ("supplied", "not owed")
SHORT: Final = "partial"


class UnreadableError(ValueError):
    """A release whose API files are not there, or were written by another version."""


@dataclass(frozen=True)
class Release:
    """One release, open for reading. `name` is what `as_of` calls it."""

    name: str
    folder: Path
    title: str
    attribution: str
    months: list[str]
    points: Points
    neighbourhoods: Neighbourhoods
    forces: dict[str, str]
    national: list[str]
    availability: list[Availability]
    tag: str
    modified: str
    held: dict[str, Any]
    states: dict[tuple[str, str, str], Availability]
    layers: dict[tuple[str, str], Layer] = field(default_factory=dict)
    ids: dict[tuple[str, str], Ids] = field(default_factory=dict)
    told: dict[tuple[frozenset[str], str, str], list[tuple[bytes, bytes]]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, name: str) -> Release:
        """Open the release in `folder`. Raises UnreadableError."""
        api = folder / "api"
        path = api / INDEX
        try:
            raw = path.read_bytes()
            index = json.loads(raw)
        except (OSError, ValueError) as error:
            raise UnreadableError(
                f"{folder} has no {INDEX} of the API that can be read ({error}). "
                "Build the release again with `fullcount run`."
            ) from error
        if index.get("format") != FORMAT:
            raise UnreadableError(
                f"{path} has format {index.get('format')}; this version reads {FORMAT}. "
                "Build the release again with `fullcount run`."
            )
        availability = [Availability(**row) for row in index["availability"]]
        return cls(
            name=name,
            folder=api,
            title=index["title"],
            attribution=index["attribution"],
            months=index["months"],
            points=Points.open(api / "points"),
            neighbourhoods=Neighbourhoods.open(api / "neighbourhoods"),
            forces={row["id"]: row["name"] for row in index["forces"]},
            national=index["national"],
            availability=availability,
            tag=index["tag"],
            modified=formatdate(path.stat().st_mtime, usegmt=True),
            held=index["layers"],
            states={(row.dataset, row.force, row.month): row for row in availability},
        )

    @property
    def newest(self) -> str:
        """The newest month."""
        return self.months[-1]

    def about(self) -> list[tuple[bytes, bytes]]:
        """The headers by which every answer says which release it is from."""
        return [
            (b"release", self.name.encode()),
            (b"etag", b'W/"' + self.tag.encode() + b'"'),
            (b"last-modified", self.modified.encode()),
            (b"cache-control", b"no-cache"),
        ]

    def covers(self, latitude: float, longitude: float) -> bool:
        """Whether a place lies in the box around every point, or within a degree of it."""
        if not len(self.points):
            return False
        north, east = self.points.extent
        south, west = self.points.south, self.points.west
        return south - 1 <= latitude <= north + 1 and west - 1 <= longitude <= east + 1

    def layer(self, dataset: str, month: str) -> Layer | None:
        """A month of a dataset; None where nothing of it was published."""
        found = self.layers.get((dataset, month))
        if found is None and month in self.held.get(dataset, {}):
            found = Layer.open(self.folder / dataset / month, self.held[dataset][month])
            self.layers[dataset, month] = found
        return found

    def find(self, dataset: str, identity: str) -> Iterator[bytes]:
        """The text of each record of a dataset that belongs to a crime id, in the order that they are held."""
        key = int(identity[:15], 16)
        for month in self.held[dataset]:
            if (dataset, month) not in self.ids:
                self.ids[dataset, month] = Ids.open(self.folder / dataset / month)
            for row in self.ids[dataset, month].of(key):
                layer = self.layer(dataset, month)
                if layer is not None:
                    text = bytes(b"".join(layer.pieces(np.array([row]))))
                    if identity.encode() in text:
                        yield text.rstrip(b",\n")

    def completeness(self, forces: frozenset[str], month: str, dataset: str) -> list[tuple[bytes, bytes]]:
        """The headers that say whether an answer about a month is whole, given who polices where it is about.

        `Completeness` is `complete`, `partial` (some of what ought to be here is not), `not-supplied` (no
        force concerned supplied the month), `not-published` (the month is after the newest) or `outside`
        (no force of this release polices there). `Completeness-Detail` names each force that is short.
        """
        key = (forces, month, dataset)
        if key not in self.told:
            if len(self.told) > 50_000:
                self.told.clear()
            self.told[key] = list(self._completeness(*key))
        return self.told[key]

    def _completeness(
        self, forces: frozenset[str], month: str, dataset: str
    ) -> Iterator[tuple[bytes, bytes]]:
        if month > self.newest:
            yield b"completeness", b"not-published"
            return
        if not forces:
            yield b"completeness", b"outside"
            return
        rows = [
            (force, self.states.get((dataset, force, month))) for force in sorted({*forces, *self.national})
        ]
        lacking = [(force, row) for force, row in rows if row is not None and row.state not in WHOLE]
        own = [row for force, row in rows if force in forces]
        if not lacking and any(own):
            word = "complete"
        elif any(row is not None and row.state in (*WHOLE, SHORT) for row in own):
            word = "partial"
        else:
            word = "not-supplied"
        yield b"completeness", word.encode()
        unknown = [(force, None) for force, row in rows if row is None and force in forces]
        detail = ", ".join(_detail(force, row) for force, row in [*lacking, *unknown])
        if detail:
            yield b"completeness-detail", detail.encode("ascii", "replace")
        yield b"link", f'</api/availability?date={month}>; rel="describedby"'.encode()


def _detail(force: str, row: Availability | None) -> str:
    """One force as an item of a structured field (RFC 8941)."""
    if row is None:
        return f'{force};state="not owed"'
    return "".join(
        [
            f'{force};state="{row.state}"',
            f'; since="{row.since}"' if row.since else "",
            f"; coverage={row.coverage}" if row.coverage else "",
        ]
    )


def forces_of(release: Release, ranks: Iterable[int] | Indices) -> frozenset[str]:
    """The forces that police the places of some points."""
    at = [
        release.neighbourhoods.at(float(release.points.latitude[rank]), float(release.points.longitude[rank]))
        for rank in ranks
    ]
    return frozenset(row["force"] for row in at if row is not None)
