"""What findings hold back, and what each decision does to it: nothing held becomes a number unless someone says so."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from transforms import holding
from transforms.contracts import tables
from transforms.contracts.columns import CATEGORIES
from transforms.contracts.status import allows_number

JUNE, JULY = date(2019, 6, 1), date(2019, 7, 1)
BURGLARY, DRUGS, THEFT = "Burglary", "Drugs", "Other theft"
LSOAS = pl.DataFrame(
    {
        "force": ["a", "a", "a", "b"],
        "lsoa_code": ["a1", "a2", "a3", "b1"],
        "neighbourhood": ["n1", "n1", "n2", "n1"],
    }
)


def finding(code: str = "W31", severity: str = "block", **more: Any) -> dict[str, Any]:
    return {
        "finding": f"{code.lower()}-a", "code": code, "severity": severity, "level": "force", "force": "a",
        "area": None, "category": None, "first_month": JUNE, "last_month": JUNE, "observed": 60.0,
        "expected": 100.0, "low": 90.0, "high": 110.0, "sentence": "s", "next_steps": "n",
    } | more  # fmt: skip


def holds(*rows: dict[str, Any]) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), schema=dict(tables.Findings.create_empty().schema))
    return tables.Holds.validate(holding.holds_of(frame, LSOAS))


def decision(action: str, entry: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "entry": entry, "decided_at": datetime(2020, 1, entry, 9, tzinfo=UTC), "author": "A Checker",
        "action": action, "finding": None, "force": "a", "file_type": None, "area": None, "category": None,
        "first_month": JUNE, "last_month": JUNE, "coverage": 0.6 if action == "mark partial" else None,
        "reason": "The force has said so.", "evidence": None, "expires": None, "undoes": None,
    } | more  # fmt: skip


def decided(held: pl.DataFrame, *rows: dict[str, Any]) -> pl.DataFrame:
    ledger = tables.Decisions.validate(
        pl.DataFrame(list(rows), schema=tables.Decisions.create_empty().schema)
    )
    return tables.Holds.validate(holding.decide(held, ledger, LSOAS))


def verdicts(status: str = "complete") -> pl.DataFrame:
    return pl.DataFrame(
        [("a", "extract", month, status, "as supplied", None, None) for month in (JUNE, JULY)],
        schema=dict(tables.Verdicts.create_empty().schema),
        orient="row",
    )


def statuses(held: pl.DataFrame, supplied: str = "complete") -> list[str]:
    found = holding.hold_verdicts(verdicts(supplied), held)
    return tables.Verdicts.validate(found).sort("month")["status"].cast(pl.String).to_list()


def cells(held: pl.DataFrame) -> dict[tuple[str, str], tuple[int | None, str]]:
    """The June cells of force a after the holds, by LSOA and type."""
    grid = pl.DataFrame(
        [
            ("a", JUNE, area, category, 0, "complete")
            for area in ("a1", "a2", "a3", "no location")
            for category in (BURGLARY, DRUGS)
        ],
        schema=dict(tables.AreaCounts.create_empty().schema),
        orient="row",
    )
    frame = holding.hold_cells(grid.lazy(), held).collect()
    return {(row[2], row[3]): (row[4], row[5]) for row in frame.rows()}


def test_a_force_a_type_some_areas_and_a_cell_hold_what_they_name_and_nothing_else() -> None:
    found = holds(
        finding("W31"),
        finding("W33", finding="type", category=BURGLARY),
        finding("W34", "sign-off", finding="areas", area="a1;a3"),
        finding("W34", "sign-off", finding="beat", area="n1"),
        finding("W27", finding="mapping", category=f"{DRUGS} > {THEFT}"),
    )
    assert set(found.select("finding", "lsoa_code", "category").rows()) == {
        ("w31-a", None, None), ("type", None, BURGLARY), ("areas", "a1", None), ("areas", "a3", None),
        ("beat", "a1", None), ("beat", "a2", None), ("mapping", None, DRUGS), ("mapping", None, THEFT),
    }  # fmt: skip


def test_areas_that_are_much_of_the_force_hold_its_total_with_them() -> None:
    held = holds(finding("W34", "block", area="a1;a2"))
    assert set(held["lsoa_code"].to_list()) == {"a1", "a2", None}
    assert statuses(held) == ["unjudged", "complete"]


@pytest.mark.parametrize(
    "row", [finding("W31", "warn"), finding("W14", "sign-off"), finding("W09", "sign-off")]
)
def test_what_only_warns_or_is_not_about_a_shortage_holds_nothing(row: dict[str, Any]) -> None:
    assert holds(row).is_empty()


def test_a_held_type_reaches_every_area_and_a_held_area_every_type() -> None:
    held = holds(finding("W33", category=BURGLARY), finding("W35", "sign-off", finding="area", area="a3"))
    found = cells(held)
    assert {cell for cell, (count, status) in found.items() if status == "unjudged" and count is None} == {
        ("a1", BURGLARY), ("a2", BURGLARY), ("a3", BURGLARY), ("no location", BURGLARY), ("a3", DRUGS),
    }  # fmt: skip
    assert found["a1", DRUGS] == (0, "complete")
    assert statuses(held) == ["complete", "complete"], "the force's month is judged apart from its parts"


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("confirm gap", "missing"),
        ("accept as genuine", "complete"),
        ("ask for resupply", "unjudged"),
        ("mark partial", "partial"),
        ("defer", "unjudged"),
        ("exclude from comparison", "unjudged"),
    ],
)
def test_each_decision_gives_its_status(action: str, status: str) -> None:
    held = holds(finding("W31"))
    assert statuses(held) == ["unjudged", "complete"]
    for about in ("w31-a", None):
        assert statuses(decided(held, decision(action, finding=about))) == [status, "complete"]


def test_a_partial_month_carries_the_coverage_that_was_decided() -> None:
    marked = decided(holds(finding("W31")), decision("mark partial", finding="w31-a", coverage=0.42))
    june = holding.hold_verdicts(verdicts(), marked).row(0, named=True)
    assert (june["status"], june["coverage"], june["since"]) == ("partial", 0.42, JUNE)
    assert "The force has said so" not in june["reason"], "an author's words are not published"


def test_the_latest_decision_counts_and_other_findings_still_hold() -> None:
    held = holds(finding("W31"), finding("W32"))
    accepted = decision("accept as genuine", 1, finding="w31-a")
    assert statuses(decided(held, accepted)) == ["unjudged", "complete"], "W32 was not decided"
    both = decision("accept as genuine", 2, finding="w32-a")
    assert statuses(decided(held, accepted, both)) == ["complete", "complete"]
    again = decision("ask for resupply", 3, finding="w32-a")
    assert statuses(decided(held, accepted, both, again)) == ["unjudged", "complete"]


def test_a_decision_on_a_finding_lapses_with_it_and_one_on_a_scope_stands_alone() -> None:
    nothing = holds()
    assert statuses(decided(nothing, decision("confirm gap", finding="w31-a"))) == ["complete", "complete"]
    assert statuses(decided(nothing, decision("confirm gap", last_month=JULY))) == ["missing", "missing"]
    assert statuses(decided(nothing, decision("defer"))) == ["complete", "complete"]


def test_nothing_decided_makes_a_month_that_never_came_a_number() -> None:
    for action in holding.DECIDED:
        assert statuses(decided(holds(), decision(action)), "missing") == ["missing", "missing"]


def test_a_decision_on_an_area_or_type_touches_only_that() -> None:
    held = holds(finding("W34", "sign-off", area="a1;a3"), finding("W33", finding="type", category=BURGLARY))
    found = cells(decided(held, decision("accept as genuine", area="a1")))
    assert found["a1", DRUGS] == (0, "complete")
    assert found["a3", DRUGS] == (None, "unjudged")
    assert found["a1", BURGLARY] == (None, "unjudged")
    found = cells(decided(held, decision("confirm gap", area="n2", category=DRUGS)))
    assert found["a3", DRUGS] == (None, "missing")


def test_a_decision_about_another_file_changes_no_crime_figure() -> None:
    assert statuses(decided(holds(), decision("confirm gap", file_type="outcomes"))) == [
        "complete",
        "complete",
    ]


def test_no_crime_in_a_held_part_is_listed() -> None:
    held = holds(finding("W33", category=BURGLARY), finding("W35", "sign-off", finding="area", area="a3"))
    crimes = pl.LazyFrame(
        [("a", JUNE, area, category) for area in ("a1", "a3", None) for category in (BURGLARY, DRUGS)],
        schema={
            "force": pl.String, "month": pl.Date, "lsoa_code": pl.String, "category": pl.Enum(CATEGORIES),
        },
        orient="row",
    )  # fmt: skip
    assert set(holding.without_held(crimes, held).collect().select("lsoa_code", "category").rows()) == {
        ("a1", DRUGS), (None, DRUGS),
    }  # fmt: skip


def test_a_cell_with_no_number_is_null_and_one_with_a_number_is_not() -> None:
    held = decided(
        holds(finding("W34", "sign-off", area="a1;a2")), decision("mark partial", area="a1", finding=None)
    )
    frame = pl.DataFrame(
        [(area, *value) for (area, _), value in cells(held).items()],
        schema=["area", "count", "status"],
        orient="row",
    )
    assert (frame["count"].is_not_null() == frame.select(allows_number()).to_series()).all()


def test_a_gap_that_was_confirmed_stays_so_when_the_next_month_is_missing_too() -> None:
    """The one-month incident (W08) grows into one of two months (W01): a decision holds for the month that it names."""
    grown = holds(finding("W01", finding="w01-a-2019-06", last_month=JULY))
    left = decided(grown, decision("confirm gap", finding="w08-a-2019-06"))
    by_month = dict(left.select("month", pl.col("status").cast(pl.String)).iter_rows())
    assert by_month == {JUNE: "missing", JULY: "unjudged"}


def test_a_decision_says_nothing_of_another_kind_of_finding_about_the_same_month() -> None:
    left = decided(
        holds(finding("W32", finding="w32-a-2019-06")),
        decision("accept as genuine", finding="w31-a-2019-06", evidence="a letter"),
    )
    assert left["status"].cast(pl.String).to_list() == ["unjudged"]
