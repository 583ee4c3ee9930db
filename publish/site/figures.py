"""Every figure that the pages show, computed once for the whole country; pages only look them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import polars as pl

from geography.areas import Country
from publish.site.map_figures import KINDS, is_crime, with_all_crime
from transforms.aggregation import add_up, rows_by
from transforms.contracts.columns import BEHAVIOUR, CATEGORIES
from transforms.contracts.status import STATUS, Status
from transforms.judging import Judged, counting_verdicts
from transforms.periods import months_between, plus_months

#: Anti-social behaviour is an incident: counted beside crime, and never added to it.
CRIMES: Final = tuple(category for category in CATEGORIES if category != BEHAVIOUR)
YEAR: Final = 12
#: Where the shades of the map part, as shares of the areas that have crime: finer where crime is dense.
SHADES: Final = (0.4, 0.7, 0.9, 0.98)

PLACE: Final = ["force", "neighbourhood"]

#: Of a crime without an outcome in what the force supplied.
NO_OUTCOME: Final = "No outcome supplied"

#: The code of a surplus that follows a gap, in the catalogue of findings.
BACKLOG: Final = "W10"

PARTIAL: Final = Status.PARTIAL.value


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its status; the number is None unless the status allows one."""

    count: int | None
    status: str

    @property
    def is_known(self) -> bool:
        """Whether there is a number to print."""
        return self.count is not None

    @property
    def is_partial(self) -> bool:
        """Whether the number is short of the whole."""
        return self.status == PARTIAL


#: Where no row is there to be read.
UNKNOWN: Final = Figure(None, Status.MISSING.value)
#: Of what the force does not owe at all, such as anti-social behaviour in an extract of crime.
NOT_OWED: Final = Figure(None, Status.NOT_APPLICABLE.value)


class Gap(NamedTuple):
    """A run of months that one force has not supplied in full, for one reason."""

    force: str
    file: str
    first: date
    last: date
    status: str
    reason: str
    since: date | None
    coverage: float | None


class Area(NamedTuple):
    """One LSOA in the latest month."""

    code: str
    name: str
    crimes: Figure
    #: Its place among the areas of its force, in order of code.
    place: int


@dataclass(frozen=True)
class Place:
    """A neighbourhood, or a whole force when `neighbourhood` is empty."""

    force: str
    neighbourhood: str
    name: str
    short_name: str
    partnership: str
    population: int | None
    #: Crimes (without anti-social behaviour) in each month of the window.
    trend: Sequence[Figure]
    #: Crimes in the twelve months to the latest; None when the window is shorter.
    year: Figure | None
    #: For each category: the latest month, and the twelve months.
    categories: dict[str, tuple[Figure, Figure | None]]
    areas: Sequence[Area] = ()
    #: What became of the crimes of the year, most first; only of those that are in the figures.
    outcomes: Sequence[tuple[str, int]] = ()
    #: Records that other forces made here in the latest month, by force.
    elsewhere: Sequence[tuple[str, Figure]] = ()

    @property
    def latest(self) -> Figure:
        """Crimes in the latest month."""
        return self.trend[-1]

    def per_thousand(self) -> float | None:
        """Crimes in twelve months for each 1,000 residents; None where either is not known."""
        if self.year is None or self.year.count is None or not self.population:
            return None
        return 1000 * self.year.count / self.population


@dataclass(frozen=True)
class Figures:
    """All that the pages need."""

    months: Sequence[date]
    forces: dict[str, Place]
    neighbourhoods: dict[tuple[str, str], Place]
    #: For each force and file type, the status of each month that is owed.
    supplied: dict[tuple[str, str], dict[date, tuple[str, float | None]]]
    gaps: dict[str, list[Gap]]
    #: For each force, the status of its crime records in each month that is owed, and why.
    verdicts: dict[str, dict[date, tuple[str, str]]]
    #: For each force, months that hold crimes of earlier months, recorded late.
    late: dict[str, set[date]]
    #: Upper bounds of the shades of each level of area, for each kind of the map.
    shades: dict[str, Sequence[Sequence[int]]]
    #: The figures of each neighbourhood as CSV, newest month first, with why where one is not whole.
    tables: dict[tuple[str, str], str]
    #: What the maps show: one row for each area, month and kind of `map_figures.KINDS`, by level.
    mapped: dict[str, pl.LazyFrame]


