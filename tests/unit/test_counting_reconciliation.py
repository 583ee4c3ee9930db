"""Two records systems in one force: in the old one only, in the new one only, in both, in both but different."""

# Tables of facts are wider than code.
# ruff: noqa: E501

from fixtures.worked_examples import read
from transforms.counting import count, load_editions
from transforms.counting.reconciliation import reconcile, summarise

EDITIONS = load_editions()

FACTS = """
    crime_ref | source_system | previous_crime_ref | incident_ref | offence_code | recorded_at      | victim_ref | outcome_type | updated_at
    O1        | opus          |                    | I1           | 8N           | 2019-06-20T10:00 | V1         |              | 2019-06-20
    O2        | opus          |                    | I2           | 8N           | 2019-06-21T10:00 | V2         |              | 2019-06-21
    O3        | opus          |                    | I3           | 48           | 2019-06-22T10:00 | V3         |              | 2019-06-22
    O4        | opus          |                    | I4           | 46           | 2019-06-23T10:00 | V4         |              | 2019-06-23
    O5        | opus          |                    | I5           | 46           | 2019-06-24T10:00 | V5         | 18           | 2019-06-24
    N1        | policeworks   | O1                 | J1           | 8N           | 2019-06-20T10:00 | V1         |              | 2019-07-12
    N2        | policeworks   | O2                 | J2           | 5D           | 2019-07-12T09:00 | V2         |              | 2019-07-12
    N3        | policeworks   |                    | I3           | 48           | 2019-06-22T10:00 | X3         |              | 2019-07-12
    N6        | policeworks   |                    | J6           | 46           | 2019-07-14T10:00 | V6         |              | 2019-07-14
"""


def test_every_crime_is_in_one_place() -> None:
    rows = reconcile(count(read(FACTS)[0].lazy(), EDITIONS).lines)
    assert rows.select("place", "old_ref", "new_ref", "how", "differs", "open", "counted").rows() == [
        ("both", "O1", "N1", "crosswalk", None, True, 1),
        ("both but different", "O2", "N2", "crosswalk", "offence_code, recorded_at", True, 1),
        ("both but different", "O3", "N3", "stated match", "victim_ref", True, 1),
        ("new only", None, "N6", None, None, True, 1),
        ("old only", "O4", None, None, None, True, 1),
        ("old only", "O5", None, None, None, False, 1),
    ]
    assert summarise(rows).select("place", "crimes", "open").rows() == [
        ("old only", 2, 1),
        ("new only", 1, 1),
        ("both", 1, 1),
        ("both but different", 2, 2),
    ]


def test_the_crimes_reconciled_are_the_crimes_counted() -> None:
    counts = count(read(FACTS)[0].lazy(), EDITIONS)
    assert reconcile(counts.lines).height == counts.counted.collect().height == 6


def test_a_force_with_one_system_has_nothing_to_reconcile() -> None:
    text = "crime_ref | incident_ref | offence_code | recorded_at | victim_ref\nA | I1 | 8N | 2019-05-20 | V1"
    assert reconcile(count(read(text)[0].lazy(), EDITIONS).lines).is_empty()


def test_an_unrelated_record_in_the_old_system_changes_no_other() -> None:
    more = FACTS + "    O9 | opus | | I9 | 46 | 2019-12-24T10:00 | V9 | | 2019-12-24\n"
    before, after = (reconcile(count(read(text)[0].lazy(), EDITIONS).lines) for text in (FACTS, more))
    assert after.filter(after["old_ref"].ne_missing("O9")).equals(before)


def test_references_in_a_circle_are_listed() -> None:
    circle = """
        crime_ref | source_system | previous_crime_ref | incident_ref | offence_code | recorded_at | victim_ref
        A         | opus          | B                  | I1           | 8N           | 2019-06-20  | V1
        B         | policeworks   | A                  | J1           | 8N           | 2019-07-20  | V1
    """
    rows = reconcile(count(read(circle)[0].lazy(), EDITIONS).lines)
    assert rows.select("place", "new_ref").rows() == [
        ("circular references", "A"),
        ("circular references", "B"),
    ]
