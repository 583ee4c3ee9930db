"""Reads a force's record-level extract, from any records system that has a column map, into `Lines` and `Rejects`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from pipelines.sources import extract_columns as columns
from pipelines.sources.column_maps import ColumnMap, choose, shipped_maps
from pipelines.sources.freeze import Frozen, scratch_file, unpacked
from pipelines.sources.naming import Recognised, what_it_is
from pipelines.sources.refusal import Refusal, nearest
from pipelines.sources.rejecting import NO_REJECTS, broken_rows, shown, split
from pipelines.sources.text import LINE, ROW, Form, forms
from pipelines.sources.times import is_doubtful, is_month_first
from transforms.contracts.columns import EXTRACT, ZONE

_SAMPLE: Final = 1_000
#: Small enough to be written while it is still in the cache of the processor.
_ROW_GROUP: Final = 65_536
_NO_LINES: Final = pl.DataFrame(schema=columns.LINES)


@dataclass(frozen=True)
class ExtractRead:
    """What one extract holds.

    `lines` is a Parquet file of `Lines`, `kept` its number of rows; `rejects` is a `Rejects`; `rows` is how many
    rows were supplied, always `kept` and the height of `rejects` together; `column_map` names the map that fitted;
    `notes` says what was read by a rule rather than as written.
    """

    lines: Path
    kept: int
    rejects: pl.DataFrame
    rows: int
    column_map: str
    notes: tuple[str, ...] = ()


def read_extract(
    frozen: Frozen,
    recognised: Recognised,
    *,
    known_forces: Collection[str],
    known_codes: Collection[str],
    folder: Path,
    maps: Sequence[ColumnMap] | None = None,
) -> ExtractRead:
    """Read one extract, CSV or Parquet, packed or plain, and leave its `Lines` as a Parquet file in `folder`.

    `known_codes` are the offence codes of every edition as `normalise_offence_code` writes them; a sub-class that
    is not listed is taken where the class it begins with is. Personal columns are not read further than here.
    Times without an offset are Europe/London's. Raises `Refusal` for a header that no column map fits, for another
    force, source system or month than the file name says, for a code column that was read as a number, for dates
    in two orders, and for a file that cannot be read to its end; every other fault rejects its own row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    door = _Door(frozen, recognised, frozenset(known_forces), frozenset(known_codes), folder)
    maps = shipped_maps() if maps is None else maps
    with unpacked(frozen, recognised.name, folder) as plain:
        with plain.open("rb") as stream:
            is_parquet = what_it_is(stream.read(8)) == "parquet"
        return _from_parquet(plain, door, maps) if is_parquet else _from_text(plain, door, maps)


@dataclass(frozen=True)
class _Door:
    """One file as it comes in, and what it is held against."""

    frozen: Frozen
    recognised: Recognised
    forces: frozenset[str]
    codes: frozenset[str]
    folder: Path

    @property
    def name(self) -> str:
        return self.recognised.name

    def map_for(self, header: Sequence[str], maps: Sequence[ColumnMap]) -> ColumnMap:
        return choose(header, self.recognised.system, maps, self.name)

    def scope(self) -> columns.Scope:
        told = self.recognised
        assert told.force and told.first_month and told.last_month, (
            "an extract's name holds a force and months"
        )
        after = told.last_month.replace(day=28) + timedelta(days=4)
        return columns.Scope(
            told.force,
            told.system,
            _midnight(told.first_month),
            _midnight(after.replace(day=1)),
            told.label,
            self.codes,
        )


@dataclass
class _Aside:
    """What came of the rows that the first reading set aside."""

    rejects: pl.DataFrame = field(default_factory=NO_REJECTS.clone)
    notes: list[str] = field(default_factory=list)
    refusal: Refusal | None = None


def _from_text(plain: Path, door: _Door, maps: Sequence[ColumnMap]) -> ExtractRead:
    with forms(plain, door.name, door.folder) as candidates:
        for form in candidates:
            column_map = door.map_for(form.header, maps)
            try:
                if (_may_hide_uneven_rows(form, column_map) or not form.is_closed()) and not form.is_even():
                    continue
                table = form.scan(empty_is_null=True)
                read = _read(table, form.header, column_map, door, has_quotes=form.quotes != 0)
            except pl.exceptions.ComputeError:
                continue
            except Refusal:
                if form.is_even():
                    raise
                continue
            # Only where each record is one whole line is a fault where it seems to be, and its line known. A row
            # with a stray delimiter could show a name in the place of a date: the careful form finds such rows.
            if read.rejects.height and not form.is_even():
                read.lines.unlink()
                continue
            rejects = pl.concat([read.rejects, broken_rows(form, supply=door.frozen.supply, name=door.name)])
            rows = read.rows + len(form.broken)
            return ExtractRead(read.lines, read.kept, rejects.sort("line"), rows, read.column_map, read.notes)
    raise Refusal(
        door.name, "the file cannot be read as a table", "ask the sender for CSV as in RFC 4180, or Parquet"
    )


