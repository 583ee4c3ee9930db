"""Losses that go on for four months, of kinds that one month cannot always decide: in which month each is found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.bench.completeness.injections import Planted, thinned
from tests.bench.completeness.peers import Bench
from tests.bench.completeness.replay import FIRST_TESTED, Replay, changeable, clean
from tests.bench.completeness.scoring import explains, overlap, rate
from transforms.completeness.cube import Cube

#: Months that each loss goes on.
MONTHS = 4

Choice = Callable[[np.random.Generator, np.ndarray], np.ndarray | None]


def _one(axis: int | None, least: float, most: float) -> Choice:
    """A mask of one place of usual counts `[area, category]`: a type (axis 0), an area (axis 1) or a cell (None)."""

    def choose(rng: np.random.Generator, usual: np.ndarray) -> np.ndarray | None:
        sums = usual if axis is None else usual.sum(axis=axis)
        places = np.argwhere((sums >= least) & (sums < most))
        if not len(places):
            return None
        mask = np.zeros(usual.shape, dtype=bool)
        place = places[rng.integers(len(places))]
        mask[(slice(None), place[0]) if axis == 0 else tuple(place)] = True
        return mask

    return choose


def _everything(_: np.random.Generator, usual: np.ndarray) -> np.ndarray:
    """A mask of the whole force."""
    return np.ones(usual.shape, dtype=bool)


#: What is chosen, and the share of it that is supplied.
KINDS: dict[str, tuple[Choice, float]] = {
    "force 85% supplied": (_everything, 0.85),
    "type 50% supplied": (_one(0, 30, np.inf), 0.5),
    "LSOA 0%, mean 4-8": (_one(1, 4, 8), 0.0),
    "LSOA 0%, mean 8-15": (_one(1, 8, 15), 0.0),
    "LSOA 30%, mean 15-30": (_one(1, 15, 30), 0.3),
    "cell 0%, mean 6-10": (_one(None, 6, 10), 0.0),
    "cell 0%, mean 10-20": (_one(None, 10, 20), 0.0),
}


def measure(replay: Replay, seed: int, events: int, threshold: float, bench: Bench | None) -> dict:
    """For each method and kind, the month of each event's discovery: 1 to 4, or 0 for never.

    Found means an alert beyond the method's threshold for the budget; what one month found stays found.
    """
    cube, rng = replay.cube, np.random.default_rng(seed)
    found: dict[str, dict[str, list[int]]] = {}
    plan = [kind for kind in KINDS for _ in range(events)]
    rng.shuffle(plan)
    while plan:
        first = int(rng.integers(FIRST_TESTED, len(cube.months) - MONTHS + 1))
        months = range(first, first + MONTHS)
        work, losses = changeable(cube), []
        candidates = [f for f in range(len(cube.forces)) if all(clean(cube, f, t) for t in months)]
        for force in rng.permutation(candidates)[: max(2, len(cube.forces) // 5)]:
            if not plan:
                break
            kind = plan.pop()
            choose, supplied = KINDS[kind]
            here = cube.areas_of(int(force))
            mask = choose(rng, cube.n[first - 12 : first, here].mean(axis=0))
            if mask is not None:
                losses.append(_plant(rng, cube, work, kind, int(force), mask, supplied, months))
        done: list[dict[str, int]] = [{} for _ in losses]
        judged = replay.judge_months(work, first, months[-1])
        for nth, (t, incidents, track, _) in enumerate(judged, 1):
            planted = [loss[nth - 1] for loss in losses]
            for event, p in zip(done, planted, strict=True):
                own = [i for i in incidents if i.force == p.force and i.score > threshold]
                if any(explains(p, i, cube, track, t)[0] for i in own):
                    event.setdefault("judge", nth)
            if bench is not None:
                for name, rows in bench.score(work, planted, t, overlap, since=first).items():
                    for event, (_, row) in zip(done, rows, strict=True):
                        if row["hit"]:
                            event.setdefault(name, nth)
        names = ["judge", *(bench.names if bench is not None else [])]
        for loss, event in zip(losses, done, strict=True):
            for name in names:
                found.setdefault(name, {}).setdefault(loss[0].kind, []).append(event.get(name, 0))
    return found


def _plant(
    rng: np.random.Generator,
    cube: Cube,
    work: Cube,
    kind: str,
    force: int,
    mask: np.ndarray,
    supplied: float,
    months: range,
) -> list[Planted]:
    """Takes the same part away in each month, and says what each month lost."""
    here, out = cube.areas_of(force), []
    for t in months:
        before = cube.n[t, here]
        work.n[t, here] = np.where(mask, thinned(rng, before, supplied), before)
        out.append(Planted(kind, force, before - work.n[t, here], mask, before))
    return out


def print_table(found: dict[str, dict[str, list[int]]]) -> None:
    """Prints the share found by each month, of the judge, and by the fourth, of the others."""
    others = [name for name in found if name != "judge"]
    print("\n| loss that goes on | n | judge, month 1 | 2 | 3 | 4 |", end="")
    print("".join(f" {name}, 1 / 4 |" for name in others))
    print("| --- | --- |" + " --- |" * (MONTHS + len(others)))
    for kind in KINDS:
        at = np.array(found["judge"].get(kind, []))
        if not at.size:
            continue
        by = [rate(int(((at > 0) & (at <= m)).sum()), at.size) for m in range(1, MONTHS + 1)]
        theirs = []
        for name in others:
            when = np.array(found[name][kind])
            theirs.append(f"{(when == 1).mean():.2f} / {rate(int((when > 0).sum()), when.size)}")
        print(f"| {kind} | {at.size} | {' | '.join(by + theirs)} |")
