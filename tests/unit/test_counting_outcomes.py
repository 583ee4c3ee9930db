"""Outcomes on both bases, each crime once."""

from datetime import date

import polars as pl

from fixtures.worked_examples import read
from transforms.counting import count, load_editions
from transforms.counting.outcomes import assign_outcomes, on_basis

EDITIONS = load_editions()

FACTS = """
    crime_ref | incident_ref | offence_code | recorded_at | victim_ref | outcome_type | outcome_at | status
    A         | I1           | 8N           | 2019-05-20  | V1         | 1            | 2019-08-01 | live
    B         | I2           | 8N           | 2019-05-20  | V2         | 1A           | 2019-06-01 | live
    C         | I3           | 8N           | 2019-06-20  | V3         |              |            | live
    D         | I4           | 8N           | 2019-07-20  | V4         | 0            |            | live
    E         | I5           | 8N           | 2019-07-20  | V5         | 18           | 2019-07-30 | live
    F         | I6           | 8N           | 2019-07-20  | V6         | 18           | 2019-07-30 | cancelled
    G         | I7           | 8N           | 2019-07-20  | V7         | 99           | 2019-07-30 | live
    H         | I8           | 8N           | 2019-07-20  | V8         | 14           |            | live
"""


def outcomes() -> pl.DataFrame:
    return assign_outcomes(count(read(FACTS)[0].lazy(), EDITIONS), EDITIONS)


def tally(rows: pl.DataFrame) -> dict[tuple[object, ...], int]:
    return {
        row[:-1]: row[-1] for row in rows.group_by("month", "outcome_type").len().sort(pl.all()).iter_rows()
    }


def test_each_crime_that_counts_has_one_outcome_or_none_yet() -> None:
    assert outcomes().select("crime_ref", "outcome_type", "sub_type", "closed_month").rows() == [
        ("A", "1", None, date(2019, 8, 1)),
        ("B", "1", "1A", date(2019, 6, 1)),
        ("C", "0", None, None),
        ("D", "0", None, None),
        ("E", "18", None, date(2019, 7, 1)),
        ("G", "0", None, None),
        ("H", "0", None, None),
    ]


def test_the_recorded_basis_holds_every_crime_in_the_month_it_was_recorded() -> None:
    assert tally(on_basis(outcomes(), "recorded")) == {
        (date(2019, 5, 1), "1"): 2,
        (date(2019, 6, 1), "0"): 1,
        (date(2019, 7, 1), "0"): 3,
        (date(2019, 7, 1), "18"): 1,
    }


def test_the_closed_basis_holds_outcomes_in_the_month_they_were_given() -> None:
    assert tally(on_basis(outcomes(), "closed")) == {
        (date(2019, 6, 1), "1"): 1,
        (date(2019, 7, 1), "18"): 1,
        (date(2019, 8, 1), "1"): 1,
    }


def test_police_uk_words_of_the_counted_crimes() -> None:
    crimes = count(read(FACTS)[0].lazy(), EDITIONS).counted.select("crime_ref", "outcome").collect()
    assert dict(crimes.iter_rows()) == {
        "A": "Suspect charged",
        "B": "Suspect charged",
        "C": "Under investigation",
        "D": "Under investigation",
        "E": "Investigation complete; no suspect identified",
        "G": None,
        "H": "Unable to prosecute suspect",
    }
