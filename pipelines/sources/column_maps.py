"""Translates a records system's own headers and words into those of the extract contract, from data files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pipelines.sources.refusal import Refusal, nearest
from transforms.contracts.columns import EXTRACT, REQUIRED

_PARTS: Final = frozenset(
    ("title", "source_system", "day_first", "no_location", "personal", "columns", "values")
)
#: Columns that the file name or the map can supply for the whole file.
FROM_OUTSIDE: Final = ("force", "source_system")


@dataclass(frozen=True)
class ColumnMap:
    """How one records system names the columns of the contract, and what its words mean."""

    name: str
    title: str
    #: Contract column to the system's header.
    columns: Mapping[str, str]
    #: Headers whose values are dropped at the door.
    personal: frozenset[str]
    #: Contract column to (the system's word, the contract's word).
    values: Mapping[str, Mapping[str, str]]
    #: Whether days come before months where dates are written with slashes.
    day_first: bool = False
    #: The source system of every row, where the file has no column for it.
    source_system: str | None = None
    #: What stands in a coordinate column when there is no location.
    no_location: tuple[str, ...] = ()

    def headers(self, header: Sequence[str]) -> dict[str, str]:
        """Contract column to the header as this file writes it, for the columns that the file has."""
        written = {_plain(name): name for name in header}
        return {
            column: written[_plain(name)] for column, name in self.columns.items() if _plain(name) in written
        }

    def unknown(self, header: Sequence[str]) -> list[str]:
        """Headers of the file that the map has no place for."""
        known = {_plain(name) for name in (*self.columns.values(), *self.personal)}
        return [name for name in header if _plain(name) not in known]

    def lacking(self, header: Sequence[str]) -> list[str]:
        """Headers that must be there and are not."""
        present = self.headers(header)
        outside = FROM_OUTSIDE if self.source_system else FROM_OUTSIDE[:1]
        return [
            self.columns.get(column, column)
            for column in REQUIRED
            if column not in present and column not in outside
        ]

    def fits(self, header: Sequence[str]) -> bool:
        """Whether every header has a place and nothing that must be there lacks."""
        return not self.unknown(header) and not self.lacking(header)


def choose(header: Sequence[str], system: str | None, maps: Sequence[ColumnMap], name: str) -> ColumnMap:
    """The map that fits the header of the file `name`: its system's own first. Raises `Refusal` when none does."""
    first = [each for each in maps if each.name == system]
    for each in (*first, *maps):
        if each.fits(header):
            return each
    likeliest = (
        first[0]
        if first
        else min(maps, key=lambda each: len(each.unknown(header)) + len(each.lacking(header)))
    )
    unknown, lacking = likeliest.unknown(header), likeliest.lacking(header)
    known = [*likeliest.columns.values(), *likeliest.personal]
    said = [f"unknown: {', '.join(column + nearest(column, known) for column in unknown)}"] * bool(unknown)
    said += [f"lacking: {', '.join(lacking)}"] * bool(lacking)
    raise Refusal(
        name,
        f"the header fits no column map, {likeliest.name} least badly",
        "correct the header, or add a column map for the system as docs/adding-a-source.md says",
        line=1,
        field=(unknown or lacking)[0],
        seen="; ".join(said),
        wanted=f"the columns of the {likeliest.name} map",
    )


def read_map(text: str, name: str) -> ColumnMap:
    """A column map out of the text of its TOML file. Raises `Refusal` for what is no TOML or no column map."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_map(name, str(error), "TOML") from error
    columns: dict[str, str] = data.get("columns", {})
    values: dict[str, dict[str, str]] = data.get("values", {})
    strange = (set(data) - _PARTS) | (set(columns) - set(EXTRACT)) | (set(values) - set(EXTRACT))
    if strange:
        raise _no_map(
            name, ", ".join(sorted(strange)), f"{', '.join(sorted(_PARTS))}, and columns of the contract"
        )
    return ColumnMap(
        name=name,
        title=data.get("title", name),
        columns=columns,
        personal=frozenset(data.get("personal", ())),
        values=values,
        day_first=data.get("day_first", False),
        source_system=data.get("source_system"),
        no_location=tuple(data.get("no_location", ())),
    )


def _no_map(name: str, seen: str, wanted: str) -> Refusal:
    advice = "correct the map as docs/adding-a-source.md says, and run again"
    return Refusal(f"{name}.toml", "the column map cannot be read", advice, seen=seen, wanted=wanted)


@cache
def shipped_maps() -> tuple[ColumnMap, ...]:
    """The maps that come with the package, `generic` (the contract's own names) first."""
    found: dict[str, Any] = {
        each.name.removesuffix(".toml"): each.read_text(encoding="utf-8")
        for each in files("pipelines.sources").joinpath("maps").iterdir()
        if each.name.endswith(".toml")
    }
    return tuple(
        read_map(found[name], name) for name in sorted(found, key=lambda name: (name != "generic", name))
    )


def maps_in(folder: Path) -> tuple[ColumnMap, ...]:
    """The maps in `folder`, if there is one, before the shipped ones; of two with one name only the first holds."""
    own = [read_map(path.read_text(encoding="utf-8"), path.stem) for path in sorted(folder.glob("*.toml"))]
    names = {each.name for each in own}
    return (*own, *(each for each in shipped_maps() if each.name not in names))


def _plain(header: str) -> str:
    return " ".join(header.split()).casefold()
