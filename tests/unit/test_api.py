"""What the API answers: every address, every documented mistake, and a gap that cannot be read as a zero."""

import csv
import gzip
import io
import json
import math
from pathlib import Path

import brotli
import msgspec
import polars as pl
import pytest
from starlette.testclient import TestClient

from fixtures.small_judged import small_country
from fixtures.small_release import YEAR, publish, small_release
from publish.api import bodies, words
from publish.api.application import application
from publish.api.limits import Limit
from publish.api.opened import UnreadableError
from publish.api.releases import One, Published

CENTRE = {"lat": "52.005", "lng": "-1.49"}
#: Beside Piccadilly, in the force that fell silent in July 2019.
SILENT = {"lat": "52.026", "lng": "-1.42"}
NOWHERE = {"lat": "51.0", "lng": "1.0"}


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    return small_release(tmp_path_factory.mktemp("release") / "one")


@pytest.fixture(scope="module")
def client(release):
    return TestClient(application(One(release)), headers={"accept-encoding": "identity"})


@pytest.fixture(scope="module")
def lines(release) -> list[dict[str, str]]:
    """Every line of every street file: what the API may say, and all of it."""
    return [
        row | {"force": path.name[8:-11]}
        for path in sorted((release / "feeds").glob("*/*-street.csv"))
        for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    ]


def metres(row: dict[str, str], lat: float, lng: float) -> float:
    """The haversine distance, as a textbook has it."""
    north, here = math.radians(float(row["Latitude"])), math.radians(lat)
    across = math.radians(float(row["Longitude"]) - lng)
    half = math.sin((north - here) / 2) ** 2 + math.cos(here) * math.cos(north) * math.sin(across / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(half))


def told(row: dict[str, str]) -> tuple[str, ...]:
    """What a line of the file says, in the words of the API."""
    return (
        words.CODE_OF_CATEGORY[row["Crime type"]],
        row["Crime ID"],
        row["Latitude"],
        row["Longitude"],
        "" if row["Location"] == "No Location" else row["Location"],
        row["Last outcome category"],
        row["Month"],
    )


def said(crime: dict) -> tuple[str, ...]:
    """What a crime of an answer says, in the same order."""
    location, outcome = crime["location"], crime["outcome_status"]
    return (
        crime["category"],
        crime["persistent_id"],
        location["latitude"] if location else "",
        location["longitude"] if location else "",
        location["street"]["name"] if location else "",
        outcome["category"] if outcome else "",
        crime["month"],
    )


def test_within_a_mile_is_exactly_the_lines_within_a_mile(client, lines):
    for month in ("2019-09", "2018-10"):
        answer = client.get("/api/crimes-street/all-crime", params=CENTRE | {"date": month})
        wanted = [
            told(row)
            for row in lines
            if row["Month"] == month and row["Longitude"] and metres(row, 52.005, -1.49) <= 1609.344
        ]
        assert answer.status_code == 200
        assert sorted(map(said, answer.json())) == sorted(wanted)
        assert len(wanted) > 100


def test_every_crime_is_of_the_declared_type(client):
    answer = client.get("/api/crimes-street/all-crime", params=CENTRE)
    crimes = msgspec.json.decode(answer.content, type=list[bodies.Crime])
    assert msgspec.json.encode(crimes) == answer.content.replace(b",\n", b",")
    assert len({crime.id for crime in crimes}) == len(crimes)


def test_a_month_of_every_force_adds_up_to_its_files(client, lines):
    everywhere = "51,-3:54,-3:54,1:51,1"
    for category in (*words.RECORDED, "all-crime"):
        got = client.get(f"/api/crimes-street/{category}", params={"poly": everywhere, "date": "2019-06"})
        wanted = sum(
            row["Month"] == "2019-06"
            and bool(row["Longitude"])
            and category in ("all-crime", words.CODE_OF_CATEGORY[row["Crime type"]])
            for row in lines
        )
        assert len(got.json()) == wanted
    nowhere = [
        client.get("/api/crimes-no-location", params={"force": force, "date": "2019-06"}).json()
        for force in ("northshire", "mercaster", "eastmark", "btp")
    ]
    wanted = sorted(told(row) for row in lines if row["Month"] == "2019-06" and not row["Longitude"])
    assert sorted(said(crime) for crimes in nowhere for crime in crimes) == wanted


