import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.comparability import (
    changes,
    in_words,
    leaving,
    like_for_like,
    percentage_change,
    rates,
    rounded_ratio,
    total_label,
)
from transforms.contracts.status import STATUS


def figures(*rows: tuple[str, str, int | None, str]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"force": pl.String, "period": pl.String, "count": pl.Int64, "status": STATUS},
        orient="row",
    ).with_columns(column=pl.lit("total"))


EVERYONE = pl.DataFrame({"area": ["all", "all", "all"], "force": ["a", "b", "c"]})


def test_an_area_missing_from_one_period_leaves_every_period() -> None:
    table = figures(
        ("a", "2018", 100, "complete"), ("a", "2019", 110, "complete"),
        ("b", "2018", 50, "complete"), ("b", "2019", None, "missing"),
    )  # fmt: skip
    gone = leaving(table)
    assert gone.rows() == [("b", ["2019"])]
    totals = like_for_like(table, EVERYONE, gone["force"].to_list())
    assert totals.select("period", "count").rows() == [("2018", 100), ("2019", 110)]
    assert totals["excluding"].to_list() == [["b"], ["b"]]


def test_a_total_that_everyone_left_is_missing_and_not_zero() -> None:
    table = figures(("a", "2019", None, "missing"), ("b", "2019", None, "unjudged"))
    totals = like_for_like(table, EVERYONE, ["a", "b"])
    assert totals.select("count", "status").rows() == [(None, "missing")]


def test_a_child_that_stays_without_a_number_takes_the_number_from_the_total() -> None:
    table = figures(("a", "2019", 10, "complete"), ("b", "2019", None, "withheld"))
    totals = like_for_like(table, EVERYONE, [])
    assert totals.select("count", "status").rows() == [(None, "withheld")]


def test_a_partial_part_is_named() -> None:
    table = figures(("a", "2019", 10, "complete"), ("b", "2019", 3, "partial"))
    totals = like_for_like(table, EVERYONE, [])
    assert totals.select("count", "status", "in_part").rows() == [(13, "partial", ["b"])]


@pytest.mark.parametrize(
    ("now", "before", "decimals", "wanted"),
    [
        (1025, 1000, 0, 3.0),  # 2.5 goes to 3, not to the even 2
        (975, 1000, 0, -3.0),
        (1015, 1000, 0, 2.0),
        (50, 49, 0, None),
        (50, 50, 0, 0.0),
        (5_234_118, 5_200_043, 1, 0.7),
        (4_933_908, 4_866_363, 1, 1.4),
        (-5, 100, 0, -105.0),
    ],
)
def test_percentage_change(now: int, before: int, decimals: int, wanted: float | None) -> None:
    frame = pl.DataFrame({"now": [now], "before": [before]})
    assert frame.select(percentage_change(pl.col("now"), pl.col("before"), decimals)).item() == wanted


def test_rounded_values_are_the_nearest_to_their_decimals() -> None:
    frame = pl.DataFrame({"n": list(range(-50_000, 200_000, 7))})
    got = frame.select(rounded_ratio(pl.col("n"), pl.lit(1000), 1)).to_series().to_list()
    assert all(float(f"{value:.1f}") == value for value in got)


@given(
    numerator=st.integers(-(10**9), 10**9),
    denominator=st.integers(1, 10**7),
    decimals=st.integers(0, 2),
)
def test_rounding_is_half_away_from_zero(numerator: int, denominator: int, decimals: int) -> None:
    from decimal import ROUND_HALF_UP, Context, Decimal

    context = Context(prec=60)
    exact = context.divide(Decimal(numerator), Decimal(denominator))
    wanted = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=context)
    frame = pl.DataFrame({"n": [numerator], "d": [denominator]})
    got = frame.select(rounded_ratio(pl.col("n"), pl.col("d"), decimals)).item()
    assert got == float(wanted)


def test_changes_carry_the_reason() -> None:
    schema = {"area": pl.String, "count": pl.Int64, "status": STATUS}
    now = pl.DataFrame(
        [("a", 120, "complete"), ("b", None, "missing"), ("c", 60, "complete"), ("d", 70, "partial")],
        schema,
        orient="row",
    )
    before = pl.DataFrame(
        [("a", 100, "complete"), ("b", 100, "complete"), ("c", 40, "complete"), ("d", 100, "complete")],
        schema,
        orient="row",
    )
    assert changes(now, before, ["area"]).rows() == [
        ("a", 20.0, "complete"),
        ("b", None, "missing"),
        ("c", None, "not applicable"),
        ("d", -30.0, "partial"),
    ]
    assert changes(now, before.head(0), ["area"])["status"].unique().to_list() == ["missing"]


def test_rates_are_not_given_where_nobody_lives() -> None:
    schema = {"area": pl.String, "column": pl.String, "count": pl.Int64, "status": STATUS}
    table = pl.DataFrame(
        [
            ("north", "total", 1234, "complete"),
            ("city-of-london", "total", 9000, "complete"),
            ("btp", "total", 500, "complete"),
            ("silent", "total", None, "missing"),
            ("uncounted", "total", 5, "complete"),
        ],
        schema,
        orient="row",
    )
    people = pl.DataFrame(
        {
            "area": ["north", "city-of-london", "silent", "uncounted"],
            "count": [10_000, 8_600, 10, None],
            "status": ["complete", "complete", "complete", "missing"],
        },
        schema={"area": pl.String, "count": pl.Int64, "status": STATUS},
    )
    assert rates(table, people, ["column"]).select("area", "value", "status").rows() == [
        ("btp", None, "not applicable"),
        ("city-of-london", None, "not applicable"),
        ("north", 123.4, "complete"),
        ("silent", None, "missing"),
        ("uncounted", None, "missing"),
    ]


def test_labels() -> None:
    assert total_label("England and Wales", []) == "England and Wales"
    assert (
        total_label("England and Wales", ["Greater Manchester"])
        == "England and Wales excluding Greater Manchester"
    )
    assert in_words(["A", "B", "C"]) == "A, B and C"
    assert in_words(["Devon and Cornwall", "Kent"]) == "Devon and Cornwall, and Kent"