def _may_hide_uneven_rows(form: Form, column_map: ColumnMap) -> bool:
    """Whether a row with a field too few or too many could pass for a good one.

    It cannot where the last column that is read is one that no other value fits.
    """
    headers = column_map.headers(form.header)
    last = max(headers, key=lambda name: form.header.index(headers[name]))
    return last not in columns.TELLING


def _from_parquet(plain: Path, door: _Door, maps: Sequence[ColumnMap]) -> ExtractRead:
    try:
        table = pl.scan_parquet(plain, glob=False)
        schema = table.collect_schema()
        column_map = door.map_for(schema.names(), maps)
        names = {header: name for name, header in column_map.headers(schema.names()).items()}
        texts = (
            _as_text(header, dtype, names[header], door.name) if header in names else _whether_given(header)
            for header, dtype in schema.items()
        )
        numbered = (
            table.select(texts).with_row_index(ROW, 1).with_columns(pl.col(ROW).cast(pl.Int64).alias(LINE))
        )
        return _read(
            numbered.with_columns(pl.col(LINE) + 1), schema.names(), column_map, door, has_quotes=True
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Refusal(
            door.name,
            "the Parquet file is damaged or cut short",
            "ask the sender to supply it again",
            wanted="a Parquet file that reads to its end",
        ) from error


def _whether_given(header: str) -> pl.Expr:
    """In place of a personal value, whether there is one."""
    return pl.when(pl.col(header).is_not_null()).then(pl.lit("given")).alias(header)


def _as_text(header: str, dtype: pl.DataType, name: str, file: str) -> pl.Expr:
    """A typed column as the text that CSV would hold. Raises `Refusal` where the type has lost or cannot hold it.

    4.10 read as a number is 4.1, another offence; references read as fractions have lost digits.
    """
    is_number = dtype.is_float() or dtype.is_decimal() or (dtype.is_integer() and name == "offence_code")
    if dtype.is_nested() or (is_number and name not in columns.PLACES):
        raise Refusal(
            file,
            "the column was read as something else than text before it was supplied, so codes such as 4.10 are lost",
            "ask the sender to write the column as text and supply the file again",
            field=header,
            seen=str(dtype),
            wanted="text",
        )
    column = pl.col(header)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            column = column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
        else:
            column = column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    elif dtype == pl.Date:
        column = column.dt.strftime("%Y-%m-%d")
    else:
        column = column.cast(pl.String)
    return column


def _read(
    table: pl.LazyFrame, header: Sequence[str], column_map: ColumnMap, door: _Door, *, has_quotes: bool
) -> ExtractRead:
    """Read a table of text under the file's own header, null where a field is empty, in one pass.

    Rows that are written as most of the file is go straight to `Lines`; the others are set aside and read again by
    every rule there is, and what is left of them is rejected.
    """
    sample = table.head(_SAMPLE).select(ROW, LINE, *header).collect()
    plan, first = columns.make_plan(sample, header, column_map, door.scope(), has_quotes=has_quotes)
    # A small file is its own sample, and need not be read again.
    is_all_read = plan.is_quick and sample.height < _SAMPLE
    read = first.lazy() if is_all_read else columns.read_rows(table, plan)
    aside = _Aside()

    def again(rows: pl.DataFrame) -> pl.DataFrame:
        if rows.is_empty():
            return _NO_LINES
        # An exception must not cross the engine, which would turn it into another.
        try:
            return _read_again(_without_blank(rows, table, header, plan), plan, door, aside)
        except Refusal as refusal:
            aside.refusal = refusal
            return _NO_LINES

    good = read.filter("_is_good").select(columns.lines(door.frozen.supply))
    # Their text is copied: a few rows of a batch would keep that of the whole batch, and so of the whole file.
    copied = (pl.concat_str(name, pl.lit("")).alias(name) for name in EXTRACT)
    others = read.filter(~pl.col("_is_good")).select(ROW, LINE, *copied)
    both = pl.concat([good, others.map_batches(again, schema=columns.LINES, streamable=False)])
    with scratch_file(door.folder, door.name, ".parquet") as lines:
        both.sink_parquet(lines, compression="lz4", row_group_size=_ROW_GROUP)
        if aside.refusal:
            raise aside.refusal
        kept = _require_month(lines, aside.rejects, plan.scope, door)
        place = lines.replace(door.folder / f"{door.frozen.supply}.lines.parquet")
    rows = kept + aside.rejects.height
    return ExtractRead(place, kept, aside.rejects, rows, column_map.name, tuple(aside.notes))


def _without_blank(
    rows: pl.DataFrame, table: pl.LazyFrame, header: Sequence[str], plan: columns.Plan
) -> pl.DataFrame:
    """The rows in which anything stands. Spreadsheets leave blank ones at the end of a file: they are no rows."""
    suspects = rows.filter(pl.all_horizontal(columns.stripped_or_null(pl.col(list(plan.headers))).is_null()))[
        ROW
    ]
    if suspects.is_empty():
        return rows
    blank = table.filter(
        pl.col(ROW).is_in(suspects.implode()), pl.all_horizontal(pl.col(header).fill_null("") == "")
    )
    return rows.join(blank.select(ROW).collect(), on=ROW, how="anti")


def _read_again(rows: pl.DataFrame, plan: columns.Plan, door: _Door, aside: _Aside) -> pl.DataFrame:
    """Read rows by every rule there is. Returns those that are right as `Lines`; keeps the rest as rejects."""
    cells = rows.with_columns(columns.stripped_or_null(pl.col(EXTRACT)))
    plan = plan.with_care(cells)
    _require_one_order(cells, plan, door)
    read = columns.read_cells(cells.lazy(), plan).collect()
    _require_owner(read, plan, door)
    read = read.with_columns(nearest_codes=columns.nearest_codes(cells["offence_code"], door.codes))
    good, aside.rejects = split(
        read,
        columns.checks(plan, with_words=True),
        supply=door.frozen.supply,
        name=door.name,
        headers=plan.headers,
    )
    aside.notes = [note for name in columns.TIMES if (note := _doubtful(good, name, plan))]
    return good.select(columns.lines(door.frozen.supply))


def _doubtful(good: pl.DataFrame, name: str, plan: columns.Plan) -> str | None:
    """How many times of a column were read by the rule for the hours in which the clocks change."""
    number = good.filter(is_doubtful(pl.col(name), plan.day_first)).height
    if not number:
        return None
    return (
        f"{name}: {number:,} time(s) in the hour that comes twice in October were taken as summer time, or in the "
        "hour left out in March as if it were not; no day changes"
    )


def _require_owner(rows: pl.DataFrame, plan: columns.Plan, door: _Door) -> None:
    """Raise `Refusal` at the first row of another force or source system than the file name says."""
    for name, wanted in (("force", plan.scope.force), ("source_system", plan.scope.system)):
        if wanted is None:
            continue
        others = rows.filter(pl.col(f"={name}") != wanted)
        if others.is_empty():
            continue
        seen = str(others.select(shown(pl.col(f"={name}"))).row(0)[0])
        is_unknown = name == "force" and seen not in door.forces
        raise Refusal(
            door.name,
            f"the file names {'an unknown' if is_unknown else 'another'} {name.replace('_', ' ')}",
            "correct the file or its name and supply it again",
            line=int(others[LINE][0]),
            field=plan.headers.get(name, name),
            seen=seen,
            wanted=f"{wanted}, as in the file name{nearest(seen, door.forces) if is_unknown else ''}",
        )


def _require_one_order(rows: pl.DataFrame, plan: columns.Plan, door: _Door) -> None:
    """Raise `Refusal` where the days come first in some dates and the months in others: none can be trusted."""
    for name in columns.DATED if plan.day_first else ():
        others = rows.filter(is_month_first(pl.col(name)))
        if others.is_empty():
            continue
        raise Refusal(
            door.name,
            "some dates of the file have the day first and this one the month",
            "ask the sender to write dates as ISO 8601 and supply the file again",
            line=int(others[LINE][0]),
            field=plan.headers.get(name, name),
            seen=others.select(shown(pl.col(name))).row(0)[0],
            wanted="one order in the whole file",
        )


def _require_month(lines: Path, rejects: pl.DataFrame, scope: columns.Scope, door: _Door) -> int:
    """The number of lines kept. Raises `Refusal` where there is no row, or none recorded in the months stated."""
    start = pl.lit(scope.start).dt.replace_time_zone(ZONE)
    recorded = pl.col("recorded_at")
    found = pl.scan_parquet(lines, glob=False).select(
        kept=pl.len(), is_inside=(recorded >= start).any(), latest=recorded.max()
    )
    kept, is_inside, latest = found.collect().row(0)
    if not kept and rejects.is_empty():
        raise Refusal(
            door.name,
            "the file holds a header and no row",
            "ask the sender for the rows: that nothing was recorded in a month is agreed with the sender, not assumed",
        )
    if kept and not is_inside:
        raise Refusal(
            door.name,
            "the file is of another month than its name says: nothing in it was recorded in that month",
            "correct the name or ask the sender for the right file",
            field="recorded_at",
            seen=f"nothing after {latest:%Y-%m-%d}",
            wanted=f"rows recorded in {scope.label}",
        )
    return int(kept)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
