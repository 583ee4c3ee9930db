"""Crime data integrity audits: the published ones reproduced, and their arithmetic held to."""

import math

import pytest

from transforms.counting.audit import (
    Stratum,
    estimate,
    estimate_together,
    published_as,
    unrecorded,
    wald_half_width,
)

#: Published: rate and half-width in per cent, crimes missed a year; implied sample; crimes recorded in the year.
PUBLISHED = {
    "Devon and Cornwall 2016": (81.52, 1.72, 17_400, 1_956, 77_078),
    "North Wales 2017": (88.3, 1.82, 5_300, 1_198, 41_164),
    "Humberside 2018": (85.7, 1.81, 14_200, 1_437, 86_181),
    "Metropolitan 2018": (89.5, 1.64, 94_500, 1_342, 821_736),
    "Surrey 2018": (93.0, 1.48, 5_400, 1_142, 73_502),
    "Suffolk 2019": (91.0, 1.67, 5_300, 1_128, 54_634),
}


@pytest.mark.parametrize("audit", PUBLISHED)
def test_published_intervals_are_reproduced(audit: str) -> None:
    rate, half, _, sample, _ = PUBLISHED[audit]
    assert round(100 * wald_half_width(rate / 100, sample), 2) == half


@pytest.mark.parametrize("audit", PUBLISHED)
def test_published_numbers_of_missed_crimes_are_reproduced(audit: str) -> None:
    """The recorded crime of a financial year stands in for the audit's own twelve months: within 3%."""
    rate, _, missed, _, recorded = PUBLISHED[audit]
    assert abs(unrecorded(recorded, rate / 100) / missed - 1) < 0.03


def test_devon_and_cornwall_is_reproduced_as_printed() -> None:
    assert published_as(unrecorded(77_078, 0.8152)) == 17_400


def test_greater_manchester_2020_is_reproduced_as_printed() -> None:
    assert published_as(unrecorded(279_093, 0.777)) == 80_100
    assert round(279_093 + unrecorded(279_093, 0.777)) == 359_193


def test_the_worked_sample() -> None:
    found = estimate(Stratum("all", 1_956, 1_594, 77_078))
    assert round(found.rate.value, 5) == 0.81493
    assert round(found.half_width, 5) == 0.01721
    assert (round(found.rate.low, 5), round(found.rate.high, 5)) == (0.79711, 0.83152)
    assert found.unrecorded is not None and found.unrecorded_normal is not None
    assert round(found.unrecorded.value) == 17_505
    assert (round(found.unrecorded_normal.low), round(found.unrecorded_normal.high)) == (15_548, 19_545)
    assert (round(found.unrecorded.low), round(found.unrecorded.high)) == (15_618, 19_619)


def test_the_interval_of_missed_crimes_is_longer_upwards() -> None:
    found = estimate(Stratum("all", 570, 479, 90_000)).unrecorded
    assert found is not None
    assert found.high - found.value > found.value - found.low > 0


def test_a_small_cell_keeps_its_interval_inside_0_and_1() -> None:
    """Suffolk, one cell of the 2014 inspection: 35 of 127 unrecorded; and cells with none or all recorded."""
    assert (
        0.63
        < estimate(Stratum("cell", 127, 92)).rate.low
        < 92 / 127
        < estimate(Stratum("cell", 127, 92)).rate.high
        < 0.8
    )
    for recorded in (0, 5):
        interval = estimate(Stratum("cell", 5, recorded)).rate
        assert -1e-12 <= interval.low < interval.high <= 1 + 1e-12


def test_strata_are_weighed_by_what_should_have_been_recorded() -> None:
    violence, other = Stratum("violence", 400, 320, 24_000), Stratum("other", 300, 285, 57_000)
    found = estimate_together([violence, other])
    owed = [24_000 / 0.8, 57_000 / 0.95]
    weights = [each / (owed[0] + owed[1]) for each in owed]
    assert math.isclose(found.rate.value, weights[0] * 0.8 + weights[1] * 0.95)
    variance = weights[0] ** 2 * 0.8 * 0.2 / 400 + weights[1] ** 2 * 0.95 * 0.05 / 300
    assert math.isclose(found.half_width, 1.959963984540054 * math.sqrt(variance))
    assert found.unrecorded is not None
    assert math.isclose(found.unrecorded.value, 6_000 + 3_000)


def test_crimes_that_come_from_one_incident_widen_the_interval() -> None:
    stratum = Stratum("all", 1_956, 1_594, 77_078)
    assert math.isclose(estimate(stratum, 2.0).half_width, math.sqrt(2) * estimate(stratum).half_width)


@pytest.mark.parametrize("stratum", [Stratum("s", 0, 0), Stratum("s", 5, 6), Stratum("s", 5, -1)])
def test_a_sample_that_cannot_be_is_refused(stratum: Stratum) -> None:
    with pytest.raises(ValueError, match="should have been"):
        estimate(stratum)


def test_strata_without_their_recorded_crimes_cannot_be_put_together() -> None:
    with pytest.raises(ValueError, match="give the crimes recorded"):
        estimate_together([Stratum("a", 10, 9), Stratum("b", 10, 9, 100)])
