"""Turns what was found into what is sent: the form the client takes, compressed, with its headers."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import brotli
import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from publish.api.bodies import Crime, Outcome, Problem, Stop
from publish.api.layers import SEPARATION, as_list

Header = tuple[bytes, bytes]

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
LINES: Final = "application/x-ndjson"
PROBLEM: Final = "application/problem+json"
#: Forms that records can be had in, by the word for `format` and by media type.
FORMS: Final = {"json": JSON, "geojson": GEOJSON, "csv": CSV, "parquet": PARQUET, "ndjson": LINES}

#: Every answer may be read by any page, with all it says about itself.
OPEN: Final[list[Header]] = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"Completeness, Completeness-Detail, Parameters-Ignored, Release, Total-Count, Link, ETag, "
        b"Last-Modified, Retry-After",
    ),
    (b"x-content-type-options", b"nosniff"),
]
#: What the same address may be answered differently by.
VARY: Final[Header] = (b"vary", b"Accept, Accept-Encoding")
#: Below this nothing is gained; above the second, brotli takes longer than it saves.
WORTH_COMPRESSING: Final = 1_000
WORTH_BROTLI: Final = 300_000
PIECE: Final = 1 << 20

_encode = msgspec.json.Encoder().encode


class Ready(Response):
    """An answer whose bytes and headers are done."""

    def __init__(
        self, body: bytes, media_type: str, headers: Sequence[Header] = (), status: int = 200
    ) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        kind = media_type + "; charset=utf-8" if media_type.startswith("text/") else media_type
        self.raw_headers = [
            (b"content-type", kind.encode("ascii")),
            (b"content-length", str(len(body)).encode("ascii")),
            *OPEN,
            *headers,
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; of a HEAD the headers alone."""
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": body})


def problem(status: int, title: str, detail: str, crimes: int | None = None) -> Ready:
    """What is wrong and what to do, as problem+json; told to wait when there is a point in that."""
    wait = [(b"retry-after", b"1")] if status == 429 else []
    never = [(b"cache-control", b"no-store")]
    return Ready(_encode(Problem(title, status, detail, crimes=crimes)), PROBLEM, [*wait, *never], status)


def takes(request: Request, coding: str) -> bool:
    """Whether the client takes a content coding."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() == coding:
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def form(request: Request, asked: str | None) -> str:
    """The media type to answer in: what `format` says, else the first of `Accept` that can be had, else JSON."""
    if asked in FORMS:
        return FORMS[asked]
    for part in request.headers.get("accept", "").lower().split(","):
        kind = part.split(";")[0].strip()
        if kind in FORMS.values():
            return kind
    return JSON


def compressed(request: Request, body: bytes) -> tuple[bytes, list[Header]]:
    """A body in the coding that the client takes, with the headers that say so."""
    headers = [VARY]
    if len(body) < WORTH_COMPRESSING:
        return body, headers
    if len(body) <= WORTH_BROTLI and takes(request, "br"):
        return brotli.compress(body, quality=4), [*headers, (b"content-encoding", b"br")]
    if takes(request, "gzip"):
        squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
        return squeeze.compress(body) + squeeze.flush(), [*headers, (b"content-encoding", b"gzip")]
    return body, headers


def typed(request: Request, body: Any, headers: Sequence[Header], media_type: str = JSON) -> Ready:
    """A body of `publish.api.bodies`, as JSON."""
    content, about = compressed(request, _encode(body))
    return Ready(content, media_type, [*about, *headers])


def records(
    request: Request, pieces: list[memoryview], kind: str, headers: Sequence[Header], media_type: str
) -> Response:
    """Records, from their stored text, in a form."""
    if media_type == LINES:
        return _streamed(pieces, headers)
    body = as_list(pieces) if media_type == JSON else _converted(pieces, kind, media_type)
    content, about = compressed(request, body)
    return Ready(content, media_type, [*about, *headers])


def gzip_list(body: bytes, headers: Sequence[Header]) -> Ready:
    """A list that was gzipped when the release was built."""
    return Ready(body, JSON, [VARY, (b"content-encoding", b"gzip"), *headers])


def _streamed(pieces: Iterable[memoryview], headers: Sequence[Header]) -> StreamingResponse:
    """One object to a line, sent a piece at a time, however many there are."""
    response = StreamingResponse(_lines(pieces), media_type=LINES)
    response.raw_headers = [(b"content-type", LINES.encode()), *OPEN, *headers]
    return response


async def _lines(pieces: Iterable[memoryview]) -> Any:
    for piece in pieces:
        for part in _parts(piece):
            yield part.replace(SEPARATION, b"\n")


def _parts(piece: memoryview) -> Iterator[bytes]:
    """A piece in parts of about a megabyte that end where an object does."""
    start = 0
    while start < len(piece):
        part = bytes(piece[start : start + PIECE])
        if start + PIECE < len(piece):
            part = part[: part.rindex(SEPARATION) + len(SEPARATION)]
        yield part
        start += len(part)


def _converted(pieces: list[memoryview], kind: str, media_type: str) -> bytes:
    body = {"crimes": Crime, "outcomes": Outcome, "stops": Stop}[kind]
    rows = msgspec.json.decode(as_list(pieces), type=list[body])  # type: ignore[valid-type]
    if media_type == GEOJSON:
        return _encode({"type": "FeatureCollection", "features": [_feature(row) for row in rows]})
    return _table([_flat(msgspec.to_builtins(row)) for row in rows], media_type)


def _feature(row: Any) -> dict[str, Any]:
    """One record as a GeoJSON feature (RFC 7946); what has no location has no geometry."""
    location = row.crime.location if isinstance(row, Outcome) else row.location
    geometry = None
    if location is not None:
        geometry = {"type": "Point", "coordinates": [float(location.longitude), float(location.latitude)]}
    return {"type": "Feature", "geometry": geometry, "properties": _flat(msgspec.to_builtins(row))}


def _flat(row: dict[str, Any], before: str = "") -> dict[str, Any]:
    """The members of an object in one row, those of an object inside under `outer_inner`."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}_")
        else:
            flat[before + name] = value
    return flat


def _table(rows: list[dict[str, Any]], media_type: str) -> bytes:
    # Only these two forms need a table library, which takes longer to load than the server to start.
    import polars as pl

    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pl.DataFrame(rows, schema=names, infer_schema_length=None) if rows else pl.DataFrame()
    stream = io.BytesIO()
    if media_type == CSV:
        table.write_csv(stream, line_terminator="\r\n")
    else:
        table.write_parquet(stream)
    return stream.getvalue()
