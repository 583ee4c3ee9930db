"""Builds the API's files from the bulk files of a release: everything an answer needs, ready to be copied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import geopandas as gpd
import polars as pl

from geography.areas import Country
from publish.api import places
from publish.api.earlier import Earlier, tag
from publish.api.months import PART, Months
from publish.api.opened import FORMAT, INDEX
from publish.api.words import FORCES_IN_ORDER
from publish.api.writing import write_neighbourhoods
from publish.parts import Parts, code_of, key_of

NEIGHBOURHOODS: Final = "neighbourhoods"


def build(
    feeds: Path,
    country: Country,
    boundaries: gpd.GeoDataFrame,
    months: Sequence[date],
    folder: Path,
    before: Path | None = None,
) -> list[Path]:
    """Write the API's files for `months` into `folder`, from what was published in `feeds` and nothing else.

    `feeds` is what `publish.feeds.build` wrote; `boundaries` has `lsoa_code` and `geometry`. `before` is the folder
    of an earlier release: what is the same there is taken over from it. Returns the paths written, in order. Equal
    inputs give equal bytes, whatever `before` is.
    """
    months = sorted(months)
    folder.mkdir(parents=True)
    earlier = Earlier.open(before, feeds)
    parts = Parts(folder, None if earlier is None else earlier.api)
    code = code_of("publish.api", "publish.feeds", "geography", "transforms")
    key = key_of(code, country.lsoas, boundaries["lsoa_code"].to_list(), *boundaries.geometry.to_wkb())
    if not parts.kept(NEIGHBOURHOODS, key, NEIGHBOURHOODS):
        write_neighbourhoods(country, boundaries, folder / NEIGHBOURHOODS)
    laid = places.laid_out(feeds, country, months, parts)
    national = country.forces.filter(pl.col("kind") == "national")["force"].to_list()
    key = key_of(code, national, parts.made[places.PART])
    if not parts.is_same(PART, key):
        earlier = None
    layers = Months(feeds, folder, months, laid, national, parts, key, earlier).write()
    index = {
        "format": FORMAT,
        "title": country.title,
        "attribution": country.attribution,
        "months": [f"{month:%Y-%m}" for month in months],
        "layers": layers,
        "forces": _forces(country),
        "national": national,
        "availability": _availability(feeds),
        "tag": tag(feeds),
    }
    (folder / INDEX).write_text(
        json.dumps(index, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    parts.write()
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _forces(country: Country) -> list[dict[str, str]]:
    """The forces that have neighbourhoods, in the order of their list."""
    order = {force: place for place, force in enumerate(FORCES_IN_ORDER)}
    forces = country.forces.filter(pl.col("kind") == "territorial")
    return sorted(
        ({"id": force, "name": name} for force, name in forces.select("force", "reported_by").iter_rows()),
        key=lambda each: (order.get(each["id"], len(order)), each["name"], each["id"]),
    )


def _availability(feeds: Path) -> list[dict[str, str]]:
    """What was supplied (`availability.csv`), newest month first."""
    table = pl.read_csv(feeds / "availability.csv", infer_schema=False)
    return (
        table.with_columns(pl.all().fill_null(""))
        .rename({"file": "dataset", "lines": "records"})
        .sort("month", "force", "dataset", descending=[True, False, False])
        .to_dicts()
    )
