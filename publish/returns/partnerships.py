"""Figures of Community Safety Partnerships, month by month, from judged crimes and areas."""

from __future__ import annotations

import polars as pl

from geography.areas import Country
from transforms.aggregation import add_up, count_onto_grid
from transforms.contracts.columns import NO_LOCATION, OUTSIDE
from transforms.contracts.status import STATUS, Status, allows_number
from transforms.judging import Judged, counting_verdicts


def places(country: Country) -> pl.DataFrame:
    """Where each place of a force belongs: `force`, `lsoa_code`, `csp_code`, `csp_name` and `partnership`, its key.

    Crimes without a location, or located outside the force's area, stand under “Unassigned” and the force's
    name, without a code, so that a force's partnerships add to its total.
    """
    forces = country.forces.select("force", unassigned="Unassigned " + pl.col("name"))
    nowhere = pl.DataFrame({"lsoa_code": [NO_LOCATION, OUTSIDE]})
    return pl.concat(
        [
            country.lsoas.select("force", "lsoa_code", "csp_code", "csp_name"),
            forces.join(nowhere, how="cross").select(
                "force", "lsoa_code", csp_code=pl.lit(None, pl.String), csp_name="unassigned"
            ),
        ]
    ).with_columns(partnership=pl.concat_str("force", "csp_name", separator="/"))


def by_offence(judged: Judged, country: Country) -> pl.DataFrame:
    """Figures by `force`, `partnership`, `month` and `offence_code`, of forces that supply offence codes.

    The three are of type Enum: millions of rows name a few hundred places and codes, which are compared as numbers.
    Where a force's partnerships do not add to its total, as for one that supplies totals and no crimes, and where
    part of a partnership is held, the figure is missing.
    """
    where = places(country)
    kinds = {
        name: pl.Enum(where.get_column(name).drop_nulls().unique().sort())
        for name in ("force", "csp_code", "partnership")
    }
    where = where.with_columns(pl.col(name).cast(kind) for name, kind in kinds.items())
    force, code = kinds["force"], pl.Enum(judged.offences.get_column("offence_code").unique().sort())
    owed = judged.offences.lazy().select(
        pl.col("force").cast(force), "month", pl.col("offence_code").cast(code)
    )
    parts = where.lazy().select("force", "partnership").unique()
    verdicts = (
        counting_verdicts(judged.verdicts)
        .lazy()
        .select(pl.col("force").cast(force, strict=False), "month", "status")
    )
    grid = (
        owed.join(parts, on="force")
        .join(verdicts, on=["force", "month"], how="left")
        .with_columns(status=pl.col("status").fill_null(pl.lit(Status.MISSING.value, STATUS)))
        .with_columns(supplied=allows_number())
    )
    key = ["force", "month", "partnership", "offence_code"]
    # A crime of a force or a code that nobody owes is on no row of the grid.
    crimes = judged.listed.lazy().select(
        pl.col("force").cast(force, strict=False),
        "month",
        pl.col("csp_code").cast(kinds["csp_code"], strict=False),
        pl.col("offence_code").cast(code, strict=False),
        "counted",
    )
    crimes = _in_partnerships(crimes, where)
    figures = count_onto_grid(grid, crimes, key).select(*key, "count", "status").collect()
    return _unless_short(figures, where, judged)


def by_crime_type(judged: Judged, country: Country) -> pl.DataFrame:
    """Figures by `force`, `partnership`, `month` and `category`, of every force; not known where an area is held."""
    key = ["force", "partnership", "month", "category"]
    placed = judged.areas.lazy().join(places(country).lazy(), on=["force", "lsoa_code"])
    grid = add_up(placed, by=key).drop("count").with_columns(supplied=allows_number())
    return (
        count_onto_grid(grid.lazy(), _in_partnerships(judged.listed.lazy(), places(country)), key)
        .select(*key, "count", "status")
        .sort(key)
        .collect()
    )


def _in_partnerships(crimes: pl.LazyFrame, where: pl.DataFrame) -> pl.LazyFrame:
    """The crimes that may be listed with the `partnership` that they lie in, wherever the map shows them."""
    homes = where.lazy().select("force", "csp_code", "partnership").unique()
    assigned = homes.filter(pl.col("csp_code").is_not_null())
    nowhere = homes.filter(pl.col("csp_code").is_null()).select("force", unassigned="partnership")
    return (
        crimes.join(assigned, on=["force", "csp_code"], how="left")
        .join(nowhere, on="force")
        .with_columns(partnership=pl.coalesce("partnership", "unassigned"))
    )


def _unless_short(figures: pl.DataFrame, where: pl.DataFrame, judged: Judged) -> pl.DataFrame:
    """Partnership figures, missing where a force's do not add to its total or an area in one is held."""
    force = figures.schema["force"]
    ours = add_up(figures, by=["force", "month"])
    theirs = add_up(judged.offences, by=["force", "month"]).with_columns(pl.col("force").cast(force))
    of_force = pl.col("force").cast(force)
    areas = judged.areas.lazy().filter(
        pl.col("force").is_in(ours.get_column("force").cast(pl.String).unique().to_list())
    )
    # The crimes of a held area are not listed: a force with one must then agree with the areas that are not held.
    open_areas = add_up(areas.filter(allows_number()), by=["force", "month"]).with_columns(of_force)
    held_areas = (
        areas.filter(~allows_number())
        .select("force", "month", "lsoa_code")
        .unique()
        .collect(engine="streaming")
        .with_columns(of_force)
    )
    some_held = held_areas.select("force", "month", some=pl.lit(True)).unique()
    agrees_apart = (
        pl.col("some").is_not_null() & (pl.col("count") > 0) & (pl.col("count") == pl.col("count placed"))
    )
    short = (
        ours.join(theirs, on=["force", "month"], suffix=" of force")
        .join(open_areas, on=["force", "month"], how="left", suffix=" placed")
        .join(some_held, on=["force", "month"], how="left")
        .filter(pl.col("count").ne_missing(pl.col("count of force")), ~agrees_apart.fill_null(False))
        .select("force", "month", short=pl.lit(True))
    )
    held = (
        held_areas.join(where, on=["force", "lsoa_code"])
        .select("force", "month", "partnership", held=pl.lit(True))
        .unique()
    )
    unfit = pl.col("short").is_not_null() | pl.col("held").is_not_null()
    return (
        figures.lazy()
        .join(short.lazy(), on=["force", "month"], how="left")
        .join(held.lazy(), on=["force", "month", "partnership"], how="left")
        .with_columns(
            status=pl.when(unfit & allows_number())
            .then(pl.lit(Status.MISSING.value, STATUS))
            .otherwise("status")
        )
        .with_columns(count=pl.when(allows_number()).then("count"))
        .select("force", "partnership", "month", "offence_code", "count", "status")
        .collect()
    )
