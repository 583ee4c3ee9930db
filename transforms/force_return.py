"""A force's own quarterly return to the Home Office: its records for the Data Hub, and what it should look at first.

Thresholds of the Home Office's own variance checks are not public; those here are this product's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from transforms.aggregation import add_up, rows_by, total_within
from transforms.comparability import rounded_ratio
from transforms.contracts.status import allows_number

#: The columns of the record-level return, in order. None names, describes or points to a person: no victim, offender,
#: owner or premises reference, no free text and no coordinates.
HUB_COLUMNS: Final = (
    "force", "source_system", "crime_ref", "previous_crime_ref", "offence_code", "counted_as", "counts", "rule",
    "reported_at", "recorded_at", "occurred_from", "occurred_to", "victim_kind", "flags", "outcome_type", "outcome_at",
    "status", "status_reason", "status_at", "updated_at",
)  # fmt: skip

#: A class is queried when it moved by this much, in per cent, from a figure of at least `ENOUGH`.
VARIANCE: Final = 40
ENOUGH: Final = 50
#: A zero is queried where the same quarter of last year, or the last quarter, had this many.
USUAL: Final = 20

VALIDATION: Final = pl.Schema(
    {
        "check": pl.String(),
        "result": pl.String(),
        "subject": pl.String(),
        "this_quarter": pl.Int64(),
        "compared_with": pl.Int64(),
        "sentence": pl.String(),
        "next_steps": pl.String(),
    }
)
#: Results, worst first.
RESULTS: Final = ("fail", "query", "not made", "pass")


def hub_records(records: pl.LazyFrame, decided: pl.LazyFrame, months: Sequence[date]) -> pl.DataFrame:
    """One row for each record of a crime recorded in `months` that counts, or was cancelled or transferred.

    `records` is `Records` and `decided` `DecidingRules` of one force. Returns `HUB_COLUMNS`, sorted; `counted_as` is
    the published class and `counts` 1 or 0.
    """
    mine = decided.filter(
        pl.col("month").is_in(list(months)),
        (pl.col("counted") == 1) | pl.col("rule").is_in(["cancelled", "transferred"]),
    ).select("force", "source_system", "crime_ref", "rule", counted_as="offence_code", counts="counted")
    key = ["force", "source_system", "crime_ref"]
    return records.join(mine, on=key).select(HUB_COLUMNS).collect().sort(key)


def validation(
    offences: pl.DataFrame,
    hub: pl.DataFrame,
    checks: pl.DataFrame,
    quarters: dict[str, Sequence[date]],
    own_counts: pl.DataFrame | None,
) -> pl.DataFrame:
    """What a force should look at before it signs its return: `VALIDATION`, worst first.

    `offences` is `OffenceCounts` of the force; `hub` is `hub_records`; `checks` is `RecordingCheckCounts` of the
    force; `quarters` holds the months of `this`, `last` and `year_ago`; `own_counts` has `month` and `crimes` as the
    force's records system counts them itself.
    """
    by_quarter = _by_quarter(offences, quarters)
    this = by_quarter.filter(pl.col("quarter") == "this")
    found = [
        _supplied(offences, quarters["this"]),
        _records_agree(this, hub),
        _recording(checks, quarters["this"]),
        _negatives(this),
        *(_variance(this, by_quarter, other) for other in ("last", "year_ago")),
        _own_totals(offences, own_counts, quarters["this"]),
    ]
    order = {result: place for place, result in enumerate(RESULTS)}
    return (
        pl.concat([_shaped(rows) for rows in found])
        .sort(pl.col("result").replace_strict(order, return_dtype=pl.Int8), "check", "subject")
        .select(VALIDATION.names())
    )


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(dtype) for name, dtype in VALIDATION.items())


def _by_quarter(offences: pl.DataFrame, quarters: dict[str, Sequence[date]]) -> pl.DataFrame:
    """Figures by `quarter` and `offence_code`, of quarters whose three months are there."""
    months = pl.DataFrame(
        [(name, month) for name, each in quarters.items() for month in each],
        schema={"quarter": pl.String, "month": pl.Date},
        orient="row",
    )
    held = offences.join(months, on="month")
    whole = held.filter(pl.col("month").n_unique().over("quarter") == 3)
    return add_up(whole, by=["quarter", "offence_code"])


def _row(check: str, result: str, subject: str, sentence: str, next_steps: str) -> dict[str, object]:
    return {
        "check": check,
        "result": result,
        "subject": subject,
        "this_quarter": None,
        "compared_with": None,
        "sentence": sentence,
        "next_steps": next_steps,
    }


def _only(row: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([row], schema=VALIDATION)


def _supplied(offences: pl.DataFrame, months: Sequence[date]) -> pl.DataFrame:
    held = offences.filter(pl.col("month").is_in(list(months)), allows_number())["month"].unique()
    gone = [f"{month:%B %Y}" for month in months if month not in held.to_list()]
    if gone:
        return _only(
            _row(
                "supplied",
                "fail",
                ", ".join(gone),
                f"{', '.join(gone)}: not supplied in full, or held. No figure of the quarter can be given.",
                "Supply the month again, or settle what it is held for, before you sign.",
            )
        )
    return _only(_row("supplied", "pass", "quarter", "All three months are supplied and judged.", "None."))


def _records_agree(this: pl.DataFrame, hub: pl.DataFrame) -> pl.DataFrame:
    """The record-level return holds as many crimes of each class as the aggregate return."""
    if this.filter(allows_number()).is_empty():
        return _only(
            _row(
                "records agree",
                "not made",
                "every class",
                "There is no figure of the quarter to hold the records against.",
                "Supply the quarter in full, or settle what it is held for.",
            )
        )
    listed = rows_by(hub.lazy().filter(pl.col("counts") == 1), ["counted_as"]).collect()
    both = this.filter(pl.col("count") != 0).join(
        listed, left_on="offence_code", right_on="counted_as", how="full", coalesce=True
    )
    differ = both.filter(pl.col("count").ne_missing(pl.col("rows")))
    if differ.is_empty():
        return _only(
            _row("records agree", "pass", "every class", "Records and figures agree in every class.", "None.")
        )
    return differ.select(
        check=pl.lit("records agree"),
        result=pl.lit("fail"),
        subject="offence_code",
        this_quarter="count",
        compared_with="rows",
        sentence=pl.format("{}: the figure and the number of records differ.", "offence_code"),
        next_steps=pl.lit("Expected for a force that returns net corrections; otherwise count again."),
    )


def _recording(checks: pl.DataFrame, months: Sequence[date]) -> pl.DataFrame:
    """Code validity, class valid on the recorded date, and the other checks on recording."""
    found = checks.filter(pl.col("month").is_in(list(months)))
    serious = pl.col("check").is_in(["code-not-read", "class-not-in-force"])
    rows = (
        found.with_columns(this_quarter=total_within("rows", ["check"]))
        .sort("check", "month")
        .unique("check", keep="first", maintain_order=True)
        .with_columns(
            result=pl.when(serious).then(pl.lit("fail")).otherwise(pl.lit("query")),
            subject=pl.lit("records"),
            compared_with=pl.lit(None, pl.Int64),
        )
    )
    absent = [
        _row(name, "pass", "records", sentence, "None.")
        for name, sentence in (
            ("code-not-read", "Every offence code is one that the counting rules know."),
            ("class-not-in-force", "Every class was in force on the day it was recorded."),
        )
        if name not in found["check"].to_list()
    ]
    return pl.concat([_shaped(rows), pl.DataFrame(absent, schema=VALIDATION)])


def _negatives(this: pl.DataFrame) -> pl.DataFrame:
    """Net corrections below zero: right for a class, and never for the whole force."""
    below = this.filter(pl.col("count") < 0)
    if below.is_empty():
        return _only(_row("negative figures", "pass", "every class", "No class is below zero.", "None."))
    return below.select(
        check=pl.lit("negative figures"),
        result=pl.lit("query"),
        subject="offence_code",
        this_quarter="count",
        compared_with=pl.lit(None, pl.Int64),
        sentence=pl.format("{} is {}: corrections exceed what was recorded.", "offence_code", "count"),
        next_steps=pl.lit(
            "Confirm that earlier quarters were corrected; a net correction is returned as it is."
        ),
    )


def _variance(this: pl.DataFrame, by_quarter: pl.DataFrame, other: str) -> pl.DataFrame:
    """Classes that moved a great deal, or fell to nothing, since another quarter."""
    name = {"last": "last quarter", "year_ago": "the same quarter of last year"}[other]
    check = f"variance on {name}"
    before = by_quarter.filter(pl.col("quarter") == other).select("offence_code", before="count")
    both = this.join(before, on="offence_code").filter(
        pl.col("count").is_not_null(), pl.col("before").is_not_null()
    )
    if both.is_empty():
        return _only(
            _row(
                check,
                "not made",
                "every class",
                f"There is no figure of {name} to compare with.",
                "Load that quarter to have it made.",
            )
        )
    per_cent = rounded_ratio(100 * (pl.col("count") - pl.col("before")), pl.col("before"), 0)
    gone = (pl.col("count") == 0) & (pl.col("before") >= USUAL)
    moved = (pl.col("before") >= ENOUGH) & (per_cent.abs() >= VARIANCE)
    odd = both.with_columns(per_cent=per_cent.cast(pl.Int64), gone=gone).filter(gone | moved)
    if odd.is_empty():
        sentence = f"No class with {ENOUGH} or more in {name} moved by {VARIANCE}% or more."
        return _only(_row(check, "pass", "every class", sentence, "None."))
    return odd.select(
        check=pl.lit(check),
        result=pl.lit("query"),
        subject="offence_code",
        this_quarter="count",
        compared_with="before",
        sentence=pl.when("gone")
        .then(pl.format("{}: none, where there were {} in {}.", "offence_code", "before", pl.lit(name)))
        .otherwise(
            pl.format("{}: {}% against {} in {}.", "offence_code", "per_cent", "before", pl.lit(name))
        ),
        next_steps=pl.lit("Say why, or look for a mapping fault or records that are late."),
    )


def _own_totals(
    offences: pl.DataFrame, own_counts: pl.DataFrame | None, months: Sequence[date]
) -> pl.DataFrame:
    """Totals against what the force's own records system counts."""
    check = "total against own system"
    if own_counts is None:
        return _only(
            _row(
                check,
                "not made",
                "every month",
                "The count of the force's own records system was not given.",
                "Give it as a file of month and crimes, and make the return again.",
            )
        )
    counted = add_up(offences.filter(pl.col("month").is_in(list(months))), by=["month"])
    both = counted.join(own_counts.select("month", own="crimes"), on="month", how="left").with_columns(
        subject=pl.col("month").dt.strftime("%B %Y")
    )
    same = pl.col("count").eq_missing(pl.col("own"))
    result = (
        pl.when(pl.col("own").is_null() | pl.col("count").is_null())
        .then(pl.lit("not made"))
        .when(same)
        .then(pl.lit("pass"))
        .otherwise(pl.lit("fail"))
    )
    said = (
        pl.when(result == "pass")
        .then(pl.format("{}: {} in both.", "subject", "count"))
        .when(result == "fail")
        .then(pl.format("{}: {} here, {} in the force's own system.", "subject", "count", "own"))
        .otherwise(pl.format("{}: one of the two counts is not there.", "subject"))
    )
    return both.select(
        check=pl.lit(check),
        result=result,
        subject="subject",
        this_quarter="count",
        compared_with="own",
        sentence=said,
        next_steps=pl.when(result == "pass")
        .then(pl.lit("None."))
        .otherwise(pl.lit("Find the records that one count has and the other lacks (`fullcount explain`).")),
    )
