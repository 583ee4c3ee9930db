"""Verdicts: what was owed and did not come is missing; a true zero is a number."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from publish.gate import admit
from transforms import judging, sums
from transforms.contracts import tables
from transforms.contracts.columns import CATEGORIES
from transforms.contracts.status import STATUS
from transforms.holding import hold_verdicts, holds_of
from transforms.judging import JudgementError, judged
from transforms.quarter_rows import QuarterRows

MAY, JUNE, JULY, AUGUST = (date(2019, month, 1) for month in (5, 6, 7, 8))


def present(*rows: tuple[str, date, bool]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (force, "extract", month, "record-level", supplied, 10 if supplied else None,
             None if supplied else "nothing was supplied for this month", None)
            for force, month, supplied in rows
        ],
        schema={
            "force": pl.String, "file_type": pl.String, "month": pl.Date, "treatment": pl.String,
            "supplied": pl.Boolean, "rows": pl.Int64, "why": pl.String, "note": pl.String,
        },
        orient="row",
    ).with_columns(first_month=pl.col("month").min().over("force", "file_type"))  # fmt: skip


def recorded(*rows: tuple[str, date, int]) -> pl.DataFrame:
    return pl.DataFrame(
        list(rows), schema={"force": pl.String, "month": pl.Date, "rows": pl.Int64}, orient="row"
    )


def test_a_month_not_supplied_is_missing_since_the_first_such_month() -> None:
    verdicts = judging.verdicts_from_presence(
        present(("a", JUNE, True), ("a", JULY, False), ("a", AUGUST, False)), recorded(("a", JUNE, 10))
    )
    assert verdicts.select("month", "status", "since").rows() == [
        (JUNE, "complete", None), (JULY, "missing", JULY), (AUGUST, "missing", JULY),
    ]  # fmt: skip


def test_a_force_is_silent_since_the_register_says_that_it_stopped() -> None:
    """May's file is here and June's is not, but the register says that supply ended with June."""
    noted = pl.when(pl.col("month") >= JULY).then(pl.lit("no data since July"))
    for may in (True, False):
        rows = [("a", MAY, may), ("a", JUNE, False), ("a", JULY, False), ("a", AUGUST, False)]
        first = pl.when(pl.col("month") >= JULY).then(JULY).otherwise("first_month")
        owed = present(*rows).with_columns(note=noted, first_month=first)
        verdicts = judging.verdicts_from_presence(owed, recorded(("a", MAY, 10)))
        since = verdicts.filter(pl.col("month") > MAY).select("month", "since").rows()
        assert since == [(JUNE, JUNE if may else MAY), (JULY, JULY), (AUGUST, JULY)]


def test_a_silence_older_than_the_first_month_held_is_dated_by_the_register() -> None:
    """The records begin in June; the register has noted the outage since the year before."""
    rows = present(("a", JUNE, False), ("a", JULY, False), ("a", AUGUST, True)).with_columns(
        note=pl.lit("no data since July 2018"), first_month=date(2018, 7, 1)
    )
    verdicts = judging.verdicts_from_presence(rows, recorded(("a", AUGUST, 10)))
    assert verdicts["since"].to_list() == [date(2018, 7, 1), date(2018, 7, 1), None]
    for note in (None, "about 2,000 crimes a month have no location"):
        unsaid = judging.verdicts_from_presence(rows.with_columns(note=pl.lit(note, pl.String)), recorded())
        assert unsaid["since"].to_list() == [JUNE] * 3, "a note on what is supplied dates no silence"


def test_strays_of_a_silent_month_do_not_make_it_supplied() -> None:
    """Records of July that arrived in later files do not stand for July's own file."""
    verdicts = judging.verdicts_from_presence(
        present(("a", JUNE, True), ("a", JULY, False)), recorded(("a", JUNE, 10), ("a", JULY, 3))
    )
    assert verdicts.get_column("status").to_list() == ["complete", "missing"]


def test_a_file_that_holds_no_record_of_its_month_is_missing_not_zero() -> None:
    verdicts = judging.verdicts_from_presence(present(("a", JUNE, True)), recorded(("a", JULY, 10)))
    assert verdicts.select("status", "reason").rows() == [
        ("missing", "a file was supplied but it holds no record of this month")
    ]


