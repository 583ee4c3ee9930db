"""When a finding counts as having found a planted fault, how exactly, and the interval of a rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.bench.completeness.injections import Planted
from transforms.completeness.cube import Cube
from transforms.completeness.expectation import PARTIAL, Track
from transforms.completeness.localise import Incident


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson 95% interval of a rate."""
    if n == 0:
        return 0.0, 1.0
    z, rate = 1.96, hits / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def rate(hits: float, n: int) -> str:
    """A rate with its Wilson interval, as it is printed."""
    if n == 0:
        return "–"
    low, high = wilson(int(hits), n)
    return f"{hits / n:.2f} ({low:.2f} to {high:.2f})"


def scope_mask(cube: Cube, incident: Incident) -> np.ndarray:
    """The cells of its force that an incident covers."""
    here = cube.areas_of(incident.force)
    mask = np.zeros((here.stop - here.start, len(cube.categories)), dtype=bool)
    rows = slice(None) if incident.areas is None else incident.areas - here.start
    if incident.category is None:
        mask[rows] = True
    else:
        mask[rows, incident.category] = True
    return mask


def overlap(planted: Planted, mask: np.ndarray) -> tuple[float, float, float]:
    """Purity, share of the lost records covered, and Jaccard, by records before the fault."""
    mass = planted.before
    inside = mass[mask].sum()
    purity = mass[mask & planted.mask].sum() / inside if inside else 0.0
    covered = planted.lost[mask].sum() / max(planted.lost.sum(), 1e-9)
    union = mass[mask | planted.mask].sum()
    return float(purity), float(covered), float(mass[mask & planted.mask].sum() / union) if union else 0.0


def explains(planted: Planted, incident: Incident, cube: Cube, track: Track, t: int) -> tuple[bool, bool]:
    """Whether an incident finds the fault, and whether its scope (and kind, where it has one) is exact."""
    kind = planted.kind
    whole = incident.areas is None and incident.category is None
    if kind == "backlog then spike":
        linked = incident.kind == "surplus" and whole
        return linked and bool(track.state[t - 1, planted.force] == PARTIAL), linked
    if kind == "duplicated file":
        return incident.kind in ("twice", "surplus") and whole, incident.kind == "twice"
    if kind == "repeated month":
        return incident.kind == "repeat", incident.kind == "repeat"
    if incident.kind in ("surplus", "twice"):
        return False, False
    purity, covered, jaccard = overlap(planted, scope_mask(cube, incident))
    exact = jaccard >= 0.8
    if kind == "location lost":
        exact = exact and incident.kind == "location"
    return purity >= 0.5 and covered >= 0.5, exact


def score_event(
    planted: Planted, incidents: Sequence[Incident], cube: Cube, track: Track, t: int, threshold: float
) -> dict[str, float]:
    """Whether a fault was found, at both operating points, by how many alerts and how exactly."""
    own = [i for i in incidents if i.force == planted.force]
    at_budget = [explains(planted, i, cube, track, t) for i in own if i.score > threshold]
    listed = [i for i in own if i.score >= 0]
    at_default = [explains(planted, i, cube, track, t) for i in listed]
    pairs = [i for i in listed if i.partner is not None]
    both = (
        any(i.category == planted.category and i.partner == planted.partner for i in pairs)
        if planted.partner is not None
        else bool(pairs)
    )
    return {
        "budget": any(hit for hit, _ in at_budget),
        "default": any(hit for hit, _ in at_default),
        "exact": any(hit and exact for hit, exact in at_default),
        "alerts": len(listed),
        "both": both,
    }
