"""The API's files take over from the release before what is the same, and are never other bytes for it."""

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.small_judged import KEY, MONTHS, small_boundaries, small_country, small_judged
from geography.areas import Country
from publish import feeds
from publish.api import deflating, index
from publish.api.deflating import deflate
from publish.api.layers import SEPARATION
from publish.api.opened import Release
from publish.api.writing import write_layer
from publish.feeds import outcomes, tables
from tests.trees import contents
from tests.unit.resealing import with_rows
from transforms.judging import Judged
from transforms.periods import months_between

#: Four months, in each of which Northshire gives outcomes to crimes of the one before.
WINDOW: Final = MONTHS[-5:-1]
NAMES: Final = [f"{month:%Y-%m}" for month in WINDOW]


def taken(folder: Path, kind: str) -> set[str]:
    """The months of a kind that are the very files of another build."""
    return {path.parent.name for path in folder.glob(f"{kind}/*/text.bin") if path.stat().st_nlink > 1}


class Build:
    """What a release is made of, and the release."""

    def __init__(self, sealed: Judged, country: Country, months: list[date]) -> None:
        self.sealed, self.country, self.months = sealed, country, months
        self.boundaries = small_boundaries(country)

    def feeds(self, folder: Path) -> None:
        feeds.build(self.sealed, self.country, self.months, folder / "feeds", KEY)

    def api(self, folder: Path, name: str, before: Path | None = None) -> Path:
        index.build(
            folder / "feeds", self.country, self.boundaries, self.months, folder / name, before=before
        )
        return folder / name


@pytest.fixture(scope="module")
def first() -> Build:
    country = small_country()
    return Build(small_judged(country), country, WINDOW)


@pytest.fixture(scope="module")
def before(first: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before")
    first.feeds(folder)
    first.api(folder, "api")
    return folder


def built_twice(now: Build, folder: Path, before: Path) -> Path:
    """The API's files built with the release before, after those built without it were found to be the same."""
    if not (folder / "feeds").exists():
        now.feeds(folder)
    alone, beside = now.api(folder, "alone"), now.api(folder, "api", before)
    assert contents(beside) == contents(alone)
    return beside


NORTHSHIRE: Final = pl.col("force") == "northshire"
JUNE: Final = pl.col("month") == date(2019, 6, 1)
#: One of each hundred rows of a force and month.
FEW: Final = pl.int_range(pl.len()).over("force", "month") % 100 == 7


def no_change(build: Build) -> None:
    pass


def fewer_crimes(build: Build) -> None:
    build.sealed = with_rows(build.sealed, crimes=lambda rows: rows.filter(~(NORTHSHIRE & JUNE & FEW)))


def other_category(build: Build) -> None:
    """Half the crimes of Northshire in June become burglaries: what their outcomes tell of them changes."""
    burglary = pl.lit("Burglary").cast(build.sealed.crimes.nothing.schema["category"])
    chosen = NORTHSHIRE & JUNE & pl.col("crime_ref").is_not_null()
    build.sealed = with_rows(
        build.sealed,
        crimes=lambda rows: rows.with_columns(category=pl.when(chosen).then(burglary).otherwise("category")),
    )


def fewer_outcomes(build: Build) -> None:
    build.sealed = with_rows(build.sealed, case_outcomes=lambda rows: rows.filter(~(JUNE & FEW)))


def no_outcomes_in_june(build: Build) -> None:
    build.sealed = with_rows(build.sealed, case_outcomes=lambda rows: rows.filter(~JUNE))


def no_outcomes(build: Build) -> None:
    build.sealed = with_rows(build.sealed, case_outcomes=lambda rows: rows.clear())


def fewer_searches(build: Build) -> None:
    build.sealed = with_rows(build.sealed, searches=lambda rows: rows.filter(~(JUNE & FEW)))


def a_silent_force(build: Build) -> None:
    build.sealed = small_judged(build.country, hole=("northshire", date(2019, 6, 1)))


def the_next_month(build: Build) -> None:
    build.months = MONTHS[-4:]


def months_in_another_order(build: Build) -> None:
    build.months = build.months[::-1]


def one_more_point(build: Build) -> None:
    points = build.country.map_points
    other = points.head(1).with_columns(pl.col("point_id") + 90_000, pl.col("longitude", "latitude") + 0.0004)
    build.country = replace(build.country, map_points=pl.concat([points, other.select(points.columns)]))


def another_name(build: Build) -> None:
    lsoas = build.country.lsoas
    build.country = replace(build.country, lsoas=lsoas.with_columns(pl.col("neighbourhood_name") + "!"))


def other_boundaries(build: Build) -> None:
    build.boundaries = build.boundaries.assign(geometry=build.boundaries.geometry.translate(0.0001))


def another_national_force(build: Build) -> None:
    forces = build.country.forces
    kind = pl.when(pl.col("force") == "eastmark").then(pl.lit("national")).otherwise("kind")
    build.country = replace(build.country, forces=forces.with_columns(kind=kind.cast(forces.schema["kind"])))


ALL: Final = set(NAMES)
AFTER_JUNE: Final = {"2019-06", "2019-07"}
#: A change, and the months of crimes, outcomes and searches that are not taken over after it.
CHANGES: Final = [
    (no_change, set(), set(), set()),
    # Of those crimes, the outcomes are given in July.
    (fewer_crimes, {"2019-06"}, {"2019-07"}, set()),
    (other_category, {"2019-06"}, AFTER_JUNE, set()),
    (fewer_outcomes, {"2019-05"}, {"2019-06"}, set()),
    (no_outcomes_in_june, {"2019-05", "2019-06"}, set(), set()),
    (no_outcomes, ALL, set(), set()),
    (fewer_searches, set(), set(), {"2019-06"}),
    (a_silent_force, {"2019-06"}, AFTER_JUNE, set()),
    (the_next_month, {"2019-08", "2019-09"}, {"2019-06", "2019-09"}, {"2019-09"}),
    (months_in_another_order, set(), set(), set()),
    (one_more_point, ALL, ALL, ALL),
    (another_name, set(), set(), set()),
    (other_boundaries, set(), set(), set()),
    (another_national_force, ALL, ALL, ALL),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "crimes", "given", "stops"), CHANGES, ids=[each[0].__name__ for each in CHANGES]
)
def test_only_what_a_change_concerns_is_made_and_every_byte_is_the_same(
    first, before, tmp_path, change, crimes, given, stops
):
    now = Build(first.sealed, first.country, list(first.months))
    change(now)
    beside = built_twice(now, tmp_path, before)
    for kind, anew in (("crimes", crimes), ("outcomes", given), ("stops", stops)):
        held = set(json.loads((beside / "index.json").read_text())["layers"][kind])
        assert held - taken(beside, kind) == anew & held, kind
    shapes = (beside / "neighbourhoods" / "shapes.wkb").stat().st_nlink > 1
    assert shapes == (change not in (another_name, other_boundaries))
    for name in ("points/id.npy", "points/grid.json", "places.parquet"):
        assert ((beside / name).stat().st_nlink > 1) == (change is not one_more_point), name


