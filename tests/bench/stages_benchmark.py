"""Benchmark: every stage of the line at several sizes, its cost against size, its memory, its peers.

    python -m tests.bench.stages_benchmark [ROWS ...] [--folder FOLDER] [--history]

For each size it makes extracts, runs each stage in a process of its own and measures seconds, seconds of processor and
the most memory held; then the floor (DuckDB reading the same files with one GROUP BY) in the same run. It writes
`results.json` and `index.html` (charts, exponents, machine, versions, commit) to `.fullcount/bench`, or FOLDER. On the
page is also what the other benchmarks measured against their peers (`harness.RATIOS`).

The extracts are one force's fifteen months in CSV; with `--history`, 43 forces' seventeen years in Parquet. What is in
FOLDER from an earlier run is not made again, and what the same commit measured there at other sizes stays on the page.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from tests.bench.harness import Measured, commit, kept_ratios, measure, python
from tests.bench.line_benchmark import FLOOR

SIZES = (100_000, 1_000_000)
#: What the exponent of a cost that grows in step with the input is; above the second it is worth a look.
LINEAR, TOO_STEEP = 1.0, 1.15

PREPARE = """
from pathlib import Path
from fixtures.extracts import months_of
from fixtures.volume import write_volume_supply
write_volume_supply(Path({folder!r}), rows={rows}, seed=7{as_history})
"""
OPEN = """
from pipelines.settings import settings
from pipelines.stages.line import Line
line = Line.open(settings({workspace!r}, {supply!r}, {country!r}))
"""
STAGES = {
    "take in": "from pipelines.stages.supplied import take_in; take_in(line)",
    "record": "from pipelines.stages.recorded import record_forces; record_forces(line)",
    "count": "from pipelines.stages.counted import count_forces; count_forces(line)",
    "look for transfers": "from pipelines.stages.counted import reconcile_transfers; reconcile_transfers(line)",
    "aggregate": (
        "from pipelines.stages.aggregated import aggregate_quarter\n"
        "for quarter in line.quarters(): aggregate_quarter(line, quarter)\n"
        "line.workspace.commit()"
    ),
    "judge": (
        "from pipelines.stages.judged import judge_quarters\n"
        "judge_quarters(line, line.quarters())\n"
        "line.workspace.commit()"
    ),
    "release": "from pipelines.stages.released import release; release(line, line.whole_quarter())",
}
#: The arguments that make the supply a country's history.
AS_HISTORY = ", forces=43, months=months_of('2002-10', '2019-09'), suffix='.parquet'"
FLOOR_NAME = "floor: DuckDB, one GROUP BY"
#: The floor over Parquet.
OF_PARQUET = """
import duckdb
duckdb.sql(\"\"\"
    SELECT force, date_trunc('quarter', recorded_at) AS quarter, offence_code, count(*) AS crimes
    FROM read_parquet('{supply}/*.parquet') WHERE status = 'live' GROUP BY ALL\"\"\").fetchall()
"""


@dataclass(frozen=True)
class Cost:
    """What one stage cost at one size."""

    rows: int
    stage: str
    seconds: float
    processor: float
    peak_mib: float


def costs(rows: int, folder: Path, *, history: bool = False) -> Iterator[Cost]:
    """Run every stage over `rows` extract lines, and the floor over the same file."""
    where = {name: str(folder / name) for name in ("workspace", "supply", "country")}
    prepare = PREPARE.format(folder=str(folder), rows=rows, as_history=AS_HISTORY if history else "")
    if not (folder / "supply").exists():
        # In a process of its own, so that this one stays small: what it holds would count as memory of the others.
        measure("prepare", python(prepare))
    shutil.rmtree(where["workspace"], ignore_errors=True)
    for stage, code in STAGES.items():
        yield _cost(rows, measure(stage, python(OPEN.format(**where) + code)))
    floor = OF_PARQUET if history else FLOOR
    yield _cost(rows, measure(FLOOR_NAME, python(floor.format(**where))))


def _earlier(folder: Path, of: str) -> list[Cost]:
    """What an earlier run of the commit `of` left in a folder."""
    path = folder / "results.json"
    told = json.loads(path.read_text()) if path.is_file() else {"about": {}, "costs": []}
    return [Cost(**each) for each in told["costs"]] if told["about"].get("commit") == of else []


def _cost(rows: int, measured: Measured) -> Cost:
    return Cost(rows, measured.name, measured.seconds, measured.processor, measured.peak_mib)


def exponents(found: Sequence[Cost]) -> dict[str, float]:
    """How steeply the processor seconds of each stage grow with the rows: 1 is in step, less is a fixed cost."""
    answer = {}
    for stage in dict.fromkeys(each.stage for each in found):
        points = [(math.log(each.rows), math.log(each.processor)) for each in found if each.stage == stage]
        if len(points) > 1:
            means = [sum(axis) / len(points) for axis in zip(*points, strict=True)]
            over = sum((x - means[0]) * (y - means[1]) for x, y in points)
            answer[stage] = over / sum((x - means[0]) ** 2 for x, _ in points)
    return answer


def surroundings() -> dict[str, str]:
    """The machine, the versions and the commit that the figures belong to."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{os.cpu_count()} × {cpu[0].split(':')[1].strip() if cpu else platform.machine()}",
        "memory": f"{memory:.0f} GiB",
        "load when begun": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("polars", "duckdb", "fullcount")},
        "commit": commit(),
    }