def figures_of(judged: Judged, country: Country, months: Sequence[date]) -> Figures:
    """Compute all figures for `months`, the latest of which every page opens with.

    The window is every month from the first to the last of `months`, so that a month which nobody owed is
    seen to be absent. Raises ValueError when a force's month lacks a cell that it ought to have.
    """
    window = months_between(min(months), max(months))
    latest = window[-1]
    areas = judged.areas.lazy().filter(pl.col("month").is_between(window[0], latest))
    _check_every_cell_is_there(areas, country.lsoas)
    placed = areas.join(country.lsoas.lazy().select("lsoa_code", "neighbourhood"), on="lsoa_code")
    cells = add_up(placed, [*PLACE, "month", "category"])
    unplaced = areas.join(country.lsoas.lazy().select("lsoa_code"), on="lsoa_code", how="anti")
    part = ["force", "month", "category", "count", "status"]
    force_cells = add_up(
        pl.concat([cells.lazy().select(part), unplaced.select(part)]), ["force", "month", "category"]
    )
    crime = add_up(areas.filter(is_crime()), ["lsoa_code", "month"])
    of_lsoas = _areas(crime.filter(pl.col("month") == latest), country)
    population = _population(country)
    places = (
        country.lsoas.select(*PLACE, "neighbourhood_name", "csp_name")
        .sort(pl.all())
        .unique(PLACE, keep="first", maintain_order=True)
    )
    elsewhere = _elsewhere(judged.crimes.filter(pl.col("month") == latest), judged.verdicts, country)
    outcomes = _outcomes(judged.crimes.filter(pl.col("month") > plus_months(latest, -YEAR)), country)
    looked_up = _Lookup(cells, PLACE, window)
    neighbourhoods = {
        (force, identity): Place(
            force=force,
            neighbourhood=identity,
            name=name,
            short_name=name,
            partnership=partnership,
            population=population.get((force, identity)),
            areas=of_lsoas.get((force, identity), ()),
            outcomes=outcomes.get((force, identity), ()),
            elsewhere=elsewhere.get((force, identity), ()),
            **looked_up.figures((force, identity)),
        )
        for force, identity, name, partnership in places.iter_rows()
    }
    of_force = _Lookup(force_cells, ["force"], window)
    forces = {
        force: Place(
            force=force,
            neighbourhood="",
            name=name,
            short_name=short_name,
            partnership="",
            population=population.get((force,)),
            **of_force.figures((force,)),
        )
        for force, name, short_name in country.forces.sort("name")
        .select("force", "reported_by", "name")
        .iter_rows()
    }
    mapped = {
        "forces": with_all_crime(force_cells.lazy(), of_force.trend.lazy(), ["force"]),
        "neighbourhoods": with_all_crime(cells.lazy(), looked_up.trend.lazy(), PLACE),
        "areas": with_all_crime(areas, crime.lazy(), ["lsoa_code"]),
    }
    return Figures(
        months=window,
        forces=forces,
        neighbourhoods=neighbourhoods,
        supplied=_supplied(judged.verdicts),
        gaps=_gaps(judged.verdicts, window),
        verdicts=_verdicts(judged.verdicts),
        late=_late(judged.findings),
        shades={
            level: _shades(figures.filter(pl.col("month") == latest)) for level, figures in mapped.items()
        },
        mapped=mapped,
        tables=_tables(cells, judged.verdicts),
    )


