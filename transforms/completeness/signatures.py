"""One function for each known way that crime feeds go wrong, over the frames that show it; each returns findings.

`force` is the police.uk slug and `month` a first-of-month date throughout. The rules are those of the catalogue;
what counts alone decide (partial months, types, groups of areas, mapping faults) is in the judge.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from transforms.completeness.findings import as_findings, number

#: A code that a spreadsheet turned into a date, or a number that lost its trailing zero or gained decimals.
DAMAGED_CODE: Final = (
    r"^\d{1,2}[-/](\d{1,2}|[A-Za-z]{3})([-/]\d{2,4})?$|^[A-Za-z]{3}-\d{2}$|^\d+\.(0|\d{3,})$|E\+\d+|^\d{5}$"
)
#: Text that says a count was not supplied is anything that is no number.
NUMBER: Final = r"^\s*-?[\d,]+(\.\d+)?\s*$"
#: Points of percentage between a force's yearly change and the nation's that one force-year in 25 passes.
LEVEL_SHIFT: Final = 0.15
#: The same for a year that stands out and falls back.
SPIKE: Final = 0.20
#: Change in a share of outcomes that is asked about.
SWING: Final = 0.40
#: Share of a closed month's crimes that must change before a file is a resupply and not churn.
RESUPPLY: Final = 0.02
#: Share of crimes over six months old that may have no outcome.
UNRESOLVED: Final = 0.30
#: Share of points outside the force that snapping to map points explains.
STRAYS: Final = 0.02
#: Share of rows in the last hour of the month before that chance explains.
BOUNDARY: Final = 0.001
#: One record in so many that is there twice is more than several people reporting one crime.
TWICE: Final = 20
#: Share of a month's rows that may be refused for their values before a person has to decide.
REFUSED: Final = 0.01
#: Fields of numbers, and fields of fixed words, in supplied rows.
NUMBERS: Final = ("longitude", "latitude", "rows", "count", "value")
VOCABULARIES: Final = ("offence_code", "status", "status_reason", "victim_kind", "outcome_type", "Crime type")
#: Base below which a percentage is not printed.
SMALL_BASE: Final = 50
#: Fewest records recorded in a week before its delay is looked at, and weeks that it is held against.
WEEK_RECORDS: Final = 20
WEEKS: Final = 8
#: A reported crime is recorded within 24 hours (Home Office Counting Rules, general rules): half of them may not take
#: longer, nor three times as long as before, which no week of holidays explains.
HOURS_ALLOWED: Final = 24
LONGER: Final = 3
#: Share of forces that must move together before a category is said to be redefined.
TOGETHER: Final = 0.8


def _name(column: str = "month") -> pl.Expr:
    """A month in words."""
    return pl.col(column).dt.strftime("%B %Y")


def months_missing(presence: pl.DataFrame) -> pl.DataFrame:
    """W01 and W08: `presence` [force, file_type, month, rows], one row for each file owed; null rows: no file."""
    absent = (
        presence.lazy()
        .sort("force", "file_type", "month")
        .with_columns(gone=pl.col("rows").is_null())
        .with_columns(run=pl.col("gone").rle_id().over("force", "file_type", order_by="month"))
        .filter("gone")
        .group_by("force", "file_type", "run")
        .agg(first_month=pl.col("month").min(), last_month=pl.col("month").max(), months=pl.len())
        .with_columns(category=pl.col("file_type"), observed=pl.lit(0.0))
    )
    said = pl.format("{} has not supplied its {} file for {}", "force", "file_type", _name("first_month"))
    long = said + pl.format(" to {}: {} months.", _name("last_month"), number("months"))
    return pl.concat(
        [
            as_findings(absent.filter(pl.col("months") >= 2), "W01", long),
            as_findings(absent.filter(pl.col("months") == 1), "W08", said + pl.lit(".")),
        ]
    )


def empty_supplies(presence: pl.DataFrame) -> pl.DataFrame:
    """W02: `presence` as in `months_missing`; a file without rows where an earlier one had some."""
    rows = (
        presence.lazy()
        .sort("force", "file_type", "month")
        .with_columns(
            before=pl.col("rows")
            .replace(0, None)
            .forward_fill()
            .shift(1)
            .over("force", "file_type", order_by="month")
        )
        .filter((pl.col("rows") == 0) & (pl.col("before") > 0))
        .with_columns(category=pl.col("file_type"), observed=pl.lit(0.0), expected=pl.col("before"))
    )
    return as_findings(
        rows,
        "W02",
        pl.format(
            "The {} file of {} for {} holds no row; the last good one held {}.",
            "file_type",
            "force",
            _name(),
            number("before"),
        ),
    )


def foreign_trickle(records: pl.DataFrame) -> pl.DataFrame:
    """W03: `records` [force, month, reported_by, n], by the force whose area they lie in; none reported by itself."""
    rows = (
        records.lazy()
        .group_by("force", "month")
        .agg(
            observed=pl.col("n").sum(),
            own=pl.col("n").filter(pl.col("reported_by") == pl.col("force")).sum(),
            others=pl.col("reported_by").unique().sort().str.join(", "),
        )
        .filter((pl.col("own") == 0) & (pl.col("observed") > 0))
    )
    return as_findings(
        rows,
        "W03",
        pl.format(
            "All {} records in {} in {} come from {}; the force itself supplied none.",
            number("observed"),
            "force",
            _name(),
            "others",
        ),
    )


def broken_years(verdicts: pl.DataFrame) -> pl.DataFrame:
    """W04: `verdicts` [force, month, verdict]; a financial year that is started and not made of twelve whole months."""
    april = pl.col("month").dt.offset_by("-3mo").dt.year()
    rows = (
        verdicts.lazy()
        .with_columns(year=april)
        .group_by("force", "year")
        .agg(
            first_month=pl.col("month").min(),
            last_month=pl.col("month").max(),
            owed=pl.len(),
            whole=(pl.col("verdict") == "complete").sum(),
            quarters=pl.col("month").filter(pl.col("verdict") != "complete").dt.quarter().n_unique(),
        )
        .filter((pl.col("owed") == 12) & (pl.col("whole") < 12))
        .with_columns(observed=pl.col("whole"), expected=pl.lit(12.0))
    )
    return as_findings(
        rows,
        "W04",
        pl.format(
            (
                "{} has {} whole months in the year from April {}: {} quarters are not whole, so the "
                "year is not."
            ),
            "force",
            number("whole"),
            "year",
            number("quarters"),
        ),
    )


def location_lost(records: pl.DataFrame, smallest: int = 20) -> pl.DataFrame:
    """W06: `records` [force, month, area, n], one row for each, empty area = no location: areas over 90% down, as much
    unassigned.

    `smallest`: the usual count from which an area is looked at.
    """
    table = records.lazy().with_columns(pl.col("area").fill_null(""))
    placed = pl.col("area") != ""
    by_month = table.group_by("force", "month").agg(
        none=pl.col("n").filter(~placed).sum(), total=pl.col("n").sum()
    )
    usual = by_month.group_by("force").agg(
        usual_none=pl.col("none").median(), usual_total=pl.col("total").median()
    )
    # Where less than half of one area came without a place, no area is lost.
    risen = (
        by_month.join(usual, on="force")
        .filter(
            pl.col("none") - pl.col("usual_none") > 0.5 * smallest,
            pl.col("total") > 0.8 * pl.col("usual_total"),
        )
        .collect()
        .lazy()
    )
    table = table.filter(placed).join(risen, on="force", how="semi")
    middle = table.group_by("force", "area").agg(expected=pl.col("n").median())
    fallen = (
        risen.join(middle.filter(pl.col("expected") >= smallest), on="force")
        .join(table.join(risen, on=["force", "month"], how="semi"), on=["force", "month", "area"], how="left")
        .with_columns(observed=pl.col("n").fill_null(0))
        .filter(pl.col("observed") < 0.1 * pl.col("expected"))
        .with_columns(lost=pl.col("expected").sum().over("force", "month"))
        .filter(pl.col("none") - pl.col("usual_none") > 0.5 * pl.col("lost"))
        .with_columns(level=pl.lit("area"))
    )
    return as_findings(
        fallen,
        "W06",
        pl.format(
            "{} of {} has {} records in {} where {} are usual, and {} have no location.",
            "area",
            "force",
            number("observed"),
            _name(),
            number("expected"),
            number("none"),
        ),
    )


def file_type_missing(presence: pl.DataFrame) -> pl.DataFrame:
    """W07: `presence` as in `months_missing`; some files of a force's month came and others did not."""
    rows = (
        presence.lazy()
        .with_columns(came=(pl.col("rows") > 0).fill_null(False))
        .with_columns(any_came=pl.col("came").any().over("force", "month"))
        .filter(pl.col("any_came") & ~pl.col("came"))
        .with_columns(category=pl.col("file_type"))
    )
    return as_findings(
        rows,
        "W07",
        pl.format("{} supplied other files for {} and no {} file.", "force", _name(), "file_type"),
    )


