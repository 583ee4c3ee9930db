"""Serves a release as it lies on the disk: pages, bulk files and returns, read-only."""

from __future__ import annotations

import os
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
FOREVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"

SAFETY: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def application(release: Path) -> Starlette:
    """The server of one release folder, or of a link to whichever is current.

    `/` is `release/site`, `/feeds` and `/returns` are the folders of those names. Answers GET and HEAD
    with the right type, an ETag, single and multiple ranges, the `.gz` copy where there is one and the
    client takes it, and cache rules: for ever under `assets/`, ask again for the rest.
    """
    return Starlette(
        routes=[
            Mount("/feeds", _Folder(release / "feeds", absent=release / "site" / "404.html")),
            Mount("/returns", _Folder(release / "returns", absent=release / "site" / "404.html")),
            Mount("/", _Folder(release / "site", absent=release / "site" / "404.html")),
        ]
    )


def serve(release: Path, port: int = 8000, host: str = LOOPBACK) -> None:
    """Serve `release` until interrupted; only this machine can reach it unless another host is given."""
    uvicorn.run(application(release), host=host, port=port, log_level="warning", access_log=False)


class _Folder(StaticFiles):
    """One folder, with a page of ours for an address that does not exist."""

    def __init__(self, directory: Path, absent: Path) -> None:
        super().__init__(directory=directory, html=True, check_dir=False)
        self.absent = absent

    async def check_config(self) -> None:
        """A release without one of its folders answers “no such page” there, and goes on serving the rest."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            # A NUL byte or a name longer than the disk allows is an address like any other that is not there.
            if error.status_code != 404 or not self.absent.is_file():
                raise
        except (ValueError, OSError):
            if not self.absent.is_file():
                raise HTTPException(404) from None
        return self.file_response(self.absent, self.absent.stat(), scope, 404)

    def file_response(
        self,
        full_path: os.PathLike[str] | str,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        path, request = Path(full_path), Headers(scope=scope)
        headers = {**SAFETY, "Cache-Control": FOREVER if path.parent.name == HASHED else ASK_AGAIN}
        media_type = TYPES.get(path.suffix, "application/octet-stream")
        if path == self.absent:
            status_code = 404
        compressed = path.with_name(path.name + ".gz")
        if compressed.is_file():
            headers["Vary"] = "Accept-Encoding"
            # A range counts bytes of the file itself, so it is answered from the file itself.
            if "gzip" in request.get("accept-encoding", "") and "range" not in request:
                path, stat_result = compressed, compressed.stat()
                headers["Content-Encoding"] = "gzip"
        response = FileResponse(path, status_code, headers, media_type=media_type, stat_result=stat_result)
        if status_code == 200 and self.is_not_modified(response.headers, request):
            return NotModifiedResponse(response.headers)
        return response
