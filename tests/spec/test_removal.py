"""Cancelled and transferred records leave the count."""

# Tables of facts are wider than code.
# ruff: noqa: E501

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Records that leave the count"
ORDER = 12
RULES = ("cancelled", "transferred")

EXAMPLES = [
    Example(
        id="CR38",
        title="An offence in the area of force B, reported to force A",
        facts="""
            crime_ref | force   | incident_ref | offence_code | recorded_at | victim_ref | status      | status_reason | status_at
            A         | force-a | I1           | 8N           | 2019-05-20  | V1         | transferred | C1            | 2019-05-22
            B         | force-b | I7           | 8N           | 2019-05-22  | V1         | live        |               |
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 8N           | 2019/20 Q1 | transferred
            B         | 1       | 8N           | 2019/20 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="RM01",
        title="Additional verifiable information: no crime occurred",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status    | status_reason | status_at
            A         | I1           | 49           | 2019-05-20  | V1         | cancelled | C2            | 2019-06-01
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 49           | 2019/20 Q1 | cancelled
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="RM02",
        title="The graver of two is cancelled: the lesser counts",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref | status    | status_reason | status_at
            A         | I1           | 34B          | 2019-05-20  | V1         | O1           | cancelled | C2            | 2019-06-01
            B         | I1           | 105A         | 2019-05-20  | V1         | O1           | live      |               |
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 34B          | 2019/20 Q1 | cancelled
            B         | 1       | 105A         | 2019/20 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
        note="A record that has left the count decides nothing about those that stay.",
    ),
    Example(
        id="RM03",
        title="Cancelled without a reason",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status    | status_at
            A         | I1           | 49           | 2019-05-20  | V1         | cancelled | 2019-06-01
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 49           | 2019/20 Q1 | cancelled
        """,
        source="Our choice: the status is taken at its word, and the missing reason is reported.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
