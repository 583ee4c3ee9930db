"""How fast the national return is written in every format, beside pandas and gptables writing the same rows.

    python -m tests.bench.returns_benchmark [YEARS] [--whole]

The table has 43 forces × 4 quarters × 144 offence codes for each year, invented. With `--whole` ours starts from judged
crimes of every month of the years instead: it lays out the long tables of 43 forces and of 330 partnerships and writes
both as ODS, XLSX and CSV; the peers write both long tables, already laid out, as XLSX alone: pandas plain cells
without mark-up, gptables an accessible workbook. Each runs in a process of its own.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from geography.areas import Country, Forces, Lsoas, LsoaVintages, MapPoints
from tests.bench.harness import Measured, measure, print_ratios, python
from transforms.aggregation import count_onto_grid
from transforms.contracts.status import STATUS
from transforms.contracts.tables import AreaCounts, Counted, Findings
from transforms.judging import Judged, judged
from transforms.periods import months_between

FORCES, PARTNERSHIPS, CODES = 43, 330, 144

READ = """
import polars as pl
from pathlib import Path
from publish.returns.open_data import OpenData, Year, open_data_csv, open_data_workbook
from publish.returns.ods import write_ods
from publish.returns.xlsx import write_xlsx
from transforms.periods import Quarter
rows = pl.read_parquet('{folder}/rows.parquet')
figures = tuple(name for name, kind in rows.schema.items() if kind == pl.Struct)
by_year = rows.partition_by('Financial Year', as_dict=True, maintain_order=True)
years = tuple(Year(year, year, lambda part=part: part) for (year,), part in by_year.items())
table = OpenData('prc', 'Police recorded crime, all years', Quarter(2026, 1), tuple(rows.columns), figures, years)
"""

OURS = {
    "ours, XLSX": READ + "Path('{folder}/a.xlsx').write_bytes(write_xlsx(open_data_workbook(table)))",
    "ours, ODS": READ + "Path('{folder}/a.ods').write_bytes(write_ods(open_data_workbook(table)))",
    "ours, ODS and XLSX and CSV": READ
    + """
book = open_data_workbook(table)
Path('{folder}/a.ods').write_bytes(write_ods(book))
Path('{folder}/a.xlsx').write_bytes(write_xlsx(book))
Path('{folder}/a.csv').write_bytes(open_data_csv(table))
""",
}

FLAT = """
import pandas as pd, polars as pl
rows = pl.read_parquet('{folder}/rows.parquet')
rows = rows.with_columns(pl.col(c).struct.field('number').alias(c) for c, t in rows.schema.items() if t == pl.Struct)
years = dict((y, f.to_pandas()) for (y,), f in rows.partition_by('Financial Year', as_dict=True).items())
"""

PANDAS = (
    FLAT
    + """
with pd.ExcelWriter('{folder}/b.xlsx', engine='xlsxwriter') as book:
    for year, frame in years.items():
        frame.to_excel(book, sheet_name=year.replace('/', '_'), index=False)
"""
)

GPTABLES = (
    FLAT
    + """
import gptables as gpt
sheets = dict(
    (year.replace('/', '_'),
     gpt.GPTable(table=frame, table_name='prc_' + year.replace('/', '_'), title='Police recorded crime', source='us',
                 index_columns=dict()))
    for year, frame in years.items()
)
gpt.write_workbook('{folder}/c.xlsx', sheets, contentsheet_label=None, auto_width=False)
"""
)


WHOLE = """
import polars as pl
from pathlib import Path
from publish.returns.open_data import csp_open_data, open_data_files, pfa_open_data
from tests.bench.returns_benchmark import judged_country
judged, country, reference = judged_country({years})
import time
start = time.perf_counter()
for make in (pfa_open_data, csp_open_data):
    for name, content in open_data_files(make(judged, country, reference)).items():
        Path('{folder}', name).write_bytes(content)
