"""Stalking, harassment and controlling behaviour: in addition from April 2018, one crime again from May 2023."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Conduct crimes"
ORDER = 9
RULES = ("conduct-crime",)

EXAMPLES = [
    Example(
        id="CR35",
        title="Stalking of a former partner with criminal damage, recorded in February 2023",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8Q           | 2023-02-14  | V1         | O1
            B         | I1           | 58A          | 2023-02-14  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8Q           | 2022/23 Q4 | conduct-crime
            B         | 1       | 58A          | 2022/23 Q4 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR36",
        title="The same facts recorded in June 2023",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8Q           | 2023-06-14  | V1         | O1
            B         | I1           | 58A          | 2023-06-14  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8Q           | 2023/24 Q1 | principal-crime
            B         | 0       | 58A          | 2023/24 Q1 | principal-crime
        """,
        source="NPCC statement, April 2023: “the single crime of stalking would be recorded”.",
    ),
    Example(
        id="CC01",
        title="The last day of the old rule and the first of the new, as taken here",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8L           | 2023-04-30  | V1         | O1
            B         | I1           | 58A          | 2023-04-30  | V1         | O1
            C         | I2           | 8L           | 2023-05-01  | V2         | O2
            D         | I2           | 58A          | 2023-05-01  | V2         | O2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8L           | 2023/24 Q1 | conduct-crime
            B         | 1       | 58A          | 2023/24 Q1 | recorded
            C         | 1       | 8L           | 2023/24 Q1 | principal-crime
            D         | 0       | 58A          | 2023/24 Q1 | principal-crime
        """,
        source="Medium confidence: announced in April and in force in May 2023; the day is not found.",
    ),
    Example(
        id="CC02",
        title="A woman raped after being stalked, recorded under the new rule",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8Q           | 2023-06-14  | V1         | O1
            B         | I1           | 19C          | 2023-06-14  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 8Q           | 2023/24 Q1 | principal-crime
            B         | 1       | 19C          | 2023/24 Q1 | principal-crime
        """,
        source=(
            "NPCC statement, April 2023: a single offence; that the graver is the principal one: "
            "medium confidence."
        ),
    ),
    Example(
        id="CC03",
        title="Two kinds of conduct and two other crimes, under the old rule",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8Q           | 2022-02-14  | V1         | O1
            B         | I1           | 8L           | 2022-02-14  | V1         | O1
            C         | I1           | 8N           | 2022-02-14  | V1         | O1
            D         | I1           | 58A          | 2022-02-14  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8Q           | 2021/22 Q4 | conduct-crime
            B         | 0       | 8L           | 2021/22 Q4 | principal-crime
            C         | 1       | 8N           | 2021/22 Q4 | principal-crime
            D         | 0       | 58A          | 2021/22 Q4 | principal-crime
        """,
        source="Medium confidence.",
        note="One conduct crime, and the most serious of the rest.",
    ),
    Example(
        id="CC04",
        title="Before April 2018 there was one order for all",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8L           | 2017-02-14  | V1         | O1
            B         | I1           | 8N           | 2017-02-14  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 8L           | 2016/17 Q4 | principal-crime
            B         | 1       | 8N           | 2016/17 Q4 | principal-crime
        """,
        source="Medium confidence.",
    ),
    Example(
        id="CC05",
        title="The recorded date decides which rule applies, not when it happened",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | occurred_from | victim_ref | offender_ref
            A         | I1           | 8Q           | 2023-06-14  | 2022-11-01    | V1         | O1
            B         | I1           | 58A          | 2023-06-14  | 2022-11-01    | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8Q           | 2023/24 Q1 | principal-crime
            B         | 0       | 58A          | 2023/24 Q1 | principal-crime
        """,
        source="Known well; wording of the rules not quoted.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
