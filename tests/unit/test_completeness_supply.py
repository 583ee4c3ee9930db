"""The judge wired to the line's tables: what it finds becomes findings, and a larger finding speaks for a smaller."""

from collections.abc import Collection, Mapping
from datetime import date
from functools import partial

import numpy as np
import polars as pl
import pytest

from fixtures import faults
from transforms import holding
from transforms.completeness import constants, judgement, local, localise, signatures, supply
from transforms.contracts import tables
from transforms.contracts.columns import CATEGORY, NO_LOCATION, OUTSIDE

MONTHS = faults.months()
LAST = faults.FAULTY
FORCE = "cedarshire"


def present(
    forces: list[str], silent: tuple[tuple[str, date], ...] = (), kinds: tuple[str, ...] = ("extract",)
) -> pl.DataFrame:
    rows = [
        (force, kind, month, "record-level", (force, month) not in silent,
         None if (force, month) in silent else 500, None, None)
        for force in forces for kind in kinds for month in MONTHS
    ]  # fmt: skip
    return pl.DataFrame(
        rows,
        schema={
            "force": pl.String, "file_type": pl.String, "month": pl.Date, "treatment": pl.String,
            "supplied": pl.Boolean, "rows": pl.Int64, "why": pl.String, "note": pl.String,
        },
        orient="row",
    )  # fmt: skip


def of_the_line(counts: pl.DataFrame, areas: pl.DataFrame) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """Counts and areas of the faults as an area grid and LSOAs; what is not counted is a true zero there."""
    lsoas = areas.select("force", lsoa_code="area", neighbourhood="csp")
    grid = (
        counts.join(areas.select("area", "force"), on="area")
        .select(
            "force", "month", lsoa_code="area", category=pl.col("category").cast(CATEGORY),
            supplied=pl.lit(True), count="n",
        )
    )  # fmt: skip
    return grid.lazy(), lsoas


@pytest.fixture(scope="module")
def clean() -> tuple[pl.LazyFrame, pl.DataFrame]:
    return of_the_line(*faults.country())


def test_a_whole_country_raises_nothing_and_says_what_it_expected(
    clean: tuple[pl.LazyFrame, pl.DataFrame],
) -> None:
    grid, lsoas = clean
    done = supply.judge_grid(grid, present(list(faults.FORCES)), lsoas)
    assert done.findings.is_empty()
    assert tables.Expected.is_valid(done.expected)
    assert done.expected.height == len(faults.FORCES) * len(MONTHS)


@pytest.mark.parametrize(
    ("code", "held"), [("W31", (None, None)), ("W33", (None, "Other theft")), ("W35", ("CED007", None))]
)
def test_what_the_judge_finds_holds_its_own_part(code: str, held: tuple[str | None, str | None]) -> None:
    grid, lsoas = of_the_line(*faults.cube_fault(code))
    found = supply.judge_grid(grid, present(list(faults.FORCES)), lsoas).findings
    tables.Findings.validate(found)
    mine = found.filter(pl.col("code") == code)
    assert mine["force"].to_list() == [FORCE]
    parts = holding.holds_of(mine, lsoas)
    assert (*held,) in parts.select("lsoa_code", pl.col("category").cast(pl.String)).rows()
    assert parts["month"].unique().to_list() == [LAST]


