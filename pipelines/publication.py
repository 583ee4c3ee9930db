"""Moves a release to where readers are, at its instant and once its gate is open; and takes one back.

A release is public because it lies under `public/`. It gets there by one rename, after every rule of
`transforms/readiness.py` holds and its bytes are those that were signed; it leaves by one rename to
`withdrawn/`. `public/current.json` and `public/notices.json` are written anew from what lies there, so
that a process killed between two steps is put right by the next.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipelines import ledger
from pipelines.country import load_country
from pipelines.settings import Settings
from pipelines.shelves import PRIVATE, PUBLIC, WITHDRAWN, Shelved, Shelves
from pipelines.store import Storage, StoreError, Workspace
from publish import signing
from publish.parts import file_digest
from publish.release import MANIFEST
from transforms import readiness
from transforms.contracts import tables
from transforms.contracts.columns import ZONE
from transforms.versions import ReleaseName

#: What publication and withdrawal leave in a release beside the files that its manifest names.
PUBLICATION: Final = "publication.json"
WITHDRAWAL: Final = "withdrawal.json"
CURRENT: Final = "public/current.json"
NOTICES: Final = "public/notices.json"


class GateError(ValueError):
    """A release that may not be published yet; the message says everything that it waits for."""


@dataclass(frozen=True)
class Gate:
    """What a release waits for, in words, and when it is due; open when it waits for nothing."""

    release: Shelved
    due: datetime | None
    waits_for: list[str]

    @property
    def words(self) -> str:
        """All of it in one text."""
        if not self.waits_for:
            return f"{self.release.name} waits for nothing and may be published."
        return f"{self.release.name} waits for:\n" + "\n".join(f"- {each}" for each in self.waits_for)


def gate(where: Settings, release: Shelved, now: datetime) -> Gate:
    """What stands between a private release and publication at `now`."""
    calendar = load_country(where.country).calendar
    workspace = Workspace.open(where.workspace)
    told = release.manifest
    findings = workspace.scan_objects(
        sorted(told["made_from"]["tables"]["findings"].values()), tables.Findings, "findings"
    ).collect()
    entries = ledger.release_entries(where.workspace)
    shelves = Shelves(workspace.storage)
    candidate = readiness.Candidate(
        name=release.name,
        manifest=file_digest(release.folder / MANIFEST),
        corrects=_corrects(shelves, release.name),
        notes_wanted=told["notes_wanted"],
        entries=[said["entry"] for said in told["made_from"]["said"]],
        not_compared=shelves.not_compared(release),
    )
    return Gate(
        release,
        readiness.due(calendar, entries, candidate),
        readiness.blockers(
            candidate,
            calendar,
            findings,
            ledger.decisions(where),
            ledger.sign_offs(where.workspace),
            entries,
            now,
        ),
    )


def publish(where: Settings, text: str, now: datetime) -> Shelved:
    """Publish a release: move it from the private area to the public one.

    A release that is public already is left as it is. Raises GateError with everything it waits for, and
    StoreError when its files are not those that its manifest names.
    """
    shelves = Shelves(Storage(where.workspace))
    with shelves.lock():
        release = shelves.find(text)
        if release.shelf == PRIVATE:
            require_whole(release)
            opened = gate(where, release, now)
            if opened.waits_for:
                raise GateError(opened.words)
            _write(release.folder / PUBLICATION, _publication(where, opened, shelves, now))
            release = _move(shelves, release, PUBLIC)
        settle(shelves)
    return release


def stop(where: Settings, text: str, who: str, reason: str, now: datetime) -> Shelved:
    """Stop a release: a private one cannot be published, a public one is taken back at once, with a notice.

    Raises StoreError when there is no such release.
    """
    shelves = Shelves(Storage(where.workspace))
    with shelves.lock():
        release = shelves.find(text)
        _say(where, who, "stop", release.name, reason)
        if release.shelf == PUBLIC:
            _write(
                release.folder / WITHDRAWAL,
                {"release": str(release.name), "withdrawn_at": _moment(now), "reason": reason},
            )
        settle(shelves)
    return shelves.find(str(release.name))


def lift(where: Settings, text: str, who: str, reason: str) -> Shelved:
    """Let a private release that was stopped go on. Raises StoreError for one that is not private."""
    release = Shelves(Storage(where.workspace)).find(text)
    if release.shelf != PRIVATE:
        raise StoreError(f"{release.name} is not private: what was published is corrected by a new version.")
    _say(where, who, "lift the stop", release.name, reason)
    return release


def sign(
    where: Settings,
    text: str,
    who: str,
    role: str,
    note: str | None,
    seen: int | None = None,
    token: str | None = None,
) -> Shelved:
    """Sign that a private release, as its bytes are now, is prepared or approved.

    `seen` and `token` are those of the form it was signed on, where there was one (`publish/desk/ledger.py`).
    Raises StoreError when there is no such private release or its files are not those of its manifest.
    """
    release = Shelves(Storage(where.workspace)).find(text)
    if release.shelf != PRIVATE:
        raise StoreError(f"{release.name} is published: there is nothing left to sign.")
    require_whole(release)
    signing.sign(
        ledger.open_ledger(where.workspace),
        who,
        role,
        release.name,
        file_digest(release.folder / MANIFEST),
        note,
        token,
        seen,
    )
    return release


def announce(where: Settings, text: str, who: str, notice: str, due: datetime | None) -> Shelved:
    """Write the notice of a correction, published at `due`, or once it is ready when there is no such time.

    Raises StoreError when the release is not private or corrects nothing.
    """
    shelves = Shelves(Storage(where.workspace))
    release = shelves.find(text)
    if release.shelf != PRIVATE:
        raise StoreError(f"{release.name} is published: build the correction first (`fullcount run`).")
    if not _corrects(shelves, release.name):
        raise StoreError(
            f"No version of {release.name.quarter} was published, so {release.name} corrects none."
        )
    _say(where, who, "announce a correction", release.name, notice, due)
    return release


def require_whole(release: Shelved) -> None:
    """Raise StoreError naming the files of a release that are not what its manifest says."""
    files = release.manifest["files"]
    wrong = [
        name
        for name, told in files.items()
        if not (release.folder / name).is_file() or file_digest(release.folder / name) != told["sha256"]
    ]
    beside = {MANIFEST, PUBLICATION, WITHDRAWAL}
    there = {
        path.relative_to(release.folder).as_posix() for path in release.folder.rglob("*") if path.is_file()
    }
    wrong += [f"{name}, which is not named" for name in sorted(there - files.keys() - beside)]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise StoreError(
            f"{release.name} is not what its manifest says: see {', '.join(wrong[:3])}{more}. "
            "Keep it as it is to find out why, move it away, and build the release again."
        )


def settle(shelves: Shelves) -> None:
    """Write anew which release readers are given first, and every notice of correction and withdrawal.

    A release that was taken back and is still there goes once readers are led elsewhere.
    """
    public = [each for each in shelves.on(PUBLIC) if not (each.folder / WITHDRAWAL).exists()]
    _point(shelves, public)
    for each in shelves.on(PUBLIC):
        if each not in public:
            _move(shelves, each, WITHDRAWN)
    notices = [notice for each in [*public, *shelves.on(WITHDRAWN)] for notice in _notices(each)]
    if notices or shelves.storage.exists(NOTICES):
        notices.sort(key=lambda notice: (notice["at"], notice["release"]))
        shelves.storage.write(NOTICES, _bytes(notices))


def _point(shelves: Shelves, public: list[Shelved]) -> None:
    if public:
        told = _bytes({"release": str(public[-1].name)})
        if not shelves.storage.exists(CURRENT) or shelves.storage.read(CURRENT) != told:
            shelves.storage.write(CURRENT, told)
    else:
        shelves.storage.path(CURRENT).unlink(missing_ok=True)


def _notices(release: Shelved) -> list[dict[str, Any]]:
    found = []
    publication = json.loads((release.folder / PUBLICATION).read_text(encoding="utf-8"))
    if publication["correction"]:
        found.append(
            {"at": publication["published_at"], "release": str(release.name), "kind": "correction"}
            | publication["correction"]
        )
    if release.shelf == WITHDRAWN:
        told = json.loads((release.folder / WITHDRAWAL).read_text(encoding="utf-8"))
        found.append(
            {
                "at": told["withdrawn_at"],
                "release": str(release.name),
                "kind": "withdrawal",
                "notice": told["reason"],
            }
        )
    return found


def _publication(where: Settings, opened: Gate, shelves: Shelves, now: datetime) -> dict[str, Any]:
    name = opened.release.name
    correction = None
    if _corrects(shelves, name):
        said = ledger.release_entries(where.workspace).to_dicts()
        notice = [
            each
            for each in said
            if each["action"] == "announce a correction"
            and (each["quarter"], each["version"]) == (str(name.quarter), str(name.version))
        ][-1]
        correction = {"scheduled": notice["due"] is not None, "notice": notice["text"]}
    return {
        "release": str(name),
        "manifest": file_digest(opened.release.folder / MANIFEST),
        "due": _moment(opened.due) if opened.due else None,
        "published_at": _moment(now),
        "correction": correction,
    }


def _corrects(shelves: Shelves, name: ReleaseName) -> bool:
    """Whether a version of the quarter has been published before, withdrawn since or not."""
    return bool(shelves.ever_public(name.quarter))


def _say(
    where: Settings, who: str, action: str, name: ReleaseName, text: str, due: datetime | None = None
) -> None:
    book = ledger.open_ledger(where.workspace)
    signing.say(book, who, action, name.quarter, text, version=str(name.version), due=due)


def _move(shelves: Shelves, release: Shelved, shelf: str) -> Shelved:
    folder = shelves.place(shelf, release.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    release.folder.replace(folder)
    return Shelved(release.name, shelf, folder)


def _moment(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(ZONE)).isoformat(timespec="seconds")


def _bytes(told: object) -> bytes:
    return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()


def _write(path: Path, told: object) -> None:
    """Write a small file whole or not at all."""
    Storage(path.parent).write(path.name, _bytes(told))
