"""Splits rows that are right from rows that are not, and says of each of those what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.sources.text import LINE, Form
from transforms.contracts.tables import Rejects

NO_REJECTS: Final = Rejects.create_empty()

#: What a code, a word, a slug, a number or a time looks like. In a row whose fields have slipped, a name or a story
#: can stand in any column: anything longer or looser than these is not repeated in a message.
_PLAIN: Final = r"^([0-9A-Za-z./:+-]{0,24}|[0-9T:+Z ./-]{0,40})$"
NOT_SHOWN: Final = "text that is not repeated here"


def shown(value: pl.Expr) -> pl.Expr:
    """A value as a message may show it: as it is when it is plain, and otherwise not at all."""
    return pl.when(value.str.contains(_PLAIN)).then(value).otherwise(pl.lit(NOT_SHOWN))


def _start(value: pl.Expr) -> pl.Expr:
    return value.str.slice(0, 60)


@dataclass(frozen=True)
class Check:
    """What a column has to be. Rows where `is_right` does not hold are rejected with these words."""

    column: str
    is_right: pl.Expr
    wanted: str | pl.Expr
    reason: str | pl.Expr = "the value cannot be right"


def all_right(checks: Sequence[Check]) -> pl.Expr:
    """Whether a row is right in everything. Never null."""
    return pl.all_horizontal(check.is_right.fill_null(False) for check in checks)


def split(
    table: pl.DataFrame,
    checks: Sequence[Check],
    *,
    supply: str,
    name: str,
    headers: Mapping[str, str] | None = None,
    is_public: bool = False,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of `table` that are right, and one `Rejects` row for the first fault of each other row.

    `table` holds text columns and `LINE`. `headers` gives the column names as the file has them, which is how its
    sender knows them. Values of a file that `is_public` are shown as they stand.
    """
    headers = headers or {}
    seen = _start if is_public else shown
    fault = pl.coalesce(
        pl.when(~check.is_right.fill_null(False)).then(
            pl.struct(
                field=pl.lit(headers.get(check.column, check.column)),
                seen=seen(pl.col(check.column).fill_null("")),
                wanted=_words(check.wanted),
                reason=_words(check.reason),
            )
        )
        for check in checks
    )
    judged = table.with_columns(fault.alias("_fault"))
    rejects = judged.filter(pl.col("_fault").is_not_null()).select(LINE, "_fault").unnest("_fault")
    return judged.filter(pl.col("_fault").is_null()).drop("_fault"), _rejects(rejects, supply, name)


def broken_rows(form: Form, *, supply: str, name: str) -> pl.DataFrame:
    """One `Rejects` row for each record that could not be split into as many fields as the header has."""
    if not form.broken:
        return NO_REJECTS
    broken = pl.DataFrame(
        {
            LINE: [line for line, _ in form.broken],
            "field": ["the whole row" for _ in form.broken],
            "seen": [f"{fields} fields" for _, fields in form.broken],
            "wanted": [f"{len(form.header)} fields" for _ in form.broken],
            "reason": ["the row is cut short or has a stray delimiter" for _ in form.broken],
        },
        schema={LINE: pl.Int64, **dict.fromkeys(("field", "seen", "wanted", "reason"), pl.String)},
    )
    return _rejects(broken, supply, name)


def _words(words: str | pl.Expr) -> pl.Expr:
    return pl.lit(words) if isinstance(words, str) else words


def _rejects(table: pl.DataFrame, supply: str, name: str) -> pl.DataFrame:
    return Rejects.validate(
        table.select(
            pl.lit(supply).alias("supply"),
            pl.lit(name).alias("name"),
            pl.col(LINE).alias("line"),
            "field",
            "seen",
            "wanted",
            "reason",
        ).sort("line")
    )
