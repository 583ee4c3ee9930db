"""Earlier LSOA codes to current ones: exactly where that is possible, by the point where not, never by guess."""

import geopandas as gpd
import polars as pl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geography.areas import LsoaVintages
from geography.vintages import to_current, vintage_of

# In the earlier vintage: S was cut in two halves, west NW and east NE; M1 and M2 became NM; C1 and C2 exchanged
# ground and became X1 and X2.
VINTAGES = LsoaVintages.cast(
    pl.DataFrame(
        [
            ("U1", "U1", "U"),
            ("S", "NE", "S"),
            ("S", "NW", "S"),
            ("M1", "NM", "M"),
            ("M2", "NM", "M"),
            ("C1", "X1", "X"),
            ("C1", "X2", "X"),
            ("C2", "X2", "X"),
        ],
        schema=["old_code", "lsoa_code", "change"],
        orient="row",
    )
)
LSOAS = pl.DataFrame({"lsoa_code": ["U1", "NE", "NW", "NM", "X1", "X2"]})
SHAPES = gpd.GeoDataFrame(
    {"lsoa_code": ["NW", "NE", "NM", "U1", "X1", "X2"]},
    geometry=[shapely.box(west / 100, 51, (west + 1) / 100, 51.01) for west in range(6)],
    crs=4326,
)
POINTS = {"NW": (0.005, 51.005), "NE": (0.015, 51.005), "U1": (0.035, 51.005), "X2": (0.055, 51.005)}
NOWHERE = (None, None)

Row = tuple[str | None, float | None, float | None]


def frame(*rows: Row) -> pl.DataFrame:
    schema = {"lsoa_code": pl.String, "longitude": pl.Float64, "latitude": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.mark.parametrize(
    ("row", "code", "resolution"),
    [
        (("U1", *POINTS["U1"]), "U1", "current code"),
        (("NE", *NOWHERE), "NE", "current code"),
        (("M2", *NOWHERE), "NM", "merged"),
        (("S", *POINTS["NW"]), "NW", "placed by its point"),
        (("S", *POINTS["NE"]), "NE", "placed by its point"),
        # On the edge that the two halves share.
        (("S", 0.01, 51.005), "NE", "placed by its point"),
        # Just over the edge of generalised boundaries: the code is believed, and the nearer half taken.
        (("S", 0.021, 51.005), "NE", "placed by its point"),
        (("C1", *POINTS["X2"]), "X2", "placed by its point"),
        (("C2", *POINTS["NW"]), "X2", "placed by its point"),
        (("S", *NOWHERE), None, "split and no point to place it by"),
        (("S", 0.005, None), None, "split and no point to place it by"),
        (("S", float("nan"), 51.0), None, "split and no point to place it by"),
        (("95GG01S1", *POINTS["NE"]), None, "unknown code"),
        ((None, *POINTS["NE"]), None, "no code"),
    ],
)
def test_each_kind_of_change(row: Row, code: str | None, resolution: str) -> None:
    current = to_current(frame(row), VINTAGES, LSOAS, SHAPES)
    assert current["lsoa_code"].to_list() == [code]
    assert current["resolution"].to_list() == [resolution]


def test_an_unchanged_code_under_a_new_name() -> None:
    renamed = LsoaVintages.cast(pl.DataFrame({"old_code": ["A"], "lsoa_code": ["NM"], "change": ["U"]}))
    current = to_current(frame(("A", *NOWHERE)), renamed, LSOAS)
    assert current.row(0)[-1] == "unchanged"
    assert current["lsoa_code"].to_list() == ["NM"]


def test_counts_without_points_keep_what_can_be_kept() -> None:
    cube = pl.DataFrame({"lsoa_code": ["U1", "M1", "M2", "S", None], "n": [1, 2, 3, 4, 5]})
    current = to_current(cube, VINTAGES, LSOAS)
    assert current["lsoa_code"].to_list() == ["U1", "NM", "NM", None, None]
    assert current["n"].to_list() == [1, 2, 3, 4, 5]


CODES = st.sampled_from([*VINTAGES["old_code"], *VINTAGES["lsoa_code"], "unheard of", None])
PLACES = st.sampled_from([*POINTS.values(), NOWHERE, (5.0, 55.0)])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CODES, PLACES, st.integers(-5, 40)), max_size=40))
def test_nothing_is_gained_or_lost(
    rows: list[tuple[str | None, tuple[float | None, float | None], int]],
) -> None:
    before = frame(*[(code, *point) for code, point, _ in rows]).with_columns(
        n=pl.Series([n for *_, n in rows], dtype=pl.Int64)
    )
    after = to_current(before, VINTAGES, LSOAS, SHAPES)
    assert after["n"].to_list() == before["n"].to_list()
    assert after.columns == [*before.columns, "resolution"]
    assert set(after["lsoa_code"].drop_nulls()) <= set(LSOAS["lsoa_code"])
    assert after["resolution"].null_count() == 0
    # A row without a code says why.
    reasons = {"no code", "split and no point to place it by", "unknown code"}
    assert set(after.filter(pl.col("lsoa_code").is_null())["resolution"]) <= reasons
    # Wherever the row goes, it goes to a successor of the code it had.
    pairs = set(VINTAGES.select("old_code", "lsoa_code").rows()) | {
        (code, code) for code in LSOAS["lsoa_code"]
    }
    moves = zip(before["lsoa_code"], after["lsoa_code"], strict=True)
    assert {move for move in moves if move[1] is not None} <= pairs


def test_a_table_that_would_multiply_rows_is_refused() -> None:
    twice = pl.concat(
        [
            VINTAGES,
            LsoaVintages.cast(pl.DataFrame({"old_code": ["M1"], "lsoa_code": ["NE"], "change": ["M"]})),
        ]
    )
    with pytest.raises(ValueError, match="M1 is unchanged or merged"):
        to_current(frame(("M1", *NOWHERE)), twice, LSOAS)


@pytest.mark.parametrize(
    ("codes", "vintage"),
    [
        (["U1", "S", "M1", None], "earlier"),
        (["U1", "NE", "NM"], "current"),
        (["U1"], "current"),
        ([None], "current"),
        ([], "current"),
        # One stray old code, many times over, does not outvote the distinct new ones.
        (["S"] * 50 + ["NE", "NM"], "current"),
        (["S", "NE"], "current"),
    ],
)
def test_the_vintage_of_a_file_is_a_vote_of_its_distinct_codes(codes: list[str | None], vintage: str) -> None:
    assert vintage_of(pl.Series(codes, dtype=pl.String), VINTAGES) == vintage
