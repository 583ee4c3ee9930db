"""A line without the reference that its class is counted by stands for itself."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Lines that could not be compared"
ORDER = 16
RULES = ("untested",)

EXAMPLES = [
    Example(
        id="UN01",
        title="Two assaults in one report, no victim named",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | offender_ref
            A         | I1           | 8N           | 2019-05-20  | O1
            B         | I1           | 8N           | 2019-05-20  | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | untested
            B         | 1       | 8N           | 2019/20 Q1 | untested
        """,
        source="The extract contract.",
        note=(
            "Whether there were two victims cannot be told: both stand, with a note, and the "
            "recording checks report them."
        ),
    ),
    Example(
        id="UN02",
        title="One of three victims not named",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8N           | 2019-05-20  | V1         | O1
            B         | I1           | 8N           | 2019-05-20  | V1         | O1
            C         | I1           | 8N           | 2019-05-20  |            | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | finished-incident
            B         | 0       | 8N           | 2019/20 Q1 | finished-incident
            C         | 1       | 8N           | 2019/20 Q1 | untested
        """,
        source="The extract contract.",
    ),
    Example(
        id="UN03",
        title="Drugs, nobody known to have held them",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_kind
            A         | I1           | 92E          | 2019-05-20  | state
            B         | I1           | 92D          | 2019-05-20  | state
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 92E          | 2019/20 Q1 | untested
            B         | 1       | 92D          | 2019/20 Q1 | untested
        """,
        source="The extract contract.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
