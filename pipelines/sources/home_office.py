"""Reads the Home Office police recorded crime open data tables (PFA and CSP): counts, not records."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import polars as pl
from python_calamine import CalamineError, CalamineWorkbook

from pipelines.sources.finding import refuse_bomb
from pipelines.sources.freeze import Frozen, unpacked
from pipelines.sources.naming import Recognised, what_it_is
from pipelines.sources.refusal import Refusal, nearest
from pipelines.sources.text import LINE, forms
from transforms.aggregation import add_up
from transforms.contracts.status import STATUS, Status

#: Header of the tables, in either spelling, and the column it becomes. PFA and CSP tables spell two differently.
HEADERS: Final = {
    "Financial Year": "financial_year",
    "Financial Quarter": "quarter",
    "Force Name": "force_name",
    "Police Force": "force_name",
    "CSP Name": "csp_name",
    "Offence Description": "offence_description",
    "Offence Group": "group",
    "Offence Subgroup": "subgroup",
    "Offence Code": "offence_code",
    "Number of Offences": "count",
    "Offence Count": "count",
}
COLUMNS: Final = (
    "financial_year",
    "quarter",
    "force",
    "force_name",
    "csp_name",
    "offence_code",
    "offence_description",
    "group",
    "subgroup",
    "count",
    "status",
)
#: What the Home Office writes where a force gave no figure. It is not a zero.
NOT_PROVIDED: Final = "N/A - data not provided"
#: The published class made of four codes, which the tables give in four rows.
HOMICIDE: Final = "1/4.1/4.10/4.2"

_MUST_HAVE: Final = ("financial_year", "quarter", "force_name", "group", "count")
_YEAR_SHEET: Final = re.compile(r"^(\d{4})_(\d{2})$")
_OTHER_SHEETS: Final = re.compile(r"^(cover|contents|notes?|pivot|metadata)", re.IGNORECASE)
_HEADER_WITHIN: Final = 20
_KEY: Final = ("financial_year", "quarter", "force_name", "csp_name", "offence_code")


@dataclass(frozen=True)
class Words:
    """What the tables may say, and which force each name means."""

    groups: tuple[str, ...]
    subgroups: tuple[str, ...]
    pseudo_forces: tuple[str, ...]
    other_names: Mapping[str, Sequence[str]]


@cache
def words() -> Words:
    """The words that are read, from `home_office_words.toml`."""
    data = tomllib.loads(
        files("pipelines.sources").joinpath("home_office_words.toml").read_text(encoding="utf-8")
    )
    return Words(
        tuple(data["groups"]), tuple(data["subgroups"]), tuple(data["pseudo_forces"]), data["other_names"]
    )


def read_prc_table(
    frozen: Frozen, recognised: Recognised, forces: pl.DataFrame, scratch: Path | None = None
) -> pl.DataFrame:
    """Counts by financial year, quarter, force (and CSP) and offence code, from a CSV, ODS or XLSX table.

    One row for each key of the table; columns `COLUMNS`. `force` is the police.uk slug, null for bodies that are no
    force (Action Fraud, Cifas, UK Finance); `csp_name`, `offence_code` and the like are null where the table has no
    such column. `count` is null, with `status` missing, where the table says that no figure was provided; negative
    counts are net corrections and stay. Homicide, given in four rows, is added up. Raises `Refusal` for an unknown
    header, sheet, force or word, a count that is no whole number, and any other key that is given twice.
    """
    name, scratch = recognised.name, scratch or Path(tempfile.gettempdir())
    with unpacked(frozen, name, scratch) as plain:
        with plain.open("rb") as stream:
            is_sheet = what_it_is(stream.read(8)) == "zip"
        text = _workbook(plain, name) if is_sheet else _csv(plain, name, scratch)
    table = _typed(text, forces, name)
    return add_up_homicide(table, name).select(COLUMNS)


def absent_keys(table: pl.DataFrame) -> pl.DataFrame:
    """Keys that a dense table lacks: one row for each force, financial year, quarter and offence code not there.

    PFA tables hold every code for every force and quarter of a year, zeros included, so an absent key is an error
    and never a zero. Bodies that are no force are left out.
    """
    dense = table.filter(pl.col("force").is_not_null())
    years = dense.select("financial_year", "force").unique()
    codes = dense.select("financial_year", "quarter", "offence_code").unique()
    key = ["financial_year", "quarter", "force", "offence_code"]
    owed = years.join(codes, on="financial_year")
    return owed.join(dense, on=key, how="anti").select(key).sort(key)


def add_up_homicide(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The table with the four rows of homicide as one. Raises `Refusal` for any other key that is given twice."""
    repeated = table.filter(table.select(_KEY).is_duplicated())
    others = repeated.filter(pl.col("offence_code") != HOMICIDE)
    if others.height:
        seen = " · ".join(str(value) for value in others.select(_KEY).row(0) if value is not None)
        raise Refusal(
            name,
            "a key is given twice",
            "ask the publisher which row is right",
            line=int(others[LINE].min()),  # type: ignore[arg-type]
            field="offence_code",
            seen=seen,
            wanted=f"each key once; only {HOMICIDE} is given in parts",
        )
    if repeated.is_empty():
        return table
    of_one = repeated.unique(_KEY, keep="first").drop("count", "status")
    totals = add_up(repeated, _KEY)
    whole = of_one.join(totals, on=list(_KEY), nulls_equal=True)
    return pl.concat([table.filter(~table.select(_KEY).is_duplicated()), whole.select(table.columns)])


