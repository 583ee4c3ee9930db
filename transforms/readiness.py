"""Whether a release may be published: everything that stands in its way, in words; and the instant it is due.

The same rules hold at the desk, on the command line and in Dagster. None of them is a filter on a query: a
release is private until somebody publishes it, and this says whether they may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from transforms.contracts.columns import ZONE
from transforms.decisions import about_scope, in_force, kind_of
from transforms.periods import Quarter
from transforms.revisions import NOTE_OVER_PER_CENT
from transforms.versions import ReleaseName


@dataclass(frozen=True)
class Candidate:
    """A release that is built and not published.

    `manifest` is the SHA-256 of its manifest. `corrects` says whether an earlier version of its quarter was
    published. `notes_wanted` are the forces of which a year is revised by so much that a note must explain it,
    `entries` are the numbers of the revision notes and grants of access that it was built with. `not_compared` are the
    releases published since it was built: a record may be at another place there.
    """

    name: ReleaseName
    manifest: str
    corrects: bool
    notes_wanted: Sequence[str]
    entries: Sequence[int]
    not_compared: Sequence[str] = ()


def standing(entries: pl.DataFrame, quarter: Quarter) -> pl.DataFrame:
    """The notes of revisions and the access in force for a quarter: what its release is built with.

    `entries` is `tables.ReleaseEntries`, and so is the answer, in the order said: the latest note for each force,
    and of each person the access that has not been ended.
    """
    said = entries.filter(pl.col("quarter") == str(quarter)).sort("entry")
    action = pl.col("action").cast(pl.String)
    notes = said.filter(action == "note a revision").unique("force", keep="last")
    access = (
        said.filter(action.is_in(["give access", "end access"]))
        .unique("person", keep="last")
        .filter(action == "give access")
    )
    return pl.concat([notes, access]).sort("entry")


def due(calendar: pl.DataFrame, entries: pl.DataFrame, candidate: Candidate) -> datetime | None:
    """The instant before which a release stays private, in Europe/London; None when it has none.

    A quarter's first version is due when the calendar says (`quarter`, `release_at`), and without a date never;
    a correction at the time announced for it, and an unscheduled one as soon as it is ready.
    """
    if candidate.corrects:
        days = _about(entries, candidate.name, ["announce a correction"]).get_column("due")
    else:
        days = calendar.filter(pl.col("quarter") == str(candidate.name.quarter)).get_column("release_at")
    instant: datetime | None = days[-1] if len(days) else None
    return None if instant is None else instant.astimezone(ZoneInfo(ZONE))


def blockers(
    candidate: Candidate,
    calendar: pl.DataFrame,
    findings: pl.DataFrame,
    decisions: pl.DataFrame,
    sign_offs: pl.DataFrame,
    entries: pl.DataFrame,
    now: datetime,
) -> list[str]:
    """Everything that keeps a release from being published at `now`, a sentence each; none when it may be.

    `findings` is `tables.Findings` of the release, `decisions` the whole ledger, `sign_offs` and `entries` theirs.
    The instant of publication comes last: a release that waits for nothing else is told the time it is due.
    """
    today = now.astimezone(ZoneInfo(ZONE)).date()
    return [
        *_stopped(entries, candidate.name),
        *_undecided(findings, in_force(decisions, today)),
        *_unexplained(candidate),
        *_outdated(entries, candidate),
        *_not_compared(candidate),
        *_unannounced(entries, candidate),
        *_unsigned(sign_offs, candidate.name, candidate.manifest),
        *_too_early(due(calendar, entries, candidate), candidate, now),
    ]


def undecided(findings: pl.DataFrame, standing_decisions: pl.DataFrame) -> pl.DataFrame:
    """The findings that block and that no decision in force settles, by their id or by their scope in every month.

    A decision on a finding of the same kind about the same scope settles the months that it names, as one on the
    scope itself does: what has grown since is asked about again.
    """
    blocking = findings.filter(pl.col("severity") == "block")
    decided = standing_decisions.filter(pl.col("finding").is_not_null()).select("finding")
    open_months = (
        blocking.join(decided, on="finding", how="anti")
        .with_columns(month=pl.date_ranges("first_month", "last_month", "1mo"))
        .explode("month")
    )
    said = standing_decisions.select(
        "force",
        about="finding",
        of_type="category",
        place="area",
        month=pl.date_ranges("first_month", "last_month", "1mo"),
    ).explode("month")
    settled = (
        open_months.join(said, on=["force", "month"])
        .filter(
            about_scope(pl.col("area"), pl.col("category"), "place", "of_type"),
            pl.col("about").is_null() | (kind_of("about") == kind_of("finding")),
        )
        .select("finding", "month")
    )
    waiting = open_months.join(settled, on=["finding", "month"], how="anti").select("finding").unique()
    return blocking.join(waiting, on="finding", how="semi").sort("finding")


def _undecided(findings: pl.DataFrame, standing_decisions: pl.DataFrame) -> list[str]:
    waiting = undecided(findings, standing_decisions)
    return [
        f"An alert that blocks is not decided ({finding}): {sentence}"
        for finding, sentence in waiting.select("finding", "sentence").iter_rows()
    ]


def _about(entries: pl.DataFrame, name: ReleaseName, actions: list[str]) -> pl.DataFrame:
    return entries.filter(
        pl.col("quarter") == str(name.quarter),
        pl.col("version") == str(name.version),
        pl.col("action").cast(pl.String).is_in(actions),
    ).sort("entry")


def _stopped(entries: pl.DataFrame, name: ReleaseName) -> list[str]:
    said = _about(entries, name, ["stop", "lift the stop"])
    if said.is_empty() or said.get_column("action")[-1] != "stop":
        return []
    who, text = said.select("who", "text").row(-1)
    return [f"{who} stopped it: {text}"]


def _unexplained(candidate: Candidate) -> list[str]:
    return [
        f"A year of {force} is revised by more than {NOTE_OVER_PER_CENT:g}% and no note says why: write one, and "
        "build it again."
        for force in candidate.notes_wanted
    ]


def _outdated(entries: pl.DataFrame, candidate: Candidate) -> list[str]:
    now = standing(entries, candidate.name.quarter).get_column("entry").to_list()
    if now == list(candidate.entries):
        return []
    return [
        "Notes or access have been written or changed since it was built: build it again, so that it holds them."
    ]


def _not_compared(candidate: Candidate) -> list[str]:
    if not candidate.not_compared:
        return []
    were = "was" if len(candidate.not_compared) == 1 else "were"
    return [
        f"{', '.join(candidate.not_compared)} {were} published since it was built, and the places of its records are "
        "not compared with those: build it again."
    ]


def _unannounced(entries: pl.DataFrame, candidate: Candidate) -> list[str]:
    if not candidate.corrects or _about(entries, candidate.name, ["announce a correction"]).height:
        return []
    return ["It corrects a release that was published, and no correction notice is written."]


def is_signed(sign_offs: pl.DataFrame, entries: pl.DataFrame, name: ReleaseName, manifest: str) -> bool:
    """Whether two people have signed these very bytes and nobody has stopped them: they wait for their instant."""
    return not _unsigned(sign_offs, name, manifest) and not _stopped(entries, name)


def _unsigned(sign_offs: pl.DataFrame, name: ReleaseName, manifest: str) -> list[str]:
    said = sign_offs.filter(pl.col("release") == str(name)).sort("entry")
    of_these_bytes = said.filter(pl.col("manifest") == manifest)
    signers = {
        role: {
            _person(who)
            for who in of_these_bytes.filter(pl.col("role").cast(pl.String) == role)
            .get_column("who")
            .to_list()
        }
        for role in ("prepared", "approved")
    }
    missing = []
    for role, people in signers.items():
        if people:
            continue
        others = said.filter(pl.col("role").cast(pl.String) == role).get_column("who").to_list()
        built_since = f" ({others[-1]} signed a build that is no longer this one)" if others else ""
        missing.append(f"Nobody has signed that it is {role}{built_since}.")
    if missing:
        return missing
    if len(signers["prepared"] | signers["approved"]) < 2:
        only = of_these_bytes.get_column("who")[0]
        return [f"{only} both prepared and approved it: another person has to do one of the two."]
    return []


def _person(who: str) -> str:
    """A name as one person's, however it is typed."""
    return " ".join(who.casefold().split())


def _too_early(due_at: datetime | None, candidate: Candidate, now: datetime) -> list[str]:
    if due_at is None:
        if candidate.corrects:
            return []  # unscheduled
        return [
            f"The release calendar has no date for {candidate.name.quarter}: without one it stays private."
        ]
    if now < due_at:
        return [f"It is due at {due_at:%H:%M} on {due_at:%A %-d %B %Y} ({due_at:%Z}), and not before."]
    return []
