"""Serving the HTTP API of what has been released: `api`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.progress import console
from pipelines.settings import SettingsError, home, releases_folder


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(api)


def api(
    workspace: Annotated[
        str | None,
        typer.Option("--workspace", help="Folder that holds everything.", envvar="FULLCOUNT_HOME"),
    ] = None,
    release: Annotated[
        Path | None,
        typer.Option(
            help="Preview one release folder, public or not, on this machine only. "
            "The published releases of the workspace are served unless given."
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8001,
    host: Annotated[
        str, typer.Option(help="Address to listen on; only this machine unless given.")
    ] = "127.0.0.1",
    processes: Annotated[int, typer.Option(help="Processes that share the port.", min=1, max=64)] = 1,
    rate: Annotated[
        float, typer.Option(help="Requests a second that one client may make; 0 is no limit.", min=0)
    ] = 15.0,
    burst: Annotated[int, typer.Option(help="Requests that one client may make at once.", min=1)] = 30,
) -> None:
    """Serve released figures over HTTP in the shape of data.police.uk, until stopped.

    A release that is published meanwhile is taken up without dropping a request.
    """
    from publish.api.application import application
    from publish.api.limits import Limit
    from publish.api.opened import UnreadableError
    from publish.api.releases import One, Published
    from publish.api.serving import listening, run

    loopback = host in ("127.0.0.1", "::1", "localhost")
    if release is not None and not loopback:
        raise SettingsError(
            "A preview may hold figures that are not public yet: it is served on 127.0.0.1 only."
        )

    def releases() -> One | Published:
        if release is not None:
            return One(release)
        return Published(Path(releases_folder(home(workspace))) / "public")

    try:
        opened = releases()
    except UnreadableError as problem:
        raise SettingsError(str(problem)) from problem
    limit = Limit(rate, burst) if rate else None
    listener = listening(host, port)
    what = "A PREVIEW of" if release is not None else "Serving"
    console.print(f"{what} {opened.current().name} at http://{host}:{port}/api/ – stop with Ctrl-C.")
    run(lambda: application(releases(), limit), listener, processes)
