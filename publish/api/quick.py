"""The busiest question, every crime of a month within a mile, answered ahead of the framework with the same bytes."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import Scope

from publish.api import answers, asking
from publish.api.layers import as_list
from publish.api.opened import Release

PATH: Final = "/api/crimes-street/all-crime"
MONTH: Final = re.compile(rb"\d{4}-\d\d")
DEGREES: Final = re.compile(rb"-?\d{1,3}\.\d{1,12}")
#: What a client may take for the answer to be the plain list.
ANYTHING: Final = (b"*/*", b"application/json")
#: Headers of the release and the month, kept for each that is asked about.
KEPT: Final = 10_000


class Quick:
    """Answers of one kind, with the headers that they share kept ready."""

    def __init__(self, most: int) -> None:
        """`most` crimes are given at once; more are refused, and not here."""
        self.most = most
        self.headers: dict[tuple[str, frozenset[str], str, bool], list[answers.Header]] = {}

    def answer(self, scope: Scope, release: Release) -> answers.Ready | None:
        """The answer to a plain GET; None for anything that the framework has to look at."""
        asked = _asked(scope["query_string"]) if scope["method"] == "GET" else None
        coding = _coding(scope["headers"])
        if asked is None or coding is None:
            return None
        month, latitude, longitude = asked
        layer = release.layer("crimes", month)
        if layer is None or not release.covers(latitude, longitude):
            return None
        filled, number = layer.held(release.points.in_circle(latitude, longitude, asking.ONE_MILE))
        if not 0 < number <= self.most:
            return None
        is_packed = coding == b"gzip"
        body = layer.gzipped(filled) if is_packed else as_list(layer.point_pieces(filled))
        forces = release.neighbourhoods.forces_near(latitude, longitude)
        return answers.Ready(body, answers.JSON, self._headers(release, forces, month, is_packed))

    def _headers(
        self, release: Release, forces: frozenset[str], month: str, is_packed: bool
    ) -> list[answers.Header]:
        key = (release.name + release.modified, forces, month, is_packed)
        found = self.headers.get(key)
        if found is None:
            if len(self.headers) >= KEPT:
                self.headers.clear()
            packed = [(b"content-encoding", b"gzip")] if is_packed else []
            found = [answers.VARY, *packed, *release.about(), *release.completeness(forces, month, "street")]
            self.headers[key] = found
        return found


def _asked(query: bytes) -> tuple[str, float, float] | None:
    """The month, latitude and longitude of a query that is these three, in any order, as clients write them."""
    pairs = [part.split(b"=", 1) for part in query.split(b"&")]
    named = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    if len(pairs) != 3 or named.keys() != {b"date", b"lat", b"lng"}:
        return None
    month, latitude, longitude = named[b"date"], named[b"lat"], named[b"lng"]
    if not (MONTH.fullmatch(month) and DEGREES.fullmatch(latitude) and DEGREES.fullmatch(longitude)):
        return None
    return month.decode(), float(latitude), float(longitude)


def _coding(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    """`gzip` or nothing, as the client takes it; None where its headers ask for more thought."""
    coding = b""
    for name, value in headers:
        if name == b"accept-encoding":
            if b"gzip" in value and b"q=" not in value:
                coding = b"gzip"
            elif value != b"identity":
                return None
        elif (name == b"accept" and value not in ANYTHING) or name.startswith(b"if-"):
            return None
    return coding
