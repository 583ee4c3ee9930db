"""The command people type: `fullcount`."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib import import_module
from typing import Final

import typer
from rich.markup import escape

from pipelines.progress import errors
from pipelines.room import MAKE_ROOM, is_out_of_room

#: How many new objects there are before Python looks for cycles among them. It would look after each 700, which takes
#: most of a second of the start, and finds little: tables are no objects of Python's.
BEFORE_COLLECTING: Final = 100_000

#: How long the memory of tables that are gone stays with the process, for the next ones: two seconds. Polars would give
#: it back after half a second and ask for it again, which takes a twentieth of the time of a resupply.
KEEP_MEMORY: Final = ("_RJEM_MALLOC_CONF", "dirty_decay_ms:2000,muzzy_decay_ms:0")

#: The status of a command that a person stopped with Ctrl-C: 128 and the number of the signal.
STOPPED: Final = 130

gc.set_threshold(BEFORE_COLLECTING)
# Read when Polars is loaded.
os.environ.setdefault(*KEEP_MEMORY)

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


def _message(problem: Exception) -> str:
    """What is wrong and what to do. Raises the problem again where it is none that a person can mend."""
    if is_out_of_room(problem) and MAKE_ROOM not in str(problem):
        return f"there is no room left on the disk: {MAKE_ROOM}."
    if isinstance(problem, _told()):
        return str(problem)
    if isinstance(problem, OSError):
        seen = f"{problem.filename}: " if problem.filename else ""
        return (
            f"{seen}{problem.strerror or problem}. See that the place is there and may be written, and run the same "
            "command again: what was finished is kept."
        )
    raise problem


def _end() -> None:
    """End the process of a command that did all it had to.

    Python would take every module and object apart first, for over a second after a run.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    atexit._run_exitfuncs()
    os._exit(0)


def main() -> None:
    """Run the command line; a mistake a person can mend ends with one message and status 2."""
    try:
        app()
    except Exception as problem:
        errors.print(f"[bold red]fullcount:[/] {escape(_message(problem))}")
        sys.exit(2)
    except (KeyboardInterrupt, SystemExit) as ended:
        # Typer turns Ctrl-C inside a command into an exit with this status and no word.
        if isinstance(ended, SystemExit) and ended.code != STOPPED:
            if ended.code == 0:
                _end()
            raise
        errors.print("Stopped. What was finished is kept; run the same command to go on.")
        sys.exit(STOPPED)
