"""Runs the whole line through Dagster in this process, and tells a person what came of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipelines.progress import console, steps
from pipelines.room import MAKE_ROOM, fullest, is_out_of_room
from pipelines.settings import Settings, SettingsError, crime_id_key, releases_folder
from pipelines.shelves import PUBLIC, Shelved, Shelves
from pipelines.store import Storage, StoreError, Workspace
from publish.release import MANIFEST
from transforms.periods import Quarter

#: No telemetry, no pop-ups, nothing sent anywhere. Steps print nothing, so no processes watch what they print. Events
#: are kept as `pipelines.records` says, at the place where Dagster would keep them.
DAGSTER_YAML: Final = """\
telemetry:
  enabled: false
nux:
  enabled: false
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
event_log_storage:
  module: pipelines.records
  class: EventLog
  config:
    base_dir:
      env: DAGSTER_HOME
"""


#: So many forces or quarters are named, not only numbered.
NAMED: Final = 6


@dataclass
class Outcome:
    """What a run did, ready to be told."""

    release: Shelved | None = None
    quarter: Quarter | None = None
    notes: list[str] = field(default_factory=list)
    failed: bool = False

    def tell(self) -> None:
        """Say it on the terminal."""
        for note in self.notes:
            console.print(note)
        if self.release is None:
            return
        name, folder = self.release.name, self.release.folder
        public = "published" if self.release.shelf == PUBLIC else "built and not published"
        console.print(f"\n[bold]The release {name} ({name.quarter.title})[/], {public}, is in {folder}")
        for what, file, how in (
            (
                "the return",
                f"returns/recorded-crime-{name.quarter}.ods",
                "open it in any spreadsheet; .xlsx beside it",
            ),
            (
                "the archive",
                "feeds/latest.zip",
                "police.uk layout; availability.csv beside it",
            ),
            ("the site", "site/index.html", "`fullcount serve` and open http://127.0.0.1:8000/"),
        ):
            console.print(f"  {what:<12} {folder / file}\n               [dim]{how}[/]")


def dagster_home(workspace: str) -> Path:
    """The folder of Dagster's own records, made with telemetry off, and named to it in DAGSTER_HOME."""
    storage = Storage(workspace)
    home = Path(
        os.environ.get("DAGSTER_HOME") or Path(storage.root if storage.local else ".fullcount") / "dagster"
    )
    home.mkdir(parents=True, exist_ok=True)
    settings_file = home / "dagster.yaml"
    if not settings_file.exists():
        settings_file.write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(home.resolve())
    # Without it Dagster stores what comes in batches, such as all that was planned, one event at a time.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
    return home


def run_line(where: Settings, quarter: Quarter | None) -> Outcome:
    """Materialise the whole flow: take in, record, count, aggregate, judge every quarter, release one.

    The one released is `quarter`, else the latest whose every month was supplied.

    Raises StoreError when another run is using the workspace, or a disk is full.
    """
    try:
        # Taken before Dagster makes its own files, which two runs must not do at once.
        with Workspace.open(where.workspace).lock("run-lock"):
            return _run_line(where, quarter)
    except Exception as problem:
        if not is_out_of_room(problem) or MAKE_ROOM in str(problem):
            raise
        written = [where.workspace, tempfile.gettempdir()]
        with contextlib.suppress(SettingsError):
            written.append(releases_folder(where.workspace))
        place = fullest(written) or where.workspace
        raise StoreError(
            f"there is no room left on the disk for what is made in {place}: {MAKE_ROOM}."
        ) from problem


