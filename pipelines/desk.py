"""Opens what the desk reads and keeps: the tables of a workspace's latest snapshot, the ledger, and its settings."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipelines import publication
from pipelines.ledger import open_ledger
from pipelines.settings import Settings, SettingsError, kept_secret
from pipelines.shelves import PRIVATE, WITHDRAWN, Shelved, Shelves
from pipelines.stages.line import Line
from pipelines.stages.recorded import supply_partition
from pipelines.store import Storage, StoreError
from publish.desk.book import Book
from publish.desk.desk import Desk
from publish.desk.errors import DeskError
from publish.desk.gate import Release
from publish.desk.guard import LOOPBACK
from publish.desk.settings import DeskSettings, Mail, OpenId, Webhook
from publish.parts import file_digest
from publish.release import MANIFEST
from transforms.aggregation import add_up, rows_by
from transforms.completeness.day_by_day import flags, received_on
from transforms.contracts import tables
from transforms.contracts.columns import CATEGORY
from transforms.contracts.status import STATUS, Status
from transforms.periods import quarters_of

#: Days of daily extracts that are looked at, and how many of them a force must have sent to be held to it.
DAYS: Final = 120
DAILY: Final = 21


def open_desk(where: Settings, url: str | None = None) -> Desk:
    """The desk of a workspace, with the machine's clock."""
    return Desk(
        settings=desk_settings(where.workspace, url),
        ledger=open_ledger(where.workspace),
        read_book=book_reader(where),
        gate=Shelfkeeper(where),
        clock=lambda: datetime.now(UTC),
    )


def book_reader(where: Settings) -> Callable[[], Book]:
    """A function that gives the tables of the latest snapshot, read once for each snapshot."""
    storage = Storage(where.workspace)
    held: dict[str, Book] = {}

    def latest() -> Book:
        head = storage.read("HEAD").decode().strip() if storage.exists("HEAD") else ""
        if head not in held:
            book = read_book(Line.open(where), head)
            held.clear()
            held[head] = book
        return held[head]

    return latest


def desk_settings(workspace: str, url: str | None = None) -> DeskSettings:
    """How the desk of a workspace is set up: the TOML file that FULLCOUNT_DESK names, else one that is just local.

    The file is the desk's own: the public server reads none of it. Raises SettingsError for what is wrong in it.
    """
    named = os.environ.get("FULLCOUNT_DESK")
    told = _toml(Path(named)) if named else {}
    unknown = set(told) - {"url", "title", "secret_file", "requests_a_minute", "openid", "mail", "webhook"}
    if unknown:
        raise SettingsError(
            f"{named} has settings that the desk does not know: {', '.join(sorted(unknown))}."
        )
    try:
        openid, mail, webhook = (dict(told.get(name, {})) for name in ("openid", "mail", "webhook"))
        if openid:
            openid["client_secret"] = _secret(openid.pop("client_secret_file"))
        if mail:
            mail["to"] = tuple(mail["to"])
            if "password_file" in mail:
                mail["password"] = _secret(mail.pop("password_file"))
        if webhook:
            webhook["secret"] = _secret(webhook.pop("secret_file")).encode()
        given = {name: told[name] for name in ("title", "requests_a_minute") if name in told}
        made = DeskSettings(
            secret=_own_secret(workspace, told.get("secret_file")),
            url=url or told.get("url", DeskSettings.url),
            openid=OpenId(**openid) if openid else None,
            mail=Mail(**mail) if mail else None,
            webhook=Webhook(**webhook) if webhook else None,
            **given,
        )
    except (KeyError, TypeError) as problem:
        raise SettingsError(f"{named} is not whole: {problem}. docs/desk.md shows every setting.") from None
    if not made.secure and made.host not in LOOPBACK:
        raise SettingsError(
            f"{made.url} is not on this machine, so it has to begin with https://: sign-ins would cross the network "
            "in the clear. Put a server that speaks HTTPS in front, and name its address as `url`."
        )
    return made


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"FULLCOUNT_DESK names {path}, which does not exist.") from None
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError(f"{path} is no TOML: {problem}.") from None


def _secret(file: str) -> str:
    path = Path(file)
    if not path.exists():
        raise SettingsError(f"The secret file {path} does not exist.")
    return path.read_text(encoding="utf-8").strip()


def _own_secret(workspace: str, file: str | None) -> bytes:
    """What form tokens are made with: named in the settings, else made once and kept beside the workspace."""
    if file is None:
        return kept_secret(workspace, "desk.key", named=None, variable="FULLCOUNT_DESK (secret_file)")
    return _secret(file).encode()


