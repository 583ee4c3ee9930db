"""The revisions of a release as workbook, tables and page."""

import io
import re
from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl
from python_calamine import CalamineWorkbook

from fixtures.small_judged import small_country
from publish.returns.revision_tables import THIS, Revised, revision_files
from publish.site.revision_page import revision_page
from transforms.contracts import tables
from transforms.periods import Quarter
from transforms.revisions import BACK_FILLED, LATE, triangle

COUNTRY = small_country()
ONE, OTHER = COUNTRY.forces.get_column("force").to_list()[:2]
NAMES = dict(COUNTRY.forces.select("force", "name").iter_rows())
QUARTER = Quarter(2019, 2)
BEFORE = "2019-Q2/1.0.0"


def frame(schema: Any, *rows: dict[str, Any]) -> pl.DataFrame:
    types = dict(schema.create_empty().schema)
    return pl.DataFrame([dict.fromkeys(types) | row for row in rows], schema=types, orient="row")


def revision(**told: Any) -> dict[str, Any]:
    return {
        "measure": "offences", "force": ONE, "quarter": "2019-Q2", "offence_code": "28E", "was": 10,
        "was_status": "complete", "now": 12, "now_status": "complete", "why": LATE, "change": 2,
    } | told  # fmt: skip


def figures(one: int, other: int | None) -> pl.DataFrame:
    return frame(
        tables.OffenceCounts,
        *(
            {
                "force": force, "month": date(2019, 4, 1), "offence_code": "28E", "count": count,
                "status": "missing" if count is None else "complete",
            }
            for force, count in ((ONE, one), (OTHER, other))
        ),
    )  # fmt: skip


REVISED = Revised(
    compared_with=BEFORE,
    changes=frame(
        tables.Revisions,
        revision(),
        revision(force=OTHER, was=None, was_status="missing", now=500, why=BACK_FILLED, change=None),
        revision(quarter="2018-Q1", was=3, now=2, change=-1),
    ),
    vintages=[BEFORE, THIS],
    corner=triangle({BEFORE: figures(1000, None), THIS: figures(1002, 500)}),
    notes=[(OTHER, "Its new system has been mended.")],
)


def printed(form: str) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(revision_files(REVISED, COUNTRY, QUARTER)[f"revisions-2019-Q2.{form}"])
    )
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_both_workbooks_hold_every_change_with_its_cause_and_marks() -> None:
    for form in ("ods", "xlsx"):
        rows = printed(form)["Table_1"]
        start = next(at for at, row in enumerate(rows) if row[0] == "Measure")
        body = [row[1:9] for row in rows[start + 1 :]]
        assert body == [
            [NAMES[ONE], "2019-Q2", "28E", LATE, 10, 12, 2, "[p] (As published now) [r] (As published now)"],
            [NAMES[OTHER], "2019-Q2", "28E", BACK_FILLED, "[x]", 500, "[z]", "[p] [r]"],
            [NAMES[ONE], "2018-Q1", "28E", LATE, 3, 2, -1, "[r] (As published now)"],
        ], form  # fmt: skip


def test_the_triangle_shows_each_quarter_as_each_release_published_it() -> None:
    rows = printed("ods")["Table_2"]
    start = next(at for at, row in enumerate(rows) if row[0] == "Police force area")
    assert rows[start] == ["Police force area", "Quarter", BEFORE, THIS]
    assert sorted(map(tuple, rows[start + 1 :])) == sorted(
        [(NAMES[ONE], "2019-Q2", 1000, 1002), (NAMES[OTHER], "2019-Q2", "[x]", 500)]
    )


def test_a_release_that_revises_nothing_says_so_and_keeps_its_triangle() -> None:
    same = Revised(BEFORE, REVISED.changes.clear(), REVISED.vintages, REVISED.corner, [])
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(revision_files(same, COUNTRY, QUARTER)["revisions-2019-Q2.ods"])
    )
    cover = [row[0] for row in book.get_sheet_by_index(0).to_python() if row]
    assert "No figure differs." in cover


def test_the_data_are_the_changes_themselves_and_the_same_bytes_each_time() -> None:
    made = revision_files(REVISED, COUNTRY, QUARTER)
    assert pl.read_parquet(io.BytesIO(made["revisions-2019-Q2.parquet"])).equals(REVISED.changes)
    assert made == revision_files(REVISED, COUNTRY, QUARTER)


def test_the_page_tells_forces_causes_notes_and_a_total_that_never_shrinks_silently() -> None:
    told = revision_page(REVISED, COUNTRY)
    assert set(told["changes"]) == {
        (NAMES[ONE], "2018-Q1", LATE, 1, -1),
        (NAMES[ONE], "2019-Q2", LATE, 1, 2),
        (NAMES[OTHER], "2019-Q2", BACK_FILLED, 1, None),
    }
    assert told["notes"] == [(NAMES[OTHER], "Its new system has been mended.")]
    assert told["triangle"] == [("2019-Q2", ["1,000", "1,002"], NAMES[OTHER])]
    assert "+0.2%" in str(told["picture"])


def test_a_first_release_has_nothing_to_compare_with() -> None:
    assert revision_page(None, COUNTRY) == {"compared_with": None}


def test_no_name_of_a_quarter_lies_on_another_in_the_picture() -> None:
    def published(more: int) -> pl.DataFrame:
        rows = [
            {
                "force": ONE, "month": date(year, month, 1), "offence_code": "28E", "count": 1000 + more,
                "status": "complete",
            }
            for year in (2017, 2018, 2019) for month in (1, 4, 7, 10)
        ]  # fmt: skip
        return frame(tables.OffenceCounts, *rows)

    corner = triangle({BEFORE: published(0), THIS: published(3)})
    crowded = Revised(BEFORE, REVISED.changes.clear(), REVISED.vintages, corner, [])
    picture = str(revision_page(crowded, COUNTRY)["picture"])
    heights = sorted(
        float(y) for y in re.findall(r'y="([0-9.]+)" font-size="12" [^>]*>20\d\d-Q\d</text>', picture)
    )
    assert len(heights) == 12, "every line ends at the same height and has its name"
    assert min(below - above for above, below in pairwise(heights)) >= 14
    _, size = re.findall(r'viewBox="0 0 (\d+) (\d+)"', picture)[0]
    assert heights[-1] < float(size) - 40, "above the names of the releases"
