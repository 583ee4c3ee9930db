"""Files put together from runs, each packed by itself, so that a run may be taken from another file as it stands."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from publish.checksums import joined

#: How hard files are packed: beyond this the long tables take half as long again for a quarter less.
COMPRESSION: Final = 3
#: A last block of deflate that holds nothing (RFC 1951, 3.2.3).
LAST_BLOCK: Final = b"\x03\x00"


@dataclass(frozen=True)
class Run:
    """Some of a file as it stands in it. `length` and `checksum` (CRC-32) are of what it holds, unpacked."""

    content: bytes
    length: int
    checksum: int


@dataclass(frozen=True)
class Packed:
    """A file and, by the names of tables, where in it the run of their rows begins."""

    content: bytes
    runs: Mapping[str, tuple[int, Run]]


def plain(content: bytes) -> Run:
    """A run that is not packed."""
    return Run(content, len(content), zlib.crc32(content))


def deflated(pieces: Iterable[bytes]) -> Run:
    """Pieces of text as one run of deflate, which looks back at nothing before it and ends on a whole byte."""
    packer = zlib.compressobj(COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed, length, checksum = [], 0, 0
    for piece in pieces:
        packed.append(packer.compress(piece))
        length += len(piece)
        checksum = zlib.crc32(piece, checksum)
    packed.append(packer.flush(zlib.Z_FULL_FLUSH))
    return Run(b"".join(packed), length, checksum)


def starts_of(runs: Sequence[Run], first: int) -> list[int]:
    """Where each run begins when the first does at `first`."""
    return list(accumulate((len(run.content) for run in runs[:-1]), initial=first))


def add_member(archive: zipfile.ZipFile, name: str, runs: Sequence[Run]) -> list[int]:
    """Add a member that is some runs of deflate (PKWARE's APPNOTE.TXT, 4.3.7). Returns where in the file they begin."""
    assert archive.fp is not None
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o600 << 16
    member.file_size = sum(run.length for run in runs)
    member.compress_size = sum(len(run.content) for run in runs) + len(LAST_BLOCK)
    member.CRC = joined([run.checksum for run in runs], [run.length for run in runs])
    file = archive.fp
    file.seek(archive.start_dir)
    member.header_offset = file.tell()
    file.write(member.FileHeader())
    starts = starts_of(runs, file.tell())
    file.writelines([*(run.content for run in runs), LAST_BLOCK])
    archive.start_dir = file.tell()
    archive.filelist.append(member)
    archive.NameToInfo[name] = member
    return starts
