"""Which neighbourhoods of a force are alike: those where people live about as close together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Final, NamedTuple

from publish.site.figures import Place

#: How many neighbourhoods a neighbourhood is compared with.
COMPANIONS: Final = 10
#: Fewer than this say nothing.
FEWEST: Final = 3
SQUARE_KILOMETRE: Final = 1_000_000.0


class Similar(NamedTuple):
    """A neighbourhood's companions, the most alike first, with crimes for each 1,000 residents where known."""

    density: float
    companions: Sequence[tuple[str, float | None]]

    @property
    def known(self) -> list[float]:
        """The rates that are known, lowest first."""
        return sorted(rate for _, rate in self.companions if rate is not None)

    @property
    def median(self) -> float | None:
        """The middle rate; none unless every companion's is known, so that a gap never moves it unsaid."""
        rates = self.known
        if not rates or len(rates) < len(self.companions):
            return None
        middle = len(rates) // 2
        return rates[middle] if len(rates) % 2 else (rates[middle - 1] + rates[middle]) / 2


def similar_places(places: Mapping[str, Place], square_metres: Mapping[str, float]) -> dict[str, Similar]:
    """For each neighbourhood of a force with residents and a boundary, the others that are most alike, by id.

    Alike means a similar number of residents for each square kilometre. Only neighbourhoods of the same
    force are compared, so that what one force lacks changes no other force's pages.
    """
    members = sorted(
        (place.population / area * SQUARE_KILOMETRE, identity)
        for identity, place in places.items()
        if place.population and (area := square_metres.get(identity, 0.0)) > 0
    )
    found = {}
    for position, (density, identity) in enumerate(members):
        near = members[max(position - COMPANIONS, 0) : position] + members[position + 1 :][:COMPANIONS]
        near.sort(key=lambda other: (abs(log(other[0] / density)), other[1]))
        companions = [(other, places[other].per_thousand()) for _, other in near[:COMPANIONS]]
        if len(companions) >= FEWEST:
            found[identity] = Similar(density, companions)
    return found
