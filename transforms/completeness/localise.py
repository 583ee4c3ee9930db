"""Finds the smallest scope that explains what is missing in a month, and explains away what it accounts for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from transforms.completeness import constants as k
from transforms.completeness import evidence
from transforms.completeness.cube import Cube, Floats, Ints, Level
from transforms.completeness.expectation import MISSING, PARTIAL, SURPLUS, Track
from transforms.completeness.local import LocalMonth, by_node, evidence_over_months


@dataclass(frozen=True)
class Incident:
    """One explanation of what is wrong in one force and month.

    `areas` are the areas concerned (None: the whole force); `category` the type (None: all);
    `partner` the type that received what `category` lost, in a mapping fault. `score` is the log10 evidence
    beyond what an alert at its level needs; `months` the run of months that the evidence comes from.
    """

    month: int
    force: int
    kind: str
    level: str
    observed: float
    expected: float
    phi: float
    score: float
    areas: Ints | None = None
    place: str | None = None
    category: int | None = None
    partner: int | None = None
    months: int = 1
    like_month: int | None = None
    lost: float = field(default=0.0)


def written(incidents: Sequence[Incident]) -> str:
    """Incidents as JSON text, to be kept for a later judgement (`read`)."""
    return json.dumps([vars(incident) for incident in incidents], default=_plain)


def read(text: str) -> list[Incident]:
    """The incidents of a text that `written` gave, the same to the last digit."""
    return [
        Incident(
            **each | {"areas": None if each["areas"] is None else np.array(each["areas"], dtype=np.int64)}
        )
        for each in json.loads(text)
    ]


def _plain(value: Any) -> Any:
    return value.tolist()


@dataclass(frozen=True)
class _Seeds:
    """Scopes of one month with enough evidence by themselves, and what each area belongs to."""

    area: Floats
    area_months: Ints
    cell: Floats
    cell_months: Ints
    groups: list[Floats]


def localise(t: int, cube: Cube, track: Track, month: LocalMonth, ease: float = 0.0) -> list[Incident]:
    """All incidents of month `t`, at most one explanation for each missing record, strongest first.

    With `ease`, incidents that fall short of an alert by up to that much evidence (log10) are listed too.
    """
    seeds = _seeds(t, cube, month, ease)
    found: list[Incident] = []
    for force in range(len(cube.forces)):
        found.extend(_force(t, force, cube, track, month, seeds, ease))
    return sorted(found, key=lambda incident: -incident.score)


def _seeds(t: int, cube: Cube, month: LocalMonth, ease: float) -> _Seeds:
    """Evidence of every area, cell and group, beyond what an alert at its level needs."""
    y, mean = cube.n[t], month.mean
    areas, types = y.shape
    area_mean = month.area_mean
    area_now = evidence.place_factor(month.area_y, area_mean, month.phi_area)
    area_now[month.new | (area_mean < k.SMALLEST_EXPECTED)] = -np.inf
    area_run, area_months = evidence_over_months(np.stack(month.recent_area))
    forces = len(cube.forces)
    testable = k.SMALLEST_EXPECTED
    need_area = evidence.needed("area", (area_mean >= testable).sum() / forces)
    slow = area_run - need_area - k.EVIDENCE_SLOW
    area = np.maximum(area_now - need_area, slow)
    cell = np.full((areas, types), -np.inf)
    cell_months = np.ones((areas, types), dtype=np.int64)
    worth = np.flatnonzero(
        (mean.ravel() > k.SMALLEST_EXPECTED / k.PERSISTENCE_MONTHS)
        & (month.recent_cell[0].max(axis=0) > k.WORTH_A_LOOK)
    )
    if worth.size:
        wide = evidence.widened(
            np.broadcast_to(month.phi_cell, mean.shape).ravel()[worth],
            mean.ravel()[worth],
            month.widen_cell.ravel()[worth],
        )
        now = evidence.place_factor(y.ravel()[worth].astype(float), mean.ravel()[worth].astype(float), wide)
        run, months = evidence_over_months(np.stack([gains[:, worth] for gains in month.recent_cell]))
        need = evidence.needed("cell", (mean >= testable).sum() / forces)
        cell.ravel()[worth] = np.maximum(now - need, run - need - k.EVIDENCE_SLOW)
        cell_months.ravel()[worth] = np.where(now - need >= run - need - k.EVIDENCE_SLOW, 1, months)
    groups = []
    for level, phi, widen in zip(cube.levels, month.phi_group, month.widen_group, strict=True):
        observed, expected = by_node(level, y), by_node(level, mean)
        factor = evidence.group_factor(observed, expected, evidence.widened(phi[None, :], expected, widen))
        factor[expected < k.SMALLEST_EXPECTED] = -np.inf
        alone = np.bincount(level.force_of_node, minlength=len(cube.forces))[level.force_of_node] == 1
        factor[alone] = -np.inf
        need_types = np.full(
            types + 1, evidence.needed("group", (expected[:, :-1] >= testable).sum() / forces)
        )
        need_types[-1] = evidence.needed("group", (expected[:, -1] >= testable).sum() / forces)
        groups.append(factor - need_types)
    months = np.where(area_now - need_area >= slow, 1, area_months)
    return _Seeds(area + ease, months, cell + ease, cell_months, [scores + ease for scores in groups])


def _force(
    t: int, force: int, cube: Cube, track: Track, month: LocalMonth, seeds: _Seeds, ease: float
) -> list[Incident]:
    """The incidents of one force."""
    state = track.state[t, force]
    repeat = _repeated(t, force, cube, track)
    if repeat is not None:
        return [repeat]
    need = evidence.needed("force", 1)
    whole = _whole(t, force, track, need)
    if state == MISSING:
        return [whole]
    if state == SURPLUS:
        return [replace(whole, kind="surplus", score=float(track.up[t, force, -1]) - need)]
    found = [replace(i, score=i.score - ease) for i in _places(t, force, cube, track, month, seeds)]
    everything = [incident for incident in found if incident.category is None]
    gone = [int(a) for incident in everything if incident.areas is not None for a in incident.areas]
    if state == PARTIAL:
        rest = _without(t, force, cube, track, month, gone)
        if gone and rest < need:
            return found
        return [replace(whole, score=max(rest, whole.score) if not gone else rest - need), *found]
    if whole.score >= -ease and whole.lost > 0 and ease > 0:
        found.append(whole)
    found.extend(_categories(t, force, cube, track, month, found, gone, ease))
    return found


def _whole(t: int, force: int, track: Track, need: float) -> Incident:
    """The incident “this force, all types”."""
    observed, expected = float(track.counts[t, force, -1]), float(track.mean[t, force, -1])
    kind = "missing" if track.state[t, force] == MISSING else "partial"
    return Incident(
        t,
        force,
        kind,
        "force",
        observed,
        expected,
        float(track.phi[t, force, -1]),
        float(track.down[t, force, -1]) - need,
        lost=max(expected - observed, 0.0),
    )


def _repeated(t: int, force: int, cube: Cube, track: Track) -> Incident | None:
    """Whether the force's month is an earlier month again, or every record is there twice."""
    here = cube.areas_of(force)
    y = cube.n[t, here]
    total = float(y.sum())
    if total < k.REPEAT_MINIMUM:
        return None
    made = _whole(t, force, track, 0.0)
    positive = y[y > 0]
    if positive.size < k.REPEAT_MINIMUM:
        return None
    if float((np.mod(positive, 2) == 1).mean()) <= k.TWICE_ODD_SHARE and total > made.expected:
        return replace(made, kind="twice", score=10.0, lost=0.0)
    for earlier in range(t - 1, -1, -1):
        before = cube.n[earlier, here]
        other = float(before.sum())
        if other < 0.9 * total or other * 0.9 > total:
            continue
        if float(np.minimum(y, before).sum()) / float(np.maximum(y, before).sum()) >= k.REPEAT_AGREEMENT:
            return replace(made, kind="repeat", score=10.0, like_month=earlier, lost=made.expected)
    return None