def _csv(plain: Path, name: str, scratch: Path) -> pl.DataFrame:
    with forms(plain, name, scratch) as candidates:
        for form in candidates:
            columns = _columns(form.header, name, 1)
            try:
                if not form.is_even():
                    continue
                table = form.scan().collect().sort(LINE)
            except pl.exceptions.ComputeError:
                continue
            if form.broken:
                line, fields = form.broken[0]
                raise Refusal(
                    name,
                    "a row has another number of fields than the header",
                    "supply the table as it was downloaded",
                    line=line,
                    seen=f"{fields} fields",
                    wanted=f"{len(form.header)} fields",
                )
            return table.select(LINE, *(pl.col(header).alias(column) for header, column in columns.items()))
    raise AssertionError("the last form of a text file always opens")


def _workbook(plain: Path, name: str) -> pl.DataFrame:
    refuse_bomb(plain, name)
    try:
        book = CalamineWorkbook.from_path(plain)
        sheets = [sheet for title in book.sheet_names for sheet in _sheet(book, title, name)]
    except (CalamineError, OSError) as error:
        raise Refusal(
            name,
            "the workbook is damaged or cut short",
            "download it again and supply it",
            seen=str(error),
            wanted="an ODS or XLSX workbook",
        ) from error
    if not sheets:
        raise Refusal(
            name,
            "no sheet of the workbook holds a table",
            "supply the workbook as it was downloaded",
            seen=", ".join(book.sheet_names),
            wanted="sheets named by financial year, such as 2017_18",
        )
    return pl.concat(sheets, how="diagonal")


def _sheet(book: CalamineWorkbook, title: str, name: str) -> Iterator[pl.DataFrame]:
    year = _YEAR_SHEET.match(title.strip())
    if year is None and _OTHER_SHEETS.match(title.strip()):
        return
    where = f"{name}, sheet {title}"
    if year is None:
        raise Refusal(
            where,
            "the sheet is unknown",
            "remove the sheet, or supply the workbook as it was downloaded",
            seen=title,
            wanted="a financial year such as 2017_18, or a cover, contents or notes sheet",
        )
    rows = book.get_sheet_by_name(title).to_python()
    place = next(
        (at for at, row in enumerate(rows[:_HEADER_WITHIN]) if "Financial Year" in _cells(row, where)), None
    )
    if place is None:
        raise Refusal(
            where,
            "the sheet has no header",
            "supply the workbook as it was downloaded",
            wanted="Financial Year, …",
        )
    header = _cells(rows[place], where)
    while header and not header[-1]:
        header.pop()
    columns = _columns(header, where, place + 1)
    body = [_cells(row, where)[: len(header)] for row in rows[place + 1 :]]
    table = pl.DataFrame(body, schema=dict.fromkeys(columns.values(), pl.String), orient="row")
    table = table.with_row_index(LINE, place + 2).with_columns(pl.col(LINE).cast(pl.Int64))
    table = table.filter(pl.any_horizontal(pl.col(list(columns.values())) != ""))
    label = f"{year[1]}/{year[2]}"
    others = table.filter(pl.col("financial_year") != label)
    if others.height:
        raise Refusal(
            where,
            "the sheet holds another year than its name says",
            "supply the workbook as it was downloaded",
            line=int(others[LINE][0]),
            field="Financial Year",
            seen=others["financial_year"][0],
            wanted=label,
        )
    yield table


