"""What the line makes of counting: net corrections by the register, checks, delays, outcomes and two systems."""

# Tables of facts are wider than code.
# ruff: noqa: E501

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from fixtures.country import write_country
from fixtures.worked_examples import table
from pipelines.cli import app
from pipelines.explaining import explain
from pipelines.running import _told_work
from pipelines.settings import settings
from pipelines.sources.refusal import Refusal
from pipelines.stages.aggregated import aggregate_quarter
from pipelines.stages.counted import count_forces, reconcile_transfers, told
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.supplied import take_in
from pipelines.store import Workspace
from transforms.contracts import tables
from transforms.counting import load_editions
from transforms.periods import Quarter

#: In the second quarter A is reclassified, C cancelled, E supplied late; D was updated after its quarter and stands.
FIRST = """
    crime_ref | incident_ref | offence_code | reported_at      | recorded_at      | victim_ref | status | updated_at
    A         | I1           | 8N           | 2019-05-20T09:00 | 2019-05-20T10:00 | V1         | live   | 2019-05-20T10:00
    C         | I3           | 88C          | 2019-06-21T09:00 | 2019-06-21T10:00 | V3         | live   | 2019-06-21T10:00
    D         | I4           | 49           | 2019-06-30T09:00 | 2019-06-30T10:00 | V4         | live   | 2019-07-03T10:00
"""
SECOND = """
    crime_ref | incident_ref | offence_code | reported_at      | recorded_at      | victim_ref | status    | status_reason | status_at        | outcome_type | outcome_at | updated_at
    A         | I1           | 5D           | 2019-05-20T09:00 | 2019-05-20T10:00 | V1         | live      |               |                  | 1A           | 2019-08-04 | 2019-08-04T10:00
    C         | I3           | 88C          | 2019-06-21T09:00 | 2019-06-21T10:00 | V3         | cancelled | C2            | 2019-09-02T10:00 |              |            | 2019-09-02T10:00
    F         | I6           | 46           | 2019-07-03T09:00 | 2019-07-13T10:00 | V6         | live      |               |                  |              |            | 2019-07-13T10:00
    T         | I7           | 46           | 2019-07-03T09:00 | 2019-07-03T10:00 | V7         | transferred | C1          | 2019-07-04T10:00 |              |            | 2019-07-04T10:00
"""
#: One crime moved with its reference, one left behind.
OTHER_SYSTEM = """
    crime_ref | previous_crime_ref | incident_ref | offence_code | reported_at      | recorded_at      | victim_ref | status | updated_at
    N1        | A                  | I1           | 5D           | 2019-05-20T09:00 | 2019-05-20T10:00 | V1         | live   | 2019-09-20T10:00
"""
FORCES = {"carrow": "aggregate", "ashdene": "record-level"}


