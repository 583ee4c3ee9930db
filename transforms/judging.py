"""Gives every figure a verdict, and builds the one type that may be published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import dataframely as dy
import polars as pl

from transforms import aggregation, sums
from transforms.completeness import signatures
from transforms.completeness.findings import as_findings, number
from transforms.contracts import tables
from transforms.contracts.columns import CATEGORY
from transforms.contracts.status import STATUS, Status, allows_number
from transforms.holding import hold_cells
from transforms.quarter_rows import QuarterRows
from transforms.register import COUNTED_FROM
from transforms.sums import Sums

#: A month without one crime in a neighbourhood that had this many a month before is held for a person
#: to look at (the “rule of 20”: Maltz 1999, Targonski 2011).
BUSY_MEAN: Final = 20
#: Earlier supplied months that the mean must rest on.
BUSY_MONTHS: Final = 6

_SEAL: Final = object()


class JudgementError(ValueError):
    """A figure that nobody has judged, or that claims more than its verdict allows."""


@dataclass(frozen=True)
class Judged:
    """Figures with their verdicts: the only thing that `publish` accepts. Made by `judged`, nothing else."""

    offences: pl.DataFrame
    #: The figures of every area (`tables.AreaCounts`), read when they are asked for.
    areas: QuarterRows
    verdicts: pl.DataFrame
    findings: pl.DataFrame
    #: The crimes that may be listed (`tables.Counted`), read when they are asked for.
    crimes: QuarterRows
    outcomes: pl.DataFrame
    removed: pl.DataFrame
    #: What is told beside crimes (`tables.CaseOutcomes`, `tables.Searches`), by the verdicts on the files that tell it.
    case_outcomes: QuarterRows
    searches: pl.DataFrame
    #: The decisions in force that the verdicts rest on (`tables.Decisions`); among them what is to leave comparisons.
    decisions: pl.DataFrame
    #: What of these is added up already; None where it is to be added up when it is asked for.
    sums: Sums | None
    seal: object

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise JudgementError("Judged is made by transforms.judging.judged, which checks every cell.")

    @property
    def months(self) -> list[date]:
        """Every month judged, in order."""
        return self.verdicts.get_column("month").unique().sort().to_list()

    def by_neighbourhood(self, lsoas: pl.DataFrame, months: Iterable[date] | None = None) -> pl.LazyFrame:
        """The figures of areas added up (`tables.NeighbourhoodCounts`), of some months, of all unless given."""
        if self.sums is None:
            return sums.of_areas(self.areas.lazy(months), lsoas).lazy()
        return self.sums.neighbourhoods.lazy(months)

    def listed_counts(self, months: Iterable[date]) -> pl.LazyFrame:
        """How many crimes of each kind are listed in some months (`tables.ListedCounts`)."""
        if self.sums is None:
            return sums.of_listed(self.crimes.lazy(months)).lazy()
        return self.sums.listed.lazy(months)

    def listed_outcomes(self, lsoas: pl.DataFrame, months: Iterable[date]) -> pl.LazyFrame:
        """The outcomes of the crimes listed in some months, by neighbourhood (`tables.ListedOutcomes`)."""
        if self.sums is None:
            return sums.of_outcomes(self.crimes.lazy(months), lsoas).lazy()
        return self.sums.outcomes.lazy(months)


def judged(
    offences: pl.DataFrame,
    areas: pl.DataFrame | QuarterRows,
    verdicts: pl.DataFrame,
    findings: pl.DataFrame,
    crimes: pl.DataFrame | QuarterRows,
    outcomes: pl.DataFrame | None = None,
    removed: pl.DataFrame | None = None,
    decisions: pl.DataFrame | None = None,
    case_outcomes: pl.DataFrame | QuarterRows | None = None,
    searches: pl.DataFrame | None = None,
    added: Sums | None = None,
) -> Judged:
    """Seal judged tables after checking them. `decisions` are those in force; none unless given.

    `added` is what of them is added up already.

    Raises JudgementError when a cell has no verdict, when a cell shows a number that its force's verdict
    does not allow, or when a crime is listed for a force-month, or in a cell, that may not be published.
    """
    sealed = Judged(
        offences=_figures(offences, tables.OffenceCounts),
        areas=_by_quarter(areas, tables.AreaCounts),
        verdicts=tables.Verdicts.validate(verdicts, cast=True),
        findings=tables.Findings.validate(findings, cast=True),
        crimes=_by_quarter(crimes, tables.Counted),
        outcomes=_typed(_or_none(outcomes, tables.OutcomeCounts), tables.OutcomeCounts),
        removed=_typed(_or_none(removed, tables.RemovedTally), tables.RemovedTally),
        case_outcomes=_by_quarter(case_outcomes, tables.CaseOutcomes),
        searches=_typed(_or_none(searches, tables.Searches), tables.Searches),
        decisions=tables.Decisions.validate(_or_none(decisions, tables.Decisions), cast=True),
        sums=added,
        seal=_SEAL,
    )
    file = ["file_type", "force", "month"]
    searches = sealed.searches.with_columns(file_type=pl.lit("stop-and-search"))
    for scopes in (sealed.case_outcomes.scopes, searches.select(file).unique()):
        loose = scopes.join(sealed.verdicts.filter(allows_number()), on=file, how="anti")
        if loose.height:
            file_type, force, month = loose.sort(file).row(0)
            raise JudgementError(
                f"{file_type}: {force} {month:%Y-%m} holds rows that no verdict allows. Judge the month again."
            )
    publishable = listable(sealed.verdicts)
    scope = ["force", "month"]
    by_scope = _checked(sealed.areas, tables.AreaCounts)
    totals = by_scope.clear()
    if added is not None:
        totals = _checked(added.neighbourhoods, tables.NeighbourhoodCounts)
        if (lacking := by_scope.join(totals, on=scope, how="anti")).height:
            force, month = lacking.sort(scope).select(scope).row(0)
            raise JudgementError(
                f"neighbourhoods: {force} {month:%Y-%m} is judged and not added up. Judge the month again."
            )
    for name, figures in (
        ("offences", sealed.offences.lazy().filter(allows_number())),
        ("areas", by_scope.lazy().filter("shown")),
        ("neighbourhoods", totals.lazy().filter("shown")),
        ("crimes", sealed.crimes.scopes.lazy()),
        ("outcomes", sealed.outcomes.lazy()),
        ("removed", sealed.removed.lazy()),
    ):
        loose = (
            figures.select(scope).unique().collect(engine="streaming").join(publishable, on=scope, how="anti")
        )
        if loose.height:
            force, month = loose.sort(scope).row(0)
            raise JudgementError(
                f"{name}: {force} {month:%Y-%m} holds figures that no verdict allows. Judge the month again."
            )
    cell = ["force", "month", "lsoa_code", "category"]
    # Only where a month is published without some of its cells are these looked at one by one.
    some_held = by_scope.filter("held").join(publishable, on=scope, how="semi")
    months = some_held["month"].unique()
    held = (
        sealed.areas.lazy(months)
        .filter(~allows_number())
        .join(some_held.lazy(), on=scope, how="semi")
        .select(cell)
        .collect()
    )
    rows = sealed.crimes.lazy(months).select(cell)
    listed = rows.join(held.lazy(), on=cell, how="semi").unique().sort(cell).collect(engine="streaming")
    if listed.height:
        force, month, area, category = listed.row(0)
        raise JudgementError(
            f"crimes: {force} {month:%Y-%m} lists {category} in {area}, whose figure is held. Judge the month again."
        )
    return sealed


def _or_none(frame: pl.DataFrame | None, schema: type[dy.Schema]) -> pl.DataFrame:
    return schema.create_empty() if frame is None else frame


def _by_quarter(rows: pl.DataFrame | QuarterRows | None, schema: type[dy.Schema]) -> QuarterRows:
    by_quarter = rows if isinstance(rows, QuarterRows) else QuarterRows.of(_or_none(rows, schema))
    return by_quarter.typed(schema.create_empty().schema)


def _typed(frame: pl.DataFrame, schema: type[dy.Schema]) -> pl.DataFrame:
    wanted = schema.create_empty().schema
    return frame.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())


#: Whether a cell has a number exactly where its status allows one. A null status allows nothing and is no verdict.
_AGREES: Final = (pl.col("count").is_not_null() == allows_number()).fill_null(False)


def _figures(frame: pl.DataFrame, schema: type[dy.Schema]) -> pl.DataFrame:
    figures = _typed(frame, schema)
    _refuse(figures.filter(~_AGREES), schema)
    return figures


def _checked(figures: QuarterRows, schema: type[dy.Schema]) -> pl.DataFrame:
    """Each `force` and `month` of figures, whether some number is `shown` in it and some is `held`.

    Raises JudgementError when a cell does not agree with its status.
    """
    found = (
        pl.concat([figures.nothing.lazy(), *figures.parts.values()])
        .group_by("force", "month")
        .agg(agrees=_AGREES.all(), shown=allows_number().any(), held=(~allows_number()).any())
        .collect(engine="streaming")
    )
    amiss = found.filter(~pl.col("agrees"))
    if amiss.height:
        _refuse(figures.lazy(amiss["month"].unique()).filter(~_AGREES).collect(), schema)
    return found


def _refuse(bad: pl.DataFrame, schema: type[dy.Schema]) -> None:
    if bad.height:
        raise JudgementError(
            f"{schema.__name__}: {bad.height} cells break number_only_where_status_allows, the first {bad.row(0)}."
        )


def counting_verdicts(verdicts: pl.DataFrame) -> pl.DataFrame:
    """The verdicts on the files that crimes are counted from: one row for each force and month."""
    return verdicts.filter(pl.col("file_type").is_in(COUNTED_FROM))


def verdicts_from_presence(present: pl.DataFrame, recorded: pl.DataFrame) -> pl.DataFrame:
    """First verdicts: what was owed and did not come, or came empty, is missing.

    `present` is `register.presence` over every month of the window; `recorded` has `force, month, rows`:
    the records of each month, whatever file they came in. Returns `Verdicts`, with `since` the first month
    of the current unbroken run without supply, and not before the register's entry for it begins: what the
    register notes a force as supplying until then may only be lacking here. Where nothing of the run's beginning is
    held, an entry whose note says “since” and its own first month dates it (“no data have been supplied since July
    2019”): a declared outage may begin before the first month of the window.
    """
    counted = pl.col("file_type").is_in(COUNTED_FROM)
    nothing_recorded = counted & pl.col("supplied") & pl.col("month_rows").is_null()
    missing = ~pl.col("supplied") | nothing_recorded
    reason = (
        pl.when(nothing_recorded)
        .then(pl.lit("a file was supplied but it holds no record of this month"))
        .when(~pl.col("supplied"))
        .then(pl.col("why"))
        .otherwise(pl.lit("supplied in full as far as is known"))
    )
    noted = (
        pl.when(missing & pl.col("note").is_not_null())
        .then(pl.format("{} ({})", reason, "note"))
        .otherwise(reason)
    )
    run = ["force", "file_type"]
    # Only a note that says so in words: one on what a force does supply dates no silence.
    stopped = pl.format("since {}", pl.col("first_month").dt.strftime("%B %Y"))
    dated = pl.col("note").str.contains(stopped, literal=True)
    return (
        present.join(recorded.rename({"rows": "month_rows"}), on=["force", "month"], how="left")
        .sort(*run, "month")
        .with_columns(missing=missing, reason=noted)
        .with_columns(
            last_present=pl.when(~pl.col("missing")).then("month").forward_fill().over(run),
            entered=pl.when(dated).then("first_month").otherwise(pl.col("month").min().over([*run, "note"])),
        )
        .with_columns(
            since=pl.when("missing").then(
                pl.max_horizontal(pl.col("last_present").dt.offset_by("1mo"), "entered")
            ),
            status=pl.when("missing")
            .then(pl.lit(Status.MISSING.value))
            .otherwise(pl.lit(Status.COMPLETE.value))
            .cast(STATUS),
            coverage=pl.lit(None, pl.Float64),
        )
        .select("force", "file_type", "month", "status", "reason", "since", "coverage")
    )


def busy_places_gone_quiet(
    neighbourhood_totals: pl.DataFrame, verdicts: pl.DataFrame, months: Sequence[date]
) -> pl.DataFrame:
    """Neighbourhoods with no crime in a month of `months` although they were busy before: `Findings`.

    `neighbourhood_totals` has `force, neighbourhood, month, count`, null where nothing was supplied, over
    the whole window. A neighbourhood counts as busy when its mean over at least `BUSY_MONTHS` earlier
    supplied months is `BUSY_MEAN` or more.
    """
    place = ["force", "neighbourhood"]
    # Only the months up to the one judged count as its past, so a rerun of an old month says the same.
    earlier = aggregation.mean_before(neighbourhood_totals, by=place, order="month")
    silent_force = counting_verdicts(verdicts).filter(~allows_number()).select("force", "month")
    quiet = earlier.filter(
        pl.col("month").is_in(list(months)),
        pl.col("count") == 0,
        pl.col("before") >= BUSY_MONTHS,
        pl.col("mean") >= BUSY_MEAN,
    ).join(silent_force, on=["force", "month"], how="anti")
    return as_findings(
        quiet.select(
            "force",
            "month",
            level=pl.lit("area"),
            area="neighbourhood",
            observed=pl.col("count").cast(pl.Float64),
            expected="mean",
        ),
        "W39",
        pl.format(
            "{} in {} has no crime at all in {}, where the mean was {} a month.",
            "area",
            "force",
            pl.col("first_month").dt.strftime("%B %Y"),
            pl.col("expected").round(1),
        ),
    )


def cut_short(days: pl.DataFrame, months: Sequence[date]) -> pl.DataFrame:
    """Months of record-level supply that stop before they end: `Findings`.

    `days` has `force, month, day, rows`: the records of each day. A month whose last recorded day is the 17th
    is partial whatever its count.
    """
    return signatures.partial_by_day_profile(
        days.filter(pl.col("month").is_in(list(months))).select("force", "month", "day", n="rows")
    )


def broken_years(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Financial years that are owed whole and are not, told beside the months that are missing: `Findings`.

    It says which years are withheld and waits for nobody: what is to be decided is each month's own finding.
    """
    whole = counting_verdicts(verdicts).select("force", "month", verdict=pl.col("status").cast(pl.String))
    return signatures.broken_years(whole).with_columns(severity=pl.lit("info"))


