"""The figures that the maps show: for each month one small file for each force, and one for each kind of crime."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

import polars as pl

from transforms.contracts.columns import BEHAVIOUR, CATEGORIES

ALL_CRIME: Final = "All crime"
#: Kinds in the order of the files: crime together first, then each category.
KINDS: Final = (ALL_CRIME, *CATEGORIES)


def with_all_crime(cells: pl.LazyFrame, together: pl.LazyFrame, by: Sequence[str]) -> pl.LazyFrame:
    """Figures of each category and of crime together, told apart by `kind`, their place in `KINDS`."""
    return pl.concat(
        [
            cells.select(
                *by, "month", kind=pl.col("category").to_physical().cast(pl.Int64) + 1, count="count"
            ),
            together.select(*by, "month", kind=pl.lit(0, pl.Int64), count="count"),
        ],
        how="vertical_relaxed",
    )


def force_files(
    figures: pl.LazyFrame,
    lsoas: pl.DataFrame,
    verdicts: Mapping[tuple[str, date], tuple[str, str]],
    window: Sequence[date],
) -> Iterator[tuple[date, str, str]]:
    """Each month and force with the figures of its small areas, as JSON.

    `figures` has one row for each LSOA, month and `kind`; `lsoas` the LSOAs in their order on the map;
    `verdicts` the status and the reason of each force's month. In the JSON, `status` and `why` are those of
    the force, and `kinds` holds under the place of each kind that is owed a list with a number or null for
    each LSOA. A kind that is not there is not known, or not owed when `not_owed` names it.
    """
    places = lsoas.select(
        "force", "lsoa_code", position=pl.int_range(pl.len()).over("force"), size=pl.len().over("force")
    )
    lists = (
        figures.filter(pl.col("month").is_in(list(window)))
        .join(places.lazy(), on="lsoa_code")
        .with_columns(text=pl.col("count").cast(pl.String).fill_null("null"))
        .sort("force", "month", "kind", "position")
        .group_by("force", "month", "kind", "size", maintain_order=True)
        .agg(pl.len(), pl.col("text").str.join(","), known=pl.col("count").is_not_null().any())
        .collect()
    )
    owed = {force: set(kinds) for force, kinds in lists.group_by("force").agg("kind").iter_rows()}
    texts = (
        # Figures stand by their place in the list: one that does not hold every area is no list.
        lists.filter(pl.col("len") == pl.col("size"), pl.col("known"))
        .with_columns(text=pl.format('"{}":[{}]', "kind", "text"))
        .group_by("force", "month", maintain_order=True)
        .agg(pl.col("text").str.join(","))
    )
    kinds = {(force, month): text for force, month, text in texts.iter_rows()}
    for force in lsoas.get_column("force").unique(maintain_order=True):
        not_owed = sorted(set(range(len(KINDS))) - owed.get(force, set(range(len(KINDS)))))
        for month in window:
            status, why = verdicts.get((force, month), ("missing", ""))
            head = json.dumps({"status": status, "why": why, "not_owed": not_owed}, ensure_ascii=False)
            yield month, force, f'{head[:-1]},"kinds":{{{kinds.get((force, month), "")}}}}}'


def kind_files(
    of_forces: pl.LazyFrame,
    of_neighbourhoods: pl.LazyFrame,
    forces: Sequence[str],
    neighbourhoods: Sequence[tuple[str, str]],
    window: Sequence[date],
) -> Iterator[tuple[date, int, str]]:
    """Each month and kind with the figures of every force and neighbourhood, as JSON.

    Lists have a number, or null where there is none, for each in the order given.
    """
    force_places = pl.DataFrame({"force": list(forces)}).with_row_index("position")
    places = pl.DataFrame(
        list(neighbourhoods), schema={"force": pl.String, "neighbourhood": pl.String}, orient="row"
    ).with_row_index("position")
    lists = {
        "forces": _lists(of_forces, force_places, ["force"], window),
        "neighbourhoods": _lists(of_neighbourhoods, places, ["force", "neighbourhood"], window),
    }
    for month in window:
        for kind in range(len(KINDS)):
            parts = [f'"{name}":[{texts[month, kind]}]' for name, texts in lists.items()]
            yield month, kind, "{" + ",".join(parts) + "}"


def _lists(
    figures: pl.LazyFrame, places: pl.DataFrame, by: list[str], window: Sequence[date]
) -> dict[tuple[date, int], str]:
    """The figures of every place as text, by month and kind: “null” where there is no row."""
    grid = (
        places.lazy()
        .join(pl.LazyFrame({"month": list(window)}), how="cross")
        .join(pl.LazyFrame({"kind": list(range(len(KINDS)))}), how="cross")
    )
    rows = (
        grid.join(figures, on=[*by, "month", "kind"], how="left")
        .with_columns(text=pl.col("count").cast(pl.String).fill_null("null"))
        .sort("month", "kind", "position")
        .group_by("month", "kind", maintain_order=True)
        .agg(pl.col("text").str.join(","))
        .collect()
    )
    return {(month, kind): text for month, kind, text in rows.iter_rows()}


def is_crime() -> pl.Expr:
    """Whether a row's category is a crime: anti-social behaviour is an incident."""
    return pl.col("category").cast(pl.String) != BEHAVIOUR
