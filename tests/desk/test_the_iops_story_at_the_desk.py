"""The iOPS story at the desk, day by day: what its first page said on each key day, and that it said nothing before."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from fixtures.iops import MOVER, day_by_day, iops_story
from fixtures.registry import make_world
from fixtures.small_book import small_book
from publish.desk.desk import Desk
from publish.desk.ledger import Ledger
from publish.desk.settings import DeskSettings
from tests.desk.conftest import PASSWORD, Clock, Gate, Shelf, Tab
from transforms.completeness.day_by_day import flags
from transforms.contracts import tables

#: What the desk says first on each key day, in its own words.
SAID = {
    dt.date(2019, 7, 8): "No extract of greater-wickham came on 8 July 2019",
    dt.date(2019, 7, 31): "greater-wickham has sent nothing for 24 days, since 8 July 2019",
    dt.date(2019, 9, 30): "greater-wickham has sent nothing for 85 days",
    dt.date(2019, 10, 1): "is from policeworks for the first time; until now it was from opus",
    dt.date(
        2019, 10, 5
    ): "640 open crimes of greater-wickham in opus are referred to by no record of policeworks",
    dt.date(2019, 10, 11): "greater-wickham is recording less than is usual",
    dt.date(2019, 10, 18): "holds no crime recorded on 18 October 2019",
    dt.date(2019, 11, 4): "after a gap: a backlog",
}
PICTURES = os.environ.get("FULLCOUNT_PICTURES")


@pytest.mark.slow
def test_what_the_desk_said_on_each_key_day(tmp_path: Path) -> None:
    story = iops_story(*make_world(tmp_path / "made", 7), 7)
    received, left = day_by_day(story, dt.date(2019, 5, 20), dt.date(2019, 11, 8))
    country = replace(small_book().country, forces=story.country.areas.forces)
    clock = Clock()
    shelf = Shelf()
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock)
    desk = Desk(
        DeskSettings(secret=b"a secret of the tests"), ledger, shelf, Gate(ledger, shelf, clock), clock
    )
    desk.accounts.add("amina", "Amina", "checker", PASSWORD, by="the tests")
    before = ""
    for day, words in [(dt.date(2019, 7, 7), ""), *SAID.items()]:
        clock.now = dt.datetime.combine(day, dt.time(20), dt.UTC)
        known = received.filter(pl.col("as_of") <= day)
        shelf.book = replace(
            shelf.book,
            snapshot=f"{day}",
            made_at=clock.now,
            country=country,
            findings=tables.Findings.create_empty(),
            days=known.drop_nulls("records").filter(pl.col("records") > 0).select(
                "force",
                month=pl.col("as_of").dt.truncate("1mo"),
                day=pl.col("as_of").dt.day(),
                rows="records",
            ),
            flags=flags(known, left.filter(pl.col("as_of") <= day)),
            delays=shelf.book.delays.clear(),
            systems=left.filter(pl.col("as_of") <= day)
            .tail(1)
            .select("force", place=pl.lit("old only"), open=pl.lit(True), rows="open"),
        )  # fmt: skip
        amina = Tab(desk)
        amina.sign_in("amina")
        page = amina.get("/early").text
        if PICTURES:
            (Path(PICTURES) / f"early-{day}.html").write_text(page, encoding="utf-8")
        if words:
            assert words in page, day
            assert words not in before, f"{words} was said before {day}"
        else:
            assert "Told on the day" not in page, "nothing is said while all is well"
        before = page
    assert MOVER in before