def unowed(recorded: pl.DataFrame, owed_files: pl.DataFrame) -> pl.DataFrame:
    """Crimes of months that no register entry says the force owes: kept, not published, told as `Findings`.

    `recorded` has `force, month, rows`; `owed_files` is `register.owed` over the window.
    """
    awaited = owed_files.filter(pl.col("file_type").is_in(COUNTED_FROM)).select("force", "month")
    rows = recorded.join(awaited, on=["force", "month"], how="anti")
    return as_findings(
        rows.select("force", "month", observed=pl.col("rows").cast(pl.Float64)),
        "W40",
        pl.format(
            "{} supplied {} crimes of {}, a month it is not down as owing; they are kept and not published.",
            "force",
            number("observed"),
            pl.col("first_month").dt.strftime("%B %Y"),
        ),
    )


def judge_offences(
    grid: pl.LazyFrame, verdicts: pl.DataFrame, holds: pl.DataFrame, categories: pl.DataFrame
) -> pl.LazyFrame:
    """Give each cell of the offence grid its force's verdict, and that of its type where one is held: `OffenceCounts`.

    `categories` has `offence_code, category`, the police.uk crime type of each code.
    """
    types = categories.lazy().select("offence_code", pl.col("category").cast(CATEGORY))
    cells = _inherit(grid, verdicts).join(types, on="offence_code", how="left")
    return hold_cells(cells, holds).select("force", "month", "offence_code", "count", "status")


