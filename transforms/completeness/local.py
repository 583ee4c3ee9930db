"""What each area should have supplied, given what its own force did: shares of the force, by area and by cell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from transforms.completeness import constants as k
from transforms.completeness import evidence
from transforms.completeness.cube import Cube, Floats, Ints, Level

#: What a model has learned, by name.
State = Mapping[str, Floats]
#: What a model has learned of all areas and cells, one array each (`LocalModel.state`).
_LEARNED: Final = (
    "number",
    "weight",
    "area_number",
    "area_weight",
    "prior",
    "months_learned",
    "doubted",
    "_ever",
    "_own_area",
    "_own_cell",
)
#: Shares supplied at which small losses are followed over months.
FOLLOWED: tuple[float, float] = (0.02, 0.35)


@dataclass(frozen=True)
class LocalMonth:
    """One month below the force: expectations given the force's own totals, and the evidence of recent months.

    `share` and `mean` are `[area, category]`: the area's part of its force's records of that type, and that
    part of what the force supplied, which is `made` `[force, category]`; `area_y` and `area_mean` are `[area]`: the
    counts and the expectation of all types; `phi_cell` is `[category]`; `phi_area` is `[area]`; `phi_group[level]`
    is `[category + 1]`, the last for all types. `recent_area` holds `[share, area]` and `recent_cell`
    `[share, cell]` for each of the last months, this month first: natural log gains. `busy` are the cells that are
    followed, as places in the flat month; `new` marks areas with too short a history to be tested.
    """

    share: Floats
    mean: Floats
    made: Floats
    area_y: Floats
    area_mean: Floats
    phi_cell: Floats
    phi_area: Floats
    phi_group: list[Floats]
    widen_group: list[Floats]
    recent_area: list[Floats]
    recent_cell: list[Floats]
    busy: Ints
    widen_cell: Floats
    new: Floats


@dataclass
class LocalModel:
    """Follows areas and cells through the months; feed each month in turn to `expect`, then to `learn`."""

    cube: Cube
    number: Floats = field(init=False)
    weight: Floats = field(init=False)
    area_number: Floats = field(init=False)
    area_weight: Floats = field(init=False)
    prior: Floats = field(init=False)
    months_learned: Floats = field(init=False)
    doubted: Floats = field(init=False)
    recoded: list[tuple[int, int, Ints, Ints]] = field(default_factory=list)
    _recent_area: list[Floats] = field(default_factory=list)
    _recent_cell: list[Floats] = field(default_factory=list)

    def __post_init__(self) -> None:
        _, areas, types = self.cube.n.shape
        self.number = np.zeros((areas, types), dtype=np.float32)
        self.weight = np.zeros((areas, types), dtype=np.float32)
        self.area_number = np.zeros(areas)
        self.area_weight = np.zeros(areas)
        self.prior = np.full(types, k.CELL_PRIOR)
        self.months_learned = np.zeros(areas)
        self.doubted = np.zeros(areas)
        self._ever = np.zeros(areas, dtype=bool)
        self._cell = _Scatter(types, k.PHI_CELL)
        self._area = _Scatter(1, k.PHI_AREA)
        self._group = [_Scatter(types + 1, k.PHI_GROUP) for _ in self.cube.levels]
        self._own_group = [
            np.full((2, len(level.nodes), types + 1), k.NODE_PRIOR_MONTHS) for level in self.cube.levels
        ]
        self._own_area = np.full((2, areas), k.NODE_PRIOR_MONTHS)
        self._own_cell = np.full((2, areas, types), k.NODE_PRIOR_MONTHS, dtype=np.float32)

    def state(self) -> State:
        """All that was learned so far, for a model of the same areas to go on from (`going_on`)."""
        arrays = {name: getattr(self, name) for name in _LEARNED}
        arrays |= {
            f"{name} {at}": each for name, many in self._many().items() for at, each in enumerate(many)
        }
        recoded = [(t, force, old.tolist(), new.tolist()) for t, force, old, new in self.recoded]
        arrays["recoded"] = np.array(json.dumps(recoded))
        return {name: each.copy() for name, each in arrays.items()}

    @classmethod
    def going_on(cls, cube: Cube, state: State) -> LocalModel:
        """A model that has learned what another had, to the last digit."""
        model = cls(cube)
        state = {name: each.copy() for name, each in state.items()}
        for name in _LEARNED:
            setattr(model, name, state[name])
        many = {
            name: [state[f"{name} {at}"] for at in range(sum(each.startswith(f"{name} ") for each in state))]
            for name in model._many()
        }
        model._own_group, model._recent_area, model._recent_cell = (
            many[name] for name in ("own_group", "recent_area", "recent_cell")
        )
        for scatter, above, square in zip(model._scatters(), many["above"], many["square"], strict=True):
            scatter.above, scatter.square = above, square
        recoded = json.loads(str(state["recoded"]))
        model.recoded = [(t, force, np.array(old), np.array(new)) for t, force, old, new in recoded]
        return model

    def _scatters(self) -> list[_Scatter]:
        return [self._cell, self._area, *self._group]

    def _many(self) -> dict[str, list[Floats]]:
        """What was learned of which there are several arrays."""
        return {
            "own_group": self._own_group,
            "recent_area": self._recent_area,
            "recent_cell": self._recent_cell,
            "above": [scatter.above for scatter in self._scatters()],
            "square": [scatter.square for scatter in self._scatters()],
        }

    def expect(self, t: int) -> LocalMonth:
        """The expectation for month `t`, from the months learned so far, and its evidence."""
        cube, force = self.cube, self.cube.force_of_area
        y = cube.n[t]
        sizes = np.diff(cube.first_area)
        equal = 1.0 / np.maximum(sizes, 1)[force]
        share = ((self.area_number + 1.0) / (self.area_weight + 1.0 / equal)).astype(np.float32)
        prior = self.prior.astype(np.float32)[None, :]
        within = share[:, None] * (self.number + prior) / (share[:, None] * self.weight + prior)
        starts = cube.first_area[:-1]
        whole = np.add.reduceat(within, starts, axis=0)
        made = np.add.reduceat(y, starts, axis=0)
        share_of_force = within / np.take(np.maximum(whole, 1e-12), force, axis=0)
        mean = share_of_force * np.take(made, force, axis=0)
        area_mean = mean.sum(axis=1, dtype=np.float64)
        area_y = y.sum(axis=1, dtype=np.float64)
        widen = np.maximum(self._own_area[0] / self._own_area[1], k.CALMEST)
        phi_area = evidence.widened(np.full(len(force), self._area.phi()[0]), area_mean, widen)
        phi_cell = self._cell.phi()
        widen_cell = np.maximum(self._own_cell[0] / self._own_cell[1], k.CALMEST)
        area_gain = np.stack([evidence.gain(area_y, area_mean, phi_area, q) for q in FOLLOWED])
        young = self.months_learned < k.MINIMUM_HISTORY
        busy = np.flatnonzero((mean > k.BUSY_CELL) & ~young[:, None])
        cell_y, cell_mean = y.ravel()[busy], mean.ravel()[busy]
        wide = evidence.widened(
            phi_cell.astype(np.float32)[busy % len(phi_cell)], cell_mean, widen_cell.ravel()[busy]
        )
        busy_gain = np.stack([evidence.gain(cell_y, cell_mean, wide, float(q)) for q in FOLLOWED])
        _allow_rare(area_gain, area_y, area_mean, phi_area)
        _allow_rare(busy_gain, cell_y, cell_mean, wide)
        area_gain[:, young] = 0.0
        cell_gain = np.zeros((len(FOLLOWED), mean.size), dtype=np.float32)
        for followed, gains in zip(cell_gain, busy_gain, strict=True):
            followed[busy] = gains
        self._recent_area = [area_gain, *self._recent_area[: k.PERSISTENCE_MONTHS - 1]]
        self._recent_cell = [cell_gain, *self._recent_cell[: k.PERSISTENCE_MONTHS - 1]]
        return LocalMonth(
            share_of_force,
            mean,
            made,
            area_y,
            area_mean,
            phi_cell,
            phi_area,
            [s.phi() for s in self._group],
            [np.maximum(own[0] / own[1], k.CALMEST) for own in self._own_group],
            self._recent_area,
            self._recent_cell,
            busy,
            widen_cell,
            young,
        )

    def learn(self, t: int, month: LocalMonth, masked: Floats) -> None:
        """Learns month `t`; `masked` is `[force, category]`. Areas and cells that look lost teach nothing."""
        cube, force = self.cube, self.cube.force_of_area
        y = cube.n[t]
        fade = np.float32(0.5 ** (1.0 / k.AREA_HALF_LIFE))
        use = np.take(~masked, force, axis=0)
        mean, area_y, area_mean = month.mean, month.area_y, month.area_mean
        self._retire(t, area_y, area_mean)
        doubtful = month.recent_area[0].max(axis=0) > k.DOUBT
        self._forget(month.new & (self.months_learned > 0) & (area_y < k.MISSING_BELOW * area_mean))
        settled = doubtful & (self.doubted >= k.SETTLING_MONTHS)
        self._forget(settled)
        doubtful &= ~settled & (self.months_learned > 0)
        self.doubted = np.where(doubtful, self.doubted + 1, 0)
        doubtful &= ~month.new
        cell_doubt = (month.recent_cell[0].max(axis=0) > k.DOUBT + 1.5).reshape(y.shape)
        use &= ~doubtful[:, None] & ~cell_doubt
        made = np.take(month.made, force, axis=0)
        whole = use.mean(axis=1) > 0.5
        if t > 0:
            busy = month.busy
            seen_busy, mean_busy, use_busy = (values.ravel()[busy] for values in (y, mean, use))
            kind = busy % y.shape[1]
            self._cell.add(seen_busy, mean_busy, use_busy, kind)
            self._area.add(area_y[:, None], area_mean[:, None], whole[:, None])
            for level, scatter, own in zip(cube.levels, self._group, self._own_group, strict=True):
                observed, expected = by_node(level, y), by_node(level, mean)
                free = by_node(level, (~use).astype(np.float32)) <= 0.1 * level.areas_of_node[:, None]
                scatter.add(observed, expected, free)
                _own(own, observed, expected, scatter.phi()[None, :], free, both=True)
            _own(self._own_area, area_y, area_mean, month.phi_area, whole)
            flat = self._own_cell.reshape(2, -1)
            own_busy = np.take(flat, busy, axis=1)
            _own(own_busy, seen_busy, mean_busy, month.phi_cell.astype(np.float32)[kind], use_busy)
            for kept, own_values in zip(flat, own_busy, strict=True):
                kept[busy] = own_values
        self.number = np.where(use, fade * self.number + y, self.number)
        self.weight = np.where(use, fade * self.weight + made, self.weight)
        seen = np.where(use, y, 0).sum(axis=1, dtype=np.float64)
        exposure = np.where(use, made, 0).sum(axis=1, dtype=np.float64)
        self.area_number = np.where(whole, fade * self.area_number + seen, self.area_number)
        self.area_weight = np.where(whole, fade * self.area_weight + exposure, self.area_weight)
        self.months_learned += whole
        self._shrink()

    def _retire(self, t: int, y: Floats, area_mean: Floats) -> None:
        """Sets aside areas whose records moved to new codes: as much vanishes as appears, in one force and month."""
        appeared = (y > 0) & ~self._ever
        vanished = (y == 0) & (self.area_number > 0) & (area_mean >= k.RECODED_EXPECTED)
        force, forces = self.cube.force_of_area, len(self.cube.forces)
        gone = np.bincount(force, weights=area_mean * vanished, minlength=forces)
        come = np.bincount(force, weights=y * appeared, minlength=forces)
        moved = (t > 0) & (gone > 0) & (come >= k.RECODED_SHARE * gone)
        for f in np.flatnonzero(moved):
            old, new = np.flatnonzero(vanished & (force == f)), np.flatnonzero(appeared & (force == f))
            self.recoded.append((t, int(f), old, new))
        self._forget(vanished & moved[force])
        self._ever |= y > 0

    def _forget(self, which: Floats) -> None:
        """Starts areas afresh."""
        for store in (self.number, self.weight, self.area_number, self.area_weight, self.months_learned):
            store[which] = 0

    def _shrink(self) -> None:
        """The gamma shape of cells around their area's share, by moments, for each type."""
        share = (self.area_number / np.maximum(self.area_weight, 1e-9)).astype(np.float32)
        expected = share[:, None] * self.weight
        excess = ((self.number - expected) ** 2 - self.number).sum(axis=0, dtype=np.float64)
        square = (expected**2).sum(axis=0, dtype=np.float64)
        self.prior = np.clip(square / np.maximum(excess, 1e-9), 0.5, 50.0)


