"""The map's tiles, read back by a reader of the format that shares no code with the writer."""

import gzip
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import polars as pl
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pmtiles.reader import MmapSource, all_tiles

from fixtures.small_judged import KEY, MONTHS, small_boundaries, small_country, small_judged
from geography.areas import Country
from publish import feeds
from publish.feeds import street
from publish.site import vector_tiles
from publish.site.country_map import map_lsoas, write_area_tiles, write_point_tiles
from publish.site.map_figures import KINDS
from publish.site.shapes import outlines_of
from publish.site.tiles import ALONE, GATHERED, Level, write_areas
from publish.site.writing import Folder
from transforms.judging import Judged

FORCES = ["btp", "eastmark", "mercaster", "northshire"]
LATEST = date(2019, 9, 1)


@pytest.fixture(scope="module")
def country():
    return small_country()


def layers(path: Path) -> dict[tuple[int, int, int], dict[str, Any]]:
    with path.open("rb") as file:
        return {
            place: mapbox_vector_tile.decode(gzip.decompress(content))
            for place, content in all_tiles(MmapSource(file))
        }


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
def test_numbers_packed_one_by_one_and_all_at_once_are_the_same_bytes(values):
    rows, used = vector_tiles.varints(np.array(values))
    assert rows[used].tobytes() == vector_tiles.packed(values)


@given(
    st.lists(
        st.tuples(st.integers(0, 4095), st.integers(0, 4095), st.integers(1, 99), st.integers(0, 3)),
        min_size=1,
        max_size=30,
    )
)
def test_points_come_back_where_and_as_they_were_put(points):
    points = sorted(points, key=lambda point: point[3])
    x, y, n, tile = (np.array(column) for column in zip(*points, strict=True))
    features = vector_tiles.point_features(x, y, {0: n - 1}, tile)
    found = []
    for number, content in features.items():
        layer = vector_tiles.layer("points", content, ["n"], list(range(1, 100)))
        for feature in mapbox_vector_tile.decode(layer, default_options={"y_coord_down": True})["points"][
            "features"
        ]:
            found.append((*feature["geometry"]["coordinates"], feature["properties"]["n"], number))
    assert found == [tuple(point) for point in points]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 500))
def test_polygon_with_a_hole_and_an_island_keeps_its_area(width, height, offset):
    outside = shapely.box(offset, offset, offset + 10 * width, offset + 10 * height)
    hole = shapely.box(offset + width, offset + height, offset + 2 * width, offset + 2 * height)
    island = shapely.box(offset + 2000, 0, offset + 2000 + width, height)
    shape = shapely.MultiPolygon([outside.difference(hole), island])
    features = vector_tiles.polygon_features(np.array([shape]), [7], [(0, 0)])
    tile = mapbox_vector_tile.decode(
        vector_tiles.layer("areas", features, ["code"], ["A"]), default_options={"y_coord_down": True}
    )
    (feature,) = tile["areas"]["features"]
    assert (feature["id"], feature["properties"]) == (7, {"code": "A"})
    assert shapely.equals(shapely.geometry.shape(feature["geometry"]), shape)


def test_every_area_is_on_the_tiles_of_its_level_once_and_knows_its_force(country, tmp_path):
    with Folder(tmp_path / "site", None) as files:
        boundaries = outlines_of(small_boundaries(country), country.lsoas, files)
    outlines = {
        "forces": boundaries.forces(),
        "neighbourhoods": boundaries.neighbourhoods(country.lsoas),
        "areas": boundaries.lsoas(),
    }
    lsoas = map_lsoas(country, FORCES)
    neighbourhoods = country.lsoas.select("force", "neighbourhood").unique().sort(pl.all()).rows()
    for name in ("one", "two"):
        write_area_tiles(tmp_path / name, lsoas, FORCES, neighbourhoods, outlines)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    seen: dict[str, set[int]] = {"forces": set(), "neighbourhoods": set(), "areas": set()}
    rows = lsoas.rows(named=True)
    for (zoom, _, _), tile in layers(tmp_path / "one").items():
        (name,) = tile
        assert name == ("forces" if zoom < 7 else "neighbourhoods" if zoom < 10 else "areas")
        ids = [feature["id"] for feature in tile[name]["features"]]
        assert len(ids) == len(set(ids))
        seen[name].update(ids)
        for feature in tile[name]["features"] if name == "areas" else []:
            row = rows[feature["id"]]
            assert feature["properties"] == {
                "force": row["force"],
                "code": row["lsoa_code"],
                "name": row["lsoa_name"],
                "place": neighbourhoods.index((row["force"], row["neighbourhood"])),
            }
    drawable = country.lsoas.filter(pl.col("population").is_not_null())
    assert seen["forces"] == {1, 2, 3}, "the transport police has no area of its own"
    assert len(seen["neighbourhoods"]) == drawable.select("force", "neighbourhood").n_unique()
    assert {rows[number]["lsoa_code"] for number in seen["areas"]} == set(drawable["lsoa_code"])


