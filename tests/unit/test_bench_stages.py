"""The arithmetic of the benchmark of stages, and its page."""

import math
from pathlib import Path

import pytest

from tests.bench.harness import Measured, kept_ratios, print_ratios
from tests.bench.stages_benchmark import FLOOR_NAME, Cost, exponents, page


def costs(power: float) -> list[Cost]:
    return [Cost(rows, "count", 1.0, (rows / 1000) ** power, 100.0) for rows in (1_000, 10_000, 100_000)]


def test_the_exponent_is_the_power_that_the_cost_grows_with() -> None:
    assert math.isclose(exponents(costs(1.0))["count"], 1.0)
    assert math.isclose(exponents(costs(1.7))["count"], 1.7)
    assert exponents(costs(1.0)[:1]) == {}


def test_the_page_holds_every_figure_and_where_it_was_taken() -> None:
    about = {"processor": "2 × a processor", "commit": "abc1234"}
    floor = Cost(1_000, FLOOR_NAME, 0.1, 0.25, 10.0)
    written = page([*costs(1.0), floor], about, {})
    for said in ("100,000", "1.00", "2 × a processor", "abc1234", "Seconds of processor against rows"):
        assert said in written
    assert "<td>4.0</td>" in written  # one second of processor at a floor of a quarter
    assert "No other benchmark was run here" in written


def test_what_other_benchmarks_measured_is_kept_and_shown_against_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    print_ratios("Counting", Measured("a & b", 2.0, 10.0, 1.0), [Measured("c", 7.0, 20.0)], 1_000)
    print_ratios("Counting", Measured("a & b", 2.0, 10.0, 1.0), [Measured("c", 5.0, 20.0)], 1_000)
    (kept,) = kept_ratios().values()
    assert [each.seconds for each in kept["measured"]] == [2.0, 5.0]
    written = page(costs(1.0), {}, kept_ratios())
    assert "Counting (1,000 rows)" in written
    assert (
        "<td>a &amp; b</td><td>2.0</td><td>1.0</td><td>1.0</td><td>1.0</td><td>10</td></tr>"
        "<tr><td>c</td><td>5.0</td><td>2.5</td><td>–</td><td>–</td><td>20</td></tr>" in written
    )