def judge_areas(grid: pl.LazyFrame, verdicts: pl.DataFrame, holds: pl.DataFrame) -> pl.LazyFrame:
    """Give each cell of the area grid its force's verdict, and that of every part it lies in that is held.

    A cell inherits its scope's verdict and is never judged by its own zero. Returns `AreaCounts` in the order of the
    grid.
    """
    cells = hold_cells(_inherit(grid.with_row_index("at"), verdicts), holds).sort("at")
    return cells.select("force", "month", "lsoa_code", "category", "count", "status")


def listable(verdicts: pl.DataFrame) -> pl.DataFrame:
    """The force-months whose crimes may be listed, outside every part that is held: `force, month`."""
    return counting_verdicts(verdicts).filter(allows_number()).select("force", "month").unique()


def tellable(verdicts: pl.DataFrame) -> pl.DataFrame:
    """The force-months whose outcomes may be told, by the kind of file that tells them: `file_type, force, month`.

    A month that a force's own outcomes file tells is left to that.
    """
    months = verdicts.filter(allows_number()).select("file_type", "force", "month")
    own = months.filter(pl.col("file_type") == "outcomes")
    rest = months.filter(pl.col("file_type") == "extract").join(own, on=["force", "month"], how="anti")
    return pl.concat([own, rest])