def _without(t: int, force: int, cube: Cube, track: Track, month: LocalMonth, gone: list[int]) -> float:
    """The evidence that the force is low without some of its areas."""
    mean = month.mean[cube.areas_of(force)].sum(dtype=np.float64)
    lost = month.mean[gone].sum(dtype=np.float64) if gone else 0.0
    kept = 1.0 - lost / max(float(mean), 1e-9)
    observed = track.counts[t, force, -1] - (cube.n[t, gone].sum(dtype=np.float64) if gone else 0.0)
    expected = np.array(track.mean[t, force, -1] * kept)
    return float(evidence.bayes_factor(np.array(observed), expected, np.array(track.phi[t, force, -1])))


def _places(t: int, force: int, cube: Cube, track: Track, month: LocalMonth, seeds: _Seeds) -> list[Incident]:
    """Sets of areas, areas and cells of a force that fell further than the force did.

    A type in surplus is left out: what came on top in some places makes the others look low.
    """
    here = cube.areas_of(force)
    found: list[Incident] = []
    whole = _set(t, force, cube, month, seeds, None)
    if whole is not None:
        whole = _one_type(cube, month, whole)
        found.append(whole)
    explained = np.zeros(len(cube.areas), dtype=bool)
    if whole is not None and whole.areas is not None:
        explained[whole.areas] = True
    types = cube.n.shape[2]
    groups = [
        _unexplained(level, scores, force, month.mean, explained)
        for level, scores in zip(cube.levels, seeds.groups, strict=True)
    ]
    left = replace(seeds, groups=groups)
    for category in range(types):
        if track.up[t, force, category] > 0.0:
            continue
        seeded = (seeds.cell[here, category] >= 0) & ~explained[here]
        grouped = any(
            (scores[level.node_of_area[here], category] >= 0).any()
            for level, scores in zip(cube.levels, left.groups, strict=True)
        )
        if not seeded.any() and not grouped:
            continue
        one = _set(t, force, cube, month, left, category, explained)
        if one is not None:
            found.append(one)
    return found


