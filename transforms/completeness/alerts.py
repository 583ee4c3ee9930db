"""Joins the incidents of following months into alerts, and lays them out as tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
import polars as pl

from transforms.completeness import constants as k
from transforms.completeness import evidence
from transforms.completeness.catalogue import CATALOGUE
from transforms.completeness.cube import Cube
from transforms.completeness.expectation import MISSING, PARTIAL, Track
from transforms.completeness.local import LocalModel
from transforms.completeness.localise import Incident
from transforms.completeness.relocation import unlocated
from transforms.completeness.sentences import describe, month_name

#: Severities, worst first.
SEVERITIES: Final = ("block", "sign-off", "warn", "info")


@dataclass(frozen=True)
class Alert:
    """An incident as reported, over its months."""

    incident: Incident
    first: int
    last: int
    observed: float
    expected: float
    code: str
    sentence: str
    severity: str


def join_incidents(cube: Cube, track: Track, incidents: list[Incident]) -> list[Alert]:
    """Joins the incidents of following months into one alert each."""
    chains: list[list[Incident]] = []
    for incident in sorted(incidents, key=lambda i: (i.month, -i.score)):
        for chain in reversed(chains):
            if chain[-1].force == incident.force and goes_on(chain[-1], incident):
                chain.append(incident)
                break
        else:
            chains.append([incident])
    return [_alert(cube, track, chain) for chain in chains]


def goes_on(before: Incident, after: Incident) -> bool:
    """Whether one incident goes on in the other."""
    if (
        not 0 < after.month - before.month <= 2
        or before.category != after.category
        or before.partner != after.partner
    ):
        return False
    whole = {"missing", "partial", "location"}
    if before.areas is None or after.areas is None:
        kinds = {before.kind, after.kind}
        return before.areas is None and after.areas is None and (before.kind == after.kind or kinds <= whole)
    common = np.intersect1d(before.areas, after.areas).size
    return common >= 0.5 * min(before.areas.size, after.areas.size)


def _alert(cube: Cube, track: Track, chain: list[Incident]) -> Alert:
    """One alert over the months of one incident."""
    latest = chain[-1]
    first, last = chain[0].month, latest.month
    if len(chain) == 1:
        if latest.areas is not None:
            first = min(_low_since(cube, latest), last - latest.months + 1)
        elif latest.kind in ("missing", "partial", "location") and latest.category is None:
            while first > 0 and track.state[first - 1, latest.force] in (MISSING, PARTIAL):
                first -= 1
        elif latest.kind == "category":
            c = latest.category
            need = evidence.needed("category", len(cube.categories))
            while (
                first > 0
                and track.masked[first - 1, latest.force, c]
                and track.down[first - 1, latest.force, c] >= need
            ):
                first -= 1
    largest = max(chain, key=lambda incident: incident.lost)
    worst = replace(largest, kind=latest.kind) if latest.kind != "surplus" else latest
    observed = sum(incident.observed for incident in chain)
    expected = sum(incident.expected for incident in chain)
    code, severity, sentence = describe(cube, track, worst, first, last, observed, expected)
    return Alert(worst, max(first, 0), last, observed, expected, code, sentence, severity)


def _low_since(cube: Cube, incident: Incident) -> int:
    """First month of the run, up to the incident's own, in which its place has been low."""
    areas = incident.areas
    counts = cube.n[: incident.month + 1, areas].sum(axis=1, dtype=np.float64)
    series = counts.sum(axis=1) if incident.category is None else counts[:, incident.category]
    high = np.flatnonzero(series[: incident.month] > k.STILL_LOW * incident.expected)
    return int(high[-1]) + 1 if high.size else incident.month


def exposed_months(cube: Cube, track: Track) -> list[Alert]:
    """Earlier months that a step up shows to have been partial."""
    out = []
    for t, force in zip(*np.nonzero(track.exposed >= 0), strict=True):
        first = int(track.exposed[t, force])
        if first >= t:
            continue
        rise = track.counts[t, force, -1] / track.mean[t, force, -1]
        observed = float(track.counts[first:t, force, -1].sum())
        incident = Incident(
            int(t) - 1,
            int(force),
            "exposed",
            "force",
            observed,
            observed * rise,
            float(track.phi[t, force, -1]),
            float(track.up[t, force, -1]),
            lost=observed * (rise - 1.0),
        )
        run = f"{month_name(cube, first)} to {month_name(cube, int(t) - 1)}"
        sentence = (
            f"{cube.forces[force]} rose to {rise:.2f} times its expected level in {month_name(cube, int(t))}, and its "
            f"months from {run} then look partial: about {100 / rise:.0f}% supplied ({observed:,.0f} of about "
            f"{observed * rise:,.0f}). A real rise in recording looks the same: ask the force."
        )
        out.append(Alert(incident, first, int(t) - 1, observed, observed * rise, "W38", sentence, "block"))
    return out


