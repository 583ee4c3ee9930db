"""What a reader may choose on the map of a neighbourhood: any month and any kind of crime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from geography.areas import Country
from transforms.aggregation import add_up
from transforms.contracts.columns import BEHAVIOUR, CATEGORIES
from transforms.contracts.status import Status

ALL_CRIME: Final = "All crime"
KINDS: Final = (ALL_CRIME, *CATEGORIES)
PLACE: Final = ["force", "neighbourhood"]


def choices(
    areas: pl.LazyFrame, of_lsoas: pl.DataFrame, country: Country, window: Sequence[date]
) -> dict[tuple[str, str], str]:
    """The figures of each neighbourhood's small areas in every month, as the JSON that its map reads.

    `areas` is `AreaCounts`, `of_lsoas` the total of crime in each LSOA and month. In the JSON `areas` lists
    the LSOA codes, `kinds` the kinds, and `months` holds for each month, under the place of each kind, a list
    with a number or null for each LSOA. A month or a kind that is not there is not known. In `kinds`, null
    stands for a kind that the force does not owe. `part` lists
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
        .filter("known")
        .with_columns(text=pl.format('"{}":[{}]', "kind", "text"))
        .group_by("place", "month", maintain_order=True)
        .agg(pl.col("text").str.join(","))
        .with_columns(text=pl.concat_str(pl.lit('"'), _year_month(), pl.lit('":{'), "text", pl.lit("}")))
        .group_by("place", maintain_order=True)
        .agg(pl.col("text").str.join(","))
        .collect()
    )
    months = dict(lists.iter_rows())
    part = _months_in_part(areas)
    kinds = {
        force: _compact([kind if kind in owed else None for kind in KINDS]) for force, owed in _kinds(areas)
    }
    all_kinds = _compact(KINDS)
    newest_first = _compact([f"{month:%Y-%m}" for month in reversed(window)])
    return {
        (force, neighbourhood): (
            f'{{"areas":{_compact(codes)},"kinds":{kinds.get(force, all_kinds)},"window":{newest_first},'
            f'"part":{_compact(part.get(force, []))},"months":{{{months.get(place, "")}}}}}'
        )
        for place, force, neighbourhood, codes in places.iter_rows()
    }


def _compact(content: Sequence[str | None]) -> str:
    return json.dumps(content, separators=(",", ":"))


def _kinds(areas: pl.LazyFrame) -> list[tuple[str, list[str]]]:
    """What each force owes: all crime, and the kinds that it has cells for."""
    found = areas.group_by("force").agg(pl.col("category").cast(pl.String).unique()).sort("force").collect()
    return [(force, [ALL_CRIME, *kinds]) for force, kinds in found.iter_rows()]


def _months_in_part(areas: pl.LazyFrame) -> dict[str, list[str]]:
    months = (
        areas.filter(pl.col("status").cast(pl.String) == Status.PARTIAL.value)
        .select("force", "month")
        .unique()
        .sort("force", "month")
        .with_columns(month=_year_month())
        .group_by("force", maintain_order=True)
        .agg("month")
        .collect()
    )
    return dict(months.iter_rows())


def _year_month() -> pl.Expr:
    return pl.col("month").dt.strftime("%Y-%m")


def crime_of_lsoas(areas: pl.LazyFrame) -> pl.DataFrame:
    """Crime without anti-social behaviour in each LSOA and month."""
    crimes = areas.filter(pl.col("category").cast(pl.String) != BEHAVIOUR)
    return add_up(crimes, ["lsoa_code", "month"])
