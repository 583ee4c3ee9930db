"""Every alert of the real cube, in the month in which it would have arrived, and what we think it is.

`python -m tests.bench.completeness.month_by_month > docs/completeness-alerts.md` writes the page. What we think comes
from the months that followed and from the catalogue of known gaps: the judge itself sees neither.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from tests.bench.completeness.replay import areas_table, counts_table, month_before, open_data
from transforms.completeness import judge

HEAD = """# The alerts of 26 real months

Every alert of the judge on the public counts of England and Wales by LSOA and type, May 2023 to June 2025, in the
month in which it would have arrived: each month is judged with what was known then. The first months have too little
behind them to be judged. *What we think* is ours, from the months that followed and the catalogue of known gaps; the
judge sees neither. Codes are explained in [completeness.md](completeness.md). Written by
`python -m tests.bench.completeness.month_by_month`; do not edit.
"""
#: What is known of an alert beyond its own later months: by force and the first month it is about.
KNOWN: dict[tuple[str, str], str] = {
    ("South Wales", "2025-02"): "a surge in recorded drugs over two months, not a gap",
    ("South Wales", "2025-03"): "a surge in recorded drugs over two months, not a gap",
}


@dataclass(frozen=True)
class Counts:
    """Counts to look later months up in."""

    frame: pl.DataFrame
    force_of: pl.DataFrame
    months: list[str]

    def series(self, alert: dict[str, Any]) -> list[float]:
        """Records of an alert's place and type, month by month."""
        rows = self.frame
        if alert["category"] is not None:
            rows = rows.filter(pl.col("category") == alert["category"].split(" > ")[0])
        if alert["area"] is None:
            inside = self.force_of.filter(pl.col("force") == alert["force"])
        else:
            names = alert["area"].split(";")
            inside = self.force_of.filter(pl.any_horizontal(pl.col("area", "csp", "msoa").is_in(names)))
        rows = rows.join(inside.select("area"), on="area", how="semi")
        by_month = dict(rows.group_by("month").agg(pl.col("n").sum()).iter_rows())
        return [float(by_month.get(month, 0.0)) for month in self.months]


def later(counts: Counts, alert: dict[str, Any]) -> str:
    """What the months after an alert's first one say of it."""
    at = counts.months.index(f"{alert['last_month']:%Y-%m}")
    series = counts.series(alert)
    after = series[at + 1 :]
    if not after:
        return "the newest month: nothing follows it yet"
    usual = alert["expected"] / (1 + counts.months.index(f"{alert['last_month']:%Y-%m}")
                                 - counts.months.index(f"{alert['first_month']:%Y-%m}"))  # fmt: skip
    if alert["observed"] > alert["expected"]:
        stayed = [n >= usual + 0.5 * (series[at] - usual) for n in after[:3]]
        if all(stayed):
            return "stayed up: a new level of recording"
        return "back the month after: a burst" if not stayed[0] else "back within months: a burst"
    whole = alert["area"] is None
    back = next((nth for nth, n in enumerate(after, 1) if n >= 0.6 * usual), 0)
    if back == 1:
        if whole:
            return "in full the month after: the records had not come"
        return "back the month after: chance, or records that came late or elsewhere"
    if back:
        return f"back after {back} months: a closure, or records that came elsewhere meanwhile"
    share = sum(after) / len(after) / max(usual, 1e-9)
    if whole:
        return f"stayed at about {share:.0%} for {len(after)} months: a change of practice, or a gap never filled"
    return f"about {share:.0%} of it in the {len(after)} months after: a place that closed or a map point that moved"


def catalogued(force: str | None, first: date, last: date) -> str | None:
    """The catalogue's word on a force's months, where it has one."""
    if force is None:
        return None
    catalogue = pl.read_csv(open_data() / "completeness" / "gap_catalogue.csv")
    slug = force.lower().replace("&", "and").replace(" ", "-")
    rows = catalogue.filter(
        (pl.col("force") == slug)
        & pl.col("series").is_in(["lsoa-month", "street"])
        & (pl.col("from") <= f"{last:%Y-%m}")
        & (pl.col("to") >= f"{first:%Y-%m}")
    )
    return f"known: {rows['kind'][0].replace('_', ' ')}" if rows.height else None


def thought(counts: Counts, alert: dict[str, Any]) -> str:
    """One line of what we think an alert is."""
    known = KNOWN.get((alert["force"] or "", f"{alert['first_month']:%Y-%m}"))
    if known is not None and alert["area"] is None:
        return known
    if alert["code"] == "W06" and alert["force"] is None:
        return "records without a location rose nationally; those with one did not fall"
    if alert["area"] is None and (
        told := catalogued(alert["force"], alert["first_month"], alert["last_month"])
    ):
        return told
    if alert["code"] in ("W22", "W37"):
        return "new area codes"
    return later(counts, alert)


def same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether an alert is one that was told before: the same force, type and, by half, areas."""
    if (old["force"], old["category"], old["area"] is None) != (
        new["force"],
        new["category"],
        new["area"] is None,
    ):
        return False
    if old["area"] is None:
        return bool(new["first_month"] <= old["last_month"] or old["code"] == new["code"] == "W03")
    before, now = set(old["area"].split(";")), set(new["area"].split(";"))
    return len(before & now) >= 0.5 * min(len(before), len(now))


def main() -> None:
    """Judges month after month with what was known in it, and prints the page."""
    data = open_data()
    frame, areas = counts_table(data), areas_table(data).drop("lad")
    months = sorted(frame["month"].unique().to_list())
    counts = Counts(frame, areas, months)
    print(HEAD)
    told: list[dict[str, Any]] = []
    new_alerts: dict[str, int] = {}
    for text in months:
        month = date.fromisoformat(f"{text}-01")
        judged = judge(frame, areas, as_of=month)
        here = judged.verdicts.filter(pl.col("month") == month)
        if (here["verdict"] == "unjudged").all():
            continue
        print(f"## {month:%B %Y}\n")
        held = here.filter(pl.col("verdict").is_in(["missing", "partial"])).sort("force")
        for force, verdict, observed, expected, coverage in held.select(
            "force", "verdict", "observed", "expected", "coverage"
        ).iter_rows():
            print(f"* {force}: **{verdict}**, {observed:,.0f} of about {expected:,.0f} ({coverage:.0%})")
        exposed = (pl.col("code") == "W38") & (pl.col("last_month") == month_before(month))
        rows = judged.alerts.filter((pl.col("last_month") >= month) | exposed).iter_rows(named=True)
        fresh = []
        for alert in rows:
            if not any(same(old, alert) for old in told):
                fresh.append(alert)
            told.append(alert)
        print(
            "\n| code | severity | alert | what we think |\n| --- | --- | --- | --- |"
            if fresh
            else "\nNo new alert."
        )
        for alert in fresh:
            print(
                f"| {alert['code']} | {alert['severity']} | {alert['sentence']} | {thought(counts, alert)} |"
            )
        new_alerts[text] = len(fresh)
        print(flush=True)
    later_months = [number for text, number in new_alerts.items() if text >= "2024-06"]
    print("## Together\n")
    print(
        f"{sum(new_alerts.values())} alerts in {len(new_alerts)} months; from June 2024 on, with a year behind them, "
        f"{sum(later_months)} in {len(later_months)}, {sum(later_months) / len(later_months):.1f} a month."
    )


if __name__ == "__main__":
    sys.exit(main())
