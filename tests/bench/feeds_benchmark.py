"""Bulk files of judged months, ours against pandas and geopandas doing the same, each in a process of its own.

    python tests/bench/feeds_benchmark.py FOLDER [MONTHS] [ROWS_A_MONTH]

Both start from the same judged crimes on the disk and end with a street file for each force and month and one
zip: nearest map point of the force within 20 km, keyed ids, the point's LSOA. Ours also writes availability,
privacy figures, GeoParquet and the rest, so it does more.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import polars as pl

from fixtures.volume import volume_chunks, volume_country
from tests.bench.harness import measure, print_ratios, python
from transforms.periods import plus_months

FIRST = date(2017, 1, 1)

OURS = """
import json, sys, time
from pathlib import Path
import polars as pl
from geography.areas import Country
from publish import feeds
from transforms.contracts.status import STATUS
from transforms.contracts.tables import AreaCounts, Counted, Findings, OffenceCounts
from transforms.judging import judged
folder = Path({folder!r})
read = lambda name: pl.read_parquet(folder / f"{{name}}.parquet")
crimes = read("crimes")
country = Country("Benchmark", *(read(name) for name in ("forces", "lsoas", "vintages", "map_points")))
spells = crimes.select("force", "month").unique().sort("force", "month")
verdicts = spells.select(
    "force", pl.lit("extract").alias("file_type"), "month", pl.lit("complete").cast(STATUS).alias("status"),
    pl.lit("supplied in full").alias("reason"), pl.lit(None, pl.Date).alias("since"),
    pl.lit(None, pl.Float64).alias("coverage"))
sealed = judged(OffenceCounts.create_empty(), AreaCounts.create_empty(), verdicts, Findings.create_empty(), crimes)
feeds.build(sealed, country, crimes["month"].unique().sort().to_list(), folder / "ours", b"a key of the benchmark")
"""

THEIRS = """
import hashlib, hmac, zipfile
from pathlib import Path
import geopandas as gpd
import pandas as pd
folder = Path({folder!r})
crimes = pd.read_parquet(folder / "crimes.parquet")
points = pd.read_parquet(folder / "map_points.parquet")
lsoas = pd.read_parquet(folder / "lsoas.parquet")[["lsoa_code", "lsoa_name"]]
names = pd.read_parquet(folder / "forces.parquet").set_index("force")["reported_by"]
def metres(frame):
    return gpd.GeoDataFrame(
        frame, geometry=gpd.points_from_xy(frame.longitude, frame.latitude), crs=4326).to_crs(27700)
out = folder / "theirs"
out.mkdir()
with zipfile.ZipFile(out / "latest.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for (month, force), part in crimes.groupby(["month", "force"], observed=True):
        where = part.dropna(subset=["longitude", "latitude"]).drop(columns=["lsoa_code", "location"])
        own = points[points.force == force]
        own = own if len(own) else points
        right = metres(own[["longitude", "latitude", "name", "lsoa_code"]])
        right = right.assign(x=own.longitude.values, y=own.latitude.values).drop(columns=["longitude", "latitude"])
        found = gpd.sjoin_nearest(metres(where), right, max_distance=20_000)
        found = found[~found.index.duplicated()]
        part = part.drop(columns=["lsoa_code", "location"]).join(found[["x", "y", "name", "lsoa_code"]])
        part = part.merge(lsoas, on="lsoa_code", how="left")
        key = b"a key of the benchmark"
        ids = part.crime_ref.map(
            lambda ref: hmac.new(key, (force + chr(10) + ref).encode(), hashlib.sha256).hexdigest(),
            na_action="ignore")
        table = pd.DataFrame({{
            "Crime ID": ids, "Month": pd.Timestamp(month).strftime("%Y-%m"), "Reported by": names[force],
            "Falls within": names[force], "Longitude": part.x, "Latitude": part.y,
            "Location": ("On or near " + part.name).fillna("No Location"), "LSOA code": part.lsoa_code,
            "LSOA name": part.lsoa_name, "Crime type": part.category,
            "Last outcome category": part.outcome, "Context": None}})
        table = table.sort_values(["LSOA name", "Longitude", "Latitude", "Location", "Crime type", "Crime ID"])
        path = out / f"{{pd.Timestamp(month):%Y-%m}}-{{force}}-street.csv"
        table.to_csv(path, index=False, float_format="%.6f", lineterminator=chr(13) + chr(10))
        archive.write(path, path.name)
"""


def make(folder: Path, months: int, rows: int) -> int:
    """Judged crimes of so many months, shared out to ten forces, and the country, as Parquet. Returns the rows."""
    from tests.bench.api_load import as_counted

    country = volume_country()
    month = as_counted(country, next(volume_chunks(country, rows * 15, 7)), FIRST)
    # The records lie where their force is; each is given to whoever polices there.
    parts = [
        month.with_columns(
            month=pl.lit(plus_months(FIRST, number)),
            crime_ref=pl.format("{}/{}", "crime_ref", pl.lit(number)),
        )
        for number in range(months)
    ]
    pl.concat(parts).write_parquet(folder / "crimes.parquet")
    for name in ("forces", "lsoas", "vintages", "map_points"):
        getattr(country.areas, name).write_parquet(folder / f"{name}.parquet")
    return sum(part.height for part in parts)


def lines(folder: Path) -> int:
    """Lines of every street file, headers left out."""
    return sum(path.read_bytes().count(b"\n") - 1 for path in folder.rglob("*-street.csv"))


def main(folder: Path, months: int, rows: int) -> None:
    """Make the records, let both build, see that both wrote every line, and print the ratios."""
    folder.mkdir(parents=True)
    total = make(folder, months, rows)
    ours = measure("ours", python(OURS.format(folder=str(folder))))
    theirs = measure("pandas + geopandas", python(THEIRS.format(folder=str(folder))))
    written = {name: lines(folder / name) for name in ("ours", "theirs")}
    if set(written.values()) != {total}:
        raise SystemExit(f"{total:,} records and these lines: {json.dumps(written)}")
    print_ratios(f"Bulk files of {months} month(s)", ours, [theirs], total)
    for name in ("ours", "theirs"):
        size = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
        print(f"{name}: {size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]).resolve(),
        int(sys.argv[2]) if len(sys.argv) > 2 else 1,
        int(sys.argv[3]) if len(sys.argv) > 3 else 550_000,
    )
