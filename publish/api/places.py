"""Every place that a record is published at or could be: laid out, with its rank and its text in answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country
from publish.api import text
from publish.api.points import Points
from transforms.periods import quarters_of

#: Ids of points that are in no list of ours begin here.
FIRST_FOREIGN_POINT: Final = 2**30
PLACE: Final = ("longitude", "latitude", "location")
#: What police.uk calls a place without a name; the blank is part of it.
NAMELESS: Final = "On or near "


def laid_out(feeds: Path, country: Country, months: Sequence[date]) -> tuple[Points, pl.DataFrame]:
    """Lay out the map points of a country, and every place of the records of `months` that is none of them.

    Returns the points, and a row for each place with its `rank`: `PLACE`, `point_id`, and `at`, its text.
    """
    listed = country.map_points.select(
        pl.col("longitude", "latitude").round(6),
        location="On or near " + pl.col("name"),
        point_id="point_id",
    )
    # A crime that was placed here is at a point of the list, and so are most outcomes.
    street = _used(feeds, "street", months, *PLACE, where=pl.col("point_id").is_null(), but=listed)
    outcomes = _used(feeds, "outcomes", months, *PLACE, but=listed)
    elsewhere = pl.concat([street, outcomes]).with_columns(point_id=pl.lit(None, pl.Int64))
    named = pl.concat([listed, elsewhere])
    # A search file gives no name: it is that of the point in any other file, or the one without a name.
    unnamed = (
        _used(feeds, "stop-and-search", months, "longitude", "latitude")
        .join(named, on=["longitude", "latitude"], how="anti")
        .with_columns(location=pl.lit(NAMELESS), point_id=pl.lit(None, pl.Int64))
    )
    places = (
        pl.concat([named, unnamed])
        .sort(*PLACE, "point_id", nulls_last=True)
        .unique(list(PLACE), keep="first", maintain_order=True)
    )
    places = places.with_columns(point_id=_identified(places))
    points, order = Points.laid_out(
        *(places[name].to_numpy() for name in ("point_id", "latitude", "longitude"))
    )
    laid = places[order].with_row_index("rank").with_columns(pl.col("rank").cast(pl.Int32))
    return points, laid.with_columns(at=text.location("longitude", "latitude", "point_id", "location"))


def _used(
    feeds: Path,
    kind: str,
    months: Sequence[date],
    *columns: str,
    where: pl.Expr | None = None,
    but: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Some columns of where the records of a kind of file are, each different one once, `but` for those of a table."""
    names = [f"{month:%Y-%m}" for month in months]
    has_place = pl.col("month").is_in(names) & pl.col("longitude").is_not_null()
    types = {name: pl.String if name == "location" else pl.Float64 for name in columns}
    parts = [pl.LazyFrame(schema=types)]
    for quarter in quarters_of(months):
        path = feeds / "parquet" / f"{quarter}-{kind}.parquet"
        if path.exists():
            lines = pl.scan_parquet(path).filter(has_place if where is None else has_place & where)
            parts.append(lines.select(columns).with_columns(pl.col("longitude", "latitude").round(6)))
    used = pl.concat(parts)
    if but is not None:
        used = used.join(but.lazy(), on=columns, how="anti")
    return used.unique().collect(engine="streaming")


def _identified(places: pl.DataFrame) -> pl.Series:
    """The id of each place: its own, or for one that came from elsewhere a number made from what it is."""
    known = places["point_id"]
    foreign = places.with_row_index("at").filter(pl.col("point_id").is_null())
    used = set(known.drop_nulls())
    made = []
    for longitude, latitude, location in foreign.select(PLACE).iter_rows():
        digest = hashlib.sha256(f"{longitude:.6f} {latitude:.6f} {location}".encode()).digest()
        number = FIRST_FOREIGN_POINT + int.from_bytes(digest[:4], "big") % (2**30 - 1)
        while number in used:
            number = number + 1 if number < 2**31 - 1 else FIRST_FOREIGN_POINT
        used.add(number)
        made.append(number)
    return known.scatter(foreign["at"], pl.Series(made, dtype=pl.Int64))
