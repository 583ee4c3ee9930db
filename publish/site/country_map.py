"""What the map of the country reads: areas and points as tiles, and the figures of each month beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, Final

import geopandas
import numpy as np
import polars as pl
import shapely

from geography.areas import Country
from geography.boundaries import METRES
from publish.feeds import street
from publish.feeds.changes import SUMS, by_month, read_sums
from publish.site.figures import Figures
from publish.site.map_figures import KINDS, force_files, kind_files
from publish.site.shapes import Outlines
from publish.site.tiles import Level, write_areas, write_points
from publish.site.writing import COPIES, Folder, key_of
from transforms.contracts.columns import BEHAVIOUR, CATEGORY
from transforms.judging import withdrawn
from transforms.periods import Quarter
from transforms.quarter_rows import QuarterRows

#: The zooms at which each level of area is drawn.
ZOOMS: Final = {"forces": range(4, 7), "neighbourhoods": range(7, 10), "areas": range(10, 13)}

#: What the map reads of a line of the bulk files.
LINE: Final = ("force", "longitude", "latitude", "location", "lsoa_code", "category")


def map_lsoas(country: Country, forces: Sequence[str]) -> pl.DataFrame:
    """LSOAs in their order on the map: force by force, then by code."""
    places = pl.DataFrame({"force": list(forces)}).with_row_index("force_place")
    return country.lsoas.join(places, on="force").sort("force_place", "lsoa_code")


def write_area_tiles(
    path: Path,
    lsoas: pl.DataFrame,
    forces: Sequence[str],
    neighbourhoods: Sequence[tuple[str, str]],
    outlines: dict[str, Outlines],
) -> None:
    """Write the outlines of every force, neighbourhood and small area, each with its place in its list as id."""
    places = {key: number for number, key in enumerate(neighbourhoods)}
    rows = lsoas.select("force", "neighbourhood", "lsoa_code", "lsoa_name")
    properties: dict[str, dict[str, Sequence[str | int]]] = {
        "forces": {"force": list(forces)},
        "neighbourhoods": {"force": [force for force, _ in neighbourhoods]},
        "areas": {
            "force": rows["force"].to_list(),
            "place": [places[key] for key in rows.select("force", "neighbourhood").iter_rows()],
            "code": rows["lsoa_code"].to_list(),
            "name": rows["lsoa_name"].to_list(),
        },
    }
    keys: dict[str, Sequence[Any]] = {
        "forces": forces,
        "neighbourhoods": neighbourhoods,
        "areas": rows["lsoa_code"].to_list(),
    }
    write_areas(
        path, [Level(name, ZOOMS[name], outlines[name].of(keys[name]), properties[name]) for name in ZOOMS]
    )


def write_figures(files: Folder, figures: Figures, keys: Mapping[str, str]) -> None:
    """Write the figures of each month: `map/YYYY-MM/<force>.json` and `map/YYYY-MM/kind-<n>.json`.

    `keys` tells the figures of each force apart. What is the same as in the earlier build is kept from it.
    """
    sizes = dict(figures.cells.lsoas.group_by("force").len().iter_rows())
    made = []
    for force in figures.forces:
        # By their names: a folder of each month would be looked through for each force.
        names = [f"map/{month:%Y-%m}/{force}.json{end}" for month in figures.months for end in ("", *COPIES)]
        key = key_of(keys[force], figures.months, KINDS)
        if force in sizes and not files.kept(f"map {force}", key, *names):
            made.append(force)
    by_force, nothing = figures.cells.of_forces(made), figures.cells.latest.clear()
    for force in made:
        cells = by_force.get(force, nothing).filter(pl.col("place").is_not_null())
        for month, text in force_files(cells, sizes[force], figures.verdicts.get(force, {}), figures.months):
            files.put(f"map/{month:%Y-%m}/{force}.json", text.encode())
    order = list(figures.forces), figures.keys
    months = {
        level: {month: rows for (month,), rows in shown.partition_by("month", as_dict=True).items()}
        for level, (shown, _) in figures.mapped.items()
    }
    for month in figures.months:
        shown = {
            level: (months[level].get(month, figures.mapped[level][0].clear()), size)
            for level, (_, size) in figures.mapped.items()
        }
        key = key_of(order, *(rows for rows, _ in shown.values()))
        if not files.kept(f"kinds {month:%Y-%m}", key, f"map/{month:%Y-%m}/kind-*"):
            for _, kind, text in kind_files(shown, [month]):
                files.put(f"map/{month:%Y-%m}/kind-{kind}.json", text.encode())


def write_point_tiles(
    files: Folder,
    crimes: QuarterRows,
    country: Country,
    months: Sequence[date],
    bulk: Path | None = None,
) -> list[date]:
    """Write `map/YYYY-MM.pmtiles` for each month with a crime that has a place: crimes at their map points.

    They are the lines of the bulk files in `bulk`, so that a location which is withheld there is on no map.
    Without it they are `crimes` (`Counted`) at their map points: a record's own place is never published.
    Returns the months that have one. A month whose points are those of the earlier build is kept from it; it is
    not even read where the bulk files say that its lines are the same (`SHA256SUMS`).
    """
    owners = country.lsoas.select("lsoa_code", area_force="force")
    owned = key_of(owners.write_csv().encode())
    sums = read_sums(bulk) if bulk is not None and (bulk / SUMS).is_file() else {}
    told = by_month(sums, "street")
    lines = {
        month: key_of(owned, bulk is not None, sorted(told.get(f"{month:%Y-%m}", {}).items()))
        for month in months
    }
    if bulk is None:
        points, gone = street.map_points_of(crimes.lazy(), country), withdrawn(crimes.lazy()).collect()

    def shown(month: date) -> pl.DataFrame:
        if bulk is not None:
            return _lines(bulk, month)
        standing = street.standing(crimes.collect([month]), gone)
        return street.at_map_points(standing, points)

    def write(month: date) -> tuple[str, bool]:
        if _quarter_of_lines(month) in sums and files.parts.is_same(f"lines {month:%Y-%m}", lines[month]):
            return files.parts.before[f"points {month:%Y-%m}"], False
        each = shown(month).select(
            "force",
            "longitude",
            "latitude",
            "location",
            "lsoa_code",
            kind=pl.col("category").cast(CATEGORY).to_physical().cast(pl.Int64) + 1,
        )
        key = key_of(owned, each)
        if files.parts.is_same(f"points {month:%Y-%m}", key):
            return key, False
        crime = each.filter(pl.col("kind") != KINDS.index(BEHAVIOUR)).with_columns(kind=pl.lit(0, pl.Int64))
        return key, write_points(files.folder / _tiles(month), pl.concat([each, crime]), owners)

    written = []
    # Much of the work of a month is done outside the interpreter, so two go side by side.
    with ThreadPoolExecutor(max_workers=2) as pool:
        for month, (key, is_new) in zip(months, pool.map(write, months), strict=True):
            path = files.folder / _tiles(month)
            files.parts.made[f"lines {month:%Y-%m}"] = lines[month]
            if files.kept(f"points {month:%Y-%m}", key, _tiles(month)):
                written += [month] if path.is_file() else []
            elif is_new:
                files.written.append(path)
                written.append(month)
    return written


def _tiles(month: date) -> str:
    return f"map/{month:%Y-%m}.pmtiles"


def _lines(bulk: Path, month: date) -> pl.DataFrame:
    """The lines of a month in the bulk files."""
    path = bulk / _quarter_of_lines(month)
    if not path.is_file():
        return pl.DataFrame(
            schema=dict.fromkeys(LINE, pl.String) | {"longitude": pl.Float64, "latitude": pl.Float64}
        )
    lines = pl.scan_parquet(path).filter(pl.col("month") == f"{month:%Y-%m}")
    # To the decimals of the street files, by whose digests a month is known.
    places = pl.col("longitude", "latitude").round(6)
    return lines.rename({"crime_type": "category"}).select(LINE).with_columns(places).collect()


def _quarter_of_lines(month: date) -> str:
    return f"parquet/{Quarter.of(month)}-street.parquet"


def index(
    figures: Figures,
    lsoas: pl.DataFrame,
    outlines: Outlines,
    months_with_points: Sequence[date],
    attribution: str,
    basemap: str = "",
) -> str:
    """What the map begins with, as JSON: months, kinds, shades, and each force's place on the map."""
    sizes = dict(lsoas.group_by("force").len().iter_rows())
    where = _where(outlines)
    forces = []
    first = 0
    for force, place in figures.forces.items():
        forces.append(
            {"slug": force, "name": place.name, "first": first, "size": sizes.get(force, 0)}
            | where.get(force, {})
        )
        first += sizes.get(force, 0)
    return json.dumps(
        {
            "months": [f"{month:%Y-%m}" for month in figures.months],
            "kinds": KINDS,
            "shades": figures.shades,
            "forces": forces,
            "points": [f"{month:%Y-%m}" for month in months_with_points],
            "attribution": attribution,
            "basemap": basemap,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _where(outlines: Outlines) -> dict[Any, dict[str, list[float]]]:
    """Where the label of each area stands and how far it reaches, in degrees."""
    shapes = []
    for number in outlines.index.values():
        parts = shapely.get_parts(outlines.outlines[number])
        largest = parts[np.argmax(shapely.area(parts))]
        shapes += [shapely.point_on_surface(largest), shapely.box(*shapely.total_bounds(parts))]
    found = geopandas.GeoSeries(shapes, crs=METRES).to_crs(4326).to_list()
    return {
        key: {
            "at": [round(label.x, 4), round(label.y, 4)],
            "bounds": [round(float(edge), 4) for edge in box.bounds],
        }
        for key, label, box in zip(outlines.index, found[::2], found[1::2], strict=True)
    }
