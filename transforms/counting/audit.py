"""Crime data integrity audits: how much of what should have been recorded was, and how much that leaves out.

The arithmetic of the HMICFRS Crime Data Integrity inspections, with intervals that stay right for small samples.
An estimate is published beside the count and never added into it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: The 97.5th percentile of the standard normal distribution, for 95% intervals.
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Stratum:
    """One part of an audit sample: crimes that should have been recorded and, of those, how many were."""

    name: str
    should_be_recorded: int
    recorded: int
    #: crimes recorded in the twelve months, fraud left out; None when not given.
    recorded_crimes: int | None = None


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A recording rate, and the crimes a year that it leaves out."""

    name: str
    should_be_recorded: int
    recorded: int
    #: the rate with its Wilson interval; for several strata together, with the normal interval.
    rate: Interval
    #: half-width of the normal (Wald) interval of the rate, as the inspections print it.
    half_width: float
    #: crimes recorded in the year; None when not given, and then the next two are None.
    recorded_crimes: int | None
    #: crimes of the year not recorded, each end of the interval of the rate put through `unrecorded`.
    unrecorded: Interval | None
    #: the same with the ends of the normal interval, rate ± half-width, as the inspections would print them.
    unrecorded_normal: Interval | None


def wald_half_width(rate: float, sample: float) -> float:
    """Half-width of the normal 95% interval of a rate found in a sample."""
    return Z95 * math.sqrt(rate * (1 - rate) / sample)


def wilson(rate: float, sample: float) -> tuple[float, float]:
    """Ends of the Wilson 95% interval of a rate found in a sample: right for small samples and near 0 or 1."""
    centre = rate + Z95**2 / (2 * sample)
    spread = Z95 * math.sqrt(rate * (1 - rate) / sample + Z95**2 / (4 * sample**2))
    scale = 1 + Z95**2 / sample
    return (centre - spread) / scale, (centre + spread) / scale


def unrecorded(recorded_crimes: float, rate: float) -> float:
    """Crimes that were not recorded, given those that were and the recording rate: R (1 − r) / r.

    It falls as the rate rises and not in a straight line, so the ends of an interval are each put through it.
    Infinite for a rate of 0.
    """
    return recorded_crimes * (1 - rate) / rate if rate > 0 else math.inf


def published_as(crimes: float) -> int:
    """How the inspections print an estimate: rounded down to a hundred (“over 17,400”)."""
    return math.floor(crimes / 100) * 100


def estimate(stratum: Stratum, design_effect: float = 1.0) -> Estimate:
    """The recording rate of one stratum.

    `design_effect` is how many times wider the variance is because several crimes come from one incident;
    the sample is divided by it. Raises ValueError when the figures cannot be: no sample, or more recorded
    than should have been.
    """
    if not 0 <= stratum.recorded <= stratum.should_be_recorded or stratum.should_be_recorded == 0:
        raise ValueError(
            f"{stratum.name}: {stratum.recorded:,} recorded of {stratum.should_be_recorded:,} that should have been; "
            "the second must be at least 1 and at least the first"
        )
    sample = stratum.should_be_recorded / design_effect
    rate = stratum.recorded / stratum.should_be_recorded
    return _with_crimes(stratum, Interval(rate, *wilson(rate, sample)), wald_half_width(rate, sample))


def estimate_together(strata: Sequence[Stratum], design_effect: float = 1.0) -> Estimate:
    """The recording rate over strata sampled at different rates: Σ W r, variance Σ W² r (1 − r) / n.

    The weight W of a stratum is its share of the crimes that should have been recorded in the year, R / r;
    every stratum must give its recorded crimes R. Raises ValueError when one does not.
    """
    parts = [estimate(stratum, design_effect) for stratum in strata]
    owed = []
    for part in parts:
        if part.recorded_crimes is None:
            raise ValueError(f"{part.name}: give the crimes recorded in the year, to weigh the strata with")
        if part.rate.value == 0:
            raise ValueError(f"{part.name}: nothing was recorded, so its share of all crime cannot be told")
        owed.append(part.recorded_crimes / part.rate.value)
    total = math.fsum(owed)
    rate = variance = 0.0
    for part, crimes in zip(parts, owed, strict=True):
        weight, r = crimes / total, part.rate.value
        rate += weight * r
        variance += weight**2 * r * (1 - r) * design_effect / part.should_be_recorded
    half = Z95 * math.sqrt(variance)
    whole = Stratum(
        "all strata",
        round(math.fsum(stratum.should_be_recorded for stratum in strata)),
        round(math.fsum(stratum.recorded for stratum in strata)),
        round(math.fsum(part.recorded_crimes or 0 for part in parts)),
    )
    return _with_crimes(whole, Interval(rate, max(0.0, rate - half), min(1.0, rate + half)), half)


def _with_crimes(stratum: Stratum, rate: Interval, half: float) -> Estimate:
    crimes = stratum.recorded_crimes
    normal = Interval(rate.value, rate.value - half, rate.value + half)
    return Estimate(
        stratum.name,
        stratum.should_be_recorded,
        stratum.recorded,
        rate,
        half,
        crimes,
        None if crimes is None else _left_out(crimes, rate),
        None if crimes is None else _left_out(crimes, normal),
    )


def _left_out(crimes: int, rate: Interval) -> Interval:
    """The higher the rate the fewer are left out, so the ends change places."""
    return Interval(
        unrecorded(crimes, rate.value), unrecorded(crimes, min(rate.high, 1)), unrecorded(crimes, rate.low)
    )
