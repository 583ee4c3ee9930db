"""What the judged stage goes through again after a resupply: what changed alone, to the same tables as made anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fixtures.country import write_country
from pipelines.settings import settings
from pipelines.stages.aggregated import MADE, aggregate_quarter
from pipelines.stages.counted import reconcile_transfers
from pipelines.stages.judged import SUMS, _of_codes, _state, _written, judge_quarters, open_judged
from pipelines.stages.line import Line
from pipelines.stages.recorded import supply_partition
from pipelines.store import digest
from tests.unit.test_counting_in_the_line import FIRST, SECOND, counted_again, objects_read, supply
from transforms.completeness import signatures
from transforms.contracts import tables

#: The second quarter without its first crime.
FEWER = "\n".join(row for row in SECOND.splitlines() if not row.startswith("    A "))
FORCES = ("ashdene", "carrow")


def run(folder: Path, workspace: str, files: Mapping[str, str]) -> tuple[Line, list[str], set[str]]:
    """The line run to judged quarters, those that were laid out, and the objects that judging read."""
    line = counted_again(folder, workspace, files)
    reconcile_transfers(line)
    laid_out = [str(quarter) for quarter in line.quarters() if aggregate_quarter(line, quarter)]
    with objects_read() as read:
        judge_quarters(line, line.quarters())
    line.workspace.commit()
    return line, laid_out, set(read)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_country(tmp_path / "country", first_month="2019-04")
    for force in FORCES:
        supply(tmp_path / "supply", force, "2019-04_2019-06", FIRST, "niche")
    return tmp_path


def test_a_force_that_stands_is_not_tallied_again_and_the_tables_are_those_of_a_new_workspace(
    folder: Path,
) -> None:
    before, laid_out, _ = run(folder, "workspace", dict.fromkeys(FORCES, SECOND))
    assert laid_out == ["2019-Q2", "2019-Q3"]
    assert {"carrow", "ashdene"} == before.workspace.head["counted_months"].keys()
    after, laid_out, read = run(folder, "workspace", {"ashdene": FEWER})
    assert laid_out == ["2019-Q2", "2019-Q3"]
    # Of a force that stands only the crimes of a quarter that differs are read, which are added up for all together.
    lines = after.workspace.head["lines"]
    assert {each.split(" ")[2] for each, entry in lines.items() if entry.object in read} == {"ashdene"}
    anew, _, _ = run(folder, "anew", {})
    told = (
        "counted_months",
        "place_totals",
        "verdicts",
        "judged_areas",
        "judged_offences",
    )
    for name in told:
        assert after.workspace.key(name) == anew.workspace.key(name), name
    _, laid_out, read = run(folder, "workspace", {})
    assert laid_out == []
    assert not read & {entry.object for entry in after.workspace.head["counted"].values()}


@pytest.mark.parametrize("table", MADE)
def test_a_table_of_a_quarter_that_is_not_there_is_made_with_the_others(folder: Path, table: str) -> None:
    """As in a workspace that an earlier version made, which kept fewer."""
    line, _, _ = run(folder, "workspace", dict.fromkeys(FORCES, SECOND))
    before = {each: line.workspace.key(each) for each in MADE}
    assert len(before[table]) == 2
    del line.workspace.head[table]["2019-Q3"]
    assert [str(quarter) for quarter in line.quarters() if aggregate_quarter(line, quarter)] == ["2019-Q3"]
    assert {each: line.workspace.key(each) for each in MADE} == before


@pytest.mark.parametrize("table", ["place_totals", *SUMS])
def test_sums_that_are_not_there_are_made_again_by_the_judge(folder: Path, table: str) -> None:
    line, _, _ = run(folder, "workspace", dict.fromkeys(FORCES, SECOND))
    before = line.workspace.key(table)
    assert len(before) == 2
    del line.workspace.head[table]["2019-Q3"]
    judge_quarters(line, line.quarters())
    assert line.workspace.key(table) == before


@pytest.mark.parametrize("table", SUMS)
def test_a_release_takes_no_sums_that_are_not_of_what_is_judged(folder: Path, table: str) -> None:
    """Figures whose sums another version did not keep, or kept of something else, would be none or zero."""
    line, _, _ = run(folder, "workspace", dict.fromkeys(FORCES, SECOND))
    lsoas, quarters = line.country.lsoas, line.quarters()
    months = [month for quarter in quarters for month in quarter.months]

    def told() -> list[pl.DataFrame]:
        judged = open_judged(line, quarters)
        rows = (
            judged.by_neighbourhood(lsoas, months),
            judged.listed_counts(months),
            judged.listed_outcomes(lsoas, months),
        )
        return [each.sort(pl.all()).collect() for each in rows]

    whole = told()
    assert open_judged(line, quarters).sums is not None
    assert whole[0].height and whole[1].height
    held = line.workspace.head[table]
    for other in ({"made_from": "something else"}, None):
        kept = held.pop("2019-Q3")
        if other is not None:
            held["2019-Q3"] = replace(kept, **other)
        assert open_judged(line, quarters).sums is None
        assert all(one.equals(other) for one, other in zip(told(), whole, strict=True))
        held["2019-Q3"] = kept


def give(line: Line, codes: Mapping[str, str]) -> None:
    """Street files of one crime each, by force the area code that it gives, in the place of those given before."""
    month = date(2019, 7, 1)
    files = [
        {
            "received_order": order, "received_at": datetime(2019, 8, 1, tzinfo=UTC), "supply": digest(force, code),
            "name": "street.csv", "kind": "street", "force": force, "first_month": month, "last_month": month,
            "bytes": 1, "rows": 1, "rejected": 0, "state": "accepted",
        }
        for order, (force, code) in enumerate(codes.items(), 1)
    ]  # fmt: skip
    supplies = pl.DataFrame(files, schema=dict(tables.Supplies.create_empty().schema))
    line.workspace.write("supplies", "all", supplies, tables.Supplies, digest(codes))
    for file in files:
        crime = {
            "force": file["force"], "month": month, "category": "Burglary", "counted": 1, "supply": file["supply"],
            "lsoa_code": codes[str(file["force"])],
        }  # fmt: skip
        row = pl.DataFrame([crime], schema=dict(tables.Counted.create_empty().schema))
        line.workspace.write("street", supply_partition(file), row, tables.Counted, digest(crime))


def test_area_codes_that_have_ended_are_looked_for_where_files_have_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line.open(settings(*(str(folder / name) for name in ("workspace", "supply", "country"))))
    vintages = line.country.vintages
    (ended, *_) = sorted(set(vintages["old_code"]) - set(vintages["lsoa_code"]))
    stands = line.country.lsoas["lsoa_code"][0]
    looked = []
    other_vintage = signatures.other_vintage

    def spy(rows, *rest):  # type: ignore[no-untyped-def]
        looked.extend(rows.select(pl.col("force").unique()).collect()["force"])
        return other_vintage(rows, *rest)

    monkeypatch.setattr(signatures, "other_vintage", spy)

    def found(codes: Mapping[str, str]) -> list[str]:
        looked.clear()
        give(line, codes)
        return _of_codes(line)["force"].to_list()

    assert found(dict.fromkeys(FORCES, stands)) == []
    assert looked == list(FORCES)
    assert found({"ashdene": stands, "carrow": ended}) == ["carrow"]
    assert looked == ["carrow"]
    assert found({"ashdene": stands, "carrow": ended}) == ["carrow"]
    assert looked == []
    assert found({"ashdene": stands}) == []
    assert looked == []
    assert line.workspace.head["code_findings"].keys() == {"ashdene"}


def test_what_the_judge_had_learned_is_read_as_it_was_kept(folder: Path) -> None:
    line = Line.open(settings(*(str(folder / name) for name in ("workspace", "supply", "country"))))
    state = {
        "number": np.array([[0.1, 1 / 3]], dtype=np.float32),
        "recoded": np.array("[]"),
        "none": np.zeros(0),
    }
    entry = line.workspace.write("judge_states", "key", _written(state), tables.JudgeStates, "code")
    again = _state(line, "key")
    assert {name: (each.dtype, each.tobytes()) for name, each in again.items()} == {
        name: (each.dtype, each.tobytes()) for name, each in state.items()
    }
    file = line.workspace.storage.path(entry.object)
    whole = file.read_bytes()
    for damaged in (whole[:-20], b"PAR1", b""):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="cannot be read"):
            _state(line, "key")
    file.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        _state(line, "key")