def level_shifts(years: pl.DataFrame) -> pl.DataFrame:
    """W09 and W10: `years` [force, month, n], the first month of each year: a step, or one that falls back."""
    change = (
        years.lazy()
        .sort("force", "month")
        .with_columns(step=(pl.col("n") / pl.col("n").shift(1)).log().over("force", order_by="month"))
        .with_columns(step=pl.col("step") - pl.col("step").median().over("month"))
        .with_columns(
            after=pl.col("step").shift(-1).over("force", order_by="month"),
            before=pl.col("n").shift(1).over("force", order_by="month"),
        )
        .with_columns(observed=pl.col("n"), expected=pl.col("n") / pl.col("step").exp())
    )
    spike = (pl.col("step") >= SPIKE) & (pl.col("after").fill_null(0.0) <= -0.25 * pl.col("step"))
    up = (100 * (pl.col("step").exp() - 1)).round(0).cast(pl.Int64)
    return pl.concat(
        [
            as_findings(
                change.filter((pl.col("step") >= LEVEL_SHIFT) & ~spike),
                "W09",
                pl.format(
                    "{} rose {}% more than the other forces in the year from {}: {} after {}.",
                    "force",
                    up,
                    _name(),
                    number("n"),
                    number("before"),
                ),
            ),
            as_findings(
                change.filter(spike),
                "W10",
                pl.format(
                    "{} stood {}% above the other forces in the year from {} and fell back after it.",
                    "force",
                    up,
                    _name(),
                ),
            ),
        ]
    )


