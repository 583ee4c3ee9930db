"""The columns of the published tables, in the field's order, and the offences or crime types in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from publish.returns.errors import ReturnError
from publish.returns.tables import Column
from transforms.contracts.columns import CATEGORIES

#: Not counted by police forces since 2013, and outside the headline total.
FRAUD: Final = "Fraud offences"

#: Group of the Home Office offence classification, and its subgroups (2024/25 vocabulary).
GROUPS: Final = {
    "Violence against the person": (
        "Homicide",
        "Death or serious injury - unlawful driving",
        "Violence with injury",
        "Violence without injury",
        "Stalking and harassment",
    ),
    "Sexual offences": ("Rape offences", "Other sexual offences"),
    "Robbery": ("Robbery of business property", "Robbery of personal property"),
    "Theft offences": (
        "Residential burglary",
        "Non-residential burglary",
        "Domestic burglary",
        "Non-domestic burglary",
        "Vehicle offences",
        "Theft from the person",
        "Bicycle theft",
        "Shoplifting",
        "Other theft offences",
    ),
    "Criminal damage and arson": ("Criminal damage", "Arson"),
    "Drug offences": ("Trafficking of drugs", "Possession of drugs"),
    "Possession of weapons offences": ("Possession of weapons offences",),
    "Public order offences": ("Public order offences",),
    "Miscellaneous crimes against society": ("Miscellaneous crimes against society",),
}
#: Names of the two classifications.
BY_GROUP: Final = "offence group"
BY_TYPE: Final = "crime type"

_BURGLARY: Final = (
    "Residential burglary",
    "Non-residential burglary",
    "Domestic burglary",
    "Non-domestic burglary",
)


@dataclass(frozen=True)
class Classification:
    """How supplied parts (offence codes or crime types) fall into published columns.

    `membership` has one row for each `part` and each `column` that it counts in; `outside` are known parts
    that no column holds. `part_name` is what a part is called in messages. `short_of` says why there can be no
    figure for a month of which the force's own file is whole.
    """

    name: str
    columns: tuple[Column, ...]
    membership: pl.DataFrame
    part_name: str
    outside: frozenset[str] = frozenset()
    short_of: str = "figures for part of the area are held until somebody has looked at them"


def _offences(key: str, heading: str, meaning: str, *notes: str) -> Column:
    return Column(key, heading, meaning, unit="offences", notes=notes)


def column_key(heading: str) -> str:
    """The name in data files of a column so headed: `theft_from_the_person`."""
    return "_".join("".join(letter if letter.isalnum() else " " for letter in heading.lower()).split())


def _offence_columns() -> list[tuple[Column, frozenset[tuple[str, str]]]]:
    """Each published column with the (group, subgroup) pairs it holds."""
    pairs = [(group, subgroup) for group, subgroups in GROUPS.items() for subgroup in subgroups]

    def column(
        heading: str, subgroups: tuple[str, ...], meaning: str, *notes: str
    ) -> tuple[Column, frozenset[tuple[str, str]]]:
        held = frozenset(pair for pair in pairs if pair[1] in subgroups)
        return _offences(column_key(heading), heading, meaning, *notes), held

    def group(name: str) -> tuple[Column, frozenset[tuple[str, str]]]:
        return column(name, GROUPS[name], f"All offences of the group “{name}”")

    def subgroup(name: str, heading: str | None = None) -> tuple[Column, frozenset[tuple[str, str]]]:
        return column(heading or name, (name,), f"Offences of the subgroup “{name}”")

    total = _offences(
        "total", "Total recorded crime (excluding fraud)", "All notifiable offences but fraud", "total"
    )
    return [
        (total, frozenset(pairs)),
        group("Violence against the person"),
        subgroup("Homicide"),
        subgroup("Death or serious injury - unlawful driving"),
        subgroup("Violence with injury"),
        subgroup("Violence without injury"),
        subgroup("Stalking and harassment"),
        group("Sexual offences"),
        group("Robbery"),
        group("Theft offences"),
        column("Burglary", _BURGLARY, "Burglary of homes and of other buildings"),
        column("Residential burglary", (_BURGLARY[0], _BURGLARY[2]), "Burglary of homes"),
        column("Non-residential burglary", (_BURGLARY[1], _BURGLARY[3]), "Burglary of other buildings"),
        subgroup("Vehicle offences"),
        subgroup("Theft from the person"),
        subgroup("Bicycle theft"),
        subgroup("Shoplifting"),
        subgroup("Other theft offences", "All other theft offences"),
        group("Criminal damage and arson"),
        group("Drug offences"),
        group("Possession of weapons offences"),
        group("Public order offences"),
        group("Miscellaneous crimes against society"),
    ]  # fmt: skip


def by_offence_group(offences_reference: pl.DataFrame) -> Classification:
    """Columns by offence group and subgroup, in the order of the ONS police force area tables.

    `offences_reference` has one row for each `offence_code` with its `offence_group` and
    `offence_subgroup`. Columns that no code falls in are left out. Raises ReturnError for a group or subgroup
    outside the vocabulary and for a code in two groups.
    """
    reference = offences_reference.select("offence_code", "offence_group", "offence_subgroup").unique()
    fraud = reference.filter(pl.col("offence_group") == FRAUD).get_column("offence_code")
    reference = reference.filter(pl.col("offence_group") != FRAUD)
    known = pl.DataFrame(
        [(group, subgroup) for group, subgroups in GROUPS.items() for subgroup in subgroups],
        schema=["offence_group", "offence_subgroup"],
        orient="row",
    )
    unknown = reference.join(known, on=["offence_group", "offence_subgroup"], how="anti").sort("offence_code")
    if unknown.height:
        code, group, subgroup = unknown.row(0)
        raise ReturnError(
            f"offence reference, code {code}",
            f"no published column holds the group “{group}” with the subgroup “{subgroup}”.",
            "Map it to the current vocabulary of groups and subgroups.",
        )
    twice = reference.group_by("offence_code").len().filter(pl.col("len") > 1).sort("offence_code")
    if twice.height:
        raise ReturnError(
            f"offence reference, code {twice['offence_code'][0]}",
            "the code has two groups or subgroups, so that its offences would count twice.",
            "Keep the one in force.",
        )
    columns = _offence_columns()
    membership = pl.DataFrame(
        [(column.key, group, subgroup) for column, held in columns for group, subgroup in held],
        schema=["column", "offence_group", "offence_subgroup"],
        orient="row",
    ).join(reference, on=["offence_group", "offence_subgroup"])
    used = set(membership["column"])
    return Classification(
        name=BY_GROUP,
        columns=tuple(column for column, _ in columns if column.key in used),
        membership=membership.select("column", part="offence_code").sort("column", "part"),
        part_name="offence code",
        outside=frozenset(fraud),
    )


def by_crime_type() -> Classification:
    """Columns by police.uk crime type. Anti-social behaviour is no crime, so it stands outside the total."""
    behaviour, *crimes = CATEGORIES
    total = Column(
        "total",
        "All crime (excluding anti-social behaviour)",
        "All police.uk crime types but anti-social behaviour",
        unit="crimes",
    )
    types = [
        Column(column_key(name), name, f"The police.uk crime type “{name}”", unit="crimes") for name in crimes
    ]
    incidents = Column(
        column_key(behaviour),
        behaviour,
        "Incidents of anti-social behaviour, which are not crimes",
        unit="incidents",
        notes=("behaviour",),
    )
    membership = [("total", name) for name in crimes] + [(column_key(name), name) for name in CATEGORIES]
    return Classification(
        name=BY_TYPE,
        columns=(total, *types, incidents),
        membership=pl.DataFrame(membership, schema=["column", "part"], orient="row"),
        part_name="crime type",
    )
