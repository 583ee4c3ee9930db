"""A release of three years holds a class that ended before the two years of its tables."""

from calendar import monthrange
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fixtures.country import FORCES, write_country
from pipelines.settings import settings
from pipelines.stages.aggregated import aggregate_quarter
from pipelines.stages.counted import count_forces, reconcile_transfers
from pipelines.stages.judged import judge_quarters
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.released import release
from pipelines.stages.supplied import take_in
from transforms.periods import Quarter, months_between

#: Burglary in a dwelling, whose place 28E and others took in April 2017.
ENDED = "28A"
FIRST, LAST = date(2016, 10, 1), date(2019, 9, 1)
A_DAY = 7


def write_supply(folder: Path) -> None:
    """An extract for each force and month, of criminal damage but for one record while the class stands."""
    folder.mkdir()
    header = (
        "force,source_system,crime_ref,incident_ref,offence_code,reported_at,recorded_at,victim_ref,victim_kind,"
        "premises_ref,status,updated_at"
    )
    for first in months_between(FIRST, LAST):
        month, days = f"{first:%Y-%m}", monthrange(first.year, first.month)[1]
        for force in (each.force for each in FORCES):
            rows = []
            for row in range(A_DAY * days):
                code = ENDED if row == 0 and month <= "2017-03" else "58C"
                day = f"{month}-{row % days + 1:02}"
                rows.append(
                    f"{force},niche,{month}/{row},I{month}/{row},{code},{day}T09:00:00,{day}T10:00:00,V{row},person,"
                    f"P{row},live,{month}-{days}T20:00:00"
                )
            (folder / f"{month}-{force}-niche-extract.csv").write_text("\n".join([header, *rows, ""]))


@pytest.mark.slow
def test_the_long_tables_hold_it_and_the_tables_of_two_years_do_not(tmp_path: Path) -> None:
    write_country(tmp_path / "country", first_month=f"{FIRST:%Y-%m}")
    write_supply(tmp_path / "supply")
    line = Line.open(settings(*(str(tmp_path / each) for each in ("workspace", "supply", "country"))))
    assert not take_in(line).refused
    record_forces(line)
    count_forces(line)
    reconcile_transfers(line)
    for quarter in line.quarters():
        aggregate_quarter(line, quarter)
    judge_quarters(line, line.quarters())
    line.workspace.commit()
    returns = release(line, Quarter.parse("2019-Q3")).folder / "returns"
    long = pl.read_csv(returns / "prc-pfa-2019-Q3.csv", infer_schema=False)
    burglary = long.filter(pl.col("Offence Code") == ENDED, pl.col("Number of Offences") != "0")
    assert burglary["Financial Year"].unique().to_list() == ["2016/17"]
    # One in each of three months.
    assert burglary["Number of Offences"].unique().to_list() == ["3"]
    assert burglary.height == 2 * len(FORCES)
    outcomes = pl.read_csv(returns / "prc-outcomes-2019-Q3.csv", infer_schema=False)
    assert outcomes.filter(pl.col("Offence Code") == ENDED).height > len(FORCES)
    assert ENDED not in (returns / "recorded-crime-2019-Q3.csv").read_text(encoding="utf-8")