class _Lookup:
    """Figures of each place, laid out by month and category, from cells of place x month x category."""

    def __init__(self, cells: pl.DataFrame, by: list[str], window: Sequence[date]) -> None:
        crimes = cells.filter(pl.col("category").cast(pl.String) != BEHAVIOUR)
        self.window = window
        self.trend = add_up(crimes, [*by, "month"])
        self.by_month = _by_key(self.trend, by, "month")
        self.latest = _by_key(cells.filter(pl.col("month") == window[-1]), by, "category")
        self.year: dict[Any, dict[Any, Figure]] | None = None
        self.year_by_category: dict[Any, dict[Any, Figure]] = {}
        if len(window) >= YEAR:
            last_year = cells.filter(pl.col("month") > plus_months(window[-1], -YEAR))
            whole = _only_whole_years(last_year, [*by, "category"])
            self.year_by_category = _by_key(whole, by, "category")
            whole_crimes = add_up(whole.filter(pl.col("category").cast(pl.String) != BEHAVIOUR), by)
            self.year = _by_key(whole_crimes.with_columns(all=pl.lit("all")), by, "all")

    def figures(self, key: tuple[str, ...]) -> dict[str, Any]:
        by_month = self.by_month.get(key, {})
        latest, by_category = self.latest.get(key, {}), self.year_by_category.get(key, {})
        year = None if self.year is None else self.year.get(key, {}).get("all", UNKNOWN)
        absent = dict.fromkeys(CRIMES, UNKNOWN)
        absent[BEHAVIOUR] = UNKNOWN if BEHAVIOUR in by_category or BEHAVIOUR in latest else NOT_OWED
        return {
            "trend": [by_month.get(month, UNKNOWN) for month in self.window],
            "year": year,
            "categories": {
                category: (
                    latest.get(category, absent[category]),
                    None if year is None else by_category.get(category, absent[category]),
                )
                for category in CATEGORIES
            },
        }