def test_a_change_and_its_undoing_bring_the_first_bytes_back(first, before, tmp_path):
    now = Build(first.sealed, first.country, list(first.months))
    other_category(now)
    now.feeds(tmp_path)
    now.api(tmp_path, "api", before)
    shutil.copytree(before / "feeds", tmp_path / "back" / "feeds")
    again = first.api(tmp_path / "back", "api", tmp_path)
    assert contents(again) == contents(before / "api")


def without(name: str) -> Callable[[Path], None]:
    return lambda release: (release / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    return lambda release: (release / name).write_bytes((release / name).read_bytes()[:-9])


def built_beside_damaged(first: Build, before: Path, folder: Path, damage: Callable[[Path], None]) -> Path:
    """The API's files built beside a damaged copy of the release before: the bytes are those of a whole one."""
    damaged = folder / "damaged"
    shutil.copytree(before, damaged)
    damage(damaged)
    shutil.copytree(before / "feeds", folder / "feeds")
    beside = first.api(folder, "api", damaged)
    assert contents(beside) == contents(before / "api")
    return beside


def another_format(release: Path) -> None:
    path = release / "api" / "index.json"
    path.write_text(path.read_text().replace('{"format":', '{"format":9', 1))


@pytest.mark.parametrize(
    "damage",
    [
        without("api/built.json"),
        cut("api/built.json"),
        without("api/index.json"),
        another_format,
        cut("api/crimes/2019-05/ids.npy"),
        without("api/outcomes/2019-06/ids.npy"),
        without("feeds/SHA256SUMS"),
        # Not the bulk files that its API's files were made from.
        cut("feeds/SHA256SUMS"),
        without("api/crimes/2019-05/number.npy"),
        without("api/outcomes/2019-06/text.bin"),
        shutil.rmtree,
    ],
)
def test_a_release_before_that_is_not_whole_lends_nothing(first, before, tmp_path, damage):
    beside = built_beside_damaged(first, before, tmp_path, damage)
    assert not taken(beside, "crimes") | taken(beside, "outcomes") | taken(beside, "stops")


@pytest.mark.parametrize("damage", [without, cut])
@pytest.mark.parametrize("name", ["elsewhere.parquet", "places.parquet", "points/x.npy", "points/grid.json"])
def test_places_that_cannot_be_read_are_found_again(first, before, tmp_path, damage, name):
    beside = built_beside_damaged(first, before, tmp_path, damage(f"api/{name}"))
    assert taken(beside, "crimes") == set(NAMES)
    laid = (beside / "places.parquet").stat().st_nlink > 1
    assert laid == (name == "elsewhere.parquet")


IDS: Final = [hashlib.sha256(bytes([each])).hexdigest() for each in range(12)]
#: Points of the small country: two of its own, and one of elsewhere.
PLACES: Final = [
    (-1.497, 52.003, "On or near A"),
    (-1.488, 52.003, "On or near B"),
    (None, None, "No Location"),
]
FEW_MONTHS: Final = months_between(date(2019, 5, 1), date(2019, 8, 1))

months = st.sampled_from([f"{month:%Y-%m}" for month in FEW_MONTHS])
at = st.sampled_from(PLACES)
crime = st.tuples(
    st.sampled_from(["northshire", "mercaster"]),
    months,
    st.sampled_from([*IDS, None]),
    at,
    st.sampled_from(["Burglary", "Drugs"]),
    st.sampled_from(["Suspect charged", "Local resolution", None]),
)
outcome = st.tuples(
    st.just("northshire"),
    months,
    st.sampled_from(IDS),
    at,
    st.sampled_from(["Suspect charged", "Local resolution"]),
)


def write_feeds(folder: Path, months: list[date], crimes: list[tuple], given: list[tuple]) -> None:
    """Bulk files of the lines of some months: just what the API is made from."""
    names_of_months = [f"{month:%Y-%m}" for month in months]
    (folder / "parquet").mkdir(parents=True)
    for kind, rows, last, names in (
        ("street", crimes, ("Crime type", "Last outcome category"), tables.NAMES),
        ("outcomes", given, ("Outcome type",), outcomes.NAMES),
    ):
        columns = ("force", "Month", "Crime ID", "Longitude", "Latitude", "Location", *last)
        schema = {name: pl.Float64 if name.endswith("itude") else pl.String for name in columns}
        flat = [(*row[:3], *row[3], *row[4:]) for row in rows if row[1] in names_of_months]
        lines = pl.DataFrame(flat, schema=schema, orient="row").sort(columns, nulls_last=True)
        for name in names.keys() - {*columns}:
            lines = lines.with_columns(
                pl.lit(None, pl.Int64 if name == "point_id" else pl.String).alias(name)
            )
        for quarter in ("2019-Q2", "2019-Q3"):
            own = lines.filter((pl.col("Month") > "2019-06") == (quarter == "2019-Q3"))
            if kind == "street" or own.height:
                tables.write_quarter(own, folder / "parquet" / f"{quarter}-{kind}.parquet", names)
        for (month, force), own in lines.group_by("Month", "force", maintain_order=True):
            (folder / month).mkdir(exist_ok=True)
            own.write_csv(folder / month / f"{month}-{force}-{kind}.csv")
    (folder / "availability.csv").write_text("month,force,file,state,since,coverage,why,path,lines\n")
    files = sorted(path for path in folder.glob("*/*") if path.is_file())
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files
    ]
    (folder / "SHA256SUMS").write_text("".join(sums))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(crime, max_size=12),
    st.lists(outcome, max_size=10),
    st.lists(crime, max_size=2),
    st.lists(outcome, max_size=2),
    st.integers(0, 3),
    st.booleans(),
)
def test_whatever_lines_differ_the_bytes_are_those_of_a_build_without_a_release_before(
    first, tmp_path_factory, crimes, given, more_crimes, more_outcomes, dropped, moves
):
    """Ids that many records share, outcomes without a crime, and crimes that come, go or change between releases."""
    folder = tmp_path_factory.mktemp("lines")
    build = Build(first.sealed, first.country, FEW_MONTHS[:3])
    write_feeds(folder / "before" / "feeds", build.months, crimes, given)
    build.api(folder / "before", "api")
    build.months = FEW_MONTHS[1:] if moves else FEW_MONTHS[:3]
    write_feeds(
        folder / "feeds", build.months, [*crimes[dropped:], *more_crimes], [*given[dropped:], *more_outcomes]
    )
    built_twice(build, folder, folder / "before")
    shutil.rmtree(folder)


