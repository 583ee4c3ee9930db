"""Aggregated: one row for each period, area and offence that ought to exist."""

from __future__ import annotations

from typing import Final

import polars as pl

from geography.placing import placed_in_force
from pipelines.stages.line import Line
from pipelines.store import digest
from transforms import aggregation, judging, register
from transforms.contracts import columns as c
from transforms.contracts import tables
from transforms.counting.corrections import AGGREGATE
from transforms.periods import Quarter

#: Every table that a quarter is laid out as.
MADE: Final = ("offence_grid", "area_grid", "neighbourhood_totals")


def counted_in(line: Line, quarter: Quarter) -> pl.LazyFrame:
    """Every crime that counts in the quarter, from whatever kind of file."""
    return line.workspace.scan("counted", tables.Counted, _partitions(line, "counted", quarter))


def counted_key(line: Line, quarter: Quarter) -> list[tuple[str, str]]:
    """What `counted_in` reads of the quarter: the name and the object of each partition."""
    return line.workspace.key("counted", _partitions(line, "counted", quarter))


def _partitions(line: Line, table: str, quarter: Quarter) -> list[str]:
    return [name for name in line.workspace.head.get(table, {}) if name.endswith(f" {quarter}")]


def returned_in(line: Line, quarter: Quarter) -> pl.LazyFrame:
    """Every crime and net correction in the return of the quarter: `force, month, offence_code, counted`.

    A record-level force returns its crimes as they now stand; an aggregate force as it returned each quarter.
    """
    workspace = line.workspace
    nets = [force for force in line.forces if line.treatment(force) == AGGREGATE]
    columns = ["force", "month", "offence_code", "counted"]
    return pl.concat(
        [
            counted_in(line, quarter).filter(~pl.col("force").is_in(nets)).select(columns),
            workspace.scan("returned", tables.Returned, _partitions(line, "returned", quarter)).select(
                columns
            ),
        ]
    )


def aggregate_quarter(line: Line, quarter: Quarter) -> bool:
    """Lay the quarter's crimes onto the expected grids. Returns whether anything was new."""
    workspace = line.workspace
    months = [month for month in quarter.months if month in line.window()]
    present = line.present(months)
    made_from = digest(
        line.basis,
        counted_key(line, quarter),
        workspace.key("returned", _partitions(line, "returned", quarter)),
        present.select("force", "file_type", "month", "supplied").rows(),
    )
    if all(workspace.up_to_date(table, str(quarter), made_from) for table in MADE):
        return False
    counted = counted_in(line, quarter)
    by_code = returned_in(line, quarter).filter(pl.col("offence_code").is_not_null())
    seen = by_code.select(pl.col("offence_code").unique()).collect().to_series()
    offences = aggregation.count_onto_grid(
        register.offence_grid(present, sorted({*line.codes(quarter), *seen})),
        by_code,
        ["force", "month", "offence_code"],
    )
    placed = placed_in_force(counted, line.country.lsoas, no_location=c.NO_LOCATION, outside=c.OUTSIDE)
    areas = aggregation.count_onto_grid(
        register.area_grid(present, line.country.lsoas),
        placed.with_columns(lsoa_code="place"),
        ["force", "month", "lsoa_code", "category"],
    )
    offences = in_order(offences, ["force", "month", "offence_code"])
    workspace.write("offence_grid", str(quarter), offences, tables.OffenceGrid, made_from)
    workspace.write("area_grid", str(quarter), areas, tables.AreaGrid, made_from)
    grid = workspace.scan("area_grid", tables.AreaGrid, [str(quarter)])
    totals = judging.neighbourhood_totals(grid, line.country.lsoas)
    workspace.write("neighbourhood_totals", str(quarter), totals, tables.NeighbourhoodTotals, made_from)
    return True


def in_order(frame: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    """Rows sorted on their key: text by its letters, compared as the few distinct values it holds."""
    text = [name for name, dtype in frame.collect_schema().items() if name in key and dtype == pl.String]
    return (
        frame.with_columns(pl.col(text).cast(pl.Categorical))
        .sort(key)
        .with_columns(pl.col(text).cast(pl.String))
    )
