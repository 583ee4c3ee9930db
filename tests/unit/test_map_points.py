"""Snapping: nearest point inside the force, beyond 20 km no place, and no row lost."""

import numpy as np
import polars as pl

from fixtures.small_judged import small_country
from geography.map_points import snap


def points(rows):
    return pl.DataFrame(
        rows, schema={"force": pl.String, "longitude": pl.Float64, "latitude": pl.Float64}, orient="row"
    )


def test_every_row_comes_back_in_order_at_a_point_of_its_force():
    country = small_country()
    chance = np.random.default_rng(3)
    size = 5000
    records = pl.DataFrame(
        {
            "n": np.arange(size),
            "force": chance.choice(["northshire", "mercaster", "btp"], size),
            "longitude": np.where(chance.random(size) < 0.1, np.nan, chance.uniform(-1.5, -1.42, size)),
            "latitude": chance.uniform(52.0, 52.05, size),
        },
    ).with_columns(pl.col("longitude").fill_nan(None))
    snapped = snap(records, country.map_points)
    assert snapped["n"].to_list() == records["n"].to_list()
    assert snapped["longitude"].is_null().to_list() == records["longitude"].is_null().to_list()
    own = snapped.drop_nulls("point_id").join(
        country.map_points.select("point_id", owner="force", plain="longitude"), on="point_id"
    )
    assert own.filter((pl.col("force") != "btp") & (pl.col("force") != pl.col("owner"))).is_empty()
    assert (own["plain"] == own["longitude"]).all()
    assert own["location"].str.starts_with("On or near ").all()


def test_nearest_agrees_with_measuring_every_point():
    country = small_country()
    chance = np.random.default_rng(4)
    records = points(
        [("northshire", x, y) for x, y in chance.uniform([-1.5, 52.0], [-1.4, 52.03], (200, 2)).tolist()]
    )
    own = country.map_points.filter(pl.col("force") == "northshire")
    snapped = snap(records, country.map_points)
    for (_, x, y), found in zip(records.iter_rows(), snapped["metres"], strict=True):
        step = (own["longitude"] - x) * np.cos(np.radians(y)) * 111_195, (own["latitude"] - y) * 111_195
        assert abs(float(np.sqrt(step[0] ** 2 + step[1] ** 2).min()) - found) < 1


def test_too_far_has_no_place_and_no_points_at_all_neither():
    country = small_country()
    far = points([("northshire", 1.0, 51.0), ("northshire", -1.49, 52.01)])
    assert snap(far, country.map_points)["location"].is_null().to_list() == [True, False]
    assert snap(far, country.map_points.clear())["location"].is_null().all()
