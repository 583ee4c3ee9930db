"""Commands about counting: `count`, `explain`, `checks`, `reconcile`, `transfers`, `editions` and `audit`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from pipelines.commands.line import WorkspaceOption
from pipelines.progress import console, errors
from pipelines.settings import settings
from pipelines.sources.offence_lines import read_offence_lines
from pipelines.sources.reference_table import editions_from
from pipelines.sources.refusal import Refusal
from transforms.contracts import tables
from transforms.counting import Editions, count, load_editions
from transforms.counting.audit import Estimate, Stratum, estimate, estimate_together, published_as
from transforms.counting.checks import check_recording, recording_delay
from transforms.counting.corrections import AGGREGATE, RECORD_LEVEL, net_corrections
from transforms.counting.reconciliation import reconcile as reconcile_lines
from transforms.counting.reconciliation import summarise
from transforms.periods import Quarter, financial_quarter, financial_year, plus_months
from transforms.recording import superseded

#: What `fullcount count` answers for each line.
ANSWER = ("crime_ref", "counted", "offence_code", "financial_year", "quarter", "rule", "because")

_RIGHT = ("counted", "quarter")
#: Columns of a window that hold a whole answer with its sentences; and what is taken where there is no window.
_WIDE = 120
_UNATTENDED_WIDTH = 180


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("count")(count_file)
    app.command()(explain)
    app.command()(checks)
    app.command()(reconcile)
    app.command()(transfers)
    app.command()(editions)
    app.command()(audit)


def count_file(
    file: Annotated[Path, typer.Argument(help="File of offence lines, CSV or Parquet.")],
    format: Annotated[Format, typer.Option(help="How to print the answer.")] = Format.TABLE,
    published_through: Annotated[
        str | None,
        typer.Option(
            help="Last quarter already published, such as 2024/25-Q1: later changes are then corrections."
        ),
    ] = None,
    treatment: Annotated[
        str,
        typer.Option(
            help="What a change to a published quarter does: record-level restates it, aggregate nets it."
        ),
    ] = RECORD_LEVEL,
    reference: Annotated[
        Path | None, typer.Option(help="Home Office prc-offence-ref-table file to take the classes from.")
    ] = None,
) -> None:
    """Count a file of offence lines by the Home Office Counting Rules, and say of each line why.

    The columns are those of the record-level extract; crime_ref, offence_code and recorded_at are enough. Lines
    with the same incident_ref were reported together; with the same victim_ref and offender_ref they are one
    sequence.
    """
    if treatment not in (RECORD_LEVEL, AGGREGATE):
        raise typer.BadParameter(f"write {RECORD_LEVEL} or {AGGREGATE}", param_hint="--treatment")
    last = _quarter(published_through)
    used, differences = editions_from(reference)
    if differences is not None and differences.height:
        errors.print(
            f"{reference} differs in {differences.height:,} places: fullcount editions --reference lists them."
        )
    lines, unreadable = read_offence_lines(file)
    answer = decide_lines(lines, unreadable, used)
    if last is not None:
        answer = correct_lines(answer, lines, used, last.months[2], treatment)
    _print(_with_periods(answer).select(ANSWER), format)


def explain(
    crime_ref: Annotated[str, typer.Argument(help="The force's reference of the crime.")],
    file: Annotated[Path | None, typer.Option(help="File of offence lines to look in.")] = None,
    workspace: WorkspaceOption = None,
    force: Annotated[str | None, typer.Option(help="Only this force.")] = None,
) -> None:
    """Say why a record counts or does not, and name the other records that decided it."""
    if file is not None:
        lines, unreadable = read_offence_lines(file)
        decided = decide_lines(lines, unreadable, load_editions())
    else:
        from pipelines.explaining import explain as explain_record
        from pipelines.stages.line import Line

        decided = explain_record(Line.open(settings(workspace)), crime_ref, force)
    found = decided.filter(
        pl.col("crime_ref") == crime_ref, force is None or pl.col("force") == (force or "")
    )
    if found.is_empty():
        where = file.name if file else "the workspace"
        errors.print(
            f"No record {crime_ref} is in {where}. Check the reference, or run `fullcount run` first."
        )
        raise typer.Exit(1)
    rules = load_editions().rules
    for row in _with_periods(found).iter_rows(named=True):
        verdict = {1: "counts", 0: "does not count", -1: "takes one from the count"}[row["counted"]]
        rule = rules.row(by_predicate=pl.col("rule") == row["rule"], named=True)
        held = row["source_system"] or "net correction of its return"
        console.print(f"[bold]{crime_ref}[/] ({row['force']}, {held}) [bold]{verdict}[/]")
        console.print(f"  class    {row['offence_code'] or 'unknown'}")
        console.print(f"  period   {row['financial_year']} Q{row['quarter']}")
        console.print(f"  because  {row['because']}")
        console.print(
            f"  rule     {row['rule']}: {rule['sentence']} [dim]{rule['source']}, {rule['confidence']} confidence[/]"
        )


def checks(
    file: Annotated[Path | None, typer.Option(help="File of offence lines to look in.")] = None,
    workspace: WorkspaceOption = None,
    force: Annotated[str | None, typer.Option(help="Only this force.")] = None,
    format: Annotated[Format, typer.Option(help="How to print the answer.")] = Format.TABLE,
) -> None:
    """Report what looks wrong in how crimes were recorded, and how long they waited; nothing is mended.

    Two crimes where the rules allow one, victims recorded once, classes not in force, late records, removals without
    a reason and more, one row for each record and check; then the delay between report and record by week.
    """
    bundled = load_editions()
    found, delays = [], []
    for records in _records(file, workspace, force):
        found.append(check_recording(count(records, bundled), bundled))
        delays.append(recording_delay(records, bundled))
    if not found:
        errors.print("There are no records. Run `fullcount run` first, or name a --file.")
        raise typer.Exit(1)
    rows = pl.concat(found)
    if format is not Format.TABLE:
        _print(rows, format)
        return
    totals = rows.group_by("force", "check").agg(records=pl.len(), for_example=pl.col("sentence").first())
    _print_table(totals.sort("force", "check"))
    console.print("Delay between report and record, by week recorded (the last ten weeks of each force):")
    _print_table(pl.concat(delays).group_by("force", maintain_order=True).tail(10))


def reconcile(
    file: Annotated[Path | None, typer.Option(help="File of offence lines to look in.")] = None,
    workspace: WorkspaceOption = None,
    force: Annotated[str | None, typer.Option(help="Only this force.")] = None,
    format: Annotated[Format, typer.Option(help="How to print the answer.")] = Format.TABLE,
) -> None:
    """Compare two records systems of a force: in the old only, in the new only, in both, in both but different.

    Records in the old system only were left behind: they are counted, and listed so that they can be moved or closed.
    """
    rows = _places(file, workspace)
    if force is not None:
        rows = rows.filter(pl.col("force") == force)
    if rows.is_empty():
        errors.print("No force here has records in more than one records system.")
        raise typer.Exit(1)
    if format is not Format.TABLE:
        _print(rows, format)
        return
    _print_table(summarise(rows))
    left = rows.filter(pl.col("place") != "both", pl.col("place") != "new only")
    _print_table(
        left.select("force", "place", "old_ref", "new_ref", "offence_code", "month", "open", "differs").head(
            50
        )
    )
    if left.height > 50:
        console.print(f"The first 50 of {left.height:,} are shown; --format csv lists all.")


def transfers(
    workspace: WorkspaceOption = None,
    force: Annotated[str | None, typer.Option(help="Only crimes that this force transferred out.")] = None,
    format: Annotated[Format, typer.Option(help="How to print the answer.")] = Format.TABLE,
) -> None:
    """List crimes transferred to another force, with the force that took each in or that none did.

    Looked for after every force has been counted by itself; it changes no count.
    """
    from pipelines.stages.line import Line

    found = Line.open(settings(workspace)).workspace.read("transfers", tables.Transfers)
    rows = found.filter(force is None or pl.col("force") == (force or ""))
    if format is not Format.TABLE:
        _print(rows, format)
        return
    _print_table(rows.group_by("force", "state").len("crimes").sort("force", "state"))
    lost = rows.filter(pl.col("state") != "taken in")
    _print_table(
        lost.select("force", "crime_ref", "offence_code", "month", "state", "taken_by", "taken_ref").head(50)
    )
    if lost.height > 50:
        console.print(f"The first 50 of {lost.height:,} are shown; --format csv lists all.")


def _places(file: Path | None, workspace: str | None) -> pl.DataFrame:
    """In which system each crime is held: of the records of a file, or as the workspace keeps it."""
    if file is not None:
        lines = count(_latest(read_offence_lines(file)[0]).lazy(), load_editions()).lines
        return reconcile_lines(lines)
    from pipelines.stages.line import Line

    return Line.open(settings(workspace)).workspace.read("system_places", tables.SystemPlaces)


def editions(
    reference: Annotated[
        Path | None,
        typer.Option(help="Home Office prc-offence-ref-table file to compare the bundled tables with."),
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="List the classes in force on a day, such as 2024-05-03.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print the answer.")] = Format.TABLE,
) -> None:
    """Show the dated tables that counting reads, or every difference from the Home Office's reference table."""
    used, differences = editions_from(reference)
    if differences is not None and on is None:
        _print(differences, format)
        if format is Format.TABLE:
            console.print(f"{differences.height:,} differences between the bundled tables and {reference}.")
        return
    try:
        day = date.fromisoformat(on) if on else None
    except ValueError:
        raise typer.BadParameter("write a day as 2024-05-03", param_hint="--on") from None
    if day is None:
        _print(used.offences.drop("source"), format)
    else:
        _print(used.codes_on(day), format)


