"""Judged: the aggregated grids with a verdict on every cell."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.stages.aggregated import counted_in, in_order
from pipelines.stages.line import Line
from pipelines.store import digest
from transforms import aggregation, judging, register
from transforms.contracts import tables
from transforms.periods import Quarter


def judge_quarters(line: Line, quarters: Sequence[Quarter]) -> list[Quarter]:
    """Judge the quarters against everything supplied up to each. Returns those that were new."""
    workspace = line.workspace
    present = line.present(line.window())
    recorded = _recorded_by_month(line)
    days = workspace.scan("recorded_days", tables.RecordedDays).collect()
    short = judging.cut_short(days, line.window())
    verdicts = judging.hold_cut_short(judging.verdicts_from_presence(present, recorded), short)
    totals = workspace.scan("neighbourhood_totals", tables.NeighbourhoodTotals).collect()
    owed = register.owed(line.loaded.register, line.window())
    unowed = judging.unowed(recorded, owed)
    changed = []
    for quarter in quarters:
        months = list(quarter.months)
        these = verdicts.filter(pl.col("month").is_in(months))
        findings = pl.concat(
            [
                judging.busy_places_gone_quiet(totals, these, months),
                unowed.filter(pl.col("first_month").is_in(months)),
                short.filter(pl.col("first_month").is_in(months)),
            ],
            how="vertical_relaxed",
        )
        made_from = digest(
            line.basis, workspace.key("area_grid", [str(quarter)]), these.rows(), findings.rows()
        )
        if workspace.up_to_date("judged_areas", str(quarter), made_from):
            continue
        offences = judging.judge_offences(
            workspace.scan("offence_grid", tables.OffenceGrid, [str(quarter)]), these
        )
        areas = judging.judge_areas(
            workspace.scan("area_grid", tables.AreaGrid, [str(quarter)]), these, findings, line.country.lsoas
        )
        for table, frame, schema, key in (
            ("verdicts", these.lazy(), tables.Verdicts, ["force", "file_type", "month"]),
            ("findings", findings.lazy(), tables.Findings, ["finding"]),
            ("judged_offences", offences, tables.OffenceCounts, ["force", "month", "offence_code"]),
            ("judged_areas", areas, tables.AreaCounts, ["force", "month", "lsoa_code", "category"]),
        ):
            workspace.write(table, str(quarter), in_order(frame, key), schema, made_from)
        changed.append(quarter)
    return changed


def open_judged(line: Line, quarters: Sequence[Quarter]) -> judging.Judged:
    """The judged tables of the quarters, sealed for publication."""
    names = [str(quarter) for quarter in quarters]
    workspace = line.workspace
    verdicts = workspace.read("verdicts", tables.Verdicts, names)
    # Every rule was checked when these were written; sealing checks types and every cell against its verdict.
    crimes = pl.concat([counted_in(line, quarter) for quarter in quarters])
    return judging.judged(
        offences=workspace.scan("judged_offences", tables.OffenceCounts, names).collect(),
        areas=workspace.scan("judged_areas", tables.AreaCounts, names).collect(),
        verdicts=verdicts,
        findings=workspace.read("findings", tables.Findings, names),
        crimes=judging.publishable_crimes(crimes, verdicts).collect(),
        outcomes=judging.publishable_crimes(
            workspace.scan("outcome_counts", tables.OutcomeCounts), verdicts
        ).collect(),
        removed=judging.publishable_crimes(_removed(line), verdicts).collect(),
    )


def _removed(line: Line) -> pl.LazyFrame:
    """`RemovedTally`: the records that were cancelled or transferred, whatever quarter they were recorded in."""
    gone = line.workspace.scan("deciding_rules", tables.DecidingRules).filter(
        pl.col("rule").is_in(["cancelled", "transferred"])
    )
    return aggregation.rows_by(
        gone.rename({"rule": "removal"}), ["force", "month", "offence_code", "removal"]
    )


def _recorded_by_month(line: Line) -> pl.DataFrame:
    counted = line.workspace.scan("counted", tables.Counted)
    return aggregation.rows_by(counted, ["force", "month"]).collect()
