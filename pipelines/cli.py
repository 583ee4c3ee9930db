"""The command people type: `fullcount`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import typer
from rich.markup import escape

from pipelines.progress import errors

#: The status of a command that a person stopped with Ctrl-C: 128 and the number of the signal.
STOPPED: Final = 130

app = typer.Typer(
    name="fullcount",
    help="""
Turn the crime that police forces record into figures the public can trust.

A gap is never published as a zero: every figure that leaves here is a number that was supplied in full,
or a stated reason why there is none.

**A quarter, start to finish**

    fullcount run --supply FOLDER --country FOLDER    take in, count, judge, build the release

    fullcount status                                  what is owed, what came, what is missing

    fullcount serve                                   look at the site of the release

    fullcount release sign … / fullcount publish …    sign it, and publish it at its instant

Every command takes --workspace FOLDER (or FULLCOUNT_HOME) and remembers the rest.
""",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _keep_command_names() -> None:
    # Without this a program of one command does without its name.
    pass


#: The module of each area: its heading in the help, and the commands that it adds.
AREAS: Final = {
    "line": ("The line", ("run", "sources", "status", "serve", "doctor")),
    "release": ("Releases", ("return", "publish", "verify", "revisions", "release")),
    "force_return": ("Releases", ("force-return",)),
    "desk": ("The desk", ("desk", "digest", "desk-user")),
    "ledger": ("The desk", ("ledger",)),
    "counting": (
        "Counting rules",
        ("count", "explain", "checks", "reconcile", "transfers", "editions", "audit"),
    ),
    "judge": ("Completeness", ("judge",)),
    "country": ("Reference data", ("country",)),
    "api": ("For developers", ("api",)),
}


def _areas(word: str | None) -> list[str]:
    """The areas to load: the one that a command belongs to, so that it starts soon, or all for the help."""
    asked = [area for area, (_, commands) in AREAS.items() if word in commands]
    return asked or list(AREAS)


for area in _areas(sys.argv[1] if len(sys.argv) > 1 else None):
    before = len(app.registered_commands), len(app.registered_groups)
    import_module(f"pipelines.commands.{area}").register(app)
    for added in (*app.registered_commands[before[0] :], *app.registered_groups[before[1] :]):
        added.rich_help_panel = AREAS[area][0]


def _told() -> tuple[type[Exception], ...]:
    """What a person can mend: told in one message, without a traceback. Imported when something went wrong."""
    from pipelines.country import CountryError
    from pipelines.publication import GateError
    from pipelines.settings import SettingsError
    from pipelines.sources.refusal import Refusal
    from pipelines.store import StoreError
    from publish.desk.errors import DeskError
    from publish.returns.errors import ReturnError

    return (DeskError, GateError, SettingsError, StoreError, CountryError, Refusal, ReturnError)


def _out_of_room(problem: BaseException | None) -> bool:
    """Whether a full disk is behind it: each engine says so in its own words, often deep in a chain of causes."""
    words = (
        "no space left",
        "disk is full",
        "disk i/o error",
        "file too large",
        "os error 28",
        "os error 27",
    )
    seen: set[int] = set()
    # A chain can turn back on itself, when an error is raised again from one that it caused.
    while problem is not None and id(problem) not in seen:
        if any(word in str(problem).lower() for word in words):
            return True
        seen.add(id(problem))
        problem = problem.__cause__ or problem.__context__
    return False


def main() -> None:
    """Run the command line; a mistake a person can mend ends with one message and status 2."""
    try:
        app()
    except OSError as problem:
        seen = escape(f"{problem.filename}: " if problem.filename else "") + escape(
            str(problem.strerror or problem)
        )
        errors.print(
            f"[bold red]fullcount:[/] {seen}. See that the place is there, may be written and has room, and "
            "run the same command again: what was finished is kept."
        )
        sys.exit(2)
    except Exception as problem:
        if _out_of_room(problem):
            errors.print(
                "[bold red]fullcount:[/] there is no room left on the disk. Make room and run the same command "
                "again: nothing half-written was left, and what was finished is kept."
            )
            sys.exit(2)
        if not isinstance(problem, _told()):
            raise
        errors.print(f"[bold red]fullcount:[/] {escape(str(problem))}")
        sys.exit(2)
    except (KeyboardInterrupt, SystemExit) as ended:
        # Typer turns Ctrl-C inside a command into an exit with this status and no word.
        if isinstance(ended, SystemExit) and ended.code != STOPPED:
            raise
        errors.print("Stopped. What was finished is kept; run the same command to go on.")
        sys.exit(STOPPED)
