"""Reads the files of a police.uk archive: rows already counted and anonymised, which join the flow at `counted`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, NoReturn

import polars as pl
from pyproj import Transformer

from pipelines.sources.freeze import Frozen, unpacked
from pipelines.sources.naming import Recognised
from pipelines.sources.refusal import Refusal, nearest
from pipelines.sources.rejecting import Check, broken_rows, split
from pipelines.sources.text import LINE, ROW, Form, forms
from transforms.contracts.columns import CATEGORIES, CATEGORY, ZONE
from transforms.contracts.tables import CaseOutcomes, Counted, Searches

#: police.uk bulk downloads, columns in order: https://data.police.uk/about/#columns
STREET: Final = (
    "Crime ID",
    "Month",
    "Reported by",
    "Falls within",
    "Longitude",
    "Latitude",
    "Location",
    "LSOA code",
    "LSOA name",
    "Crime type",
    "Last outcome category",
    "Context",
)
#: As published in 2012, before crime ids and LSOAs.
STREET_2012: Final = (
    "Month",
    "Reported by",
    "Falls within",
    "Easting",
    "Northing",
    "Location",
    "Crime type",
    "Context",
)
OUTCOMES: Final = (*STREET[:9], "Outcome type")
STOPS: Final = (
    "Type",
    "Date",
    "Part of a policing operation",
    "Policing operation",
    "Latitude",
    "Longitude",
    "Gender",
    "Age range",
    "Self-defined ethnicity",
    "Officer-defined ethnicity",
    "Legislation",
    "Object of search",
    "Outcome",
    "Outcome linked to object of search",
    "Removal of more than just outer clothing",
)

#: Crime types of files for months before May 2013, and the present type that each is counted in. “Public disorder
#: and weapons” became “Public order” and “Possession of weapons”; it cannot be split again and goes whole to the
#: larger. “Violent crime” became “Violence and sexual offences”.
OLDER_TYPES: Final = {
    "Violent crime": "Violence and sexual offences",
    "Public disorder and weapons": "Public order",
}
PRESENT_TYPES_SINCE: Final = date(2013, 5, 1)

_TRUTHS: Final = ("True", "False", "")
#: The closed lists of a stop and search file; one word outside them and the row is no search.
STOP_WORDS: Final = {
    "Type": ("Person search", "Vehicle search", "Person and Vehicle search"),
    "Part of a policing operation": _TRUTHS,
    "Gender": ("Male", "Female", "Other", ""),
    "Age range": ("under 10", "10-17", "18-24", "25-34", "over 34", ""),
    "Officer-defined ethnicity": ("White", "Black", "Asian", "Mixed", "Other", ""),
    "Outcome linked to object of search": _TRUTHS,
    "Removal of more than just outer clothing": _TRUTHS,
}
#: The columns of a stop and search file that are kept as text, by the name they have here.
STOP_TEXTS: Final = {
    "operation": "Policing operation",
    "gender": "Gender",
    "age_range": "Age range",
    "self_defined_ethnicity": "Self-defined ethnicity",
    "officer_defined_ethnicity": "Officer-defined ethnicity",
    "legislation": "Legislation",
    "object_of_search": "Object of search",
    "outcome": "Outcome",
}

#: Outcome names of the bulk files, in both spellings where the documentation and the files differ.
OUTCOME_NAMES: Final = (
    "Action to be taken by another organisation",
    "Awaiting court outcome",
    "Court case unable to proceed",
    "Court result unavailable",
    "Defendant found not guilty",
    "Defendant sent to Crown Court",
    "Formal action is not in the public interest",
    "Further action is not in the public interest",
    "Further investigation is not in the public interest",
    "Investigation complete; no suspect identified",
    "Local resolution",
    "Offender deprived of property",
    "Offender fined",
    "Offender given a caution",
    "Offender given a drugs possession warning",
    "Offender given a penalty notice",
    "Offender given absolute discharge",
    "Offender given community sentence",
    "Offender given conditional discharge",
    "Offender given penalty notice",
    "Offender given suspended prison sentence",
    "Offender ordered to pay compensation",
    "Offender otherwise dealt with",
    "Offender sent to prison",
    "Status update unavailable",
    "Suspect charged",
    "Suspect charged as part of another case",
    "Unable to prosecute suspect",
    "Under investigation",
)

NO_LOCATION: Final = "No Location"
NAMELESS: Final = "On or near "

#: A box around the United Kingdom with its waters, in degrees: west, east, south, north.
BOX: Final = (-9.0, 3.0, 49.0, 61.5)

_LSOA: Final = r"^([EW]010\d{5}|95[A-Z0-9]{6}|N2\d{7}|S01\d{6})$"


@dataclass(frozen=True)
class StreetRead:
    """What one street file holds: `counted` rows, `rejects`, and `rows` as supplied (their sum)."""

    counted: pl.DataFrame
    rejects: pl.DataFrame
    rows: int


@dataclass(frozen=True)
class OtherRead:
    """What an outcomes or a search file holds: its `kept` rows, `rejects`, and `rows` as supplied (their sum)."""

    kept: pl.DataFrame
    rejects: pl.DataFrame
    rows: int


def read_street(
    frozen: Frozen, recognised: Recognised, forces: pl.DataFrame, scratch: Path | None = None
) -> StreetRead:
    """The crimes of one `YYYY-MM-force-street.csv`: `counted` (`Counted`), `rejects` (`Rejects`), rows as supplied.

    `forces` is the country's `Forces`. Rows join the flow with `counted` 1 and no offence code. A row is rejected
    for a month, force, coordinate or LSOA code that cannot be right, or for a wrong number of fields. Raises
    `Refusal` for another header, for no row at all, for a file wholly of another month or force, and for a crime
    type or outcome that is not police.uk's.
    """
    table, form = _opened(frozen, recognised, (STREET, STREET_2012), scratch)
    _require_vocabulary(table, "Crime type", _types(recognised), recognised.name)
    if form.header == STREET_2012:
        table = _as_present(table)
    _require_vocabulary(table, "Last outcome category", ("", *OUTCOME_NAMES), recognised.name)
    checks = [*_whose_and_when(table, recognised, forces), *_where(), *_which_lsoa()]
    good, rejects = _split(table, form, checks, frozen, recognised)
    counted = good.select(
        force=pl.lit(recognised.force),
        month=pl.lit(recognised.first_month),
        offence_code=pl.lit(None, pl.String),
        category=pl.col("Crime type").replace(OLDER_TYPES).cast(CATEGORY),
        crime_ref=_or_null("Crime ID"),
        counted=pl.lit(1, pl.Int8),
        longitude=_or_null("Longitude").cast(pl.Float64),
        latitude=_or_null("Latitude").cast(pl.Float64),
        location=_named_place(),
        lsoa_code=_or_null("LSOA code"),
        # Known when the rows stand on current boundaries.
        csp_code=pl.lit(None, pl.String),
        outcome=_or_null("Last outcome category"),
        # Told by the outcomes file.
        outcome_month=pl.lit(None, pl.Date),
        supply=pl.lit(frozen.supply),
    )
    return StreetRead(Counted.validate(counted), rejects, good.height + rejects.height)


def read_outcomes(
    frozen: Frozen, recognised: Recognised, forces: pl.DataFrame, scratch: Path | None = None
) -> OtherRead:
    """The outcomes of one `YYYY-MM-force-outcomes.csv` (`CaseOutcomes`). Rejects and refuses as `read_street` does."""
    table, form = _opened(frozen, recognised, (OUTCOMES,), scratch)
    _require_vocabulary(table, "Outcome type", OUTCOME_NAMES, recognised.name)
    checks = [*_whose_and_when(table, recognised, forces), *_where(), *_which_lsoa()]
    good, rejects = _split(table, form, checks, frozen, recognised)
    kept = good.select(
        force=pl.lit(recognised.force),
        month=pl.lit(recognised.first_month),
        crime_ref=_or_null("Crime ID"),
        longitude=_or_null("Longitude").cast(pl.Float64),
        latitude=_or_null("Latitude").cast(pl.Float64),
        location=_named_place(),
        lsoa_code=_or_null("LSOA code"),
        outcome=pl.col("Outcome type"),
        file_type=pl.lit("outcomes"),
        supply=pl.lit(frozen.supply),
    )
    return OtherRead(CaseOutcomes.validate(kept), rejects, good.height + rejects.height)


def read_searches(frozen: Frozen, recognised: Recognised, scratch: Path | None = None) -> OtherRead:
    """The searches of one `YYYY-MM-force-stop-and-search.csv` (`Searches`).

    A search belongs to the month of its time in Europe/London, though it is written in UTC. A row is rejected for
    another month, half a location, or a word outside the lists that police.uk has for what a search was and for
    whom. Raises `Refusal` for another header, for no row at all, and for a file wholly of another month.
    """
    table, form = _opened(frozen, recognised, (STOPS,), scratch)
    at = pl.col("Date").str.to_datetime("%+", time_zone="UTC", strict=False).dt.convert_time_zone(ZONE)
    is_right = at.dt.strftime("%Y-%m").eq_missing(pl.lit(recognised.label))
    checks = [Check("Date", is_right, f"a time in {recognised.label}"), *_where()]
    _require_some(table, checks[0], "month", recognised)
    checks += [
        Check(column, pl.col(column).is_in(words), f"one of: {', '.join(words)}")
        for column, words in STOP_WORDS.items()
    ]
    good, rejects = _split(table, form, checks, frozen, recognised)
    texts = {name: _or_null(column) for name, column in STOP_TEXTS.items()}
    kept = good.select(
        force=pl.lit(recognised.force),
        month=pl.lit(recognised.first_month),
        type=pl.col("Type"),
        searched_at=pl.col("Date"),
        in_operation=_truth("Part of a policing operation"),
        latitude=_or_null("Latitude").cast(pl.Float64),
        longitude=_or_null("Longitude").cast(pl.Float64),
        outcome_linked=_truth("Outcome linked to object of search"),
        more_than_outer_clothing=_truth("Removal of more than just outer clothing"),
        supply=pl.lit(frozen.supply),
        **texts,
    )
    kept = Searches.validate(kept.select(Searches.column_names()))
    return OtherRead(kept, rejects, good.height + rejects.height)


def _opened(
    frozen: Frozen, recognised: Recognised, headers: tuple[tuple[str, ...], ...], scratch: Path | None
) -> tuple[pl.DataFrame, Form]:
    """Every record that is not blank, as text with its line, and the form of the file that they were read from."""
    name, scratch = recognised.name, scratch or Path(tempfile.gettempdir())
    with unpacked(frozen, name, scratch) as plain, forms(plain, name, scratch) as candidates:
        for form in candidates:
            if form.header not in headers:
                _refuse_header(form, headers[0], name)
            if (table := _table(form)) is not None:
                if table.is_empty() and not form.broken:
                    raise Refusal(name, "the file holds a header and no row", "ask the sender for the rows")
                return table, form
    raise AssertionError("the last form of a text file always opens")


def _table(form: Form) -> pl.DataFrame | None:
    """Every record that is not blank, or nothing where a more careful form is needed."""
    try:
        if not form.is_even():
            return None
        table = form.scan().filter(~pl.all_horizontal(pl.col(form.header) == "")).collect()
    except pl.exceptions.ComputeError:
        return None
    return table.with_columns(pl.col(form.header).str.strip_chars()).sort(ROW)


def _types(recognised: Recognised) -> tuple[str, ...]:
    older = recognised.first_month is not None and recognised.first_month < PRESENT_TYPES_SINCE
    return (*CATEGORIES, *OLDER_TYPES) if older else CATEGORIES


def _as_present(table: pl.DataFrame) -> pl.DataFrame:
    """A table of 2012 under the present header: no ids, no LSOAs, and grid references turned into degrees."""
    metres = [pl.col(column).cast(pl.Float64, strict=False) for column in ("Easting", "Northing")]
    grid = table.select(metres)
    to_degrees = Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(grid["Easting"].to_numpy(), grid["Northing"].to_numpy())
    return table.with_columns(
        pl.Series("Longitude", longitude).round(6).fill_nan(None).cast(pl.String),
        pl.Series("Latitude", latitude).round(6).fill_nan(None).cast(pl.String),
    ).with_columns(
        # What is no number stays as it was written, to be rejected by the name it has today.
        pl.coalesce(pl.col("Longitude"), pl.col("Easting")),
        pl.coalesce(pl.col("Latitude"), pl.col("Northing")),
        *(
            pl.lit("").alias(column)
            for column in ("Crime ID", "LSOA code", "LSOA name", "Last outcome category")
        ),
    )


def _whose_and_when(table: pl.DataFrame, recognised: Recognised, forces: pl.DataFrame) -> list[Check]:
    """The month and the force that every row must have. Raises `Refusal` where no row has them."""
    named = forces.filter(pl.col("force") == recognised.force)["reported_by"].to_list()
    reported_by = named[0] if named else ""
    checks = [
        Check("Month", pl.col("Month") == recognised.label, f"{recognised.label}, as in the file name"),
        Check("Reported by", pl.col("Reported by") == reported_by, f"{reported_by}, as in the file name"),
    ]
    for check, what in zip(checks, ("month", "force"), strict=True):
        _require_some(table, check, what, recognised)
    return checks


def _require_some(table: pl.DataFrame, check: Check, what: str, recognised: Recognised) -> None:
    if table.is_empty() or table.select(check.is_right.fill_null(False).any()).item():
        return
    raise Refusal(
        recognised.name,
        f"the file is of another {what} than its name says",
        "correct the name or ask the sender for the right file",
        line=int(table[LINE][0]),
        field=check.column,
        seen=table[check.column][0],
        wanted=str(check.wanted),
    )


def _where() -> list[Check]:
    west, east, south, north = BOX
    longitude, latitude = pl.col("Longitude"), pl.col("Latitude")

    def inside(column: pl.Expr, low: float, high: float) -> pl.Expr:
        return (column == "") | column.cast(pl.Float64, strict=False).is_between(low, high).fill_null(False)

    return [
        Check("Longitude", inside(longitude, west, east), f"degrees between {west:g} and {east:g}, or empty"),
        Check(
            "Latitude", inside(latitude, south, north), f"degrees between {south:g} and {north:g}, or empty"
        ),
        Check(
            "Latitude",
            (longitude == "") == (latitude == ""),
            "both coordinates, or neither",
            "half a location was given",
        ),
    ]


def _which_lsoa() -> list[Check]:
    return [
        Check(
            "LSOA code",
            (pl.col("LSOA code") == "") | pl.col("LSOA code").str.contains(_LSOA),
            "an LSOA code such as E01000001, or empty",
        ),
    ]


def _split(
    table: pl.DataFrame, form: Form, checks: list[Check], frozen: Frozen, recognised: Recognised
) -> tuple[pl.DataFrame, pl.DataFrame]:
    good, rejects = split(table, checks, supply=frozen.supply, name=recognised.name, is_public=True)
    broken = broken_rows(form, supply=frozen.supply, name=recognised.name)
    return good, pl.concat([rejects, broken]).sort("line")


def _or_null(column: str) -> pl.Expr:
    return pl.col(column).replace("", None)


def _truth(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(
        {"True": True, "False": False}, default=None, return_dtype=pl.Boolean
    )


def _named_place() -> pl.Expr:
    """The name of a row's place; null without one (the outcomes files of some months write “No location”).

    Some points have no name: police.uk calls them “On or near ”, and the blank is part of it.
    """
    name = pl.col("Location")
    return (
        pl.when((name == "") | (name.str.to_lowercase() == NO_LOCATION.lower()))
        .then(None)
        .when(name == NAMELESS.strip())
        .then(pl.lit(NAMELESS))
        .otherwise(name)
    )


def _refuse_header(form: Form, header: tuple[str, ...], name: str) -> NoReturn:
    extra = [column for column in form.header if column not in header]
    lacking = [column for column in header if column not in form.header]
    said = [f"unknown: {', '.join(extra)}"] * bool(extra) + [f"lacking: {', '.join(lacking)}"] * bool(lacking)
    raise Refusal(
        name,
        "the header is not police.uk's",
        "supply the file as downloaded, with no column added, removed or moved",
        line=1,
        seen="; ".join(said) or "the columns in another order",
        wanted=", ".join(header),
    )


def _require_vocabulary(table: pl.DataFrame, column: str, known: tuple[str, ...], name: str) -> None:
    """Raise `Refusal` at the first value of `column` that is not police.uk's."""
    unknown = table.filter(~pl.col(column).is_in(list(known)))
    if unknown.is_empty():
        return
    seen = str(unknown[column][0])
    raise Refusal(
        name,
        f"a value of the {column.lower()} is not known, in {unknown.height:,} row(s)",
        "ask the sender for the file as published, or add the value to the vocabulary if police.uk now uses it",
        line=int(unknown[LINE][0]),
        field=column,
        seen=seen,
        wanted=f"a {column.lower()} of police.uk{nearest(seen, known)}",
    )