def test_polygon_by_get_and_post_and_either_way_round_is_the_same(client):
    ring = ["52.000,-1.500", "52.020,-1.500", "52.020,-1.470", "52.000,-1.470"]
    asked = [
        {"poly": ":".join(ring)},
        {"poly": ":".join(reversed(ring))},
        {"poly": ":".join([*ring, ring[0]])},
    ]
    got = [client.get("/api/crimes-street/all-crime", params=each).content for each in asked]
    got += [client.post("/api/crimes-street/all-crime", data=each).content for each in asked]
    assert len(set(got)) == 1
    assert len(json.loads(got[0])) > 50


def test_a_gap_is_an_empty_list_to_an_old_client_and_says_why_to_a_new_one(client):
    crossing = {"poly": "52.024,-1.42:52.026,-1.42:52.026,-1.411"}
    before = client.get("/api/crimes-street/all-crime", params=SILENT | {"date": "2019-06"})
    assert before.json()
    assert before.headers["completeness"] == "complete"
    gone = client.get("/api/crimes-no-location", params={"force": "mercaster", "date": "2019-09"})
    assert (gone.status_code, gone.json()) == (200, [])
    assert gone.headers["completeness"] == "not-supplied"
    assert 'mercaster;state="not supplied"; since="2019-07"' in gone.headers["completeness-detail"]
    inside = client.get("/api/crimes-street/all-crime", params=crossing | {"date": "2019-09"})
    assert inside.status_code == 200
    assert "mercaster" in inside.headers["completeness-detail"]
    told = client.get("/api/availability", params={"force": "mercaster", "date": "2019-09"}).json()
    assert [each["dataset"] for each in told] == ["outcomes", "street"]
    assert all(each["state"] == "not supplied" for each in told)
    assert all("change of records system" in each["why"] for each in told)


def test_a_quiet_place_and_a_silent_one_do_not_look_alike(client):
    moor = client.get(
        "/api/crimes-street/drugs", params={"poly": "52.0001,-1.4999:52.0002,-1.4999:52.0002,-1.4998"}
    )
    assert (moor.json(), moor.headers["completeness"]) == ([], "complete")
    abroad = client.get("/api/crimes-street/all-crime", params=NOWHERE)
    assert (abroad.status_code, abroad.json(), abroad.headers["completeness"]) == (200, [], "outside")
    later = client.get("/api/crimes-street/all-crime", params=CENTRE | {"date": "2030-01"})
    assert (later.status_code, later.json(), later.headers["completeness"]) == (200, [], "not-published")


@pytest.mark.parametrize("left_out", ["", "undefined", "null"])
def test_month_left_out_is_the_newest(client, left_out):
    newest = client.get("/api/crimes-street/all-crime", params=CENTRE | {"date": "2019-09"})
    assert (
        client.get("/api/crimes-street/all-crime", params=CENTRE | {"date": left_out}).content
        == newest.content
    )
    assert client.get("/api/crimes-street/all-crime", params=CENTRE).content == newest.content
    misspelt = client.get("/api/crimes-street/all-crime", params=CENTRE | {"dat": "2019-01"})
    assert misspelt.content == newest.content
    assert misspelt.headers["parameters-ignored"] == "dat"


