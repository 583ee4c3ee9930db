"""The published methodology is made from the worked examples and the tables, and is not stale."""

import re
from pathlib import Path

import pytest

from fixtures.worked_examples import render
from transforms.counting import load_editions
from transforms.counting.editions import load_worked_examples
from transforms.counting.methodology import markdown, methodology

#: Every counting case that the domain notes work out.
CASES = (
    "CR01 CR02 CR03 CR04 CR06 CR08 CR09 CR10 CR11 CR12 CR14 CR15 CR17 CR18 CR19 CR21 CR22 CR23 CR24 CR26 CR27 CR28 "
    "CR29 CR31 CR32 CR34 CR35 CR36 CR38 CR39 CR41 CR43"
).split()


@pytest.mark.slow
def test_the_page_and_the_examples_are_as_the_specification_renders_them() -> None:
    for path, content in render().items():
        assert Path(path).read_text("utf-8") == content, (
            f"{path} is stale: run python -m fixtures.worked_examples"
        )


def test_the_page_is_made_from_what_the_product_ships() -> None:
    page = markdown(methodology(load_editions(), load_worked_examples()))
    assert page == (Path(__file__).parents[2] / "docs" / "methodology" / "counting.md").read_text("utf-8")


def test_every_case_of_the_notes_is_worked() -> None:
    worked = {re.sub(r"[a-z]$", "", example["id"]) for example in load_worked_examples()}
    assert set(CASES) <= worked


def test_every_rule_has_an_example() -> None:
    rules = {
        row[example["crimes"]["columns"].index("rule")]
        for example in load_worked_examples()
        for row in example["crimes"]["rows"]
    }
    assert set(load_editions().rules["rule"]) - rules == set()


def test_the_page_says_what_is_uncertain() -> None:
    page = markdown(methodology(load_editions(), load_worked_examples()))
    assert "## What is uncertain" in page
    assert "the letters of the code are unverified" in page
    assert "1 May is taken" in page
