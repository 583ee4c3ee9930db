"""A release from build to publication: `return`, `publish` and everything under `release`."""

from __future__ import annotations

import getpass
import time
from datetime import date, datetime
from datetime import time as time_of_day
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from pipelines.commands.line import CountryOption, SupplyOption, WorkspaceOption, run
from pipelines.progress import console
from pipelines.settings import Settings, SettingsError, home, settings
from transforms.contracts.columns import ZONE
from transforms.periods import Quarter

ReleaseArgument = Annotated[
    str, typer.Argument(metavar="RELEASE", help="Such as 2019-Q4/1.0.0; 2019-Q4 is its newest version.")
]
QuarterArgument = Annotated[str, typer.Argument(metavar="QUARTER", help="Such as 2019-Q4.")]
WhoOption = Annotated[
    str | None, typer.Option("--as", help="Who does it: a person's name; the login name unless given.")
]
#: Releases go out at this time of day (Code of Practice for Statistics, T3: 9.30am).
HALF_PAST_NINE = time_of_day(9, 30)
#: How long a waiting publication sleeps at most before it looks again, in seconds.
LOOK_AGAIN = 20.0


class Role(StrEnum):
    """What a signature says."""

    PREPARED = "prepared"
    APPROVED = "approved"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("return")(build)
    app.command()(publish)
    app.command()(verify)
    app.command()(revisions)
    group = typer.Typer(
        help="A release on its way: what it waits for, signatures, notes, access, corrections, stops.",
        no_args_is_help=True,
    )
    for command in (ready, sign, note, access, correct, stop, lift):
        group.command()(command)
    group.command("list")(list_releases)
    app.add_typer(group, name="release")


def build(
    quarter: QuarterArgument,
    workspace: WorkspaceOption = None,
    supply: SupplyOption = None,
    country: CountryOption = None,
) -> None:
    """Build the return of a quarter, with its files and site, into the private area, and say what it waits for."""
    wanted = str(_quarter(quarter))
    run(workspace, supply, country, wanted)
    ready(wanted, workspace)


def ready(release: ReleaseArgument, workspace: WorkspaceOption = None) -> None:
    """Say what a release waits for before it may be published."""
    from pipelines.publication import gate
    from pipelines.shelves import PUBLIC, WITHDRAWN, Shelves
    from pipelines.store import Storage

    where = settings(workspace)
    found = Shelves(Storage(where.workspace)).find(release)
    if found.shelf in (PUBLIC, WITHDRAWN):
        console.print(f"{found.name} is {'published' if found.shelf == PUBLIC else 'withdrawn'}.")
        return
    console.print(escape(gate(where, found, _now()).words))