def _closure(track: Track, t: int, force: int, moved: float) -> float:
    """How much likelier the force's total is with the records moved inside it than with them gone (natural log).

    A total above what is expected says no more for a move than one that is met.
    """
    y, mean, phi = (values[t, force, -1] for values in (track.counts, track.mean, track.phi))
    y = min(y, mean)
    return float(evidence.log_probability(y, mean, phi) - evidence.log_probability(y, mean - moved, phi))


def _one_type(cube: Cube, month: LocalMonth, incident: Incident) -> Incident:
    """The same set of areas with one type only, where that type alone explains more than all types together."""
    if incident.areas is None:
        return incident
    y = cube.n[incident.month, incident.areas].sum(axis=0, dtype=np.float64)
    mean = month.mean[incident.areas].sum(axis=0, dtype=np.float64)
    shares = np.clip(y / np.maximum(mean, 1e-9), 0.01, 0.95)
    together = evidence.gain(
        y, mean, month.phi_cell, float(np.clip(y.sum() / max(mean.sum(), 1e-9), 0.01, 0.95))
    ).sum()
    alone = evidence.gain(y, mean, month.phi_cell, shares)
    worst = int(np.argmax(alone))
    if alone[worst] - np.log(len(y)) <= together:
        return incident
    level = "cell" if len(incident.areas) == 1 else incident.level
    observed, expected = float(y[worst]), float(mean[worst])
    return replace(
        incident, category=worst, level=level, observed=observed, expected=expected, lost=expected - observed
    )


def _unexplained(level: Level, scores: Floats, force: int, mean: Floats, explained: Floats) -> Floats:
    """The scores of a force's groups without those that areas already explained make up a tenth of."""
    if not explained.any():
        return scores
    mass = np.bincount(level.node_of_area, weights=mean.sum(axis=1), minlength=len(level.nodes))
    gone = np.bincount(level.node_of_area, weights=mean.sum(axis=1) * explained, minlength=len(level.nodes))
    return np.where((gone > k.MISSING_BELOW * mass)[:, None], -np.inf, scores)


