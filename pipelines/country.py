"""The country folder: the reference data that figures are published for, read, checked and hashed."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import dataframely as dy
import geopandas as gpd
import polars as pl

from geography.areas import Country, Forces, Lsoas, LsoaVintages, MapPoints
from geography.placing import WGS84
from publish.parts import file_digest
from transforms.bank_holidays import bank_holidays
from transforms.contracts.columns import ZONE
from transforms.register import Register

#: Every file of a country folder, all of them required. Beside them it may hold `column-maps/` and one Home Office
#: `prc-offence-ref-table-*` file; nothing else in the folder is read.
FILES: Final = (
    "country.toml",
    "forces.csv",
    "lsoas.parquet",
    "boundaries.parquet",
    "map_points.parquet",
    "lsoa_vintages.parquet",
    "register.csv",
    "calendar.csv",
)

#: Where the style of a base map may lie: beside the site, or on a server that is asked over HTTPS.
BASEMAP: Final = re.compile(r"(https://[A-Za-z0-9.-]+(:\d+)?)?/[^\s;,'\"<>]*")


FRIDAY: Final = 5


class Calendar(dy.Schema):
    """One row for each quarter, with the moment at which it is released."""

    quarter = dy.String(
        primary_key=True, regex=r"^\d{4}-Q[1-4]$", description="calendar quarter, such as 2019-Q2"
    )
    release_at = dy.Datetime(
        time_zone=ZONE, time_unit="us", description="when its figures are released", metadata={"unit": ZONE}
    )

    @dy.rule()
    def released_after_it_ends(cls) -> pl.Expr:
        """A quarter is released after its last day."""
        first = pl.date(pl.col("quarter").str.head(4).cast(pl.Int32, strict=False), _first_month(), 1)
        return pl.col("release_at").dt.date() >= first.dt.offset_by("3mo")

    @dy.rule()
    def released_on_a_working_day(cls) -> pl.Expr:
        """Nothing is released at a weekend or on a bank holiday of England and Wales."""
        day = pl.col("release_at").dt.date()
        holidays = [day for year in range(2000, 2100) for day in sorted(bank_holidays(year))]
        return (day.dt.weekday() <= FRIDAY) & ~day.is_in(holidays)


def _first_month() -> pl.Expr:
    return pl.col("quarter").str.tail(1).cast(pl.Int8, strict=False) * 3 - 2


class CountryError(ValueError):
    """A country folder, or the open data for one, that cannot be used: every problem, one to a line."""

    def __init__(self, folder: Path, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            f"{folder} cannot be used:\n" + "\n".join(f"- {problem}" for problem in self.problems)
        )


@dataclass(frozen=True)
class LoadedCountry:
    """A country folder as read: its areas, their shapes, who owes what, when releases are, and its hash."""

    folder: Path
    country: Country
    boundaries: gpd.GeoDataFrame
    register: pl.DataFrame
    calendar: pl.DataFrame
    digest: str


def load_country(folder: Path | str) -> LoadedCountry:
    """Read and check a country folder.

    Every table comes back sorted on its key; `register` months are the first day of the month, `release_at`
    is in Europe/London, `boundaries` (`lsoa_code`, `geometry`) is in WGS 84 and holds exactly the LSOAs.
    Raises CountryError with everything that is wrong: file, column, row, what was seen, what to do.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CountryError(
            folder,
            ["there is no such folder: make one with `fullcount country build DATA_FOLDER COUNTRY_FOLDER`."],
        )
    absent = [name for name in FILES if not (folder / name).is_file()]
    if absent:
        raise CountryError(
            folder, [f"{name} is missing: put it back, or build the folder again." for name in absent]
        )
    return _read(folder, country_digest(folder))


