"""Adding up: a total is there only when every part is."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms import aggregation
from transforms.contracts.status import STATUS, WORST_LAST, Status


def figures(*rows: tuple[str, str, int | None, str]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={"region": pl.String, "force": pl.String, "count": pl.Int64, "status": STATUS},
        orient="row",
    )


def test_a_total_lacking_one_part_is_no_number_and_names_it() -> None:
    total = aggregation.add_up(
        figures(
            ("north", "a", 10, "complete"), ("north", "b", None, "missing"), ("south", "c", 0, "complete"),
        ),
        by=["region"],
        child="force",
    )  # fmt: skip
    assert total.rows() == [("north", None, "missing", ["b"]), ("south", 0, "complete", [])]


def test_negative_net_corrections_are_added_and_never_clipped() -> None:
    total = aggregation.add_up(figures(("n", "a", 3, "complete"), ("n", "b", -5, "complete")), by=["region"])
    assert total.rows() == [("n", -2, "complete")]


def test_a_partial_part_makes_a_partial_total() -> None:
    total = aggregation.add_up(figures(("n", "a", 3, "complete"), ("n", "b", 1, "partial")), by=["region"])
    assert total.rows() == [("n", 4, "partial")]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["n", "s"]),
            st.sampled_from("abcd"),
            st.integers(-5, 50),
            st.sampled_from(WORST_LAST),
        ),
        min_size=1,
    )
)
def test_no_total_is_a_number_while_a_part_is_not(rows: list[tuple[str, str, int, Status]]) -> None:
    allowed = {Status.COMPLETE, Status.PARTIAL}
    frame = figures(*((r, f, n if s in allowed else None, s.value) for r, f, n, s in rows))
    for region, count, status in aggregation.add_up(frame, by=["region"]).iter_rows():
        parts = [(n, s) for r, _, n, s in rows if r == region]
        worst = max((s for _, s in parts), key=WORST_LAST.index)
        assert status == worst.value
        assert count == (sum(n for n, s in parts if s in allowed) if worst in allowed else None)


def test_strays_in_a_month_that_was_not_supplied_stay_no_number() -> None:
    grid = pl.LazyFrame({"force": ["a", "a", "b"], "area": ["x", "y", "z"], "supplied": [True, True, False]})
    counted = pl.LazyFrame(
        {"force": ["a", "a", "b"], "area": ["x", "x", "z"], "counted": [1, 1, 1]},
        schema_overrides={"counted": pl.Int8},
    )
    laid = aggregation.count_onto_grid(grid, counted, ["force", "area"]).sort("area").collect()
    assert laid.get_column("count").to_list() == [2, 0, None]


def test_crimes_that_no_row_awaits_are_told() -> None:
    grid = pl.LazyFrame({"force": ["a"]})
    counted = pl.LazyFrame({"force": ["a", "b", "b"]})
    assert aggregation.off_grid(grid, counted, ["force"]).rows() == [("b", 2)]


def test_the_past_of_a_month_leaves_out_the_month_and_the_gaps() -> None:
    frame = pl.DataFrame({"area": ["x"] * 4, "month": [1, 2, 3, 4], "count": [30, None, 10, 0]})
    past = aggregation.mean_before(frame, by=["area"], order="month")
    assert past.select("before", "mean").rows() == [(0, None), (1, 30.0), (1, 30.0), (2, 20.0)]
