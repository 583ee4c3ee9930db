"""Measures whole commands in fresh processes and prints ratios against a named baseline of the same run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

#: Where what was measured against something else is kept, for the page that `tests.bench.stages_benchmark` writes.
RATIOS: Final = Path(".fullcount/bench/ratios.json")


@dataclass(frozen=True)
class Measured:
    """One command run once: seconds of wall clock, the most memory it held, in MiB, and seconds of processor."""

    name: str
    seconds: float
    peak_mib: float
    processor: float = float("nan")


def measure(name: str, command: Sequence[str], env: dict[str, str] | None = None) -> Measured:
    """Run a command to its end in a process of its own. Raises CalledProcessError when it fails.

    Modules are kept compiled, as an installed program has them, whatever this environment says.
    """
    start = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, env={**environment, **(env or {})}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if code := os.waitstatus_to_exitcode(status):
        raise subprocess.CalledProcessError(code, list(command))
    return Measured(name, seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def python(code: str) -> list[str]:
    """The command that runs a piece of Python in this environment."""
    return [sys.executable, "-c", code]


def commit() -> str:
    """The short name of the commit that is measured."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def kept_ratios() -> dict[str, dict[str, Any]]:
    """What `keep_ratios` kept: `commit` and `measured`, the baseline first, by what was measured."""
    told: dict[str, dict[str, Any]] = json.loads(RATIOS.read_text()) if RATIOS.is_file() else {}
    return {
        title: each | {"measured": [Measured(**one) for one in each["measured"]]}
        for title, each in told.items()
    }


def keep_ratios(title: str, measured: Sequence[Measured], rows: int) -> None:
    """Keep some measurements of the same work, the baseline first, in the place of those of an earlier run."""
    kept = json.loads(RATIOS.read_text()) if RATIOS.is_file() else {}
    kept[f"{title} ({rows:,} rows)"] = {"commit": commit(), "measured": [asdict(each) for each in measured]}
    RATIOS.parent.mkdir(parents=True, exist_ok=True)
    RATIOS.write_text(json.dumps(kept, indent=1) + "\n")


def print_ratios(title: str, baseline: Measured, others: Sequence[Measured], rows: int) -> None:
    """Print each measurement with its ratio to the baseline, as a Markdown table, and keep them.

    On a shared machine the ratio of processor seconds is the steadier one.
    """
    keep_ratios(title, [baseline, *others], rows)
    print(f"\n### {title} ({rows:,} rows)\n")
    print(f"| what | seconds | × {baseline.name} | processor seconds | × | rows a second | peak memory |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for each in (baseline, *others):
        print(
            f"| {each.name} | {each.seconds:.1f} | {each.seconds / baseline.seconds:.2f} "
            f"| {each.processor:.1f} | {each.processor / baseline.processor:.2f} "
            f"| {rows / each.seconds:,.0f} | {each.peak_mib:,.0f} MiB |"
        )
