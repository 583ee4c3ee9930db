"""Every place that a record is published at or could be: laid out, with its rank and its text in answers."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from geography.areas import Country
from publish.api import text
from publish.api.points import Points
from publish.feeds.changes import read_sums
from publish.parts import Parts, code_of, key_of
from transforms.periods import quarters_of

#: Ids of points that are in no list of ours begin here.
FIRST_FOREIGN_POINT: Final = 2**30
SEARCHES: Final = "stop-and-search"
#: The kinds of bulk file that tell of places.
KINDS: Final = ("street", "outcomes", SEARCHES)
#: The file, beside those that answers are made of, with the places of each bulk file that are in no list of ours.
ELSEWHERE: Final = "elsewhere.parquet"
#: The folder of the points and the file with what `laid_out` returns, and what the two are called among the parts.
POINTS: Final = "points"
LAID: Final = "places.parquet"
PART: Final = "places"
PLACE: Final = ("longitude", "latitude", "location")
#: What police.uk calls a place without a name; the blank is part of it.
NAMELESS: Final = "On or near "
_NOWHERE: Final = pl.DataFrame(
    schema={"file": pl.String, "longitude": pl.Float64, "latitude": pl.Float64, "location": pl.String}
)


def laid_out(feeds: Path, country: Country, months: Sequence[date], parts: Parts) -> pl.DataFrame:
    """Lay out the map points of a country, and every place of the records of `months` that is none of them.

    The places of a bulk file that the build before had too are taken from what it wrote (`ELSEWHERE`); where all are
    what they were, so is what it laid out. Writes the points (`POINTS`), and returns a row for each place with its
    `rank`: `PLACE`, `point_id`, and `at`, its text.
    """
    listed = country.map_points.select(
        pl.col("longitude", "latitude").round(6),
        location="On or near " + pl.col("name"),
        point_id="point_id",
    )
    elsewhere = _elsewhere(feeds, months, listed, parts)
    elsewhere.write_parquet(parts.folder / ELSEWHERE, compression="zstd")
    of_search = elsewhere["file"].str.ends_with(f"-{SEARCHES}")
    foreign = elsewhere.select(*PLACE, of_search=of_search).unique()
    key = key_of(code_of("publish.api"), listed, foreign)
    before = None if parts.earlier is None else _read(parts.earlier)
    if before is not None and parts.kept(PART, key, POINTS, LAID):
        return before
    parts.made[PART] = key
    points, laid = _laid(listed, foreign)
    points.save(parts.folder / POINTS)
    laid.write_parquet(parts.folder / LAID, compression="zstd")
    return laid


def _read(folder: Path) -> pl.DataFrame | None:
    """What `laid_out` wrote for a build before; None where that cannot be read."""
    try:
        Points.open(folder / POINTS)
        return pl.read_parquet(folder / LAID)
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        return None


def _laid(listed: pl.DataFrame, foreign: pl.DataFrame) -> tuple[Points, pl.DataFrame]:
    """The points of a list and of elsewhere (`PLACE` and `of_search`), laid out, and what `laid_out` returns."""
    others = foreign.select(*PLACE, pl.lit(None, pl.Int64).alias("point_id"), "of_search")
    named = pl.concat([listed, others.filter(~pl.col("of_search")).drop("of_search")])
    # A search file gives no name: it is that of the point in any other file, or the one without a name.
    unnamed = (
        others.filter("of_search").drop("of_search").join(named, on=["longitude", "latitude"], how="anti")
    )
    places = (
        pl.concat([named, unnamed.with_columns(location=pl.lit(NAMELESS))])
        .sort(*PLACE, "point_id", nulls_last=True)
        .unique(list(PLACE), keep="first", maintain_order=True)
    )
    places = places.with_columns(point_id=_identified(places))
    points, order = Points.laid_out(
        *(places[name].to_numpy() for name in ("point_id", "latitude", "longitude"))
    )
    laid = places[order].with_row_index("rank").with_columns(pl.col("rank").cast(pl.Int32))
    return points, laid.with_columns(at=text.location("longitude", "latitude", "point_id", "location"))


def _elsewhere(feeds: Path, months: Sequence[date], listed: pl.DataFrame, parts: Parts) -> pl.DataFrame:
    """Where the records of each `file` of `months` are, each different place once, but for those of a list of points.

    `file` is what it is called without its ending. A search has no `location`.
    """
    sums, found = read_sums(feeds), [_NOWHERE]
    basis = key_of(code_of("publish.api"), [f"{month:%Y-%m}" for month in months], listed)
    before = None if parts.earlier is None else parts.earlier / ELSEWHERE
    known = None
    with contextlib.suppress(OSError, pl.exceptions.PolarsError):  # What cannot be read is found again.
        known = pl.read_parquet(before, schema=_NOWHERE.schema) if before is not None else None
    for quarter in quarters_of(months):
        for kind in KINDS:
            name = f"{quarter}-{kind}"
            path = feeds / "parquet" / f"{name}.parquet"
            if not path.exists():
                continue
            part = f"elsewhere {name}"
            parts.made[part] = key_of(basis, sums[f"parquet/{path.name}"])
            if known is not None and parts.is_same(part, parts.made[part]):
                found.append(known.filter(pl.col("file") == name))
            else:
                used = _used(path, months, listed, kind)
                found.append(used.select(pl.lit(name).alias("file"), *PLACE).sort(*PLACE))
    return pl.concat(found)


def _used(path: Path, months: Sequence[date], listed: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Where the records of `months` in a file of a kind are, each different place once, but for those of a list."""
    own = pl.col("month").is_in([f"{month:%Y-%m}" for month in months]) & pl.col("longitude").is_not_null()
    # A crime that was placed here is at a point of the list, and so are most outcomes.
    lines = pl.scan_parquet(path).filter(own & pl.col("point_id").is_null() if kind == "street" else own)
    places = lines.select(
        pl.col("longitude", "latitude").round(6),
        location=pl.lit(None, pl.String) if kind == SEARCHES else "location",
    )
    by = PLACE[:2] if kind == SEARCHES else PLACE
    return places.join(listed.lazy(), on=by, how="anti").unique().collect(engine="streaming")


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