def _set(
    t: int,
    force: int,
    cube: Cube,
    month: LocalMonth,
    seeds: _Seeds,
    category: int | None,
    explained: Floats | None = None,
) -> Incident | None:
    """The set of areas, of one type or all, that explains what fell, where some scope of it is an alert by itself.

    Areas that only several months together make an alert are kept as they are.
    """
    here = cube.areas_of(force)
    offset = here.start
    column = -1 if category is None else category
    if category is None:
        y = cube.n[t, here].sum(axis=1, dtype=np.float64)
        mean = month.mean[here].sum(axis=1, dtype=np.float64)
        phi = month.phi_area[here]
        seed_score, seed_months = seeds.area[here], seeds.area_months[here]
    else:
        y = cube.n[t, here, category].astype(np.float64)
        mean = month.mean[here, category].astype(np.float64)
        phi = evidence.widened(
            np.full(len(y), month.phi_cell[category]), mean, month.widen_cell[here, category]
        )
        seed_score, seed_months = seeds.cell[here, category], seeds.cell_months[here, category]
    allowed = ~month.new[here]
    if explained is not None:
        allowed &= ~explained[here]
    seeded = (seed_score >= 0) & allowed
    group_scores = [
        float(scores[level.node_of_area[here], column].max())
        for level, scores in zip(cube.levels, seeds.groups, strict=True)
    ]
    best_group = max(group_scores, default=-np.inf)
    if not seeded.any() and best_group < 0:
        return None
    levels = [
        level.node_of_area[here] - level.node_of_area[here].min() for level in cube.levels if level.named
    ]
    inside, scale = _pieces(y, mean, phi, levels, allowed)
    sudden = (seeded & (seed_months == 1)).any() or best_group >= 0
    if not sudden or not inside.any():
        inside, scale = seeded, 1.0
    if not inside.any():
        return None
    mean = mean * scale
    score = max(best_group, float(seed_score[inside].max()))
    if score < 0:
        return None
    chosen = np.flatnonzero(inside) + offset
    place, chosen = _named(cube, force, chosen, month, category)
    observed = float(y[chosen - offset].sum())
    expected = float(mean[chosen - offset].sum())
    if expected <= observed:
        return None
    level = "area" if category is None else ("cell" if len(chosen) == 1 else "area")
    months = int(seed_months[inside][np.argmax(seed_score[inside])]) if len(chosen) == 1 else 1
    typical = (
        month.phi_group[_finest(cube)][column]
        if len(chosen) > 1 and month.phi_group
        else float(phi[inside].mean())
    )
    return Incident(
        t,
        force,
        "area",
        level,
        observed,
        expected,
        float(typical),
        score,
        chosen,
        place,
        category,
        months=months,
        lost=expected - observed,
    )


def _pieces(
    y: Floats, mean: Floats, phi: Floats, levels: list[Ints], allowed: Floats
) -> tuple[Floats, float]:
    """Which areas are lost, as few pieces: named groups, runs in code order, single areas; and the force's scale.

    A piece is taken while it explains more than it takes to name it (description length, natural log): the log
    of the number of groups, of areas, or of areas and lengths of a run. All pieces share one share supplied,
    which is found from the first.
    """
    size = len(y)
    lost = np.zeros(size, dtype=bool)
    best, chosen = 0.0, 0.0
    for q in k.SUPPLIED_SHARES[1:]:
        gains = np.where(allowed, evidence.gain(y, np.maximum(mean, 1e-6), phi, q), 0.0)
        worth, members = _piece(gains, levels, lost)
        if worth > best:
            best, chosen, first = worth, q, members
    if best <= 0:
        return lost, 1.0
    lost, scale, q = first, 1.0, chosen
    for _ in range(k.MOST_PIECES):
        kept = ~lost
        scale = (
            float(y[kept].sum() / max(mean[kept].sum(), 1e-9)) if mean[kept].sum() > 0.1 * mean.sum() else 1.0
        )
        q = float(np.clip(y[lost].sum() / max(mean[lost].sum() * scale, 1e-9), 0.01, 0.9))
        gains = np.where(allowed, evidence.gain(y, np.maximum(mean * scale, 1e-6), phi, q), 0.0)
        again = lost & (gains > -np.log(size))
        worth, members = _piece(np.where(again, 0.0, gains), levels, again)
        if worth <= 0 or not (members & ~again).any():
            return again, scale
        lost = again | members
    return lost, scale