def verdict(force: str, month: date, status: str) -> dict[str, Any]:
    since = None if status == "complete" else month
    return {"force": force, "file_type": "extract", "month": month, "status": status, "reason": "r",
            "since": since, "coverage": None}  # fmt: skip


def verdicts(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(tables.Verdicts.create_empty().schema))


def area_grid(*rows: tuple[str, date, str, bool, int | None]) -> pl.LazyFrame:
    return pl.LazyFrame(
        [(f, m, a, CATEGORIES[0], s, n) for f, m, a, s, n in rows],
        schema=dict(tables.AreaGrid.create_empty().schema),
        orient="row",
    )


LSOAS = pl.DataFrame({"force": ["a", "a"], "lsoa_code": ["x", "y"], "neighbourhood": ["n1", "n2"]})


def test_a_cell_inherits_its_verdict_and_is_never_judged_by_its_own_zero() -> None:
    grid = area_grid(("a", JUNE, "x", True, 0), ("a", JULY, "x", False, None))
    cells = judging.judge_areas(
        grid, verdicts(verdict("a", JUNE, "complete"), verdict("a", JULY, "missing")),
        tables.Holds.create_empty(),
    ).sort("month").collect()  # fmt: skip
    assert cells.select("count", "status").rows() == [(0, "complete"), (None, "missing")]


def totals(counts: list[int | None]) -> pl.DataFrame:
    months = [date(2018 + i // 12, i % 12 + 1, 1) for i in range(len(counts))]
    return pl.DataFrame({"force": "a", "neighbourhood": "n1", "month": months, "count": counts})


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([30] * 8 + [0], 1),
        ([30] * 5 + [0], 0),  # too short a past to say
        ([10] * 8 + [0], 0),  # a quiet place may well have none
        ([30, None] * 6 + [0], 1),  # gaps are no part of the past
        ([30] * 8 + [1], 0),
    ],
    ids=["busy", "short-past", "quiet", "gaps", "not-zero"],
)
def test_a_busy_place_without_one_crime_is_held_for_a_person(counts: list[int | None], found: int) -> None:
    frame = totals(counts)
    month = frame.get_column("month")[-1]
    findings = judging.busy_places_gone_quiet(frame, verdicts(verdict("a", month, "complete")), [month])
    assert findings.height == found
    assert tables.Findings.is_valid(findings, cast=True)


def test_a_held_place_is_unjudged_and_its_neighbours_are_not() -> None:
    findings = judging.busy_places_gone_quiet(
        totals([30] * 8 + [0]), verdicts(verdict("a", date(2018, 9, 1), "complete")), [date(2018, 9, 1)]
    )
    grid = area_grid(("a", date(2018, 9, 1), "x", True, 0), ("a", date(2018, 9, 1), "y", True, 0))
    cells = judging.judge_areas(
        grid, verdicts(verdict("a", date(2018, 9, 1), "complete")), holds_of(findings, LSOAS)
    )
    assert cells.sort("lsoa_code").select("count", "status").collect().rows() == [
        (None, "unjudged"),
        (0, "complete"),
    ]


def days(last: int, rows: int = 40) -> pl.DataFrame:
    return pl.DataFrame(
        {"force": "a", "month": JULY, "day": range(1, last + 1), "rows": rows},
        schema=dict(tables.RecordedDays.create_empty().schema),
    )


@pytest.mark.parametrize(("last", "status"), [(17, "unjudged"), (30, "unjudged"), (31, "complete")])
def test_a_month_whose_last_recorded_day_comes_early_is_held_whatever_its_count(
    last: int, status: str
) -> None:
    findings = judging.cut_short(days(last), [JULY])
    held = hold_verdicts(verdicts(verdict("a", JULY, "complete")), holds_of(findings, LSOAS))
    assert held.get_column("status").to_list() == [status]
    assert tables.Verdicts.is_valid(held)
    if status == "unjudged":
        assert held.get_column("coverage").item() == pytest.approx(last / 31, abs=0.01)
        assert "held until someone has decided" in held.get_column("reason").item()


def test_a_missing_month_stays_missing_when_its_late_records_stop_early() -> None:
    findings = judging.cut_short(days(10), [JULY])
    held = hold_verdicts(verdicts(verdict("a", JULY, "missing")), holds_of(findings, LSOAS))
    assert held.get_column("status").to_list() == ["missing"]


