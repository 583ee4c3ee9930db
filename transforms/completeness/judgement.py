"""Judges a table of counts: a verdict for every force and month owed, and the alerts that explain them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from transforms.completeness import constants as k
from transforms.completeness import evidence
from transforms.completeness.catalogue import CATALOGUE
from transforms.completeness.cube import Cube, Floats, as_month, encode
from transforms.completeness.expectation import COMPLETE, MISSING, PARTIAL, SURPLUS, UNJUDGED, Track, follow
from transforms.completeness.local import LocalModel
from transforms.completeness.localise import Incident, localise

#: Columns of the verdicts and alerts, in the order in which they are printed.
VERDICT_COLUMNS: Final = ("force", "month", "verdict", "observed", "expected", "low", "high", "coverage")
ALERT_COLUMNS: Final = (
    "id", "severity", "code", "level", "force", "area", "category", "first_month", "last_month",
    "observed", "expected", "p", "sentence",
)  # fmt: skip
SEVERITIES: Final = ("block", "sign-off", "warn", "info")


@dataclass(frozen=True)
class Judgement:
    """What was judged.

    `verdicts`: one row for each force and month owed: `force, month, verdict` (complete, partial, missing or
    unjudged), `observed, expected, low, high` in crimes (95% interval of what complete supply would be),
    `coverage`, `reason`, `since`. `alerts`: one row for each incident, worst first, with `next_steps`, `low`,
    `high` and `lost` beside the printed columns. `affected`: the grid below the force: one row for each
    force, month, area (null: every area) and category (null: every category) that an alert covers.
    """

    verdicts: pl.DataFrame
    alerts: pl.DataFrame
    affected: pl.DataFrame


@dataclass(frozen=True)
class _Alert:
    """An incident as reported, over its months."""

    incident: Incident
    first: int
    last: int
    observed: float
    expected: float
    code: str
    sentence: str
    severity: str


def judge(
    counts: pl.DataFrame | pl.LazyFrame,
    areas: pl.DataFrame,
    register: pl.DataFrame | None = None,
    as_of: date | None = None,
    anchor: pl.DataFrame | None = None,
) -> Judgement:
    """Judges `counts` [month, area, category, n] on `areas` [area, force, …levels].

    Counts hold positive cells only; an empty area is “no location”. `register` [force, first_month,
    last_month] says which months each force owes (a null last month: still owed); without one every force in
    `areas` owes every month in range. With `as_of`, months after it are not looked at and its alerts are
    those open in that month; without it every month is judged in turn as it would have arrived, and the
    first months again in the light of later ones. `anchor` [force, crimes] holds what an outside source says
    a force records in a month, for forces without a history of their own. Raises `CountsError`. The model is
    described in docs/completeness.md.
    """
    cube = encode(counts, areas, as_of)
    owed = _owed(cube, register)
    sizes = np.diff(cube.first_area).astype(float)
    size, anchored = _anchored(cube, sizes, anchor)
    by_force = cube.by_force()
    track = follow(by_force, size, owed, anchored)
    if len(cube.months) >= 2 * k.SETTLING_MONTHS:
        track = _hindsight(track, follow(by_force[::-1], size, owed[::-1], anchored))
    local = LocalModel(cube)
    incidents: list[Incident] = []
    started: dict[int, int] = {}
    for t in range(len(cube.months)):
        month = local.expect(t)
        if as_of is None or t == len(cube.months) - 1:
            here = _relocated(t, cube, track, localise(t, cube, track, month))
            for incident in here:
                if incident.kind == "area" and incident.areas is not None:
                    started[id(incident)] = t - int(local.doubted[incident.areas].min())
            incidents.extend(here)
        local.learn(t, month, track.masked[t, :, :-1])
    alerts = _alerts(cube, track, incidents, started)
    alerts.extend(_exposed(cube, track))
    verdicts = _verdicts(cube, track, owed, alerts, register)
    return Judgement(verdicts, _alert_frame(cube, local, track, alerts, as_of), _affected(cube, alerts))


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
    fields = {name: getattr(track, name).copy() for name in ("mean", "phi", "down", "up", "masked", "state", "history")}
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


def _relocated(t: int, cube: Cube, track: Track, incidents: list[Incident]) -> list[Incident]:
    """Marks losses whose records reappear without a location in the same month and types."""
    excess, sd = _unlocated(t, cube, track)
    out = []
    for incident in incidents:
        if incident.kind in ("partial", "missing", "area", "category") and incident.lost > 0:
            which = slice(None) if incident.category is None else slice(incident.category, incident.category + 1)
            risen, scatter = float(excess[which].sum()), float(np.sqrt((sd[which] ** 2).sum()))
            matched = k.RELOCATED_SHARE * incident.lost <= risen <= 2.0 * incident.lost + 2.0 * scatter
            if matched and risen > k.UNLOCATED_RISE * scatter:
                incident = replace(incident, kind="location")
        out.append(incident)
    return out


def _unlocated(t: int, cube: Cube, track: Track) -> tuple[Floats, Floats]:
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


def _alerts(cube: Cube, track: Track, incidents: list[Incident], started: dict[int, int]) -> list[_Alert]:
    """Joins the incidents of following months into one alert each."""
    chains: list[list[Incident]] = []
    for incident in sorted(incidents, key=lambda i: (i.month, -i.score)):
        for chain in reversed(chains):
            if chain[-1].force == incident.force and _same(chain[-1], incident):
                chain.append(incident)
                break
        else:
            chains.append([incident])
    return [_alert(cube, track, chain, started) for chain in chains]


def _same(before: Incident, after: Incident) -> bool:
    """Whether one incident goes on in the other."""
    if not 0 < after.month - before.month <= 2 or before.category != after.category or before.partner != after.partner:
        return False
    whole = {"missing", "partial", "location"}
    if before.areas is None or after.areas is None:
        kinds = {before.kind, after.kind}
        return before.areas is None and after.areas is None and (before.kind == after.kind or kinds <= whole)
    common = np.intersect1d(before.areas, after.areas).size
    return common >= 0.5 * min(before.areas.size, after.areas.size)


def _alert(cube: Cube, track: Track, chain: list[Incident], started: dict[int, int]) -> _Alert:
    """One alert over the months of one incident."""
    latest = chain[-1]
    first, last = chain[0].month, latest.month
    if len(chain) == 1:
        if latest.areas is not None:
            first = min(started.get(id(latest), last), last - latest.months + 1)
        elif latest.kind in ("missing", "partial", "location") and latest.category is None:
            while first > 0 and track.state[first - 1, latest.force] in (MISSING, PARTIAL):
                first -= 1
        elif latest.kind == "category":
            c = latest.category
            need = evidence.needed("category", len(cube.forces) * len(cube.categories))
            while first > 0 and track.masked[first - 1, latest.force, c] and track.down[first - 1, latest.force, c] >= need:
                first -= 1
    largest = max(chain, key=lambda incident: incident.lost)
    worst = replace(largest, kind=latest.kind) if latest.kind != "surplus" else latest
    observed = sum(incident.observed for incident in chain)
    expected = sum(incident.expected for incident in chain)
    code, severity, sentence = _describe(cube, track, worst, first, last, observed, expected)
    return _Alert(worst, max(first, 0), last, observed, expected, code, sentence, severity)


def _exposed(cube: Cube, track: Track) -> list[_Alert]:
    """Earlier months that a step up shows to have been partial."""
    out = []
    for t, force in zip(*np.nonzero(track.exposed >= 0), strict=True):
        first = int(track.exposed[t, force])
        if first >= t:
            continue
        rise = track.counts[t, force, -1] / track.mean[t, force, -1]
        observed = float(track.counts[first:t, force, -1].sum())
        incident = Incident(
            int(t) - 1, int(force), "exposed", "force", observed, observed * rise, float(track.phi[t, force, -1]),
            float(track.up[t, force, -1]), lost=observed * (rise - 1.0),
        )
        sentence = (
            f"{cube.forces[force]} rose to {rise:.2f} times its expected level in {_name(cube, int(t))} and its months from "
            f"{_name(cube, first)} to {_name(cube, int(t) - 1)} then look partial: about {100 / rise:.0f}% supplied "
            f"({observed:,.0f} of about {observed * rise:,.0f}). A real rise in recording looks the same: ask the force."
        )
        out.append(_Alert(incident, first, int(t) - 1, observed, observed * rise, "W38", sentence, "block"))
    return out


def _describe(
    cube: Cube, track: Track, incident: Incident, first: int, last: int, observed: float, expected: float
) -> tuple[str, str, str]:
    """The code, severity and sentence of an incident."""
    force = cube.forces[incident.force]
    when = _name(cube, first) if first == last else f"{_name(cube, first)} to {_name(cube, last)}"
    t, f = incident.month, incident.force
    low, high = evidence.interval(np.array(incident.expected), np.array(incident.phi))
    share = incident.observed / max(incident.expected, 1e-9)
    about = (
        f"{incident.observed:,.0f} where about {incident.expected:,.0f} were expected ({low:,.0f} to {high:,.0f})"
        + ("" if first == last else f" in {_name(cube, t)}")
    )
    peers = _peers(track, t, f)
    what = cube.categories[incident.category] if incident.category is not None else "crime"
    where = _where(cube, incident)
    ask = "A real fall and a gap in supply can look the same: ask the force and hold the figure."
    kind = incident.kind
    if kind == "missing":
        code = "W02" if incident.observed == 0 else "W01" if first < last else "W08"
        if track.history[t, f] == 0 and incident.observed > 0:
            code = "W03"
        own = "it has no complete month to compare with; forces with as many areas" if track.history[t, f] == 0 else "the other forces"
        left = "No record is" if incident.observed == 0 else "What is there looks like other forces' records:"
        return code, "block", f"{force} supplied nothing usable for {when}. {left} {about}; {own} stand at {peers}."
    if kind == "partial":
        grade = "block" if share <= 0.5 or incident.score > 2 else "sign-off"
        return "W31", grade, f"{force} supplied about {100 * share:.0f}% of its crime for {when}: {about}; the other forces stand at {peers} of theirs. {ask}"
    if kind == "location":
        return "W06", "block", f"{where or force} lost the location of {what.lower() if incident.category is not None else 'its records'} in {when}: {about}, and as many more records than usual have no location."
    if kind == "category":
        grade = "block" if share <= 0.5 else "sign-off"
        return "W33", grade, f"{force} supplied about {100 * share:.0f}% of its {what.lower()} for {when}: {about}; its other types are in range. {ask}"
    if kind == "mapping" and incident.partner is not None:
        other = cube.categories[incident.partner]
        got, due = track.counts[t, f, incident.partner], track.mean[t, f, incident.partner]
        return "W27", "block", f"{force} moved records from {what.lower()} to {other.lower()} in {when}: {what.lower()} {about}; {other.lower()} {got:,.0f} where about {due:,.0f} were expected. The total is in range; the mapping of codes is likely at fault."
    if kind == "repeat":
        return "W12", "block", f"{force} supplied {_name(cube, incident.like_month or 0)} again for {when}: the areas and types agree almost exactly ({incident.observed:,.0f} records). The month itself is missing."
    if kind == "twice":
        return "W26", "block", f"{force} has every record twice for {when}: every count is even and the total is {incident.observed:,.0f} where about {incident.expected:,.0f} were expected."
    if kind == "surplus":
        recent = track.state[max(0, t - k.BACKLOG_MONTHS) : t, f]
        if incident.category is None and np.isin(recent, (MISSING, PARTIAL)).any():
            return "W10", "sign-off", f"{force} supplied more than a month's crime for {when}: {about}. It follows a gap and is likely its backlog; the gap stays open until its own month is supplied again."
        return "W09", "sign-off", f"{force} stepped up in {what.lower()} in {when}: {about}. Earlier months may have been partial, or a file may have been added."
    single = incident.category is not None
    grade = "block" if incident.lost > k.MATERIAL_LOSS * max(track.mean[t, f, -1], 1.0) else "warn"
    code = "W36" if incident.level == "cell" else "W35" if incident.areas is not None and len(incident.areas) == 1 else "W34"
    subject = f"{what} in {where}" if single else f"{where}"
    count = 0 if incident.areas is None else len(incident.areas)
    size = f" ({count} areas)" if count > 1 and incident.place else ""
    return code, "warn" if code == "W36" else grade, f"{subject}{size} in {force} fell away in {when}: {about}; the rest of the force is in range."


def _peers(track: Track, t: int, force: int) -> str:
    """How the other forces stand against their own expectation carried over from last month, in words."""
    ratio = track.counts[t, :, -1] / np.maximum(track.mean[t, :, -1], 1e-9)
    others = np.delete(ratio, force)
    return f"{100 * float(np.median(others)):.0f}%" if others.size else "no others"


def _where(cube: Cube, incident: Incident) -> str | None:
    """The place of an incident in words."""
    if incident.areas is None:
        return None
    if incident.place is not None:
        return incident.place
    return f"a group of {len(incident.areas)} areas"


def _name(cube: Cube, t: int) -> str:
    """A month in words."""
    return f"{cube.months[t]:%B %Y}"


def _verdicts(
    cube: Cube, track: Track, owed: Floats, alerts: list[_Alert], register: pl.DataFrame | None
) -> pl.DataFrame:
    """One row for each force and month owed."""
    months, forces = owed.shape
    observed, expected, phi = track.counts[:, :, -1], track.mean[:, :, -1].copy(), track.phi[:, :, -1]
    verdict = np.full((months, forces), "complete", dtype=object)
    verdict[track.history < k.MINIMUM_HISTORY] = "unjudged"
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
            verdict[t, f], reason[t, f], supplied[t, f] = "missing", "No record was supplied for the month.", 0.0
        elif verdict[t, f] == "unjudged":
            reason[t, f] = "Too few months of its own to judge the force by."
        else:
            reason[t, f] = "In range of its usual share of what the other forces supplied."
    low, high = evidence.interval(expected, phi)
    ratio = observed / np.maximum(expected, 1e-9)
    gap = np.isin(verdict, ("missing", "partial"))
    coverage = np.where(gap, np.minimum(np.where(supplied < 1.0, supplied, ratio), 1.0), np.minimum(ratio, 1.0))
    rows = np.argwhere(owed)
    t, f = rows[:, 0], rows[:, 1]
    table = pl.DataFrame(
        {
            "force": [cube.forces[i] for i in f],
            "month": [cube.months[i] for i in t],
            "verdict": verdict[t, f].tolist(),
            "observed": observed[t, f],
            "expected": expected[t, f].round(1),
            "low": low[t, f].round(1),
            "high": high[t, f].round(1),
            "coverage": coverage[t, f].round(4),
            "reason": reason[t, f].tolist(),
            "since": [cube.months[s] if s >= 0 else None for s in since[t, f]],
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
    due = due.filter((pl.col("month") >= pl.col("first")) & (pl.col("last").is_null() | (pl.col("month") <= pl.col("last"))))
    return due.select("force", "month").unique().select(
        "force", "month", verdict=pl.lit("unjudged"), observed=pl.lit(None, pl.Float64), expected=pl.lit(None, pl.Float64),
        low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64), coverage=pl.lit(None, pl.Float64),
        reason=pl.lit("The force owns no area, so its supply cannot be seen in counts by area."), since=pl.lit(None, pl.Date),
    )  # fmt: skip


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


def _alert_frame(cube: Cube, local: LocalModel, track: Track, alerts: list[_Alert], as_of: date | None) -> pl.DataFrame:
    """Alerts as a table, worst first: by severity, then by the number of crimes a published figure would lack."""
    rows = [_row(cube, alert) for alert in alerts]
    rows.extend(_other_rows(cube, local, track, as_of))
    schema = {
        "id": pl.String, "severity": pl.Enum(SEVERITIES), "code": pl.String, "level": pl.String, "force": pl.String,
        "area": pl.String, "category": pl.String, "first_month": pl.Date, "last_month": pl.Date, "observed": pl.Float64,
        "expected": pl.Float64, "low": pl.Float64, "high": pl.Float64, "lost": pl.Float64, "p": pl.Float64,
        "score": pl.Float64, "sentence": pl.String, "next_steps": pl.String,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.sort("severity", "lost", "id", descending=[False, True, False])


def _row(cube: Cube, alert: _Alert) -> tuple[object, ...]:
    """One alert as a row."""
    i = alert.incident
    mean, seen, phi = np.array(i.expected), np.array(i.observed), np.array(i.phi)
    low, high = evidence.interval(mean, phi)
    below = float(evidence.lower_tail(seen, mean, phi))
    p = 1.0 - below if i.kind in ("surplus", "twice") else below
    area = None
    if i.areas is not None:
        area = i.place if i.place is not None else ";".join(cube.areas[a] for a in i.areas)
    category = cube.categories[i.category] if i.category is not None else None
    if i.partner is not None:
        category = f"{category} > {cube.categories[i.partner]}"
    first, last = cube.months[alert.first], cube.months[alert.last]
    place = None if area is None else area if len(area) < 40 else f"{area.split(';')[0]} and {area.count(';')} more"
    name = _slug(alert.code, cube.forces[i.force], place, category, f"{first:%Y-%m}")
    level = i.level if i.areas is None or i.level == "cell" else _level_name(cube, i)
    return (
        name, alert.severity, alert.code, level, cube.forces[i.force], area, category, first, last,
        round(alert.observed, 1), round(alert.expected, 1), round(float(low), 1), round(float(high), 1), round(i.lost, 1),
        float(f"{p:.3g}"), round(i.score, 2), alert.sentence, CATALOGUE[alert.code].next_steps,
    )  # fmt: skip


def _level_name(cube: Cube, incident: Incident) -> str:
    """Level of the place of an incident: the area, a level of `areas`, or a group without a name."""
    if incident.areas is not None and len(incident.areas) == 1:
        return "area"
    for level in cube.levels:
        if level.named and incident.place in level.nodes:
            return level.name
    return "areas"


def _other_rows(cube: Cube, local: LocalModel, track: Track, as_of: date | None) -> list[tuple[object, ...]]:
    """Alerts about the input as a whole: unknown areas, recoded areas, records without a location."""
    rows: list[tuple[object, ...]] = []
    for area, n, first, last in cube.unknown.select("area", "n", "first_month", "last_month").iter_rows():
        rows.append((
            _slug("W37", None, area, None, f"{first:%Y-%m}"), "warn", "W37", "area", None, area, None, first, last, n, None,
            None, None, n, None, 0.0, f"{n:,.0f} records lie in {area}, which AREAS does not know; they are in no force's figures.",
            CATALOGUE["W37"].next_steps,
        ))  # fmt: skip
    last_t = len(cube.months) - 1
    for t, force, old, new in local.recoded:
        if as_of is not None and t != last_t:
            continue
        month, gone = cube.months[t], ";".join(cube.areas[a] for a in old)
        rows.append((
            _slug("W22", cube.forces[force], None, None, f"{month:%Y-%m}"), "info", "W22", "areas", cube.forces[force], gone,
            None, month, month, 0.0, None, None, None, 0.0, None, 0.0,
            f"{len(old)} areas of {cube.forces[force]} ended and {len(new)} began in {month:%B %Y}: records moved to new area codes.",
            CATALOGUE["W22"].next_steps,
        ))  # fmt: skip
    for t in range(len(cube.months)):
        if as_of is not None and t != last_t:
            continue
        excess, sd = _unlocated(t, cube, track)
        risen, scatter = float(excess.sum()), float(np.sqrt((sd**2).sum()))
        if np.isfinite(scatter) and scatter > 0 and risen > k.UNLOCATED_ALERT * scatter and risen > 0.1 * cube.no_location[t].sum():
            month, seen = cube.months[t], float(cube.no_location[t].sum())
            rows.append((
                _slug("W06", None, None, None, f"{month:%Y-%m}"), "warn", "W06", "country", None, None, None, month, month, seen,
                seen - risen, seen - risen - 2 * scatter, seen - risen + 2 * scatter, risen, None, risen / scatter,
                f"{seen:,.0f} records have no location in {month:%B %Y} where about {seen - risen:,.0f} were expected; some force's location was lost.",
                CATALOGUE["W06"].next_steps,
            ))  # fmt: skip
    return rows


def _affected(cube: Cube, alerts: list[_Alert]) -> pl.DataFrame:
    """The part of the grid that the alerts cover, so that a cell can inherit the state of its scope."""
    schema = {"force": pl.String, "month": pl.Date, "area": pl.String, "category": pl.String, "verdict": pl.String, "coverage": pl.Float64}
    rows = []
    for alert in alerts:
        i = alert.incident
        if i.kind == "surplus":
            continue
        share = float(np.clip(i.observed / max(i.expected, 1e-9), 0.0, 1.0))
        verdict = "missing" if i.kind in ("missing", "repeat") or share < k.MISSING_BELOW else "partial"
        verdict = "unjudged" if i.kind == "twice" else verdict
        categories = [c for c in (i.category, i.partner) if c is not None] or [None]
        places = [None] if i.areas is None else [cube.areas[a] for a in i.areas]
        rows.extend(
            (cube.forces[i.force], cube.months[t], place, None if c is None else cube.categories[c], verdict, share)
            for t in range(alert.first, alert.last + 1)
            for place in places
            for c in categories
        )
    return pl.DataFrame(rows, schema=schema, orient="row").sort("force", "month", "area", "category", "verdict")


def _slug(*parts: str | None) -> str:
    """A stable id made of the parts that say what an alert is about."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts if part)


__all__ = ["ALERT_COLUMNS", "UNJUDGED", "VERDICT_COLUMNS", "Judgement", "judge"]
