"""Outcomes and searches: published where they were supplied, in the layout of police.uk, and never a gap as none."""

import csv
import io
import json
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from fixtures.small_judged import KEY, SEARCHES_MISSING, small_boundaries, small_country, small_judged
from fixtures.small_release import YEAR, small_release
from pipelines.sources.police_uk import OUTCOMES, STOPS
from publish import feeds
from publish.api import bodies, index
from publish.api.application import application
from publish.api.numbers import numbers
from publish.api.releases import One
from publish.feeds import outcomes

CENTRE = {"lat": "52.005", "lng": "-1.49", "date": "2019-09"}


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    return small_release(tmp_path_factory.mktemp("beside") / "release")


@pytest.fixture(scope="module")
def client(release) -> TestClient:
    return TestClient(application(One(release)))


@pytest.fixture(scope="module")
def judged():
    return small_judged(small_country())


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def test_files_have_the_layout_of_police_uk_and_every_row_that_was_supplied(release, judged):
    for kind, header, supplied in (
        ("outcomes", OUTCOMES, judged.case_outcomes.collect()),
        ("stop-and-search", STOPS, judged.searches),
    ):
        paths = sorted((release / "feeds").glob(f"*/*-{kind}.csv"))
        assert {path.read_bytes().split(b"\r\n")[0].decode() for path in paths} == {",".join(header)}
        held = {path.name[:7]: len(rows_of(path)) for path in paths}
        counts = supplied.filter(pl.col("month").is_in(YEAR)).group_by("month").len()
        assert held == {f"{month:%Y-%m}": number for month, number in counts.iter_rows()}
    searches = rows_of(release / "feeds/2019-09/2019-09-northshire-stop-and-search.csv")
    assert {row["Part of a policing operation"] for row in searches} == {"True", "False", ""}
    assert {row["Date"][10:] for row in searches if row["Date"].startswith("2019-09-10")} >= {
        "T22:10:00+00:00"
    }


def test_a_month_that_was_not_supplied_has_no_file_and_says_so_everywhere(release, client):
    month = f"{SEARCHES_MISSING:%Y-%m}"
    assert not (release / "feeds" / month / f"{month}-northshire-stop-and-search.csv").exists()
    table = rows_of(release / "feeds" / "availability.csv")
    (row,) = [
        row
        for row in table
        if (row["force"], row["file"], row["month"]) == ("northshire", "stop-and-search", month)
    ]
    assert (row["state"], row["path"], row["lines"]) == ("not supplied", "", "")
    asked = {**CENTRE, "date": month}
    for path, parameters in (
        ("stops-street", asked),
        ("stops-force", {"force": "northshire", "date": month}),
        ("stops-no-location", {"force": "northshire", "date": month}),
    ):
        answer = client.get(f"/api/{path}", params=parameters)
        assert (answer.status_code, answer.json()) == (200, [])
        assert answer.headers["completeness"] == "not-supplied"
        assert "northshire" in answer.headers["completeness-detail"]
    sent = {row["date"]: row["stop-and-search"] for row in client.get("/api/crimes-street-dates").json()}
    assert sent["2019-09"] == ["northshire"] and sent[month] == []


def test_a_file_of_which_no_row_can_be_used_is_not_supplied(tmp_path, judged):
    """A verdict on a file says that it came, not that anything of it could be read."""
    from transforms.judging import judged as seal

    country = small_country()
    emptied = seal(
        judged.offences, judged.areas, judged.verdicts, judged.findings, judged.crimes,
        searches=judged.searches.clear(),
    )  # fmt: skip
    feeds.build(emptied, country, YEAR[-1:], tmp_path, KEY)
    states = {(row["force"], row["file"]): row["state"] for row in rows_of(tmp_path / "availability.csv")}
    assert states["northshire", "stop-and-search"] == states["northshire", "outcomes"] == "not supplied"
    assert states["northshire", "street"] == "supplied"


def test_no_row_passes_that_no_verdict_allows(judged):
    from transforms.judging import JudgementError
    from transforms.judging import judged as seal

    verdicts = judged.verdicts.filter(pl.col("file_type") != "stop-and-search")
    with pytest.raises(JudgementError, match="stop-and-search: northshire"):
        seal(
            judged.offences, judged.areas, verdicts, judged.findings, judged.crimes, searches=judged.searches
        )


