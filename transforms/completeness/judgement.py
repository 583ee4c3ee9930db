"""Judges a table of counts: a verdict for every force and month owed, and the alerts that explain them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from transforms.completeness import constants as k
from transforms.completeness import evidence
from transforms.completeness.alerts import (
    Alert,
    affected_grid,
    alert_table,
    exposed_months,
    join_incidents,
)
from transforms.completeness.cube import Cube, Floats, as_month, encode
from transforms.completeness.expectation import COMPLETE, MISSING, PARTIAL, SURPLUS, Track, follow
from transforms.completeness.local import LocalModel, State
from transforms.completeness.localise import Incident, localise
from transforms.completeness.relocation import relocated

#: Before how many of the last months what was learned is kept: it is they that are supplied again.
STATES: Final = 3
#: Columns of the verdicts and alerts, in the order in which they are printed.
VERDICT_COLUMNS: Final = ("force", "month", "verdict", "observed", "expected", "low", "high", "coverage")
ALERT_COLUMNS: Final = (
    "id",
    "severity",
    "code",
    "level",
    "force",
    "area",
    "category",
    "first_month",
    "last_month",
    "observed",
    "expected",
    "p",
    "sentence",
)


@dataclass(frozen=True)
class Judgement:
    """What was judged.

    `verdicts`: one row for each force and month owed: `force, month, verdict` (complete, partial, missing or
    unjudged), `observed, expected, low, high` in crimes (95% interval of what complete supply would be),
    `coverage`, `reason`, `since`. `alerts`: one row for each incident, worst first, with `next_steps`, `low`,
    `high` and `lost` beside the printed columns. `affected`: the grid below the force: one row for each
    force, month, area (null: every area) and category (null: every category) that an alert covers.
    `months`: what was found in each month, by a key of all that it was found in. `states`: what was learned before
    each of the last `STATES` months, by a key of all that it was learned from; None where it was kept already.
    """

    verdicts: pl.DataFrame
    alerts: pl.DataFrame
    affected: pl.DataFrame
    months: Mapping[str, list[Incident]]
    states: Mapping[str, State | None]


def judge(
    counts: pl.DataFrame | pl.LazyFrame,
    areas: pl.DataFrame,
    register: pl.DataFrame | None = None,
    as_of: date | None = None,
    anchor: pl.DataFrame | None = None,
    known: Mapping[str, list[Incident]] | None = None,
    kept: Mapping[str, Callable[[], State]] | None = None,
) -> Judgement:
    """Judges `counts` [month, area, category, n] on `areas` [area, force, …levels].

    Counts hold positive cells only; an empty area is “no location”. `register` [force, first_month,
    last_month] says which months each force owes (a null last month: still owed); without one every force in
    `areas` owes every month in range. With `as_of`, months after it are not looked at and its alerts are
    those open in that month; without it every month is judged in turn as it would have arrived, and the
    first months again in the light of later ones. `anchor` [force, crimes] holds what an outside source says
    a force records in a month, for forces without a history of their own. `known` are the `months` of an earlier
    judgement by the same code: one that would be found in the same is not gone through again. `kept` reads each of
    its `states`, or raises ValueError: months that are known are not learned again where one comes after them. Without
    it no state is made. Raises `CountsError`. The model is described in docs/completeness.md.
    """
    cube = encode(counts, areas, as_of)
    owed = _owed(cube, register)
    sizes = np.diff(cube.first_area).astype(float)
    size, anchored = _anchored(cube, sizes, anchor)
    by_force = cube.by_force()
    track = follow(by_force, size, owed, anchored)
    if len(cube.months) >= 2 * k.SETTLING_MONTHS:
        track = _hindsight(track, follow(by_force[::-1], size, owed[::-1], anchored))
    known, held = known or {}, dict(kept or {})
    local, t, last = LocalModel(cube), 0, len(cube.months) - 1
    months: dict[str, list[Incident]] = {}
    keys = _keys(cube, track)
    states: dict[str, State | None] = (
        {} if kept is None else dict.fromkeys(before for before, _ in keys[-STATES:])
    )
    while t <= last:
        if later := _later(cube, keys, known, held, t):
            months |= {key: known[key] for _, key in keys[t : later[0]]}
            t, local = later
        before, key = keys[t]
        if before in states and before not in held:
            states[before] = local.state()
        month = local.expect(t)
        if as_of is None or t == last:
            found = known.get(key)
            if found is None:
                found = relocated(t, cube, track, month, localise(t, cube, track, month))
            months[key] = found
        local.learn(t, month, track.masked[t, :, :-1])
        t += 1
    incidents = [incident for found in months.values() for incident in found]
    exposed = exposed_months(cube, track)
    told = {(t, alert.incident.force) for alert in exposed for t in range(alert.first, alert.last + 1)}
    alerts = join_incidents(
        cube, track, [i for i in incidents if i.kind != "partial" or (i.month, i.force) not in told]
    )
    alerts.extend(exposed)
    verdicts = _verdicts(cube, track, owed, alerts, register)
    table = alert_table(cube, local, track, alerts, as_of)
    return Judgement(verdicts, table, affected_grid(cube, alerts), months, states)


def _later(
    cube: Cube,
    keys: list[tuple[str, str]],
    known: Mapping[str, list[Incident]],
    held: dict[str, Callable[[], State]],
    t: int,
) -> tuple[int, LocalModel] | None:
    """The latest month to go on from instead of `t`, all between being known, and the model as it was before it.

    A state that cannot be read is held no longer.
    """
    due = next((at for at in range(t, len(keys)) if keys[at][1] not in known), len(keys) - 1)
    for at in range(due, t, -1):
        before = keys[at][0]
        if before in held:
            try:
                return at, LocalModel.going_on(cube, held[before]())
            except ValueError:
                del held[before]
    return None


def _keys(cube: Cube, track: Track) -> list[tuple[str, str]]:
    """For each month a key of all that was learned from before it, and one of all that its incidents are found in.

    The one is of the counts before it and what was masked of them; the other of those, and what was expected of it.
    """
    so_far = hashlib.blake2b(repr((cube.forces, cube.areas, cube.categories)).encode())
    so_far.update(cube.first_area.tobytes())
    for level in cube.levels:
        so_far.update(repr((level.name, level.nodes, level.named)).encode() + level.node_of_area.tobytes())
    keys = []
    of_month = (track.counts, track.mean, track.phi, track.down, track.up, track.state, track.history)
    for t, month in enumerate(cube.months):
        before = so_far.hexdigest()
        for values in (cube.n[t], cube.no_location[t], track.level[t]):
            so_far.update(np.ascontiguousarray(values).tobytes())
        here = so_far.copy()
        here.update(repr(month).encode())
        for values in of_month:
            here.update(np.ascontiguousarray(values[t]).tobytes())
        keys.append((before, here.hexdigest()))
        so_far.update(track.masked[t].tobytes())
    return keys


def _owed(cube: Cube, register: pl.DataFrame | None) -> Floats:
    """Which force owes which month, `[month, force]`."""
    owed = np.ones((len(cube.months), len(cube.forces)), dtype=bool)
    if register is None:
        return owed
    owed[:] = False
    rows = register.select("force", first=as_month("first_month"), last=as_month("last_month"))
    months = np.array(cube.months, dtype="datetime64[D]")
    for force, first, last in rows.iter_rows():
        if force in cube.forces:
            due = (months >= np.datetime64(first or date.min)) & (months <= np.datetime64(last or date.max))
            owed[:, cube.forces.index(force)] |= due
    return owed


def _anchored(cube: Cube, sizes: Floats, anchor: pl.DataFrame | None) -> tuple[Floats, Floats]:
    """Relative sizes of the forces: by areas, or by the outside count where there is one."""
    known = np.zeros(len(cube.forces), dtype=bool)
    if anchor is None:
        return sizes, known
    crimes = dict(anchor.select("force", "crimes").iter_rows())
    outside = np.array([float(crimes.get(force) or np.nan) for force in cube.forces])
    known = np.isfinite(outside)
    if not known.any():
        return sizes, known
    return np.where(known, outside / np.nanmedian(outside / sizes), sizes), known


def _hindsight(track: Track, backward: Track) -> Track:
    """The first months judged from later ones: the same model run backwards, where it has more to go on."""
    length = len(track.state)
    fields = {
        name: getattr(track, name).copy()
        for name in ("mean", "phi", "down", "up", "masked", "state", "history")
    }
    for t in range(k.SETTLING_MONTHS):
        mirror = length - 1 - t
        for force in range(track.state.shape[1]):
            before, after = track.state[t, force], backward.state[mirror, force]
            if track.history[t, force] >= k.MINIMUM_HISTORY or before == MISSING:
                continue
            for name in ("mean", "phi", "down", "masked", "state", "history"):
                fields[name][t, force] = getattr(backward, name)[mirror, force]
            fields["up"][t, force] = -np.inf
            if after == SURPLUS:
                fields["state"][t, force] = COMPLETE
    return replace(track, **fields)


def _verdicts(
    cube: Cube, track: Track, owed: Floats, alerts: list[Alert], register: pl.DataFrame | None
) -> pl.DataFrame:
    """One row for each force and month owed."""
    months, forces = owed.shape
    observed, expected, phi = track.counts[:, :, -1], track.mean[:, :, -1].copy(), track.phi[:, :, -1]
    verdict = np.full((months, forces), "complete", dtype=object)
    young = track.history < k.MINIMUM_HISTORY
    half = evidence.bayes_factor(k.VISIBLE_LOSS * expected, expected, phi)
    verdict[young | (half < evidence.needed("force", 1))] = "unjudged"
    reason = np.full((months, forces), None, dtype=object)
    since = np.full((months, forces), -1)
    supplied = np.ones((months, forces))
    for alert in sorted(alerts, key=lambda a: -a.incident.lost):
        incident, f = alert.incident, alert.incident.force
        for t in range(alert.first, alert.last + 1):
            lost = _lost_share(track, incident, t)
            if incident.kind == "exposed":
                expected[t, f] = observed[t, f] * incident.expected / max(incident.observed, 1e-9)
            name = _worse(incident, lost, track, t)
            if name is None or verdict[t, f] == "missing":
                continue
            supplied[t, f] = min(supplied[t, f], max(1.0 - lost, 0.0))
            if verdict[t, f] in ("complete", "unjudged") or name == "missing":
                verdict[t, f], reason[t, f], since[t, f] = name, alert.sentence, alert.first
    state = track.state
    for t, f in zip(*np.nonzero(owed), strict=True):
        if reason[t, f] is not None:
            continue
        ratio = observed[t, f] / max(expected[t, f], 1e-9)
        if state[t, f] in (MISSING, PARTIAL):
            verdict[t, f] = "missing" if state[t, f] == MISSING else "partial"
            reason[t, f] = f"About {100 * ratio:.0f}% of what was expected was supplied."
            supplied[t, f] = ratio
        elif observed[t, f] == 0 and expected[t, f] >= 1.0:
            verdict[t, f], reason[t, f], supplied[t, f] = (
                "missing",
                "No record was supplied for the month.",
                0.0,
            )
        elif verdict[t, f] == "unjudged" and young[t, f]:
            reason[t, f] = "Too few months of its own to judge the force by."
        elif verdict[t, f] == "unjudged":
            reason[t, f] = (
                "Too few records, or other forces too far apart: with half of them missing it would look alike."
            )
        else:
            reason[t, f] = "In range of its usual share of what the other forces supplied."
    low, high = evidence.interval(expected, phi)
    ratio = observed / np.maximum(expected, 1e-9)
    gap = np.isin(verdict, ("missing", "partial"))
    coverage = np.where(
        gap, np.minimum(np.where(supplied < 1.0, supplied, ratio), 1.0), np.minimum(ratio, 1.0)
    )
    at, of = np.nonzero(owed)
    table = pl.DataFrame(
        {
            "force": [cube.forces[i] for i in of],
            "month": [cube.months[i] for i in at],
            "verdict": verdict[at, of].tolist(),
            "observed": observed[at, of],
            "expected": expected[at, of].round(1),
            "low": low[at, of].round(1),
            "high": high[at, of].round(1),
            "coverage": coverage[at, of].round(4),
            "reason": reason[at, of].tolist(),
            "since": [cube.months[s] if s >= 0 else None for s in since[at, of]],
        },
        schema_overrides={"verdict": pl.String, "reason": pl.String, "since": pl.Date, "month": pl.Date},
    )
    return pl.concat([table, _unplaced(cube, register, table)]).sort("month", "force")


def _unplaced(cube: Cube, register: pl.DataFrame | None, like: pl.DataFrame) -> pl.DataFrame:
    """Forces of the register that own no area: they cannot be judged from counts by area, and it says so."""
    if register is None:
        return like.clear()
    months = pl.DataFrame({"month": cube.months})
    due = register.select("force", first=as_month("first_month"), last=as_month("last_month"))
    due = due.filter(~pl.col("force").is_in(cube.forces)).join(months, how="cross")
    due = due.filter(
        (pl.col("month") >= pl.col("first"))
        & (pl.col("last").is_null() | (pl.col("month") <= pl.col("last")))
    )
    return (
        due.select("force", "month")
        .unique()
        .select(
            "force",
            "month",
            verdict=pl.lit("unjudged"),
            observed=pl.lit(None, pl.Float64),
            expected=pl.lit(None, pl.Float64),
            low=pl.lit(None, pl.Float64),
            high=pl.lit(None, pl.Float64),
            coverage=pl.lit(None, pl.Float64),
            reason=pl.lit("The force owns no area, so its supply cannot be seen in counts by area."),
            since=pl.lit(None, pl.Date),
        )
    )


def _lost_share(track: Track, incident: Incident, t: int) -> float:
    """Share of the force's expected crimes of month `t` that an incident takes away."""
    f = incident.force
    expected = max(float(track.mean[t, f, -1]), 1e-9)
    if incident.kind == "exposed":
        return 1.0 - incident.observed / max(incident.expected, 1e-9)
    if incident.areas is None and incident.category is None:
        return float(np.clip(1.0 - track.counts[t, f, -1] / expected, 0.0, 1.0))
    return float(np.clip(incident.lost / max(float(track.mean[incident.month, f, -1]), 1e-9), 0.0, 1.0))


def _worse(incident: Incident, lost: float, track: Track, t: int) -> str | None:
    """The verdict that an incident gives a force's month, or none."""
    if incident.kind == "surplus":
        return None
    if incident.kind == "repeat":
        return "missing"
    if incident.kind == "twice":
        return "unjudged"
    if incident.kind == "missing" and incident.areas is None:
        return "missing" if track.state[t, incident.force] == MISSING else "partial"
    if incident.kind in ("partial", "mapping", "category", "location", "exposed") and incident.areas is None:
        return "partial"
    return "partial" if lost > k.MATERIAL_LOSS else None
