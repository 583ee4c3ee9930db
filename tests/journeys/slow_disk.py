"""Makes every write of the Dask worker that loads it wait, as on a disk that is failing: `dask worker --preload`.

Each file that Python or Polars begins to write, and each flush to the disk, waits as many seconds as the environment
says before it goes on.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import Any, Final

import polars as pl

ENVIRONMENT: Final = "FULLCOUNT_TEST_DISK_SECONDS"


def slowly(write: Callable[..., Any]) -> Callable[..., Any]:
    """The same, but that it waits first."""

    @functools.wraps(write)
    def waiting(*given: Any, **named: Any) -> Any:
        time.sleep(float(os.environ[ENVIRONMENT]))
        return write(*given, **named)

    return waiting


def dask_setup(_: object) -> None:
    """Called by Dask when the worker starts."""
    os.fsync = slowly(os.fsync)
    os.fdopen = slowly(os.fdopen)
    for kind, name in (
        (pl.DataFrame, "write_parquet"),
        (pl.DataFrame, "write_ipc"),
        (pl.LazyFrame, "sink_parquet"),
    ):
        setattr(kind, name, slowly(getattr(kind, name)))
