"""A full disk, told in the same words whatever was being written to it."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterable
from typing import Final

#: What is to be done about it.
MAKE_ROOM: Final = (
    "make room and run the same command again: nothing half-written was left, and what was finished is kept"
)
#: A disk with fewer bytes left is taken for the full one: what could not be written is gone by the time it is asked.
_HARDLY_ANY: Final = 256 << 20
_NUMBERS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WORDS: Final = (
    "no space left",
    "disk is full",
    "disk i/o error",
    "file too large",
    *(f"os error {number}" for number in _NUMBERS),
)


def is_out_of_room(problem: BaseException | None) -> bool:
    """Whether a full disk is behind it: each engine says so in its own words, often deep in a chain of causes."""
    seen: set[int] = set()
    # A chain can turn back on itself, when an error is raised again from one that it caused.
    while problem is not None and id(problem) not in seen:
        if isinstance(problem, OSError) and problem.errno in _NUMBERS:
            return True
        if any(word in str(problem).lower() for word in _WORDS):
            return True
        seen.add(id(problem))
        problem = problem.__cause__ or problem.__context__
    return False


def fullest(places: Iterable[str]) -> str | None:
    """The place on this machine whose disk has hardly any room left, the least of all; None where each has some."""
    left = {}
    for place in places:
        with contextlib.suppress(OSError):
            left[place] = shutil.disk_usage(place).free
    least = min(left, key=lambda place: left[place], default=None)
    return least if least is not None and left[least] < _HARDLY_ANY else None
