"""Of several offences by the same offender against the same victim, only the most serious counts."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Principal crime"
ORDER = 8
RULES = ("principal-crime",)

EXAMPLES = [
    Example(
        id="CR14",
        title="A house and its garage in business use, one victim, one time",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | premises_ref
            A         | I1           | 28E          | 2019-05-20  | V1         | HOUSE
            B         | I1           | 30C          | 2019-05-20  | V1         | GARAGE
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 28E          | 2019/20 Q1 | principal-crime
            B         | 0       | 30C          | 2019/20 Q1 | principal-crime
        """,
        source="HOCR burglary 2021.",
    ),
    Example(
        id="CR21",
        title="A car taken, then burnt",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | owner_ref
            A         | I1           | 48           | 2019-05-20  | O1
            B         | I1           | 56B          | 2019-05-20  | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 48           | 2019/20 Q1 | principal-crime
            B         | 0       | 56B          | 2019/20 Q1 | principal-crime
        """,
        source="HOCR arson 2019.",
    ),
    Example(
        id="CR23",
        title="A phone snatched cleanly; another pulled from a hand that held on",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 39           | 2019-05-20  | V1
            B         | I2           | 34B          | 2019-05-20  | V2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 39           | 2019/20 Q1 | recorded
            B         | 1       | 34B          | 2019/20 Q1 | recorded
        """,
        source="HOCR theft.",
        note="Which of the two it is, is settled when it is recorded.",
    ),
    Example(
        id="CR27",
        title="A damaged lock that is more likely an attempted burglary",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 58A          | 2019-05-20  | V1
            B         | I1           | 28F          | 2019-05-20  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 58A          | 2019/20 Q1 | principal-crime
            B         | 1       | 28F          | 2019/20 Q1 | principal-crime
        """,
        source="Entry-point presumption: Mayor’s question 2014/3740 quoting HOCR.",
    ),
    Example(
        id="CR28",
        title="One person with cannabis and cocaine for own use",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_kind | offender_ref
            A         | I1           | 92E          | 2019-05-20  | state       | O1
            B         | I1           | 92D          | 2019-05-20  | state       | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 92E          | 2019/20 Q1 | principal-crime
            B         | 1       | 92D          | 2019/20 Q1 | principal-crime
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR29",
        title="A dealer with cannabis to supply, and some of his own",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_kind | offender_ref
            A         | I1           | 92A          | 2019-05-20  | state       | O1
            B         | I1           | 92E          | 2019-05-20  | state       | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 92A          | 2019/20 Q1 | principal-crime
            B         | 0       | 92E          | 2019/20 Q1 | principal-crime
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="PC01",
        title="Violence before property: an assault and a smashed phone",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 58D          | 2019-05-20  | V1         | O1
            B         | I1           | 8N           | 2019-05-20  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 58D          | 2019/20 Q1 | principal-crime
            B         | 1       | 8N           | 2019/20 Q1 | principal-crime
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="PC02",
        title="The same two offences by different offenders",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 58D          | 2019-05-20  | V1         | O1
            B         | I1           | 8N           | 2019-05-20  | V1         | O2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 58D          | 2019/20 Q1 | recorded
            B         | 1       | 8N           | 2019/20 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
        note="The rule is about what one offender, or one group, did.",
    ),
    Example(
        id="PC03",
        title="A window broken to steal from a car",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | owner_ref
            A         | I1           | 58C          | 2019-05-20  | O1
            B         | I1           | 45           | 2019-05-20  | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 58C          | 2019/20 Q1 | principal-crime
            B         | 1       | 45           | 2019/20 Q1 | principal-crime
        """,
        source="Place of these classes in the order: low confidence.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
