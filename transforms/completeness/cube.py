"""Turns long tables of counts and areas into one integer-coded array, and keeps the names of what it codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from transforms.completeness.constants import BLOCK_SIZES

Floats = npt.NDArray[Any]
Ints = npt.NDArray[Any]


class CountsError(ValueError):
    """Counts or areas that cannot be judged; the message names the column, the value seen and the value wanted."""


@dataclass(frozen=True)
class Level:
    """A grouping of areas between the area and the force, such as Community Safety Partnerships."""

    name: str
    nodes: list[str]
    node_of_area: Ints
    force_of_node: Ints
    areas_of_node: Ints
    named: bool = True

    @cached_property
    def membership(self) -> Any:
        """Which areas each node holds, as a sparse matrix `[node, area]`."""
        areas = len(self.node_of_area)
        ones = np.ones(areas, dtype=np.float32)
        return sparse.csr_array((ones, (self.node_of_area, np.arange(areas))), shape=(len(self.nodes), areas))


@dataclass(frozen=True)
class Cube:
    """Counts as `n[month, area, category]`, areas sorted by force, with what did not fit kept by name."""

    months: list[date]
    forces: list[str]
    areas: list[str]
    categories: list[str]
    n: Floats
    force_of_area: Ints
    first_area: Ints
    levels: list[Level]
    no_location: Floats
    unknown: pl.DataFrame = field(default_factory=pl.DataFrame)

    def areas_of(self, force: int) -> slice:
        """The areas of a force, which lie side by side."""
        return slice(int(self.first_area[force]), int(self.first_area[force + 1]))

    def by_force(self) -> Floats:
        """Counts as `[month, force, category]`."""
        starts = self.first_area[:-1]
        return np.add.reduceat(self.n, starts, axis=1, dtype=np.float64)


def as_month(name: str) -> pl.Expr:
    """A month column given as `YYYY-MM` or `YYYY-MM-DD` text, or as a date, as the first day of the month."""
    return pl.col(name).cast(pl.String).str.slice(0, 7).str.to_date("%Y-%m", strict=False)


def encode(counts: pl.DataFrame | pl.LazyFrame, areas: pl.DataFrame, as_of: date | None) -> Cube:
    """Codes `counts` [month, area, category, n] on `areas` [area, force, …levels].

    Counts hold positive cells only; an empty or null `area` is “no location”. Months later than `as_of` are
    not looked at. Areas absent from `areas` are kept in `Cube.unknown` by name. Raises `CountsError` when a
    column is absent, a month cannot be read, a count is negative or null, or an area has two forces.
    """
    frame = counts.lazy()
    _require(frame.collect_schema().names(), ("month", "area", "category", "n"), "counts")
    _require(areas.columns, ("area", "force"), "areas")
    places = areas.select(pl.all().cast(pl.String)).filter(pl.col("area").fill_null("") != "").unique()
    places = places.with_columns(pl.col("force").fill_null("")).sort("force", "area")
    twice = places.filter(pl.col("area").is_duplicated())
    if twice.height:
        raise CountsError(
            f"areas: area {twice['area'][0]!r} appears {twice.filter(pl.col('area') == twice['area'][0]).height} "
            "times with different force or levels; one row for each area is wanted. Remove the others."
        )
    orphan = places.filter(pl.col("force") == "")
    if orphan.height:
        raise CountsError(
            f"areas: area {orphan['area'][0]!r} has no force; every area needs the force whose area it is in."
        )
    forces = sorted(places["force"].unique().to_list())
    names = places["area"].to_list()
    coded = _coded(frame, names)
    months_seen = _values(coded["month"]).with_columns(as_month("name").alias("_month"))
    if months_seen["_month"].null_count():
        seen = months_seen.filter(pl.col("_month").is_null())["name"][0]
        raise CountsError(f"counts: month {seen!r} cannot be read; wanted YYYY-MM, such as 2024-07.")
    if as_of is not None and (later := months_seen.filter(pl.col("_month") > as_of)).height:
        months_seen = months_seen.filter(pl.col("_month") <= as_of)
        coded = coded.filter(~pl.col("month").to_physical().is_in(later["code"].implode()))
    if months_seen.height == 0:
        raise CountsError(
            "counts: no row at or before the month asked for; at least one month of counts is wanted."
        )
    _readable(coded)
    first, latest = months_seen["_month"].min(), months_seen["_month"].max()
    last = as_of if as_of is not None else latest
    months = pl.select(pl.date_range(pl.lit(first), pl.lit(last), "1mo")).to_series().to_list()
    types = _values(coded["category"]).sort("name")
    categories = types["name"].to_list()
    at_month = _places(coded["month"], months_seen["code"], [months.index(m) for m in months_seen["_month"]])
    at_type = _places(coded["category"], types["code"], list(range(types.height)))
    n, no_location = _arrays(coded, at_month, at_type, (len(months), len(names), len(categories)))
    unknown = _elsewhere(frame, names, months_seen) if coded["area"].null_count() else None
    force_of_area = (
        places["force"].replace_strict(forces, list(range(len(forces))), return_dtype=pl.Int64).to_numpy()
    )
    first_area = np.searchsorted(force_of_area, np.arange(len(forces) + 1))
    levels = [
        _level(name, places[name], force_of_area, forces)
        for name in places.columns
        if name not in ("area", "force")
    ]
    levels = [level for level in levels if len(forces) < len(level.nodes) < len(names)]
    levels.sort(key=lambda level: len(level.nodes))
    levels.extend(_blocks(force_of_area, first_area, len(forces)))
    return Cube(
        months,
        forces,
        names,
        categories,
        n,
        force_of_area,
        first_area,
        levels,
        no_location,
        _NOWHERE if unknown is None else unknown,
    )


def _coded(frame: pl.LazyFrame, names: list[str]) -> pl.DataFrame:
    """Every column as numbers, each read once: months and categories as they come, areas by their place in `names`.

    An empty area is the place after the last, an unknown one null. Streamed, so that a file's text is never held whole.
    """
    schema = frame.collect_schema()
    try:
        return frame.select(
            *(
                # A date and a word of a fixed list are numbers already.
                pl.col(name)
                if schema[name] == pl.Date or isinstance(schema[name], pl.Enum)
                else pl.col(name).cast(pl.String).cast(pl.Categorical)
                for name in ("month", "category")
            ),
            area=pl.col("area")
            .cast(pl.String)
            .fill_null("")
            .cast(pl.Enum([*names, ""]), strict=False)
            .to_physical(),
            n=pl.col("n").cast(pl.Float64, strict=False),
        ).collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CountsError(f"counts: cannot be read ({error}); wanted month, area, category, n.") from error


def _values(column: pl.Series) -> pl.DataFrame:
    """The distinct values of a coded column: `name` and `code`."""
    names = pl.DataFrame({"name": column.unique()})
    return names.select(pl.col("name").cast(pl.String), code=pl.col("name").to_physical())


def _places(column: pl.Series, codes: pl.Series, places: list[int]) -> Ints:
    """The place of each value of a coded column, given the place of each of its codes."""
    place_of_code = np.zeros(int(codes.to_numpy().max(initial=0)) + 1, dtype=np.int32)
    place_of_code[codes.to_numpy()] = places
    return np.take(place_of_code, column.to_physical().to_numpy())


def _arrays(
    coded: pl.DataFrame, at_month: Ints, at_type: Ints, shape: tuple[int, int, int]
) -> tuple[Floats, Floats]:
    """Counts `[month, area, category]`, and `[month, category]` of those without a location."""
    _, areas, types = shape
    size = int(np.prod(shape))
    values = coded["n"].to_numpy()
    area = coded["area"].fill_null(areas + 1).to_numpy()
    blank = area == areas
    no_location = np.zeros(shape[::2])
    np.add.at(no_location, (at_month[blank], at_type[blank]), values[blank])
    whole = np.int64 if size >= np.iinfo(np.int32).max else np.int32
    place: npt.NDArray[np.int32 | np.int64] = at_month.astype(whole)
    place *= areas
    place += area
    place *= types
    place += at_type
    elsewhere = area >= areas
    place[elsewhere] = size
    n = np.zeros(size + 1, dtype=np.float32)
    n[place] = values
    n[size] = 0
    if np.count_nonzero(n) < len(place) - np.count_nonzero(elsewhere):
        # Some place has several rows.
        n = np.bincount(place, weights=values, minlength=size + 1).astype(np.float32)
    return n[:size].reshape(shape), no_location


#: Records in areas that nobody knows, when there are none.
_NOWHERE: Final = pl.DataFrame(
    schema={"area": pl.String, "n": pl.Float64, "first_month": pl.Date, "last_month": pl.Date}
)


def _elsewhere(frame: pl.LazyFrame, names: list[str], months_seen: pl.DataFrame) -> pl.DataFrame:
    """The records in areas that `names` does not hold, by area."""
    area = pl.col("area").cast(pl.String)
    return (
        frame.filter(area != "", ~area.is_in(names))
        .with_columns(pl.col("month").cast(pl.String))
        .join(months_seen.lazy(), left_on="month", right_on="name")
        .group_by(area=area)
        .agg(
            pl.col("n").cast(pl.Float64).sum(),
            first_month=pl.col("_month").min(),
            last_month=pl.col("_month").max(),
        )
        .sort("area")
        .collect()
    )


def _level(name: str, values: pl.Series, force_of_area: Ints, forces: list[str]) -> Level:
    """A grouping, cut at force boundaries; an area without a group is its own force's remainder."""
    keys = (
        pl.DataFrame({"f": force_of_area, "v": values})
        .with_columns(pl.col("v").fill_null(""))
        .with_row_index()
    )
    nodes = keys.select("f", "v").unique().sort("f", "v").with_row_index("node")
    coded = keys.join(nodes, on=["f", "v"], how="left").sort("index")
    node_of_area = coded["node"].to_numpy().astype(np.int64)
    labels = [v or f"no {name} in {forces[f]}" for f, v in nodes.select("f", "v").iter_rows()]
    return Level(
        name, labels, node_of_area, nodes["f"].to_numpy(), np.bincount(node_of_area, minlength=len(labels))
    )


