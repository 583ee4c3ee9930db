"""The line on the real police.uk archives: every row accounted for, every month owed and absent missing, none zero."""

import csv
import io
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.settings import settings
from pipelines.sources.open_geography import write_open_country
from pipelines.stages.aggregated import aggregate_quarter
from pipelines.stages.counted import count_forces
from pipelines.stages.judged import judge_quarters, open_judged
from pipelines.stages.line import Line
from pipelines.stages.recorded import identity, record_forces
from pipelines.stages.supplied import take_in
from transforms import aggregation
from transforms.contracts import tables
from transforms.judging import Judged
from transforms.periods import Quarter

OPEN_DATA = Path(os.environ.get("FULLCOUNT_OPEN_DATA", Path(__file__).parents[3] / "shared" / "data"))
ARCHIVES = OPEN_DATA / "police-uk"

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.xdist_group("open-data"),
    pytest.mark.skipif(not ARCHIVES.exists(), reason="the open data folder is not beside the checkout"),
]

#: Quarters of the archives that hold every stored force, and one with a single force in it.
QUARTERS = [Quarter(2023, 4), Quarter(2024, 1)]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    folder = tmp_path_factory.mktemp("open")
    write_open_country(OPEN_DATA, folder / "country")
    opened = Line.open(settings(str(folder / "workspace"), str(ARCHIVES), str(folder / "country")))
    take_in(opened)
    record_forces(opened)
    count_forces(opened)
    for quarter in QUARTERS:
        aggregate_quarter(opened, quarter)
    judge_quarters(opened, QUARTERS)
    return opened


@pytest.fixture(scope="module")
def judged(line: Line) -> Judged:
    return open_judged(line, QUARTERS)


def members() -> Iterator[tuple[str, str, io.TextIOWrapper]]:
    """Every distinct street file of the archives: month, force, and its text."""
    seen = set()
    for archive in sorted(ARCHIVES.glob("*.zip")):
        with zipfile.ZipFile(archive) as opened:
            for name in sorted(opened.namelist()):
                if name.endswith("-street.csv") and name not in seen:
                    seen.add(name)
                    base = name.rsplit("/", 1)[-1].removesuffix("-street.csv")
                    with opened.open(name) as stream:
                        yield base[:7], base[8:], io.TextIOWrapper(stream, encoding="utf-8", newline="")


def test_every_row_is_recorded_superseded_or_rejected(line: Line) -> None:
    rows = identity(line)
    print(rows.sentence)
    assert rows.holds
    assert rows.supplied > 900_000


def test_totals_of_each_force_and_month_equal_the_lines_of_its_file(line: Line) -> None:
    refused = set(line.supplies().filter(pl.col("state") == "refused").select("force", "first_month").rows())
    counted = {
        (force, f"{month:%Y-%m}"): rows
        for force, month, rows in aggregation.rows_by(
            line.workspace.scan("street", tables.Counted), ["force", "month"]
        )
        .collect()
        .iter_rows()
    }
    lines: Counter[tuple[str, str]] = Counter()
    for month, force, text in members():
        lines[force, month] = sum(1 for _ in csv.reader(text)) - 1
    for force, month in refused:
        del lines[force, f"{month:%Y-%m}"]
    assert counted == dict(lines)


def test_greater_manchester_is_missing_in_2024_and_nowhere_zero(judged: Judged) -> None:
    verdicts = judged.verdicts.filter(
        pl.col("force") == "greater-manchester", pl.col("file_type") == "street"
    )
    assert verdicts.get_column("status").unique().to_list() == ["missing"]
    cells = judged.areas.collect().filter(pl.col("force") == "greater-manchester")
    assert cells.height > 100_000, "every area of the force has its cell"
    assert cells.get_column("count").null_count() == cells.height


def test_every_force_that_owed_a_month_and_has_no_file_is_missing(judged: Judged) -> None:
    supplied = {(force, month) for month, force, _ in members()}
    shown = judged.verdicts.filter(pl.col("file_type") == "street")
    for force, month, status in shown.select("force", "month", "status").iter_rows():
        if (force, f"{month:%Y-%m}") not in supplied:
            assert status == "missing", (force, month)
    whole = (
        judged.areas.collect()
        .filter(pl.col("month") == date(2024, 1, 1))
        .filter(pl.col("count").is_not_null())
    )
    assert whole.get_column("force").n_unique() >= 38


def test_a_force_total_adds_up_to_its_file(judged: Judged, line: Line) -> None:
    total = aggregation.add_up(judged.areas.lazy(), by=["force", "month"])
    rows = aggregation.rows_by(judged.crimes.lazy(), ["force", "month"]).collect()
    both = total.join(rows, on=["force", "month"], how="full", coalesce=True)
    numbers = both.filter(pl.col("count").is_not_null())
    assert numbers.height > 70
    assert numbers.filter(pl.col("count") != pl.col("rows")).is_empty()
    assert both.filter(pl.col("count").is_null(), pl.col("rows").is_not_null()).is_empty()
