"""The ledger in memory: every entry, read once and added to, so that a page does not read it all again."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import date
from typing import Final

from publish.desk.ledger import Entry, Ledger

#: Entries that are about a subject's standing, in contrast to what happened at the door.
ABOUT: Final = ("alert", "decision", "sign-off", "release", "access", "note")


class Trail:
    """What the ledger says, by subject. `refresh` reads what was added since, whoever added it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.entries: list[Entry] = []
        self.of: defaultdict[str, list[Entry]] = defaultdict(list)
        #: Decisions by the force that they are about.
        self.decided: defaultdict[str, list[Entry]] = defaultdict(list)
        self._lock = threading.Lock()

    def refresh(self) -> Trail:
        """Read the entries that were added since the last time."""
        with self._lock:
            for entry in self.ledger.entries(after=len(self.entries)):
                self.entries.append(entry)
                self.of[entry.subject].append(entry)
                if entry.kind == "decision":
                    self.decided[entry.body["force"]].append(entry)
        return self

    def version(self, subject: str) -> int:
        """How many entries a subject has."""
        return len(self.of.get(subject, ()))

    def standing(self, subject: str, today: date) -> Entry | None:
        """The decision that stands on a subject: the last that was not taken back; None when it has expired."""
        last = self.last_decision(subject)
        return None if last is None or has_expired(last, today) else last

    def last_decision(self, subject: str) -> Entry | None:
        """The last decision on a subject that was not taken back, expired or not."""
        lifted: set[int] = set()
        for entry in reversed(self.of.get(subject, ())):
            if entry.kind != "decision" or entry.number in lifted:
                continue
            if entry.body["undoes"] is None:
                return entry
            lifted.add(entry.body["undoes"])
        return None


def has_expired(decision: Entry, today: date) -> bool:
    """Whether a decision is to be asked again."""
    expires = decision.body["expires"]
    return expires is not None and date.fromisoformat(expires) <= today
