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
#: What is known of an alert beyond its own later months, by force, first month and code.
KNOWN: dict[tuple[str, str, str], str] = {
    ("South Wales", "2025-02", "W09"): "a surge in recorded drugs over two months, not a gap",
    ("South Wales", "2025-03", "W09"): "a surge in recorded drugs over two months, not a gap",
    ("Dorset", "2024-07", "W34"): "a gap: areas side by side, nearly empty for one month and back the next",
    ("Cumbria", "2024-08", "W27"): "most likely chance in small counts: both types as usual before and after",
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
        return "back the month after: records that came late or elsewhere, or chance"
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
    catalogue = gap_catalogue()
    rows = catalogue.filter(
        (pl.col("force") == slug(force))
        & pl.col("series").is_in(["lsoa-month", "street"])
        & (pl.col("from") <= f"{last:%Y-%m}")
        & (pl.col("to") >= f"{first:%Y-%m}")
    )
    return f"known: {rows['kind'][0].replace('_', ' ')}" if rows.height else None


def thought(counts: Counts, alert: dict[str, Any]) -> str:
    """One line of what we think an alert is."""
    known = KNOWN.get((alert["force"] or "", f"{alert['first_month']:%Y-%m}", alert["code"]))
    if known is not None:
        return known
    if alert["code"] == "W06" and alert["force"] is None:
        return "records without a location rose nationally; those with one did not fall"
    rose = alert["observed"] > (alert["expected"] or 0.0)
    first = month_before(alert["first_month"]) if rose else alert["first_month"]
    if alert["area"] is None and (told := catalogued(alert["force"], first, alert["last_month"])):
        return f"{told}, before it rose" if rose else told
    if rose and counts.months.index(f"{alert['first_month']:%Y-%m}") == 1:
        return "the first month of the counts was short, by all that followed"
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
        return bool(month_before(new["first_month"]) <= old["last_month"])
    before, now = set(old["area"].split(";")), set(new["area"].split(";"))
    return len(before & now) >= 0.5 * min(len(before), len(now))


def gap_catalogue() -> pl.DataFrame:
    """The known gaps: force, series, from, to, kind. Its last column holds commas."""
    path = open_data() / "completeness" / "gap_catalogue.csv"
    return pl.read_csv(path, truncate_ragged_lines=True).select("force", "series", "from", "to", "kind")


def slug(force: str) -> str:
    """A force as the catalogue writes it."""
    return force.lower().replace("&", "and").replace(" ", "-")


def print_known(first_told: dict[tuple[str, date], str], months: list[str]) -> None:
    """Each known gap in the cube: its months, those found, and in which month each was first told."""
    catalogue = gap_catalogue()
    known = catalogue.filter(pl.col("series") == "lsoa-month").sort("force", "from")
    print(
        "## Known gaps\n\n| force | months | kind | found | first told in |\n| --- | --- | --- | --- | --- |"
    )
    for force, first, last, kind in known.select("force", "from", "to", "kind").iter_rows():
        owed = [text for text in months if first <= text <= last]
        if not owed:
            continue
        told = {f"{gap:%Y-%m}": when for (name, gap), when in first_told.items() if slug(name) == force}
        found = [told[text] for text in owed if text in told]
        when = ", ".join(sorted(set(found))[:4]) + (", each in its own month" if found == owed else "")
        said = kind.replace("_", " ")
        print(f"| {force} | {owed[0]} to {owed[-1]} | {said} | {len(found)} of {len(owed)} | {when} |")
    print()


def main() -> None:
    """Judges month after month with what was known in it, and prints the page."""
    data = open_data()
    frame, areas = counts_table(data), areas_table(data).drop("lad")
    months = sorted(frame["month"].unique().to_list())
    counts = Counts(frame, areas, months)
    print(HEAD)
    told: list[dict[str, Any]] = []
    first_told: dict[tuple[str, date], str] = {}
    new_alerts: dict[str, int] = {}
    for text in months:
        month = date.fromisoformat(f"{text}-01")
        judged = judge(frame, areas, as_of=month)
        here = judged.verdicts.filter(pl.col("month") == month)
        gaps = judged.verdicts.filter(pl.col("verdict").is_in(["missing", "partial"]))
        for force, gap in gaps.select("force", "month").iter_rows():
            first_told.setdefault((force, gap), text)
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
        fresh, recoded = [], []
        for alert in rows:
            if alert["code"] == "W22":
                recoded.append(alert["force"])
            elif not any(same(old, alert) for old in told):
                fresh.append(alert)
            told.append(alert)
        head = "| code | severity | alert | what we think |\n| --- | --- | --- | --- |"
        print(f"\n{head if fresh else 'No new alert.'}")
        for alert in fresh:
            row = alert["code"], alert["severity"], alert["sentence"], thought(counts, alert)
            print(f"| {' | '.join(row)} |")
        if recoded:
            print(f"\nAreas moved to new codes (W22, told only) in {', '.join(sorted(recoded))}.")
        new_alerts[text] = len(fresh)
        print(flush=True)
    print_known(first_told, months)
    later_months = [number for text, number in new_alerts.items() if text >= "2024-06"]
    print("## Together\n")
    print(
        f"{sum(new_alerts.values())} alerts in {len(new_alerts)} months; from June 2024 on, with a year behind them, "
        f"{sum(later_months)} in {len(later_months)}, {sum(later_months) / len(later_months):.1f} a month."
    )


if __name__ == "__main__":
    sys.exit(main())