# Every step of a run opens the country: what has the same bytes is read and checked once a process.
@lru_cache(maxsize=1)
def _read(folder: Path, digest: str) -> LoadedCountry:
    problems: list[str] = []
    about = _about(folder / "country.toml", problems)
    forces = _table(folder / "forces.csv", Forces, problems)
    lsoas = _table(folder / "lsoas.parquet", Lsoas, problems)
    map_points = _table(folder / "map_points.parquet", MapPoints, problems)
    vintages = _table(folder / "lsoa_vintages.parquet", LsoaVintages, problems)
    register = _table(folder / "register.csv", Register, problems, months=("first_month", "last_month"))
    calendar = _table(folder / "calendar.csv", Calendar, problems)
    boundaries = _boundaries(folder / "boundaries.parquet", problems)
    if problems:
        raise CountryError(folder, problems)

    country = Country(
        title=about["title"],
        forces=forces,
        lsoas=lsoas,
        vintages=vintages,
        map_points=map_points,
        attribution=about["attribution"],
        basemap=about.get("basemap", ""),
    )
    problems = _disagreements(country, boundaries, register)
    if problems:
        raise CountryError(folder, problems)
    return LoadedCountry(folder, country, boundaries, register, calendar, digest)


def country_files(folder: Path | str) -> dict[str, str]:
    """The SHA-256 of every file of a country folder, by name."""
    return {name: file_digest(Path(folder) / name) for name in FILES}


def country_digest(folder: Path | str) -> str:
    """SHA-256 over the names and bytes of a country folder's files: the same digest, the same country."""
    digest = hashlib.sha256()
    for name, sha256 in country_files(folder).items():
        digest.update(f"{name} {sha256}\n".encode())
    return digest.hexdigest()


def _about(path: Path, problems: list[str]) -> dict[str, str]:
    """Title and attribution of the country, and the style of its base map where it has one."""
    try:
        about = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path.name} is not TOML: {error}.")
        return {}
    for key in ("title", "attribution"):
        if not isinstance(about.get(key), str) or not about[key].strip():
            problems.append(f'{path.name} has no {key}: add a line such as {key} = "…".')
    basemap = about.get("basemap", "")
    if not isinstance(basemap, str) or (basemap and not BASEMAP.fullmatch(basemap)):
        problems.append(
            f"{path.name} has a basemap that is no address: give that of a MapLibre style, https://… or one "
            "beside the site that begins with /, or leave the line out for none."
        )
    return about


def _table(
    path: Path, schema: type[dy.Schema], problems: list[str], months: tuple[str, ...] = ()
) -> pl.DataFrame:
    """One table of the folder as its contract types it, or no rows and the reasons why. Extra columns go."""
    csv = path.suffix == ".csv"
    try:
        raw = pl.read_csv(path, infer_schema=False) if csv else pl.read_parquet(path)
        if csv:  # a quoted empty cell is as empty as a bare one
            raw = raw.with_columns(pl.all().replace("", None))
    except (pl.exceptions.PolarsError, OSError) as error:
        kind = "UTF-8 CSV" if csv else "Parquet"
        problems.append(f"{path.name} is not a {kind} file: {str(error).splitlines()[0]}")
        return schema.create_empty()
    absent = [name for name in schema.column_names() if name not in raw.columns]
    if absent:
        problems.append(
            f"{path.name} has no column {', '.join(absent)} (it has {', '.join(raw.columns)}): add it."
        )
        return schema.create_empty()
    types = _types(schema)
    misread = [] if csv else [name for name, dtype in types.items() if not _holds(raw.schema[name], dtype)]
    typed = raw.select(
        _typed(name, dtype, name in months) for name, dtype in types.items() if name not in misread
    )
    unread = {name: raw[name].is_not_null() & typed[name].is_null() for name in typed.columns}
    wrong = [
        *(
            f"{path.name}, column {name}, is {raw.schema[name]}: write it as {types[name]}."
            for name in misread
        ),
        *(
            f"{_where(path, row)}: {name} is “{raw[name][row]}”; "
            f"write {_wanted(types[name], name in months)}."
            for name, mask in unread.items()
            for row in mask.arg_true().head(1)
        ),
    ]
    problems.extend(wrong)
    return schema.create_empty() if wrong else _checked(path, typed, schema, problems)