def _blocks(force_of_area: Ints, first_area: Ints, forces: int) -> list[Level]:
    """Runs of areas side by side in code order, in forces with more than two runs; twice, half a run apart."""
    place = np.arange(len(force_of_area)) - first_area[force_of_area]
    size = np.diff(first_area)[force_of_area]
    levels = []
    for length in BLOCK_SIZES:
        for shift in (0, length // 2):
            run = np.where(size > 2 * length, (place + shift) // length, 0)
            keys = force_of_area * (len(force_of_area) + 1) + run
            _, first, node = np.unique(keys, return_index=True, return_inverse=True)
            count = np.bincount(node)
            if len(count) > forces:
                names = [f"block {i}" for i in range(len(count))]
                levels.append(
                    Level(
                        f"{length} areas",
                        names,
                        node.astype(np.int64),
                        force_of_area[first],
                        count,
                        named=False,
                    )
                )
    return levels


def _require(seen: list[str], wanted: tuple[str, ...], table: str) -> None:
    """Refuses a table without its columns."""
    absent = [column for column in wanted if column not in seen]
    if absent:
        raise CountsError(
            f"{table}: no column {', '.join(absent)}; columns seen: {', '.join(seen)}. Wanted: {', '.join(wanted)}."
        )


def _readable(coded: pl.DataFrame) -> None:
    """Refuses counts that cannot be read: no number, negative, or without a category."""
    if coded["n"].null_count():
        raise CountsError(
            "counts: a value of n is not a number; wanted a count of 1 or more, absent cells left out."
        )
    if coded.height and float(coded["n"].min()) < 0:  # type: ignore[arg-type]
        raise CountsError(
            "counts: a value of n is negative; wanted counts before net corrections, 1 or more."
        )
    if coded["category"].null_count():
        raise CountsError("counts: a row has no category; wanted the crime type of each count.")
