"""Running the line and looking at it: `run`, `sources`, `status`, `serve`, `doctor`."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer
from rich.markup import escape
from rich.table import Table

from pipelines.progress import Stopwatch, console, errors
from pipelines.settings import Settings, SettingsError, home, settings
from transforms.contracts import tables
from transforms.periods import Quarter

if TYPE_CHECKING:
    from pipelines.stages.line import Line

WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace", help="Folder or object-store URL that holds everything.", envvar="FULLCOUNT_HOME"
    ),
]
SupplyOption = Annotated[
    str | None, typer.Option("--supply", help="Folder of what forces supplied.", envvar="FULLCOUNT_SUPPLY")
]
CountryOption = Annotated[
    str | None,
    typer.Option(
        "--country", help="Folder of areas, boundaries and who owes what.", envvar="FULLCOUNT_COUNTRY"
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(run)
    app.command()(sources)
    app.command()(status)
    app.command()(serve)
    app.command()(doctor)


def run(
    workspace: WorkspaceOption = None,
    supply: SupplyOption = None,
    country: CountryOption = None,
    quarter: Annotated[
        str | None,
        typer.Option(
            help="Quarter to release, such as 2019-Q2 (or 2019/20-Q1). The latest supplied unless given."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Day whose standing decisions to apply, such as 2020-01-31; today unless given.",
            envvar="FULLCOUNT_AS_OF",
        ),
    ] = None,
) -> None:
    """Take in what is new, count, aggregate, judge, and build the release of a quarter.

    What has not changed is left alone: a second run with nothing new does nothing and says so.
    """
    # What is imported stays: looking through it for what may go, at every 700 new objects, takes over a second.
    gc.set_threshold(100_000)
    from pipelines.running import run_line

    wanted = _quarter(quarter)
    watch = Stopwatch()
    outcome = run_line(settings(workspace, supply, country, as_of), wanted)
    outcome.tell()
    console.print(f"[dim]{watch.seconds} seconds[/]")
    if outcome.failed:
        raise typer.Exit(1)


def _opened(where: Settings) -> Line:
    # Geography is slow to import, and most commands and every help page do without it.
    from pipelines.stages.line import Line

    return Line.open(where)


def _quarter(text: str | None) -> Quarter | None:
    """The quarter that someone wrote, if any. A mistake is told with the option it was made in."""
    try:
        return None if text is None else Quarter.parse(text)
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint="--quarter") from None


def sources(
    workspace: WorkspaceOption = None,
    supply: SupplyOption = None,
    country: CountryOption = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only files that were refused.")] = False,
) -> None:
    """List every file received: its rows, what was refused, and why."""
    line = _opened(settings(workspace, supply, country))
    shown = line.supplies().sort("received_order")
    if refused:
        shown = shown.filter((pl.col("state") == "refused") | (pl.col("rejected") > 0))
    table = Table(title="Files received", title_justify="left")
    for heading, justify in (
        ("file", "left"), ("state", "left"), ("rows", "right"), ("rejected", "right"), ("sha-256", "left"),
    ):  # fmt: skip
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in shown.iter_rows(named=True):
        table.add_row(
            escape(row["name"]), row["state"], f"{row['rows']:,}", f"{row['rejected']:,}", row["supply"][:12]
        )
    console.print(table)
    for row in shown.filter(pl.col("reason").is_not_null()).iter_rows(named=True):
        console.print(f"[yellow]refused[/] {escape(row['reason'])}")
    rejects = line.workspace.scan("rejects", tables.Rejects).head(20).collect()
    for row in rejects.iter_rows(named=True):
        console.print(
            "[yellow]row[/] "
            + escape(
                f"{row['name']}, line {row['line']:,}, field {row['field']}: {row['reason']}, "
                f"seen “{row['seen'] or ''}”, wanted {row['wanted']}."
            )
        )
    if rejects.height == 20:
        console.print("[dim]Only the first 20 rejected rows are shown; all are in the table “rejects”.[/]")


def status(
    workspace: WorkspaceOption = None,
    supply: SupplyOption = None,
    country: CountryOption = None,
    months: Annotated[int, typer.Option(help="How many of the latest months to show.")] = 12,
) -> None:
    """Show who owes what, what came, and what is missing since when and why."""
    line = _opened(settings(workspace, supply, country))
    verdicts = line.workspace.read("verdicts", tables.Verdicts)
    if verdicts.is_empty():
        console.print("Nothing has been judged yet. Run `fullcount run` first.")
        return
    shown = verdicts.get_column("month").unique().sort().tail(months).to_list()
    marks = {
        "complete": "[green]●[/]",
        "partial": "[yellow]◐[/]",
        "missing": "[red]✕[/]",
        "unjudged": "[yellow]?[/]",
    }
    console.print("Supply, force by month: ● supplied  ◐ short  ? not judged  ✕ missing  – not owed")
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("force", no_wrap=True)
    table.add_column("file", no_wrap=True)
    for month in shown:
        table.add_column(f"{month:%b}\n {month:%y}", width=3, justify="center")
    held: dict[tuple[str, str], dict[Any, str]] = {}
    for row in verdicts.filter(pl.col("month").is_in(shown)).iter_rows(named=True):
        held.setdefault((row["force"], row["file_type"]), {})[row["month"]] = marks[row["status"]]
    for (force, file_type), cells in sorted(held.items()):
        table.add_row(force, file_type, *(cells.get(month, "–") for month in shown))
    console.print(table)
    short = verdicts.filter(pl.col("status") != "complete", pl.col("month").is_in(shown))
    for (force, file_type, reason), spell in short.group_by(
        "force", "file_type", "reason", maintain_order=True
    ):
        first, last = spell.get_column("month").min(), spell.get_column("month").max()
        span = f"{first:%B %Y}" if first == last else f"{first:%B %Y} to {last:%B %Y}"
        console.print(f"[red]✕[/] {force} {file_type}, {span}: {reason}.")
    findings = line.workspace.read("findings", tables.Findings)
    if findings.height:
        console.print(f"\n{findings.height} findings in all. The latest:")
    for row in findings.sort("last_month", "finding").tail(10).iter_rows(named=True):
        console.print(f"  {row['severity']:<8} {row['code']} {row['sentence']}")


def serve(
    workspace: WorkspaceOption = None,
    quarter: Annotated[
        str | None, typer.Option(help="Quarter whose site to serve; the latest unless given.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on the loopback address.")] = 8000,
) -> None:
    """Serve the site and the files of a release on this machine only, until stopped.

    The newest version is served, published or not, and it says which: a look before publication.
    """
    import uvicorn

    from pipelines.shelves import PRIVATE, Shelves
    from pipelines.store import Storage
    from publish.serve import application

    wanted = _quarter(quarter)
    shelves = Shelves(Storage(home(workspace)))
    there = shelves.all(wanted)
    if not there:
        raise SettingsError(
            f"There is no release{f' of {quarter}' if quarter else ''} in {shelves.storage.root}. "
            "Run `fullcount run` first."
        )
    shown = there[-1]
    preview = " (a preview: it is not published)" if shown.shelf == PRIVATE else ""
    console.print(
        f"Serving the release {shown.name}{preview} at http://127.0.0.1:{port}/ – stop with Ctrl-C."
    )
    uvicorn.run(application(shown.folder), host="127.0.0.1", port=port, log_level="warning")


def doctor(workspace: WorkspaceOption = None) -> None:
    """Check that this machine has what is needed, and say what to do where it has not."""
    where = home(workspace)
    local = "://" not in where
    folder = Path(where) if local else Path()
    free = (
        shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free
        if local
        else 0
    )
    checks = [
        ("Python 3.11 to 3.13", (3, 11) <= sys.version_info < (3, 14), sys.version.split()[0]),
        ("fullcount", True, version("fullcount")),
        ("the engines fit each other", *_engines()),
        ("the workspace can be written", not local or _writable(folder), where),
        (
            "at least 2 GB of disk is free",
            not local or free > 2e9,
            f"{free / 1e9:.0f} GB" if local else "object store",
        ),
        ("chromium, for the browser tests only", True, shutil.which("chromium") or "not installed"),
        ("LibreOffice, for the workbook tests only", True, shutil.which("soffice") or "not installed"),
    ]
    for name, good, seen in checks:
        console.print(f"{'[green]✓[/]' if good else '[red]✕[/]'} {name}: {seen}")
    if not all(good for _, good, _ in checks):
        errors.print("Something above needs mending before a run.")
        raise typer.Exit(1)


def _engines() -> tuple[bool, str]:
    import duckdb

    try:
        rows = duckdb.connect().sql("SELECT 42 AS answer").pl()
    except Exception as problem:
        return False, f"DuckDB and Polars cannot exchange a table ({problem}): make the environment again"
    return rows.item() == 42, f"duckdb {duckdb.__version__}, polars {pl.__version__}"


def _writable(folder: Path) -> bool:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return os.access(there, os.W_OK)
