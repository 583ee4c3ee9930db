"""What new files make Dagster build."""

from __future__ import annotations

import pytest

from pipelines.automation import latest_quarter


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
