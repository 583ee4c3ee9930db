"""How written offence codes are brought to one form, and how damaged ones are told."""

import polars as pl
import pytest

from transforms.counting import code_fault, normalise_offence_code

#: As written, and as normalised. Vectors of the code systems in use.
READ = {
    "4/1": "4.1",
    "4/10": "4.10",
    "4.10": "4.10",
    "37/2": "37.2",
    "37.2": "37.2",
    " 8n ": "8N",
    "08N": "8N",
    "105A": "105A",
    "1": "1",
    "00806": "8/6",
    "8/6": "8/6",
    "8/06": "8/6",
    "10501": "105/1",
    "09261": "92/61",
    "15/00": "15/0",
    "00410": "4.10",
    "1, 4.1/2/10": "1/4.1/4.10/4.2",
    "1/4.1/4.10/4.2": "1/4.1/4.10/4.2",
    "(ASB)": "ASB",
    "NFIB3A": "NFIB",
    "n100": "N100",
    "802": "802",
}

#: As a spreadsheet left it, and what it looks like.
DAMAGED = {
    "43831": "Excel serial date: looks like 1/1",
    "43918": "Excel serial date: looks like 28/3",
    "43986": "Excel serial date: looks like 4/6",
    "44062": "Excel serial date: looks like 19/8",
    "44139": "Excel serial date: looks like 4/11",
    "22129": "Excel serial date: looks like 8/60",
    "04-Jun": "turned into a date by a spreadsheet",
    "Jun-60": "turned into a date by a spreadsheet",
    "04/06/2020": "turned into a date by a spreadsheet",
    "2020-06-04 00:00:00": "turned into a date by a spreadsheet",
    "45.0": "read as a decimal number by a spreadsheet",
    "": "the code is empty",
}


def one(function: object, code: str | None) -> str | None:
    frame = pl.DataFrame({"code": [code]}, schema={"code": pl.String})
    return frame.select(function(pl.col("code")).alias("out")).item()  # type: ignore[operator]


@pytest.mark.parametrize(("written", "normal"), READ.items())
def test_a_code_is_brought_to_one_form(written: str, normal: str) -> None:
    assert one(normalise_offence_code, written) == normal
    assert one(code_fault, written) is None


@pytest.mark.parametrize("written", READ.values())
def test_normalising_twice_changes_nothing(written: str) -> None:
    assert one(normalise_offence_code, written) == written


@pytest.mark.parametrize(("written", "fault"), DAMAGED.items())
def test_a_damaged_code_is_told_with_what_it_looks_like(written: str, fault: str) -> None:
    assert one(code_fault, written) == fault
    assert not one(normalise_offence_code, written)


def test_no_code_at_all() -> None:
    assert one(normalise_offence_code, None) is None
    assert one(code_fault, None) == "the code is empty"
