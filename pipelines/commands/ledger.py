"""The ledger of people's decisions from the command line: `ledger verify`, `ledger export`, `ledger import`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.line import WorkspaceOption
from pipelines.progress import console
from pipelines.settings import SettingsError, home


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        help="The ledger: every decision, sign-off and sign-in, in one chain of hashes.", no_args_is_help=True
    )
    group.command()(verify)
    group.command()(export)
    group.command("import")(take_in)
    app.add_typer(group, name="ledger")


def verify(
    workspace: WorkspaceOption = None,
    expect: Annotated[
        str | None,
        typer.Option(
            help="Hash of an entry seen earlier (in a digest or a manifest): it must still be there."
        ),
    ] = None,
) -> None:
    """Recompute the whole chain, and say where it breaks."""
    from pipelines.ledger import open_ledger

    ledger = open_ledger(home(workspace))
    number, seal = ledger.verify()
    if expect is not None and not ledger.holds(expect):
        raise SettingsError(
            f"The chain is whole, but no entry has the hash {expect}: the ledger was replaced since it was seen."
        )
    console.print(f"The ledger is whole: {number:,} entries, the last {seal}.", soft_wrap=True)


def export(
    file: Annotated[Path, typer.Argument(help="File to write, one line of JSON for each entry.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write every entry with its hash: a copy that can be kept elsewhere, compared and imported."""
    from pipelines.ledger import open_ledger

    ledger = open_ledger(home(workspace))
    number, _ = ledger.verify()
    handle, temporary = tempfile.mkstemp(dir=file.resolve().parent, prefix=".part-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(ledger.export())
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    console.print(f"{file}: {number:,} entries.", soft_wrap=True)


def take_in(
    file: Annotated[Path, typer.Argument(help="File that `fullcount ledger export` wrote.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Add the entries of an export that this ledger does not hold yet, after checking the whole chain."""
    from pipelines.ledger import open_ledger

    with file.open(encoding="utf-8") as stream:
        added = open_ledger(home(workspace)).take_in(stream)
    console.print(f"{added:,} entries added.")
