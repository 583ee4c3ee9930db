"""The open ONS files and police.uk archives as they are: every code resolves, every row has a place or a reason."""

import os
import time
import zipfile
from pathlib import Path

import geopandas as gpd
import polars as pl
import pytest

from geography.boundaries import check_coverage, dissolve, project
from geography.kml import read_kml, write_kml
from geography.placing import place, placed_in_force
from geography.vintages import to_current, vintage_of
from pipelines.country import LoadedCountry, country_digest, load_country
from pipelines.sources.open_geography import write_open_country
from transforms.contracts.columns import NO_LOCATION, OUTSIDE

OPEN_DATA = Path(
    os.environ.get("FULLCOUNT_OPEN_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not OPEN_DATA.is_dir(), reason=f"there is no open data folder at {OPEN_DATA}"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("open") / "country"
    write_open_country(OPEN_DATA, folder)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> LoadedCountry:
    return load_country(folder)


@pytest.fixture(scope="module")
def crimes() -> pl.DataFrame:
    """Every street row of every archive: `force`, `month`, `file`, the point and the code as published."""
    files = []
    for archive in sorted((OPEN_DATA / "police-uk").glob("*.zip")):
        with zipfile.ZipFile(archive) as members:
            for name in members.namelist():
                if name.endswith("-street.csv"):
                    rows = pl.read_csv(members.read(name), infer_schema=False).select(
                        longitude=pl.col("Longitude").cast(pl.Float64),
                        latitude=pl.col("Latitude").cast(pl.Float64),
                        lsoa_code="LSOA code",
                        month=pl.lit(name.rsplit("/", 1)[-1][:7]),
                        force=pl.lit(name.rsplit("/", 1)[-1][8:].removesuffix("-street.csv")),
                        file=pl.lit(f"{archive.name}/{name}"),
                    )
                    files.append(rows)
    return pl.concat(files)


def test_the_country_is_whole(loaded: LoadedCountry) -> None:
    lsoas = loaded.country.lsoas
    assert lsoas.height == 35_672
    assert loaded.country.forces.height == 44
    assert lsoas["force"].n_unique() == 43
    assert lsoas.drop("households").null_count().row(0) == (0,) * 8
    # ONS, mid-2022: 60.2 million usual residents of England and Wales.
    assert 60.2e6 < lsoas["population"].sum() < 60.3e6
    assert len(loaded.boundaries) == 35_672
    # Districts that were merged after 2018 keep the partnerships of before.
    assert {"Aylesbury Vale", "Chiltern", "South Bucks", "Wycombe"} <= set(lsoas["csp_name"])


def test_it_is_built_in_seconds_and_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    started = time.perf_counter()
    write_open_country(OPEN_DATA, tmp_path / "again")
    assert time.perf_counter() - started < 15
    assert country_digest(tmp_path / "again") == country_digest(folder)


def test_boundaries_cover_the_country_but_for_slivers(loaded: LoadedCountry) -> None:
    report = check_coverage(loaded.boundaries)
    assert report.invalid == ()
    assert report.overlaps["square_metres"].max() < 5
    assert report.gaps["square_metres"].max() < 5
    assert len(dissolve(loaded.boundaries, loaded.country.lsoas, ["force"])) == 43


def test_every_code_of_the_national_cube_resolves_and_no_crime_is_lost(loaded: LoadedCountry) -> None:
    cube = pl.read_parquet(next((OPEN_DATA / "counts").glob("*.parquet"))).with_columns(
        lsoa_code=pl.col("lsoa_code").replace({"": None})
    )
    current = to_current(cube, loaded.country.vintages, loaded.country.lsoas)
    assert current["n"].sum() == cube["n"].sum()
    shares = current.group_by("resolution").agg(pl.col("n").sum() / cube["n"].sum()).rows()
    print({how: f"{share:.4%}" for how, share in sorted(shares)})
    assert "unknown code" not in dict(shares)
    # Codes of 2011 stop where police.uk changed to those of 2021.
    older = current.filter(pl.col("resolution").is_in(["merged", "split and no point to place it by"]))
    assert older["month"].max() == "2023-06"
    assert dict(shares)["split and no point to place it by"] < 0.002


def test_every_row_of_the_archives_has_a_place_or_a_stated_reason(
    loaded: LoadedCountry, crimes: pl.DataFrame
) -> None:
    lsoas = loaded.country.lsoas
    current = to_current(crimes, loaded.country.vintages, lsoas, loaded.boundaries)
    assert current.height == crimes.height
    assert set(current["resolution"].unique()) <= {"current code", "merged", "placed by its point", "no code"}
    assert current.filter(pl.col("lsoa_code").is_null())["resolution"].unique().to_list() == ["no code"]

    counted = current.lazy().join(lsoas.lazy().select("lsoa_code", "csp_code"), on="lsoa_code", how="left")
    published = placed_in_force(counted, lsoas, no_location=NO_LOCATION, outside=OUTSIDE).collect()
    assert published["place"].null_count() == 0
    kind = pl.col("place").replace_strict({NO_LOCATION: NO_LOCATION, OUTSIDE: OUTSIDE}, default="an LSOA")
    counts = published.group_by("force", kind=kind).len().with_columns(of=pl.col("len").sum().over("force"))
    every = published.select(kind).to_series().value_counts(normalize=True).sort("place")
    print(every, counts.filter(kind="outside force area").sort(pl.col("len") / pl.col("of"))[-8:], sep="\n")
    shares = dict(every.rows())
    assert shares["an LSOA"] > 0.95
    # Stations in Scotland have a point and no LSOA: they are somewhere, and not in the force's area.
    railway = published.filter(pl.col("force") == "btp")
    assert railway["place"].unique().to_list() == [OUTSIDE]
    # No force's area holds another force's crime.
    owner = dict(lsoas.select("lsoa_code", "force").rows())
    inside = published.filter(~pl.col("place").is_in([NO_LOCATION, OUTSIDE]))
    assert inside.filter(pl.col("place").replace_strict(owner) != pl.col("force")).is_empty()


def test_points_lie_in_or_near_the_area_police_uk_put_them_in(
    loaded: LoadedCountry, crimes: pl.DataFrame
) -> None:
    current = to_current(crimes, loaded.country.vintages, loaded.country.lsoas, loaded.boundaries)
    coded = current.filter(pl.col("lsoa_code").is_not_null()).rename({"lsoa_code": "published"})
    placed = (
        place(coded, loaded.boundaries)
        .join(loaded.country.lsoas.select(published="lsoa_code", owner="force"), on="published")
        .join(loaded.country.lsoas.select("lsoa_code", found="force"), on="lsoa_code", how="left")
    )
    same = placed.select(
        lsoa=(pl.col("published") == pl.col("lsoa_code")).mean(),
        force=(pl.col("owner") == pl.col("found")).mean(),
        unplaced=pl.col("lsoa_code").is_null().mean(),
    ).row(0, named=True)
    print({name: f"{share:.3%}" for name, share in same.items()})
    # The open boundaries are drawn with a dozen corners each: good enough for forces and maps, and no
    # substitute for a published code.
    assert same["lsoa"] > 0.8
    assert same["force"] > 0.995
    assert same["unplaced"] < 0.005


def test_the_vintage_of_a_file_follows_the_calendar(loaded: LoadedCountry, crimes: pl.DataFrame) -> None:
    votes = {
        (file, month): vintage_of(codes, loaded.country.vintages)
        for (file, month), codes in (
            (key, rows["lsoa_code"])
            for key, rows in crimes.group_by("file", "month")
            if rows["force"][0] != "city-of-london"
        )
    }
    assert {vintage for (_, month), vintage in votes.items() if month >= "2023-06"} == {"current"}
    assert {vintage for (_, month), vintage in votes.items() if month < "2023-06"} == {"earlier"}


def test_a_force_boundary_of_police_uk_is_the_one_its_lsoas_make(loaded: LoadedCountry) -> None:
    published = read_kml(
        (OPEN_DATA / "geography" / "cheshire_force_boundary.kml").read_text(encoding="utf-8")
    )
    forces = dissolve(loaded.boundaries, loaded.country.lsoas, ["force"]).set_index("force")
    made, read = project(
        gpd.GeoSeries(
            [forces.geometry["cheshire"], read_kml(write_kml(forces.geometry["cheshire"], "Cheshire"))],
            crs=4326,
        )
    )
    assert made.symmetric_difference(read).area < 1e-5 * made.area
    theirs = project(gpd.GeoSeries([published], crs=4326))[0]
    apart = theirs.symmetric_difference(made).area / theirs.area
    print(f"{apart:.3%} of the area of Cheshire is in one boundary and not in the other")
    assert apart < 0.03
