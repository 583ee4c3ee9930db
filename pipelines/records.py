"""Dagster's records of its runs, in SQLite files as Dagster itself keeps them, with less work for each event."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool, QueuePool


class EventLog(SqliteEventLogStorage):
    """The events of runs: a file for each run, and one across all of them.

    Dagster makes an engine for each event, which compiles every statement anew, and reads all its migrations to make
    a file. Here a file has one engine, a batch of events is one transaction, and the second run's file on are copies.
    """

    # Asked for at each event of an asset; no table ever goes.
    has_table = functools.cache(SqliteEventLogStorage.has_table)

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engine = functools.cache(self._new_engine)
        #: The connections of the batch that is being stored, by file.
        self._batch: dict[str, Connection] = {}
        #: A run's file without events, once one was made.
        self._empty = b""
        super().__init__(str(Path(base_dir) / "history" / "runs"), inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> EventLog:
        """The event log that a `dagster.yaml` asks for; `base_dir` is the folder of that file."""
        return cls(inst_data=inst_data, **config_value)

    def _new_engine(self, shard: str) -> Engine:
        return create_engine(
            self.conn_string_for_shard(shard),
            # The file of a run is closed after each event: Dagster's page reads on whenever that has changed it.
            poolclass=QueuePool if shard == INDEX_SHARD_NAME else NullPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
        )

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        file = Path(str(engine.url.database))
        if for_index_shard or file.exists():
            super()._initdb(engine, for_index_shard)
        elif self._empty:
            copy = file.with_suffix(".part")
            copy.write_bytes(self._empty)
            copy.replace(file)
        else:
            super()._initdb(engine)
            self._empty = file.read_bytes()

    @contextmanager
    def _begin(self, shard: str) -> Iterator[Connection]:
        engine = self._engine(shard)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        with engine.begin() as connection:
            yield connection

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        if shard in self._batch:
            yield self._batch[shard]
            return
        with self._db_lock, self._begin(shard) as connection:
            yield connection

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run, all or none."""
        run = events[0].run_id
        with self._db_lock, self._begin(run) as of_run, self._begin(INDEX_SHARD_NAME) as of_all:
            self._batch = {run: of_run, INDEX_SHARD_NAME: of_all}
            try:
                for event in events:
                    self.store_event(event)
            finally:
                self._batch = {}

    def dispose(self) -> None:
        """Close the files."""
        self._engine(INDEX_SHARD_NAME).dispose()
        super().dispose()
