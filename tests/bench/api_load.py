"""Load on the API against PostGIS behind a plain endpoint and nginx with the same bytes as files, in one run.

    python tests/bench/api_load.py FOLDER [ROWS]

Needs wrk, nginx and PostgreSQL with PostGIS, and root to start the latter as its own user. One-mile queries of
every crime of a month, spread over places with many crimes; wrk and the servers share the machine's processors.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fixtures.country import Doggerland
from fixtures.volume import FORCE, MONTHS, volume_chunks, volume_country
from geography.placing import place
from publish import feeds
from publish.api import index
from publish.api.opened import Release
from transforms.contracts.columns import CATEGORIES
from transforms.contracts.status import STATUS
from transforms.contracts.tables import AreaCounts, Findings, OffenceCounts
from transforms.counting.editions import load_editions
from transforms.judging import judged

QUERIES = 500
SECONDS = 8
CONNECTIONS = 8
OURS, PLAIN, NGINX = 8141, 8142, 8143


def as_counted(country: Doggerland, chunk: pl.DataFrame, month: date) -> pl.DataFrame:
    """Extract lines as judged tables hold the crimes of one month."""
    homes = country.areas.lsoas.select("lsoa_code", "csp_code")
    chunk = place(
        chunk.drop("lsoa_code", strict=False).with_columns(pl.col("longitude", "latitude").cast(pl.Float64)),
        country.boundaries,
    ).join(homes, on="lsoa_code", how="left", maintain_order="left")
    codes = load_editions().codes_on(MONTHS[-1])
    category = dict(codes.select("offence_code", "category").iter_rows())
    return chunk.select(
        force=pl.lit(FORCE),
        month=pl.lit(month),
        offence_code=pl.col("offence_code").cast(pl.String),
        category=pl.col("offence_code").cast(pl.String)
        .replace_strict(category, default="Other crime").cast(pl.Enum(CATEGORIES)),
        crime_ref="crime_ref",
        counted=pl.lit(1, pl.Int8),
        longitude=pl.col("longitude").cast(pl.Float64),
        latitude=pl.col("latitude").cast(pl.Float64),
        location=pl.lit(None, pl.String),
        lsoa_code="lsoa_code",
        csp_code="csp_code",
        outcome=pl.lit("Under investigation"),
        outcome_month=pl.lit(None, pl.Date),
        supply=pl.lit("0" * 64),
    )  # fmt: skip


def counted(rows: int) -> Iterator[pl.DataFrame]:
    """Crimes as judged tables hold them, a month at a time."""
    country = volume_country()
    for month, chunk in zip(MONTHS, volume_chunks(country, rows, 7), strict=True):
        yield as_counted(country, chunk, month.date() if isinstance(month, datetime) else month)


def build(folder: Path, rows: int) -> Path:
    """A release of so many records: bulk files and the API's files. Kept for the next run."""
    release = folder / "release"
    if (release / "manifest.json").exists():
        return release
    shutil.rmtree(release, ignore_errors=True)
    country = volume_country()
    crimes = pl.concat(list(counted(rows)))
    print(
        f"{crimes.height:,} records over {len(MONTHS)} months; {country.areas.map_points.height:,} map points"
    )
    months = sorted(crimes["month"].unique().to_list())
    verdicts = pl.DataFrame(
        {"force": [FORCE] * len(months), "file_type": ["extract"] * len(months), "month": months,
         "status": ["complete"] * len(months), "reason": ["supplied in full"] * len(months)},
        schema_overrides={"status": STATUS, "month": pl.Date},
    ).with_columns(since=pl.lit(None, pl.Date), coverage=pl.lit(None, pl.Float64))  # fmt: skip
    sealed = judged(
        OffenceCounts.create_empty(), AreaCounts.create_empty(), verdicts, Findings.create_empty(), crimes
    )
    start = time.perf_counter()
    feeds.build(sealed, country.areas, months, release / "feeds", b"a key of the benchmark")
    built = time.perf_counter()
    index.build(release / "feeds", country.areas, country.boundaries, months, release / "api")
    print(f"bulk files {built - start:.1f} s, API files {time.perf_counter() - built:.1f} s", flush=True)
    for part in ("feeds", "api"):
        size = sum(path.stat().st_size for path in (release / part).rglob("*") if path.is_file())
        print(f"{part}: {size / 1e6:,.0f} MB")
    (release / "manifest.json").write_text(json.dumps({"quarter": "2019-Q3"}))
    return release


