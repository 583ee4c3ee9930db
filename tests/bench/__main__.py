"""Runs the benchmarks of this folder one after another: all of them, or those named (`python -m tests.bench line`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(wanted: list[str]) -> int:
    """Run each benchmark in a process of its own. Returns 1 when one failed, 2 for a name that is none."""
    found = {path.stem.removesuffix("_benchmark"): path for path in sorted(FOLDER.glob("*_benchmark.py"))}
    # Last, since its page shows what the others measured.
    found["stages"] = found.pop("stages")
    if unknown := [name for name in wanted if name not in found]:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(found)}.", file=sys.stderr)
        return 2
    statuses = [
        subprocess.run([sys.executable, "-m", f"tests.bench.{found[name].stem}"]).returncode
        for name in wanted or found
    ]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
