"""The columns of the extract contract: how each is read out of text, and what it has to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import polars as pl

from pipelines.sources.column_maps import ColumnMap
from pipelines.sources.national_grid import METRES, degrees
from pipelines.sources.refusal import nearest
from pipelines.sources.rejecting import Check, all_right
from pipelines.sources.text import LINE, ROW
from pipelines.sources.times import (
    Style,
    any_date,
    any_style,
    is_day_first,
    is_doubtful,
    main_styles,
    why_no_time,
)
from transforms.contracts.columns import EXTRACT, REQUIRED, ZONE
from transforms.contracts.tables import Lines
from transforms.counting.codes import code_fault, normalise_offence_code

TIMES: Final = ("reported_at", "recorded_at", "occurred_from", "occurred_to", "status_at", "updated_at")
DATED: Final = (*TIMES, "outcome_at")
PLACES: Final = ("longitude", "latitude", "easting", "northing")
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
#: Columns that a value meant for the column before cannot pass for.
TELLING: Final = ("offence_code", "reported_at", "recorded_at", "victim_kind", "status", "updated_at")
#: Around Great Britain, in degrees: west, east, south, north.
DEGREES: Final = (-9.0, 2.5, 49.0, 61.5)

#: The columns of `Lines` and their types.
LINES: Final = dict(Lines.create_empty().schema)

#: Times are read quickly from the first year since when the clocks have gone forward and back each year (some offences
#: are recorded decades after they occurred) to so many years after those of the file; others are read with care.
_FIRST_YEAR, _YEARS_AFTER = 1972, 2
#: The file is read quickly where at least this share of its first rows can be.
_QUICK_SHARE: Final = 0.9
#: The nearest code is looked for this many times in one file; a file wholly wrong needs no more.
_MOST_NEAREST: Final = 50
_CLASS: Final = r"^(\d+)/\d+$"


@dataclass(frozen=True)
class Scope:
    """What every row of one file is held against: whose it is, its months, and the codes that exist."""

    force: str
    system: str | None
    start: datetime
    #: The first moment after the last month.
    end: datetime
    label: str
    codes: frozenset[str]


@dataclass(frozen=True)
class Plan:
    """How the columns of one file are read: under which headers, in which styles of time, quickly or with care."""

    scope: Scope
    column_map: ColumnMap
    headers: Mapping[str, str]
    styles: Mapping[str, Style]
    #: Whether days come before months where dates are written with slashes: one system writes one way.
    day_first: bool
    #: Whether places are given in National Grid metres.
    in_metres: bool
    #: Whether a field that looks empty may hold an empty text.
    has_quotes: bool
    #: Whether to try only the way that most of the file is written in, which is several times faster.
    is_quick: bool

    def with_care(self, cells: pl.DataFrame) -> Plan:
        """The plan by which `cells`, set aside by this one, are read by every rule there is."""
        return replace(
            self,
            day_first=self.day_first or is_day_first(cells, DATED),
            in_metres=self.in_metres or cells["easting"].count() > 0,
            is_quick=False,
        )


def make_plan(
    sample: pl.DataFrame, header: Sequence[str], column_map: ColumnMap, scope: Scope, *, has_quotes: bool
) -> tuple[Plan, pl.DataFrame]:
    """The plan for a file whose first rows are `sample`: as text under its own `header`, null where empty.

    And these rows as a quick plan reads them: those of `read_rows`.
    """
    headers = column_map.headers(header)
    stripped = sample.select(
        stripped_or_null(pl.col(own)).alias(name)
        for name, own in headers.items()
        if name in (*DATED, "easting")
    )
    dated = stripped.drop("easting", strict=False)
    day_first = column_map.day_first or is_day_first(dated, dated.columns)
    styles = main_styles(dated, day_first)
    in_metres = "easting" in headers and stripped["easting"].count() > 0
    plan = Plan(scope, column_map, headers, styles, day_first, in_metres, has_quotes, is_quick=True)
    read = read_rows(sample.lazy(), plan).collect()
    # Counted in their one column: taking rows out of so wide a table costs more than reading a small file.
    good = read["_is_good"].arg_true().len()
    return replace(plan, is_quick=good >= _QUICK_SHARE * sample.height), read


def read_rows(table: pl.LazyFrame, plan: Plan) -> pl.LazyFrame:
    """The rows of a file as `read_cells` reads them, numbered, with `_is_good`."""
    return read_cells(table.select(ROW, LINE, *cells(plan)), plan).with_columns(_is_good=is_good(plan))


def cells(plan: Plan) -> Iterator[pl.Expr]:
    """Each column of the contract as the file writes it; null where a field is empty or there is no such column."""
    outside = {"force": plan.scope.force, "source_system": plan.column_map.source_system}
    for name in EXTRACT:
        if name not in plan.headers:
            yield pl.lit(outside.get(name), pl.String).alias(name)
            continue
        cell = pl.col(plan.headers[name])
        if not plan.is_quick:
            cell = stripped_or_null(cell)
        elif plan.has_quotes:
            cell = _or_null(cell)
        if name in PLACES and plan.column_map.no_location:
            cell = pl.when(~cell.is_in(list(plan.column_map.no_location))).then(cell)
        yield cell.alias(name)


def stripped_or_null(text: pl.Expr) -> pl.Expr:
    """Text without outer spaces; null where nothing is left."""
    return _or_null(text.str.strip_chars())


def read_cells(table: pl.LazyFrame, plan: Plan) -> pl.LazyFrame:
    """`table` of cells with, beside each, its value as `Lines` holds it, under its name with a leading `=`.

    A value is null, or a word that is not known, where the cell cannot be read by the plan.
    """
    if plan.is_quick:
        clocks = [style.clock(pl.col(name)).alias(f"={name}") for name, style in plan.styles.items()]
        table = table.with_columns(clocks)
    return table.with_columns(
        *_words(plan),
        *_references(plan),
        *_times(plan),
        *_place(plan),
        (pl.col("offence_code") if plan.is_quick else normalise_offence_code(pl.col("offence_code"))).alias(
            "=offence_code"
        ),
    )


def is_good(plan: Plan) -> pl.Expr:
    """Whether a row that `read_cells` has read is right in everything, and in no doubtful hour."""
    right = all_right(checks(plan))
    if plan.is_quick:
        return right
    doubtful = [is_doubtful(pl.col(name), plan.day_first) for name in TIMES if name in plan.headers]
    return right & ~pl.any_horizontal(doubtful)


def lines(supply: str) -> list[pl.Expr]:
    """The columns of `Lines`, in order, out of a table that `read_cells` has read."""
    given = {"supply": pl.lit(supply), "row": pl.col(ROW)}
    return [given.get(name, pl.col(f"={name}")).cast(dtype).alias(name) for name, dtype in LINES.items()]


def _words(plan: Plan) -> Iterator[pl.Expr]:
    """The contract's word for the system's word. Other words stay as they are, to be found unknown."""
    for name in ("force", "source_system", *WORDS):
        word, meanings = pl.col(name), plan.column_map.values.get(name, {})
        if plan.is_quick:
            word = word.replace(dict(meanings)) if meanings else word
        else:
            known = meanings or {own: own for own in WORDS.get(name, ())}
            folded = {own.casefold(): meaning for own, meaning in known.items()}
            if folded:
                word = pl.coalesce(word.str.to_lowercase().replace_strict(folded, default=None), word)
        yield word.alias(f"={name}")


def _references(plan: Plan) -> Iterator[pl.Expr]:
    for name in REFERENCES:
        yield (pl.col(name).str.strip_chars() if plan.is_quick else pl.col(name)).alias(f"={name}")


def _times(plan: Plan) -> Iterator[pl.Expr]:
    """Moments and dates. Those that are read quickly have their clock faces under their `=` names already."""
    scope = plan.scope
    years = range(_FIRST_YEAR, scope.end.year + _YEARS_AFTER)
    for name in DATED:
        value, is_date = f"={name}", name not in TIMES
        if name not in plan.headers:
            yield pl.lit(None, LINES[name]).alias(value)
        elif not plan.is_quick:
            read = any_date if is_date else any_style
            yield read(pl.col(name), plan.day_first).alias(value)
        elif is_date and plan.styles[name].offset == "none":
            yield pl.col(value).dt.date().alias(value)
        else:
            moment = plan.styles[name].moment(pl.col(value), years)
            yield (moment.dt.date() if is_date else moment).alias(value)


def _place(plan: Plan) -> Iterator[pl.Expr]:
    """`longitude` and `latitude`, out of degrees where they are given, else out of National Grid metres."""
    number = {name: pl.col(name).cast(pl.Float64, strict=False) for name in PLACES}
    found = degrees(number["easting"], number["northing"]) if plan.in_metres else None
    for name in ("longitude", "latitude"):
        value = number[name] if found is None else pl.coalesce(number[name], found.struct.field(name))
        yield value.alias(f"={name}")


def _or_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def checks(plan: Plan, with_words: bool = False) -> list[Check]:
    """What every row has to be, in the order of the contract.

    `with_words` adds what takes time to say and is only said of rejects: it needs the column `nearest_codes`.
    """
    return [
        *_whose(plan),
        *_code(plan, with_words),
        *_dated(plan, with_words),
        *_located(plan),
        *_worded(plan),
    ]


def _value(name: str) -> pl.Expr:
    return pl.col(f"={name}")


def _whose(plan: Plan) -> Iterator[Check]:
    scope = plan.scope
    yield Check("force", _value("force") == scope.force, f"{scope.force}, as in the file name")
    if scope.system:
        wanted = f"{scope.system}, as in the file name"
        yield Check("source_system", _value("source_system") == scope.system, wanted)
    else:
        is_given = _value("source_system").is_not_null()
        yield Check("source_system", is_given, "the records system", "the value is empty")
    for name in REFERENCES:
        # Blanks alone, where a reference is read quickly, are set aside to be read with care.
        is_given = _value(name) != "" if name in REQUIRED else _value(name).ne_missing("")
        yield Check(name, is_given, "a reference", "the value is empty")


def _code(plan: Plan, with_words: bool) -> Iterator[Check]:
    known = _value("offence_code").is_in(list(plan.scope.codes))
    if not plan.is_quick:
        known = known | _value("offence_code").str.extract(_CLASS).is_in(list(plan.scope.codes))
    if not with_words:
        yield Check("offence_code", known, "")
        return
    fault = pl.coalesce(code_fault(pl.col("offence_code")), pl.lit("no edition has this code"))
    yield Check("offence_code", known, pl.col("nearest_codes"), fault)


def _dated(plan: Plan, with_words: bool) -> Iterator[Check]:
    scope = plan.scope
    for name in DATED:
        is_read = _value(name).is_not_null()
        yield Check(
            name,
            is_read if name in REQUIRED else is_read | pl.col(name).is_null(),
            f"an ISO 8601 date{' and time' * (name in TIMES)}{', or empty' * (name not in REQUIRED)}",
            why_no_time(pl.col(name)) if with_words else "",
        )
    yield Check(
        "recorded_at",
        _value("recorded_at") < pl.lit(scope.end).dt.replace_time_zone(ZONE),
        f"a time in {scope.label} or before",
        "recorded after the last month that the file name states",
    )


def _located(plan: Plan) -> Iterator[Check]:
    limits = (DEGREES[:2], DEGREES[2:], METRES[:2], METRES[2:])
    for name, (low, high) in zip(PLACES, limits, strict=True):
        if not plan.in_metres and name in PLACES[2:]:
            # Metres where the start of the file has none are set aside, to be read with care.
            yield Check(name, pl.col(name).is_null(), "empty, as in the rest of the file")
            continue
        # Where there are metres too, the value may have come from them.
        number = pl.col(name).cast(pl.Float64, strict=False) if plan.in_metres else _value(name)
        unit = "degrees" if name in PLACES[:2] else "metres"
        is_inside = pl.col(name).is_null() | number.is_between(low, high)
        yield Check(
            name,
            is_inside,
            f"{unit} between {low:,g} and {high:,g}, or empty",
            "no such place in Great Britain",
        )
    for one, other in (PLACES[:2], PLACES[2:]):
        both = pl.col(one).is_null() == pl.col(other).is_null()
        yield Check(other, both, f"{one} and {other}, or neither", "half a location was given")


def _worded(plan: Plan) -> Iterator[Check]:
    for name, words in WORDS.items():
        known = _value(name).is_in(list(words))
        told = plan.column_map.values.get(name) or words
        yield Check(
            name,
            known if name in REQUIRED else known | _value(name).is_null(),
            f"one of {', '.join(told)}",
            "the word is not in the vocabulary",
        )
    is_live, outcome = _value("status") == "live", _value("outcome_type")
    for name, wanted in (("status_reason", "C1 to C5"), ("status_at", "a time")):
        yield Check(name, is_live | _value(name).is_not_null(), wanted, "a line that is not live needs it")
    no_outcome = outcome.is_null() | (outcome == "0")
    is_dated = no_outcome | _value("outcome_at").is_not_null()
    yield Check("outcome_at", is_dated, "a date", "an outcome needs its date")


def nearest_codes(codes: pl.Series, known: frozenset[str]) -> pl.Series:
    """What is wanted in place of each code, with the nearest code that exists."""
    odd = (
        codes.unique(maintain_order=True)
        .to_frame("code")
        .with_columns(normal=normalise_offence_code(pl.col("code")))
        .filter(~pl.col("normal").is_in(list(known)))
        .head(_MOST_NEAREST)
    )
    wanted = {
        code: f"a code of an edition{nearest(normal or code, known)}" for code, normal in odd.iter_rows()
    }
    return codes.replace_strict(wanted, default="a code of an edition", return_dtype=pl.String)
