"""An offence that is only a step or a means of a graver one by the same offender."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Steps and means of another crime"
ORDER = 10
RULES = ("part-of-crime",)

EXAMPLES = [
    Example(
        id="CR01",
        title="A man kills three people in a fire he set",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | owner_ref | offender_ref
            A         | I1           | 1            | 2019-05-20  | V1         |           | O1
            B         | I1           | 1            | 2019-05-20  | V2         |           | O1
            C         | I1           | 1            | 2019-05-20  | V3         |           | O1
            D         | I1           | 56A          | 2019-05-20  |            | LANDLORD  | O1
        """,
        crimes="""
            crime_ref | counted | offence_code   | period     | rule
            A         | 1       | 1/4.1/4.10/4.2 | 2019/20 Q1 | part-of-crime
            B         | 1       | 1/4.1/4.10/4.2 | 2019/20 Q1 | one-per-victim
            C         | 1       | 1/4.1/4.10/4.2 | 2019/20 Q1 | one-per-victim
            D         | 0       | 56A            | 2019/20 Q1 | part-of-crime
        """,
        source="Known well; wording of the rules not quoted.",
        note="Murder, manslaughter, corporate manslaughter and infanticide are published as one class.",
    ),
    Example(
        id="CR31",
        title="A robbery in which a knife is shown",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind | offender_ref
            A         | I1           | 34B          | 2019-05-20  | V1         | person      | O1
            B         | I1           | 10D          | 2019-05-20  |            | state       | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 34B          | 2019/20 Q1 | part-of-crime
            B         | 0       | 10D          | 2019/20 Q1 | part-of-crime
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="PT01",
        title="The robber is not known",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind
            A         | I1           | 34B          | 2019-05-20  | V1         | person
            B         | I1           | 10D          | 2019-05-20  |            | state
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 34B          | 2019/20 Q1 | part-of-crime
            B         | 0       | 10D          | 2019/20 Q1 | part-of-crime
        """,
        source="Medium confidence: unknown is taken as one offender.",
    ),
    Example(
        id="PT02",
        title="A knife found on somebody else at the scene",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind | offender_ref
            A         | I1           | 34B          | 2019-05-20  | V1         | person      | O1
            B         | I1           | 10D          | 2019-05-20  |            | state       | O2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 34B          | 2019/20 Q1 | recorded
            B         | 1       | 10D          | 2019/20 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="PT03",
        title="Drugs found on the robber",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind | offender_ref
            A         | I1           | 34B          | 2019-05-20  | V1         | person      | O1
            B         | I1           | 92E          | 2019-05-20  |            | state       | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 34B          | 2019/20 Q1 | recorded
            B         | 1       | 92E          | 2019/20 Q1 | recorded
        """,
        source="Medium confidence.",
        note="The drugs are no step of the robbery, and the State is not its victim.",
    ),
    Example(
        id="PT04",
        title="Going equipped, and the burglary it was for",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind | offender_ref
            A         | I1           | 28E          | 2019-05-20  | V1         | person      | O1
            B         | I1           | 33           | 2019-05-20  |            | state       | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 28E          | 2019/20 Q1 | part-of-crime
            B         | 0       | 33           | 2019/20 Q1 | part-of-crime
        """,
        source="Low confidence.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
