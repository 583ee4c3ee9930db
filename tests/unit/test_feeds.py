"""The bulk files: layout, privacy, and what stands in place of a month that was not supplied."""

import csv
import dataclasses
import hashlib
import hmac
import io
import json
import re
import zipfile
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import geopandas
import numpy as np
import polars as pl
import pytest

from fixtures.small_judged import KEY, MONTHS, small_boundaries, small_country, small_judged
from geography.kml import read_kml
from publish import feeds
from publish.feeds.street import map_points_of, published
from transforms.judging import judged as seal
from transforms.judging import withdrawn

WINDOW = [month for month in MONTHS if month >= date(2019, 6, 1)]
HEADER = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,"
    "Crime type,Last outcome category,Context"
)


@pytest.fixture(scope="module")
def country():
    return small_country()


@pytest.fixture(scope="module")
def judged(country):
    return small_judged(country)


@pytest.fixture(scope="module")
def folder(country, judged, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("feeds") / "feeds"
    feeds.build(judged, country, WINDOW, folder, KEY)
    return folder


def lines_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))


def test_street_file_has_the_layout_of_police_uk(folder):
    content = (folder / "2019-09" / "2019-09-northshire-street.csv").read_bytes()
    assert content.startswith(HEADER.encode() + b"\r\n")
    assert content.endswith(b"\r\n")
    assert content.count(b"\n") == content.count(b"\r\n")
    rows = lines_of(folder / "2019-09" / "2019-09-northshire-street.csv")
    for row in rows:
        assert re.fullmatch(r"([0-9a-f]{64})?", row["Crime ID"])
        assert (row["Crime ID"] == "") == (row["Crime type"] == "Anti-social behaviour")
        assert (row["Last outcome category"] == "") == (row["Crime type"] == "Anti-social behaviour")
        assert row["Month"] == "2019-09"
        assert row["Reported by"] == row["Falls within"] == "Northshire Police"
        assert re.fullmatch(r"(-?\d{1,2}\.\d{6})?", row["Longitude"])
        assert row["Location"].startswith("On or near ") or row["Location"] == "No Location"
        assert (row["Longitude"] == "") == (row["LSOA code"] == "") == (row["Location"] == "No Location")
        assert row["Context"] == ""
    assert any(row["Location"] == "No Location" for row in rows)
    assert b'"Place, East of' in content, "a name with a comma is quoted"
    assert "Clôs Marian".encode() in content


def test_every_judged_crime_has_one_line(folder, judged):
    for force in ("northshire", "eastmark", "btp"):
        crimes = judged.crimes.collect().filter(
            (pl.col("force") == force) & (pl.col("month") == date(2019, 9, 1))
        )
        rows = lines_of(folder / "2019-09" / f"2019-09-{force}-street.csv")
        assert len(rows) == crimes.height
        by_type = {str(name): n for name, n in crimes.group_by("category").len().iter_rows()}
        assert by_type == {
            name: sum(row["Crime type"] == name for row in rows)
            for name in {row["Crime type"] for row in rows}
        }


def test_missing_month_has_no_file_and_a_stated_reason(folder):
    assert (folder / "2019-06" / "2019-06-mercaster-street.csv").exists()
    for month in ("2019-07", "2019-08", "2019-09"):
        assert not (folder / month / f"{month}-mercaster-street.csv").exists()
    rows = {(row["force"], row["month"]): row for row in lines_of(folder / "availability.csv")}
    gone = rows["mercaster", "2019-09"]
    assert (gone["state"], gone["since"], gone["path"], gone["lines"]) == ("not supplied", "2019-07", "", "")
    assert "change of records system" in gone["why"]
    short = rows["eastmark", "2019-09"]
    assert (short["state"], short["coverage"]) == ("partial", "0.76")
    whole = rows["northshire", "2019-09"]
    assert whole["state"] == "supplied"
    assert int(whole["lines"]) == len(lines_of(folder / whole["path"]))
    assert len(rows) == 4 * len(WINDOW)
    assert "Greater Mercaster" in (folder / "README.txt").read_text(encoding="utf-8")


