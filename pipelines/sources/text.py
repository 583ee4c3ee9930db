"""Turns the bytes of a delimited text file, however encoded or quoted, into columns of text with line numbers."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.sources.freeze import scratch_file
from pipelines.sources.refusal import Refusal

#: The number of each record in its file, from 1, as `Lines.row` holds it.
ROW: Final = "_row"
#: The line of the file that a record starts on, the header being line 1.
LINE: Final = "_line"

DELIMITERS: Final = ",;\t|"

_HEAD: Final = 64 * 1024
_CHUNK: Final = 256 * 1024
#: Free text can be long; the default of the standard library is 128 KiB.
csv.field_size_limit(16 * 1024**2)


@dataclass(frozen=True)
class Form:
    """One readable form of a text file: UTF-8 at `path`, split by `delimiter`, under `header`.

    A `tidied` form was rewritten record by record and carries the number and the line of each; `broken` holds the
    line of each record that has another number of fields than the header, and that number.
    """

    path: Path
    delimiter: str
    header: tuple[str, ...]
    tidied: bool = False
    broken: tuple[tuple[int, int], ...] = field(default=())

    def scan(self, *, empty_is_null: bool = False) -> pl.LazyFrame:
        """Every record as text, by its header, with `ROW` and `LINE`.

        A field with nothing in it is empty text, or null where `empty_is_null`; one of two quotes stays empty text.
        Lines are right where the form is tidied or even. Collecting it raises `polars.exceptions.ComputeError`
        where the form does not fit the file.
        """
        numbers = {ROW: pl.UInt32, LINE: pl.Int64} if self.tidied else {}
        table = pl.scan_csv(
            self.path,
            separator=self.delimiter,
            has_header=False,
            skip_lines=1,
            schema={**numbers, **dict.fromkeys(self.header, pl.String)},
            empty_string_is_null=empty_is_null,
            row_index_name=None if self.tidied else ROW,
            row_index_offset=1,
            glob=False,
        )
        return table if self.tidied else table.with_columns((pl.col(ROW).cast(pl.Int64) + 1).alias(LINE))

    @cached_property
    def quotes(self) -> int:
        """How many quotation marks there are in the file; -1 where it does not end with a line."""
        quotes, ending = 0, b""
        with self.path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                quotes += chunk.count(b'"')
                ending = chunk[-1:]
        return quotes if ending == b"\n" else -1

    def is_closed(self) -> bool:
        """Whether the file ends where a record does, as far as its quotes and its last byte can tell."""
        return self.quotes % 2 == 0

    def is_even(self) -> bool:
        """Whether each record is one line with as many fields as the header, so that none is cut short."""
        if self.tidied:
            return True
        text = pl.col("text").str.strip_chars_end("\r")
        unquoted = (
            pl.when(text.str.contains('"', literal=True))
            .then(text.str.replace_all(r'"[^"]*"', ""))
            .otherwise(text)
        )
        fields = unquoted.str.count_matches(self.delimiter, literal=True) + 1
        even = (fields == len(self.header)) & ~unquoted.str.contains('"', literal=True)
        lines = pl.scan_csv(
            self.path,
            has_header=False,
            separator="\x01",
            quote_char=None,
            schema={"text": pl.String},
            glob=False,
        )
        try:
            return bool(lines.select((even | (text == "") | text.is_null()).all()).collect().item())
        except pl.exceptions.ComputeError:
            return False


@contextmanager
def forms(path: Path, name: str, scratch: Path) -> Iterator[Iterator[Form]]:
    """The forms in which the text file at `path` may be read, each more careful and slower than the last.

    The first is the file itself when it is UTF-8; then the file decoded; then the file rewritten record by record.
    Try each until one can be read. Raises `Refusal` when the file is empty, its header is damaged, it is in no
    encoding that is known, or it ends inside a quoted field. What is written in `scratch` is gone afterwards.
    """
    with ExitStack() as kept:
        yield _forms(path, name, scratch, kept)


def _forms(path: Path, name: str, scratch: Path, kept: ExitStack) -> Iterator[Form]:
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise Refusal(name, "the file is empty", "ask the sender to supply it again")
    encoding = _encoding(head)
    # Lines that end in a carriage return alone, as on an old Macintosh, only the careful form can tell apart.
    only_careful = b"\r" in head and b"\n" not in head
    if encoding == "utf-8":
        if not only_careful:
            yield _form(path, name)
        if _is_utf_8(path):
            text = path
        else:
            encoding = "cp1252"
    if encoding != "utf-8":
        text = kept.enter_context(scratch_file(scratch, name, ".csv"))
        _decode(path, text, encoding, name)
        if not only_careful:
            yield _form(text, name)
    form = _form(text, name)
    tidy = kept.enter_context(scratch_file(scratch, name, ".csv"))
    yield _tidied(form, tidy, name)


def _encoding(head: bytes) -> str:
    """The encoding that the first bytes show: UTF-16 by its mark or its zeros, else UTF-8, else Windows-1252."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = max(len(head) // 2, 1)
    if head[1::2].count(0) > pairs // 2:
        return "utf-16-le"
    if head[0::2].count(0) > pairs // 2:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _is_utf_8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _decode(path: Path, text: Path, encoding: str, name: str) -> None:
    """Write the file at `path` as UTF-8 to `text`."""
    try:
        with (
            path.open(newline="", encoding=encoding) as source,
            text.open("w", newline="", encoding="utf-8") as copy,
        ):
            while chunk := source.read(_CHUNK):
                copy.write(chunk)
    except UnicodeError as error:
        raise Refusal(
            name,
            "the file is in no encoding that is read",
            "ask the sender to save it as “CSV UTF-8” and supply it again",
            seen=str(error),
            wanted="UTF-8, UTF-16 or Windows-1252",
        ) from error


