"""A workbook in both of its formats."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from publish.returns import ods, xlsx
from publish.returns.packing import Packed
from publish.returns.worksheets import Workbook

#: The endings of their names.
FORMS: Final = (ods.FORM, xlsx.FORM)


def workbook_files(name: str, book: Workbook) -> dict[str, bytes]:
    """The workbook as `name.ods` and `name.xlsx`."""
    return {f"{name}.{form}": packed.content for form, packed in packed_workbook(book).items()}


def packed_workbook(book: Workbook) -> dict[str, Packed]:
    """The workbook in each form, made side by side: most of the time goes into packing them."""
    with ThreadPoolExecutor(2) as both:
        made = {ods.FORM: both.submit(ods.pack_ods, book), xlsx.FORM: both.submit(xlsx.pack_xlsx, book)}
        return {form: packed.result() for form, packed in made.items()}