def test_the_numbers_of_crimes_beside_the_answers_are_those_in_them(before):
    for name in NAMES:
        folder = before / "api" / "crimes" / name
        told = [json.loads(line.rstrip(b",")) for line in (folder / "text.bin").read_bytes().splitlines()]
        assert np.load(folder / "number.npy").tolist() == [each["id"] for each in told]


def test_an_id_finds_its_records_by_month_and_row_and_an_outcome_the_first_of_them(first, tmp_path):
    build = Build(first.sealed, first.country, FEW_MONTHS[:3])
    shared, other = IDS[:2]
    crimes = [
        ("northshire", "2019-06", shared, PLACES[1], "Drugs", None),
        ("northshire", "2019-06", shared, PLACES[0], "Drugs", None),
        ("northshire", "2019-05", shared, PLACES[1], "Burglary", None),
        ("northshire", "2019-07", shared, PLACES[0], "Burglary", None),
        ("northshire", "2019-07", other, PLACES[0], "Burglary", None),
    ]
    given = [("northshire", "2019-07", each, PLACES[0], "Local resolution") for each in (shared, IDS[2])]
    write_feeds(tmp_path / "feeds", build.months, crimes, given)
    build.api(tmp_path, "api")
    opened = Release.open(tmp_path, "2019-Q3/1.0.0")
    found = [json.loads(each) for each in opened.find("crimes", shared)]
    assert [each["month"] for each in found] == ["2019-05", "2019-06", "2019-06", "2019-07"]
    layer = opened.layer("crimes", "2019-06")
    assert [each["id"] for each in found[1:3]] == [
        json.loads(each)["id"] for each in bytes(layer.text).split(SEPARATION)[:2]
    ]
    (outcome,) = (json.loads(each) for each in opened.find("outcomes", shared))
    assert (outcome["crime"]["month"], outcome["crime"]["category"]) == ("2019-05", "burglary")
    assert outcome["crime"]["id"] == found[0]["id"]
    assert not list(opened.find("outcomes", IDS[2])) + list(opened.find("crimes", IDS[2]))


