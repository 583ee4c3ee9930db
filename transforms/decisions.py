"""What people have decided: which entries of the ledger stand on a day, and which findings they are about."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

#: Codes that say one thing, that nothing usable came: a gap of one month (W08) grows into one of several (W01).
NOTHING_CAME: Final = ("W01", "W02", "W03", "W08")


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


def kind_of(finding: str) -> pl.Expr:
    """What the finding of an id says: its code, which every id begins with; one kind where nothing usable came."""
    code = pl.col(finding).str.extract(r"^(w\d\d)-").str.to_uppercase()
    return pl.when(code.is_in(NOTHING_CAME)).then(pl.lit(NOTHING_CAME[0])).otherwise(code)


def about_scope(place: pl.Expr, category: pl.Expr, decided_place: str, decided_category: str) -> pl.Expr:
    """Whether a part lies in the scope that a decision names: its area or areas, its type or types, or all."""
    places, types = pl.col(decided_place), pl.col(decided_category)
    within = [
        said.is_null()
        | said.str.split(separator).list.contains(part).fill_null(False)
        | said.eq_missing(part)
        for said, separator, part in ((places, ";", place), (types, " > ", category))
    ]
    return within[0] & within[1]
