"""Of a quarter that differs, the bulk files take over the months and the forces that do not, and no byte differs."""

import shutil
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.small_judged import KEY, MONTHS, small_country, small_judged
from geography.areas import Country
from publish import feeds
from publish.feeds import outcomes, street, tables
from tests.trees import contents
from transforms.judging import Judged, judged, outcomes_of_crimes, tellable, withdrawn
from transforms.periods import quarters_of
from transforms.quarter_rows import SCOPE

#: Two quarters. Greater Mercaster supplies extracts in all of them; Northshire tells outcomes in a file of its own.
WINDOW = MONTHS[-9:-3]
MARCH, APRIL, MAY, JUNE = WINDOW[2:]
WINTER, SPRING = (str(quarter) for quarter in quarters_of(WINDOW))
FORCE = "mercaster"


@pytest.fixture(scope="module")
def country() -> Country:
    return small_country()


@pytest.fixture(scope="module")
def sealed(country: Country) -> Judged:
    return small_judged(country)


@pytest.fixture(scope="module")
def crimes(sealed: Judged) -> pl.DataFrame:
    """Every crime, each third one charged in the month after it was recorded."""
    charged = pl.col("crime_ref").is_not_null() & (pl.int_range(pl.len()) % 3 == 0)
    return (
        sealed.crimes.collect()
        .sort("force", "month", "crime_ref", "longitude", "latitude")
        .with_columns(
            outcome=pl.when(charged).then(pl.lit("Suspect charged")).otherwise("outcome"),
            outcome_month=pl.when(charged).then(pl.col("month").dt.offset_by("1mo")),
        )
    )


@pytest.fixture(scope="module")
def before(
    tmp_path_factory: pytest.TempPathFactory, country: Country, sealed: Judged, crimes: pl.DataFrame
) -> Path:
    folder = tmp_path_factory.mktemp("before") / "feeds"
    build(told(sealed, crimes), country, folder)
    return folder


def told(sealed: Judged, crimes: pl.DataFrame) -> Judged:
    """Crimes, with the outcomes that they tell and those of Northshire's own files."""
    every = outcomes_of_crimes(crimes.lazy(), withdrawn(crimes.lazy()).collect()).collect()
    extracts = every.join(tellable(sealed.verdicts), on=SCOPE, how="semi")
    return judged(
        sealed.offences, sealed.areas, sealed.verdicts, sealed.findings, crimes,
        case_outcomes=pl.concat([extracts, sealed.case_outcomes.collect().select(extracts.columns)]),
        searches=sealed.searches,
    )  # fmt: skip


def build(
    sealed: Judged, country: Country, folder: Path, before: Path | None = None, public: Sequence[Path] = ()
) -> None:
    feeds.build(sealed, country, WINDOW, folder, KEY, ever_public=public, before=before)


def built_twice(
    now: Judged, country: Country, folder: Path, before: Path, public: Sequence[Path] = ()
) -> set[str]:
    """Build anew and over what was before: the same bytes. Returns the files that were taken over."""
    build(now, country, folder / "anew", public=public)
    build(now, country, folder / "over", before, public)
    anew, over = contents(folder / "anew"), contents(folder / "over")
    assert over.keys() == anew.keys()
    assert [name for name in anew if anew[name] != over[name]] == []
    return {
        name for name in over if (before / name).exists() and (folder / "over" / name).samefile(before / name)
    }


def lines_of(kind: str, month: date, force: str = "*") -> str:
    return f"{month:%Y-%m}/{month:%Y-%m}-{force}-{kind}.csv"


def names(folder: Path, pattern: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.glob(pattern)}


def of_force(crimes: pl.DataFrame, month: date, charged: bool) -> pl.DataFrame:
    """Greater Mercaster's burglaries of a month that were charged, or were not, and lie somewhere, by `row`."""
    return crimes.with_row_index("row").filter(
        pl.col("outcome_month").is_not_null() == charged, force=FORCE, month=month, category="Burglary"
    ).drop_nulls(["crime_ref", "longitude", "csp_code"])  # fmt: skip


