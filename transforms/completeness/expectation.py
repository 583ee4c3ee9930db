"""What each force and crime type should have supplied: its share of a national level taken from the other forces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.completeness import constants as k
from transforms.completeness import evidence
from transforms.completeness.cube import Floats, Ints

#: Kinds of force-month, coded: what the force's total says.
COMPLETE, MISSING, PARTIAL, SURPLUS, UNJUDGED = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Track:
    """The force levels followed month by month; the last type is the force total.

    Arrays are `[month, force, type + 1]` unless said otherwise. `mean` and `phi` are the expectation before
    the month was seen; `down` and `up` are log10 Bayes factors; `masked` months taught the baseline nothing.
    `state` is `[month, force]`; `history` counts the months of its own behind a force's expectation;
    `exposed` is `[month, force]`: the first month that this month's rise exposes, or -1.
    """

    counts: Floats
    mean: Floats
    phi: Floats
    down: Floats
    up: Floats
    masked: Floats
    state: Ints
    history: Ints
    exposed: Ints
    level: Floats


def peers_level(counts: Floats, share: Floats, usable: Floats) -> tuple[Floats, Floats, Floats]:
    """The national level seen by each force from the others: weighted median of count over share.

    `counts`, `share` and `usable` are `[force, type]`. The force itself is left out, so its own silence
    cannot lower what is expected of it; weights are the square roots of shares, so the largest force weighs
    little more than its neighbours. Returns the level `[force, type]` (nan without peers) and its squared
    relative error (infinite without): from how far the peers lie apart, and from how few records they have.
    """
    forces, types = counts.shape
    ratio = np.where(usable, counts / np.maximum(share, 1e-12), np.inf)
    weight = np.where(usable, np.sqrt(share), 0.0)
    order = np.argsort(ratio, axis=0)
    ratio = np.take_along_axis(ratio, order, 0)
    weight = np.take_along_axis(weight, order, 0)
    rank = np.argsort(order, axis=0)
    running = np.cumsum(weight, axis=0)
    total = running[-1]
    own = np.take_along_axis(weight, rank, 0)
    columns = np.arange(types)
    made = np.where(usable, counts, 0.0).sum(axis=0)
    # `[force left out, force in order, type]`
    without = running - np.where(np.arange(forces)[:, None] >= rank[:, None, :], own[:, None, :], 0.0)
    half = ((total - own) / 2.0)[:, None, :]
    peers = usable.sum(axis=0) - usable
    enough = peers >= k.MINIMUM_PEERS
    middle, below, above = (
        ratio[np.argmax(without >= part * half, axis=1), columns] for part in (1.0, 0.5, 1.5)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = (above - below) / np.maximum(middle, 1e-9) / 1.349
        records = np.maximum(made - np.where(usable, counts, 0.0), 1.0)
        apart = np.where(enough, k.MEDIAN_ERROR * spread**2 / np.maximum(peers, 1), np.inf)
        few = np.where(enough, k.MEDIAN_ERROR / records, np.inf)
    level = np.where(enough, middle, np.nan)
    return level, apart, few


def follow(counts: Floats, areas: Floats, owed: Floats, anchored: Floats | None = None) -> Track:
    """Follows every force and type through `counts` [month, force, type]; judges each month before it learns from it.

    `areas` is the number of areas of each force (the cross-section that a force without history is held
    against), or its crimes by an outside source where `anchored`; `owed` is `[month, force]`,
    false where nothing is due or a gap is declared. A month judged
    missing or partial, or in surplus, teaches the baseline nothing.
    """
    months, forces, types = counts.shape
    y = np.concatenate([counts, counts.sum(axis=2, keepdims=True)], axis=2)
    types += 1
    total = types - 1
    shape = (months, forces, types)
    mean, phi, down, up = (np.zeros(shape) for _ in range(4))
    masked = np.zeros(shape, dtype=bool)
    state = np.zeros((months, forces), dtype=np.int64)
    history = np.zeros((months, forces), dtype=np.int64)
    exposed = np.full((months, forces), -1, dtype=np.int64)
    level = np.zeros(shape)

    fade = 0.5 ** (1.0 / k.SHARE_HALF_LIFE)
    gain_rate = 1.0 - fade
    steady = (1.0 + fade) / (1.0 - fade)
    number = np.zeros((forces, types))
    weight = np.zeros((forces, types))
    effective = np.zeros((forces, types))
    silent = np.zeros((forces, types))
    learned = np.zeros(forces, dtype=np.int64)
    before_rise: dict[int, tuple[Floats, Floats, Floats]] = {}
    scatter = [np.full((forces, types), k.NODE_PRIOR_MONTHS), np.full((forces, types), k.NODE_PRIOR_MONTHS)]
    pooled = _Pooled(types)
    cross = areas / areas.sum()
    cross_phi = np.full(types, k.CROSS_SECTION_PHI_CATEGORY)
    cross_phi[total] = k.CROSS_SECTION_PHI
    if anchored is not None:
        cross_phi = np.where(anchored[:, None], k.ANCHOR_PHI, cross_phi[None, :])
    last_level = np.full((forces, types), np.nan)
    level_error = np.full((forces, types), np.inf)
    rising = np.zeros((forces, types), dtype=bool)

    for t in range(months):
        known = weight > 0
        anchor = np.where(np.isnan(last_level), 1.0, last_level)
        prior = k.CROSS_SECTION_MONTHS * anchor
        base = np.where(known, weight, 0.0) + prior
        share = (number + prior * cross[:, None]) / base
        usable = (
            owed[t][:, None] & (known if known.any() else np.ones_like(known)) & (silent < k.SETTLING_MONTHS)
        )
        if not np.isnan(last_level).any():
            supplied = y[t, :, total] > k.MISSING_BELOW * share[:, total] * last_level[:, total]
            usable = usable & supplied[:, None]
        peer_level, apart, few = peers_level(y[t], share, usable)
        lonely = np.isnan(peer_level)
        fallback = np.where(np.isnan(last_level), _own_level(y[t], share, owed[t]), last_level)
        # A level that rests on a handful of records leans on last month's, each by its error.
        carried = level_error + k.NO_PEERS_PHI
        lean = np.where(lonely, 1.0, 1.0 / (1.0 + carried / np.where(lonely, 1.0, few)))
        level[t] = np.maximum((1.0 - lean) * np.where(lonely, 0.0, peer_level) + lean * fallback, 1e-9)
        few, apart = (np.where(lonely, 0.0, error) for error in (few, apart))
        level_error = np.where(lonely, carried, few * (1.0 - lean))
        mean[t] = _with_total(share * level[t])
        common = pooled.phi()
        factor = np.maximum(scatter[0] / scatter[1], k.CALMEST)
        short = (1.0 + 1.0 / np.maximum(effective, 1.0)) / (1.0 + 1.0 / steady)
        width = common * short + common * gain_rate**2 * silent
        # Of shares and levels that rest on few records; what rests on many is in the scatter already.
        peers_error = np.maximum(np.where(lonely, 0.0, level_error), apart * (1.0 - lean) ** 2)
        unsure = peers_error + 1.0 / ((1.0 + fade) * np.maximum(number, 1.0))
        width = width + np.where(unsure > common, unsure, 0.0) + np.where(lonely, k.NO_PEERS_PHI, 0.0)
        width = evidence.widened(width, mean[t], factor)
        phi[t] = np.where(known, width, np.broadcast_to(cross_phi, width.shape) + width)
        down[t] = evidence.bayes_factor(y[t], mean[t], phi[t])
        up[t] = evidence.bayes_factor(y[t], mean[t], phi[t], upward=True)
        history[t] = learned

        for force, kept in list(before_rise.items()):
            old_mean = _with_total(kept[0][force] / np.maximum(kept[1][force], 1e-9) * level[t, force])
            old_fit = evidence.log_probability(y[t, force, total], old_mean[total], phi[t, force, total])
            new_fit = evidence.log_probability(
                y[t, force, total], mean[t, force, total], phi[t, force, total]
            )
            if old_fit > new_fit:
                number[force], weight[force], effective[force] = (
                    kept[0][force],
                    kept[1][force],
                    kept[2][force],
                )
                exposed[t - 1, force] = -1
                mean[t, force] = old_mean
                down[t, force] = evidence.bayes_factor(y[t, force], mean[t, force], phi[t, force])
                up[t, force] = evidence.bayes_factor(y[t, force], mean[t, force], phi[t, force], upward=True)
            del before_rise[force]

        blame(t, y[t], mean[t], phi[t], down[t], up[t], owed[t], history[t], known[:, total], masked, state)
        recent = state[max(0, t - k.BACKLOG_MONTHS) : t]
        for surplus in np.flatnonzero(state[t] == SURPLUS):
            force = int(surplus)
            backlog = bool(np.isin(recent[:, force], (MISSING, PARTIAL)).any())
            rise = y[t, force, total] / mean[t, force, total]
            short_past = history[t, force] < k.MINIMUM_HISTORY
            if backlog or short_past or rise < k.EXPOSING_RISE or twice(y[t, force], mean[t, force]):
                continue
            before_rise[force] = (number.copy(), weight.copy(), effective.copy())
            exposed[t, force] = _run_start(state[:t, force])
            number[force], weight[force], effective[force] = 0.0, 0.0, 0.0
            masked[t, force] = False

        learn = owed[t][:, None] & ~masked[t]
        # A second month above in a row is a new level; a first may be the backlog of a gap and teaches nothing.
        risen = masked[t] & (up[t] > down[t]) & (y[t] > mean[t])
        risen[:, total] = state[t] == SURPLUS
        above = risen & rising
        rising = risen
        number[above] = weight[above] = effective[above] = 0.0
        learn |= above
        least = np.full(types, k.SETTLING_SHARE_CATEGORY)
        least[total] = k.SETTLING_SHARE_FORCE
        settled = masked[t] & (silent >= k.SETTLING_MONTHS) & (y[t] >= least * mean[t]) & (y[t] < mean[t])
        # The types of a force that is held as a whole settle with it, not before.
        settled &= settled[:, total:] | ~np.isin(state[t], (MISSING, PARTIAL))[:, None]
        number[settled] = weight[settled] = effective[settled] = 0.0
        learn |= settled & owed[t][:, None]
        residual = (y[t] - mean[t]) / np.sqrt(mean[t] + phi[t] * mean[t] ** 2 + 1e-9)
        used = learn & known & (state[t] != SURPLUS)[:, None]
        pooled.add(y[t], mean[t], used)
        below = np.where(used & (residual < 0), 2.0 * np.minimum(residual**2, k.WINSOR**2), 0.0)
        scatter[0] = scatter[0] * 0.97 + below
        scatter[1] = scatter[1] * 0.97 + used
        number = np.where(learn, fade * number + y[t], number)
        weight = np.where(learn, fade * weight + level[t], weight)
        effective = np.where(learn, np.minimum(effective + 1.0, steady), effective)
        silent = np.where(learn, 0.0, silent + owed[t][:, None])
        learned = learned + learn[:, total]
        last_level = level[t]
    return Track(y, mean, phi, down, up, masked, state, history, exposed, level)


def _with_total(mean: Floats) -> Floats:
    """Expectations `[..., type + 1]` whose last, the total, is the sum of its types'.

    When types move apart nationally (April 2020: thefts halved, anti-social behaviour doubled), a force with few of
    those that rose falls further than others, and has lost nothing.
    """
    mean[..., -1] = mean[..., :-1].sum(axis=-1)
    return mean


def twice(y: Floats, mean: Floats) -> bool:
    """Whether every type of a force stands at about double: a file taken in twice, not a new level."""
    ratio = y[:-1][mean[:-1] > k.SMALLEST_EXPECTED * 4] / mean[:-1][mean[:-1] > k.SMALLEST_EXPECTED * 4]
    return bool(len(ratio) > 2 and np.all(np.abs(ratio - 2.0) < 0.6) and np.all(np.mod(y, 2) == 0))


def blame(
    t: int,
    y: Floats,
    mean: Floats,
    phi: Floats,
    down: Floats,
    up: Floats,
    owed: Floats,
    history: Ints,
    known: Floats,
    masked: Floats,
    state: Ints,
) -> None:
    """Decides for month `t` which forces, or which of their types, are missing, and writes `masked` and `state`."""
    forces, types = y.shape
    need_force = evidence.needed("force", 1)
    need_type = evidence.needed("category", types - 1)
    if t > 0:
        ongoing = np.isin(state[t - 1], (MISSING, PARTIAL)) & masked[t - 1, :, -1]
        need = np.where(ongoing, 0.5, need_force)
    else:
        need = np.full(forces, need_force)
    for force in range(forces):
        if not owed[force]:
            masked[t, force] = True
            state[t, force] = UNJUDGED
            continue
        low = np.flatnonzero(down[force, :-1] >= need_type)
        whole = down[force, -1] >= need[force]
        if whole and 0 < low.size <= k.MOST_CATEGORIES:
            whole = _whole_force(y[force], mean[force], phi[force], low, need_type)
        elif not whole and low.size > k.MOST_CATEGORIES:
            whole = bool(y[force, -1] < mean[force, -1] * (1 - k.MATERIAL_LOSS * 10))
        ratio = y[force, -1] / max(mean[force, -1], 1e-9)
        if whole:
            masked[t, force] = True
            state[t, force] = MISSING if ratio < k.MISSING_BELOW else PARTIAL
        elif up[force, -1] >= need_force and known[force]:
            masked[t, force] = True
            state[t, force] = SURPLUS
        else:
            masked[t, force, :-1] = (down[force, :-1] >= need_type) | (
                up[force, :-1] >= need_type + k.EVIDENCE_SURPLUS
            )
            lost = (mean[force, low] - y[force, low]).sum()
            masked[t, force, -1] = lost > 0.05 * mean[force, -1]
            state[t, force] = UNJUDGED if history[force] < k.MINIMUM_HISTORY else COMPLETE


def _whole_force(y: Floats, mean: Floats, phi: Floats, low: Ints, need: float) -> bool:
    """Whether one share for the whole force explains its types better than blaming the few that are low.

    More than `MOST_CATEGORIES` of them are the whole force without being asked.
    """
    q = np.clip(y[-1] / max(mean[-1], 1e-9), 0.01, 0.95)
    together = evidence.gain(y[:-1], mean[:-1], phi[:-1], q).sum()
    shares = np.clip(y[low] / np.maximum(mean[low], 1e-9), 0.01, 0.95)
    apart = evidence.gain(y[low], mean[low], phi[low], shares).sum() - len(low) * need * evidence.LN10
    rest_y, rest_mean = y[-1] - y[low].sum(), mean[-1] - mean[low].sum()
    rest = evidence.bayes_factor(np.array(rest_y), np.array(max(rest_mean, 1e-9)), phi[-1])
    return bool(together > apart or rest >= need)


def _own_level(y: Floats, share: Floats, owed: Floats) -> Floats:
    """Without peers or a past month: the level that the forces owed this month make together."""
    made = (
        y[owed].sum(axis=0) / np.maximum(share[owed].sum(axis=0), 1e-12)
        if owed.any()
        else np.ones(y.shape[1])
    )
    return np.broadcast_to(np.maximum(made, 1e-9), y.shape).copy()


def _run_start(state: Ints) -> int:
    """First month of the run of months, back from the last, that were not themselves judged missing."""
    start = len(state)
    while start > 0 and state[start - 1] not in (MISSING, SURPLUS):
        start -= 1
    return start


class _Pooled:
    """Dispersion of each type over forces and months, from one-step residuals, winsorised."""

    def __init__(self, types: int) -> None:
        start = np.full(types, k.PHI_CATEGORY)
        start[-1] = k.PHI_FORCE
        self.above = start * k.PRIOR_RESIDUALS
        self.seen = np.full(types, k.PRIOR_RESIDUALS)

    def phi(self) -> Floats:
        """Squared relative scatter beyond Poisson."""
        return np.asarray(np.maximum(self.above / self.seen, 2e-4)[None, :])

    def add(self, y: Floats, mean: Floats, used: Floats) -> None:
        """Learns from the residuals of one month, each weighted by how well it can show dispersion."""
        relative = ((y - mean) ** 2 - mean) / np.maximum(mean, 1.0) ** 2
        phi = self.phi()
        cap = k.WINSOR**2 * (phi + 1.0 / np.maximum(mean, 1.0))
        trust = used * phi**2 / (phi + 1.0 / np.maximum(mean, 1.0)) ** 2
        self.above = self.above * 0.97 + (np.minimum(relative, cap) * trust).sum(axis=0)
        self.seen = self.seen * 0.97 + trust.sum(axis=0)
