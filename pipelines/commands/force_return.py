"""The command `fullcount force-return`: a force's own quarterly return to the Home Office, for it to check and sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from pipelines.commands.line import WorkspaceOption
from pipelines.settings import settings


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("force-return")(force_return)


def force_return(
    force: Annotated[str, typer.Argument(help="police.uk slug of the force.")],
    quarter: Annotated[str, typer.Argument(help="2019-Q2, or 2019/20-Q1 for the same quarter.")],
    own_counts: Annotated[
        Path | None,
        typer.Option(help="CSV of month,crimes: what the force's own records system counts."),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write a force's return for the Home Office: aggregate, record-level, and what to look at before signing."""
    from pipelines.force_returns import make
    from pipelines.stages.line import Line

    made = make(Line.open(settings(workspace)), force, quarter, own_counts)
    results = made.validation["result"].value_counts().sort("result")
    for path in made.paths:
        typer.echo(str(path))
    typer.echo("; ".join(f"{n} {result}" for result, n in results.iter_rows()))
    for check, sentence in (
        made.validation.filter(pl.col("result") == "fail").select("check", "sentence").iter_rows()
    ):
        typer.echo(f"fail: {check}: {sentence}")
