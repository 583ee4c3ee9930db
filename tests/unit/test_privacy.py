"""Nobody can tell from what is published where a record was: not from one release, not from several."""

import csv
import io
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.spatial import cKDTree

from fixtures.small_judged import KEY, MONTHS, small_country, small_judged
from fixtures.small_release import small_release
from geography.areas import FEWEST_ADDRESSES
from geography.map_points import points_from
from publish import feeds
from publish.feeds import privacy, street

NOTHING = pl.DataFrame(schema={"force": pl.String, "crime_ref": pl.String})
WINDOW = MONTHS[-3:]
#: That of the LSOA that every street of the town is in.
PARTNERSHIP = small_country().lsoas.filter(pl.col("lsoa_code") == "E01990000")["csp_code"][0]


def town(seed: int, streets: int = 150, houses: int = 2_000) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The middles of streets, and houses that are thick in the centre and thin at the edge."""
    chance = np.random.default_rng(seed)
    candidates = pl.DataFrame(
        {
            "point_id": np.arange(1, streets + 1) + 1000 * seed,
            "longitude": (-1.49 + chance.normal(0, 0.02, streets)).round(6),
            "latitude": (52.005 + chance.normal(0, 0.012, streets)).round(6),
            "name": [f"Street {number}" for number in range(streets)],
            "lsoa_code": ["E01990000"] * streets,
            "force": ["northshire"] * streets,
            "csp_code": [PARTNERSHIP] * streets,
        }
    )
    homes = pl.DataFrame(
        {
            "csp_code": [PARTNERSHIP] * houses,
            "longitude": -1.49 + chance.normal(0, 0.02, houses),
            "latitude": 52.005 + chance.normal(0, 0.012, houses),
        }
    )
    return candidates, homes


def nearest(homes: pl.DataFrame, points: pl.DataFrame) -> np.ndarray:
    """Which point each home is nearest to, as an attacker works it out for himself."""
    scale = np.array([np.cos(np.radians(52.005)), 1.0])
    tree = cKDTree(points.select("longitude", "latitude").to_numpy() * scale)
    return tree.query(homes.select("longitude", "latitude").to_numpy() * scale)[1]


@pytest.mark.parametrize("seed", range(4))
def test_every_point_has_eight_addresses_or_none(seed):
    candidates, homes = town(seed)
    points = points_from(candidates, homes)
    counts = np.bincount(nearest(homes, points), minlength=points.height)
    # A flat map and a round Earth may differ over a home that is as near to two points.
    assert np.abs(counts - points["addresses"].to_numpy()).max() <= 1
    counts = points["addresses"].to_numpy()
    assert ((counts == 0) | (counts >= FEWEST_ADDRESSES)).all()
    assert 20 < points.height < candidates.height, "some streets were too small"


def test_a_point_of_an_owners_list_with_few_addresses_is_never_used():
    country = small_country()
    small = country.map_points.with_columns(
        addresses=pl.when(pl.col("point_id") % 2 == 0).then(3).otherwise(12).cast(pl.Int64)
    )
    crimes = small_judged(country).crimes.collect()
    points = street.map_points_of(crimes.lazy(), type(country)(**{**vars(country), "map_points": small}))
    used = points["at_point_id"].drop_nulls()
    assert (used % 2 == 1).all()


def crimes_at(homes: pl.DataFrame, month: date) -> pl.DataFrame:
    """One burglary at each home, as a force supplies it."""
    like = small_judged(small_country()).crimes.collect().filter(pl.col("offence_code").is_not_null()).head(1)
    return (
        like.drop("longitude", "latitude", "csp_code", "crime_ref", "month", "category")
        .join(homes.with_row_index("n"), how="cross")
        .with_columns(
            force=pl.lit("northshire"),
            month=pl.lit(month),
            category=pl.lit("Burglary").cast(
                small_judged(small_country()).crimes.collect().schema["category"]
            ),
            crime_ref=pl.format("REF/{}", "n"),
        )
        .select(small_judged(small_country()).crimes.collect().columns)
    )


def released(homes, points, before):
    """What a release says: id and point of each crime. The attacker knows the point list and every home."""
    country = small_country()
    country = type(country)(**{**vars(country), "map_points": points})
    crimes = crimes_at(homes, MONTHS[-1])
    return street.published(
        crimes, street.map_points_of(crimes.lazy(), country), NOTHING, country, KEY, before
    )


def suspects(homes: pl.DataFrame, releases: list[tuple[pl.DataFrame, pl.DataFrame]]) -> dict[str, int]:
    """For each crime id, how many homes could have been the place, given every release: the attack."""
    possible: dict[str, np.ndarray] = {}
    for lines, points in releases:
        of_home = nearest(homes, points)
        keys = {
            (f"{x:.6f}", f"{y:.6f}"): number
            for number, (x, y) in enumerate(points.select("longitude", "latitude").iter_rows())
        }
        for identity, x, y in lines.select("Crime ID", "Longitude", "Latitude").iter_rows():
            if x is not None:
                here = of_home == keys[f"{x:.6f}", f"{y:.6f}"]
                possible[identity] = possible.get(identity, np.ones(homes.height, bool)) & here
    return {identity: int(mask.sum()) for identity, mask in possible.items()}


def was(*releases: pl.DataFrame) -> pl.DataFrame:
    """Where releases have each crime, as `privacy.places_in` reads it in their files."""
    return pl.concat(releases).select(
        id=privacy.number_of("Crime ID"),
        longitude=pl.col("Longitude").round(6),
        latitude=pl.col("Latitude").round(6),
    )


def test_attacker_with_several_releases_cannot_tell_fewer_than_eight_homes():
    candidates, homes = town(1)
    first = points_from(candidates, homes)
    # The list is refreshed: other streets, so other catchments.
    second = points_from(town(2)[0], homes)
    one = released(homes, first, privacy.NO_PLACES)
    again = released(homes, first, was(one))
    assert min(suspects(homes, [(one, first), (again, first)]).values()) >= FEWEST_ADDRESSES
    careless = released(homes, second, privacy.NO_PLACES)
    found = suspects(homes, [(one, first), (careless, second)])
    assert min(found.values()) < FEWEST_ADDRESSES, "without the check the attack succeeds"
    careful = released(homes, second, was(one))
    assert min(suspects(homes, [(one, first), (careful, second)]).values()) >= FEWEST_ADDRESSES
    assert careful.height == one.height, "every record keeps its line"
    assert careful.filter("moved")["Location"].unique().to_list() == ["No Location"]


def test_a_place_that_one_release_told_is_not_forgotten_when_the_next_tells_none():
    candidates, homes = town(1)
    first, second = points_from(candidates, homes), points_from(town(2)[0], homes)
    one = released(homes, first, privacy.NO_PLACES)
    two = released(homes, second, was(one))
    assert two.filter("moved").height > 100
    forgetful = released(homes, second, was(two))
    assert min(suspects(homes, [(one, first), (forgetful, second)]).values()) < FEWEST_ADDRESSES
    three = released(homes, second, was(one, two))
    assert min(suspects(homes, [(one, first), (two, second), (three, second)]).values()) >= FEWEST_ADDRESSES
    # Back at the first points nothing new is told.
    assert released(homes, first, was(one, two)).filter("moved").is_empty()


def test_bulk_files_compare_themselves_with_the_release_before(tmp_path):
    country = small_country()
    judged = small_judged(country)
    feeds.build(judged, country, WINDOW, tmp_path / "one", KEY)
    feeds.build(judged, country, WINDOW, tmp_path / "same", KEY, earlier=tmp_path / "one")
    same = [(tmp_path / name / "2019-09.zip").read_bytes() for name in ("one", "same")]
    assert same[0] == same[1]
    shifted = country.map_points.with_columns(longitude=(pl.col("longitude") + 0.001).round(6))
    moved = type(country)(**{**vars(country), "map_points": shifted})
    feeds.build(judged, moved, WINDOW, tmp_path / "moved", KEY, earlier=tmp_path / "one")
    lines = pl.read_parquet(tmp_path / "moved" / "parquet" / "2019-Q3-street.parquet")
    placed = lines.filter(pl.col("crime_id").is_not_null() & pl.col("longitude").is_not_null())
    assert placed.is_empty()
    figures = list(csv.DictReader(io.StringIO((tmp_path / "moved" / "privacy.csv").read_text())))
    assert all(int(row["withheld_as_moved"]) > 100 for row in figures)
    both = [tmp_path / "one", tmp_path / "moved"]
    feeds.build(judged, moved, WINDOW, tmp_path / "again", KEY, ever_public=both)
    assert pl.read_parquet(tmp_path / "again" / "parquet" / "2019-Q3-street.parquet").equals(lines)
    feeds.build(judged, country, WINDOW, tmp_path / "back", KEY, ever_public=both)
    assert (tmp_path / "back" / "2019-09.zip").read_bytes() == same[0]


def test_a_sensitive_record_alone_among_few_addresses_has_no_location(tmp_path):
    country = small_country()
    feeds.build(small_judged(country), country, WINDOW, tmp_path / "feeds", KEY)
    lines = pl.read_parquet(tmp_path / "feeds" / "parquet" / "2019-Q3-street.parquet")
    ours = lines.filter(pl.col("point_id").is_not_null())
    groups = ours.group_by("month", "point_id", "crime_type").agg(n=pl.len())
    fewest = groups.group_by(sensitive=pl.col("crime_type").is_in(privacy.SENSITIVE)).agg(pl.col("n").min())
    assert dict(fewest.iter_rows()) == {True: privacy.ENOUGH_ALIKE, False: 1}
    figures = list(csv.DictReader(io.StringIO((tmp_path / "feeds" / "privacy.csv").read_text())))
    for row in figures:
        assert int(row["withheld_as_sensitive"]) > 0
        assert int(row["fewest_addresses"]) >= FEWEST_ADDRESSES
        assert int(row["placed"]) + int(row["without_location"]) == int(row["records"])
    points = pl.read_parquet(tmp_path / "feeds" / "parquet" / "points-by-month.parquet")
    assert ((points["addresses"] == 0) | (points["addresses"] >= FEWEST_ADDRESSES)).all()
    assert points["month"].n_unique() == len(WINDOW)


def ids(folder: Path) -> list[str]:
    return (
        pl.read_parquet(folder / "feeds" / "parquet" / "*-street.parquet")
        .filter(pl.col("force") != "btp")["crime_id"].drop_nulls().sort().to_list()
    )  # fmt: skip


def test_ids_stand_from_release_to_release_and_change_with_the_key(tmp_path):
    one = small_release(tmp_path / "one", WINDOW)
    two = small_release(tmp_path / "two", MONTHS[-6:])
    turned = small_release(tmp_path / "turned", WINDOW, key=b"the key of the year after, as long")
    assert set(ids(one)) <= set(ids(two))
    assert len(ids(turned)) == len(ids(one))
    assert not set(ids(turned)) & set(ids(two))
    for folder in (one, two, turned):
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert b"REF/" not in content
                assert KEY not in content