def publishable_rows(rows: pl.LazyFrame, verdicts: pl.DataFrame, file_type: str) -> pl.LazyFrame:
    """The rows of a kind of file (`outcomes`, `stop-and-search`) whose force-month's verdict allows publication."""
    allowed = verdicts.filter(pl.col("file_type") == file_type, allows_number())
    return rows.join(allowed.lazy(), on=["force", "month"], how="semi")


def withdrawn(counted: pl.LazyFrame) -> pl.LazyFrame:
    """The crimes that a later net correction took back, `force, crime_ref`: neither they nor it are listed."""
    return counted.filter(pl.col("counted") < 0).select("force", "crime_ref").drop_nulls().unique()


def among(withdrawn: pl.DataFrame, crimes: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    """Those of the `withdrawn` that some `crimes` hold, in order; nothing is read where there is none."""
    if withdrawn.is_empty() or not crimes:
        return withdrawn.clear()
    of = pl.concat([each.select(withdrawn.columns) for each in crimes])
    return of.join(withdrawn.lazy(), on=withdrawn.columns, how="semi").unique().sort(pl.all()).collect()


def outcomes_of_crimes(counted: pl.LazyFrame, withdrawn: pl.DataFrame) -> pl.LazyFrame:
    """The outcomes that extracts tell of crimes: `CaseOutcomes`. Which may be told is for `tellable` to say.

    Each is in the month in which it was given, whenever its crime was recorded, and by that month's verdict on the
    extract, as in the return (`publishable_tallies`). It says nothing of a place. A crime that is `withdrawn` has none.
    """
    told = counted.filter(
        pl.col("counted") > 0, pl.col("outcome", "outcome_month", "crime_ref").is_not_null()
    )
    if withdrawn.height:
        told = told.join(withdrawn.lazy(), on=["force", "crime_ref"], how="anti")
    return told.select(
        "force",
        "crime_ref",
        "outcome",
        "supply",
        month="outcome_month",
        longitude=pl.lit(None, pl.Float64),
        latitude=pl.lit(None, pl.Float64),
        location=pl.lit(None, pl.String),
        lsoa_code=pl.lit(None, pl.String),
        file_type=pl.lit("extract"),
    ).select(tables.CaseOutcomes.column_names())


def publishable_tallies(
    tallies: pl.LazyFrame, verdicts: pl.DataFrame, holds: pl.DataFrame, categories: pl.DataFrame
) -> pl.LazyFrame:
    """Tallies by offence code (outcomes, removals) of the months and crime types whose verdict allows publication.

    `categories` has `offence_code, category`. A class whose crime type nobody knows is held with its force only.
    """
    allowed = listable(verdicts).lazy()
    held = (
        holds.lazy()
        .filter(pl.col("lsoa_code").is_null(), ~allows_number())
        .select("force", "month", pl.col("category").cast(pl.String))
        .join(categories.lazy().select("offence_code", pl.col("category").cast(pl.String)), on="category")
        .select("force", "month", "offence_code")
    )
    return tallies.join(allowed, on=["force", "month"], how="semi").join(
        held, on=["force", "month", "offence_code"], how="anti"
    )


def neighbourhood_totals(grid: pl.LazyFrame, lsoas: pl.DataFrame) -> pl.DataFrame:
    """Unjudged totals of each neighbourhood and month, null where nothing was supplied."""
    supplied = pl.when("supplied").then(pl.lit(Status.COMPLETE.value)).otherwise(pl.lit(Status.MISSING.value))
    return aggregation.add_up(
        grid.join(lsoas.lazy().select("lsoa_code", "neighbourhood"), on="lsoa_code").with_columns(
            status=supplied.cast(STATUS)
        ),
        by=["force", "neighbourhood", "month"],
    ).select("force", "neighbourhood", "month", "count")


def _inherit(grid: pl.LazyFrame, verdicts: pl.DataFrame) -> pl.LazyFrame:
    scope = counting_verdicts(verdicts).lazy().select("force", "month", "status")
    return grid.join(scope, on=["force", "month"], how="left").with_columns(
        count=pl.when(allows_number()).then("count")
    )
