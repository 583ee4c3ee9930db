"""Open ONS lookups, boundaries and population estimates → a country folder for England and Wales.

Files are known by their columns, whatever they are called and wherever they lie in the data folder, under
either spelling that ONS uses (`LSOA21CD` and `lsoa21_code` are one column).
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final

import geopandas as gpd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from geography.areas import Lsoas, LsoaVintages, MapPoints
from geography.boundaries import repair
from geography.placing import WGS84
from pipelines.country import CountryError, load_country
from transforms.periods import Quarter

#: Text that must stand wherever the figures or the boundaries do (Open Government Licence v3.0; OS terms).
ATTRIBUTION: Final = (
    "Source: Office for National Statistics licensed under the Open Government Licence v.3.0. "
    "Contains OS data © Crown copyright and database right 2024. "
    "Recorded crime: data.police.uk and Home Office, licensed under the Open Government Licence v3.0."
)

#: data.police.uk holds street files from December 2010 and outcomes files from January 2012.
FIRST_STREET: Final = date(2010, 12, 1)
FIRST_OUTCOMES: Final = date(2012, 1, 1)

#: Last quarter of the calendar that is written; later ones are added by hand once they are announced.
LAST_QUARTER: Final = Quarter(2030, 4)

#: When what a force supplies changed for good or for long, from the change log of data.police.uk: the month
#: from which the note stands; none ends it. A note stands beside the figure and excuses nothing.
NOTES: Final = (
    ("avon-and-somerset", "street", date(2015, 10, 1), "about 2,000 crimes a month have no location"),
    ("btp", "street", date(2016, 2, 1), "no files were supplied for February to December 2016"),
    ("btp", "street", date(2017, 1, 1), "no anti-social behaviour is supplied"),
    ("btp", "street", date(2025, 2, 1), "no files have been supplied since February 2025"),
    (
        "devon-and-cornwall",
        "street",
        date(2022, 11, 1),
        "supply fell short after a move to a new records system",
    ),
    ("devon-and-cornwall", "street", date(2023, 1, 1), None),
    ("greater-manchester", "outcomes", date(2019, 7, 1), "no data have been supplied since July 2019"),
    ("greater-manchester", "street", date(2019, 7, 1), "no data have been supplied since July 2019"),
)


@dataclass(frozen=True)
class Source:
    """A file that the country is made from, known by the columns it must have and must not have."""

    holds: str
    columns: frozenset[str]
    without: frozenset[str] = frozenset()
    #: A column for each of some years, YYYY standing for the year.
    yearly: str | None = None

    def matches(self, columns: frozenset[str]) -> bool:
        """Whether a file with these columns is this source."""
        return (
            self.columns <= columns
            and not self.without & columns
            and (self.yearly is None or bool(_years(self.yearly, columns)))
        )

    @property
    def wanted(self) -> str:
        """Its columns, in words."""
        return ", ".join([*sorted(self.columns), *([self.yearly] if self.yearly else [])])


def _years(yearly: str, columns: Iterable[str]) -> list[str]:
    """The columns that are yearly, the latest last."""
    return sorted(name for name in columns if re.fullmatch(yearly.replace("YYYY", r"\d{4}"), name))


_POPULATION: Final = "Mid-YYYY: Population"

SOURCES: Final = {
    "boundaries": Source("LSOA 2021 boundaries (GeoParquet)", frozenset({"lsoa21_code", "geometry"})),
    "wards": Source(
        "LSOA 2021 to ward 2024 to local authority 2024 lookup",
        frozenset({"lsoa21_code", "lsoa21_name", "ward24_code", "ward24_name", "ltla24_code"}),
    ),
    "partnerships": Source(
        "local authority 2024 to Community Safety Partnership to police force area lookup",
        frozenset({"ltla24_code", "csp24_code", "csp24_name", "pfa24_code"}),
        without=frozenset({"lsoa_code", "lsoa21_code"}),
    ),
    "former_districts": Source(
        "local authority 2016 to Community Safety Partnership lookup",
        frozenset({"ltla16_name", "csp16_code"}),
    ),
    "vintages": Source(
        "LSOA 2011 to LSOA 2021 lookup with change indicator",
        frozenset({"lsoa11_code", "lsoa11_name", "change_code", "lsoa21_code"}),
    ),
    "population": Source(
        "LSOA 2021 mid-year population estimates", frozenset({"LSOA 2021 Code"}), yearly=_POPULATION
    ),
}

_AREAS: Final = {"WD": "ward", "LAD": "ltla"}
_ENDINGS: Final = {"CD": "code", "NM": "name"}


def write_open_country(data_folder: Path | str, country_folder: Path | str, *, replace: bool = False) -> None:
    """Build the country folder of England and Wales from open ONS files anywhere under `data_folder`.

    - LSOAs of 2021; the neighbourhood is the electoral ward of 2024 (best fit), its id the ward code.
    - Population is the latest mid-year estimate in the file. Households are not in it, so they are null.
    - The Community Safety Partnership is that of the local authority. Where one authority has several, it
      is that of the former district in the name of the LSOA of 2011 that the LSOA came from; where that
      names none of them, the lowest code.
    - Every force owes street crime monthly, and every force but the British Transport Police outcomes.
    - The calendar is the pattern of past releases: see `release_calendar`.

    The same input gives the same bytes. The folder is written beside its place, checked by reading it back,
    and moved in whole; `replace` allows one to stand there, of which nothing is kept. Raises CountryError
    naming every file and column that is missing or clashes.
    """
    data_folder, country_folder = Path(data_folder), Path(country_folder)
    if country_folder.exists() and not replace:
        raise CountryError(country_folder, ["it exists: give another folder, or say --replace."])
    if country_folder.exists() and not (country_folder / "country.toml").is_file():
        raise CountryError(country_folder, ["it holds something that is no country: give another folder."])
    found = _find(data_folder)
    country_folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{country_folder.name}-", dir=country_folder.parent
    ) as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        try:
            _write(found, new)
            load_country(new)
        except CountryError as error:
            raise CountryError(data_folder, error.problems) from error
        except pl.exceptions.PolarsError as error:
            raise CountryError(data_folder, [f"a value is not of its type: {error}"]) from error
        if country_folder.exists():
            country_folder.rename(Path(temporary) / "old")
        new.rename(country_folder)


def release_calendar(first: Quarter, last: Quarter) -> pl.DataFrame:
    """One row for each quarter with `release_at`: 09:30 on a Thursday, 16 weeks after the quarter ends.

    The Thursday is the first on or after that day. The quarter to September waits one week more, over
    Christmas. This gives all the dates observed: 24 July and 23 October 2025; 29 January, 23 April and
    23 July 2026.
    """
    quarters: list[Quarter] = []
    while (quarter := first.plus(len(quarters))) <= last:
        quarters.append(quarter)
    return pl.DataFrame(
        {"quarter": map(str, quarters), "release_at": map(_release_at, quarters)},
        schema={"quarter": pl.String, "release_at": pl.Datetime("us")},
    )


def _release_at(quarter: Quarter) -> datetime:
    end = quarter.plus(1).months[0] - timedelta(days=1)
    day = end + timedelta(weeks=17 if quarter.number == 3 else 16)
    thursday = day + timedelta(days=(3 - day.weekday()) % 7)
    return datetime.combine(thursday, time(9, 30))


def _find(folder: Path) -> dict[str, Path]:
    """The file of each source."""
    if not folder.is_dir():
        raise CountryError(folder, ["there is no such folder: give the folder that holds the ONS files."])
    matches: dict[str, list[Path]] = {name: [] for name in SOURCES}
    for path, columns in _tables(folder):
        for name, source in SOURCES.items():
            if source.matches(columns):
                matches[name].append(path)
    problems = [
        f"{SOURCES[name].holds} is missing: no Parquet or CSV file has the columns {SOURCES[name].wanted}."
        for name, paths in matches.items()
        if not paths
    ] + [
        f"{SOURCES[name].holds} is there twice: keep one of {', '.join(map(str, paths))}."
        for name, paths in matches.items()
        if len(paths) > 1
    ]
    if problems:
        raise CountryError(folder, problems)
    return {name: paths[0] for name, paths in matches.items()}


def _tables(folder: Path) -> Iterator[tuple[Path, frozenset[str]]]:
    """Every Parquet and CSV file, with its columns in our spelling. What is neither is somebody else's."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet" and path.is_file():
            try:
                names = pq.read_schema(path).names
            except (pa.ArrowInvalid, OSError):
                continue
        elif path.suffix == ".csv" and path.is_file():
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
                names = next(csv.reader(file), [])
        else:
            continue
        yield path, frozenset(map(_spelling, names))


