"""Runs the API: bounds on what a client may send and how slowly, one or several processes on one socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: The request line and headers of one request, together.
LARGEST_HEAD: Final = 64_000
#: From the first byte of a connection or a request to the end of its headers.
SECONDS_FOR_A_HEAD: Final = 10.0
#: A client that takes nothing of an answer for so long is gone.
SECONDS_WITHOUT_READING: Final = 30.0
#: Connections open at once in one process.
CONNECTIONS: Final = 1_000

TOO_LARGE: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\r\n"
    b'{"title":"The request is too long","status":400,'
    b'"detail":"Send a polygon with many corners as the form of a POST.","type":"about:blank"}'
)


class Bounded(HttpToolsProtocol):
    """HTTP/1.1 with an end to everything: the size of a head, the time it takes, the time without reading."""

    head = 0
    waiting: asyncio.TimerHandle | None = None
    stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock of the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop(self.waiting)
        self._stop(self.stuck)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client, unless its headers have grown past all use."""
        if self.cycle is None or self.cycle.response_complete:
            self.head += len(data)
            if self.head > LARGEST_HEAD:
                self.transport.write(TOO_LARGE)
                self.transport.close()
                return
            if self.waiting is None:
                self._wait()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The headers are there: what follows is the form, which has bounds of its own."""
        self.head = 0
        self._stop(self.waiting)
        self.waiting = None
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """The client is not reading: give it a while."""
        super().pause_writing()
        self._stop(self.stuck)
        self.stuck = self.loop.call_later(SECONDS_WITHOUT_READING, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop(self.stuck)
        self.stuck = None
        super().resume_writing()

    def _wait(self) -> None:
        self.waiting = self.loop.call_later(SECONDS_FOR_A_HEAD, self._give_up)

    def _give_up(self) -> None:
        self.waiting = None
        if not self.transport.is_closing():
            self.transport.close()

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def listening(host: str, port: int) -> socket.socket:
    """A socket that is bound and listens. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener


def run(make: Callable[[], ASGIApp], listener: socket.socket, processes: int = 1) -> None:
    """Serve what `make` makes on a socket until interrupted; each process makes its own.

    A connection goes to whichever process takes it first. When one process ends, the others end too.
    """
    if processes == 1:
        _serve(make, listener)
        return
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            _serve(make, listener)
            os._exit(0)
        children.append(child)

    def stop(number: int, _: Any) -> None:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    os.wait()
    stop(signal.SIGTERM, None)


def _serve(make: Callable[[], ASGIApp], listener: socket.socket) -> None:
    config = uvicorn.Config(
        make(),
        http=Bounded,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[listener])
