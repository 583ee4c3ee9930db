"""A workbook in both of its formats."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from publish.returns.ods import write_ods
from publish.returns.worksheets import Workbook
from publish.returns.xlsx import write_xlsx


def workbook_files(name: str, book: Workbook) -> dict[str, bytes]:
    """The workbook as `name.ods` and `name.xlsx`, made side by side: most of the time goes into packing them."""
    with ThreadPoolExecutor(2) as both:
        ods, xlsx = both.submit(write_ods, book), both.submit(write_xlsx, book)
        return {f"{name}.ods": ods.result(), f"{name}.xlsx": xlsx.result()}
