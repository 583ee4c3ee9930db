"""Fifty checkers at once on loopback: nothing is lost, the chain holds, and a page comes quickly."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import polars as pl
import pytest

from fixtures.small_book import small_book
from publish.desk.alerts import observe
from publish.desk.ledger import Ledger
from publish.desk.trail import Trail
from tests.desk.conftest import PASSWORD, Tab
from transforms.completeness.findings import as_findings

CHECKERS, EACH = 50, 1

SERVER = """
import sys
from datetime import UTC, datetime
import uvicorn
from argon2 import PasswordHasher
from publish.desk.application import application
from publish.desk.desk import Desk
from publish.desk.ledger import Ledger
from publish.desk.settings import DeskSettings
from tests.desk.conftest import Clock, Gate, Shelf
from tests.desk.test_many_checkers import many_findings
from fixtures.small_book import small_book
url, port = sys.argv[1:]
clock, shelf = Clock(), Shelf()
shelf.book = small_book(many_findings())
ledger = Ledger(url, clock)
settings = DeskSettings(secret=b"a secret of the tests", url=f"http://127.0.0.1:{port}", requests_a_minute=100_000)
desk = Desk(settings, ledger, shelf, Gate(ledger, shelf, clock), clock)
desk.accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
from publish.desk import guard
guard.SIGN_INS = 10_000
uvicorn.run(application(desk), host="127.0.0.1", port=int(port), log_level="error")
"""


def many_findings() -> pl.DataFrame:
    """A finding for each checker and each of their decisions, and one that all of them want."""
    from datetime import date

    rows = pl.DataFrame(
        {
            "force": ["northshire"] * (CHECKERS * EACH + 1),
            "level": ["area"] * (CHECKERS * EACH + 1),
            "area": [f"NC01-{number}" for number in range(CHECKERS * EACH)] + ["NC01"],
            "month": [date(2019, 8, 1)] * (CHECKERS * EACH + 1),
            "observed": [0.0] * (CHECKERS * EACH + 1),
            "expected": [50.0] * (CHECKERS * EACH + 1),
        }
    )
    return as_findings(rows, "W39", pl.format("{} has no crime at all in August 2019.", "area"))


@pytest.mark.slow
@pytest.mark.xdist_group("fifty-checkers")
def test_fifty_checkers_decide_at_once(database: str, tmp_path: Path) -> None:
    from argon2 import PasswordHasher

    from publish.desk.accounts import Accounts
    from tests.desk.conftest import Clock

    clock = Clock()
    ledger = Ledger(database, clock)
    accounts = Accounts(ledger, clock)
    accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    for number in range(CHECKERS):
        accounts.add(f"p{number}", "", "checker", PASSWORD, by="the tests")
    observe(ledger, Trail(ledger).refresh(), small_book(many_findings()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(__file__).parents[2]
    running = subprocess.Popen(
        [sys.executable, "-c", SERVER, database, str(port)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{url}/health").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        together = threading.Barrier(CHECKERS)
        seconds: list[float] = []

        def work(number: int) -> int:
            """Sign in, decide two alerts, then the one that everybody wants. Returns whether that one was theirs."""
            tab = Tab.__new__(Tab)
            tab.client = httpx.Client(base_url=url, timeout=300, follow_redirects=True)  # type: ignore[assignment]
            tab.page = ""
            assert tab.sign_in(f"p{number}").status_code == 200
            together.wait(timeout=300)
            for own in range(EACH):
                address = f"/alert/w39-northshire-nc01-{number * EACH + own}-2019-08"
                began = time.perf_counter()
                assert tab.get(address).status_code == 200
                seconds.append(time.perf_counter() - began)
                began = time.perf_counter()
                answer = tab.send(f"{address}/decide", action="confirm gap", reason=f"p{number} looked.")
                seconds.append((time.perf_counter() - began) / 2)  # the form, and the page it leads to
                assert answer.status_code == 200, answer.text
            tab.get("/alert/w39-northshire-nc01-2019-08")
            together.wait(timeout=300)
            answer = tab.send(
                "/alert/w39-northshire-nc01-2019-08/decide",
                action="confirm gap",
                reason=f"p{number} was first.",
            )
            assert answer.status_code in (200, 409)
            return int(answer.status_code == 200)

        with ThreadPoolExecutor(CHECKERS) as pool:
            first = list(pool.map(work, range(CHECKERS)))
    finally:
        running.terminate()
        running.wait()
    assert sum(first) == 1, "one of the fifty decided it, and the others were told of it"
    made = ledger.entries("decision")
    assert len(made) == CHECKERS * EACH + 1
    assert {(entry.author, entry.body["reason"]) for entry in made[:-1]} == {
        (f"p{number}", f"p{number} looked.") for number in range(CHECKERS)
    }
    assert ledger.verify()[0] == len(ledger.entries())
    p95 = statistics.quantiles(seconds, n=20)[-1]
    kind = database.split(":")[0]
    print(f"\n{kind}: {len(seconds)} pages, median {statistics.median(seconds):.3f} s, p95 {p95:.3f} s")
    ledger.engine.dispose()
