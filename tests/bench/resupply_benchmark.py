"""Benchmark: one force resupplies one month of a national workspace, against the run that made the workspace.

    python -m tests.bench.resupply_benchmark [ROWS] [--folder FOLDER]

Forty-three forces supply thirty-six months, a file each; the whole line runs, the release included. Then a middling
force supplies the month before the newest again (the newest may be held until somebody has looked at it), with one line
in thirty left out, and the line runs again. Both are the command that people type, each in a process of its own, and
what the second says that it computed again is printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import polars as pl

from fixtures.extracts import months_of
from fixtures.volume import national_forces, volume_name
from tests.bench.harness import measure, print_ratios, python

MONTHS = months_of("2016-10", "2019-09")
#: The month that is supplied again.
MONTH = MONTHS[-2]
FORCES = 43
PREPARE = """
from pathlib import Path
from fixtures.volume import write_volume_supply
from tests.bench.resupply_benchmark import FORCES, MONTHS
write_volume_supply(Path({folder!r}), {rows}, forces=FORCES, months=MONTHS, suffix=".parquet", monthly=True)
"""


def main(rows: int, folder: Path) -> None:
    """Make the input, run twice, print the table."""
    if not (folder / "supply").exists():
        measure("prepare", python(PREPARE.format(folder=str(folder), rows=rows)))
    shutil.rmtree(folder / "workspace", ignore_errors=True)
    places = [f"--{name}={folder / name}" for name in ("workspace", "supply", "country")]
    said = folder / "said.txt"
    command = [str(Path(sys.executable).with_name("fullcount")), "run", *places]
    # What it prints is kept for the end: `measure` measures, and nothing else.
    kept = ["sh", "-c", '"$@" > "$0"', str(said), *command]
    full = measure("the whole run", kept)
    force = national_forces(FORCES)[FORCES // 2].force
    resupplied = (folder / "supply" / volume_name(force, [MONTH])).with_suffix(".parquet")
    as_it_was = pl.read_parquet(resupplied)
    as_it_was.filter(pl.int_range(pl.len()) % 30 != 0).write_parquet(resupplied)
    # What the run before it wrote is on its way to the disk still.
    os.sync()
    try:
        again = measure(f"after {force} resupplied {MONTH:%B %Y}", kept)
    finally:
        as_it_was.write_parquet(resupplied)
    print_ratios("A resupply", full, [again], rows)
    print(f"\nIt took {again.seconds / full.seconds:.1%} of the time of the whole run. It said:\n")
    print(said.read_text())


if __name__ == "__main__":
    wanted = argparse.ArgumentParser(prog="python -m tests.bench.resupply_benchmark", description=__doc__)
    wanted.add_argument("rows", nargs="?", type=int, default=18_000_000)
    wanted.add_argument("--folder", type=Path)
    asked = wanted.parse_args()
    if asked.folder:
        main(asked.rows, asked.folder)
    else:
        with tempfile.TemporaryDirectory(dir=os.environ.get("FULLCOUNT_BENCH")) as made:
            main(asked.rows, Path(made))
