"""Where the ledger of people's decisions is, and the ledger as a table of the line."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import polars as pl

from pipelines.settings import Settings, SettingsError
from pipelines.store import Storage
from publish import signing
from publish.desk.ledger import Ledger
from transforms.contracts import tables

#: The default ledger of a local workspace.
FILE = "ledger.sqlite"


def ledger_url(workspace: str) -> str:
    """The database of the ledger: FULLCOUNT_LEDGER, else a SQLite file in the workspace.

    Raises SettingsError when the workspace is on an object store and nothing names a database.
    """
    if named := os.environ.get("FULLCOUNT_LEDGER"):
        return named
    storage = Storage(workspace)
    if not storage.local:
        raise SettingsError(
            "Set FULLCOUNT_LEDGER to a database (postgresql://USER@HOST/NAME): an object store cannot hold the ledger."
        )
    return f"sqlite:///{storage.path(FILE)}"


def has_ledger(workspace: str) -> bool:
    """Whether anybody has opened a ledger for this workspace yet."""
    if os.environ.get("FULLCOUNT_LEDGER"):
        return True
    storage = Storage(workspace)
    return storage.local and storage.path(FILE).exists()


def open_ledger(workspace: str) -> Ledger:
    """The ledger of the workspace, made when it is not there. Raises DeskError when its database does not answer."""
    if "FULLCOUNT_LEDGER" not in os.environ:
        Storage(workspace).path("").mkdir(parents=True, exist_ok=True)
    return Ledger(ledger_url(workspace), clock=lambda: datetime.now(UTC))


def decisions(where: Settings) -> pl.DataFrame:
    """Every decision in the ledger: `tables.Decisions`, in the order made; empty when there is no ledger.

    Raises TamperedError when the chain of hashes is broken: nothing may rest on a ledger that was changed.
    """
    if not has_ledger(where.workspace):
        return tables.Decisions.create_empty()
    ledger = open_ledger(where.workspace)
    ledger.verify()
    return ledger.decisions()


def sign_offs(workspace: str) -> pl.DataFrame:
    """Every sign-off of a release: `tables.SignOffs`; empty when there is no ledger. Raises TamperedError."""
    if not has_ledger(workspace):
        return tables.SignOffs.create_empty()
    ledger = open_ledger(workspace)
    ledger.verify()
    return signing.sign_offs(ledger)


def release_entries(workspace: str) -> pl.DataFrame:
    """Notes, access, corrections and stops: `tables.ReleaseEntries`; empty when there is no ledger.

    Raises TamperedError.
    """
    if not has_ledger(workspace):
        return tables.ReleaseEntries.create_empty()
    ledger = open_ledger(workspace)
    ledger.verify()
    return signing.entries(ledger)
