"""The areas that returns are published for, in the field's order, and the forces that each is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from geography.areas import Country
from publish.returns import partnerships
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
#: Levels of area below the regions.
FORCE: Final = "police force area"
NATIONAL_FORCE: Final = "national force"
PARTNERSHIP: Final = "Community Safety Partnership"
#: Printed in place of a code where the area has none.
NO_CODE: Final = "[z]"


@dataclass(frozen=True)
class Areas:
    """Printed areas and what they are made of.

    A place has figures of its own: a force, by its slug, or a Community Safety Partnership of one. `printed` has
    one row for each area, in order: `row`, `area` (a place, or a name), `area_code`, `area_name`, `level`.
    `members` has one row for each area above the forces and each force (`place`) in it. `names` maps a place to
    the name in use, `owners` to its force; `of_lsoas` has one row for each LSOA (`lsoa_code`) and `place` it is in.
    """

    printed: pl.DataFrame
    members: pl.DataFrame
    names: dict[str, str]
    owners: dict[str, str]
    of_lsoas: pl.DataFrame


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
    rows += [_force(row, NATIONAL_FORCE) for row in national.select("force", "pfa_code", "name").iter_rows()]
    printed = pl.DataFrame(rows, schema=["area", "area_code", "area_name", "level"], orient="row")
    return Areas(
        printed=_in_order(printed),
        members=pl.DataFrame(members, schema={"area": pl.String, "place": pl.String}, orient="row"),
        names=dict(forces.select("force", "name").iter_rows()),
        owners={force: force for force in forces["force"]},
        of_lsoas=country.lsoas.select("lsoa_code", place="force"),
    )


def with_partnerships(areas: Areas, country: Country) -> Areas:
    """The same areas with the Community Safety Partnerships of each territorial force below it, by name.

    The crimes of a force that lie in none come last among them, as “Unassigned”.
    """
    of_places = partnerships.places(country)
    territorial = areas.printed.filter(pl.col("level") == FORCE)
    parts = (
        of_places.select("force", "partnership", "csp_code", "csp_name")
        .unique()
        .join(territorial.select("row", force="area"), on="force")
    )
    twice = parts.group_by("partnership").len().filter(pl.col("len") > 1).sort("partnership")
    if twice.height:
        raise ReturnError(
            f"lsoas.parquet, {twice['partnership'][0]}",
            "the partnership has two codes in one force.",
            "Keep one code for each name.",
        )
    below = parts.select(
        "row",
        area="partnership",
        area_code=pl.col("csp_code").fill_null(NO_CODE),
        area_name="csp_name",
        level=pl.lit(PARTNERSHIP),
        last=pl.col("csp_code").is_null(),
    )
    printed = pl.concat(
        [
            areas.printed.with_columns(last=pl.lit(False), below=pl.lit(False)),
            below.with_columns(below=pl.lit(True)),
        ],
        how="diagonal",
    ).sort("row", "below", "last", "area_name")
    homes = of_places.filter(pl.col("csp_code").is_not_null())
    return Areas(
        printed=_in_order(printed.drop("row", "last", "below")),
        members=areas.members,
        names=areas.names | dict(parts.select("partnership", "csp_name").iter_rows()),
        owners=areas.owners | dict(parts.select("partnership", "force").iter_rows()),
        of_lsoas=pl.concat([areas.of_lsoas, homes.select("lsoa_code", place="partnership")]),
    )


def _in_order(printed: pl.DataFrame) -> pl.DataFrame:
    return printed.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))


def _area(name: str, level: str) -> tuple[str, str, str, str]:
    return (name, CODES.get(name, NO_CODE), name, level)


def _force(row: tuple[str, str | None, str], level: str = FORCE) -> tuple[str, str, str, str]:
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