def supply(folder: Path, force: str, months: str, text: str, system: str) -> None:
    columns, rows = table(text)
    lines = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row").with_columns(
        force=pl.lit(force), source_system=pl.lit(system), victim_kind=pl.lit("person")
    )
    folder.mkdir(parents=True, exist_ok=True)
    lines.write_csv(folder / f"{months}-{force}-{system}-extract.csv")


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The line run to aggregated quarters over two forces with the same records on different terms."""
    folder = tmp_path_factory.mktemp("line")
    write_country(folder / "country", first_month="2019-04")
    register = pl.read_csv(folder / "country" / "register.csv", infer_schema=False)
    treatment = pl.col("force").replace_strict(FORCES, default="record-level")
    register.with_columns(treatment=treatment).write_csv(folder / "country" / "register.csv")
    for force in FORCES:
        supply(folder / "supply", force, "2019-04_2019-06", FIRST, "niche")
        supply(folder / "supply", force, "2019-07_2019-09", SECOND, "niche")
    supply(folder / "supply", "ashdene", "2019-04_2019-09", OTHER_SYSTEM, "connect")
    opened = Line.open(settings(*(str(folder / name) for name in ("workspace", "supply", "country"))))
    opened.settings.save()
    taken = take_in(opened)
    assert not taken.refused, taken.refused
    record_forces(opened)
    count_forces(opened)
    assert reconcile_transfers(opened)
    assert not reconcile_transfers(opened)
    for quarter in opened.quarters():
        aggregate_quarter(opened, quarter)
    opened.workspace.commit()
    return opened


@contextlib.contextmanager
def objects_read() -> Iterator[list[str]]:
    """The names of the objects of a workspace that are read meanwhile."""
    read: list[str] = []
    scan = Workspace.scan_objects
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Workspace,
            "scan_objects",
            lambda self, names, *rest: read.extend(names) or scan(self, names, *rest),
        )
        yield read


def cells(line: Line, force: str) -> dict[tuple[str, str], int]:
    """Cells of the offence grid that are not nought."""
    grid = line.workspace.read("offence_grid", tables.OffenceGrid)
    found = grid.filter(pl.col("force") == force, pl.col("count") != 0)
    rows = found.select(pl.col("month").dt.strftime("%Y-%m"), "offence_code", "count").rows()
    return {(month, code): count for month, code, count in rows}


def test_a_record_level_force_restates_and_an_aggregate_force_shows_the_net(line: Line) -> None:
    assert cells(line, "ashdene") == {("2019-05", "5D"): 1, ("2019-06", "49"): 1, ("2019-07", "46"): 1}
    assert cells(line, "carrow") == {
        ("2019-05", "8N"): 1,
        ("2019-06", "88C"): 1,
        ("2019-06", "49"): 1,
        ("2019-07", "46"): 1,
        ("2019-08", "8N"): -1,
        ("2019-08", "5D"): 1,
        ("2019-09", "88C"): -1,
    }


def test_the_map_shows_the_records_of_both_as_they_stand(line: Line) -> None:
    crimes = line.workspace.read("counted", tables.Counted)
    of = {force: crimes.filter(pl.col("force") == force)["offence_code"].sort().to_list() for force in FORCES}
    assert of["carrow"] == of["ashdene"] == ["46", "49", "5D"]


def test_every_net_correction_is_kept_with_its_reason(line: Line) -> None:
    rows = line.workspace.read("net_corrections", tables.NetCorrections)
    assert rows.select("force", "crime_ref", "offence_code", "counted", "rule").rows() == [
        ("carrow", "A", "5D", 1, "reclassified"),
        ("carrow", "A", "8N", -1, "reclassified"),
        ("carrow", "C", "88C", -1, "removed-after-publication"),
    ]
    assert rows["because"].str.len_chars().min() > 20


def test_two_systems_are_reconciled(line: Line) -> None:
    places = line.workspace.read("system_places", tables.SystemPlaces)
    assert set(places["force"]) == {"ashdene"}
    assert dict(places.group_by("place").len().iter_rows()) == {"old only": 4, "both but different": 1}


def test_the_reconciliation_is_told_and_listed(line: Line) -> None:
    assert (
        "ashdene has two records systems: 4 old only (2 open), 1 both but different (1 open). "
        "`fullcount reconcile` lists what to look at."
    ) in told(line)
    listed = CliRunner().invoke(
        app, ["reconcile", "--workspace", line.settings.workspace, "--format", "csv"], env={"COLUMNS": "200"}
    )
    assert listed.exit_code == 0, listed.output
    assert len(listed.stdout.splitlines()) == 6
    assert any("3 net corrections are in the returns of 1 aggregate force" in each for each in told(line))


def test_checks_delays_and_outcomes_are_kept_beside_the_count(line: Line) -> None:
    checks = line.workspace.read("recording_checks", tables.RecordingCheckCounts)
    assert ("carrow", "recorded-late", 1) in checks.select("force", "check", "rows").rows()
    delays = line.workspace.read("recording_delays", tables.RecordingDelays)
    assert delays.filter(pl.col("force") == "carrow")["longest_hours"].max() == 10 * 24 + 1
    outcomes = line.workspace.read("outcome_counts", tables.OutcomeCounts).filter(pl.col("force") == "carrow")
    closed = outcomes.filter(pl.col("basis") == "closed")
    assert closed.select("outcome_type", "sub_type", "rows").rows() == [("1", "1A", 1)]
    assert outcomes.filter(pl.col("basis") == "recorded", pl.col("outcome_type") == "0").height == 2


def test_counting_again_changes_nothing(line: Line) -> None:
    before = line.workspace.snapshot
    assert count_forces(line) == []
    assert line.workspace.snapshot == before


def test_a_record_and_its_net_corrections_are_explained(line: Line) -> None:
    told = explain(line, "A", "carrow")
    assert told.select("counted", "offence_code", pl.col("month").dt.month(), "rule").rows() == [
        (1, "5D", 5, "recorded"),
        (1, "5D", 8, "reclassified"),
        (-1, "8N", 8, "reclassified"),
    ]
    moved = explain(line, "A", "ashdene")
    assert moved["rule"].to_list() == ["migrated-duplicate"]
    assert "N1" in moved["because"].item()
    assert explain(line, "no-such-crime").is_empty()


def test_a_reference_table_in_the_country_folder_is_in_force_and_its_differences_are_told(
    line: Line, tmp_path: Path
) -> None:
    shutil.copytree(line.settings.country, tmp_path / "country")
    table = load_editions().offences.filter(pl.col("kind") == "notifiable").select(
        pl.col("offence_code").alias("Offence Code"),
        pl.when(pl.col("offence_code") == "35").then(pl.lit("Extortion")).otherwise("description").alias("Offence"),
        pl.col("group").alias("Offence Group"),
        pl.col("subgroup").alias("Offence Subgroup"),
    )  # fmt: skip
    table.write_csv(tmp_path / "country" / "prc-offence-ref-table-290126.csv")
    opened = Line.open(replace(line.settings, country=str(tmp_path / "country")))
    assert opened.basis != line.basis
    described = opened.offences_reference(Quarter.parse("2019-Q2"))
    assert described.filter(pl.col("offence_code") == "35")["offence_description"].item() == "Extortion"
    assert any("prc-offence-ref-table-290126.csv, which differs" in each for each in told(opened))
    shutil.copy(
        tmp_path / "country" / "prc-offence-ref-table-290126.csv",
        tmp_path / "country" / "prc-offence-ref-table-300126.csv",
    )
    with pytest.raises(Refusal, match="only one can be in force"):
        Line.open(replace(line.settings, country=str(tmp_path / "country")))


def test_crimes_transferred_to_nobody_are_told_and_listed(line: Line) -> None:
    assert any(
        "2 crimes were transferred to another force, of which 2 are found in no" in each
        for each in told(line)
    )
    words = ["transfers", "--workspace", line.settings.workspace, "--force", "carrow", "--format", "csv"]
    listed = CliRunner().invoke(app, words)
    assert listed.exit_code == 0, listed.output
    assert "not found" in listed.stdout.splitlines()[1]


def test_a_resupply_of_one_month_computes_that_force_and_its_quarter_again_and_nothing_else(
    line: Line, tmp_path: Path
) -> None:
    for name in ("workspace", "supply"):
        shutil.copytree(getattr(line.settings, name), tmp_path / name)
    again = SECOND.replace("2019-07-03T10:00 | V6", "2019-07-04T10:00 | V6").replace(
        "| 46           | 2019-07-03T09:00 | 2019-07-13", "| 49           | 2019-07-03T09:00 | 2019-07-13"
    )
    supply(tmp_path / "supply", "ashdene", "2019-07_2019-09", again, "niche")
    opened = Line.open(settings(str(tmp_path / "workspace"), str(tmp_path / "supply"), line.settings.country))
    assert len(take_in(opened).new) == 1
    assert record_forces(opened) == ["ashdene"]
    with objects_read() as read:
        assert count_forces(opened) == ["ashdene"]
    theirs = {entry.object for name, entry in opened.workspace.head["lines"].items() if " ashdene " in name}
    small = {
        entry.object
        for table in ("superseded", "supplies")
        for entry in opened.workspace.head[table].values()
    }
    assert set(read) <= theirs | small
    assert [str(each) for each in opened.quarters() if aggregate_quarter(opened, each)] == ["2019-Q3"]
    assert opened.workspace.changed("area_grid", line.workspace) == ["2019-Q3"]
    assert {name.split(" ")[0] for name in opened.workspace.changed("counted", line.workspace)} == {"ashdene"}
    assert _told_work(line.workspace, opened) == [
        "Computed again: the counts of 1 of 5 forces (ashdene) and the cells of 1 of 2 quarters (2019-Q3). The rest stands."
    ]


#: T came to carrow under its reference; K may have gone there, for it agrees on time and place.
SENT = """
    crime_ref | incident_ref | offence_code | reported_at      | recorded_at      | occurred_from    | victim_ref | status      | status_reason | status_at        | updated_at
    T         | I7           | 46           | 2019-07-03T09:00 | 2019-07-03T10:00 | 2019-07-02T10:00 | V7         | transferred | C1            | 2019-07-04T10:00 | 2019-07-04T10:00
    K         | I8           | 49           | 2019-07-03T09:00 | 2019-07-03T10:00 | 2019-07-02T11:00 | V7         | transferred | C1            | 2019-07-04T10:00 | 2019-07-04T10:00
    L         | I9           | 49           | 2019-07-03T09:00 | 2019-07-03T10:00 | 2019-07-02T12:00 | V7         | live        |               |                  | 2019-07-04T10:00
