"""Benchmark: the whole counting engine beside one DuckDB window function and the same rules in plain pandas.

    python tests/bench/counting_benchmark.py [LINES] [SAMPLE]

The records are those of 43 forces. The floor is DuckDB numbering the lines of each incident, victim and offender, once
keeping nothing but the number of each line, and once beside every column that counting reads. The product counts a
force at a time, as the line does, and once all forces in one piece. The peer is `groupby.apply` over incidents on a
sample, its seconds scaled up to all lines; the sample must count alike in both. Each runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

from fixtures.volume import write_volume
from tests.bench.harness import Measured, measure, print_ratios, python
from transforms.contracts.columns import ZONE
from transforms.contracts.tables import Lines
from transforms.recording import record

#: Territorial forces of England and Wales.
FORCES = 43

COLUMNS = (
    "supply, force, source_system, crime_ref, previous_crime_ref, incident_ref, offence_code, recorded_at, updated_at, "
    "victim_ref, victim_kind, offender_ref, owner_ref, premises_ref, status, status_reason, status_at, outcome_type, "
    "outcome_at, longitude, latitude"
)
FLOOR = """
import duckdb
duckdb.sql(\"\"\"CREATE TABLE numbered AS SELECT {columns}, row_number() OVER (
    PARTITION BY force, incident_ref, victim_ref, offender_ref ORDER BY offence_code, recorded_at, crime_ref
) AS place FROM '{file}'\"\"\")
"""
OURS = """
import glob
import polars as pl
from transforms.counting import count, load_editions
for file in sorted(glob.glob('{file}')) if {apart} else ['{file}']:
    counts = count(pl.scan_parquet(file), load_editions())
    crimes, rules = counts.counted.collect(), counts.decisions{what}.collect()
"""
PLAIN = """
import json, resource, time
import polars as pl
from tests.bench.counting_in_pandas import count_plainly
from transforms.counting import count, load_editions
sample = pl.read_parquet('{file}')
plain = sample.to_pandas()
start, used = time.perf_counter(), time.process_time()
counted = count_plainly(plain)
seconds, processor = time.perf_counter() - start, time.process_time() - used
ours = count(sample.lazy(), load_editions()).lines.sort('line')['counted'].to_list()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
different = sum(a != b for a, b in zip(ours, counted))
print(json.dumps({{'seconds': seconds, 'processor': processor, 'peak': peak, 'different': different}}))
"""


PREPARE = "from tests.bench.counting_benchmark import prepare; prepare({folder!r}, {lines}, {sample})"


def prepare(folder: str, lines: int, sample: int) -> None:
    """Write the records of each force, and a sample of whole incidents of one, and how many they are."""
    parts, one = Path(folder) / "forces", Path(folder) / "sample.parquet"
    if not parts.exists():
        write_records(parts, lines)
    first = pl.scan_parquet(parts / "force-00.parquet")
    first.join(
        first.select("incident_ref").head(sample).unique(), on="incident_ref", how="semi"
    ).sink_parquet(one)
    sizes = [pl.scan_parquet(each).select(pl.len()).collect().item() for each in (parts / "*.parquet", one)]
    (Path(folder) / "sizes.json").write_text(json.dumps(sizes))


def write_records(folder: Path, lines: int) -> None:
    """Write the records that so many lines of the volume fixture come to, its incidents dealt out to 43 forces."""
    folder.mkdir(parents=True)
    extract = folder.with_name("extract.parquet")
    write_volume(extract, rows=lines)
    schema = Lines.create_empty().schema
    written = pl.scan_parquet(extract)
    names = written.collect_schema()
    moments = [name for name, kind in names.items() if kind == pl.Datetime("us")]
    rows = written.with_columns(
        pl.col(moments).dt.replace_time_zone(ZONE, ambiguous="earliest", non_existent="null"),
        supply=pl.lit("0" * 64),
        row=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32),
        force=pl.format("force-{}", (pl.col("incident_ref").hash() % FORCES).cast(pl.String).str.zfill(2)),
    ).with_columns(
        pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
        if name not in {*names, "supply", "row"}
    )
    whole = folder.with_name("records.parquet")
    record(rows.select(pl.col(name).cast(kind) for name, kind in schema.items()))[0].sink_parquet(whole)
    for number in range(FORCES):
        force = f"force-{number:02}"
        pl.scan_parquet(whole).filter(pl.col("force") == force).sink_parquet(folder / f"{force}.parquet")
    whole.unlink()
    extract.unlink()


def main(lines: int, sample: int) -> None:
    """Make the input, run each, print the table."""
    folder = Path(os.environ.get("FULLCOUNT_BENCH", tempfile.gettempdir())) / f"fullcount-counting-{lines}"
    folder.mkdir(parents=True, exist_ok=True)
    # In a process of its own, so that this one stays small: what it holds would count as memory of the others.
    measure("prepare", python(PREPARE.format(folder=str(folder), lines=lines, sample=sample)))
    records, sampled = json.loads((folder / "sizes.json").read_text())
    whole, part = folder / "forces" / "*.parquet", folder / "sample.parquet"

    rules = ".drop('because')"
    floor = measure("DuckDB, one window", python(FLOOR.format(file=whole, columns="crime_ref")))
    wide = measure(
        "DuckDB, one window beside every column", python(FLOOR.format(file=whole, columns=COLUMNS))
    )
    ours = measure("fullcount, every rule", python(OURS.format(file=whole, apart=True, what=rules)))
    told = measure("fullcount, with every sentence", python(OURS.format(file=whole, apart=True, what="")))
    at_once = measure(
        "fullcount, all forces in one piece", python(OURS.format(file=whole, apart=False, what=rules))
    )
    plain = subprocess.run(python(PLAIN.format(file=part)), check=True, capture_output=True, text=True)
    answer = json.loads(plain.stdout.splitlines()[-1])
    peer = Measured(
        f"pandas groupby.apply ({sampled:,} lines, scaled)",
        answer["seconds"] * records / sampled,
        answer["peak"],
        answer["processor"] * records / sampled,
    )
    print_ratios("Counting", floor, [wide, ours, told, at_once, peer], records)
    print(f"\nAgainst pandas: {peer.processor / ours.processor:,.0f} times as fast in processor seconds.")
    print(f"On the sample of {sampled:,} lines, {answer['different']} records are counted differently.")


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    main(*(arguments + [10_000_000, 20_000][len(arguments) :]))
