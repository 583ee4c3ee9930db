"""A supply of many small files costs each of them the same, however many there are: work is counted, not timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from fixtures.country import FORCES, write_country
from pipelines.settings import settings
from pipelines.sources import force_extract
from pipelines.sources.refusal import Refusal
from pipelines.stages import supplied
from pipelines.stages.counted import count_forces, reconcile_transfers
from pipelines.stages.line import Line
from pipelines.stages.recorded import identity, record_forces
from pipelines.stages.supplied import HELD_PER_FILE, take_in
from pipelines.store import Storage, Workspace

FEW, MANY = 40, 160
#: How much more of anything each of many files may cost than each of few.
LEEWAY: Final = 1.25
#: Rows of each file; the code of the last is no code.
ROWS: Final = 6
HEADER: Final = (
    "force,source_system,crime_ref,incident_ref,offence_code,reported_at,recorded_at,victim_ref,victim_kind,status,"
    "updated_at"
)


@dataclass
class Work:
    """What was done, as far as it can be counted."""

    commits: int = 0
    #: bytes of the snapshots written.
    snapshots: int = 0
    #: rows of the list of files written.
    listed: int = 0
    #: cells of every table that a query made.
    cells: int = 0
    #: objects of the workspace read, by name.
    objects: list[str] = field(default_factory=list)
    #: files whose rows were read, by name.
    files: list[str] = field(default_factory=list)


@contextmanager
def watched() -> Iterator[Work]:
    """Count the work that is done meanwhile."""
    work = Work()
    with pytest.MonkeyPatch.context() as patch:

        def watch(owner: Any, name: str, note: Callable[..., None]) -> None:
            """Note the arguments and the answer of every call."""
            real = getattr(owner, name)

            def noting(*told: Any, **named: Any) -> Any:
                answer = real(*told, **named)
                note(answer, *told)
                return answer

            patch.setattr(owner, name, noting)

        def made(answer: Any, *_: Any) -> None:
            if isinstance(answer, pl.DataFrame):
                work.cells += answer.height * answer.width

        def committed(*_: Any) -> None:
            work.commits += 1

        def written(_: None, storage: Storage, name: str, data: bytes) -> None:
            work.snapshots += len(data) * name.startswith("snapshots/")

        def listed(
            _: Any, workspace: Workspace, table: str, part: str, rows: pl.DataFrame, *more: Any
        ) -> None:
            work.listed += rows.height * (table == "supplies")

        watch(Workspace, "commit", committed)
        watch(Workspace, "write", listed)
        watch(Workspace, "scan_objects", lambda _, workspace, names, *more: work.objects.extend(names))
        watch(Storage, "write", written)
        watch(force_extract, "read_extract", lambda _, frozen, recognised: work.files.append(recognised.name))
        for owner, names in (
            (pl.DataFrame, ("select", "filter", "with_columns")),
            (pl.LazyFrame, ("collect",)),
            (pl, ("concat",)),
        ):
            for name in names:
                watch(owner, name, made)
        yield work


def write_files(folder: Path, number: int) -> None:
    """As many extracts of one month and force each, from January 2010."""
    folder.mkdir(parents=True)
    for place in range(number):
        later, of = divmod(place, len(FORCES))
        month = f"{date(2010 + later // 12, later % 12 + 1, 1):%Y-%m}"
        force = FORCES[of].force
        rows = [
            f"{force},niche,{month}/{row},I{month}/{row},{'5D' if row else 'no code'},{month}-05T09:00:00,"
            f"{month}-{row + 6:02}T10:00:00,V{row},person,live,{month}-20T10:00:00"
            for row in range(ROWS)
        ]
        (folder / f"{month}-{force}-niche-extract.csv").write_text("\n".join([HEADER, *rows, ""]))


def opened(folder: Path, country: Path) -> Line:
    return Line.open(settings(str(folder / "workspace"), str(folder / "supply"), str(country)))


def listed(line: Line) -> pl.DataFrame:
    """The list of files, but for when each came."""
    return line.supplies().drop("received_at")


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("country")
    write_country(folder, first_month="2010-01")
    return folder


def of_each(number: int, folder: Path, country: Path) -> dict[str, float]:
    """What each of so many files costs, from the supply to counted crimes; nothing of them being lost."""
    write_files(folder / "supply", number)
    line = opened(folder, country)
    with watched() as taking_in:
        taken = take_in(line)
    with watched() as after:
        record_forces(line)
        count_forces(line)
        reconcile_transfers(line)

    assert (len(taken.new), taken.refused, taken.rejected) == (number, [], number)
    assert sorted(line.supplies()["name"]) == sorted(path.name for path in (folder / "supply").iterdir())
    assert line.supplies()["state"].unique().to_list() == ["accepted"]
    everything = identity(line)
    assert everything.holds
    assert (everything.supplied, everything.recorded) == (number * ROWS, number * (ROWS - 1))
    assert line.workspace.rows("counted") == number * (ROWS - 1)

    assert len(taking_in.files) == number
    assert after.files == []
    lines = {entry.object for entry in line.workspace.head["lines"].values()}
    return {
        "bytes of snapshots": taking_in.snapshots / number,
        "times it is listed": taking_in.listed / number,
        "cells": taking_in.cells / number,
        "reads of objects when taken in": len(taking_in.objects) / number,
        "reads of its lines afterwards": len([name for name in after.objects if name in lines]) / number,
    }


@pytest.mark.slow
def test_each_of_many_files_costs_what_each_of_few_does(
    tmp_path: Path, country: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that a commit waits for a share of what is held, as it does where there are more than a thousand files.
    monkeypatch.setattr(supplied, "FILES_PER_COMMIT", 1)
    few, many = (of_each(number, tmp_path / str(number), country) for number in (FEW, MANY))
    assert few["cells"] > ROWS
    assert few["reads of its lines afterwards"] >= 1
    assert {what: cost for what, cost in many.items() if cost > few[what] * LEEWAY} == {}
    assert many["times it is listed"] <= HELD_PER_FILE * LEEWAY


def test_a_stopped_run_goes_on_without_reading_again_what_was_committed(
    tmp_path: Path, country: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supplied, "FILES_PER_COMMIT", 5)
    write_files(tmp_path / "supply", 20)
    names = sorted(path.name for path in (tmp_path / "supply").iterdir())
    line = opened(tmp_path, country)
    real = force_extract.read_extract

    def stopping(frozen: Any, recognised: Any, **told: Any) -> Any:
        if recognised.name == names[13]:
            raise KeyboardInterrupt
        return real(frozen, recognised, **told)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(force_extract, "read_extract", stopping)
        with pytest.raises(KeyboardInterrupt):
            take_in(line)

    line = opened(tmp_path, country)
    assert line.supplies()["name"].to_list() == names[:10]
    with watched() as work:
        taken = take_in(line)
    assert work.files == names[10:]
    assert (taken.unchanged, len(taken.new)) == (10, 10)

    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "supply").symlink_to(tmp_path / "supply")
    never_stopped = opened(tmp_path / "again", country)
    take_in(never_stopped)
    assert listed(line).equals(listed(never_stopped))
    for table in ("lines", "rejects"):
        assert line.workspace.key(table) == never_stopped.workspace.key(table)


class Name(str):
    """The name of a file that counts how often it is compared with another."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        assert Name.compared < 100_000, "names are compared far oftener than there are files"
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def refusals(number: int, problem: str) -> list[Refusal]:
    return [Refusal(Name(f"{place:05}.csv"), problem, "ask the sender") for place in range(number)]


def test_each_of_ten_thousand_refused_files_costs_what_one_does(tmp_path: Path, country: Path) -> None:
    number = 10_000
    (tmp_path / "supply").mkdir()
    line = opened(tmp_path, country)
    Name.compared = 0
    with watched() as work:
        taken = take_in(line, refusals(number, "the file is empty"))
    assert len(taken.refused) == line.supplies().height == number
    assert work.commits <= number / 100
    assert work.listed <= HELD_PER_FILE * LEEWAY * number
    assert Name.compared <= 4 * number

    before = line.supplies()
    with watched() as work:
        take_in(line, refusals(number, "the file is empty"))
    assert line.supplies().equals(before)
    assert work.commits == 1

    take_in(line, refusals(number, "the file is damaged"))
    assert line.supplies().height == number
    assert line.supplies()["reason"].str.contains("damaged").all()
