"""What a supplied file says it is by its name and first bytes."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.sources.naming import Recognised, Scope, recognise, scope_of
from pipelines.sources.refusal import Refusal, shortened

FORCES = ("city-of-london", "west-mercia", "west-mercia-north", "greater-manchester")
CSV = b"force,source_system"


@pytest.mark.parametrize(
    ("name", "head", "kind", "force", "first", "last", "system"),
    [
        ("2019-07-greater-manchester-extract.csv", CSV, "extract", "greater-manchester", 7, 7, None),
        ("2019-07-greater-manchester-opus-extract.csv", CSV, "extract", "greater-manchester", 7, 7, "opus"),
        ("a/b/2019-07_2019-09-west-mercia-extract.parquet", b"PAR1xx", "extract", "west-mercia", 7, 9, None),
        (
            "2019-07-west-mercia-north-athena-extract.csv.gz",
            b"\x1f\x8b",
            "extract",
            "west-mercia-north",
            7,
            7,
            "athena",
        ),
        ("2019-07-west-mercia-extract.csv.zst", b"\x28\xb5\x2f\xfd", "extract", "west-mercia", 7, 7, None),
        ("2019-07-WEST-MERCIA-Extract.CSV", CSV, "extract", "west-mercia", 7, 7, None),
        (
            "all.zip!2019-07/2019-07-city-of-london-street.csv",
            b"Crime",
            "street",
            "city-of-london",
            7,
            7,
            None,
        ),
        ("2019-07-city-of-london-outcomes.csv", b"Crime", "outcomes", "city-of-london", 7, 7, None),
        (
            "2019-07-city-of-london-stop-and-search.csv",
            b"Type",
            "stop-and-search",
            "city-of-london",
            7,
            7,
            None,
        ),
    ],
)
def test_a_good_name_is_recognised(
    name: str, head: bytes, kind: str, force: str, first: int, last: int, system: str | None
) -> None:
    seen = recognise(name, head, forces=FORCES)
    assert seen == Recognised(name, kind, force, date(2019, first, 1), date(2019, last, 1), system)  # type: ignore[arg-type]
    assert scope_of(name) == Scope(date(2019, first, 1), date(2019, last, 1))


def test_home_office_tables_are_recognised_and_speak_of_no_month() -> None:
    for name, head in [
        ("prc-pfa-mar2013-onwards-tables_2017-18.csv", b"Fin"),
        ("prc-csp-mar2021.ods", b"PK\x03\x04"),
    ]:
        assert recognise(name, head, forces=FORCES) == Recognised(name, "aggregate")
        assert scope_of(name) is None


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        (
            "crimes.csv",
            CSV,
            "the name does not say what the file is, seen “crimes.csv”, wanted YYYY-MM-force",
        ),
        ("notes.txt", CSV, "the name does not say what the file is"),
        ("2019-13-west-mercia-extract.csv", CSV, "a month that does not exist, seen “2019-13”"),
        ("2019-09_2019-07-west-mercia-extract.csv", CSV, "run backwards"),
        ("2019-07-west-merca-street.csv", CSV, "no force that is known, seen “west-merca”"),
        ("2019-07-west-merca-street.csv", CSV, "nearest: west-mercia"),
        ("2019-07-atlantis-opus-extract.csv", CSV, "no force that is known"),
        (
            "2019-07-west-mercia-old-opus-extract.csv",
            CSV,
            "no force that is known, seen “west-mercia-old-opus”",
        ),
        (
            "2019-08/2019-07-west-mercia-street.csv",
            CSV,
            "folder of another month, seen “2019-08”, wanted 2019-07",
        ),
        ("2019-07-west-mercia-extract.csv", b"", "the file is empty"),
        ("2019-07-west-mercia-extract.csv", b"PK\x03\x04", "not what the name says, seen “zip”, wanted text"),
        ("2019-07-west-mercia-extract.csv", b"\xd0\xcf\x11\xe0", "seen “an old Excel workbook”, wanted text"),
        ("2019-07-west-mercia-extract.csv.gz", CSV, "seen “text”, wanted gz"),
        ("2019-07-west-mercia-extract.parquet", CSV, "seen “text”, wanted parquet"),
        ("prc-pfa-2019.xlsx", b"<html>", "seen “text”, wanted zip"),
    ],
)
def test_a_name_that_cannot_be_read_says_what_to_do(name: str, head: bytes, said: str) -> None:
    refused = recognise(name, head, forces=FORCES)
    assert isinstance(refused, Refusal)
    sentence = str(refused)
    assert sentence.startswith(name) and said in sentence and sentence.endswith(".")
    assert ";" in sentence  # what is wrong; what to do


def test_a_message_stays_one_line_whatever_was_seen() -> None:
    refusal = Refusal(
        "a.csv", "odd", "mend it", line=1234, field="x", seen="one\ntwo " + "y" * 200, wanted="z"
    )
    assert "\n" not in str(refusal) and len(str(refusal)) < 200 and "line 1,234" in str(refusal)
    assert shortened("short") == "short"
