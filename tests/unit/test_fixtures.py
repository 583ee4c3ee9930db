"""The made-up country and its scenarios: same seed, same bytes; true proportions; and each does what it says."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import shapely

from fixtures import iops, police_uk
from fixtures.country import Doggerland, build_country, write_country
from fixtures.dirty import CASES
from fixtures.extracts import as_extracted, make_crimes, make_lines, month_bounds, months_of, offences
from fixtures.inflate import HOMICIDE, dense, inflate_counts
from fixtures.registry import MONTHS, SCENARIOS, write_scenario
from fixtures.scenarios import HOLE, ZERO, near_areas
from fixtures.supply import in_own_words
from fixtures.volume import volume_country, write_volume
from geography.areas import Forces, Lsoas, LsoaVintages, MapPoints
from transforms.contracts.columns import EXTRACT, PERSONAL
from transforms.counting import count, load_editions
from transforms.counting.corrections import net_corrections
from transforms.periods import Quarter
from transforms.recording import record


@pytest.fixture(scope="module")
def country() -> Doggerland:
    return build_country()


@pytest.fixture(scope="module")
def crimes(country: Doggerland) -> pl.DataFrame:
    return make_crimes(country, MONTHS)


@pytest.fixture(scope="module")
def lines(country: Doggerland) -> pl.DataFrame:
    return make_lines(country, months_of("2019-01", "2019-06"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("scenarios")
    for name in SCENARIOS:
        write_scenario(name, folder / name)
    return {name: folder / name for name in SCENARIOS}


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def expected(folder: Path) -> dict:
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


# The country -----------------------------------------------------------------------------------------------------


def test_boundaries_leave_no_gap_and_do_not_overlap(country: Doggerland) -> None:
    shapes = country.boundaries.geometry.values
    assert shapely.coverage_is_valid(shapes)
    assert shapely.is_valid(shapes).all()
    whole = shapely.union_all(shapes)
    assert whole.geom_type == "Polygon"
    assert not len(whole.interiors)
    metres = country.boundaries.to_crs(27700).geometry.values
    assert shapely.is_valid(metres).all()
    assert shapely.coverage_is_valid(metres)


def test_every_area_is_one_piece(country: Doggerland) -> None:
    lsoas = country.areas.lsoas
    shapes = dict(zip(country.boundaries["lsoa_code"], country.boundaries.geometry, strict=True))
    for key in (["force"], ["csp_code"], ["force", "neighbourhood"]):
        for codes in lsoas.group_by(key).agg("lsoa_code")["lsoa_code"].to_list():
            assert shapely.union_all([shapes[code] for code in codes]).geom_type == "Polygon", (key, codes)


def test_the_country_keeps_its_contracts_and_cannot_be_taken_for_real(country: Doggerland) -> None:
    areas = country.areas
    for schema, table in (
        (Forces, areas.forces),
        (Lsoas, areas.lsoas),
        (MapPoints, areas.map_points),
        (LsoaVintages, areas.vintages),
    ):
        schema.validate(table)
    assert set(country.boundaries["lsoa_code"]) == set(areas.lsoas["lsoa_code"])
    assert areas.lsoas["lsoa_code"].str.contains(r"^[EW]01099\d{3}$").all()
    assert areas.lsoas["neighbourhood"].n_unique() < areas.lsoas.n_unique(["force", "neighbourhood"])
    assert areas.lsoas.group_by("force", "neighbourhood").agg(pl.col("neighbourhood_name").n_unique())[
        "neighbourhood_name"
    ].to_list() == [1] * areas.lsoas.n_unique(["force", "neighbourhood"])
    west, south, east, north = country.boundaries.total_bounds
    assert (0 < west < east < 2) and (53.5 < south < north < 55)
    changes = dict(areas.vintages.group_by("change").len().rows())
    assert changes["S"] >= 4 and changes["M"] >= 4 and changes["U"] > 200
    assert set(areas.vintages["lsoa_code"]) == set(areas.lsoas["lsoa_code"])


def test_map_points_stand_for_eight_addresses_or_none_and_lie_in_their_lsoa(country: Doggerland) -> None:
    points = country.areas.map_points
    assert ((points["addresses"] >= 8) | (points["addresses"] == 0)).all()
    assert points["name"].str.len_chars().min() > 3
    shapes = dict(zip(country.boundaries["lsoa_code"], country.boundaries.geometry, strict=True))
    at = shapely.points(points["longitude"].to_numpy(), points["latitude"].to_numpy())
    inside = shapely.covers(np.array([shapes[code] for code in points["lsoa_code"]]), at)
    assert inside.all()


def test_the_same_seed_makes_the_same_country_and_another_seed_another(tmp_path: Path) -> None:
    write_country(tmp_path / "one")
    write_country(tmp_path / "two")
    write_country(tmp_path / "three", seed=8)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    assert hashes(tmp_path / "one") != hashes(tmp_path / "three")


def test_a_larger_country_is_as_well_made(tmp_path: Path) -> None:
    larger = build_country(scale=3)
    assert larger.areas.lsoas.height == 960
    assert shapely.coverage_is_valid(larger.boundaries.geometry.values)


# The records -----------------------------------------------------------------------------------------------------


def test_offences_come_in_their_real_proportions(crimes: pl.DataFrame) -> None:
    table = offences()
    assert table["per_million"].sum() == pytest.approx(1_000_000, rel=0.01)
    first_lines = crimes.filter(pl.col("force") != "transport").group_by("offence_code").len()
    compared = table.filter(pl.col("per_million") > 20_000).join(first_lines, on="offence_code")
    share = compared["len"] / first_lines["len"].sum()
    assert compared.height >= 12
    assert ((share / (compared["per_million"] / 1e6) - 1).abs() < 0.2).all()


def test_season_weekday_hour_and_delay_have_their_shapes(crimes: pl.DataFrame) -> None:
    violence = crimes.filter(pl.col("offence_code").is_in(["8N", "105A"]))
    by_month = dict(violence.group_by(pl.col("recorded_at").dt.strftime("%Y-%m")).len().rows())
    assert by_month["2019-07"] > 1.15 * by_month["2019-02"]
    weekend = violence["recorded_at"].dt.weekday().is_in([5, 6, 7]).mean()
    assert 0.46 < weekend < 0.54
    robbery = crimes.filter(pl.col("offence_code") == "34B")["occurred_to"].dt.hour()
    assert robbery.is_between(15, 23).mean() > 0.6
    delay = crimes["recorded_at"] - crimes["reported_at"]
    assert (delay >= dt.timedelta()).all()
    assert 0.95 < (delay <= dt.timedelta(hours=24)).mean() < 0.98
    assert delay.max() > dt.timedelta(days=14)
    rape = crimes.filter(pl.col("offence_code").is_in(["19C", "19D", "19E"]))
    years_ago = (rape["reported_at"] - rape["occurred_to"]) > dt.timedelta(days=366)
    assert 0.15 < years_ago.mean() < 0.35
    assert (crimes["occurred_to"] <= crimes["reported_at"] + dt.timedelta(hours=1)).all()


def test_removals_locations_and_reused_coordinates_have_their_shares(crimes: pl.DataFrame) -> None:
    reasons = dict(crimes["status_reason"].value_counts().rows())
    assert 0.005 < reasons["C1"] / crimes.height < 0.011
    assert 0.025 < (reasons["C2"] + reasons["C3"] + reasons["C4"]) / crimes.height < 0.039
    assert 0.02 < crimes["easting"].null_count() / crimes.height < 0.03
    outside = crimes.filter(pl.col("area_force").is_not_null(), pl.col("force") != "transport")
    assert 0.002 < (outside["force"] != outside["area_force"]).mean() < 0.008
    reused = crimes.group_by("easting", "northing").len()["len"].mean()
    assert 5 < reused < 12
    several = crimes.group_by("force", "incident_ref").len()
    assert 0.02 < (several["len"] > 1).mean() < 0.12
    assert crimes.n_unique(["force", "source_system", "crime_ref"]) == crimes.height


def test_every_personal_field_holds_canaries_and_no_other_field_does(lines: pl.DataFrame) -> None:
    for field in PERSONAL:
        values = lines[field].drop_nulls()
        assert len(values) > 1_000, field
        assert values.str.starts_with(f"CANARY-{field}-").all()
    assert not any(
        lines[field].str.contains("CANARY").any() for field in EXTRACT if lines.schema[field] == pl.String
    )


def test_lines_are_extracts_one_version_a_month_each_later_than_the_last(lines: pl.DataFrame) -> None:
    assert lines.columns == ["extract_month", *EXTRACT, *PERSONAL]
    key = ["extract_month", "force", "source_system", "crime_ref"]
    assert lines.n_unique(key) == lines.height
    versions = lines.sort("extract_month").with_columns(
        later=pl.col("updated_at").diff().over("force", "crime_ref").fill_null(dt.timedelta(seconds=1))
        > dt.timedelta()
    )
    assert versions["later"].all()
    assert 1.2 < lines.height / lines.n_unique(["force", "crime_ref"]) < 2
    not_live = pl.col("status") != "live"
    assert lines.filter(
        not_live & (pl.col("status_reason").is_null() | pl.col("status_at").is_null())
    ).is_empty()
    assert lines.filter(pl.col("outcome_type").is_not_null() & pl.col("outcome_at").is_null()).is_empty()
    inside = pl.col("updated_at").dt.truncate("1mo").dt.date() == pl.col("extract_month")
    assert lines.select(inside.all()).item()


def test_each_system_gives_one_kind_of_coordinates(lines: pl.DataFrame) -> None:
    opus = lines.filter(pl.col("source_system") == "opus")
    others = lines.filter(pl.col("source_system") != "opus")
    assert opus["longitude"].null_count() == opus.height
    assert 0 < opus["easting"].null_count() < 0.05 * opus.height
    assert others["easting"].null_count() == others.height
    assert 0 < others["longitude"].null_count() < 0.05 * others.height


def test_an_extract_of_each_day_grows_to_the_extract_of_the_month(crimes: pl.DataFrame) -> None:
    own = crimes.filter(pl.col("force") == "carrow")
    start, end = month_bounds(dt.date(2019, 5, 1))
    day = as_extracted(own, start, dt.datetime(2019, 5, 11))
    month = as_extracted(own, start, end)
    assert day["updated_at"].max() < dt.datetime(2019, 5, 11)
    assert set(day["crime_ref"]) <= set(month["crime_ref"])
    assert day.height < month.height / 2


def test_a_force_and_month_depend_on_themselves_alone(country: Doggerland, crimes: pl.DataFrame) -> None:
    alone = make_crimes(country, [dt.date(2019, 3, 1)])
    assert alone.equals(crimes.filter(pl.col("recorded_at").dt.strftime("%Y-%m") == "2019-03"))


@pytest.mark.parametrize("system", ["opus", "policeworks", "niche"])
def test_an_extract_in_a_systems_own_words_says_what_the_lines_say(lines: pl.DataFrame, system: str) -> None:
    own = lines.filter(pl.col("source_system") == system).drop("extract_month").head(500)
    text = in_own_words(own, system)
    assert text.height == own.height
    assert set(text.columns).isdisjoint(EXTRACT) == (system != "niche")
    if system == "opus":
        assert set(text["CRIME_STATUS"]) <= {"C", "N", "T"}
        assert text["DT_CRIMED"].str.contains(r"^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d$").all()
        assert text["OSGR_E"].null_count() == 0
    if system == "policeworks":
        assert text["Crime Recorded Time"].str.contains(r"[+]0[01]:00$").all()
        assert "00806" in set(text["Home Office Code"])


# The scenarios ---------------------------------------------------------------------------------------------------


def test_every_scenario_has_its_line_in_the_readme() -> None:
    text = (Path(__file__).parents[2] / "fixtures" / "README.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("- `")}
    assert set(listed) == set(SCENARIOS)
    for name, scenario in SCENARIOS.items():
        assert listed[name].startswith(f"- `{name}`: {scenario.line}. ")
        assert "not_complete" in scenario.expected


def test_an_unknown_scenario_is_refused_with_the_names_of_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no scenario “hoel”.*hole"):
        write_scenario("hoel", tmp_path)


def test_the_same_seed_writes_the_same_bytes(written: dict[str, Path], tmp_path: Path) -> None:
    for name in ("iops", "dirty"):
        write_scenario(name, tmp_path / name)
        assert hashes(tmp_path / name) == hashes(written[name]), name


def test_what_is_not_complete_has_no_file_or_a_short_one(written: dict[str, Path]) -> None:
    for name in ("complete", "hole", "true-zero", "silent-neighbour", "iops"):
        promise = expected(written[name])
        missing = {(force, month) for force, month, status in promise["not_complete"] if status == "missing"}
        names = [path.name for path in (written[name] / "supply").iterdir()]
        assert set(names) == set(promise["lines"])
        for month in MONTHS:
            for force in ("greater-wickham", "northmoor-and-vale", "carrow", "ashdene", "transport"):
                there = [each for each in names if each.startswith(f"{month:%Y-%m}-{force}-")]
                assert len(there) == ((force, f"{month:%Y-%m}") not in missing)
        cells = set(promise["counted"])
        assert len(cells) == 90 - len(missing)
        assert all(count > 0 for count in promise["counted"].values())


def test_the_hole_is_one_file_and_every_other_byte_is_the_same(written: dict[str, Path]) -> None:
    whole, holed = hashes(written["complete"]), hashes(written["hole"])
    gone = {name for name in whole if name not in holed}
    assert len(gone) == 1
    assert gone.pop().startswith(f"supply/{HOLE[1]}-{HOLE[0]}")
    whole.pop("expected.json"), holed.pop("expected.json")
    assert all(whole[name] == digest for name, digest in holed.items())


def test_nothing_changes_after_its_month_in_a_settled_world(written: dict[str, Path]) -> None:
    assert expected(written["complete"])["total_lines"] < expected(written["iops"])["total_lines"]
    file = next((written["complete"] / "supply").glob("2019-05-carrow-*.csv"))
    months = pl.read_csv(file, infer_schema=False)["recorded_at"].str.slice(0, 7).unique().to_list()
    assert months == ["2019-05"]


def test_the_true_zero_is_a_zero_and_its_neighbourhood_is_not_empty(
    written: dict[str, Path], country: Doggerland
) -> None:
    promise = expected(written["true-zero"])
    assert promise["taken_out"] >= 1
    assert set(promise["zero_lsoas"]) == set(
        country.areas.lsoas.filter(
            pl.col("force") == ZERO["force"], pl.col("neighbourhood") == ZERO["neighbourhood"]
        )["lsoa_code"]
    )
    near = near_areas(country, promise["zero_lsoas"])
    there = set(near.select(pl.format("{} {}", "longitude", "latitude")).to_series())
    file = next((written["true-zero"] / "supply").glob(f"{ZERO['month']}-{ZERO['force']}-*.csv"))
    supplied = pl.read_csv(file, infer_schema=False).filter(
        pl.format("{} {}", pl.col("longitude").fill_null(""), pl.col("latitude").fill_null("")).is_in(
            list(there)
        )
    )
    assert supplied.filter(pl.col("offence_code") == "44").is_empty()
    assert supplied.height > 20


def test_the_silent_force_has_other_forces_records_inside_it(written: dict[str, Path]) -> None:
    assert expected(written["silent-neighbour"])["records_of_others_inside"] >= 60


def test_the_resupply_is_the_whole_of_a_short_file(written: dict[str, Path]) -> None:
    promise = expected(written["resupply"])
    [(name, lines)] = promise["lines_resupplied"].items()
    short, whole = written["resupply"] / "supply" / name, written["resupply"] / "resupply" / name
    first = set(short.read_text(encoding="utf-8").splitlines())
    assert first < set(whole.read_text(encoding="utf-8").splitlines())
    assert 0.5 < len(first) / lines < 0.7


def test_the_iops_story_goes_as_it_is_told(
    country: Doggerland, crimes: pl.DataFrame, written: dict[str, Path]
) -> None:
    story = iops.iops_story(country, crimes, 7)
    mover = story.crimes.filter(pl.col("force") == iops.MOVER)
    old, new = (
        mover.filter(pl.col("source_system") == "opus"),
        mover.filter(pl.col("source_system") == "policeworks"),
    )
    assert old["recorded_at"].max() < iops.CUTOVER
    copies = new.filter(pl.col("loaded_at").is_not_null())
    assert new.filter(pl.col("loaded_at").is_null())["recorded_at"].min() >= iops.CUTOVER
    still_open = old.filter(pl.col("outcome_time").is_null(), pl.col("removed_at").is_null())
    assert still_open.height - copies.height == iops.LEFT_BEHIND
    assert copies["previous_crime_ref"].null_count() == iops.WITHOUT_REFERENCE
    assert set(copies["previous_crime_ref"].drop_nulls()) <= set(still_open["crime_ref"])
    days = new.filter(pl.col("recorded_at").dt.strftime("%Y-%m") == "2019-10")["recorded_at"].dt.day()
    assert days.max() == 17
    november = new.filter(pl.col("recorded_at").dt.strftime("%Y-%m") == "2019-11")
    week = november["recorded_at"].is_between(*iops.BACKLOG, closed="left")
    assert week.mean() > 0.6
    facts = expected(written["iops"])
    assert facts["in_both_systems"] == copies.height
    assert 100_000 < facts["total_lines"] < 200_000
    assert "greater-wickham 2019-08" not in facts["counted"]


def test_day_by_day_the_new_system_is_silent_then_stands_still(
    country: Doggerland, crimes: pl.DataFrame
) -> None:
    story = iops.iops_story(country, crimes, 7)

    def handed_in(day: str) -> dict[str, pl.DataFrame]:
        return {lines["force"][0]: lines for _, lines in story.handed_in(dt.date.fromisoformat(day))}

    assert iops.MOVER in handed_in("2019-07-07")
    assert iops.MOVER not in handed_in("2019-07-08")
    assert "carrow" in handed_in("2019-07-08")
    before, after = handed_in("2019-10-17")[iops.MOVER], handed_in("2019-10-25")[iops.MOVER]
    recorded = lambda lines: lines.filter(pl.col("recorded_at") >= dt.datetime(2019, 10, 1)).height  # noqa: E731
    assert recorded(before) == recorded(after) > 500
    assert recorded(handed_in("2019-10-10")[iops.MOVER]) < recorded(before)


def test_each_case_of_dirty_input_is_written_in_its_own_place(written: dict[str, Path]) -> None:
    promise = expected(written["dirty"])
    assert set(promise["cases"]) == set(CASES)
    assert len(CASES) >= 25
    supply = written["dirty"] / "supply"
    for each in promise["cases"].values():
        for file in each["files"]:
            assert (supply / file).is_file()
            assert file not in promise["lines"]
    fates = {each["fate"] for each in promise["cases"].values()}
    assert fates == {"read", "refused", "rejects", "empty"}
    read = lambda case: (supply / promise["cases"][case]["files"][0]).read_bytes()  # noqa: E731
    assert read("no-bytes") == b""
    assert read("bom").startswith(b"\xef\xbb\xbf")
    assert read("utf-16")[:2] in (b"\xff\xfe", b"\xfe\xff")
    assert read("excel-dates").count(b",43986,") == 5
    assert len(read("zip-bomb")) < 1_000_000
    with pytest.raises(UnicodeDecodeError):
        read("windows-1252").decode("utf-8")


def test_police_uk_files_keep_the_rules_of_police_uk(written: dict[str, Path]) -> None:
    supply = written["police-uk"] / "supply"
    file = supply / "2019-05" / "2019-05-carrow-street.csv"
    assert file.read_bytes().count(b"\r\n") == file.read_bytes().count(b"\n")
    street = pl.read_csv(file, infer_schema=False)
    assert tuple(street.columns) == police_uk.STREET
    asb = street["Crime type"] == "Anti-social behaviour"
    assert 0.1 < asb.mean() < 0.3
    assert (street["Crime ID"].is_null() == asb).all()
    assert (street["Last outcome category"].is_null() == asb).all()
    assert street["Crime ID"].drop_nulls().str.contains("^[0-9a-f]{64}$").all()
    assert street["Crime ID"].drop_nulls().n_unique() == (~asb).sum()
    nowhere = street["Location"] == "No Location"
    assert (street["LSOA code"].is_null() == nowhere).all()
    assert street["Latitude"].drop_nulls().str.contains(r"^\d\d\.\d{6}$").all()
    transport = pl.read_csv(supply / "2019-05" / "2019-05-transport-street.csv", infer_schema=False)
    assert transport["Crime ID"].null_count() == transport.height
    assert not (supply / "2019-05" / "2019-05-transport-outcomes.csv").exists()
    with (supply / "2019-05" / "2019-05-carrow-outcomes.csv").open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert {row["Month"] for row in rows} == {"2019-05"}


def test_a_volume_extract_has_its_rows_in_either_form(tmp_path: Path) -> None:
    small = volume_country(scale=1, doors_per_street=(2, 6))
    size = write_volume(tmp_path / "volume.csv", 20_000, country=small)
    write_volume(tmp_path / "volume.parquet", 20_000, country=small)
    write_volume(tmp_path / "again.csv", 20_000, country=small)
    text = pl.read_csv(tmp_path / "volume.csv", infer_schema=False)
    assert (text.height, text.columns) == (20_000, list(EXTRACT))
    assert size == (tmp_path / "volume.csv").stat().st_size
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "volume.csv").read_bytes()
    assert pl.read_parquet(tmp_path / "volume.parquet")["crime_ref"].equals(text["crime_ref"])
    assert text["recorded_at"].str.slice(0, 7).n_unique() == 15
    assert text.n_unique("crime_ref") < text.height


# Published counts turned back into records -------------------------------------------------------------------------

QUARTERS = ("2017-Q2", "2017-Q3", "2017-Q4", "2018-Q1")


def published_table() -> pl.DataFrame:
    """One force: ordinary classes, one that goes below zero twice, and homicide in its four rows."""
    counts = {
        "105A": (900, 950, 870, 910),
        "8N": (700, 720, 690, 640),
        "88C": (3, 0, -45, -1),
        "46": (40, 0, 55, 61),
    }
    rows = [
        ("carrow", quarter, code, count)
        for code, four in counts.items()
        for quarter, count in zip(QUARTERS, four, strict=True)
    ]
    rows += [("carrow", quarter, HOMICIDE, count) for quarter in QUARTERS for count in (0, 0, 1, 3)]
    rows += [("carrow", quarter, "AF", 12) for quarter in QUARTERS]
    return pl.DataFrame(rows, schema=["force", "quarter", "offence_code", "count"], orient="row")


def counted_quarter_by_quarter(lines: pl.DataFrame) -> dict[tuple[str, str], int]:
    """What an aggregate force's extracts count to, each quarter published before the next is supplied."""
    editions, published, through = load_editions(), None, None
    for quarter in lines["quarter"].unique().sort():
        supplied = lines.filter(pl.col("quarter") <= quarter)
        zoned = pl.selectors.datetime().dt.replace_time_zone("Europe/London", ambiguous="earliest")
        supplied = supplied.with_columns(zoned, supply=pl.lit("0" * 64)).with_row_index("row", offset=1)
        counts = count(record(supplied.lazy())[0], editions)
        terms = pl.DataFrame(
            {"force": ["carrow"], "treatment": ["aggregate"], "published_through": [through]},
            schema_overrides={"published_through": pl.Date},
        )
        before = counts.counted.collect().clear() if published is None else published
        published = net_corrections(before, counts, terms, editions).counted
        through = Quarter.parse(quarter).months[2]
    named = published.with_columns(
        quarter=pl.format("{}-Q{}", pl.col("month").dt.year(), pl.col("month").dt.quarter())
    )
    sums = named.group_by("quarter", "offence_code").agg(pl.col("counted").cast(pl.Int64).sum())
    return {(quarter, code): total for quarter, code, total in sums.rows()}


