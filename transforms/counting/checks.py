"""Checks on recording, beside the count: what looks wrong in how crimes were recorded, reported and never mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import dataframely as dy
import polars as pl

from transforms.aggregation import rows_by
from transforms.contracts import columns as c
from transforms.counting.codes import code_fault
from transforms.counting.editions import Editions
from transforms.counting.engine import Counts
from transforms.counting.migration import circular_references

#: Rules by which a recorded crime gives way to another one that was recorded beside it.
_RECORDED_TWICE: Final = (
    "principal-crime",
    "finished-incident",
    "one-per-owner",
    "one-per-premises",
    "one-per-offender",
    "one-per-incident",
    "part-of-crime",
)

#: Several references in one field.
_SEVERAL: Final = r"\S\s*[;|+&]\s*\S"


class RecordingChecks(dy.Schema):
    """One row for each record and check that it does not pass. Nothing is changed by it."""

    force = c.force()
    source_system = c.text("records system the record came from")
    crime_ref = c.text("the force's reference for the crime")
    month = c.month()
    check = c.text("stable id of the check")
    sentence = c.text("what is wrong, in one sentence with the values seen")
    next_steps = c.text("what the force or a checker should do")


def check_recording(counts: Counts, editions: Editions) -> pl.DataFrame:
    """Every check on every record: `RecordingChecks`, sorted.

    The count is not changed by any of this: a record that fails a check counts as the rules say.
    """
    found = [
        rows.select(
            pl.col("force").cast(pl.String),
            pl.col("source_system").cast(pl.String),
            "crime_ref",
            "month",
            check=pl.lit(check),
            sentence=sentence,
            next_steps=pl.lit(next_steps),
        )
        for check, rows, sentence, next_steps in _checks(counts.lines, editions)
    ]
    return pl.concat(pl.collect_all(found)).sort("force", "month", "check", "crime_ref", "source_system")


def count_checks(counts: Counts, editions: Editions) -> pl.DataFrame:
    """How many records do not pass each check, by force and month: `RecordingCheckCounts`, in no order.

    The rows of `check_recording`, counted, with the sentence and the `crime_ref, source_system` of the first by its
    reference; no other sentence is made.
    """
    by = ["force", "month"]
    found = []
    for check, rows, sentence, next_steps in _checks(counts.lines, editions):
        tally = rows_by(rows, by)
        first = rows.sort("crime_ref", "source_system").unique(by, keep="first", maintain_order=True)
        found.append(
            first.join(tally, on=by).select(
                pl.col("force").cast(pl.String),
                "month",
                "crime_ref",
                pl.col("source_system").cast(pl.String),
                check=pl.lit(check),
                rows="rows",
                sentence=sentence,
                next_steps=pl.lit(next_steps),
            )
        )
    return pl.concat(pl.collect_all(found))


def _checks(table: pl.DataFrame, editions: Editions) -> Iterator[tuple[str, pl.LazyFrame, pl.Expr, str]]:
    """Each check: its id, the rows that fail it, what is wrong with a row, and what to do."""
    lines = table.lazy()
    text = {
        name: pl.col(name).cast(pl.String)
        for name in ("offence_code", "status_reason", "outcome_type", "status")
    }
    counts = pl.col("counted") == 1
    yield (
        "recorded-twice",
        lines.filter(pl.col("rule").cast(pl.String).is_in(_RECORDED_TWICE) & ~counts).join(
            lines.select(by="line", by_ref="crime_ref"), on="by"
        ),
        pl.format(
            "Recorded as a crime beside {}, where the rules allow one ({}).",
            "by_ref",
            pl.col("rule").cast(pl.String),
        ),
        "Cancel it as C3, or correct the victim or offender if it is a crime of its own.",
    )
    yield (
        "victims-recorded-once",
        _recorded_once(lines),
        pl.format(
            "Cancelled as part of another crime, but no live record of incident {} names its victim {}.",
            "incident_ref",
            "victim_ref",
        ),
        "Record one crime for each victim.",
    )
    yield (
        "victims-in-one-record",
        lines.filter(counts & pl.col("victim_ref").str.contains(_SEVERAL)),
        pl.format("One record names several victims: {}.", "victim_ref"),
        "Record one crime for each victim.",
    )
    yield (
        "no-victim",
        lines.filter(counts & (pl.col("unit") == "victim") & pl.col("victim_ref").is_null()),
        pl.format("{} is counted by victim and the record names none.", pl.col("class_code").cast(pl.String)),
        "Give the victim's reference: until then it cannot be told whether the record is one crime or part of one.",
    )
    yield (
        "class-not-in-force",
        lines.filter(~pl.col("in_force")),
        pl.format(
            "{} was not a class in force in the month it was recorded.", pl.col("class_code").cast(pl.String)
        ),
        "Reclassify it into a class of that month.",
    )
    yield (
        "code-not-read",
        lines.filter(pl.col("rule").cast(pl.String).is_in(["unknown-code", "damaged-code"])),
        pl.format(
            "The offence code “{}” cannot be read: {}.",
            text["offence_code"].fill_null(""),
            pl.coalesce(code_fault(text["offence_code"]), pl.lit("no edition of the rules knows it")),
        ),
        "Send the code again, as text.",
    )
    yield (
        "code-uncertain",
        lines.filter(counts & pl.col("code_note").is_not_null()),
        pl.format(
            "{} was read as {}: {}.", text["offence_code"], pl.col("class_code").cast(pl.String), "code_note"
        ),
        "Give the class itself.",
    )
    yield (
        "recorded-before-reported",
        lines.filter(pl.col("recorded_at") < pl.col("reported_at")),
        pl.format("Recorded {}, before it was reported {}.", _moment("recorded_at"), _moment("reported_at")),
        "Correct whichever time is wrong: the recorded time decides the period.",
    )
    delay = (pl.col("recorded_at") - pl.col("reported_at")).dt.total_hours()
    yield (
        "recorded-late",
        lines.filter(_is_late(editions)),
        pl.format(
            "Recorded {} hours after it was reported; {} are allowed.", delay, _hours_allowed(editions)
        ),
        "Look into why; the crime counts in the period it was recorded in.",
    )
    removed = pl.col("status").cast(pl.String).is_in(["cancelled", "transferred"])
    yield (
        "removed-without-reason",
        lines.filter(removed & pl.col("status_reason").is_null()),
        pl.format("{} without a reason.", text["status"].str.to_titlecase()),
        "Give the reason, C1 to C5, or make the record live again.",
    )
    expected = editions.removal_reasons.lazy().select(
        pl.col("reason").alias("status_reason").cast(pl.Categorical), expected="status"
    )
    reasons = lines.filter(removed & pl.col("status_reason").is_not_null()).join(
        expected, on="status_reason", how="left"
    )
    yield (
        "reason-does-not-fit",
        reasons.filter(text["status"].ne_missing(pl.col("expected"))),
        pl.format("{} with the reason {}.", text["status"].str.to_titlecase(), text["status_reason"]),
        "C1 is for transfers, C2 to C5 for cancellations: correct the status or the reason.",
    )
    known = editions.outcomes["outcome_type"].to_list()
    has_outcome = text["outcome_type"].is_not_null() & (text["outcome_type"] != "0")
    yield (
        "outcome-not-known",
        lines.filter(has_outcome & ~text["outcome_type"].is_in(known)),
        pl.format("The outcome type “{}” is not one of the framework.", text["outcome_type"]),
        "Send the outcome type again: the crime stands as not yet assigned.",
    )
    yield (
        "outcome-without-date",
        lines.filter(has_outcome & pl.col("outcome_at").is_null()),
        pl.format("Outcome {} has no date.", text["outcome_type"]),
        "Give the date: the crime stands as not yet assigned.",
    )
    yield (
        "circular-references",
        lines.join(circular_references(table).lazy(), on="line", how="semi"),
        pl.format("Its previous reference {} leads back to itself.", "previous_crime_ref"),
        "Correct the previous references; the records count on their own until then.",
    )


def _recorded_once(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Records cancelled as part of another crime, of victims whom no live record of the incident names."""
    victim = ["force", "incident_ref", "victim_ref"]
    merged = lines.filter(
        (pl.col("status") == "cancelled")
        & (pl.col("status_reason") == "C3")
        & (pl.col("unit") == "victim")
        & pl.col("victim_ref").is_not_null()
    )
    # Few records were merged: the live ones of their incidents alone are looked through.
    live = lines.filter(pl.col("status") == "live").join(merged, on=victim[:2], how="semi")
    return merged.join(live, on=victim, how="anti").join(live, on=victim[:2], how="semi")


