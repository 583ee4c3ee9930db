"""What people have decided: which entries of the ledger stand on a day."""

from __future__ import annotations

from datetime import date

import polars as pl


def in_force(decisions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The decisions that stand on `as_of`: not taken back, and not yet to be asked again.

    `decisions` is `tables.Decisions`, and so is the answer, without its undo entries. An entry that undoes an
    undo restores what that one had taken back.
    """
    undoing = decisions.filter(pl.col("undoes").is_not_null()).sort("entry", descending=True)
    lifted: set[int] = set()
    # Entries of one ledger are few; latest first, so that an undo which was itself undone counts for nothing.
    for entry, undoes in undoing.select("entry", "undoes").iter_rows():
        if entry not in lifted:
            lifted.add(undoes)
    return decisions.filter(
        pl.col("undoes").is_null(),
        ~pl.col("entry").is_in(sorted(lifted)),
        pl.col("expires").is_null() | (pl.col("expires") > as_of),
    ).sort("entry")