class _Scatter:
    """Dispersion of each type over all nodes of a level, from recent months."""

    def __init__(self, types: int, start: float) -> None:
        self.start = start
        self.above = np.zeros(types)
        self.square = np.zeros(types)

    def phi(self) -> Floats:
        """Squared relative scatter beyond Poisson; the starting value until residuals outweigh it."""
        prior = 100.0
        return np.maximum((self.above + self.start * prior) / (self.square + prior), 0.002)

    def add(self, y: Floats, mean: Floats, used: Floats, kind: Ints | None = None) -> None:
        """Learns from the residuals of one month, winsorised, each weighted by what it can show.

        `[node, type]`, or `[node]` with the type of each in `kind`.
        """
        phi = self.phi().astype(mean.dtype)
        phi = phi[None, :] if kind is None else phi[kind]
        variance = mean + phi * mean**2
        trust = used * (mean / np.maximum(variance, 1e-6)) ** 2
        excess = np.minimum((y - mean) ** 2, k.WINSOR**2 * variance) - mean
        self.above = 0.8 * self.above + self._by_type(excess * trust, kind)
        self.square = 0.8 * self.square + self._by_type(mean**2 * trust, kind)

    def _by_type(self, values: Floats, kind: Ints | None) -> Floats:
        """Values added up by type."""
        if kind is None:
            return np.asarray(values.sum(axis=0, dtype=np.float64))
        return np.bincount(kind, weights=values, minlength=len(self.above))


