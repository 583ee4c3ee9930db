"""Tables of areas over a quarter and two years: numbers, changes on one basis, and rates, with labels and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import polars as pl

from geography.areas import Country
from publish.returns.areas import FORCE, NATIONAL_FORCE, PARTNERSHIP, Areas
from publish.returns.columns import BY_TYPE, Classification
from publish.returns.errors import ReturnError
from publish.returns.tables import Column, Table
from publish.returns.wording import SOURCE, because, coverage, left_out, spells_in_words, total_name
from transforms.aggregation import add_up, rows_by
from transforms.comparability import NO_RATE, changes, in_words, leaving, like_for_like, rates
from transforms.contracts.status import STATUS, Status, allows_number, worst
from transforms.judging import Judged, counting_verdicts
from transforms.periods import Quarter, month_title

#: What the printed figures of a table are compared over.
QUARTER: Final = "quarter"
YEAR: Final = "year"
YEAR_BEFORE: Final = "year before"

AREA_CODE: Final = Column("area_code", "Area code", "GSS code of the area; [z] where it has none")
AREA_NAME: Final = Column("area_name", "Area name", "Name of the area, with what a total leaves out")

#: Levels whose names are printed as they are: they leave nothing out.
OWN_LEVELS: Final = (FORCE, NATIONAL_FORCE, PARTNERSHIP)
_KEY: Final = ("area", "column")


@dataclass(frozen=True)
class Supply:
    """Figures of every place on one classification, over every period of the return.

    `statuses` has the worst `status` of each `place` and `month`.
    """

    classification: Classification
    statuses: pl.DataFrame
    figures: pl.DataFrame
    verdicts: pl.DataFrame
    has_year_before: bool
    #: forces that a person has left out of comparisons, with the reason given.
    excluded: dict[str, str]


def window(quarter: Quarter) -> list[date]:
    """The months of the year that the quarter ends and of the year before, in order."""
    return [*quarter.plus(-4).year_ending, *quarter.year_ending]


def check_quarter(judged: Judged, quarter: Quarter) -> None:
    """Raise ReturnError when a month of the quarter is not judged."""
    months = judged.months
    absent = [month_title(month) for month in quarter.months if month not in months]
    if absent:
        held = f"{month_title(months[0])} to {month_title(months[-1])}" if months else "nothing"
        raise ReturnError(
            f"quarter {quarter}",
            f"{in_words(absent)} not judged; judged months: {held}.",
            "Load and judge them first.",
        )


def supply(
    monthly: pl.DataFrame, classification: Classification, judged: Judged, areas: Areas, quarter: Quarter
) -> Supply:
    """Lay monthly figures on the grid of every place, month and part, and total them into columns by period.

    `monthly` has one row for each `place`, `month` and `part`, with `count` and `status`; places and parts are text, or
    Enum. What is not there for a place and month is missing, not absent.
    """
    monthly = monthly.filter(pl.col("month").is_in(window(quarter)))
    # A million figures name a few hundred places and parts: they are compared as numbers.
    parts = monthly["part"].unique().cast(pl.String)
    parts = parts.filter(~parts.is_in(list(classification.outside))).sort()
    unknown = parts.filter(~parts.is_in(classification.membership["part"].to_list()))
    if unknown.len():
        raise ReturnError(
            f"{classification.part_name} {unknown[0]}",
            "it is in the figures and not in the offence reference.",
            "Add it to the reference with its group and subgroup.",
        )
    part = pl.Enum(parts)
    monthly = monthly.with_columns(pl.col("part").cast(part, strict=False)).drop_nulls("part")
    strangers = sorted(set(monthly["place"].unique()) - set(areas.names))
    if strangers:
        raise ReturnError(
            f"force {strangers[0]}", "it is in the figures and not in forces.csv.", "Add it to the country."
        )

    spans = {
        QUARTER: quarter.months,
        YEAR: quarter.year_ending,
        YEAR_BEFORE: quarter.plus(-4).year_ending,
    }
    grid = on_grid(monthly.with_columns(pl.col("place").cast(pl.Enum(sorted(areas.names)))), window(quarter))
    by_part = pl.concat(
        add_up(grid.filter(pl.col("month").is_in(months)), by=["place", "part"]).with_columns(
            period=pl.lit(period)
        )
        for period, months in spans.items()
    )
    membership = classification.membership.with_columns(pl.col("part").cast(part, strict=False))
    figures = add_up(by_part.join(membership, on="part"), by=["place", "period", "column"]).with_columns(
        pl.col("place").cast(pl.String)
    )
    _check_not_below_zero(figures, areas)
    before = figures.filter(pl.col("period") == YEAR_BEFORE, pl.col("column") == "total", allows_number())
    compared = window(quarter) if before.height else quarter.year_ending
    statuses = grid.group_by("place", "month").agg(worst(pl.col("status")).alias("status"))
    return Supply(
        classification,
        statuses.filter(pl.col("month").is_in(compared)),
        figures,
        counting_verdicts(judged.verdicts),
        has_year_before=before.height > 0,
        excluded=_excluded(judged, quarter),
    )


def on_grid(monthly: pl.DataFrame, months: Sequence[date]) -> pl.DataFrame:
    """Monthly figures with one of status missing for each place that lacks a part which another has in the month.

    In a month of which nobody has any, every place lacks every part.
    """
    parts = monthly.select("month", "part").unique()
    silent = pl.DataFrame({"month": months}).join(parts, on="month", how="anti")
    parts = pl.concat([parts, silent.join(parts.select("part").unique(), how="cross")])
    kind = monthly.schema["place"]
    assert isinstance(kind, pl.Enum)
    # Few lack any, and of those alone each part is looked for.
    found = rows_by(monthly.lazy(), ["place", "month"]).collect()
    lacking = (
        pl.DataFrame({"place": kind.categories}, schema={"place": kind})
        .join(rows_by(parts.lazy(), ["month"]).collect(), how="cross")
        .join(found, on=["place", "month"], how="left", suffix=" found")
        .filter(pl.col("rows").ne_missing(pl.col("rows found")))
        .select("place", "month")
    )
    theirs = monthly.join(lacking, on=["place", "month"], how="semi")
    absent = lacking.join(parts, on="month").join(theirs, on=["place", "month", "part"], how="anti")
    missing = pl.col("status").fill_null(Status.MISSING.value)
    return pl.concat([monthly, absent], how="diagonal").with_columns(missing)


def _check_not_below_zero(figures: pl.DataFrame, areas: Areas) -> None:
    """Raise ReturnError for a force whose total is below zero: by net corrections a class can be, a total cannot."""
    forces = [place for place, force in areas.owners.items() if place == force]
    below = figures.filter(
        pl.col("place").is_in(forces), pl.col("column") == "total", pl.col("count") < 0
    ).sort("place", "period")
    if below.height:
        force, period, count = below.select("place", "period", "count").row(0)
        raise ReturnError(
            f"{areas.names[force]}, total, {period}",
            f"it is {count}: corrections take away more crimes than the force recorded.",
            "See what was taken away (`fullcount explain`), and ask the force for a resupply.",
        )


def _excluded(judged: Judged, quarter: Quarter) -> dict[str, str]:
    """Forces that a decision in force leaves out of a comparison over these months, with the reasons given."""
    months = window(quarter)
    entries = judged.decisions.filter(
        pl.col("action").cast(pl.String) == "exclude from comparison",
        pl.col("area").is_null() & pl.col("category").is_null(),
        pl.col("first_month") <= months[-1],
        pl.col("last_month") >= months[0],
    ).sort("force", "entry")
    reasons = entries.group_by("force", maintain_order=True).agg(pl.col("reason").unique(maintain_order=True))
    return {
        force: " ".join(f"{reason.rstrip('. ')}." for reason in said) for force, said in reasons.iter_rows()
    }


def residents_of(country: Country, areas: Areas) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Residents and households of each place, as `place`, `count`, `status`; no households when none are given."""
    homes = areas.printed.filter(pl.col("level") == FORCE)["area"]
    empty = sorted(set(homes) - set(country.lsoas["force"]))
    if empty:
        raise ReturnError(
            f"lsoas.parquet, force {empty[0]}", "no LSOA lies in it.", "Add its LSOAs with their population."
        )

    def total(column: str) -> pl.DataFrame:
        absent = country.lsoas.filter(pl.col(column).is_null()).sort("lsoa_code")
        if absent.height:
            code, force = absent.select("lsoa_code", "force").row(0)
            raise ReturnError(
                f"lsoas.parquet, {code} ({areas.names.get(force, '?')}), {column}",
                f"it is empty, as in {absent.height} LSOAs in all, so no rate can be given.",
                "Supply the mid-year estimate.",
            )
        complete = pl.lit(Status.COMPLETE.value, dtype=STATUS)
        people = areas.of_lsoas.join(country.lsoas.select("lsoa_code", count=column), on="lsoa_code")
        return add_up(people.with_columns(status=complete), by=["place"])

    has_households = country.lsoas["households"].null_count() < country.lsoas.height
    return total("population"), total("households") if has_households else None


