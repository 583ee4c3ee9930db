"""One crime held in two records systems counts once."""

# Tables of facts are wider than code.
# ruff: noqa: E501

import pytest

from fixtures.worked_examples import Example, check

CHAPTER = "Two records systems in one quarter"
ORDER = 14
RULES = ("migrated-duplicate",)

EXAMPLES = [
    Example(
        id="TS01",
        title="Moved with its old reference kept (crosswalk)",
        facts="""
            crime_ref | source_system | previous_crime_ref | incident_ref | offence_code | recorded_at | victim_ref | updated_at
            OLD1      | opus          |                    | I1           | 8N           | 2019-06-20  | V1         | 2019-06-20
            NEW1      | policeworks   | OLD1               | J1           | 8N           | 2019-07-12  | V1         | 2019-07-12
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            OLD1      | 0       | 8N           | 2019/20 Q1 | migrated-duplicate
            NEW1      | 1       | 8N           | 2019/20 Q1 | recorded
        """,
        source="The extract contract.",
        note="It counts in the quarter it was first recorded in, and not in the quarter it was moved.",
    ),
    Example(
        id="TS02",
        title="Moved without a reference: matched on incident, class, recorded time, place and victim",
        facts="""
            crime_ref | source_system | incident_ref | offence_code | recorded_at      | victim_ref | longitude | latitude | updated_at
            OLD1      | opus          | I1           | 8N           | 2019-06-20T10:15 | V1         | -2.24     | 53.48    | 2019-06-20
            NEW1      | policeworks   | I1           | 8N           | 2019-06-20T10:15 | V1         | -2.24     | 53.48    | 2019-07-12
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            OLD1      | 0       | 8N           | 2019/20 Q1 | migrated-duplicate
            NEW1      | 1       | 8N           | 2019/20 Q1 | recorded
        """,
        source="The extract contract.",
    ),
    Example(
        id="TS03",
        title="Left behind in the old system: still counted",
        facts="""
            crime_ref | source_system | previous_crime_ref | incident_ref | offence_code | recorded_at | victim_ref | updated_at
            OLD1      | opus          |                    | I1           | 8N           | 2019-06-20  | V1         | 2019-06-20
            NEW2      | policeworks   |                    | J2           | 8N           | 2019-07-12  | V2         | 2019-07-12
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            OLD1      | 1       | 8N           | 2019/20 Q1 | recorded
            NEW2      | 1       | 8N           | 2019/20 Q2 | recorded
        """,
        source="The extract contract.",
        note="The reconciliation lists it as in the old system only.",
    ),
    Example(
        id="TS04",
        title="Three victims of one incident, of whom two were moved",
        facts="""
            crime_ref | source_system | incident_ref | offence_code | recorded_at      | victim_ref | updated_at
            OLD1      | opus          | I1           | 8N           | 2019-06-20T10:15 | V1         | 2019-06-20
            OLD2      | opus          | I1           | 8N           | 2019-06-20T10:15 | V2         | 2019-06-20
            OLD3      | opus          | I1           | 8N           | 2019-06-20T10:15 | V3         | 2019-06-20
            NEW2      | policeworks   | I1           | 8N           | 2019-06-20T10:15 | V2         | 2019-07-12
            NEW3      | policeworks   | I1           | 8N           | 2019-06-20T10:15 | V3         | 2019-07-12
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            OLD1      | 1       | 8N           | 2019/20 Q1 | one-per-victim
            OLD2      | 0       | 8N           | 2019/20 Q1 | migrated-duplicate
            OLD3      | 0       | 8N           | 2019/20 Q1 | migrated-duplicate
            NEW2      | 1       | 8N           | 2019/20 Q1 | one-per-victim
            NEW3      | 1       | 8N           | 2019/20 Q1 | one-per-victim
        """,
        source="The extract contract.",
    ),
    Example(
        id="TS05",
        title="Live in the old system, cancelled in the new one",
        facts="""
            crime_ref | source_system | previous_crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status    | status_reason | updated_at
            OLD1      | opus          |                    | I1           | 8N           | 2019-06-20  | V1         | live      |               | 2019-06-20
            NEW1      | policeworks   | OLD1               | J1           | 8N           | 2019-06-20  | V1         | cancelled | C2            | 2019-07-12
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            OLD1      | 0       | 8N           | 2019/20 Q1 | migrated-duplicate
            NEW1      | 0       | 8N           | 2019/20 Q1 | cancelled
        """,
        source="The extract contract.",
        note="The copy in the new system speaks for the crime.",
    ),
    Example(
        id="TS06",
        title="References that go round in a circle are not followed",
        facts="""
            crime_ref | source_system | previous_crime_ref | incident_ref | offence_code | recorded_at | victim_ref | updated_at
            OLD1      | opus          | NEW1               | I1           | 8N           | 2019-06-20  | V1         | 2019-06-20
            NEW1      | policeworks   | OLD1               | J1           | 8N           | 2019-07-12  | V1         | 2019-07-12
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            OLD1      | 1       | 8N           | 2019/20 Q1 | recorded
            NEW1      | 1       | 8N           | 2019/20 Q2 | recorded
        """,
        source="Our choice: neither is dropped on a guess; both are reported.",
    ),
    Example(
        id="TS07",
        title="A sequence half of which was moved: the rest keeps its company",
        facts="""
            crime_ref | source_system | previous_crime_ref | incident_ref | offence_code | recorded_at | victim_ref | updated_at
            OLD1      | opus          |                    | I1           | 8N           | 2019-06-20  | V1         | 2019-06-20
            OLD2      | opus          |                    | I1           | 105A         | 2019-06-20  | V1         | 2019-06-20
            NEW1      | policeworks   | OLD1               | J1           | 8N           | 2019-07-12  | V1         | 2019-07-12
        """,
        crimes="""
            crime_ref | counted | offence_code | period     | rule
            OLD1      | 0       | 8N           | 2019/20 Q1 | migrated-duplicate
            OLD2      | 0       | 105A         | 2019/20 Q1 | principal-crime
            NEW1      | 1       | 8N           | 2019/20 Q1 | principal-crime
        """,
        source="The extract contract.",
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_facts_make_these_crimes(example: Example) -> None:
    check(example)
