"""Reads a force's record-level extract, from any records system that has a column map, into `Lines` and `Rejects`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from pyproj import Transformer

from pipelines.sources.column_maps import ColumnMap, choose, shipped_maps
from pipelines.sources.freeze import Frozen, scratch_file, unpacked
from pipelines.sources.naming import Recognised, what_it_is
from pipelines.sources.refusal import Refusal, nearest
from pipelines.sources.rejecting import Check, all_right, broken_rows, split
from pipelines.sources.text import LINE, ROW, Form, forms
from pipelines.sources.times import (
    Style,
    any_date,
    any_style,
    is_day_first,
    is_doubtful,
    is_month_first,
    main_style,
    why_no_time,
)
from transforms.contracts.columns import EXTRACT, REQUIRED, ZONE
from transforms.contracts.tables import Lines, Rejects
from transforms.counting.codes import code_fault, normalise_offence_code

TIMES: Final = ("reported_at", "recorded_at", "occurred_from", "occurred_to", "status_at", "updated_at")
REFERENCES: Final = (
    "crime_ref",
    "previous_crime_ref",
    "incident_ref",
    "victim_ref",
    "offender_ref",
    "owner_ref",
    "premises_ref",
    "flags",
)
#: Words of the contract, version 1, column by column.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "victim_kind": ("person", "business", "state"),
    "status": ("live", "cancelled", "transferred"),
    "status_reason": ("C1", "C2", "C3", "C4", "C5"),
    "outcome_type": (*map(str, range(23)), "1A", "2A", "3A"),
}
#: Around England, Wales and Scotland: west, east, south, north, in degrees; and in National Grid metres.
DEGREES: Final = (-9.0, 2.5, 49.0, 61.5)
METRES: Final = (1.0, 700_000.0, 1.0, 1_300_000.0)

_SURVEYORS: Final = ThreadPoolExecutor(thread_name_prefix="surveyor")

_SAMPLE: Final = 1_000
_ROW_GROUP: Final = 250_000
#: Years before and after those of the file whose times are read quickly; others are read with care.
_YEARS_BEFORE, _YEARS_AFTER = 4, 2
_LINES: Final = dict(Lines.create_empty().schema)
#: OSGB36 to WGS 84 by the seven-parameter shift (EPSG:1314), good to about 3 m. Written out so that the same
#: degrees come out on every machine, whatever grids are installed.
_TO_DEGREES: Final = (
    "+proj=pipeline +step +inv +proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=airy "
    "+step +proj=push +v_3 +step +proj=cart +ellps=airy "
    "+step +proj=helmert +x=446.448 +y=-125.157 +z=542.06 +rx=0.15 +ry=0.247 +rz=0.842 +s=-20.489 "
    "+convention=position_vector +step +inv +proj=cart +ellps=WGS84 +step +proj=pop +v_3 "
    "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
)


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
    force, source system or month than the file name says, for a code column that was read as a number, and for a
    file that cannot be read to its end; every other fault rejects its own row.
    """
    maps = shipped_maps() if maps is None else maps
    folder.mkdir(parents=True, exist_ok=True)
    door = _Door(frozen, recognised, frozenset(known_forces), frozenset(known_codes), folder)
    with unpacked(frozen, recognised.name, folder) as plain:
        with plain.open("rb") as stream:
            is_parquet = what_it_is(stream.read(8)) == "parquet"
        return _from_parquet(plain, door, maps) if is_parquet else _from_text(plain, door, maps)


@dataclass(frozen=True)
class _Door:
    """What every row of one file is held against."""

    frozen: Frozen
    recognised: Recognised
    forces: frozenset[str]
    codes: frozenset[str]
    folder: Path

    @property
    def name(self) -> str:
        return self.recognised.name

    @property
    def start(self) -> datetime:
        return _midnight(self.recognised.first_month)

    @property
    def end(self) -> datetime:
        """The first moment after the last month."""
        last = self.recognised.last_month
        assert last is not None
        return _midnight((last.replace(day=28) + timedelta(days=4)).replace(day=1))


@dataclass(frozen=True)
class _Plan:
    """How the columns of one file are read: by which map, under which headers, in which styles of time."""

    column_map: ColumnMap
    headers: Mapping[str, str]
    styles: Mapping[str, Style]
    day_first: Mapping[str, bool]
    #: Whether places are given in National Grid metres.
    in_metres: bool