def _piece(gains: Floats, levels: list[Ints], taken: Floats) -> tuple[float, Floats]:
    """The one piece that explains most beyond its description, and how much; `taken` areas add nothing."""
    size = len(gains)
    single = int(np.argmax(gains))
    members = np.zeros(size, dtype=bool)
    members[single] = True
    worth = float(gains[single] - np.log(size))
    for nodes in levels:
        sums = np.bincount(nodes, weights=gains)
        node = int(np.argmax(sums))
        value = float(sums[node] - np.log(len(sums)))
        if value > worth:
            worth, members = value, nodes == node
    running = np.concatenate([[0.0], np.cumsum(gains)])
    lowest = np.minimum.accumulate(running)
    end = int(np.argmax(running - lowest))
    value = float(running[end] - lowest[end] - np.log(size) - np.log(k.LONGEST_RUN))
    if value > worth:
        start = int(np.argmin(running[: end + 1]))
        worth, members = value, np.zeros(size, dtype=bool)
        members[start:end] = True
    return worth, members & ~taken


def _finest(cube: Cube) -> int:
    """The level with the smallest groups."""
    return int(np.argmin([level.areas_of_node.mean() for level in cube.levels]))


def _named(
    cube: Cube, force: int, chosen: Ints, month: LocalMonth, category: int | None
) -> tuple[str | None, Ints]:
    """The known area that a set of areas is, if it is one by mass, and the areas of it."""
    mass = (
        month.mean.sum(axis=1, dtype=np.float64)
        if category is None
        else month.mean[:, category].astype(np.float64)
    )
    if len(chosen) == 1:
        return cube.areas[int(chosen[0])], chosen
    inside = np.zeros(len(cube.areas), dtype=bool)
    inside[chosen] = True
    for level in cube.levels:
        if not level.named:
            continue
        for node in np.unique(level.node_of_area[chosen]):
            members = level.node_of_area == node
            union = mass[inside | members].sum()
            if union > 0 and mass[inside & members].sum() / union >= k.SAME_PLACE:
                return level.nodes[int(node)], np.flatnonzero(members)
    return None, chosen


def _categories(
    t: int,
    force: int,
    cube: Cube,
    track: Track,
    month: LocalMonth,
    found: list[Incident],
    gone: list[int],
    ease: float,
) -> list[Incident]:
    """Types of a force that are low, high, or took each other's records, beyond what areas explain."""
    types = cube.n.shape[2]
    need = evidence.needed("category", types)
    y, mean, phi = track.counts[t, force], track.mean[t, force], track.phi[t, force]
    out: list[Incident] = []
    used: set[int] = set()
    for source, target, score in _mappings(t, force, cube, track, month, ease):
        used |= {source, target}
        out.append(
            Incident(
                t,
                force,
                "mapping",
                "category",
                float(y[source]),
                float(mean[source]),
                float(phi[source]),
                score,
                category=source,
                partner=target,
                lost=float(mean[source] - y[source]),
            )
        )
    for category in range(types):
        if category in used or track.history[t, force] < k.MINIMUM_HISTORY:
            continue
        local = [i for i in found if i.category == category and i.areas is not None]
        lost = sum(i.lost for i in local) + _lost_in(t, cube, month, gone, category)
        down = track.down[t, force, category]
        if lost > 0:
            again = np.array(min(y[category] + lost, mean[category]))
            down = min(down, evidence.bayes_factor(again, mean[category], phi[category]))
        if down >= need - ease:
            out.append(
                Incident(
                    t,
                    force,
                    "category",
                    "category",
                    float(y[category]),
                    float(mean[category]),
                    float(phi[category]),
                    float(down) - need,
                    category=category,
                    lost=float(mean[category] - y[category]),
                )
            )
            found[:] = [i for i in found if i.category != category]
        elif track.up[t, force, category] >= need + k.EVIDENCE_SURPLUS - ease:
            out.append(
                Incident(
                    t,
                    force,
                    "surplus",
                    "category",
                    float(y[category]),
                    float(mean[category]),
                    float(phi[category]),
                    float(track.up[t, force, category]) - need - k.EVIDENCE_SURPLUS,
                    category=category,
                )
            )
    return out


