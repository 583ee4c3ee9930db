"""Examples where two rules meet."""

# Tables of facts are wider than code.
# ruff: noqa: E501

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Where two rules meet"
ORDER = 17
RULES = ()

EXAMPLES = [
    Example(
        id="RM11",
        title="One attacker, two victims; one of them also robbed",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8N           | 2019-05-20  | V1         | O1
            B         | I1           | 8N           | 2019-05-20  | V2         | O1
            C         | I1           | 34B          | 2019-05-20  | V2         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | recorded
            B         | 0       | 8N           | 2019/20 Q1 | principal-crime
            C         | 1       | 34B          | 2019/20 Q1 | principal-crime
        """,
        source="Known well; wording of the rules not quoted.",
        note="One per victim across victims; principal crime within each.",
    ),
    Example(
        id="RM12",
        title="A long course of stalking, an assault of another person, and a knife",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind | offender_ref
            A         | I1           | 8Q           | 2022-02-14  | V1         | person      | O1
            B         | I1           | 8Q           | 2022-02-14  | V1         | person      | O1
            C         | I1           | 5D           | 2022-02-14  | V2         | person      | O1
            D         | I1           | 10D          | 2022-02-14  |            | state       | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8Q           | 2021/22 Q4 | finished-incident
            B         | 0       | 8Q           | 2021/22 Q4 | finished-incident
            C         | 1       | 5D           | 2021/22 Q4 | part-of-crime
            D         | 0       | 10D          | 2021/22 Q4 | part-of-crime
        """,
        source="Known well; wording of the rules not quoted.",
    ),
    Example(
        id="RM13",
        title="A sequence across the day the conduct rule changed",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 8Q           | 2023-04-28  | V1         | O1
            B         | I1           | 58A          | 2023-05-02  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8Q           | 2023/24 Q1 | conduct-crime
            B         | 1       | 58A          | 2023/24 Q1 | recorded
        """,
        source="Our choice: the stalking was recorded while it counted in addition.",
    ),
    Example(
        id="RM14",
        title="Weapon, drugs and robbery by one man: the weapon goes, the drugs stay",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | victim_kind | offender_ref
            A         | I1           | 34B          | 2019-05-20  | V1         | person      | O1
            B         | I1           | 10D          | 2019-05-20  |            | state       | O1
            C         | I1           | 92E          | 2019-05-20  |            | state       | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 34B          | 2019/20 Q1 | part-of-crime
            B         | 0       | 10D          | 2019/20 Q1 | part-of-crime
            C         | 1       | 92E          | 2019/20 Q1 | recorded
        """,
        source="Medium confidence.",
        note=(
            "Steps and means go first, so the weapon does not outrank the drugs and then vanish with them."
        ),
    ),
    Example(
        id="RM15",
        title="Five flats of one landlord burgled, one also damaged",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | premises_ref | offender_ref
            A         | I1           | 28E          | 2019-05-20  | LL         | F1           | O1
            B         | I1           | 28E          | 2019-05-20  | LL         | F2           | O1
            C         | I1           | 28E          | 2019-05-20  | LL         | F2           | O1
            D         | I1           | 58A          | 2019-05-20  | LL         | F1           | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 28E          | 2019/20 Q1 | principal-crime
            B         | 1       | 28E          | 2019/20 Q1 | one-per-premises
            C         | 0       | 28E          | 2019/20 Q1 | one-per-premises
            D         | 0       | 58A          | 2019/20 Q1 | principal-crime
        """,
        source="Medium confidence.",
        note="Principal crime first, then one for each premises.",
    ),
    Example(
        id="RM16",
        title="A transferred murder beside a live arson",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | owner_ref | offender_ref | status      | status_reason | status_at
            A         | I1           | 1            | 2019-05-20  | V1         |           | O1           | transferred | C1            | 2019-05-22
            B         | I1           | 56A          | 2019-05-20  |            | W1        | O1           | live        |               |
        """,
        crimes="""
            crime_ref | counted | offence_code   | period     | rule
            A         | 0       | 1/4.1/4.10/4.2 | 2019/20 Q1 | transferred
            B         | 1       | 56A            | 2019/20 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
        note="The other force counts the murder; the arson is no longer part of a crime counted here.",
    ),
    Example(
        id="RM17",
        title="A duplicate of a moved record, recorded again in the new system",
        facts="""
            crime_ref | source_system | previous_crime_ref | incident_ref | offence_code | recorded_at      | victim_ref | updated_at
            OLD1      | opus          |                    | I1           | 8N           | 2019-06-20       | V1         | 2019-06-20
            NEW1      | policeworks   | OLD1               | J1           | 8N           | 2019-07-12T09:00 | V1         | 2019-07-12
            NEW2      | policeworks   |                    | J1           | 8N           | 2019-07-12T09:30 | V1         | 2019-07-12
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            OLD1      | 0       | 8N           | 2019/20 Q1 | migrated-duplicate
            NEW1      | 1       | 8N           | 2019/20 Q1 | finished-incident
            NEW2      | 0       | 8N           | 2019/20 Q2 | finished-incident
        """,
        source="The extract contract.",
        note="Moved once, recorded twice: one crime, in the quarter it was first recorded in.",
    ),
    Example(
        id="RM18",
        title="The principal crime is cancelled after publication: a force that returns aggregates",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref | status    | status_reason | status_at  | updated_at
            A         | I1           | 34B          | 2024-05-20  | V1         | O1           | cancelled | C2            | 2024-08-04 | 2024-08-04
            B         | I1           | 105A         | 2024-05-20  | V1         | O1           | live      |               |            | 2024-05-20
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | -1      | 34B          | 2024/25 Q2 | removed-after-publication
            B         | 1       | 105A         | 2024/25 Q2 | added-after-publication
        """,
        source="Known well; wording of the rules not quoted.",
        note="What the cancelled crime displaced counts after all, in the open quarter.",
        published_through="2024/25-Q1",
        treatment="aggregate",
    ),
    Example(
        id="RM19",
        title="Same incident number in two forces",
        facts="""
            crime_ref | force   | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | force-a | I1           | 8N           | 2019-05-20  | V1         | O1
            B         | force-b | I1           | 105A         | 2019-05-20  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 8N           | 2019/20 Q1 | recorded
            B         | 1       | 105A         | 2019/20 Q1 | recorded
        """,
        source="Records of different forces never decide each other.",
    ),
    Example(
        id="RM20",
        title="A graver class that was not in force on the day",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
            A         | I1           | 28A          | 2018-05-20  | V1         | O1
            B         | I1           | 58A          | 2018-05-20  | V1         | O1
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 1       | 28A          | 2018/19 Q1 | principal-crime
            B         | 0       | 58A          | 2018/19 Q1 | principal-crime
        """,
        source="Our choice: an out-of-date class is still the crime that it names.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
