"""Recording checks: each finds what it is for, and nothing in what is well recorded."""

# Tables of facts are wider than code.
# ruff: noqa: E501

from datetime import date

import polars as pl
import pytest

from fixtures.worked_examples import read
from transforms.counting import count, load_editions
from transforms.counting.checks import RecordingChecks, check_recording, recording_delay

EDITIONS = load_editions()

#: A check, and records of which those named fail it.
FAILING = {
    "recorded-twice": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref | offender_ref
        A         | I1           | 8N           | 2019-05-20  | V1         | O1
        B         | I1           | 58A          | 2019-05-20  | V1         | O1
        """,
        {"B"},
    ),
    "victims-recorded-once": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status    | status_reason
        A         | I1           | 8N           | 2019-05-20  | V1         | live      |
        B         | I1           | 8N           | 2019-05-20  | V2         | cancelled | C3
        C         | I1           | 8N           | 2019-05-20  | V1         | cancelled | C3
        """,
        {"B"},
    ),
    "victims-in-one-record": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref
        A         | I1           | 8N           | 2019-05-20  | V1;V2
        B         | I2           | 8N           | 2019-05-20  | V3
        """,
        {"A"},
    ),
    "no-victim": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref
        A         | I1           | 8N           | 2019-05-20  |
        B         | I2           | 92E          | 2019-05-20  |
        """,
        {"A"},
    ),
    "class-not-in-force": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref
        A         | I1           | 28A          | 2018-05-20  | V1
        B         | I2           | 28A          | 2016-05-20  | V1
        """,
        {"A"},
    ),
    "code-not-read": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref
        A         | I1           | 43986        | 2018-05-20  | V1
        B         | I2           | 8/99         | 2018-05-20  | V1
        C         | I3           | 8N           | 2018-05-20  | V1
        """,
        {"A", "B"},
    ),
    "code-uncertain": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref
        A         | I1           | 149/00       | 2018-05-20  | V1
        B         | I2           | 149          | 2018-05-20  | V1
        C         | I3           | 58D          | 2018-05-20  | V1
        """,
        {"B"},
    ),
    "recorded-before-reported": (
        """
        crime_ref | incident_ref | offence_code | reported_at      | recorded_at      | victim_ref
        A         | I1           | 8N           | 2018-05-20T11:00 | 2018-05-20T10:00 | V1
        B         | I2           | 8N           | 2018-05-20T10:00 | 2018-05-20T10:00 | V1
        """,
        {"A"},
    ),
    "recorded-late": (
        """
        crime_ref | incident_ref | offence_code | reported_at      | recorded_at      | victim_ref
        A         | I1           | 8N           | 2018-05-20T10:00 | 2018-05-21T10:01 | V1
        B         | I2           | 8N           | 2018-05-20T10:00 | 2018-05-21T10:00 | V1
        C         | I3           | 8N           | 2014-05-20T10:00 | 2014-05-23T10:00 | V1
        D         | I4           | 8N           | 2014-05-20T10:00 | 2014-05-23T10:01 | V1
        """,
        {"A", "D"},
    ),
    "removed-without-reason": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status    | status_reason
        A         | I1           | 8N           | 2019-05-20  | V1         | cancelled |
        B         | I2           | 8N           | 2019-05-20  | V2         | cancelled | C2
        """,
        {"A"},
    ),
    "reason-does-not-fit": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref | status      | status_reason
        A         | I1           | 8N           | 2019-05-20  | V1         | cancelled   | C1
        B         | I2           | 8N           | 2019-05-20  | V2         | transferred | C4
        C         | I3           | 8N           | 2019-05-20  | V3         | cancelled   | C9
        D         | I4           | 8N           | 2019-05-20  | V4         | transferred | C1
        """,
        {"A", "B", "C"},
    ),
    "outcome-not-known": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref | outcome_type | outcome_at
        A         | I1           | 8N           | 2019-05-20  | V1         | 99           | 2019-06-01
        B         | I2           | 8N           | 2019-05-20  | V2         | 1A           | 2019-06-01
        """,
        {"A"},
    ),
    "outcome-without-date": (
        """
        crime_ref | incident_ref | offence_code | recorded_at | victim_ref | outcome_type | outcome_at
        A         | I1           | 8N           | 2019-05-20  | V1         | 18           |
        B         | I2           | 8N           | 2019-05-20  | V2         | 0            |
        """,
        {"A"},
    ),
    "circular-references": (
        """
        crime_ref | source_system | previous_crime_ref | incident_ref | offence_code | recorded_at | victim_ref
        A         | opus          | B                  | I1           | 8N           | 2019-06-20  | V1
        B         | policeworks   | A                  | J1           | 8N           | 2019-07-20  | V1
        C         | policeworks   | D                  | J2           | 8N           | 2019-07-20  | V2
        """,
        {"A", "B"},
    ),
}


def checked(text: str) -> pl.DataFrame:
    records = read(text)[0].lazy()
    return check_recording(count(records, EDITIONS), EDITIONS)


@pytest.mark.parametrize("check", FAILING)
def test_a_check_finds_what_it_is_for_and_nothing_else(check: str) -> None:
    text, failing = FAILING[check]
    found = checked(text)
    RecordingChecks.validate(found)
    assert set(found.filter(pl.col("check") == check)["crime_ref"]) == failing
    assert found["sentence"].null_count() == 0
    assert found["next_steps"].str.len_chars().min() > 10


def test_what_is_well_recorded_passes_every_check() -> None:
    assert checked("""
        crime_ref | incident_ref | offence_code | reported_at      | recorded_at      | victim_ref | outcome_type | outcome_at
        A         | I1           | 8N           | 2019-05-20T10:00 | 2019-05-20T12:00 | V1         | 18           | 2019-06-01
        B         | I1           | 8N           | 2019-05-20T10:00 | 2019-05-20T12:00 | V2         |              |
    """).is_empty()


def test_checking_changes_no_count() -> None:
    records = read(FAILING["recorded-twice"][0])[0].lazy()
    counts = count(records, EDITIONS)
    before = counts.counted.collect()
    check_recording(counts, EDITIONS)
    assert counts.counted.collect().equals(before)


def test_the_recording_delay_by_week_shows_a_backlog() -> None:
    records = read("""
        crime_ref | offence_code | reported_at      | recorded_at
        A         | 8N           | 2019-05-20T10:00 | 2019-05-20T12:00
        B         | 8N           | 2019-05-20T10:00 | 2019-05-20T14:00
        C         | 8N           | 2019-05-20T10:00 | 2019-05-27T10:00
        D         | 8N           | 2019-05-20T10:00 | 2019-06-02T23:30
    """)[0].lazy()
    assert recording_delay(records, EDITIONS).rows() == [
        ("force", date(2019, 5, 20), 2, 3.0, 4.0, 4.0, 0),
        ("force", date(2019, 5, 27), 2, 246.75, 325.5, 325.5, 2),
    ]