def test_unknown_category_is_every_crime_and_says_so(client):
    every = client.get("/api/crimes-street/all-crime", params=CENTRE)
    other = client.get("/api/crimes-street/outcomes-at-location", params=CENTRE)
    assert other.content == every.content
    assert other.headers["parameters-ignored"] == "category"
    assert "parameters-ignored" not in every.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("crimes-street/all-crime?lat=91&lng=0", 400),
        ("crimes-street/all-crime?lat=nan&lng=0", 400),
        ("crimes-street/all-crime?lat=inf&lng=0", 400),
        ("crimes-street/all-crime?lat=1e309&lng=0", 400),
        ("crimes-street/all-crime?lat=52", 400),
        ("crimes-street/all-crime?lat=fifty&lng=0", 400),
        ("crimes-street/all-crime", 400),
        ("crimes-street/all-crime?lat=-1.49&lng=52.005", 400),
        ("crimes-street/all-crime?poly=52,-1:53,-1", 400),
        ("crimes-street/all-crime?poly=52,-1:53", 400),
        ("crimes-street/all-crime?poly=rubbish", 400),
        ("crimes-street/all-crime?poly=52,-1:53,nan:52,1", 400),
        ("crimes-street/all-crime?poly=52,179:53,-179:52,-178", 400),
        ("crimes-street/all-crime?poly=-1.5,52:-1.4,52:-1.4,52.1", 400),
        ("crimes-street/all-crime?lat=52&lng=-1&date=2019-13", 404),
        ("crimes-street/all-crime?lat=52&lng=-1&date=1066-10", 404),
        ("crimes-street/all-crime?lat=52&lng=-1&date=2018-09", 404),
        ("crimes-street/all-crime?lat=52&lng=-1&date=2019-9", 404),
        ("crimes-street/all-crime?lat=52&lng=-1&as_of=2001-Q1", 404),
        ("crimes-street/all-crime?lat=52&lng=-1&as_of=../../etc", 404),
        ("crimes-street/all-crime?lat=52&lng=-1.49&page=0", 400),
        ("crimes-street/all-crime?lat=52&lng=-1.49&per_page=99999", 400),
        ("crimes-at-location", 400),
        ("crimes-at-location?location_id=999999999", 404),
        ("crimes-at-location?location_id=abc", 404),
        ("crimes-no-location?force=atlantis", 404),
        ("crimes-no-location", 400),
        ("outcomes-for-crime/" + "0" * 64, 404),
        ("outcomes-for-crime/" + "A" * 64, 404),
        ("forces/atlantis", 404),
        ("forces/btp", 404),
        ("atlantis/neighbourhoods", 404),
        ("northshire/XX99", 404),
        ("locate-neighbourhood?q=10,10", 404),
        ("locate-neighbourhood?q=52", 400),
        ("locate-neighbourhood", 400),
        ("stops-force?force=atlantis", 404),
        ("..%2f..%2fetc%2fpasswd", 404),
        ("assets/..%2f__init__.py", 404),
        ("", 200),
    ],
)
def test_mistakes_have_their_documented_status(client, path, status):
    answer = client.get(f"/api/{path}")
    assert answer.status_code == status
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = msgspec.json.decode(answer.content, type=bodies.Problem)
        assert problem.status == status
        assert problem.detail.endswith(".")


@pytest.mark.parametrize("path", ["crimes-street/all-crime", "outcomes-at-location", "stops-street"])
def test_a_form_is_read_as_the_address_is(client, path):
    posted, got = client.post(f"/api/{path}", data=CENTRE), client.get(f"/api/{path}", params=CENTRE)
    assert (posted.status_code, posted.content) == (200, got.content)


def test_posts_that_cannot_be_read(client):
    answer = client.post("/api/crimes-street/all-crime", json=CENTRE)
    assert answer.status_code == 400
    assert client.post("/api/crimes-street/all-crime", data={"poly": "1,1:" * 300_000}).status_code == 413
    corners = ":".join(f"52.{n:05},-1.{n % 7}" for n in range(10_001))
    assert client.post("/api/crimes-street/all-crime", data={"poly": corners}).status_code == 400
    many = "&".join(f"a{n}=1" for n in range(200))
    assert client.get(f"/api/crimes-street/all-crime?{many}").status_code == 400
    assert client.delete("/api/forces").status_code == 405
    assert client.post("/api/forces").status_code == 405


def test_no_post_is_ever_redirected(client):
    for path in ("/api/crimes-street/all-crime/", "/api/crimes-street", "/api", "/api//crimes-street/x"):
        assert client.post(path, data=CENTRE, follow_redirects=False).status_code in (404, 405)


