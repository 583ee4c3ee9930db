"""Faults planted into a clean month of a real cube: what is lost, where, and how a finding of it is marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transforms.completeness.cube import Cube


@dataclass(frozen=True)
class Planted:
    """One planted fault: records lost, true scope and records before it, each `[area of the force, category]`."""

    kind: str
    force: int
    lost: np.ndarray
    mask: np.ndarray
    before: np.ndarray
    category: int | None = None
    partner: int | None = None


def everything(before: np.ndarray) -> np.ndarray:
    """The scope “the whole force”."""
    return np.ones(before.shape, dtype=bool)


def one_type(before: np.ndarray, category: int) -> np.ndarray:
    """The scope “one type of the force”."""
    mask = np.zeros(before.shape, dtype=bool)
    mask[:, category] = True
    return mask


def thinned(rng: np.random.Generator, counts: np.ndarray, supplied: float) -> np.ndarray:
    """Each record kept with the chance `supplied`."""
    return rng.binomial(counts.astype(np.int64), supplied).astype(counts.dtype)


def _force(supplied: float) -> Callable[..., Planted | None]:
    def plant(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted | None:
        here = cube.areas_of(force)
        before = cube.n[t, here].copy()
        cube.n[t, here] = thinned(rng, before, supplied)
        return Planted(kind, force, before - cube.n[t, here], everything(before), before)

    return plant


def _category(supplied: float) -> Callable[..., Planted | None]:
    def plant(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted | None:
        here = cube.areas_of(force)
        usual = cube.n[max(0, t - 12) : t, here].sum(axis=1).mean(axis=0)
        choices = np.flatnonzero(usual >= 30)
        if not choices.size:
            return None
        category = int(rng.choice(choices))
        before = cube.n[t, here].copy()
        cube.n[t, here, category] = thinned(rng, before[:, category], supplied)
        return Planted(kind, force, before - cube.n[t, here], one_type(before, category), before, category)

    return plant


def _areas(which: str, supplied: float, least: float, most: float) -> Callable[..., Planted | None]:
    def plant(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted | None:
        here = cube.areas_of(force)
        usual = cube.n[max(0, t - 12) : t, here].sum(axis=2).mean(axis=0)
        size = here.stop - here.start
        if which == "group":
            count = int(rng.integers(8, 31))
            start = int(rng.integers(0, max(size - count, 1)))
            members = np.arange(start, min(start + count, size))
        elif which == "middle":
            level = next(level for level in cube.levels if level.name == "msoa")
            nodes = level.node_of_area[here]
            totals = np.bincount(nodes, weights=usual)
            choices = np.flatnonzero((totals >= least) & (totals < most))
            if not choices.size:
                return None
            members = np.flatnonzero(nodes == rng.choice(choices))
        else:
            choices = np.flatnonzero((usual >= least) & (usual < most))
            if not choices.size:
                return None
            members = np.array([rng.choice(choices)])
        before = cube.n[t, here].copy()
        cube.n[t, here.start + members] = thinned(rng, before[members], supplied)
        mask = np.zeros(before.shape, dtype=bool)
        mask[members] = True
        return Planted(kind, force, before - cube.n[t, here], mask, before)

    return plant


def _cell(least: float, most: float) -> Callable[..., Planted | None]:
    def plant(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted | None:
        here = cube.areas_of(force)
        usual = cube.n[max(0, t - 12) : t, here].mean(axis=0)
        choices = np.argwhere((usual >= least) & (usual < most))
        if not len(choices):
            return None
        area, category = choices[rng.integers(len(choices))]
        before = cube.n[t, here].copy()
        cube.n[t, here.start + area, category] = 0
        mask = np.zeros(before.shape, dtype=bool)
        mask[area, category] = True
        return Planted(kind, force, before - cube.n[t, here], mask, before, int(category))

    return plant


def last_third(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted:
    """Records of the last third of the month are absent."""
    return _force(2 / 3)(rng, cube, t, force, kind)


def location_lost(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted:
    """Sixty in a hundred records lose their location and are supplied without an area."""
    planted = _force(0.4)(rng, cube, t, force, kind)
    cube.no_location[t] += planted.lost.sum(axis=0)
    return planted


def duplicated(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted:
    """The force's file is taken in twice."""
    here = cube.areas_of(force)
    before = cube.n[t, here].copy()
    cube.n[t, here] = 2 * before
    return Planted(kind, force, before, everything(before), before)


def repeated(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted:
    """The month before is supplied again in place of the month."""
    here = cube.areas_of(force)
    before = cube.n[t, here].copy()
    cube.n[t, here] = cube.n[t - 1, here]
    return Planted(kind, force, before, everything(before), before)


def mapping(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted | None:
    """Between half and all records of one type are supplied as another."""
    here = cube.areas_of(force)
    usual = cube.n[max(0, t - 12) : t, here].sum(axis=1).mean(axis=0)
    choices = np.flatnonzero(usual >= 60)
    if choices.size < 2:
        return None
    source, target = (int(c) for c in rng.choice(choices, 2, replace=False))
    before = cube.n[t, here].copy()
    moved = before[:, source] - thinned(rng, before[:, source], float(rng.uniform(0.0, 0.5)))
    cube.n[t, here, source] -= moved
    cube.n[t, here, target] += moved
    lost = np.zeros_like(before)
    lost[:, source] = moved
    return Planted(kind, force, lost, one_type(before, source), before, source, target)


def backlog(rng: np.random.Generator, cube: Cube, t: int, force: int, kind: str) -> Planted:
    """Half of last month's records came with this month's: last month short, this month in surplus."""
    here = cube.areas_of(force)
    before = cube.n[t - 1, here].copy()
    kept = thinned(rng, before, 0.5)
    cube.n[t - 1, here] = kept
    cube.n[t, here] += before - kept
    return Planted(kind, force, before - kept, everything(before), before)


KINDS: dict[str, Callable[..., Planted | None]] = {
    "force 0% supplied": _force(0.0),
    "force 10% supplied": _force(0.1),
    "force 30% supplied": _force(0.3),
    "force 50% supplied": _force(0.5),
    "force 70% supplied": _force(0.7),
    "last third of month cut": last_third,
    "type 0% supplied": _category(0.0),
    "type 30% supplied": _category(0.3),
    "type 50% supplied": _category(0.5),
    "group of areas 0%": _areas("group", 0.0, 0, 0),
    "group of areas 30%": _areas("group", 0.3, 0, 0),
    "MSOA 0%": _areas("middle", 0.0, 20, 1e9),
    "LSOA 0%, mean 8-15": _areas("one", 0.0, 8, 15),
    "LSOA 0%, mean 15-30": _areas("one", 0.0, 15, 30),
    "LSOA 0%, mean 30+": _areas("one", 0.0, 30, 1e9),
    "cell 0%, mean 10-20": _cell(10, 20),
    "cell 0%, mean 20+": _cell(20, 1e9),
    "location lost": location_lost,
    "duplicated file": duplicated,
    "repeated month": repeated,
    "mapping fault": mapping,
    "backlog then spike": backlog,
}
