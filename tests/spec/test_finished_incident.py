"""A sequence by the same offender against the same victim, reported together, is one crime."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Finished incident"
ORDER = 7
RULES = ("finished-incident",)

EXAMPLES = [
    Example(
        id="CR02",
        title="A wife assaulted weekly for a year by her husband; first report today",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at      | victim_ref | offender_ref
            A         | I1           | 8N           | 2019-05-20T10:00 | WIFE       | HUSBAND
            B         | I1           | 8N           | 2019-05-20T10:05 | WIFE       | HUSBAND
            C         | I1           | 105A         | 2019-05-20T10:10 | WIFE       | HUSBAND
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | principal-crime
            B         | 0       | 8N           | 2019/20 Q1 | finished-incident
            C         | 0       | 105A         | 2019/20 Q1 | principal-crime
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR03",
        title="The same victim reports again the next week, after another assault",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8N           | 2019-05-20  | WIFE       | HUSBAND
            B         | I1           | 8N           | 2019-05-20  | WIFE       | HUSBAND
            C         | I2           | 8N           | 2019-05-27  | WIFE       | HUSBAND
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | finished-incident
            B         | 0       | 8N           | 2019/20 Q1 | finished-incident
            C         | 1       | 8N           | 2019/20 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
        note="Reported apart is another incident.",
    ),
    Example(
        id="CR09",
        title="Rape by one known man many times, in one report",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at      | victim_ref | offender_ref
            A         | I1           | 19C          | 2019-05-20T09:00 | V1         | O1
            B         | I1           | 19C          | 2019-05-20T09:01 | V1         | O1
            C         | I1           | 19C          | 2019-05-20T09:02 | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 19C          | 2019/20 Q1 | finished-incident
            B         | 0       | 19C          | 2019/20 Q1 | finished-incident
            C         | 0       | 19C          | 2019/20 Q1 | finished-incident
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR10",
        title="Rape by a group whose number is not known",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 19J          | 2019-05-20  | V1         | GROUP
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 19J          | 2019/20 Q1 | recorded
        """,
        source="Class found in the 2018/19 and 2019/20 tables.",
    ),
    Example(
        id="FI01",
        title="The earliest record of a sequence is the one that counts",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at      | victim_ref | offender_ref
            A         | I1           | 8N           | 2019-07-01T00:10 | V1         | O1
            B         | I1           | 8N           | 2019-06-30T23:50 | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 8N           | 2019/20 Q2 | finished-incident
            B         | 1       | 8N           | 2019/20 Q1 | finished-incident
        """,
        source="Our choice, so that the answer is the same in every order of rows.",
    ),
    Example(
        id="FI02",
        title="Offender unknown on every line: one offender is taken",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 8N           | 2019-05-20  | V1
            B         | I1           | 8N           | 2019-05-20  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | finished-incident
            B         | 0       | 8N           | 2019/20 Q1 | finished-incident
        """,
        source="Medium confidence.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
