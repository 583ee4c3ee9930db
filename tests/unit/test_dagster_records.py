"""Dagster's records of a run: kept with less work, and such as Dagster's own storage reads and would have kept."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest

from pipelines import records
from pipelines.running import DAGSTER_YAML, dagster_home

WEEKS = dg.StaticPartitionsDefinition(["1", "2", "3"])


@dg.asset(partitions_def=WEEKS, backfill_policy=dg.BackfillPolicy.single_run())
def weekly() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 5})


@dg.asset(deps=[weekly], check_specs=[dg.AssetCheckSpec("holds", asset="whole")])
def whole() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="holds")])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DAGSTER_HOME", "DAGSTER_EVENT_BATCH_SIZE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return dagster_home(str(tmp_path / "workspace"))


def run(instance: dg.DagsterInstance) -> list[str]:
    """The runs of every week and then of the whole, by their names."""
    weeks = {"dagster/asset_partition_range_start": "1", "dagster/asset_partition_range_end": "3"}
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return [
        dg.materialize([weekly], instance=instance, tags=weeks, run_config=quiet).run_id,
        dg.materialize([weekly, whole], selection=[whole], instance=instance, run_config=quiet).run_id,
    ]


def told(instance: dg.DagsterInstance, runs: list[str]) -> list[object]:
    """What Dagster's page shows of runs: every event, the partitions that are there, the checks."""
    check = dg.AssetCheckKey(whole.key, "holds")
    return [
        *(
            [(each.step_key, each.dagster_event.event_type_value) for each in instance.all_logs(name)]
            for name in runs
        ),
        sorted(instance.get_materialized_partitions(weekly.key)),
        instance.get_latest_materialization_event(weekly.key).asset_materialization.metadata["rows"],
        [
            each.status
            for each in instance.event_log_storage.get_asset_check_execution_history(check, limit=9)
        ],
        [each.status for each in instance.get_runs()],
        [len(instance.event_log_storage.get_records_for_run(name).records) for name in runs],
    ]


def test_they_are_what_dagster_would_have_kept_and_dagster_reads_them(home, tmp_path, monkeypatch):
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, records.EventLog)
        runs = run(instance)
        here = told(instance, runs)
    settings = home / "dagster.yaml"
    assert settings.read_text() == DAGSTER_YAML
    settings.write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.get() as instance:
        assert not isinstance(instance.event_log_storage, records.EventLog)
        assert told(instance, runs) == here, "the files are Dagster's"

    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")
    other = tmp_path / "other"
    other.mkdir()
    (other / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.setenv("DAGSTER_HOME", str(other))
    with dg.DagsterInstance.get() as instance:
        assert told(instance, run(instance)) == here, "and so is what is in them"


def test_a_file_has_one_engine_and_those_after_the_first_runs_are_copied(home, monkeypatch):
    made: Counter[str] = Counter()
    engine, tables = records.create_engine, records.SqliteEventLogStorage._initdb

    def one_more(url: str, **settings: object) -> object:
        made[url] += 1
        return engine(url, **settings)

    def with_tables(log: object, engine: object, *index: bool) -> None:
        made["tables"] += 1
        tables(log, engine, *index)

    monkeypatch.setattr(records, "create_engine", one_more)
    with dg.DagsterInstance.get() as instance:
        monkeypatch.setattr(records.SqliteEventLogStorage, "_initdb", with_tables)
        runs = [*run(instance), *run(instance)]
    assert made.pop("tables") == 1, "of the first run"
    assert len(made) == len(runs) + 1, "and one across all"
    assert set(made.values()) == {1}
    folder = home / "history" / "runs"
    schemas = []
    for name in runs:
        with sqlite3.connect(folder / f"{name}.db") as file:
            assert file.execute("SELECT count(*) FROM event_logs").fetchone()[0] > 0
            schemas.append(
                [
                    file.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall(),
                    file.execute("SELECT version_num FROM alembic_version").fetchall(),
                    file.execute("PRAGMA journal_mode").fetchall(),
                ]
            )
    assert all(schema == schemas[0] for schema in schemas)


def test_a_batch_that_fails_is_stored_one_at_a_time_and_nothing_twice(home, monkeypatch, capsys):
    store, failed = records.EventLog.store_event, []

    def fails_in_a_batch(log: records.EventLog, event: object) -> None:
        store(log, event)
        if log._batch and not failed:
            failed.append(event)
            raise sqlite3.OperationalError("database is locked")

    with dg.DagsterInstance.get() as instance:
        whole_runs = told(instance, run(instance))
    monkeypatch.setattr(records.EventLog, "store_event", fails_in_a_batch)
    with dg.DagsterInstance.get() as instance:
        again = told(instance, run(instance))
    assert failed
    assert "database is locked" in capsys.readouterr().err
    assert again[:2] == whole_runs[:2]
    assert again[2:4] == whole_runs[2:4]
