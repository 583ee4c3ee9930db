"""The stop and search file: one line for each search, in the columns and spelling of data.police.uk, and no other."""

from __future__ import annotations

from typing import Final

import polars as pl

#: Header and order of the file, and the column of `Searches` that each is from.
COLUMNS: Final = {
    "Type": "type",
    "Date": "searched_at",
    "Part of a policing operation": "in_operation",
    "Policing operation": "operation",
    "Latitude": "latitude",
    "Longitude": "longitude",
    "Gender": "gender",
    "Age range": "age_range",
    "Self-defined ethnicity": "self_defined_ethnicity",
    "Officer-defined ethnicity": "officer_defined_ethnicity",
    "Legislation": "legislation",
    "Object of search": "object_of_search",
    "Outcome": "outcome",
    "Outcome linked to object of search": "outcome_linked",
    "Removal of more than just outer clothing": "more_than_outer_clothing",
}

#: The columns of the Parquet file.
NAMES: Final = {"force": "force", "Month": "month", **COLUMNS}


def published(searches: pl.DataFrame) -> pl.DataFrame:
    """Lines of the file, sorted, with their `force` and `Month`. `searches` is `Searches`."""
    lines = searches.select(
        "force",
        pl.col("month").dt.strftime("%Y-%m").alias("Month"),
        *(_written(name, searches.schema[name]).alias(column) for column, name in COLUMNS.items()),
    )
    order = ("force", "Date", *(column for column in COLUMNS if column != "Date"))
    return lines.sort(order, nulls_last=True)


def _written(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype != pl.Boolean:
        return pl.col(name)
    return pl.when(name).then(pl.lit("True")).when(~pl.col(name)).then(pl.lit("False"))