def test_a_force_without_areas_is_judged_by_its_total(clean: tuple[pl.LazyFrame, pl.DataFrame]) -> None:
    grid, lsoas = clean
    railway = grid.filter(pl.col("force") == FORCE).with_columns(
        force=pl.lit("railway"), lsoa_code=pl.lit(OUTSIDE)
    )
    cut = railway.with_columns(
        count=pl.when(pl.col("month") == LAST).then(pl.col("count") // 3).otherwise("count")
    )
    done = supply.judge_grid(pl.concat([grid, cut]), present([*faults.FORCES, "railway"]), lsoas)
    assert done.findings.select("force", "level", "first_month").rows() == [("railway", "force", LAST)]


def test_records_elsewhere_or_nowhere_are_in_no_area(clean: tuple[pl.LazyFrame, pl.DataFrame]) -> None:
    grid, lsoas = clean
    stray = grid.filter(pl.col("lsoa_code") == "CED001")
    more = pl.concat(
        [grid, *(stray.with_columns(lsoa_code=pl.lit(place)) for place in (OUTSIDE, NO_LOCATION))]
    )
    counts, _ = supply.counts_of(more, lsoas, present(list(faults.FORCES)))
    counts = counts.collect()
    assert counts["area"].null_count() == stray.collect().group_by("month", "category").len().height
    assert OUTSIDE not in counts["area"].to_list()


def test_too_few_forces_are_not_judged_by_one_another(clean: tuple[pl.LazyFrame, pl.DataFrame]) -> None:
    grid, lsoas = clean
    three = list(faults.FORCES[:3])
    done = supply.judge_grid(
        grid.filter(pl.col("force").is_in(three), pl.col("month") != LAST), present(three), lsoas
    )
    assert done.findings.select("code", "severity", "force").rows() == [
        ("W43", "info", each) for each in three
    ]
    assert "unjudged" in done.findings["sentence"][0]
    assert done.expected.is_empty()


def test_a_month_that_never_came_is_one_finding_and_what_follows_it_another() -> None:
    counts, areas = faults.country()
    gone = pl.col("area").str.starts_with("CED") & (pl.col("month") == MONTHS[-2])
    part = pl.col("area").str.starts_with("CED") & (pl.col("month") == LAST)
    counts = (
        counts.filter(~gone)
        .with_columns(n=pl.when(part).then(pl.col("n") // 2).otherwise("n"))
        .filter(pl.col("n") > 0)
    )
    grid, lsoas = of_the_line(counts, areas)
    owed = present(list(faults.FORCES), ((FORCE, MONTHS[-2]),))
    done = supply.judge_grid(grid, owed, lsoas)
    rules = supply.presence_findings(owed)
    found = supply.unexplained(done.findings, done.expected, rules, lsoas)
    tables.Findings.validate(found)
    assert found.select("code", "first_month", "last_month").sort("code").rows() == [
        ("W08", MONTHS[-2], MONTHS[-2]), ("W31", LAST, LAST),
    ]  # fmt: skip
    rest = found.filter(pl.col("code") == "W31").row(0, named=True)
    assert rest["observed"] / rest["expected"] == pytest.approx(0.45, abs=0.1)


def test_presence_tells_a_silent_force_once_and_a_torn_month_by_its_file() -> None:
    kinds = ("outcomes", "street")
    owed = present([FORCE], ((FORCE, MONTHS[3]), (FORCE, MONTHS[4])), kinds)
    torn = (pl.col("file_type") == "outcomes") & (pl.col("month") == LAST)
    owed = owed.with_columns(rows=pl.when(~torn).then("rows"))
    found = supply.presence_findings(owed)
    assert found.select("code", "first_month", "last_month", "category").rows() == [
        ("W01", MONTHS[3], MONTHS[4], None), ("W07", LAST, LAST, "outcomes"),
    ]  # fmt: skip
    assert holding.holds_of(found.filter(pl.col("code") == "W07"), pl.DataFrame(
        schema={"force": pl.String, "lsoa_code": pl.String, "neighbourhood": pl.String}
    )).is_empty()  # fmt: skip


def test_an_empty_file_is_told_as_such() -> None:
    owed = present([FORCE]).with_columns(rows=pl.when(pl.col("month") == LAST).then(0).otherwise("rows"))
    assert supply.presence_findings(owed)["code"].to_list() == ["W02"]


def test_a_loss_of_location_speaks_for_the_areas_and_holds_them_but_not_the_total() -> None:
    counts, areas = faults.country()
    lost = counts.with_columns(
        area=pl.when(pl.col("area").is_between(pl.lit("CED006"), pl.lit("CED023")) & (pl.col("month") == LAST))
        .then(pl.lit(NO_LOCATION)).otherwise("area")
    ).group_by("month", "area", "category").agg(pl.col("n").sum())  # fmt: skip
    here = pl.DataFrame({"area": [NO_LOCATION], "force": [FORCE], "csp": [""]})
    grid, _ = of_the_line(lost, pl.concat([areas, here]))
    lsoas = areas.select("force", lsoa_code="area", neighbourhood="csp")
    rules = supply.location_lost(supply.place_totals(grid))
    assert rules.select("code", "force", "first_month").rows() == [("W06", FORCE, LAST)]
    done = supply.judge_grid(grid, present(list(faults.FORCES)), lsoas)
    found = supply.unexplained(done.findings, done.expected, rules, lsoas)
    assert found["code"].to_list() == ["W06"]
    held = holding.holds_of(found, lsoas)
    assert held["lsoa_code"].null_count() == 0
    assert held["lsoa_code"].n_unique() == 18


def test_a_month_that_stops_early_is_one_finding_in_the_judges_measure() -> None:
    grid, lsoas = of_the_line(*faults.cube_fault("W31"))
    done = supply.judge_grid(grid, present(list(faults.FORCES)), lsoas)
    short = done.findings.filter(pl.col("code") == "W31").row(0, named=True)
    days = pl.DataFrame({"force": FORCE, "month": LAST, "day": range(1, 19), "n": 20})
    found = supply.unexplained(done.findings, done.expected, signatures.partial_by_day_profile(days), lsoas)
    assert found["code"].to_list() == ["W32"]
    told = found.row(0, named=True)
    assert (told["observed"], told["expected"]) == (short["observed"], short["expected"])
    assert "came where about" in told["sentence"]


def test_a_judgement_that_goes_on_from_an_earlier_one_is_the_same_and_goes_through_what_changed_alone(
    clean: tuple[pl.LazyFrame, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = supply.judge_grid(clean[0], present(list(faults.FORCES)), clean[1])
    tables.JudgedMonths.validate(before.months)
    grid, lsoas = of_the_line(*faults.cube_fault("W35"))
    anew = supply.judge_grid(grid, present(list(faults.FORCES)), lsoas)
    gone_through = []
    localise = judgement.localise

    def spy(t: int, *rest, **options):  # type: ignore[no-untyped-def]
        gone_through.append(t)
        return localise(t, *rest, **options)

    monkeypatch.setattr(judgement, "localise", spy)
    again = supply.judge_grid(grid, present(list(faults.FORCES)), lsoas, before.months)
    assert again.findings.rows() == anew.findings.rows() != before.findings.rows()
    assert again.expected.equals(anew.expected)
    assert again.months.equals(anew.months)
    # The first months are expected from the later ones, for they have none before.
    changed = MONTHS.index(LAST)
    assert gone_through
    assert all(t < constants.MINIMUM_HISTORY or t >= changed for t in gone_through)
    gone_through.clear()
    assert supply.judge_grid(grid, present(list(faults.FORCES)), lsoas, again.months).findings.equals(
        anew.findings
    )
    assert gone_through == []


def same(one: Mapping[str, local.State | None], other: Mapping[str, local.State | None]) -> bool:
    """Whether states are the same to the last digit."""
    as_bytes = [
        {
            key: state and {name: each.tobytes() for name, each in state.items()}
            for key, state in states.items()
        }
        for states in (one, other)
    ]
    return as_bytes[0] == as_bytes[1]


def unreadable() -> local.State:
    raise ValueError("it is damaged")


def test_months_that_are_known_are_not_learned_again_after_a_kept_state(
    clean: tuple[pl.LazyFrame, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = present(list(faults.FORCES))
    before = supply.judge_grid(clean[0], everyone, clean[1], kept={})
    assert len(before.states) == judgement.STATES
    grid, lsoas = of_the_line(*faults.cube_fault("W35"))
    anew = supply.judge_grid(grid, everyone, lsoas, kept={})
    learned = []
    learn = local.LocalModel.learn

    def spy(self: local.LocalModel, t: int, *rest) -> None:  # type: ignore[no-untyped-def]
        learned.append(t)
        learn(self, t, *rest)

    monkeypatch.setattr(local.LocalModel, "learn", spy)

    def again(
        grid: pl.LazyFrame, earlier: supply.SupplyJudgement, damaged: Collection[str] = ()
    ) -> tuple[list[int], supply.SupplyJudgement]:
        """The months that are learned of a judgement that goes on from an earlier one."""
        learned.clear()
        kept = {
            key: unreadable if key in damaged else partial(dict, state or {})
            for key, state in earlier.states.items()
        }
        return learned, supply.judge_grid(grid, everyone, lsoas, earlier.months, kept)

    # The first months are expected from the later ones, for they have none before.
    first, changed = list(range(constants.MINIMUM_HISTORY)), MONTHS.index(LAST)
    for earlier, wanted in ((before, [*first, changed]), (anew, [changed])):
        gone_through, done = again(grid, earlier)
        assert gone_through == wanted
        assert done.findings.equals(anew.findings)
        assert done.expected.equals(anew.expected)
        assert done.months.equals(anew.months)
        assert list(done.states) == list(anew.states)
    # A state that cannot be read is passed over for the one before it, and made anew.
    *_, latest = anew.states
    gone_through, done = again(grid, anew, [latest])
    assert gone_through == [changed - 1, changed]
    assert same(done.states, dict.fromkeys(anew.states) | {latest: anew.states[latest]})
    # Of a month that has changed, and of those after it, nothing that was learned is taken over.
    other = grid.with_columns(
        count=pl.when(pl.col("month") == MONTHS[changed - 1]).then(pl.col("count") + 1).otherwise("count")
    )
    gone_through, done = again(other, anew)
    assert gone_through == [*first, changed - 1, changed]
    wanted_of_other = supply.judge_grid(other, everyone, lsoas, kept={})
    assert done.findings.equals(wanted_of_other.findings)
    *_, latest = wanted_of_other.states
    assert same({latest: done.states[latest]}, {latest: wanted_of_other.states[latest]})


def test_what_is_kept_of_a_month_is_what_was_found_to_the_last_digit() -> None:
    found = [
        localise.Incident(
            np.int64(3), 1, "area", "area", np.float64(0.1) + 0.2, 1 / 3, float("inf"), -np.inf,
            np.array([4, 7]), "Cedar", np.int64(2), lost=1e-300,
        ),
        localise.Incident(0, 0, "missing", "force", 0.0, 1.0, 0.002, 1.5),
    ]  # fmt: skip
    again = localise.read(localise.written(found))
    assert [{**vars(each), "areas": None} for each in again] == [
        {**vars(each), "areas": None} for each in found
    ]
    assert again[0].areas is not None
    assert again[0].areas.tolist() == [4, 7]
    assert again[1].areas is None
