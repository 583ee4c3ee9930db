"""What changed between two editions of the same figures, by how much, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from transforms.aggregation import add_up, net_of
from transforms.comparability import rounded_ratio
from transforms.contracts import tables
from transforms.contracts.status import STATUS, Status, allows_number
from transforms.periods import Quarter, quarter_key

#: A revision of more than this share of a force's year needs a note before release (project policy: ordinary
#: restatements move a year by 0.2% in the middle and 0.7% typically).
NOTE_OVER_PER_CENT: Final = 2.0

LATE: Final = "late recording"
RECLASSIFIED: Final = "reclassified"
CANCELLED: Final = "cancelled"
RESUPPLIED: Final = "resupplied"
BACK_FILLED: Final = "back-filled"
RULES: Final = "rule edition"
BOUNDARY: Final = "boundary change"
POPULATION: Final = "population re-based"
DECIDED: Final = "decided"
WITHHELD: Final = "no longer fit to publish"
UNTRACED: Final = "not traced to a record"

#: What each cause of a revision means, for readers.
MEANING: Final[Mapping[str, str]] = {
    LATE: "Crimes that the force recorded or sent in after the earlier edition.",
    RECLASSIFIED: "Crimes that count under another offence or in another month than before, or count once more or no "
    "more because of what is now known of them.",
    CANCELLED: "Crimes that the force has since cancelled or transferred to another force.",
    RESUPPLIED: "Crimes that came or went because the force sent the file of the period again.",
    BACK_FILLED: "Figures that were not available and have since been supplied.",
    RULES: "The counting rules in force on the day were restated: the same records count otherwise.",
    BOUNDARY: "Areas or boundaries of another date.",
    POPULATION: "Populations of another estimate, which rates are given on.",
    DECIDED: "The same records, judged otherwise after somebody looked into them.",
    WITHHELD: "Figures that were published and have been found incomplete since.",
    UNTRACED: "The part of a change that no single record explains.",
}
#: Rules by which a record that no longer counts was removed by its force.
_REMOVED: Final = ("cancelled", "transferred")

_CELL: Final = ("force", "quarter", "offence_code")
_REF: Final = ("force", "crime_ref")
_SCOPE: Final = ("kind", "force", "first_month", "last_month", "source_system")


@dataclass(frozen=True)
class Edition:
    """What a release was made from, as far as its revisions can tell.

    `figures` is `tables.OffenceCounts`; `crimes` has `force, month, offence_code, crime_ref, counted, supply`, one
    row for each crime or correction in those figures (`supply` null where a return holds it without a file);
    `decided` is `tables.DecidingRules`; `received` is `tables.Supplies` without refused files, as `supply` and
    its scope and state; `populations` has `force, population, lsoas`. `rules` and `areas` are hashes.
    """

    figures: pl.DataFrame
    crimes: pl.DataFrame
    decided: pl.DataFrame
    received: pl.DataFrame
    populations: pl.DataFrame
    rules: str
    areas: str


def revisions(before: Edition, after: Edition) -> pl.DataFrame:
    """Every figure of the quarters that both editions hold that differs, with what changed it (`tables.Revisions`).

    A figure that is a number in both has a row for each cause, whose changes add up to the difference. One that
    is a number in one of them only has one row, and no change: nothing can be taken from what is not known.
    """
    old, new = (
        quarterly(edition.figures).select(
            *_CELL, pl.col("count").alias(name), pl.col("status").alias(f"{name}_status")
        )
        for edition, name in ((before, "was"), (after, "now"))
    )
    shared = sorted(set(old["quarter"].unique()) & set(new["quarter"].unique()))
    cells = old.join(new, on=_CELL, how="full", coalesce=True).filter(pl.col("quarter").is_in(shared))
    changed = cells.with_columns(
        # A class that only one edition knows was no figure of the other.
        pl.col("was_status", "now_status").fill_null(pl.lit(Status.NOT_APPLICABLE.value, STATUS))
    ).filter(pl.col("was").ne_missing(pl.col("now")) | (pl.col("was_status") != pl.col("now_status")))
    numbers = changed.filter(pl.col("was").is_not_null() & pl.col("now").is_not_null())
    moved = numbers.filter(pl.col("was") != pl.col("now"))
    restated = numbers.filter(pl.col("was") == pl.col("now")).with_columns(
        why=pl.lit(DECIDED), change=pl.lit(0, pl.Int64)
    )
    others = changed.join(numbers, on=_CELL, how="anti").with_columns(
        why=_why_no_number(before, after), change=pl.lit(None, pl.Int64)
    )
    told = pl.concat([_traced(moved, before, after), restated, others], how="diagonal").with_columns(
        measure=pl.lit("offences")
    )
    whole = pl.concat([told, _of_areas(before, after)], how="diagonal")
    columns = list(tables.Revisions.column_names())
    types = dict(tables.Revisions.create_empty().schema)
    return whole.select(pl.col(name).cast(types[name]) for name in columns).sort(
        "measure", "force", "quarter", "offence_code", "why", nulls_last=True
    )


def quarterly(figures: pl.DataFrame) -> pl.DataFrame:
    """Judged figures by force, quarter and offence code: one row each, null unless all its months are there."""
    return add_up(figures.with_columns(quarter=quarter_key(pl.col("month"))), list(_CELL))


def _why_no_number(before: Edition, after: Edition) -> pl.Expr:
    """Why a figure is a number in one edition only, or for another reason none in both."""
    came = (
        after.received.join(before.received, on="supply", how="anti").get_column("force").unique().to_list()
    )
    return (
        pl.when(pl.col("now").is_null() & pl.col("was").is_not_null())
        .then(
            pl.when(pl.col("now_status") == Status.NOT_APPLICABLE.value)
            .then(pl.lit(RULES))
            .otherwise(pl.lit(WITHHELD))
        )
        .when(pl.col("was_status") == Status.NOT_APPLICABLE.value)
        .then(pl.lit(RULES if before.rules != after.rules else LATE))
        .when(pl.col("force").is_in(came) & pl.col("now").is_not_null())
        .then(pl.lit(BACK_FILLED))
        .otherwise(pl.lit(DECIDED))
    )


def _traced(moved: pl.DataFrame, before: Edition, after: Edition) -> pl.DataFrame:
    """Changed numbers with a row for each cause; what no record explains is a cause of its own."""
    where = moved.select("force", "quarter").unique()
    old, new = (_crimes(edition.crimes, where) for edition in (before, after))
    same = [*_REF, "month", "offence_code", "counted", "nth"]
    lost = old.join(new, on=same, how="anti", nulls_equal=True)
    gained = new.join(old, on=same, how="anti", nulls_equal=True)
    restated = before.rules != after.rules
    parts = pl.concat(
        [
            _why_gained(gained, lost, before, after, restated).with_columns(part="counted"),
            _why_lost(lost, gained, after, restated).with_columns(part=-pl.col("counted")),
        ],
        how="diagonal",
    )
    causes = net_of(parts, [*_CELL, "why"], "part").rename({"part": "change"})
    explained = net_of(causes, list(_CELL), "change").rename({"change": "explained"})
    by_cause = moved.join(causes.filter(pl.col("change") != 0), on=_CELL)
    rest = (
        moved.join(explained, on=_CELL, how="left")
        .with_columns(
            change=pl.col("now") - pl.col("was") - pl.coalesce("explained", pl.lit(0, pl.Int64)),
            why=pl.lit(UNTRACED),
        )
        .filter(pl.col("change") != 0)
        .drop("explained")
    )
    return pl.concat([by_cause, rest], how="diagonal_relaxed")


def _crimes(crimes: pl.DataFrame, where: pl.DataFrame) -> pl.DataFrame:
    """The crimes of some forces and quarters; those of one reference, class and month are told apart by `nth`."""
    key = [*_REF, "month", "offence_code", "counted"]
    return (
        crimes.filter(pl.col("offence_code").is_not_null())
        .with_columns(quarter=quarter_key(pl.col("month")))
        .join(where, on=["force", "quarter"], how="semi")
        .sort(*key, "supply", nulls_last=True)
        .with_columns(nth=pl.int_range(pl.len()).over(key))
    )


def _why_gained(
    gained: pl.DataFrame, lost: pl.DataFrame, before: Edition, after: Edition, restated: bool
) -> pl.DataFrame:
    known = _once(before.decided).select(*_REF, known=pl.lit(True))
    was_elsewhere = lost.select(*_REF, elsewhere_supply="supply").unique(_REF)
    removed = _removed(after)
    replaces = after.received.join(
        before.received.select(_SCOPE), on=list(_SCOPE), how="semi", nulls_equal=True
    ).join(before.received, on="supply", how="anti")
    fresh = after.received.join(before.received, on="supply", how="anti").select("supply", fresh=pl.lit(True))
    told = (
        gained.join(was_elsewhere, on=_REF, how="left")
        .join(known, on=_REF, how="left")
        .join(removed, on=_REF, how="left")
        .join(replaces.select("supply", again=pl.lit(True)).unique(), on="supply", how="left")
        .join(fresh.unique(), on="supply", how="left")
    )
    untouched = pl.col("supply").eq_missing(pl.col("elsewhere_supply")) & pl.lit(restated)
    return told.with_columns(
        why=pl.when((pl.col("counted") < 0) & pl.col("removed"))
        .then(pl.lit(CANCELLED))
        .when(pl.col("elsewhere_supply").is_not_null() & untouched)
        .then(pl.lit(RULES))
        .when(pl.struct(_REF).is_in(lost.select(pl.struct(_REF)).to_series().implode()))
        .then(pl.lit(RECLASSIFIED))
        .when(pl.col("known"))
        .then(
            pl.when(pl.col("fresh").is_null() & pl.lit(restated))
            .then(pl.lit(RULES))
            .otherwise(pl.lit(RECLASSIFIED))
        )
        .when(pl.col("again"))
        .then(pl.lit(RESUPPLIED))
        .when(pl.col("fresh") | pl.col("supply").is_null())
        .then(pl.lit(LATE))
        .otherwise(pl.lit(RULES if restated else UNTRACED))
    ).select(*_CELL, "counted", "why")


def _why_lost(lost: pl.DataFrame, gained: pl.DataFrame, after: Edition, restated: bool) -> pl.DataFrame:
    now = _once(after.decided).select(*_REF, known=pl.lit(True))
    elsewhere = gained.select(*_REF, elsewhere_supply="supply").unique(_REF)
    gone = after.received.filter(pl.col("state").cast(pl.String) != "accepted").select(
        "supply", gone=pl.lit(True)
    )
    told = (
        lost.join(elsewhere, on=_REF, how="left")
        .join(now, on=_REF, how="left")
        .join(_removed(after), on=_REF, how="left")
        .join(gone.unique(), on="supply", how="left")
    )
    untouched = pl.col("supply").eq_missing(pl.col("elsewhere_supply")) & pl.lit(restated)
    return told.with_columns(
        why=pl.when("removed")
        .then(pl.lit(CANCELLED))
        .when(pl.col("elsewhere_supply").is_not_null() & untouched)
        .then(pl.lit(RULES))
        .when(pl.struct(_REF).is_in(gained.select(pl.struct(_REF)).to_series().implode()))
        .then(pl.lit(RECLASSIFIED))
        .when(pl.col("known"))
        .then(pl.lit(RULES if restated else RECLASSIFIED))
        .when("gone")
        .then(pl.lit(RESUPPLIED))
        .otherwise(pl.lit(RULES if restated else UNTRACED))
    ).select(*_CELL, "counted", "why")


def _once(decided: pl.DataFrame) -> pl.DataFrame:
    return decided.unique(_REF)


def _removed(edition: Edition) -> pl.DataFrame:
    """The references of an edition whose records were removed by their force."""
    rule = pl.col("rule").cast(pl.String)
    return _once(edition.decided.filter(rule.is_in(_REMOVED), pl.col("counted") == 0)).select(
        *_REF, removed=pl.lit(True)
    )


def _of_areas(before: Edition, after: Edition) -> pl.DataFrame:
    """Populations and areas of a force that are of another date: what its rates and its maps rest on."""
    both = before.populations.join(after.populations, on="force", suffix="_now")
    if before.areas == after.areas:
        both = both.clear()
    measures = []
    for measure, column, why in (
        ("population", "population", POPULATION),
        ("small areas", "lsoas", BOUNDARY),
    ):
        measures.append(
            both.filter(pl.col(column).ne_missing(pl.col(f"{column}_now"))).select(
                "force",
                measure=pl.lit(measure),
                was=pl.col(column).cast(pl.Int64),
                now=pl.col(f"{column}_now").cast(pl.Int64),
                was_status=_known(column),
                now_status=_known(f"{column}_now"),
                why=pl.lit(why),
                change=pl.col(f"{column}_now").cast(pl.Int64) - pl.col(column).cast(pl.Int64),
            )
        )
    return pl.concat(measures)


def _known(column: str) -> pl.Expr:
    status = pl.when(pl.col(column).is_null()).then(pl.lit(Status.MISSING.value))
    return status.otherwise(pl.lit(Status.COMPLETE.value)).cast(STATUS)


def years(figures: pl.DataFrame) -> pl.DataFrame:
    """The total of each force and rolling year: `force`, `year` (the quarter it ends), `count` and `status`."""
    by_quarter = add_up(figures.with_columns(quarter=quarter_key(pl.col("month"))), ["force", "quarter"])
    held = by_quarter.get_column("quarter").unique().to_list()
    spans = pl.DataFrame(
        [
            (last, str(Quarter.parse(last).plus(-back)))
            for last in sorted(held)
            for back in range(4)
            if all(str(Quarter.parse(last).plus(-each)) in held for each in range(4))
        ],
        schema={"year": pl.String, "quarter": pl.String},
        orient="row",
    )
    return add_up(spans.join(by_quarter, on="quarter"), ["force", "year"])


def needs_note(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The force-years whose revision a note must explain before release: `force, year, was, now, per_cent`.

    `before` and `after` are `tables.OffenceCounts`. A year that gained or lost its figure altogether needs one too,
    and has no percentage. Rows come in order of force and year.
    """
    both = years(before).join(years(after), on=["force", "year"], suffix="_now")
    told = both.select(
        "force",
        "year",
        was="count",
        now="count_now",
        per_cent=rounded_ratio(100 * (pl.col("count_now") - pl.col("count")), pl.col("count"), 1),
    )
    appeared = pl.col("was").is_null() != pl.col("now").is_null()
    large = 100 * (pl.col("now") - pl.col("was")).abs() > NOTE_OVER_PER_CENT * pl.col("was").abs()
    return told.filter(appeared | large).sort("force", "year")


