"""An object store for tests: an S3 server that falters when it is told to, and what a process needs to reach it.

python -m tests.journeys.object_store HOST PORT
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipelines.store import Storage

#: One request to the store: its method, its path and its query.
Request = tuple[str, str, str]

BUSY = "busy"
LOST_BEFORE, LOST_AFTER = "lost before it is carried out", "lost after it was carried out"
CUT_ANSWER, CUT_REQUEST = "answer cut short", "request cut short"
FAULTS = (BUSY, LOST_BEFORE, LOST_AFTER, CUT_ANSWER, CUT_REQUEST)


@dataclass
class Faltering:
    """A web application that now and then does what networks and stores do: see `FAULTS`.

    One request in `one_in` meets the next of `faults`, if `at` says that it may; none while `one_in` is 0.
    """

    behind: Callable[..., Iterable[bytes]]
    one_in: int = 0
    faults: tuple[str, ...] = (BUSY,)
    at: Callable[[Request], bool] = lambda _: True
    #: how often each fault was met, and each method asked.
    met: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        fault = self._fault(
            (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING") or "")
        )
        if fault == BUSY:
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            told = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else told]
        if fault in (LOST_BEFORE, CUT_REQUEST):
            if fault == CUT_REQUEST:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0) // 2)
            return _hung_up(environ)
        if fault == LOST_AFTER:
            for _ in self.behind(environ, lambda *_: None):
                pass
            return _hung_up(environ)
        if fault == CUT_ANSWER:
            return _cut_short(environ, self.behind(environ, start_response))
        return self.behind(environ, start_response)

    def _fault(self, request: Request) -> str | None:
        # Not under the lock: it may ask the store for something itself.
        may_fail = self.one_in and self.at(request)
        with self._lock:
            self.asked[request[0]] += 1
            if not may_fail:
                return None
            self.asked["may fail"] += 1
            number, left = divmod(self.asked["may fail"], self.one_in)
            if left:
                return None
            fault = self.faults[number % len(self.faults)]
            self.met[fault] += 1
            return fault


@dataclass(frozen=True)
class AsStoresDo:
    """The store's own application, but that a range of an object is read by itself, and a copy made on its condition.

    Moto reads the whole object for each range that is asked of it, and copies one whatever its tag is; no store that
    is used does.
    """

    behind: Callable[..., Iterable[bytes]]
    #: the paths of the objects that the store was asked to copy.
    copied: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
            self.copied.append(source)
            held = _held(unquote(source))
            wanted = environ.get("HTTP_X_AMZ_COPY_SOURCE_IF_MATCH")
            if held is not None and wanted is not None and wanted.strip('"') != held.etag.strip('"'):
                start_response("412 Precondition Failed", [("Content-Type", "application/xml")])
                return [b"<Error><Code>PreconditionFailed</Code><Message>The tag differs.</Message></Error>"]
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", environ.get("HTTP_RANGE", ""))
        conditional = any(name.startswith("HTTP_IF_") for name in environ)
        if environ["REQUEST_METHOD"] != "GET" or asked is None or environ.get("QUERY_STRING") or conditional:
            return self.behind(environ, start_response)
        key = _held(environ["PATH_INFO"])
        first, last = map(int, asked.groups())
        if key is None or not first <= last or first >= key.size:
            return self.behind(environ, start_response)
        last = min(last, key.size - 1)
        with key.lock:
            key._value_buffer.seek(first)
            content = key._value_buffer.read(last - first + 1)
        told = {
            "Content-Type": "binary/octet-stream",
            "Content-Length": str(len(content)),
            "Content-Range": f"bytes {first}-{last}/{key.size}",
            "Last-Modified": key.last_modified_RFC1123,
            "ETag": key.etag,
        }
        start_response("206 Partial Content", list(told.items()))
        return [content]


def _held(path: str) -> Any:
    """The object at `/bucket/name`; None where there is none."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    bucket, _, name = path.lstrip("/").partition("/")
    held = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket)
    return held.keys.get(name) if held else None


def _hung_up(environ: dict[str, Any]) -> Iterable[bytes]:
    """No answer: the connection is closed."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def _cut_short(environ: dict[str, Any], answer: Iterable[bytes]) -> Iterator[bytes]:
    """Half the body under the length of the whole, and the connection is closed."""
    whole = b"".join(answer)
    yield whole[: len(whole) // 2]
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def environment(url: str) -> dict[str, str]:
    """What a process needs in order to reach the store at `url`."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


def make_bucket(name: str) -> None:
    """An empty bucket on the store that the environment names."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir(name)


@contextlib.contextmanager
def serving(host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[Faltering, str]]:
    """An empty store in this process while it is wanted, and its URL."""
    from moto.backends import get_backend
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    get_backend("s3").reset()
    store = Faltering(AsStoresDo(DomainDispatcherApplication(create_backend_app)))
    server = make_server(host, port, store, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store, f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def upload(folder: Path, url: str) -> None:
    """Put every file of a workspace or a supply on the store."""
    storage = Storage(url)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "lock":
            storage.write(path.relative_to(folder).as_posix(), path.read_bytes())


if __name__ == "__main__":
    with serving(sys.argv[1], int(sys.argv[2])):
        threading.Event().wait()
