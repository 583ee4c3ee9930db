"""The archive: one zip of the bulk files, the same bytes whenever its contents are the same."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country

#: A zip stores a time for each member; the earliest it can hold stands for “no time”.
NO_TIME: Final = (1980, 1, 1, 0, 0, 0)
#: Half of a line is its id, which no effort makes smaller: 6 takes twice as long and saves 8 %.
LEVEL: Final = 3
#: Bytes of what comes before a member's name; the last four tell how long that and what follows it are.
LOCAL_HEADER: Final = 30

README: Final = """\
{title}: police recorded crime and anti-social behaviour, {first} to {last}

NOT EVERY FORCE SUPPLIED EVERY MONTH. Where a force supplied nothing fit to publish there is no file:
that is not a month without crime. {gaps}
availability.csv has one line for each force, file and month that is owed:

  force, name    the force, as in the file names, and its full name
  file           street, outcomes or stop-and-search
  month          YYYY-MM
  state          supplied, partial, not supplied, withheld, not judged or not owed
  coverage       for a partial month, the share of the expected records that was supplied
  since, why     since which month it has been so, and the reason
  path, lines    the file in this archive and its number of records; empty when there is none

YYYY-MM/YYYY-MM-<force>-street.csv has one line for each crime or incident, in the layout of data.police.uk:
UTF-8, CRLF, a header, quotes only where needed. Where they were supplied, beside it are
YYYY-MM-<force>-outcomes.csv, with a line for each outcome that a crime was given in the month, and
YYYY-MM-<force>-stop-and-search.csv, with a line for each search. Outcomes are told of crimes recorded since {first}:
the outcomes files of the first year are partial, where a force supplies records and no file of outcomes.

* Locations are those of anonymised map points, not of the crimes. “No Location” means that none is known;
  the record is kept.
* Months are whole months; no finer time is published.
* A crime id is a keyed hash, the same in every release, and cannot be turned back into a reference.
  Anti-social behaviour has none.
* A crime that was later cancelled has no line, even in an older month: every release restates all its months.
* privacy.csv tells for each month how records share their points, and how many locations are withheld:
  those of violence and sexual offences that are few at a point with few addresses, and those that an
  earlier release has at another point.
* “Falls within” repeats “Reported by”. It does not say where the crime was.

{attribution}
"""


def readme(country: Country, states: pl.DataFrame, months: Sequence[date]) -> str:
    """The note inside the archive, which names the forces with no street file in some month."""
    lacking = states.filter(
        (pl.col("file") == "street") & pl.col("state").is_in(["not supplied", "withheld", "not judged"])
    )
    forces = lacking["name"].unique().sort().to_list()
    gaps = (
        f"In this archive months are lacking for: {', '.join(forces)}."
        if forces
        else "In this archive none is lacking."
    )
    return README.format(
        title=country.title,
        first=f"{min(months):%Y-%m}",
        last=f"{max(months):%Y-%m}",
        gaps=gaps,
        attribution=country.attribution,
    )


def write_texts(texts: Mapping[str, str], target: Path) -> None:
    """Write texts by their name as one zip, in order of name. Equal texts give equal bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, text in sorted(texts.items()):
            archive.writestr(_member(name), text.encode())


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, NO_TIME)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = 3
    member.external_attr = 0o100644 << 16
    return member


class Archive:
    """A zip being written: fixed times and modes, members in the order they are added, under their paths.

    Members are compressed in a thread of their own, while the next files are made. Leaving the `with`
    block waits for them, and raises what went wrong with any. `before` is another archive, to take members from.
    """

    def __init__(self, target: Path, folder: Path, before: Path | None = None) -> None:
        self.folder = folder
        self.zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self.before = zipfile.ZipFile(before) if before is not None else None
        self.worker = ThreadPoolExecutor(max_workers=1)
        self.waiting: list[Future[None]] = []

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        with (
            contextlib.closing(self.before) if self.before else contextlib.nullcontext(),
            self.zip,
            self.worker,
        ):
            for member in self.waiting:
                member.result()

    def add(self, path: Path) -> None:
        """Add a file of the folder, which must be whole and stay as it is."""
        self.waiting.append(self.worker.submit(self._write, path))

    def take(self, path: Path) -> None:
        """Add a file of the folder that the archive before has too, as it was compressed then."""
        self.waiting.append(self.worker.submit(self._copy, path))

    def _write(self, path: Path) -> None:
        member = _member(path.relative_to(self.folder).as_posix())
        member.file_size = path.stat().st_size
        with path.open("rb") as source, self.zip.open(member, "w") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)

    def _copy(self, path: Path) -> None:
        """Copy the compressed bytes, under a header as `_write` makes it (PKWARE's APPNOTE.TXT, 4.3.7)."""
        assert self.before is not None and self.before.fp is not None and self.zip.fp is not None
        member = _member(path.relative_to(self.folder).as_posix())
        there = self.before.getinfo(member.filename)
        member.file_size, member.compress_size, member.CRC = there.file_size, there.compress_size, there.CRC
        source, copy = self.before.fp, self.zip.fp
        source.seek(there.header_offset)
        name, extra = struct.unpack("<26x2H", source.read(LOCAL_HEADER))
        source.seek(name + extra, os.SEEK_CUR)
        copy.seek(self.zip.start_dir)
        member.header_offset = copy.tell()
        copy.write(member.FileHeader(zip64=False))
        left = member.compress_size
        while left:
            part = source.read(min(left, 1 << 20))
            if not part:
                raise zipfile.BadZipFile(f"{self.before.filename} ends within {member.filename}")
            left -= copy.write(part)
        self.zip.filelist.append(member)
        self.zip.NameToInfo[member.filename] = member
        self.zip.start_dir = copy.tell()