def area_tables(
    supply: Supply,
    areas: Areas,
    people: pl.DataFrame,
    households: pl.DataFrame | None,
    quarter: Quarter,
    first: int,
) -> list[Table]:
    """The tables of one classification, numbered from `first`."""
    kind = supply.classification.name
    columns = supply.classification.columns
    unit = columns[0].unit
    year, year_before = quarter.year_title, quarter.plus(-4).year_title
    what = f"{unit} recorded by the police, by area and {kind}"
    slug = slug_of(kind)

    this_quarter = Comparison.of(supply, areas, [QUARTER])
    this_year = Comparison.of(supply, areas, [YEAR])
    tables = [
        area_table(
            f"{slug}_quarter", first, f"Number of {what}, {quarter.title} [p]", quarter.title, "count",
            f"Figures are numbers of {unit}, not rounded.", ("provisional",), columns,
            supply, areas, this_quarter, this_quarter.counts(QUARTER),
        ),
        area_table(
            f"{slug}_year", first + 1, f"Number of {what}, {year} [p]", year, "count",
            f"Figures are numbers of {unit}, not rounded.", ("provisional",), columns,
            supply, areas, this_year, this_year.counts(YEAR),
        ),
    ]  # fmt: skip
    if supply.has_year_before:
        both_years = Comparison.of(supply, areas, [YEAR, YEAR_BEFORE])
        change = both_years.withdrawn(changes(both_years.counts(YEAR), both_years.counts(YEAR_BEFORE), _KEY))
        tables.append(
            area_table(
                f"{slug}_change", first + len(tables),
                f"Percentage change in {what}, {year} compared with {year_before} [p]",
                f"{year} compared with {year_before}", "percentage change",
                "Figures are percentage changes in the number, rounded to whole numbers.",
                ("provisional", "small base"),
                tuple(replace(column, unit="per cent") for column in columns),
                supply, areas, both_years, change,
            )
        )  # fmt: skip
    if supply.has_year_before:
        tables.append(
            area_table(
                f"{slug}_comparison",
                first + len(tables),
                f"Total {what.replace(f' and {kind}', '')}, {year} compared with {year_before} [p]",
                f"{year} compared with {year_before}",
                "comparison",
                f"Figures are numbers of {unit} on one basis in both years, and the change between them.",
                ("provisional", "small base"),
                _comparison_columns(columns[0], year, year_before),
                supply,
                areas,
                both_years,
                both_years.withdrawn(_compared_totals(both_years)),
            )
        )
    rate_columns, rate = _rates(this_year, areas, supply.classification, people, households)
    tables.append(
        area_table(
            f"{slug}_rate", first + len(tables), f"Rate of {what}, {year} [p]", year, "rate",
            f"Figures are {unit} per 1,000 residents unless the heading says otherwise, to one decimal place.",
            ("provisional", "rate"), rate_columns, supply, areas, this_year, rate,
        )
    )  # fmt: skip
    return tables


