"""The whole benchmark of the completeness judge in one command: `python -m tests.bench completeness`.

Faults planted in the real cube, on 25 areas and nationally, with the peers on the same cells; losses that go on; a
national shock; slow peers on a sample of series; the command on a national month; and the targets beside what was
seen. Needs the open data folder and about five minutes of processor; `python -m
tests.bench.completeness_benchmark --times 3` plants three times as many faults. PyOD and statsforecast come with
`uv sync --group peers`, farringtonFlexible with Debian's r-cran-surveillance: without them they are left out, and that
is said.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.completeness.replay import areas_table, counts_table, open_data
from tests.bench.completeness.scoring import rate
from tests.bench.harness import Measured, measure

#: Kinds in which a whole force lost a part of every record.
WHOLE = ("force 0% supplied", "force 10% supplied", "force 30% supplied", "force 50% supplied", "force 70% supplied",
         "last third of month cut")  # fmt: skip
SEEDS = ("61", "62", "63")
#: Faults of each kind and losses of each kind that go on, for each seed.
PLANTED = {"25": (6, 4), "national": (3, 2)}


def main() -> int:
    """Run each part in a process of its own and print the targets. Returns 1 when one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=1, help="plant this many times as many faults")
    parser.add_argument("--plot", type=Path, help="draw the national calibration as SVG")
    arguments = parser.parse_args()
    forest = ["--forest"] if importlib.util.find_spec("pyod") else []
    if not forest:
        print("PyOD IForest is not run: it needs pyod (uv sync --group peers).")
    faults = ["--seeds", *SEEDS, "--peers", *forest]
    plot = ["--plot", str(arguments.plot)] if arguments.plot else []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        runs = {
            base: ["run", "--base", base, "--events", str(events * arguments.times), "--delays",
                   str(delays * arguments.times), *faults, *(plot if base == "national" else [])]
            for base, (events, delays) in PLANTED.items()
        } | {
            "shock": ["shock"],
            "sampled": ["sampled_peers"],
        }  # fmt: skip
        figures: dict[str, Any] = {}
        for name, (module, *options) in runs.items():
            print(f"\n## {module} {' '.join(options)}", flush=True)
            out = [] if name == "sampled" else ["--out", str(place / f"{name}.json")]
            command = [sys.executable, "-m", f"tests.bench.completeness.{module}", *options, *out]
            if subprocess.run(command).returncode:
                return 1
            if out:
                figures[name] = json.loads((place / f"{name}.json").read_text())
        print_targets(figures, whole_command(place))
    return 0


def whole_command(place: Path) -> Measured:
    """`fullcount judge` on the newest national month, from files, as a person runs it."""
    counts_table(open_data()).write_parquet(place / "counts.parquet")
    areas_table(open_data()).drop("lad").write_csv(place / "areas.csv")
    program = shutil.which("fullcount", path=str(Path(sys.executable).parent)) or "fullcount"
    command = [program, "judge", str(place / "counts.parquet"), "--areas", str(place / "areas.csv")]
    return min(
        (measure("judge", [*command, "--as-of", "2025-06", "--alerts"]) for _ in range(3)),
        key=lambda m: m.seconds,
    )


def print_targets(figures: dict[str, Any], command: Measured) -> None:
    """Prints each target beside what was seen."""
    rows: list[tuple[str, str]] = []
    for base in ("25", "national"):
        kinds = {kind: row for kind, row in figures[base]["kinds"].items() if kind in WHOLE}
        found = rate(sum(row["default"] for row in kinds.values()), sum(row["n"] for row in kinds.values()))
        most = max(row["alerts"] for row in kinds.values())
        rows.append(
            (f"whole and partial forces found, 1.00, one alert each ({base})", f"{found}; {most:.1f}")
        )
    for base, target in (("25", 0.90), ("national", 0.85)):
        peers = {name: mean for name, mean in figures[base]["peers"].items() if name != "judge"}
        best = max(peers, key=lambda name: peers[name])
        ours = figures[base]["peers"]["judge"]
        seen = f"{figures[base]['recall']:.3f}; on the peers' kinds {ours:.3f}, {best} {peers[best]:.3f}"
        rows.append((f"mean recall at 0.1 false a force-month, {target:.2f} ({base})", seen))
    rows.append(("false alerts a month, at most 2 (national)", f"{figures['national']['false a month']:.1f}"))
    for base in ("25", "national"):
        mapping = figures[base]["kinds"]["mapping fault"]
        rows.append((f"mapping faults with both sides, 0.85 ({base})", rate(mapping["both"], mapping["n"])))
    for base in ("25", "national"):
        rows.append((f"exact scope of found, 0.95 ({base})", rate(*figures[base]["exact"])))
    for base, shock in figures["shock"].items():
        alerts = f"{shock['force']} force, {shock['type']} type, {shock['below']} below in 3 months"
        found = rate(shock["found"], shock["planted"])
        rows.append((f"a shock is silent, a planted half found ({base})", f"{alerts}; {found}"))
    seconds = f"{command.seconds:.1f} s, {command.processor:.1f} s of processor, {command.peak_mib:,.0f} MiB"
    rows.append(("a national month under 5 s and 2 GB, the whole command", seconds))
    for base in ("25", "national"):
        factors = ", ".join(f"{level} {value:.3f}" for level, value in figures[base]["factors"].items())
        rows.append((f"mean Bayes factor at most 1.05 ({base})", factors))
    print("\n## Targets\n\n| target | seen |\n| --- | --- |")
    for target, seen in rows:
        print(f"| {target} | {seen} |")


if __name__ == "__main__":
    sys.exit(main())