def test_outcomes_at_a_place_are_those_of_its_crimes(release, client):
    found = client.get("/api/outcomes-at-location", params=CENTRE).json()
    assert len(found) > 20
    msgspec.convert(found, list[bodies.Outcome])
    told = {(row["Crime ID"], row["Outcome type"]) for row in rows_of(
        release / "feeds/2019-09/2019-09-northshire-outcomes.csv")}  # fmt: skip
    assert {(row["crime"]["persistent_id"], row["category"]["name"]) for row in found} <= told
    assert {row["date"] for row in found} == {"2019-09"} and all(row["person_id"] is None for row in found)
    point = found[0]["crime"]["location"]["street"]["id"]
    there = client.get("/api/outcomes-at-location", params={"location_id": point, "date": "2019-09"}).json()
    assert there == [row for row in found if row["crime"]["location"]["street"]["id"] == point]
    crimes = {
        row["id"]: row
        for month in ("2019-08", "2019-09")
        for row in client.get("/api/crimes-street/all-crime", params=CENTRE | {"date": month}).json()
    }
    for row in found:
        crime = crimes[row["crime"]["id"]]
        assert {name: crime[name] for name in row["crime"]} == row["crime"]


def test_the_history_of_a_crime_is_oldest_first(release, client):
    files = sorted((release / "feeds").glob("*/*-outcomes.csv"))
    lines = [row for path in files for row in rows_of(path)]
    held = {row["Crime ID"] for path in (release / "feeds").glob("*/*-street.csv") for row in rows_of(path)}
    ids = [row["Crime ID"] for row in lines if row["Crime ID"] in held]
    twice = next(each for each in ids if ids.count(each) == 2)
    answer = client.get(f"/api/outcomes-for-crime/{twice}").json()
    msgspec.convert(answer, bodies.CaseHistory)
    wanted = [(row["Month"], row["Outcome type"]) for row in lines if row["Crime ID"] == twice]
    assert [(row["date"], row["category"]["name"]) for row in answer["outcomes"]] == wanted
    assert answer["crime"]["persistent_id"] == twice


def test_searches_are_answered_as_their_file_has_them(release, client):
    lines = rows_of(release / "feeds/2019-09/2019-09-northshire-stop-and-search.csv")
    asked = {"force": "northshire", "date": "2019-09"}
    whole = client.get("/api/stops-force", params=asked).json()
    nowhere = client.get("/api/stops-no-location", params=asked).json()
    msgspec.convert(whole, list[bodies.Stop])
    assert sorted(row["datetime"] for row in whole) == sorted(row["Date"] for row in lines)
    assert len(nowhere) == sum(not row["Latitude"] for row in lines) > 0
    assert all(row["location"] is None for row in nowhere)
    near = client.get("/api/stops-street", params=CENTRE).json()
    assert near and all(row in whole for row in near)
    place = near[0]["location"]["street"]
    assert place["name"].startswith("On or near ")
    there = client.get(
        "/api/stops-at-location", params={"location_id": place["id"], "date": "2019-09"}
    ).json()
    assert there == [row for row in near if row["location"]["street"]["id"] == place["id"]]
    truths = {"True": True, "False": False, "": None}
    assert sorted(str(row["operation"]) for row in whole) == sorted(
        str(truths[row["Part of a policing operation"]]) for row in lines
    )
    assert set(whole[0]) == {each.name for each in msgspec.structs.fields(bodies.Stop)}


