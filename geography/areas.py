"""Codes, names, levels and parents of areas: the country that figures are published for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import dataframely as dy
import polars as pl

#: A map point's catchment holds so many addresses or none at all (data.police.uk, “Location anonymisation”).
FEWEST_ADDRESSES: Final = 8


class Forces(dy.Schema):
    """One row for each police force that supplies records."""

    force = dy.String(primary_key=True, regex="^[a-z][a-z-]*$", description="police.uk slug")
    name = dy.String(min_length=1, description="Home Office name of the force")
    reported_by = dy.String(min_length=1, description="name of the force in police.uk files")
    pfa_code = dy.String(
        nullable=True, description="GSS code of the police force area; none for the British Transport Police"
    )
    region = dy.String(
        nullable=True, description="region; “Wales” in Wales; none for the British Transport Police"
    )
    country = dy.String(nullable=True, description="England or Wales; none for the British Transport Police")
    kind = dy.Enum(
        ["territorial", "national"], description="whether the force has a police force area of its own"
    )


class Lsoas(dy.Schema):
    """One row for each LSOA, with every area it belongs to. The finest geography that is published."""

    lsoa_code = dy.String(primary_key=True, description="GSS code of the lower layer super output area")
    lsoa_name = dy.String(description="name of the LSOA")
    neighbourhood = dy.String(description="neighbourhood id, unique only inside its force")
    neighbourhood_name = dy.String(description="name of the neighbourhood")
    csp_code = dy.String(description="GSS code of the Community Safety Partnership")
    csp_name = dy.String(description="name of the Community Safety Partnership")
    force = dy.String(description="police.uk slug of the force whose area it lies in")
    population = dy.Int64(
        nullable=True, min=0, description="usual residents, mid-year estimate", metadata={"unit": "people"}
    )
    households = dy.Int64(nullable=True, min=0, description="households", metadata={"unit": "households"})


class MapPoints(dy.Schema):
    """One row for each anonymised map point that a crime may be published at."""

    point_id = dy.Int64(
        primary_key=True, min=1, max=2**31 - 1, description="id of the map point; never reused"
    )
    longitude = dy.Float64(description="WGS 84", metadata={"unit": "degrees"})
    latitude = dy.Float64(description="WGS 84", metadata={"unit": "degrees"})
    name = dy.String(description="text after “On or near ”")
    lsoa_code = dy.String(description="LSOA that the point lies in")
    force = dy.String(description="force whose area the point lies in")
    addresses = dy.Int64(
        min=0, description="postal addresses in the point's catchment: eight or more, or none"
    )

    @dy.rule()
    def enough_addresses_or_none(cls) -> pl.Expr:
        """A point with one to seven addresses would tell whose door a crime was at: merge it with its neighbour."""
        return ~pl.col("addresses").is_between(1, FEWEST_ADDRESSES - 1)


class LsoaVintages(dy.Schema):
    """One row for each pair of an earlier LSOA and the current LSOA that it became part of."""

    old_code = dy.String(primary_key=True, description="code in the earlier vintage")
    lsoa_code = dy.String(primary_key=True, description="code in the vintage of `Lsoas`")
    change = dy.Enum(["U", "S", "M", "X"], description="unchanged, split, merged or complex")


@dataclass(frozen=True, eq=False)
class Country:
    """The areas that figures are published for, at one vintage. Equal only to itself, so that it can be a key."""

    title: str
    forces: pl.DataFrame
    lsoas: pl.DataFrame
    vintages: pl.DataFrame
    map_points: pl.DataFrame
    attribution: str = ""
    #: Address of a MapLibre style that the map of the country is drawn over; none when empty.
    basemap: str = ""
