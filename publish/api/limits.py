"""How often one client may ask: a leaky bucket for each address."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: As data.police.uk has it since December 2015.
RATE: Final = 15.0
BURST: Final = 30
#: Clients remembered; beyond it those that have been quiet are forgotten.
CLIENTS: Final = 50_000


class Limit:
    """So many requests a second from one client, and so many at once."""

    def __init__(
        self, rate: float = RATE, burst: int = BURST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self.levels: dict[str, tuple[float, float]] = {}

    def allows(self, client: str) -> bool:
        """Whether this client may be answered now; a request that may not is not counted."""
        now = self.clock()
        level, since = self.levels.get(client, (0.0, now))
        level = max(0.0, level - (now - since) * self.rate)
        if level + 1 > self.burst:
            self.levels[client] = (level, now)
            return False
        if len(self.levels) >= CLIENTS and client not in self.levels:
            self._forget(now)
        self.levels[client] = (level + 1, now)
        return True

    def _forget(self, now: float) -> None:
        drained = self.burst / self.rate
        self.levels = {name: held for name, held in self.levels.items() if now - held[1] < drained}
        while len(self.levels) >= CLIENTS:
            self.levels.pop(next(iter(self.levels)))