def test_a_polygon_that_crosses_itself_is_answered(client):
    bow_tie = "52.00,-1.50:52.02,-1.47:52.02,-1.50:52.00,-1.47"
    answer = client.get("/api/crimes-street/all-crime", params={"poly": bow_tie})
    assert answer.status_code == 200
    assert answer.json()


def test_at_location_by_id_and_by_the_nearest_point(client, lines):
    point = small_country().map_points.filter(pl.col("point_id") == 4).row(0, named=True)
    wanted = sorted(
        told(row)
        for row in lines
        if row["Month"] == "2019-09" and row["Longitude"] == f"{point['longitude']:.6f}"
        and row["Latitude"] == f"{point['latitude']:.6f}"
    )  # fmt: skip
    by_id = client.get("/api/crimes-at-location", params={"location_id": 4, "date": "2019-09"})
    near = {"lat": point["latitude"] + 0.0005, "lng": point["longitude"] - 0.0005}
    by_place = client.get("/api/crimes-at-location", params=near | {"date": "2019-09"})
    assert sorted(map(said, by_id.json())) == wanted != []
    assert by_place.json() == by_id.json()


def test_every_form_holds_the_same_records(client):
    asked = CENTRE | {"date": "2019-09"}
    plain = client.get("/api/crimes-street/all-crime", params=asked).json()
    url = "/api/crimes-street/all-crime"
    geo = client.get(url, params=asked, headers={"accept": "application/geo+json"})
    assert geo.headers["content-type"] == "application/geo+json"
    assert len(geo.json()["features"]) == len(plain)
    first = geo.json()["features"][0]
    assert first["geometry"]["coordinates"] == [
        float(plain[0]["location"]["longitude"]), float(plain[0]["location"]["latitude"]),
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(client.get(url, params=asked | {"format": "csv"}).text)))
    assert [row["persistent_id"] for row in rows] == [crime["persistent_id"] for crime in plain]
    table = pl.read_parquet(io.BytesIO(client.get(url, params=asked | {"format": "parquet"}).content))
    assert table["id"].to_list() == [crime["id"] for crime in plain]
    stream = client.get(url, params=asked, headers={"accept": "application/x-ndjson"})
    assert [json.loads(line) for line in stream.text.splitlines()] == plain