def test_supplied_month_without_crime_is_a_file_with_a_header_only(country, tmp_path):
    whole = small_judged(country)
    crimes = whole.crimes.collect().filter(
        ~((pl.col("force") == "btp") & (pl.col("month") == date(2019, 9, 1)))
    )
    quiet = seal(whole.offences, whole.areas, whole.verdicts, whole.findings, crimes)
    feeds.build(quiet, country, WINDOW[-1:], tmp_path / "feeds", KEY)
    assert (tmp_path / "feeds/2019-09/2019-09-btp-street.csv").read_text() == HEADER + "\n"
    row = next(r for r in lines_of(tmp_path / "feeds/availability.csv") if r["force"] == "btp")
    assert (row["state"], row["lines"]) == ("supplied", "0")


def test_hole_changes_only_its_own_file(country, folder, tmp_path):
    holed = small_judged(country, hole=("northshire", date(2019, 8, 1)))
    feeds.build(holed, country, WINDOW, tmp_path / "feeds", KEY)
    before = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*-street.csv")}
    after = {
        p.relative_to(tmp_path / "feeds"): p.read_bytes() for p in (tmp_path / "feeds").rglob("*-street.csv")
    }
    assert set(before) - set(after) == {Path("2019-08/2019-08-northshire-street.csv")}
    assert all(before[name] == content for name, content in after.items())


def test_crime_ids_depend_on_the_key_and_hide_the_reference(country, judged, folder, tmp_path):
    feeds.build(judged, country, WINDOW[-1:], tmp_path / "other", b"another key, long enough")
    name = "2019-09/2019-09-northshire-street.csv"
    ids = {row["Crime ID"] for row in lines_of(folder / name)} - {""}
    others = {row["Crime ID"] for row in lines_of(tmp_path / "other" / name)} - {""}
    assert len(ids) == len(others) > 100
    assert not ids & others
    references = judged.crimes.collect()["crime_ref"].drop_nulls().to_list()
    assert not ids & {hashlib.sha256(reference.encode()).hexdigest() for reference in references}
    published = b"".join(path.read_bytes() for path in folder.rglob("*.csv"))
    assert b"REF/" not in published
    assert KEY not in published


def test_reference_of_a_force_is_hashed_even_when_it_looks_public(country, tmp_path):
    base = small_judged(country).crimes.collect().filter(pl.col("crime_ref").is_not_null()).head(2)
    looks_public = "ab" * 32
    crimes = base.with_columns(
        crime_ref=pl.lit(looks_public), offence_code=pl.Series(["8N", None], dtype=pl.String)
    )
    ids = published(
        crimes, map_points_of(crimes.lazy(), country), withdrawn(crimes.lazy()).collect(), country, KEY
    )["Crime ID"].to_list()
    assert sorted(identity == looks_public for identity in ids) == [False, True]


def test_only_map_points_are_published_never_the_place_itself(country, judged, folder, tmp_path):
    points = {
        (f"{x:.6f}", f"{y:.6f}", f"On or near {name}", code)
        for x, y, name, code in country.map_points.select(
            "longitude", "latitude", "name", "lsoa_code"
        ).iter_rows()
    }
    placed = 0
    for path in folder.rglob("*-street.csv"):
        for row in lines_of(path):
            if row["Location"] != "No Location":
                placed += 1
                assert (row["Longitude"], row["Latitude"], row["Location"], row["LSOA code"]) in points
    assert placed > 1000
    bare = dataclasses.replace(country, map_points=country.map_points.clear())
    feeds.build(judged, bare, WINDOW[-1:], tmp_path / "feeds", KEY)
    rows = lines_of(tmp_path / "feeds/2019-09/2019-09-northshire-street.csv")
    assert {row["Location"] for row in rows} == {"No Location"}
    assert len(rows) == len(lines_of(folder / "2019-09/2019-09-northshire-street.csv"))


