"""Real police.uk archives in, our archive and API out: the same lines, every answer in the shape clients expect."""

import csv
import json
import os
import re
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from shapely.geometry import Point
from starlette.testclient import TestClient

from pipelines.settings import settings
from pipelines.sources.finding import find
from pipelines.sources.freeze import freeze
from pipelines.sources.naming import recognise
from pipelines.sources.open_geography import write_open_country
from pipelines.sources.police_uk import read_outcomes, read_searches
from pipelines.stages.aggregated import aggregate_quarter
from pipelines.stages.counted import count_forces
from pipelines.stages.judged import judge_quarters, open_judged
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.supplied import take_in
from publish import feeds, site
from publish.api import index
from publish.api.application import application
from publish.api.releases import One
from publish.feeds import outcomes, searches, street
from transforms.periods import Quarter

SHARED = Path(__file__).parents[3] / "shared"
OPEN_DATA = Path(os.environ.get("FULLCOUNT_OPEN_DATA", SHARED / "data"))
ARCHIVE = OPEN_DATA / "police-uk" / "archive-2024-01-to-2024-02-all-forces.zip"
BESIDE = OPEN_DATA / "police-uk" / "archive-outcomes-and-stops.zip"
SCHEMAS = OPEN_DATA.parent / "domain" / "police-uk-schemas"
MONTHS = [date(2024, 1, 1), date(2024, 2, 1)]

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ARCHIVE.exists() and SCHEMAS.exists()), reason="the open data folder is not beside the checkout"
    ),
]


@pytest.fixture(scope="module")
def line(tmp_path_factory) -> Line:
    folder = tmp_path_factory.mktemp("open")
    write_open_country(OPEN_DATA, folder / "country")
    (folder / "supply").mkdir()
    (folder / "supply" / ARCHIVE.name).symlink_to(ARCHIVE)
    opened = Line.open(settings(str(folder / "workspace"), str(folder / "supply"), str(folder / "country")))
    take_in(opened)
    record_forces(opened)
    count_forces(opened)
    aggregate_quarter(opened, Quarter(2024, 1))
    judge_quarters(opened, [Quarter(2024, 1)])
    return opened


