"""What is printed of small areas, attacked: by subtraction and by linear programming over every printed figure."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.attack import Attacker
from transforms.contracts.status import STATUS
from transforms.disclosure import (
    LSOA,
    NEIGHBOURHOOD,
    SMALLEST,
    TOTAL,
    WIDE,
    DisclosureError,
    carried,
    found_by_subtraction,
    hide,
    sums_between,
    withheld,
)

COLUMNS = [f"type {n}" for n in range(5)]


def country(seed: int, crossing: bool = False, sizes: tuple[int, int] = (3, 3)) -> pl.DataFrame:
    """Three partnerships of a few neighbourhoods of a few LSOAs, with crimes that are rare in some columns."""
    chance = np.random.default_rng(seed)
    rows = []
    for partnership in range(3):
        for n in range(sizes[0]):
            name = f"{partnership}-{n}"
            for m in range(int(chance.integers(1, sizes[1] + 1))):
                # A neighbourhood may reach into the next partnership.
                home = (partnership + 1) % 3 if crossing and n == 0 and m == 1 else partnership
                busy = chance.choice([0.3, 1, 3])
                counts = chance.poisson(busy * np.array([30, 6, 2, 0.8, 0.3]))
                rows += [
                    (f"{name}-{m}", name, f"P{home}", column, int(count))
                    for column, count in zip(COLUMNS, counts, strict=True)
                ]
    return pl.DataFrame(
        rows, schema=["lsoa", "neighbourhood", "partnership", "column", "count"], orient="row"
    )


def printed_equations(
    figures: pl.DataFrame, hidden: set[tuple[str, str, str]]
) -> list[tuple[list[int], int]]:
    """Every printed figure, as the LSOA cells it adds up and its value: partnerships and above in full."""
    found = []
    atoms = figures.with_row_index("atom").with_columns(everywhere=pl.lit("all"))
    for level, key in (
        (LSOA, "lsoa"),
        (NEIGHBOURHOOD, "neighbourhood"),
        ("", "partnership"),
        ("", "everywhere"),
    ):
        for (area,), of_area in atoms.group_by(key, maintain_order=True):
            for column in [*COLUMNS, TOTAL]:
                if (level, str(area), column) not in hidden:
                    cells = of_area if column == TOTAL else of_area.filter(pl.col("column") == column)
                    found.append((cells["atom"].to_list(), int(cells["count"].sum())))
    return found


def attacker_of(figures: pl.DataFrame, hidden: set[tuple[str, str, str]]) -> Attacker:
    return Attacker(printed_equations(figures, hidden), figures.height)


def cells_of(figures: pl.DataFrame, level: str, area: str, column: str) -> tuple[list[int], int]:
    """The LSOA cells that a figure adds up, and its true value."""
    key = "lsoa" if level == LSOA else "neighbourhood"
    cells = figures.with_row_index("atom").filter(
        pl.col(key) == area, (pl.col("column") == column) | (column == TOTAL)
    )
    return cells["atom"].to_list(), int(cells["count"].sum())


def every_small_area(figures: pl.DataFrame) -> set[tuple[str, str, str]]:
    return {
        (level, area, column)
        for level, key in ((LSOA, "lsoa"), (NEIGHBOURHOOD, "neighbourhood"))
        for area in figures[key].unique()
        for column in [*COLUMNS, TOTAL]
    }


def pinned(figures: pl.DataFrame, hidden: set[tuple[str, str, str]]) -> tuple[int, list[str]]:
    """How many hidden figures were attacked, and those told too closely: exactly, or in too narrow a range.

    What partnerships print in full tells by itself is not told by small areas. Of a neighbourhood in two
    partnerships, a zero that is printed for one of its LSOAs may tell a part.
    """
    attacker, with_partnerships = (
        attacker_of(figures, hidden),
        attacker_of(figures, every_small_area(figures)),
    )
    zeros = {key for key in every_small_area(figures) if cells_of(figures, *key)[1]} | hidden
    with_zeros = attacker_of(figures, zeros)
    told = []
    for level, area, column in sorted(hidden):
        atoms, true = cells_of(figures, level, area, column)
        low, high = attacker.between(atoms)
        is_small = 0 < true < SMALLEST
        if high == low or (is_small and (high - low < WIDE or high < SMALLEST)):
            anyway = (with_partnerships if level == LSOA else with_zeros).between(atoms)
            if (low, high) != anyway:
                told.append(f"{level} {area} {column} is {true}: {low} to {high}, without it {anyway}")
    return len(hidden), told


def key_of(hidden: pl.DataFrame) -> set[tuple[str, str, str]]:
    return set(hidden.select("level", "area", "column").iter_rows())


@pytest.mark.parametrize("crossing", [False, True])
def test_linear_programming_over_every_printed_figure_tells_nothing(crossing: bool) -> None:
    figures = country(1, crossing)
    attacked, told = pinned(figures, key_of(withheld(figures, 12)))
    assert attacked > 50 and told == []


def test_the_same_attack_succeeds_when_small_figures_alone_are_hidden() -> None:
    figures = country(1)
    small = {
        (level, area, column)
        for level, area, column in every_small_area(figures)
        if 0 < cells_of(figures, level, area, column)[1] < SMALLEST
    }
    attacked, told = pinned(figures, small)
    assert len(told) > attacked / 2


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([(1, 1), (1, 3), (2, 2)]))
def test_no_country_tells_what_it_hides(seed: int, crossing: bool, sizes: tuple[int, int]) -> None:
    figures = country(seed, crossing, sizes)
    assert pinned(figures, key_of(withheld(figures, 12)))[1] == []


def known_of(figures: pl.DataFrame, hidden: set[tuple[str, str, str]]) -> pl.DataFrame:
    rows = []
    for level, key in ((LSOA, "lsoa"), (NEIGHBOURHOOD, "neighbourhood"), ("partnership", "partnership")):
        for area in figures[key].unique().sort():
            for column in [*COLUMNS, TOTAL]:
                cells = figures.filter(pl.col(key) == area, (pl.col("column") == column) | (column == TOTAL))
                if (level, area, column) not in hidden:
                    rows.append((f"{level}|{area}|{column}", int(cells["count"].sum())))
    return pl.DataFrame(rows, schema={"cell": pl.String, "count": pl.Int64}, orient="row")


def test_subtraction_finds_nothing_and_would_find_it_without_the_others() -> None:
    figures = country(1)
    hidden = withheld(figures, 12)
    sums = sums_between(figures.select("lsoa", "neighbourhood", "partnership").unique(), COLUMNS)
    assert found_by_subtraction(
        sums,
        known_of(figures, key_of(hidden)),
    ).is_empty()
    small = {key for key in every_small_area(figures) if 0 < cells_of(figures, *key)[1] < SMALLEST}
    found = found_by_subtraction(
        sums,
        known_of(figures, small),
    )
    assert found.height > 3
    for cell, count in found.iter_rows():
        assert count == cells_of(figures, *cell.split("|"))[1], "what it finds is the truth"


def test_nothing_below_three_is_printed_and_zeros_mostly_are() -> None:
    figures = country(2)
    hidden = key_of(withheld(figures, 12))
    printed = {key: cells_of(figures, *key)[1] for key in every_small_area(figures) - hidden}
    whole_partnerships = {
        key
        for key in printed
        if figures.filter(pl.col("partnership") == f"P{key[1][0]}")["neighbourhood"].n_unique() == 1
    }
    assert not [
        key for key, count in printed.items() if 0 < count < SMALLEST and key not in whole_partnerships
    ]
    assert any(count == 0 for count in printed.values())


def test_confidential_is_never_confused_with_missing() -> None:
    figures = pl.DataFrame(
        [
            (LSOA, "A", "burglary", 1, "complete"),
            (LSOA, "B", "burglary", None, "missing"),
            (LSOA, "C", "burglary", 9, "partial"),
        ],
        schema={
            "level": pl.String,
            "area": pl.String,
            "column": pl.String,
            "count": pl.Int64,
            "status": STATUS,
        },
        orient="row",
    )
    everything = figures.select("level", "area", "column")
    assert hide(figures, everything)["status"].to_list() == ["withheld", "missing", "withheld"]
    assert hide(figures, everything)["count"].to_list() == [None, None, None]
    assert hide(figures, everything.head(0)).equals(figures)


def test_a_later_release_of_the_year_prints_what_the_earlier_one_did() -> None:
    shape = {"force": pl.String, "level": pl.String, "area": pl.String, "column": pl.String, "count": pl.Int64,
             "status": STATUS}  # fmt: skip
    earlier = pl.DataFrame(
        [("P", LSOA, "A", "burglary", 3, "complete"), ("P", LSOA, "B", "burglary", None, "withheld"),
         ("Q", LSOA, "C", "burglary", None, "missing")],
        schema=shape, orient="row",
    )  # fmt: skip
    now = pl.DataFrame(
        [("P", LSOA, "A", "burglary", None, "withheld"), ("P", LSOA, "B", "burglary", 4, "complete"),
         ("Q", LSOA, "C", "burglary", 7, "complete")],
        schema=shape, orient="row",
    )  # fmt: skip
    again = carried(now, earlier)
    assert again["count"].to_list() == [3, None, 7], "restated by one, its totals would tell what [c] hides"
    assert again["status"].to_list() == ["complete", "withheld", "complete"]


def test_no_small_area_is_given_for_less_than_a_year() -> None:
    with pytest.raises(DisclosureError, match="for 1 months"):
        withheld(country(1), 1)