def audit(
    sample: Annotated[Path, typer.Argument(help="CSV of the audit sample.")],
    recorded_crimes: Annotated[
        int | None, typer.Option(help="Crimes recorded in the twelve months, fraud left out.")
    ] = None,
    design_effect: Annotated[
        float, typer.Option(help="How much wider the variance is because crimes cluster in incidents.", min=1)
    ] = 1.0,
    format: Annotated[Format, typer.Option(help="How to print the answer.")] = Format.TABLE,
) -> None:
    """Work out a crime data integrity audit: the recording rate, its interval, and the crimes left out.

    The sample has the columns `should_be_recorded` and `recorded`, one row for each crime (1 and 1 or 0) or for
    each stratum (totals), and may have `stratum` and `recorded_crimes` (of the stratum, in twelve months).
    The estimate stands beside the count and is never added into it.
    """
    strata = _strata(sample, recorded_crimes)
    try:
        estimates = [estimate(stratum, design_effect) for stratum in strata]
        if len(strata) > 1:
            estimates.append(estimate_together(strata, design_effect))
    except ValueError as problem:
        raise Refusal(sample.name, str(problem), "mend the sample") from None
    _print_audit(estimates, format)


def _records(file: Path | None, workspace: str | None, force: str | None) -> Iterator[pl.LazyFrame]:
    """The records of each force, from a file of offence lines or from the workspace."""
    if file is not None:
        records = _latest(read_offence_lines(file)[0])
        for part in records.sort("force").partition_by("force", maintain_order=True):
            if force in (None, part["force"][0]):
                yield part.lazy()
        return
    from pipelines.stages import recorded
    from pipelines.stages.line import Line

    line = Line.open(settings(workspace))
    for name in line.forces:
        if force in (None, name) and recorded.accepted(line, "lines", name):
            yield recorded.records(line, name)


