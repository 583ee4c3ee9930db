"""Outcomes that extracts tell: in the outcomes file and the API as police.uk has them, and never more than is known."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

from fixtures.small_judged import KEY, MONTHS, small_boundaries, small_country, small_judged
from fixtures.small_release import YEAR
from publish import feeds
from publish.api import index
from publish.api.application import application
from publish.api.releases import One
from publish.feeds import availability
from transforms.contracts.tables import CaseOutcomes
from transforms.counting import load_editions
from transforms.judging import Judged, JudgementError, judged, outcomes_of_crimes, tellable, withdrawn
from transforms.quarter_rows import SCOPE

#: It supplies extracts and falls silent in July 2019.
FORCE = "mercaster"
CHARGED = "Suspect charged"


def told_by(crimes: pl.DataFrame, sealed: Judged) -> pl.DataFrame:
    """The outcomes of some crimes that may be told."""
    every = outcomes_of_crimes(crimes.lazy(), withdrawn(crimes.lazy()).collect()).collect()
    return every.join(tellable(sealed.verdicts), on=SCOPE, how="semi")


def with_outcomes(sealed: Judged) -> Judged:
    """The same, each third crime of Greater Mercaster charged in the month after it was recorded."""
    mine = (pl.col("force") == FORCE) & pl.col("crime_ref").is_not_null() & (pl.col("n") % 3 == 0)
    crimes = (
        sealed.crimes.collect()
        .with_row_index("n")
        .with_columns(
            outcome=pl.when(mine).then(pl.lit(CHARGED)).otherwise("outcome"),
            outcome_month=pl.when(mine).then(pl.col("month").dt.offset_by("1mo")),
        )
    )
    told = told_by(crimes, sealed)
    return judged(
        sealed.offences, sealed.areas, sealed.verdicts, sealed.findings, crimes.drop("n"), case_outcomes=told
    )


@pytest.fixture(scope="module")
def sealed() -> Judged:
    return with_outcomes(small_judged(small_country()))


@pytest.fixture(scope="module")
def release(sealed: Judged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, country = tmp_path_factory.mktemp("extracts") / "release", small_country()
    feeds.build(sealed, country, YEAR, folder / "feeds", KEY)
    index.build(folder / "feeds", country, small_boundaries(country), YEAR, folder / "api")
    (folder / "manifest.json").write_text('{"quarter": "2019-Q3"}')
    return folder


def lines_of(release: Path, kind: str) -> pl.DataFrame:
    files = (release / "feeds").glob(f"*/*-{FORCE}-{kind}.csv")
    return pl.concat([pl.read_csv(path, infer_schema=False) for path in sorted(files)])


def state_of(release: Path, month: str) -> dict[str, str | None]:
    table = pl.read_csv(release / "feeds" / "availability.csv", infer_schema=False)
    return table.filter(force=FORCE, file="outcomes", month=month).row(0, named=True)


def test_every_outcome_has_a_line_in_the_month_it_was_given(release: Path, sealed: Judged) -> None:
    told = lines_of(release, "outcomes")
    mine = sealed.crimes.collect().filter(force=FORCE).drop_nulls("outcome_month")
    # Those given in July 2019 were never supplied: the force is silent from then on.
    wanted = mine.filter(pl.col("outcome_month").is_between(YEAR[0], date(2019, 6, 1)))
    assert dict(told["Month"].value_counts().iter_rows()) == dict(
        wanted["outcome_month"].dt.strftime("%Y-%m").value_counts().iter_rows()
    )
    assert set(told["Outcome type"]) == {CHARGED} and told["Crime ID"].str.contains("^[0-9a-f]{64}$").all()


def test_an_outcome_is_where_the_line_of_its_crime_is_and_nowhere_else(release: Path) -> None:
    place = ["Longitude", "Latitude", "Location", "LSOA code", "LSOA name"]
    crimes = lines_of(release, "street").select(
        "Crime ID", *(pl.col(name).alias(f"of {name}") for name in place)
    )
    told = lines_of(release, "outcomes").join(crimes, on="Crime ID", how="left")
    known = told.drop_nulls("of Location")
    assert known.height > 50 and known["of Longitude"].null_count() > 0
    assert all(known[name].equals(known[f"of {name}"].alias(name), null_equal=True) for name in place)
    # Of a crime of before the release's months nothing is told of where it was.
    older = told.filter(pl.col("of Location").is_null())
    assert (
        older.height > 0 and set(older["Location"]) == {"No Location"} and older["LSOA code"].is_null().all()
    )


def test_a_silent_month_has_no_file_and_the_first_year_says_what_it_lacks(release: Path) -> None:
    assert not list((release / "feeds" / "2019-07").glob(f"*{FORCE}*"))
    silent, first = state_of(release, "2019-07"), state_of(release, "2018-10")
    assert (silent["state"], silent["since"], silent["path"]) == ("not supplied", "2019-07", None)
    assert (first["state"], first["why"]) == ("partial", "outcomes of crimes recorded since 2018-10")


def test_after_a_year_the_file_is_as_whole_as_the_extract(sealed: Judged) -> None:
    states = availability.states(sealed.verdicts, small_country()).filter(force=FORCE, file="outcomes")
    by_month = dict(states.select("month", "state").iter_rows())
    assert [by_month[month] for month in (MONTHS[11], MONTHS[12], MONTHS[-1])] == [
        "partial",
        "supplied",
        "not supplied",
    ]


def test_after_a_month_that_is_lacking_outcomes_are_partial() -> None:
    """What the crimes of a missing month were given later came with no file."""
    sealed = with_outcomes(small_judged(small_country(), hole=(FORCE, date(2018, 3, 1))))
    states = availability.states(sealed.verdicts, small_country()).filter(force=FORCE, file="outcomes")
    told = {month: (state, why) for month, state, why in states.select("month", "state", "why").iter_rows()}
    assert told[date(2018, 2, 1)] == ("supplied", "outcomes of crimes recorded since 2016-10")
    assert told[date(2018, 3, 1)][0] == "not supplied"
    assert told[date(2018, 4, 1)][0] == told[date(2019, 6, 1)][0] == "partial"
    assert told[date(2018, 4, 1)][1].endswith("but for months that were not supplied in full")


def test_extracts_that_tell_no_outcome_are_no_outcomes_file(release: Path) -> None:
    """The columns of an outcome may be left out of an extract: Northshire's month is then not one without outcomes."""
    table = pl.read_csv(release / "feeds" / "availability.csv", infer_schema=False)
    row = table.filter(force="northshire", file="outcomes", month="2019-03").row(0, named=True)
    assert (row["state"], row["path"]) == ("not supplied", None)