def fall_while_calls_hold(years: pl.DataFrame) -> pl.DataFrame:
    """W11: `years` [force, month, crimes, incidents]; crime falls by a tenth where incidents reported do not."""
    rows = (
        years.lazy()
        .sort("force", "month")
        .with_columns(
            crime=(pl.col("crimes") / pl.col("crimes").shift(1) - 1).over("force", order_by="month"),
            calls=(pl.col("incidents") / pl.col("incidents").shift(1) - 1).over("force", order_by="month"),
        )
        .filter((pl.col("crime") < -0.05) & (pl.col("calls") > pl.col("crime") / 2))
        .with_columns(
            observed=pl.col("crimes"),
            fall=(-100 * pl.col("crime")).round(0),
            held=(100 * pl.col("calls")).round(0),
        )
    )
    return as_findings(
        rows,
        "W11",
        pl.format(
            ("Recorded crime of {} fell {}% in the year from {} while incidents reported changed by {}%."),
            "force",
            number("fall"),
            _name(),
            number("held"),
        ),
    )


def repeated_figures(cells: pl.DataFrame) -> pl.DataFrame:
    """W12: `cells` [force, month, cell, n]; a period whose cells are all those of an earlier one."""
    vectors = (
        cells.lazy()
        .filter(pl.col("n") != 0)
        .sort("force", "month", "cell")
        .group_by("force", "month")
        .agg(
            vector=pl.struct("cell", "n")
            .hash(seed=0)
            .sort()
            .implode()
            .list.eval(pl.element().cast(pl.String))
            .list.join(","),
            observed=pl.col("n").sum(),
        )
        .filter(pl.col("observed") >= 60)
        .sort("month")
        .with_columns(earlier=pl.col("month").first().over("force", "vector", order_by="month"))
        .filter(pl.col("earlier") < pl.col("month"))
    )
    return as_findings(
        vectors,
        "W12",
        pl.format(
            "{} has exactly the figures of {} again in {} ({} records).",
            "force",
            _name("earlier"),
            _name(),
            number("observed"),
        ),
    )


