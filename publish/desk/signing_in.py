"""Signing in and out: with a local account's password, or through an OpenID provider."""

from __future__ import annotations

import secrets
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from publish.desk.desk import Desk
from publish.desk.errors import DeskError, UnreachableError
from publish.desk.ledger import Draft
from publish.desk.openid import Provider
from publish.desk.roles import Person
from publish.desk.sessions import Session
from publish.desk.visits import FORM_TOKEN, Visit, local, session_of, unreachable

#: Said whatever was wrong, so that nobody learns which names have accounts.
REFUSED: Final = (
    "That name and password do not fit, or the account is closed or locked. After five wrong passwords it is "
    "locked for fifteen minutes."
)


def routes(desk: Desk) -> list[Route]:
    """The addresses of this module."""
    provider = Provider(desk.settings.openid, desk.settings.url) if desk.settings.openid else None

    async def sign_in(request: Request) -> Response:
        if request.method == "GET":
            return await run_in_threadpool(_asked, desk, request)
        form = await request.form(max_files=0, max_fields=10)
        return await run_in_threadpool(_answered, desk, request, dict(form))

    async def sign_out(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=10)
        return await run_in_threadpool(_signed_out, desk, request, dict(form))

    async def to_provider(request: Request) -> Response:
        return await run_in_threadpool(_sent_away, desk, provider, request)

    async def from_provider(request: Request) -> Response:
        return await run_in_threadpool(_come_back, desk, provider, request)

    return [
        Route("/sign-in", sign_in, methods=["GET", "POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/sign-in/openid", to_provider),
        Route("/sign-in/openid/back", from_provider),
    ]


def _asked(desk: Desk, request: Request) -> Response:
    """The page that asks who someone is, in a session of its own, so that its form can be told from a forged one."""
    try:
        session = session_of(desk, request)
        if session is not None and session.alive and session.person is not None:
            return RedirectResponse(local(request.query_params.get("next", "/")), 303)
        if session is None or not (session.alive or session.person):
            session = desk.sessions.begin(None)
        return _with_cookie(desk, session, _page(Visit(desk, request, session)))
    except UnreachableError as problem:
        return unreachable(problem)


def _page(visit: Visit) -> Response:
    where = local(visit.asked("next") or visit.sent("next"))
    return visit.page("sign-in.html", next=where, ended=bool(visit.asked("ended")))


def _answered(desk: Desk, request: Request, form: dict[str, Any]) -> Response:
    if desk.settings.openid:
        raise HTTPException(404)
    try:
        session = session_of(desk, request)
        if session is None or not desk.sessions.is_form_token(session, str(form.get(FORM_TOKEN, ""))):
            # Cookies are off, or the page lay open for days: ask again in a new session.
            session = desk.sessions.begin(None)
            visit = Visit(desk, request, session, status=403)
            visit.refusal = "This page had grown old, or cookies are off. Sign in again."
            return _with_cookie(desk, session, _page(visit))
        name, password = str(form.get("name", "")).strip().lower(), str(form.get("password", ""))
        person = desk.accounts.sign_in(name, password)
        if person is None:
            visit = Visit(desk, request, session, typed={"name": name[:60]}, refusal=REFUSED, status=401)
            return _with_cookie(desk, session, _page(visit))
        return _signed_in(desk, session, person, local(str(form.get("next", "/"))), "password")
    except UnreachableError as problem:
        return unreachable(problem)


def _signed_in(desk: Desk, before: Session, person: Person, where: str, how: str) -> Response:
    """A new session for someone who has shown who they are; what they had typed in their last one goes with them."""
    kept: dict[str, Any] = {}
    draft = before.kept.get("draft")
    if draft and before.person is not None and before.person.name == person.name:
        kept = {
            "draft": draft,
            "said": "Your session had ended. What you had typed is still here: nothing was sent yet.",
        }
        where = draft["page"]
    if happened := _since_last_time(desk, person):
        kept["said"] = f"{happened} {kept.get('said', '')}".strip()
    desk.sessions.end(before.cookie)
    session = desk.sessions.begin(person, kept)
    told(desk, person, f"signed in by {how}")
    return _with_cookie(desk, session, RedirectResponse(where, 303))


def _since_last_time(desk: Desk, person: Person) -> str:
    """What was done with an account since its owner last came, who alone can tell whether it was them; else ""."""
    done: list[str] = []
    for entry in desk.ledger.entries("sign-in", "account", subject=f"account:{person.name}")[::-1]:
        action = entry.body["action"]
        if action.startswith("signed in"):
            break
        if action != "signed out":
            done.append(action if entry.kind == "sign-in" else f"{action} by {entry.author}")
    if not done or "account made" in done[-1]:
        return ""
    counted = [
        f"{action} ({done.count(action)} times)" if done.count(action) > 1 else action
        for action in dict.fromkeys(done[::-1])
    ]
    return f"Since you last signed in: {'; '.join(counted)}. If that was not you, tell whoever runs the desk."


def told(desk: Desk, person: Person, what: str) -> None:
    """Write down who came and went."""
    body = {"action": what, "role": person.role}
    desk.ledger.append(
        Draft("sign-in", person.name, f"account:{person.name}", None, secrets.token_hex(16), body)
    )


def _signed_out(desk: Desk, request: Request, form: dict[str, Any]) -> Response:
    session = session_of(desk, request)
    if session is not None:
        if not desk.sessions.is_form_token(session, str(form.get(FORM_TOKEN, ""))):
            raise HTTPException(403, "That form did not come from a page of this desk, so nothing was done.")
        desk.sessions.end(session.cookie)
        if session.alive and session.person is not None:
            told(desk, session.person, "signed out")
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(
        desk.settings.cookie, path="/", secure=desk.settings.secure, httponly=True, samesite="lax"
    )
    # What the browser kept of the pages goes too.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _sent_away(desk: Desk, provider: Provider | None, request: Request) -> Response:
    if provider is None:
        raise HTTPException(404)
    before = session_of(desk, request)
    session = (
        before if before is not None and not before.alive and before.person else desk.sessions.begin(None)
    )
    try:
        address, remembered = provider.address()
    except DeskError as problem:
        visit = Visit(desk, request, session, refusal=str(problem), status=503)
        return _with_cookie(desk, session, _page(visit))
    desk.sessions.keep(session, openid={**remembered, "next": local(request.query_params.get("next", "/"))})
    return _with_cookie(desk, session, RedirectResponse(address, 303))


def _come_back(desk: Desk, provider: Provider | None, request: Request) -> Response:
    if provider is None:
        raise HTTPException(404)
    session = session_of(desk, request)
    remembered = session.kept.get("openid") if session else None
    if session is None or remembered is None:
        raise HTTPException(
            400, "That answer of the sign-in service belongs to no question of ours. Sign in again."
        )
    desk.sessions.keep(session, openid=None)
    try:
        person = provider.person(dict(request.query_params), remembered)
    except DeskError as problem:
        visit = Visit(desk, request, session, refusal=str(problem), status=403)
        return _with_cookie(desk, session, _page(visit))
    return _signed_in(
        desk, session, person, local(remembered["next"]), f"OpenID ({provider.settings.issuer})"
    )


def _with_cookie(desk: Desk, session: Session, response: Response) -> Response:
    response.set_cookie(
        desk.settings.cookie,
        session.cookie,
        path="/",
        secure=desk.settings.secure,
        httponly=True,
        samesite="lax",
    )
    return response
