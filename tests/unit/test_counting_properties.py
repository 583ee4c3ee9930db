"""What holds of counting whatever the records are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bench.counting_in_pandas import count_plainly
from transforms.contracts.columns import ZONE
from transforms.contracts.tables import Lines
from transforms.counting import count, load_editions
from transforms.counting.corrections import AGGREGATE, RECORD_LEVEL, net_corrections
from transforms.counting.explanations import having_a_say
from transforms.recording import record

EDITIONS = load_editions()

#: Classes of every counting unit, conduct crimes, steps and means, and what is no crime at all.
CODES = (
    "1", "8N", "105A", "8Q", "8L", "34B", "28E", "30C", "46", "48", "45", "56A", "56B", "58A", "10D", "33", "92A",
    "92E", "9A", "62A", "24/17", "53D", "N100", "ASB", "43986", "8/99", "28A", "149",
)  # fmt: skip
SOME = st.sampled_from
MAYBE = lambda values: st.one_of(st.none(), SOME(values))  # noqa: E731
MOMENTS = st.datetimes(dt.datetime(2016, 3, 30), dt.datetime(2023, 6, 30)).map(
    lambda moment: moment.replace(second=0)
)

LINE = st.fixed_dictionaries(
    {
        "force": SOME(["carrow", "wickham"]),
        "source_system": SOME(["opus", "policeworks"]),
        "crime_ref": st.integers(0, 30).map("C{}".format),
        "previous_crime_ref": st.one_of(st.none(), st.integers(0, 30).map("C{}".format)),
        "incident_ref": SOME(["I1", "I2", "I3", "I4"]),
        "offence_code": SOME(CODES),
        "recorded_at": SOME(
            [dt.datetime(2019, 6, 30, 23, 50), dt.datetime(2023, 4, 30), dt.datetime(2023, 5, 1)]
        )
        | MOMENTS,
        "victim_ref": MAYBE(["V1", "V2"]),
        "victim_kind": SOME(["person", "business", "state"]),
        "offender_ref": MAYBE(["O1", "O2"]),
        "owner_ref": MAYBE(["W1", "W2"]),
        "premises_ref": MAYBE(["P1", "P2"]),
        "status": SOME(["live", "live", "live", "cancelled", "transferred"]),
        "outcome_type": MAYBE(["0", "1", "1A", "18", "99"]),
        "updated_at": MOMENTS,
    }
)
SEVERAL = st.lists(LINE, min_size=1, max_size=25)

several = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def lines_of(rows: list[dict[str, Any]], supply: int = 0) -> pl.DataFrame:
    """Rows as `Lines` of one supply."""
    empty = Lines.create_empty()
    moments = [name for name, kind in empty.schema.items() if isinstance(kind, pl.Datetime)]
    plain = {name: (pl.Datetime("us") if name in moments else kind) for name, kind in empty.schema.items()}
    filled = [
        dict.fromkeys(plain) | row | {"supply": f"{supply:064}", "row": at, "reported_at": row["recorded_at"]}
        for at, row in enumerate(rows, 1)
    ]
    return pl.DataFrame(filled, schema=plain).with_columns(
        pl.col(moments)
        .dt.replace_time_zone(ZONE, ambiguous="earliest", non_existent="null")
        .fill_null(pl.lit(dt.datetime(2019, 1, 1)).dt.replace_time_zone(ZONE))
    )


def decided(lines: pl.DataFrame) -> pl.DataFrame:
    """The decision on each record, in one order."""
    records, _ = record(lines.lazy())
    answer = count(records, EDITIONS).decisions.collect()
    return answer.sort("force", "source_system", "crime_ref")


def records_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return record(lines_of(rows).lazy())[0].collect()


@several
@given(SEVERAL, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows: list[dict[str, Any]], random: Any) -> None:
    records = records_of(rows)
    order = list(range(records.height))
    random.shuffle(order)
    assert decided(records[order]).equals(decided(records))


@several
@given(SEVERAL, st.integers(0, 25), st.booleans())
def test_the_splitting_and_the_order_of_files_change_nothing(
    rows: list[dict[str, Any]], at: int, turned: bool
) -> None:
    whole = records_of(rows)
    parts = [
        whole[:at].with_columns(supply=pl.lit(f"{1:064}")),
        whole[at:].with_columns(supply=pl.lit(f"{2:064}")),
    ]
    assert decided(pl.concat(parts[::-1] if turned else parts)).equals(decided(whole))


@several
@given(SEVERAL)
def test_supplying_everything_twice_changes_nothing(rows: list[dict[str, Any]]) -> None:
    once = records_of(rows)
    twice = pl.concat([once, once.with_columns(supply=pl.lit(f"{9:064}"))])
    assert decided(twice).equals(decided(once))


@several
@given(SEVERAL)
def test_what_counts_still_counts_when_counted_again(rows: list[dict[str, Any]]) -> None:
    """Counting only what counted drops nothing more, unless a copy in another system is no longer there to speak."""
    records = records_of(rows).with_columns(
        previous_crime_ref=pl.lit(None, pl.String), source_system=pl.lit("opus")
    )
    records = records.unique(["force", "crime_ref"], keep="first", maintain_order=True)
    key = ["force", "source_system", "crime_ref"]
    kept = records.join(decided(records).filter(pl.col("counted") == 1), on=key, how="semi")
    assert (decided(kept)["counted"] == 1).all()


@several
@given(SEVERAL)
def test_counted_and_not_counted_make_recorded(rows: list[dict[str, Any]]) -> None:
    records = records_of(rows)
    counts = count(records.lazy(), EDITIONS)
    answer = counts.decisions.collect()
    assert answer.height == records.height
    assert set(answer["counted"]) <= {0, 1}
    assert counts.counted.collect().height == answer.filter(pl.col("counted") == 1).height
    assert answer["because"].null_count() == 0
    assert not answer["because"].str.contains(r"[{}]").any()


@several
@given(SEVERAL)
def test_an_unrelated_incident_changes_no_other_count(rows: list[dict[str, Any]]) -> None:
    records = records_of(rows)
    stranger = lines_of([rows[0] | {"crime_ref": "X1", "incident_ref": "X", "previous_crime_ref": None}], 7)
    after = decided(pl.concat([records, stranger]))
    assert after.filter(pl.col("crime_ref") != "X1").equals(decided(records))


@several
@given(SEVERAL)
def test_forces_do_not_decide_each_other(rows: list[dict[str, Any]]) -> None:
    records = records_of(rows)
    apart = [decided(part) for part in records.partition_by("force")]
    assert pl.concat(apart).sort("force", "source_system", "crime_ref").equals(decided(records))


@several
@given(SEVERAL)
def test_a_record_is_explained_among_those_that_have_a_say_as_among_all(rows: list[dict[str, Any]]) -> None:
    records = records_of(rows).filter(pl.col("force") == rows[0]["force"])
    asked = pl.col("crime_ref") == rows[0]["crime_ref"]
    few = having_a_say(records.lazy(), rows[0]["crime_ref"])
    assert decided(few).filter(asked).equals(decided(records).filter(asked))


@several
@given(SEVERAL, SEVERAL)
def test_netted_and_restated_come_to_the_same_over_all_months(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    through = dt.date(2019, 6, 1)
    published = (
        count(records_of(before).lazy(), EDITIONS).counted.filter(pl.col("month") <= through).collect()
    )
    now = count(records_of(after).lazy(), EDITIONS)
    totals = []
    for treatment in (AGGREGATE, RECORD_LEVEL):
        terms = pl.DataFrame(
            {"force": ["carrow", "wickham"], "treatment": treatment, "published_through": through}
        )
        corrected = net_corrections(published, now, terms, EDITIONS).counted
        total = corrected.group_by("force", "offence_code").agg(pl.col("counted").cast(pl.Int64).sum())
        totals.append(total.filter(pl.col("counted") != 0).sort("force", "offence_code"))
    assert totals[0].equals(totals[1])


@several
@given(SEVERAL)
def test_the_engine_agrees_with_the_same_rules_written_plainly(rows: list[dict[str, Any]]) -> None:
    one_system = pl.col("source_system").replace({"policeworks": "opus"})
    records = record(
        lines_of(rows).with_columns(one_system, previous_crime_ref=pl.lit(None, pl.String)).lazy()
    )[0]
    held = records.collect()
    ours = count(held.lazy(), EDITIONS).lines.sort("line")["counted"].to_list()
    assert count_plainly(held.to_pandas()).to_list() == ours