def _lost_in(t: int, cube: Cube, month: LocalMonth, gone: list[int], category: int) -> float:
    """Records of a type that lost areas account for."""
    if not gone:
        return 0.0
    return max(float((month.mean[gone, category] - cube.n[t, gone, category]).sum()), 0.0)


def _mappings(
    t: int, force: int, cube: Cube, track: Track, month: LocalMonth, ease: float
) -> list[tuple[int, int, float]]:
    """Pairs (from, to, score) of types whose records moved: one low, one high by as much, in the same places.

    The strongest first; what one has moved is expected where it went before the next is looked for.
    """
    types = cube.n.shape[2]
    if track.history[t, force] < k.MINIMUM_HISTORY or types < 2:
        return []
    y, mean, phi = (values[t, force, :-1] for values in (track.counts, track.mean, track.phi))
    ratio = np.clip(track.counts[t, force, -1] / track.mean[t, force, -1], 0.85, 1.15)
    mean = mean * ratio
    down = evidence.bayes_factor(y, mean, phi)
    sources = [int(s) for s in np.flatnonzero((down > 0.3) & (mean >= k.SMALLEST_EXPECTED))]
    pairs: list[tuple[int, int, float]] = []
    while sources:
        found = []
        for source in sources:
            moved = float(mean[source] - y[source])
            gains = _moved_to(t, force, cube, month, source, moved, y, mean, phi)
            gains[[each for each, _, _ in pairs]] = -np.inf
            found.append(
                _likeliest(source, float(down[source]), gains + _closure(track, t, force, moved), types)
            )
        source, target, score = max(found, key=lambda pair: pair[2])
        if target < 0 or score < -ease:
            break
        pairs.append((source, target, score))
        mean[target] += mean[source] - y[source]
        sources = [each for each in sources if each not in (source, target)]
    return pairs


def _likeliest(source: int, down: float, gains: Floats, types: int) -> tuple[int, int, float]:
    """The pair of a low type with the one that got its records, and the evidence beyond what an alert needs.

    The type lost its records or gave them to another: before the counts are seen the one is as likely as the other,
    and each other type as likely as the next. A pair is named when it is likelier than everything else together
    (`gains`: natural log, against their being lost); otherwise its target is -1.
    """
    each = gains - np.log(types - 1)
    best = int(np.argmax(each))
    either = float(np.logaddexp.reduce(np.append(each, 0.0)))
    if 2.0 * np.exp(each[best] - either) <= 1.0:
        return source, -1, -np.inf
    return source, best, down + (either - np.log(2.0)) / evidence.LN10 - evidence.needed("mapping", types)


def _moved_to(
    t: int,
    force: int,
    cube: Cube,
    month: LocalMonth,
    source: int,
    moved: float,
    y: Floats,
    mean: Floats,
    phi: Floats,
) -> Floats:
    """How much likelier each type's count and places are with another's records among its own (natural log)."""
    usual = evidence.log_probability(y, mean, phi) + evidence.rarely_wider(y, mean, phi)
    gains = np.minimum(evidence.log_probability(y, mean + moved, phi) - usual, k.MATCH_WEIGHT)
    for target in np.flatnonzero(gains > -k.MATCH_WEIGHT):
        if target != source and y[target] > 0:
            places = _same_places(t, force, cube, month, source, int(target), moved)
            gains[target] += min(places, k.MATCH_WEIGHT)
    gains[(np.arange(len(y)) == source) | (y == 0)] = -np.inf
    return np.asarray(gains)


def _same_places(
    t: int, force: int, cube: Cube, month: LocalMonth, source: int, target: int, moved: float
) -> float:
    """How much likelier the places of one type's records are with another's moved among them (natural log)."""
    here = cube.areas_of(force)
    seen = cube.n[t, here, target].astype(np.float64)
    total = float(seen.sum())
    part = min(moved / total, 0.95)
    own = np.maximum(month.share[here, target].astype(np.float64), 1e-9) * total
    mixed = own * (1.0 - part) + month.share[here, source].astype(np.float64) * (part * total)
    phi = evidence.widened(
        np.full(len(own), month.phi_cell[target]), own, month.widen_cell[here, target].astype(np.float64)
    )
    return float(
        (evidence.log_probability(seen, mixed, phi) - evidence.log_probability(seen, own, phi)).sum()
    )