def negative_figures(cells: pl.DataFrame) -> pl.DataFrame:
    """W13: `cells` [force, month, offence_code, n]; a negative force total (an error) or cell (a net correction)."""
    totals = (
        cells.lazy().group_by("force", "month").agg(observed=pl.col("n").sum()).filter(pl.col("observed") < 0)
    )
    single = (
        cells.lazy()
        .filter(pl.col("n") < 0)
        .with_columns(observed=pl.col("n"), category=pl.col("offence_code"), level=pl.lit("category"))
    )
    found = as_findings(
        single,
        "W13",
        pl.format(
            "{} has {} crimes of {} in {}: a net correction.",
            "force",
            number("observed"),
            "category",
            _name(),
        ),
    )
    whole = as_findings(
        totals,
        "W13",
        pl.format("{} has {} crimes in {} in all, which cannot be.", "force", number("observed"), _name()),
    )
    return pl.concat([whole, found.with_columns(severity=pl.lit("info"))])


def resupply(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """W14 and W15: two vintages [force, month, crime_ref, outcome] of the same months, compared by crimes."""
    both = old.lazy().join(
        new.lazy(), on=["force", "month", "crime_ref"], how="full", coalesce=True, suffix="_new"
    )
    had = pl.col("outcome").is_not_null()
    has = pl.col("outcome_new").is_not_null()
    change = (
        both.group_by("force", "month")
        .agg(
            gone=(had & ~has).sum(),
            come=(has & ~had).sum(),
            kept=(had & has).sum(),
            moved=(had & has & (pl.col("outcome") != pl.col("outcome_new"))).sum(),
        )
        .with_columns(share=(pl.col("gone") + pl.col("come")) / (pl.col("gone") + pl.col("kept")))
    )
    changed = change.with_columns(
        observed=pl.col("kept") + pl.col("come"), expected=pl.col("kept") + pl.col("gone")
    )
    return pl.concat(
        [
            as_findings(
                changed.filter(pl.col("share") > RESUPPLY),
                "W14",
                pl.format(
                    "A new file of {} for {} adds {} crimes and drops {} of {}.",
                    "force",
                    _name(),
                    number("come"),
                    number("gone"),
                    number("expected"),
                ),
            ),
            as_findings(
                changed.filter((pl.col("share") <= RESUPPLY) & (pl.col("moved") > 0)),
                "W15",
                pl.format(
                    "A new file of {} for {} has the same crimes and {} other outcomes.",
                    "force",
                    _name(),
                    number("moved"),
                ),
            ),
        ]
    )


def outcomes_late(tallies: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """W16: `tallies` [force, month, none, rows], crimes without an outcome; months over six months old at `as_of`.

    Too many is over `UNRESOLVED`, and that much again of what is usual for such months in all forces.
    """
    share = pl.col("none") / pl.col("rows")
    rows = (
        tallies.lazy()
        .filter(pl.col("month") < pl.lit(as_of).dt.offset_by("-6mo"), pl.col("rows") >= SMALL_BASE)
        .with_columns(usual=share.median())
        .filter(share > UNRESOLVED, share > pl.col("usual") + UNRESOLVED * (1 - pl.col("usual")))
        .with_columns(observed=pl.col("none"), expected=pl.col("usual") * pl.col("rows"))
        .filter(
            pl.col("observed") > pl.col("expected") + 3 * (pl.col("expected") * (1 - pl.col("usual"))).sqrt()
        )
    )
    return as_findings(
        rows,
        "W16",
        pl.format(
            "{} of {} crimes of {} in {} have no outcome after six months, where {} are usual.",
            number("observed"),
            number("rows"),
            "force",
            _name(),
            number("expected"),
        ),
    )


def outcome_swings(years: pl.DataFrame) -> pl.DataFrame:
    """W17: `years` [force, month, outcome, n]; a change of two fifths on a base of 50 or more."""
    rows = (
        years.lazy()
        .sort("month")
        .with_columns(
            expected=pl.col("n").shift(1).over("force", "outcome", order_by="month"),
            category=pl.col("outcome"),
        )
        .filter((pl.col("expected") >= SMALL_BASE) & ((pl.col("n") / pl.col("expected") - 1).abs() >= SWING))
        .with_columns(observed=pl.col("n"), level=pl.lit("category"))
    )
    return as_findings(
        rows,
        "W17",
        pl.format(
            "{} has {} outcomes “{}” in the year from {} after {}.",
            "force",
            number("observed"),
            "category",
            _name(),
            number("expected"),
        ),
    )


def key_collisions(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """W18: `rows` [force, month, …]; two rows for one key."""
    found = (
        rows.lazy()
        .group_by("force", "month", *[k for k in keys if k not in ("force", "month")])
        .agg(observed=pl.len())
        .filter(pl.col("observed") > 1)
    )
    other = [k for k in keys if k not in ("force", "month")]
    named = found.with_columns(
        category=pl.concat_str([pl.col(k).cast(pl.String) for k in other], separator=", ")
        if other
        else pl.lit(None, pl.String)
    )
    return as_findings(
        named,
        "W18",
        pl.format(
            "{} rows of {} for {} share the key {}.",
            number("observed"),
            "force",
            _name(),
            pl.col("category").fill_null(""),
        ),
    )


def refused_values(values: pl.DataFrame) -> pl.DataFrame:
    """W05, W19 and W20: `values` [force, month, field, seen, refused, rows]: what the door refused, of how many.

    A code that a spreadsheet changed, a word where a number belongs, or a value outside its vocabulary. More than
    `REFUSED` of a month's rows is for a person to decide on before anything is published.
    """
    seen, field = pl.col("seen"), pl.col("field")
    code = (
        pl.when((field == "offence_code") & seen.str.contains(DAMAGED_CODE))
        .then(pl.lit("W19"))
        .when(field.is_in(NUMBERS) & ~seen.str.contains(NUMBER))
        .then(pl.lit("W05"))
        .when(field.is_in(VOCABULARIES))
        .then(pl.lit("W20"))
    )
    said = (
        values.lazy()
        .filter(seen.is_not_null())
        # A value that slipped in from another field may be personal: only codes and dates are said.
        .with_columns(said=code, shown=pl.when(code == "W19").then(seen).otherwise(pl.lit("a value")))
        .group_by("force", "month", "field", "said", "shown")
        .agg(observed=pl.col("refused").sum(), rows=pl.col("rows").max())
        .with_columns(
            category=pl.when(pl.col("said") == "W19")
            .then(pl.format("{} {}", "field", "shown"))
            .otherwise("field"),
            grave=pl.col("observed") > REFUSED * pl.col("rows"),
        )
        .collect()
    )
    words = {
        "W05": "that is no number",
        "W19": "that a spreadsheet has changed",
        "W20": "that is not known",
    }
    found = []
    for name, why in words.items():
        for grave in (True, False):
            rows = said.filter(pl.col("said") == name, pl.col("grave") == grave)
            made = as_findings(
                rows,
                name,
                pl.format(
                    "{} of {} rows of {} for {} were refused: {} holds {} {}.",
                    number("observed"),
                    number("rows"),
                    "force",
                    _name(),
                    "field",
                    "shown",
                    pl.lit(why),
                ),
            )
            found.append(made if grave else made.with_columns(severity=pl.lit("warn")))
    return pl.concat(found)


def pseudo_forces(rows: pl.DataFrame, known: list[str]) -> pl.DataFrame:
    """W21: `rows` [force, month, n]; a body that is no police force counted as one."""
    found = (
        rows.lazy()
        .filter(~pl.col("force").is_in(known))
        .group_by("force", "month")
        .agg(observed=pl.col("n").sum())
    )
    return as_findings(
        found,
        "W21",
        pl.format(
            "{} is counted as a force in {} ({} records) and is none.", "force", _name(), number("observed")
        ),
    )


def other_vintage(rows: pl.DataFrame | pl.LazyFrame, current: list[str], earlier: list[str]) -> pl.DataFrame:
    """W22: `rows` [force, month, lsoa_code]; codes of an earlier vintage that ended."""
    old = set(earlier) - set(current)
    found = (
        rows.lazy()
        .group_by("force", "month")
        .agg(observed=pl.col("lsoa_code").is_in(list(old)).sum(), expected=pl.lit(0.0), rows=pl.len())
        .filter(pl.col("observed") > 0)
    )
    return as_findings(
        found,
        "W22",
        pl.format(
            "{} of {} records of {} in {} carry area codes that have ended.",
            number("observed"),
            number("rows"),
            "force",
            _name(),
        ),
    )


def points_outside(points: pl.DataFrame) -> pl.DataFrame:
    """W23: `points` [force, month, outside, rows]: how many points lie outside the area of their force."""
    found = (
        points.lazy()
        .with_columns(observed=pl.col("outside"), expected=STRAYS * pl.col("rows"))
        .filter(pl.col("observed") > pl.col("expected") + 3 * pl.col("expected").sqrt())
    )
    return as_findings(
        found,
        "W23",
        pl.format(
            "{} of {} points of {} in {} lie outside its area.",
            number("observed"),
            number("rows"),
            "force",
            _name(),
        ),
    )


def month_boundary(files: pl.DataFrame) -> pl.DataFrame:
    """W24: `files` [force, month, last_hour, before, rows]: records of a month's file that are of the month before.

    A time zone brings those of its last hour (`last_hour`) and hardly another; late changes bring any.
    """
    found = files.lazy().filter(
        pl.col("last_hour") >= 3,
        pl.col("last_hour") > pl.col("before") / 2,
        pl.col("last_hour") > BOUNDARY * pl.col("rows"),
    )
    return as_findings(
        found.with_columns(observed=pl.col("last_hour"), expected=BOUNDARY * pl.col("rows")),
        "W24",
        pl.format(
            "{} of {} records of {} for {} are dated in the last hour of the month before: a time zone.",
            number("observed"),
            number("rows"),
            "force",
            _name(),
        ),
    )


def late_supplies(arrivals: pl.DataFrame) -> pl.DataFrame:
    """W25: `arrivals` [force, month, due, arrived] dates; arrived null: not yet."""
    late = (
        arrivals.lazy()
        .with_columns(days=(pl.col("arrived") - pl.col("due")).dt.total_days())
        .filter(pl.col("days") > 0)
    )
    found = late.with_columns(observed=pl.col("days"), expected=pl.lit(0.0))
    return as_findings(
        found,
        "W25",
        pl.format("The file of {} for {} came {} days after it was due.", "force", _name(), number("days")),
    )


def recorded_twice(tallies: pl.DataFrame) -> pl.DataFrame:
    """W26: `tallies` [force, month, twice, rows]: records alike in all but their reference.

    Two people may report one crime, so a few are usual; one in `TWICE`, and three times what is usual in all forces,
    is not.
    """
    share = pl.col("twice") / pl.col("rows")
    found = (
        tallies.lazy()
        .with_columns(usual=share.median())
        .filter(share > 1 / TWICE, share > 3 * pl.col("usual"), pl.col("twice") >= 10)
        .with_columns(observed=pl.col("twice"), expected=pl.col("usual") * pl.col("rows"))
    )
    return as_findings(
        found,
        "W26",
        pl.format(
            "{} of {} records of {} in {} are there more than once, where {} are usual.",
            number("observed"),
            number("rows"),
            "force",
            _name(),
            number("expected"),
        ),
    ).with_columns(severity=pl.lit("warn"))


def redefined(counts: pl.DataFrame) -> pl.DataFrame:
    """W28: `counts` [force, month, category, group, n]; a part of a group moves by a third in most forces at once.

    All of them the same way, while the whole group holds. Forces with few records of the part say nothing.
    """
    over = ["force", "category"]
    before, whole = pl.col("n").shift(1), pl.col("whole")
    share = (
        counts.lazy()
        .with_columns(whole=pl.col("n").sum().over("force", "month", "group"))
        .sort("month")
        .with_columns(
            step=((pl.col("n") / whole) / (before / whole.shift(1))).log().over(over, order_by="month"),
            held=(whole / whole.shift(1) - 1).abs().over(over, order_by="month") < 0.25,
            enough=pl.max_horizontal("n", before.over(over, order_by="month")) >= SMALL_BASE,
            after=(pl.col("month").shift(1).dt.offset_by("1mo") == pl.col("month")).over(
                over, order_by="month"
            ),
        )
        .filter("enough", "after", pl.col("step").is_not_null())
        .group_by("month", "category")
        .agg(
            observed=pl.col("n").sum(),
            together=pl.max_horizontal(
                ((pl.col("step") > 0.3) & pl.col("held")).mean(),
                ((pl.col("step") < -0.3) & pl.col("held")).mean(),
            ),
            forces=pl.len(),
        )
        .filter((pl.col("together") >= TOGETHER) & (pl.col("forces") >= 3))
        .with_columns(
            force=pl.lit(None, pl.String), level=pl.lit("category"), percent=100 * pl.col("together")
        )
    )
    return as_findings(
        share,
        "W28",
        pl.format(
            "{} changed its part of its group in {} in {}% of forces at once.",
            "category",
            _name(),
            number("percent"),
        ),
    )


def empty_fields(fields: pl.DataFrame) -> pl.DataFrame:
    """W29: `fields` [force, month, field, rows, empty]; far emptier than the force's own median month."""
    rate = pl.col("empty") / pl.col("rows")
    found = (
        fields.lazy()
        .with_columns(rate=rate)
        .with_columns(usual=pl.col("rate").median().over("force", "field"))
        .filter((pl.col("rate") > 0.5) & (pl.col("rate") > pl.col("usual") + 0.25) & (pl.col("rows") >= 20))
        .with_columns(
            category=pl.col("field"),
            observed=pl.col("empty"),
            expected=pl.col("usual") * pl.col("rows"),
            percent=(100 * pl.col("rate")).round(0),
        )
    )
    return as_findings(
        found,
        "W29",
        pl.format(
            "“{}” is empty on {}% of the rows of {} for {}.", "field", number("percent"), "force", _name()
        ),
    )


def small_bases(changes: pl.DataFrame) -> pl.DataFrame:
    """W30: `changes` [force, month, n, before]; a change of a fifth or more on a base under 50."""
    found = (
        changes.lazy()
        .filter(
            (pl.col("before") < SMALL_BASE)
            & ((pl.col("n") - pl.col("before")).abs() >= 0.2 * pl.col("before"))
        )
        .with_columns(observed=pl.col("n"), expected=pl.col("before"))
    )
    return as_findings(
        found,
        "W30",
        pl.format(
            "{} went from {} to {} in {}: too few for a percentage.",
            "force",
            number("before"),
            number("n"),
            _name(),
        ),
    )


def partial_by_day_profile(days: pl.DataFrame) -> pl.DataFrame:
    """W32: `days` [force, month, day, n] of record-level input; a month whose last days hold nothing.

    A month is cut when the days after its last record would have held at least 20 records at its own daily
    rate, or half a month is empty: a chance of under one in a hundred million.
    """
    table = (
        days.lazy()
        .filter(pl.col("n") > 0)
        .group_by("force", "month")
        .agg(last=pl.col("day").max(), first=pl.col("day").min(), observed=pl.col("n").sum())
    )
    length = pl.col("month").dt.month_end().dt.day()
    rows = (
        table.with_columns(days=length, rate=pl.col("observed") / (pl.col("last") - pl.col("first") + 1))
        .with_columns(lost=pl.col("rate") * (pl.col("days") - pl.col("last") + pl.col("first") - 1))
        .filter(
            (pl.col("lost") >= 20) | ((pl.col("last") <= pl.col("days") / 2) & (pl.col("observed") >= 10))
        )
        .with_columns(expected=pl.col("observed") + pl.col("lost"))
    )
    return as_findings(
        rows,
        "W32",
        pl.format(
            "{} has records from day {} to day {} of {} only: about {} of {} were expected by then.",
            "force",
            "first",
            "last",
            _name(),
            number("observed"),
            number("expected"),
        ),
    )


def recorded_late(delays: pl.DataFrame) -> pl.DataFrame:
    """W41: the worst week of a month, when half its records waited far longer than is usual of
    `delays` [force, week, records, median_hours].

    A week stands out when the median wait is over a day and over three times the median of the weeks before it.
    """
    weeks = (
        delays.lazy()
        .filter(pl.col("records") >= WEEK_RECORDS)
        .sort("force", "week")
        .with_columns(
            usual=pl.col("median_hours").rolling_median(WEEKS, min_samples=3).shift(1).over("force"),
            month=pl.col("week").dt.month_start(),
        )
        .filter(
            # A force of whose first weeks nothing is known before has no usual wait.
            pl.col("usual").is_not_null(),
            pl.col("median_hours") > HOURS_ALLOWED,
            pl.col("median_hours") > LONGER * pl.max_horizontal("usual", pl.lit(1.0)),
        )
        .sort("median_hours", descending=True)
        .unique(["force", "month"], keep="first", maintain_order=True)
        .with_columns(observed=pl.col("median_hours"), expected=pl.col("usual"))
    )
    return as_findings(
        weeks,
        "W41",
        pl.format(
            "Half of the {} crimes that {} recorded in the week of {} had waited over {} hours since they were "
            "reported, where {} are usual: a backlog is being recorded, or reports are not.",
            number("records"),
            "force",
            pl.col("week").dt.strftime("%-d %B %Y"),
            number("median_hours"),
            number("usual"),
        ),
    )


def left_behind(places: pl.DataFrame) -> pl.DataFrame:
    """W42: open crimes that are only in a system that the force has moved from (`SystemPlaces`), once for each move."""
    old = (
        places.lazy()
        .filter(pl.col("place") == "old only", pl.col("open"), pl.col("month").is_not_null())
        .group_by("force", "old_system", "new_system")
        .agg(
            observed=pl.len().cast(pl.Float64),
            first_month=pl.col("month").min(),
            last_month=pl.col("month").max(),
        )
    )
    return as_findings(
        old,
        "W42",
        pl.format(
            "{} open crimes of {} are only in {}, which it has moved from: they were not carried over.",
            number("observed"),
            "force",
            "old_system",
        ),
    )
