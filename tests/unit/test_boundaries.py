"""Shapes of areas: repaired, checked, simplified, dissolved and projected without opening a gap."""

import geopandas as gpd
import numpy as np
import polars as pl
import pytest
import shapely

from geography.boundaries import check_coverage, dissolve, project, repair, simplify


def grid(size: int = 4, metres: float = 1000, wobble: int = 20) -> gpd.GeoDataFrame:
    """Squares in British National Grid with jagged shared edges."""
    rng = np.random.default_rng(3)

    def line(fixed: int, start: int, vertical: bool) -> list[tuple[float, float]]:
        steps = np.linspace(0, metres, 11) + start * metres
        off = np.where((steps % metres == 0), 0, rng.normal(0, wobble, 11)) + fixed * metres
        return list(zip(off, steps, strict=True)) if vertical else list(zip(steps, off, strict=True))

    across = {(x, y): line(y, x, False) for x in range(size) for y in range(size + 1)}
    up = {(x, y): line(x, y, True) for x in range(size + 1) for y in range(size)}
    shapes = [
        shapely.Polygon(across[x, y] + up[x + 1, y] + across[x, y + 1][::-1] + up[x, y][::-1])
        for x in range(size)
        for y in range(size)
    ]
    shapes = shapely.transform(shapes, lambda xy: xy + np.array([400_000, 300_000]))
    return gpd.GeoDataFrame({"lsoa_code": [f"E{n:02}" for n in range(size**2)]}, geometry=shapes, crs=27700)


def test_a_shape_that_crosses_itself_is_mended_and_the_rest_left_alone() -> None:
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    before = gpd.GeoDataFrame({"lsoa_code": ["E1", "E2"]}, geometry=[bow, shapely.box(5, 5, 6, 6)], crs=27700)
    after = repair(before)
    assert after.is_valid.all()
    assert after.area.tolist() == [2, 1]
    assert after.geometry[1] == before.geometry[1]
    assert not before.is_valid.all()


def test_a_whole_coverage_has_nothing_to_report() -> None:
    report = check_coverage(grid())
    assert report.whole
    assert (report.overlaps.height, report.gaps.height) == (0, 0)


def test_an_overlap_and_a_gap_are_measured_in_square_metres() -> None:
    squares = [
        shapely.box(x * 100, y * 100, x * 100 + 100, y * 100 + 100) for x in range(3) for y in range(3)
    ]
    squares[4] = shapely.box(110, 100, 200, 200)  # leaves 10 × 100 m open inside
    squares[8] = shapely.box(200, 180, 300, 300)  # lies 20 × 100 m over its neighbour
    areas = gpd.GeoDataFrame({"lsoa_code": list("ABCDEFGHI")}, geometry=squares, crs=27700)
    report = check_coverage(areas.sample(frac=1, random_state=1))
    assert report.overlaps.rows() == [("H", "I", pytest.approx(2000))]
    assert report.gaps["square_metres"].to_list() == [pytest.approx(1000)]
    assert report.invalid == ()
    assert not report.whole


def test_simplifying_drops_corners_and_opens_no_gap() -> None:
    before = grid()
    after = simplify(before, 150)
    assert after.geometry.count_coordinates().sum() < before.geometry.count_coordinates().sum() / 3
    assert check_coverage(after).whole
    assert after["lsoa_code"].tolist() == before["lsoa_code"].tolist()
    assert simplify(project(before, 4326), 60).crs == "EPSG:4326"


def test_dissolving_keeps_the_area_and_drops_the_inner_edges() -> None:
    areas = grid()
    lsoas = pl.DataFrame({"lsoa_code": areas["lsoa_code"].tolist()}).with_columns(
        force=pl.when(pl.col("lsoa_code") < "E08").then(pl.lit("west")).otherwise(pl.lit("east")),
        neighbourhood=pl.col("lsoa_code").str.slice(1).cast(pl.Int64).floordiv(2).mod(3).cast(pl.String),
    )
    forces = dissolve(areas.sample(frac=1, random_state=1), lsoas, ["force"])
    assert forces["force"].tolist() == ["east", "west"]
    assert forces.geom_type.tolist() == ["Polygon", "Polygon"]
    assert forces.area.sum() == pytest.approx(areas.area.sum())
    assert check_coverage(forces, code="force").whole
    # A neighbourhood id is unique only inside its force.
    neighbourhoods = dissolve(areas, lsoas, ["force", "neighbourhood"])
    assert len(neighbourhoods) == 6
    assert neighbourhoods.area.sum() == pytest.approx(areas.area.sum())


def test_dissolving_works_where_edges_are_not_shared_exactly() -> None:
    halves = [shapely.box(0, 0, 10, 10), shapely.box(9, 0, 20, 10)]
    areas = gpd.GeoDataFrame({"lsoa_code": ["E1", "E2"]}, geometry=halves, crs=27700)
    lsoas = pl.DataFrame({"lsoa_code": ["E1", "E2"], "force": ["north", "north"]})
    assert dissolve(areas, lsoas, ["force"]).area.tolist() == [200]


def test_an_lsoa_without_a_boundary_is_named() -> None:
    lsoas = pl.DataFrame({"lsoa_code": ["E00", "E99"], "force": ["north", "north"]})
    with pytest.raises(ValueError, match="E99"):
        dissolve(grid(), lsoas, ["force"])


def test_projecting_needs_to_know_where_from() -> None:
    # Ordnance Survey's worked example of a point: Caister water tower.
    tower = gpd.GeoSeries([shapely.Point(651409.903, 313177.270)], crs=27700)
    there = project(tower, 4326)[0]
    assert (there.x, there.y) == (pytest.approx(1.716, abs=2e-4), pytest.approx(52.658, abs=2e-4))
    assert project(project(tower, 4326))[0].distance(tower[0]) < 0.01
    with pytest.raises(ValueError, match="coordinate system"):
        project(gpd.GeoSeries([shapely.Point(0, 0)]))
