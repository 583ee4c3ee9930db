"""Data versions: what the three numbers of a release mean, and which number a change takes.

A quarter is first released as 1.0.0. A later release of the same quarter raises

- the first number when figures mean something else or are no longer where they were: another counting edition,
  other areas, boundaries or populations, or a file of the earlier version that is gone;
- the second when figures may differ and mean the same: supplied, resupplied or decided on since;
- the third when no figure differs: words, pages, formats or the program itself.

A number is never used twice, not even that of a version that was withdrawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from transforms.periods import Quarter

_WRITTEN: Final = re.compile(r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")


class Change(IntEnum):
    """How far a version departs from the one before it, least first."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


@dataclass(frozen=True, order=True)
class Version:
    """One data version of a quarter."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `1.0.2`. Raises ValueError with the value seen and the form wanted."""
        if match := _WRITTEN.match(text.strip()):
            return cls(*(int(number) for number in match.groups()))
        raise ValueError(f"“{text}” is not a version: write three numbers, such as 1.0.0.")

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def after(self, change: Change) -> Version:
        """The version that follows this one when so much changed."""
        if change is Change.MAJOR:
            return Version(self.major + 1, 0, 0)
        if change is Change.MINOR:
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)


FIRST: Final = Version(1, 0, 0)


def next_version(used: Iterable[Version], change: Change) -> Version:
    """The number of the next version, given every number that the quarter has ever been released under."""
    latest = max(used, default=None)
    return FIRST if latest is None else latest.after(change)


@dataclass(frozen=True, order=True)
class ReleaseName:
    """What a release is called: its quarter and its version, written `2019-Q4/1.0.0`."""

    quarter: Quarter
    version: Version

    @classmethod
    def parse(cls, text: str) -> ReleaseName:
        """Read `2019-Q4/1.0.0`. Raises ValueError with the value seen and the form wanted."""
        quarter, slash, version = text.strip().strip("/").rpartition("/")
        if not slash:
            raise ValueError(
                f"“{text}” is not a release: write its quarter and version, such as 2019-Q4/1.0.0."
            )
        return cls(Quarter.parse(quarter), Version.parse(version))

    def __str__(self) -> str:
        return f"{self.quarter}/{self.version}"