def _holds(seen: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether a Parquet column of one type may be read as another without losing anything."""
    return (
        seen == wanted
        or (seen.is_integer() and wanted.is_integer())
        or (isinstance(wanted, pl.Enum) and seen in (pl.String, pl.Categorical, pl.Enum))
    )


def _types(schema: type[dy.Schema]) -> dict[str, pl.DataType]:
    """The type of each column of a contract."""
    return dict(schema.create_empty().schema)


def _typed(name: str, dtype: pl.DataType, month: bool) -> pl.Expr:
    """A column as its type, null where it is not written as that type."""
    text = pl.col(name)
    if month:
        return (text + "-01").str.to_date("%Y-%m-%d", strict=False)
    if dtype == pl.Date:
        return text.str.to_date("%Y-%m-%d", strict=False)
    if isinstance(dtype, pl.Datetime):
        # Offset-free local time; an hour that the clocks repeat or skip is nobody's release time.
        local = text.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
        return local.dt.replace_time_zone(ZONE, ambiguous="null", non_existent="null").alias(name)
    return text.cast(dtype, strict=False)


def _wanted(dtype: pl.DataType, month: bool) -> str:
    """How a value of the type is written, for messages."""
    if month:
        return "a month such as 2019-07"
    if dtype == pl.Date:
        return "a date such as 2019-07-08"
    if isinstance(dtype, pl.Datetime):
        return "an Europe/London time such as 2019-10-17T09:30:00, without an offset"
    if isinstance(dtype, pl.Enum):
        return "one of " + ", ".join(dtype.categories)
    return f"a value of type {dtype}"


def _checked(path: Path, frame: pl.DataFrame, schema: type[dy.Schema], problems: list[str]) -> pl.DataFrame:
    """The frame sorted on its key when every rule of its contract holds; else a problem for each rule."""
    good, failed = schema.filter(frame)
    if len(failed) == 0:
        return good.sort(schema.primary_key())
    details = failed.details()
    rows = frame.with_row_index("row")
    for rule, number in failed.counts().items():
        first = details.filter(pl.col(rule) == "invalid").head(1)
        row = rows.join(first, on=frame.columns, how="semi", nulls_equal=True)["row"][-1]
        alike = f" ({number} rows alike)" if number > 1 else ""
        problems.append(f"{_where(path, row)}{alike}: {_broken(schema, rule, first.row(0, named=True))}")
    return schema.create_empty()


def _where(path: Path, row: int) -> str:
    """A row counted from 0, as a person finds it in the file."""
    return f"{path.name}, line {row + 2}" if path.suffix == ".csv" else f"{path.name}, row {row + 1}"


def _broken(schema: type[dy.Schema], rule: str, row: dict[str, Any]) -> str:
    """What is wrong with a row that breaks a rule of its contract, and what is wanted."""
    column, _, check = rule.partition("|")
    if rule == "primary_key":
        key = ", ".join(f"{name} {row[name]}" for name in schema.primary_key())
        return f"{key} is there twice: keep one."
    if not check:
        return f"{getattr(schema, rule).validation_fn.__doc__} Mend the row."
    wanted = schema.columns()[column].description
    if check == "nullability":
        return f"{column} is empty: give the {wanted}."
    return f"{column} is “{row[column]}”, which fails its {check.replace('_', ' ')}: give the {wanted}."


def _boundaries(path: Path, problems: list[str]) -> gpd.GeoDataFrame:
    """The shape of each LSOA, in WGS 84."""
    try:
        boundaries = gpd.read_parquet(path)
    except (ValueError, OSError) as error:
        problems.append(f"{path.name} is not a GeoParquet file: {str(error).splitlines()[0]}")
        return gpd.GeoDataFrame({"lsoa_code": []}, geometry=[], crs=WGS84)
    if "lsoa_code" not in boundaries.columns:
        problems.append(f"{path.name} has no column lsoa_code; it has {', '.join(boundaries.columns)}.")
        return gpd.GeoDataFrame({"lsoa_code": []}, geometry=[], crs=WGS84)
    if boundaries.crs is None or boundaries.crs.to_epsg() != WGS84:
        seen = boundaries.crs.name if boundaries.crs else "no stated coordinate system"
        problems.append(f"{path.name} is in {seen}: write it in WGS 84 (EPSG:4326).")
    geometry = boundaries.geometry
    shaped = ~(geometry.isna() | geometry.is_empty)
    for wrong, what in (
        (~shaped, "has no shape"),
        (shaped & ~geometry.geom_type.isin(["Polygon", "MultiPolygon"]), "is not a polygon"),
        (shaped & ~geometry.is_valid, "crosses itself"),
        (boundaries["lsoa_code"].duplicated(), "is there twice"),
    ):
        if wrong.any():
            codes = boundaries.loc[wrong, "lsoa_code"].astype(str)
            problems.append(f"{path.name}: the area {_some(codes)} {what}: mend the boundary.")
    return boundaries[["lsoa_code", geometry.name]].sort_values("lsoa_code", ignore_index=True)


def _disagreements(country: Country, boundaries: gpd.GeoDataFrame, register: pl.DataFrame) -> list[str]:
    """What the files of the folder say against each other."""
    forces, lsoas = country.forces["force"], country.lsoas
    drawn = pl.Series("lsoa_code", boundaries["lsoa_code"].to_list(), dtype=pl.String)
    territorial = country.forces.filter(pl.col("kind") == "territorial")["force"]
    one_to_many = country.vintages.filter(pl.col("change").is_in(["U", "M"])).filter(
        pl.col("old_code").is_duplicated()
    )["old_code"]
    checks = (
        (_beyond(lsoas["force"], forces), "lsoas.parquet: force {} is not in forces.csv"),
        (_beyond(register["force"], forces), "register.csv: force {} is not in forces.csv"),
        (
            _beyond(territorial, lsoas["force"]),
            "forces.csv: territorial force {} has no LSOA in lsoas.parquet",
        ),
        (_beyond(lsoas["lsoa_code"], drawn), "boundaries.parquet: LSOA {} has no boundary"),
        (_beyond(drawn, lsoas["lsoa_code"]), "boundaries.parquet: area {} is not in lsoas.parquet"),
        (
            _beyond(country.map_points["lsoa_code"], lsoas["lsoa_code"]),
            "map_points.parquet: LSOA {} is not in lsoas.parquet",
        ),
        (
            _beyond(country.vintages["lsoa_code"], lsoas["lsoa_code"]),
            "lsoa_vintages.parquet: current LSOA {} is not in lsoas.parquet",
        ),
        (one_to_many, "lsoa_vintages.parquet: {} is unchanged or merged and yet has several successors"),
        (
            _several(lsoas, ["force", "neighbourhood"], "neighbourhood_name"),
            "lsoas.parquet: neighbourhood {} has more than one name in its force",
        ),
        (_several(lsoas, ["csp_code"], "csp_name"), "lsoas.parquet: CSP {} has more than one name"),
        (_several(lsoas, ["csp_code"], "force"), "lsoas.parquet: CSP {} lies in more than one force"),
    )
    return [f"{says.format(_some(wrong))}: mend one or the other." for wrong, says in checks if len(wrong)]


def _beyond(values: pl.Series, known: pl.Series) -> pl.Series:
    """Which values are not known."""
    return values.filter(~values.is_in(known.implode())).unique().sort()


def _several(frame: pl.DataFrame, key: list[str], column: str) -> pl.Series:
    """Which keys have more than one value of a column, each named by its last part."""
    return frame.group_by(key).agg(pl.col(column).n_unique()).filter(pl.col(column) > 1)[key[-1]].sort()


def _some(values: Iterable[object]) -> str:
    """The first few of some values, and how many more."""
    every = list(values)
    more = f" and {len(every) - 3} more" if len(every) > 3 else ""
    return ", ".join(str(value) for value in every[:3]) + more
