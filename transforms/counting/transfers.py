"""Crimes transferred to another force: the one question that crosses forces, asked after each has been counted.

No counting rule joins records of two forces, so a force can be counted anywhere by itself. What that leaves open is
whether a crime that one force transferred out was taken in by another; it is answered here and changes no count.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms.counting.engine import Counts
from transforms.counting.migration import PLACE_DECIMALS

#: What may have become of a crime transferred out.
STATES: Final = ("taken in", "taken in, does not count", "passed on", "not found")

_RECORD: Final = ["force", "source_system", "crime_ref"]
#: What a record of another force must agree on to be the same crime, where it does not name the reference.
_STATED: Final = ["offence_code", "occurred_from", "longitude", "latitude"]
_TAKEN: Final = ["taken_by", "taken_ref", "system"]
#: Of several that answer, one that counts comes first.
_DOES_NOT_COUNT: Final = pl.col("counted") != 1


def transferred_out(counts: Counts) -> pl.DataFrame:
    """One row for each record that its force transferred to another: `TransferredOut`, sorted.

    A copy that moved to another records system is told by that one.
    """
    return (
        counts.lines.lazy()
        .filter(pl.col("rule") == "transferred")
        .select(
            *(pl.col(name).cast(pl.String) for name in _RECORD),
            "month",
            pl.col("class_code").cast(pl.String).alias("offence_code"),
            "recorded_at",
            "status_at",
            "longitude",
            "latitude",
            "occurred_from",
        )
        .sort(*_RECORD)
        .collect()
    )


def candidates(out: pl.DataFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """The records that may be one of the crimes transferred `out`, in no order.

    `out` is `TransferredOut` of every force, `records` those of some. Returns what `TransferCandidates` holds of a
    record itself. What is asked of every record is asked where its file is read, so that the rest is never held.
    """
    times = out["occurred_from"].drop_nulls().unique().implode()
    may_be = (
        records.select(
            *_RECORD, "previous_crime_ref", "occurred_from", "longitude", "latitude", "recorded_at"
        )
        .filter(_names(out) | pl.col("occurred_from").is_in(times))
        .collect()
    )
    return still_candidates(may_be, out)


def with_rules(seen: pl.DataFrame, decided: pl.LazyFrame) -> pl.DataFrame:
    """`TransferCandidates`, sorted: what `candidates` found, with how each was counted (`decided`: `DecidingRules`)."""
    ruled = decided.select(*_RECORD, "offence_code", "counted", "rule").filter(
        pl.col("crime_ref").is_in(seen["crime_ref"].unique().implode())
    )
    return seen.join(ruled.collect(), on=_RECORD).sort(_RECORD)


def still_candidates(records: pl.DataFrame, out: pl.DataFrame) -> pl.DataFrame:
    """Those of some records that name the reference of a crime of `out`, or agree with one on time and place."""
    place = pl.col("longitude", "latitude").round(PLACE_DECIMALS)
    timed = out.filter(pl.col("occurred_from").is_not_null()).select("occurred_from", place)
    agrees = (
        records.with_columns(place)
        .join(timed, on=timed.columns, how="semi", nulls_equal=True)
        .select(_RECORD, agrees=True)
        .unique()
    )
    return (
        records.join(agrees, on=_RECORD, how="left", maintain_order="left")
        .filter(_names(out) | pl.col("agrees"))
        .drop("agrees")
    )


def _names(out: pl.DataFrame) -> pl.Expr:
    """Whether a record names a crime of `out` as the one it was before."""
    return pl.col("previous_crime_ref").is_in(out["crime_ref"].unique().implode())


def reconcile_transfers(out: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Where each crime transferred out went: the rows of `out` with `state`, `taken_by`, `taken_ref`, `how`; sorted.

    `out` is `TransferredOut` and `seen` is `candidates`, of every force. A crime was taken in when another force's
    record names its reference as the previous one (`reference`), or else agrees with it on class, time and place
    (`stated match`): the k-th that agrees is paired with the k-th, so that no record answers for two. A crime without
    a time it happened is matched by reference only.
    """
    taken = seen.select(
        taken_by="force", taken_ref="crime_ref", system="source_system", counted="counted", rule="rule",
        crime_ref="previous_crime_ref",
    )  # fmt: skip
    named = (
        out.select(_RECORD)
        .join(taken, on="crime_ref")
        .filter(pl.col("taken_by") != pl.col("force"))
        .sort(*_RECORD, _DOES_NOT_COUNT, *_TAKEN)
        .unique(_RECORD, keep="first", maintain_order=True)
        .with_columns(how=pl.lit("reference"))
    )
    answering = named.select(force="taken_by", source_system="system", crime_ref="taken_ref")
    matched = _matched(
        out.join(named, on=_RECORD, how="anti").filter(pl.col("occurred_from").is_not_null()),
        seen.join(answering, on=_RECORD, how="anti"),
    )
    columns = [*_RECORD, "taken_by", "taken_ref", "how", "counted", "rule"]
    found = pl.concat([named.select(columns), matched.select(columns)])
    state = (
        pl.when(pl.col("taken_by").is_null())
        .then(pl.lit("not found"))
        .when(pl.col("counted") == 1)
        .then(pl.lit("taken in"))
        .when(pl.col("rule") == "transferred")
        .then(pl.lit("passed on"))
        .otherwise(pl.lit("taken in, does not count"))
    )
    return (
        out.join(found, on=_RECORD, how="left")
        .with_columns(state=state)
        .drop("counted", "rule")
        .sort(_RECORD)
    )


def _matched(out: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Pair the k-th crime a force transferred out with the k-th record of other forces that agrees with it."""
    place = pl.col("longitude", "latitude").round(PLACE_DECIMALS)
    answers = seen.with_columns(place).select(
        *_STATED, "counted", "rule", answered_at="recorded_at",
        taken_by="force", taken_ref="crime_ref", system="source_system",
    )  # fmt: skip
    return (
        out.with_columns(place)
        .sort(*_RECORD)
        .with_columns(k=pl.int_range(pl.len()).over("force", *_STATED))
        .select(*_RECORD, *_STATED, "recorded_at", "k")
        .join(answers, on=_STATED, nulls_equal=True)
        .filter(
            pl.col("taken_by") != pl.col("force"),
            # What was passed on came before: a force that sent it is not where it went.
            (pl.col("rule") != "transferred") | (pl.col("answered_at") > pl.col("recorded_at")),
        )
        .sort(*_RECORD, _DOES_NOT_COUNT, *_TAKEN)
        .filter(pl.int_range(pl.len()).over(_RECORD) == pl.col("k"))
        # Two forces may have sent the same: the record answers for one of them.
        .unique(_TAKEN, keep="first", maintain_order=True)
        .with_columns(how=pl.lit("stated match"))
    )
