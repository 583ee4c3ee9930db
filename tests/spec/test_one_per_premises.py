"""One crime for each dwelling, building or shop, where the class is counted by premises."""

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "One crime per premises"
ORDER = 5
RULES = ("one-per-premises",)

EXAMPLES = [
    Example(
        id="CR15",
        title="Five flats in one block burgled",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | premises_ref
            A         | I1           | 28E          | 2019-05-20  | FLAT1
            B         | I1           | 28E          | 2019-05-20  | FLAT2
            C         | I1           | 28E          | 2019-05-20  | FLAT3
            D         | I1           | 28E          | 2019-05-20  | FLAT4
            E         | I1           | 28E          | 2019-05-20  | FLAT5
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 28E          | 2019/20 Q1 | one-per-premises
            B         | 1       | 28E          | 2019/20 Q1 | one-per-premises
            C         | 1       | 28E          | 2019/20 Q1 | one-per-premises
            D         | 1       | 28E          | 2019/20 Q1 | one-per-premises
            E         | 1       | 28E          | 2019/20 Q1 | one-per-premises
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR24",
        title="A shoplifter steals from three shops",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | premises_ref | victim_kind | offender_ref
            A         | I1           | 46           | 2019-05-20  | SHOP1        | business    | O1
            B         | I1           | 46           | 2019-05-20  | SHOP2        | business    | O1
            C         | I1           | 46           | 2019-05-20  | SHOP3        | business    | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 46           | 2019/20 Q1 | one-per-premises
            B         | 1       | 46           | 2019/20 Q1 | one-per-premises
            C         | 1       | 46           | 2019/20 Q1 | one-per-premises
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="CR17",
        title="A shed that is not connected to the house, burgled after April 2023",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | premises_ref | victim_ref
            A         | I1           | 28M          | 2023-06-14  | SHED1        | V1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 28M          | 2023/24 Q1 | recorded
        """,
        source="The rule is found; the letter 28M is not verified.",
    ),
    Example(
        id="PR01",
        title="One house, two housemates who each lost things",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | premises_ref | victim_ref
            A         | I1           | 28E          | 2019-05-20  | HOUSE1       | V1
            B         | I1           | 28E          | 2019-05-20  | HOUSE1       | V2
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 28E          | 2019/20 Q1 | one-per-premises
            B         | 0       | 28E          | 2019/20 Q1 | one-per-premises
        """,
        source="HOCR burglary 2021; medium confidence.",
        note="Burglary is counted by dwelling and not by who lives in it.",
    ),
    Example(
        id="PR02",
        title="Five flats of one landlord, who is the victim on each record",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | premises_ref | victim_ref | offender_ref
            A         | I1           | 28E          | 2019-05-20  | FLAT1        | LANDLORD   | O1
            B         | I1           | 28E          | 2019-05-20  | FLAT2        | LANDLORD   | O1
            C         | I1           | 28E          | 2019-05-20  | FLAT3        | LANDLORD   | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 28E          | 2019/20 Q1 | one-per-premises
            B         | 1       | 28E          | 2019/20 Q1 | one-per-premises
            C         | 1       | 28E          | 2019/20 Q1 | one-per-premises
        """,
        source="Medium confidence.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
