"""Other people's rules on the same cells: naive drops, the NIBRS MAD rule, the RTCI Poisson rule, IForest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from tests.bench.completeness.injections import Planted
from transforms.completeness.cube import Cube
from transforms.completeness.local import by_node

#: Kinds without a loss of records against last month that a rule for drops could be asked to find.
NOT_COMPARED = ("duplicated file", "repeated month", "backlog then spike")
LEVELS = ("force", "type", "msoa", "area", "cell")


def month_on_month(y: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Drop from last month, as a share, where last month held at least 5."""
    before = past[-1]
    return np.where(before >= 5, 1 - y / np.maximum(before, 1), -np.inf)


def year_on_year(y: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Drop from the same month last year, as a share, where it held at least 5."""
    before = past[-12]
    return np.where(before >= 5, 1 - y / np.maximum(before, 1), -np.inf)


def three_sd(y: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Standard deviations below the mean of 12 months (the rule of data-quality monitors)."""
    last = past[-12:]
    mean, sd = last.mean(axis=0), last.std(axis=0, ddof=1)
    return np.where(mean >= 1, (mean - y) / np.maximum(sd, 0.5), -np.inf)


def zero_rule(y: np.ndarray, past: np.ndarray) -> np.ndarray:
    """A zero where the mean of 12 months is at least 5, ranked by that mean."""
    mean = past[-12:].mean(axis=0)
    return np.where((y == 0) & (mean >= 5), mean, -np.inf)


def nibrs_mad(y: np.ndarray, past: np.ndarray) -> np.ndarray:
    """NIBRS estimation's outlier step as described: (median - y) / MAD, where the median is at least 10 above."""
    middle = np.median(past, axis=0)
    mad = np.maximum(np.median(np.abs(past - middle), axis=0), 0.5)
    z = (middle - y) / mad
    severe = (z > 5) | ((z > 3.5) & (y <= 0.1 * middle))
    return np.where(middle - y >= 10, z + 100 * severe, -np.inf)


def rtci_poisson(y: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Real-Time Crime Index audit: exact Poisson comparison with the 8 months before and with the one before."""
    eight, one = past[-8:].sum(axis=0), past[-1]
    scores = np.full(len(y), -np.inf)
    worth = (eight >= 8) & (y < eight / 8)
    y, eight, one = y[worth], eight[worth], one[worth]
    scores[worth] = -np.minimum(
        stats.binom.logcdf(y, y + eight, 1 / 9), stats.binom.logcdf(y, y + one, 1 / 2)
    )
    return scores


def features(y: np.ndarray, past: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """What a generic detector is given: drops from last month, last year, the 12-month mean, and the force's own."""
    mean = past[-12:].mean(axis=0)
    width = np.sqrt(mean + 1)
    columns = [(y - mean) / width, (y - past[-1]) / width, (y - past[-12]) / width, (y - mean * scale) / width,
               np.log((y + 0.5) / (mean + 0.5)), np.log(mean + 1)]  # fmt: skip
    return np.stack(columns, axis=1).astype(np.float32)


RULES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "month-on-month drop": month_on_month,
    "year-on-year drop": year_on_year,
    "-3 SD of 12 months": three_sd,
    "zero where mean >= 5": zero_rule,
    "NIBRS MAD": nibrs_mad,
    "RTCI Poisson": rtci_poisson,
}


#: Highest scores of a month, level and method that are kept to find a threshold: several times any budget.
HIGHEST = 120


def threshold(scores: dict[int, list[tuple[float, int]]], keep: int) -> float:
    """The score above which clean months raise `keep` alerts; one that goes on counts once, as the judge's do."""
    rows = sorted(((score, t, node) for t, found in scores.items() for score, node in found), reverse=True)
    open_nodes: set[tuple[int, int]] = set()
    fresh = 0
    for score, t, node in rows:
        # Beside an alert of the month before or after it is the same one; between two it makes one of them.
        fresh += 1 - ((t - 1, node) in open_nodes) - ((t + 1, node) in open_nodes)
        if fresh > keep:
            return score
        open_nodes.add((t, node))
    return -np.inf


class Bench:
    """The peers, each with a threshold for the same budget, split equally over the levels."""

    def __init__(
        self, cube: Cube, months: list[int], clean: Callable[[Cube, int, int], bool], forest: bool = False
    ) -> None:
        self.cube = cube
        self.msoa = next(level for level in cube.levels if level.name == "msoa")
        self.past = {
            level: [self._level(cube, t, level) for t in range(len(cube.months))] for level in LEVELS
        }
        self.force_of = {
            "force": np.arange(len(cube.forces)),
            "type": np.repeat(np.arange(len(cube.forces)), len(cube.categories)),
            "msoa": self.msoa.force_of_node,
            "area": cube.force_of_area,
            "cell": np.repeat(cube.force_of_area, len(cube.categories)),
        }
        self.spent: dict[str, float] = {}
        self.judged: dict[str, float] = {}
        self.forests = self._forests(months) if forest else {}
        self.names = [*RULES, *(["PyOD IForest"] if forest else [])]
        good = {t: np.array([clean(cube, f, t) for f in range(len(cube.forces))]) for t in months}
        keep = max(int(0.1 * sum(int(each.sum()) for each in good.values()) / len(LEVELS)), 1)
        self.thresholds: dict[tuple[str, str], float] = {}
        for level in LEVELS:
            scores = {
                t: self._scores(level, self.past[level][t], self._history(level, t), good[t]) for t in months
            }
            for name in self.names:
                self.thresholds[name, level] = threshold({t: scores[t][name] for t in months}, keep)
        self.spent, self.judged = {}, {}

    def _scores(
        self, level: str, y: np.ndarray, past: np.ndarray, good: np.ndarray
    ) -> dict[str, list[tuple[float, int]]]:
        """The highest scores of a month's clean nodes, for each method, with their places."""
        highest = {}
        for name in self.names:
            scores = self._score(name, level, y, past)
            scores[~good[self.force_of[level]] | ~np.isfinite(scores)] = -np.inf
            best = np.argsort(scores)[-HIGHEST:]
            highest[name] = [(float(scores[node]), int(node)) for node in best if scores[node] > -np.inf]
        return highest

    def _level(self, cube: Cube, t: int, level: str) -> np.ndarray:
        """Counts of a month at a level, flat."""
        n = cube.n[t]
        if level == "cell":
            return n.ravel()
        if level == "area":
            return n.sum(axis=1)
        if level == "msoa":
            return by_node(self.msoa, n)[:, -1].astype(np.float32)
        force = np.add.reduceat(n, cube.first_area[:-1], axis=0)
        return force.sum(axis=1) if level == "force" else force.ravel()

    def _history(self, level: str, t: int) -> np.ndarray:
        return np.stack(self.past[level][max(0, t - 24) : t])

    def _score(self, name: str, level: str, y: np.ndarray, past: np.ndarray) -> np.ndarray:
        began = time.process_time()
        if name == "PyOD IForest":
            ratio = self._own(y, past, level)
            x = features(y, past, ratio)
            scores = np.full(len(y), -np.inf)
            worth = (past[-12:].mean(axis=0) >= 3) & (x[:, 3] < -2.0)
            if worth.any():
                scores[worth] = self.forests[level].decision_function(x[worth])
        else:
            scores = RULES[name](y, past)
        self.spent[name] = self.spent.get(name, 0.0) + time.process_time() - began
        self.judged[name] = self.judged.get(name, 0.0) + len(y)
        return scores

    def _own(self, y: np.ndarray, past: np.ndarray, level: str) -> np.ndarray:
        """How the node's force stands against its own 12-month mean: what the detector may know of the force."""
        force = self.force_of[level]
        now = np.bincount(force, weights=y)
        then = np.bincount(force, weights=past[-12:].mean(axis=0))
        return (now / np.maximum(then, 1))[force] if level in ("msoa", "area", "cell") else np.ones(len(y))

    def _forests(self, months: list[int]) -> dict[str, object]:
        """One forest for each level, fitted on clean months."""
        from pyod.models.iforest import IForest

        rng = np.random.default_rng(0)
        forests = {}
        for level in LEVELS:
            rows = []
            for t in months[::4]:
                y, past = self.past[level][t], self._history(level, t)
                x = features(y, past, self._own(y, past, level))[past[-12:].mean(axis=0) >= 3]
                rows.append(x[rng.permutation(len(x))[:4000]])
            forests[level] = IForest(n_estimators=50, random_state=0).fit(np.concatenate(rows))
        return forests

    def seconds_per_million(self, name: str) -> float:
        """Seconds of processor for a million node-months."""
        return 1e6 * self.spent[name] / max(self.judged[name], 1)

    def score(
        self,
        cube: Cube,
        planted: list[Planted],
        t: int,
        overlap: Callable[..., tuple[float, float, float]],
        since: int | None = None,
    ) -> dict[str, list[tuple[str, dict[str, float]]]]:
        """For each peer and fault: whether its pure alerts cover half of the loss, and how many it raised.

        With `since`, the months from then on are the changed cube's in the history too.
        """
        out: dict[str, list[tuple[str, dict[str, float]]]] = {name: [] for name in self.names}
        levels = {level: self._level(cube, t, level) for level in LEVELS}
        whole = self.past
        changed = range(t if since is None else since, t)
        self.past = {
            level: [*months[: changed.start], *(self._level(cube, u, level) for u in changed), *months[t:]]
            for level, months in whole.items()
        }
        history = {level: self._history(level, t) for level in LEVELS}
        self.past = whole
        for name in self.names:
            alerts = {
                level: self._score(name, level, levels[level], history[level]) > self.thresholds[name, level]
                for level in LEVELS
            }
            for p in planted:
                covered = np.zeros(p.mask.shape, dtype=bool)
                count = 0
                for mask in self._masks(cube, p, alerts):
                    count += 1
                    purity, _, _ = overlap(p, mask)
                    if purity >= 0.5:
                        covered |= mask
                share = overlap(p, covered)[1] if covered.any() else 0.0
                out[name].append((p.kind, {"hit": float(share >= 0.5), "alerts": count}))
        return out

    def _masks(self, cube: Cube, p: Planted, alerts: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
        """The scope of each alert in the force of a fault."""
        here = cube.areas_of(p.force)
        shape = p.mask.shape
        types = shape[1]
        if alerts["force"][p.force]:
            yield np.ones(shape, dtype=bool)
        for c in np.flatnonzero(alerts["type"].reshape(-1, types)[p.force]):
            mask = np.zeros(shape, dtype=bool)
            mask[:, c] = True
            yield mask
        nodes = self.msoa.node_of_area[here]
        for node in np.unique(nodes[alerts["msoa"][nodes]]):
            mask = np.zeros(shape, dtype=bool)
            mask[nodes == node] = True
            yield mask
        for a in np.flatnonzero(alerts["area"][here]):
            mask = np.zeros(shape, dtype=bool)
            mask[a] = True
            yield mask
        for a, c in np.argwhere(alerts["cell"].reshape(-1, types)[here]):
            mask = np.zeros(shape, dtype=bool)
            mask[a, c] = True
            yield mask
