"""Benchmark: record-level extracts, CSV, through to judged quarter tables, beside a floor and a peer.

Run it with `python tests/bench/line_benchmark.py [ROWS]`. The floor is DuckDB's own `read_csv` with one GROUP BY over
the same files; the peers do the same work written plainly in pandas, and in R's data.table where it is installed
(Debian's r-cran-data.table).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fixtures.volume import write_volume_supply
from tests.bench.harness import Measured, measure, print_ratios, python

FLOOR = """
import duckdb
duckdb.sql(\"\"\"
    SELECT force, date_trunc('quarter', recorded_at) AS quarter, offence_code, count(*) AS crimes
    FROM read_csv('{supply}/*.csv', types={{'offence_code': 'VARCHAR', 'crime_ref': 'VARCHAR'}})
    WHERE status = 'live' GROUP BY ALL\"\"\").fetchall()
"""

PANDAS = """
import glob, pandas as pd
needed = ["force", "source_system", "crime_ref", "incident_ref", "offence_code", "recorded_at", "victim_ref",
          "offender_ref", "status", "updated_at"]
parts = []
for name in sorted(glob.glob("{supply}/*.csv")):
    lines = pd.read_csv(name, usecols=needed, dtype=str)
    for column in ("recorded_at", "updated_at"):
        lines[column] = pd.to_datetime(lines[column], errors="coerce", format="ISO8601")
    lines = lines.sort_values("updated_at").drop_duplicates(["force", "source_system", "crime_ref"], keep="last")
    lines = lines[lines["status"] == "live"]
    # One crime for each victim and offender in an incident: the first class stands in for the principal crime.
    lines = lines.sort_values("offence_code").drop_duplicates(["incident_ref", "victim_ref", "offender_ref"])
    lines["quarter"] = lines["recorded_at"].dt.to_period("Q")
    parts.append(lines.groupby(["force", "quarter", "offence_code"]).size())
counted = pd.concat(parts)
grid = pd.MultiIndex.from_product([counted.index.levels[0], counted.index.levels[1], counted.index.levels[2]])
counted.groupby(level=[0, 1, 2]).sum().reindex(grid)
"""

DATA_TABLE = """
suppressMessages(library(data.table))
needed <- c("force", "source_system", "crime_ref", "incident_ref", "offence_code", "recorded_at", "victim_ref",
            "offender_ref", "status", "updated_at")
parts <- lapply(sort(Sys.glob("{supply}/*.csv")), function(name) {{
  times <- c("recorded_at", "updated_at")
  lines <- fread(name, select = list(character = setdiff(needed, times), POSIXct = times), tz = "UTC")
  setorder(lines, updated_at)
  lines <- unique(lines, by = c("force", "source_system", "crime_ref"), fromLast = TRUE)[status == "live"]
  setorder(lines, offence_code)
  lines <- unique(lines, by = c("incident_ref", "victim_ref", "offender_ref"))
  lines[, quarter := paste0(year(recorded_at), "-Q", quarter(recorded_at))]
  lines[, .N, by = .(force, quarter, offence_code)]
}})
counted <- rbindlist(parts)
counted[CJ(force, quarter, offence_code, unique = TRUE), on = .(force, quarter, offence_code)][is.na(N), N := 0L]
"""

OURS = """
from pipelines.settings import settings
from pipelines.stages.line import Line
from pipelines.stages.supplied import take_in
from pipelines.stages.recorded import record_forces
from pipelines.stages.counted import count_forces
from pipelines.stages.aggregated import aggregate_quarter
from pipelines.stages.judged import judge_quarters
line = Line.open(settings({workspace!r}, {supply!r}, {country!r}))
take_in(line); record_forces(line); count_forces(line)
for quarter in line.quarters(): aggregate_quarter(line, quarter)
judge_quarters(line, line.quarters()); line.workspace.commit()
"""


def has_data_table() -> bool:
    """Whether R and its data.table are installed; says so where they are not."""
    asked = ["Rscript", "-e", 'quit(status = !requireNamespace("data.table", quietly = TRUE))']
    found = bool(shutil.which("Rscript")) and not subprocess.run(asked, capture_output=True).returncode
    if not found:
        print("R data.table is not installed: that peer is left out.")
    return found


def main(rows: int) -> None:
    """Make the input, run each in its own process, print the table."""
    folder = Path(os.environ.get("FULLCOUNT_BENCH", tempfile.gettempdir())) / f"fullcount-line-{rows}"
    if not (folder / "supply").exists():
        write_volume_supply(folder, rows=rows, seed=7)
    where = {name: str(folder / name) for name in ("supply", "country", "workspace")}
    shutil.rmtree(where["workspace"], ignore_errors=True)
    floor = measure("DuckDB read_csv + GROUP BY", python(FLOOR.format(**where)))
    ours = measure("fullcount, to judged quarters", python(OURS.format(**where)))
    peers: list[Measured] = [measure("the same in pandas", python(PANDAS.format(**where)))]
    if has_data_table():
        peers.append(measure("the same in R data.table", ["Rscript", "-e", DATA_TABLE.format(**where)]))
    print_ratios("Extracts to judged quarter tables", floor, [ours, *peers], rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
