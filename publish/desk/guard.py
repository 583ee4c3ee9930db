"""Stands in front of every request: the host it may name, its size, its pace, and the headers of its answer."""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from publish.desk.rendering import render
from publish.desk.settings import DeskSettings

LOG: Final = logging.getLogger(__name__)
#: The largest form: a reason of 100,000 characters still arrives, so that it can be answered in words.
LARGEST: Final = 1_000_000
PORT: Final = re.compile(r":\d+$")
#: Sign-ins a minute from one address.
SIGN_INS: Final = 20
#: How many people's pace one address may have.
OFFICE: Final = 60
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")

#: The two styles that the charts' library writes into a page: an empty one that it fills, and a fixed one.
PLOT_STYLES: Final = " ".join(
    (
        "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
        "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='",
    )
)

HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'self'; style-src 'self' {PLOT_STYLES}; img-src 'self' data:; "
        "connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    # Not “no-referrer”: it would blank the Origin of a form, which is checked.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Pace:
    """How many times in a minute each of the last callers has come."""

    def __init__(self, callers: int = 10_000) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._callers = callers

    def allows(self, caller: str, most: int) -> bool:
        """Count one more call; whether it is within `most` a minute."""
        now = time.monotonic()
        began, calls = self._seen.pop(caller, (now, 0))
        if now - began >= 60:
            began, calls = now, 0
        self._seen[caller] = (began, calls + 1)
        if len(self._seen) > self._callers:
            self._seen.popitem(last=False)
        return calls < most


class TooLargeError(Exception):
    """A body that is larger than any form."""


class Guard:
    """The outermost layer of the desk."""

    def __init__(self, app: ASGIApp, settings: DeskSettings) -> None:
        self.app = app
        self.settings = settings
        self.pace = Pace()
        self.hosts = {settings.host, *LOOPBACK} if settings.host in LOOPBACK else {settings.host}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on with a limited body and strict headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_strictly(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                if self.settings.secure:
                    headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
            await send(message)

        size = 0

        async def receive_little() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > LARGEST:
                raise TooLargeError
            return message

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_strictly)
            return
        try:
            await self.app(scope, receive_little, send_strictly)
        except TooLargeError:
            if started:
                raise
            await _TOO_LARGE(scope, receive, send_strictly)
        except Exception:
            # What went wrong goes to the log; the person is told that nothing was recorded, and no more.
            LOG.exception("a page of the desk failed")
            if started:
                raise
            await HTMLResponse(render("failed.html"), 500)(scope, receive, send_strictly)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if PORT.sub("", headers.get("host", "")) not in self.hosts:
            return PlainTextResponse("This desk does not answer to that host name.", 400)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST:
            return _TOO_LARGE
        client = scope["client"][0] if scope.get("client") else "unknown"
        if scope["path"].startswith("/assets/"):
            return None
        if scope["path"] == "/sign-in" and scope["method"] == "POST":
            if not self.pace.allows(f"sign-in {client}", SIGN_INS):
                return _too_fast("Too many tries to sign in from your address.")
            return None
        # An office shares an address, so each cookie has a pace of its own, and the address a wider one.
        most = self.settings.requests_a_minute
        caller = headers.get("cookie", "") or client
        if not (
            self.pace.allows(f"by {caller[:200]}", most) and self.pace.allows(f"of {client}", OFFICE * most)
        ):
            return _too_fast("Too many requests.")
        return None


_TOO_LARGE: Final = PlainTextResponse(
    "That is larger than any form of the desk. Say it more briefly, and name the document that holds the rest.",
    413,
)


def _too_fast(why: str) -> PlainTextResponse:
    return PlainTextResponse(
        f"{why} Wait a minute, then go on; nothing was recorded.", 429, {"Retry-After": "60"}
    )