def triangle(vintages: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Each quarter's total of each force as each release published it: `release, force, quarter, count, status`.

    `vintages` are the figures (`tables.OffenceCounts`) by release, in the order published. Rows keep that order.
    """
    parts = [
        add_up(figures.with_columns(quarter=quarter_key(pl.col("month"))), ["force", "quarter"]).select(
            pl.lit(release).alias("release"), "force", "quarter", "count", "status"
        )
        for release, figures in vintages.items()
    ]
    return pl.concat(parts)


def common_total(corner: pl.DataFrame) -> pl.DataFrame:
    """The total of a `triangle` over the forces that are a number in every release that holds the quarter.

    One row for each `release` and `quarter`, with `count`, `status` and `without`, the forces that are left out
    of the quarter in every release, so that a difference is a revision and never a force come or gone.
    """
    whole = corner.with_columns(known=allows_number().all().over("force", "quarter"))
    totals = add_up(whole.filter("known"), ["release", "quarter"])
    without = whole.group_by("quarter").agg(
        without=pl.col("force").filter(~pl.col("known")).unique().sort().str.join(", ")
    )
    return totals.join(without, on="quarter").sort("quarter", "release")


def is_provisional(quarter: Quarter, latest: Quarter) -> bool:
    """Whether a quarter's figures are provisional in the release of `latest`: [p].

    The quarters of its rolling year are, until the release a year on restates them as the base of its comparison.
    """
    return latest.plus(-4) < quarter <= latest
