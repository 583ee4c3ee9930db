"""How fast the long national tables are written in every format, beside pandas and gptables on the same rows.

    python -m tests.bench.returns_benchmark [YEARS] [--partnerships]

The table has 43 forces (with `--partnerships`, 330 partnerships instead) × 4 quarters × 144 offence codes for
each year, invented. The peers write XLSX alone: pandas plain cells without mark-up, gptables (when it is
installed) an accessible workbook. Each runs in a process of its own.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from tests.bench.harness import measure, print_ratios, python

FORCES, PARTNERSHIPS, CODES = 43, 330, 144

READ = """
import polars as pl
from pathlib import Path
from publish.returns.open_data import OpenData, open_data_csv, open_data_workbook
from publish.returns.ods import write_ods
from publish.returns.xlsx import write_xlsx
from transforms.periods import Quarter
table = OpenData('prc', 'Police recorded crime, all years', Quarter(2026, 1), pl.read_parquet('{folder}/rows.parquet'))
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
    partnerships = "--partnerships" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        made = rows(years, partnerships)
        made.write_parquet(Path(folder) / "rows.parquet")
        baseline = measure("pandas, XLSX", python(PANDAS.replace("{folder}", folder)))
        peers = {"gptables, XLSX": GPTABLES} if importlib.util.find_spec("gptables") else {}
        others = [
            measure(name, python(code.replace("{folder}", folder))) for name, code in (peers | OURS).items()
        ]
        print_ratios("Long national tables", baseline, others, made.height)


if __name__ == "__main__":
    main()
