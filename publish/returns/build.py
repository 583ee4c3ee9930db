"""Builds the return of a quarter and writes its files, all of them or none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import polars as pl

from geography.areas import Country
from publish.parts import BUILT
from publish.returns import partnerships
from publish.returns.accessibility import accessibility_faults
from publish.returns.errors import ReturnError
from publish.returns.formats import workbook_files
from publish.returns.machine_readable import write_machine_readable
from publish.returns.open_data import csp_open_data, open_data_files, pfa_open_data, whole_quarters
from publish.returns.outcomes import outcomes, outcomes_open_data
from publish.returns.recorded_crime import partnership_crime, recorded_crime
from publish.returns.revisions import revised
from publish.returns.small_areas import small_areas
from publish.returns.summary import write_summary
from publish.returns.tables import Release
from publish.returns.taking_over import TakingOver
from publish.returns.worksheets import workbook
from transforms.judging import Judged
from transforms.periods import Quarter


def build(
    judged: Judged,
    country: Country,
    offences_reference: pl.DataFrame,
    quarter: Quarter | str,
    folder: Path,
    earlier: pl.DataFrame | None = None,
    earlier_small_areas: pl.DataFrame | None = None,
    every_class: pl.DataFrame | None = None,
    before: Path | None = None,
) -> list[Path]:
    """Write the return of `quarter` into `folder`: every table as workbooks, CSV, Parquet and metadata, and a summary.

    `recorded-crime-<quarter>` holds police force areas; `community-safety-partnerships-`, `outcomes-` and, for the
    quarter that ends a financial year, `small-areas-` the rest; `prc-pfa-`, `prc-csp-` and `prc-outcomes-` are the
    long tables. `offences_reference` has one row for each `offence_code` of the two years with its `offence_group`,
    `offence_subgroup` and `offence_description`, and `every_class` those of all that is judged, where this is more:
    the long tables hold every quarter. `earlier` is the Parquet table of an earlier edition of the
    same return: what has changed since is marked [r] and listed. `earlier_small_areas` is that of small areas:
    what it printed stands. Years of the long tables that are made from the same as in the return in the folder
    `before` are taken over from it. The same input gives the same bytes, whatever is taken over. Returns the files
    written. Raises ReturnError, with nothing written, when the return cannot be made as asked.
    """
    try:
        asked = Quarter.parse(quarter) if isinstance(quarter, str) else quarter
    except ValueError as error:
        raise ReturnError(f"quarter “{quarter}”", "it cannot be read.", str(error)) from error
    figures = partnerships.Figures(judged, country)
    classes = offences_reference if every_class is None else every_class
    with Writing(folder) as writing:
        release = recorded_crime(judged, country, offences_reference, asked)
        writing.add(files(release if earlier is None else revised(release, earlier)))
        writing.add(write_summary(release))
        for other in (
            partnership_crime(judged, country, offences_reference, asked, figures),
            outcomes(judged, country, asked),
            small_areas(judged, country, asked, earlier_small_areas),
        ):
            writing.add({} if other is None else files(other))
        for made in each_long_table(judged, country, classes, asked, figures, before):
            writing.add(made)
        written = writing.finish()
    return [path for path in written if path.name != BUILT]


def each_long_table(
    judged: Judged,
    country: Country,
    classes: pl.DataFrame,
    quarter: Quarter,
    figures: partnerships.Figures | None = None,
    before: Path | None = None,
) -> Iterator[dict[str, bytes]]:
    """The files of each long table to `quarter`, by name, and `BUILT`, which tells the next return what it can take.

    `figures` are those of partnerships where some are made already, `before` the folder of the return before.
    """
    taking_over = TakingOver(before)
    if whole_quarters(judged, quarter):
        yield open_data_files(pfa_open_data(judged, country, classes, quarter), taking_over)
        yield open_data_files(csp_open_data(judged, country, classes, quarter, figures), taking_over)
    long_outcomes = outcomes_open_data(judged, country, classes, quarter)
    if long_outcomes is not None:
        # Its hundreds of thousands of rows a year are for machines.
        yield open_data_files(long_outcomes, taking_over, workbooks=False)
    yield {BUILT: taking_over.told()}


def files(release: Release) -> dict[str, bytes]:
    """Every file of a release, by name. Raises ReturnError when a workbook breaks the accessibility checklist."""
    made = workbook_files(release.name, workbook(release))
    for name, content in made.items():
        if faults := accessibility_faults(content):
            raise ReturnError(
                name, f"it is not accessible: {faults[0]}.", "Correct what is named, and build again."
            )
    return made | write_machine_readable(release)


def write(made: dict[str, bytes], folder: Path) -> list[Path]:
    """Write files so that a reader sees each whole or not at all. Returns their paths."""
    with Writing(folder) as writing:
        writing.add(made)
        return writing.finish()


class Writing:
    """Files on their way into a folder, each put on the disk while the next are made, and named when all are there.

    Leaving the `with` block before that leaves nothing behind.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: dict[str, Future[None]] = {}
        self.worker = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> Writing:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.shutdown(cancel_futures=True)
        for name in self.waiting:
            self._path(name).unlink(missing_ok=True)

    def add(self, made: dict[str, bytes]) -> None:
        """Write some more files, given by name. Raises what went wrong with those before, as far as it is known."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for written in self.waiting.values():
            if written.done():
                written.result()
        for name, content in made.items():
            self.waiting[name] = self.worker.submit(_put, self._path(name), content)

    def finish(self) -> list[Path]:
        """Give every file its name, once all are on the disk. Returns their paths. Raises what went wrong with any."""
        for written in self.waiting.values():
            written.result()
        return [self._path(name).replace(self.folder / name) for name in self.waiting]

    def _path(self, name: str) -> Path:
        return self.folder / f".{name}.part"


def _put(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
