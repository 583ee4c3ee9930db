"""Confidentiality of small areas: which of their figures are not printed, and whether subtraction finds them.

The rule is this product's own; the field prints no such tables. It is for figures that nothing else published
tells, such as the crimes whose location the map withholds; a figure that adds up lines of the bulk files needs no
suppression, because each line stands at a map point of eight or more addresses (`docs/small-areas.md`). A figure
of 1 or 2 for a neighbourhood or an LSOA is not printed. Beside it others are left out until no reader who knows
every printed figure can tell it closely. Community Safety Partnerships and larger areas are printed in full, as the
field does.

Three things keep subtraction from working between periods and between releases. Small areas are given for
financial years alone, which do not overlap. No figure of a small area is for less than a year, so no sensitive
crime is crossed with a small area in a single month. And what was printed of a year is carried into every later
release of it, and never restated.

How it works. The neighbourhoods of a partnership, and the LSOAs of a neighbourhood, are the rows of a table
whose row totals and column totals can be known. In some rows and some columns of it every figure is hidden, so
what is hidden is a table too, and what can be said of one of its cells is exactly what its totals allow: at
most the smaller of its two totals, and at least what the rest has no room for (Fréchet's bounds). Rows and
columns are added until that leaves room enough. A column hidden in a neighbourhood is hidden in all its LSOAs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from transforms.aggregation import total_within
from transforms.contracts.status import STATUS, Status, allows_number

#: The smallest figure other than zero that is printed for a small area.
SMALLEST: Final = 3
#: What can be worked out of a small figure spans at least this much.
WIDE: Final = 3
#: Name of the column that holds the others.
TOTAL: Final = "total"
#: No figure of a small area is for fewer months than this.
MONTHS: Final = 12

NEIGHBOURHOOD: Final = "neighbourhood"
LSOA: Final = "LSOA"
#: Printed in full.
PARTNERSHIP: Final = "partnership"

#: More than any count of crimes.
FAR: Final = 2**40


class DisclosureError(ValueError):
    """Figures of small areas that would tell of one person."""


def withheld(figures: pl.DataFrame, months: int) -> pl.DataFrame:
    """The figures of small areas that must not be printed, and what a reader can still work out of each.

    `figures` has one row for each LSOA that has figures and each column: `lsoa`, `neighbourhood`,
    `partnership`, `column` and `count`, not below zero. Columns add up to the row's total, neighbourhoods and
    LSOAs to their partnership. Returns one row for each `level` (neighbourhood or LSOA), `area` and `column`
    (`TOTAL` among them) that is to be hidden, with `low` and `high`: for all that a reader can tell, it may be
    either (`high` is null for a total). Raises DisclosureError when the figures are for fewer months than `MONTHS`.
    """
    if months < MONTHS:
        raise DisclosureError(
            f"Figures of small areas for {months} months: none may be for fewer than {MONTHS}, because a sensitive "
            "crime in a small area in one month can tell of one person. Give them for a year."
        )
    # A neighbourhood that crosses partnerships is protected in each as if its parts were printed.
    parts = figures.select("neighbourhood", "partnership").unique().sort("neighbourhood", "partnership")
    numbered = figures.with_columns(pl.col("lsoa", "partnership", "column").cast(pl.Categorical))
    by_lsoa = numbered.join(
        parts.with_columns(pl.col("partnership").cast(pl.Categorical)).with_row_index("part"),
        on=["neighbourhood", "partnership"],
    )
    by_part = _added(by_lsoa.with_columns(parent="partnership", unit="part"))
    printed = _added(by_part.with_columns(unit="parent")).select("unit", "column", "count")
    in_full = printed.select(
        "column",
        parent="unit",
        low_above="count",
        high_above="count",
        top="count",
        hidden_above=pl.lit(False),
        withheld_above=pl.lit(False),
    )
    neighbourhoods = _protected(by_part, in_full)
    above = neighbourhoods.select(
        "column",
        "top",
        parent="unit",
        low_above="low",
        high_above="high",
        hidden_above="hidden",
        withheld_above="withheld",
    )
    lsoas = _protected(_added(by_lsoa.with_columns(parent="part", unit="lsoa")), above)
    names = parts.with_row_index("unit").select("unit", area="neighbourhood")
    answers = [
        _answer(neighbourhoods.join(names, on="unit"), NEIGHBOURHOOD),
        _answer(lsoas.with_columns(area=pl.col("unit").cast(pl.String)), LSOA),
    ]
    return pl.concat(answers).sort("level", "area", "column")


def hide(figures: pl.DataFrame, hidden: pl.DataFrame) -> pl.DataFrame:
    """`figures` (`level`, `area`, `column`, `count`, `status`) with what is to be hidden withheld.

    Only a number is withheld: what was owed and is not there stays missing, so `[c]` never stands for `[x]`.
    """
    key = ["level", "area", "column"]
    must = hidden.select(*key, hide=pl.lit(True))
    away = pl.col("hide").is_not_null() & allows_number()
    status = pl.col("status").cast(pl.String)
    return (
        figures.join(must, on=key, how="left", maintain_order="left")
        .with_columns(status=pl.when(away).then(pl.lit(Status.WITHHELD.value)).otherwise(status).cast(STATUS))
        .with_columns(count=pl.when(allows_number()).then("count"))
        .drop("hide")
    )


def carried(figures: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """`figures` as an earlier release of the same year printed them, wherever it printed or withheld one.

    Both have `force`, `level`, `area`, `column`, `count` and `status`. A force of which the earlier release held
    nothing, as it had not supplied, is printed for the first time.
    """
    # A change of one in a restated figure, beside its restated totals, tells the figure behind a [c].
    was_there = pl.col("status").cast(pl.String) != Status.MISSING.value
    standing = earlier.filter(was_there).select("force").unique()
    key = ["level", "area", "column"]
    kept = earlier.join(standing, on="force", how="semi").select(*key, was="count", was_status="status")
    is_kept = pl.col("was_status").is_not_null()
    return (
        figures.join(kept, on=key, how="left", maintain_order="left")
        .with_columns(
            count=pl.when(is_kept).then("was").otherwise("count"),
            status=pl.when(is_kept)
            .then(pl.col("was_status").cast(pl.String))
            .otherwise(pl.col("status").cast(pl.String))
            .cast(STATUS),
        )
        .drop("was", "was_status")
    )


def cell(level: str | pl.Expr, area: str, column: str = "column") -> pl.Expr:
    """The id of a printed cell: its level, the area in the column `area`, and its column."""
    kind = pl.lit(level) if isinstance(level, str) else level
    return pl.concat_str(kind, area, column, separator="|").alias("cell")


def sums_between(places: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Every sum that holds between printed cells: `sum`, `cell` and `is_whole`, as `found_by_subtraction` takes them.

    `places` has one row for each `lsoa`, with its `neighbourhood` and `partnership`; `columns` add up to `TOTAL`.
    """
    every = pl.DataFrame({"column": [*columns, TOTAL]}, schema={"column": pl.String})
    homes = pl.col("partnership").n_unique().over("neighbourhood")
    crossed = places.with_columns(homes=homes).filter(pl.col("homes") > 1).select("partnership").unique()
    nested = (
        places.select("neighbourhood", "partnership").unique().join(crossed, on="partnership", how="anti")
    )
    made = [
        _sums(places, every, LSOA, "lsoa", NEIGHBOURHOOD, "neighbourhood"),
        _sums(places, every, LSOA, "lsoa", PARTNERSHIP, "partnership"),
        _sums(nested, every, NEIGHBOURHOOD, "neighbourhood", PARTNERSHIP, "partnership"),
    ]
    for level, key in ((LSOA, "lsoa"), (NEIGHBOURHOOD, "neighbourhood")):
        across = places.select(area=key).unique().join(every, how="cross")
        made.append(
            across.select(
                sum=pl.concat_str(pl.lit("across"), pl.lit(level), "area", separator="|"),
                cell=cell(level, "area"),
                is_whole=pl.col("column") == TOTAL,
            )
        )
    return pl.concat(made)


