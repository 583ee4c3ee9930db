"""Judges the line's own tables: its counts by area go to the judge, its presence and records to the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from transforms.completeness import constants as k
from transforms.completeness import signatures
from transforms.completeness.findings import ALL_FORCES, as_findings, judged_findings, number
from transforms.completeness.judgement import judge
from transforms.completeness.local import State
from transforms.completeness.localise import read, written
from transforms.contracts import columns as c
from transforms.contracts import tables

#: Forces that must owe counts before shares of one another say anything: each needs three peers.
FEWEST_FORCES: Final = k.MINIMUM_PEERS + 1
#: Alerts about force-months of which nothing was supplied: the register says it first, and better.
SILENT: Final = ("W01", "W02", "W03", "W08")
#: Alerts that a loss of location explains: the records are there, their places are not.
UNPLACED: Final = ("W31", "W33", "W34", "W35", "W36")
#: The usual count from which an area of a force-month that lost its locations is taken to have lost them too.
SMALLER: Final = 5


@dataclass(frozen=True)
class SupplyJudgement:
    """What the judge makes of the line's counts: `findings` (`Findings`), `expected` (`Expected`), `months`, `states`.

    `months` (`JudgedMonths`) is what it found in each month and `states` what it had learned before the last of them,
    for the next judgement to go on from.
    """

    findings: pl.DataFrame
    expected: pl.DataFrame
    months: pl.DataFrame
    states: Mapping[str, State | None]


def judge_grid(
    grid: pl.LazyFrame,
    present: pl.DataFrame,
    lsoas: pl.DataFrame,
    known: pl.DataFrame | None = None,
    kept: Mapping[str, Callable[[], State]] | None = None,
) -> SupplyJudgement:
    """Judge the area grid over every month of the window: `AreaGrid`, `register.presence` and the country's LSOAs.

    A force without an area of its own is judged by its total. Records outside the area of their force are in no
    area of it and say nothing about any. With fewer than `FEWEST_FORCES` forces owing counts nothing is judged
    here, and that is said of each: what is missing is then told by the register, by empty files and by months that
    stop early. `known` are the `months` of an earlier judgement by the same code and `kept` reads its `states`; the
    judgement is the same without.
    """
    owing = present.filter(pl.col("file_type").is_in(["extract", "street"]))
    counts, areas = counts_of(grid, lsoas, owing)
    if (
        owing.get_column("force").n_unique() < FEWEST_FORCES
        or counts.head(1).collect(engine="streaming").is_empty()
    ):
        nothing = tables.Expected.create_empty(), tables.JudgedMonths.create_empty()
        return SupplyJudgement(_not_compared(owing), *nothing, {})
    owed = owing.select("force", first_month="month", last_month="month").unique()
    before = {} if known is None else {key: read(text) for key, text in known.iter_rows()}
    judgement = judge(counts, areas, register=owed, known=before, kept=kept)
    expected = judgement.verdicts.select(
        "force", "month", "observed", "expected", "low", "high", "coverage"
    ).filter(pl.col("expected").is_not_null())
    # Whose records lost their location is told by force (`location_lost`), and every code here is of one vintage.
    found = judged_findings(judgement).filter(pl.col("force") != ALL_FORCES, pl.col("code") != "W22")
    months = pl.DataFrame(
        [(key, written(incidents)) for key, incidents in judgement.months.items()],
        schema=tables.JudgedMonths.create_empty().schema,
        orient="row",
    )
    return SupplyJudgement(found.sort("finding"), expected.sort("force", "month"), months, judgement.states)


def _not_compared(owing: pl.DataFrame) -> pl.DataFrame:
    """W43: forces that owe counts beside too few others to be judged by them."""
    forces = owing.group_by("force").agg(first_month=pl.col("month").min(), last_month=pl.col("month").max())
    return as_findings(
        forces.with_columns(others=pl.lit(forces.height - 1)),
        "W43",
        pl.format(
            "How much {} supplied is unjudged: {} other forces owe counts, and it takes {} to say what is usual.",
            "force",
            "others",
            pl.lit(k.MINIMUM_PEERS),
        ),
    )


def counts_of(
    grid: pl.LazyFrame, lsoas: pl.DataFrame, owing: pl.DataFrame
) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """The grid as the judge reads it: positive counts [month, area, category, n], and areas [area, force, …levels]."""
    levels = [name for name in ("csp_code", "neighbourhood") if name in lsoas.columns]
    placed = lsoas.select("force", *levels, area="lsoa_code")
    elsewhere = (
        owing.select("force").unique().sort("force").join(placed, on="force", how="anti")
        .select("force", *(pl.lit(None, pl.String).alias(name) for name in levels), area="force")
    )  # fmt: skip
    areas = pl.concat([placed, elsewhere])
    own = pl.col("force").is_in(elsewhere["force"].to_list())
    place = pl.col("lsoa_code")
    some = grid.filter(pl.col("count") > 0)
    # Of an area, month and category the grid has one row; what is in no area of its own is added up.
    located = some.filter(~own, place != c.OUTSIDE).select(
        "month", "category", area=pl.when(place != c.NO_LOCATION).then(place), n="count"
    )
    rest = some.filter(own).group_by("month", "category", area="force").agg(n=pl.col("count").sum())
    return (pl.concat([located, rest]) if elsewhere.height else located), areas


def unexplained(
    judged: pl.DataFrame, expected: pl.DataFrame, rules: pl.DataFrame, lsoas: pl.DataFrame
) -> pl.DataFrame:
    """The findings of the judge and of the rules together, without what a larger one already accounts for.

    A month that never came explains what the judge says of that month; a loss of location explains what fell away in
    the areas; areas that fell away explain the neighbourhood among them that has no crime at all. A finding is left
    out when every month of it is explained. `expected` is `Expected`, from the same judgement.
    """
    silent = _months(rules.filter(pl.col("code").is_in(SILENT), pl.col("category").is_null()))
    unplaced = _months(rules.filter(pl.col("code") == "W06"))
    whole = pl.col("code").is_in([*SILENT, "W31"]) & pl.col("area").is_null()
    kept = pl.concat([_rest(judged.filter(whole), silent, expected), judged.filter(~whole)])
    located = pl.col("code").is_in([*UNPLACED, "W06"])
    kept = pl.concat([_beyond(kept.filter(located), unplaced, ["force", "month"]), kept.filter(~located)])
    fallen = (
        _months(kept.filter(pl.col("code").is_in(["W34", "W35"])))
        .with_columns(pl.col("area").str.split(";"))
        .explode("area")
    )
    homes = lsoas.select("force", "neighbourhood", area="lsoa_code")
    homes = pl.concat([homes, homes.select("force", "neighbourhood", area="neighbourhood")]).unique()
    quiet = fallen.join(homes, on=["force", "area"]).select("force", "month", area="neighbourhood")
    kept, rules = _cut_short(kept, rules)
    alone = pl.col("code") == "W39"
    told = pl.concat([_beyond(rules.filter(alone), quiet, ["force", "area", "month"]), rules.filter(~alone)])
    return pl.concat([kept, told]).unique("finding", keep="first", maintain_order=True).sort("finding")


def _rest(findings: pl.DataFrame, silent: pl.DataFrame, expected: pl.DataFrame) -> pl.DataFrame:
    """Findings about whole force-months without the months that never came: what is left of each, said anew."""
    touched = _months(findings).join(silent, on=["force", "month"], how="semi").select("finding").unique()
    left = (
        _months(findings.join(touched, on="finding", how="semi"))
        .join(silent, on=["force", "month"], how="anti")
        .drop("observed", "expected", "low", "high")
        .join(expected, on=["force", "month"])
        .group_by("finding", "force")
        .agg(
            pl.col("month").min().alias("first_month"),
            pl.col("month").max().alias("last_month"),
            *(pl.col(name).sum() for name in ("observed", "expected", "low", "high")),
        )
    )
    first = pl.col("first_month").dt.strftime("%B %Y")
    part = as_findings(
        left.drop("finding"),
        "W31",
        pl.format(
            "{} supplied about {}% of its crime for {}: {} where about {} were expected ({} to {}). A real fall "
            "and a gap in supply can look the same: ask the force and hold the figure.",
            "force",
            (100 * pl.col("observed") / pl.col("expected")).round(0).cast(pl.Int64),
            pl.when(pl.col("first_month") == pl.col("last_month"))
            .then(first)
            .otherwise(pl.format("{} to {}", first, pl.col("last_month").dt.strftime("%B %Y"))),
            *(number(name) for name in ("observed", "expected", "low", "high")),
        ),
    )
    return pl.concat([findings.join(touched, on="finding", how="anti"), part])


def _cut_short(judged: pl.DataFrame, rules: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A month that stops early (W32) says why it is short (W31): one finding, by how much in the judge's measure."""
    measure = ["observed", "expected", "low", "high"]
    short = judged.filter(pl.col("code") == "W31", pl.col("first_month") == pl.col("last_month"))
    both = short.join(rules.filter(pl.col("code") == "W32"), on=["force", "first_month"], how="semi")
    told = rules.join(
        both.select(
            "force",
            "first_month",
            *(pl.col(name).alias(f"{name}_all") for name in measure),
            code=pl.lit("W32"),
        ),
        on=["force", "first_month", "code"],
        how="left",
    )
    all_of_it = [number(f"{name}_all") for name in ("observed", "expected")]
    told = told.with_columns(
        *(pl.coalesce(f"{name}_all", name).alias(name) for name in measure),
        sentence=pl.coalesce(
            pl.format(
                "{} By the other forces' supply {} came where about {} were expected.", "sentence", *all_of_it
            ),
            "sentence",
        ),
    )
    return judged.join(both, on="finding", how="anti"), told.select(rules.columns)


