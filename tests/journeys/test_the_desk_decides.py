"""From a decision at the desk to the published figure: the desk writes, the line reads, the release changes."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from starlette.testclient import TestClient

from fixtures.iops import MOVER
from pipelines.desk import open_desk
from pipelines.settings import Settings
from publish.desk.application import application
from publish.desk.desk import Desk

PASSWORD = "three words and a comma,"


class Checker:
    """Someone with a browser, signed in at the desk of a real workspace."""

    def __init__(self, desk: Desk, name: str) -> None:
        self.browser = TestClient(application(desk), base_url="http://127.0.0.1:8010")
        page = self.browser.get("/sign-in").text
        self.send("/sign-in", page, name=name, password=PASSWORD)

    def send(self, to: str, page: str, **typed: str) -> str:
        form = re.search(rf'<form[^>]*action="{re.escape(to)}"[^>]*method="post".*?</form>', page, re.S)
        assert form is not None, page
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
        answer = self.browser.post(to, data={**hidden, **typed})
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.mark.slow
def test_a_half_month_is_held_until_it_is_decided_and_then_published_as_partial(
    ran: Any, fullcount: Any, tmp_path: Path
) -> None:
    story = ran("iops", "2019-Q3", "2019-Q4")
    workspace = tmp_path / "workspace"
    shutil.copytree(story.workspace, workspace)

    def published(quarter: str) -> tuple[int | None, str]:
        """The force's total of the quarter in the newest version of its return, and the status of the figure."""
        newest = sorted((workspace / "private" / quarter).glob("*"))[-1]
        total = pl.read_csv(
            newest / f"returns/recorded-crime-{quarter}.csv", infer_schema_length=None
        ).filter(table="Table_1", area=MOVER, category="Total recorded crime (excluding fraud)")
        return total.select("value", "status").row(0)

    where = Settings(
        str(workspace), str(story.made / "supply"), str(story.made / "country"), as_of=date(2020, 1, 20)
    )
    desk = open_desk(where)
    desk.clock = desk.ledger.clock = desk.sessions.clock = lambda: datetime(2020, 1, 20, 9, tzinfo=UTC)
    desk.accounts.add("amina", "Amina", "checker", PASSWORD, by="the tests")
    amina = Checker(desk, "amina")
    half = [
        alert
        for alert in desk.alerts(desk.book())
        if alert.row["force"] == MOVER and date(2019, 10, 1) in alert.months and alert.row["area"] is None
    ]
    assert half, "the half month is an alert"
    assert published("2019-Q3") == (None, "missing"), "three months of nothing are no zero"
    assert published("2019-Q4") == (None, "unjudged"), "nobody has decided what the half month is"
    for alert in half:
        address = f"/alert/{alert.finding}"
        page = amina.browser.get(address).text
        assert "the force <b>held</b>" in page, "what would be published if it is put off"
        page = amina.send(
            f"{address}/decide", page, action="mark partial", coverage="55",
            reason="The new system was switched off on the 17th; the rest is in November.",
        )  # fmt: skip
        assert "Recorded: mark partial" in page
    done = fullcount.run(workspace, story.made, "--quarter", "2019-Q4", "--as-of", "2020-01-20")
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = (
        desk.book()
        .verdicts.filter(force=MOVER, month=date(2019, 10, 1), file_type="extract")
        .row(0, named=True)
    )
    assert (verdict["status"], verdict["coverage"]) == ("partial", 0.55)
    value, status = published("2019-Q4")
    assert (value is not None and value > 0, status) == (True, "partial"), "and its quarter says so"
    decided = fullcount("ledger", "verify", "--workspace", workspace)
    assert "The ledger is whole" in decided.stdout