def _spelling(column: str) -> str:
    """The column in our spelling: `LSOA21CD` is `lsoa21_code`, `CHGIND` is `change_code`."""
    if match := re.fullmatch(r"([A-Z]{2,4})(\d\d)(CD|NM)", column):
        return f"{_AREAS.get(match[1], match[1].lower())}{match[2]}_{_ENDINGS[match[3]]}"
    return "change_code" if column == "CHGIND" else column


def _read(path: Path) -> pl.DataFrame:
    frame = pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.read_parquet(path)
    return frame.rename(_spelling)


def _write(found: dict[str, Path], folder: Path) -> None:
    """Every file of the country folder, each sorted on its key."""
    forces = _forces()
    lookups = {name: _read(path) for name, path in found.items() if name != "boundaries"}
    _write_table(_lsoas(lookups, forces), folder / "lsoas.parquet")
    _write_table(_vintages(lookups["vintages"]), folder / "lsoa_vintages.parquet")
    _write_table(MapPoints.create_empty(), folder / "map_points.parquet")
    _boundaries(found["boundaries"]).to_parquet(
        folder / "boundaries.parquet", compression="zstd", index=False
    )
    forces.write_csv(folder / "forces.csv")
    _register(forces).write_csv(folder / "register.csv")
    release_calendar(Quarter.of(FIRST_STREET), LAST_QUARTER).write_csv(
        folder / "calendar.csv", datetime_format="%Y-%m-%dT%H:%M:%S"
    )
    title = json.dumps("England and Wales", ensure_ascii=False)
    attribution = json.dumps(ATTRIBUTION, ensure_ascii=False)
    (folder / "country.toml").write_text(f"title = {title}\nattribution = {attribution}\n", encoding="utf-8")