def _comparison_columns(total: Column, year: str, year_before: str) -> tuple[Column, ...]:
    def headed(key: str, when: str) -> Column:
        return replace(total, key=key, heading=when[0].upper() + when[1:], meaning=f"{total.meaning}, {when}")

    change = Column(
        "change", "Percentage change", "Change from the first to the second", "per cent", decimals=1
    )
    return (headed("before", year_before), headed("now", year), change)


def _compared_totals(compared: Comparison) -> pl.DataFrame:
    """The total of both years and the change to one decimal, as columns `before`, `now` and `change`."""
    before, now = (
        compared.counts(period).filter(pl.col("column") == "total").with_columns(column=pl.lit(key))
        for key, period in (("before", YEAR_BEFORE), ("now", YEAR))
    )
    change = changes(now, before, ["area"], decimals=1).with_columns(column=pl.lit("change"))
    shape = ["area", "column", "value", "status"]
    return pl.concat([before.select(shape), now.select(shape), change.select(shape)])


@dataclass(frozen=True)
class Comparison:
    """Figures of places and totals over periods that are compared, on one like-for-like basis."""

    gone: list[str]
    in_part: list[str]
    figures: pl.DataFrame

    @classmethod
    def of(cls, supply: Supply, areas: Areas, periods: Sequence[str]) -> Comparison:
        """The figures of `periods`, without the places that lack any of them in every total."""
        by_place = supply.figures.filter(pl.col("period").is_in(periods))
        gone = leaving(by_place, child="place")["place"].to_list()
        if len(periods) > 1:
            decided = [place for place, force in areas.owners.items() if force in supply.excluded]
            gone = sorted({*gone, *decided})
        partial = by_place.filter(pl.col("status").cast(pl.String) == Status.PARTIAL.value)
        totals = like_for_like(by_place, areas.members, gone, child="place")
        shape = ["area", "period", "column", "count", "status"]
        return cls(
            gone=gone,
            in_part=partial.get_column("place").unique().sort().to_list(),
            figures=pl.concat([by_place.rename({"place": "area"}).select(shape), totals.select(shape)]),
        )

    def counts(self, period: str) -> pl.DataFrame:
        """The figures of one period: `area`, `column`, `count`, `status`, and the same number as `value`."""
        chosen = self.figures.filter(pl.col("period") == period)
        return chosen.select(*_KEY, "count", "status", value=pl.col("count").cast(pl.Float64))

    def withdrawn(self, values: pl.DataFrame) -> pl.DataFrame:
        """`values` with those of every place that left missing: it leaves all periods, not only the one it lacks."""
        left = pl.col("area").is_in(self.gone)
        status = pl.col("status").cast(pl.String)
        return values.with_columns(
            value=pl.when(~left).then("value"),
            status=pl.when(left).then(pl.lit(Status.MISSING.value)).otherwise(status).cast(STATUS),
        )


