"""Everything that a page of the desk works with, put together once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publish.desk.accounts import Accounts
from publish.desk.alerts import Alert, alerts, observe
from publish.desk.book import Book
from publish.desk.ledger import Ledger, decisions_of
from publish.desk.preview import Effect, effects
from publish.desk.sessions import Sessions
from publish.desk.settings import DeskSettings
from publish.desk.trail import Trail
from transforms.contracts.columns import ZONE
from transforms.periods import Quarter

if TYPE_CHECKING:
    from publish.desk.gate import Gatekeeper


@dataclass
class Desk:
    """The ledger, the latest tables, the people, and the clock."""

    settings: DeskSettings
    ledger: Ledger
    read_book: Callable[[], Book]
    gate: Gatekeeper
    clock: Callable[[], datetime]
    trail: Trail = field(init=False)
    accounts: Accounts = field(init=False)
    sessions: Sessions = field(init=False)
    _observed: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.trail = Trail(self.ledger)
        self.accounts = Accounts(self.ledger, self.clock)
        self.sessions = Sessions(self.ledger, self.settings.secret, self.clock)

    @property
    def today(self) -> date:
        """The day it is in London."""
        return self.clock().astimezone(ZoneInfo(ZONE)).date()

    def book(self) -> Book:
        """The latest tables. Alerts that are new in them, or gone from them, are written down first."""
        book = self.read_book()
        self.trail.refresh()
        if book.snapshot != self._observed:
            observe(self.ledger, self.trail, book)
            self._observed = book.snapshot
        return book

    def effects(self, book: Book, alert: Alert) -> tuple[Quarter, list[Effect]]:
        """What each decision on an alert would publish.

        Worked out again after a run, after a decision about its force, and on another day.
        """
        made = list(self.trail.decided.get(alert.row["force"], ()))
        latest = made[-1].number if made else 0
        finding = {**alert.row, "finding": alert.finding}
        return book.once(
            ("effects", alert.finding, latest, self.today),
            lambda: effects(book, finding, decisions_of(made), self.today),
        )

    def alerts(self, book: Book) -> list[Alert]:
        """Every alert as it stands now."""
        return alerts(self.trail, book, self.today)
