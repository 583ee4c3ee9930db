"""Processes that this one starts: each a Python of its own, which ends with it.

Each imports this, so nothing is imported here that takes long.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor


def processes(number: int | None = None) -> ProcessPoolExecutor:
    """So many processes, one for each core unless given. An interrupt is for this one, and they end when it is gone."""
    # A forked process would inherit the locks of threads that it does not have.
    return ProcessPoolExecutor(
        number, multiprocessing.get_context("spawn"), initializer=_belong_to_the_parent
    )


def _belong_to_the_parent() -> None:
    """Leave an interrupt to the parent, and end when it is gone, however it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
