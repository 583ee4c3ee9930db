"""Builds the public site of England and Wales from the open data and says what that takes.

`python -m tests.bench.site_benchmark [DATA [WORK]]`: DATA is the folder of open data (`FULLCOUNT_OPEN_DATA`), WORK
a folder with room for some gigabytes. Figures are the published counts of each LSOA and month (26 months); Greater
Manchester supplied none of them. Street-level records are made from the counts, at a few points of each LSOA, and
written as the lines of the bulk files, which the map's points are read from. The build is compared with copying the
same files, and with building again after one force has resupplied one month.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import polars as pl
import shapely

from geography.areas import Country
from pipelines.country import load_country
from pipelines.sources.open_geography import write_open_country
from publish import site
from publish.feeds import street
from publish.feeds.changes import SUMS
from publish.feeds.tables import write_quarter
from transforms.contracts.columns import CATEGORIES, CATEGORY, NO_LOCATION
from transforms.contracts.status import STATUS
from transforms.contracts.tables import Findings, Holds
from transforms.judging import Judged, judge_areas, judged, withdrawn
from transforms.periods import quarters_of

SILENT = "greater-manchester"
#: Points of each LSOA that its records stand at.
POINTS = 6


def judged_from_counts(counts: pl.DataFrame, country: Country, boundaries: geopandas.GeoDataFrame) -> Judged:
    """The open counts as judged figures: every force whole but the silent one."""
    months = counts["month"].unique().sort()
    verdicts = country.forces.filter(kind="territorial").select("force").join(months.to_frame(), how="cross")
    silent = pl.col("force") == SILENT
    verdicts = verdicts.select(
        "force",
        pl.lit("street").alias("file_type"),
        "month",
        status=pl.when(silent).then(pl.lit("missing")).otherwise(pl.lit("complete")).cast(STATUS),
        reason=pl.when(silent)
        .then(pl.lit("nothing was supplied for this month (no data have been supplied since July 2019)"))
        .otherwise(pl.lit("supplied in full as far as is known")),
        since=pl.when(silent).then(pl.lit(date(2019, 7, 1))),
        coverage=pl.lit(None, pl.Float64),
    ).sort("force", "file_type", "month")
    owned = counts.join(country.lsoas.select("lsoa_code", "force"), on="lsoa_code").filter(~silent)
    grid = (
        verdicts.select("force", "month", supplied=pl.col("status").cast(pl.String) == "complete")
        .join(
            pl.concat(
                [
                    country.lsoas.select("force", "lsoa_code"),
                    country.forces.select("force", lsoa_code=pl.lit(NO_LOCATION)),
                ]
            ),
            on="force",
        )
        .join(pl.DataFrame({"category": list(CATEGORIES)}, schema={"category": CATEGORY}), how="cross")
        .join(
            owned.select("force", "month", "lsoa_code", "category", count="n"),
            on=["force", "month", "lsoa_code", "category"],
            how="left",
        )
        .with_columns(count=pl.when("supplied").then(pl.col("count").fill_null(0)))
    )
    areas = judge_areas(grid.lazy(), verdicts, Holds.create_empty()).collect()
    offences = pl.DataFrame(
        schema={
            "force": pl.String,
            "month": pl.Date,
            "offence_code": pl.String,
            "count": pl.Int64,
            "status": STATUS,
        }
    )
    return judged(offences, areas, verdicts, Findings.create_empty(), records(owned, boundaries))


def records(owned: pl.DataFrame, boundaries: geopandas.GeoDataFrame) -> pl.DataFrame:
    """One row for each crime counted, spread over the points of its LSOA."""
    inside = shapely.point_on_surface(boundaries.geometry.to_numpy())
    places = pl.DataFrame(
        {
            "lsoa_code": boundaries["lsoa_code"].to_list(),
            "x": shapely.get_x(inside),
            "y": shapely.get_y(inside),
        }
    )
    return (
        owned.select("force", "month", "lsoa_code", "category", pl.int_ranges("n").alias("number"))
        .explode("number")
        .join(places, on="lsoa_code")
        .with_columns(csp_code=pl.lit(None, pl.String))
        .with_columns(point=(pl.col("number") * 7 + pl.col("category").to_physical()) % POINTS)
        .select(
            "force",
            "month",
            pl.lit(None, pl.String).alias("offence_code"),
            "category",
            pl.lit(None, pl.String).alias("crime_ref"),
            pl.lit(1, pl.Int8).alias("counted"),
            longitude=pl.col("x") + 0.0004 * pl.col("point"),
            latitude=pl.col("y") + 0.0002 * pl.col("point"),
            location=pl.format("On or near Road {}", "point"),
            lsoa_code="lsoa_code",
            csp_code="csp_code",
            outcome=pl.lit("Under investigation"),
            outcome_month=pl.lit(None, pl.Date),
            supply=pl.lit("0" * 64),
        )
    )


def write_lines(sealed: Judged, country: Country, months: Sequence[date], bulk: Path) -> None:
    """The lines of the bulk files that hold `months`, as Parquet of each quarter, and their hashes."""
    (bulk / "parquet").mkdir(parents=True, exist_ok=True)
    points, gone = (
        street.map_points_of(sealed.crimes.lazy(), country),
        withdrawn(sealed.crimes.lazy()).collect(),
    )
    for quarter in quarters_of(months):
        crimes = sealed.crimes.collect(quarter.months)
        parts = crimes.sort("month").partition_by("month", maintain_order=True)
        lines = [street.published(part, points, gone, country, b"a key of the benchmark") for part in parts]
        write_quarter(pl.concat(lines), bulk / "parquet" / f"{quarter}-street.parquet")
    names = sorted((bulk / "parquet").iterdir())
    sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  parquet/{path.name}\n" for path in names)
    (bulk / SUMS).write_text("".join(sums), "utf-8")


def measured(what: str, act: Any) -> float:
    """Run something and print what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    seconds = time.perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{what}: {seconds:.1f} s, {time.process_time() - cpu:.1f} s of CPU, peak {memory:.2f} GiB",
        flush=True,
    )
    return seconds


