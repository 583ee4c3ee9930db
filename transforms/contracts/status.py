"""Why a value is or is not there, and how reasons combine upwards."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import polars as pl


class Status(StrEnum):
    """The status of one figure. Only the first two allow a number."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNJUDGED = "unjudged"
    WITHHELD = "withheld"
    MISSING = "missing"
    NOT_APPLICABLE = "not applicable"


#: Best first. A total takes the worst status among what it is made of.
WORST_LAST: Final = (
    Status.NOT_APPLICABLE,
    Status.COMPLETE,
    Status.PARTIAL,
    Status.WITHHELD,
    Status.UNJUDGED,
    Status.MISSING,
)

#: The shorthand that a status prints as where it allows no number
#: (Government Analysis Function, "Using symbols and shorthand in tables").
SHORTHAND: Final = {
    Status.UNJUDGED: "[x]",
    Status.MISSING: "[x]",
    Status.WITHHELD: "[c]",
    Status.NOT_APPLICABLE: "[z]",
}

#: What each shorthand means, in the words printed above a table.
SHORTHAND_MEANING: Final = {
    "[c]": "confidential: suppressed so that nobody can be identified",
    "[e]": "partial: supplied in part and released under a recorded decision",
    "[p]": "provisional",
    "[r]": "revised since it was first published",
    "[x]": "not available: the figure was owed and has not been supplied in full; it is not zero",
    "[z]": "not applicable",
}

STATUS: Final = pl.Enum([status.value for status in WORST_LAST])

ALLOWS_NUMBER: Final = (Status.COMPLETE.value, Status.PARTIAL.value)
#: Their places in `STATUS`: of millions of cells a number is compared far sooner than a text.
_ALLOWING: Final = [WORST_LAST.index(Status(status)) for status in ALLOWS_NUMBER]


def worst(status: pl.Expr) -> pl.Expr:
    """The status of a total over `status`: the worst of its parts, by the order of `WORST_LAST`."""
    return ranked(worst_rank(status))


def worst_so_far(status: pl.Expr) -> pl.Expr:
    """For each row in order, the worst status up to it, by the order of `WORST_LAST`."""
    return ranked(status.cast(STATUS).to_physical().cum_max())


def worst_rank(status: pl.Expr) -> pl.Expr:
    """The place of the `worst` status in `WORST_LAST`: a number, which a group of rows has at once."""
    return status.cast(STATUS).to_physical().max()


def ranked(rank: pl.Expr) -> pl.Expr:
    """The status at a place of `WORST_LAST`."""
    return rank.cast(pl.UInt8).replace_strict(dict(enumerate(STATUS.categories)), return_dtype=STATUS)


def allows_number(status: str = "status") -> pl.Expr:
    """Whether the column `status` allows a number to be printed."""
    return pl.col(status).cast(STATUS).to_physical().is_in(_ALLOWING)
