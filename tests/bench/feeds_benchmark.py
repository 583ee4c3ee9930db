"""Bulk files of judged months, ours against pandas and geopandas doing the same, each in a process of its own.

    python -m tests.bench.feeds_benchmark [MONTHS] [ROWS_A_MONTH] [--peer-months MONTHS] [--folder FOLDER]

Both start from the same judged crimes of as many forces as a country has, on the disk, and end with the same: a
street file for each force and month and one zip of them (nearest map point of the force within 20 km, keyed ids,
the point's LSOA, sorted), GeoParquet of each quarter, GeoJSON of each force's newest month, the figures of
privacy.csv, and the SHA-256 of every file. Ours also writes availability, counts as JSON-stat and what changed.

Where there are more months than the peer is to do, or can hold in memory, it does fewer, and its seconds are scaled up.
Then ours once more, after one force supplied its newest month again: what stands is taken over from the build before.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl

from fixtures.volume import volume_chunks, volume_country
from tests.bench.harness import measure, print_ratios, python
from transforms.periods import plus_months

FIRST = date(2017, 1, 1)
FORCES = 43

PREPARE = """
from pathlib import Path
from tests.bench.feeds_benchmark import make
make(Path({folder!r}), {months}, {rows})
"""
OURS = """
from pathlib import Path
import polars as pl
from geography.areas import Country
from publish import feeds
from transforms.contracts.status import STATUS
from transforms.contracts.tables import AreaCounts, Counted, Findings, OffenceCounts
from transforms.judging import judged
folder = Path({folder!r})
read = lambda name: pl.read_parquet(folder / f"{{name}}.parquet")
crimes = read("crimes"){resupplied}
country = Country("Benchmark", *(read(name) for name in ("forces", "lsoas", "vintages", "map_points")))
spells = crimes.select("force", "month").unique().sort("force", "month")
verdicts = spells.select(
    "force", pl.lit("extract").alias("file_type"), "month", pl.lit("complete").cast(STATUS).alias("status"),
    pl.lit("supplied in full").alias("reason"), pl.lit(None, pl.Date).alias("since"),
    pl.lit(None, pl.Float64).alias("coverage"))
sealed = judged(OffenceCounts.create_empty(), AreaCounts.create_empty(), verdicts, Findings.create_empty(), crimes)
months = crimes["month"].unique().sort().to_list()
feeds.build(sealed, country, months, folder / {into!r}, b"a key of the benchmark", before={before})
"""
#: One line in thirty of one force's newest month is left out.
RESUPPLIED = """.filter(
    (pl.col("force") != "force-av") | (pl.col("month") != pl.col("month").max()) | (pl.int_range(pl.len()) % 30 != 0)
)"""

THEIRS = """
import hashlib, hmac, zipfile
from pathlib import Path
import geopandas as gpd
import pandas as pd
folder = Path({folder!r})
crimes = pd.read_parquet(folder / "crimes.parquet", filters=[("month", "<", pd.Timestamp({until!r}).date())])
points = pd.read_parquet(folder / "map_points.parquet")
lsoas = pd.read_parquet(folder / "lsoas.parquet")[["lsoa_code", "lsoa_name"]]
names = pd.read_parquet(folder / "forces.parquet").set_index("force")["reported_by"]
def metres(frame):
    return gpd.GeoDataFrame(
        frame, geometry=gpd.points_from_xy(frame.longitude, frame.latitude), crs=4326).to_crs(27700)
