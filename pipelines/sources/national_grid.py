"""National Grid metres (EPSG:27700) to WGS 84 degrees, as a Polars expression."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import polars as pl
from pyproj import Transformer

#: The edges of the grid: west, east, south, north. Its very corner is what systems write for no place at all.
METRES: Final = (1.0, 700_000.0, 1.0, 1_300_000.0)

_DEGREES: Final = pl.Struct({"longitude": pl.Float64, "latitude": pl.Float64})
#: OSGB36 to WGS 84 by the seven-parameter shift (EPSG:1314), good to about 3 m. Written out so that the same
#: degrees come out on every machine, whatever grids are installed.
_TO_DEGREES: Final = (
    "+proj=pipeline +step +inv +proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=airy "
    "+step +proj=push +v_3 +step +proj=cart +ellps=airy "
    "+step +proj=helmert +x=446.448 +y=-125.157 +z=542.06 +rx=0.15 +ry=0.247 +rz=0.842 +s=-20.489 "
    "+convention=position_vector +step +inv +proj=cart +ellps=WGS84 +step +proj=pop +v_3 "
    "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
)
#: Polars calls back on threads whose stacks are too small for PROJ.
_SURVEYORS: Final = ThreadPoolExecutor(thread_name_prefix="surveyor")


def degrees(easting: pl.Expr, northing: pl.Expr) -> pl.Expr:
    """A struct of `longitude` and `latitude`, to 6 decimals (about 10 cm), of metres given as Float64.

    Both null where either is null or off the grid.
    """
    metres = pl.struct(easting.alias("easting"), northing.alias("northing"))
    return metres.map_batches(_degrees, return_dtype=_DEGREES, is_elementwise=True)


def _degrees(metres: pl.Series) -> pl.Series:
    easting, northing = (metres.struct.field(column).to_numpy() for column in ("easting", "northing"))
    found = np.full((2, len(metres)), np.nan)
    west, east, south, north = METRES
    given = (easting >= west) & (easting <= east) & (northing >= south) & (northing <= north)
    if given.any():
        found[:, given] = _SURVEYORS.submit(_transform, easting[given], northing[given]).result()
    longitude, latitude = (pl.Series(values, nan_to_null=True) for values in found)
    return pl.DataFrame({"longitude": longitude, "latitude": latitude}).to_struct(metres.name)


def _transform(easting: Any, northing: Any) -> Any:
    """Each point once: crimes share the points of their streets."""
    points, places = np.unique(easting + 1j * northing, return_inverse=True)
    found = Transformer.from_pipeline(_TO_DEGREES).transform(points.real, points.imag)
    return np.round(found, 6)[:, places]
