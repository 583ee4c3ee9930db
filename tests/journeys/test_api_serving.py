"""The API as production starts it: clients that are slow, rude or gone, a new release between two requests."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.serving import Server, serving
from fixtures.small_release import YEAR, publish, small_release

pytestmark = pytest.mark.slow

STREET = "/api/crimes-street/all-crime?lat=52.005&lng=-1.49&date=2019-09"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with serving("--release", small_release(tmp_path_factory.mktemp("serving") / "release")) as running:
        yield running


def lives(server: Server) -> bool:
    """Whether a polite client still gets its answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", STREET)
    answer = connection.getresponse()
    crimes = json.loads(answer.read())
    connection.close()
    return answer.status == 200 and len(crimes) > 100


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, at most a minute."""
    start = time.monotonic()
    while not holds() and time.monotonic() - start < 60:
        time.sleep(0.05)


def opened(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def everything(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def test_connection_close_is_echoed_and_done(server):
    with opened(server) as connection:
        connection.sendall(f"GET {STREET} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = everything(connection)
    assert b"\r\nconnection: close\r\n" in answer.split(b"\r\n\r\n")[0].lower() + b"\r\n"
    assert answer.endswith(b"]")


def test_a_line_longer_than_4094_characters_is_read(server):
    corner = "52.0000000000,-1.5000000000:52.0200000000,-1.5000000000:52.0200000000,-1.4700000000:"
    path = f"/api/crimes-street/all-crime?poly={corner * 100}52.0,-1.47"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path)
    assert connection.getresponse().status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * 200_000,
        b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"b" * 200_000,
        b"".join(b"GET / HTTP/1.1\r\n" if n == 0 else b"X-%d: y\r\n" % n for n in range(20_000)),
    ],
)
def test_a_head_without_end_is_cut_off(server, sent):
    with opened(server) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        answer = everything(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert lives(server)


@pytest.mark.parametrize(
    "rubbish", [b"\x16\x03\x01\x02\x00\x01\x00", b"\r\n\r\n\r\n", b"GET\x00/ HTTP/9.9\r\n\r\n", b"\xff" * 100]
)
def test_rubbish_is_refused_and_the_server_lives(server, rubbish):
    with opened(server) as connection:
        connection.sendall(rubbish)
        connection.shutdown(socket.SHUT_WR)
        answer = everything(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert lives(server)


def test_clients_that_go_away_half_way_leave_nothing_behind(server):
    for cut in (10, 40, 80):
        for _ in range(20):
            with opened(server) as connection:
                connection.sendall(f"GET {STREET} HTTP/1.1\r\nHost: x\r\n\r\n".encode()[:cut])
    for _ in range(20):
        with opened(server) as connection:
            connection.sendall(
                b"POST /api/crimes-street/all-crime HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\npoly="
            )
    assert lives(server)


def test_slow_clients_are_let_go_while_others_are_served(server):
    head = [opened(server) for _ in range(50)]
    for connection in head:
        connection.sendall(b"GET /api/forces HTTP/1.1\r\nX: ")
    form = opened(server)
    form.sendall(b"POST /api/crimes-street/all-crime HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\npoly=")
    start = time.monotonic()
    while time.monotonic() - start < 13:
        assert lives(server)
        for connection in head:
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"y")
        time.sleep(1)
    for connection in head:
        connection.settimeout(5)
        assert everything(connection) == b""
        connection.close()
    form.settimeout(5)
    assert form.recv(65536).startswith(b"HTTP/1.1 408")
    form.close()


def test_path_tricks_reach_no_file(server):
    for path in (
        "/api/../../../../etc/passwd", "/api/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
        "/api/assets/..%2f..%2f..%2fetc%2fpasswd", "/api/assets/%00", "/api/assets/page.js%00.css",
        "/api/northshire/..%2f..%2findex.json", "/api/crimes-street/all-crime?as_of=..%2f..%2fprivate",
    ):  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.putrequest("GET", path, skip_host=False)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status in (400, 404), path
        assert b"root:" not in body
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_thousand_requests_on_one_connection(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(1000):
        connection.request("GET", "/api/crime-last-updated")
        assert connection.getresponse().read() == b'{"date":"2019-09-01"}'


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """What a process has used so far: on a machine with nothing else to do, the time that has passed."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="this system tells no processor time in /proc"
)
def test_a_restarted_server_answers_within_a_second(tmp_path, monkeypatch):
    """From the command to the end of a first answer; counted in processor time, as tests share their machine."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    release = small_release(tmp_path / "release")
    used = []
    for _ in range(2):
        with serving("--release", release) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("GET", STREET)
            assert len(json.loads(connection.getresponse().read())) > 100
            used.append(processor_seconds(server.process))
    print(f"{used[-1]:.2f} s of processor, {server.seconds:.2f} s in all")
    # The first may have to compile the program; a processor of the slower kind takes half as long again.
    assert used[-1] < 1.5


def test_a_new_release_is_taken_up_without_dropping_a_request(tmp_path):
    public = tmp_path / "public"
    publish(small_release(tmp_path / "a", YEAR[:-3]), public, "2019-Q2/1.0.0")
    fresh = small_release(tmp_path / "b", YEAR)
    seen: list[str] = []
    failed: list[object] = []
    stop = threading.Event()

    with serving("--workspace", tmp_path, "--processes", "2") as server:

        def ask() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            while not stop.is_set():
                try:
                    connection.request("GET", "/api/crime-last-updated")
                    answer = connection.getresponse()
                    seen.append(json.loads(answer.read())["date"])
                    if answer.status != 200:
                        failed.append(answer.status)
                except (OSError, http.client.HTTPException) as problem:
                    failed.append(problem)

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        until(lambda: len(seen) > 50)
        publish(fresh, public, "2019-Q3/1.0.0")
        # Both processes have to have looked.
        until(lambda: set(seen[-50:]) == {"2019-09-01"})
        stop.set()
        for client in clients:
            client.join()
    assert failed == []
    assert set(seen) == {"2019-06-01", "2019-09-01"}


def test_mistakes_of_the_operator_are_one_message(tmp_path):
    command = str(Path(sys.executable).with_name("fullcount"))
    for options, told in (
        (["--workspace", str(tmp_path)], "--release"),
        (["--release", str(tmp_path)], "manifest.json"),
        (["--release", str(tmp_path), "--host", "0.0.0.0"], "127.0.0.1 only"),
        (["--workspace", "s3://bucket/place"], "object store"),
    ):
        got = subprocess.run([command, "api", *options], capture_output=True, text=True)
        assert got.returncode == 2
        assert told in " ".join(got.stderr.split())
        assert "Traceback" not in got.stderr