def _quarter(text: str | None) -> Quarter | None:
    try:
        return None if text is None else Quarter.parse(text)
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint="--published-through") from None


def decide_lines(lines: pl.DataFrame, unreadable: pl.DataFrame, editions: Editions) -> pl.DataFrame:
    """One row for each line of the file: the decision on it, or why it could not be read."""
    key = ["force", "source_system", "crime_ref"]
    old = lines.join(superseded(lines.lazy()), on=["supply", "row"], how="semi")
    records = lines.join(old, on=["supply", "row"], how="anti")
    decided = count(records.lazy(), editions).decisions.collect().join(records.select(*key, "row"), on=key)
    # Each version stands alone here: only its class and month are wanted.
    versions = old.with_columns(crime_ref=pl.format("{}", "row"), incident_ref=pl.format("{}", "row"))
    replaced = count(versions.lazy(), editions).decisions.select(
        pl.col("crime_ref").cast(pl.UInt32).alias("row"), "offence_code", "month"
    )
    template = editions.rules.row(by_predicate=pl.col("rule") == "superseded", named=True)["does_not_count"]
    return pl.concat(
        [
            decided,
            old.select(*key, "row")
            .join(replaced.collect(), on="row")
            .join(decided.select(*key, by="row"), on=key)
            .with_columns(
                counted=pl.lit(0, pl.Int8),
                rule=pl.lit("superseded"),
                because=pl.format(template.replace("{by}", "line {}"), pl.col("by") + 1),
            )
            .drop("by"),
            unreadable.drop("offence_code").with_columns(
                counted=pl.lit(0, pl.Int8), rule=pl.lit("unreadable")
            ),
        ],
        how="diagonal_relaxed",
    ).sort("row")