def _rates(
    compared: Comparison,
    areas: Areas,
    classification: Classification,
    people: pl.DataFrame,
    households: pl.DataFrame | None,
) -> tuple[tuple[Column, ...], pl.DataFrame]:
    """Rates per 1,000 residents, and burglary per 1,000 households too when those are known."""

    def residents(of: pl.DataFrame) -> pl.DataFrame:
        totals = like_for_like(of, areas.members, compared.gone, by=(), child="place")
        return pl.concat([of.rename({"place": "area"}), totals.select("area", "count", "status")])

    counts = compared.counts(YEAR)
    columns = tuple(
        replace(column, unit=f"{column.unit} per 1,000 residents", decimals=1)
        for column in classification.columns
    )
    no_rate = [place for place, force in areas.owners.items() if force in NO_RATE]
    found = rates(counts, residents(people), ["column"], no_rate)
    if households is None:
        return columns, found
    by_household = Column(
        "burglary_per_1_000_households",
        "Burglary per 1,000 households",
        "Burglary of homes and of other buildings, for each 1,000 households",
        unit="offences per 1,000 households",
        decimals=1,
    )
    burglary = counts.filter(pl.col("column") == "burglary").with_columns(column=pl.lit(by_household.key))
    place = next((at for at, column in enumerate(columns, 1) if column.key == "burglary"), None)
    if place is None:
        return columns, found
    return (
        (*columns[:place], by_household, *columns[place:]),
        pl.concat([found, rates(burglary, residents(households), ["column"], no_rate)]),
    )


