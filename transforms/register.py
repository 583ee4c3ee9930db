"""Who owes which file for which month: the expected grid. Presence comes from the register alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import dataframely as dy
import polars as pl

from transforms.contracts import columns as c


class Register(dy.Schema):
    """One row for each spell in which a force owes a kind of file, as entered on a date."""

    force = c.force(primary_key=True)
    file_type = c.text("extract, street, outcomes or stop-and-search", primary_key=True)
    first_month = c.month(primary_key=True)
    last_month = c.month(nullable=True)
    treatment = c.text(
        "record-level: corrections restate the quarter; aggregate: corrections show as a net figure"
    )
    entered = dy.Date(description="date on which the row was entered", primary_key=True)
    note = c.text(
        "why, such as a declared outage; “since July 2019” in an entry from that month dates the silence",
        nullable=True,
    )

    @dy.rule()
    def known_file_type(cls) -> pl.Expr:
        """A file type that the product can read."""
        return pl.col("file_type").is_in(FILE_TYPES)

    @dy.rule()
    def known_treatment(cls) -> pl.Expr:
        """One of the two treatments of a late correction."""
        return pl.col("treatment").is_in(["record-level", "aggregate"])

    @dy.rule()
    def ends_after_it_starts(cls) -> pl.Expr:
        """A spell does not end before it starts."""
        return pl.col("last_month").is_null() | (pl.col("last_month") >= pl.col("first_month"))


FILE_TYPES = ["extract", "street", "outcomes", "stop-and-search"]

#: The file types that crimes are counted from; a force owes one of them for a month.
COUNTED_FROM = ["extract", "street"]


def owed(register: pl.DataFrame, months: Sequence[date]) -> pl.DataFrame:
    """One row for each force, file type and month owed within `months`.

    With the `treatment`, `note` and `first_month` of the entry that says so.

    A later entry about the same force, file type and first month replaces an earlier one, so the register
    keeps its own history.
    """
    current = register.sort("entered").unique(
        ["force", "file_type", "first_month"], keep="last", maintain_order=True
    )
    calendar = pl.DataFrame({"month": list(months)}, schema={"month": pl.Date})
    return (
        current.join(calendar, how="cross")
        .filter(
            pl.col("month") >= pl.col("first_month"),
            pl.col("last_month").is_null() | (pl.col("month") <= pl.col("last_month")),
        )
        .sort("force", "file_type", "month", "first_month")
        .unique(["force", "file_type", "month"], keep="last", maintain_order=True)
        .select("force", "file_type", "month", "treatment", "note", "first_month")
    )


def presence(owed_files: pl.DataFrame, supplies: pl.DataFrame) -> pl.DataFrame:
    """What came of each file owed: the owed rows with `supplied`, `rows` and, when not, `why`.

    `supplies` has one row for each file received (`Supplies`). Only an accepted file that holds rows is
    supply: an empty file is an answer that says nothing, not a zero.
    """
    received = (
        supplies.filter(pl.col("state").is_in(["accepted", "refused"]), pl.col("first_month").is_not_null())
        .with_columns(month=pl.date_ranges("first_month", "last_month", "1mo"))
        .explode("month")
        .group_by("force", pl.col("kind").alias("file_type"), "month")
        .agg(
            pl.col("rows").filter(pl.col("state") == "accepted").max().alias("rows"),
            pl.col("reason").filter(pl.col("state") == "refused").first().alias("refusal"),
        )
    )
    why = (
        pl.when(pl.col("rows") > 0)
        .then(None)
        .when(pl.col("rows") == 0)
        .then(pl.lit("the file supplied for this month is empty"))
        .when(pl.col("refusal").is_not_null())
        .then(pl.lit("the file supplied for this month could not be used"))
        .otherwise(pl.lit("nothing was supplied for this month"))
    )
    return (
        owed_files.join(received, on=["force", "file_type", "month"], how="left")
        .with_columns(supplied=(pl.col("rows") > 0).fill_null(False), why=why)
        .select("force", "file_type", "month", "treatment", "supplied", "rows", "why", "note", "first_month")
        .sort("force", "file_type", "month")
    )


def offence_grid(present: pl.DataFrame, offence_codes: Sequence[str]) -> pl.LazyFrame:
    """One row for each force, month and offence code owed by record-level extract."""
    codes = pl.LazyFrame({"offence_code": list(offence_codes)}, schema={"offence_code": pl.String})
    return (
        present.lazy()
        .filter(pl.col("file_type") == "extract")
        .select("force", "month", "supplied")
        .join(codes, how="cross")
        .select("force", "month", "offence_code", "supplied")
    )


def area_grid(present: pl.DataFrame, lsoas: pl.DataFrame) -> pl.LazyFrame:
    """One row for each force, month, LSOA of the force (or place that is no area) and crime type owed, in that order.

    Anti-social behaviour is an incident and no crime: extracts do not carry it, so there is no row for it,
    neither zero nor missing, where a force owes extracts.
    """
    owing = (
        present.lazy()
        .filter(pl.col("file_type").is_in(COUNTED_FROM))
        .group_by("force", "month")
        .agg(pl.col("supplied").any(), behaviour=(pl.col("file_type") == "street").any())
    )
    places = pl.concat(
        [
            lsoas.lazy().select("force", "lsoa_code"),
            owing.select("force")
            .unique()
            .join(pl.LazyFrame({"lsoa_code": [c.NO_LOCATION, c.OUTSIDE]}), how="cross"),
        ]
    )
    categories = pl.LazyFrame({"category": list(c.CATEGORIES)}, schema={"category": c.CATEGORY})
    return (
        owing.sort("force", "month")
        .join(places.sort("force", "lsoa_code"), on="force", maintain_order="left_right")
        .join(categories, how="cross", maintain_order="left_right")
        .filter(pl.col("behaviour") | (pl.col("category") != c.BEHAVIOUR))
        .select("force", "month", "lsoa_code", "category", "supplied")
    )
