"""Work for the engines under test, and what came of it: light to import, since every new process imports it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.store import Workspace


def die_once(item: tuple[int, str]) -> int:
    """Square a number; kill this process the first time that it is 3."""
    number, marker = item
    if number == 3 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def fail(item: int) -> int:
    """Fail as a function under an engine may."""
    raise ValueError(f"item {item} is bad")


def wait_for_ever(folder: str) -> None:
    """Write down which process this is, and do nothing."""
    (Path(folder) / str(os.getpid())).touch()
    signal.pause()


def copy_in(item: tuple[str, str, str, str]) -> str:
    """Copy a file to an object store as `name`, after writing down which process does."""
    from pipelines.store import Storage

    path, url, name, process = item
    Path(process).write_text(str(os.getpid()))
    Storage(url).copy_in(Path(path), name)
    return name


def made_of(workspace: Workspace) -> dict[str, dict[str, str]]:
    """The object of every partition of every table, but for the list of files, which says when each came."""
    return {table: dict(workspace.key(table)) for table in workspace.head if table != "supplies"}


def recorded_workspace(folder: Path, last_month: str = "2019-07", crimes_per_month: int = 400) -> Path:
    """A workspace in which every force's records since 2019-04 are ready to be counted, with its country and supply."""
    from fixtures.country import write_country
    from fixtures.extracts import make_lines, months_of
    from fixtures.supply import extract_name, write_extract
    from pipelines.settings import settings
    from pipelines.stages.line import Line
    from pipelines.stages.recorded import record_forces
    from pipelines.stages.supplied import take_in

    country = write_country(folder / "country", first_month="2019-04")
    made = make_lines(country, months_of("2019-04", last_month), crimes_per_month=crimes_per_month, seed=5)
    for (month, force), lines in made.partition_by(["extract_month", "force"], as_dict=True).items():
        name = extract_name(str(force), month, system=lines["source_system"][-1])  # type: ignore[arg-type]
        write_extract(lines.drop("extract_month"), folder / "supply" / name)
    line = Line.open(settings(*(str(folder / each) for each in ("workspace", "supply", "country"))))
    assert not take_in(line).refused
    record_forces(line)
    return folder
