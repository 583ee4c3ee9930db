"""The force's own return: no personal field, and everything that it should look at before it signs."""

from __future__ import annotations

import io
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
from python_calamine import CalamineWorkbook

from fixtures.judged_offences import offences_reference
from fixtures.judged_places import judged_places
from publish.returns.accessibility import accessibility_faults
from publish.returns.force_return import SIGNED, ForceReturn, force_return_files
from transforms.contracts.columns import PERSONAL
from transforms.contracts.tables import DecidingRules, Lines, RecordingCheckCounts
from transforms.force_return import HUB_COLUMNS, hub_records, validation
from transforms.periods import Quarter

QUARTER = Quarter(2019, 1)
QUARTERS = {"this": QUARTER.months, "last": QUARTER.plus(-1).months, "year_ago": QUARTER.plus(-4).months}
NO_CHECKS = RecordingCheckCounts.create_empty()


def offences(force: str = "gwynfa") -> pl.DataFrame:
    return judged_places().offences.filter(pl.col("force") == force)


def hub(force: str = "gwynfa") -> pl.DataFrame:
    """Records and rules as the line holds them, made from the crimes that were counted."""
    crimes = (
        judged_places()
        .crimes.collect()
        .filter(pl.col("force") == force, pl.col("month").is_in(QUARTER.months))
    )
    blank = {name: pl.lit(None, dtype) for name, dtype in Lines.create_empty().schema.items()}
    records = crimes.select(
        **{
            **blank,
            "force": pl.col("force"),
            "source_system": pl.lit("niche"),
            "crime_ref": pl.col("crime_ref"),
            "offence_code": pl.col("offence_code"),
            "recorded_at": pl.col("month").cast(pl.Datetime("us", "Europe/London")),
            "victim_ref": pl.lit("V-SECRET"),
            "status": pl.lit("live"),
        }
    )
    decided = crimes.select(
        "force", "crime_ref", "offence_code", "month", source_system=pl.lit("niche"), counted=pl.lit(1, pl.Int8),
        rule=pl.lit("recorded"),
    ).select(DecidingRules.column_names())  # fmt: skip
    return hub_records(records.lazy(), decided.lazy(), QUARTER.months)


def checked(figures: pl.DataFrame | None = None, **given: object) -> dict[tuple[str, str], str]:
    found = validation(
        offences() if figures is None else figures,
        given.get("hub", hub()),  # type: ignore[arg-type]
        given.get("checks", NO_CHECKS),  # type: ignore[arg-type]
        QUARTERS,
        given.get("own"),  # type: ignore[arg-type]
    )
    return {(check, subject): result for check, result, subject, *_ in found.iter_rows()}


def changed(code: str, count: int, month: date = date(2019, 1, 1)) -> pl.DataFrame:
    here = (pl.col("offence_code") == code) & (pl.col("month") == month)
    return offences().with_columns(count=pl.when(here).then(pl.lit(count)).otherwise("count"))


def test_a_sound_return_passes_and_says_what_was_not_made() -> None:
    found = checked()
    assert found["supplied", "quarter"] == "pass"
    assert found["records agree", "every class"] == "pass"
    assert found["code-not-read", "records"] == found["class-not-in-force", "records"] == "pass"
    assert found["total against own system", "every month"] == "not made"
    assert "fail" not in found.values()


def test_what_a_force_should_look_at_is_found() -> None:
    more = changed("8N", 900).with_columns(pl.col("count") * 10)
    assert checked(more)["variance on last quarter", "8N"] == "query"
    assert checked(more)["variance on the same quarter of last year", "8N"] == "query"
    assert ("variance on last quarter", "8N") not in checked(changed("8N", 900)), (
        "a base under 50 says nothing"
    )
    gone = offences().with_columns(
        count=pl.when(
            (pl.col("offence_code") == "45") & pl.col("month").is_in(QUARTER.months)
        ).then(0).otherwise("count")
    )  # fmt: skip
    gone = gone.with_columns(pl.col("count") * 10)
    assert checked(gone)["variance on last quarter", "45"] == "query", "a zero where there usually are some"
    assert checked(changed("79", -90))["negative figures", "79"] == "query"
    assert checked(changed("8N", 900))["records agree", "8N"] == "fail"
    row = {"force": "gwynfa", "month": date(2019, 2, 1), "check": "code-not-read", "rows": 3,
           "sentence": "“43986” is no offence code.", "next_steps": "Correct the code."}  # fmt: skip
    bad = pl.DataFrame([row], schema=dict(NO_CHECKS.schema))
    assert checked(checks=bad)["code-not-read", "records"] == "fail"


def test_totals_are_held_against_the_own_system() -> None:
    this = offences().filter(pl.col("month").is_in(QUARTER.months))
    totals = this.group_by("month").agg(crimes=pl.col("count").sum())
    own = totals.with_columns(crimes=pl.col("crimes") + (pl.col("month") == date(2019, 2, 1)).cast(pl.Int64))
    found = checked(own=own.filter(pl.col("month") < date(2019, 3, 1)))
    name = "total against own system"
    assert found[name, "January 2019"] == "pass"
    assert found[name, "February 2019"] == "fail"
    assert found[name, "March 2019"] == "not made"


def test_a_silent_force_cannot_be_signed() -> None:
    found = checked(offences("mercaster"), hub=hub())
    assert found["records agree", "every class"] == "not made"
    assert list(found.values()).count("fail") == 1
    assert found["supplied", "January 2019, February 2019, March 2019"] == "fail"


def test_no_column_of_the_records_is_personal() -> None:
    people = {
        "victim_ref",
        "offender_ref",
        "owner_ref",
        "premises_ref",
        "longitude",
        "latitude",
        "incident_ref",
    }
    assert not set(HUB_COLUMNS) & (set(PERSONAL) | people)


def test_the_files_are_accessible_the_same_each_time_and_name_nobody() -> None:
    figures, listed = offences(), hub()
    found = validation(figures, listed, NO_CHECKS, QUARTERS, None)
    made = ForceReturn("gwynfa", "=Gwynfa", QUARTER, figures, listed, found)
    files = force_return_files(made, offences_reference())
    assert files == force_return_files(made, offences_reference())
    for name, content in files.items():
        assert b"V-SECRET" not in content
        if name.endswith(("ods", "xlsx")):
            assert accessibility_faults(content) == []
            book = CalamineWorkbook.from_filelike(io.BytesIO(content))
            assert book.sheet_names == ["Cover", "Contents", "Aggregate", "Validation", "Sign_off"]
            assert [row[0] for row in book.get_sheet_by_name("Sign_off").to_python()][-4:] == list(SIGNED)
    aggregate = pl.read_csv(files["gwynfa-2019-Q1-aggregate.csv"])
    assert aggregate["Number of offences"].sum() == listed.height
    records = pl.read_csv(files["gwynfa-2019-Q1-records.csv"], infer_schema=False)
    assert tuple(records.columns) == HUB_COLUMNS
    assert datetime.fromisoformat(records["recorded_at"][0]).astimezone(ZoneInfo("Europe/London")).day == 1


def test_a_gap_in_the_return_is_not_provided_and_never_zero() -> None:
    figures = offences("mercaster")
    found = validation(figures, hub().clear(), NO_CHECKS, QUARTERS, None)
    made = ForceReturn("mercaster", "Greater Mercaster", QUARTER, figures, hub().clear(), found)
    aggregate = force_return_files(made, offences_reference())["mercaster-2019-Q1-aggregate.csv"].decode()
    assert aggregate.count("N/A - data not provided") == 19
