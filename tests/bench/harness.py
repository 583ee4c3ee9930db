"""Measures whole commands in fresh processes and prints ratios against a named baseline of the same run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


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


def print_ratios(title: str, baseline: Measured, others: Sequence[Measured], rows: int) -> None:
    """Print each measurement with its ratio to the baseline, as a Markdown table.

    On a shared machine the ratio of processor seconds is the steadier one.
    """
    print(f"\n### {title} ({rows:,} rows)\n")
    print(f"| what | seconds | × {baseline.name} | processor seconds | × | rows a second | peak memory |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for each in (baseline, *others):
        print(
            f"| {each.name} | {each.seconds:.1f} | {each.seconds / baseline.seconds:.1f} "
            f"| {each.processor:.1f} | {each.processor / baseline.processor:.1f} "
            f"| {rows / each.seconds:,.0f} | {each.peak_mib:,.0f} MiB |"
        )
