"""Whether processes that the product started are there still."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path


def wait_until_gone(pids: Iterable[int], seconds: float = 30) -> None:
    """Wait until no process is there any more. Raises AssertionError where one is after that time."""
    until = time.monotonic() + seconds
    while left := [pid for pid in pids if _is_running(pid)]:
        assert time.monotonic() < until, f"still there: {left}"
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be forgotten."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