out = folder / "theirs"
out.mkdir()
key, newest = b"a key of the benchmark", crimes.month.max()
written, held, figures = [], [], []
with zipfile.ZipFile(out / "latest.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
    for month, of_month in crimes.groupby("month"):
        tables = []
        for force, part in of_month.groupby("force", observed=True):
            where = part.dropna(subset=["longitude", "latitude"]).drop(columns=["lsoa_code", "location"])
            right = metres(points.loc[points.force == force, ["longitude", "latitude", "name", "lsoa_code"]])
            right = right.assign(x=right.longitude, y=right.latitude).drop(columns=["longitude", "latitude"])
            found = gpd.sjoin_nearest(metres(where), right, max_distance=20_000, distance_col="metres")
            found = found[~found.index.duplicated()]
            part = part.drop(columns=["lsoa_code", "location"]).join(
                found[["x", "y", "name", "lsoa_code", "metres"]])
            part = part.merge(lsoas, on="lsoa_code", how="left")
            ids = part.crime_ref.map(
                lambda ref: hmac.new(key, (force + chr(10) + ref).encode(), hashlib.sha256).hexdigest(),
                na_action="ignore")
            table = pd.DataFrame({{
                "Crime ID": ids, "Month": pd.Timestamp(month).strftime("%Y-%m"), "Reported by": names[force],
                "Falls within": names[force], "Longitude": part.x, "Latitude": part.y,
                "Location": ("On or near " + part.name).fillna("No Location"), "LSOA code": part.lsoa_code,
                "LSOA name": part.lsoa_name, "Crime type": part.category,
                "Last outcome category": part.outcome, "Context": None}})
            table["metres"] = part.metres
            table = table.sort_values(["LSOA name", "Longitude", "Latitude", "Location", "Crime type", "Crime ID"])
            path = out / f"{{pd.Timestamp(month):%Y-%m}}-{{force}}-street.csv"
            table.drop(columns="metres").to_csv(
                path, index=False, float_format="%.6f", lineterminator=chr(13) + chr(10))
            archive.write(path, path.name)
            written.append(path)
            tables.append(table)
        table = pd.concat(tables)
        at, of_type = ["Longitude", "Latitude"], ["Longitude", "Latitude", "Crime type"]
        placed = table.dropna(subset=at)
        figures.append({{
            "month": month, "records": len(table), "placed": len(placed), "points": placed.groupby(at).ngroups,
            "alone": (placed.groupby(at)["Month"].transform("size") == 1).mean(),
            "alone_of_type": (placed.groupby(of_type, observed=True)["Month"].transform("size") == 1).mean(),
            "metres": placed.metres.median(), "far": (placed.metres > 500).mean()}})
        shaped = gpd.GeoDataFrame(
            table, geometry=gpd.points_from_xy(table.Longitude, table.Latitude), crs=4326)
        if month == newest:
            for force, part in shaped.groupby("Reported by"):
                written.append(out / f"{{force}}.geojson")
                part.to_file(written[-1], driver="GeoJSON")
        held.append(shaped)
        if pd.Timestamp(month).month % 3 == 0 or month == newest:
            written.append(out / f"{{pd.Timestamp(month):%Y-%m}}-street.parquet")
            pd.concat(held).to_parquet(written[-1], compression="zstd")
            held = []
pd.DataFrame(figures).to_csv(out / "privacy.csv", index=False)
sums = [hashlib.file_digest(path.open("rb"), "sha256").hexdigest() for path in [*written, out / "latest.zip"]]
(out / "SHA256SUMS").write_text(chr(10).join(sums))
"""


def make(folder: Path, months: int, rows: int) -> None:
    """Write judged crimes of so many months and the country, as Parquet.

    The country is cut into strips from west to east, each the area of a force with as many LSOAs as any other; a
    record is its force's. Each month has the same records under other references.
    """
    from tests.bench.api_load import as_counted

    country = volume_country()
    areas = country.areas
    edges = areas.map_points["longitude"].sort()[
        [areas.map_points.height * number // FORCES for number in range(1, FORCES)]
    ]
    forces = [f"force-{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(FORCES)]
    strip = (
        pl.col("longitude")
        .fill_null(edges.mean())
        .map_batches(lambda column: pl.Series(forces).gather(edges.search_sorted(column)), pl.String)
        .alias("force")
    )
    points = areas.map_points.with_columns(strip)
    owner = points.unique("lsoa_code", keep="first", maintain_order=True).select("lsoa_code", owner="force")
    lsoas = areas.lsoas.join(owner, on="lsoa_code", how="left").with_columns(
        force=pl.coalesce("owner", pl.lit(forces[0]))
    ).drop("owner")  # fmt: skip
    table = pl.concat([areas.forces.head(1)] * FORCES).with_columns(
        force=pl.Series(forces), name=pl.Series(forces), reported_by=pl.Series(forces)
    )
    month = as_counted(country, next(volume_chunks(country, rows * 15, 7)), FIRST).with_columns(strip)
    parts = [
        month.with_columns(
            month=pl.lit(plus_months(FIRST, number)),
            crime_ref=pl.format("{}/{}", "crime_ref", pl.lit(number)),
        )
        for number in range(months)
    ]
    pl.concat(parts).write_parquet(folder / "crimes.parquet")
    for name, frame in (
        ("forces", table), ("lsoas", lsoas), ("vintages", areas.vintages), ("map_points", points),
    ):  # fmt: skip
        frame.write_parquet(folder / f"{name}.parquet")


def lines(folder: Path) -> int:
    """Lines of every street file, headers left out."""
    return sum(path.read_bytes().count(b"\n") - 1 for path in folder.rglob("*-street.csv"))


def main(folder: Path, months: int, rows: int, peer_months: int) -> None:
    """Make the records, let both build, see that both wrote every line, and print the ratios."""
    folder.mkdir(parents=True)
    # In a process of its own, so that this one stays small: what it holds would count as memory of the others.
    measure("prepare", python(PREPARE.format(folder=str(folder), months=months, rows=rows)))
    total = months * rows
    where = str(folder)
    ours = measure("ours", python(OURS.format(folder=where, resupplied="", into="ours", before=None)))
    again = measure(
        "ours, after one force supplied one month again",
        python(OURS.format(folder=where, resupplied=RESUPPLIED, into="again", before="folder / 'ours'")),
    )
    until = f"{plus_months(FIRST, peer_months):%Y-%m-%d}"
    peer = measure("pandas + geopandas", python(THEIRS.format(folder=where, until=until)))
    written = {name: lines(folder / name) for name in ("ours", "theirs")}
    if written != {"ours": total, "theirs": total * peer_months // months}:
        raise SystemExit(f"{total:,} records and these lines: {json.dumps(written)}")
    if peer_months < months:
        more = months / peer_months
        name = f"{peer.name}, {peer_months} months times {more:g}"
        peer = replace(peer, name=name, seconds=peer.seconds * more, processor=peer.processor * more)
    print_ratios(f"Bulk files of {months} month(s)", ours, [again, peer], total)
    for name in ("ours", "theirs"):
        size = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
        print(f"{name}: {size / 1e6:,.0f} MB")


if __name__ == "__main__":
    wanted = argparse.ArgumentParser(prog="python -m tests.bench.feeds_benchmark", description=__doc__)
    wanted.add_argument("months", nargs="?", type=int, default=1)
    wanted.add_argument("rows", nargs="?", type=int, default=550_000)
    wanted.add_argument("--peer-months", type=int)
    wanted.add_argument("--folder", type=Path, help="a new folder, to look at what was written")
    asked = wanted.parse_args()
    sizes = asked.months, asked.rows, asked.peer_months or asked.months
    if asked.folder:
        main(asked.folder.resolve(), *sizes)
    else:
        with tempfile.TemporaryDirectory(dir=os.environ.get("FULLCOUNT_BENCH")) as made:
            main(Path(made) / "feeds", *sizes)
