"""Where releases lie: private until their instant, then public; a release is public by having been moved there.

`private/<quarter>/<version>/` holds a release that is built and not published, at most one for each quarter.
`public/<quarter>/<version>/` holds every release that was published, as it was published, and
`public/current.json` names the one that readers are given first. `withdrawn/<quarter>/<version>/` keeps one
that was published and taken back.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipelines.settings import releases_folder
from pipelines.store import Storage, StoreError, Workspace
from publish.release import MANIFEST
from transforms.periods import Quarter
from transforms.versions import ReleaseName, Version

PRIVATE: Final = "private"
PUBLIC: Final = "public"
WITHDRAWN: Final = "withdrawn"
#: The lock of whoever puts a release on a shelf or takes one off.
LOCK: Final = "shelves-lock"


@dataclass(frozen=True, order=True)
class Shelved:
    """One release on the disk."""

    name: ReleaseName
    shelf: str
    folder: Path

    @property
    def manifest(self) -> dict[str, Any]:
        """What its manifest says."""
        told: dict[str, Any] = json.loads((self.folder / MANIFEST).read_text())
        return told


@dataclass(frozen=True)
class Shelves:
    """The releases of one workspace: in its folder, or beside an object store in the folder FULLCOUNT_RELEASES."""

    workspace: Storage

    @functools.cached_property
    def storage(self) -> Storage:
        """The folder that the shelves are in. Raises SettingsError when nothing names one."""
        return self.workspace if self.workspace.local else Storage(releases_folder(self.workspace.uri("")))

    def lock(self) -> AbstractContextManager[None]:
        """Keep others from putting a release on a shelf or taking one off."""
        return Workspace.open(self.storage.root).lock(LOCK)

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder from which a finished release can be moved to a shelf."""
        return Workspace.open(self.storage.root).scratch()

    def place(self, shelf: str, name: ReleaseName) -> Path:
        """The folder of a release on a shelf, whether it is there or not."""
        return self.storage.path(f"{shelf}/{name}")

    def on(self, shelf: str, quarter: Quarter | None = None) -> list[Shelved]:
        """The releases on a shelf, oldest quarter and lowest version first."""
        return sorted(self._on(shelf, quarter))

    def _on(self, shelf: str, quarter: Quarter | None) -> Iterator[Shelved]:
        for manifest in self.storage.path(shelf).glob(f"{quarter or '*'}/*/{MANIFEST}"):
            folder = manifest.parent
            try:
                name = ReleaseName(Quarter.parse(folder.parent.name), Version.parse(folder.name))
            except ValueError:
                continue  # a folder that somebody else put there is no release
            yield Shelved(name, shelf, folder)

    def all(self, quarter: Quarter | None = None) -> list[Shelved]:
        """Every release that can be looked at, public or not, oldest quarter and lowest version first."""
        return sorted([*self.on(PUBLIC, quarter), *self.on(PRIVATE, quarter)])

    def ever_public(self, quarter: Quarter | None = None) -> list[Shelved]:
        """Every release that was ever published, withdrawn since or not, oldest quarter and lowest version first."""
        return sorted([*self.on(PUBLIC, quarter), *self.on(WITHDRAWN, quarter)])

    def not_compared(self, release: Shelved) -> list[str]:
        """The releases that were published since a release was built: it could not take them into account."""
        told = release.manifest.get("ever_public", [])
        return [name for each in self.ever_public() if (name := str(each.name)) not in told]

    def find(self, text: str) -> Shelved:
        """The release that someone named: `2019-Q4/1.0.0`, or `2019-Q4` for its newest version.

        Raises StoreError when it is not there, saying which are.
        """
        try:
            wanted = ReleaseName.parse(text) if text.count(".") else None
            chosen = wanted.quarter if wanted else Quarter.parse(text)
        except ValueError as problem:
            raise StoreError(f"“{text}” names no release: {problem}") from None
        found = [each for each in self.all(chosen) if wanted in (None, each.name)]
        if wanted and not found:
            found = [each for each in self.on(WITHDRAWN, chosen) if each.name == wanted]
        if not found:
            there = ", ".join(str(each.name) for each in self.all()) or "none yet: run `fullcount run` first"
            raise StoreError(f"There is no release {text} in {self.storage.root}. The releases are {there}.")
        return found[-1]
