"""Fraud: counted by forces until March 2013, and by nobody else than the national service after."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Fraud"
ORDER = 2
RULES = ("fraud",)

EXAMPLES = [
    Example(
        id="CR43",
        title="Online shopping fraud reported at a police counter",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 53D          | 2024-05-20  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 53D          | 2024/25 Q1 | fraud
        """,
        source="Known well; wording of the rules not quoted.",
        note=(
            "It is passed to the national fraud reporting service (Action Fraud; Report Fraud from 4 "
            "December 2025)."
        ),
    ),
    Example(
        id="FR01",
        title="The same offence on the last day that forces counted fraud, and the day after",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 53D          | 2013-03-31  | V1
            B         | I2           | 53D          | 2013-04-01  | V2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 53D          | 2012/13 Q4 | recorded
            B         | 0       | 53D          | 2013/14 Q1 | fraud
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="FR02",
        title="A code of the National Fraud Intelligence Bureau on a force system",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | NFIB3A       | 2019-05-20  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | NFIB         | 2019/20 Q1 | fraud
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="FR03",
        title="Articles for use in fraud, and forged vehicle records, are still counted by forces",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_kind | offender_ref
            A         | I1           | 33A          | 2019-05-20  | state       | O1
            B         | I2           | 814          | 2019-05-20  | state       | O2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 33A          | 2019/20 Q1 | recorded
            B         | 1       | 814          | 2019/20 Q1 | recorded
        """,
        source="Classes of the 2017/18 Home Office table.",
    ),
    Example(
        id="FR04",
        title="A fraud beside a theft from the same victim",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 49           | 2019-05-20  | V1         | O1
            B         | I1           | 53D          | 2019-05-20  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 49           | 2019/20 Q1 | recorded
            B         | 0       | 53D          | 2019/20 Q1 | fraud
        """,
        source="Known well; wording of the rules not quoted.",
        note="The fraud is no part of the force’s count, so it neither wins nor loses against the theft.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