@dataclass
class _SetAside:
    """What came of the rows that the quick reading did not take."""

    rejects: pl.DataFrame = field(default_factory=Rejects.create_empty)
    notes: list[str] = field(default_factory=list)
    refusal: Refusal | None = None


def _from_text(plain: Path, door: _Door, maps: Sequence[ColumnMap]) -> ExtractRead:
    with forms(plain, door.name, door.folder) as candidates:
        for form in candidates:
            column_map = choose(form.header, door.recognised.system, maps, door.name)
            try:
                if (_may_hide_short_rows(form, column_map) or not form.is_closed()) and not form.is_even():
                    continue
                read = _read(form.scan(), form.header, column_map, door)
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
    raise AssertionError("the last form of a text file always opens")


def _may_hide_short_rows(form: Form, column_map: ColumnMap) -> bool:
    """Whether a row could be cut short without losing a value that it must have."""
    places = {column: form.header.index(header) for column, header in column_map.headers(form.header).items()}
    last_required = max(places[column] for column in REQUIRED if column in places)
    return any(place > last_required for place in places.values())


def _from_parquet(plain: Path, door: _Door, maps: Sequence[ColumnMap]) -> ExtractRead:
    try:
        table = pl.scan_parquet(plain, glob=False)
        schema = table.collect_schema()
        column_map = choose(schema.names(), door.recognised.system, maps, door.name)
        wanted = {header: column for column, header in column_map.headers(schema.names()).items()}
        for header, column in wanted.items():
            _require_text(schema[header], header, column, door.name)
        as_text = table.select(
            _as_text(header, schema[header]) if header in wanted else pl.col(header).is_null().alias(header)
            for header in schema.names()
        ).with_columns(
            pl.when(pl.col(header)).then(pl.lit("")).otherwise(pl.lit("personal")).alias(header)
            for header in schema.names()
            if header not in wanted
        )
        numbered = as_text.with_row_index(ROW, 1).with_columns((pl.col(ROW).cast(pl.Int64) + 1).alias(LINE))
        return _read(numbered, schema.names(), column_map, door)
    except (pl.exceptions.ComputeError, OSError, pa.ArrowException) as error:
        raise Refusal(
            door.name,
            "the Parquet file is damaged or cut short",
            "ask the sender to supply it again",
            seen=str(error).splitlines()[0],
            wanted="a Parquet file that reads to its end",
        ) from error


def _require_text(dtype: pl.DataType, header: str, column: str, name: str) -> None:
    """Refuse a column of codes or references that was read as a number: 4.10 is lost in it, and is now 4.1."""
    must_be_text = column not in (*TIMES, "outcome_at", "easting", "northing", "longitude", "latitude")
    numeric = dtype.is_float() or dtype.is_decimal() or (dtype.is_integer() and column == "offence_code")
    if must_be_text and numeric:
        raise Refusal(
            name,
            "the column was read as a number before it was supplied, so codes such as 4.10 are lost in it",
            "ask the sender to write the column as text and supply the file again",
            field=header,
            seen=str(dtype),
            wanted="text",
        )


