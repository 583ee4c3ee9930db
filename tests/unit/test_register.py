"""Who owes what: presence comes from the register, never from the data."""

from datetime import date

import polars as pl
import pytest

from transforms import register
from transforms.contracts.tables import Supplies

MONTHS = [date(2019, month, 1) for month in (5, 6, 7, 8)]


def entries(*rows: tuple[str, str, date, date | None, date]) -> pl.DataFrame:
    return pl.DataFrame(
        [(f, t, first, last, "record-level", entered, None) for f, t, first, last, entered in rows],
        schema=dict(register.Register.create_empty().schema),
        orient="row",
    )


def received(force: str, month: date, rows: int, state: str = "accepted") -> dict[str, object]:
    return {
        "received_order": month.month, "received_at": None, "supply": "0" * 64, "name": "f", "kind": "extract",
        "force": force, "first_month": month, "last_month": month, "source_system": None, "bytes": 1, "rows": rows,
        "rejected": 0, "state": state, "reason": "bad header" if state == "refused" else None,
    }  # fmt: skip


def supplies(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict(Supplies.create_empty().schema))


def test_a_force_owes_from_its_first_to_its_last_month() -> None:
    owed = register.owed(
        entries(
            ("a", "extract", date(2019, 6, 1), None, date(2019, 1, 1)),
            ("b", "extract", date(2018, 1, 1), date(2019, 6, 1), date(2019, 1, 1)),
        ),
        MONTHS,
    )
    assert owed.select("force", "month").rows() == [
        ("a", date(2019, 6, 1)), ("a", date(2019, 7, 1)), ("a", date(2019, 8, 1)),
        ("b", date(2019, 5, 1)), ("b", date(2019, 6, 1)),
    ]  # fmt: skip


def test_a_later_entry_replaces_an_earlier_one_about_the_same_spell() -> None:
    spell = date(2018, 1, 1)
    owed = register.owed(
        entries(
            ("a", "extract", spell, None, date(2018, 1, 1)),
            ("a", "extract", spell, date(2019, 5, 1), date(2019, 9, 1)),
        ),
        MONTHS,
    )
    assert owed.get_column("month").to_list() == [date(2019, 5, 1)]


@pytest.mark.parametrize(
    ("files", "supplied", "why"),
    [
        ([received("a", MONTHS[0], 5)], True, None),
        ([received("a", MONTHS[0], 0)], False, "the file supplied for this month is empty"),
        (
            [received("a", MONTHS[0], 0, "refused")],
            False,
            "the file supplied for this month could not be used",
        ),
        ([received("a", MONTHS[0], 9, "superseded")], False, "nothing was supplied for this month"),
        ([], False, "nothing was supplied for this month"),
        ([received("b", MONTHS[0], 5)], False, "nothing was supplied for this month"),
    ],
    ids=["supplied", "empty", "refused", "superseded", "absent", "another-force"],
)
def test_presence(files: list[dict[str, object]], supplied: bool, why: str | None) -> None:
    owed = register.owed(entries(("a", "extract", MONTHS[0], MONTHS[0], MONTHS[0])), MONTHS)
    present = register.presence(owed, supplies(*files))
    assert present.select("supplied", "why").rows() == [(supplied, why)]


def test_the_area_grid_has_every_area_of_the_force_and_the_two_places_that_are_none() -> None:
    owed = register.owed(entries(("a", "extract", MONTHS[0], MONTHS[0], MONTHS[0])), MONTHS)
    present = register.presence(owed, supplies())
    lsoas = pl.DataFrame({"force": ["a", "a", "b"], "lsoa_code": ["x", "y", "z"]})
    grid = register.area_grid(present, lsoas).collect()
    assert grid.height == 4 * 13, "anti-social behaviour is no crime and extracts do not carry it"
    assert set(grid.get_column("lsoa_code")) == {"x", "y", "no location", "outside force area"}
    assert grid.equals(grid.sort("force", "month", "lsoa_code", "category"))
    assert not grid.get_column("supplied").any()


def test_anti_social_behaviour_is_owed_by_those_who_supply_street_files() -> None:
    owed = register.owed(entries(("a", "street", MONTHS[0], MONTHS[0], MONTHS[0])), MONTHS)
    grid = register.area_grid(
        register.presence(owed, supplies()), pl.DataFrame({"force": ["a"], "lsoa_code": ["x"]})
    )
    assert grid.select(pl.col("category").n_unique()).collect().item() == 14
