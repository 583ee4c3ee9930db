"""How fast points are placed in areas, beside geopandas.sjoin on the same points in the same run.

    python tests/bench/placing_benchmark.py [POINTS] [AREAS]

Also measures two other ways of doing it, so that the choice can be made again: a tree of the areas that each
distinct point asks, and a grid of 100 m cells in which only points in a cell of several areas are tested.
Each runs in a process of its own, and all must give the same answer. Seconds are of processor time, after
the input is read, so that other work on the machine does not count.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import polars as pl
import shapely

from geography.boundaries import project
from tests.bench.harness import measure, print_ratios, python

#: Crimes share coordinates: about nine for each map point in a year of street files.
ROWS_PER_COORDINATE = 9
#: Corners are added to each area at this spacing, so that areas have about as many as full-resolution ones.
METRES_BETWEEN_CORNERS = 10

READ = """
import time, geopandas as gpd, numpy as np, polars as pl, shapely
from geography.placing import place
areas = gpd.read_parquet('{folder}/areas.parquet')
points = pl.read_parquet('{folder}/points.parquet')
started = time.process_time()
"""

SJOIN = """
shapes = gpd.GeoDataFrame(geometry=gpd.points_from_xy(points['longitude'], points['latitude']), crs=4326)
joined = gpd.sjoin(shapes, areas, how='left', predicate='intersects')
# A point on a shared edge comes back once for each area.
joined = joined.sort_values('lsoa_code', kind='stable')
codes = joined[~joined.index.duplicated()].sort_index()['lsoa_code']
codes = pl.Series([code if isinstance(code, str) else None for code in codes], dtype=pl.String)
"""

OURS = """
codes = place(points, areas)['lsoa_code']
"""

UNIQUE = """
distinct = points.unique()
xy = distinct.to_numpy()
areas = areas.sort_values('lsoa_code', ignore_index=True)
shapes = areas.geometry.to_numpy()
lowest = np.full(len(xy), len(areas))
"""

BACK = """
codes = pl.Series([*areas['lsoa_code'], None], dtype=pl.String).gather(pl.Series(lowest))
codes = points.join(distinct.with_columns(codes.alias('code')), on=['longitude', 'latitude'], how='left',
                    maintain_order='left')['code']
"""

TREE_OF_AREAS = (
    UNIQUE
    + """
point, area = shapely.STRtree(shapes).query(shapely.points(xy), predicate='intersects')
np.minimum.at(lowest, point, area)
"""
    + BACK
)

# A cell that one area alone touches must lie in it to settle its points: at the coast it does not.
GRID = (
    UNIQUE
    + """
size = np.array([0.0014, 0.0009])
cells, cell_of = np.unique(np.floor(xy / size).astype(np.int64), axis=0, return_inverse=True)
boxes = shapely.box(*(cells * size).T, *((cells + 1) * size).T)
tree = shapely.STRtree(shapes)
cell, area = tree.query(boxes, predicate='intersects')
touching = np.bincount(cell, minlength=len(cells))
alone = np.full(len(cells), len(areas))
np.minimum.at(alone, cell, area)
inside = np.zeros(len(cells), dtype=bool)
inside[tree.query(boxes, predicate='covered_by')[0]] = True
settled = ((touching == 1) & inside)[cell_of.ravel()]
lowest[settled] = alone[cell_of.ravel()[settled]]
rest = np.flatnonzero(~settled)
point, area = tree.query(shapely.points(xy[rest]), predicate='intersects')
np.minimum.at(lowest, rest[point], area)
"""
    + BACK
)

WRITE = """
seconds = time.process_time() - started
pl.DataFrame({{'seconds': [seconds]}}).write_parquet('{folder}/{name} seconds.parquet')
codes.to_frame('code').write_parquet('{folder}/{name}.parquet')
"""

WAYS = {
    "geopandas.sjoin": SJOIN,
    "place": OURS,
    "distinct points ask a tree of areas": TREE_OF_AREAS,
    "grid of 100 m, the rest tested": GRID,
}


def write_input(folder: Path, points: int, areas: int, seed: int = 7) -> None:
    """Areas that cover a rectangle of about 20 areas to the square kilometre, and points in and around it."""
    rng = np.random.default_rng(seed)
    side = np.sqrt(areas / 20) * 1000
    corner = np.array([400_000, 300_000])
    seeds = shapely.multipoints(rng.uniform(0, side, (areas, 2)) + corner)
    frame = shapely.box(*corner, *(corner + side))
    cells = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=frame))
    cells = shapely.segmentize(shapely.intersection(cells, frame), METRES_BETWEEN_CORNERS)
    codes = [f"E01{n:06}" for n in rng.permutation(areas)]
    made = gpd.GeoDataFrame({"lsoa_code": codes}, geometry=cells, crs=27700)
    project(made, 4326).to_parquet(folder / "areas.parquet")

    around = rng.uniform(-0.01 * side, 1.01 * side, (max(1, points // ROWS_PER_COORDINATE), 2)) + corner
    places = project(gpd.GeoSeries(shapely.points(around), crs=27700), 4326)
    distinct = pl.DataFrame({"longitude": places.x.round(6), "latitude": places.y.round(6)})
    distinct[rng.integers(0, len(around), points)].write_parquet(folder / "points.parquet")


def main(points: int = 1_000_000, areas: int = 35_672) -> None:
    """Make the input, place it in each way, compare the answers, print the table."""
    with tempfile.TemporaryDirectory(prefix="fullcount-placing-") as temporary:
        folder = Path(temporary)
        write_input(folder, points, areas)
        measured = []
        for number, (name, way) in enumerate(WAYS.items()):
            whole = measure(name, python((READ + way + WRITE).format(folder=folder, name=f"way {number}")))
            seconds = pl.read_parquet(folder / f"way {number} seconds.parquet").item()
            measured.append(replace(whole, seconds=seconds))
        print_ratios(f"Points placed in {areas:,} areas", measured[0], measured[1:], points)
        answers = [pl.read_parquet(folder / f"way {number}.parquet")["code"] for number in range(len(WAYS))]
        unplaced = answers[0].null_count()
        print(f"\nUnplaced in each: {unplaced:,} ({unplaced / points:.1%}).")
        for name, answer in zip(WAYS, answers, strict=True):
            different = answer.ne_missing(answers[0]).arg_true().len()
            if different:
                raise SystemExit(f"{name} differs from {next(iter(WAYS))} on {different:,} points")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
