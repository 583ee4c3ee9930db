"""Where this run finds its supply, its country and its workspace, and the secret that public ids are made with."""

from __future__ import annotations

import os
import secrets
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from pipelines.store import Storage

#: The checkout or the folder the command was started in.
HERE: Final = Path.cwd()
#: The environment variable that names the folder of the releases where the workspace is no folder.
RELEASES: Final = "FULLCOUNT_RELEASES"
DEFAULT_HOME: Final = ".fullcount"


class SettingsError(ValueError):
    """A setting is missing or wrong; the message says which and what to write."""


@dataclass(frozen=True)
class Settings:
    """Everything about a run that is not data."""

    workspace: str
    supply: str
    country: str
    #: The day of the run: a decision that has expired by then is asked again.
    as_of: date

    def require_folders(self) -> None:
        """Raise SettingsError when the supply or the country folder is not there."""
        for name, value in (("supply", self.supply), ("country", self.country)):
            if not (name == "supply" and is_remote(value)) and not Path(value).exists():
                raise SettingsError(
                    f"The {name} folder {value} does not exist. Name another with --{name} FOLDER."
                )

    def save(self) -> None:
        """Remember the supply and country folders, so that later commands and the Dagster page use them."""
        lines = [f"supply = '{self.supply}'", f"country = '{self.country}'", ""]
        _storage(self.workspace).write("settings.toml", "\n".join(lines).encode())


def is_remote(place: str | Path) -> bool:
    """Whether a place is the URL of an object store, and no local path."""
    return "://" in str(place)


def _storage(root: str) -> Storage:
    # The engines behind the store take long to load, and what only asks where things are does without them.
    from pipelines.store import Storage

    return Storage(root)


def home(workspace: str | None = None) -> str:
    """The workspace: what is given, else FULLCOUNT_HOME, else a folder where the command was started."""
    return workspace or os.environ.get("FULLCOUNT_HOME") or str(HERE / DEFAULT_HOME / "workspace")


def releases_folder(workspace: str) -> str:
    """The folder that the releases of a workspace lie in: the workspace itself, else what FULLCOUNT_RELEASES names.

    Raises SettingsError when the workspace is on an object store and nothing names a folder.
    """
    if not is_remote(workspace):
        return workspace
    if named := os.environ.get(RELEASES):
        return named
    raise SettingsError(
        f"Set {RELEASES} to a folder: releases are made public by moving them, which an object store cannot do."
    )


def settings(
    workspace: str | None = None,
    supply: str | None = None,
    country: str | None = None,
    as_of: str | None = None,
) -> Settings:
    """Settle where things are: what is given, else the environment, else what the workspace remembers.

    The environment variables are FULLCOUNT_HOME, FULLCOUNT_SUPPLY, FULLCOUNT_COUNTRY and FULLCOUNT_AS_OF, the day
    that decisions are read for: today unless given, so that an old release can be rebuilt as of its own day.
    Raises SettingsError when nothing names the supply or the country folder, or the day is no date.
    """
    storage = _storage(home(workspace))
    remembered = (
        tomllib.loads(storage.read("settings.toml").decode()) if storage.exists("settings.toml") else {}
    )
    found = {
        "supply": supply or os.environ.get("FULLCOUNT_SUPPLY") or remembered.get("supply"),
        "country": country or os.environ.get("FULLCOUNT_COUNTRY") or remembered.get("country"),
    }
    for name, value in found.items():
        if not value:
            raise SettingsError(
                f"There is no {name} folder. Name one with --{name} FOLDER, or make the example with `make run`."
            )
    # Remembered from one folder and used from another: a path must mean the same in both.
    supply, country = (
        str(value) if is_remote(str(value)) else str(Path(str(value)).resolve()) for value in found.values()
    )
    return Settings(home(workspace), supply, country, as_of=_day(as_of or os.environ.get("FULLCOUNT_AS_OF")))


def _day(text: str | None) -> date:
    if not text:
        return datetime.now(ZoneInfo("Europe/London")).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"“{text}” is no day to judge as of: write one like 2020-01-31.") from None


def crime_id_key(workspace: str) -> bytes:
    """The secret that public crime ids are keyed with: at least 16 bytes.

    Read from the file that FULLCOUNT_CRIME_ID_KEY_FILE names; otherwise made once and kept beside the
    workspace, never inside it, so that a copy of the data does not carry it.
    """
    variable = "FULLCOUNT_CRIME_ID_KEY_FILE"
    return kept_secret(workspace, "crime-id.key", os.environ.get(variable), variable)


def kept_secret(workspace: str, name: str, named: str | None, variable: str) -> bytes:
    """A secret in the file `named`, else in one beside the workspace that is made the first time.

    `variable` is where the file is named, for the message. Raises SettingsError when it is not there or too short.
    """
    storage = _storage(workspace)
    if named is None and not storage.local:
        raise SettingsError(f"Set {variable}: a workspace on an object store keeps no secret.")
    path = Path(named) if named else Path(storage.root).with_name(f"{Path(storage.root).name}-{name}")
    if not path.exists():
        if named:
            raise SettingsError(f"{variable} names {path}, which does not exist.")
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(32) + "\n")
    key = path.read_text().strip().encode()
    if len(key) < 16:
        raise SettingsError(f"{path} holds fewer than 16 characters: write a longer secret.")
    return key
