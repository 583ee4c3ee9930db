"""What a reader may choose on the map of a neighbourhood: any month and any kind of crime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from geography.areas import Country
from transforms.aggregation import add_up
from transforms.contracts.columns import CATEGORIES
from transforms.contracts.status import Status

ALL_CRIME: Final = "All crime"
KINDS: Final = (ALL_CRIME, *CATEGORIES)
PLACE: Final = ["force", "neighbourhood"]


def choices(
    areas: pl.LazyFrame, of_lsoas: pl.DataFrame, country: Country, window: Sequence[date]
) -> dict[tuple[str, str], str]:
    """The figures of each neighbourhood's small areas in every month, as the JSON that its map reads.

    `areas` is `AreaCounts`, `of_lsoas` the total of crime in each LSOA and month. In the JSON `areas` lists
    the LSOA codes, `kinds` the kinds, and `months` holds for each month a list for each kind of a list for
    each LSOA: a number, or null where there is none. A month that is not there is not known. `part` lists
    the months that were supplied in part.
    """
    lsoas = country.lsoas.sort(*PLACE, "lsoa_code").with_columns(
        position=pl.int_range(pl.len()).over(PLACE), size=pl.len().over(PLACE)
    )
    places = lsoas.group_by(PLACE, maintain_order=True).agg(codes="lsoa_code").with_row_index("place")
    keys = lsoas.join(places.select(*PLACE, "place"), on=PLACE).select(
        "lsoa_code", "place", "position", "size"
    )
    every = pl.concat(
        [
            areas.select("lsoa_code", "month", kind=pl.col("category").to_physical() + 1, count="count"),
            of_lsoas.lazy().select("lsoa_code", "month", kind=pl.lit(0, pl.UInt8), count="count"),
        ],
        how="vertical_relaxed",
    )
    lists = (
        every.join(keys.lazy(), on="lsoa_code")
        .with_columns(text=pl.col("count").cast(pl.String).fill_null("null"))
        .sort("place", "month", "kind", "position", descending=[False, True, False, False])
        .group_by("place", "month", "kind", "size", maintain_order=True)
        .agg(pl.len(), pl.col("text").str.join(","), known=pl.col("count").is_not_null().any())
        # Figures stand by their place in the list: one that does not hold every area is no list.
        .filter(pl.col("len") == pl.col("size"))
        .group_by("place", "month", maintain_order=True)
        .agg(pl.len(), pl.col("text").str.join("],["), pl.col("known").any())
        .filter("known", pl.col("len") == len(KINDS))
        .with_columns(text=pl.format('"{}":[[{}]]', pl.col("month").dt.strftime("%Y-%m"), "text"))
        .group_by("place", maintain_order=True)
        .agg(pl.col("text").str.join(","))
        .collect()
    )
    months = dict(lists.iter_rows())
    part = _months_in_part(areas)
    kinds = json.dumps(KINDS, separators=(",", ":"))
    newest_first = json.dumps([f"{month:%Y-%m}" for month in reversed(window)], separators=(",", ":"))
    return {
        (force, neighbourhood): (
            f'{{"areas":{json.dumps(codes, separators=(",", ":"))},"kinds":{kinds},"window":{newest_first},'
            f'"part":{json.dumps(part.get(force, []), separators=(",", ":"))},"months":{{{months.get(place, "")}}}}}'
        )
        for place, force, neighbourhood, codes in places.iter_rows()
    }


def _months_in_part(areas: pl.LazyFrame) -> dict[str, list[str]]:
    months = (
        areas.filter(pl.col("status").cast(pl.String) == Status.PARTIAL.value)
        .select("force", "month")
        .unique()
        .sort("force", "month")
        .with_columns(pl.col("month").dt.strftime("%Y-%m"))
        .group_by("force", maintain_order=True)
        .agg("month")
        .collect()
    )
    return dict(months.iter_rows())


def crime_of_lsoas(areas: pl.LazyFrame) -> pl.DataFrame:
    """Crime without anti-social behaviour in each LSOA and month."""
    crimes = areas.filter(pl.col("category").cast(pl.String) != CATEGORIES[0])
    return add_up(crimes, ["lsoa_code", "month"])