def correct_lines(
    answer: pl.DataFrame, lines: pl.DataFrame, editions: Editions, last_month: date, treatment: str
) -> pl.DataFrame:
    """The answer once quarters up to `last_month` are published: what was published is what stood when they ended."""
    closed = pl.lit(plus_months(last_month, 1)).cast(pl.Datetime("us")).dt.replace_time_zone("Europe/London")
    then = lines.filter((pl.col("updated_at") < closed) | (pl.col("status_at") >= closed)).with_columns(
        status=pl.when(pl.col("status_at") >= closed).then(pl.lit("live")).otherwise("status")
    )
    published = count(_latest(then).lazy(), editions).counted.filter(pl.col("month") <= last_month).collect()
    terms = (
        lines.select("force")
        .unique()
        .with_columns(treatment=pl.lit(treatment), published_through=pl.lit(last_month))
    )
    changes = net_corrections(published, count(_latest(lines).lazy(), editions), terms, editions).changes
    if treatment == RECORD_LEVEL:
        return answer.join(_restated(changes), on=["force", "crime_ref"], how="left").with_columns(
            because=pl.concat_str("because", "restated", ignore_nulls=True)
        )
    # A class lost shows on the line that held it, a class gained on the line that holds it now.
    placed = (
        changes.join(
            answer.select("force", "crime_ref", "offence_code", "row"),
            on=["force", "crime_ref", "offence_code"],
        )
        .group_by("force", "crime_ref", "offence_code", "counted", "month", "rule", "because")
        .agg(pl.col("row").max())
    )
    columns = ["counted", "month", "rule", "because"]
    return answer.join(placed.select("row", *columns), on="row", how="left", suffix="_change").with_columns(
        pl.coalesce(f"{name}_change", name).alias(name) for name in columns
    )


