"""The country folder: made from open files, read back, and refused with one clear message for each thing wrong."""

import re
import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import geopandas as gpd
import polars as pl
import pytest
import shapely
from typer import Typer
from typer.testing import CliRunner

from pipelines.commands import country as country_command
from pipelines.country import CountryError, country_digest, load_country
from pipelines.sources.open_geography import release_calendar, write_open_country
from transforms.periods import Quarter
from transforms.register import owed

FORCES = pl.read_csv(Path(__file__).parents[2] / "geography" / "data" / "forces.csv", infer_schema=False)
PFAS = FORCES.drop_nulls("pfa_code")["pfa_code"].to_list()


def write_open_data(folder: Path) -> None:
    """The ONS files for one LSOA in each police force area, and three more in a merged authority of one."""
    (folder / "lookups").mkdir(parents=True)
    numbers = range(len(PFAS) + 3)
    # The last three lie in the authority of the first, which was merged from Oldtown and Newtown.
    authority = [n if n < len(PFAS) else 0 for n in numbers]
    lsoas = pl.DataFrame(
        {
            "lsoa21_code": [f"E0109{n:04}" for n in numbers],
            "lsoa21_name": [f"Somewhere {n:03}A" for n in numbers],
            "ward24_code": [f"E0509{n:04}" for n in numbers],
            "ward24_name": [f"Ward {n}" for n in numbers],
            "ltla24_code": [f"E069{n:05}" for n in authority],
        }
    )
    lsoas.write_parquet(folder / "lookups" / "wards.parquet")
    partnerships = pl.DataFrame(
        [(f"E069{n:05}", f"E229{n:05}", f"Partnership {n}", pfa) for n, pfa in enumerate(PFAS)]
        + [("E06900000", "E22900900", "Oldtown", PFAS[0]), ("E06900000", "E22900901", "Newtown", PFAS[0])],
        schema=["LAD24CD", "CSP24CD", "CSP24NM", "PFA24CD"],
        orient="row",
    )
    # ONS writes a byte order mark, and names its columns so.
    (folder / "lookups" / "csp.csv").write_text("\ufeff" + partnerships.write_csv(), encoding="utf-8")
    (folder / "lookups" / "former.csv").write_text(
        "LAD16CD,LAD16NM,CSP16CD\nE07900900,Oldtown,E22900900\nE07900901,Newtown,E22900901\n"
    )
    district = ["Oldtown", "Newtown", "Elsewhere"]
    pl.DataFrame(
        {
            "lsoa11_code": ["E01900900", *lsoas["lsoa21_code"]],
            "lsoa11_name": ["Somewhere 900A"]
            + [f"{district[n - len(PFAS)] if n >= len(PFAS) else 'Somewhere'} {n:03}A" for n in numbers],
            "change_code": ["M", *["U"] * lsoas.height],
            "lsoa21_code": [lsoas["lsoa21_code"][5], *lsoas["lsoa21_code"]],
        }
    ).write_parquet(folder / "changes.parquet")
    pl.DataFrame(
        {
            "LSOA 2021 Code": lsoas["lsoa21_code"],
            "Mid-2021: Population": [1500] * lsoas.height,
            "Mid-2022: Population": [1600 + n for n in numbers],
        }
    ).write_parquet(folder / "people.parquet")
    shapes = [shapely.box(n / 100, 51, (n + 1) / 100, 51.01) for n in numbers]
    gpd.GeoDataFrame({"lsoa21_code": lsoas["lsoa21_code"]}, geometry=shapes, crs=4326).to_parquet(
        folder / "shapes.parquet"
    )
    # Files that are somebody else's.
    (folder / "notes.txt").write_text("nothing to do with it")
    (folder / "broken.parquet").write_bytes(b"not Parquet")
    (folder / "other.csv").write_text("a,b\n1,2\n")


@pytest.fixture(scope="module")
def open_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("open")
    write_open_data(folder)
    return folder


