"""A workspace on an object store: the same bytes, by workers that share nothing else."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import zipfile
from pathlib import Path

import pytest

from pipelines.engines import Here, Processes
from pipelines.settings import SettingsError, settings
from pipelines.sources.finding import Found, find
from pipelines.stages.counted import count_forces
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.supplied import take_in
from pipelines.store import Storage, StoreError, Workspace, supplied_name
from tests.journeys.object_store import FAULTS, AsStoresDo, Faltering, upload
from tests.unit.engine_work import made_of, recorded_workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("s3fs", "moto"))), reason="s3fs or moto is not installed"
    ),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded_workspace(tmp_path_factory.mktemp("s3"))


@pytest.fixture(scope="module")
def here(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("here") / "workspace"
    shutil.copytree(recorded / "workspace", folder)
    line = opened(recorded, str(folder))
    count_forces(line, Here())
    return line.workspace.snapshot


def opened(made: Path, workspace: str) -> Line:
    return Line.open(settings(workspace, str(made / "supply"), str(made / "country")))


def test_two_workers_that_share_only_the_object_store_make_the_same_bytes(
    here: str, recorded: Path, store: Faltering
) -> None:
    upload(recorded / "workspace", "s3://crime/workspace")
    line = opened(recorded, "s3://crime/workspace")
    assert count_forces(line, Processes(2)) == line.forces
    assert Workspace.open("s3://crime/workspace").snapshot == here


@pytest.mark.parametrize("one_in", [0, 7])
def test_supply_and_tables_on_the_object_store_make_the_same_bytes(
    here: str, recorded: Path, store: Faltering, one_in: int
) -> None:
    """Workers read what forces supplied from the store and write tables to it; one request in seven fails."""
    upload(recorded / "supply", "s3://crime/supply")
    store.one_in, store.faults = one_in, FAULTS
    line = Line.open(settings("s3://crime/workspace", "s3://crime/supply", str(recorded / "country")))
    taken = take_in(line, using=Processes(2))
    assert (len(taken.new), taken.refused) == (len(list((recorded / "supply").iterdir())), [])
    record_forces(line)
    store.one_in = 0
    assert made_of(line.workspace) == made_of(Workspace.open(recorded / "workspace"))
    frozen = line.supplies()["supply"][0]
    assert line.workspace.storage.exists(supplied_name(frozen))
    assert take_in(line).unchanged == len(taken.new)


def test_an_archive_on_the_object_store_is_read_member_by_member(store: Faltering, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("2019-05/one.csv", "a\n1\n")
        archive.writestr("2019-05/two.csv", "a\n2\n")
    Storage("s3://crime/supply").write("a.zip", (tmp_path / "a.zip").read_bytes())
    found = list(find("s3://crime/supply"))
    assert [each.name for each in found] == ["a.zip!2019-05/one.csv", "a.zip!2019-05/two.csv"]
    assert [each.head() for each in found if isinstance(each, Found)] == [b"a\n1\n", b"a\n2\n"]


def test_what_is_supplied_on_the_store_is_copied_by_the_store(recorded: Path, store: Faltering) -> None:
    """No byte of it goes back over the network, and each is the one that was read."""
    upload(recorded / "supply", "s3://crime/supply")
    line = Line.open(settings("s3://crime/workspace", "s3://crime/supply", str(recorded / "country")))
    assert not take_in(line).refused
    assert isinstance(store.behind, AsStoresDo)
    assert sorted(store.behind.copied) == sorted(
        found.path.url.removeprefix("s3://") for found in find("s3://crime/supply")
    )
    for sha256 in line.supplies()["supply"]:
        assert hashlib.sha256(line.workspace.storage.read(supplied_name(sha256))).hexdigest() == sha256


@pytest.mark.parametrize("original", ["another by now", "gone", "on a store of another kind"])
def test_what_cannot_be_copied_is_sent(store: Faltering, tmp_path: Path, original: str) -> None:
    storage = Storage("s3://crime")
    storage.write("supply/a.csv", b"as it was read")
    tag = str(storage.tag("supply/a.csv"))
    (tmp_path / "a.csv").write_bytes(b"as it was read")
    url = "s3://crime/supply/a.csv"
    if original == "another by now":
        storage.write("supply/a.csv", b"as it is now")
    elif original == "gone":
        url = "s3://elsewhere/supply/a.csv"
    else:
        url = "gs://crime/supply/a.csv"
    storage.copy_in(tmp_path / "a.csv", "supplied/a", (url, tag))
    assert storage.read("supplied/a") == b"as it was read"


def test_a_supply_that_cannot_be_listed_is_told(store: Faltering) -> None:
    with pytest.raises(SettingsError, match="The supply s3://no-such-bucket/supply cannot be listed"):
        list(find("s3://no-such-bucket/supply"))


def test_of_two_runs_at_once_on_the_object_store_the_second_to_commit_is_told(
    recorded: Path, store: Faltering
) -> None:
    upload(recorded / "workspace", "s3://crime/workspace")
    first, second = (Workspace.open("s3://crime/workspace") for _ in range(2))
    del first.head["lines"]
    first.commit()
    first.commit()
    with pytest.raises(StoreError, match="another run has changed s3://crime/workspace"):
        second.commit()
    assert "lines" not in Workspace.open("s3://crime/workspace").head
