"""What changed since an earlier edition is marked where it stands and listed with what changed it."""

from datetime import date

import polars as pl
import pytest

from fixtures.judged_offences import country, judged_offences, offences_reference
from publish.returns import ReturnError
from publish.returns.accessibility import accessibility_faults
from publish.returns.build import files
from publish.returns.machine_readable import data
from publish.returns.recorded_crime import recorded_crime
from publish.returns.revisions import REBASED, RESTATED, SUPPLIED, WITHDRAWN, needs_note, revised, revisions
from publish.returns.tables import Release, printed
from transforms.judging import Judged, judged
from transforms.periods import Quarter

QUARTER = Quarter(2019, 2)


def release(tables: Judged) -> Release:
    return recorded_crime(tables, country(), offences_reference(), QUARTER)


def restated(by: int) -> Judged:
    """Gwynfa's shoplifting of June 2019 restated by so many."""
    tables = judged_offences()
    cell = (
        (pl.col("force") == "gwynfa")
        & (pl.col("month") == date(2019, 6, 1))
        & (pl.col("offence_code") == "46")
    )
    offences = tables.offences.with_columns(count=pl.when(cell).then(pl.col("count") + by).otherwise("count"))
    return judged(offences, tables.areas, tables.verdicts, tables.findings, tables.crimes)


def test_nothing_changed_is_no_revision() -> None:
    made = release(judged_offences())
    assert revisions(made, data(made)).is_empty()
    assert files(revised(made, data(made))) == files(made)


def test_a_restated_count_is_marked_in_its_cell_and_above_and_nowhere_else() -> None:
    before, after = release(judged_offences()), release(restated(7))
    changed = revisions(after, data(before))
    counts = changed.filter(pl.col("table") == "Table_1")
    assert set(counts["area"]) == {"gwynfa", "Wales", "England and Wales"}
    assert set(counts["category"]) == {
        "Total recorded crime (excluding fraud)",
        "Theft offences",
        "Shoplifting",
    }
    assert counts["change"].unique().to_list() == [7.0]
    assert set(changed["why"]) == {RESTATED}
    made = revised(after, data(before))
    row = printed(made, made.tables[0]).filter(pl.col("area_name") == "Gwynfa").row(0, named=True)
    assert row["Notes"].startswith(
        "[r] (Total recorded crime (excluding fraud), Theft offences, Shoplifting)"
    )
    listed = made.tables[-1]
    assert listed.name == "list_of_revisions"
    assert listed.rows.height == changed.filter(pl.col("measure") == "count").height


def test_what_was_missing_and_came_and_what_was_there_and_went() -> None:
    whole, holed = release(judged_offences()), release(judged_offences(hole=("gwynfa", date(2019, 6, 1))))
    came, went = revisions(whole, data(holed)), revisions(holed, data(whole))
    assert set(came.filter(pl.col("area") == "gwynfa", pl.col("was").is_null())["why"]) == {SUPPLIED}
    assert set(went.filter(pl.col("area") == "gwynfa", pl.col("value").is_null())["why"]) == {WITHDRAWN}
    assert REBASED in set(came.filter(pl.col("area") == "England and Wales")["why"])


def test_a_workbook_with_revisions_is_whole_and_accessible() -> None:
    for after, before in (
        (restated(-9), judged_offences()),
        (judged_offences(), judged_offences(hole=("gwynfa", date(2019, 6, 1)))),
    ):
        made = revised(release(after), data(release(before)))
        for name, content in files(made).items():
            if name.endswith((".ods", ".xlsx")):
                assert accessibility_faults(content) == []


def test_a_large_revision_of_a_force_year_needs_a_note() -> None:
    before = release(judged_offences())
    assert needs_note(revisions(release(restated(7)), data(before))).filter(
        pl.col("category").str.starts_with("Total")
    ).is_empty()  # fmt: skip
    large = needs_note(revisions(release(restated(400)), data(before)))
    assert set(large["area"]) == {"gwynfa"}


def test_another_return_is_no_earlier_edition() -> None:
    other = recorded_crime(judged_offences(), country(), offences_reference(), Quarter(2018, 3))
    with pytest.raises(ReturnError, match="none of its figures"):
        revisions(release(judged_offences()), data(other).filter(pl.col("measure") == "count"))