def queries(release: Path) -> list[tuple[str, float, float]]:
    """Month, latitude and longitude of places with 800 to 3,200 crimes within a mile, or the busiest there are."""
    opened = Release.open(release, "bench")
    chance = np.random.default_rng(11)
    found = []
    for month in opened.months:
        layer = opened.layer("crimes", month)
        assert layer is not None
        busy = np.flatnonzero(np.diff(layer.point_at))
        for rank in chance.choice(busy, 400):
            at = float(opened.points.latitude[rank]), float(opened.points.longitude[rank])
            _, number = layer.held(opened.points.in_circle(*at, 1609.344))
            found.append((number, month, round(at[0] + chance.normal(0, 0.001), 6), round(at[1], 6)))
    inside = [each for each in found if 800 <= each[0] <= 3200]
    chosen = inside if len(inside) >= QUERIES else sorted(found)[-QUERIES:]
    picked = [chosen[at] for at in chance.permutation(len(chosen))[:QUERIES]]
    print(f"{len(picked)} queries of {np.mean([each[0] for each in picked]):,.0f} crimes in the mean")
    return [(month, lat, lng) for _, month, lat, lng in picked]


def wrk(
    folder: Path,
    name: str,
    port: int,
    paths: list[str],
    connections: int,
    roots: list[int],
    gzip: bool = False,
) -> dict[str, Any]:
    """Requests a second, milliseconds at the median and the 99th percentile, and what each costs the servers.

    On a machine that others use too, the processor time of a request is the steadiest of these.
    """
    script = folder / f"{name}.lua"
    listed = ",\n".join(json.dumps(path) for path in paths)
    header = 'headers["Accept-Encoding"] = "gzip"' if gzip else ""
    script.write_text(
        f"local paths = {{\n{listed}\n}}\nlocal headers = {{}}\n{header}\nlocal n = 0\n"
        "request = function()\n n = n % #paths + 1\n return wrk.format('GET', paths[n], headers)\nend\n"
    )
    before = processor(roots)
    told = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(script), f"http://127.0.0.1:{port}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in told:
        raise SystemExit(f"{name}: {told}")
    spent = processor(roots) - before
    number = int(re.search(r"(\d+) requests in", told)[1])  # type: ignore[index]
    scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    at = {
        mark: float(value) * scale[unit]
        for mark, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", told)
    }
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])  # type: ignore[index]
    moved = re.search(r"Transfer/sec:\s+(\S+)", told)[1]  # type: ignore[index]
    cost = 1000 * spent / max(number, 1)
    print(
        f"  {name}, {connections} connection(s): {rate:,.0f} requests a second, p50 {at['50']:.2f} ms, "
        f"p99 {at['99']:.2f} ms, {cost:.2f} ms of processor a request",
        flush=True,
    )
    return {"requests": rate, "p50": at["50"], "p99": at["99"], "moved": moved, "cost": cost}


