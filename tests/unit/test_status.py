"""How statuses combine: upwards over parts, and onwards over months."""

from __future__ import annotations

import polars as pl

from transforms.contracts.status import (
    ALLOWS_NUMBER,
    STATUS,
    WORST_LAST,
    allows_number,
    worst,
    worst_so_far,
)


def statuses(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"status": pl.Series(names, dtype=STATUS)})


def test_a_total_is_as_bad_as_its_worst_part() -> None:
    for at, status in enumerate(WORST_LAST):
        parts = statuses(*(each.value for each in WORST_LAST[: at + 1]))
        assert parts.select(worst(pl.col("status"))).item() == status.value


def test_once_something_is_missing_all_that_follows_lacks_it() -> None:
    months = statuses("complete", "partial", "complete", "missing", "complete", "unjudged")
    so_far = months.select(worst_so_far(pl.col("status"))).to_series().to_list()
    assert so_far == ["complete", "partial", "partial", "missing", "missing", "missing"]


def test_only_a_status_that_allows_a_number_does_and_none_is_no_status() -> None:
    names = [each.value for each in WORST_LAST]
    for kind in (STATUS, pl.String):
        frame = pl.DataFrame({"status": [*names, None]}, schema={"status": kind})
        allowed = frame.select(allows_number()).to_series().to_list()
        assert allowed == [*(name in ALLOWS_NUMBER for name in names), None]
