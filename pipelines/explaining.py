"""Why a record in the workspace counted or not: the one answer for the command line and for the desk."""

from __future__ import annotations

import polars as pl

from pipelines.stages.line import Line
from pipelines.stages.recorded import records
from transforms.contracts import tables
from transforms.counting import count
from transforms.counting.explanations import having_a_say


def explain(line: Line, crime_ref: str, force: str | None = None) -> pl.DataFrame:
    """What was decided of every record with the reference, in every force that holds it: `CountingDecisions`.

    Net corrections of the crime in an aggregate force's return come after it, their `counted` 1 or −1 and their
    `source_system` empty. Nothing else of the force is counted again: only the records that can decide this one.
    """
    rules = line.workspace.scan("deciding_rules", tables.DecidingRules)
    holding = rules.filter(pl.col("crime_ref") == crime_ref).select(pl.col("force").unique().sort()).collect()
    found = [tables.CountingDecisions.create_empty()]
    for each in holding["force"]:
        if force in (None, each):
            decided = count(having_a_say(records(line, each), crime_ref).lazy(), line.editions).decisions
            corrections = line.workspace.scan("net_corrections", tables.NetCorrections, [each])
            found += [
                decided.filter(pl.col("crime_ref") == crime_ref).collect(),
                corrections.filter(pl.col("crime_ref") == crime_ref)
                .with_columns(source_system=pl.lit(""))
                .select(tables.CountingDecisions.column_names())
                .collect(),
            ]
    return pl.concat(found)