def page(found: Sequence[Cost], about: Mapping[str, str], ratios: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as one page that stands by itself. `ratios` are of `harness.kept_ratios`."""
    steep = exponents(found)
    charts = [
        _chart(found, "processor", "Seconds of processor against rows"),
        _chart(found, "peak_mib", "Most memory held (MiB) against rows"),
    ]
    drawn = [
        chart.to_html(full_html=False, include_plotlyjs=number == 0) for number, chart in enumerate(charts)
    ]
    floors = {each.rows: each.processor for each in found if each.stage == FLOOR_NAME}
    rows = "".join(
        f"<tr><td>{each.stage}</td><td>{each.rows:,}</td>"
        + _cells(
            each.seconds,
            each.processor,
            1e6 * each.processor / each.rows,
            each.processor / floors.get(each.rows, math.nan),
            each.peak_mib,
        )
        + f"<td>{_figure(steep.get(each.stage, math.nan), 2)}</td></tr>"
        for each in found
    )
    facts = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in about.items())
    others = "".join(_against(title, **each) for title, each in ratios.items())
    return f"""<!doctype html>
<html lang="en-GB"><head><meta charset="utf-8"><title>What fullcount costs</title>
<style>
body {{ font: 1rem/1.5 system-ui; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: right; padding: .2rem .6rem; border-bottom: 1px solid #ccc }}
td:first-child, th:first-child {{ text-align: left }}
dl {{ display: grid; grid-template-columns: 12rem auto }}
</style></head>
<body><h1>What fullcount costs</h1>
<p>Each stage in a process of its own, starting the interpreter included. The exponent is how processor seconds grow
with rows: {LINEAR:.0f} is in step with the input; above {TOO_STEEP} is worth a look.</p>
<table><thead><tr><th>Stage</th><th>Rows</th><th>Seconds</th><th>Processor</th><th>Processor a million rows</th>
<th>× floor</th><th>Peak MiB</th><th>Exponent</th></tr></thead><tbody>{rows}</tbody></table>
{"".join(drawn)}
<h2>Against others</h2>
{others or "<p>No other benchmark was run here: <code>make bench</code> runs all.</p>"}
<h2>Where and with what</h2><dl>{facts}</dl></body></html>
"""


def _against(title: str, commit: str, measured: Sequence[Measured]) -> str:
    """What one benchmark measured, as a table of ratios to the first."""
    first = measured[0]
    rows = "".join(
        f"<tr><td>{escape(each.name)}</td>"
        + _cells(
            each.seconds,
            each.seconds / first.seconds,
            each.processor,
            each.processor / first.processor,
            each.peak_mib,
        )
        + "</tr>"
        for each in measured
    )
    return f"""<h3>{escape(title)}</h3><p>At {escape(commit)}; × is against {escape(first.name)}.</p>
<table><thead><tr><th>What</th><th>Seconds</th><th>×</th><th>Processor</th><th>×</th><th>Peak MiB</th></tr></thead>
<tbody>{rows}</tbody></table>"""


def _cells(*figures: float) -> str:
    """Table cells with a decimal; the last, of memory, has none."""
    return "".join(
        f"<td>{_figure(figure, int(place < len(figures) - 1))}</td>" for place, figure in enumerate(figures)
    )


def _figure(value: float, decimals: int) -> str:
    # Of a part, a tenth says too little.
    return "–" if math.isnan(value) else f"{value:,.{decimals + (value < 1)}f}"


def _chart(found: Sequence[Cost], what: str, title: str) -> go.Figure:
    chart = go.Figure()
    for stage in dict.fromkeys(each.stage for each in found):
        points = [each for each in found if each.stage == stage]
        chart.add_scatter(
            x=[each.rows for each in points],
            y=[getattr(each, what) for each in points],
            name=stage,
            mode="lines+markers",
        )
    return chart.update_layout(title=title, xaxis_type="log", yaxis_type="log", template="simple_white")


def main() -> None:
    """Run every stage at every size and write the page."""
    wanted = argparse.ArgumentParser(prog="python -m tests.bench.stages_benchmark", description=__doc__)
    wanted.add_argument("rows", nargs="*", type=int, default=list(SIZES))
    wanted.add_argument("--folder", type=Path, default=Path(".fullcount/bench"))
    wanted.add_argument("--history", action="store_true", help="43 forces' seventeen years, in Parquet")
    asked = wanted.parse_args()
    about = surroundings()
    asked.folder.mkdir(parents=True, exist_ok=True)
    found = [cost for cost in _earlier(asked.folder, about["commit"]) if cost.rows not in asked.rows]
    for rows in sorted(asked.rows):
        for cost in costs(rows, asked.folder / f"rows-{rows}", history=asked.history):
            found = sorted([*found, cost], key=lambda each: each.rows)
            print(
                f"{cost.rows:>13,} {cost.stage:<40} {cost.seconds:8.1f} s {cost.processor:8.1f} s of processor "
                f"{cost.peak_mib:8,.0f} MiB",
                flush=True,
            )
            results = {
                "about": about,
                "costs": [asdict(each) for each in found],
                "exponents": exponents(found),
            }
            (asked.folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
            (asked.folder / "index.html").write_text(page(found, about, kept_ratios()))
    print(f"The page is {asked.folder / 'index.html'}; the figures are beside it in results.json.")


if __name__ == "__main__":
    main()