def test_pages_are_the_whole_list_in_parts(client):
    asked = CENTRE | {"date": "2019-09", "per_page": "50"}
    whole = client.get("/api/crimes-street/all-crime", params=CENTRE | {"date": "2019-09"}).json()
    parts, page = [], 1
    while True:
        answer = client.get("/api/crimes-street/all-crime", params=asked | {"page": str(page)})
        parts += answer.json()
        if 'rel="next"' not in answer.headers["link"]:
            break
        page += 1
    assert parts == whole
    assert int(answer.headers["total-count"]) == len(whole)
    assert page == -(-len(whole) // 50)


def test_too_many_crimes_for_an_old_client_are_refused_with_their_number(release, monkeypatch):
    monkeypatch.setattr("publish.api.application.MOST_CRIMES", 100)
    client = TestClient(application(One(release)))
    asked = {"poly": "51,-3:54,-3:54,1:51,1", "date": "2019-06"}
    refused = client.get("/api/crimes-street/drugs", params=asked)
    assert refused.status_code == 503
    assert refused.json()["crimes"] > 100
    assert "page=1" in refused.json()["detail"]
    streamed = client.get("/api/crimes-street/all-crime", params=asked | {"format": "ndjson"})
    assert len(streamed.text.splitlines()) == refused.json()["crimes"]
    paged = client.get("/api/crimes-street/all-crime", params=asked | {"per_page": "100"})
    assert len(paged.json()) == 100


def test_compressed_answers_are_the_plain_ones(client):
    url = "/api/crimes-street/all-crime"
    asked = {"poly": "51,-3:54,-3:54,1:51,1"}
    for params in (CENTRE, SILENT | {"date": "2019-05"}, asked):
        plain = client.get(url, params=params)
        squeezed = client.get(url, params=params, headers={"accept-encoding": "gzip, deflate"})
        assert squeezed.headers["content-encoding"] == "gzip"
        assert squeezed.content == plain.content
        assert int(squeezed.headers["content-length"]) < len(plain.content) / 2
    burglary = client.get("/api/crimes-street/burglary", params=CENTRE)
    small = client.get("/api/crimes-street/burglary", params=CENTRE, headers={"accept-encoding": "br"})
    assert small.headers["content-encoding"] == "br"
    assert small.content == burglary.content
    assert brotli.decompress(brotli.compress(small.content)) == burglary.content
    assert gzip.decompress(gzip.compress(burglary.content)) == small.content


def test_a_client_that_has_the_answer_is_told_so(client):
    url = "/api/crimes-street/all-crime"
    first = client.get(url, params=CENTRE)
    for known in (
        {"if-none-match": first.headers["etag"]},
        {"if-modified-since": first.headers["last-modified"]},
    ):
        again = client.get(url, params=CENTRE, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert client.get(url, params=CENTRE, headers={"if-none-match": '"other"'}).status_code == 200


def test_case_history_names_no_person(client):
    crime = next(
        each
        for each in client.get("/api/crimes-street/all-crime", params=CENTRE).json()
        if each["persistent_id"]
    )
    history = client.get(f"/api/outcomes-for-crime/{crime['persistent_id']}").json()
    assert history["crime"] == {name: crime[name] for name in history["crime"]}
    assert "outcome_status" not in history["crime"]
    assert history["outcomes"][-1]["category"]["name"] == crime["outcome_status"]["category"]
    assert history["outcomes"][-1]["person_id"] is None


def test_reference_addresses(client):
    dates = client.get("/api/crimes-street-dates").json()
    assert [row["date"] for row in dates] == [f"{month:%Y-%m}" for month in reversed(YEAR)]
    assert client.get("/api/crime-last-updated").json() == {"date": "2019-09-01"}
    categories = client.get("/api/crime-categories", params={"date": "nonsense"}).json()
    assert [row["url"] for row in categories] == list(words.CATEGORIES)
    forces = client.get("/api/forces").json()
    assert [row["id"] for row in forces] == ["eastmark", "mercaster", "northshire"]
    force = client.get("/api/forces/northshire").json()
    assert force["engagement_methods"]
    assert client.get("/api/forces/northshire/people").json() == []
    places = client.get("/api/northshire/neighbourhoods").json()
    assert {"id": "NC 05/é", "name": "Moor with no people and no boundary"} in places
    for place in places:
        there = client.get(f"/api/northshire/{place['id'].replace('/', '%2F')}").json()
        assert there["id"] == place["id"]
        assert client.get(f"/api/northshire/{place['id'].replace('/', '%2F')}/events").json() == []
    ring = client.get("/api/northshire/NC01/boundary").json()
    assert ring[0] == ring[-1]
    assert len(ring) > 4
    assert client.get("/api/locate-neighbourhood", params={"q": "52.005,-1.49"}).json() == {
        "force": "northshire",
        "neighbourhood": "NC01",
    }


def test_any_page_may_ask(client):
    answer = client.options("/api/crimes-street/all-crime", headers={"origin": "https://example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Completeness" in client.get("/api/forces").headers["access-control-expose-headers"]


def test_description_refers_only_to_what_it_holds(client):
    document = client.get("/api/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    text = json.dumps(document)
    for part in text.split('"$ref": "')[1:]:
        place = document
        for step in part.split('"')[0].removeprefix("#/").split("/"):
            place = place[step]
    page = client.get("/api/").text
    assert "/api/assets/page.js" in page
    assert "://" not in page.replace("http://127", "")
    assert client.get("/api/assets/page.js").status_code == 200


def test_too_fast_is_told_when_to_come_back(release):
    now = [0.0]
    client = TestClient(application(One(release), Limit(15, 30, clock=lambda: now[0])))
    statuses = [client.get("/api/forces").status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    refused = client.get("/api/forces")
    assert refused.headers["retry-after"] == "1"
    now[0] = 1.0
    assert [client.get("/api/forces").status_code for _ in range(16)] == [200] * 15 + [429]


def test_new_release_is_taken_up_and_the_past_can_still_be_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("publish.api.releases.SECONDS_BETWEEN_LOOKS", 0.0)
    public = tmp_path / "public"
    publish(small_release(tmp_path / "a", YEAR[:-3]), public, "2019-Q2/1.0.0")
    client = TestClient(application(Published(public)))
    assert client.get("/api/crime-last-updated").json() == {"date": "2019-06-01"}
    publish(small_release(tmp_path / "b", YEAR[-6:], seed=2), public, "2019-Q3/1.0.0")
    fresh = client.get("/api/crime-last-updated")
    assert fresh.json() == {"date": "2019-09-01"}
    assert fresh.headers["release"] == "2019-Q3/1.0.0"
    for name in ("2019-Q2", "2019-Q2/1.0.0"):
        old = client.get("/api/crime-last-updated", params={"as_of": name})
        assert old.json() == {"date": "2019-06-01"}
        assert old.headers["etag"] != fresh.headers["etag"]
    names = [(row["release"], row["current"]) for row in client.get("/api/releases").json()]
    assert names == [("2019-Q3/1.0.0", True), ("2019-Q2/1.0.0", False)]
    (public / "current.json").write_text("{")
    assert client.get("/api/crime-last-updated").json() == {"date": "2019-09-01"}


def test_a_withdrawn_release_is_not_served_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr("publish.api.releases.SECONDS_BETWEEN_LOOKS", 0.0)
    public = tmp_path / "public"
    publish(small_release(tmp_path / "a", YEAR[-3:]), public, "2019-Q3/1.0.0")
    client = TestClient(application(Published(public)))
    assert client.get("/api/crime-last-updated").status_code == 200
    (public / "2019-Q3" / "1.0.0").replace(tmp_path / "withdrawn")
    (public / "current.json").unlink()
    gone = client.get("/api/crime-last-updated")
    assert (gone.status_code, gone.json()["title"]) == (503, "No release is public now")


def test_same_figures_same_bytes(release, tmp_path):
    again = small_release(tmp_path / "again")
    files = {path.relative_to(release): path.read_bytes() for path in release.rglob("*") if path.is_file()}
    assert files == {
        path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()
    }


def test_a_folder_that_is_no_release_is_one_clear_message(tmp_path):
    with pytest.raises(UnreadableError, match=r"manifest\.json"):
        One(tmp_path)
    with pytest.raises(UnreadableError, match="--release"):
        Published(tmp_path)


@pytest.mark.parametrize("coding", ["identity", "gzip", "gzip, deflate, br"])
@pytest.mark.parametrize(
    "query",
    [
        "date=2019-09&lat=52.005&lng=-1.49",
        "lat=52.005&lng=-1.49&date=2019-06",
        "lng=-1.42&lat=52.026&date=2019-09",
        "date=2019-09&lat=51.0&lng=1.0",
        "date=2019-09&lat=-1.49&lng=52.005",
        "date=2031-01&lat=52.005&lng=-1.49",
        "date=2019-13&lat=52.005&lng=-1.49",
        "date=2019-09&lat=52.005&lat=52.1",
        "date=2019-09&lat=52.005",
    ],
)
def test_the_quick_answer_is_the_one_that_the_framework_gives(client, monkeypatch, query, coding):
    address = f"/api/crimes-street/all-crime?{query}"
    one = client.get(address, headers={"accept-encoding": coding})
    with monkeypatch.context() as patched:
        patched.setattr("publish.api.quick.Quick.answer", lambda *_: None)
        other = client.get(address, headers={"accept-encoding": coding})
    assert (one.status_code, one.headers.raw, one.content) == (
        other.status_code,
        other.headers.raw,
        other.content,
    )


def test_the_busiest_question_is_answered_quickly(client, monkeypatch):
    """Or the test before would compare the framework with itself."""
    monkeypatch.setattr("publish.api.application._Api.street", None)
    plain = client.get("/api/crimes-street/all-crime", params={**CENTRE, "date": "2019-09"})
    assert plain.status_code == 200 and len(plain.json()) > 100
