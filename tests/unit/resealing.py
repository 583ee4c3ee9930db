"""Judged tables sealed again with other rows."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from transforms.judging import Judged, judged
from transforms.quarter_rows import QuarterRows

TABLES = (
    "offences",
    "areas",
    "verdicts",
    "findings",
    "crimes",
    "outcomes",
    "removed",
    "case_outcomes",
    "searches",
    "decisions",
)


def with_rows(sealed: Judged, **changed: Callable[[pl.DataFrame], pl.DataFrame]) -> Judged:
    """The same judged tables, but for what functions make of the rows of some."""
    tables = {name: getattr(sealed, name) for name in TABLES}
    for name, change in changed.items():
        rows = tables[name]
        tables[name] = change(rows.collect() if isinstance(rows, QuarterRows) else rows)
    return judged(**tables)
