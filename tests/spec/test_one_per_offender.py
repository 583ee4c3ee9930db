"""One crime for each offender or group, where the class has no victim; one for each incident of disorder."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "One crime per offender"
ORDER = 6
RULES = ("one-per-offender", "one-per-incident")

EXAMPLES = [
    Example(
        id="OF01",
        title="Two people stopped together, each with cannabis of their own",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_kind | offender_ref
            A         | I1           | 92E          | 2019-05-20  | state       | O1
            B         | I1           | 92E          | 2019-05-20  | state       | O2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 92E          | 2019/20 Q1 | one-per-offender
            B         | 1       | 92E          | 2019/20 Q1 | one-per-offender
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="OF02",
        title="A brothel kept by one couple, reported twice in one incident",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_kind | offender_ref
            A         | I1           | 24/19        | 2022-05-20  | state       | COUPLE
            B         | I1           | 24/19        | 2022-05-20  | state       | COUPLE
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 24           | 2022/23 Q1 | one-per-offender
            B         | 0       | 24           | 2022/23 Q1 | one-per-offender
        """,
        source="HOCR miscellaneous crimes 2021, class 24: one for each offender or group.",
    ),
    Example(
        id="OF03",
        title="Violent disorder in a town square, three men arrested",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_kind | offender_ref
            A         | I1           | 62A          | 2019-05-20  | state       | O1
            B         | I1           | 62A          | 2019-05-20  | state       | O2
            C         | I1           | 62A          | 2019-05-20  | state       | O3
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 62A          | 2019/20 Q1 | one-per-incident
            B         | 0       | 62A          | 2019/20 Q1 | one-per-incident
            C         | 0       | 62A          | 2019/20 Q1 | one-per-incident
        """,
        source="Low confidence.",
    ),
    Example(
        id="OF04",
        title="Public fear with no identified victim, two friends acting together",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_kind | offender_ref
            A         | I1           | 125/12       | 2022-05-20  | state       | PAIR
            B         | I1           | 125/12       | 2022-05-20  | state       | PAIR
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 9A           | 2022/23 Q1 | one-per-offender
            B         | 0       | 9A           | 2022/23 Q1 | one-per-offender
        """,
        source="Code found in HOCR public order 2021; counting unit known, not verified.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
