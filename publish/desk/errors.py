"""What the desk refuses, each with a message for the person who asked."""

from __future__ import annotations


class DeskError(ValueError):
    """Something asked of the desk or its ledger cannot be done; the message says what to do."""


class ClashError(DeskError):
    """Someone else decided the same thing first; the message says who, when and what."""


class TamperedError(DeskError):
    """The ledger is not what was written; the message names the first entry that is wrong."""


class UnreachableError(DeskError):
    """The ledger's database is down, full or unreadable."""
