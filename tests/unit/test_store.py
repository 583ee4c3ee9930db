"""The workspace: written whole or not at all, and never twice for nothing."""

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines import store
from pipelines.store import Storage, StoreError, Workspace
from transforms.contracts import tables


def grid(count: int | None = 3, supplied: bool = True) -> pl.DataFrame:
    return pl.DataFrame(
        [("a", date(2019, 6, 1), "8N", supplied, count)],
        schema=dict(tables.OffenceGrid.create_empty().schema),
        orient="row",
    )


def test_what_is_written_is_read_back_after_a_commit(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    workspace.write("offences", "2019-Q2", grid(), tables.OffenceGrid, "inputs")
    assert Workspace.open(tmp_path).head == {}, "not current before the commit"
    workspace.commit()
    again = Workspace.open(tmp_path)
    assert again.read("offences", tables.OffenceGrid).equals(grid())
    assert again.up_to_date("offences", "2019-Q2", "inputs")
    assert not again.up_to_date("offences", "2019-Q2", "other inputs")
    assert again.snapshot == workspace.snapshot


def test_the_same_rows_are_the_same_object(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    one = workspace.write("offences", "p", grid(), tables.OffenceGrid, "a")
    two = workspace.write("offences", "q", grid(), tables.OffenceGrid, "b")
    assert one.object == two.object


def test_duckdb_reads_every_table(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    workspace.write("offences", "p", grid(), tables.OffenceGrid, "a")
    assert workspace.connect().sql('SELECT "count" FROM offences').fetchall() == [(3,)]


def test_a_table_that_breaks_its_contract_is_not_written(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    with pytest.raises(
        StoreError, match=r"offences p: breaks its contract: no_number_without_supply \(1 rows\)"
    ):
        workspace.write("offences", "p", grid(3, supplied=False), tables.OffenceGrid, "a")
    assert workspace.head == {}


def test_a_table_that_breaks_its_contract_is_not_read(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    part = tmp_path / "part.parquet"
    grid(3, supplied=False).write_parquet(part)
    workspace.adopt("offences", "p", part, 1, "a")
    with pytest.raises(StoreError, match="breaks its contract"):
        workspace.read("offences", tables.OffenceGrid)
    with pytest.raises(StoreError, match="written by another version"):
        workspace.scan("offences", tables.AreaGrid)


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(tmp_path)
    storage.write("HEAD", b"before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(StoreError, match=r"no room left on the disk for .*HEAD: make room and run"):
        storage.write("HEAD", b"after")
    assert storage.read("HEAD") == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["HEAD"]


def test_a_second_run_is_kept_out_in_words(tmp_path: Path) -> None:
    first, second = Workspace.open(tmp_path), Workspace.open(tmp_path)
    with first.lock(), pytest.raises(StoreError, match=f"process {os.getpid()}.*is using"), second.lock():
        pass
    with second.lock():
        pass


def test_an_object_store_holds_the_same_bytes() -> None:
    storage = Storage("memory://workspace")
    storage.write("a/b", b"bytes")
    assert storage.exists("a/b")
    assert storage.read("a/b") == b"bytes"
    with pytest.raises(StoreError, match="needs a local workspace"):
        storage.path("a/b")
