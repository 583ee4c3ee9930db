"""The rules on records called over the line's own tables: quiet on a whole supply, and each fires on its fault."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from transforms.completeness.record_rules import RecordTables, record_findings, tally_lines
from transforms.completeness.signatures import recorded_late
from transforms.completeness.supply import place_totals
from transforms.contracts import tables
from transforms.contracts.columns import OUTSIDE, ZONE

WINDOW = [date(2018 + (month + 3) // 12, (month + 3) % 12 + 1, 1) for month in range(24)]
FORCES = ("ashdene", "carrow", "northmoor", "wickham")
FAULTY = date(2019, 3, 1)
ONE, TWO = "28E", "28F"


def empty(schema: Any) -> pl.DataFrame:
    return schema.create_empty()


def frame(schema: Any, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema.create_empty().schema)


def lines(month: date, force: str, shift: timedelta = timedelta()) -> list[dict[str, Any]]:
    """Six lines of each file, the first in the first hour of its month."""
    start = datetime(month.year, month.month, 1, 0, 20, tzinfo=ZoneInfo(ZONE))
    return [
        {
            "supply": f"{force} {month}", "row": row, "force": force, "source_system": "niche",
            "crime_ref": f"{force} {month} {row}", "incident_ref": "i", "offence_code": ONE,
            "reported_at": start, "recorded_at": start + timedelta(minutes=row) + (shift if row < 5 else timedelta()),
            "occurred_from": start, "longitude": 0.0, "latitude": 52.0, "victim_ref": f"v{row}",
            "victim_kind": "person", "status": "live", "updated_at": start,
        }
        for row in range(1, 7)
    ]  # fmt: skip


def whole() -> dict[str, Any]:
    """Four forces with 200 crimes of each of two classes a month, a file each, and outcomes for nine in ten."""
    places = [(force, month) for force in FORCES for month in WINDOW]
    return {
        "offences": frame(tables.OffenceGrid, [
            {"force": f, "month": m, "offence_code": code, "supplied": True, "count": 200}
            for f, m in places for code in (ONE, TWO)
        ]),
        "grid": frame(tables.AreaGrid, [
            {"force": f, "month": m, "lsoa_code": area, "category": "Burglary", "supplied": True, "count": n}
            for f, m in places for area, n in (("A1", 397), (OUTSIDE, 3))
        ]),
        "lines": pl.concat([
            frame(tables.Lines, [line for f, m in places for line in lines(m, f)]),
        ]),
        "supplies": frame(tables.Supplies, [
            {
                "received_order": order, "received_at": datetime(2020, 1, 1, tzinfo=UTC), "supply": f"{f} {m}",
                "name": "n", "kind": "extract", "force": f, "first_month": m, "last_month": m, "bytes": 1, "rows": 6,
                "rejected": 0, "state": "accepted",
            }
            for order, (f, m) in enumerate(places, 1)
        ]),
        "rejects": empty(tables.Rejects),
        "outcomes": frame(tables.OutcomeCounts, [
            {"force": f, "basis": basis, "month": m, "offence_code": ONE, "outcome_type": kind, "rows": n}
            for f, m in places for basis in ("recorded", "closed") for kind, n in (("0", 20), ("1", 180))
        ]),
        "checks": empty(tables.RecordingCheckCounts),
        "delays": empty(tables.RecordingDelays),
        "places": empty(tables.SystemPlaces),
        "types": pl.DataFrame({"offence_code": [ONE, TWO], "category": ["Burglary", "Burglary"]}),
        "window": WINDOW,
    }  # fmt: skip


def found(held: dict[str, Any]) -> pl.DataFrame:
    read = {name: held[name].lazy() for name in ("offences", "outcomes")}
    read |= {"lines": tally_lines(held["lines"].lazy()), "totals": place_totals(held.pop("grid").lazy())}
    return tables.Findings.validate(record_findings(RecordTables(**(held | read))))


def here(force: bool = True) -> pl.Expr:
    at = pl.col("month") == FAULTY
    return at & (pl.col("force") == "carrow") if force else at


def changed(table: str, column: str, value: object, where: pl.Expr) -> dict[str, Any]:
    held = whole()
    held[table] = held[table].with_columns(
        pl.when(where).then(pl.lit(value)).otherwise(column).cast(held[table].schema[column]).alias(column)
    )
    return held


def refused() -> dict[str, Any]:
    held = whole()
    row = {"supply": f"carrow {FAULTY}", "name": "n", "line": 2, "wanted": "w", "reason": "r"}
    seen = [("offence_code", "43986"), ("status", "closed"), ("longitude", "N/A - data not provided")]
    held["rejects"] = frame(tables.Rejects, [row | {"field": field, "seen": value} for field, value in seen])
    return held


def shifted() -> dict[str, Any]:
    held = whole()
    moved = frame(tables.Lines, lines(FAULTY, "carrow", -timedelta(hours=1)))
    held["lines"] = pl.concat([held["lines"].filter(pl.col("supply") != f"carrow {FAULTY}"), moved])
    return held


def twice() -> dict[str, Any]:
    held = whole()
    check = {
        "month": FAULTY,
        "check": "recorded-twice",
        "force": "carrow",
        "rows": 60,
        "sentence": "s",
        "next_steps": "n",
    }
    rows = frame(tables.Lines, [
        line | {"row": 100 + 6 * part + line["row"]} for part in range(99) for line in lines(FAULTY, "carrow")
    ])  # fmt: skip
    held["lines"] = pl.concat([held["lines"], rows])
    held["checks"] = frame(tables.RecordingCheckCounts, [check])
    return held


def redefined() -> dict[str, Any]:
    held = changed("offences", "count", 320, here(force=False) & (pl.col("offence_code") == ONE))
    held["offences"] = held["offences"].with_columns(
        count=pl.when(here(force=False) & (pl.col("offence_code") == TWO)).then(80).otherwise("count")
    )
    return held


def test_a_whole_supply_raises_nothing() -> None:
    assert found(whole()).is_empty()


@pytest.mark.parametrize(
    ("codes", "held"),
    [
        ({"W05", "W19", "W20"}, refused),
        ({"W13"}, lambda: changed("offences", "count", -2, here() & (pl.col("offence_code") == ONE))),
        ({"W16"}, lambda: changed(
            "outcomes", "rows", 300,
            here() & (pl.col("outcome_type") == "0") & (pl.col("basis") == "recorded"),
        )),
        (
            {"W17"},
            lambda: changed(
                "outcomes", "rows", 900,
                (pl.col("month") >= date(2019, 4, 1)) & (pl.col("force") == "carrow") & (pl.col("basis") == "closed"),
            ),
        ),
        ({"W23"}, lambda: changed("grid", "count", 60, here() & (pl.col("lsoa_code") == OUTSIDE))),
        ({"W24"}, shifted),
        ({"W26"}, twice),
        ({"W28"}, redefined),
    ],
    ids=lambda value: "-".join(sorted(value)) if isinstance(value, set) else "",
)  # fmt: skip
def test_each_rule_fires_on_its_fault_and_no_other_does(codes: set[str], held: Any) -> None:
    told = found(held())
    assert set(told["code"].to_list()) == codes, told["sentence"].to_list()


def test_a_force_waits_longer_than_is_usual_once_it_is_known_what_is() -> None:
    """The first weeks of a supply may be as late as the rest; nothing is said of them, and the run goes on."""
    waits = [400.0, 400.0, 400.0, 30.0, 30.0, 30.0, 30.0, 400.0]
    weeks = [date(2019, 7, 1) + timedelta(weeks=week) for week in range(len(waits))]
    delays = pl.DataFrame({"force": "carrow", "week": weeks, "records": 500, "median_hours": waits})
    found = recorded_late(delays)
    assert found["first_month"].to_list() == [date(2019, 8, 1)]
    assert "400" in found["sentence"][0]
    assert "30 are usual" in found["sentence"][0]
