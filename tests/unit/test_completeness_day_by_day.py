"""Daily extracts: what was flagged on which day, and nothing on the others."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fixtures.iops import MOVER, day_by_day, iops_story
from fixtures.registry import make_world
from transforms.completeness.day_by_day import flags, not_carried_over
from transforms.contracts import tables

FIRST = dt.date(2024, 1, 1)
FORCES = ("ashton", "birch", "cedar", "dale")
NONE_LEFT = pl.DataFrame(
    schema={
        "as_of": pl.Date, "force": pl.String, "old_system": pl.String, "new_system": pl.String, "open": pl.Int64,
    }
)  # fmt: skip


def days(seed: int = 1, length: int = 200) -> pl.DataFrame:
    """Four forces of some 60 crimes a day, fewer at weekends, and a bank holiday that all of them share."""
    rng = np.random.default_rng(seed)
    rows = []
    for t in range(length):
        day = FIRST + dt.timedelta(days=t)
        usual = (45 if day.weekday() >= 5 else 65) * (0.5 if t == 120 else 1.0)
        for force in FORCES:
            rows.append((day, force, int(rng.poisson(usual * rng.gamma(100, 0.01))), 4.0, "niche"))
    schema = {
        "as_of": pl.Date, "force": pl.String, "records": pl.Int64, "waited_hours": pl.Float64, "system": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def changed(received: pl.DataFrame, first: int, last: int, share: float | None) -> pl.DataFrame:
    """Days of one force at a share, or without an extract."""
    here = (pl.col("force") == "cedar") & pl.col("as_of").is_between(
        FIRST + dt.timedelta(days=first), FIRST + dt.timedelta(days=last)
    )
    part = None if share is None else (pl.col("records") * share).round().cast(pl.Int64)
    system = None if share is None else pl.col("system")
    return received.with_columns(
        records=pl.when(here).then(part).otherwise("records"),
        system=pl.when(here).then(system).otherwise("system"),
        waited_hours=pl.when(here & pl.lit(share is None)).then(None).otherwise("waited_hours"),
    )


def codes(received: pl.DataFrame) -> list[tuple[int, str, str]]:
    found = tables.DayFlags.validate(flags(received, NONE_LEFT))
    return [
        ((day - FIRST).days, force, code)
        for day, force, code in found.select("as_of", "force", "code").rows()
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whole_days_are_not_flagged_not_even_a_holiday(seed: int) -> None:
    assert codes(days(seed)) == []


def test_silence_is_flagged_on_its_first_day_and_when_a_month_ends_in_it() -> None:
    found = codes(changed(days(), 100, 140, None))
    assert found == [(100, "cedar", "W25"), (120, "cedar", "W08")]


def test_a_day_without_a_record_in_an_extract_that_came_stops_the_month_there() -> None:
    assert codes(changed(days(), 150, 160, 0.0))[0] == (150, "cedar", "W32")


@pytest.mark.parametrize(("share", "within"), [(0.5, 4), (0.75, 14)])
def test_less_than_is_usual_adds_up_over_days(share: float, within: int) -> None:
    found = codes(changed(days(), 150, 199, share))
    assert [(force, code) for _, force, code in found] == [("cedar", "W31")]
    assert 150 < found[0][0] <= 150 + within


def test_a_backlog_is_one_only_after_a_gap() -> None:
    burst = changed(days(), 170, 173, 6.0)
    assert codes(burst) == []
    after = codes(changed(burst, 153, 160, None))
    assert [(day, code) for day, _, code in after] == [(153, "W25"), (170, "W10")]


@pytest.mark.parametrize("until", [100, 152, 171])
def test_a_day_is_judged_by_nothing_later(until: int) -> None:
    received = changed(changed(days(), 150, 160, None), 165, 175, 0.4)
    known = received.filter(pl.col("as_of") <= FIRST + dt.timedelta(days=until))
    assert codes(known) == [row for row in codes(received) if row[0] <= until]


def test_what_no_new_record_refers_to_is_left_behind() -> None:
    at = dt.datetime(2019, 7, 1)
    lines = pl.DataFrame(
        [("opus", "a", None, None, "live", at), ("opus", "b", None, None, "live", at),
         ("opus", "c", None, "1", "live", at), ("opus", "d", None, None, "cancelled", at),
         ("opus", "e", None, None, "live", at), ("opus", "e", None, "18", "live", at + dt.timedelta(days=1)),
         ("policeworks", "x", "a", None, "live", at)],
        schema=["source_system", "crime_ref", "previous_crime_ref", "outcome_type", "status", "updated_at"],
        orient="row",
    )  # fmt: skip
    assert not_carried_over(lines, "opus") == 1


@pytest.mark.slow
def test_the_iops_story_day_by_day(tmp_path: Path) -> None:
    """Silence told on its first day, the months as they end, the new system, what was left behind, the half month."""
    story = iops_story(*make_world(tmp_path, 7), 7)
    received, left = day_by_day(story, dt.date(2019, 5, 20), dt.date(2019, 11, 8))
    found = tables.DayFlags.validate(flags(received, left))
    for row in found.iter_rows(named=True):
        print(f"{row['as_of']}  {row['code']}  {row['severity']:<8}  {row['sentence']}")
    assert found["force"].unique().to_list() == [MOVER]
    assert [(f"{day:%Y-%m-%d}", code) for day, code in found.select("as_of", "code").rows()] == [
        ("2019-07-08", "W25"),
        ("2019-07-31", "W08"),
        ("2019-08-31", "W01"),
        ("2019-09-30", "W01"),
        ("2019-10-01", "W27"),
        ("2019-10-05", "W42"),
        ("2019-10-11", "W31"),
        ("2019-10-18", "W32"),
        ("2019-11-04", "W10"),
        ("2019-11-04", "W41"),
    ]