@pytest.fixture(scope="module")
def release(line, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    judged = open_judged(line, [Quarter(2024, 1)])
    feeds.build(judged, line.country, MONTHS, folder / "feeds", b"a key of the tests only")
    index.build(folder / "feeds", line.country, line.loaded.boundaries, MONTHS, folder / "api")
    (folder / "manifest.json").write_text('{"quarter": "2024-Q1"}')
    return folder


@pytest.fixture(scope="module")
def client(release) -> TestClient:
    return TestClient(application(One(release)))


def read(data: bytes | Path) -> pl.DataFrame:
    return pl.read_csv(data, infer_schema=False)


@pytest.fixture(scope="module")
def originals() -> dict[str, pl.DataFrame]:
    """The street files of the archive, by name."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        return {
            name.rsplit("/", 1)[-1]: read(archive.read(name))
            for name in archive.namelist()
            if name.endswith("-street.csv")
        }


def test_every_file_comes_out_with_the_lines_that_went_in(release, originals):
    kept = [name for name in originals[next(iter(originals))].columns if not name.startswith("LSOA")]
    made = {path.name: path for path in (release / "feeds").glob("*/*-street.csv")}
    compared = 0
    for name, original in originals.items():
        if name not in made:
            continue
        ours = read(made[name])
        assert ours.columns == original.columns
        # The census of an LSOA may have changed; everything else is passed on as it came.
        assert_frame_equal(*(each.select(kept).sort(kept) for each in (ours, original)))
        by_type = ours.group_by("Crime type").len().sort("Crime type")
        assert_frame_equal(by_type, original.group_by("Crime type").len().sort("Crime type"))
        compared += ours.height
    print(f"{len(made)} of {len(originals)} files, {compared:,} lines")
    availability = read(release / "feeds" / "availability.csv").filter(pl.col("file") == "street")
    withheld = set(originals) - set(made)
    for name in withheld:
        row = availability.filter(pl.col("month") == name[:7], pl.col("force") == name[8:-11])
        assert row["state"].item() != "supplied", f"{name} is not published and no reason is given"
    assert compared > 600_000


def test_vocabulary_and_forms_are_those_of_the_originals(release):
    columns = json.loads((SCHEMAS / "csv_tables.json").read_text())["tables"]["street"]
    lines = pl.concat(read(path) for path in (release / "feeds").glob("*/*-street.csv"))
    assert lines.columns == [column["name"] for column in columns]
    for column in columns:
        values = lines[column["name"]].fill_null("")
        if "pattern" in column:
            # What lies in Scotland has a data zone for an LSOA, in the originals too.
            pattern = column["pattern"].replace("N2\\d{7}", "N2\\d{7}|S01\\d{6}")
            assert values.str.contains(pattern).all(), column["name"]
        if "enum" in column:
            assert set(values) <= set(column["enum"])


def test_missing_force_has_no_file_and_says_why_everywhere(release, client):
    assert not list((release / "feeds").glob("*/*-greater-manchester-street.csv"))
    rows = read(release / "feeds" / "availability.csv").filter(
        pl.col("force") == "greater-manchester", pl.col("file") == "street"
    )
    assert rows["state"].unique().to_list() == ["not supplied"]
    asked = {"lat": 53.4808, "lng": -2.2371, "date": "2024-01"}  # Piccadilly Gardens
    old = client.get("/api/crimes-street/all-crime", params=asked)
    assert (old.status_code, len(old.json()) < 200) == (200, True)
    assert old.headers["completeness"] != "complete"
    assert 'greater-manchester;state="not supplied"' in old.headers["completeness-detail"]
    assert client.get("/api/crimes-no-location", params={"force": "greater-manchester"}).json() == []
    told = client.get("/api/availability", params=asked).json()
    assert any(row["force"] == "greater-manchester" and row["why"] for row in told)


def test_every_answer_fits_the_observed_and_the_stricter_schemas(client):
    leicester = {"lat": 52.6363, "lng": -1.1337, "date": "2024-01"}
    crimes = client.get("/api/crimes-street/all-crime", params=leicester).json()
    some = next(each for each in crimes if each["persistent_id"])
    place = client.get("/api/locate-neighbourhood", params={"q": "52.6363,-1.1337"}).json()
    there = f"{place['force']}/{place['neighbourhood']}"
    force = {"force": "leicestershire", "date": "2024-01"}
    answers = {
        "crimes-street": crimes,
        "crimes-at-location": client.get(
            "/api/crimes-at-location",
            params={"location_id": some["location"]["street"]["id"], "date": "2024-01"},
        ).json(),
        "crimes-no-location": client.get("/api/crimes-no-location", params=force).json(),
        "outcomes-at-location": client.get("/api/outcomes-at-location", params=leicester).json(),
        "outcomes-for-crime": client.get(f"/api/outcomes-for-crime/{some['persistent_id']}").json(),
        "crimes-street-dates": client.get("/api/crimes-street-dates").json(),
        "crime-categories": client.get("/api/crime-categories").json(),
        "crime-last-updated": client.get("/api/crime-last-updated").json(),
        "forces": client.get("/api/forces").json(),
        "force": client.get("/api/forces/leicestershire").json(),
        "force-people": client.get("/api/forces/leicestershire/people").json(),
        "neighbourhoods": client.get("/api/leicestershire/neighbourhoods").json(),
        "neighbourhood": client.get(f"/api/{there}").json(),
        "neighbourhood-boundary": client.get(f"/api/{there}/boundary").json(),
        "neighbourhood-people": client.get(f"/api/{there}/people").json(),
        "neighbourhood-events": client.get(f"/api/{there}/events").json(),
        "neighbourhood-priorities": client.get(f"/api/{there}/priorities").json(),
        "locate-neighbourhood": place,
        "stops-street": client.get("/api/stops-street", params=leicester).json(),
        "stops-force": client.get("/api/stops-force", params=force).json(),
        "stops-no-location": client.get("/api/stops-no-location", params=force).json(),
    }
    for name, body in answers.items():
        for folder in (SCHEMAS, SCHEMAS / "emit"):
            schema = json.loads((folder / f"{name}.json").read_text())
            mistakes = list(jsonschema.Draft202012Validator(schema).iter_errors(body))
            # The British Transport Police has never had ids, here or there.
            mistakes = [each for each in mistakes if not _is_transport(body, each)]
            assert not mistakes, f"{name} ({folder.name}): {mistakes[0].message} at {list(mistakes[0].path)}"
    assert len(crimes) > 500
    assert [row["id"] for row in answers["forces"]][:3] == [
        "avon-and-somerset",
        "bedfordshire",
        "cambridgeshire",
    ]


def _is_transport(body: object, mistake: jsonschema.ValidationError) -> bool:
    path = list(mistake.absolute_path)
    return bool(path) and isinstance(body, list) and body[path[0]].get("location_type") == "BTP"


@pytest.fixture(scope="module")
def pages(line, release) -> Path:
    """The site of Greater Manchester, a neighbour and the railway's police, from the real records and boundaries."""
    some = ["greater-manchester", "cheshire", "btp"]
    country = replace(
        line.country,
        forces=line.country.forces.filter(pl.col("force").is_in(some)),
        lsoas=line.country.lsoas.filter(pl.col("force").is_in(some)),
    )
    judged = open_judged(line, [Quarter(2024, 1)])
    boundaries = line.loaded.boundaries
    site.build(judged, country, boundaries, MONTHS, release / "site", bulk=release / "feeds")
    return release / "site"


def piccadilly(line) -> str:
    """The neighbourhood that Piccadilly Gardens lies in."""
    areas = line.loaded.boundaries.to_crs(4326)
    code = areas.loc[areas.contains(Point(-2.2370, 53.4808)), "lsoa_code"].item()
    row = line.country.lsoas.row(by_predicate=pl.col("lsoa_code") == code, named=True)
    assert row["force"] == "greater-manchester"
    return row["neighbourhood"]


def test_piccadilly_gardens_is_not_known_and_its_page_says_why_and_since_when(line, pages):
    neighbourhood = piccadilly(line)
    page = (pages / "greater-manchester" / neighbourhood / "index.html").read_text()
    shown = re.findall(r"<dd>(.*?)</dd>", page.split('<dl class="headline">')[1].split("</dl>")[0])
    assert ["not known" in figure for figure in shown] == [True] * len(shown)
    assert "no data have been supplied since July 2019" in page
    assert "since July 2019" in page
    assert "There are no figures from Greater Manchester Police since July 2019." in page
    table = (pages / "greater-manchester" / neighbourhood / "figures.csv").read_text().splitlines()[1:]
    assert table
    assert {tuple(row[2:4]) for row in csv.reader(table)} == {("", "missing")}


def test_a_silent_force_is_not_known_on_the_map_in_the_search_and_in_the_downloads(pages, release):
    on_map = json.loads((pages / "map/2024-02/greater-manchester.json").read_text())
    assert (on_map["status"], on_map["kinds"]) == ("missing", {})
    beside = json.loads((pages / "map/2024-02/cheshire.json").read_text())
    assert all(count is not None for count in beside["kinds"]["0"])
    search = json.loads(next((pages / "assets").glob("search.*.json")).read_text())
    known: dict[str, set[int]] = {}
    for _, _, force, _, is_known in search["places"]:
        known.setdefault(search["forces"][force][1], set()).add(is_known)
    assert known == {"greater-manchester": {0}, "cheshire": {1}}
    assert not list((release / "feeds").rglob("*greater-manchester-street.csv"))
    told = read(release / "feeds/availability.csv").filter(force="greater-manchester", file="street")
    assert set(told["state"]) == {"not supplied"}
    # The records begin in 2024; the register says that it stopped before.
    assert set(told["since"]) == {"2019-07"}


def test_outcomes_and_searches_come_out_with_the_lines_that_went_in(line, tmp_path):
    """Every outcomes and stop and search file of the open data: the same header and the same lines."""
    originals = zipfile.ZipFile(BESIDE)
    forces, compared = line.country.forces, 0
    for found in find(BESIDE):
        recognised = recognise(found.name, found.head(), forces=forces["force"].to_list())
        frozen = freeze(found, tmp_path / "store")
        path = tmp_path / "made.csv"
        if recognised.kind == "outcomes":
            rows = read_outcomes(frozen, recognised, forces, tmp_path).kept
            made = outcomes.published(rows, line.country, b"a key of the tests only", tmp_path)
            street.write(made, path, outcomes.COLUMNS)
        else:
            rows = read_searches(frozen, recognised, tmp_path).kept
            street.write(searches.published(rows), path, tuple(searches.COLUMNS))
        ours, theirs = read(path), read(originals.read(found.name.split("!")[-1]))
        assert ours.columns == theirs.columns
        # The LSOAs of that month had other names. Its files write “No location”; ours have one spelling everywhere.
        kept = [name for name in ours.columns if not name.startswith("LSOA")]
        theirs = theirs.with_columns(pl.col("^Location$").replace("No location", "No Location"))
        assert_frame_equal(*(each.select(kept).sort(kept) for each in (ours, theirs)))
        compared += ours.height
    print(f"{compared:,} lines")
    assert compared > 40_000