def _only_whole_years(cells: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Totals of twelve months, not known where fewer than twelve were owed: a short year is no year."""
    months_owed = cells.group_by(by).agg(owed=pl.col("month").n_unique())
    return (
        add_up(cells, by)
        .join(months_owed, on=by, how="left", maintain_order="left")
        .with_columns(
            count=pl.when(pl.col("owed") == YEAR).then("count"),
            status=pl.when(pl.col("owed") == YEAR).then("status").otherwise(pl.lit(UNKNOWN.status, STATUS)),
        )
    )


def _by_key(frame: pl.DataFrame, by: list[str], inner: str) -> dict[Any, dict[Any, Figure]]:
    """Rows of `by`, `inner`, `count` and `status` as nested dictionaries of figures."""
    found: dict[Any, dict[Any, Figure]] = {}
    rows = frame.select(*by, inner, "count", pl.col("status").cast(pl.String)).iter_rows()
    for *key, name, count, status in rows:
        found.setdefault(tuple(key), {})[name] = Figure(count, status)
    return found


def _areas(crimes: pl.DataFrame, country: Country) -> dict[tuple[str, str], list[Area]]:
    rows = (
        country.lsoas.sort("force", "lsoa_code")
        .select(*PLACE, "lsoa_code", "lsoa_name", place=pl.int_range(pl.len()).over("force"))
        .join(crimes.drop("month"), on="lsoa_code", how="left")
        .with_columns(pl.col("status").fill_null(pl.lit(UNKNOWN.status, STATUS)).cast(pl.String))
        .sort(*PLACE, "lsoa_code")
    )
    found: dict[tuple[str, str], list[Area]] = {}
    for force, neighbourhood, code, name, place, count, status in rows.iter_rows():
        found.setdefault((force, neighbourhood), []).append(Area(code, name, Figure(count, status), place))
    return found


def _population(country: Country) -> dict[tuple[str, ...], int]:
    """Residents of each neighbourhood and force, only where every LSOA has an estimate."""
    people = country.lsoas.select(
        *PLACE,
        count="population",
        status=pl.when(pl.col("population").is_null())
        .then(pl.lit(Status.MISSING.value))
        .otherwise(pl.lit(Status.COMPLETE.value))
        .cast(STATUS),
    )
    return {
        tuple(row[:-1]): row[-1]
        for by in (PLACE, ["force"])
        for row in add_up(people, by).select(*by, "count").drop_nulls().iter_rows()
    }


def _elsewhere(
    crimes: pl.DataFrame, verdicts: pl.DataFrame, country: Country
) -> dict[tuple[str, str], list[tuple[str, Figure]]]:
    """Records that a force made inside another's neighbourhood: told apart, never added to its own."""
    owners = country.lsoas.select("lsoa_code", "neighbourhood", owner="force")
    found: dict[tuple[str, str], list[tuple[str, Figure]]] = {}
    records = (
        crimes.select("force", "month", "lsoa_code", count=pl.col("counted").cast(pl.Int64))
        .join(owners, on="lsoa_code")
        .filter(pl.col("force") != pl.col("owner"))
        .join(counting_verdicts(verdicts).select("force", "month", "status"), on=["force", "month"])
        .join(country.forces.select("force", "reported_by"), on="force")
    )
    rows = add_up(records, ["owner", "neighbourhood", "reported_by"]).with_columns(
        pl.col("status").cast(pl.String)
    )
    for owner, neighbourhood, name, count, status in rows.iter_rows():
        found.setdefault((owner, neighbourhood), []).append((name, Figure(count, status)))
    return found


def _outcomes(crimes: pl.DataFrame, country: Country) -> dict[tuple[str, str], list[tuple[str, int]]]:
    """How many of the crimes that a force recorded in its own neighbourhoods had each outcome, most first."""
    rows = (
        rows_by(
            crimes.lazy()
            .filter(is_crime(), pl.col("counted") > 0)
            .join(country.lsoas.lazy().select("lsoa_code", *PLACE), on=["lsoa_code", "force"])
            .with_columns(pl.col("outcome").fill_null(NO_OUTCOME)),
            [*PLACE, "outcome"],
        )
        .collect()
        .sort(*PLACE, "rows", "outcome", descending=[False, False, True, False])
    )
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for force, neighbourhood, outcome, number in rows.iter_rows():
        found.setdefault((force, neighbourhood), []).append((outcome, number))
    return found


def _check_every_cell_is_there(areas: pl.LazyFrame, lsoas: pl.DataFrame) -> None:
    """Raise ValueError when a force's month lacks a cell: its totals would be short and not say so."""
    # Anti-social behaviour is owed by those who supply street files; every other kind by everyone.
    kinds = (
        pl.when((pl.col("category") == BEHAVIOUR).any()).then(len(CATEGORIES)).otherwise(len(CATEGORIES) - 1)
    )
    owners = lsoas.group_by("force").agg(places=pl.len())
    short = (
        areas.join(lsoas.lazy().select("lsoa_code"), on="lsoa_code", how="semi")
        .group_by("force", "month")
        .agg(found=pl.len(), kinds=kinds)
        .join(owners.lazy(), on="force")
        .with_columns(wanted=pl.col("places") * pl.col("kinds"))
        .filter(pl.col("found") != pl.col("wanted"))
        .sort("force", "month")
        .select("force", "month", "found", "wanted")
        .collect()
    )
    if short.height:
        force, month, found, expected = short.row(0)
        raise ValueError(
            f"The judged areas of {force} for {month:%Y-%m} have {found:,} cells where {expected:,} are wanted, one "
            "for each LSOA and kind. Aggregate that month again."
        )


def _supplied(verdicts: pl.DataFrame) -> dict[tuple[str, str], dict[date, tuple[str, float | None]]]:
    found: dict[tuple[str, str], dict[date, tuple[str, float | None]]] = {}
    rows = _files(verdicts).select("force", "file", "month", "status", "coverage").iter_rows()
    for force, file, month, status, coverage in rows:
        found.setdefault((force, file), {})[month] = (status, coverage)
    return found


def _verdicts(verdicts: pl.DataFrame) -> dict[str, dict[date, tuple[str, str]]]:
    found: dict[str, dict[date, tuple[str, str]]] = {}
    rows = _files(verdicts).filter(pl.col("file") == "crime").select("force", "month", "status", "reason")
    for force, month, status, reason in rows.iter_rows():
        found.setdefault(force, {})[month] = (status, "" if status == Status.COMPLETE.value else reason)
    return found


def _gaps(verdicts: pl.DataFrame, window: Sequence[date]) -> dict[str, list[Gap]]:
    """Runs of neighbouring months with one status and one reason, by force, latest first."""
    found: dict[str, list[Gap]] = {}
    rows = _files(verdicts).filter(
        pl.col("month").is_between(window[0], window[-1]), pl.col("status") != Status.COMPLETE.value
    )
    for row in rows.select("force", "file", "month", "status", "reason", "since", "coverage").iter_rows():
        force, file, month, status, reason, since, coverage = row
        runs = found.setdefault(force, [])
        before = runs[-1] if runs else None
        continues = (
            before is not None
            and (before.file, before.status, before.reason) == (file, status, reason)
            and plus_months(before.last, 1) == month
        )
        if before is not None and continues:
            runs[-1] = before._replace(last=month, coverage=None)
        else:
            runs.append(Gap(force, file, month, month, status, reason, since, coverage))
    return {
        force: sorted(runs, key=lambda gap: (gap.file, gap.first), reverse=True)
        for force, runs in found.items()
    }


def _late(findings: pl.DataFrame) -> dict[str, set[date]]:
    found: dict[str, set[date]] = {}
    backlogs = findings.filter(pl.col("code") == BACKLOG).sort("force", "first_month", "last_month")
    for force, first, last in backlogs.select("force", "first_month", "last_month").iter_rows():
        found.setdefault(force, set()).update(months_between(first, last))
    return found


def _files(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Verdicts with one name, “crime”, for the two files that crimes are counted from, in order."""
    counted = counting_verdicts(verdicts).get_column("file_type").unique().to_list()
    return (
        verdicts.with_columns(
            file=pl.when(pl.col("file_type").is_in(counted)).then(pl.lit("crime")).otherwise("file_type")
        )
        .sort("force", "file", "month", pl.col("status").to_physical(), "file_type")
        .unique(["force", "file", "month"], keep="first", maintain_order=True)
        .with_columns(pl.col("status").cast(pl.String))
    )


def _tables(cells: pl.DataFrame, verdicts: pl.DataFrame) -> dict[tuple[str, str], str]:
    why = _files(verdicts).filter(pl.col("file") == "crime", pl.col("status") != Status.COMPLETE.value)
    quoted = pl.format('"{}"', pl.col("reason").str.replace_all('"', '""', literal=True))
    lines = (
        cells.join(why.select("force", "month", "reason"), on=["force", "month"], how="left")
        .sort(*PLACE, "month", "category", descending=[False, False, True, False])
        .select(
            *PLACE,
            line=pl.concat_str(
                pl.col("month").dt.strftime("%Y-%m"),
                pl.col("category").cast(pl.String),
                pl.col("count").cast(pl.String).fill_null(""),
                pl.col("status").cast(pl.String),
                quoted.fill_null(""),
                separator=",",
            ),
        )
        .group_by(PLACE, maintain_order=True)
        .agg(pl.col("line").str.join("\r\n"))
    )
    return {
        (force, neighbourhood): f"month,kind,count,status,why\r\n{content}\r\n"
        for force, neighbourhood, content in lines.iter_rows()
    }


def _shades(latest: pl.LazyFrame) -> list[list[int]]:
    """Upper bounds of the shades of some areas, for each kind in turn."""
    counts = latest.filter(pl.col("count") > 0).group_by("kind").agg("count").collect()
    by_kind = dict(counts.iter_rows())
    return [_bounds(by_kind.get(kind, [])) for kind in range(len(KINDS))]


def _bounds(counts: Sequence[int]) -> list[int]:
    """Upper bounds of the shades, the same on every page of the country.

    They are round numbers: easier to read, and the same when one force's figures change a little.
    """
    some = sorted(counts)
    parting = {_round(some[int(len(some) * share)]) for share in SHADES} if some else set()
    return sorted(bound for bound in parting if bound < some[-1])


def _round(number: int) -> int:
    """The least of 1, 2, 3, 5, 10, 20, 30, 50, 100… that is not below a number."""
    power = 1
    while True:
        for step in (1, 2, 3, 5):
            if number <= step * power:
                return step * power
        power *= 10
