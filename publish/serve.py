"""Serves a release as it lies on the disk: pages, bulk files and returns, read-only."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

LOOPBACK: Final = "127.0.0.1"

#: The types of everything a release holds: the machine's own table would make answers differ by machine.
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".geojson": "application/geo+json",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".parquet": "application/vnd.apache.parquet",
    ".pmtiles": "application/vnd.pmtiles",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
}

#: Files here are named after their content, so a copy of one never goes stale.
HASHED: Final = "assets"
#: One step of an address that names a force.
SLUG: Final = re.compile(r"[a-z][a-z-]{0,60}")
FOREVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"

#: What a page may ask for: of its own origin only, unless the map has a base map from elsewhere.
POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:{elsewhere}; connect-src 'self'{elsewhere}; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: An origin at the beginning of an address.
ORIGIN: Final = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?")

SAFETY: Final = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def application(release: Path) -> Starlette:
    """The server of one release folder, or of a link to whichever is current.

    `/` is `release/site`, `/feeds` and `/returns` are the folders of those names. Answers GET and HEAD
    with the right type, an ETag, single and multiple ranges, the `.br` or `.gz` copy where there is one and
    the client takes it, and cache rules: for ever under `assets/`, ask again for the rest. Pages may ask
    nothing of another origin; where the release at the start has a base map, the map may ask that one.
    """
    policy = POLICY.format(elsewhere=_elsewhere(release / "site" / "map" / "index.json"))
    absent = release / "site" / "404.html"
    return Starlette(
        routes=[
            Mount("/feeds", _Folder(release / "feeds", absent, policy)),
            Mount("/returns", _Folder(release / "returns", absent, policy)),
            Mount("/", _Folder(release / "site", absent, policy)),
        ]
    )


def _elsewhere(index: Path) -> str:
    """The origin that the base map of a site comes from, after a space; nothing when it has none of elsewhere."""
    basemap = json.loads(index.read_bytes()).get("basemap", "") if index.is_file() else ""
    origin = ORIGIN.match(basemap)
    return f" {origin[0]}" if origin else ""


def serve(release: Path, port: int = 8000, host: str = LOOPBACK) -> None:
    """Serve `release` until interrupted; only this machine can reach it unless another host is given."""
    uvicorn.run(application(release), host=host, port=port, log_level="warning", access_log=False)


class _Folder(StaticFiles):
    """One folder, with a page of ours for an address that does not exist."""

    def __init__(self, directory: Path, absent: Path, policy: str) -> None:
        super().__init__(directory=directory, html=True, check_dir=False)
        self.absent = absent
        self.safety = {**SAFETY, "Content-Security-Policy": policy}

    async def check_config(self) -> None:
        """A release without one of its folders answers “no such page” there, and goes on serving the rest."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            answer = await super().get_response(path, scope)
            if answer.status_code != 404:
                return answer
        except HTTPException as error:
            # A NUL byte or a name longer than the disk allows is an address like any other that is not there.
            if error.status_code != 404:
                raise
        except (ValueError, OSError):
            pass
        absent = self._nearest_absent(path)
        if absent is None:
            raise HTTPException(404)
        return self.file_response(absent, absent.stat(), scope, 404)

    def _nearest_absent(self, path: str) -> Path | None:
        """The page of the deepest folder of an address that has one for what it does not hold, if any."""
        first = path.split("/")[0]
        # Only a force has one of its own, and a name of a force is a short slug.
        if SLUG.fullmatch(first) and (own := self.absent.parent / first / self.absent.name).is_file():
            return own
        return self.absent if self.absent.is_file() else None

    def file_response(
        self,
        full_path: os.PathLike[str] | str,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        path, request = Path(full_path), Headers(scope=scope)
        headers = {**self.safety, "Cache-Control": FOREVER if path.parent.name == HASHED else ASK_AGAIN}
        media_type = TYPES.get(path.suffix, "application/octet-stream")
        if path.name == self.absent.name:
            status_code = 404
        copies = {name: beside for name, beside in _copies(path).items() if beside.is_file()}
        if copies:
            headers["Vary"] = "Accept-Encoding"
            taken = request.get("accept-encoding", "")
            best = next((name for name in copies if _takes(taken, name)), None)
            # A range counts bytes of the file itself, so it is answered from the file itself.
            if best and "range" not in request:
                path, stat_result = copies[best], copies[best].stat()
                headers["Content-Encoding"] = best
        response = FileResponse(path, status_code, headers, media_type=media_type, stat_result=stat_result)
        if status_code == 200 and self.is_not_modified(response.headers, request):
            return NotModifiedResponse(response.headers)
        return response


def _copies(path: Path) -> dict[str, Path]:
    """Where the compressed copies of a file lie, by the name of the encoding, smallest first."""
    return {"br": path.with_name(path.name + ".br"), "gzip": path.with_name(path.name + ".gz")}


def _takes(accepted: str, encoding: str) -> bool:
    """Whether an Accept-Encoding header takes an encoding: named, and not with a weight of zero."""
    for part in accepted.split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() == encoding:
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False
