"""Points to areas: each row is placed once or stated as unplaced, and a force fills only its own areas."""

import geopandas as gpd
import polars as pl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from geography.placing import place, placed_in_force

# Four unit squares around (1, 1), codes not in the order of the frame; E5 overlaps E1 a little.
SQUARES = gpd.GeoDataFrame(
    {"lsoa_code": ["E4", "E1", "E3", "E2", "E5"]},
    geometry=[
        shapely.box(1, 1, 2, 2),
        shapely.box(0, 0, 1, 1),
        shapely.box(0, 1, 1, 2),
        shapely.box(1, 0, 2, 1),
        shapely.box(-1, 0, 0.25, 1),
    ],
    crs=4326,
)


def placed(*points: tuple[float | None, float | None]) -> list[str | None]:
    frame = pl.DataFrame(points, schema={"longitude": pl.Float64, "latitude": pl.Float64}, orient="row")
    return place(frame, SQUARES)["lsoa_code"].to_list()


def test_a_point_takes_the_code_of_the_area_it_lies_in() -> None:
    assert placed((0.5, 0.5), (1.5, 0.5), (0.5, 1.5), (1.5, 1.5)) == ["E1", "E2", "E3", "E4"]


def test_a_tie_goes_to_the_lowest_code() -> None:
    on_an_edge, on_the_corner_of_four, where_two_overlap = (1.0, 1.5), (1.0, 1.0), (0.1, 0.5)
    assert placed(on_an_edge, on_the_corner_of_four, where_two_overlap) == ["E3", "E1", "E1"]


def test_unplaced_is_an_answer_and_not_a_drop() -> None:
    nowhere = [(9.0, 9.0), (None, None), (0.5, None), (float("nan"), 0.5), (float("inf"), 0.5)]
    assert placed(*nowhere) == [None] * 5
    assert placed() == []


def test_rows_keep_their_order_their_number_and_their_other_columns() -> None:
    rows = pl.DataFrame(
        {"crime": range(600), "longitude": [0.5, 1.5, 9.0] * 200, "latitude": [0.5, 1.5, 9.0] * 200}
    )
    wanted = rows.with_columns(lsoa_code=pl.Series(["E1", "E4", None] * 200))
    assert_frame_equal(place(rows, SQUARES), wanted)
    assert_frame_equal(place(rows.lazy(), SQUARES), wanted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-3, 9).map(lambda quarter: quarter / 4)] * 2), max_size=30))
def test_it_agrees_with_testing_every_area_one_by_one(points: list[tuple[float, float]]) -> None:
    areas = sorted(zip(SQUARES["lsoa_code"], SQUARES.geometry, strict=True))
    one_by_one = [
        next((code for code, shape in areas if shape.covers(shapely.Point(point))), None) for point in points
    ]
    assert placed(*points) == one_by_one


@pytest.mark.parametrize(
    ("points", "boundaries", "says"),
    [
        (pl.DataFrame({"longitude": [1.0]}), SQUARES, "no column latitude"),
        (pl.DataFrame({"longitude": [1.0], "latitude": [1.0], "lsoa_code": ["E1"]}), SQUARES, "already"),
        (pl.DataFrame({"longitude": [1.0], "latitude": [1.0]}), SQUARES.to_crs(27700), "WGS 84"),
        (
            pl.DataFrame({"longitude": [1.0], "latitude": [1.0]}),
            SQUARES.rename(columns={"lsoa_code": "code"}),
            "no column lsoa_code",
        ),
    ],
)
def test_bad_input_is_named(points: pl.DataFrame, boundaries: gpd.GeoDataFrame, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        place(points, boundaries)


LSOAS = pl.DataFrame(
    {
        "lsoa_code": ["E1", "E2", "E3"],
        "csp_code": ["CN", "CN", "CS"],
        "force": ["north", "north", "south"],
    }
)

CASES = [
    # recorded by, LSOA of the map point, partnership of the crime, longitude → published at
    ("north", "E1", "CN", 0.5, "E1"),
    ("south", "E3", "CS", 0.5, "E3"),
    ("south", "E1", "CN", 0.5, "outside"),
    ("railway", "E1", "CN", 0.5, "outside"),
    ("north", None, None, None, "nowhere"),
    # A location that is withheld.
    ("north", None, "CN", 0.5, "nowhere"),
    ("south", None, "CN", 0.5, "outside"),
    ("railway", None, None, -4.2, "outside"),
    ("north", "S01", None, 0.5, "outside"),
    ("north", "S01", None, None, "outside"),
]


@pytest.mark.parametrize(("force", "lsoa", "partnership", "longitude", "wanted"), CASES)
def test_a_crime_is_published_only_in_the_area_of_the_force_that_recorded_it(
    force: str, lsoa: str | None, partnership: str | None, longitude: float | None, wanted: str
) -> None:
    counted = pl.LazyFrame(
        {"force": [force], "lsoa_code": [lsoa], "csp_code": [partnership], "longitude": [longitude]},
        schema={
            "force": pl.String,
            "lsoa_code": pl.String,
            "csp_code": pl.String,
            "longitude": pl.Float64,
        },
    )
    shown = placed_in_force(counted, LSOAS, no_location="nowhere", outside="outside").collect()
    assert shown["place"].to_list() == [wanted]
    assert shown["lsoa_code"].to_list() == [lsoa]


def test_every_row_of_a_force_has_one_place() -> None:
    rows = [case[:4] for case in CASES] * 50
    counted = pl.LazyFrame(rows, schema=["force", "lsoa_code", "csp_code", "longitude"], orient="row")
    shown = placed_in_force(counted, LSOAS, no_location="nowhere", outside="outside").collect()
    assert shown.height == len(rows)
    assert shown["place"].null_count() == 0
