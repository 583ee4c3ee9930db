"""What daily extracts show on the day they arrive: a force that sends nothing, less, late, or from another system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from transforms.completeness import constants as k
from transforms.completeness import evidence
from transforms.completeness.catalogue import CATALOGUE
from transforms.completeness.signatures import HOURS_ALLOWED, LONGER
from transforms.contracts import tables

#: Weeks whose same weekday a day is held against: long enough to average, short enough to follow the season.
WEEKS: Final = 8
#: Earlier same weekdays that must have come before a day is judged.
FEWEST_WEEKS: Final = 3
#: Squared relative scatter of a day's records beyond Poisson: weather, operations and matches move a day by a seventh.
PHI_DAY: Final = 0.02
#: Evidence (log10) that the days of a run must add up to: an e-detector at this threshold raises a false flag for a
#: force once in ten years of days at most.
NEEDED: Final = float(np.log10(3652))
#: Fewest records expected of a day on which none at all is told by itself.
NONE_OF: Final = 20


def received_on(lines: pl.DataFrame, day: date, owing: list[str]) -> pl.DataFrame:
    """One row for each force that owes a daily extract: what the extract received at the end of `day` holds of it.

    `lines` are the lines of every extract received on `day` [force, source_system, reported_at, recorded_at].
    Returns `as_of, force, records` (recorded on that day; null where no extract came), `waited_hours` (half of
    them had waited longer since they were reported) and `system` (the records system of the latest).
    """
    of_day = pl.col("recorded_at").dt.date() == day
    waited = (pl.col("recorded_at") - pl.col("reported_at")).dt.total_minutes() / 60
    came = lines.group_by("force").agg(
        records=of_day.sum().cast(pl.Int64),
        waited_hours=waited.filter(of_day).median(),
        system=pl.col("source_system").sort_by("recorded_at").last(),
    )
    return (
        pl.DataFrame({"force": sorted(owing)}, schema={"force": pl.String})
        .join(came, on="force", how="left")
        .select(pl.lit(day).alias("as_of"), "force", "records", "waited_hours", "system")
        .sort("force")
    )


def not_carried_over(lines: pl.DataFrame, old: str) -> int:
    """Open crimes of the system `old` that no record of another system refers to.

    `lines` are all lines of one force so far [source_system, crime_ref, previous_crime_ref, outcome_type, status,
    updated_at], every version.
    """
    latest = lines.sort("updated_at").unique(["source_system", "crime_ref"], keep="last", maintain_order=True)
    there = latest.filter(
        pl.col("source_system") == old,
        pl.col("outcome_type").is_null() | (pl.col("outcome_type") == ""),
        pl.col("status") == "live",
    )
    moved = latest.filter(pl.col("source_system") != old).select(crime_ref="previous_crime_ref").drop_nulls()
    return there.join(moved, on="crime_ref", how="anti").height


def flags(received: pl.DataFrame, left: pl.DataFrame) -> pl.DataFrame:
    """What was flagged on which day: `DayFlags`.

    `received` has `received_on` of every day; `left` has `as_of, force, old_system, new_system, open`
    (`not_carried_over`). A day is judged by nothing later than itself, and a day that is flagged is no part of what
    later days are held against. A state is flagged on the day it begins, and again when a month ends in it.
    """
    days = received["as_of"].unique().sort().to_list()
    forces = received["force"].unique().sort().to_list()
    rows: list[dict[str, Any]] = []
    for index, force in enumerate(forces):
        rows.extend(_of_force(index, force, days, _square(received, days, forces)))
    for row in (
        left.filter(pl.col("open") > 0).sort("as_of").unique("force", keep="first").iter_rows(named=True)
    ):
        sentence = (
            f"{row['open']:,} open crimes of {row['force']} in {row['old_system']} are referred to by no record of "
            f"{row['new_system']}: they may have been left behind."
        )
        rows.append(_flag(row["as_of"], row["force"], "W42", sentence, float(row["open"]), 0.0))
    schema = tables.DayFlags.create_empty().schema
    return pl.DataFrame(rows, schema=dict(schema), orient="row").sort("as_of", "force", "code")


def _square(received: pl.DataFrame, days: list[date], forces: list[str]) -> dict[str, Any]:
    """The columns of `received` as arrays `[day, force]`."""
    grid = pl.DataFrame({"as_of": days}).join(pl.DataFrame({"force": forces}), how="cross")
    full = grid.join(received, on=["as_of", "force"], how="left").sort("as_of", "force")
    shape = (len(days), len(forces))
    numbers = {
        name: full[name].cast(pl.Float64).to_numpy().reshape(shape) for name in ("records", "waited_hours")
    }
    return {**numbers, "system": full["system"].to_numpy().reshape(shape)}


def _of_force(index: int, force: str, days: list[date], square: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The flags of one force, day after day."""
    records, waits = square["records"], square["waited_hours"][:, index]
    own, came = records[:, index], np.isfinite(records[:, index])
    trusted = came.copy()
    standing: set[str] = set()
    low, high = _Run(k.SUPPLIED_SHARES, k.SHARE_WEIGHTS), _Run(k.SURPLUS_SHARES, k.SURPLUS_WEIGHTS)
    short = 0.0
    silent_since, gap, system = -1, -1, None
    for t, day in enumerate(days):
        mean = _expected(t, index, records, trusted)
        if not came[t]:
            if silent_since < 0:
                silent_since, short = t, 0.0
            gap = t
            low.clear()
            high.clear()
            short += mean or 0.0
            length = t - silent_since + 1
            if short >= k.SMALLEST_EXPECTED and "silent" not in standing:
                standing.add("silent")
                others = int(np.isfinite(records[t]).sum())
                sentence = (
                    f"No extract of {force} came on {day:%-d %B %Y}; {others} of the other "
                    f"{records.shape[1] - 1} forces sent theirs."
                )
                yield _flag(day, force, "W25", sentence, 0.0, mean)
            if (day + timedelta(days=1)).day == 1 and "silent" in standing:
                sentence = (
                    f"{force} has sent nothing for {length} days, since {days[silent_since]:%-d %B %Y}: the month is "
                    "not whole."
                )
                yield _flag(day, force, "W08" if length < day.day + 1 else "W01", sentence, 0.0, short)
            continue
        if silent_since >= 0:
            silent_since, short = -1, 0.0
            standing.discard("silent")
        now = square["system"][t, index]
        if system is not None and now != system:
            sentence = (
                f"The extract of {force} is from {now} for the first time; until now it was from {system}."
            )
            yield _flag(day, force, "W27", sentence, None, None)
        system = now
        if mean is not None:
            low.add(own[t], mean)
            high.add(own[t], mean)
            short = short + mean - own[t] if low.evidence > 0 else 0.0
            none = own[t] == 0 and mean >= NONE_OF
            burst = (own[t] > max(k.SURPLUS_SHARES) * mean and mean >= NONE_OF) or high.evidence >= NEEDED
            state = "none" if none else "low" if low.evidence >= NEEDED else "high" if burst else ""
            trusted[t] = not state
            follows = gap >= 0 and t - gap <= 31 * k.BACKLOG_MONTHS
            if state and state not in standing and (state != "high" or follows):
                yield _of_volume(day, force, state, float(own[t]), mean, short)
            # A run that goes on is told once; it is over when its evidence is. A gap has one backlog.
            standing = {name for name in standing if name == "late" or (name == "low" and low.evidence > 0)}
            standing |= {state} if state else set()
            gap = t if state in ("none", "low") else -1 if state == "high" else gap
            if none:
                low.clear()
        usual = _median(waits[max(0, t - 28) : t])
        late = waits[t] > HOURS_ALLOWED and waits[t] > LONGER * max(usual, 1.0) and own[t] >= NONE_OF
        if late and "late" not in standing:
            standing.add("late")
            sentence = (
                f"Half of the {own[t]:.0f} crimes that {force} recorded on {day:%-d %B %Y} had waited over "
                f"{waits[t]:.0f} hours since they were reported, where {usual:.0f} are usual."
            )
            yield _flag(day, force, "W41", sentence, float(waits[t]), usual)
        if waits[t] <= HOURS_ALLOWED:
            standing.discard("late")