def _run_line(where: Settings, quarter: Quarter | None) -> Outcome:
    crime_id_key(where.workspace)  # a key that cannot be read is told before any work
    where.require_folders()
    where.save()
    dagster_home(where.workspace)
    warnings.filterwarnings("ignore", module="dagster")
    import dagster as dg

    from pipelines import assets
    from pipelines.stages.counted import told
    from pipelines.stages.line import Line
    from pipelines.stages.released import require_supplied

    line = assets.LineResource(
        workspace=where.workspace,
        supply=where.supply,
        country=where.country,
        as_of=where.as_of.isoformat(),
    )
    outcome = Outcome()
    with dg.DagsterInstance.get() as instance, steps("working", 3) as advance:

        def materialise(chosen: list[dg.AssetsDefinition], **run: Any) -> bool:
            advance(", ".join(asset.key.to_user_string() for asset in chosen))
            try:
                result = dg.materialize(
                    [assets.supply_files, *assets.FLOW],
                    selection=chosen,
                    instance=instance,
                    resources={"line": line},
                    raise_on_error=True,
                    run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                    **run,
                )
            except dg.DagsterExecutionInterruptedError as stopped:
                # Inside a step Dagster turns Ctrl-C into an exception of its own.
                raise KeyboardInterrupt from stopped
            return result.success

        held = Line.open(where).workspace
        before = held.snapshot, _releases(where)
        materialise([assets.supplied, assets.recorded])
        opened = Line.open(where)
        quarters = opened.quarters()
        outcome.notes.extend(_told_supply(held, opened))
        if not quarters:
            outcome.notes.append("No file could be used, so there is nothing to count.")
            outcome.failed = True
            return outcome
        materialise(
            [assets.counted, assets.aggregated, assets.judged],
            tags={
                "dagster/asset_partition_range_start": str(quarters[0]),
                "dagster/asset_partition_range_end": str(quarters[-1]),
            },
        )
        outcome.quarter = quarter or opened.whole_quarter() or quarters[-1]
        require_supplied(opened, outcome.quarter)
        materialise([assets.released], partition_key=str(outcome.quarter))
        opened = Line.open(where)
        # A quarter has one private release at most, and it is newer than those that are public.
        outcome.release = Shelves(opened.workspace.storage).all(outcome.quarter)[-1]
        outcome.notes.extend(_told_work(held, opened))
        outcome.notes.extend(told(opened))
        outcome.notes.extend(_told_gaps(opened))
        if (opened.workspace.snapshot, _releases(where)) == before:
            outcome.notes.append("Nothing new was supplied: every table and the release stand as they were.")
    return outcome


def _releases(where: Settings) -> dict[str, int]:
    """Every release's manifest and when it was put in place."""
    return {
        str(each.name): (each.folder / MANIFEST).stat().st_mtime_ns
        for each in Shelves(Storage(where.workspace)).all()
    }


def _told_supply(held: Workspace, line: Any) -> list[str]:
    """The account of all rows, and which files count again (`take_in`)."""
    import polars as pl

    from pipelines.stages.arrival import SCOPE
    from pipelines.stages.recorded import identity
    from transforms.contracts import tables

    superseded = held.read("supplies", tables.Supplies).filter(state="superseded")
    again = (
        line.supplies()
        .filter(pl.col("state") == "accepted")
        .join(superseded, on=["supply", *SCOPE], how="semi", nulls_equal=True)
        .sort("received_order")["name"]
        .to_list()
    )
    told = [identity(line).sentence]
    if again:
        names = ", ".join(again) if len(again) <= NAMED else f"{len(again):,} files"
        told.append(
            f"Put back, and counting again: {names}. What had taken the place is in the supply no more."
        )
    return told


def _told_work(held: Workspace, line: Any) -> list[str]:
    """What this run computed again, where there was something before: the forces counted, the quarters laid out."""
    if not held.head.get("counted"):
        return []
    forces = {name.split(" ")[0] for name in line.workspace.changed("counted", held)}
    quarters = line.workspace.changed("area_grid", held)
    if not forces and not quarters:
        return []
    return [
        f"Computed again: the counts of {len(forces)} of {len(line.forces)} forces"
        f"{_list(sorted(forces))} and the cells of {len(quarters)} of {len(line.quarters())} quarters"
        f"{_list(quarters)}. The rest stands."
    ]


def _list(names: list[str]) -> str:
    return f" ({', '.join(names)})" if 0 < len(names) <= NAMED else ""


def _told_gaps(line: Any) -> list[str]:
    from transforms.contracts import tables
    from transforms.contracts.status import allows_number

    verdicts = line.workspace.read("verdicts", tables.Verdicts)
    gaps = verdicts.filter(~allows_number())
    if gaps.is_empty():
        return [f"All {verdicts.height} files owed were supplied."]
    are = "is" if gaps.height == 1 else "are"
    return [
        f"Of {verdicts.height} files owed, {gaps.height} {are} missing or not fit to publish, and stated as such, "
        "never as zero. `fullcount status` says which."
    ]
