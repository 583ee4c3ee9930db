"""Which records are crimes at all: notifiable or not, and reported rape not confirmed."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Whether a record is a crime"
ORDER = 1
RULES = ("recorded", "not-notifiable", "n100")

EXAMPLES = [
    Example(
        id="N01",
        title="One assault, recorded and left alone",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 8N           | 2019-05-20  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR11",
        title="A reported rape, with credible evidence that it did not happen",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | N100         | 2019-05-20  | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | N100         | 2019/20 Q1 | n100
        """,
        source="Found in a counting rules page.",
        note="N100 reports are published in a table of their own.",
    ),
    Example(
        id="N02",
        title="A rape confirmed beside a report that is not",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 19C          | 2019-05-20  | V1         | O1
            B         | I1           | N100         | 2019-05-20  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 19C          | 2019/20 Q1 | recorded
            B         | 0       | N100         | 2019/20 Q1 | n100
        """,
        source="Known well; wording of the rules not quoted.",
        note="A record that is no crime decides nothing about one that is.",
    ),
    Example(
        id="N03",
        title="Anti-social behaviour and drunkenness",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_kind
            A         | I1           | ASB          | 2019-05-20  | state
            B         | I2           | 141          | 2019-05-20  | state
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | ASB          | 2019/20 Q1 | not-notifiable
            B         | 0       | 141          | 2019/20 Q1 | not-notifiable
        """,
        source="Known well; wording of the rules not quoted.",
        note="Anti-social behaviour is published on the public map as incidents, never as crimes.",
    ),
    Example(
        id="N04",
        title="A summary offence that is notifiable all the same",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref
            A         | I1           | 105A         | 2019-05-20  | V1
            B         | I2           | 126          | 2019-05-20  | V2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 105A         | 2019/20 Q1 | recorded
            B         | 1       | 126          | 2019/20 Q1 | recorded
        """,
        source="Office for Statistics Regulation, May 2024 (common assault); the rest known well.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