def _hours_allowed(editions: Editions) -> pl.Expr:
    """Hours allowed between report and record, by the edition of the month recorded."""
    rows = editions.rule_changes.filter(pl.col("change") == "recording-hours").sort(
        "valid_from", descending=True
    )
    allowed = pl.lit(None, pl.Int64)
    for row in rows.iter_rows(named=True):
        since = pl.lit(True) if row["valid_from"] is None else pl.col("month") >= row["valid_from"]
        allowed = pl.when(since).then(pl.lit(int(row["treatment"]))).otherwise(allowed)
    return allowed


def _is_late(editions: Editions) -> pl.Expr:
    return (pl.col("recorded_at") - pl.col("reported_at")).dt.total_minutes() > 60 * _hours_allowed(editions)


def _moment(name: str) -> pl.Expr:
    return pl.col(name).dt.to_string("%-d %B %Y %H:%M")


def recording_delay(records: pl.LazyFrame, editions: Editions) -> pl.DataFrame:
    """How long crimes waited between report and record, for each force and week recorded.

    `force, week` (its Monday, Europe/London), `records`, `median_hours`, `ninth_decile_hours`,
    `longest_hours`, `late` (how many took longer than is allowed). A backlog shows as a rise within days of
    its being worked off, and before that as a week with few records.
    """
    recorded = pl.col("recorded_at").dt.date()
    return (
        records.select("force", "reported_at", "recorded_at", month=recorded.dt.month_start())
        .select(
            "force",
            week=recorded.dt.truncate("1w"),
            hours=(pl.col("recorded_at") - pl.col("reported_at")).dt.total_minutes() / 60,
            late=_is_late(editions),
        )
        .group_by("force", "week")
        .agg(
            records=pl.len(),
            median_hours=pl.col("hours").median(),
            ninth_decile_hours=pl.col("hours").quantile(0.9, "nearest"),
            longest_hours=pl.col("hours").max(),
            late=pl.col("late").filter("late").len(),
        )
        .sort("force", "week")
        .collect()
    )