def _write_table(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path, compression="zstd", statistics=True)


def _forces() -> pl.DataFrame:
    """The 43 territorial forces and the British Transport Police, with where each fact is from."""
    resource = files("geography") / "data" / "forces.csv"
    return pl.read_csv(resource.read_bytes(), infer_schema=False).sort("force")


def _lsoas(lookups: dict[str, pl.DataFrame], forces: pl.DataFrame) -> pl.DataFrame:
    """One row for each LSOA of 2021 with its ward, partnership, force and population."""
    wards = lookups["wards"].select("lsoa21_code", "lsoa21_name", "ward24_code", "ward24_name", "ltla24_code")
    lsoas = (
        wards.unique()
        .join(_partnerships(lookups), on="lsoa21_code", how="left")
        .join(forces.select("force", pfa24_code="pfa_code"), on="pfa24_code", how="left")
        .join(_population(lookups["population"]), on="lsoa21_code", how="left")
        .select(
            lsoa_code="lsoa21_code",
            lsoa_name="lsoa21_name",
            neighbourhood="ward24_code",
            neighbourhood_name="ward24_name",
            csp_code="csp24_code",
            csp_name="csp24_name",
            force="force",
            population="population",
            households=pl.lit(None, pl.Int64),
        )
    )
    return lsoas.select(Lsoas.column_names()).sort("lsoa_code")


