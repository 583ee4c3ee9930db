"""Judged: the aggregated grids with a verdict on every cell."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import dataframely as dy
import numpy as np
import polars as pl

from geography.vintages import to_current
from pipelines import ledger
from pipelines.stages.aggregated import counted_in, counted_key, in_order
from pipelines.stages.line import Line
from pipelines.stages.recorded import accepted_of_each, published_before, supply_partition
from pipelines.store import digest
from publish.parts import code_of, key_of
from transforms import aggregation, judging, register, sums
from transforms.completeness import signatures, supply
from transforms.completeness.findings import with_names
from transforms.completeness.local import State
from transforms.completeness.record_rules import RecordTables, record_findings, tally_lines
from transforms.contracts import tables
from transforms.decisions import in_force
from transforms.holding import PART, decide, hold_verdicts, holds_of, without_held
from transforms.periods import Quarter
from transforms.quarter_rows import SCOPE, QuarterRows, scopes_of
from transforms.sums import Sums

#: The tables of `Sums`, in its order.
SUMS: Final = {
    "judged_neighbourhoods": tables.NeighbourhoodCounts,
    "listed_counts": tables.ListedCounts,
    "listed_outcomes": tables.ListedOutcomes,
}


def freeze_decisions(line: Line, standing: pl.DataFrame | None = None) -> pl.DataFrame:
    """The ledger's decisions in force on the day of the run, kept in the workspace so that a release can be rebuilt."""
    if standing is None:
        standing = in_force(ledger.decisions(line.settings), line.settings.as_of)
    made_from = digest(line.basis[0], standing.rows())
    if not line.workspace.up_to_date("decisions", "all", made_from):
        line.workspace.write("decisions", "all", standing, tables.Decisions, made_from)
    return standing


def judge_quarters(
    line: Line, quarters: Sequence[Quarter], standing: pl.DataFrame | None = None
) -> list[Quarter]:
    """Judge the quarters against everything supplied up to now. Returns those that were new.

    `standing` are the decisions to judge by, those in force in the ledger unless given.
    """
    workspace = line.workspace
    lsoas = line.country.lsoas
    recorded = _recorded_by_month(line)
    verdicts = judging.verdicts_from_presence(line.present(line.window()), recorded)
    everything = find_everything(line, verdicts, recorded)
    decisions = freeze_decisions(line, standing)
    every_hold = decide(holds_of(everything, lsoas), decisions, lsoas)
    changed = []
    for quarter in quarters:
        months = list(quarter.months)
        supplied = verdicts.filter(pl.col("month").is_in(months))
        # A finding is kept with the quarter that it begins in, and holds months of any.
        findings = everything.filter(pl.col("first_month").is_in(months))
        holds = every_hold.filter(pl.col("month").is_in(months))
        these = hold_verdicts(supplied, holds)
        made_from = digest(
            line.basis,
            workspace.key("area_grid", [str(quarter)]),
            these.rows(),
            findings.rows(),
            holds.rows(),
        )
        if workspace.up_to_date("judged_areas", str(quarter), made_from):
            continue
        offences = judging.judge_offences(
            workspace.scan("offence_grid", tables.OffenceGrid, [str(quarter)]),
            these,
            holds,
            line.offences_reference(quarter).select("offence_code", "category"),
        )
        areas = judging.judge_areas(
            workspace.scan("area_grid", tables.AreaGrid, [str(quarter)]), these, holds
        )
        for table, frame, schema in (
            ("verdicts", in_order(these.lazy(), ["force", "file_type", "month"]), tables.Verdicts),
            ("findings", in_order(findings.lazy(), ["finding"]), tables.Findings),
            ("holds", in_order(holds.lazy(), ["finding", *PART]), tables.Holds),
            ("judged_offences", in_order(offences, ["force", "month", "offence_code"]), tables.OffenceCounts),
            ("judged_areas", areas, tables.AreaCounts),
        ):
            workspace.write(table, str(quarter), frame, schema, made_from)
        changed.append(quarter)
    _add_up(line)
    return changed