def _sums(
    pairs: pl.DataFrame, every: pl.DataFrame, level: str, part: str, level_above: str, whole: str
) -> pl.DataFrame:
    cells = pairs.select(part, whole).unique().join(every, how="cross")
    name = pl.concat_str(pl.lit(level), pl.lit(level_above), whole, "column", separator="|")
    return pl.concat(
        [
            cells.select(sum=name, cell=cell(level, part), is_whole=pl.lit(False)),
            cells.select(whole, "column")
            .unique()
            .select(sum=name, cell=cell(level_above, whole), is_whole=pl.lit(True)),
        ]
    )


def found_by_subtraction(sums: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The cells that a reader of the printed figures finds by subtracting, however often: `cell` and `count`.

    `sums` has one row for each cell of each sum: `sum` (its id), `cell` and `is_whole`, true for the cell that
    the others add up to. `known` has the printed cells, `cell` and `count`. One cell that lacks from a sum is
    found; so are several when nothing is left for them. No cell is below zero.
    """
    told = known.select("cell", pl.col("count").cast(pl.Int64)).unique("cell")
    found = told.clear()
    while True:
        state = sums.join(told, on="cell", how="left").with_columns(
            unknown=pl.col("count").is_null(),
            signed=pl.when("is_whole").then("count").otherwise(-pl.col("count")),
        )
        state = state.with_columns(
            left=total_within("signed", ["sum"]),
            unknowns=pl.col("cell").filter("unknown").len().over("sum"),
            lacks_whole=(pl.col("unknown") & pl.col("is_whole")).any().over("sum"),
        )
        tells = (pl.col("unknowns") == 1) | (~pl.col("lacks_whole") & (pl.col("left") == 0))
        new = (
            state.filter("unknown", tells)
            .select("cell", count=pl.when("is_whole").then(-pl.col("left")).otherwise("left"))
            .unique("cell")
        )
        if new.is_empty():
            return found.sort("cell")
        found, told = pl.concat([found, new]), pl.concat([told, new])


def _added(figures: pl.DataFrame) -> pl.DataFrame:
    """Counts of each `unit` and `column`, with the unit's `parent` where there is one."""
    kept = [name for name in ("unit", "parent", "column") if name in figures.columns]
    return figures.select(*kept, count=total_within("count", ["unit", "column"])).unique(["unit", "column"])


def _protected(cells: pl.DataFrame, above: pl.DataFrame) -> pl.DataFrame:
    """Decide what to hide among the units of each parent.

    `cells` has `unit`, `parent`, `column`, `count`; `above` has, for each `parent` and `column`, `low_above`
    and `high_above` between which its figure can be, `top` (the figure printed in full above it), whether it is
    `hidden_above`, and whether everything of the parent is (`withheld_above`). Returns the cells with
    `hidden`, `low`, `high`, `top` and `withheld`, whether the unit's total is hidden too.
    """
    frame = cells.join(above, on=["parent", "column"]).with_columns(
        units=pl.col("unit").n_unique().over("parent"),
        of_unit=total_within("count", ["unit"]),
        of_column=total_within("count", ["parent", "column"]),
    )
    # A unit that is all of its parent is what the parent is: small, hidden and withheld when the parent is.
    several = pl.col("units") > 1
    little = pl.col("of_unit").is_between(1, SMALLEST - 1) & several
    frame = frame.with_columns(
        small=pl.col("count").is_between(1, SMALLEST - 1) & several,
        withheld=pl.col("withheld_above") | little.any().over("parent"),
    ).with_columns(
        row_in=(pl.col("small").any().over("unit") | pl.col("hidden_above").any().over("parent")),
        column_in=(pl.col("small") | pl.col("hidden_above")).any().over("parent", "column"),
    )
    answer = ["unit", "column", "top", "low", "high", "hidden", "withheld"]
    settled = []
    while frame.height:
        frame = _bounded(frame)
        told = pl.col("narrow").any().over("parent")
        settled.append(frame.filter(~told).select(answer))
        frame = _widened(frame.filter(told))
    return pl.concat(settled)


def _bounded(frame: pl.DataFrame) -> pl.DataFrame:
    """What is hidden, and between what a reader can still place it."""
    inside = pl.col("row_in") & pl.col("column_in")
    frame = frame.with_columns(inside=pl.when(inside).then("count")).with_columns(
        row=total_within("inside", ["unit"]),
        of_column_inside=total_within("inside", ["parent", "column"]),
        rest=total_within("inside", ["parent"]),
    )
    whole = pl.when("withheld").then("of_column").otherwise("of_column_inside")
    least, most = (
        pl.when("hidden_above").then(edge).otherwise(whole) for edge in ("low_above", "high_above")
    )
    alone = pl.col("units") == 1
    low = (
        pl.when(pl.col("withheld") & ~alone)
        .then(0)
        .when("withheld")
        .then(least)
        .otherwise(pl.max_horizontal(0, pl.col("row") + least - pl.col("rest")))
    )
    high = pl.when("withheld").then(most).otherwise(pl.min_horizontal("row", most))
    # A zero with nothing else hidden in its row or column is known, and hides nothing.
    frame = frame.with_columns(
        low=low,
        high=high,
        hidden=(inside | pl.col("withheld")) & (high > 0),
        column_binds=most <= pl.col("row"),
    )
    span = pl.col("high") - pl.col("low")
    wide = ((span >= WIDE) & (pl.col("high") >= SMALLEST)) | (
        (pl.col("low") == 0) & (pl.col("high") == pl.col("top"))
    )
    told = pl.col("hidden") & ~pl.col("withheld") & ((pl.col("small") & ~wide) | (span == 0))
    return frame.with_columns(narrow=told)


def _widened(frame: pl.DataFrame) -> pl.DataFrame:
    """Hide one more row or column of each parent that tells too much; all of it when none is left."""
    tight_row, tight_column = (pl.col("narrow").any().over(key) for key in ("unit", ["parent", "column"]))
    frame = frame.with_columns(
        tight=pl.col("narrow").any().over("parent"),
        for_row=pl.when(tight_column & ~pl.col("row_in")).then("count"),
        for_column=pl.when(tight_row & ~pl.col("column_in")).then("count"),
    ).with_columns(
        row_gives=total_within("for_row", ["unit"]),
        column_gives=total_within("for_column", ["parent", "column"]),
    )
    # The row or column that gives enough and costs least; failing that, the one that gives most.
    cost = {"row": "of_unit", "column": "of_column"}
    frame = frame.with_columns(
        pl.when(pl.col(f"{kind}_gives") >= WIDE)
        .then(pl.col(cost[kind]))
        .when(pl.col(f"{kind}_gives") > 0)
        .then(FAR - pl.col(f"{kind}_gives"))
        .alias(f"{kind}_cost")
        for kind in cost
    ).with_columns(
        best_row=pl.col("row_cost").min().over("parent"),
        best_column=pl.col("column_cost").min().over("parent"),
        column_tight=(pl.col("narrow") & pl.col("column_binds")).any().over("parent"),
    )
    takes_row = pl.col("best_row").is_not_null() & (pl.col("column_tight") | pl.col("best_column").is_null())
    takes_column = pl.col("best_column").is_not_null() & ~takes_row
    new_row = pl.col("tight") & takes_row & (pl.col("row_cost") == pl.col("best_row"))
    new_column = pl.col("tight") & takes_column & (pl.col("column_cost") == pl.col("best_column"))
    return frame.with_columns(
        row_in=pl.col("row_in") | new_row,
        column_in=pl.col("column_in") | new_column,
        withheld=pl.col("withheld") | (pl.col("tight") & ~takes_row & ~takes_column),
    )


def _answer(frame: pl.DataFrame, level: str) -> pl.DataFrame:
    """The hidden cells of a level, with those of totals: one row for each `level`, `area` and `column`."""
    cells = frame.filter("hidden").select("area", pl.col("column").cast(pl.String), "low", "high")
    totals = (
        frame.filter("withheld")
        .group_by("area")
        .agg(low=pl.lit(0, pl.Int64), high=pl.lit(None, pl.Int64))
        .select("area", pl.lit(TOTAL).alias("column"), "low", "high")
    )
    # A neighbourhood in two partnerships is hidden when either part is, and can be more than each part.
    return (
        pl.concat([cells, totals])
        .group_by("area", "column")
        .agg(pl.col("low").min(), pl.col("high").max())
        .select(level=pl.lit(level), area="area", column="column", low="low", high="high")
    )
