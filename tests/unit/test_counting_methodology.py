"""The published methodology is made from the worked examples and the tables, and is not stale."""

import re
from pathlib import Path

import pytest

from fixtures.worked_examples import render
from transforms.counting import load_editions
from transforms.counting.editions import load_worked_examples
from transforms.counting.methodology import markdown, methodology

#: Every counting case that the domain notes work out.
CASES = {
    f"CR{number:02}"
    for number in (
        1,
        2,
        3,
        4,
        6,
        8,
        9,
        10,
        11,
        12,
        14,
        15,
        17,
        18,
        19,
        21,
        22,
        23,
        24,
        26,
        27,
        28,
        29,
        31,
        32,
        34,
        35,
        36,
        38,
        39,
        41,
        43,
    )
}


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
    assert worked >= CASES


def test_every_rule_has_an_example() -> None:
    rules = {
        row[example["crimes"]["columns"].index("rule")]
        for example in load_worked_examples()
        for row in example["crimes"]["rows"]
    }
    assert set(load_editions().rules["rule"]) - rules == set()


def test_every_rule_is_stated_once() -> None:
    page = markdown(methodology(load_editions(), load_worked_examples()))
    for rule in load_editions().rules["sentence"]:
        assert page.count(rule) == 1, rule


def test_the_page_says_what_is_uncertain() -> None:
    page = markdown(methodology(load_editions(), load_worked_examples()))
    assert "## What is uncertain" in page
    assert "the letters of the code are unverified" in page
    assert "1 May is taken" in page
