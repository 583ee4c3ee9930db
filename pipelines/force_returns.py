"""Makes a force's own return from the workspace and puts it in the private area, all of its files or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines.shelves import PRIVATE, Shelves
from pipelines.stages.judged import open_judged
from pipelines.stages.line import Line
from pipelines.stages.recorded import records
from publish.gate import admit
from publish.returns.build import write
from publish.returns.errors import ReturnError
from publish.returns.force_return import ForceReturn, force_return_files
from transforms.contracts import tables
from transforms.force_return import hub_records, validation
from transforms.periods import Quarter


@dataclass(frozen=True)
class Made:
    """Where the files are, and what validation found."""

    paths: list[Path]
    validation: pl.DataFrame


def make(line: Line, force: str, quarter: str, own_counts: Path | None) -> Made:
    """Make the return of a force under `private/<quarter>/force-returns/`.

    Raises ReturnError for a force that is not in the country or supplies no records, for a quarter that nothing was
    supplied for, and for a file of own counts that cannot be read.
    """
    asked = _quarter(quarter)
    names = dict(line.country.forces.select("force", "name").iter_rows())
    if force not in names:
        raise ReturnError(
            f"force “{force}”", "it is not in forces.csv.", f"Give one of {', '.join(sorted(names))}."
        )
    wanted = {"this": asked, "last": asked.plus(-1), "year_ago": asked.plus(-4)}
    held = [each for each in wanted.values() if each in line.quarters()]
    if asked not in held:
        raise ReturnError(
            f"quarter {asked}", "nothing was supplied for any of its months.", "Run `fullcount run` first."
        )
    judged = admit(open_judged(line, sorted(held)))
    offences = judged.offences.filter(pl.col("force") == force)
    if offences.filter(pl.col("month").is_in(asked.months)).is_empty():
        raise ReturnError(
            f"force {force}, {asked}",
            "it supplies no offence records, so there is nothing to return.",
            "See `fullcount status` for what it supplies.",
        )
    workspace = line.workspace
    decided = workspace.scan("deciding_rules", tables.DecidingRules, [f"{force} {asked}"])
    hub = hub_records(records(line, force), decided, asked.months)
    checked = validation(
        offences,
        hub,
        workspace.read("recording_checks", tables.RecordingCheckCounts, [force]),
        {name: each.months for name, each in wanted.items()},
        None if own_counts is None else _own_counts(own_counts),
    )
    made = ForceReturn(force, names[force], asked, offences, hub, checked)
    folder = Shelves(workspace.storage).storage.path(f"{PRIVATE}/{asked}/force-returns")
    return Made(write(force_return_files(made, line.offences_reference(asked)), folder), checked)


def _quarter(text: str) -> Quarter:
    try:
        return Quarter.parse(text)
    except ValueError as error:
        raise ReturnError(f"quarter “{text}”", "it cannot be read.", str(error)) from error


def _own_counts(path: Path) -> pl.DataFrame:
    """`month` and `crimes` from CSV. Raises ReturnError naming the file and what it lacks."""
    remedy = "Give a CSV with the columns month (2019-07) and crimes (a whole number)."
    try:
        table = pl.read_csv(path, infer_schema=False)
        read = table.select(
            month=pl.concat_str("month", pl.lit("-01")).str.to_date("%Y-%m-%d"),
            crimes=pl.col("crimes").str.strip_chars().cast(pl.Int64),
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ReturnError(str(path), f"it cannot be read ({str(error).splitlines()[0]}).", remedy) from error
    return read