def test_the_api_answers_them(release: Path) -> None:
    client = TestClient(application(One(release)))
    told = lines_of(release, "outcomes").filter(pl.col("Month") == "2019-06").drop_nulls("Longitude")
    there = told.row(0, named=True)
    found = client.get(
        "/api/outcomes-at-location",
        params={"lat": there["Latitude"], "lng": there["Longitude"], "date": "2019-06"},
    )
    assert there["Crime ID"] in [row["crime"]["persistent_id"] for row in found.json()]
    assert found.headers["completeness"] == "partial"
    (one,) = client.get(f"/api/outcomes-for-crime/{there['Crime ID']}").json()["outcomes"]
    assert one == {"category": {"code": "charged", "name": CHARGED}, "date": "2019-06", "person_id": None}


def test_a_force_with_a_file_of_its_own_is_told_by_that() -> None:
    sealed = small_judged(small_country())
    crimes = sealed.crimes.collect().with_columns(outcome=pl.lit(CHARGED), outcome_month="month")
    told = told_by(crimes, sealed)
    CaseOutcomes.validate(told)
    held = sealed.case_outcomes.collect().select("force", "month").unique()
    mine = told.filter(force="northshire").select("force", "month").unique()
    assert mine.join(held, on=["force", "month"], how="semi").is_empty()
    assert "btp" not in told["force"], "it supplies no extract"


def test_no_outcome_passes_that_no_verdict_on_its_extract_allows(sealed: Judged) -> None:
    late = sealed.case_outcomes.collect().with_columns(month=pl.lit(date(2019, 8, 1)))
    with pytest.raises(JudgementError, match="extract: mercaster 2019-08"):
        judged(
            sealed.offences, sealed.areas, sealed.verdicts, sealed.findings, sealed.crimes, case_outcomes=late
        )


def test_every_type_of_the_framework_is_one_of_police_uk_or_is_fraud() -> None:
    from publish.api.words import OUTCOMES

    types = load_editions().outcomes
    unnamed = types.filter(~pl.col("police_uk").is_in(list(OUTCOMES)).fill_null(False))
    assert unnamed["outcome_type"].to_list() == ["19"]
