"""The recorded date decides the period, by the calendar of Europe/London."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "The period a crime counts in"
ORDER = 11
RULES = ()

EXAMPLES = [
    Example(
        id="CR39",
        title="An offence of 1 January 1985, reported and recorded on 3 May 2024",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at      | occurred_from | victim_ref
            A         | I1           | 19C          | 2024-05-03T14:30 | 1985-01-01    | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 19C          | 2024/25 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="PE01",
        title="The last minute of the financial year and the first of the next",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at      | victim_ref
            A         | I1           | 8N           | 2024-03-31T23:59 | V1
            B         | I2           | 8N           | 2024-04-01T00:00 | V2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2023/24 Q4 | recorded
            B         | 1       | 8N           | 2024/25 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="PE02",
        title="A time given in UTC during British Summer Time",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at          | victim_ref
            A         | I1           | 8N           | 2024-06-30T22:59:00Z | V1
            B         | I2           | 8N           | 2024-06-30T23:30:00Z | V2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2024/25 Q1 | recorded
            B         | 1       | 8N           | 2024/25 Q2 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
        note="23:30 UTC on 30 June is 00:30 on 1 July in London.",
    ),
    Example(
        id="PE03",
        title="A late record stays in the quarter it was recorded in",
        facts="""
            crime_ref | incident_ref | offence_code | reported_at | recorded_at | victim_ref
            A         | I1           | 8N           | 2019-06-20  | 2019-07-15  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q2 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
        note="That it was recorded 25 days after the report is a matter for the recording checks.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
