"""The police.uk adapter: already counted rows out of street files, and what the other files must look like."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipelines.sources.freeze import Frozen, freeze
from pipelines.sources.naming import Recognised, recognise
from pipelines.sources.police_uk import (
    OUTCOMES,
    STOPS,
    STREET,
    STREET_2012,
    OtherRead,
    StreetRead,
    read_outcomes,
    read_searches,
    read_street,
)
from pipelines.sources.refusal import Refusal
from transforms.contracts.tables import Counted, Rejects

FORCES = pl.DataFrame({"force": ["kent"], "name": ["Kent"], "reported_by": ["Kent Police"]})
ID = "a" * 64
CRIME = dict(
    zip(
        STREET,
        (ID, "2024-01", "Kent Police", "Kent Police", "0.521000", "51.272000", "On or near Clôs Marian", "E01024051",
         "Maidstone 001A", "Burglary", "Under investigation", ""),
        strict=True,
    )
)  # fmt: skip
ASB = CRIME | {"Crime ID": "", "Crime type": "Anti-social behaviour", "Last outcome category": ""}
NOWHERE = CRIME | {
    "Longitude": "",
    "Latitude": "",
    "Location": "No Location",
    "LSOA code": "",
    "LSOA name": "",
}


def text_of(*rows: dict[str, str], end: str = "\r\n") -> str:
    lines = [
        ",".join(rows[0]),
        *(",".join(f'"{v}"' if "," in v else v for v in row.values()) for row in rows),
    ]
    return end.join(lines) + end


@pytest.fixture
def supplied(tmp_path: Path) -> Callable[[str, str], tuple[Frozen, Recognised]]:
    def supplying(text: str, name: str) -> tuple[Frozen, Recognised]:
        path = tmp_path / name
        path.write_bytes(text.encode())
        recognised = recognise(name, text.encode(), forces=["kent"])
        assert isinstance(recognised, Recognised)
        return freeze(path, tmp_path / "store"), recognised

    return supplying


@pytest.fixture
def street(
    supplied: Callable[[str, str], tuple[Frozen, Recognised]], tmp_path: Path
) -> Callable[..., StreetRead]:
    def reading(text: str, month: str = "2024-01") -> StreetRead:
        read = read_street(*supplied(text, f"{month}-kent-street.csv"), FORCES, tmp_path / "scratch")
        Counted.validate(read.counted)
        Rejects.validate(read.rejects)
        assert read.rows == read.counted.height + read.rejects.height
        return read

    return reading


@pytest.fixture
def other(
    supplied: Callable[[str, str], tuple[Frozen, Recognised]], tmp_path: Path
) -> Callable[..., OtherRead]:
    def reading(text: str, kind: str) -> OtherRead:
        file = supplied(text, f"2024-01-kent-{kind}.csv")
        if kind == "outcomes":
            read = read_outcomes(*file, FORCES, tmp_path / "scratch")
        else:
            read = read_searches(*file, tmp_path / "scratch")
        Rejects.validate(read.rejects)
        assert read.rows == read.kept.height + read.rejects.height
        return read

    return reading


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_street_rows_join_the_flow_as_counted(street: Callable[..., StreetRead], end: str) -> None:
    crime, asb, nowhere = (
        street(text_of(CRIME, ASB, NOWHERE, end=end)).counted.drop("supply").rows(named=True)
    )
    assert crime == {
        "force": "kent",
        "month": date(2024, 1, 1),
        "offence_code": None,
        "category": "Burglary",
        "crime_ref": ID,
        "counted": 1,
        "longitude": 0.521,
        "latitude": 51.272,
        "location": "On or near Clôs Marian",
        "lsoa_code": "E01024051",
        "csp_code": None,
        "outcome": "Under investigation",
        "outcome_month": None,
    }
    assert (asb["crime_ref"], asb["outcome"]) == (None, None)
    assert [nowhere[column] for column in ("longitude", "latitude", "location", "lsoa_code")] == [None] * 4


def test_two_rows_alike_are_two_crimes(street: Callable[..., StreetRead]) -> None:
    assert street(text_of(CRIME, CRIME)).counted.height == 2


def test_commas_in_the_names_of_areas_are_read(street: Callable[..., StreetRead]) -> None:
    assert (
        street(text_of(CRIME | {"LSOA name": "Bournemouth, Christchurch and Poole 042D"})).counted.height == 1
    )


@pytest.mark.parametrize(
    ("changes", "field", "seen"),
    [
        ({"Month": "2024-02"}, "Month", "2024-02"),
        ({"Month": "Jan-24"}, "Month", "Jan-24"),
        ({"Reported by": "Essex Police"}, "Reported by", "Essex Police"),
        ({"Longitude": "51.2", "Latitude": "0.5"}, "Longitude", "51.2"),
        ({"Longitude": "east"}, "Longitude", "east"),
        ({"Latitude": ""}, "Latitude", ""),
        ({"LSOA code": "Maidstone"}, "LSOA code", "Maidstone"),
    ],
)
def test_a_bad_row_is_rejected_and_no_other(
    street: Callable[..., StreetRead], changes: dict[str, str], field: str, seen: str
) -> None:
    read = street(text_of(CRIME, CRIME | changes, NOWHERE))
    assert read.counted.height == 2
    assert read.rejects.select("line", "field", "seen").rows() == [(3, field, seen)]


def test_a_row_cut_short_is_rejected(street: Callable[..., StreetRead]) -> None:
    read = street(text_of(CRIME, CRIME)[:-40])
    assert (read.counted.height, read.rejects["seen"].to_list()) == (1, ["9 fields"])


def test_crime_types_of_old_files_are_counted_in_those_of_today(street: Callable[..., StreetRead]) -> None:
    old = [
        CRIME | {"Month": "2012-04", "Crime type": name}
        for name in ("Violent crime", "Public disorder and weapons")
    ]
    read = street(text_of(*old), month="2012-04")
    assert read.counted["category"].to_list() == ["Violence and sexual offences", "Public order"]
    with pytest.raises(Refusal, match="“Violent crime”"):
        street(text_of(CRIME, CRIME | {"Crime type": "Violent crime"}))


def test_files_of_2012_without_ids_and_areas_are_read(street: Callable[..., StreetRead]) -> None:
    row = ("2012-04", "Kent Police", "Kent Police", "576000", "155000", "On or near A Road", "Burglary", "")
    read = street(text_of(dict(zip(STREET_2012, row, strict=True))), month="2012-04")
    [crime] = read.counted.rows(named=True)
    assert (crime["longitude"], crime["latitude"]) == pytest.approx((0.521, 51.266), abs=0.01)
    assert crime["crime_ref"] is None and crime["lsoa_code"] is None and crime["outcome"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (text_of(CRIME | {"MSOA": "x", "COLOUR": "red"}), "unknown: MSOA, COLOUR"),
        (text_of({k: v for k, v in CRIME.items() if k != "Context"}), "lacking: Context"),
        (text_of(dict(reversed(CRIME.items()))), "the columns in another order"),
        (text_of(CRIME, CRIME | {"Crime type": "Piracy"}), "line 3, field Crime type"),
        (text_of(CRIME | {"Crime type": "Burglery"}), "nearest: Burglary"),
        (text_of(CRIME | {"Last outcome category": "Gone"}), "field Last outcome category"),
        (text_of(CRIME | {"Month": "2023-01"}), "another month than its name says, seen “2023-01”"),
        (
            text_of(CRIME | {"Reported by": "Essex Police"}),
            "another force than its name says, seen “Essex Police”",
        ),
        (",".join(STREET) + "\r\n", "a header and no row"),
    ],
)
def test_a_file_is_refused_in_one_sentence(street: Callable[..., StreetRead], text: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        street(text)
    assert said in str(refused.value) and str(refused.value).startswith("2024-01-kent-street.csv")


def test_outcomes_files_are_checked_and_counted(other: Callable[..., OtherRead]) -> None:
    row = dict(zip(OUTCOMES, (*list(CRIME.values())[:9], "Suspect charged"), strict=True))
    read = other(text_of(row, row, row | {"Month": "2023-12"}), "outcomes")
    assert (read.rows, read.rejects["line"].to_list()) == (3, [4])
    assert read.kept.drop("supply").row(0, named=True) == {
        "force": "kent",
        "month": date(2024, 1, 1),
        "crime_ref": ID,
        "longitude": float(CRIME["Longitude"]),
        "latitude": float(CRIME["Latitude"]),
        "location": CRIME["Location"],
        "lsoa_code": CRIME["LSOA code"],
        "outcome": "Suspect charged",
        "file_type": "outcomes",
    }
    with pytest.raises(Refusal, match="“Forgotten”"):
        other(text_of(row | {"Outcome type": "Forgotten"}), "outcomes")


def test_a_place_without_a_name_keeps_its_last_blank(street: Callable[..., StreetRead]) -> None:
    nameless = street(text_of(CRIME | {"Location": "On or near "})).counted
    assert nameless["location"].to_list() == ["On or near "]


def test_no_location_is_none_in_either_spelling(other: Callable[..., OtherRead]) -> None:
    row = dict(zip(OUTCOMES, (*list(NOWHERE.values())[:9], "Suspect charged"), strict=True))
    read = other(text_of(row, row | {"Location": "No location"}), "outcomes")
    assert read.kept["location"].to_list() == [None, None]


def test_a_search_has_the_words_of_police_uk_or_is_rejected(other: Callable[..., OtherRead]) -> None:
    """What has slipped into a column of closed words could be anything about the person, and gets no further."""
    row = dict.fromkeys(STOPS, "") | {"Type": "Person search", "Date": "2024-01-31T23:59:00+00:00"}
    read = other(
        text_of(row | {"Gender": "Female", "Age range": "18-24"}, row | {"Gender": "1990-01-31"}),
        "stop-and-search",
    )
    assert read.kept.select("gender", "age_range", "in_operation", "operation").rows() == [
        ("Female", "18-24", None, None)
    ]
    assert read.rejects.select("line", "field").rows() == [(3, "Gender")]


def test_searches_belong_to_the_month_of_their_time_in_london(other: Callable[..., OtherRead]) -> None:
    row = dict.fromkeys(STOPS, "") | {"Type": "Person search", "Date": "2024-01-31T23:59:00+00:00"}
    read = other(
        text_of(row, row | {"Date": "2024-02-01T00:00:00+00:00"}, row | {"Date": "Tuesday"}),
        "stop-and-search",
    )
    assert (read.rows, read.rejects["line"].to_list()) == (3, [3, 4])
    with pytest.raises(Refusal, match="another month"):
        other(text_of(row | {"Date": "2023-06-30T22:59:00+00:00"}), "stop-and-search")