def test_withdrawn_crime_has_no_line(country):
    crime = small_judged(country).crimes.collect().filter(pl.col("crime_ref").is_not_null()).head(1)
    both = pl.concat([crime, crime.with_columns(counted=pl.lit(-1, pl.Int8))])
    gone = withdrawn(both.lazy()).collect()
    assert published(both, map_points_of(both.lazy(), country), gone, country, KEY).is_empty()


def test_archive_is_the_same_bytes_again(country, judged, folder, tmp_path):
    feeds.build(judged, country, WINDOW, tmp_path / "again", KEY)
    assert (folder / "2019-09.zip").read_bytes() == (tmp_path / "again" / "2019-09.zip").read_bytes()
    with zipfile.ZipFile(folder / "latest.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert (names[0], names[-1]) == ("README.txt", "availability.csv")
        assert (
            archive.read("2019-09/2019-09-btp-street.csv")
            == (folder / "2019-09/2019-09-btp-street.csv").read_bytes()
        )
        assert names[-2] == "privacy.csv"
        assert sorted(names[1:-2]) == sorted(
            str(path.relative_to(folder)) for path in folder.glob("2019-*/*.csv")
        )
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("key", [KEY, b"k" * 64, b"longer than a block of the hash, " * 4])
def test_crime_id_is_the_standard_keyed_hash_of_force_and_reference(country, judged, key):
    crime = judged.crimes.collect().filter(pl.col("crime_ref").is_not_null()).head(1)
    line = published(
        crime, map_points_of(crime.lazy(), country), withdrawn(crime.lazy()).collect(), country, key
    )
    message = f"{crime['force'][0]}\n{crime['crime_ref'][0]}".encode()
    assert line["Crime ID"].to_list() == [hmac.new(key, message, "sha256").hexdigest()]


def test_short_key_is_refused(country, judged, tmp_path):
    with pytest.raises(ValueError, match="16 or more are wanted"):
        feeds.build(judged, country, WINDOW[-1:], tmp_path / "feeds", b"short")


@pytest.fixture(scope="module")
def later(country, judged, folder, tmp_path_factory) -> Path:
    """The release of the month after: one file withdrawn, compared with the one before."""
    later = tmp_path_factory.mktemp("later") / "feeds"
    holed = small_judged(country, hole=("northshire", date(2019, 8, 1)))
    feeds.build(holed, country, WINDOW[1:], later, KEY, folder, small_boundaries(country))
    return later


def test_feed_says_what_changed_and_why(later, folder):
    feed = json.loads((later / "changes.json").read_text(encoding="utf-8"))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    now, before = feed["items"]
    told = {each["path"]: each for each in now["_changes"]["files"]}
    gone = told["2019-08/2019-08-northshire-street.csv"]
    assert gone["change"] == "no longer published"
    assert gone["why"] == "nothing was supplied for this month"
    assert told["2019-06/2019-06-btp-street.csv"]["change"] == "left the window"
    assert not any(name.startswith(("2019-07", "2019-09")) for name in told), "what is the same is not told"
    assert {each["change"] for each in before["_changes"]["files"]} == {"new"}
    atom = ElementTree.parse(later / "changes.xml").getroot()
    entries = atom.findall("{http://www.w3.org/2005/Atom}entry")
    assert [entry[0].text for entry in entries] == [now["id"], before["id"]]


def test_counts_as_json_stat_tell_a_gap_from_a_zero(folder, judged):
    data = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
    assert len(data["value"]) == np.prod(data["size"])

    def cell(force: str, month: str, kind: str) -> tuple[int | None, str | None]:
        at = 0
        for name, size, value in zip(data["id"], data["size"], (force, month, kind), strict=True):
            at = at * size + data["dimension"][name]["category"]["index"].index(value)
        return data["value"][at], data["status"].get(str(at))

    assert cell("mercaster", "2019-09", "Burglary") == (None, "[x]")
    number, mark = cell("northshire", "2019-09", "Burglary")
    areas = judged.areas.collect().filter(
        pl.col("force") == "northshire", pl.col("month") == date(2019, 9, 1), pl.col("category") == "Burglary"
    )
    assert (number, mark) == (areas["count"].sum(), None)
    assert cell("eastmark", "2019-09", "Burglary")[1] == "[e]"


def test_geojson_holds_every_line_of_the_newest_month(folder):
    for force in ("northshire", "btp"):
        features = json.loads((folder / "geojson" / f"{force}.geojson").read_text(encoding="utf-8"))[
            "features"
        ]
        rows = lines_of(folder / "2019-09" / f"2019-09-{force}-street.csv")
        assert [each["properties"]["crime_id"] or "" for each in features] == [
            row["Crime ID"] for row in rows
        ]
        assert [each["geometry"] is None for each in features] == [not row["Longitude"] for row in rows]
    assert not (folder / "geojson" / "mercaster.geojson").exists()


def test_boundaries_are_kml_by_force_and_neighbourhood(later):
    with zipfile.ZipFile(later / "boundaries" / "2019-09.zip") as archive:
        names = archive.namelist()
        assert "northshire/NC01.kml" in names
        assert read_kml(archive.read("northshire/NC01.kml").decode()).area > 0
    with zipfile.ZipFile(later / "boundaries" / "force_kmls.zip") as archive:
        assert archive.namelist() == ["eastmark.kml", "mercaster.kml", "northshire.kml"]


def test_quarter_is_geoparquet_of_the_same_lines(folder):
    path = folder / "parquet" / "2019-Q3-street.parquet"
    table = geopandas.read_parquet(path)
    assert table.crs.to_epsg() in (4326, None) or table.crs.equals("OGC:CRS84")
    rows = [row for month in ("2019-07", "2019-08", "2019-09") for row in lines_in(folder, month)]
    assert len(table) == len(rows)
    placed = table[table.geometry.notna()]
    assert (placed.geometry.x == placed.longitude).all()
    assert (placed.geometry.y == placed.latitude).all()


def lines_in(folder: Path, month: str) -> list[dict[str, str]]:
    return [row for path in sorted((folder / month).glob("*-street.csv")) for row in lines_of(path)]


def test_crosswalk_tells_what_became_of_each_point(country, judged, folder, later, tmp_path):
    assert not (later / "map-points-crosswalk.csv").exists(), "no point has changed"
    points = country.map_points.sort("point_id")
    ids = points["point_id"].to_list()
    here = pl.col("point_id")
    changed = points.filter(here != ids[0]).with_columns(
        name=pl.when(here == ids[1]).then(pl.lit("New Name")).otherwise("name"),
        latitude=pl.col("latitude") + pl.when(here == ids[2]).then(0.001).otherwise(0.0),
        point_id=pl.when(here == ids[-1]).then(pl.lit(9_999)).otherwise(here),
    )
    feeds.build(
        judged, dataclasses.replace(country, map_points=changed), WINDOW[-1:], tmp_path / "feeds", KEY, folder
    )
    lines = (tmp_path / "feeds" / "map-points-crosswalk.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "old_point_id,change,point_id,metres"
    told = {row[0]: row[1:] for row in (line.split(",") for line in lines[1:])}
    gone = told[str(ids[0])]
    assert gone[0] == "left the list" and int(gone[1]) in ids[1:4] and 400 < float(gone[2]) < 1000
    assert told[str(ids[1])] == ["renamed", str(ids[1]), "0.0"]
    assert told[str(ids[2])][:2] == ["moved", str(ids[2])] and 111 < float(told[str(ids[2])][2]) < 112
    assert told[str(ids[-1])] == ["left the list", "9999", "0.0"] and told[""] == ["new", "9999", ""]
    assert {row[0] for old, row in told.items() if old not in map(str, [*ids[:3], ids[-1], ""])} == {
        "unchanged"
    }