def _partnerships(lookups: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """One row for each LSOA of 2021 with its Community Safety Partnership and police force area.

    The lookup holds several partnerships for an authority that was merged from districts: a plain join
    would multiply LSOAs.
    """
    candidates = (
        lookups["partnerships"].select("ltla24_code", "csp24_code", "csp24_name", "pfa24_code").unique()
    )
    former = (
        lookups["vintages"]
        .select("lsoa21_code", ltla16_name=pl.col("lsoa11_name").str.replace(r" \d{3}[A-Z]$", ""))
        .join(lookups["former_districts"].select("ltla16_name", csp24_code="csp16_code"), on="ltla16_name")
        .select("lsoa21_code", "csp24_code", was_district=True)
        .unique()
    )
    return (
        lookups["wards"]
        .select("lsoa21_code", "ltla24_code")
        .unique()
        .join(candidates, on="ltla24_code")
        .join(former, on=["lsoa21_code", "csp24_code"], how="left")
        .sort("lsoa21_code", pl.col("was_district").is_null(), "csp24_code")
        .unique("lsoa21_code", keep="first", maintain_order=True)
        .select("lsoa21_code", "csp24_code", "csp24_name", "pfa24_code")
    )


def _population(estimates: pl.DataFrame) -> pl.DataFrame:
    """One row for each LSOA of 2021 with the usual residents of the latest mid-year in the file."""
    latest = _years(_POPULATION, estimates.columns)[-1]
    return estimates.select(lsoa21_code="LSOA 2021 Code", population=pl.col(latest).cast(pl.Int64))


def _vintages(lookup: pl.DataFrame) -> pl.DataFrame:
    """One row for each LSOA of 2011 and LSOA of 2021 that it became part of."""
    pairs = lookup.select(old_code="lsoa11_code", lsoa_code="lsoa21_code", change="change_code").unique()
    return LsoaVintages.cast(pairs).sort("old_code", "lsoa_code")


def _boundaries(path: Path) -> gpd.GeoDataFrame:
    """The shape of each LSOA of 2021, repaired, in WGS 84."""
    try:
        shapes = gpd.read_parquet(path)
    except ValueError as error:
        raise CountryError(path, [f"{path.name} is not GeoParquet: {error}"]) from error
    shapes = shapes.rename(columns=_spelling).rename(columns={"lsoa21_code": "lsoa_code"})
    return repair(shapes[["lsoa_code", "geometry"]].to_crs(WGS84)).sort_values("lsoa_code", ignore_index=True)


def _register(forces: pl.DataFrame) -> pl.DataFrame:
    """One row for each spell in which a force owes a kind of file: each note opens a new one."""
    owed = pl.DataFrame({"file_type": ["street", "outcomes"], "start": [FIRST_STREET, FIRST_OUTCOMES]})
    firsts = (
        forces.select("force", "kind")
        .join(owed, how="cross")
        # The British Transport Police give no outcomes to data.police.uk.
        .filter((pl.col("kind") == "territorial") | (pl.col("file_type") == "street"))
        .select("force", "file_type", "start", note=pl.lit(None, pl.String))
    )
    notes = pl.DataFrame(NOTES, schema=firsts.schema, orient="row")
    spell_ends = pl.col("start").shift(-1).over("force", "file_type").dt.offset_by("-1mo")
    return (
        pl.concat([firsts, notes])
        .sort("force", "file_type", "start")
        .select(
            "force",
            "file_type",
            first_month=pl.col("start").dt.strftime("%Y-%m"),
            last_month=spell_ends.dt.strftime("%Y-%m"),
            treatment=pl.lit("aggregate"),
            entered="start",
            note="note",
        )
    )
