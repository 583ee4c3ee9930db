"""The arithmetic of the benchmark of stages, and its page."""

import math

from tests.bench.stages_benchmark import Cost, exponents, page


def costs(power: float) -> list[Cost]:
    return [Cost(rows, "count", 1.0, (rows / 1000) ** power, 100.0) for rows in (1_000, 10_000, 100_000)]


def test_the_exponent_is_the_power_that_the_cost_grows_with() -> None:
    assert math.isclose(exponents(costs(1.0))["count"], 1.0)
    assert math.isclose(exponents(costs(1.7))["count"], 1.7)
    assert exponents(costs(1.0)[:1]) == {}


def test_the_page_holds_every_figure_and_where_it_was_taken() -> None:
    written = page(costs(1.0), {"processor": "2 × a processor", "commit": "abc1234"})
    for said in ("100,000", "1.00", "2 × a processor", "abc1234", "Seconds of processor against rows"):
        assert said in written