def one_less(crimes: pl.DataFrame, month: date, charged: bool) -> pl.DataFrame:
    gone = of_force(crimes, month, charged)["row"][0]
    return crimes.filter(pl.int_range(pl.len()) != gone)


def one_moved(crimes: pl.DataFrame, month: date) -> pl.DataFrame:
    """The same, but that the westernmost burglary that was charged was where the easternmost was."""
    by_place = of_force(crimes, month, charged=True).sort("longitude")
    is_first = pl.int_range(pl.len()) == by_place["row"][0]
    return crimes.with_columns(
        pl.when(is_first).then(by_place[name][-1]).otherwise(name).alias(name)
        for name in ("longitude", "latitude")
    )


def test_only_the_month_of_a_changed_crime_is_published_anew(
    country: Country,
    sealed: Judged,
    crimes: pl.DataFrame,
    before: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = told(sealed, one_less(crimes, MAY, charged=False))
    kept = built_twice(now, country, tmp_path, before)
    for month in WINDOW:
        files = names(before, lines_of("street", month))
        assert files and (not files & kept if month == MAY else files <= kept)
    assert f"parquet/{SPRING}-street.parquet" not in kept and f"parquet/{WINTER}-street.parquet" in kept
    assert names(before, "geojson/*") <= kept, "they are of the newest month"
    made: list[date] = []
    publish = street.published

    def watched(crimes: pl.DataFrame, *rest: object) -> pl.DataFrame:
        made.extend(crimes["month"].unique())
        return publish(crimes, *rest)

    monkeypatch.setattr(street, "published", watched)
    build(now, country, tmp_path / "again", before)
    assert made == [MAY]
    build(told(sealed, crimes), country, tmp_path / "then", tmp_path / "again")
    assert made == [MAY, MAY], "what was taken over can be taken over again"
    assert contents(tmp_path / "then") == contents(before)


def test_the_outcomes_of_a_force_that_tells_the_same_are_taken_over(
    country: Country, sealed: Judged, crimes: pl.DataFrame, before: Path, tmp_path: Path
) -> None:
    kept = built_twice(told(sealed, one_less(crimes, APRIL, charged=True)), country, tmp_path, before)
    spring = (APRIL, MAY, JUNE)
    assert {lines_of("outcomes", month, "eastmark") for month in spring} <= kept
    assert not {lines_of("outcomes", month, FORCE) for month in spring} & kept
    # What a file tells is compared with every line of the release, and those differ.
    assert not {lines_of("outcomes", month, "northshire") for month in spring} & kept


def test_an_outcome_in_a_later_quarter_follows_its_crime(
    country: Country, sealed: Judged, crimes: pl.DataFrame, before: Path, tmp_path: Path
) -> None:
    """The outcomes of April are as they were, and a crime of March is somewhere else now."""
    kept = built_twice(told(sealed, one_moved(crimes, MARCH)), country, tmp_path, before)
    assert f"parquet/{SPRING}-street.parquet" in kept and f"parquet/{SPRING}-outcomes.parquet" not in kept
    name = lines_of("outcomes", APRIL, FORCE)
    assert lines_of("outcomes", APRIL, "eastmark") in kept and name not in kept
    old, new = (pl.read_csv(folder / name, infer_schema=False) for folder in (before, tmp_path / "over"))
    assert old["Crime ID"].sort().equals(new["Crime ID"].sort())
    assert old.join(new, on=old.columns, how="anti", nulls_equal=True).height == 1


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


#: A file of the build before, what befell it, and a file of no changed line that is made anew because of it.
DAMAGE = [
    (f"parquet/{SPRING}-street.parquet", cut, lines_of("street", APRIL, "eastmark")),
    (f"parquet/{SPRING}-street.parquet", altered, lines_of("street", APRIL, "eastmark")),
    (f"parquet/{SPRING}-outcomes.parquet", Path.unlink, lines_of("outcomes", APRIL, "eastmark")),
    (f"parquet/{SPRING}-outcomes.parquet", altered, lines_of("outcomes", APRIL, "eastmark")),
    (lines_of("street", APRIL, FORCE), Path.unlink, lines_of("street", APRIL, "eastmark")),
    (lines_of("outcomes", MARCH, FORCE), Path.unlink, lines_of("outcomes", WINDOW[1], FORCE)),
    ("parquet/points-by-month.parquet", Path.unlink, lines_of("street", MARCH, FORCE)),
    ("privacy.csv", altered, lines_of("street", MARCH, FORCE)),
    ("availability.csv", cut, lines_of("street", MARCH, FORCE)),
    ("latest.zip", Path.unlink, lines_of("street", MARCH, FORCE)),
    ("built.json", cut, lines_of("street", MARCH, FORCE)),
    ("SHA256SUMS", Path.unlink, lines_of("street", MARCH, FORCE)),
]


@pytest.mark.parametrize(
    "name, harm, anew", DAMAGE, ids=[f"{name} {harm.__name__}" for name, harm, _ in DAMAGE]
)
def test_what_is_damaged_is_not_taken_over(
    name: str,
    harm: Callable[[Path], None],
    anew: str,
    country: Country,
    sealed: Judged,
    crimes: pl.DataFrame,
    before: Path,
    tmp_path: Path,
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(before, damaged)
    harm(damaged / name)
    kept = built_twice(told(sealed, one_less(crimes, MAY, charged=True)), country, tmp_path, damaged)
    assert anew not in kept


def test_the_lines_of_a_quarter_are_read_as_they_were_written(before: Path, tmp_path: Path) -> None:
    for kind, columns in (("street", tables.NAMES), ("outcomes", outcomes.NAMES)):
        path = before / f"parquet/{SPRING}-{kind}.parquet"
        lines = tables.read_quarter(path, columns)
        assert lines.columns == list(columns) and lines["Longitude"].null_count()
        parts = [lines.filter(pl.col("Month") == month) for month in lines["Month"].unique().sort()]
        tables.write_quarter(pl.concat(parts, rechunk=kind == "outcomes"), tmp_path / kind, columns)
        assert (tmp_path / kind).read_bytes() == path.read_bytes()


#: Crimes that are lost, moved to the next one's place or given its outcome, and months without any.
changes = st.lists(
    st.tuples(
        st.sampled_from(["lost", "moved", "charged", "silent"]), st.sampled_from(WINDOW), st.integers(0, 200)
    ),
    max_size=3,
)


def changed(crimes: pl.DataFrame, what: str, month: date, nth: int) -> pl.DataFrame:
    at = crimes.with_row_index("row").filter(pl.col("month") == month)["row"]
    if what == "silent":
        return crimes.filter(~((pl.col("month") == month) & (pl.col("force") == "eastmark")))
    here = pl.int_range(pl.len()) == at[nth % len(at)]
    if what == "lost":
        return crimes.filter(~here)
    of = ("longitude", "latitude", "csp_code") if what == "moved" else ("outcome", "outcome_month")
    return crimes.with_columns(
        pl.when(here).then(pl.col(name).shift(-1)).otherwise(name).alias(name) for name in of
    )


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes, changes, st.booleans())
def test_whatever_differs_the_bytes_are_those_of_a_build_from_scratch(
    country: Country,
    sealed: Judged,
    crimes: pl.DataFrame,
    before: Path,
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[str, date, int]],
    then: list[tuple[str, date, int]],
    published: bool,
) -> None:
    """Twice over, each time from the build before, which may have been published."""
    folder = tmp_path_factory.mktemp("changed")
    for number, these in enumerate((first, then)):
        for change in these:
            crimes = changed(crimes, *change)
        built_twice(
            told(sealed, crimes), country, folder / str(number), before, [before] if published else []
        )
        before = folder / str(number) / "over"
    shutil.rmtree(folder)