def _as_text(header: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(header)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            text = column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
        else:
            text = column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    elif dtype == pl.Date:
        text = column.dt.strftime("%Y-%m-%d")
    else:
        text = column.cast(pl.String)
    return text.fill_null(pl.lit(""))


def _read(table: pl.LazyFrame, header: Sequence[str], column_map: ColumnMap, door: _Door) -> ExtractRead:
    """Read a table of text under the file's own header.

    One pass over the file. Rows in the style that most of it is written in go straight to `Lines`; the others are
    set aside and read again by every rule there is, and what is left of them is rejected.
    """
    plan = _plan(table, header, column_map)
    clocks = (
        style.clock(pl.col(column)).alias(f"={column}")
        for column, style in plan.styles.items()
        if column in TIMES
    )
    quick = (
        table.select(ROW, LINE, *(_cell(column, plan, door) for column in EXTRACT))
        .with_columns(clocks)
        .with_columns(_quick_values(plan, door))
        .with_columns(_is_good=all_right(_checks(plan, door, quick=True)))
    )
    good = quick.filter("_is_good").select(_line(door))
    aside = _SetAside()

    def carefully(rows: pl.DataFrame) -> pl.DataFrame:
        try:
            return _careful(_without_blank(rows, table, header, plan), plan, door, aside)
        except Refusal as refusal:
            aside.refusal = refusal
            return Lines.create_empty()

    others = (
        quick.filter(~pl.col("_is_good"))
        .select(ROW, LINE, *EXTRACT)
        .map_batches(carefully, schema=_LINES, streamable=False)
    )
    with scratch_file(door.folder, door.name, ".parquet") as lines:
        pl.concat([good, others]).sink_parquet(
            lines, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP
        )
        if aside.refusal:
            raise aside.refusal
        kept = _require_month(lines, aside.rejects, door)
        place = door.folder / f"{door.frozen.supply}.lines.parquet"
        lines.rename(place)
    return ExtractRead(
        place, kept, aside.rejects, kept + aside.rejects.height, plan.column_map.name, tuple(aside.notes)
    )


def _plan(table: pl.LazyFrame, header: Sequence[str], column_map: ColumnMap) -> _Plan:
    headers = column_map.headers(header)
    sample = table.head(_SAMPLE).select(list(headers.values())).collect()
    samples = {
        column: sample[headers[column]].str.strip_chars().replace("", None).drop_nulls()
        for column in (*TIMES, "outcome_at")
        if column in headers
    }
    day_first = {column: column_map.day_first or is_day_first(values) for column, values in samples.items()}
    styles = {column: main_style(values, day_first[column]) for column, values in samples.items()}
    in_metres = (
        "easting" in headers and sample.select((pl.col(headers["easting"]) != "").any()).item() is True
    )
    return _Plan(column_map, headers, styles, day_first, in_metres)


def _cell(column: str, plan: _Plan, door: _Door) -> pl.Expr:
    """One column of the contract as the file writes it; empty text where the file has no such column."""
    header = plan.headers.get(column)
    if header is None:
        outside = {"force": door.recognised.force, "source_system": plan.column_map.source_system}
        return pl.lit(outside.get(column) or "").alias(column)
    cell = pl.col(header)
    if column in ("easting", "northing", "longitude", "latitude") and plan.column_map.no_location:
        cell = pl.when(~cell.is_in(list(plan.column_map.no_location))).then(cell).otherwise(pl.lit(""))
    return cell.alias(column)


def _quick_values(plan: _Plan, door: _Door) -> Iterator[pl.Expr]:
    """Each column as `Lines` holds it, where the file writes it in its main style; named with a leading `=`.

    Times have their clock faces under those names already.
    """
    years = range(door.start.year - _YEARS_BEFORE, door.end.year + _YEARS_AFTER)
    for column in ("force", "source_system", "victim_kind", "status"):
        yield _translated(pl.col(column), plan, column).alias(f"={column}")
    for column in ("status_reason", "outcome_type"):
        yield _or_null(_translated(pl.col(column), plan, column)).alias(f"={column}")
    for column in REFERENCES:
        yield _or_null(pl.col(column).str.strip_chars()).alias(f"={column}")
    yield pl.col("offence_code").alias("=offence_code")
    for column in TIMES:
        if column in plan.styles:
            yield plan.styles[column].moment(pl.col(f"={column}"), years).alias(f"={column}")
        else:
            yield pl.lit(None, _LINES[column]).alias(f"={column}")
    date_pattern = plan.styles["outcome_at"].pattern if "outcome_at" in plan.styles else "%Y-%m-%d"
    yield pl.col("outcome_at").str.to_date(date_pattern, strict=False).alias("=outcome_at")
    yield from _place(plan)


def _careful_values(plan: _Plan) -> Iterator[pl.Expr]:
    """Each column as `Lines` holds it, by every rule there is; from cells without outer spaces."""
    for column in ("force", "source_system", "victim_kind", "status"):
        yield _translated(pl.col(column), plan, column, any_case=True).alias(f"={column}")
    for column in ("status_reason", "outcome_type"):
        yield _or_null(_translated(pl.col(column), plan, column, any_case=True)).alias(f"={column}")
    for column in REFERENCES:
        yield _or_null(pl.col(column)).alias(f"={column}")
    yield normalise_offence_code(pl.col("offence_code")).alias("=offence_code")
    for column in TIMES:
        yield any_style(pl.col(column), plan.day_first.get(column, False)).alias(f"={column}")
    yield any_date(pl.col("outcome_at"), plan.day_first.get("outcome_at", False)).alias("=outcome_at")
    yield from _place(plan)


def _translated(cell: pl.Expr, plan: _Plan, column: str, any_case: bool = False) -> pl.Expr:
    """The contract's word for the system's word. Other words stay as they are, to be found unknown."""
    words = plan.column_map.values.get(column)
    if any_case:
        known = words or {word: word for word in WORDS.get(column, ())}
        folded = {word.casefold(): meaning for word, meaning in known.items()}
        return (
            pl.coalesce(cell.str.to_lowercase().replace_strict(folded, default=None), cell)
            if folded
            else cell
        )
    return cell.replace(dict(words)) if words else cell


def _or_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _place(plan: _Plan) -> Iterator[pl.Expr]:
    """`longitude` and `latitude`, out of degrees where they are given, else out of National Grid metres."""
    longitude, latitude = (
        pl.col(column).cast(pl.Float64, strict=False) for column in ("longitude", "latitude")
    )
    if not plan.in_metres:
        yield longitude.alias("=longitude")
        yield latitude.alias("=latitude")
        return
    metres = pl.struct(pl.col("easting", "northing").cast(pl.Float64, strict=False))
    degrees = metres.map_batches(_to_degrees, return_dtype=_DEGREES, is_elementwise=True)
    yield pl.coalesce(longitude, degrees.struct.field("longitude")).alias("=longitude")
    yield pl.coalesce(latitude, degrees.struct.field("latitude")).alias("=latitude")


_DEGREES: Final = pl.Struct({"longitude": pl.Float64, "latitude": pl.Float64})


def _to_degrees(metres: pl.Series) -> pl.Series:
    """WGS 84 degrees, to 6 decimals (about 10 cm), of National Grid metres; null where there are none.

    Called by the engine on its own threads, whose stacks are too small for PROJ: the sums are done on ours.
    """
    easting, northing = (metres.struct.field(column).to_numpy() for column in ("easting", "northing"))
    degrees = np.full((2, len(metres)), np.nan)
    west, east, south, north = METRES
    given = (easting >= west) & (easting <= east) & (northing >= south) & (northing <= north)
    if given.any():
        degrees[:, given] = _SURVEYORS.submit(_transform, easting[given], northing[given]).result()
    longitude, latitude = (pl.Series(values, nan_to_null=True) for values in degrees)
    return pl.DataFrame({"longitude": longitude, "latitude": latitude}).to_struct(metres.name)


def _transform(easting: np.ndarray, northing: np.ndarray) -> np.ndarray:
    points, places = np.unique(easting + 1j * northing, return_inverse=True)
    degrees = Transformer.from_pipeline(_TO_DEGREES).transform(points.real, points.imag)
    return np.round(degrees, 6)[:, places]


def _checks(plan: _Plan, door: _Door, *, quick: bool) -> list[Check]:
    """What every row has to be, in the order of the contract; over raw cells and `=` values.

    The quick reading takes a narrower view of what is well written; what it does not take is read again.
    """
    recognised, cell, value = door.recognised, pl.col, lambda column: pl.col(f"={column}")
    live = value("status") == "live"
    code = value("offence_code")
    known = code.is_in(list(door.codes))
    if not quick:
        known = known | code.str.extract(r"^(\d+)/\d+$").is_in(list(door.codes))
    return [
        Check("force", value("force") == recognised.force, f"{recognised.force}, as in the file name"),
        Check(
            "source_system",
            value("source_system") == recognised.system,
            f"{recognised.system}, as in the file name",
        )
        if recognised.system
        else Check("source_system", value("source_system") != "", "the records system"),
        *(
            Check(column, value(column).is_not_null(), "a reference", "the value is empty")
            for column in ("crime_ref", "incident_ref")
        ),
        Check(
            "offence_code",
            known,
            pl.col("_nearest_code") if not quick else "",
            pl.coalesce(code_fault(cell("offence_code")), pl.lit("no edition has this code"))
            if not quick
            else "",
        ),
        *(
            Check(
                column,
                value(column).is_not_null()
                if column in REQUIRED
                else value(column).is_not_null() | (cell(column) == ""),
                "an ISO 8601 date and time" + ("" if column in REQUIRED else ", or empty"),
                why_no_time(cell(column)) if not quick else "",
            )
            for column in TIMES
        ),
        Check(
            "recorded_at",
            value("recorded_at") < pl.lit(door.end).dt.replace_time_zone(ZONE),
            f"a time in {recognised.label} or before",
            "recorded after the last month that the file name states",
        ),
        # A grid reference where the start of the file has none is for the careful reading.
        *([Check("easting", cell("easting") == "", "")] if quick and not plan.in_metres else []),
        *_place_checks(),
        *(
            Check(
                column,
                value(column).is_in(list(WORDS[column]))
                | (value(column).is_null() & (column not in REQUIRED)),
                f"one of {', '.join(_words(column, plan))}",
                "the word is not in the vocabulary",
            )
            for column in WORDS
        ),
        Check(
            "status_reason",
            live | value("status_reason").is_not_null(),
            "C1 to C5",
            "a line that is not live needs a reason",
        ),
        Check(
            "status_at",
            live | value("status_at").is_not_null(),
            "a time",
            "a line that is not live needs a date",
        ),
        Check(
            "outcome_at",
            value("outcome_at").is_not_null() | (cell("outcome_at") == ""),
            "an ISO 8601 date, or empty",
            why_no_time(cell("outcome_at")) if not quick else "",
        ),
        Check(
            "outcome_at",
            value("outcome_at").is_not_null()
            | value("outcome_type").is_null()
            | (value("outcome_type") == "0"),
            "a date",
            "an outcome needs its date",
        ),
    ]


def _words(column: str, plan: _Plan) -> Sequence[str]:
    """The words that the sender of the file knows."""
    return list(plan.column_map.values.get(column, ())) or WORDS[column]


def _place_checks() -> Iterator[Check]:
    boxes = zip(
        ("longitude", "latitude", "easting", "northing"),
        (DEGREES[:2], DEGREES[2:], METRES[:2], METRES[2:]),
        strict=True,
    )
    for column, (low, high) in boxes:
        number = pl.col(column).cast(pl.Float64, strict=False)
        unit = "degrees" if column in ("longitude", "latitude") else "metres"
        yield Check(
            column,
            (pl.col(column) == "") | number.is_between(low, high).fill_null(False),
            f"{unit} between {low:,g} and {high:,g}, or empty",
            "no such place in Great Britain",
        )
    for one, other in (("longitude", "latitude"), ("easting", "northing")):
        yield Check(
            other,
            (pl.col(one) == "") == (pl.col(other) == ""),
            f"{one} and {other}, or neither",
            "half a location was given",
        )


def _line(door: _Door) -> list[pl.Expr]:
    """The columns of `Lines`, in order, out of `=` values."""
    given = {"supply": pl.lit(door.frozen.supply), "row": pl.col(ROW)}
    return [
        given.get(column, pl.col(f"={column}")).cast(dtype).alias(column) for column, dtype in _LINES.items()
    ]


def _without_blank(
    rows: pl.DataFrame, table: pl.LazyFrame, header: Sequence[str], plan: _Plan
) -> pl.DataFrame:
    """The rows in which anything stands. Spreadsheets leave blank ones at the end of a file: they are no rows."""
    suspects = rows.filter(pl.all_horizontal(pl.col(list(plan.headers)) == ""))[ROW]
    if suspects.is_empty():
        return rows
    blank = table.filter(pl.col(ROW).is_in(suspects.implode()), pl.all_horizontal(pl.col(header) == ""))
    return rows.join(blank.select(ROW).collect(), on=ROW, how="anti")


def _careful(rows: pl.DataFrame, plan: _Plan, door: _Door, aside: _SetAside) -> pl.DataFrame:
    """Read the rows that the quick reading set aside. Returns those that are right; keeps the rest as rejects."""
    if rows.is_empty():
        return Lines.create_empty()
    cells = rows.with_columns(pl.col(EXTRACT).str.strip_chars())
    day_first = {column: plan.day_first[column] or is_day_first(cells[column]) for column in plan.day_first}
    _require_one_order(cells, day_first, plan, door)
    in_metres = plan.in_metres or cells.select((pl.col("easting") != "").any()).item() is True
    plan = replace(plan, day_first=day_first, in_metres=in_metres)
    read = cells.with_columns(_careful_values(plan)).with_columns(
        _nearest_code=_nearest_codes(cells["offence_code"], door.codes)
    )
    _require_owner(read, plan, door)
    good, rejects = split(
        read,
        _checks(plan, door, quick=False),
        supply=door.frozen.supply,
        name=door.name,
        headers=plan.headers,
    )
    aside.rejects = rejects
    for column in TIMES:
        doubtful = good.select(
            is_doubtful(pl.col(column), day_first.get(column, False)).fill_null(False).alias("it")
        )
        if number := doubtful.filter("it").height:
            aside.notes.append(
                f"{column}: {number:,} time(s) in the hour that comes twice in October were taken as summer time, or "
                "in the hour left out in March as if it were not; no day changes"
            )
    return good.select(_line(door))


def _nearest_codes(codes: pl.Series, known: frozenset[str]) -> pl.Series:
    """What is wanted in place of each code, with the nearest code that exists."""
    odd = codes.unique().to_frame("code").with_columns(normal=normalise_offence_code(pl.col("code")))
    wanted = {
        code: f"a code of an edition{nearest(normal or code, known) if normal not in known else ''}"
        for code, normal in odd.head(1_000).iter_rows()
    }
    return codes.replace_strict(wanted, default="a code of an edition", return_dtype=pl.String)


def _require_owner(rows: pl.DataFrame, plan: _Plan, door: _Door) -> None:
    """Raise `Refusal` at the first row of another force or source system than the file name says."""
    for column, wanted in (("force", door.recognised.force), ("source_system", door.recognised.system)):
        if wanted is None:
            continue
        others = rows.filter((pl.col(f"={column}") != wanted) & (pl.col(column) != ""))
        if others.is_empty():
            continue
        seen = str(others[f"={column}"][0])
        unknown = column == "force" and seen not in door.forces
        raise Refusal(
            door.name,
            f"the file names {'an unknown' if unknown else 'another'} {column.replace('_', ' ')}",
            "correct the file or its name and supply it again",
            line=int(others[LINE][0]),
            field=plan.headers.get(column, column),
            seen=seen,
            wanted=f"{wanted}, as in the file name{nearest(seen, door.forces) if unknown else ''}",
        )


def _require_one_order(rows: pl.DataFrame, day_first: Mapping[str, bool], plan: _Plan, door: _Door) -> None:
    """Raise `Refusal` where a column whose days come first holds a date whose month does: neither can be trusted."""
    for column in (column for column, is_first in day_first.items() if is_first):
        others = rows.filter(is_month_first(pl.col(column)))
        if others.is_empty():
            continue
        raise Refusal(
            door.name,
            "some dates of the column have the day first and others the month",
            "ask the sender to write dates as ISO 8601 and supply the file again",
            line=int(others[LINE][0]),
            field=plan.headers[column],
            seen=others[column][0],
            wanted="one order in the whole column",
        )


def _require_month(lines: Path, rejects: pl.DataFrame, door: _Door) -> int:
    """The number of lines kept. Raises `Refusal` where there is no row, or none recorded in the months stated."""
    start = pl.lit(door.start).dt.replace_time_zone(ZONE)
    kept, inside, latest = (
        pl.scan_parquet(lines, glob=False)
        .select(
            pl.len(),
            (pl.col("recorded_at") >= start).any().alias("inside"),
            pl.col("recorded_at").max().alias("latest"),
        )
        .collect()
        .row(0)
    )
    if not kept and not rejects.height:
        raise Refusal(
            door.name,
            "the file holds a header and no row",
            "ask the sender for the rows; a month in which nothing was recorded is agreed with the sender, not assumed",
        )
    if kept and not inside:
        raise Refusal(
            door.name,
            "the file is of another month than its name says: nothing in it was recorded in that month",
            "correct the name or ask the sender for the right file",
            field="recorded_at",
            seen=f"nothing after {latest:%Y-%m-%d}",
            wanted=f"rows recorded in {door.recognised.label}",
        )
    return int(kept)


def _midnight(day: date | None) -> datetime:
    assert day is not None
    return datetime(day.year, day.month, day.day)
