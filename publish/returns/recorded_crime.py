"""The recorded crime return of a quarter, by police force area and by partnership, from judged figures alone."""

from __future__ import annotations

import polars as pl

from geography.areas import Country
from publish.returns import partnerships
from publish.returns.area_tables import (
    Supply,
    area_tables,
    check_quarter,
    force_notes,
    residents_of,
    supply,
    window,
)
from publish.returns.areas import Areas, published_areas, with_partnerships
from publish.returns.columns import by_crime_type, by_offence_group
from publish.returns.tables import Release, Table
from publish.returns.wording import STANDING_NOTES, cover
from transforms.aggregation import add_up
from transforms.judging import Judged
from transforms.periods import Quarter, quarters_of


def recorded_crime(
    judged: Judged, country: Country, offences_reference: pl.DataFrame, quarter: Quarter
) -> Release:
    """The return of `quarter` by police force area: offences in it, in the year ending it, changes and rates.

    Tables are by offence group for forces that supply offence codes, and by police.uk crime type when some
    force supplies only those. `offences_reference` has `offence_code`, `offence_group`, `offence_subgroup`
    and `offence_description`. Raises ReturnError when the quarter is not in the judged months, when an LSOA has
    no population, when an area has no parent, and for an offence code outside the reference.
    """
    check_quarter(judged, quarter)
    areas = published_areas(country)
    offences = _offences(judged)
    supplies = []
    if offences.height:
        supplies.append(supply(offences, by_offence_group(offences_reference), judged, areas, quarter))
    if _lacks_codes(offences, country, quarter):
        supplies.append(supply(_types(judged, country, quarter), by_crime_type(), judged, areas, quarter))
    return _release(
        "recorded-crime",
        "Police recorded crime",
        "Offences recorded by the police, by police force area",
        supplies,
        areas,
        country,
        quarter,
    )


def partnership_crime(
    judged: Judged,
    country: Country,
    offences_reference: pl.DataFrame,
    quarter: Quarter,
    figures: partnerships.Figures | None = None,
) -> Release:
    """The same tables with the Community Safety Partnerships of each force below it. Raises as `recorded_crime`.

    `figures` are those of these judged tables, where some of them are made already.
    """
    figures = partnerships.Figures(judged, country) if figures is None else figures
    quarters = quarters_of([month for month in judged.months if month in window(quarter)])
    check_quarter(judged, quarter)
    areas = with_partnerships(published_areas(country), country)
    offences = _offences(judged)
    supplies = []
    if offences.height:
        parts = pl.concat(map(figures.by_offence, quarters)).select(
            "month", "count", "status", place="partnership", part="offence_code"
        )
        monthly = _with_parts(offences, parts, areas)
        supplies.append(supply(monthly, by_offence_group(offences_reference), judged, areas, quarter))
    if _lacks_codes(offences, country, quarter):
        types = _types(judged, country, quarter)
        parts = pl.concat(map(figures.by_crime_type, quarters)).select(
            "month", "count", "status", place="partnership", part=pl.col("category").cast(pl.String)
        )
        monthly = _with_parts(types, parts, areas)
        supplies.append(supply(monthly, by_crime_type(), judged, areas, quarter))
    return _release(
        "community-safety-partnerships",
        "Police recorded crime by Community Safety Partnership",
        "Offences recorded by the police, by Community Safety Partnership",
        supplies,
        areas,
        country,
        quarter,
    )


def _with_parts(of_forces: pl.DataFrame, parts: pl.DataFrame, areas: Areas) -> pl.DataFrame:
    """Figures of forces with those of their partnerships; a national force has none."""
    # As numbers: there are a million rows.
    places = pl.Enum(sorted({*areas.names, *of_forces["place"].unique()}))
    part = pl.col("part").cast(pl.Enum(of_forces["part"].unique().sort()))
    printed = parts.with_columns(pl.col("place").cast(places, strict=False), part).drop_nulls("place")
    coded = of_forces.with_columns(pl.col("place").cast(places), part)
    return pl.concat([coded, printed.select(of_forces.columns)])


def _offences(judged: Judged) -> pl.DataFrame:
    return judged.offences.select("month", "count", "status", place="force", part="offence_code")


def _types(judged: Judged, country: Country, quarter: Quarter) -> pl.DataFrame:
    recent = judged.by_neighbourhood(country.lsoas, window(quarter))
    return add_up(recent, by=["force", "month", "category"]).select(
        "month", "count", "status", place="force", part=pl.col("category").cast(pl.String)
    )


def _lacks_codes(offences: pl.DataFrame, country: Country, quarter: Quarter) -> bool:
    """Whether some force supplies crime types only in the quarter."""
    by_code = set(offences.filter(pl.col("month").is_in(quarter.months))["place"])
    return bool(set(country.forces["force"]) - by_code)


def _release(
    name: str,
    title: str,
    subject: str,
    supplies: list[Supply],
    areas: Areas,
    country: Country,
    quarter: Quarter,
) -> Release:
    people, households = residents_of(country, areas)
    tables: list[Table] = []
    notes: dict[str, str] = dict(STANDING_NOTES)
    for each in supplies:
        tables += area_tables(each, areas, people, households, quarter, first=len(tables) + 1)
        notes |= force_notes(each, areas)
    return Release(
        name=f"{name}-{quarter}",
        title=f"{title}, {country.title}: {quarter.title} and {quarter.year_title}",
        subject=f"{subject}, {quarter.title} and {quarter.year_title}",
        dated=quarter.plus(1).months[0],
        cover=cover(country, quarter, tables),
        tables=tuple(tables),
        notes=notes,
    )
