"""What the page for developers tells of the API, from the API's own description of itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from publish.api import openapi

#: Parameters that ask for a form or a page of any answer: told once, not at each address.
EVERYWHERE: Final = ("as_of", "format", "page", "per_page")


class Address(NamedTuple):
    """One address of the API: what it gives, and what may be asked of it by name, with what it means."""

    path: str
    gives: str
    asked: Sequence[tuple[str, str, bool]]


@dataclass(frozen=True)
class Example:
    """A neighbourhood that stands for all in the description."""

    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Release:
    """What these pages know of the release that they are part of."""

    title: str
    attribution: str
    months: Sequence[str]
    forces: Collection[str]
    national: Collection[str]
    neighbourhoods: Example
    name: str = ""

    @property
    def newest(self) -> str:
        """The latest month."""
        return self.months[-1]


def described(release: Release) -> dict[str, Any]:
    """The addresses of the API in order, what any of them takes, and what each header of an answer says."""
    document = openapi.document(release)
    addresses, everywhere = [], {}
    for path, ways in document["paths"].items():
        asked = []
        for each in ways["get"]["parameters"]:
            if each["name"] in EVERYWHERE:
                everywhere[each["name"]] = each["description"]
            else:
                asked.append((each["name"], each["description"], each["required"]))
        addresses.append(Address(f"/api{path}", ways["get"]["summary"], asked))
    headers = {name: each["description"] for name, each in document["components"]["headers"].items()}
    return {"addresses": addresses, "everywhere": everywhere, "headers": headers}
