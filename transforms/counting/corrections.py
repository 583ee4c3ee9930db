"""What a change after publication does to the count: restated, or netted into the next period, per force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import polars as pl

from transforms.contracts.columns import ZONE
from transforms.contracts.tables import Lines
from transforms.counting.editions import Editions
from transforms.counting.engine import Counts, count
from transforms.periods import Quarter, plus_months
from transforms.recording import CRIME, record

#: How a force's figures take in changes to periods that were published (chosen for each force in the register).
RECORD_LEVEL: Final = "record-level"
AGGREGATE: Final = "aggregate"

_CRIME: Final = ["force", "crime_ref", "offence_code"]
_COUNTED: Final = ["force", "month", "offence_code", "category", "crime_ref", "counted"]


@dataclass(frozen=True)
class Corrected:
    """Counts with changes to published periods taken in."""

    #: one row for each crime that counts and each net correction: the columns of `Counts.counted`.
    counted: pl.DataFrame
    #: one row for each change to a published period: `force, crime_ref, offence_code, counted` (1 or -1),
    #: `month` (where it shows), `published_month` (of the crime), `rule`, `because`.
    changes: pl.DataFrame


def net_corrections(
    published: pl.DataFrame, counts: Counts, terms: pl.DataFrame, editions: Editions
) -> Corrected:
    """Take changes to published periods into the count, for each force on its own terms.

    `published` holds the rows of `Counted` as they were last published, earlier corrections included.
    `terms` has one row for each force: `force, treatment` (`record-level` or `aggregate`) and
    `published_through` (the last month published; null when none is). `counts` is of all records as they
    stand now. A record-level force restates: its rows are those of `counts`, and `changes` says what
    moved, each in the month of the crime. An aggregate force's published rows stand for ever; what changed
    is added as rows of 1 and −1 in the month it changed, or the first month not yet published when that is
    later (a change is "swept up in the next available month's year-to-date statistics", Leicestershire
    Police). A force without terms is record-level with nothing published.
    Over all months the two treatments give the same total for each class.
    """
    now = counts.counted.collect().join(terms, on="force", how="left")
    closed = pl.col("month") <= pl.col("published_through")
    changes = _changes(
        published.select(_COUNTED).pipe(_follow_moves, counts.lines), now.filter(closed), counts.lines, terms
    )
    changes = _explained(changes, editions)
    netted = pl.col("treatment") == AGGREGATE
    columns = counts.counted.collect_schema().names()
    aggregate = terms.filter(netted).select("force")
    details = now.select(
        "force", "crime_ref", "longitude", "latitude", "outcome", "outcome_month", "supply"
    ).unique(["force", "crime_ref"], keep="any")
    corrections = (
        changes.filter(netted)
        .join(details, on=["force", "crime_ref"], how="left")
        .with_columns(
            pl.col("category").cast(now.schema["category"]), pl.col("supply").fill_null(pl.lit("0" * 64))
        )
    )
    return Corrected(
        counted=pl.concat(
            [
                now.filter((netted & closed).fill_null(False).not_()).select(columns),
                published.join(aggregate, on="force", how="semi").select(columns),
                corrections.select(columns),
            ],
            how="vertical_relaxed",
        ),
        changes=changes.drop("treatment", "published_through", "category").sort(
            "force", "month", "crime_ref", "counted", "offence_code"
        ),
    )


def count_as_returned(lines: pl.LazyFrame, quarters: Sequence[Quarter], editions: Editions) -> Corrected:
    """Count the lines of aggregate forces as they return them: quarter after quarter, each change where it happened.

    `lines` is `Lines`, every version of every record; `quarters` are those to return, in order, without a gap. At
    each quarter the versions that stood when it ended are counted, and what differs from the quarters before it
    is netted into it. The earliest version of a record stands from the moment it was recorded, whenever it was last
    updated: it is what the force first supplied. A record of before the first quarter is published ground: it counts
    in its own month and only its changes reach the quarters. `changes` are those of all quarters. The same lines and
    quarters give the same answer whenever they are counted.
    """
    lines = lines.with_columns(
        stood=pl.when(pl.col("updated_at") == pl.col("updated_at").min().over(CRIME))
        .then(pl.min_horizontal("recorded_at", "updated_at"))
        .otherwise("updated_at")
    )
    published = count(Lines.create_empty().lazy(), editions).counted.collect()
    forces = lines.select(pl.col("force").unique()).collect()
    changes = []
    through: date | None = None
    for quarter in [quarters[0].plus(-1), *quarters]:
        after = pl.lit(datetime(*plus_months(quarter.months[2], 1).timetuple()[:3])).dt.replace_time_zone(
            ZONE
        )
        standing, _ = record(lines.filter(pl.col("stood") < after))
        terms = forces.with_columns(treatment=pl.lit(AGGREGATE), published_through=pl.lit(through, pl.Date))
        corrected = net_corrections(published, count(standing, editions), terms, editions)
        published, through = corrected.counted, quarter.months[2]
        changes.append(corrected.changes)
    return Corrected(published, pl.concat(changes))


def _follow_moves(published: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Published rows under the reference that the crime has since moved to, so that a move is no change."""
    moved = lines.filter(pl.col("rule") == "migrated-duplicate").select(
        pl.col("force").cast(pl.String), "crime_ref", "by"
    )
    if moved.is_empty():
        return published
    to = moved.join(lines.select(by="line", moved_to="crime_ref"), on="by").unique(
        ["force", "crime_ref"], keep="any"
    )
    return (
        published.join(to, on=["force", "crime_ref"], how="left")
        .with_columns(crime_ref=pl.coalesce("moved_to", "crime_ref"))
        .select(published.columns)
    )


