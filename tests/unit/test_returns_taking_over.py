"""Long tables that take over the years that stand have the bytes of those that were made anew."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fixtures.judged_offences import offences_reference
from fixtures.judged_places import country, judged_places
from geography.areas import Country
from publish.parts import BUILT
from publish.returns import open_data, outcomes
from publish.returns.build import build, each_long_table, write
from publish.returns.taking_over import TakingOver
from publish.returns.worksheets import KeptRows
from tests.trees import contents
from tests.unit.resealing import with_rows
from transforms.judging import Judged
from transforms.periods import Quarter

#: April 2017 to June 2019: two financial years and the first quarter of a third.
QUARTER = Quarter(2019, 2)
FORCE, MONTH = "gwynfa", date(2018, 5, 1)
YEARS = {
    f"{table}_{year}"
    for table in ("prc_pfa", "prc_csp", "prc_outcomes")
    for year in ("2017_18", "2018_19", "2019_20")
}


def in_order(crimes: pl.DataFrame) -> pl.DataFrame:
    """Crimes as they are known by a key: of rows that are collected in no order, it would be another each time."""
    return crimes.sort("crime_ref")


@pytest.fixture(scope="module")
def judged() -> Judged:
    return with_rows(judged_places(), crimes=in_order)


def long_tables(
    judged: Judged, country: Country, classes: pl.DataFrame, quarter: Quarter, before: Path | None = None
) -> dict[str, bytes]:
    """Every file of the long tables, by name."""
    each = each_long_table(judged, country, classes, quarter, before=before)
    return {name: content for made in each for name, content in made.items()}


@pytest.fixture(scope="module")
def before(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The long tables as the release before has them."""
    folder = tmp_path_factory.mktemp("before") / "returns"
    write(long_tables(judged, country(), offences_reference(), QUARTER), folder)
    return folder


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The years that are taken over, as they are."""
    names: set[str] = set()
    rows = TakingOver.rows

    def told(self: TakingOver, name: str, key: str, forms: tuple[str, ...]) -> KeptRows | None:
        found = rows(self, name, key, forms)
        names.update([name] if found else [])
        return found

    monkeypatch.setattr(TakingOver, "rows", told)
    return names


def of_force_and_month() -> pl.Expr:
    return (pl.col("force") == FORCE) & (pl.col("month") == MONTH)


def nothing(judged: Judged) -> Judged:
    return judged


def one_crime_less(judged: Judged) -> Judged:
    """A record is cancelled: its force, its partnership and its LSOA have one crime less in the month."""
    gone = judged.crimes.collect([MONTH]).filter(of_force_and_month(), pl.col("lsoa_code").is_not_null())
    crime = gone.sort("crime_ref").row(0, named=True)

    def less(*names: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
        cell = pl.all_horizontal(
            pl.col(name).cast(pl.String) == str(crime[name]) for name in ("force", "month", *names)
        )
        return lambda rows: rows.with_columns(count=pl.col("count") - cell.cast(pl.Int64))

    return with_rows(
        judged,
        offences=less("offence_code"),
        areas=less("lsoa_code", "category"),
        crimes=lambda rows: in_order(rows.filter(pl.col("crime_ref") != crime["crime_ref"])),
    )


def one_outcome_more(judged: Judged) -> Judged:
    """A crime of the first year is given an outcome that nobody had told."""
    return with_rows(
        judged,
        outcomes=lambda rows: rows.sort(pl.all()).with_columns(
            rows=pl.col("rows") + (pl.int_range(pl.len()) == 0)
        ),
    )


def a_month_withdrawn(judged: Judged) -> Judged:
    """A force's month is no longer fit to publish: what later months closed of it is lacking from there on."""

    def withdrawn(rows: pl.DataFrame) -> pl.DataFrame:
        kind = rows.schema["status"]
        status = pl.when(of_force_and_month()).then(pl.lit("missing", kind)).otherwise("status")
        rows = rows.with_columns(status=status)
        if "count" in rows.columns:
            rows = rows.with_columns(count=pl.when(~of_force_and_month()).then("count"))
        return rows

    def without(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(~of_force_and_month())

    def crimes_without(rows: pl.DataFrame) -> pl.DataFrame:
        return in_order(without(rows))

    return with_rows(
        judged,
        offences=withdrawn,
        areas=withdrawn,
        verdicts=withdrawn,
        crimes=crimes_without,
        outcomes=without,
        removed=without,
    )


def a_held_area(judged: Judged) -> Judged:
    """The crimes of one LSOA are held in the month, and with them the figures of its partnership."""
    lsoa = country().lsoas.filter(pl.col("force") == FORCE)["lsoa_code"][0]
    held = of_force_and_month() & (pl.col("lsoa_code") == lsoa)

    def hold(rows: pl.DataFrame) -> pl.DataFrame:
        status = pl.when(held).then(pl.lit("unjudged", rows.schema["status"])).otherwise("status")
        return rows.with_columns(count=pl.when(~held).then("count"), status=status)

    return with_rows(judged, areas=hold, crimes=lambda rows: in_order(rows.filter(~held.fill_null(False))))


CHANGES: list[tuple[Callable[[Judged], Judged], set[str]]] = [
    (nothing, set()),
    (one_crime_less, {"prc_pfa_2018_19", "prc_csp_2018_19"}),
    (one_outcome_more, {"prc_outcomes_2017_18"}),
    (a_month_withdrawn, {"prc_pfa_2018_19", "prc_csp_2018_19", "prc_outcomes_2018_19", "prc_outcomes_2019_20"}),
    (a_held_area, {"prc_csp_2018_19"}),
]  # fmt: skip


@pytest.mark.parametrize("change, made_again", CHANGES, ids=[each[0].__name__ for each in CHANGES])
def test_what_stands_is_taken_over_and_no_byte_differs(
    change: Callable[[Judged], Judged], made_again: set[str], judged: Judged, before: Path, taken: set[str]
) -> None:
    now = change(judged)
    anew = long_tables(now, country(), offences_reference(), QUARTER)
    assert taken == set()
    over = long_tables(now, country(), offences_reference(), QUARTER, before=before)
    assert taken == YEARS - made_again
    assert over == anew
    was = contents(before)
    assert {name for name in anew if anew[name] != was[name]} == (
        {f"{name[:-8].replace('_', '-')}-{QUARTER}.{form}" for name in made_again for form in forms(name)}
        | ({BUILT} if made_again else set())
    )


def forms(name: str) -> tuple[str, ...]:
    return ("csv",) if "outcomes" in name else ("csv", "ods", "xlsx")


def test_a_return_a_quarter_later_takes_over_the_years_before(
    judged: Judged, tmp_path: Path, taken: set[str]
) -> None:
    write(long_tables(judged, country(), offences_reference(), QUARTER.plus(-1)), tmp_path)
    anew = long_tables(judged, country(), offences_reference(), QUARTER)
    assert long_tables(judged, country(), offences_reference(), QUARTER, before=tmp_path) == anew
    assert taken == {name for name in YEARS if "2019_20" not in name}


def test_every_file_of_the_return_is_the_same_and_what_it_was_made_from_is_none_of_them(
    judged: Judged, before: Path, tmp_path: Path, taken: set[str]
) -> None:
    now = one_crime_less(judged)
    anew = build(now, country(), offences_reference(), QUARTER, tmp_path / "anew")
    build(now, country(), offences_reference(), QUARTER, tmp_path / "over", before=before)
    assert contents(tmp_path / "over") == contents(tmp_path / "anew")
    assert len(taken) == len(YEARS) - 2
    assert {path.name for path in anew} == contents(tmp_path / "anew").keys() - {BUILT}


def test_members_of_workbooks_have_the_checksums_of_what_they_hold(before: Path) -> None:
    books = [content for name, content in contents(before).items() if name.endswith((".ods", ".xlsx"))]
    assert len(books) == 4
    for content in books:
        assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


def renamed(place: Country) -> Country:
    name = pl.when(pl.col("force") == FORCE).then(pl.lit("Gwynfa Newydd")).otherwise("name")
    return replace(place, forces=place.forces.with_columns(name=name))


def test_another_name_of_a_force_makes_every_year_anew(judged: Judged, before: Path, taken: set[str]) -> None:
    now = long_tables(judged, renamed(country()), offences_reference(), QUARTER, before=before)
    assert taken == set()
    assert now == long_tables(judged, renamed(country()), offences_reference(), QUARTER)


def test_another_description_of_a_class_makes_every_year_anew(
    judged: Judged, before: Path, taken: set[str]
) -> None:
    told = (
        pl.when(pl.col("offence_code") == "45")
        .then(pl.lit("From a vehicle"))
        .otherwise("offence_description")
    )
    classes = offences_reference().with_columns(offence_description=told)
    now = long_tables(judged, country(), classes, QUARTER, before=before)
    assert taken == set()
    assert now == long_tables(judged, country(), classes, QUARTER)


def test_a_return_that_other_code_made_lends_nothing(
    judged: Judged, before: Path, tmp_path: Path, taken: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        for module in (open_data, outcomes):
            earlier.setattr(module, "code", lambda: "the code of the year before")
        write(long_tables(judged, country(), offences_reference(), QUARTER), tmp_path)
    assert long_tables(judged, country(), offences_reference(), QUARTER, before=tmp_path) == contents(before)
    assert taken == set()


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:1000])