def _latest(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.join(superseded(lines.lazy()), on=["supply", "row"], how="anti")


def _restated(changes: pl.DataFrame) -> pl.DataFrame:
    """What a restated crime moved in the quarter it was published in: `force, crime_ref, restated`."""
    month = pl.col("published_month")
    moved = pl.format(
        "{} {}", "offence_code", pl.when(pl.col("counted") > 0).then(pl.lit("+1")).otherwise(pl.lit("−1"))
    )
    quarter = pl.format("{} Q{}", financial_year(month), financial_quarter(month))
    return (
        changes.sort("counted", "offence_code")
        .group_by("force", "crime_ref", maintain_order=True)
        .agg(quarter.first().alias("when"), moved.str.join(", ").alias("moved"))
        .select("force", "crime_ref", restated=pl.format(" Restates {}: {}.", "when", "moved"))
    )


def _with_periods(decided: pl.DataFrame) -> pl.DataFrame:
    month = pl.col("month")
    return decided.with_columns(financial_year=financial_year(month), quarter=financial_quarter(month))


def _print(answer: pl.DataFrame, format: Format) -> None:
    shown = answer.cast({pl.Date: pl.String}) if format is Format.JSON else answer
    if format is Format.CSV:
        sys.stdout.write(shown.write_csv())
    elif format is Format.JSON:
        json.dump(shown.to_dicts(), sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    else:
        _print_table(shown)


def _print_table(shown: pl.DataFrame) -> None:
    """Print a table; its sentences stand beneath it where the window is too narrow to hold them."""
    wide = Console(highlight=False, width=None if console.is_terminal else _UNATTENDED_WIDTH)
    beneath = "because" in shown.columns and wide.width < _WIDE
    table = Table()
    for name in shown.columns[: -1 if beneath else None]:
        table.add_column(name, justify="right" if name in _RIGHT else "left", no_wrap=name != "because")
    for row in shown.iter_rows():
        table.add_row(*("" if value is None else str(value) for value in row[: len(table.columns)]))
    wide.print(table)
    if beneath:
        for crime_ref, sentence in shown.select("crime_ref", "because").iter_rows():
            wide.print(f"{crime_ref}: {sentence}", markup=False)


def _strata(sample: Path, recorded_crimes: int | None) -> list[Stratum]:
    """The strata of an audit sample, in the order of their first row."""
    if not sample.exists():
        raise Refusal(sample.name, "there is no such file", "check the path")
    table = pl.read_csv(sample, infer_schema=False)
    for name in ("should_be_recorded", "recorded"):
        if name not in table.columns:
            raise Refusal(sample.name, "the column is missing", "add it", line=1, field=name)
    known = {"stratum", "should_be_recorded", "recorded", "recorded_crimes"}
    if extra := [name for name in table.columns if name not in known]:
        raise Refusal(
            sample.name, "the column is not one of an audit sample", "leave it out", line=1, field=extra[0]
        )
    numbers = [name for name in table.columns if name != "stratum"]
    for name in numbers:
        bad = table.with_row_index("line", 2).filter(
            pl.col(name).cast(pl.Int64, strict=False).is_null()
            & (pl.col(name).is_not_null() | (name != "recorded_crimes"))
        )
        if bad.height:
            raise Refusal(
                sample.name, "not a whole number", "mend the row",
                line=int(bad["line"][0]), field=name, seen=bad[name][0] or "", wanted="a whole number",
            )  # fmt: skip
    strata: dict[str, list[tuple[int, int, int | None]]] = {}
    for row in table.iter_rows(named=True):
        crimes = row.get("recorded_crimes")
        strata.setdefault(row.get("stratum") or "all", []).append(
            (int(row["should_be_recorded"]), int(row["recorded"]), int(crimes) if crimes else None)
        )
    if not strata:
        raise Refusal(sample.name, "it has no row", "give one row for each crime or stratum")
    return [
        Stratum(
            name,
            sum(owed for owed, _, _ in rows),
            sum(done for _, done, _ in rows),
            max(
                (crimes for _, _, crimes in rows if crimes is not None),
                default=recorded_crimes if len(strata) == 1 else None,
            ),
        )
        for name, rows in strata.items()
    ]


def _print_audit(estimates: list[Estimate], format: Format) -> None:
    rows = [_audit_row(each) for each in estimates]
    if format is Format.JSON:
        json.dump(rows, sys.stdout, indent=1)
        sys.stdout.write("\n")
    elif format is Format.CSV:
        sys.stdout.write(pl.DataFrame(rows, infer_schema_length=None).write_csv())
    else:
        names = [each.name for each in estimates]
        _print_table(
            pl.DataFrame(
                {"": list(rows[0])}
                | {name: [str(v) for v in row.values()] for name, row in zip(names, rows, strict=True)}
            )
        )
        console.print("An estimate of an audit: published beside the recorded count, never added into it.")


def _audit_row(each: Estimate) -> dict[str, str | int | float | None]:
    """One estimate under the names that people look for; rates in per cent, crimes rounded to whole ones."""
    row: dict[str, str | int | float | None] = {
        "stratum": each.name,
        "should_be_recorded": each.should_be_recorded,
        "recorded": each.recorded,
        "rate_percent": round(100 * each.rate.value, 3),
        "rate_low": round(100 * each.rate.low, 3),
        "rate_high": round(100 * each.rate.high, 3),
        "plus_or_minus": round(100 * each.half_width, 3),
        "recorded_crimes": each.recorded_crimes,
    }
    if each.unrecorded is not None and each.unrecorded_normal is not None:
        row |= {
            "unrecorded": round(each.unrecorded.value),
            "unrecorded_low": round(each.unrecorded.low),
            "unrecorded_high": round(each.unrecorded.high),
            "unrecorded_normal_low": round(each.unrecorded_normal.low),
            "unrecorded_normal_high": round(each.unrecorded_normal.high),
            "published_as_over": published_as(each.unrecorded.value),
        }
    return row
