"""The judged figures of every area under whole numbers in place of names, which are quick to group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from geography.areas import Country
from publish.parts import Parts
from publish.site.writing import key_of
from transforms.aggregation import add_up, net_of
from transforms.contracts.columns import CATEGORIES, is_crime
from transforms.judging import Judged
from transforms.periods import quarters_of
from transforms.quarter_rows import QuarterRows

PLACE: Final = ["force", "neighbourhood"]


@dataclass(frozen=True)
class Cells:
    """Figures by area, month and category, with `count` and `status`; a sum is in none but `add_up`'s."""

    #: The LSOAs in order of force and code: `lsoa`, the number of each, `place` that of its neighbourhood.
    lsoas: pl.DataFrame
    #: The neighbourhoods in order of force and id: `place`, `force`, `neighbourhood` and their names.
    places: pl.DataFrame
    #: By `place`.
    neighbourhoods: pl.DataFrame
    #: By `force`.
    forces: pl.DataFrame
    #: The latest month by `lsoa`, with `force`.
    latest: pl.DataFrame
    #: The judged figures of every area, and the months of them that are shown.
    areas: QuarterRows
    window: Sequence[date]

    def of_forces(self, forces: Sequence[str]) -> dict[str, pl.DataFrame]:
        """For each of some forces that has any its cells by `lsoa`, the place that they are of, in every month."""
        rows = self.areas.lazy(self.window).filter(pl.col("force").is_in(list(forces)))
        return {
            str(force): cells.drop("force")
            for (force,), cells in _numbered(rows, self.lsoas).partition_by("force", as_dict=True).items()
        }

    def keys(self, parts: Parts) -> dict[str, str]:
        """A key of the areas of each force that has any, whatever else there is: equal when their figures are.

        Those of a quarter of which nothing differs are known from the earlier build, and no figure of it is read.
        """
        found: dict[str, list[str]] = {}
        for quarter in quarters_of(self.window):
            months = [month for month in self.window if month in quarter.months]
            allowed = self.areas.scopes.filter(pl.col("month").is_in(months))
            name, key = f"areas {quarter}", key_of(months, self.areas.keys.get(quarter), allowed)
            if parts.is_same(name, key):
                told = {part: each for part, each in parts.before.items() if part.startswith(f"{name} ")}
            else:
                rows = self.areas.collect(months)
                told = {
                    f"{name} {force}": key_of(cells)
                    for (force,), cells in rows.partition_by("force", as_dict=True).items()
                }
            parts.made |= {name: key} | told
            for part, each in sorted(told.items()):
                found.setdefault(part.removeprefix(f"{name} "), []).append(each)
        return {force: key_of(self.window, *each) for force, each in found.items()}


def cells_of(judged: Judged, country: Country, window: Sequence[date]) -> Cells:
    """Number the neighbourhoods and areas of a country, and total their judged figures in the months of `window`.

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
    figures = (
        judged.by_neighbourhood(country.lsoas, window)
        .join(country.forces.lazy().select("force"), on="force", how="semi")
        .join(places.lazy().select("place", *PLACE), on=PLACE, how="left")
        .collect()
    )
    placed = figures.filter(pl.col("place").is_not_null())
    _check_every_cell_is_there(placed, lsoas)
    shown = ["month", "category", "count", "status"]
    latest = _numbered(judged.areas.lazy(window[-1:]), lsoas)
    return Cells(
        lsoas=lsoas,
        places=places,
        neighbourhoods=placed.select("place", *shown).sort("place", "month", "category"),
        forces=add_up(figures.select("force", *shown), ["force", "month", "category"]),
        latest=latest.filter(pl.col("place").is_not_null()),
        areas=judged.areas,
        window=window,
    )


def _numbered(areas: pl.LazyFrame, lsoas: pl.DataFrame) -> pl.DataFrame:
    """Cells of `AreaCounts` by `lsoa` and `place`, null for what is in no neighbourhood of its force, with `force`."""
    codes = pl.Enum(lsoas.get_column("lsoa_code"))
    cells = areas.select(
        "force",
        pl.col("lsoa_code").cast(codes, strict=False).to_physical().cast(pl.UInt32).alias("lsoa"),
        "month",
        "category",
        "count",
        "status",
    ).collect()
    lsoa = cells.get_column("lsoa")
    owner = lsoas.get_column("force").gather(lsoa)
    place = lsoas.get_column("place").gather(lsoa)
    return cells.with_columns(place=pl.when(pl.col("force") == owner).then(place))


def _check_every_cell_is_there(cells: pl.DataFrame, lsoas: pl.DataFrame) -> None:
    """Raise ValueError when a force's month lacks a cell: its totals would be short and not say so."""
    # Anti-social behaviour is owed by those who supply street files; every other kind by everyone.
    kinds = pl.when((~is_crime()).any()).then(len(CATEGORIES)).otherwise(len(CATEGORIES) - 1)
    owners = lsoas.group_by("force").agg(places=pl.len())
    month = ["force", "month"]
    short = (
        net_of(cells, month, "areas")
        .join(cells.group_by(month).agg(kinds=kinds), on=month)
        .join(owners, on="force")
        .with_columns(wanted=pl.col("places") * pl.col("kinds"))
        .filter(pl.col("areas") != pl.col("wanted"))
        .sort(month)
        .select(*month, "areas", "wanted")
    )
    if short.height:
        force, month, found, expected = short.row(0)
        raise ValueError(
            f"The judged areas of {force} for {month:%Y-%m} have {found:,} cells where {expected:,} are wanted, one "
            "for each LSOA and kind. Aggregate that month again."
        )