def memory(pids: list[int]) -> str:
    """Private and shared memory of processes in MiB: what they hold themselves, and with their share of the files."""
    totals = {"Private": 0, "Pss": 0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean", "Private_Dirty")):
                totals["Private"] += int(line.split()[1]) * line.startswith("Private_Dirty")
            elif line.startswith("Pss:"):
                totals["Pss"] += int(line.split()[1])
    return f"{totals['Private'] / 1024:,.0f} own, {totals['Pss'] / 1024:,.0f} with mapped files"


def processor(roots: list[int]) -> float:
    """Seconds of processor that processes and their children have used so far."""
    ticks = 0
    for pid in (each for root in roots for each in family(root)):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


@contextlib.contextmanager
def running(command: list[str], url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from when it first answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    start = time.perf_counter()
    try:
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).read()
                break
            except OSError:
                if process.poll() is not None or time.perf_counter() - start > 60:
                    raise SystemExit(f"{command[0]} did not start") from None
                time.sleep(0.05)
        print(f"  first answer after {time.perf_counter() - start:.2f} s")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


PLAIN_ENDPOINT = '''
import asyncio, json, sys
import psycopg, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

QUERY = """
SELECT coalesce(json_agg(json_build_object(
 'category', category, 'location_type', 'Force', 'location', json_build_object(
  'latitude', latitude, 'street', json_build_object('id', street, 'name', name), 'longitude', longitude),
 'context', '', 'outcome_status', json_build_object('category', outcome, 'date', month),
 'persistent_id', crime_id, 'id', id, 'location_subtype', '', 'month', month)), '[]')::text
FROM crimes
WHERE month = %s AND ST_DWithin(geom, ST_Transform(ST_SetSRID(ST_MakePoint(%s, %s), 4326), 27700), 1609.344)
"""
pool = asyncio.Queue()

async def crimes(request):
    if pool.empty() and not getattr(pool, "made", 0) >= 4:
        pool.made = getattr(pool, "made", 0) + 1
        connection = await psycopg.AsyncConnection.connect(sys.argv[1], autocommit=True)
        await connection.execute("SET jit = off")
    else:
        connection = await pool.get()
    try:
        asked = request.query_params
        place = (asked["date"], float(asked["lng"]), float(asked["lat"]))
        cursor = await connection.execute(QUERY, place, prepare=True)
        (text,) = await cursor.fetchone()
    finally:
        pool.put_nowait(connection)
    return Response(text, media_type="application/json")

uvicorn.run(Starlette(routes=[Route("/crimes", crimes)]), port=int(sys.argv[2]), log_level="warning")
'''


#: Where the private PostgreSQL keeps its records: outside a folder that only root may enter.
DATABASE = Path(tempfile.gettempdir()) / "fullcount-bench-pg"


@contextlib.contextmanager
def postgis(folder: Path, release: Path) -> Iterator[str]:
    """A private PostgreSQL with the same records, clustered on month and place. Yields how to connect."""
    binaries = next(Path("/usr/lib/postgresql").glob("*/bin"))
    data, socket = DATABASE, tempfile.gettempdir()
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")

    def as_postgres(*command: str) -> None:
        subprocess.run(
            ["runuser", "-u", "postgres", "--", *command], check=True, stdout=subprocess.DEVNULL, cwd="/tmp"
        )

    as_postgres(str(binaries / "initdb"), "-D", str(data / "data"), "-A", "trust")
    options = (
        f"-p 8144 -k {socket} -c shared_buffers=2GB -c random_page_cost=1.1 -c jit=off -c fsync=off "
        "-c maintenance_work_mem=1GB -c max_wal_size=8GB -c listen_addresses=''"
    )
    control = [str(binaries / "pg_ctl"), "-D", str(data / "data"), "-w"]
    as_postgres(*control, "-o", options, "-l", str(data / "log"), "start")
    try:
        where = f"host={socket} port=8144 user=postgres dbname=postgres"
        import psycopg

        start = time.perf_counter()
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")
            connection.execute("CREATE EXTENSION btree_gist")
            connection.execute(
                "CREATE UNLOGGED TABLE loaded (id int, month text, category text, latitude text, longitude text,"
                " street int, name text, outcome text, crime_id text)"
            )
            copy = "COPY loaded FROM STDIN (FORMAT csv)"
            for path in sorted((release / "feeds" / "parquet").glob("*-street.parquet")):
                table = pl.read_parquet(path).filter(pl.col("longitude").is_not_null()).with_row_index("id")
                lines = table.select(
                    "id", "month", "crime_type", pl.col("latitude").cast(pl.String),
                    pl.col("longitude").cast(pl.String), "point_id", "location", "last_outcome_category", "crime_id",
                ).write_csv(include_header=False)  # fmt: skip
                with connection.cursor().copy(copy) as stream:
                    stream.write(lines)
            print(f"  PostgreSQL copied the records in {time.perf_counter() - start:.0f} s", flush=True)
            # Rows lie by month and, within it, along the curve that PostGIS sorts points by.
            connection.execute(
                "CREATE TABLE crimes AS SELECT *,"
                " ST_Transform(ST_SetSRID(ST_MakePoint(longitude::float, latitude::float), 4326), 27700)"
                "::geometry(Point, 27700) AS geom FROM loaded ORDER BY month, geom"
            )
            connection.execute("DROP TABLE loaded")
            print(f"  laid them out by {time.perf_counter() - start:.0f} s", flush=True)
            connection.execute("CREATE INDEX crimes_place ON crimes USING gist (month, geom)")
            connection.execute("ANALYZE crimes")
        print(f"  and indexed them by {time.perf_counter() - start:.0f} s", flush=True)
        yield where
    finally:
        as_postgres(*control, "-m", "fast", "stop")
        shutil.rmtree(data, ignore_errors=True)


NGINX_CONFIGURATION = """
worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/nginx.log; daemon off; user root;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/json;
 open_file_cache max=2000 inactive=600s;
 server {{ listen 127.0.0.1:{port}; root {folder}/static; }} }}
"""


def main(folder: Path, rows: int) -> None:
    """Build, ask everybody the same, and print what came of it."""
    folder.mkdir(parents=True, exist_ok=True)
    release = build(folder, rows)
    asked = queries(release)
    results: dict[str, dict[str, Any]] = {}
    ours = [f"/api/crimes-street/all-crime?date={month}&lat={lat}&lng={lng}" for month, lat, lng in asked]
    command = [
        str(Path(sys.executable).with_name("fullcount")), "api", "--release", str(release), "--port", str(OURS),
        "--rate", "0",
    ]  # fmt: skip
    static = folder / "static"
    shutil.rmtree(static, ignore_errors=True)
    static.mkdir()
    for processes in (1, 2):
        print(f"ours, {processes} process(es)", flush=True)
        with running(
            [*command, "--processes", str(processes)], f"http://127.0.0.1:{OURS}/api/forces"
        ) as server:
            if processes == 1:
                size = 0
                for number, path in enumerate(ours):
                    body = urllib.request.urlopen(f"http://127.0.0.1:{OURS}{path}").read()
                    (static / f"{number}.json").write_bytes(body)
                    size += len(body)
                print(f"  {size / len(ours) / 1000:,.0f} kB an answer in the mean")
                results["ours, one connection"] = wrk(folder, "ours", OURS, ours, 1, [server.pid])
            results[f"ours, {processes} process(es)"] = wrk(
                folder, "ours", OURS, ours, CONNECTIONS, [server.pid]
            )
            results[f"ours, {processes} process(es), gzip"] = wrk(
                folder, "ours-gzip", OURS, ours, CONNECTIONS, [server.pid], gzip=True
            )
            print(f"  memory (MiB): {memory(family(server.pid))}")
    print("nginx", flush=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX_CONFIGURATION.format(folder=folder, port=NGINX))
    files = [f"/{number}.json" for number in range(len(ours))]
    command = ["nginx", "-c", str(configuration), "-p", str(folder)]
    with running(command, f"http://127.0.0.1:{NGINX}/0.json") as server:
        found = wrk(folder, "nginx", NGINX, files, CONNECTIONS, [server.pid])
        results["nginx, the same bytes as files"] = found
    print("PostGIS", flush=True)
    plain = [f"/crimes?date={month}&lat={lat}&lng={lng}" for month, lat, lng in asked]
    with postgis(folder, release) as where:
        program = folder / "plain.py"
        program.write_text(PLAIN_ENDPOINT)
        url = f"http://127.0.0.1:{PLAIN}"
        database = int((DATABASE / "data" / "postmaster.pid").read_text().split()[0])
        with running([sys.executable, str(program), where, str(PLAIN)], url + plain[0]) as server:
            some = random.Random(3).sample(range(len(plain)), 20)
            mine = sum(len(json.loads((static / f"{number}.json").read_bytes())) for number in some)
            theirs = sum(
                len(json.loads(urllib.request.urlopen(url + plain[number]).read())) for number in some
            )
            print(f"  {len(some)} answers hold {mine:,} crimes of ours and {theirs:,} of PostGIS", flush=True)
            # A mile on a sphere and one on the National Grid part by a metre or two, where a busy point may stand.
            if abs(theirs - mine) > 0.01 * mine:
                raise SystemExit("They differ by more than points on the rim of a circle can.")
            results["PostGIS, one connection"] = wrk(folder, "plain", PLAIN, plain, 1, [server.pid, database])
            results["PostGIS"] = wrk(folder, "plain", PLAIN, plain, CONNECTIONS, [server.pid, database])
    base, ceiling = results["PostGIS"]["requests"], results["nginx, the same bytes as files"]["requests"]
    dear, cheap = results["PostGIS"]["cost"], results["nginx, the same bytes as files"]["cost"]
    print(
        "\n| server | requests a second | p50 ms | p99 ms | moved a second | × PostGIS | of nginx "
        "| processor ms a request | × less than PostGIS | of nginx |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, got in results.items():
        print(
            f"| {name} | {got['requests']:,.0f} | {got['p50']:.2f} | {got['p99']:.2f} | {got['moved']} "
            f"| {got['requests'] / base:.1f} | {got['requests'] / ceiling:.2f} "
            f"| {got['cost']:.2f} | {dear / got['cost']:.1f} | {cheap / got['cost']:.2f} |"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 6_000_000)
