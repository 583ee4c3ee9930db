"""The return of neighbourhoods and LSOAs: a financial year of crime types as mapped, and what the map withholds."""

from __future__ import annotations

from typing import Final

import polars as pl

from geography.areas import Country
from publish.feeds import street
from publish.feeds.privacy import SENSITIVE
from publish.returns.columns import by_crime_type
from publish.returns.errors import ReturnError
from publish.returns.tables import Column, Release, Table
from publish.returns.wording import SOURCE, because, spells_in_words
from transforms.aggregation import add_up, count_onto_grid
from transforms.contracts.columns import BEHAVIOUR
from transforms.contracts.status import STATUS, Status, allows_number
from transforms.disclosure import (
    LSOA,
    NEIGHBOURHOOD,
    PARTNERSHIP,
    SMALLEST,
    TOTAL,
    carried,
    cell,
    found_by_subtraction,
    hide,
    sums_between,
    withheld,
)
from transforms.judging import Judged, counting_verdicts
from transforms.periods import Quarter

NAME: Final = "small-areas"

_FORCE_NAME: Final = Column("force_name", "Police force", "Police force whose area it lies in")
_LABELS: Final = {
    NEIGHBOURHOOD: (
        _FORCE_NAME,
        Column("area_code", "Neighbourhood id", "The force's own id of it; unique only inside its force"),
        Column("area_name", "Neighbourhood", "Name of the policing neighbourhood"),
    ),
    LSOA: (
        _FORCE_NAME,
        Column("neighbourhood_name", "Neighbourhood", "Policing neighbourhood that the LSOA lies in"),
        Column("area_code", "LSOA code", "GSS code of the lower layer super output area"),
        Column("area_name", "LSOA name", "Name of the lower layer super output area"),
    ),
}
_AS_MAPPED: Final = (
    "Crimes are counted where the map shows them: at the nearest map point, which eight addresses or more share, or "
    "none, and in the area of that point. A figure adds up twelve months of the map, so it tells nothing of a place "
    "that the map does not tell, and it is printed however small it is."
)
_RULE: Final = (
    "Crimes of which not even the LSOA is told, because of what they are and how few points they could have been at, "
    f"are in the last column of Table 1 alone. There a figure below {SMALLEST} other than zero is shown as [c], and so "
    "are as many others as it takes that none can be worked out from the rest; a [c] may stand for a zero."
)
_ONCE: Final = (
    "Figures of withheld locations are made once a year, for the financial year, and not restated: figures for periods "
    "that overlap, or the difference of two editions, would tell what is shown as [c]. All others are restated."
)
#: Crimes that the map shows nowhere.
WITHHELD: Final = Column(
    "location_withheld",
    "Violence and sexual offences, location withheld",
    "Crimes of these types that the map, the bulk files and every other column here show in no small area",
    unit="crimes",
    notes=("withheld",),
)
_KEY: Final = ("level", "area", "column")


def small_areas(
    judged: Judged, country: Country, quarter: Quarter, earlier: pl.DataFrame | None = None
) -> Release | None:
    """Crimes by neighbourhood and by LSOA in the financial year that `quarter` ends; None when it ends none.

    None too when the year is not judged in full. `earlier` is the Parquet table of an earlier version of the same
    return: what it printed stands. Raises ReturnError when something that is not printed could be worked out.
    """
    if quarter.financial_quarter != 4 or not set(quarter.year_ending) <= set(judged.months):
        return None
    columns = tuple(column for column in by_crime_type().columns if column.heading != BEHAVIOUR)
    mapped = _figures(judged, country, quarter, columns)
    unmapped = _unmapped(judged, country, quarter, mapped, columns)
    # An LSOA may have one point of few addresses only: its figure would be of that point.
    shown = hide(unmapped.filter(pl.col("level") == NEIGHBOURHOOD), _hidden(unmapped, country, quarter))
    _check_subtraction(shown, unmapped, country)
    if earlier is not None:
        shown = carried(shown, _before(earlier, country))
    shown = pl.concat([mapped, shown])
    year = quarter.year_title
    lacking = _lacking(judged, quarter)
    tables = tuple(
        _table(level, number, year, (*columns, *extra), shown, country, lacking)
        for number, (level, extra) in enumerate(((NEIGHBOURHOOD, (WITHHELD,)), (LSOA, ())), start=1)
    )
    title = f"Police recorded crime by neighbourhood and LSOA, {country.title}: {year}"
    return Release(
        name=f"{NAME}-{quarter}",
        title=title,
        subject=f"Crimes recorded by the police, by policing neighbourhood and by LSOA, {year}",
        dated=quarter.plus(1).months[0],
        cover=(
            f"Crimes recorded by the police in the small areas of {country.title} in the {year} (financial year "
            f"{quarter.financial_year}). Crimes without a known location are in no small area.",
            _AS_MAPPED,
            _RULE,
            _ONCE,
            "A figure that was owed and has not been supplied in full is shown as [x], never as zero and never as [c].",
            "These are official statistics. They are not accredited official statistics.",
            *([country.attribution] if country.attribution else []),
        ),
        tables=tables,
        notes={
            "provisional": "Figures are restated when records are corrected; those of withheld locations are not.",
            "withheld": "Of forces that supply records. Where police.uk published a force's records, nothing is known "
            "of locations that were withheld.",
            **{
                f"force {force}": because(name, lacking[force], False)
                for force, name in country.forces.select("force", "name").iter_rows()
                if force in lacking
            },
        },
    )