def _cells(row: Iterable[Any], where: str) -> list[str]:
    """Cells as the text that a reader sees. A whole number loses its `.0`; 4.1 as a number could be 4.10."""
    cells = []
    for cell in row:
        if isinstance(cell, float):
            if cell == 4.1:
                raise Refusal(
                    where,
                    "an offence code was stored as a number, so 4.1 and 4.10 cannot be told apart",
                    "supply the table as it was downloaded, or as CSV with the codes as text",
                    seen="4.1",
                    wanted="text",
                )
            cells.append(f"{cell:.0f}" if cell.is_integer() else repr(cell))
        else:
            cells.append(str(cell).strip())
    return cells


def _columns(header: Sequence[str], where: str, line: int) -> dict[str, str]:
    """Header to column. Raises `Refusal` for one that is unknown, lacks or comes twice."""
    columns = {title: HEADERS[title.strip()] for title in header if title.strip() in HEADERS}
    unknown = [title for title in header if title not in columns]
    lacking = [column for column in _MUST_HAVE if column not in columns.values()]
    twice = len(set(columns.values())) != len(columns)
    if not (unknown or lacking or twice):
        return columns
    said = [f"unknown: {', '.join(unknown)}{nearest(unknown[0], HEADERS)}"] if unknown else []
    said += [f"lacking: {', '.join(lacking)}"] if lacking else []
    raise Refusal(
        where,
        "the header is not that of a Home Office table",
        "supply the table as it was downloaded",
        line=line,
        field=(unknown or lacking or ["header"])[0],
        seen="; ".join(said) or "two columns for one thing",
        wanted=", ".join(HEADERS),
    )


def _typed(text: pl.DataFrame, forces: pl.DataFrame, name: str) -> pl.DataFrame:
    known = words()
    slugs = _slugs(forces, known)
    blank = [
        pl.lit(None, pl.String).alias(column)
        for column in dict.fromkeys(HEADERS.values())
        if column not in text.columns
    ]
    table = text.with_columns(pl.exclude(LINE).str.strip_chars()).with_columns(blank)
    number = pl.col("count").str.replace_all(",", "", literal=True)
    rules = {
        "financial_year": (
            pl.col("financial_year").str.contains(r"^\d{4}/\d{2}$"),
            "a year such as 2017/18",
            (),
        ),
        "quarter": (pl.col("quarter").is_in(["1", "2", "3", "4"]), "1 to 4", ()),
        "force_name": (
            pl.col("force_name").is_in([*slugs, *known.pseudo_forces]),
            "a force of forces.csv or home_office_words.toml",
            slugs,
        ),
        "group": (pl.col("group").is_in(list(known.groups)), "a group of the vocabulary", known.groups),
        "subgroup": (
            pl.col("subgroup").is_null()
            | pl.col("subgroup").is_in([*known.subgroups, ""])
            | _is_recased(known),
            "a subgroup of the vocabulary",
            known.subgroups,
        ),
        "count": (
            (pl.col("count") == NOT_PROVIDED) | number.str.contains(r"^-?\d+$"),
            f"a whole number or “{NOT_PROVIDED}”",
            (),
        ),
    }
    for column, (is_right, wanted, spellings) in rules.items():
        wrong = table.filter(~is_right.fill_null(False))
        if wrong.is_empty():
            continue
        header = next(title for title, own in HEADERS.items() if own == column)
        raise Refusal(
            name,
            f"a value is not known, in {wrong.height:,} row(s)",
            "supply the table as it was downloaded, or add the word to home_office_words.toml if it is now used",
            line=int(wrong[LINE][0]),
            field=header,
            seen=str(wrong[column][0]),
            wanted=wanted + nearest(str(wrong[column][0]), spellings),
        )
    provided = pl.col("count") != NOT_PROVIDED
    return table.with_columns(
        pl.col("quarter").cast(pl.Int8),
        force=pl.col("force_name").replace_strict(slugs, default=None, return_dtype=pl.String),
        count=pl.when(provided).then(number).cast(pl.Int64),
        status=pl.when(provided)
        .then(pl.lit(Status.COMPLETE.value))
        .otherwise(pl.lit(Status.MISSING.value))
        .cast(STATUS),
    )


def _is_recased(known: Words) -> pl.Expr:
    """Subgroups are told apart without regard to capitals: vintages differ in nothing else."""
    return pl.col("subgroup").str.to_lowercase().is_in([word.lower() for word in known.subgroups])


def _slugs(forces: pl.DataFrame, known: Words) -> dict[str, str]:
    """Every name that a table may use for a force, and its slug."""
    slugs = {row["name"]: row["force"] for row in forces.iter_rows(named=True)}
    slugs |= {
        name: slug for slug, names in known.other_names.items() for name in names if slug in slugs.values()
    }
    return slugs