def alert_table(
    cube: Cube, local: LocalModel, track: Track, alerts: list[Alert], as_of: date | None
) -> pl.DataFrame:
    """Alerts as a table, worst first: by severity, then by the number of crimes a published figure would lack."""
    rows = [_row(cube, alert) for alert in alerts]
    rows.extend(_other_rows(cube, local, track, as_of))
    schema: dict[str, Any] = {
        "id": pl.String,
        "severity": pl.Enum(SEVERITIES),
        "code": pl.String,
        "level": pl.String,
        "force": pl.String,
        "area": pl.String,
        "category": pl.String,
        "first_month": pl.Date,
        "last_month": pl.Date,
        "observed": pl.Float64,
        "expected": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "lost": pl.Float64,
        "p": pl.Float64,
        "score": pl.Float64,
        "sentence": pl.String,
        "next_steps": pl.String,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.sort("severity", "lost", "id", descending=[False, True, False])


def _row(cube: Cube, alert: Alert) -> tuple[object, ...]:
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
    place = (
        None
        if area is None
        else area
        if len(area) < 40
        else f"{area.split(';')[0]} and {area.count(';')} more"
    )
    name = _slug(alert.code, cube.forces[i.force], place, category, f"{first:%Y-%m}")
    level = i.level if i.areas is None or i.level == "cell" else _level_name(cube, i)
    return (
        name,
        alert.severity,
        alert.code,
        level,
        cube.forces[i.force],
        area,
        category,
        first,
        last,
        round(alert.observed, 1),
        round(alert.expected, 1),
        round(float(low), 1),
        round(float(high), 1),
        round(i.lost, 1),
        float(f"{p:.3g}"),
        round(i.score, 2),
        alert.sentence,
        CATALOGUE[alert.code].next_steps,
    )


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
        rows.append(
            (
                _slug("W37", None, area, None, f"{first:%Y-%m}"),
                "warn",
                "W37",
                "area",
                None,
                area,
                None,
                first,
                last,
                n,
                None,
                None,
                None,
                n,
                None,
                0.0,
                (
                    f"{n:,.0f} records lie in {area}, which AREAS does not know; they are in no force's "
                    "figures."
                ),
                CATALOGUE["W37"].next_steps,
            )
        )
    last_t = len(cube.months) - 1
    for t, force, old, new in local.recoded:
        if as_of is not None and t != last_t:
            continue
        month, gone = cube.months[t], ";".join(cube.areas[a] for a in old)
        rows.append(
            (
                _slug("W22", cube.forces[force], None, None, f"{month:%Y-%m}"),
                "info",
                "W22",
                "areas",
                cube.forces[force],
                gone,
                None,
                month,
                month,
                0.0,
                None,
                None,
                None,
                0.0,
                None,
                0.0,
                (
                    f"{len(old)} areas of {cube.forces[force]} ended and {len(new)} began in {month:%B %Y}: "
                    "records moved to new area codes."
                ),
                CATALOGUE["W22"].next_steps,
            )
        )
    for t in range(len(cube.months)):
        if as_of is not None and t != last_t:
            continue
        excess, sd = unlocated(t, cube, track)
        risen, scatter = float(excess.sum()), float(np.sqrt((sd**2).sum()))
        if (
            np.isfinite(scatter)
            and scatter > 0
            and risen > k.UNLOCATED_ALERT * scatter
            and risen > 0.1 * cube.no_location[t].sum()
        ):
            month, seen = cube.months[t], float(cube.no_location[t].sum())
            rows.append(
                (
                    _slug("W06", None, None, None, f"{month:%Y-%m}"),
                    "warn",
                    "W06",
                    "country",
                    None,
                    None,
                    None,
                    month,
                    month,
                    seen,
                    seen - risen,
                    seen - risen - 2 * scatter,
                    seen - risen + 2 * scatter,
                    risen,
                    None,
                    risen / scatter,
                    (
                        f"{seen:,.0f} records have no location in {month:%B %Y} where about {seen - risen:,.0f} "
                        "were expected; some force's location was lost."
                    ),
                    CATALOGUE["W06"].next_steps,
                )
            )
    return rows


def affected_grid(cube: Cube, alerts: list[Alert]) -> pl.DataFrame:
    """The part of the grid that the alerts cover, so that a cell can inherit the state of its scope."""
    schema: dict[str, Any] = {
        "force": pl.String,
        "month": pl.Date,
        "area": pl.String,
        "category": pl.String,
        "verdict": pl.String,
        "coverage": pl.Float64,
    }
    rows: list[tuple[object, ...]] = []
    for alert in alerts:
        i = alert.incident
        if i.kind == "surplus":
            continue
        share = float(np.clip(i.observed / max(i.expected, 1e-9), 0.0, 1.0))
        verdict = "missing" if i.kind in ("missing", "repeat") or share < k.MISSING_BELOW else "partial"
        verdict = "unjudged" if i.kind == "twice" else verdict
        categories: list[int | None] = [c for c in (i.category, i.partner) if c is not None]
        categories = categories or [None]
        places: list[str | None] = [None] if i.areas is None else [cube.areas[a] for a in i.areas]
        rows.extend(
            (
                cube.forces[i.force],
                cube.months[t],
                place,
                None if c is None else cube.categories[c],
                verdict,
                share,
            )
            for t in range(alert.first, alert.last + 1)
            for place in places
            for c in categories
        )
    return pl.DataFrame(rows, schema=schema, orient="row").sort(
        "force", "month", "area", "category", "verdict"
    )


def _slug(*parts: str | None) -> str:
    """A stable id made of the parts that say what an alert is about."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts if part)
