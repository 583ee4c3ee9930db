"""Reads the Home Office offence reference table (`prc-offence-ref-table-*.ods`, also XLSX and CSV) as text."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl
from python_calamine import CalamineError, CalamineWorkbook

from pipelines.sources.refusal import Refusal
from transforms.counting import Editions, load_editions
from transforms.counting.reference import ReferenceTableError, with_reference_table

#: How far down a sheet the header may stand, under titles and notes.
_DEEPEST_HEADER: Final = 30


def editions_from(path: Path | None) -> tuple[Editions, pl.DataFrame | None]:
    """The editions with a reference table in place of the bundled offences, and every difference; or the bundled ones.

    Raises Refusal when the file is not an offence reference table.
    """
    if path is None:
        return load_editions(), None
    problem = "there is no such file" if not path.exists() else "no sheet of it is an offence reference table"
    for table in _tables(path) if path.exists() else ():
        try:
            return with_reference_table(load_editions(), table, path.name)
        except ReferenceTableError as error:
            problem = str(error).rstrip(".")
    raise Refusal(path.name, problem, "give the Home Office's prc-offence-ref-table file")


def reference_table_in(folder: Path) -> Path | None:
    """The offence reference table that a folder holds, if any. Raises Refusal when it holds several."""
    found = sorted(folder.glob("prc-offence-ref-table*"))
    if len(found) > 1:
        raise Refusal(
            found[1].name, f"{found[0].name} is there too, and only one can be in force", "keep one of them"
        )
    return found[0] if found else None


def _tables(path: Path) -> list[pl.DataFrame]:
    """Every sheet that has a header with an offence code in it, under that header."""
    if path.suffix.lower() == ".csv":
        return [pl.read_csv(path, infer_schema=False)]
    try:
        book = CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError) as error:
        raise Refusal(
            path.name, f"it cannot be opened ({error})", "save it again as ODS, XLSX or CSV"
        ) from None
    found = []
    for name in book.sheet_names:
        # A code that the sheet holds as a number is shown as it was typed only when it is whole: 4.10 is text.
        rows = [[_text(cell) for cell in row] for row in book.get_sheet_by_name(name).to_python()]
        for place, row in enumerate(rows[:_DEEPEST_HEADER]):
            if any("code" in cell.lower() for cell in row) and sum(map(bool, row)) > 2:
                header = [cell or f"column {number}" for number, cell in enumerate(row, 1)]
                below = [list(each) for each in rows[place + 1 :]]
                found.append(pl.DataFrame(below, schema=dict.fromkeys(header, pl.String), orient="row"))
                break
    return found


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()