def _months(findings: pl.DataFrame) -> pl.DataFrame:
    """One row for each finding and month that it is about."""
    return findings.with_columns(month=pl.date_ranges("first_month", "last_month", "1mo")).explode("month")


def _beyond(findings: pl.DataFrame, by: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """The findings with a month that `by` does not explain."""
    left = _months(findings).join(by.select(on).unique(), on=on, how="anti")
    return findings.join(left.select("finding").unique(), on="finding", how="semi")


def presence_findings(present: pl.DataFrame) -> pl.DataFrame:
    """What the register says did not come: nothing at all (W01, W08, W02), or one kind of file of several (W07)."""
    months = present.select(
        "force",
        "file_type",
        "month",
        "rows",
        came=(pl.col("rows") > 0).fill_null(False).any().over("force", "month"),
    )
    silent = (
        months.filter(~pl.col("came"))
        .sort("file_type")
        .group_by("force", "month")
        .agg(pl.col("file_type").first(), pl.col("rows").max())
    )
    columns = ["force", "file_type", "month", "rows"]
    series = (
        pl.concat([months.filter(pl.col("rows") > 0).select(columns), silent.select(columns)])
        .with_columns(file_type=pl.col("file_type").min().over("force"))
        .group_by("force", "file_type", "month")
        .agg(pl.col("rows").max())
    )
    unsupplied = pl.concat([signatures.months_missing(series), signatures.empty_supplies(series)])
    return pl.concat(
        [
            unsupplied.with_columns(category=pl.lit(None, pl.String), expected=pl.lit(None, pl.Float64)),
            signatures.file_type_missing(months.filter("came").drop("came")),
        ]
    )


def place_totals(grid: pl.LazyFrame) -> pl.DataFrame:
    """`PlaceTotals` of an area grid: what the rules on location read of it, a fourteenth of its rows, sorted."""
    count, key = pl.col("count"), ["force", "month", "lsoa_code"]
    totals = grid.filter(count != 0).group_by(key).agg(count.sum(), crimes=count.filter(count > 0).sum())
    return totals.sort(key).collect()


def location_lost(totals: pl.DataFrame) -> pl.DataFrame:
    """W06, one finding for each force and month: every area that fell away while records without a place rose.

    `totals` is `PlaceTotals`.
    """
    place = pl.col("lsoa_code")
    places = totals.filter(place != c.OUTSIDE).select(
        "force", "month", area=pl.when(place != c.NO_LOCATION).then(place), n="count"
    )
    sure = signatures.location_lost(places).select("force", "first_month").unique()
    # Once the loss is plain, smaller areas that fell with the rest are told and held with them.
    each = signatures.location_lost(
        places.join(sure.select("force").unique(), on="force", how="semi"), SMALLER
    ).join(sure, on=["force", "first_month"], how="semi")
    together = each.group_by("force", month="first_month").agg(
        pl.col("area").sort().str.join(";"),
        pl.col("observed").sum(),
        pl.col("expected").sum(),
        places=pl.len(),
    )
    return as_findings(
        together.with_columns(level=pl.lit("area")),
        "W06",
        pl.format(
            "{} lost the location of its records in {} areas in {}: {} records there where {} are usual, and as many "
            "more without a location.",
            "force",
            number("places"),
            pl.col("first_month").dt.strftime("%B %Y"),
            number("observed"),
            number("expected"),
        ),
    )
