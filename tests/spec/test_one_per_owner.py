"""One crime for each owner, where the class is counted by owner."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "One crime per owner"
ORDER = 4
RULES = ("one-per-owner",)

EXAMPLES = [
    Example(
        id="CR18",
        title="Five cars of one dealer stolen in one night",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | owner_ref
            A         | I1           | 48           | 2019-05-20  | DEALER
            B         | I1           | 48           | 2019-05-20  | DEALER
            C         | I1           | 48           | 2019-05-20  | DEALER
            D         | I1           | 48           | 2019-05-20  | DEALER
            E         | I1           | 48           | 2019-05-20  | DEALER
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 48           | 2019/20 Q1 | one-per-owner
            B         | 0       | 48           | 2019/20 Q1 | one-per-owner
            C         | 0       | 48           | 2019/20 Q1 | one-per-owner
            D         | 0       | 48           | 2019/20 Q1 | one-per-owner
            E         | 0       | 48           | 2019/20 Q1 | one-per-owner
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR19",
        title="Five cars of five owners broken into",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | owner_ref
            A         | I1           | 45           | 2019-05-20  | O1
            B         | I1           | 45           | 2019-05-20  | O2
            C         | I1           | 45           | 2019-05-20  | O3
            D         | I1           | 45           | 2019-05-20  | O4
            E         | I1           | 45           | 2019-05-20  | O5
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 45           | 2019/20 Q1 | one-per-owner
            B         | 1       | 45           | 2019/20 Q1 | one-per-owner
            C         | 1       | 45           | 2019/20 Q1 | one-per-owner
            D         | 1       | 45           | 2019/20 Q1 | one-per-owner
            E         | 1       | 45           | 2019/20 Q1 | one-per-owner
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR22",
        title="A car interfered with; whether to steal it or from it is not clear",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | owner_ref
            A         | I1           | 126          | 2019-05-20  | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 126          | 2019/20 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR26",
        title="Graffiti on six houses of six owners",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | owner_ref | offender_ref
            A         | I1           | 58A          | 2019-05-20  | O1        | T1
            B         | I1           | 58A          | 2019-05-20  | O2        | T1
            C         | I1           | 58A          | 2019-05-20  | O3        | T1
            D         | I1           | 58A          | 2019-05-20  | O4        | T1
            E         | I1           | 58A          | 2019-05-20  | O5        | T1
            F         | I1           | 58A          | 2019-05-20  | O6        | T1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 58A          | 2019/20 Q1 | one-per-owner
            B         | 1       | 58A          | 2019/20 Q1 | one-per-owner
            C         | 1       | 58A          | 2019/20 Q1 | one-per-owner
            D         | 1       | 58A          | 2019/20 Q1 | one-per-owner
            E         | 1       | 58A          | 2019/20 Q1 | one-per-owner
            F         | 1       | 58A          | 2019/20 Q1 | one-per-owner
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="OW01",
        title="Hired cars: the driver is the victim on the record, the hire firm the owner",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | owner_ref
            A         | I1           | 45           | 2019-05-20  | DRIVER1    | HIRE
            B         | I1           | 45           | 2019-05-20  | DRIVER2    | HIRE
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 45           | 2019/20 Q1 | one-per-owner
            B         | 0       | 45           | 2019/20 Q1 | one-per-owner
        """,
        source="Medium confidence.",
        note="The owner decides where the class is counted by owner, whoever is named as victim.",
    ),
    Example(
        id="OW02",
        title="No owner named: the victim stands for the owner",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 48           | 2019-05-20  | V1
            B         | I1           | 48           | 2019-05-20  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 48           | 2019/20 Q1 | one-per-owner
            B         | 0       | 48           | 2019/20 Q1 | one-per-owner
        """,
        source="Medium confidence.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
