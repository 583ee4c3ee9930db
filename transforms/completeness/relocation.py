"""Which losses of a month are records that lost their location: what fell in places and rose nowhere in particular."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from transforms.completeness import constants as k
from transforms.completeness.cube import Cube, Floats
from transforms.completeness.expectation import Track
from transforms.completeness.local import LocalMonth
from transforms.completeness.localise import Incident


def relocated(
    t: int, cube: Cube, track: Track, month: LocalMonth, incidents: list[Incident]
) -> list[Incident]:
    """Marks the losses of month `t` whose records are there without a location, type by type.

    Records without a location belong to no force, so all losses of the month are weighed together: the sets of
    losses whose sum explains what rose. Where they explain it better than nothing does by `RELOCATED_ODDS`, a loss
    is marked when the sets that hold it are likelier than those that do not, each set as likely beforehand.
    """
    excess, sd = unlocated(t, cube, track)
    if not np.isfinite(sd).all():
        return incidents
    variance = sd**2 + 1.0
    candidates: list[tuple[int, Floats, Floats]] = []
    for i, incident in enumerate(incidents):
        # What a force without a history of its own lost is not known well enough to be looked for elsewhere.
        known = track.history[t, incident.force] >= k.MINIMUM_HISTORY
        if known and incident.kind in ("partial", "missing", "area", "category") and incident.lost > 0:
            lost, unsure = _lost_by_type(t, cube, track, month, incident)
            # What could not be recognised by itself, had all of it reappeared, is not put down to it.
            if (lost**2 / (2.0 * (variance + unsure))).sum() >= k.RELOCATED_ODDS:
                candidates.append((i, lost, unsure))
    if not candidates:
        return incidents
    candidates.sort(key=lambda each: -float(each[1].sum()))
    marked = _explaining(excess, variance, candidates[: k.MOST_RELOCATED])
    return [
        replace(incident, kind="location") if i in marked else incident
        for i, incident in enumerate(incidents)
    ]


def _lost_by_type(
    t: int, cube: Cube, track: Track, month: LocalMonth, incident: Incident
) -> tuple[Floats, Floats]:
    """Records that an incident lost, by type, and the variance of that."""
    if incident.areas is not None:
        mean = month.mean[incident.areas].sum(axis=0, dtype=np.float64)
        phi = month.phi_cell.astype(np.float64) / len(incident.areas)
    else:
        mean, phi = track.mean[t, incident.force, :-1], track.phi[t, incident.force, :-1]
    if incident.category is not None:
        mean = np.where(np.arange(len(mean)) == incident.category, mean, 0.0)
    part = float(np.clip(incident.lost / max(float(mean.sum()), 1e-9), 0.0, 1.0))
    return part * mean, part * mean + phi * (part * mean) ** 2


def _explaining(excess: Floats, variance: Floats, candidates: list[tuple[int, Floats, Floats]]) -> set[int]:
    """The candidates that a rise is likely to be made of."""
    number = len(candidates)
    sets = [chosen for size in range(number + 1) for chosen in combinations(range(number), size)]
    fit = np.empty(len(sets))
    for at, chosen in enumerate(sets):
        due = sum((candidates[c][1] for c in chosen), np.zeros_like(excess))
        width = sum((candidates[c][2] for c in chosen), variance)
        fit[at] = -0.5 * ((excess - due) ** 2 / width + np.log(width)).sum()
    holds = np.array([[c in chosen for c in range(number)] for chosen in sets])
    if np.logaddexp.reduce(fit[1:]) - np.log(len(sets) - 1) - fit[0] < k.RELOCATED_ODDS:
        return set()
    marked = set()
    for c in range(number):
        odds = np.logaddexp.reduce(fit[holds[:, c]]) - np.logaddexp.reduce(fit[~holds[:, c]])
        if odds > 0.0:
            marked.add(candidates[c][0])
    return marked


def unlocated(t: int, cube: Cube, track: Track) -> tuple[Floats, Floats]:
    """Records without a location beyond what the last months suggest, by type, and its standard deviation."""
    level = np.maximum(np.median(track.level[: t + 1, :, :-1], axis=1), 1e-9)
    rate = cube.no_location[: t + 1] / level
    if t < k.MINIMUM_HISTORY:
        return np.zeros(rate.shape[1]), np.full(rate.shape[1], np.inf)
    weight = 0.5 ** (np.arange(t, 0, -1) / k.SHARE_HALF_LIFE)[:, None]
    middle = np.median(rate[max(0, t - 6) : t], axis=0)
    usual = np.clip(rate[:t], 0.67 * middle, 1.5 * middle)
    expected = (weight * usual).sum(axis=0) / weight.sum() * level[t]
    steps = np.abs(np.diff(np.log(np.maximum(usual, 1e-9)), axis=0))
    scatter = 1.4826 * np.median(steps, axis=0) + 0.02
    return cube.no_location[t] - expected, np.sqrt(expected + (scatter * expected) ** 2)