def area_table(
    name: str,
    number: int,
    title: str,
    period: str,
    measure: str,
    unit_line: str,
    notes: tuple[str, ...],
    columns: tuple[Column, ...],
    supply: Supply,
    areas: Areas,
    compared: Comparison,
    values: pl.DataFrame,
) -> Table:
    """One table of `values`, with every total named for what it leaves out."""
    names, owners = areas.names, areas.owners
    members = areas.members.group_by("area").agg("place")
    gone, in_part = pl.lit(compared.gone, pl.List(pl.String)), pl.lit(compared.in_part, pl.List(pl.String))
    forces = [place for place in compared.gone if owners[place] == place]
    note = pl.format(
        "{} {}",
        pl.lit(supply.classification.name),
        pl.element().replace_strict(owners, return_dtype=pl.String),
    )
    printed = areas.printed.join(members, on="area", how="left", maintain_order="left").with_columns(
        pl.col("place").fill_null(pl.concat_list("area"))
    )
    rows = printed.with_columns(
        left=pl.col("place").list.set_intersection(gone).list.sort(),
        partial=pl.col("place").list.set_intersection(in_part).list.sort(),
    ).with_columns(notes=pl.concat_list("left", "partial").list.eval(note).list.unique().list.sort())
    labels = [
        area_name if level in OWN_LEVELS else total_name(area_name, sorted(names[place] for place in left))
        for area_name, level, left in rows.select("area_name", "level", "left").iter_rows()
    ]
    national = areas.printed.filter(pl.col("level") == NATIONAL_FORCE).height > 0
    marked = values.with_columns(
        marks=pl.when(pl.col("status").cast(pl.String) == Status.PARTIAL.value)
        .then(pl.lit("[e]"))
        .otherwise(pl.lit(""))
    )
    cells = (
        areas.printed.select("row", "area")
        .join(marked, on="area")
        .select("row", "column", "value", "status", "marks")
    )
    return Table(
        name=name,
        sheet=f"Table_{number}",
        title=f"Table {number}: {title}",
        period=period,
        measure=measure,
        statements=(
            coverage(sorted(names[force] for force in forces), national),
            unit_line,
            SOURCE,
        ),
        labels=(AREA_CODE, AREA_NAME),
        columns=columns,
        rows=rows.select("row", "area", "area_code", pl.Series("area_name", labels), "level", "notes"),
        figures=cells.sort("row", "column"),
        notes=notes,
    )


def slug_of(text: str) -> str:
    """Text as part of the name of a table."""
    return "".join(letter if letter.isalnum() else "_" for letter in text.lower())


def force_notes(supply: Supply, areas: Areas) -> dict[str, str]:
    """For each force with a gap or a partial figure in one of its places, what is lacking, since when and why."""
    owner = pl.col("place").replace_strict(areas.owners, return_dtype=pl.String)
    lacking = (
        supply.statuses.group_by("month", force=owner)
        .agg(worst(pl.col("status")).alias("status"))
        .filter(pl.col("status").cast(pl.String) != Status.COMPLETE.value)
        .join(
            supply.verdicts.select("force", "month", "file_type", "reason", "coverage", verdict="status"),
            on=["force", "month"],
            how="left",
        )
        .sort("force", "month")
        .with_columns(
            why=pl.when(pl.col("verdict").is_null())
            .then(pl.lit("no file was owed"))
            .when(~allows_number("verdict") | (pl.col("verdict").cast(pl.String) == Status.PARTIAL.value))
            .then("reason")
            .when((pl.col("file_type") == "street") & (supply.classification.name != BY_TYPE))
            .then(pl.lit("the force supplies crime types, not offence codes"))
            .otherwise(pl.lit(supply.classification.short_of))
        )
    )
    notes = {}
    for (force,), months in lacking.group_by("force", maintain_order=True):
        is_partial = months.select((~allows_number()).any()).item() is False
        spells = spells_in_words(months.select("month", "why", "coverage"))
        notes[f"{supply.classification.name} {force}"] = because(areas.names[str(force)], spells, is_partial)
    for force, reason in supply.excluded.items():
        if force in areas.names:
            key = f"{supply.classification.name} {force}"
            notes[key] = f"{notes.get(key, '')} {left_out(areas.names[force], reason)}".strip()
    return notes