def _figures(judged: Judged, country: Country, quarter: Quarter, columns: tuple[Column, ...]) -> pl.DataFrame:
    """Figures of the year: `force`, `level`, `area`, `column`, `count`, `status`; missing where a month of it is."""
    keys = {column.heading: column.key for column in columns if column.key != TOTAL}
    places = country.lsoas.select(
        "force", "lsoa_code", neighbourhood=pl.concat_str("force", "neighbourhood", separator="/")
    )
    months = pl.DataFrame({"month": quarter.year_ending}, schema={"month": pl.Date})
    types = pl.DataFrame({"type": list(keys)}, schema={"type": pl.String})
    held = (
        judged.areas.lazy(quarter.year_ending)
        .select("lsoa_code", "month", "count", "status", type=pl.col("category").cast(pl.String))
        .collect()
    )
    monthly = (
        places.join(months, how="cross")
        .join(types, how="cross")
        .join(held, on=["lsoa_code", "month", "type"], how="left")
        .with_columns(
            pl.col("status").fill_null(Status.MISSING.value), column=pl.col("type").replace_strict(keys)
        )
    )
    by_lsoa = add_up(monthly, by=["force", "neighbourhood", "lsoa_code", "column"])
    levels = [
        by_lsoa.select("force", "column", "count", "status", level=pl.lit(LSOA), area="lsoa_code"),
        add_up(by_lsoa, by=["force", "neighbourhood", "column"]).select(
            "force", "column", "count", "status", level=pl.lit(NEIGHBOURHOOD), area="neighbourhood"
        ),
    ]
    of_types = pl.concat(levels)
    totals = add_up(of_types, by=["force", "level", "area"]).with_columns(column=pl.lit(TOTAL))
    shape = ["force", *_KEY, "count", "status"]
    return pl.concat([of_types.select(shape), totals.select(shape)])


def _places(country: Country) -> pl.DataFrame:
    return country.lsoas.select(
        lsoa="lsoa_code",
        neighbourhood=pl.concat_str("force", "neighbourhood", separator="/"),
        partnership=pl.concat_str("force", "csp_code", separator="/"),
    )


def _hidden(figures: pl.DataFrame, country: Country, quarter: Quarter) -> pl.DataFrame:
    """Which figures of withheld locations must not be printed."""
    of_lsoas = figures.filter(pl.col("level") == LSOA, allows_number())
    cells = of_lsoas.select("column", "count", lsoa="area").join(_places(country), on="lsoa")
    # The column stands alone, with no total beside it.
    return (
        withheld(cells, len(quarter.year_ending))
        .filter(pl.col("column") != TOTAL, pl.col("level") == NEIGHBOURHOOD)
        .select(_KEY)
    )


def _unmapped(
    judged: Judged, country: Country, quarter: Quarter, mapped: pl.DataFrame, columns: tuple[Column, ...]
) -> pl.DataFrame:
    """Crimes of the year whose location is withheld, by the area of their map point, in the shape of `mapped`.

    Known where the mapped figures of their type are; not applicable to a force that owes no extract in the year.
    """
    sensitive = [column.key for column in columns if column.heading in SENSITIVE]
    extracts = judged.verdicts.filter(
        pl.col("file_type") == "extract", pl.col("month").is_in(quarter.year_ending)
    )
    owes = pl.col("force").is_in(extracts["force"].unique().to_list())
    grid = (
        mapped.filter(pl.col("level") == LSOA, pl.col("column").is_in(sensitive))
        .select(
            "force",
            "level",
            "area",
            column=pl.lit(WITHHELD.key),
            status=pl.when(owes)
            .then(pl.col("status").cast(pl.String))
            .otherwise(pl.lit(Status.NOT_APPLICABLE.value))
            .cast(STATUS),
        )
        .with_columns(supplied=allows_number())
    )
    apart = street.without_place(judged.crimes.lazy(quarter.year_ending), country)
    # Another force's crimes are in none of a force's areas.
    of_lsoas = count_onto_grid(grid.lazy(), apart.lazy(), ["force", "area"]).collect()
    homes = country.lsoas.select(
        area="lsoa_code", neighbourhood=pl.concat_str("force", "neighbourhood", separator="/")
    )
    of_neighbourhoods = add_up(of_lsoas.join(homes, on="area"), by=["force", "neighbourhood", "column"])
    shape = ["force", *_KEY, "count", "status"]
    return pl.concat(
        [
            of_lsoas.select(shape),
            of_neighbourhoods.with_columns(level=pl.lit(NEIGHBOURHOOD), area="neighbourhood").select(shape),
        ]
    )


