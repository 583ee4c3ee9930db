"""One request of a person: who they are, what they may do, what they sent, and how they are answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from publish.desk.desk import Desk
from publish.desk.errors import ClashError, DeskError, UnreachableError
from publish.desk.rendering import render
from publish.desk.roles import May, may
from publish.desk.sessions import Session

#: The field that every form carries to show that it came from a page of the session.
FORM_TOKEN: Final = "form_token"
LOG: Final = logging.getLogger(__name__)
#: Fields in one form, at most.
MOST_FIELDS: Final = 600


@dataclass
class Visit:
    """A request of someone who has signed in, or has yet to."""

    desk: Desk
    request: Request
    session: Session | None
    form: FormData | None = None
    #: What was typed in a form that could not be taken: shown again in its fields.
    typed: dict[str, str] = field(default_factory=dict)
    #: Why it could not be taken.
    refusal: str | None = None
    status: int = 200

    def may(self, what: May) -> bool:
        """Whether this person may do it."""
        person = self.session.person if self.session else None
        return person is not None and may(person.role, what)

    @property
    def name(self) -> str:
        """The name that the person's entries carry."""
        assert self.session is not None
        assert self.session.person is not None
        return self.session.person.name

    def sent(self, name: str, default: str = "") -> str:
        """One field of the form, without blanks around it."""
        value = self.form.get(name, default) if self.form else default
        return value.strip() if isinstance(value, str) else default

    def sent_all(self, name: str) -> list[str]:
        """Every value of a field that may be chosen several times."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)] if self.form else []

    def path(self, name: str) -> str:
        """One part of the address."""
        return str(self.request.path_params[name])

    def asked(self, name: str) -> str:
        """One parameter of the address."""
        return self.request.query_params.get(name, "").strip()

    def page(self, template: str, **context: Any) -> HTMLResponse:
        """A page of the desk."""
        kept = self.session.kept if self.session else {}
        if self.session and "said" in kept and self.status == 200:
            self.desk.sessions.keep(self.session, said=None)
        typed = self.typed
        draft = kept.get("draft")
        if draft and draft["page"] == self.request.url.path and not typed:
            typed = draft["fields"]
            assert self.session is not None
            self.desk.sessions.keep(self.session, draft=None, said=None)
        html = render(
            template,
            visit=self,
            desk=self.desk,
            person=self.session.person if self.session and self.session.alive else None,
            token=self.desk.sessions.form_token(self.session) if self.session else "",
            typed=typed,
            said=kept.get("said"),
            refusal=self.refusal,
            here=self.request.url.path,
            today=self.desk.today,
            May=May,
            **context,
        )
        return HTMLResponse(html, self.status)

    def done(self, where: str, said: str, **kept: Any) -> Response:
        """Go on to a page after something was recorded, saying so there once."""
        assert self.session is not None
        self.desk.sessions.keep(self.session, said=said, draft=None, **kept)
        return RedirectResponse(where, 303)


View = Callable[[Visit], Response]


def seen_by(desk: Desk, what: May, view: View) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a page that only those who may do `what` can see."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(_seen, desk, what, view, request)

    return endpoint


def _seen(desk: Desk, what: May, view: View, request: Request) -> Response:
    session = session_of(desk, request)
    if session is None or not session.alive or session.person is None:
        where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(where, safe='')}", 303)
    visit = Visit(desk, request, session)
    _required(visit, what)
    return view(visit)


def sent_by(desk: Desk, what: May, action: View, again: View) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a form. `again` shows its page once more, with what was typed, when it cannot be taken."""

    async def endpoint(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=1_000_000)
        return await run_in_threadpool(_sent, desk, what, action, again, request, form)

    return endpoint


def _sent(desk: Desk, what: May, action: View, again: View, request: Request, form: FormData) -> Response:
    fields = {name: value for name, value in form.items() if isinstance(value, str) and name != FORM_TOKEN}
    try:
        session = session_of(desk, request)
        if session is not None and not _came_from_us(desk, session, request, form):
            raise HTTPException(403, "That form did not come from a page of this desk, so nothing was done.")
        if session is None or not session.alive or session.person is None:
            if session is not None and session.person is not None:
                # The form's own page, so that what was typed is there again after signing in.
                page = request.url.path.rsplit("/", 1)[0] or "/"
                desk.sessions.keep(session, draft={"page": page, "fields": fields})
                return RedirectResponse(f"/sign-in?ended=1&next={quote(page, safe='')}", 303)
            return RedirectResponse("/sign-in", 303)
        visit = Visit(desk, request, session, form)
        _required(visit, what)
        try:
            return action(visit)
        except UnreachableError:
            raise
        except DeskError as problem:
            visit.typed, visit.refusal = fields, str(problem)
            visit.status = 409 if isinstance(problem, ClashError) else 422
            return again(visit)
    except UnreachableError as problem:
        return unreachable(problem, fields)


def unreachable(problem: UnreachableError, fields: dict[str, str] | None = None) -> Response:
    """The answer when the ledger's database does not: what was typed stays on the page."""
    # The message names the database's address, which is for whoever runs the desk and not for its readers.
    LOG.error("%s", problem)
    html = render("unreachable.html", fields={k: v for k, v in (fields or {}).items() if v.strip()})
    return HTMLResponse(html, 503, {"Retry-After": "30"})


def session_of(desk: Desk, request: Request) -> Session | None:
    """The session that the request's cookie names."""
    return desk.sessions.find(request.cookies.get(desk.settings.cookie))


def _came_from_us(desk: Desk, session: Session, request: Request, form: FormData) -> bool:
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return False
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    token = form.get(FORM_TOKEN)
    return isinstance(token, str) and desk.sessions.is_form_token(session, token)


def _required(visit: Visit, what: May) -> None:
    if not visit.may(what):
        role = visit.session.person.role if visit.session and visit.session.person else "nobody"
        raise HTTPException(403, f"A {role} may not {what}. Ask a colleague whose role it is.")


def local(where: str) -> str:
    """The address to go on to after signing in: a page of this desk, or the first one."""
    plain = where.startswith("/") and not where.startswith(("//", "/\\")) and "\\" not in where
    clean = all(ord(letter) >= 32 for letter in where)
    return where if plain and clean and not where.startswith("/sign-") and not urlsplit(where).netloc else "/"
