"""Benchmark: the whole counting engine beside one DuckDB window function and the same rules in plain pandas.

    python tests/bench/counting_benchmark.py [LINES] [SAMPLE]

The floor is DuckDB numbering the lines of each incident, victim and offender, over the same columns and keeping the
answer. The peer is `groupby.apply` over incidents on a sample, its seconds scaled up to all lines; the sample must
count alike in both. Each runs in a process of its own.
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

COLUMNS = (
    "supply, force, source_system, crime_ref, previous_crime_ref, incident_ref, offence_code, recorded_at, updated_at, "
    "victim_ref, victim_kind, offender_ref, owner_ref, premises_ref, status, status_reason, status_at, outcome_type, "
    "outcome_at, longitude, latitude"
)
FLOOR = f"""
import duckdb
duckdb.sql(\"\"\"CREATE TABLE numbered AS SELECT {COLUMNS}, row_number() OVER (
    PARTITION BY force, incident_ref, victim_ref, offender_ref ORDER BY offence_code, recorded_at, crime_ref
) AS place FROM '{{file}}'\"\"\")
"""
OURS = """
import polars as pl
from transforms.counting import count, load_editions
counts = count(pl.scan_parquet('{file}'), load_editions())
crimes, rules = counts.counted.collect(), counts.decisions{what}.collect()
"""
PLAIN = """
import json, time
import polars as pl
from tests.bench.counting_in_pandas import count_plainly
from transforms.counting import count, load_editions
sample = pl.read_parquet('{file}')
plain = sample.to_pandas()
start = time.perf_counter()
counted = count_plainly(plain)
seconds = time.perf_counter() - start
ours = count(sample.lazy(), load_editions()).lines.sort('line')['counted'].to_list()
print(json.dumps({{'seconds': seconds, 'different': sum(a != b for a, b in zip(ours, counted))}}))
"""


PREPARE = "from tests.bench.counting_benchmark import prepare; prepare({folder!r}, {lines}, {sample})"


def prepare(folder: str, lines: int, sample: int) -> None:
    """Write the records to count and the sample of them, whole incidents, and how many that is."""
    whole, part = Path(folder) / "records.parquet", Path(folder) / "sample.parquet"
    if not whole.exists():
        write_records(whole, lines)
    incidents = pl.scan_parquet(whole).select("incident_ref").head(sample).unique()
    pl.scan_parquet(whole).join(incidents, on="incident_ref", how="semi").sink_parquet(part)
    sizes = {file.stem: pl.scan_parquet(file).select(pl.len()).collect().item() for file in (whole, part)}
    (Path(folder) / "sizes.json").write_text(json.dumps(sizes))


def write_records(path: Path, lines: int) -> None:
    """Write the records that so many lines of the volume fixture come to: the latest version of each crime."""
    extract = path.with_name("extract.parquet")
    write_volume(extract, rows=lines)
    schema = Lines.create_empty().schema
    written = pl.scan_parquet(extract)
    names = written.collect_schema()
    moments = [name for name, kind in names.items() if kind == pl.Datetime("us")]
    rows = (
        written.with_columns(
            pl.col(moments).dt.replace_time_zone(ZONE, ambiguous="earliest", non_existent="null"),
            supply=pl.lit("0" * 64),
            row=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32),
        )
        .with_columns(
            pl.lit(None, kind).alias(name)
            for name, kind in schema.items()
            if name not in {*names, "supply", "row"}
        )
        .select(pl.col(name).cast(kind) for name, kind in schema.items())
    )
    record(rows)[0].sink_parquet(path)
    extract.unlink()


def main(lines: int, sample: int) -> None:
    """Make the input, run each, print the table."""
    folder = Path(os.environ.get("FULLCOUNT_BENCH", tempfile.gettempdir())) / f"fullcount-counting-{lines}"
    folder.mkdir(parents=True, exist_ok=True)
    # In a process of its own, so that this one stays small: what it holds would count as memory of the others.
    measure("prepare", python(PREPARE.format(folder=str(folder), lines=lines, sample=sample)))
    sizes = json.loads((folder / "sizes.json").read_text())
    whole, part, records, sampled = (
        folder / "records.parquet",
        folder / "sample.parquet",
        sizes["records"],
        sizes["sample"],
    )

    floor = measure("DuckDB, one window", python(FLOOR.format(file=whole)))
    ours = measure("fullcount, every rule", python(OURS.format(file=whole, what=".drop('because')")))
    told = measure("fullcount, with sentences", python(OURS.format(file=whole, what="")))
    plain = subprocess.run(python(PLAIN.format(file=part)), check=True, capture_output=True, text=True)
    answer = json.loads(plain.stdout.splitlines()[-1])
    peer = Measured(
        f"pandas groupby.apply ({sampled:,} lines, scaled)", answer["seconds"] * lines / sampled, 0
    )
    print_ratios("Counting", floor, [ours, told, peer], records)
    print(f"\nAgainst pandas: {peer.seconds / ours.seconds:,.0f} times as fast.")
    print(f"On the sample of {sampled:,} lines, {answer['different']} records are counted differently.")


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    main(*(arguments + [10_000_000, 50_000][len(arguments) :]))
