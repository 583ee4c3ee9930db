"""The flow in Dagster, as statistics staff launch it: a quarter is the only thing to choose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.xdist_group("dagster")

CHECKOUT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

#: Dagster's own process: loads the code location, launches the job for one quarter, asks sensor and schedule.
SCRIPT = """
import json, os, shutil, sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo
import dagster as dg
from pipelines import definitions as location

release_at = datetime.fromisoformat(sys.argv[1]).replace(tzinfo=ZoneInfo("Europe/London"))
defs = location.defs()
job = defs.resolve_job_def("quarterly_return")
sensor, schedule = defs.resolve_sensor_def("new_supply"), defs.resolve_schedule_def("release_day")
repository = defs.get_repository_def()

def requests(tick):
    return [(each.partition_key, each.run_key, each.run_config) for each in tick.run_requests or []]

def at(moment):
    day = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=moment, repository_def=repository
    )
    tick = schedule.evaluate_tick(day)
    return requests(tick), tick.skip_message

def look(cursor):
    return dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository)

with dg.DagsterInstance.get() as instance:
    result = job.execute_in_process(partition_key="2019-Q1", instance=instance)
    again = job.execute_in_process(partition_key="2019-Q1", instance=instance)
    first = sensor.evaluate_tick(look(None))
    second = sensor.evaluate_tick(look(first.cursor))
    told = {
        "success": [result.success, again.success],
        "steps": [event.node_handle.name for event in result.get_step_success_events()],
        "made": {
            event.asset_key.to_user_string(): sorted(event.step_materialization_data.materialization.metadata)
            for event in result.get_asset_materialization_events()
        },
        "checks": {
            f"{each.asset_key.to_user_string()}.{each.check_name}": each.passed
            for each in result.get_asset_check_evaluations()
        },
        "marked": sorted(instance.get_materialized_partitions(dg.AssetKey("supply_files"))),
        "sensor": [requests(first), requests(second), second.skip_message],
        "release day": at(release_at.replace(hour=6, minute=0)),
        "another day": at(release_at.replace(hour=6, minute=0) + timedelta(days=1)),
        "groups": sorted({spec.group_name for spec in defs.resolve_all_asset_specs()}),
        "assets": sorted(spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()),
        "undescribed": [
            spec.key.to_user_string() for spec in defs.resolve_all_asset_specs() if not spec.description
        ],
        "telemetry": instance.telemetry_enabled,
    }

    # The gate, in a copy: publication moves the release.
    copy = shutil.copytree(os.environ["FULLCOUNT_HOME"], os.environ["FULLCOUNT_HOME"] + "-published")
    os.environ["FULLCOUNT_HOME"] = str(copy)
    from pipelines.publication import sign
    from pipelines.settings import settings
    gate = defs.resolve_sensor_def("waiting_for_the_gate")
    waiting = gate.evaluate_tick(look(None))
    sign(settings(), "2019-Q1", "Ada", "prepared", None)
    sign(settings(), "2019-Q1", "Grace", "approved", None)
    ready = gate.evaluate_tick(look(None))
    asked = [each.run_config for each in ready.run_requests or []]
    job = defs.resolve_job_def("publication")
    told["gate"] = {
        "waiting": waiting.skip_message,
        "still waiting": ready.skip_message,
        "published": [job.execute_in_process(run_config=each, instance=instance).success for each in asked],
        "afterwards": gate.evaluate_tick(look(None)).skip_message,
    }
