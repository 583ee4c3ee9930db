"""A force can be counted anywhere by itself: no rule looks at another force, and what crosses forces comes after."""

# Tables of facts are wider than code.
# ruff: noqa: E501

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings

from fixtures.worked_examples import read
from tests.unit.test_counting_properties import SEVERAL, lines_of, several
from transforms.contracts import tables
from transforms.counting import count, load_editions
from transforms.counting.of_force import TABLES, apart, count_parts, whole_force
from transforms.counting.transfers import candidates, reconcile_transfers, transferred_out, with_rules
from transforms.periods import Quarter
from transforms.recording import record, superseded

EDITIONS = load_editions()
QUARTERS = [Quarter.parse("2019-Q2"), Quarter.parse("2019-Q3")]
#: What a rule may look at: nothing here reaches another force.
WITHIN_A_FORCE = {
    "the record", "its versions", "the incident", "the force's records systems", "the force's published quarters",
}  # fmt: skip


def everything(lines: pl.DataFrame, treatment: str, at_once: int = 1_000_000) -> dict[str, pl.DataFrame]:
    """Every table that counting makes of these lines, its rows in order of all their columns."""
    earlier = superseded(lines.lazy()).lazy()
    parts = list(count_parts(lines.lazy(), earlier, EDITIONS, at_once))
    made = {
        "counted": pl.concat(part.counted for part in parts),
        "deciding_rules": pl.concat(part.deciding_rules for part in parts),
        **whole_force([part.told for part in parts], lines.lazy(), treatment, QUARTERS, EDITIONS),
    }
    return {name: frame.sort(pl.all(), nulls_last=True) for name, frame in made.items()}


