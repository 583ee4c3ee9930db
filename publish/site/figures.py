"""Every figure that the pages show; pages only look them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final, NamedTuple

import polars as pl

from geography.areas import Country
from publish.site import supply
from publish.site.cells import PLACE, Cells, cells_of
from publish.site.map_figures import KINDS, by_kind
from publish.site.supply import Gap
from publish.site.writing import key_of
from transforms.aggregation import add_up, net_of
from transforms.contracts.columns import BEHAVIOUR, CATEGORIES, is_crime
from transforms.contracts.status import STATUS, Status
from transforms.judging import Judged, counting_verdicts
from transforms.periods import months_between, plus_months

#: Anti-social behaviour is an incident: counted beside crime, and never added to it.
CRIMES: Final = tuple(category for category in CATEGORIES if category != BEHAVIOUR)
YEAR: Final = 12
#: Where the shades of the map part, as shares of the areas that have crime: finer where crime is dense.
SHADES: Final = (0.4, 0.7, 0.9, 0.98)

#: Of a crime without an outcome in what the force supplied.
NO_OUTCOME: Final = "No outcome supplied"

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
    """All that the pages need: what is told of the whole country, and of each force when it is asked for."""

    months: Sequence[date]
    cells: Cells
    forces: dict[str, Place]
    #: The neighbourhoods in order: those of `Cells.places` with `population` and whether `known` in the latest month.
    places: pl.DataFrame
    #: For each force and file type, the status of each month that is owed.
    supplied: dict[tuple[str, str], dict[date, tuple[str, float | None]]]
    gaps: dict[str, list[Gap]]
    #: For each force, the status of its crime records in each month that is owed, and why.
    verdicts: dict[str, dict[date, tuple[str, str]]]
    #: For each force, months that hold crimes of earlier months, recorded late.
    late: dict[str, set[date]]
    #: Upper bounds of the shades of each level of area, for each kind of the map.
    shades: dict[str, Sequence[Sequence[int]]]
    #: What the map of the country shows by kind, with how many areas there are.
    mapped: dict[str, tuple[pl.DataFrame, int]]
    outcomes: dict[tuple[str, str], list[tuple[str, int]]]
    elsewhere: dict[tuple[str, str], list[tuple[str, Figure]]]

    @cached_property
    def keys(self) -> list[tuple[str, str]]:
        """Force and id of each neighbourhood, in order."""
        return list(self.places.select(PLACE).iter_rows())

    def neighbourhoods(self, force: str) -> dict[str, Place]:
        """The neighbourhoods of a force, by id."""
        places = self.places.filter(pl.col("force") == force)
        cells = self._cells(places)
        looked_up = _Lookup(cells, ["place"], self.months)
        areas = self._areas(force)
        return {
            identity: Place(
                force=force,
                neighbourhood=identity,
                name=name,
                short_name=name,
                partnership=partnership,
                population=population,
                areas=areas.get(number, ()),
                outcomes=self.outcomes.get((force, identity), ()),
                elsewhere=self.elsewhere.get((force, identity), ()),
                **looked_up.figures((number,)),
            )
            for number, identity, name, partnership, population in places.select(
                "place", "neighbourhood", "neighbourhood_name", "csp_name", "population"
            ).iter_rows()
        }

    def tables(self, force: str) -> dict[str, str]:
        """The figures of each neighbourhood as CSV, newest month first, with why where one is not whole."""
        places = self.places.filter(pl.col("force") == force)
        why = [(month, reason) for month, (_, reason) in self.verdicts.get(force, {}).items() if reason]
        reasons = pl.DataFrame(why, schema={"month": pl.Date, "reason": pl.String}, orient="row")
        quoted = pl.format('"{}"', pl.col("reason").str.replace_all('"', '""', literal=True))
        lines = (
            self._cells(places)
            .join(reasons, on="month", how="left")
            .sort("place", "month", "category", descending=[False, True, False])
            .select(
                "place",
                line=pl.concat_str(
                    pl.col("month").dt.strftime("%Y-%m"),
                    pl.col("category").cast(pl.String),
                    pl.col("count").cast(pl.String).fill_null(""),
                    pl.col("status").cast(pl.String),
                    quoted.fill_null(""),
                    separator=",",
                ),
            )
            .group_by("place", maintain_order=True)
            .agg(pl.col("line").str.join("\r\n"))
            .join(places.select("place", "neighbourhood"), on="place")
        )
        return {
            neighbourhood: f"month,kind,count,status,why\r\n{content}\r\n"
            for neighbourhood, content in lines.select("neighbourhood", "line").iter_rows()
        }

    def key(self, force: str, areas: str | None) -> str:
        """A key of every figure of a force and its neighbourhoods: equal when they are.

        `areas` is one of those of its areas (`Cells.keys`); None where it has none.
        """
        places = self.places.filter(pl.col("force") == force)
        told = [
            {key: kept[key] for key in self.keys if key[0] == force and key in kept}
            for kept in (self.outcomes, self.elsewhere)
        ]
        owed = sorted(self.verdicts.get(force, {}).items()), sorted(self.late.get(force, ()))
        return key_of(areas, places.rows(), told, owed, self.gaps.get(force), self.forces[force])

    def _cells(self, places: pl.DataFrame) -> pl.DataFrame:
        """The cells of some neighbourhoods that follow one another."""
        if places.is_empty():
            return self.cells.neighbourhoods.clear()
        first, last = places.item(0, "place"), places.item(-1, "place")
        return self.cells.neighbourhoods.filter(pl.col("place").is_between(first, last))

    def _areas(self, force: str) -> dict[int, list[Area]]:
        cells = self.cells.latest.filter(pl.col("force") == force, is_crime())
        rows = (
            self.cells.lsoas.filter(pl.col("force") == force)
            .with_row_index("position")
            .join(add_up(cells, ["lsoa"]), on="lsoa", how="left")
            .with_columns(pl.col("status").fill_null(pl.lit(UNKNOWN.status, STATUS)).cast(pl.String))
            .sort("lsoa")
            .select("place", "lsoa_code", "lsoa_name", "position", "count", "status")
        )
        found: dict[int, list[Area]] = {}
        for number, code, name, position, count, status in rows.iter_rows():
            found.setdefault(number, []).append(Area(code, name, Figure(count, status), position))
        return found


def figures_of(judged: Judged, country: Country, months: Sequence[date]) -> Figures:
    """Compute the figures for `months`, the latest of which every page opens with.

    The window is every month from the first to the last of `months`, so that a month which nobody owed is
    seen to be absent. Raises ValueError when a force's month lacks a cell that it ought to have.
    """
    window = months_between(min(months), max(months))
    latest = window[-1]
    cells = cells_of(judged, country, window)
    population = _population(country)
    of_force = _Lookup(cells.forces, ["force"], window)
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
    neighbourhoods = by_kind(cells.neighbourhoods, "place")
    now = neighbourhoods.filter(pl.col("month") == latest, pl.col("kind") == 0)
    people = [population.get(key) for key in cells.places.select(PLACE).iter_rows()]
    order = pl.DataFrame({"force": list(forces)}).with_row_index("number")
    numbered = cells.forces.join(order, on="force")
    mapped = {
        "forces": (by_kind(numbered, "number"), len(forces)),
        "neighbourhoods": (neighbourhoods, cells.places.height),
    }
    shown = {level: figures for level, (figures, _) in mapped.items()} | {
        "areas": by_kind(cells.latest, "lsoa")
    }
    return Figures(
        months=window,
        cells=cells,
        forces=forces,
        places=cells.places.with_columns(
            pl.Series("population", people, pl.Int64),
            known=pl.col("place").is_in(
                now.filter(pl.col("count").is_not_null()).get_column("position").implode()
            ),
        ),
        supplied=supply.supplied(judged.verdicts),
        gaps=supply.gaps(judged.verdicts, window),
        verdicts=supply.reasons(judged.verdicts),
        late=supply.late(judged.findings),
        shades={
            level: _shades(figures.filter(pl.col("month") == latest)) for level, figures in shown.items()
        },
        mapped=mapped,
        outcomes=_outcomes(judged.listed_outcomes(country.lsoas, window[-YEAR:]).collect()),
        elsewhere=_elsewhere(judged.crimes.lazy([latest]), judged.verdicts, country),
    )


class _Lookup:
    """Figures of each place, laid out by month and category, from cells of place x month x category."""

    def __init__(self, cells: pl.DataFrame, by: list[str], window: Sequence[date]) -> None:
        crimes = cells.filter(is_crime())
        self.window = window
        self.by_month = _by_key(add_up(crimes, [*by, "month"]), by, "month")
        self.latest = _by_key(cells.filter(pl.col("month") == window[-1]), by, "category")
        self.year: dict[Any, dict[Any, Figure]] | None = None
        self.year_by_category: dict[Any, dict[Any, Figure]] = {}
        if len(window) >= YEAR:
            last_year = cells.filter(pl.col("month") > plus_months(window[-1], -YEAR))
            whole = _only_whole_years(last_year, [*by, "category"])
            self.year_by_category = _by_key(whole, by, "category")
            whole_crimes = add_up(whole.filter(is_crime()), by)
            self.year = _by_key(whole_crimes.with_columns(all=pl.lit("all")), by, "all")

    def figures(self, key: tuple[str | int, ...]) -> dict[str, Any]:
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
    crimes: pl.LazyFrame, verdicts: pl.DataFrame, country: Country
) -> dict[tuple[str, str], list[tuple[str, Figure]]]:
    """Records that a force made inside another's neighbourhood: told apart, never added to its own."""
    owners = country.lsoas.select("lsoa_code", "neighbourhood", owner="force")
    found: dict[tuple[str, str], list[tuple[str, Figure]]] = {}
    records = (
        crimes.select("force", "month", "lsoa_code", count=pl.col("counted").cast(pl.Int64))
        .join(owners.lazy(), on="lsoa_code")
        .filter(pl.col("force") != pl.col("owner"))
        .collect()
        .join(counting_verdicts(verdicts).select("force", "month", "status"), on=["force", "month"])
        .join(country.forces.select("force", "reported_by"), on="force")
    )
    rows = add_up(records, ["owner", "neighbourhood", "reported_by"]).with_columns(
        pl.col("status").cast(pl.String)
    )
    for owner, neighbourhood, name, count, status in rows.iter_rows():
        found.setdefault((owner, neighbourhood), []).append((name, Figure(count, status)))
    return found


def _outcomes(listed: pl.DataFrame) -> dict[tuple[str, str], list[tuple[str, int]]]:
    """How many of the crimes that a force recorded in its own neighbourhoods had each outcome, most first."""
    told = listed.with_columns(pl.col("outcome").fill_null(NO_OUTCOME))
    rows = net_of(told, [*PLACE, "outcome"], "rows").sort(
        *PLACE, "rows", "outcome", descending=[False, False, True, False]
    )
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for force, neighbourhood, outcome, number in rows.iter_rows():
        found.setdefault((force, neighbourhood), []).append((outcome, number))
    return found


def _shades(latest: pl.DataFrame) -> list[list[int]]:
    """Upper bounds of the shades of some areas, for each kind in turn."""
    counts = latest.filter(pl.col("count") > 0).group_by("kind").agg("count")
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
