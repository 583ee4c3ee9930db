"""Work for the engines under test: light to import, since every new process imports it."""

import os
import signal
from pathlib import Path


def die_once(item: tuple[int, str]) -> int:
    """Square a number; kill this process the first time that it is 3."""
    number, marker = item
    if number == 3 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def fail(item: int) -> int:
    """Fail as a function under an engine may."""
    raise ValueError(f"item {item} is bad")