class Watched:
    """A compressor that tells what it is given."""

    def __init__(self, given: list[bytes], behind: Any) -> None:
        self.given, self.behind = given, behind

    def compress(self, text: bytes) -> bytes:
        self.given.append(bytes(text))
        return self.behind.compress(text)

    def flush(self, how: int) -> bytes:
        return self.behind.flush(how)


def written(folder: Path, texts: list[bytes | None]) -> tuple[Path, dict[str, Any]]:
    """A month with one record, of some text, at each point that has any."""
    points = [point for point, text in enumerate(texts) if text is not None]
    made = pl.DataFrame(
        {"point": points, "json": [f"{texts[point].decode()},\n" for point in points]}
    ).with_columns(
        pl.col("point").cast(pl.UInt32),
        pl.col("json").cast(pl.String),
        force=pl.lit("carrow"),
        category=pl.lit(1, pl.UInt8),
    )
    return folder, write_layer(folder, made, len(texts))


some_texts = st.lists(st.sampled_from([None, b"a", b"b", b"cc", b"dd"]), min_size=9, max_size=9)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(some_texts, some_texts, st.sampled_from([None, "text.bin", "deflated.bin"]))
def test_a_month_made_again_deflates_only_the_points_that_tell_something_else(
    tmp_path_factory, monkeypatch, was, now, damaged
):
    folder = tmp_path_factory.mktemp("months")
    before = written(folder / "was", was)
    deflate(folder / "was")
    if damaged is not None:
        content = (folder / "was" / damaged).read_bytes()
        (folder / "was" / damaged).write_bytes(content[:-1])
    for name in ("anew", "over"):
        written(folder / name, now)
    deflate(folder / "anew")
    deflated: list[bytes] = []
    squeeze = zlib.compressobj
    with monkeypatch.context() as patched:
        patched.setattr(deflating, "TOGETHER", 2)
        patched.setattr(zlib, "compressobj", lambda *how: Watched(deflated, squeeze(*how)))
        deflate(folder / "over", before)
    known = was if damaged is None or not any(was) else [None] * len(was)
    assert deflated == [text for text, then in zip(now, known, strict=True) if text not in (None, then)]
    assert contents(folder / "over") == contents(folder / "anew")
    shutil.rmtree(folder)
