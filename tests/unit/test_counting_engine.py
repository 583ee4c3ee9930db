"""The engine over whole tables: its contracts, its bad input, and its forces kept apart."""

import time

import polars as pl
import pytest

from fixtures.worked_examples import read
from transforms.contracts import tables
from transforms.counting import count, explanations, load_editions
from transforms.counting.checks import check_recording
from transforms.counting.engine import Counts

EDITIONS = load_editions()

BAD = """
    crime_ref | incident_ref | offence_code | recorded_at      | victim_ref | previous_crime_ref | source_system
    A         | I1           | 8/99         | 2019-05-20T10:00 | V1         |                    | niche
    B         | I1           | 43986        | 2019-05-20T10:00 | V1         |                    | niche
    C         | I1           | 28A          | 2019-05-20T10:00 | V1         |                    | niche
    D         | I2           | 8N           | 2019-05-20T10:00 |            |                    | niche
    E         | I3           | 8N           | 2019-05-20T10:00 | V5         | F                  | niche
    F         | I4           | 8N           | 2019-05-20T10:00 | V6         | E                  | opus
    G         | I5           | 8N           | 2019-05-20T10:00 | V7         | G                  | niche
"""


def counted(text: str) -> Counts:
    return count(read(text)[0].lazy(), EDITIONS)


def decisions(counts: Counts) -> pl.DataFrame:
    return counts.decisions.collect().sort("force", "source_system", "crime_ref")


def many(lines: int, **columns: pl.Expr) -> pl.LazyFrame:
    """So many copies of one line, each with its own reference."""
    one = read(
        "crime_ref | incident_ref | offence_code | recorded_at | victim_ref\nA | I1 | 8N | 2019-05-20 | V1"
    )[0]
    number = pl.int_range(lines, eager=True)
    return (
        one.select(pl.all().repeat_by(lines).explode())
        .with_columns(crime_ref=pl.format("R{}", number), row=number.cast(pl.UInt32), **columns)
        .lazy()
    )


def test_every_record_gets_one_decision_and_each_crime_that_counts_one_row() -> None:
    counts = counted(BAD)
    decided, crimes = decisions(counts), counts.counted.collect()
    tables.CountingDecisions.validate(decided)
    assert decided.height == 7
    assert crimes.height == decided.filter(pl.col("counted") == 1).height
    wanted = tables.Counted.create_empty().schema
    assert all(crimes.schema[name] == wanted[name] for name in crimes.columns)
    assert set(wanted) - set(crimes.columns) == {"csp_code", "location", "lsoa_code"}


def test_bad_input_is_decided_with_a_reason_and_never_a_crash() -> None:
    rules = dict(decisions(counted(BAD)).select("crime_ref", "rule").iter_rows())
    assert rules == {
        "A": "unknown-code",
        "B": "damaged-code",
        "C": "recorded",
        "D": "recorded",
        "E": "recorded",
        "F": "recorded",
        "G": "recorded",
    }


def test_bad_input_is_reported() -> None:
    records = read(BAD)[0].lazy()
    checks = check_recording(count(records, EDITIONS), EDITIONS)
    found = {(row["crime_ref"], row["check"]) for row in checks.iter_rows(named=True)}
    assert {
        ("A", "code-not-read"),
        ("B", "code-not-read"),
        ("C", "class-not-in-force"),
        ("D", "no-victim"),
        ("E", "circular-references"),
        ("F", "circular-references"),
    } <= found
    assert "43986" in checks.filter(pl.col("crime_ref") == "B")["sentence"].item()
    assert "looks like 4/6" in checks.filter(pl.col("crime_ref") == "B")["sentence"].item()


def test_no_records_at_all() -> None:
    empty = tables.Records.create_empty().lazy()
    counts = count(empty, EDITIONS)
    assert decisions(counts).is_empty()
    assert counts.counted.collect().is_empty()
    assert check_recording(counts, EDITIONS).is_empty()


@pytest.mark.parametrize("victims", [1, 100_000])
def test_one_incident_of_100_000_lines(victims: int) -> None:
    started = time.perf_counter()
    victim = pl.format("V{}", pl.int_range(100_000) % victims)
    counts = count(many(100_000, victim_ref=victim), EDITIONS)
    crimes, because = counts.counted.collect(), decisions(counts)["because"]
    assert crimes.height == victims
    assert because.str.len_chars().max() < 200
    assert because.str.contains("and 99,?99[67] more").any()
    assert time.perf_counter() - started < 20


def alternately(one: str, other: str) -> pl.Expr:
    return pl.when(pl.int_range(100_000) % 2 == 0).then(pl.lit(one)).otherwise(pl.lit(other))


@pytest.mark.parametrize(
    ("shape", "rule"),
    [
        ({"offence_code": alternately("10A", "34A")}, "part-of-crime"),
        ({"source_system": alternately("opus", "niche")}, "migrated-duplicate"),
        ({"victim_ref": pl.lit(None, pl.String)}, "untested"),
    ],
    ids=["a means of a graver crime", "two systems", "no victim"],
)
def test_a_crowded_incident_stays_linear_under_every_rule(shape: dict[str, pl.Expr], rule: str) -> None:
    """Every line met every other once, and memory ran out: each rule must look along the incident, not across it."""
    rules = count(many(100_000, **shape), EDITIONS).lines["rule"].cast(pl.String)
    assert (rules == rule).any()
    assert rules.len() == 100_000


def test_a_long_chain_of_moves_counts_once() -> None:
    moves = 40
    lines = many(
        moves,
        incident_ref=pl.format("I{}", pl.int_range(moves)),
        source_system=pl.format("system-{}", pl.int_range(moves) % 2),
        previous_crime_ref=pl.when(pl.int_range(moves) > 0).then(pl.format("R{}", pl.int_range(moves) - 1)),
    )
    crimes = count(lines, EDITIONS).counted.collect()
    assert crimes["crime_ref"].to_list() == [f"R{moves - 1}"]


def test_forces_counted_apart_are_the_forces_counted_together() -> None:
    lines = many(
        600,
        force=pl.format("force-{}", pl.int_range(600) % 3),
        incident_ref=pl.format("I{}", pl.int_range(600) // 9),
        victim_ref=pl.format("V{}", pl.int_range(600) % 2),
        offence_code=pl.int_range(600).map_elements(lambda n: ("8N", "58A", "105A", "8Q")[n % 4], pl.String),
    )
    together = decisions(count(lines, EDITIONS))
    apart = pl.concat(
        [decisions(count(lines.filter(pl.col("force") == f"force-{n}"), EDITIONS)) for n in range(3)]
    )
    assert together.equals(apart)
    assert together["rule"].n_unique() > 2


def test_rules_are_told_without_building_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentences cost nothing until somebody asks for them."""
    asked = []
    monkeypatch.setattr(explanations, "because", lambda *_: asked.append(1))
    decided = counted(BAD).decisions
    assert decided.drop("because").collect().height == 7
    assert not asked
