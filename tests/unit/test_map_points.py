"""Snapping: nearest point inside the partnership, beyond 20 km no place, and no row lost."""

import numpy as np
import polars as pl

from fixtures.small_judged import small_country
from geography.map_points import in_partnerships, snap


def points(rows):
    return pl.DataFrame(
        rows, schema={"csp_code": pl.String, "longitude": pl.Float64, "latitude": pl.Float64}, orient="row"
    )


COUNTRY = small_country()
POINTS = in_partnerships(COUNTRY.map_points, COUNTRY.lsoas)
PARTNERSHIPS = COUNTRY.lsoas["csp_code"].unique().sort().to_list()


def test_every_row_comes_back_in_order_at_a_point_of_its_partnership():
    chance = np.random.default_rng(3)
    size = 5000
    records = pl.DataFrame(
        {
            "n": np.arange(size),
            "csp_code": pl.Series([*PARTNERSHIPS, None]).gather(
                chance.integers(0, len(PARTNERSHIPS) + 1, size)
            ),
            "longitude": np.where(chance.random(size) < 0.1, np.nan, chance.uniform(-1.5, -1.42, size)),
            "latitude": chance.uniform(52.0, 52.05, size),
        },
    ).with_columns(pl.col("longitude").fill_nan(None))
    snapped = snap(records, POINTS)
    assert snapped["n"].to_list() == records["n"].to_list()
    nowhere = records["longitude"].is_null() | records["csp_code"].is_null()
    assert snapped["longitude"].is_null().to_list() == nowhere.to_list()
    own = snapped.drop_nulls("point_id").join(
        POINTS.select("point_id", home="csp_code", plain="longitude"), on="point_id"
    )
    assert own.height == size - int(nowhere.sum()) and own["csp_code"].n_unique() == len(PARTNERSHIPS)
    assert (own["csp_code"] == own["home"]).all()
    assert (own["plain"] == own["longitude"]).all()
    assert own["location"].str.starts_with("On or near ").all()


def test_nearest_agrees_with_measuring_every_point():
    chance = np.random.default_rng(4)
    here = PARTNERSHIPS[0]
    records = points(
        [(here, x, y) for x, y in chance.uniform([-1.5, 52.0], [-1.4, 52.03], (200, 2)).tolist()]
    )
    own = POINTS.filter(pl.col("csp_code") == here)
    snapped = snap(records, POINTS)
    for (_, x, y), found in zip(records.iter_rows(), snapped["metres"], strict=True):
        step = (own["longitude"] - x) * np.cos(np.radians(y)) * 111_195, (own["latitude"] - y) * 111_195
        assert abs(float(np.sqrt(step[0] ** 2 + step[1] ** 2).min()) - found) < 1


def test_too_far_has_no_place_and_no_points_at_all_neither():
    far = points([(PARTNERSHIPS[0], 1.0, 51.0), (PARTNERSHIPS[0], -1.49, 52.01)])
    assert snap(far, POINTS)["location"].is_null().to_list() == [True, False]
    assert snap(far, POINTS.clear())["location"].is_null().all()
