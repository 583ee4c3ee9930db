"""The areas that returns are published for, in the field's order, and the forces that each is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from geography.areas import Country
from publish.returns.errors import ReturnError

#: GSS codes of the areas above police force areas, in the order of the published tables.
CODES: Final = {
    "England and Wales": "K04000001",
    "England": "E92000001",
    "North East": "E12000001",
    "North West": "E12000002",
    "Yorkshire and The Humber": "E12000003",
    "East Midlands": "E12000004",
    "West Midlands": "E12000005",
    "East of England": "E12000006",
    "London": "E12000007",
    "South East": "E12000008",
    "South West": "E12000009",
    "Wales": "W92000004",
}
#: Printed in place of a code where the area has none.
NO_CODE: Final = "[z]"


@dataclass(frozen=True)
class Areas:
    """Printed areas and what they are made of.

    `printed` has one row for each area, in order: `row`, `area` (a force slug, or a name), `area_code`,
    `area_name`, `level`. `members` has one row for each area above the forces and each force in it.
    `force_names` maps a force slug to the name in use.
    """

    printed: pl.DataFrame
    members: pl.DataFrame
    force_names: dict[str, str]


def published_areas(country: Country) -> Areas:
    """The areas of a country: England and Wales, England, its regions with their forces, Wales, national forces.

    National forces count towards England and Wales and stand apart. Raises ReturnError for a force without a
    region and for one that lies in two.
    """
    forces = country.forces
    _check_parents(forces)
    order = {name: place for place, name in enumerate(CODES)}
    territorial = forces.filter(pl.col("kind") == "territorial").sort(
        pl.col("region").replace_strict(order, default=len(order), return_dtype=pl.Int32), "region", "name"
    )
    rows: list[tuple[str, str, str, str]] = [_area("England and Wales", "country")]
    members = [("England and Wales", force) for force in forces["force"]]
    for name in ("England", "Wales"):
        within = territorial.filter(pl.col("country") == name)
        members += [(name, force) for force in within["force"]]
        if within.height:
            rows.append(_area(name, "country"))
        for region in within["region"].unique(maintain_order=True):
            mine = within.filter(pl.col("region") == region)
            if region != name:
                rows.append(_area(region, "region"))
                members += [(region, force) for force in mine["force"]]
            rows += [_force(row) for row in mine.select("force", "pfa_code", "name").iter_rows()]
    national = forces.filter(pl.col("kind") == "national").sort("name")
    rows += [
        _force(row, "national force") for row in national.select("force", "pfa_code", "name").iter_rows()
    ]
    printed = pl.DataFrame(rows, schema=["area", "area_code", "area_name", "level"], orient="row")
    return Areas(
        printed=printed.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)),
        members=pl.DataFrame(members, schema={"area": pl.String, "force": pl.String}, orient="row"),
        force_names=dict(forces.select("force", "name").iter_rows()),
    )


def _area(name: str, level: str) -> tuple[str, str, str, str]:
    return (name, CODES.get(name, NO_CODE), name, level)


def _force(row: tuple[str, str | None, str], level: str = "police force area") -> tuple[str, str, str, str]:
    force, code, name = row
    return (force, code or NO_CODE, name, level)


def _check_parents(forces: pl.DataFrame) -> None:
    homes = (
        forces.group_by("force").agg(pl.col("region").unique().sort()).filter(pl.col("region").list.len() > 1)
    )
    if homes.height:
        force, regions = homes.sort("force").row(0)
        raise ReturnError(
            f"forces.csv, force {force}",
            f"it lies in two regions, {' and '.join(map(str, regions))}.",
            "Keep one.",
        )
    orphans = forces.filter(
        pl.col("kind") == "territorial",
        pl.col("region").is_null()
        | pl.col("country").is_null()
        | ~pl.col("country").is_in(["England", "Wales"]),
    )
    if orphans.height:
        force, region, country = orphans.sort("force").select("force", "region", "country").row(0)
        raise ReturnError(
            f"forces.csv, force {force}",
            f"its region is {region or 'empty'} and its country {country or 'empty'}, so no total would hold it.",
            "Give its region, and England or Wales as its country.",
        )
