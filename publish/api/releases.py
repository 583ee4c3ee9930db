"""Which releases there are, which is current, and the open ones: a new one is taken up between two requests."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final, Protocol

from publish.api.bodies import Release as Named
from publish.api.opened import INDEX, Release, UnreadableError

CURRENT: Final = "current.json"
#: How often the disk is asked whether there is a new release.
SECONDS_BETWEEN_LOOKS: Final = 0.5
#: Past releases that stay open.
OPEN_AT_ONCE: Final = 8

NAME: Final = re.compile(r"\d{4}-Q[1-4]/\d{1,9}(\.\d{1,9}){0,3}")


class Releases(Protocol):
    """Where releases come from."""

    def current(self) -> Release:
        """The release that is served now."""

    def past(self, name: str) -> Release | None:
        """A release by its name, or by its quarter (`2019-Q3`: the latest version of it)."""

    def every(self) -> list[Named]:
        """Every release that can be asked for, newest first."""


class One:
    """One folder: a preview of a release that is not public yet, or a server of a single release."""

    def __init__(self, folder: Path) -> None:
        try:
            quarter = str(json.loads((folder / "manifest.json").read_bytes())["quarter"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableError(
                f"{folder} is not a release: its manifest.json cannot be read ({error})."
            ) from error
        self.release = Release.open(folder, f"{quarter}/preview")

    def current(self) -> Release:
        """The one release."""
        return self.release

    def past(self, name: str) -> Release | None:
        """The one release, if that is what is asked for."""
        return self.release if name in (self.release.name, self.release.name.split("/")[0]) else None

    def every(self) -> list[Named]:
        """The one release."""
        return [named(self.release, current=True)]


class Published:
    """The `public` folder of a workspace: `<quarter>/<version>/` for each release, and `current.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.open: OrderedDict[str, Release] = OrderedDict()
        self.looked = time.monotonic()
        self.seen = self._stamp()
        self.held = self._open(self._name())

    def current(self) -> Release:
        """The release that `current.json` names; the one before while a new one cannot be opened.

        Raises UnreadableError when that one is not public any more either: it may have been withdrawn.
        """
        if time.monotonic() - self.looked >= SECONDS_BETWEEN_LOOKS:
            stamp = self._stamp()
            if stamp != self.seen:
                try:
                    self.held = self._open(self._name())
                    self.seen = stamp
                except UnreadableError:
                    if not (self.folder / self.held.name / "api" / INDEX).is_file():
                        raise
            self.looked = time.monotonic()
        return self.held

    def past(self, name: str) -> Release | None:
        """A release by its name or its quarter; None where there is none."""
        found = next((each for each in self._names() if name in (each, each.split("/")[0])), None)
        return None if found is None else self._open(found)

    def every(self) -> list[Named]:
        """Every release that can be opened, newest first."""
        current = self.current().name
        return [named(self._open(name), current=name == current) for name in self._names()]

    def _names(self) -> list[str]:
        paths = self.folder.glob("*/*/api/index.json")
        names = ["/".join(path.parts[-4:-2]) for path in paths]
        return sorted((name for name in names if NAME.fullmatch(name)), key=_order, reverse=True)

    def _name(self) -> str:
        path = self.folder / CURRENT
        try:
            name = json.loads(path.read_bytes())["release"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableError(
                f"{path} does not say which release is current ({error}). Publish one first, or preview one "
                "that is not public yet with --release FOLDER."
            ) from error
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UnreadableError(f"{path} names “{name}”, which is no release such as 2019-Q3/1.0.0.")
        return name

    def _stamp(self) -> tuple[int, int]:
        try:
            told = (self.folder / CURRENT).stat()
        except OSError:
            return 0, 0
        return told.st_mtime_ns, told.st_ino

    def _open(self, name: str) -> Release:
        with self.lock:
            if name in self.open:
                self.open.move_to_end(name)
                return self.open[name]
            release = Release.open(self.folder / name, name)
            self.open[name] = release
            while len(self.open) > OPEN_AT_ONCE:
                self.open.popitem(last=False)
            return release


def named(release: Release, *, current: bool) -> Named:
    """A release as it is listed."""
    return Named(release.name, release.newest, release.months[0], current)


def _order(name: str) -> tuple[str, list[int]]:
    quarter, version = name.split("/")
    return quarter, [int(part) for part in version.split(".")]
