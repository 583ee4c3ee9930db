"""The desk from the command line: `desk` serves it, `desk-user` keeps its accounts, `digest` sends what waits."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipelines.commands.line import CountryOption, SupplyOption, WorkspaceOption
from pipelines.progress import console
from pipelines.settings import home, settings

if TYPE_CHECKING:
    from publish.desk.accounts import Accounts

RoleArgument = Annotated[
    str, typer.Option("--role", help="checker, statistician, approver, administrator or auditor.")
]
PasswordFile = Annotated[
    typer.FileText | None,
    typer.Option(
        "--password-file", help="File with the password; “-” reads standard input. Asked for otherwise."
    ),
]
NameArgument = Annotated[str, typer.Argument(help="The name they sign in with.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(desk)
    app.command()(digest)
    group = typer.Typer(help="Who may sign in at the desk with a password.", no_args_is_help=True)
    for command in (add, password, role, close):
        group.command()(command)
    group.command("list")(list_accounts)
    app.add_typer(group, name="desk-user")


def desk(
    workspace: WorkspaceOption = None,
    supply: SupplyOption = None,
    country: CountryOption = None,
    port: Annotated[int, typer.Option(help="Port on the loopback address.")] = 8010,
) -> None:
    """Serve the desk, where alerts are decided and releases signed off, on this machine only, until stopped."""
    import uvicorn

    from pipelines.desk import open_desk
    from publish.desk.application import application

    opened = open_desk(settings(workspace, supply, country), f"http://127.0.0.1:{port}")
    if opened.settings.openid is None and not opened.accounts.all():
        console.print(
            "Nobody has an account yet: make one with `fullcount desk-user add NAME --role checker`."
        )
    console.print(f"The desk is at {opened.settings.url}/ – stop with Ctrl-C.", soft_wrap=True)
    # Only a server in front may say where a request came from, and it is on this machine.
    uvicorn.run(
        application(opened),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        server_header=False,
        access_log=False,
    )


def digest(
    workspace: WorkspaceOption = None, supply: SupplyOption = None, country: CountryOption = None
) -> None:
    """Send what is new since the last digest and what is overdue, by e-mail and webhook as the desk's settings say."""
    from pipelines.desk import open_desk
    from publish.desk.notifying import send_digest

    told = send_digest(open_desk(settings(workspace, supply, country)))
    console.print(told, soft_wrap=True)


def add(
    name: NameArgument,
    role: RoleArgument,
    shown: Annotated[str, typer.Option("--name", help="The name others see.")] = "",
    password_file: PasswordFile = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make an account. There is no default account and no default password."""
    _accounts(workspace).add(name, shown, role, _password(password_file), by=_operator())
    console.print(f"{name} may sign in as {role}.")


def password(
    name: NameArgument, password_file: PasswordFile = None, workspace: WorkspaceOption = None
) -> None:
    """Give an account another password, unlock it, and sign it out everywhere."""
    _accounts(workspace).set_password(name, _password(password_file), by=_operator())
    console.print(f"{name} has another password.")


def role(name: NameArgument, role: RoleArgument, workspace: WorkspaceOption = None) -> None:
    """Give an account another role, and sign it out everywhere."""
    _accounts(workspace).set_role(name, role, by=_operator())
    console.print(f"{name} is {role} from now on.")


def close(name: NameArgument, workspace: WorkspaceOption = None) -> None:
    """Close an account and sign it out everywhere. What it decided stays."""
    _accounts(workspace).close(name, by=_operator())
    console.print(f"{name} may not sign in any more.")


def list_accounts(workspace: WorkspaceOption = None) -> None:
    """List the accounts."""
    table = Table(box=None)
    for heading in ("account", "name", "role", "state"):
        table.add_column(heading)
    for row in _accounts(workspace).all():
        state = "closed" if row["closed"] else "locked" if row["locked_until"] else "open"
        table.add_row(row["name"], row["shown"], row["role"], state)
    console.print(table)


def _accounts(workspace: str | None) -> Accounts:
    from pipelines.ledger import open_ledger
    from publish.desk.accounts import Accounts

    return Accounts(open_ledger(home(workspace)), lambda: datetime.now(UTC))


def _operator() -> str:
    """Who is at the command line: what the ledger names as the author."""
    return f"command line ({os.environ.get('SUDO_USER') or getpass.getuser()})"


def _password(file: typer.FileText | None) -> str:
    if file is not None:
        return file.readline().rstrip("\r\n")
    first: str = typer.prompt("Password (12 characters or more)", hide_input=True, confirmation_prompt=True)
    return first
