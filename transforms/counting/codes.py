"""Offence codes as forces write them, brought to one form; nothing here knows which codes exist."""

from __future__ import annotations

from typing import Final

import polars as pl

#: Homicide is published as one class made of four (murder, manslaughter, corporate manslaughter, infanticide).
HOMICIDE: Final = "1/4.1/4.10/4.2"

#: No class of the Home Office list begins 200 to 799: five digits there are a date that a spreadsheet made.
_SERIAL_DATE: Final = r"^[2-7]\d{4}$"
_WRITTEN_DATE: Final = r"^(\d{1,4}[-/])?[A-Z]{3}[-/]?\d{0,4}$"
_FULL_DATE: Final = r"^\d{1,4}[-/]\d{1,2}[-/]\d{2,4}"
_DECIMAL: Final = r"^\d+\.0+$"
_MONTHS: Final = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"


def _clean(code: pl.Expr) -> pl.Expr:
    return code.str.to_uppercase().str.replace_all(r"\s+", "")


def _damaged(clean: pl.Expr) -> pl.Expr:
    written = clean.str.contains(_WRITTEN_DATE) & clean.str.contains(rf"(^|[-/])({_MONTHS})([-/]|\d|$)")
    return (
        clean.str.contains(_SERIAL_DATE)
        | written
        | clean.str.contains(_FULL_DATE)
        | clean.str.contains(_DECIMAL)
    )


def normalise_offence_code(code: pl.Expr) -> pl.Expr:
    """One written form of a code: PRC class (`8N`, `4.10`) or Home Office class/sub-class (`8/6`).

    Takes and gives a String column. Case and spaces are dropped; five digits become class/sub-class
    (`00806` is `8/6`); classes 4 and 37 are numbered inside the PRC list, so `4/10` is `4.10` and never
    `4.1`; both spellings of the homicide label become one. Null when the code is null or is what a
    spreadsheet leaves behind (see `code_fault`). An unknown code comes back cleaned and still unknown.
    """
    clean = _clean(code)
    plain = (
        clean.str.replace(r"^(\d{3})(\d{2})$", "${1}/${2}")
        .str.replace(r"^0+(\d)", "${1}")
        .str.replace(r"/0+(\d)", "/${1}")
        .str.replace(r"^(4|37)/(\d+)$", "${1}.${2}")
        .str.replace(r"^NFIB.*$", "NFIB")
        .str.replace(r"^\(?ASB\)?$", "ASB")
        .str.replace(r"^1,4\.1/2/10$", HOMICIDE)
    )
    return pl.when(~_damaged(clean)).then(plain)


def code_fault(code: pl.Expr) -> pl.Expr:
    """Why a code cannot be read, in words with what it looks like; null when it can be read.

    Spreadsheets turn `4/6` into the serial number of 4 June: the day and month are given back in the words.
    """
    clean = _clean(code)
    number = clean.str.extract(r"^(\d{5})$").cast(pl.Int32, strict=False)
    day = pl.date(1899, 12, 30) + pl.duration(days=number)
    looks = (
        pl.when((day.dt.day() == 1) & (day.dt.year() < 2000))
        .then(pl.format("{}/{}", day.dt.month(), day.dt.to_string("%y")))
        .otherwise(pl.format("{}/{}", day.dt.day(), day.dt.month()))
    )
    return (
        pl.when(code.is_null() | (clean == ""))
        .then(pl.lit("the code is empty"))
        .when(clean.str.contains(_SERIAL_DATE))
        .then(pl.format("Excel serial date: looks like {}", looks))
        .when(clean.str.contains(_DECIMAL))
        .then(pl.lit("read as a decimal number by a spreadsheet"))
        .when(_damaged(clean))
        .then(pl.lit("turned into a date by a spreadsheet"))
    )
