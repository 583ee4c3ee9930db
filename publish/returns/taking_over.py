"""The years of the long tables of one return, and those of the return before that stand as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec

from publish.parts import BUILT, code_of, key_of
from publish.returns.packing import Packed, Run
from publish.returns.worksheets import KeptRows


@dataclass(frozen=True)
class Place:
    """Where in a file the run of a year's rows is, what it holds unpacked, and a digest that tells it is whole."""

    file: str
    start: int
    size: int
    length: int
    checksum: int
    digest: str


@dataclass(frozen=True)
class Year:
    """What a return tells of one table's year: a key of what it is made from, and its rows in each form of file."""

    key: str
    height: int
    widths: tuple[int, ...]
    runs: dict[str, Place]


class TakingOver:
    """The years of the long tables as they are made, and those that the return in the folder `before` has.

    A year is known by a name for its table and by a key of all that its rows are made of. Where the key is the same
    in the return before, and the rows are whole there, nothing of it is laid out, written or packed again.
    """

    def __init__(self, before: Path | None = None) -> None:
        self.before = before
        self.made: dict[str, Year] = {}
        self.taken: dict[str, Year] = {}
        self.there: dict[str, Year] = {}
        if before is not None:
            # A return that cannot tell what it is made from has nothing to take over.
            with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
                self.there = msgspec.json.decode((before / BUILT).read_bytes(), type=dict[str, Year])

    def rows(self, name: str, key: str, forms: Sequence[str]) -> KeptRows | None:
        """The rows of a year as the return before has them in each form; None where they are to be made."""
        year = self.there.get(name)
        if year is None or year.key != key or not set(forms) <= year.runs.keys():
            return None
        runs = {form: self._run(year, year.runs[form]) for form in forms}
        whole = {form: run for form, run in runs.items() if run is not None}
        if len(whole) < len(runs):
            return None
        self.taken[name] = year
        return KeptRows(year.height, year.widths, whole)

    def add(
        self,
        name: str,
        key: str,
        height: int,
        widths: tuple[int, ...],
        files: Mapping[str, tuple[str, Packed]],
    ) -> None:
        """Tell where the rows of a year are: `files` has the name and the content of a file by its form."""
        places = {}
        taken = self.taken.get(name)
        for form, (file, packed) in files.items():
            start, run = packed.runs[name]
            digest = taken.runs[form].digest if taken else _digest(key, height, widths, run)
            places[form] = Place(file, start, len(run.content), run.length, run.checksum, digest)
        self.made[name] = Year(key, height, widths, places)

    def told(self) -> bytes:
        """The content of `BUILT`, for the next return."""
        return msgspec.json.format(msgspec.json.encode(self.made, order="sorted"), indent=1)

    def _run(self, year: Year, place: Place) -> Run | None:
        """A run of the return before; None where the file is not what it was."""
        assert self.before is not None
        try:
            with (self.before / place.file).open("rb") as file:
                file.seek(place.start)
                run = Run(file.read(place.size), place.length, place.checksum)
        except (OSError, ValueError, OverflowError, MemoryError):
            return None
        return run if _digest(year.key, year.height, year.widths, run) == place.digest else None


@cache
def code() -> str:
    """A key of the code that lays out years and writes them, and of the library that numbers their formats."""
    return key_of(code_of("publish.returns", "geography", "transforms"), version("xlsxwriter"))


def _digest(key: str, height: int, widths: tuple[int, ...], run: Run) -> str:
    """A digest of a run and of everything that is told of it."""
    digest = hashlib.sha256(repr((key, height, widths, run.length, run.checksum)).encode())
    digest.update(run.content)
    return digest.hexdigest()