import sys
print(f'from judged tables to files: {time.perf_counter() - start:.1f} s', file=sys.stderr)
"""


def judged_country(years: int) -> tuple[Judged, Country, pl.DataFrame]:
    """Judged figures of 43 forces, 330 partnerships and 144 codes over whole financial years, every crime a row."""
    months = months_between(date(2012, 4, 1), date(2012 + years, 3, 1))
    forces = pl.DataFrame({"n": range(FORCES)}).select(
        force=pl.concat_str(pl.lit("force-"), pl.col("n").replace_strict(_LETTERS)),
        name=pl.format("Force number {}", "n"),
        reported_by=pl.format("Force number {}", "n"),
        pfa_code=pl.format("E23{}", pl.col("n").cast(pl.String).str.zfill(6)),
        region=pl.lit("North West"),
        country=pl.lit("England"),
        kind=pl.lit("territorial"),
    )
    lsoas = pl.DataFrame({"n": range(PARTNERSHIPS)}).select(
        lsoa_code=pl.format("E01{}", pl.col("n").cast(pl.String).str.zfill(6)),
        lsoa_name=pl.format("LSOA {}", "n"),
        neighbourhood=pl.format("N{}", "n"),
        neighbourhood_name=pl.format("Ward {}", "n"),
        csp_code=pl.format("E22{}", pl.col("n").cast(pl.String).str.zfill(6)),
        csp_name=pl.format("Partnership {} of somewhere", "n"),
        force=pl.concat_str(pl.lit("force-"), (pl.col("n") % FORCES).replace_strict(_LETTERS)),
        population=pl.lit(1500, pl.Int64),
        households=pl.lit(600, pl.Int64),
    )
    country = Country(
        "Everywhere", Forces.validate(forces, cast=True), Lsoas.validate(lsoas, cast=True),
        LsoaVintages.create_empty(), MapPoints.create_empty(),
    )  # fmt: skip
    reference = pl.DataFrame({"n": range(CODES)}).select(
        offence_code=pl.format("{}A", "n"),
        offence_description=pl.format("Description of the offence with number {}", "n"),
        offence_group=pl.lit("Violence against the person"),
        offence_subgroup=pl.lit("Violence without injury"),
    )
    month = pl.DataFrame({"month": months}, schema={"month": pl.Date})
    cells = (
        lsoas.select("force", "lsoa_code", "csp_code")
        .join(month, how="cross")
        .join(reference.select("offence_code"), how="cross")
    )
    number = pl.Series(np.random.default_rng(1).poisson(0.6, cells.height))
    crimes = (
        cells.with_columns(n=number)
        .filter(pl.col("n") > 0)
        .with_columns(
            counted=pl.col("n").cast(pl.Int8), category=pl.lit("Other crime"), crime_ref=pl.lit("R"),
            supply=pl.lit("0" * 64),
        )
    )  # fmt: skip
    counted = {name: crimes.schema.get(name, kind) for name, kind in Counted.create_empty().schema.items()}
    crimes = crimes.select(
        pl.col(name) if name in crimes.columns else pl.lit(None, kind).alias(name)
        for name, kind in counted.items()
    )
    owed = forces.select("force").join(month, how="cross")
    verdicts = owed.select(
        "force", file_type=pl.lit("extract"), month="month", status=pl.lit("complete", STATUS),
        reason=pl.lit("supplied in full"), since=pl.lit(None, pl.Date), coverage=pl.lit(None, pl.Float64),
    )  # fmt: skip
    grid = owed.with_columns(supplied=pl.lit(True), status=pl.lit("complete", STATUS)).join(
        reference.select("offence_code"), how="cross"
    )
    offences = count_onto_grid(grid.lazy(), crimes.lazy(), ["force", "month", "offence_code"]).collect()
    return (
        judged(offences, AreaCounts.create_empty(), verdicts, Findings.create_empty(), crimes),
        country,
        reference,
    )


_LETTERS = {n: chr(97 + n // 26) + chr(97 + n % 26) for n in range(FORCES)}


def rows(years: int, partnerships: bool) -> pl.DataFrame:
    """Invented rows in the published layout, a hundredth of them not provided."""
    places = [f"Partnership {n} of somewhere" for n in range(PARTNERSHIPS)] if partnerships else []
    names = places or [f"Force number {n}" for n in range(FORCES)]
    chance = np.random.default_rng(1)
    frame = (
        pl.DataFrame({"Financial Year": [f"{2012 + n}/{13 + n}" for n in range(years)]})
        .join(pl.DataFrame({"quarter": [1.0, 2.0, 3.0, 4.0]}), how="cross")
        .join(pl.DataFrame({"Force Name": names}), how="cross")
        .join(pl.DataFrame({"code": list(range(CODES))}), how="cross")
    )
    counts = pl.Series(chance.poisson(40, frame.height).astype(float))
    gone = pl.Series(chance.random(frame.height) < 0.01)
    return frame.with_columns(count=counts, gone=gone).select(
        "Financial Year",
        pl.struct(number="quarter", text=pl.lit("")).alias("Financial Quarter"),
        "Force Name",
        pl.format("Description of the offence with number {}", "code").alias("Offence Description"),
        pl.lit("Violence against the person").alias("Offence Group"),
        pl.lit("Violence without injury").alias("Offence Subgroup"),
        pl.format("{}A", "code").alias("Offence Code"),
        pl.struct(
            number=pl.when(~pl.col("gone")).then("count"),
            text=pl.when("gone").then(pl.lit("N/A - data not provided")).otherwise(pl.lit("")),
        ).alias("Number of Offences"),
    )


def main() -> None:
    years = int(next((argument for argument in sys.argv[1:] if argument.isdigit()), "2"))
    whole = "--whole" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        made = rows(years, partnerships=False)
        if whole:
            made = pl.concat([made, rows(years, partnerships=True)])
        made.write_parquet(Path(folder) / "rows.parquet")

        def run(name: str, code: str) -> Measured:
            return measure(name, python(code.replace("{folder}", folder).replace("{years}", str(years))))

        baseline = run("pandas, XLSX", PANDAS)
        peers = {"gptables, XLSX": GPTABLES} if importlib.util.find_spec("gptables") else {}
        ours = {"ours from judged, ODS and XLSX and CSV": WHOLE} if whole else OURS
        others = [run(name, code) for name, code in (peers | ours).items()]
        print_ratios("Long national tables", baseline, others, made.height)


if __name__ == "__main__":
    main()
