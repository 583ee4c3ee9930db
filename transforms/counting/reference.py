"""The Home Office offence reference table in place of the bundled one, with every difference reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import polars as pl

from transforms.counting.codes import normalise_offence_code
from transforms.counting.editions import Editions

#: What the columns of `prc-offence-ref-table-*.ods` may be headed, lower case and letters only, and what they are.
_HEADERS: Final = {
    "offencecode": "offence_code",
    "code": "offence_code",
    "offencedescription": "description",
    "offence": "description",
    "description": "description",
    "offencegroup": "group",
    "group": "group",
    "offencesubgroup": "subgroup",
    "subgroup": "subgroup",
    "policeukcategory": "category",
}
_NEEDED: Final = ("offence_code", "description", "group", "subgroup")

#: Fields that the table replaces, in the order that differences are listed.
_REPLACED: Final = ("description", "group", "subgroup", "category")


class ReferenceTableError(ValueError):
    """The table is not an offence reference table; the message says what is missing and what was seen."""


def with_reference_table(
    editions: Editions, table: pl.DataFrame, source: str
) -> tuple[Editions, pl.DataFrame]:
    """Editions whose offences are those of a reference table, and every difference from the bundled ones.

    `table` is the sheet as text under its own headers. Differences are `offence_code, field, ours, theirs`,
    where the field `code` means that only one side has the code. A code that is new takes its police.uk
    category and counting unit from the classes of its subgroup, marked low; a code that the table lacks stays,
    since records of earlier years need it. Raises ReferenceTableError when a needed column is not there.
    """
    theirs = _read(table)
    ours = editions.offences.with_columns(key=normalise_offence_code(pl.col("offence_code")))
    both = ours.join(theirs, on="key", how="inner", suffix="_theirs")
    added = theirs.join(ours, on="key", how="anti")
    lacking = (
        ours.filter(pl.col("kind") == "notifiable")
        .join(theirs, on="key", how="anti")
        .join(theirs, left_on="published_as", right_on="key", how="anti")
    )
    fields = [name for name in _REPLACED if name in theirs.columns]
    differences = pl.concat(
        [
            *(_changed(both, name) for name in fields),
            lacking.select(
                "offence_code",
                field=pl.lit("code"),
                ours=pl.col("description"),
                theirs=pl.lit(None, pl.String),
            ),
            added.select(
                "offence_code",
                field=pl.lit("code"),
                ours=pl.lit(None, pl.String),
                theirs=pl.col("description"),
            ),
        ]
    ).sort("field", "offence_code")
    like = _by_subgroup(editions)
    offences = (
        ours.join(
            theirs.select("key", *(pl.col(name).alias(f"{name}_theirs") for name in fields)),
            on="key",
            how="left",
        )
        .with_columns(
            *(pl.coalesce(f"{name}_theirs", name).alias(name) for name in fields),
            source=pl.when(pl.col("description_theirs").is_not_null())
            .then(pl.lit(source))
            .otherwise("source"),
        )
        .select(editions.offences.columns)
    )
    new = added.join(like, on="subgroup", how="left", suffix="_like")
    category = pl.coalesce("category", "category_like") if "category" in fields else pl.col("category")
    mark = pl.lit("police.uk category and counting unit taken from the other classes of its subgroup")
    offences = pl.concat(
        [
            offences,
            new.with_columns(
                published_as="offence_code", category=category, kind=pl.lit("notifiable"), source=pl.lit(source),
                confidence=pl.lit("high"), note=mark,
            ),
        ],
        how="diagonal_relaxed",
    ).select(editions.offences.columns)  # fmt: skip
    units = pl.concat(
        [
            editions.counting_units,
            new.with_columns(source=pl.lit(source), confidence=pl.lit("low"), note=mark),
        ],
        how="diagonal_relaxed",
    ).select(editions.counting_units.columns)
    return replace(editions, offences=offences, counting_units=units), differences


def _read(table: pl.DataFrame) -> pl.DataFrame:
    plain = {name: "".join(filter(str.isalpha, name.lower())) for name in table.columns}
    renamed = {name: _HEADERS[letters] for name, letters in plain.items() if letters in _HEADERS}
    missing = [name for name in _NEEDED if name not in renamed.values()]
    if missing or len(set(renamed.values())) < len(renamed):
        raise ReferenceTableError(
            f"The offence reference table has no one column for {', '.join(missing) or 'each field'}; "
            f"its columns are {', '.join(table.columns)}."
        )
    return (
        table.select(*renamed)
        .rename(renamed)
        .cast(pl.String)
        .with_columns(pl.all().str.strip_chars())
        .filter(pl.col("offence_code").is_not_null() & (pl.col("offence_code") != ""))
        .with_columns(key=normalise_offence_code(pl.col("offence_code")))
        # Homicide stands in the table once for each of its four classes, under one code.
        .sort("key", "description")
        .unique("key", keep="first", maintain_order=True)
    )


def _changed(both: pl.DataFrame, name: str) -> pl.DataFrame:
    theirs = pl.col(f"{name}_theirs")
    return both.filter(theirs.is_not_null() & theirs.ne_missing(pl.col(name))).select(
        "offence_code", field=pl.lit(name), ours=pl.col(name), theirs=theirs
    )


def _by_subgroup(editions: Editions) -> pl.DataFrame:
    """The police.uk category and counting unit that most classes of each subgroup have."""
    return (
        editions.offences.filter(pl.col("kind") == "notifiable")
        .join(editions.counting_units.select("offence_code", "unit", "basis"), on="offence_code")
        .group_by("subgroup", "category", "unit", "basis")
        .agg(classes=pl.len())
        .sort(
            "subgroup", "classes", "category", "unit", "basis", descending=[False, True, False, False, False]
        )
        .unique("subgroup", keep="first", maintain_order=True)
        .drop("classes")
    )
