"""Bulk files that take over what has not changed have the bytes of those that were made anew."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fixtures.small_judged import KEY, MONTHS, small_boundaries, small_country, small_judged
from geography.areas import Country
from publish import feeds
from tests.trees import contents
from tests.unit.resealing import with_rows
from transforms.judging import Judged
from transforms.periods import Quarter

YEAR = MONTHS[-12:]
QUARTERS = len({Quarter.of(month) for month in YEAR})


def taken(folder: Path, before: Path) -> set[str]:
    """The files that are one with those of the build before."""
    return {
        name
        for name in contents(folder)
        if (before / name).exists() and (folder / name).samefile(before / name)
    }


@pytest.fixture(scope="module")
def country() -> Country:
    return small_country()


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, country: Country) -> Path:
    folder = tmp_path_factory.mktemp("before") / "feeds"
    feeds.build(small_judged(country), country, YEAR, folder, KEY, shapes=small_boundaries(country))
    return folder


def one_crime_less(whole: Judged) -> Judged:
    gone = whole.crimes.collect().filter(pl.col("month") == YEAR[-1]).row(0, named=True)["crime_ref"]
    return with_rows(whole, crimes=lambda rows: rows.filter(pl.col("crime_ref").ne_missing(gone)))


def one_outcome_less(whole: Judged) -> Judged:
    return with_rows(whole, case_outcomes=lambda rows: rows.sort("month")[:-1])


def nothing_else(whole: Judged) -> Judged:
    return whole


CHANGES: list[tuple[str, Callable[[Judged], Judged], int]] = [
    ("nothing", nothing_else, QUARTERS),
    ("a crime", one_crime_less, QUARTERS - 1),
    ("an outcome", one_outcome_less, QUARTERS),
]


@pytest.mark.parametrize("what, change, stand", CHANGES, ids=[each[0] for each in CHANGES])
def test_what_stands_is_taken_over_and_no_byte_differs(
    what: str, change: Callable[[Judged], Judged], stand: int, country: Country, before: Path, tmp_path: Path
) -> None:
    now = change(small_judged(country))
    shapes = small_boundaries(country)
    feeds.build(now, country, YEAR, tmp_path / "anew", KEY, shapes=shapes)
    feeds.build(now, country, YEAR, tmp_path / "over", KEY, shapes=shapes, before=before)
    anew, over = contents(tmp_path / "anew"), contents(tmp_path / "over")
    assert over.keys() == anew.keys()
    assert [name for name in anew if anew[name] != over[name]] == []
    kept = taken(tmp_path / "over", before)
    streets = [name for name in kept if name.endswith("-street.parquet")]
    assert len(streets) == stand
    assert {"boundaries/force_kmls.zip"} <= kept
    assert not taken(tmp_path / "anew", before)


def test_a_window_that_moved_takes_over_the_quarters_that_are_in_both(
    country: Country, before: Path, tmp_path: Path
) -> None:
    whole = small_judged(country)
    later = YEAR[3:]
    feeds.build(whole, country, later, tmp_path / "anew", KEY)
    feeds.build(whole, country, later, tmp_path / "over", KEY, before=before)
    assert contents(tmp_path / "over") == contents(tmp_path / "anew")
    assert {name for name in contents(tmp_path / "anew") if name.endswith("-street.csv")} <= taken(
        tmp_path / "over", before
    )


def test_a_newest_month_that_no_force_may_publish_is_taken_over_too(country: Country, tmp_path: Path) -> None:
    whole, months = small_judged(country), [*YEAR[-3:], date(2019, 10, 1)]
    feeds.build(whole, country, months, tmp_path / "anew", KEY)
    feeds.build(whole, country, months, tmp_path / "over", KEY, before=tmp_path / "anew")
    assert contents(tmp_path / "over") == contents(tmp_path / "anew")
    assert not [name for name in contents(tmp_path / "over") if "2019-10" in name and name.endswith(".csv")]
    assert "parquet/2019-Q4-street.parquet" in taken(tmp_path / "over", tmp_path / "anew")


def test_another_key_or_another_list_of_points_makes_every_line_anew(
    country: Country, before: Path, tmp_path: Path
) -> None:
    whole = small_judged(country)
    feeds.build(whole, country, YEAR, tmp_path / "key", b"the key of the year after", before=before)
    assert not taken(tmp_path / "key", before)
    fewer = replace(country, map_points=country.map_points[:-1])
    feeds.build(whole, fewer, YEAR, tmp_path / "points", KEY, before=before)
    assert not taken(tmp_path / "points", before)


def test_a_build_that_was_published_since_is_taken_over_and_one_that_saw_other_places_is_not(
    country: Country, before: Path, tmp_path: Path
) -> None:
    whole = small_judged(country)
    feeds.build(whole, country, YEAR, tmp_path / "anew", KEY, ever_public=[before])
    feeds.build(whole, country, YEAR, tmp_path / "over", KEY, ever_public=[before], before=before)
    assert contents(tmp_path / "over") == contents(tmp_path / "anew")
    assert taken(tmp_path / "over", before)
    # The same records were public at other points: those must have no location now, whatever the build before says.
    shifted = country.map_points.with_columns(longitude=(pl.col("longitude") + 0.001).round(6))
    other = tmp_path / "other"
    feeds.build(whole, replace(country, map_points=shifted), YEAR, other, KEY)
    feeds.build(whole, country, YEAR, tmp_path / "compared", KEY, ever_public=[other], before=before)
    assert not taken(tmp_path / "compared", before)


def test_an_archive_takes_members_as_they_were_compressed(
    country: Country, before: Path, tmp_path: Path
) -> None:
    feeds.build(small_judged(country), country, YEAR, tmp_path / "over", KEY, before=before)
    assert (tmp_path / "over" / "latest.zip").read_bytes() == (before / "latest.zip").read_bytes()