@pytest.fixture(scope="module")
def built(open_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "country"
    write_open_country(open_data, folder)
    return folder


@pytest.fixture
def made(built: Path, tmp_path: Path) -> Path:
    """A country folder of the test's own, to spoil."""
    return shutil.copytree(built, tmp_path / "country")


def test_the_folder_holds_what_the_open_files_say(made: Path) -> None:
    loaded = load_country(made)
    lsoas = loaded.country.lsoas
    assert loaded.country.title == "England and Wales"
    assert "© Crown copyright and database right" in loaded.country.attribution
    assert loaded.country.forces.height == 44
    assert lsoas.height == len(PFAS) + 3
    assert lsoas["population"].to_list() == [1600 + n for n in range(len(PFAS) + 3)]
    assert lsoas["households"].null_count() == lsoas.height
    assert lsoas.row(1, named=True) == {
        "lsoa_code": "E01090001",
        "lsoa_name": "Somewhere 001A",
        "neighbourhood": "E05090001",
        "neighbourhood_name": "Ward 1",
        "csp_code": "E22900001",
        "csp_name": "Partnership 1",
        "force": FORCES.filter(pl.col("pfa_code") == PFAS[1])["force"][0],
        "population": 1601,
        "households": None,
    }
    assert loaded.boundaries["lsoa_code"].tolist() == lsoas["lsoa_code"].to_list()
    assert loaded.country.map_points.is_empty()


def test_an_authority_of_several_partnerships_multiplies_nothing(made: Path) -> None:
    merged = load_country(made).country.lsoas.filter(
        pl.col("csp_code").is_in(["E22900900", "E22900901", "E22900000"])
    )
    assert dict(merged.select("lsoa_name", "csp_name").rows()) == {
        "Somewhere 000A": "Partnership 0",
        f"Somewhere {len(PFAS):03}A": "Oldtown",
        f"Somewhere {len(PFAS) + 1:03}A": "Newtown",
        # Its former district names no partnership of the authority: the lowest code.
        f"Somewhere {len(PFAS) + 2:03}A": "Partnership 0",
    }


def test_every_force_owes_street_and_only_territorial_ones_outcomes(made: Path) -> None:
    register = load_country(made).register
    months = [date(2010, 11, 1), date(2010, 12, 1), date(2016, 6, 1), date(2026, 10, 1)]
    due = owed(register, months).group_by("month", "file_type").len().sort("month", "file_type")
    assert due.rows() == [
        (months[1], "street", 44),
        (months[2], "outcomes", 43),
        (months[2], "street", 44),
        (months[3], "outcomes", 43),
        (months[3], "street", 44),
    ]
    notes = owed(register, [date(2019, 6, 1), date(2019, 7, 1)]).filter(
        pl.col("force") == "greater-manchester"
    )
    assert [note is not None for note in notes.sort("month", "file_type")["note"]] == [
        False,
        False,
        True,
        True,
    ]


def test_spells_of_a_force_neither_overlap_nor_leave_a_month_out(made: Path) -> None:
    spells = load_country(made).register.sort("force", "file_type", "first_month")
    after = pl.col("first_month").shift(-1).over("force", "file_type")
    assert spells.filter(pl.col("last_month").dt.offset_by("1mo").ne_missing(after)).is_empty()


def test_the_same_input_gives_the_same_bytes(open_data: Path, made: Path, tmp_path: Path) -> None:
    write_open_country(open_data, tmp_path / "again")
    assert country_digest(tmp_path / "again") == country_digest(made)
    with (made / "register.csv").open("a") as register:
        register.write("kent,stop-and-search,2014-12,,aggregate,2026-01-01,\n")
    assert country_digest(tmp_path / "again") != country_digest(made)


def test_a_folder_that_is_there_is_replaced_only_when_asked(
    open_data: Path, made: Path, tmp_path: Path
) -> None:
    (made / "register.csv").write_text("edited")
    with pytest.raises(CountryError, match="--replace"):
        write_open_country(open_data, made)
    assert (made / "register.csv").read_text() == "edited"
    write_open_country(open_data, made, replace=True)
    assert load_country(made)
    (tmp_path / "photographs").mkdir()
    with pytest.raises(CountryError, match="no country"):
        write_open_country(open_data, tmp_path / "photographs", replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["country", "photographs"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: (d / "people.parquet").unlink(), ["population", "LSOA 2021 Code"]),
        (lambda d: (d / "lookups/csp.csv").unlink(), ["Community Safety Partnership", "csp24_code"]),
        (
            lambda d: (d / "again.parquet").write_bytes((d / "people.parquet").read_bytes()),
            ["twice", "again.parquet"],
        ),
        (lambda d: spoil_population(d), ["not of its type"]),
        (lambda d: forget_authority(d), ["csp_code is empty"]),
    ],
)
def test_open_files_that_will_not_do_are_named(
    tmp_path: Path, spoil: Callable[[Path], object], says: list[str]
) -> None:
    write_open_data(tmp_path / "open")
    spoil(tmp_path / "open")
    with pytest.raises(CountryError) as caught:
        write_open_country(tmp_path / "open", tmp_path / "country")
    assert all(words in str(caught.value) for words in says), str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["open"]