"""
CAME = """
    crime_ref | previous_crime_ref | incident_ref | offence_code | reported_at      | recorded_at      | occurred_from    | victim_ref | status | updated_at
    T1        | T                  | J7           | 46           | 2019-07-05T09:00 | 2019-07-05T10:00 |                  | V7         | live   | 2019-07-05T10:00
    K1        |                    | J8           | 49           | 2019-07-05T09:00 | 2019-07-05T10:00 | 2019-07-02T11:00 | V7         | live   | 2019-07-05T10:00
    L1        |                    | J9           | 49           | 2019-07-05T09:00 | 2019-07-05T10:00 | 2019-07-02T12:00 | V7         | live   | 2019-07-05T10:00
"""
SENT_AWAY, LIVE = (
    "transferred | C1            | 2019-07-04T10:00 |",
    "live        |               |                  |",
)
OF_K, OF_L = (next(row for row in SENT.splitlines() if row.startswith(f"    {ref} ")) for ref in "KL")
#: What one file says when it is supplied again, and the forces whose records are then searched.
RESUPPLIED = {
    "one more is transferred": (
        "ashdene",
        SENT.replace(OF_L, OF_L.replace(LIVE, SENT_AWAY)),
        {"ashdene", "carrow"},
    ),
    "one is no longer transferred": (
        "ashdene",
        SENT.replace(OF_K, OF_K.replace(SENT_AWAY, LIVE)),
        {"ashdene"},
    ),
    "none is transferred": ("ashdene", SENT.replace(SENT_AWAY, LIVE), set()),
    "what was taken in is gone": (
        "carrow",
        CAME.replace("    K1 ", "    M1 ").replace("| T   ", "|     "),
        {"carrow"},
    ),
}


def counted_again(folder: Path, workspace: str, files: Mapping[str, str]) -> Line:
    """The line run until forces are counted, after some of them supplied July to September."""
    for force, text in files.items():
        supply(folder / "supply", force, "2019-07_2019-09", text, "niche")
    opened = Line.open(settings(*(str(folder / name) for name in (workspace, "supply", "country"))))
    take_in(opened)
    record_forces(opened)
    count_forces(opened)
    return opened


@pytest.mark.parametrize("what", RESUPPLIED)
def test_transfers_are_searched_for_again_only_where_something_is_new(what: str, tmp_path: Path) -> None:
    write_country(tmp_path / "country", first_month="2019-07")

    def searched(workspace: str, files: Mapping[str, str]) -> tuple[Line, set[str]]:
        """The line run until transfers are looked for, and the forces whose records were read for that."""
        opened = counted_again(tmp_path, workspace, files)
        with objects_read() as read:
            reconcile_transfers(opened)
        lines = opened.workspace.head["lines"].items()
        return opened, {name.split(" ")[2] for name, entry in lines if entry.object in read}

    before, read = searched("workspace", {"ashdene": SENT, "carrow": CAME})
    assert read == {"ashdene", "carrow"}
    assert before.workspace.rows("transfer_candidates") == 4
    force, text, wanted = RESUPPLIED[what]
    after, read = searched("workspace", {force: text})
    assert read == wanted
    anew, _ = searched("anew", {})
    tables_told = ("transferred_out", "transfer_candidates", "transfers")
    told_after, told_anew = (
        {table: line.workspace.key(table) for table in tables_told} for line in (after, anew)
    )
    assert told_after == told_anew
    assert after.workspace.key("transfers") != before.workspace.key("transfers")