def another_byte(year: str, form: str) -> Callable[[Path], None]:
    """The rows of one year are damaged in a file, in their middle."""

    def damage(folder: Path) -> None:
        place = json.loads((folder / BUILT).read_bytes())[year]["runs"][form]
        content = bytearray((folder / place["file"]).read_bytes())
        content[place["start"] + place["size"] // 2] ^= 1
        (folder / place["file"]).write_bytes(content)

    return damage


def told_otherwise(year: str, form: str | None = None, **values: object) -> Callable[[Path], None]:
    """Something else is told of the rows of one year, or of where they are in one form of file."""

    def damage(folder: Path) -> None:
        told = json.loads((folder / BUILT).read_bytes())
        of = told[year] if form is None else told[year]["runs"][form]
        of.update(values)
        (folder / BUILT).write_text(json.dumps(told))

    return damage


CSP, PFA, OUTCOMES = (
    {name for name in YEARS if table in name} for table in ("prc_csp", "prc_pfa", "prc_outcomes")
)
DAMAGE: list[tuple[str, Callable[[Path], None], set[str]]] = [
    ("no file that tells", without(BUILT), YEARS),
    ("a file that tells half", cut(BUILT), YEARS),
    ("another kind of file", lambda folder: (folder / BUILT).write_text('{"prc_csp_2017_18": 5}'), YEARS),
    ("no text", lambda folder: (folder / BUILT).write_bytes(b"\xff\xfe"), YEARS),
    ("no workbook", without(f"prc-csp-{QUARTER}.ods"), CSP),
    ("a workbook cut short", cut(f"prc-pfa-{QUARTER}.xlsx"), PFA),
    ("lines cut short", cut(f"prc-outcomes-{QUARTER}.csv"), OUTCOMES),
    ("a damaged workbook", another_byte("prc_csp_2017_18", "ods"), {"prc_csp_2017_18"}),
    ("damaged lines", another_byte("prc_pfa_2018_19", "csv"), {"prc_pfa_2018_19"}),
    ("another number of rows", told_otherwise("prc_csp_2018_19", height=5), {"prc_csp_2018_19"}),
    ("other widths", told_otherwise("prc_csp_2018_19", widths=[1]), {"prc_csp_2018_19"}),
    ("one form less", told_otherwise("prc_pfa_2018_19", runs={}), {"prc_pfa_2018_19"}),
    ("another place", told_otherwise("prc_pfa_2018_19", "csv", start=-1), {"prc_pfa_2018_19"}),
    ("another checksum", told_otherwise("prc_pfa_2018_19", "ods", checksum=1), {"prc_pfa_2018_19"}),
    ("no folder", shutil.rmtree, YEARS),
]  # fmt: skip


@pytest.mark.parametrize(
    "damage, made_again", [each[1:] for each in DAMAGE], ids=[each[0] for each in DAMAGE]
)
def test_what_is_not_whole_in_the_return_before_is_made_anew(
    damage: Callable[[Path], None],
    made_again: set[str],
    judged: Judged,
    before: Path,
    tmp_path: Path,
    taken: set[str],
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(before, damaged)
    damage(damaged)
    now = long_tables(judged, country(), offences_reference(), QUARTER, before=damaged)
    assert taken == YEARS - made_again
    assert now == contents(before)
