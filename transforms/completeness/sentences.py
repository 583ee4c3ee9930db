"""Says what is wrong in a sentence a checker can act on, with its code and severity."""

from __future__ import annotations

import numpy as np

from transforms.completeness import constants as k
from transforms.completeness import evidence
from transforms.completeness.cube import Cube
from transforms.completeness.expectation import MISSING, PARTIAL, Track
from transforms.completeness.localise import Incident


def describe(
    cube: Cube, track: Track, incident: Incident, first: int, last: int, observed: float, expected: float
) -> tuple[str, str, str]:
    """The code, severity and sentence of an incident."""
    force = cube.forces[incident.force]
    when = (
        month_name(cube, first) if first == last else f"{month_name(cube, first)} to {month_name(cube, last)}"
    )
    t, f = incident.month, incident.force
    low, high = evidence.interval(np.array(incident.expected), np.array(incident.phi))
    share = incident.observed / max(incident.expected, 1e-9)
    about = (
        f"{incident.observed:,.0f} where about {incident.expected:,.0f} were expected ({low:,.0f} "
        f"to {high:,.0f})"
    ) + ("" if first == last else f" in {month_name(cube, t)}")
    peers = _peers(track, t, f)
    what = cube.categories[incident.category] if incident.category is not None else "crime"
    where = _where(cube, incident)
    ask = "A real fall and a gap in supply can look the same: ask the force and hold the figure."
    kind = incident.kind
    if kind == "missing":
        code = "W01" if first < last else "W02" if incident.observed == 0 else "W08"
        if track.history[t, f] == 0 and incident.observed > 0:
            code = "W03"
        rest = f"the other forces stand at {peers} of theirs"
        if track.history[t, f] == 0:
            rest = "it has never supplied a whole month, so what other forces record for each area is the measure"
        there = (
            "No record came" if incident.observed == 0 else "What is there looks like another force's records"
        )
        return code, "block", f"{force} supplied nothing usable for {when}. {there}: {about}; {rest}."
    if kind == "partial":
        grade = "block" if share <= 0.5 or incident.score > 2 else "sign-off"
        return (
            "W31",
            grade,
            (
                f"{force} supplied about {100 * share:.0f}% of its crime for {when}: {about}; the other "
                f"forces stand at {peers} of theirs. {ask}"
            ),
        )
    if kind == "location":
        subject = what.lower() if incident.category is not None else "its records"
        return (
            "W06",
            "block",
            (
                f"{where or force} lost the location of {subject} "
                f"in {when}: {about}, and as many more records than usual have no location."
            ),
        )
    if kind == "category":
        grade = "block" if share <= 0.5 else "sign-off"
        return (
            "W33",
            grade,
            (
                f"{force} supplied about {100 * share:.0f}% of its {what.lower()} for {when}: {about}; "
                f"its other types are in range. {ask}"
            ),
        )
    if kind == "mapping" and incident.partner is not None:
        other = cube.categories[incident.partner]
        got, due = track.counts[t, f, incident.partner], track.mean[t, f, incident.partner]
        return (
            "W27",
            "block",
            (
                f"{force} moved records from {what.lower()} to {other.lower()} in {when}: {what.lower()} "
                f"{about}; {other.lower()} {got:,.0f} where about {due:,.0f} were expected. The total is "
                "in range; the mapping of codes is likely at fault."
            ),
        )
    if kind == "repeat":
        return (
            "W12",
            "block",
            (
                f"{force} supplied {month_name(cube, incident.like_month or 0)} again for {when}: the areas "
                f"and types agree almost exactly ({incident.observed:,.0f} records). The month itself is "
                "missing."
            ),
        )
    if kind == "twice":
        return (
            "W26",
            "block",
            (
                f"{force} has every record twice for {when}: every count is even and the total is "
                f"{incident.observed:,.0f} where about {incident.expected:,.0f} were expected."
            ),
        )
    if kind == "surplus":
        recent = track.state[max(0, t - k.BACKLOG_MONTHS) : t, f]
        if incident.category is None and np.isin(recent, (MISSING, PARTIAL)).any():
            return (
                "W10",
                "sign-off",
                (
                    f"{force} supplied more than a month's crime for {when}: {about}. It follows a gap and is "
                    "likely its backlog; the gap stays open until its own month is supplied again."
                ),
            )
        return (
            "W09",
            "sign-off",
            (
                f"{force} stepped up in {what.lower()} in {when}: {about}. Earlier months may have been "
                "partial, or a file may have been added."
            ),
        )
    single = incident.category is not None
    # What is too small to hold the force's total still holds its own areas.
    grade = "block" if incident.lost > k.MATERIAL_LOSS * max(track.mean[t, f, -1], 1.0) else "sign-off"
    code = (
        "W36"
        if incident.level == "cell"
        else "W35"
        if incident.areas is not None and len(incident.areas) == 1
        else "W34"
    )
    subject = f"{what} in {where}" if single else f"{where}"
    count = 0 if incident.areas is None else len(incident.areas)
    size = f" ({count} areas)" if count > 1 and incident.place else ""
    return (
        code,
        "warn" if code == "W36" else grade,
        f"{subject}{size} in {force} fell away in {when}: {about}; the rest of the force is in range.",
    )


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


def month_name(cube: Cube, t: int) -> str:
    """A month in words."""
    return f"{cube.months[t]:%B %Y}"