def main(data: Path, work: Path) -> None:
    """Build, count, copy, and build again."""
    if not (work / "country").exists():
        write_open_country(data, work / "country")
    loaded = load_country(work / "country")
    counts = (
        pl.read_parquet(data / "counts" / "lsoa_month_crimetype_2023-05_2025-06.parquet")
        .select(
            month=pl.col("month").cast(pl.String).str.slice(0, 7).add("-01").str.to_date(),
            lsoa_code=pl.col("lsoa_code").cast(pl.String),
            category=pl.col("crime_type").cast(pl.String).cast(CATEGORY, strict=False),
            n=pl.col("n").cast(pl.Int64),
        )
        .drop_nulls("category")
    )
    months = counts["month"].unique().sort().to_list()
    whole = judged_from_counts(counts, loaded.country, loaded.boundaries)
    print(
        f"{len(months)} months, {whole.areas.collect().height:,} cells, {whole.crimes.collect().height:,} records",
        flush=True,
    )
    folder, bulk, later = work / "site", work / "bulk", work / "bulk-again"
    for each in (folder, bulk, later):
        shutil.rmtree(each, ignore_errors=True)
    write_lines(whole, loaded.country, months, bulk)
    full = measured(
        "full build", lambda: site.build(whole, loaded.country, loaded.boundaries, months, folder, bulk=bulk)
    )
    files = [path for path in folder.rglob("*") if path.is_file()]
    print(f"{len(files):,} files, {sum(path.stat().st_size for path in files) / 1e6:,.0f} MB")
    shutil.rmtree(work / "copy", ignore_errors=True)
    copy = measured("plain copy of the same files", lambda: shutil.copytree(folder, work / "copy"))
    shutil.rmtree(work / "copy")
    print(f"full build / copy: {full / copy:.1f}")
    again = judged_from_counts(
        resupplied(counts, loaded.country, months[-1]), loaded.country, loaded.boundaries
    )
    shutil.copytree(bulk, later)
    write_lines(again, loaded.country, months[-1:], later)
    measured(
        "build beside it after one force has resupplied one month",
        lambda: site.build(
            again, loaded.country, loaded.boundaries, months, work / "again", earlier=folder, bulk=later
        ),
    )
    shutil.rmtree(work / "again")


def resupplied(counts: pl.DataFrame, country: Country, month: date) -> pl.DataFrame:
    """The counts after Surrey has found one more burglary wherever it had one in the month."""
    surrey = country.lsoas.filter(force="surrey")["lsoa_code"].implode()
    more = pl.col("lsoa_code").is_in(surrey) & (pl.col("month") == month)
    more &= pl.col("category").cast(pl.String) == "Burglary"
    return counts.with_columns(n=pl.col("n") + more.cast(pl.Int64))


if __name__ == "__main__":
    beside = Path(__file__).parents[3] / "shared" / "data"
    data = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("FULLCOUNT_OPEN_DATA", beside))
    if not data.exists():
        sys.exit(f"The open data folder is not there: {data}. Set FULLCOUNT_OPEN_DATA.")
    with tempfile.TemporaryDirectory() as scratch:
        main(data, Path(sys.argv[2] if len(sys.argv) > 2 else scratch))
