"""A force changes its records system and goes quiet: what the product says of it, from verdict to page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from fixtures.iops import MOVER, SILENT

pytestmark = pytest.mark.xdist_group("the iops story")

MISSING = list(SILENT)
NAME = "Greater Wickham"


@pytest.fixture(scope="module")
def story(ran: Callable[..., Any]) -> Any:
    return ran("iops", "2019-Q3", "2019-Q4")


def test_the_silent_months_are_missing_since_the_first_of_them(story: Any) -> None:
    missing = story.table("verdicts").filter(pl.col("status").cast(pl.String) == "missing")
    assert missing.select("force", "month").sort("month").rows() == [(MOVER, month) for month in MISSING]
    assert missing["since"].unique().to_list() == [MISSING[0]]


def test_every_month_that_is_not_whole_is_told_and_no_other(story: Any) -> None:
    """A month that came in part is told as such or is not judged yet; either way it is no number in full."""
    wanted = {(force, month): status for force, month, status in story.expected["not_complete"]}
    found = {(force, month): status for force, month, status in story.not_complete()}
    assert found.keys() == wanted.keys()
    for cell, status in wanted.items():
        allowed = ["missing"] if status == "missing" else ["partial", "unjudged"]
        assert found[cell] in allowed, cell


def test_late_records_of_the_silence_do_not_fill_it(story: Any) -> None:
    late = story.table("counted").filter(force=MOVER).filter(pl.col("month").is_in(MISSING))
    assert late.height > 50, "some of its crimes turn up in later files"
    for table in ("judged_offences", "judged_areas"):
        cells = story.table(table).filter(force=MOVER).filter(pl.col("month").is_in(MISSING))
        assert cells["count"].null_count() == cells.height > 0


def test_whole_months_count_each_crime_once(story: Any) -> None:
    short = {f"{force} {month}" for force, month, _ in story.expected["not_complete"]}
    counted = (
        story.table("judged_offences")
        .filter(pl.col("count").is_not_null())
        .group_by("force", "month")
        .agg(pl.col("count").sum())
    )
    found = {f"{force} {month}": count for force, month, count in counted.rows()}
    wanted = {key: count for key, count in story.expected["counted"].items() if key not in short}
    assert {key: found.get(key) for key in wanted} == wanted


def test_the_return_has_no_rolling_year_for_the_force(story: Any) -> None:
    figures = story.figures("2019-Q4")
    year = figures.filter(pl.col("of") == NAME, pl.col("period") == "year ending December 2019")
    assert year.height > 0
    assert year["value"].null_count() == year.height
    totals = figures.filter(
        pl.col("of") == "England and Wales",
        pl.col("period") == "year ending December 2019",
        pl.col("measure") == "count",
    )
    assert totals["area_name"].unique().to_list() == [f"England and Wales excluding {NAME}"]
    forces = figures.filter(
        pl.col("area_level").is_in(["police force area", "national force"]),
        pl.col("period") == "year ending December 2019",
        pl.col("measure") == "count",
    )
    others = forces.group_by("category").agg(pl.col("value").sum())
    both = totals.join(others, on="category", suffix="_of_others")
    assert both.height == totals.height
    assert both["value"].equals(both["value_of_others"].rename("value"))


def test_the_return_of_the_silent_quarter_leaves_the_force_out(story: Any) -> None:
    figures = story.figures("2019-Q3").filter(pl.col("period") == "July to September 2019")
    ours = figures.filter(pl.col("of") == NAME)
    assert ours["marks"].unique().to_list() == ["[x]"]
    above = figures.filter(pl.col("of").is_in(["England and Wales", "England", "West Bank"]))
    assert above["area_name"].str.ends_with(f" excluding {NAME}").all()
    alone = above.filter(pl.col("of") == "West Bank")
    assert alone["value"].null_count() == alone.height, "a region of one silent force has no figure"


def test_the_bulk_files_state_the_missing_months(story: Any) -> None:
    states = story.availability().filter(force=MOVER)
    for file in ("street", "outcomes"):
        gaps = states.filter(pl.col("state") == "not supplied", file=file)
        assert gaps.select("month", "since", "path", "lines").rows() == [
            (month, MISSING[0], "", "") for month in MISSING
        ]
    folder = story.release() / "feeds"
    for month in MISSING:
        assert not (folder / month / f"{month}-{MOVER}-street.csv").exists()
        assert (folder / month / f"{month}-carrow-street.csv").exists()


def test_the_site_says_that_nothing_is_known(story: Any) -> None:
    page = story.read(f"site/{MOVER}/index.html", "2019-Q3")
    assert "How much crime was recorded here in September 2019 is not known" in page
    assert "There are no figures from Greater Wickham Police since July 2019." in page
    later = story.read(f"site/{MOVER}/index.html", "2019-Q4")
    assert "July to September 2019" in later
    assert '<dd><span class="unknown">not known</span></dd>' in later, "nor the twelve months"
    csv = story.read(f"site/{MOVER}/N01/figures.csv", "2019-Q4")
    silent = [line for line in csv.splitlines() if line[:7] in MISSING]
    assert silent
    assert all(line.split(",")[2:4] == ["", "missing"] for line in silent)


def test_the_manifest_names_every_file_and_what_it_was_made_from(story: Any) -> None:
    manifest = json.loads(story.read("manifest.json"))
    there = {name for name in story.files() if name != "manifest.json"}
    assert set(manifest["files"]) == there
    for name, told in manifest["files"].items():
        content = (story.release() / name).read_bytes()
        assert told == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    objects = {
        name: told for table in manifest["made_from"]["tables"].values() for name, told in table.items()
    }
    assert objects
    assert all((story.workspace / name).exists() for name in objects.values())
    sums = story.read("feeds/SHA256SUMS").splitlines()
    for line in sums:
        told, name = line.split("  ")
        assert hashlib.sha256((story.release() / "feeds" / name).read_bytes()).hexdigest() == told


def test_the_run_says_what_is_missing(story: Any) -> None:
    assert "missing or not fit to publish, and stated as such, never as zero" in " ".join(story.said.split())