def _form(path: Path, name: str) -> Form:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as text:
        head = text.read(_HEAD)
    first = _first_record(head)
    delimiter = max(DELIMITERS, key=lambda mark: (len(_split(first, mark)), -DELIMITERS.index(mark)))
    header = tuple(column.strip() for column in _split(first, delimiter))
    if repeated := sorted({column for column in header if header.count(column) > 1}):
        raise Refusal(
            name,
            "the header names a column twice",
            "remove or rename one of them and supply it again",
            line=1,
            field=repeated[0],
            seen=", ".join(repeated),
            wanted="each column once",
        )
    return Form(path, delimiter, header)


def _first_record(head: str) -> str:
    return re.split(r"\r\n?|\n", head, maxsplit=1)[0]


def _split(record: str, delimiter: str) -> Sequence[str]:
    return next(csv.reader([record], delimiter=delimiter), [])


def _tidied(form: Form, tidy: Path, name: str) -> Form:
    """Rewrite the file with one line for each whole record, each with its line number; set broken ones aside."""
    broken: list[tuple[int, int]] = []
    width = len(form.header)
    with (
        form.path.open(newline="", encoding="utf-8-sig") as source,
        tidy.open("w", newline="", encoding="utf-8") as copy,
    ):
        reader = csv.reader(source, delimiter=form.delimiter, strict=True)
        writer = csv.writer(copy, lineterminator="\n")
        start = 1
        try:
            for row, fields in enumerate(reader):
                if row == 0:
                    writer.writerow((ROW, LINE, *form.header))
                elif len(fields) == width:
                    writer.writerow((row, start, *fields))
                elif fields:
                    broken.append((start, len(fields)))
                start = reader.line_num + 1
        except csv.Error as error:
            raise Refusal(
                name,
                "the quotes of a field do not match: the file is cut short or badly quoted from there on",
                "ask the sender to supply it again with quotes as in RFC 4180",
                line=start,
                seen=str(error),
                wanted="a field that starts with a quote ends with one",
            ) from error
    return Form(tidy, ",", form.header, tidied=True, broken=tuple(broken))
