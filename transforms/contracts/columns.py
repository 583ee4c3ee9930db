"""Each column once: its name, type, unit and meaning. Tables, notes and data dictionaries read it here."""

from __future__ import annotations

from typing import Any, Final

import dataframely as dy
import polars as pl

from transforms.contracts.status import STATUS

#: Every timestamp is held in the zone whose calendar decides the period.
ZONE: Final = "Europe/London"

#: Fields of an extract that name or describe a person. They are read no further than the door.
PERSONAL: Final = (
    "victim_name",
    "victim_dob",
    "victim_address",
    "suspect_name",
    "location_text",
    "free_text",
)

#: The columns of the record-level extract, version 1, in order, without the personal ones.
EXTRACT: Final = (
    "force",
    "source_system",
    "crime_ref",
    "previous_crime_ref",
    "incident_ref",
    "offence_code",
    "reported_at",
    "recorded_at",
    "occurred_from",
    "occurred_to",
    "easting",
    "northing",
    "longitude",
    "latitude",
    "victim_ref",
    "victim_kind",
    "offender_ref",
    "owner_ref",
    "premises_ref",
    "status",
    "status_reason",
    "status_at",
    "outcome_type",
    "outcome_at",
    "flags",
    "updated_at",
)

#: The columns that every extract must have.
REQUIRED: Final = (
    "force",
    "source_system",
    "crime_ref",
    "incident_ref",
    "offence_code",
    "reported_at",
    "recorded_at",
    "victim_kind",
    "status",
    "updated_at",
)

#: police.uk crime types in use since May 2013, in the order of the published tables.
CATEGORIES: Final = (
    "Anti-social behaviour",
    "Bicycle theft",
    "Burglary",
    "Criminal damage and arson",
    "Drugs",
    "Other crime",
    "Other theft",
    "Possession of weapons",
    "Public order",
    "Robbery",
    "Shoplifting",
    "Theft from the person",
    "Vehicle crime",
    "Violence and sexual offences",
)

#: An incident, not a crime: police.uk files carry it, extracts do not.
BEHAVIOUR: Final = "Anti-social behaviour"

#: In place of an LSOA code: recorded without a location.
NO_LOCATION: Final = "no location"
#: In place of an LSOA code: located outside the area of the force that recorded it.
OUTSIDE: Final = "outside force area"


def text(meaning: str, **options: Any) -> dy.String:
    """A text column; never a number in disguise."""
    return dy.String(description=meaning, **options)


def timestamp(meaning: str, **options: Any) -> dy.Datetime:
    """A moment, in the Europe/London calendar, to the microsecond."""
    return dy.Datetime(
        time_zone=ZONE, time_unit="us", description=meaning, metadata={"unit": ZONE}, **options
    )


def force(**options: Any) -> dy.String:
    """The force, by its police.uk slug."""
    return text("police.uk slug of the force that recorded it", min_length=1, **options)


def month(**options: Any) -> dy.Date:
    """A month, held as its first day."""
    return dy.Date(description="month recorded, as its first day", metadata={"unit": "month"}, **options)


def offence_code(**options: Any) -> dy.String:
    """A police recorded crime (PRC) offence code, always text: 4.10 is not 4.1."""
    return text("Home Office police recorded crime offence code", **options)


def category(**options: Any) -> dy.Enum:
    """A police.uk crime type."""
    return dy.Enum(CATEGORIES, description="police.uk crime type", **options)


def lsoa_code(**options: Any) -> dy.String:
    """A lower layer super output area, or one of the two places that are not areas."""
    return text(f"LSOA code, or “{NO_LOCATION}”, or “{OUTSIDE}”", **options)


def count(**options: Any) -> dy.Int64:
    """A number of crimes; null unless the status allows a number; negative for net corrections."""
    return dy.Int64(nullable=True, description="crimes", metadata={"unit": "crimes"}, **options)


def status(**options: Any) -> dy.Enum:
    """The status of the value beside it."""
    return dy.Enum(
        STATUS.categories, description="whether the value may be read as a number, and if not why", **options
    )


def supply(**options: Any) -> dy.String:
    """A supplied file, by the SHA-256 of its bytes as received."""
    return text("SHA-256 of the file as received", regex="^[0-9a-f]{64}$", **options)


CATEGORY: Final = pl.Enum(CATEGORIES)


def is_crime() -> pl.Expr:
    """Whether a row's `category` is a crime: anti-social behaviour is an incident."""
    return pl.col("category") != pl.lit(BEHAVIOUR, CATEGORY)
