"""Changes after publication: restated by record-level forces, netted into the next period by others."""

# Tables of facts are wider than code.
# ruff: noqa: E501

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Changes after a quarter was published"
ORDER = 13
RULES = ("superseded", "reclassified", "removed-after-publication", "added-after-publication")

EXAMPLES = [
    Example(
        id="CR41a",
        title=(
            "Recorded on 20 May as assault with injury, reclassified on 4 August, first quarter "
            "published: a record-level force"
        ),
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | updated_at
            A         | I1           | 8N           | 2024-05-20  | V1         | 2024-05-20
            A         | I1           | 5D           | 2024-05-20  | V1         | 2024-08-04
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 8N           | 2024/25 Q1 | superseded
            A         | 1       | 5D           | 2024/25 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
        note="The first quarter is restated: 8N −1, 5D +1.",
        published_through="2024/25-Q1",
    ),
    Example(
        id="CR41b",
        title="The same change: a force that returns aggregates",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | updated_at
            A         | I1           | 8N           | 2024-05-20  | V1         | 2024-05-20
            A         | I1           | 5D           | 2024-05-20  | V1         | 2024-08-04
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | -1      | 8N           | 2024/25 Q2 | reclassified
            A         | 1       | 5D           | 2024/25 Q2 | reclassified
        """,
        source="“Swept up in the next available month’s year-to-date statistics”: Leicestershire Police.",
        note="The first quarter stands as published; the second shows the net, and may be negative.",
        published_through="2024/25-Q1",
        treatment="aggregate",
    ),
    Example(
        id="CO01",
        title="Cancelled after publication: a force that returns aggregates",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status    | status_reason | status_at  | updated_at
            A         | I1           | 88C          | 2024-05-20  | V1         | cancelled | C2            | 2024-08-04 | 2024-08-04
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | -1      | 88C          | 2024/25 Q2 | removed-after-publication
        """,
        source="Known well; wording of the rules not quoted.",
        note="Such corrections are why a published cell may be negative; it is never cut off at zero.",
        published_through="2024/25-Q1",
        treatment="aggregate",
    ),
    Example(
        id="CO02",
        title="Cancelled after publication: a record-level force",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status    | status_reason | status_at  | updated_at
            A         | I1           | 88C          | 2024-05-20  | V1         | cancelled | C2            | 2024-08-04 | 2024-08-04
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 88C          | 2024/25 Q1 | cancelled
        """,
        source="Known well; wording of the rules not quoted.",
        note="The first quarter is restated: 88C −1.",
        published_through="2024/25-Q1",
    ),
    Example(
        id="CO03",
        title="Cancelled before publication: no correction under either treatment",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status    | status_reason | status_at  | updated_at
            A         | I1           | 88C          | 2024-05-20  | V1         | cancelled | C2            | 2024-06-04 | 2024-06-04
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 88C          | 2024/25 Q1 | cancelled
        """,
        source="Known well; wording of the rules not quoted.",
        published_through="2024/25-Q1",
        treatment="aggregate",
    ),
    Example(
        id="CO04",
        title="Reclassified twice: only the net is shown",
        facts="""
            crime_ref | incident_ref | offence_code | recorded_at | victim_ref | updated_at
            A         | I1           | 8N           | 2024-05-20  | V1         | 2024-05-20
            A         | I1           | 5D           | 2024-05-20  | V1         | 2024-08-04
            A         | I1           | 8N           | 2024-05-20  | V1         | 2024-09-01
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            A         | 0       | 8N           | 2024/25 Q1 | superseded
            A         | 0       | 5D           | 2024/25 Q1 | superseded
            A         | 1       | 8N           | 2024/25 Q1 | recorded
        """,
        source="Known well; wording of the rules not quoted.",
        note="It is what it was when published, so nothing is corrected.",
        published_through="2024/25-Q1",
        treatment="aggregate",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
