"""How a written code is read, and what becomes of one that cannot be."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "How codes are read"
ORDER = 15
RULES = ("unknown-code", "damaged-code", "unreadable")

EXAMPLES = [
    Example(
        id="CD01",
        title="Four ways to write a class",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 8n           | 2019-05-20  | V1
            B         | I2           | 8/6          | 2019-05-20  | V2
            C         | I3           | 00806        | 2019-05-20  | V3
            D         | I4           | 37/2         | 2019-05-20  | V4
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | recorded
            B         | 1       | 8N           | 2019/20 Q1 | recorded
            C         | 1       | 8N           | 2019/20 Q1 | recorded
            D         | 1       | 37.2         | 2019/20 Q1 | recorded
        """,
        source="Home Office open data and notifiable offence list.",
    ),
    Example(
        id="CD02",
        title="Corporate manslaughter is 4.10 and not 4.1; both are published as homicide",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 4/10         | 2019-05-20  | V1
            B         | I2           | 4.1          | 2019-05-20  | V2
        """,
        crimes="""
            crime_ref | counted | offence_code   | period     | rule
            A         | 1       | 1/4.1/4.10/4.2 | 2019/20 Q1 | recorded
            B         | 1       | 1/4.1/4.10/4.2 | 2019/20 Q1 | recorded
        """,
        source="Home Office open data 2017/18.",
    ),
    Example(
        id="CD03",
        title="Codes that a spreadsheet turned into dates",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 43986        | 2020-06-10  | V1
            B         | I2           | 22129        | 2020-06-10  | V2
            C         | I3           | 4-Jun        | 2020-06-10  | V3
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       |              | 2020/21 Q1 | damaged-code
            B         | 0       |              | 2020/21 Q1 | damaged-code
            C         | 0       |              | 2020/21 Q1 | damaged-code
        """,
        source="Seen in the official police.uk category mapping.",
        note="43986 is the serial number of 4 June 2020: the code was 4/6.",
    ),
    Example(
        id="CD04",
        title="A code that no edition knows",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 8/99         | 2019-05-20  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       |              | 2019/20 Q1 | unknown-code
        """,
        source="Our choice: it is not guessed at.",
    ),
    Example(
        id="CD05",
        title="A class that was not in force",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | premises_ref
            A         | I1           | 28A          | 2018-05-20  | HOUSE1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 28A          | 2018/19 Q1 | recorded
        """,
        source="Old burglary classes stay in the open data as “outcome only” rows.",
        note="Counted as recorded, and reported to the force.",
    ),
    Example(
        id="CD07",
        title="A recorded date that cannot be read",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 8N           | 2024-06-31  | V1
            B         | I1           | 8N           | 2024-06-30  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       |              |            | unreadable
            B         | 1       | 8N           | 2024/25 Q1 | recorded
        """,
        source="Our choice: a line without a period cannot be counted in one.",
    ),
    Example(
        id="CD08",
        title="A sub-class that is not listed, of a class that is",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 45/99        | 2019-05-20  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 45           | 2019/20 Q1 | recorded
        """,
        source="Our choice, with a note.",
    ),
    Example(
        id="CD06",
        title="Robbery by victim: 34/1 is business or personal",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind
            A         | I1           | 34/1         | 2019-05-20  | SHOP       | business
            B         | I2           | 34/1         | 2019-05-20  | V1         | person
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 34A          | 2019/20 Q1 | recorded
            B         | 1       | 34B          | 2019/20 Q1 | recorded
        """,
        source="Home Office codes; police.uk category mapping.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
