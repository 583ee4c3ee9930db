"""The real cube judged as it would have arrived: `python tests/bench/completeness/month_by_month.py`.

Prints, for each month, the verdicts that are not complete and the alerts that are new in it.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import run

from transforms.completeness import judge


def main() -> None:
    """Judges month after month with what was known in it."""
    data = run.open_data()
    counts = pl.read_parquet(data / "counts" / "lsoa_month_crimetype_2023-05_2025-06.parquet").rename(
        {"lsoa_code": "area", "crime_type": "category"}
    )
    areas = run.areas_table(data).drop("lad")
    seen: list[tuple[str, str | None, str | None, date]] = []
    for text in counts["month"].unique().sort():
        month = date.fromisoformat(f"{text}-01")
        judged = judge(counts, areas, as_of=month)
        here = judged.verdicts.filter((pl.col("month") == month) & (pl.col("verdict") != "complete"))
        print(f"== {text}")
        for force, verdict, observed, expected, coverage in here.select(
            "force", "verdict", "observed", "expected", "coverage"
        ).iter_rows():
            if verdict != "unjudged":
                print(f"   {verdict:<8} {force}: {observed:,.0f} of about {expected:,.0f} ({coverage:.1%})")
        print(f"   unjudged {here.filter(pl.col('verdict') == 'unjudged').height}")
        for row in judged.alerts.filter(pl.col("last_month") >= month.replace(day=1)).iter_rows(named=True):
            known = any(
                row["force"] == force
                and row["area"] == area
                and row["category"] == category
                and first >= row["first_month"]
                for force, area, category, first in seen
            )
            seen.append((row["force"], row["area"], row["category"], row["first_month"]))
            if not known:
                print(f"   new {row['severity']:<8} {row['code']} {row['sentence']}")
        exposed = judged.alerts.filter(
            (pl.col("code") == "W38") & (pl.col("last_month") == run.month_before(month))
        )
        for sentence in exposed["sentence"]:
            print(f"   new block    W38 {sentence}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
