"""Sums of what is judged, made once for each quarter: who publishes them has millions of rows fewer to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from transforms import aggregation
from transforms.contracts import tables
from transforms.contracts.columns import is_crime
from transforms.quarter_rows import QuarterRows

_KIND: Final = ["force", "month", "csp_code", "offence_code", "category"]


@dataclass(frozen=True)
class Sums:
    """The sums of some quarters."""

    #: `tables.NeighbourhoodCounts` (`of_areas`).
    neighbourhoods: QuarterRows
    #: `tables.ListedCounts` (`of_listed`).
    listed: QuarterRows
    #: `tables.ListedOutcomes` (`of_outcomes`).
    outcomes: QuarterRows


def of_areas(areas: pl.LazyFrame, lsoas: pl.DataFrame) -> pl.DataFrame:
    """Judged areas (`AreaCounts`) added up by neighbourhood (`NeighbourhoodCounts`).

    What lies in no neighbourhood of its force stands under the name of the place that it has among the areas.
    """
    by = ["force", "month", "neighbourhood", "category"]
    placed = areas.join(
        lsoas.lazy().select("force", "lsoa_code", "neighbourhood"), on=["force", "lsoa_code"], how="left"
    ).with_columns(pl.coalesce("neighbourhood", "lsoa_code"))
    number = aggregation.rows_by(placed, by).rename({"rows": "areas"}).collect()
    return (
        aggregation.add_up(placed, by)
        .join(number, on=by, maintain_order="left")
        .select(tables.NeighbourhoodCounts.column_names())
    )


def of_listed(crimes: pl.LazyFrame) -> pl.DataFrame:
    """The listed crimes (`Counted`) and net corrections of each kind (`ListedCounts`), in order."""
    return aggregation.counted_by(crimes, _KIND).sort(_KIND)


def of_outcomes(crimes: pl.LazyFrame, lsoas: pl.DataFrame) -> pl.DataFrame:
    """The outcomes of listed crimes (`Counted`) in neighbourhoods of their own force (`ListedOutcomes`), in order."""
    by = ["force", "month", "neighbourhood", "outcome"]
    placed = crimes.filter(is_crime(), pl.col("counted") > 0).join(
        lsoas.lazy().select("force", "lsoa_code", "neighbourhood"), on=["force", "lsoa_code"]
    )
    return aggregation.rows_by(placed, by).collect(engine="streaming").sort(by)
