"""Who may do what at the desk: the roles, and what each allows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class May(StrEnum):
    """One thing that a role allows, in the words that a refusal uses."""

    SEE = "look at the desk"
    DECIDE = "decide on alerts"
    PREPARE = "prepare a release"
    SIGN = "sign a release"
    APPROVE = "approve, publish or stop a release"
    AUDIT = "see sign-ins and the whole audit trail"
    ACCOUNTS = "see who has an account"


#: What each role allows. No role allows personal fields to be seen: no table that the desk reads has any.
ROLES: Final = {
    "checker": frozenset({May.SEE, May.DECIDE}),
    "statistician": frozenset({May.SEE, May.DECIDE, May.PREPARE, May.SIGN}),
    "approver": frozenset({May.SEE, May.APPROVE, May.SIGN}),
    "administrator": frozenset({May.SEE, May.AUDIT, May.ACCOUNTS}),
    "auditor": frozenset({May.SEE, May.AUDIT}),
}


def may(role: str, what: May) -> bool:
    """Whether a role allows it; an unknown role allows nothing."""
    return what in ROLES.get(role, frozenset())


@dataclass(frozen=True)
class Person:
    """Who is at the desk: the name their entries carry, the name they are shown by, and their role."""

    name: str
    shown: str
    role: str