def test_crimes_of_a_month_that_is_not_owed_are_told() -> None:
    owed = pl.DataFrame({"force": ["a"], "file_type": ["extract"], "month": [JULY]})
    told = judging.unowed(recorded(("a", JUNE, 7), ("a", JULY, 9)), owed)
    assert told.select("code", "force", "first_month", "observed").rows() == [("W40", "a", JUNE, 7.0)]


def sealed(count: int | None, status: str, of_force: str) -> judging.Judged:
    areas = pl.DataFrame(
        [("a", JUNE, "x", CATEGORIES[0], count, status)],
        schema=dict(tables.AreaCounts.create_empty().schema),
        orient="row",
    )
    return judged(
        tables.OffenceCounts.create_empty(), areas, verdicts(verdict("a", JUNE, of_force)),
        tables.Findings.create_empty(), tables.Counted.create_empty(),
    )  # fmt: skip


def test_a_number_that_no_verdict_allows_cannot_be_sealed() -> None:
    assert sealed(0, "complete", "complete").areas.collect().height == 1
    with pytest.raises(JudgementError, match="a 2019-06 holds figures that no verdict allows"):
        sealed(0, "complete", "missing")


NEIGHBOURHOODS = pl.DataFrame(
    [("a", "x", "N1"), ("a", "y", "N1"), ("a", "z", "N2"), ("b", "w", "N1")],
    schema=["force", "lsoa_code", "neighbourhood"],
    orient="row",
)


def areas_of(*rows: tuple[str, str, int | None, str]) -> pl.DataFrame:
    """Cells of June, of one crime type, by force and LSOA."""
    return pl.DataFrame(
        [(force, JUNE, lsoa, CATEGORIES[0], count, status) for force, lsoa, count, status in rows],
        schema=dict(tables.AreaCounts.create_empty().schema),
        orient="row",
    )


def test_areas_are_added_up_by_neighbourhood_and_one_without_a_number_leaves_none() -> None:
    areas = areas_of(
        ("a", "x", 2, "complete"), ("a", "y", 3, "partial"), ("a", "z", None, "unjudged"),
        ("a", "no location", 1, "complete"), ("b", "w", 0, "complete"), ("b", "x", 4, "complete"),
    )  # fmt: skip
    added = tables.NeighbourhoodCounts.validate(sums.of_areas(areas.lazy(), NEIGHBOURHOODS))
    assert added.select("force", "neighbourhood", "areas", "count", "status").rows() == [
        ("a", "N1", 2, 5, "partial"), ("a", "N2", 1, None, "unjudged"), ("a", "no location", 1, 1, "complete"),
        # Where another force's area is written, it is in no neighbourhood of this one.
        ("b", "N1", 1, 0, "complete"), ("b", "x", 1, 4, "complete"),
    ]  # fmt: skip


def test_neighbourhoods_are_sealed_as_their_areas_are() -> None:
    areas = areas_of(("a", "x", 2, "complete"))
    added = sums.of_areas(areas.lazy(), NEIGHBOURHOODS)
    nothing = [QuarterRows.of(each.create_empty()) for each in (tables.ListedCounts, tables.ListedOutcomes)]

    def seal(neighbourhoods: pl.DataFrame, of_force: str = "complete") -> judging.Judged:
        return judged(
            tables.OffenceCounts.create_empty(), areas if of_force == "complete" else areas.clear(),
            verdicts(verdict("a", JUNE, of_force)), tables.Findings.create_empty(),
            tables.Counted.create_empty(), added=sums.Sums(QuarterRows.of(neighbourhoods), *nothing),
        )  # fmt: skip

    assert seal(added).by_neighbourhood(NEIGHBOURHOODS, [JUNE]).collect().equals(added)
    assert seal(added).by_neighbourhood(NEIGHBOURHOODS, [JULY]).collect().is_empty()
    with pytest.raises(JudgementError, match="neighbourhoods: a 2019-06 is judged and not added up"):
        seal(added.clear())
    with pytest.raises(JudgementError, match="NeighbourhoodCounts: 1 cells break"):
        seal(added.with_columns(count=pl.lit(None, pl.Int64)))
    with pytest.raises(
        JudgementError, match="neighbourhoods: a 2019-06 holds figures that no verdict allows"
    ):
        seal(added, "missing")