def busy(lines: int = 4_000) -> pl.DataFrame:
    """Lines of three territorial forces and the transport police that share every reference they can.

    Incidents, victims, offenders and crime references have the same text in all of them; a third is transferred, to a
    force that records the same again; the transport police records what happened on its trains beside the local force.
    """
    number = pl.int_range(lines, eager=True).alias("n")
    one = read("crime_ref | incident_ref | offence_code | recorded_at\nA | I | 8N | 2019-05-20T10:00")[0]
    forces = ["carrow", "ashdene", "wickham", "transport"]
    codes = ["8N", "105A", "58A", "34B", "10A", "8Q", "46", "48", "28E", "104", "92E"]
    return (
        one.select(pl.all().repeat_by(lines).explode())
        .with_columns(number)
        .with_columns(
            row=(pl.col("n") + 1).cast(pl.UInt32),
            force=(pl.col("n") % 4).replace_strict(dict(enumerate(forces)), return_dtype=pl.String),
            source_system=pl.when(pl.col("n") % 7 == 0).then(pl.lit("opus")).otherwise(pl.lit("niche")),
            crime_ref=pl.format("C{}", pl.col("n") // 4),
            previous_crime_ref=pl.when(pl.col("n") % 35 == 0).then(
                pl.format("C{}", (pl.col("n") // 4 - 1).clip(0))
            ),
            incident_ref=pl.format("I{}", pl.col("n") // 24),
            victim_ref=pl.when(pl.col("n") % 5 > 0).then(pl.format("V{}", pl.col("n") // 12)),
            offender_ref=pl.when(pl.col("n") % 11 > 0).then(pl.format("O{}", pl.col("n") // 24)),
            owner_ref=pl.format("W{}", pl.col("n") // 24),
            offence_code=((pl.col("n") // 8 + pl.col("n") // 12) % len(codes)).replace_strict(
                dict(enumerate(codes)), return_dtype=pl.String
            ),
            status=pl.when(pl.col("n") // 5 % 3 == 1).then(pl.lit("transferred")).otherwise(pl.lit("live")),
            status_reason=pl.when(pl.col("n") // 5 % 3 == 1).then(pl.lit("C1")),
            recorded_at=pl.col("recorded_at") + pl.duration(days=pl.col("n") % 90),
            occurred_from=pl.col("recorded_at") - pl.duration(hours=pl.col("n") % 50),
            longitude=0.5,
            latitude=54.5,
        )
        .with_columns(updated_at=pl.col("recorded_at") + pl.duration(days=pl.col("n") % 60))
        .select(tables.Lines.column_names())
    )


@pytest.mark.parametrize("treatment", ["record-level", "aggregate"])
def test_forces_counted_apart_make_every_table_as_when_counted_together(treatment: str) -> None:
    lines = busy()
    whole = everything(lines, treatment)
    parts = [everything(part, treatment) for part in lines.partition_by("force")]
    for name, table in whole.items():
        together = pl.concat([part[name] for part in parts]).sort(pl.all(), nulls_last=True)
        assert together.equals(table), name
    assert set(whole) == {"counted", "deciding_rules", *TABLES}
    rules = set(whole["deciding_rules"]["rule"])
    assert {
        "transferred",
        "migrated-duplicate",
        "principal-crime",
        "part-of-crime",
        "one-per-owner",
        "recorded",
    } <= rules
    assert all(whole[name].height for name in whole if name not in ("returned", "net_corrections"))
    assert (whole["returned"].height > 0) == (treatment == "aggregate")


@several
@given(SEVERAL)
def test_whatever_the_records_are_a_force_is_counted_alike_alone(rows: list[dict]) -> None:  # type: ignore[type-arg]
    lines = lines_of(rows)
    whole = everything(lines, "aggregate")
    parts = [everything(part, "aggregate") for part in lines.partition_by("force")]
    for name, table in whole.items():
        assert pl.concat([part[name] for part in parts]).sort(pl.all(), nulls_last=True).equals(table), name


@pytest.mark.parametrize("at_once", [2_000, 600])
def test_a_force_counted_part_by_part_makes_every_table_as_when_counted_at_once(at_once: int) -> None:
    lines = busy()
    whole, parts = everything(lines, "record-level"), everything(lines, "record-level", at_once)
    for name, table in whole.items():
        assert parts[name].equals(table), name
    assert whole["system_places"].height > 0


@settings(several, max_examples=10)
@given(SEVERAL)
def test_whatever_the_records_are_they_are_counted_alike_part_by_part(rows: list[dict]) -> None:  # type: ignore[type-arg]
    lines = lines_of(rows)
    whole, parts = everything(lines, "record-level"), everything(lines, "record-level", at_once=4)
    for name, table in whole.items():
        assert parts[name].equals(table), name


def test_records_are_set_apart_once_each_and_an_incident_stays_together() -> None:
    records = record(busy().lazy())[0]
    parts = [part.collect() for part in apart(records, at_once=200)]
    assert len(parts) > 10
    together = pl.concat(part.with_columns(part=pl.lit(number)) for number, part in enumerate(parts))
    assert together.drop("part").sort("row").equals(records.collect().sort("row"))
    assert together.group_by("incident_ref").agg(pl.col("part").n_unique())["part"].max() == 1


def test_every_rule_says_what_it_looks_at_and_none_looks_past_its_force() -> None:
    assert set(EDITIONS.rules["looks_at"]) == WITHIN_A_FORCE


#: A went to ashdene under its reference, B by a stated match, C was passed on by ashdene to nobody, D is nowhere; E was cancelled
#: there. F and G are two crimes alike of which one came back.
TRANSFERS = """
    force   | crime_ref | previous_crime_ref | incident_ref | offence_code | recorded_at      | occurred_from    | longitude | latitude | status      | status_reason | victim_ref
    carrow  | A         |                    | I1           | 8N           | 2019-05-20T10:00 | 2019-05-19T10:00 | 0.5       | 54.5     | transferred | C1            | V1
    carrow  | B         |                    | I2           | 49           | 2019-05-20T10:00 | 2019-05-19T11:00 | 0.5       | 54.5     | transferred | C1            | V1
    carrow  | C         |                    | I3           | 46           | 2019-05-20T10:00 | 2019-05-19T12:00 | 0.5       | 54.5     | transferred | C1            | V1
    carrow  | D         |                    | I4           | 45           | 2019-05-20T10:00 | 2019-05-19T13:00 | 0.5       | 54.5     | transferred | C1            | V1
    carrow  | E         |                    | I5           | 45           | 2019-05-20T10:00 | 2019-05-19T14:00 | 0.5       | 54.5     | transferred | C1            | V1
    carrow  | F         |                    | I6           | 40           | 2019-05-20T10:00 | 2019-05-19T15:00 | 0.5       | 54.5     | transferred | C1            | V1
    carrow  | G         |                    | I7           | 40           | 2019-05-20T10:00 | 2019-05-19T15:00 | 0.5       | 54.5     | transferred | C1            | V2
    ashdene | X1        | A                  | J1           | 8N           | 2019-05-22T10:00 |                  |           |          | live        |               | V1
    ashdene | X2        |                    | J2           | 49           | 2019-05-22T10:00 | 2019-05-19T11:00 | 0.50001   | 54.5     | live        |               | V1
    ashdene | X3        |                    | J3           | 46           | 2019-05-22T10:00 | 2019-05-19T12:00 | 0.5       | 54.5     | transferred | C1            | V1
    ashdene | X5        |                    | J5           | 45           | 2019-05-22T10:00 | 2019-05-19T14:00 | 0.5       | 54.5     | cancelled   | C2            | V1
    ashdene | X6        |                    | J6           | 40           | 2019-05-22T10:00 | 2019-05-19T15:00 | 0.5       | 54.5     | live        |               | V1
    carrow  | Y         |                    | I8           | 45           | 2019-05-22T10:00 | 2019-05-19T13:00 | 0.5       | 54.5     | live        |               | V9
"""


def reconciled(lines: pl.DataFrame) -> pl.DataFrame:
    records = record(lines.lazy())[0].collect()
    counts = count(records.lazy(), EDITIONS)
    out = transferred_out(counts)
    tables.TransferredOut.validate(out, cast=True)
    seen = with_rules(candidates(out, records.lazy()), counts.decisions.drop("because").lazy())
    tables.TransferCandidates.validate(seen.select(tables.TransferCandidates.column_names()), cast=True)
    return reconcile_transfers(out, seen)


def test_a_crime_transferred_out_is_looked_for_in_the_other_forces() -> None:
    found = reconciled(read(TRANSFERS)[0])
    tables.Transfers.validate(found, cast=True)
    assert found.select("force", "crime_ref", "taken_by", "taken_ref", "how", "state").rows() == [
        ("ashdene", "X3", None, None, None, "not found"),
        ("carrow", "A", "ashdene", "X1", "reference", "taken in"),
        ("carrow", "B", "ashdene", "X2", "stated match", "taken in"),
        ("carrow", "C", "ashdene", "X3", "stated match", "passed on"),
        ("carrow", "D", None, None, None, "not found"),
        ("carrow", "E", "ashdene", "X5", "stated match", "taken in, does not count"),
        ("carrow", "F", "ashdene", "X6", "stated match", "taken in"),
        ("carrow", "G", None, None, None, "not found"),
    ]


def test_the_search_changes_no_count_and_no_order_of_rows_changes_it() -> None:
    lines = read(TRANSFERS)[0]
    assert reconciled(lines.reverse()).equals(reconciled(lines))
    many = reconciled(busy())
    assert many.height == busy().filter(pl.col("status") == "transferred").height - many_moved()
    assert (
        not many.filter(pl.col("taken_ref").is_not_null())
        .select("taken_by", "taken_ref")
        .is_duplicated()
        .all()
    )


def many_moved() -> int:
    """Transferred records whose copy in another system decides: they are told by that one."""
    lines = busy()
    rules = count(record(lines.lazy())[0], EDITIONS).lines
    return rules.filter(pl.col("status") == "transferred", pl.col("rule") != "transferred").height
