"""The judged figures of every area under whole numbers in place of names, which are quick to group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from geography.areas import Country
from transforms.aggregation import add_up
from transforms.contracts.columns import BEHAVIOUR, CATEGORIES, CATEGORY

PLACE: Final = ["force", "neighbourhood"]


@dataclass(frozen=True)
class Cells:
    """Figures by area, month and category, with `count` and `status`; a sum is in none but `add_up`'s."""

    #: The LSOAs in order of force and code: `lsoa`, the number of each, `place` that of its neighbourhood.
    lsoas: pl.DataFrame
    #: The neighbourhoods in order of force and id: `place`, `force`, `neighbourhood` and their names.
    places: pl.DataFrame
    #: For each force its cells by `lsoa`, the place that they are of; null for what is in no neighbourhood.
    of_force: Mapping[str, pl.DataFrame]
    #: By `place`.
    neighbourhoods: pl.DataFrame
    #: By `force`.
    forces: pl.DataFrame
    #: The latest month by `lsoa`, with `force`.
    latest: pl.DataFrame


def cells_of(areas: pl.LazyFrame, country: Country, latest: date) -> Cells:
    """Number the cells of `AreaCounts`, and total them by neighbourhood and by force.

    Raises ValueError when a force's month lacks a cell that it ought to have.
    """
    places = (
        country.lsoas.select(*PLACE, "neighbourhood_name", "csp_name")
        .sort(pl.all())
        .unique(PLACE, keep="first", maintain_order=True)
        .with_row_index("place")
    )
    lsoas = (
        country.lsoas.join(places.select("place", *PLACE), on=PLACE)
        .sort("force", "lsoa_code")
        .with_row_index("lsoa")
    )
    names = pl.Enum(country.forces.get_column("force").sort())
    codes = pl.Enum(lsoas.get_column("lsoa_code"))
    numbered = (
        areas.select(
            pl.col("force").cast(names, strict=False),
            pl.col("lsoa_code").cast(codes, strict=False).to_physical().cast(pl.UInt32).alias("lsoa"),
            "month",
            "category",
            "count",
            "status",
        )
        .filter(pl.col("force").is_not_null())
        .collect()
    )
    lsoa = numbered.get_column("lsoa")
    owner = lsoas.get_column("force").cast(names).gather(lsoa)
    numbered = numbered.with_columns(
        place=pl.when(pl.col("force") == owner).then(lsoas.get_column("place").gather(lsoa))
    )
    _check_every_cell_is_there(numbered, lsoas)
    by_force = {
        str(force): rows.drop("force")
        for (force,), rows in numbered.partition_by("force", as_dict=True, maintain_order=False).items()
    }
    # A force at a time takes half as long as all at once: its figures fit the processor's memory.
    neighbourhoods = pl.concat(
        [
            add_up(
                by_force[force].lazy().filter(pl.col("place").is_not_null()), ["place", "month", "category"]
            )
            for force in sorted(by_force)
        ]
        or [add_up(numbered.drop("force"), ["place", "month", "category"])]
    )
    part = [pl.col("force").cast(pl.String), "month", "category", "count", "status"]
    unplaced = numbered.filter(pl.col("place").is_null()).select(part)
    placed = neighbourhoods.join(places.select("place", "force"), on="place").select(part)
    return Cells(
        lsoas=lsoas,
        places=places,
        of_force=by_force,
        neighbourhoods=neighbourhoods,
        forces=add_up(pl.concat([placed, unplaced]), ["force", "month", "category"]),
        latest=numbered.filter(pl.col("month") == latest, pl.col("place").is_not_null()),
    )


def is_crime() -> pl.Expr:
    """Whether a row's category is a crime: anti-social behaviour is an incident."""
    return pl.col("category") != pl.lit(BEHAVIOUR, CATEGORY)


def _check_every_cell_is_there(cells: pl.DataFrame, lsoas: pl.DataFrame) -> None:
    """Raise ValueError when a force's month lacks a cell: its totals would be short and not say so."""
    # Anti-social behaviour is owed by those who supply street files; every other kind by everyone.
    kinds = pl.when((~is_crime()).any()).then(len(CATEGORIES)).otherwise(len(CATEGORIES) - 1)
    owners = lsoas.group_by("force").agg(places=pl.len())
    short = (
        cells.lazy()
        .filter(pl.col("place").is_not_null())
        .group_by("force", "month")
        .agg(found=pl.len(), kinds=kinds)
        .with_columns(pl.col("force").cast(pl.String))
        .join(owners.lazy(), on="force")
        .with_columns(wanted=pl.col("places") * pl.col("kinds"))
        .filter(pl.col("found") != pl.col("wanted"))
        .sort("force", "month")
        .select("force", "month", "found", "wanted")
        .collect()
    )
    if short.height:
        force, month, found, expected = short.row(0)
        raise ValueError(
            f"The judged areas of {force} for {month:%Y-%m} have {found:,} cells where {expected:,} are wanted, one "
            "for each LSOA and kind. Aggregate that month again."
        )
