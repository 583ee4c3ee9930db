"""The lines of a quarter as one GeoParquet file: the same records, typed, with a point for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

#: The columns of the street lines: those of the street file under names that need no quoting, and the map point's id.
NAMES: Final = {
    "force": "force",
    "Month": "month",
    "Crime ID": "crime_id",
    "Reported by": "reported_by",
    "Longitude": "longitude",
    "Latitude": "latitude",
    "Location": "location",
    "LSOA code": "lsoa_code",
    "LSOA name": "lsoa_name",
    "Crime type": "crime_type",
    "Last outcome category": "last_outcome_category",
    "point_id": "point_id",
}

#: GeoParquet 1.1: geometry as WKB points in WGS 84, which is what a file without a `crs` means.
GEOGRAPHY: Final = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
}

#: Well-known binary of a point: byte order, type, then x and y.
WKB_POINT: Final = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
ROWS_PER_GROUP: Final = 262_144


def write_quarter(lines: pl.DataFrame, path: Path, names: Mapping[str, str] = NAMES) -> None:
    """Write the lines of a quarter, their columns under `names`. Equal lines give equal bytes.

    `lines` is `street.published` of its months, one after another; or `outcomes.published`, or
    `searches.published`. `geometry` is null where a record has no location, as `longitude` and `latitude` are.
    """
    table = lines.select(pl.col(name).alias(alias) for name, alias in names.items()).to_arrow(
        compat_level=pl.CompatLevel.oldest()
    )
    table = table.append_column("geometry", _points(lines))
    table = table.replace_schema_metadata({"geo": json.dumps(GEOGRAPHY, separators=(",", ":"))})
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=1,
        row_group_size=ROWS_PER_GROUP,
        # No two ids or points are alike enough to be worth a dictionary.
        use_dictionary=[name for name in names.values() if name != "crime_id"],
    )


def read_month(path: Path, month: str) -> pl.DataFrame:
    """The lines of one month (`2019-09`) of a quarter's file, without the geometry, in their order."""
    return pl.scan_parquet(path).drop("geometry").filter(pl.col("month") == month).collect()


def read_quarter(path: Path, names: Mapping[str, str] = NAMES) -> pl.DataFrame:
    """The lines of a quarter's file, in their order, with those columns that `write_quarter` wrote of them."""
    columns = {alias: name for name, alias in names.items()}
    return pl.read_parquet(path, columns=list(columns)).rename(columns)


def _points(lines: pl.DataFrame) -> Any:
    placed = lines["Longitude"].is_not_null()
    longitude, latitude = (lines[name].filter(placed).to_numpy() for name in ("Longitude", "Latitude"))
    points = np.empty(len(longitude), WKB_POINT)
    points["order"], points["type"], points["x"], points["y"] = 1, 1, longitude, latitude
    size = WKB_POINT.itemsize
    ends = np.cumsum(placed.to_numpy().astype(np.int32) * size, dtype=np.int64)
    offsets = np.concatenate([[0], ends]).astype(np.int64)
    mask = pa.array(placed.to_numpy())
    return pa.Array.from_buffers(
        pa.large_binary(),
        lines.height,
        [mask.buffers()[1], pa.py_buffer(offsets.tobytes()), pa.py_buffer(points.tobytes())],
    )
