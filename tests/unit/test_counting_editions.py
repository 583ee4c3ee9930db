"""The edition tables: whole, cited, dated, and replaceable by the Home Office's own."""

from dataclasses import fields
from datetime import date

import polars as pl
import pytest

from transforms.counting import load_editions, normalise_offence_code
from transforms.counting.reference import ReferenceTableError, with_reference_table

EDITIONS = load_editions()
TABLES = {each.name: getattr(EDITIONS, each.name) for each in fields(EDITIONS)}


@pytest.mark.parametrize("name", TABLES)
def test_every_row_cites_its_source_and_its_confidence(name: str) -> None:
    table = TABLES[name]
    assert table.height
    assert table.filter(pl.col("source").is_null()).is_empty()
    assert set(table["confidence"]) <= {"high", "medium", "low"}


def test_every_notifiable_class_has_a_unit_a_place_in_the_order_and_a_category() -> None:
    notifiable = EDITIONS.offences.filter(pl.col("kind") == "notifiable")
    assert notifiable.join(EDITIONS.counting_units, on="offence_code", how="anti").is_empty()
    assert notifiable.join(EDITIONS.principal_order, on="offence_code", how="anti").is_empty()
    assert notifiable["category"].null_count() == 0
    assert EDITIONS.principal_order["rank"].is_unique().all()


def test_every_code_that_a_table_points_to_is_a_class() -> None:
    classes = set(EDITIONS.offences["offence_code"])
    assert set(EDITIONS.home_office_codes["offence_code"]) <= classes
    assert set(EDITIONS.counting_units["offence_code"]) <= classes
    assert set(EDITIONS.principal_order["offence_code"]) <= classes
    assert set(EDITIONS.part_of["offence_code"]) | set(EDITIONS.part_of["part_of"]) <= classes
    assert set(EDITIONS.offences["published_as"]) <= classes


def test_uncertain_rows_keep_their_mark() -> None:
    letters = EDITIONS.offences.filter(pl.col("offence_code").is_in(["28I", "28M", "29B", "104A", "104B"]))
    assert set(letters["confidence"]) == {"low"}
    assert letters["note"].null_count() == 0
    change = EDITIONS.rule_changes.filter(
        pl.col("change") == "conduct", pl.col("valid_from") == date(2023, 5, 1)
    )
    assert "1 May is taken" in change["note"].item()


@pytest.mark.parametrize(
    ("day", "has", "lacks"),
    [
        (date(2016, 5, 1), {"28A", "30A"}, {"28E", "30C", "19J"}),
        (date(2017, 5, 1), {"28E", "30C", "8S"}, {"28A", "28I", "8T"}),
        (date(2023, 5, 1), {"28I", "28M", "8U"}, {"28E", "28A", "53D"}),
    ],
)
def test_classes_are_those_in_force_on_the_day(day: date, has: set[str], lacks: set[str]) -> None:
    codes = set(EDITIONS.codes_on(day)["offence_code"])
    assert has <= codes
    assert not lacks & codes


def test_homicide_is_one_published_class_of_four() -> None:
    assert "1/4.1/4.10/4.2" in set(EDITIONS.codes_on(date(2018, 1, 1))["offence_code"])
    assert not {"1", "4.1", "4.10", "4.2"} & set(EDITIONS.codes_on(date(2018, 1, 1))["offence_code"])


def test_known_codes_are_written_as_the_normaliser_writes_them() -> None:
    known = EDITIONS.known_codes()
    assert {"8N", "4.10", "8/6", "1/4.1/4.10/4.2", "N100", "ASB"} <= known
    written = pl.DataFrame({"code": sorted(known)})
    assert set(written.select(normalise_offence_code(pl.col("code"))).to_series()) == known


def reference() -> pl.DataFrame:
    """A Home Office reference table that says just what the bundled one says."""
    return EDITIONS.offences.filter(pl.col("kind") == "notifiable").select(
        pl.col("offence_code").alias("Offence Code"),
        pl.col("description").alias("Offence Description"),
        pl.col("group").alias("Offence Group"),
        pl.col("subgroup").alias("Offence Subgroup"),
    )


def test_the_same_table_makes_no_difference() -> None:
    editions, differences = with_reference_table(EDITIONS, reference(), "their file")
    assert differences.is_empty()
    assert editions.offences.drop("source").equals(EDITIONS.offences.drop("source"))


def test_every_difference_is_reported_and_theirs_is_taken() -> None:
    theirs = pl.concat(
        [
            reference().filter(pl.col("Offence Code") != "8N"),
            pl.DataFrame(
                {
                    "Offence Code": ["8Z", "5D"],
                    "Offence Description": ["Assault of a new kind", "Grievous bodily harm with intent"],
                    "Offence Group": ["Violence against the person"] * 2,
                    "Offence Subgroup": ["Violence with injury"] * 2,
                }
            ),
        ]
    ).unique("Offence Code", keep="last")
    editions, differences = with_reference_table(EDITIONS, theirs, "their file")
    assert differences.rows() == [
        ("8N", "code", "Assault with injury", None),
        ("8Z", "code", None, "Assault of a new kind"),
        (
            "5D",
            "description",
            "Assault with intent to cause serious harm",
            "Grievous bodily harm with intent",
        ),
    ]
    new = editions.resolve(
        pl.DataFrame(
            {"offence_code": ["8Z", "8N"], "victim_kind": ["person"] * 2, "month": [date(2024, 5, 1)] * 2}
        )
    ).sort("offence_code")
    assert new["category"].cast(pl.String).to_list() == ["Violence and sexual offences"] * 2
    assert new["unit"].to_list() == ["victim", "victim"]
    assert editions.counting_units.filter(pl.col("offence_code") == "8Z")["confidence"].item() == "low"


def test_another_kind_of_table_is_refused_by_name_of_what_it_lacks() -> None:
    with pytest.raises(
        ReferenceTableError, match=r"no one column for group, subgroup.*Offence Code, Offence"
    ):
        with_reference_table(EDITIONS, pl.DataFrame({"Offence Code": ["8N"], "Offence": ["Assault"]}), "x")