def _add_up(line: Line) -> None:
    """Keep the sums (`Sums`) of every quarter that is judged, made again where what they are sums of has changed."""
    workspace, lsoas = line.workspace, line.country.lsoas
    quarters = [Quarter.parse(name) for name in workspace.head.get("judged_areas", {})]
    verdicts = workspace.scan("verdicts", tables.Verdicts).collect()
    holds = workspace.scan("holds", tables.Holds).collect()
    keys = _sum_keys(line, quarters, verdicts, holds)

    def areas(name: str) -> pl.LazyFrame:
        return workspace.scan("judged_areas", tables.AreaCounts, [name])

    def listed(name: str) -> pl.LazyFrame:
        return _crimes(line, [Quarter.parse(name)], verdicts, holds).lazy()

    for table, make in (
        ("judged_neighbourhoods", lambda name: sums.of_areas(areas(name), lsoas)),
        ("listed_counts", lambda name: sums.of_listed(listed(name))),
        ("listed_outcomes", lambda name: sums.of_outcomes(listed(name), lsoas)),
    ):
        _keep(line, table, SUMS[table], keys[table], make)


def _sum_keys(
    line: Line, quarters: Sequence[Quarter], verdicts: pl.DataFrame, holds: pl.DataFrame
) -> dict[str, dict[str, object]]:
    """What the sums of some quarters are made from, by table and quarter."""
    listed: dict[str, object] = {str(each): _listed_key(line, each, verdicts, holds) for each in quarters}
    areas: dict[str, object] = {
        str(each): line.workspace.key("judged_areas", [str(each)]) for each in quarters
    }
    return {"judged_neighbourhoods": areas, "listed_counts": listed, "listed_outcomes": listed}


def _sums(
    line: Line, quarters: Sequence[Quarter], verdicts: pl.DataFrame, holds: pl.DataFrame
) -> Sums | None:
    """The sums of some quarters; None where those that are kept are not of what the quarters hold now.

    So it is in a workspace that another version judged: figures without their sums would be none, or zero.
    """
    keys = _sum_keys(line, quarters, verdicts, holds)
    if not all(_stands(line, table, *part) for table in SUMS for part in keys[table].items()):
        return None
    return Sums(*(_figures(line, table, schema, quarters, verdicts) for table, schema in SUMS.items()))


def _keep(
    line: Line,
    table: str,
    schema: type[dy.Schema],
    keys: Mapping[str, object],
    make: Callable[[str], pl.DataFrame],
) -> None:
    """Keep a table whose partitions are made from what `keys` tells: those that do not stand are made, others go."""
    for name, key in keys.items():
        if not _stands(line, table, name, key):
            line.workspace.write(table, name, make(name), schema, _made_from(line, key))
    line.workspace.forget(table, keys)


def _stands(line: Line, table: str, name: str, key: object) -> bool:
    """Whether a partition that `_keep` keeps is there and made from what `key` tells."""
    return line.workspace.up_to_date(table, name, _made_from(line, key))


def _made_from(line: Line, key: object) -> str:
    return digest(line.basis, _code(), key)


def find_everything(line: Line, verdicts: pl.DataFrame, recorded: pl.DataFrame) -> pl.DataFrame:
    """Everything that looks wrong in the whole window (`Findings`): by the judge, the register and the records.

    `recorded` is `CountedMonths`.
    """
    workspace = line.workspace
    lsoas, window = line.country.lsoas, line.window()
    present = line.present(window)
    owed = register.owed(line.loaded.register, window)
    totals = workspace.scan("neighbourhood_totals", tables.NeighbourhoodTotals).collect()
    # Much of the judge's work is one step after another, so the rules go beside it.
    with ThreadPoolExecutor(max_workers=1) as beside:
        judge = beside.submit(_by_judge, line, present)
        rules = pl.concat(
            [
                supply.presence_findings(present),
                _of_records(line),
                judging.busy_places_gone_quiet(totals, verdicts, window),
                judging.unowed(recorded, owed),
                judging.cut_short(workspace.scan("recorded_days", tables.RecordedDays).collect(), window),
                judging.broken_years(verdicts),
            ],
            how="vertical_relaxed",
        )
        by_judge, expected = judge.result()
    found = supply.unexplained(by_judge, expected, rules, lsoas)
    return with_names(found, line.country.forces)


