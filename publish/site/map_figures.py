"""The figures that the maps show: for each month one small file for each force, and one for each kind of crime."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from transforms.aggregation import add_up
from transforms.contracts.columns import CATEGORIES, is_crime

ALL_CRIME: Final = "All crime"
#: Kinds in the order of the files: crime together first, then each category.
KINDS: Final = (ALL_CRIME, *CATEGORIES)


def by_kind(cells: pl.DataFrame, position: str) -> pl.DataFrame:
    """Figures of each category and of crime together: `position`, `month`, `kind` (its place in `KINDS`), `count`.

    `cells` has one row for each value of the column `position`, month and category.
    """
    together = add_up(cells.lazy().filter(is_crime()), [position, "month"])
    return pl.concat(
        [
            cells.select(
                position=position,
                month="month",
                kind=pl.col("category").to_physical().cast(pl.UInt8) + 1,
                count="count",
            ),
            together.select(position=position, month="month", kind=pl.lit(0, pl.UInt8), count="count"),
        ]
    )


def force_files(
    cells: pl.DataFrame, size: int, verdicts: Mapping[date, tuple[str, str]], window: Sequence[date]
) -> Iterator[tuple[date, str]]:
    """Each month with the figures of the small areas of one force, as JSON.

    `cells` has one row for each `lsoa` of the force, month and category, `size` being how many LSOAs there
    are; `verdicts` the status and the reason of each month. In the JSON, `status` and `why` are those of
    the force, and `kinds` holds under the place of each kind that is owed a list with a number or null for
    each LSOA in order. A kind that is not there is not known, or not owed when `not_owed` names it.
    """
    lists = (
        by_kind(cells, "lsoa")
        .lazy()
        .filter(pl.col("month").is_in(list(window)))
        .sort("month", "kind", "position")
        .with_columns(text=pl.col("count").cast(pl.String).fill_null("null"))
        .group_by("month", "kind", maintain_order=True)
        .agg(pl.len(), pl.col("text").str.join(","), known=pl.col("count").is_not_null().any())
        .collect()
    )
    owed = set(lists.get_column("kind")) or set(range(len(KINDS)))
    not_owed = sorted(set(range(len(KINDS))) - owed)
    texts = (
        # Figures stand by their place in the list: one that does not hold every area is no list.
        lists.filter(pl.col("len") == size, pl.col("known"))
        .with_columns(text=pl.format('"{}":[{}]', "kind", "text"))
        .group_by("month", maintain_order=True)
        .agg(pl.col("text").str.join(","))
    )
    kinds = dict(texts.iter_rows())
    for month in window:
        status, why = verdicts.get(month, ("missing", ""))
        head = json.dumps({"status": status, "why": why, "not_owed": not_owed}, ensure_ascii=False)
        yield month, f'{head[:-1]},"kinds":{{{kinds.get(month, "")}}}}}'


def kind_files(
    levels: Mapping[str, tuple[pl.DataFrame, int]], window: Sequence[date]
) -> Iterator[tuple[date, int, str]]:
    """Each month and kind with the figures of every area of some levels, as JSON.

    A level has figures by kind (`by_kind`) and how many areas there are; its list has a number, or null
    where there is none, for each area in order of its position.
    """
    lists = {name: _lists(figures, size, window) for name, (figures, size) in levels.items()}
    for month in window:
        for kind in range(len(KINDS)):
            parts = [f'"{name}":[{texts[month, kind]}]' for name, texts in lists.items()]
            yield month, kind, "{" + ",".join(parts) + "}"


def _lists(figures: pl.DataFrame, size: int, window: Sequence[date]) -> dict[tuple[date, int], str]:
    """The figures of every place as text, by month and kind: “null” where there is no row."""
    kinds = pl.LazyFrame({"kind": list(range(len(KINDS)))}, schema={"kind": pl.UInt8})
    rows = (
        pl.LazyFrame({"month": list(window)}, schema={"month": pl.Date})
        .join(kinds, how="cross")
        .join(pl.LazyFrame({"position": pl.int_range(size, dtype=pl.UInt32, eager=True)}), how="cross")
        .join(figures.lazy(), on=["position", "month", "kind"], how="left")
        .sort("month", "kind", "position")
        .with_columns(text=pl.col("count").cast(pl.String).fill_null("null"))
        .group_by("month", "kind", maintain_order=True)
        .agg(pl.col("text").str.join(","))
        .collect()
    )
    return {(month, kind): text for month, kind, text in rows.iter_rows()}