def sign(
    release: ReleaseArgument,
    role: Annotated[Role, typer.Argument(help="prepared or approved: two different people, one for each.")],
    who: WhoOption = None,
    note: Annotated[str | None, typer.Option(help="Anything the signer wants to be kept with it.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Sign that a private release is prepared, or approved. The signature stands for its bytes as they are."""
    from pipelines import publication

    signer = _who(who)
    signed = publication.sign(settings(workspace), release, signer, role.value, note)
    console.print(f"{escape(signer)} signed that {signed.name} is {role.value}.")


def note(
    quarter: QuarterArgument,
    force: Annotated[str, typer.Option(help="Force whose figures are revised, by its slug.")],
    text: Annotated[str, typer.Option(help="Why they are, for readers.")],
    who: WhoOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the note that explains a force's revisions. The release holds it once it is built again."""
    from pipelines.country import load_country

    known = load_country(settings(workspace).country).country.forces.get_column("force").to_list()
    if force not in known:
        raise SettingsError(f"“{force}” is no force of this country. They are {', '.join(sorted(known))}.")
    _say(workspace, who, "note a revision", quarter, text, force=force)
    console.print(f"The note on {force} is kept. Build the release again: `fullcount return {quarter}`.")


def access(
    quarter: QuarterArgument,
    person: Annotated[str, typer.Argument(help="Who is given the figures before publication.")],
    post: Annotated[str, typer.Option(help="The post they hold.")] = "",
    end: Annotated[bool, typer.Option("--end", help="Take the access away again.")] = False,
    reason: Annotated[str, typer.Option(help="Why they need it.")] = "",
    who: WhoOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Give somebody access to a quarter before it is published, or end it. The release lists them by name."""
    if not end and not (post.strip() and reason.strip()):
        raise SettingsError(
            "Say which --post they hold and the --reason: the release lists everyone with access."
        )
    action = "end access" if end else "give access"
    _say(workspace, who, action, quarter, reason or "No longer needed.", person=person, post=post or None)
    console.print(
        f"Kept. Build the release again, so that it lists who has access: `fullcount return {quarter}`."
    )


def correct(
    release: ReleaseArgument,
    notice: Annotated[str, typer.Option(help="What was wrong, and what is put right, for readers.")],
    on: Annotated[
        str | None,
        typer.Option("--on", help="Day of a scheduled correction, such as 2020-01-23: out at 09:30."),
    ] = None,
    who: WhoOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the notice of a correction. Without a day it is unscheduled, and goes out as soon as it is ready."""
    from pipelines import publication

    due = None
    if on is not None:
        try:
            due = datetime.combine(date.fromisoformat(on), HALF_PAST_NINE, ZoneInfo(ZONE))
        except ValueError:
            raise SettingsError(f"“{on}” is not a day: write it as 2020-01-23.") from None
    found = publication.announce(settings(workspace), release, _who(who), notice, due)
    when = f"at 09:30 on {due:%-d %B %Y}" if due else "as soon as it is ready"
    console.print(f"The correction notice of {found.name} is kept; it goes out {when}.")


def stop(
    release: ReleaseArgument,
    reason: Annotated[str, typer.Option(help="Why, for readers.")],
    who: WhoOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Emergency stop: a private release cannot go out, a public one is taken back at once, with a notice."""
    from pipelines import publication
    from pipelines.shelves import WITHDRAWN

    found = publication.stop(settings(workspace), release, _who(who), reason, _now())
    done = (
        "is withdrawn; readers are given the release before it"
        if found.shelf == WITHDRAWN
        else "cannot go out"
    )
    console.print(f"{found.name} {done}.")


def lift(
    release: ReleaseArgument,
    reason: Annotated[str, typer.Option(help="Why it may go on.")],
    who: WhoOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Let a private release that was stopped go on."""
    from pipelines import publication

    found = publication.lift(settings(workspace), release, _who(who), reason)
    console.print(f"{found.name} is no longer stopped.")


def publish(
    release: ReleaseArgument,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its instant, and publish it then.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Publish a release whose gate is open and whose instant has come: it moves to where readers are."""
    from pipelines import publication

    where = settings(workspace)
    while wait and (seconds := _until_due(where, release)) > 0:
        time.sleep(min(seconds, LOOK_AGAIN))
    found = publication.publish(where, release, _now())
    console.print(f"{found.name} is public, in {found.folder}")


def verify(release: ReleaseArgument, workspace: WorkspaceOption = None) -> None:
    """Rebuild a release elsewhere from its frozen inputs, and compare every byte of every file."""
    from pipelines.rebuilding import verify as verified

    came = verified(settings(workspace), release)
    console.print(escape(came.words))
    if came.differing:
        raise typer.Exit(1)


def revisions(
    earlier: Annotated[str, typer.Argument(metavar="A", help="The earlier release, such as 2019-Q4/1.0.0.")],
    later: Annotated[str, typer.Argument(metavar="B", help="The later release, such as 2019-Q4/1.1.0.")],
    output: Annotated[
        Path | None, typer.Option(help="Write every changed figure to this CSV file instead.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Every figure that differs between two releases, by how much, and why."""
    from pipelines.editions import edition_of
    from pipelines.shelves import Shelves
    from pipelines.store import Storage
    from transforms import revisions as told

    shelves = Shelves(Storage(home(workspace)))
    first, second = shelves.find(earlier), shelves.find(later)
    old, new = edition_of(first), edition_of(second)
    changed = told.revisions(old, new)
    if output is not None:
        Storage(output.resolve().parent).write(output.name, changed.write_csv().encode())
        console.print(f"{changed.height:,} rows are in {output}.")
        return
    if changed.is_empty():
        console.print(f"No figure of {second.name} differs from {first.name}.")
        return
    table = Table(title=f"{first.name} → {second.name}", title_justify="left")
    for heading in ("measure", "force", "quarter", "offence", "was", "now", "change", "why"):
        table.add_column(heading, justify="right" if heading in ("was", "now", "change") else "left")
    for row in changed.iter_rows(named=True):
        table.add_row(
            row["measure"], row["force"], row["quarter"] or "all", row["offence_code"] or "all",
            _shown(row["was"], row["was_status"]), _shown(row["now"], row["now_status"]),
            "" if row["change"] is None else f"{row['change']:+,}", row["why"],
        )  # fmt: skip
    console.print(table)
    for row in told.needs_note(old.figures, new.figures).iter_rows(named=True):
        share = "its figure appeared or went" if row["per_cent"] is None else f"{row['per_cent']:+.1f}%"
        console.print(f"The year of {row['force']} that ends in {row['year']} wants a note: {share}.")


def _shown(count: int | None, status: str) -> str:
    return status if count is None else f"{count:,}"


def _until_due(where: Settings, release: str) -> float:
    """Seconds until the instant of a release that waits for nothing else; none when it is not worth waiting."""
    from pipelines.publication import gate
    from pipelines.shelves import PRIVATE, Shelves
    from pipelines.store import Storage

    found, now = Shelves(Storage(where.workspace)).find(release), _now()
    if found.shelf != PRIVATE:
        return 0.0
    opened = gate(where, found, now)
    if opened.due is None or len(opened.waits_for) > 1:
        return 0.0
    return (opened.due - now).total_seconds()


def list_releases(workspace: WorkspaceOption = None) -> None:
    """List every release: where it lies and what readers are given first."""
    import json

    from pipelines.publication import CURRENT
    from pipelines.shelves import WITHDRAWN, Shelves
    from pipelines.store import Storage

    shelves = Shelves(Storage(home(workspace)))
    storage = shelves.storage
    current = json.loads(storage.read(CURRENT))["release"] if storage.exists(CURRENT) else None
    table = Table(title="Releases", title_justify="left")
    for heading in ("release", "where", "follows", "folder"):
        table.add_column(heading, overflow="fold")
    for each in sorted([*shelves.all(), *shelves.on(WITHDRAWN)]):
        place = "public, current" if str(each.name) == current else each.shelf
        table.add_row(str(each.name), place, each.manifest["follows"] or "–", str(each.folder))
    console.print(table)


def _say(
    workspace: str | None,
    who: str | None,
    action: str,
    quarter: str,
    text: str,
    *,
    force: str | None = None,
    person: str | None = None,
    post: str | None = None,
) -> None:
    from pipelines.ledger import open_ledger
    from publish.signing import say

    if not text.strip():
        raise SettingsError("The text is empty: write what readers should know.")
    say(
        open_ledger(home(workspace)),
        _who(who),
        action,
        _quarter(quarter),
        text,
        force=force,
        person=person,
        post=post,
    )


def _who(given: str | None) -> str:
    if given is not None and not given.strip():
        raise SettingsError("--as is empty: write the name of the person who does it.")
    return given.strip() if given else getpass.getuser()


def _quarter(text: str) -> Quarter:
    try:
        return Quarter.parse(text)
    except ValueError as problem:
        raise SettingsError(str(problem)) from None


def _now() -> datetime:
    """The clock, read here and nowhere further in."""
    return datetime.now(ZoneInfo(ZONE))
