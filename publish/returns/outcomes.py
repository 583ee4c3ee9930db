"""Outcomes of crimes on both bases, and the records that left the count: tables by force, and the long table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import polars as pl

from geography.areas import Country
from publish.parts import key_of
from publish.returns.area_tables import (
    QUARTER,
    YEAR,
    Comparison,
    Supply,
    area_table,
    check_quarter,
    force_notes,
    supply,
    window,
)
from publish.returns.areas import Areas, published_areas
from publish.returns.columns import Classification, column_key
from publish.returns.open_data import NOT_PROVIDED, OpenData, Year, by_year, whole_quarters
from publish.returns.tables import Column, Release, Table, clean
from publish.returns.taking_over import code
from publish.returns.wording import STANDING_NOTES, cover
from transforms.aggregation import count_onto_grid
from transforms.contracts.status import Status, allows_number, worst, worst_so_far
from transforms.counting import load_editions
from transforms.judging import Judged, counting_verdicts
from transforms.periods import Quarter, financial_quarter, financial_year

NOT_YET: Final = "0"
#: Kept for fraud, which police forces do not record.
FRAUD_ONLY: Final = "19"
RECORDED, CLOSED = "recorded", "closed"

_COUNTS: Final = {
    RECORDED: "Number of outcomes for offences that were recorded in the quarter",
    CLOSED: "Number of outcomes for investigations that were closed in the quarter",
}
#: The columns of the long table, in order (Home Office outcomes open data).
COLUMNS: Final = (
    "Financial Year", "Financial Quarter", "Force Name", "Offence Code Expired", "Offence Group", "Offence Subgroup",
    "Offence Description", "Offence Code", "Outcome Description", "Outcome Group", "Outcome Type", *_COUNTS.values(),
)  # fmt: skip

_WHAT: Final = {
    RECORDED: "Outcomes of the crimes recorded,",
    CLOSED: "Outcomes given, whenever the crime was recorded,",
}
_REMOVALS: Final = {
    "initially": Column(
        "total",
        "Initially recorded",
        "Recorded crimes and those that left the count",
        "records",
        notes=("removed",),
    ),
    "recorded": Column("recorded", "Recorded crime", "Crimes that count", "offences"),
    "removed": Column("removed", "Transferred or cancelled", "Records that left the count", "records"),
    "transferred": Column("transferred", "Transferred", "Records transferred to another force", "records"),
    "cancelled": Column("cancelled", "Cancelled", "Records cancelled", "records"),
}


def outcomes(judged: Judged, country: Country, quarter: Quarter) -> Release | None:
    """Outcomes by force and outcome group on both bases, and transferred and cancelled records.

    None when no force supplies records in the quarter, as outcomes come from records alone. Raises ReturnError when
    the quarter is not judged.
    """
    check_quarter(judged, quarter)
    if judged.offences.filter(pl.col("month").is_in(quarter.months)).is_empty():
        return None
    areas = published_areas(country)
    tables: list[Table] = []
    notes: dict[str, str] = dict(STANDING_NOTES)
    for basis in (RECORDED, CLOSED):
        kind = _outcome_groups(basis)
        figures = _monthly(judged, _tallied(judged, basis), kind, quarter, _supplied(judged, basis))
        each = supply(figures, kind, judged, areas, quarter)
        what = _WHAT[basis]
        tables += _periods(each, areas, quarter, what, "outcomes", f"{basis} basis", first=len(tables) + 1)
        notes |= force_notes(each, areas)
    kind = _removal_columns()
    removals = _monthly(judged, _removals(judged), kind, quarter, _supplied(judged, RECORDED))
    each = supply(removals, kind, judged, areas, quarter)
    what = "Recorded, transferred and cancelled crimes, by when they were recorded,"
    tables += _periods(each, areas, quarter, what, "records", "removed", first=len(tables) + 1)
    notes |= force_notes(each, areas)
    return Release(
        name=f"outcomes-{quarter}",
        title=f"Outcomes of recorded crime, and records that left the count, {country.title}: {quarter.title} and "
        f"{quarter.year_title}",
        subject=f"Crime outcomes, transferred and cancelled records, by police force area, {quarter.year_title}",
        dated=quarter.plus(1).months[0],
        cover=cover(country, quarter, tables, compares=False),
        tables=tuple(tables),
        notes=notes,
    )


def _periods(
    each: Supply, areas: Areas, quarter: Quarter, what: str, unit: str, note: str, first: int
) -> list[Table]:
    """A table for the quarter and one for the year."""
    made = []
    for number, (period, title) in enumerate(
        {QUARTER: quarter.title, YEAR: quarter.year_title}.items(), start=first
    ):
        compared = Comparison.of(each, areas, [period])
        made.append(
            area_table(
                f"{column_key(each.classification.name)}_{period}", number, f"{what} by area, {title} [p]",
                title, "count", f"Figures are numbers of {unit}, not rounded.", ("provisional", note),
                each.classification.columns, each, areas, compared, compared.counts(period),
            )
        )  # fmt: skip
    return made


def _outcome_groups(basis: str) -> Classification:
    types = load_editions().outcomes.filter(
        pl.col("sub_type_of").is_null(), pl.col("outcome_type") != FRAUD_ONLY
    )
    if basis == CLOSED:
        types = types.filter(pl.col("outcome_type") != NOT_YET)
    keys = {str(group): column_key(group) for group in types["group"].unique(maintain_order=True)}
    total = Column("total", "All outcomes", "Crimes under the outcome they have", "outcomes")
    if basis == RECORDED:
        total = Column("total", "All crimes recorded", "Every crime, with or without an outcome", "offences")
    return Classification(
        name=f"outcomes {basis}",
        columns=(
            total,
            *(Column(key, name, f"Outcome group “{name}”", "outcomes") for name, key in keys.items()),
        ),
        membership=pl.concat(
            [
                types.select(column=pl.col("group").replace_strict(keys), part="outcome_type"),
                types.select(column=pl.lit("total"), part="outcome_type"),
            ]
        ),
        part_name="outcome type",
        short_of="outcomes given to crimes of an earlier month that was not supplied in full are lacking",
    )


def _removal_columns() -> Classification:
    held = {
        "initially": ("recorded", "cancelled", "transferred"),
        "recorded": ("recorded",),
        "removed": ("cancelled", "transferred"),
        "transferred": ("transferred",),
        "cancelled": ("cancelled",),
    }
    return Classification(
        name="removals",
        columns=tuple(_REMOVALS.values()),
        membership=pl.DataFrame(
            [(_REMOVALS[name].key, part) for name, parts in held.items() for part in parts],
            schema=["column", "part"],
            orient="row",
        ),
        part_name="way of removal",
    )


def _tallied(judged: Judged, basis: str) -> pl.LazyFrame:
    """How many crimes got each outcome: `force`, `month`, `part`, `counted`."""
    return (
        judged.outcomes.lazy()
        .filter(pl.col("basis") == basis)
        .select("force", "month", part="outcome_type", counted="rows")
    )


def _removals(judged: Judged) -> pl.LazyFrame:
    """How many records count and how many left: `force`, `month`, `part`, `counted`."""
    gone = judged.removed.lazy().select(
        "force", "month", part=pl.col("removal").cast(pl.String), counted="rows"
    )
    stays = (
        judged.offences.lazy()
        .filter(allows_number())
        .select("force", "month", part=pl.lit("recorded"), counted="count")
    )
    return pl.concat([gone, stays])


def _supplied(judged: Judged, basis: str) -> pl.DataFrame:
    """The status that outcomes of each `force` and `month` can have.

    On the closed basis that is the worst of this month and all before it: the outcomes that crimes of a missing
    month got later came with no file, so a later number would be short and not say so.
    """
    verdicts = counting_verdicts(judged.verdicts).select("force", "month", "status").sort("force", "month")
    if basis == RECORDED:
        return verdicts
    return verdicts.with_columns(status=worst_so_far(pl.col("status")).over("force", order_by="month"))


def _monthly(
    judged: Judged, tallied: pl.LazyFrame, kind: Classification, quarter: Quarter, supplied: pl.DataFrame
) -> pl.DataFrame:
    """Every force that supplies records, month and part, a number where the status in `supplied` allows one."""
    owed = judged.offences.filter(pl.col("month").is_in(window(quarter))).select("force", "month").unique()
    grid = (
        owed.join(supplied, on=["force", "month"], how="left")
        .with_columns(
            pl.col("status").fill_null(Status.MISSING.value), supplied=allows_number().fill_null(False)
        )
        .join(kind.membership.select("part").unique(), how="cross")
    )
    laid = count_onto_grid(grid.lazy(), tallied, ["force", "month", "part"])
    return laid.select("month", "part", "count", "status", place="force").collect()


def outcomes_open_data(
    judged: Judged, country: Country, offences_reference: pl.DataFrame, last: Quarter | None = None
) -> OpenData | None:
    """Outcomes by force, financial quarter, offence code and outcome type, on both bases, none left out.

    Sub-types (1A, 2A, 3A) are rows of their own and are within their type: adding them to it counts twice. Type 0
    (not yet assigned) has no figure on the closed basis. None when no force supplies records.
    """
    quarters = whole_quarters(judged, last)
    if not quarters:
        return None
    months = _months(quarters)
    forces = judged.offences.select("force").unique()
    statuses = {
        basis: forces.join(months, how="cross")
        .join(_supplied(judged, basis), on=["force", "month"], how="left")
        .with_columns(pl.col("status").fill_null(Status.MISSING.value))
        .group_by("force", "quarter")
        .agg(worst(pl.col("status")).alias("status"))
        for basis in (RECORDED, CLOSED)
    }
    reference = offences_reference.select(
        "offence_code", "offence_description", "offence_group", "offence_subgroup"
    ).unique("offence_code", maintain_order=True)
    names = country.forces.select("force", "name")
    years = []
    for title, of_year in by_year(quarters):
        its_months = _months(of_year)
        owed = judged.offences.join(its_months, on="month").select("quarter", "offence_code").unique()
        ingredients = _Ingredients(
            names,
            reference.join(owed, on="offence_code", how="semi", maintain_order="left"),
            owed,
            statuses[RECORDED].join(its_months, on="quarter", how="semi"),
            statuses[CLOSED].join(its_months, on="quarter", how="semi"),
            judged.outcomes.join(its_months, on="month"),
        )
        key = key_of(code(), "prc-outcomes", of_year, *vars(ingredients).values())
        years.append(Year(title, key, partial(_laid_out, ingredients)))
    span = f"{quarters[0].title} to {quarters[-1].title}"
    title = f"Outcomes of police recorded crime by police force area and offence, {span}"
    figures = ("Financial Quarter", *_COUNTS.values())
    return OpenData("prc-outcomes", title, quarters[-1], COLUMNS, figures, tuple(years))


@dataclass(frozen=True)
class _Ingredients:
    """All that a year of the long table is made of.

    `owed` has each `quarter` and `offence_code`; `recorded` and `closed` the `status` on either basis of each `force`
    and `quarter`; `tallies` the outcomes (`tables.OutcomeCounts`) with their `quarter`.
    """

    names: pl.DataFrame
    reference: pl.DataFrame
    owed: pl.DataFrame
    recorded: pl.DataFrame
    closed: pl.DataFrame
    tallies: pl.DataFrame


def _months(quarters: Sequence[Quarter]) -> pl.DataFrame:
    """Each `month` of quarters with its `quarter`, as its first day."""
    return pl.DataFrame(
        [(quarter.months[0], month) for quarter in quarters for month in quarter.months],
        schema={"quarter": pl.Date, "month": pl.Date},
        orient="row",
    )


def _laid_out(of: _Ingredients) -> pl.DataFrame:
    """The rows of a year."""
    types = _types()
    # Millions of rows name a few places, codes and types: they are compared as numbers.
    kinds = {
        "force": pl.Enum(of.recorded.get_column("force").unique().sort()),
        "offence_code": pl.Enum(of.owed.get_column("offence_code").unique().sort()),
        "written": pl.Enum(types.get_column("written")),
    }
    coded = {name: pl.col(name).cast(kind, strict=False) for name, kind in kinds.items()}
    parts = (
        of.owed.join(
            types.filter(pl.col("written") != FRAUD_ONLY).select("written", "valid_from"), how="cross"
        )
        .filter(
            pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("quarter").dt.offset_by("2mo"))
        )
        .with_columns(coded["offence_code"], coded["written"])
    )
    # Each crime stands under its type, and again under its sub-type when it has one.
    written = (
        pl.concat(
            [
                of.tallies.with_columns(written="outcome_type"),
                of.tallies.filter(pl.col("sub_type").is_not_null()).with_columns(written="sub_type"),
            ]
        )
        .rename({"rows": "counted"})
        .with_columns(coded.values())
    )
    key = ["force", "quarter", "offence_code", "written"]
    counts = []
    for basis, statuses in ((RECORDED, of.recorded), (CLOSED, of.closed)):
        grid = statuses.with_columns(coded["force"], supplied=allows_number()).join(parts, on="quarter")
        counted = count_onto_grid(grid.lazy(), written.lazy().filter(pl.col("basis") == basis), key)
        counts.append(counted.select(*key, pl.col("count").alias(basis)))
    rows = counts[0].join(counts[1], on=key).collect()
    return _printed(rows, types, of.names, of.reference)


def _printed(
    rows: pl.DataFrame, types: pl.DataFrame, names: pl.DataFrame, reference: pl.DataFrame
) -> pl.DataFrame:
    """Rows in their order, with what is printed beside a place, a code and a type cleaned once for each."""
    kinds = rows.schema
    reference = (
        reference.select(
            "offence_code",
            pl.col("offence_description").alias("Offence Description"),
            pl.col("offence_group").alias("Offence Group"),
            pl.col("offence_subgroup").alias("Offence Subgroup"),
        )
        .sort("Offence Description", "offence_code")
        .with_row_index("of_code")
        .with_columns(
            pl.col("offence_code").cast(kinds["offence_code"], strict=False),
            clean(pl.col("offence_code")).alias("Offence Code"),
            clean(pl.col("^Offence .*$")),
        )
    )
    names = (
        names.select("force", pl.col("name").alias("Force Name"))
        .sort("Force Name", maintain_order=True)
        .with_row_index("of_force")
        .with_columns(pl.col("force").cast(kinds["force"], strict=False), clean(pl.col("Force Name")))
    )
    described = types.select(
        pl.col("written").cast(kinds["written"]),
        "order",
        clean(pl.col("name")).alias("Outcome Description"),
        clean(pl.col("group")).alias("Outcome Group"),
        clean(pl.col("written")).alias("Outcome Type"),
    )
    is_open = pl.col("written") == pl.lit(NOT_YET, kinds["written"])
    closed = pl.when(~is_open).then(CLOSED)
    no_outcome = pl.when(is_open).then(pl.lit("[z]")).otherwise(pl.lit(NOT_PROVIDED))
    return (
        rows.join(names.select("force", "of_force"), on="force")
        .join(reference.select("offence_code", "of_code"), on="offence_code")
        .join(described.select("written", "order"), on="written")
        .sort("quarter", "of_force", "of_code", "order")
        .join(names.drop("of_force"), on="force", maintain_order="left")
        .join(reference.drop("of_code"), on="offence_code", maintain_order="left")
        .join(described.drop("order"), on="written", maintain_order="left")
        .select(
            financial_year(pl.col("quarter")).alias("Financial Year"),
            pl.struct(number=financial_quarter(pl.col("quarter")).cast(pl.Float64), text=pl.lit("")).alias(
                "Financial Quarter"
            ),
            "Force Name",
            pl.lit("No").alias("Offence Code Expired"),
            "Offence Group",
            "Offence Subgroup",
            "Offence Description",
            "Offence Code",
            "Outcome Description",
            "Outcome Group",
            "Outcome Type",
            _cell(pl.col(RECORDED), NOT_PROVIDED).alias(_COUNTS[RECORDED]),
            _cell(closed, no_outcome).alias(_COUNTS[CLOSED]),
        )
        .select(COLUMNS)
    )


def _cell(number: pl.Expr, otherwise: str | pl.Expr) -> pl.Expr:
    text = pl.lit(otherwise) if isinstance(otherwise, str) else otherwise
    return pl.struct(
        number=number.cast(pl.Float64), text=pl.when(number.is_not_null()).then(pl.lit("")).otherwise(text)
    )


def _types() -> pl.DataFrame:
    """Outcome types and sub-types as written, in order."""
    types = load_editions().outcomes
    return types.select("name", "group", "valid_from", written="outcome_type").with_row_index("order")