def test_an_area_in_seven_pieces_and_one_without_a_boundary(tmp_path):
    pieces = shapely.MultiPolygon(
        [shapely.box(n, 200_000, n + 5_000, 205_000) for n in range(400_000, 470_000, 10_000)]
    )
    level = Level("areas", [10], np.array([pieces, shapely.Polygon()], dtype=object), {"code": ["A", "B"]})
    write_areas(tmp_path / "areas", [level])
    found = layers(tmp_path / "areas").values()
    assert {feature["properties"]["code"] for tile in found for feature in tile["areas"]["features"]} == {"A"}


def points_of(judged: Judged, country: Country, folder: Path) -> Path:
    with Folder(folder, None) as files:
        assert write_point_tiles(files, judged.crimes, country, [LATEST]) == [LATEST]
    return folder / "map/2019-09.pmtiles"


def test_points_add_up_to_the_crimes_that_have_a_place(country, tmp_path):
    judged = small_judged(country)
    path = points_of(judged, country, tmp_path)
    published = street.at_map_points(
        judged.crimes.collect().filter(pl.col("month") == LATEST),
        street.map_points_of(judged.crimes.lazy(), country),
    )
    crimes = published.filter(pl.col("longitude").is_not_null())
    expected = Counter(crimes["category"].cast(pl.String).to_list())
    expected["All crime"] = crimes.height - expected["Anti-social behaviour"]
    owner = dict(country.lsoas.select("lsoa_code", "force").iter_rows())
    of = Counter(owner[code] for code in crimes["lsoa_code"])
    for zoom in (GATHERED, ALONE):
        kinds: Counter[str] = Counter()
        areas: Counter[str] = Counter()
        for (each, _, _), tile in layers(path).items():
            if each == zoom:
                ((name, layer),) = tile.items()
                assert name == ("gathered" if zoom == GATHERED else "points")
                for feature in layer["features"]:
                    kinds[KINDS[feature["properties"]["kind"]]] += feature["properties"]["n"]
                    if feature["properties"]["kind"] != 0:
                        areas[feature["properties"]["of"]] += feature["properties"]["n"]
        assert kinds == expected
        assert areas == of, "no gathering reaches into another force's area"


def test_only_map_points_are_on_the_tiles(country, tmp_path):
    judged = small_judged(country)
    path = points_of(judged, country, tmp_path)
    names = {f"On or near {name}" for name in country.map_points["name"]}
    side = vector_tiles.EXTENT * 2**ALONE
    allowed = {
        (int((longitude / 360 + 0.5) * side), latitude)
        for longitude, latitude in country.map_points.select("longitude", "latitude").iter_rows()
    }
    columns = {column for column, _ in allowed}
    for (zoom, x, _), tile in layers(path).items():
        for feature in tile["points"]["features"] if zoom == ALONE else []:
            assert feature["properties"]["at"] in names
            assert x * vector_tiles.EXTENT + feature["geometry"]["coordinates"][0] in columns


def test_a_location_that_the_bulk_files_withhold_is_on_no_map(country, tmp_path):
    judged = small_judged(country)
    feeds.build(judged, country, [LATEST], tmp_path / "feeds", KEY)
    (path,) = (tmp_path / "feeds/parquet").glob("*-street.parquet")
    lines = pl.read_parquet(path)
    gone = lines["location"].str.ends_with("High Street")
    lines.with_columns(
        pl.when(~gone).then(name).alias(name) for name in ("longitude", "latitude")
    ).write_parquet(path)
    with Folder(tmp_path / "site", None) as files:
        write_point_tiles(files, judged.crimes, country, [LATEST], tmp_path / "feeds")
    found = {
        feature["properties"]["at"]
        for (zoom, _, _), tile in layers(tmp_path / "site/map/2019-09.pmtiles").items()
        for feature in (tile["points"]["features"] if zoom == ALONE else [])
    }
    assert found == {"On or near Station Road", "On or near Park/Open Space", "On or near Clôs Marian"}


def test_points_of_no_bulk_files_are_not_taken_for_those_of_a_month_without_a_file(country, tmp_path):
    judged = small_judged(country)
    months = [date(2019, 8, 1), LATEST]
    feeds.build(judged, country, [LATEST], tmp_path / "feeds", KEY)
    with Folder(tmp_path / "before", None) as files:
        assert write_point_tiles(files, judged.crimes, country, months) == months
    with Folder(tmp_path / "site", tmp_path / "before") as files:
        assert write_point_tiles(files, judged.crimes, country, months, tmp_path / "feeds") == [LATEST]
    assert not (tmp_path / "site/map/2019-08.pmtiles").exists()


def test_month_without_a_crime_has_no_tiles(country, tmp_path):
    with Folder(tmp_path, None) as files:
        assert write_point_tiles(files, small_judged(country).crimes, country, [date(2031, 1, 1)]) == []
    assert not (tmp_path / "map").exists()
    assert MONTHS[-1] == LATEST