def _own(store: Floats, y: Floats, mean: Floats, phi: Floats, used: Floats, both: bool = False) -> None:
    """Adds this month's scatter to each node's own: the downward half twice over, or `both` halves.

    A burst in one area must not excuse a later zero there; a group's swings both ways are its season.
    """
    z2 = np.minimum((y - mean) ** 2 / (mean + phi * mean**2 + np.float32(1e-6)), k.WINSOR**2)
    scatter = np.where(used, z2, 0.0) if both else np.where(used & (y < mean), 2.0 * z2, 0.0)
    store *= 0.97
    store[0] += scatter
    store[1] += used


def _allow_rare(gains: Floats, y: Floats, mean: Floats, phi: Floats) -> None:
    """Takes from gains `[share, node]` that say a place is low what a rare wide month would say, in place."""
    low = np.flatnonzero(gains.max(axis=0) > k.WORTH_A_LOOK)
    seen, due, width = (values[low].astype(np.float64) for values in (y, mean, phi))
    gains[:, low] -= evidence.rarely_wider(seen, due, width)


def by_node(level: Level, values: Floats) -> Floats:
    """Adds `[area, type]` up to `[node, type + 1]`, the last column over all types."""
    sums = np.asarray(level.membership @ values, dtype=np.float64)
    return np.concatenate([sums, np.add.reduce(sums, axis=1, keepdims=True)], axis=1)


def evidence_over_months(recent: Floats) -> tuple[Floats, Ints]:
    """log10 evidence of `[window, share, node]` gains over the best run of months ending now, and its length.

    Runs of one to `PERSISTENCE_MONTHS` months are tried; each costs log10 of how many are tried.
    """
    running = np.cumsum(recent, axis=0)
    averaged = np.logaddexp.reduce(running, axis=1) - np.log(recent.shape[1])
    averaged[1:] -= np.log(k.PERSISTENCE_MONTHS)
    best = np.argmax(averaged, axis=0)
    return np.take_along_axis(averaged, best[None], 0)[0] / evidence.LN10, best + 1
