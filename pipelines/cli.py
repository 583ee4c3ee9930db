"""The command people type: `fullcount`."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="fullcount",
    help="Turn the crime that police forces record into published figures, never printing a gap as a zero.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)


def main() -> None:
    """Run the command line."""
    app()