print("TOLD " + json.dumps(told, default=str))
"""


@pytest.fixture(scope="module")
def environment(small: Any, fullcount: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("dagster")
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    return fullcount.environment | {
        "FULLCOUNT_HOME": str(folder / "workspace"),
        "FULLCOUNT_SUPPLY": str(small.made / "supply"),
        "FULLCOUNT_COUNTRY": str(small.made / "country"),
        "DAGSTER_HOME": str(folder / "home"),
    }


@pytest.fixture(scope="module")
def told(environment: dict[str, str], small: Any) -> dict[str, Any]:
    calendar = pl.read_csv(small.made / "country" / "calendar.csv", infer_schema=False)
    (release_at,) = calendar.filter(quarter="2019-Q1")["release_at"]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, release_at],
        env=environment, capture_output=True, text=True, timeout=600, cwd=environment["DAGSTER_HOME"],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1500:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    found: dict[str, Any] = json.loads(line.removeprefix("TOLD "))
    return found


def test_the_definitions_are_in_order(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [BIN / "dg", "check", "defs"], cwd=CHECKOUT, env=environment | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_quarter_is_all_that_the_job_needs(told: dict[str, Any], environment: dict[str, str]) -> None:
    assert told["success"] == [True, True]
    assert told["steps"] == ["supplied", "recorded", "counted", "aggregated", "judged", "released"]
    release = Path(environment["FULLCOUNT_HOME"]) / "private" / "2019-Q1" / "1.0.0"
    assert (release / "manifest.json").exists()


def test_the_release_is_the_one_that_the_command_makes(
    told: dict[str, Any], environment: dict[str, str], small: Any
) -> None:
    came = type(small)(small.made, Path(environment["FULLCOUNT_HOME"]))
    assert came.files("2019-Q1") == small.files("2019-Q1")


def test_every_materialisation_tells_its_rows(told: dict[str, Any]) -> None:
    for asset in ("supplied", "recorded", "counted", "aggregated", "judged"):
        assert any("rows" in name or name == "recorded" for name in told["made"][asset]), asset
    assert "supplied: rows" in told["made"]["supplied"] or "lines: rows" in told["made"]["supplied"]


def test_checks_report_on_the_contracts_and_on_what_is_owed(told: dict[str, Any]) -> None:
    assert set(told["checks"].values()) == {True}
    names = set(told["checks"])
    assert "supplied.every_row_accounted_for" in names
    assert "recorded.supplied_is_recorded_superseded_or_rejected" in names
    assert "judged.everything_owed_was_supplied" in names
    for table in ("offence_grid", "area_grid"):
        assert f"aggregated.{table}_keeps_its_contract" in names
    for table in ("verdicts", "findings", "judged_offences", "judged_areas"):
        assert f"judged.{table}_keeps_its_contract" in names


def test_every_file_received_is_marked_on_the_grid_of_force_and_month(
    told: dict[str, Any], small: Any
) -> None:
    forces = ("ashdene", "carrow", "greater-wickham", "northmoor-and-vale", "transport")
    months = ("2019-01", "2019-02", "2019-03")
    assert told["marked"] == sorted(f"{force}|{month}" for force in forces for month in months)


def test_the_gate_says_what_a_release_waits_for_and_publishes_it_once_that_is_there(
    told: dict[str, Any], environment: dict[str, str]
) -> None:
    assert told["gate"]["waiting"].splitlines()[0] == "2019-Q1/1.0.0 waits for:"
    assert "Nobody has signed that it is approved." in told["gate"]["waiting"]
    assert told["gate"]["still waiting"] is None
    assert told["gate"]["published"] == [True]
    assert told["gate"]["afterwards"] == "No release waits to be published."
    published = Path(environment["FULLCOUNT_HOME"] + "-published") / "public"
    assert json.loads((published / "current.json").read_text()) == {"release": "2019-Q1/1.0.0"}
    assert (published / "2019-Q1" / "1.0.0" / "site" / "index.html").exists()


def test_the_graph_reads_by_stage(told: dict[str, Any]) -> None:
    stages = {"supplied", "recorded", "counted", "aggregated", "judged", "released"}
    assert set(told["groups"]) == stages
    assert stages <= set(told["assets"])
    assert told["undescribed"] == []


def test_a_new_file_asks_for_the_latest_quarter_it_bears_on_once(told: dict[str, Any]) -> None:
    first, second, why_not = told["sensor"]
    assert [partition for partition, _, _ in first] == ["2019-Q1"]
    assert [config for _, _, config in first] == [{}]
    assert second == []
    assert why_not == "Nothing new in the supply folder."


def test_the_release_calendar_starts_the_quarter_on_its_day(told: dict[str, Any]) -> None:
    due, _ = told["release day"]
    assert [partition for partition, _, _ in due] == ["2019-Q1"]
    due, why_not = told["another day"]
    assert due == []
    assert "release calendar has nothing" in why_not


def test_nothing_is_sent_anywhere(told: dict[str, Any], small: Any) -> None:
    assert told["telemetry"] is False
    assert "enabled: false" in (small.workspace / "dagster" / "dagster.yaml").read_text()
