"""Why a supplied file was refused, in one sentence that says what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - a refusal is an outcome of reading, and is also returned as a value
    """One whole file refused: which, where in it, what was seen, what was wanted, and what to do.

    It stops the file that it names and no other. `seen` never holds a value of a personal field.
    """

    name: str
    problem: str
    next_step: str
    line: int | None = None
    field: str | None = None
    seen: str | None = None
    wanted: str | None = None

    def __str__(self) -> str:
        where = [self.name]
        if self.line is not None:
            where.append(f"line {self.line:,}")
        if self.field is not None:
            where.append(f"field {self.field}")
        said = [self.problem]
        if self.seen is not None:
            said.append(f"seen “{shortened(self.seen)}”")
        if self.wanted is not None:
            said.append(f"wanted {self.wanted}")
        return f"{', '.join(where)}: {', '.join(said)}; {self.next_step}."


def shortened(value: str, longest: int = 80) -> str:
    """`value` on one line, cut at `longest` characters, so that a message stays one sentence."""
    flat = " ".join(value.split())
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"


def nearest(value: str, known: Iterable[str]) -> str:
    """A clause that names the known spelling closest to `value`, or nothing when none is close."""
    close = difflib.get_close_matches(value, list(known), n=1, cutoff=0.6)
    return f" (nearest: {close[0]})" if close else ""


def base_name(name: str) -> str:
    """The last part of a supplied name, inside an archive or not."""
    return PurePosixPath(name.replace("\\", "/").replace("!", "/")).name