def spoil_population(folder: Path) -> None:
    people = pl.read_parquet(folder / "people.parquet").cast({"Mid-2022: Population": pl.String})
    people.with_columns(pl.lit("1,600").alias("Mid-2022: Population")).write_parquet(
        folder / "people.parquet"
    )


def forget_authority(folder: Path) -> None:
    lines = (folder / "lookups/csp.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "lookups/csp.csv").write_text("".join(lines[:2] + lines[3:]), encoding="utf-8")


def test_the_calendar_gives_every_release_date_that_was_observed() -> None:
    # Dates in the names of Home Office files.
    observed = {
        "2025-Q1": datetime(2025, 7, 24, 9, 30),
        "2025-Q2": datetime(2025, 10, 23, 9, 30),
        "2025-Q3": datetime(2026, 1, 29, 9, 30),
        "2025-Q4": datetime(2026, 4, 23, 9, 30),
        "2026-Q1": datetime(2026, 7, 23, 9, 30),
    }
    assert dict(release_calendar(Quarter(2025, 1), Quarter(2026, 1)).rows()) == observed


def replace_in(name: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def rewrite(name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    return lambda folder: change(pl.read_parquet(folder / name)).write_parquet(folder / name)


def reshape(change: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        change(gpd.read_parquet(folder / "boundaries.parquet")).to_parquet(folder / "boundaries.parquet")

    return spoil


BOW = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])

FAULTS = {
    "file missing": (lambda folder: (folder / "calendar.csv").unlink(), r"calendar\.csv is missing"),
    "not TOML": (
        lambda folder: (folder / "country.toml").write_text("title = "),
        r"country\.toml is not TOML",
    ),
    "a base map that is no address": (
        replace_in("country.toml", "title =", 'basemap = "tiles"\ntitle ='),
        r"country\.toml has a basemap that is no address",
    ),
    "no title": (replace_in("country.toml", "title", "name"), r"country\.toml has no title"),
    "column missing": (replace_in("forces.csv", "pfa_code", "pfa"), r"forces\.csv has no column pfa_code"),
    "not CSV": (lambda folder: (folder / "forces.csv").write_bytes(b"\xff\xfe\x00"), r"forces\.csv"),
    "not Parquet": (
        lambda folder: (folder / "lsoas.parquet").write_bytes(b"PAR1"),
        r"lsoas\.parquet is not a Parquet file",
    ),
    "word outside the list": (
        replace_in("forces.csv", ",territorial,", ",regional,"),
        r"forces\.csv, line 2: kind is “regional”; write one of territorial, national",
    ),
    "not a month": (
        replace_in("register.csv", "street,2010-12,", "street,2010-13,"),
        r"register\.csv, line \d+: first_month is “2010-13”; write a month such as 2019-07",
    ),
    "file type unheard of": (
        replace_in("register.csv", ",street,", ",streets,"),
        r"register\.csv, line \d+: A file type that the product can read",
    ),
    "force unheard of": (
        replace_in("register.csv", "kent,", "kentish,"),
        r"register\.csv: force kentish is not in forces\.csv",
    ),
    "slug in capitals": (
        replace_in("forces.csv", "kent,", "Kent,"),
        r"forces\.csv, line \d+: force is “Kent”, which fails its regex: give the police\.uk slug",
    ),
    "time that never was": (
        replace_in("calendar.csv", "2025-07-24T09:30:00", "2025-03-30T01:30:00"),
        r"calendar\.csv, line \d+: release_at is “2025-03-30T01:30:00”; write an Europe/London time",
    ),
    "released before it ends": (
        replace_in("calendar.csv", "2025-07-24", "2025-03-24"),
        r"calendar\.csv, line \d+: A quarter is released after its last day",
    ),
    "released on a bank holiday": (
        replace_in("calendar.csv", "2025-07-24", "2025-08-25"),
        r"calendar\.csv, line \d+: Nothing is released at a weekend or on a bank holiday of England and Wales",
    ),
    "key twice": (
        rewrite("lsoas.parquet", lambda lsoas: pl.concat([lsoas, lsoas.head(1)])),
        r"lsoas\.parquet, row \d+ \(2 rows alike\): lsoa_code E01090000 is there twice",
    ),
    "type wrong": (
        rewrite("lsoas.parquet", lambda lsoas: lsoas.cast({"population": pl.Float64})),
        r"lsoas\.parquet, column population, is Float64: write it as Int64",
    ),
    "negative people": (
        rewrite("lsoas.parquet", lambda lsoas: lsoas.with_columns(population=pl.lit(-1))),
        r"lsoas\.parquet, row 1 \(46 rows alike\): population is “-1”, which fails its min",
    ),
    "area of nobody": (
        rewrite("lsoas.parquet", lambda lsoas: lsoas.with_columns(pl.col("force").replace("kent", "surrey"))),
        r"territorial force kent has no LSOA",
    ),
    "successor unheard of": (
        rewrite("lsoa_vintages.parquet", lambda pairs: pairs.with_columns(lsoa_code=pl.lit("E01"))),
        r"lsoa_vintages\.parquet: current LSOA E01\b.* is not in lsoas\.parquet",
    ),
    "boundary missing": (reshape(lambda areas: areas.iloc[1:]), r"LSOA E01090000 has no boundary"),
    "wrong projection": (
        reshape(lambda areas: areas.to_crs(27700)),
        r"boundaries\.parquet is in OSGB36 / British National Grid: write it in WGS 84",
    ),
    "crossing itself": (
        reshape(lambda areas: areas.set_geometry([BOW, *areas.geometry[1:]])),
        r"the area E01090000 crosses itself",
    ),
    "boundary of nothing": (
        reshape(lambda areas: areas.set_geometry([None, *areas.geometry[1:]])),
        r"the area E01090000 has no shape",
    ),
    "shapes without codes": (
        reshape(lambda areas: areas.rename(columns={"lsoa_code": "code"})),
        r"boundaries\.parquet has no column lsoa_code",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_one_clear_message(made: Path, fault: str) -> None:
    spoil, says = FAULTS[fault]
    spoil(made)
    with pytest.raises(CountryError) as caught:
        load_country(made)
    assert len(caught.value.problems) == 1, caught.value.problems
    assert re.search(says, caught.value.problems[0]), caught.value.problems[0]


def test_every_fault_is_told_at_once(made: Path) -> None:
    for name in ("not a month", "no title", "wrong projection"):
        FAULTS[name][0](made)
    with pytest.raises(CountryError) as caught:
        load_country(made)
    assert len(caught.value.problems) == 3


def test_the_command_says_what_it_made(open_data: Path, tmp_path: Path) -> None:
    app = Typer()
    app.callback()(lambda: None)
    country_command.register(app)
    runner = CliRunner()
    built = runner.invoke(app, ["country", "build", str(open_data), str(tmp_path / "country")])
    assert built.exit_code == 0, built.output
    checked = runner.invoke(app, ["country", "check", str(tmp_path / "country")])
    assert "44 forces" in built.output
    assert checked.output == built.output
    again = runner.invoke(app, ["country", "build", str(open_data), str(tmp_path / "country")])
    assert again.exit_code != 0
    assert isinstance(again.exception, CountryError)
