"""The whole benchmark of the completeness judge in one command: `python -m tests.bench completeness`.

Faults planted in the real cube, on 25 areas and nationally, with the peers on the same cells; the real months as they
would have arrived; and a national shock. Needs the open data folder and about an hour of two cores.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "completeness"
RUNS: Final = (
    ("run.py", "--base", "25", "--seeds", "1", "2", "3", "--events", "8", "--peers"),
    ("run.py", "--base", "national", "--seeds", "1", "2", "--events", "8", "--peers"),
    ("month_by_month.py",),
    ("shock.py",),
)


def main() -> int:
    """Run each part in a process of its own. Returns 1 when one failed."""
    statuses = []
    for script, *options in RUNS:
        print(f"== {script} {' '.join(options)}", flush=True)
        statuses.append(subprocess.run([sys.executable, str(FOLDER / script), *options]).returncode)
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
