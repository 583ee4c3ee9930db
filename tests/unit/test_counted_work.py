"""How much is read to count a force: a guard on work that can be counted, where seconds depend on the machine."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from tests.unit.test_counting_across_forces import EDITIONS, busy
from transforms.counting.of_force import count_parts
from transforms.recording import superseded

#: Columns of the lines' file read to count a force, over all passes: raise it only with a reason.
COLUMNS_READ = 43
#: Passes over the lines' file.
PASSES = 5


def columns_read(plans: list[str], file: Path) -> list[int]:
    """For each scan of the file in the plans, how many of its columns it reads."""
    return [
        int(read) if read != "*" else len(pl.scan_parquet(file).collect_schema())
        for plan in plans
        for read in re.findall(rf"Parquet SCAN \[[^\]]*{file.name}[^\]]*\]\s*\n\s*PROJECT (\*|\d+)/", plan)
    ]


def test_counting_a_force_reads_no_more_columns_than_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lines.parquet"
    lines = busy().filter(pl.col("force") == "carrow")
    lines.write_parquet(file)
    earlier = superseded(lines.lazy())
    plans = []
    collect = pl.LazyFrame.collect

    def spy(self: pl.LazyFrame, *rest, **options):  # type: ignore[no-untyped-def]
        plans.append(self.explain())
        return collect(self, *rest, **options)

    monkeypatch.setattr(pl.LazyFrame, "collect", spy)
    assert len(list(count_parts(pl.scan_parquet(file), earlier.lazy(), EDITIONS))) == 1
    read = columns_read(plans, file)
    assert read, "no plan was seen to read the file"
    assert len(read) <= PASSES
    assert sum(read) <= COLUMNS_READ
    assert max(read) < len(lines.columns)