class _Run:
    """Evidence that days in a row hold a share of what is usual, one of several tried: cumulative sums side by side."""

    def __init__(self, shares: Sequence[float], weights: Sequence[float]) -> None:
        self.shares, self.weights = np.array(shares), np.array(weights)
        self.clear()

    def clear(self) -> None:
        """Start afresh."""
        self.sums = np.zeros(len(self.shares))

    def add(self, seen: float, mean: float) -> None:
        """Take in one day. A sum that falls below none starts again; none grows past twice what is needed."""
        gain = evidence.gain(np.array(seen), np.array(mean), np.array(PHI_DAY), self.shares)
        self.sums = np.clip(self.sums + gain, 0.0, 2 * NEEDED * evidence.LN10)

    @property
    def evidence(self) -> float:
        """log10 of the factor in favour of a share over the whole; 0 when every sum has started again."""
        if not self.sums.any():
            return 0.0
        return float(np.log10((self.weights * np.exp(self.sums)).sum()))


def _of_volume(day: date, force: str, state: str, seen: float, mean: float, short: float) -> dict[str, Any]:
    """The flag of a day that holds nothing, too little or too much."""
    when = f"{day:%-d %B %Y}"
    code, sentence = {
        "none": (
            "W32",
            f"The extract of {force} holds no crime recorded on {when}, where about {mean:.0f} are usual: its month "
            "stops here.",
        ),
        "low": (
            "W31",
            f"{force} is recording less than is usual: {seen:.0f} crimes on {when} where about {mean:.0f} are usual, "
            f"and {short:.0f} fewer over the days up to it.",
        ),
        "high": (
            "W10",
            f"{force} recorded {seen:.0f} crimes on {when} where about {mean:.0f} are usual, after a gap: a backlog.",
        ),
    }[state]
    return _flag(day, force, code, sentence, seen, mean)


def _expected(t: int, index: int, records: Any, trusted: Any) -> float | None:
    """Records usual for a force on a day: its mean on the last same weekdays that stand, moved as the others moved.

    None until there is a past. The others' movement is the median of theirs, so one of them cannot drag it.
    """
    past = np.arange(t - 7, -1, -7)
    past = past[trusted[past]][:WEEKS]
    if len(past) < FEWEST_WEEKS:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.array([_mean(records[past, other]) for other in range(records.shape[1])])
        moved = np.delete(records[t] / means, index)
    moved = moved[np.isfinite(moved)]
    # Three forces or more tell a bank holiday from a gap; fewer say too little about a single day.
    move = float(np.median(moved)) if len(moved) >= k.MINIMUM_PEERS else 1.0
    return max(_mean(records[past, index]) * move, 1e-6)


def _mean(values: Any) -> float:
    """The mean of what came."""
    came = values[np.isfinite(values)]
    return float(came.mean()) if came.size else float("nan")


def _median(values: Any) -> float:
    """The median of what came."""
    came = values[np.isfinite(values)]
    return float(np.median(came)) if came.size else float("nan")


def _flag(
    day: date, force: str, code: str, sentence: str, observed: float | None, expected: float | None
) -> dict[str, Any]:
    return {
        "as_of": day,
        "force": force,
        "code": code,
        "severity": CATALOGUE[code].severity,
        "observed": observed,
        "expected": expected,
        "sentence": sentence,
    }