def test_an_outcome_never_tells_a_place_that_its_crime_does_not(tmp_path, judged):
    """Neither where the street line has no location, nor a second place of a crime that is at another."""
    country = small_country()
    feeds.build(judged, country, YEAR[-2:], tmp_path / "feeds", KEY)
    streets = pl.concat(
        pl.read_csv(path, infer_schema=False) for path in (tmp_path / "feeds").glob("*/*-street.csv")
    ).filter(pl.col("Crime ID").is_not_null())
    place = ["Longitude", "Latitude"]
    told = pl.concat(
        pl.read_csv(path, infer_schema=False) for path in (tmp_path / "feeds").glob("*/*-outcomes.csv")
    ).join(
        streets.select("Crime ID", *(pl.col(name).alias(f"street {name}") for name in place)), on="Crime ID"
    )
    withheld = told.filter(pl.col("street Longitude").is_null())
    assert withheld.height > 0 and withheld["Longitude"].null_count() == withheld.height
    assert told.select((pl.col(name) == pl.col(f"street {name}")).all() for name in place).row(0) == (
        True,
        True,
    )
    moved = judged.case_outcomes.collect().filter(pl.col("month") == YEAR[-1]).with_columns(
        longitude=country.map_points["longitude"][-1], latitude=country.map_points["latitude"][-1],
        lsoa_code=pl.lit(country.map_points["lsoa_code"][-1]),
    )  # fmt: skip
    lines = outcomes.published(moved, country, KEY, tmp_path / "feeds")
    known = lines.join(streets.select("Crime ID").unique(), on="Crime ID", how="semi")
    assert known.height > 0 and set(known["Location"]) == {"No Location"}
    assert known.select(pl.col("Longitude", "LSOA code", "LSOA name").is_null().all()).row(0) == (True,) * 3
    # What the release before had elsewhere gets none either.
    later = outcomes.published(
        moved.with_columns(month=pl.lit(date(2019, 10, 1))),
        country,
        KEY,
        tmp_path / "none",
        earlier=[tmp_path / "feeds"],
    )
    placed = streets.filter(pl.col("Longitude").is_not_null()).select("Crime ID").unique()
    assert later.join(placed, on="Crime ID", how="semi")["Longitude"].is_null().all()


def numbered(ids: list[str | None], seed: int = 0) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "crime_id": pl.Series(ids, dtype=pl.String),
            "force": ["northshire"] * len(ids),
            "category": chance.integers(0, 14, len(ids)),
            "longitude": chance.integers(-150, 0, len(ids)) / 100,
            "latitude": chance.integers(5200, 5210, len(ids)) / 100,
        }
    )


def test_a_number_stays_when_other_records_come_and_go():
    chance = np.random.default_rng(5)
    rows = numbered([*(chance.bytes(32).hex() for _ in range(60_000)), *([None] * 20_000)])
    month = date(2019, 9, 1)
    before = pl.Series("number", numbers(rows, month))
    assert before.n_unique() == rows.height and before.min() >= 1 and before.max() < 2**31
    some = np.sort(chance.choice(rows.height, 72_000, replace=False))
    after = numbers(rows[some].sample(fraction=1, shuffle=True, seed=1), month)
    with_ids = rows.hstack([before])[some].filter(pl.col("crime_id").is_not_null())
    mixed = rows[some].sample(fraction=1, shuffle=True, seed=1).with_columns(now=pl.Series(after))
    both = with_ids.join(mixed.drop_nulls("crime_id"), on="crime_id")
    assert both.height == with_ids.height
    # Two that want one number: of sixty thousand among sixteen million a few, and fewer yet of them in the tenth gone.
    assert (both["number"] != both["now"]).mean() < 0.005
    other = numbers(rows, date(2019, 8, 1))
    assert not set(other.tolist()) & set(before.to_list())


@given(st.lists(st.sampled_from(["0" * 64, "f" * 64, "8" + "0" * 63, None]), max_size=60))
def test_no_two_records_have_one_number_however_alike(ids):
    found = numbers(numbered(ids), date(2019, 9, 1))
    assert len(set(found.tolist())) == len(ids)
    assert all(1 <= number < 2**31 for number in found.tolist())


def test_the_api_gives_a_crime_one_number_in_every_release(release, tmp_path):
    """The release of a year and that of its last month, of which the rows have other places in their files."""
    country = small_country()
    feeds.build(small_judged(country), country, YEAR[-1:], tmp_path / "feeds", KEY)
    index.build(tmp_path / "feeds", country, small_boundaries(country), YEAR[-1:], tmp_path / "api")
    (tmp_path / "manifest.json").write_text(json.dumps({"quarter": "2019-Q3"}))
    asked = {"lat": "52.005", "lng": "-1.49", "date": "2019-09"}
    one, other = (
        TestClient(application(One(folder))).get("/api/crimes-street/all-crime", params=asked).json()
        for folder in (release, tmp_path)
    )
    assert {row["persistent_id"]: row["id"] for row in one} == {
        row["persistent_id"]: row["id"] for row in other
    }
