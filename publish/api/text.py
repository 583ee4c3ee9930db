"""Writes rows as the JSON text that is sent, a column at a time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from publish.api.layers import SEPARATION
from publish.api.words import CODE_OF_CATEGORY, OUTCOMES, STOP_OUTCOMES

SEPARATOR: Final = SEPARATION.decode()


def quoted(column: pl.Expr) -> pl.Expr:
    """Text as a JSON string; null as `null`. Control characters, which no name has, become spaces."""
    escaped = (
        column.str.replace_all(r"[\x00-\x1f\x7f]", " ")
        .str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all('"', '\\"', literal=True)
    )
    return pl.concat_str(pl.lit('"'), escaped, pl.lit('"')).fill_null("null")


def location(longitude: str, latitude: str, street: str, name: str) -> pl.Expr:
    """A location object from the columns of those names; null where there is no longitude."""
    return pl.concat_str(
        pl.lit('{"latitude":"'), _degrees(latitude),
        pl.lit('","street":{"id":'), pl.col(street).cast(pl.String),
        pl.lit(',"name":'), quoted(pl.col(name)),
        pl.lit('},"longitude":"'), _degrees(longitude), pl.lit('"}'),
    )  # fmt: skip


def crime(month: str) -> pl.Expr:
    """A crime object (`bodies.Crime`) of one month.

    From `category` (its name), `is_national`, `at` (a location object or null), `outcome`, `outcome_month`,
    `crime_id` and `id`.
    """
    return pl.concat_str(
        *_head(),
        pl.lit(',"context":"","outcome_status":'),
        pl.when(pl.col("outcome").is_not_null())
        .then(
            pl.concat_str(
                pl.lit('{"category":'), quoted(pl.col("outcome")),
                pl.lit(',"date":"'), pl.col("outcome_month").fill_null(month), pl.lit('"}'),
            )
        )
        .otherwise(pl.lit("null")),
        *_tail(pl.lit(month)),
        pl.lit("}" + SEPARATOR),
    )  # fmt: skip


def outcome(month: str) -> pl.Expr:
    """An outcome object (`bodies.Outcome`) of one month: as `crime`, with `outcome` and the crime's `crime_month`."""
    return pl.concat_str(
        pl.lit('{"category":{"code":"'),
        pl.col("outcome").replace_strict(OUTCOMES, return_dtype=pl.String),
        pl.lit('","name":'), quoted(pl.col("outcome")),
        pl.lit('},"date":"' + month + '","person_id":null,"crime":'),
        *_head(),
        pl.lit(',"context":""'),
        *_tail(pl.col("crime_month")),
        pl.lit("}}" + SEPARATOR),
    )  # fmt: skip


def stop() -> pl.Expr:
    """A stop object (`bodies.Stop`), from the columns of the file under its own names, and `at`."""
    disposal = pl.col("Outcome").fill_null("")
    return pl.concat_str(
        pl.lit('{"age_range":'), quoted(pl.col("Age range")),
        pl.lit(',"self_defined_ethnicity":'), quoted(pl.col("Self-defined ethnicity")),
        pl.lit(',"outcome_linked_to_object_of_search":'), _truth("Outcome linked to object of search"),
        pl.lit(',"datetime":'), quoted(pl.col("Date")),
        pl.lit(',"removal_of_more_than_outer_clothing":'),
        _truth("Removal of more than just outer clothing"),
        pl.lit(',"operation":'), _truth("Part of a policing operation"),
        pl.lit(',"officer_defined_ethnicity":'), quoted(pl.col("Officer-defined ethnicity")),
        pl.lit(',"object_of_search":'), quoted(pl.col("Object of search")),
        pl.lit(',"involved_person":'),
        pl.when(pl.col("Type") == "Vehicle search").then(pl.lit("false")).otherwise(pl.lit("true")),
        pl.lit(',"gender":'), quoted(pl.col("Gender")),
        pl.lit(',"legislation":'), quoted(pl.col("Legislation")),
        pl.lit(',"location":'), pl.col("at").fill_null("null"),
        pl.lit(',"outcome":'), quoted(disposal),
        pl.lit(',"outcome_object":{"id":"'),
        disposal.replace_strict(STOP_OUTCOMES, default="", return_dtype=pl.String),
        pl.lit('","name":'), quoted(disposal),
        pl.lit('},"type":'), quoted(pl.col("Type")),
        pl.lit(',"operation_name":'), quoted(pl.col("Policing operation")),
        pl.lit("}" + SEPARATOR),
    )  # fmt: skip


def joined(texts: pl.Series) -> tuple[Any, np.ndarray[Any, np.dtype[np.int64]]]:
    """All texts one after another as bytes, and where each begins, with the end of the last."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    if data is None:
        return b"", np.zeros(len(texts) + 1, np.int64)
    at = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return memoryview(data)[int(at[0]) : int(at[-1])], at - at[0]


def _head() -> list[pl.Expr]:
    kind = pl.when("is_national").then(pl.lit('"BTP"')).otherwise(pl.lit('"Force"'))
    return [
        pl.lit('{"category":"'),
        pl.col("category").replace_strict(CODE_OF_CATEGORY, return_dtype=pl.String),
        pl.lit('","location_type":'),
        pl.when(pl.col("at").is_null()).then(pl.lit("null")).otherwise(kind),
        pl.lit(',"location":'),
        pl.col("at").fill_null("null"),
    ]


def _tail(month: pl.Expr) -> list[pl.Expr]:
    return [
        pl.lit(',"persistent_id":"'),
        pl.col("crime_id").fill_null(""),
        pl.lit('","id":'),
        pl.col("id").cast(pl.String),
        pl.lit(',"location_subtype":"","month":"'),
        month,
        pl.lit('"'),
    ]


def _truth(column: str) -> pl.Expr:
    """`True`, `False` or nothing, as JSON."""
    return pl.col(column).str.to_lowercase().fill_null("null")


def _degrees(column: str) -> pl.Expr:
    """Six decimals, padded with zeros, as the file has them."""
    millionths = (pl.col(column) * 1_000_000).round().cast(pl.Int64)
    digits = millionths.abs().cast(pl.String).str.zfill(7)
    sign = pl.when(millionths < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.concat_str(sign, digits.str.head(-6), pl.lit("."), digits.str.tail(6))