def test_a_crime_of_a_month_that_may_not_be_published_cannot_be_sealed() -> None:
    crime = dict.fromkeys(tables.Counted.column_names())
    crime |= {"force": "a", "month": JULY, "category": CATEGORIES[0], "counted": 1, "supply": "0" * 64}
    crimes = pl.DataFrame([crime], schema=dict(tables.Counted.create_empty().schema))
    with pytest.raises(JudgementError, match="crimes: a 2019-07"):
        judged(
            tables.OffenceCounts.create_empty(), tables.AreaCounts.create_empty(),
            verdicts(verdict("a", JULY, "missing")), tables.Findings.create_empty(), crimes,
        )  # fmt: skip


def test_outcomes_and_removals_of_a_month_that_may_not_be_published_cannot_be_sealed() -> None:
    outcome = pl.DataFrame(
        [("a", "recorded", JULY, "8N", "1", None, 4)],
        schema=dict(tables.OutcomeCounts.create_empty().schema),
        orient="row",
    )
    removal = pl.DataFrame(
        [("a", JULY, "8N", "cancelled", 2)],
        schema=dict(tables.RemovedTally.create_empty().schema),
        orient="row",
    )
    for more in ({"outcomes": outcome}, {"removed": removal}):
        for status in ("complete", "missing"):
            frames = (
                tables.OffenceCounts.create_empty(), tables.AreaCounts.create_empty(),
                verdicts(verdict("a", JULY, status)), tables.Findings.create_empty(), tables.Counted.create_empty(),
            )  # fmt: skip
            if status == "complete":
                assert judged(*frames, **more).outcomes.height + judged(*frames, **more).removed.height == 1
            else:
                with pytest.raises(JudgementError, match=f"{next(iter(more))}: a 2019-07"):
                    judged(*frames, **more)


def test_a_crime_in_a_cell_that_is_held_cannot_be_sealed() -> None:
    crime = dict.fromkeys(tables.Counted.column_names())
    crime |= {"force": "a", "month": JUNE, "category": CATEGORIES[0], "counted": 1, "supply": "0" * 64}
    crimes = pl.DataFrame([crime | {"lsoa_code": "x"}], schema=dict(tables.Counted.create_empty().schema))
    held = sealed(None, "unjudged", "complete")
    with pytest.raises(
        JudgementError, match="a 2019-06 lists Anti-social behaviour in x, whose figure is held"
    ):
        judged(held.offences, held.areas, held.verdicts, held.findings, crimes)


def test_the_gate_takes_judged_tables_and_nothing_else() -> None:
    good = sealed(3, "complete", "complete")
    assert admit(good) is good
    for other in (good.areas, {"areas": good.areas}, None):
        with pytest.raises(JudgementError, match="publish takes Judged tables"):
            admit(other)
    with pytest.raises(JudgementError, match=r"made by transforms\.judging\.judged"):
        judging.Judged(
            good.offences,
            good.areas,
            good.verdicts,
            good.findings,
            good.crimes,
            good.outcomes,
            good.removed,
            good.case_outcomes,
            good.searches,
            good.decisions,
            good.sums,
            object(),
        )


def test_a_status_without_a_reason_for_no_number_fails_the_contract() -> None:
    with pytest.raises(Exception, match="number_only_where_status_allows"):
        sealed(0, "missing", "missing")
    assert STATUS.categories.to_list()[-1] == "missing"


def test_an_offence_code_is_held_with_its_crime_type() -> None:
    grid = pl.LazyFrame(
        [("a", JUNE, code, True, 0) for code in ("28E", "30C", "999")],
        schema=dict(tables.OffenceGrid.create_empty().schema),
        orient="row",
    )
    holds = pl.DataFrame(
        [("w33", "a", JUNE, None, "Burglary", "unjudged", "r", JUNE, 0.1)],
        schema=dict(tables.Holds.create_empty().schema),
        orient="row",
    )
    types = pl.DataFrame({"offence_code": ["28E", "30C"], "category": ["Burglary", "Burglary"]})
    cells = judging.judge_offences(grid, verdicts(verdict("a", JUNE, "complete")), holds, types).collect()
    assert cells.sort("offence_code").select("offence_code", "count", "status").rows() == [
        ("28E", None, "unjudged"), ("30C", None, "unjudged"), ("999", 0, "complete"),
    ]  # fmt: skip