def read_book(line: Line, snapshot: str) -> Book:
    """The tables of a line's current snapshot, as the desk sees them."""
    workspace = line.workspace
    at = Path(workspace.storage.root, "HEAD") if workspace.storage.local else None
    made = datetime.fromtimestamp(at.stat().st_mtime, UTC) if at and at.exists() else datetime.now(UTC)
    return Book(
        snapshot=snapshot,
        made_at=made,
        country=line.country,
        findings=workspace.read("findings", tables.Findings).sort("finding"),
        verdicts=workspace.read("verdicts", tables.Verdicts).sort("force", "file_type", "month"),
        supplies=line.supplies().sort("received_order"),
        rejects=workspace.scan("rejects", tables.Rejects).collect().sort("name", "line", "field"),
        supplied_counts=_supplied_counts(line),
        judged=add_up(workspace.scan("judged_offences", tables.OffenceCounts), by=["force", "month"]),
        places=workspace.scan("neighbourhood_totals", tables.NeighbourhoodTotals).collect(),
        days=workspace.scan("recorded_days", tables.RecordedDays).collect(),
        flags=_flags(line),
        delays=workspace.scan("recording_delays", tables.RecordingDelays).collect().sort("force", "week"),
        systems=rows_by(workspace.scan("system_places", tables.SystemPlaces), ["force", "place", "open"])
        .sort("force", "place", "open")
        .collect(),
        cells=lambda force, months: workspace.scan(
            "area_grid", tables.AreaGrid, [str(quarter) for quarter in quarters_of(months)]
        ).filter(pl.col("force") == force, pl.col("month").is_in(list(months))),
    )


def _supplied_counts(line: Line) -> pl.DataFrame:
    supplied = pl.when("supplied").then(pl.lit(Status.COMPLETE.value)).otherwise(pl.lit(Status.MISSING.value))
    grid = line.workspace.scan("area_grid", tables.AreaGrid).with_columns(status=supplied.cast(STATUS))
    return add_up(grid, by=["force", "month", "category"]).with_columns(pl.col("category").cast(CATEGORY))


def _flags(line: Line) -> pl.DataFrame:
    """What daily extracts showed on the day they came: `tables.DayFlags`; of forces that send them daily only."""
    files = line.supplies().filter(pl.col("kind") == "extract", pl.col("state") != "refused")
    files = files.with_columns(day=pl.col("received_at").dt.date())
    if files.is_empty():
        return tables.DayFlags.create_empty()
    latest = files.get_column("day").max()
    files = files.filter(pl.col("day") > latest - timedelta(days=DAYS))
    often = files.group_by("force").agg(came=pl.col("day").n_unique()).filter(pl.col("came") >= DAILY)
    owing = often.get_column("force").to_list()
    if not owing:
        return tables.DayFlags.create_empty()
    files = files.filter(pl.col("force").is_in(owing)).sort("day", "received_order")
    held = line.workspace.head.get("lines", {})
    received = []
    for (day,), part in files.group_by("day", maintain_order=True):
        names = [name for row in part.iter_rows(named=True) if (name := supply_partition(row)) in held]
        lines = line.workspace.scan("lines", tables.Lines, names)
        wanted = lines.select("force", "source_system", "reported_at", "recorded_at").collect()
        received.append(received_on(wanted, day, owing))
    return flags(pl.concat(received), _left_behind(line, latest, owing))


def _left_behind(line: Line, day: date, owing: list[str]) -> pl.DataFrame:
    """How many open crimes each force's old system alone holds, as `day_by_day.flags` reads it."""
    places = line.workspace.scan("system_places", tables.SystemPlaces).filter(pl.col("force").is_in(owing))
    newer = places.group_by("force").agg(new_system=pl.col("new_system").drop_nulls().first())
    alone = places.filter(pl.col("place") == "old only", pl.col("open"))
    return (
        rows_by(alone, ["force", "old_system"])
        .join(newer, on="force")
        .select(pl.lit(day).alias("as_of"), "force", "old_system", "new_system", open="rows")
        .sort("force", "old_system")
        .collect()
    )


@dataclass(frozen=True)
class Shelfkeeper:
    """The releases of a workspace as the desk sees and moves them: by the functions of `pipelines/publication.py`."""

    where: Settings

    def releases(self) -> list[Release]:
        """Every release, with what the private ones wait for."""
        shelves = Shelves(Storage(self.where.workspace))
        now = datetime.now(UTC)
        return [self._release(each, now) for each in sorted([*shelves.all(), *shelves.on(WITHDRAWN)])]

    def _release(self, each: Shelved, now: datetime) -> Release:
        opened = publication.gate(self.where, each, now) if each.shelf == PRIVATE else None
        told = each.manifest
        return Release(
            name=str(each.name),
            quarter=each.name.quarter,
            shelf=each.shelf,
            manifest=file_digest(each.folder / MANIFEST),
            due=opened.due if opened else None,
            waits_for=opened.waits_for if opened else [],
            notes_wanted=told["notes_wanted"],
            corrects=told["follows"] is not None,
        )

    def sign(self, name: str, who: str, role: str, note: str | None, seen: int, token: str) -> None:
        """Sign a private release as its bytes are."""
        with _told():
            publication.sign(self.where, name, who, role, note, seen, token)

    def publish(self, name: str) -> None:
        """Publish a release whose gate is open."""
        with _told():
            publication.publish(self.where, name, datetime.now(UTC))

    def stop(self, name: str, who: str, reason: str) -> None:
        """Stop a private release, or take back a public one."""
        with _told():
            publication.stop(self.where, name, who, reason, datetime.now(UTC))

    def lift(self, name: str, who: str, reason: str) -> None:
        """Let a stopped release go on."""
        with _told():
            publication.lift(self.where, name, who, reason)

    def announce(self, name: str, who: str, notice: str, due: datetime | None) -> None:
        """Keep the notice of a correction."""
        with _told():
            publication.announce(self.where, name, who, notice, due)


@contextmanager
def _told() -> Iterator[None]:
    """What stands in the way of a release, said to whoever pressed the button."""
    try:
        yield
    except (StoreError, publication.GateError) as problem:
        raise DeskError(str(problem)) from None
