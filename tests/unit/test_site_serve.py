"""The server of a release: types, ranges, ETags, cache rules and addresses that lead nowhere."""

import gzip
import json
import shutil
from pathlib import Path

import brotli
import pytest
from starlette.testclient import TestClient

from publish.serve import application


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    for name, content in {
        "site/index.html": "<h1>home</h1>",
        "site/404.html": "<h1>There is no such page</h1>",
        "site/northshire/NC01/index.html": "<h1>here</h1>" * 100,
        "site/assets/site.0123456789.css": "h1 { color: red }",
        "site/assets/map.0123456789.mjs": "export {}",
        "site/northshire/404.html": "<h1>There is no such page</h1> in Northshire",
        "site/map/2019-09.pmtiles": "PMTiles" * 99,
        "feeds/latest.zip": "0123456789" * 10,
        "feeds/availability.csv": "force\r\n",
        "returns/crime.ods": "sheet",
        "secret.txt": "not to be served",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    page = tmp_path / "site/northshire/NC01/index.html"
    page.with_name("index.html.gz").write_bytes(gzip.compress(page.read_bytes(), mtime=0))
    page.with_name("index.html.br").write_bytes(brotli.compress(page.read_bytes()))
    return TestClient(application(tmp_path), follow_redirects=False)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/assets/site.0123456789.css", "text/css; charset=utf-8"),
        ("/assets/map.0123456789.mjs", "text/javascript; charset=utf-8"),
        ("/feeds/latest.zip", "application/zip"),
        ("/feeds/availability.csv", "text/csv; charset=utf-8"),
        ("/returns/crime.ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ],
)
def test_type(client, path, kind):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_range_gives_part_of_the_file(client):
    answer = client.get("/feeds/latest.zip", headers={"range": "bytes=5-14"})
    assert (answer.status_code, answer.content) == (206, b"5678901234")
    assert answer.headers["content-range"] == "bytes 5-14/100"
    assert client.get("/feeds/latest.zip", headers={"range": "bytes=200-"}).status_code == 416
    page = client.get("/northshire/NC01/", headers={"range": "bytes=0-3", "accept-encoding": "gzip"})
    assert page.content == b"<h1>"


def test_unchanged_file_is_not_sent_twice(client):
    first = client.get("/feeds/latest.zip")
    second = client.get("/feeds/latest.zip", headers={"if-none-match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")


def test_compressed_copy_is_sent_to_those_who_take_it(client):
    packed = client.get("/northshire/NC01/", headers={"accept-encoding": "gzip"})
    plain = client.get("/northshire/NC01/", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-type"] == "text/html; charset=utf-8"


def test_smallest_copy_that_is_taken_is_sent(client):
    page = "/northshire/NC01/"
    assert (
        client.get(page, headers={"accept-encoding": "gzip, deflate, br"}).headers["content-encoding"] == "br"
    )
    assert (
        client.get(page, headers={"accept-encoding": "gzip;q=0.5, br;q=0"}).headers["content-encoding"]
        == "gzip"
    )
    assert "content-encoding" not in client.get(page, headers={"accept-encoding": "gzip;q=0.0"}).headers
    assert "content-encoding" not in client.get(page, headers={"accept-encoding": "brandnew"}).headers
    plain = client.get(page, headers={"accept-encoding": "identity"}).text
    assert client.get(page, headers={"accept-encoding": "br"}).text == plain


def test_tiles_are_read_by_ranges_of_one_file(client):
    answer = client.get(
        "/map/2019-09.pmtiles", headers={"range": "bytes=7-13", "accept-encoding": "gzip, br"}
    )
    assert (answer.status_code, answer.content) == (206, b"PMTiles")
    assert answer.headers["content-type"] == "application/vnd.pmtiles"
    assert answer.headers["etag"]


@pytest.mark.parametrize("path", ["/northshire/NC99/", "/northshire/NC01/2019-13/", "/northshire/1066-10"])
def test_address_within_a_force_is_answered_by_its_own_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "in Northshire" in answer.text
    assert "in Northshire" not in client.get("/..%2fnorthshire/x").text


def test_cache_rules(client):
    assert "immutable" in client.get("/assets/site.0123456789.css").headers["cache-control"]
    assert client.get("/").headers["cache-control"] == "no-cache"
    assert client.get("/feeds/latest.zip").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere/",
        "/northshire/NC99/",
        "/404.html",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/feeds/..%2f..%2fsecret.txt",
        "/%00",
        "/" + "x" * 5000,
        "/feeds/nothing.zip",
    ],
)
def test_address_that_leads_nowhere_is_a_helpful_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert "not to be served" not in answer.text


def test_folder_without_its_slash_is_sent_to_the_page(client):
    answer = client.get("/northshire/NC01")
    assert answer.status_code == 307
    assert answer.headers["location"].endswith("/northshire/NC01/")


def test_only_reading_is_allowed(client):
    assert client.post("/").status_code == 405
    assert client.head("/").status_code == 200


def test_release_without_a_folder_serves_the_rest(client, tmp_path):
    shutil.rmtree(tmp_path / "feeds")
    assert client.get("/feeds/latest.zip").status_code == 404
    assert client.get("/").status_code == 200


def test_next_release_behind_the_same_link_is_served_at_once(client, tmp_path):
    (tmp_path / "next/site").mkdir(parents=True)
    (tmp_path / "next/site/index.html").write_text("<h1>next</h1>")
    (tmp_path / "current").symlink_to(tmp_path)
    current = TestClient(application(tmp_path / "current"))
    assert "home" in current.get("/").text
    (tmp_path / "changing").symlink_to(tmp_path / "next")
    (tmp_path / "changing").replace(tmp_path / "current")
    assert "next" in current.get("/").text


@pytest.mark.parametrize(
    ("basemap", "asked"),
    [
        ("", "connect-src 'self';"),
        ("/basemap/style.json", "connect-src 'self';"),
        ("https://tiles.example/style.json", "connect-src 'self' https://tiles.example;"),
    ],
)
def test_pages_may_ask_only_the_origin_of_the_base_map_that_the_release_has(tmp_path, basemap, asked):
    index = tmp_path / "site/map/index.json"
    index.parent.mkdir(parents=True)
    index.write_text(json.dumps({"basemap": basemap}))
    (tmp_path / "site/index.html").write_text("home")
    policy = TestClient(application(tmp_path)).get("/").headers["content-security-policy"]
    assert asked in policy
    assert "default-src 'self'" in policy
