"""Puts the desk together: its addresses, who may go to each, and what stands in front of them all."""

from __future__ import annotations

from functools import partial
from importlib import resources
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from publish.desk import deciding, early, gate, looking, signing_in
from publish.desk.desk import Desk
from publish.desk.errors import UnreachableError
from publish.desk.guard import Guard
from publish.desk.roles import May
from publish.desk.visits import Visit, seen_by, sent_by, session_of, unreachable

#: What each asset is read from and sent as. Nothing else is served, whatever the address says.
ASSETS: Final = {
    "desk.css": ("publish.desk", "assets/desk.css", "text/css; charset=utf-8"),
    "desk.js": ("publish.desk", "assets/desk.js", "text/javascript; charset=utf-8"),
    "site.css": ("publish.site", "assets/site.css", "text/css; charset=utf-8"),
    "icon.svg": ("publish.site", "assets/icon.svg", "image/svg+xml"),
    "plotly.js": ("plotly", "package_data/plotly.min.js", "text/javascript; charset=utf-8"),
}

HEADINGS: Final = {
    403: "You may not do that here",
    404: "There is no such page",
    405: "That cannot be sent here",
}


def application(desk: Desk) -> Starlette:
    """The desk as an ASGI application. It reads the workspace and the ledger, and serves no public page."""
    see = partial(seen_by, desk)
    send = partial(sent_by, desk)
    return Starlette(
        routes=[
            *signing_in.routes(desk),
            Route("/", see(May.SEE, looking.today)),
            Route("/alert/{finding}", see(May.SEE, looking.alert)),
            _form("/alert/{finding}/decide", send(May.DECIDE, deciding.decide, looking.alert)),
            _form("/alert/{finding}/undo", send(May.DECIDE, deciding.undo, looking.alert)),
            _form("/alert/{finding}/take", send(May.DECIDE, deciding.take, looking.alert)),
            Route("/together", see(May.DECIDE, looking.together)),
            _form("/together/decide", send(May.DECIDE, deciding.decide_together, looking.together)),
            Route("/forces", see(May.SEE, looking.forces)),
            Route("/forces/{force}", see(May.SEE, looking.force)),
            _form("/forces/{force}/contact", send(May.DECIDE, deciding.note_contact, looking.force)),
            Route("/quarters", see(May.SEE, gate.quarters)),
            Route("/quarters/{quarter}", see(May.SEE, gate.quarter)),
            _form("/quarters/{quarter}/sign", send(May.SIGN, gate.sign, gate.quarter)),
            _form("/quarters/{quarter}/publish", send(May.APPROVE, gate.publish, gate.quarter)),
            _form("/quarters/{quarter}/stop", send(May.APPROVE, gate.stop, gate.quarter)),
            _form("/quarters/{quarter}/lift", send(May.APPROVE, gate.lift, gate.quarter)),
            _form("/quarters/{quarter}/announce", send(May.PREPARE, gate.announce, gate.quarter)),
            _form("/quarters/{quarter}/access", send(May.PREPARE, gate.give_access, gate.quarter)),
            _form("/quarters/{quarter}/note", send(May.PREPARE, gate.note, gate.quarter)),
            Route("/early", see(May.SEE, early.early)),
            Route("/rejects", see(May.SEE, looking.rejects)),
            Route("/rejects.csv", see(May.SEE, looking.rejects_file)),
            Route("/trail", see(May.SEE, looking.trail)),
            Route("/trail.csv", see(May.AUDIT, looking.trail_file)),
            Route("/search", see(May.SEE, looking.search)),
            Route("/people", see(May.ACCOUNTS, looking.people)),
            Route("/assets/{name}", _asset),
            Route("/health", _health(desk)),
        ],
        middleware=[Middleware(Guard, settings=desk.settings)],
        exception_handlers={
            HTTPException: _problem(desk),
            UnreachableError: _unreachable,
        },
    )


def _form(path: str, endpoint: Any) -> Route:
    return Route(path, endpoint, methods=["POST"])


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in ASSETS:
        raise HTTPException(404)
    package, path, media_type = ASSETS[name]
    content = resources.files(package).joinpath(path).read_bytes()
    return Response(content, media_type=media_type, headers={"Cache-Control": "max-age=3600"})


def _health(desk: Desk) -> Any:
    def answer() -> Response:
        number, _ = desk.ledger.head()
        return JSONResponse({"ok": True, "entries": number})

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer)

    return endpoint


def _problem(desk: Desk) -> Any:
    def answer(request: Request, problem: HTTPException) -> Response:
        try:
            session = session_of(desk, request)
        except UnreachableError as down:
            return unreachable(down)
        visit = Visit(desk, request, session, status=problem.status_code)
        heading = HEADINGS.get(problem.status_code, "That did not work")
        plain = problem.detail not in ("Not Found", "Method Not Allowed", "Forbidden")
        return visit.page("problem.html", heading=heading, detail=problem.detail if plain else "")

    async def endpoint(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        return await run_in_threadpool(answer, request, problem)

    return endpoint


async def _unreachable(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, UnreachableError)
    return unreachable(problem)