def _by_judge(line: Line, present: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the judge finds and what it expected, made again when a count or what is owed has changed."""
    workspace = line.workspace
    made_from = digest(line.basis, workspace.key("area_grid"), present.rows())
    if not workspace.up_to_date("judge_findings", "all", made_from):
        by_this_code = _code()
        known = workspace.up_to_date("judged_months", "all", by_this_code)
        states = workspace.head.get("judge_states", {}).items()
        kept = {key: partial(_state, line, key) for key, entry in states if entry.made_from == by_this_code}
        done = supply.judge_grid(
            workspace.scan("area_grid", tables.AreaGrid),
            present,
            line.country.lsoas,
            workspace.read("judged_months", tables.JudgedMonths) if known else None,
            kept,
        )
        workspace.write("judged_months", "all", done.months, tables.JudgedMonths, by_this_code)
        for key, state in done.states.items():
            if state is not None:
                workspace.write("judge_states", key, _written(state), tables.JudgeStates, by_this_code)
        workspace.forget("judge_states", done.states)
        workspace.write("expected", "all", done.expected, tables.Expected, made_from)
        workspace.write("judge_findings", "all", done.findings, tables.Findings, made_from)
    return workspace.read("judge_findings", tables.Findings), workspace.read("expected", tables.Expected)


def _state(line: Line, key: str) -> State:
    """What the judge had learned before a month. Raises ValueError where it cannot be read."""
    try:
        held = line.workspace.scan("judge_states", tables.JudgeStates, [key]).collect().item()
        with np.load(io.BytesIO(held)) as arrays:
            return dict(arrays)
    except (OSError, EOFError, zipfile.BadZipFile, pl.exceptions.PolarsError) as error:
        raise ValueError(f"judge_states {key} cannot be read: {error}") from error


def _written(state: State) -> pl.DataFrame:
    """A state as `JudgeStates`."""
    file = io.BytesIO()
    np.savez(file, **state)
    return pl.DataFrame({"state": [file.getvalue()]})


def _of_records(line: Line) -> pl.DataFrame:
    """What the records show, made again when any of them has changed."""
    workspace = line.workspace
    _tally_lines(line)
    _total_places(line)
    of_codes = _of_codes(line)
    read = (
        "offence_grid",
        "place_totals",
        "line_tallies",
        "rejects",
        "outcome_counts",
        "recording_checks",
        "recording_delays",
        "system_places",
        "code_findings",
    )
    made_from = digest(line.basis, *(workspace.key(table) for table in read))
    if not workspace.up_to_date("record_findings", "all", made_from):
        found = record_findings(
            RecordTables(
                offences=workspace.scan("offence_grid", tables.OffenceGrid),
                totals=workspace.scan("place_totals", tables.PlaceTotals).collect(),
                lines=workspace.scan("line_tallies", tables.LineTallies).collect(),
                supplies=line.supplies(),
                rejects=workspace.scan("rejects", tables.Rejects).collect(),
                outcomes=workspace.scan("outcome_counts", tables.OutcomeCounts),
                checks=workspace.scan("recording_checks", tables.RecordingCheckCounts).collect(),
                delays=workspace.scan("recording_delays", tables.RecordingDelays).collect(),
                places=workspace.scan("system_places", tables.SystemPlaces).collect(),
                types=line.classes_of(line.quarters()).select("offence_code", "category"),
                window=line.window(),
            )
        )
        found = pl.concat([found, of_codes, _resupplied(line)])
        workspace.write("record_findings", "all", found, tables.Findings, made_from)
    return workspace.read("record_findings", tables.Findings)


def _tally_lines(line: Line) -> None:
    """Tally the lines of every force whose files have changed."""
    workspace = line.workspace
    files: dict[str, list[str]] = {}
    for name in workspace.head.get("lines", {}):
        files.setdefault(name.split(" ")[2], []).append(name)
    keys = {force: workspace.key("lines", names) for force, names in files.items()}

    def tallied(force: str) -> pl.DataFrame:
        return tally_lines(workspace.scan("lines", tables.Lines, files[force]))

    _keep(line, "line_tallies", tables.LineTallies, keys, tallied)


def _recorded_by_month(line: Line) -> pl.DataFrame:
    """`CountedMonths`: of every force whose count is new tallied again."""
    workspace, by = line.workspace, ["force", "month"]
    parts: dict[str, list[str]] = {}
    for name in workspace.head.get("counted", {}):
        parts.setdefault(name.rpartition(" ")[0], []).append(name)
    keys = {force: workspace.key("counted", names) for force, names in parts.items()}

    def tallied(force: str) -> pl.DataFrame:
        counted = workspace.scan("counted", tables.Counted, parts[force])
        return aggregation.rows_by(counted, by).sort(by).collect()

    _keep(line, "counted_months", tables.CountedMonths, keys, tallied)
    return workspace.scan("counted_months", tables.CountedMonths).collect()


def _total_places(line: Line) -> None:
    """Total the area grid of every quarter that was laid out anew by place."""
    workspace = line.workspace
    keys = {name: workspace.key("area_grid", [name]) for name in workspace.head.get("area_grid", {})}

    def totals(quarter: str) -> pl.DataFrame:
        return supply.place_totals(workspace.scan("area_grid", tables.AreaGrid, [quarter]))

    _keep(line, "place_totals", tables.PlaceTotals, keys, totals)


def _of_codes(line: Line) -> pl.DataFrame:
    """Area codes that have ended in the accepted files of a force, looked for again where any has changed."""
    workspace, vintages = line.workspace, line.country.vintages
    codes = [vintages[name].to_list() for name in ("lsoa_code", "old_code")]
    schemas = {"street": tables.Counted, "case_outcomes": tables.CaseOutcomes}
    files = {table: accepted_of_each(line, table) for table in schemas}
    keys = {
        force: [workspace.key(table, names[force]) for table, names in files.items()]
        for force in line.forces
        if any(names[force] for names in files.values())
    }

    def found(force: str) -> pl.DataFrame:
        rows = pl.concat(
            workspace.scan(table, schema, files[table][force]).select("force", "month", "lsoa_code")
            for table, schema in schemas.items()
        )
        return signatures.other_vintage(rows, *codes)

    _keep(line, "code_findings", tables.Findings, keys, found)
    return workspace.scan("code_findings", tables.Findings).collect()


def _resupplied(line: Line) -> pl.DataFrame:
    """What files that took the place of earlier ones changed: read only where a file was superseded."""
    files = line.supplies().filter(pl.col("kind") == "extract", pl.col("force").is_not_null())
    scope = ["force", "first_month", "last_month", "source_system"]
    old = (
        files.filter(pl.col("state") == "superseded")
        .sort("received_order")
        .unique(scope, keep="last", maintain_order=True)
    )
    new = files.filter(pl.col("state") == "accepted").join(old, on=scope, how="semi", nulls_equal=True)
    old = old.join(new, on=scope, how="semi", nulls_equal=True)
    if new.is_empty():
        return tables.Findings.create_empty()
    return signatures.resupply(*(_crimes_of(line, each) for each in (old, new)))


def _crimes_of(line: Line, files: pl.DataFrame) -> pl.DataFrame:
    """The crimes of files, each with its latest outcome, by the month of the file."""
    names = [supply_partition(row) for row in files.iter_rows(named=True)]
    held = [name for name in names if name in line.workspace.head.get("lines", {})]
    return (
        line.workspace.scan("lines", tables.Lines, held)
        .join(files.lazy().select("supply", "force", month="first_month"), on=["supply", "force"])
        .sort("updated_at")
        .unique(["force", "month", "crime_ref"], keep="last", maintain_order=True)
        .select("force", "month", "crime_ref", outcome=pl.col("outcome_type").fill_null("0"))
        .collect()
    )


def open_judged(line: Line, quarters: Sequence[Quarter]) -> judging.Judged:
    """The judged tables of the quarters, sealed for publication."""
    names = [str(quarter) for quarter in quarters]
    workspace = line.workspace
    verdicts = workspace.read("verdicts", tables.Verdicts, names)
    holds = workspace.read("holds", tables.Holds, names)
    types = line.classes_of(quarters).select("offence_code", "category")
    # Every rule was checked when these were written; sealing checks types and every cell against its verdict.
    return judging.judged(
        offences=workspace.scan("judged_offences", tables.OffenceCounts, names).collect(),
        areas=_figures(line, "judged_areas", tables.AreaCounts, quarters, verdicts),
        verdicts=verdicts,
        findings=workspace.read("findings", tables.Findings, names),
        crimes=_crimes(line, quarters, verdicts, holds),
        outcomes=judging.publishable_tallies(
            workspace.scan("outcome_counts", tables.OutcomeCounts), verdicts, holds, types
        ).collect(),
        removed=judging.publishable_tallies(_removed(line), verdicts, holds, types).collect(),
        case_outcomes=_case_outcomes(line, quarters, verdicts),
        searches=_passed_on(line, "searches", tables.Searches, "stop-and-search", verdicts),
        decisions=workspace.read("decisions", tables.Decisions),
        added=_sums(line, quarters, verdicts, holds),
    )


def _figures(
    line: Line, table: str, schema: type[dy.Schema], quarters: Sequence[Quarter], verdicts: pl.DataFrame
) -> QuarterRows:
    """A table of figures, by quarter, of the force-months that may be published in any way."""
    return QuarterRows(
        schema.create_empty(),
        {each: line.workspace.scan(table, schema, [str(each)]) for each in quarters},
        {each: digest(_code(), line.workspace.key(table, [str(each)])) for each in quarters},
        judging.counting_verdicts(verdicts).select("force", "month").unique(),
    )


def _crimes(
    line: Line, quarters: Sequence[Quarter], verdicts: pl.DataFrame, holds: pl.DataFrame
) -> QuarterRows:
    """The crimes of each quarter that may be listed."""
    parts, keys = {}, {}
    for quarter in quarters:
        held = holds.filter(pl.col("month").is_in(quarter.months))
        parts[quarter] = without_held(counted_in(line, quarter), held)
        keys[quarter] = _listed_key(line, quarter, verdicts, holds)
    return QuarterRows(tables.Counted.create_empty(), parts, keys, judging.listable(verdicts))


def _listed_key(line: Line, quarter: Quarter, verdicts: pl.DataFrame, holds: pl.DataFrame) -> str:
    """What the crimes of a quarter that may be listed are made from, among the verdicts and holds those of it."""
    judged, held = (each.filter(pl.col("month").is_in(quarter.months)) for each in (verdicts, holds))
    return digest(_code(), counted_key(line, quarter), judged.rows(), held.rows())


def _case_outcomes(line: Line, quarters: Sequence[Quarter], verdicts: pl.DataFrame) -> QuarterRows:
    """The outcomes of each quarter: of police.uk files on current boundaries, and what extracts tell of the crimes."""
    files = _passed_on(line, "case_outcomes", tables.CaseOutcomes, "outcomes", verdicts)
    files = to_current(files, line.country.vintages, line.country.lsoas, line.loaded.boundaries).select(
        tables.CaseOutcomes.column_names()
    )
    crimes = {quarter: counted_in(line, quarter) for quarter in quarters}
    withdrawn = judging.withdrawn(pl.concat(crimes.values())).collect()
    told = {quarter: judging.outcomes_of_crimes(crimes[quarter], withdrawn) for quarter in quarters}
    # An outcome is told by the crime, of whatever quarter: of most quarters no crime tells one of another's months.
    told_of = {quarter: scopes_of(told[quarter]) for quarter in quarters}
    parts, keys = {}, {}
    for quarter in quarters:
        of_quarter = pl.col("month").is_in(quarter.months)
        telling = [each for each in quarters if told_of[each]["month"].is_in(quarter.months).any()]
        own = files.filter(of_quarter)
        parts[quarter] = pl.concat([own.lazy(), *(told[each].filter(of_quarter) for each in telling)])
        keys[quarter] = digest(
            _code(),
            key_of(own),
            [counted_key(line, each) for each in telling],
            judging.among(withdrawn, [crimes[each] for each in telling]).rows(),
            verdicts.filter(of_quarter).rows(),
        )
    scopes = pl.concat([scopes_of(files.lazy()), *told_of.values()]).unique().sort(SCOPE)
    scopes = scopes.join(judging.tellable(verdicts), on=SCOPE, how="semi", maintain_order="left")
    return QuarterRows(tables.CaseOutcomes.create_empty(), parts, keys, scopes)


def _code() -> str:
    """The code that what is kept was made by: of another the same input may give something else."""
    return code_of("pipelines.stages", "geography", "transforms").hex()


def _passed_on(
    line: Line, table: str, schema: type[dy.Schema], file_type: str, verdicts: pl.DataFrame
) -> pl.DataFrame:
    """The rows of a kind of file, of the force-months whose verdict on that kind allows publication."""
    partitions = published_before(line, table, verdicts.get_column("month").unique().to_list())
    rows = line.workspace.scan(table, schema, partitions)
    return judging.publishable_rows(rows, verdicts, file_type).collect()


def _removed(line: Line) -> pl.LazyFrame:
    """`RemovedTally`: the records that were cancelled or transferred, whatever quarter they were recorded in."""
    gone = line.workspace.scan("deciding_rules", tables.DecidingRules).filter(
        pl.col("rule").is_in(["cancelled", "transferred"])
    )
    return aggregation.rows_by(
        gone.rename({"rule": "removal"}), ["force", "month", "offence_code", "removal"]
    )
