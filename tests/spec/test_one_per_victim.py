"""One crime for each identified victim."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "One crime per victim"
ORDER = 3
RULES = ("one-per-victim",)

EXAMPLES = [
    Example(
        id="CR04",
        title="One man punches three people and injures them",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8N           | 2019-05-20  | V1         | O1
            B         | I1           | 8N           | 2019-05-20  | V2         | O1
            C         | I1           | 8N           | 2019-05-20  | V3         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | one-per-victim
            B         | 1       | 8N           | 2019/20 Q1 | one-per-victim
            C         | 1       | 8N           | 2019/20 Q1 | one-per-victim
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR06",
        title="An assault on a constable, without injury",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 104          | 2019-05-20  | PC1        | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 104          | 2019/20 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
        note="104A in tables from 2020/21; the first day of that letter is not verified.",
    ),
    Example(
        id="V01",
        title="Two constables assaulted in one arrest",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind | offender_ref
            A         | I1           | 104          | 2019-05-20  | PC1        | state       | O1
            B         | I1           | 104          | 2019-05-20  | PC2        | state       | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 104          | 2019/20 Q1 | one-per-victim
            B         | 1       | 104          | 2019/20 Q1 | one-per-victim
        """,
        source="Known well; wording of the rules not quoted.",
        note="An officer assaulted is a victim even where the record says that the victim is the State.",
    ),
    Example(
        id="CR08",
        title="Neglect of four children",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 11A          | 2019-05-20  | C1         | O1
            B         | I1           | 11A          | 2019-05-20  | C2         | O1
            C         | I1           | 11A          | 2019-05-20  | C3         | O1
            D         | I1           | 11A          | 2019-05-20  | C4         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 11A          | 2019/20 Q1 | one-per-victim
            B         | 1       | 11A          | 2019/20 Q1 | one-per-victim
            C         | 1       | 11A          | 2019/20 Q1 | one-per-victim
            D         | 1       | 11A          | 2019/20 Q1 | one-per-victim
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR12",
        title="A robber takes the till money, and the phones of two customers",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind | offender_ref
            A         | I1           | 34A          | 2019-05-20  | SHOP       | business    | O1
            B         | I1           | 34B          | 2019-05-20  | V1         | person      | O1
            C         | I1           | 34B          | 2019-05-20  | V2         | person      | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 34A          | 2019/20 Q1 | recorded
            B         | 1       | 34B          | 2019/20 Q1 | one-per-victim
            C         | 1       | 34B          | 2019/20 Q1 | one-per-victim
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR32",
        title="Threatening words against two identified victims (section 4A)",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 125/9        | 2022-05-20  | V1         | O1
            B         | I1           | 125/9        | 2022-05-20  | V2         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 9A           | 2022/23 Q1 | one-per-victim
            B         | 1       | 9A           | 2022/23 Q1 | one-per-victim
        """,
        source="Code and class found in HOCR public order 2021; counting unit known, not verified.",
    ),
    Example(
        id="CR34",
        title="A man incites three women into prostitution",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 24/17        | 2022-05-20  | V1         | O1
            B         | I1           | 24/17        | 2022-05-20  | V2         | O1
            C         | I1           | 24/17        | 2022-05-20  | V3         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 24           | 2022/23 Q1 | one-per-victim
            B         | 1       | 24           | 2022/23 Q1 | one-per-victim
            C         | 1       | 24           | 2022/23 Q1 | one-per-victim
        """,
        source="HOCR miscellaneous crimes 2021, class 24.",
    ),
    Example(
        id="V02",
        title="Two men acting together beat one victim; a third hits him on his own account",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8N           | 2019-05-20  | V1         | G1
            B         | I1           | 8N           | 2019-05-20  | V1         | G1
            C         | I1           | 8N           | 2019-05-20  | V1         | O3
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | finished-incident
            B         | 0       | 8N           | 2019/20 Q1 | finished-incident
            C         | 1       | 8N           | 2019/20 Q1 | one-per-victim
        """,
        source="Known well; wording of the rules not quoted.",
        note="A group acting together has one offender reference; another offender makes another crime.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