def test_an_inflated_table_counts_to_itself_below_zero_and_homicide_included() -> None:
    lines = inflate_counts(published_table())
    got = counted_quarter_by_quarter(lines)
    wanted = {(quarter, code): total for _, code, quarter, total in dense(published_table()).rows()}
    assert min(wanted.values()) == -45
    assert wanted["2017-Q3", HOMICIDE] == 4
    assert {key: got.get(key, 0) for key in wanted} == wanted
    assert {key for key in got if key not in wanted and key[0] != "2017-Q1"} == set()


def test_an_inflated_table_is_noisy() -> None:
    lines = inflate_counts(published_table())
    assert lines.equals(inflate_counts(published_table()))
    assert lines.height > 1.2 * published_table()["count"].sum()
    assert set(lines["status"]) == {"live", "cancelled", "transferred"}
    assert {"N100", "ASB", "53D", "99"} <= set(lines["offence_code"])
    assert lines.height > lines.n_unique(["crime_ref", "updated_at"]) > lines.n_unique("crime_ref")
    assert (lines.group_by("incident_ref").agg(pl.col("crime_ref").n_unique())["crime_ref"] > 1).mean() > 0.05
    assert lines["quarter"].unique().sort().to_list() == ["2017-Q1", *QUARTERS]


def test_less_than_nothing_is_refused_of_a_record_level_force() -> None:
    with pytest.raises(ValueError, match="carrow, 2017-Q4, 88C is -45"):
        inflate_counts(published_table(), treatment="record-level")
    positive = published_table().filter(pl.col("offence_code") != "88C")
    lines = inflate_counts(positive, treatment="record-level")
    assert lines["quarter"].unique().sort().to_list() == list(QUARTERS)