def _before(earlier: pl.DataFrame, country: Country) -> pl.DataFrame:
    """The figures of withheld locations in an earlier version, as `hide` gives them."""
    force = dict(country.lsoas.select("lsoa_code", "force").iter_rows())
    return earlier.filter(pl.col("category") == WITHHELD.heading).select(
        force=pl.col("area").replace_strict(force, default=pl.col("area").str.split("/").list.first()),
        level="area_level",
        area="area",
        column=pl.lit(WITHHELD.key),
        count=pl.col("value").cast(pl.Int64),
        status=pl.col("status").cast(STATUS),
    )


def _check_subtraction(shown: pl.DataFrame, figures: pl.DataFrame, country: Country) -> None:
    """Raise ReturnError when a reader finds a withheld figure by subtracting what is printed.

    What the map leaves out of a partnership's figure tells how many locations are withheld in it.
    """
    places = _places(country)
    of_lsoas = figures.filter(pl.col("level") == LSOA).join(places, left_on="area", right_on="lsoa")
    above = add_up(of_lsoas, by=["partnership", "column"]).filter(allows_number())
    printed = shown.filter(allows_number())
    known = pl.concat(
        [
            printed.select(cell(pl.col("level"), "area"), "count"),
            above.select(cell(PARTNERSHIP, "partnership"), "count"),
        ]
    )
    withheld_cells = shown.filter(pl.col("status").cast(pl.String) == Status.WITHHELD.value)
    sums = sums_between(places, [WITHHELD.key])
    told = found_by_subtraction(sums, known).join(
        withheld_cells.select(cell(pl.col("level"), "area")), on="cell", how="semi"
    )
    if told.height:
        raise ReturnError(
            f"small areas, {told['cell'][0].replace('|', ', ')}",
            f"it is not printed and could be worked out by subtraction, as could {told.height} figures in all.",
            "Report it: the rule of transforms/disclosure.py is to prevent this. Nothing was released.",
        )


def _lacking(judged: Judged, quarter: Quarter) -> dict[str, str]:
    """For each force without figures for some of the year, what is lacking, in words."""
    gone = (
        counting_verdicts(judged.verdicts)
        .filter(pl.col("month").is_in(quarter.year_ending), ~allows_number())
        .sort("force", "month")
        .select("force", "month", why="reason", coverage="coverage")
    )
    return {
        str(force): spells_in_words(months.drop("force"))
        for (force,), months in gone.group_by("force", maintain_order=True)
    }


def _table(
    level: str,
    number: int,
    year: str,
    columns: tuple[Column, ...],
    shown: pl.DataFrame,
    country: Country,
    lacking: dict[str, str],
) -> Table:
    """One table of a level, its areas by force and name."""
    names = country.forces.select("force", force_name="name")
    owned = country.lsoas.join(names, on="force")
    unit = "neighbourhood" if level == NEIGHBOURHOOD else "LSOA"
    if level == NEIGHBOURHOOD:
        areas = owned.select(
            "force",
            "force_name",
            area=pl.concat_str("force", "neighbourhood", separator="/"),
            area_code="neighbourhood",
            area_name="neighbourhood_name",
        ).unique("area")
        order = ["force_name", "area_name", "area_code"]
    else:
        areas = owned.select(
            "force",
            "force_name",
            "neighbourhood_name",
            area="lsoa_code",
            area_code="lsoa_code",
            area_name="lsoa_name",
        )
        order = ["force_name", "neighbourhood_name", "area_code"]
    noted = pl.col("force").is_in(list(lacking))
    rows = (
        areas.sort(order)
        .with_row_index("row")
        .with_columns(
            pl.col("row").cast(pl.Int64),
            level=pl.lit(level),
            notes=pl.when(noted)
            .then(pl.concat_list(pl.format("force {}", "force")))
            .otherwise(pl.lit([], pl.List(pl.String))),
        )
    )
    partial = pl.col("status").cast(pl.String) == Status.PARTIAL.value
    cells = (
        shown.filter(pl.col("level") == level)
        .join(rows.select("row", "area"), on="area")
        .select(
            "row",
            "column",
            value=pl.col("count").cast(pl.Float64),
            status="status",
            marks=pl.when(partial).then(pl.lit("[e]")).otherwise(pl.lit("")),
        )
    )
    return Table(
        name=f"crime_type_{level.lower()}",
        sheet=f"Table_{number}",
        title=f"Table {number}: Number of crimes recorded by the police, by {unit} and crime type, {year} [p]",
        period=year,
        measure="count",
        statements=(_AS_MAPPED, _RULE, "Figures are numbers of crimes, not rounded.", SOURCE),
        labels=_LABELS[level],
        columns=columns,
        rows=rows,
        figures=cells.sort("row", "column"),
        notes=("provisional",),
    )
