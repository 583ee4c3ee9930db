"""What new files make Dagster build."""

from __future__ import annotations

import pytest

from pipelines.automation import latest_quarter
from pipelines.partitions import QUARTERS


@pytest.mark.parametrize(
    ("names", "quarter"),
    [
        (["2019-06-carrow-niche-extract.csv"], "2019-Q2"),
        (["2019-07-carrow-niche-extract.csv"], "2019-Q2"),
        (["2019-04-carrow-niche-extract.csv", "2019-09-ashdene-opus-extract.csv"], "2019-Q3"),
        (["readme.txt"], None),
    ],
)
def test_the_latest_quarter_that_is_over_is_built(names: list[str], quarter: str | None) -> None:
    found = latest_quarter(names)
    assert (str(found) if found else None) == quarter


def test_a_history_from_before_street_level_data_can_be_run() -> None:
    assert {"2002-Q2", "2010-Q3", "2019-Q3"} <= set(QUARTERS.get_partition_keys())
