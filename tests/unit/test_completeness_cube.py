"""Counts as people write them become one array: spelled both ways, in several rows, nowhere or somewhere unknown."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from transforms.completeness import CountsError
from transforms.completeness.cube import encode

AREAS = pl.DataFrame({"area": ["A1", "A2", "B1", ""], "force": ["north", "north", "south", "south"]})
COUNTS = pl.DataFrame(
    [
        ("2024-05", "A1", "burglary", 3),
        ("2024-05-01", "A1", "burglary", 4),
        ("2024-05", "B1", "theft", 2),
        ("2024-07", "A2", "theft", 5),
        ("2024-07", "", "burglary", 6),
        ("2024-07", None, "burglary", 1),
        ("2024-05", "Z9", "theft", 8),
        ("2024-07", "Z9", "theft", 9),
        ("2024-08", "A1", "arson", 7),
    ],
    schema=["month", "area", "category", "n"],
    orient="row",
)


@pytest.mark.parametrize("counts", [COUNTS, COUNTS.lazy(), COUNTS.with_columns(pl.col("n").cast(pl.String))])
def test_every_record_has_one_place(counts: pl.DataFrame | pl.LazyFrame) -> None:
    cube = encode(counts, AREAS, date(2024, 7, 1))
    assert cube.months == [date(2024, 5, 1), date(2024, 6, 1), date(2024, 7, 1)]
    assert (cube.areas, cube.categories) == (["A1", "A2", "B1"], ["burglary", "theft"])
    assert cube.n.tolist() == [
        [[7.0, 0.0], [0.0, 0.0], [0.0, 2.0]],
        [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]],
        [[0.0, 0.0], [0.0, 5.0], [0.0, 0.0]],
    ]
    assert cube.no_location.tolist() == [[0.0, 0.0], [0.0, 0.0], [7.0, 0.0]]
    assert cube.unknown.rows() == [("Z9", 17.0, date(2024, 5, 1), date(2024, 7, 1))]


def test_without_a_month_asked_for_all_are_there() -> None:
    cube = encode(COUNTS, AREAS, None)
    assert cube.months[-1] == date(2024, 8, 1)
    assert cube.categories == ["arson", "burglary", "theft"]
    assert cube.n[3, 0].tolist() == [7.0, 0.0, 0.0]


def test_months_and_types_that_are_numbers_already_are_placed_as_their_words_are() -> None:
    types = pl.Enum(["theft", "arson", "burglary"])
    coded = COUNTS.with_columns(
        pl.col("month").str.slice(0, 7).str.to_date("%Y-%m"), pl.col("category").cast(types)
    )
    found, wanted = (encode(counts, AREAS, date(2024, 7, 1)) for counts in (coded, COUNTS))
    assert (found.months, found.categories) == (wanted.months, wanted.categories)
    assert found.n.tolist() == wanted.n.tolist()
    assert found.no_location.tolist() == wanted.no_location.tolist()
    assert found.unknown.equals(wanted.unknown)


def test_a_file_that_ends_early_is_refused_in_one_sentence(tmp_path: Path) -> None:
    made = pl.concat([COUNTS] * 5000).with_columns(pl.col("n").hash())
    made.write_parquet(tmp_path / "counts.parquet", compression="uncompressed")
    whole = (tmp_path / "counts.parquet").read_bytes()
    middle = len(whole) // 2
    (tmp_path / "counts.parquet").write_bytes(whole[:8] + b"\xff" * (middle - 8) + whole[middle:])
    with pytest.raises(CountsError, match="counts: cannot be read"):
        encode(pl.scan_parquet(tmp_path / "counts.parquet"), AREAS, None)