def _changes(
    published: pl.DataFrame, now: pl.DataFrame, lines: pl.DataFrame, terms: pl.DataFrame
) -> pl.DataFrame:
    """One row for each class that a crime of a published period has lost (−1) or gained (1)."""
    up, down = (
        pl.col("counted").filter(pl.col("counted") > 0),
        pl.col("counted").filter(pl.col("counted") < 0),
    )
    what = {"category": pl.col("category").first(), "published_month": pl.col("month").min()}
    # A reference is unique within a records system only, so a class may be held under it more than once.
    was = published.group_by(_CRIME).agg(**what, times=up.len().cast(pl.Int32) - down.len().cast(pl.Int32))
    come = now.group_by(_CRIME).agg(**what, times=pl.len().cast(pl.Int32))
    change = pl.coalesce("times", pl.lit(0)) - pl.coalesce("times_was", pl.lit(0))
    changed = (
        come.join(was, on=_CRIME, how="full", coalesce=True, suffix="_was")
        .with_columns(
            category=pl.coalesce("category", "category_was"),
            published_month=pl.coalesce("published_month", "published_month_was"),
            change=change,
        )
        .filter(pl.col("change") != 0)
        .select(
            *_CRIME,
            "category",
            "published_month",
            counted=pl.col("change").sign().cast(pl.Int8).repeat_by(pl.col("change").abs()),
        )
        .explode("counted")
    )
    changed_at = lines.group_by(pl.col("force").cast(pl.String), "crime_ref").agg(
        changed_month=pl.max_horizontal(
            pl.when(pl.col("status") != "live")
            .then(pl.coalesce("status_at", "updated_at"))
            .otherwise("updated_at")
        )
        .max()
        .dt.date()
        .dt.month_start()
    )
    first_open = pl.col("published_through").dt.offset_by("1mo")
    return (
        changed.join(terms, on="force")
        .filter(pl.col("published_through").is_not_null())
        .join(changed_at, on=["force", "crime_ref"], how="left")
        .with_columns(
            month=pl.when(pl.col("treatment") == AGGREGATE)
            .then(pl.max_horizontal(first_open, "changed_month"))
            .otherwise("published_month")
        )
        .drop("changed_month")
    )


def _explained(changes: pl.DataFrame, editions: Editions) -> pl.DataFrame:
    """The rule and the sentence of each change: a class lost and a class gained together are a reclassification."""
    both = pl.col("counted").n_unique().over("force", "crime_ref") > 1
    rule = (
        pl.when(both)
        .then(pl.lit("reclassified"))
        .when(pl.col("counted") < 0)
        .then(pl.lit("removed-after-publication"))
        .otherwise(pl.lit("added-after-publication"))
    )
    words = editions.rules.select("rule", "counts", "does_not_count")
    template = pl.when(pl.col("counted") > 0).then("counts").otherwise("does_not_count")
    return (
        changes.with_columns(rule=rule)
        .join(words, on="rule", how="left")
        .with_columns(because=template.str.replace_all("{class}", pl.col("offence_code"), literal=True))
        .drop("counts", "does_not_count")
    )
