"""The API as an ASGI application: each address of data.police.uk, and what is new beside them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from publish.api import answers, asking, bodies, openapi, quick, words
from publish.api.asking import Refused
from publish.api.layers import Layer
from publish.api.limits import Limit
from publish.api.opened import Release, UnreadableError, forces_of
from publish.api.points import Indices
from publish.api.quick import Quick
from publish.api.releases import Releases

#: More crimes than this in an area are refused, as data.police.uk does, unless they are paged or streamed.
MOST_CRIMES: Final = 10_000
ASSETS: Final = Path(__file__).parent / "assets"
ROOT: Final = "/api"
IDENTITY: Final = re.compile(r"[0-9a-f]{64}")

Header = answers.Header
Answer = Callable[[Request, Release], Awaitable[Response]]


def application(releases: Releases, limit: Limit | None = None) -> ASGIApp:
    """The API of `releases` under `/api`. `limit` bounds how often one client may ask; None is no bound."""
    api = _Api(releases)
    served = Starlette(
        routes=api.routes(),
        exception_handlers={
            Refused: _refused,
            UnreadableError: _nothing_public,
            HTTPException: _http,
            Exception: _broken,
        },
    )
    # A redirect would turn the POST of an old client into a GET.
    served.router.redirect_slashes = False
    return _Guard(served, limit, releases)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return answers.problem(error.status, error.title, error.detail, error.crimes)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        answer = answers.problem(405, "There is no such method here", "See /api/ for what can be asked.")
        answer.raw_headers.append((b"allow", (error.headers or {}).get("Allow", "GET").encode()))
        return answer
    return answers.problem(error.status_code, "There is nothing here", "See /api/ for what can be asked.")


async def _nothing_public(request: Request, error: Exception) -> Response:
    return answers.problem(503, "No release is public now", "It may have been withdrawn. Try again later.")


async def _broken(request: Request, error: Exception) -> Response:
    return answers.problem(500, "Something went wrong here", "It is not your request. Try again later.")


class _Guard:
    """What every request passes: how often a client may ask, preflights of other pages, and the quick answer."""

    def __init__(self, inner: ASGIApp, limit: Limit | None, releases: Releases) -> None:
        self.inner, self.limit, self.releases = inner, limit, releases
        self.quick = Quick(MOST_CRIMES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["method"] == "OPTIONS":
                await _preflight(scope, receive, send)
                return
            client = scope.get("client")
            if self.limit is not None and client and not self.limit.allows(client[0]):
                detail = f"At most {self.limit.rate:g} requests a second are answered, {self.limit.burst} in a burst."
                await answers.problem(429, "Too many requests", detail)(scope, receive, send)
                return
            if scope["path"] == quick.PATH and (answer := self._quickly(scope)) is not None:
                await answer(scope, receive, send)
                return
        await self.inner(scope, receive, send)

    def _quickly(self, scope: Scope) -> Response | None:
        try:
            return self.quick.answer(scope, self.releases.current())
        except UnreadableError:
            return None


async def _preflight(scope: Scope, receive: Receive, send: Send) -> None:
    allowed = [
        (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
        (b"access-control-allow-headers", b"Accept, Content-Type, If-None-Match, If-Modified-Since"),
        (b"access-control-max-age", b"86400"),
        (b"allow", b"GET, HEAD, POST, OPTIONS"),
    ]
    await answers.Ready(b"", "text/plain", allowed)(scope, receive, send)


class _Api:
    def __init__(self, releases: Releases) -> None:
        self.releases = releases

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses, the busiest first; those of forces last, as they take any word."""
        get, both = ["GET"], ["GET", "POST"]

        def route(path: str, answer: Answer, methods: list[str] = get) -> Route:
            return Route(ROOT + path, self._of_release(answer), methods=methods)

        return [
            route("/crimes-street/{category}", self.street, both),
            route("/crimes-at-location", self.at_location),
            route("/crimes-no-location", self.no_location),
            route("/outcomes-at-location", self.outcomes_at_location, both),
            route("/outcomes-for-crime/{identity}", self.case_history),
            route("/crimes-street-dates", self.dates),
            route("/crime-categories", self.categories),
            route("/crime-last-updated", self.last_updated),
            route("/stops-street", self.stops_street, both),
            route("/stops-at-location", self.stops_at_location),
            route("/stops-no-location", self.stops_no_location),
            route("/stops-force", self.stops_force),
            route("/locate-neighbourhood", self.locate),
            route("/availability", self.availability),
            route("/releases", self.every_release),
            Route(ROOT + "/openapi.json", self.description),
            Route(ROOT + "/assets/{name}", self.asset),
            Route(ROOT, self.page),
            Route(ROOT + "/", self.page),
            route("/forces", self.forces),
            route("/forces/{force}", self.force),
            route("/forces/{force}/people", self.people),
            route("/{force}/neighbourhoods", self.neighbourhoods),
            route("/{force}/{neighbourhood:path}", self.neighbourhood),
        ]

    def _of_release(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """Answer from the current release or the one of `as_of`; nothing when the client has the answer already."""

        async def endpoint(request: Request) -> Response:
            release = self.releases.current()
            query = request.scope["query_string"]
            if b"as_of=" in query:
                name = asking.from_address(request).get("as_of", "")
                past = self.releases.past(name)
                if past is None:
                    raise Refused(404, "There is no such release", "See /api/releases for their names.")
                release = past
            if request.method != "POST" and _has_it(request, release):
                return _not_modified(release)
            return await answer(request, release)

        return endpoint

    async def street(self, request: Request, release: Release) -> Response:
        category = request.path_params["category"]
        # An unknown category has always been answered with every crime, and clients rely on it.
        number = words.RECORDED.index(category) if category in words.RECORDED else None
        ignored = [] if category in words.CATEGORIES else ["category"]
        asked = await asking.everything(request)
        return self._in_area(request, release, "crimes", asked, number, ignored)

    async def outcomes_at_location(self, request: Request, release: Release) -> Response:
        asked = await asking.everything(request)
        if "location_id" in asked:
            return self._at_point(request, release, "outcomes", asked)
        return self._in_area(request, release, "outcomes", asked)

    async def stops_street(self, request: Request, release: Release) -> Response:
        return self._in_area(request, release, "stops", await asking.everything(request))

    def _in_area(
        self,
        request: Request,
        release: Release,
        kind: str,
        asked: Mapping[str, str],
        category: int | None = None,
        ignored: Sequence[str] = (),
    ) -> Response:
        month = asking.month(asked, release)
        area = asking.area(asked, release)
        layer = release.layer(kind, month)
        headers = _headers(release, area.forces, month, kind, [*ignored, *_unknown(asked)])
        if layer is None:
            return answers.records(request, [], kind, headers, _form(request, asked))
        filled, number = layer.held(area.ranks)
        media_type = _form(request, asked)
        is_paged = "page" in asked or "per_page" in asked
        if number > MOST_CRIMES and not is_paged and media_type != answers.LINES:
            raise Refused(
                503,
                "There are too many records in this area",
                f"It holds {number:,} and at most {MOST_CRIMES:,} are given at once. Ask for a smaller area, "
                "for pages (page=1&per_page=1000), or for a stream (Accept: application/x-ndjson).",
                crimes=number,
            )
        if category is None and not is_paged and media_type == answers.JSON:
            if len(filled) and answers.takes(request, "gzip"):
                return answers.gzip_list(layer.gzipped(filled), headers)
            return answers.records(request, layer.point_pieces(filled), kind, headers, media_type)
        rows = layer.rows(filled)
        if category is not None:
            rows = layer.of_category(rows, category)
        return _given(request, layer, rows, kind, headers, media_type, asked)

    async def at_location(self, request: Request, release: Release) -> Response:
        return self._at_point(request, release, "crimes", asking.from_address(request))

    async def stops_at_location(self, request: Request, release: Release) -> Response:
        asked = asking.from_address(request)
        if "location_id" not in asked:
            raise Refused(400, "No place was given", "Give location_id, the street id of an answer.")
        return self._at_point(request, release, "stops", asked)

    def _at_point(self, request: Request, release: Release, kind: str, asked: Mapping[str, str]) -> Response:
        month = asking.month(asked, release)
        rank = asking.location(asked, release)
        headers = _headers(release, forces_of(release, [rank]), month, kind, _unknown(asked))
        layer = release.layer(kind, month)
        media_type = _form(request, asked)
        if layer is None:
            return answers.records(request, [], kind, headers, media_type)
        return _given(request, layer, layer.rows(np.array([rank])), kind, headers, media_type, asked)

    async def no_location(self, request: Request, release: Release) -> Response:
        asked = asking.from_address(request)
        category = asked.get("category", words.ALL_CRIME)
        number = words.RECORDED.index(category) if category in words.RECORDED else None
        ignored = [] if category in words.CATEGORIES else ["category"]
        return self._nowhere(request, release, "crimes", asked, number, ignored)

    async def stops_no_location(self, request: Request, release: Release) -> Response:
        return self._nowhere(request, release, "stops", asking.from_address(request), None, [])

    def _nowhere(
        self,
        request: Request,
        release: Release,
        kind: str,
        asked: Mapping[str, str],
        category: int | None,
        ignored: list[str],
    ) -> Response:
        force = _force_asked(asked, release)
        month = asking.month(asked, release)
        headers = _headers(release, frozenset([force]), month, kind, [*ignored, *_unknown(asked)])
        layer = release.layer(kind, month)
        media_type = _form(request, asked)
        if layer is None:
            return answers.records(request, [], kind, headers, media_type)
        rows = layer.nowhere_of(force)
        if category is not None:
            rows = layer.of_category(rows, category)
        return _given(request, layer, rows, kind, headers, media_type, asked)

    async def stops_force(self, request: Request, release: Release) -> Response:
        asked = asking.from_address(request)
        force = _force_asked(asked, release)
        month = asking.month(asked, release)
        headers = _headers(release, frozenset([force]), month, "stops", _unknown(asked))
        layer = release.layer("stops", month)
        media_type = _form(request, asked)
        if layer is None:
            return answers.records(request, [], "stops", headers, media_type)
        return _given(request, layer, layer.rows_of(force), "stops", headers, media_type, asked)

    async def case_history(self, request: Request, release: Release) -> Response:
        identity = request.path_params["identity"]
        text = next(release.find("crimes", identity), None) if IDENTITY.fullmatch(identity) else None
        if text is None:
            raise Refused(404, "There is no such crime", "Give the persistent_id of a crime in an answer.")
        crime = msgspec.json.decode(text, type=bodies.Crime)
        found = [
            msgspec.json.decode(each, type=bodies.Outcome) for each in release.find("outcomes", identity)
        ]
        outcomes = [bodies.OutcomeOfCrime(each.category, each.date, None) for each in found]
        if not outcomes and crime.outcome_status is not None:
            name = crime.outcome_status.category
            outcomes = [
                bodies.OutcomeOfCrime(
                    bodies.OutcomeCategory(words.OUTCOMES[name], name), crime.outcome_status.date, None
                )
            ]
        history = bodies.CaseHistory(crime.bare(), outcomes)
        return answers.typed(request, history, release.about())

    async def dates(self, request: Request, release: Release) -> Response:
        supplied: dict[str, list[str]] = {month: [] for month in release.months}
        for row in release.availability:
            if row.dataset == "stop-and-search" and row.path and row.month in supplied:
                supplied[row.month].append(row.force)
        rows = [bodies.StreetDate(month, sorted(supplied[month])) for month in reversed(release.months)]
        return answers.typed(request, rows, release.about())

    async def categories(self, request: Request, release: Release) -> Response:
        rows = [bodies.Category(code, name) for code, name in words.CATEGORIES.items()]
        return answers.typed(request, rows, release.about())

    async def last_updated(self, request: Request, release: Release) -> Response:
        return answers.typed(request, bodies.LastUpdated(f"{release.newest}-01"), release.about())

    async def forces(self, request: Request, release: Release) -> Response:
        rows = [bodies.ForceName(force, name) for force, name in release.forces.items()]
        return answers.typed(request, rows, release.about())

    async def force(self, request: Request, release: Release) -> Response:
        force = _known(request, release)
        name = release.forces[force]
        page = f"/{force}/"
        method = bodies.EngagementMethod(page, "web", "", f"Recorded crime: {name}")
        return answers.typed(request, bodies.Force("", page, [method], "", force, name), release.about())

    async def people(self, request: Request, release: Release) -> Response:
        _known(request, release)
        return answers.typed(request, [], release.about())

    async def neighbourhoods(self, request: Request, release: Release) -> Response:
        rows = release.neighbourhoods.of(_known(request, release))
        names = [bodies.ForceName(row["id"], row["name"]) for row in rows]
        return answers.typed(request, names, release.about())

    async def neighbourhood(self, request: Request, release: Release) -> Response:
        force = _known(request, release)
        identity, _, part = request.path_params["neighbourhood"].rpartition("/")
        if part not in ("boundary", "people", "events", "priorities"):
            identity, part = request.path_params["neighbourhood"], ""
        row = release.neighbourhoods.find(force, identity)
        if row is None:
            raise Refused(404, "There is no such neighbourhood", f"See /api/{force}/neighbourhoods.")
        if part == "boundary":
            ring = release.neighbourhoods.ring(force, identity)
            return answers.typed(
                request, [bodies.Position(f"{y:.6f}", f"{x:.6f}") for x, y in ring], release.about()
            )
        if part:
            # Who works there and what they plan is not recorded crime: this publisher holds none of it.
            return answers.typed(request, [], release.about())
        centre = bodies.Position(*(f"{degrees:.6f}" for degrees in row["centre"] or (0.0, 0.0)))
        body = bodies.Neighbourhood(
            f"/{force}/", {}, row["name"], [], centre, [], "", identity, str(row["population"] or 0)
        )
        return answers.typed(request, body, release.about())

    async def locate(self, request: Request, release: Release) -> Response:
        latitude, comma, longitude = asking.from_address(request).get("q", "").partition(",")
        if not comma:
            raise Refused(400, "No place was given", "Give q as latitude,longitude, such as q=52.63,-1.13.")
        row = release.neighbourhoods.at(*asking.place(latitude, longitude, release))
        if row is None:
            raise Refused(404, "No neighbourhood is there", "The place is outside every neighbourhood.")
        return answers.typed(request, bodies.Located(row["force"], row["id"]), release.about())

    async def availability(self, request: Request, release: Release) -> Response:
        asked = asking.from_address(request)
        rows = release.availability
        if asked.get("date", "") not in asking.NO_MONTH:
            month = asking.month(asked, release)
            rows = [row for row in rows if row.month == month]
        forces = None
        if "force" in asked:
            forces = frozenset([_force_asked(asked, release)])
        elif {"lat", "lng", "poly"} & set(asked):
            forces = asking.area(asked, release).forces | frozenset(release.national)
        rows = [
            row
            for row in rows
            if (forces is None or row.force in forces) and row.dataset == asked.get("dataset", row.dataset)
        ]
        return answers.typed(request, rows, [*release.about(), _number(len(rows))])

    async def every_release(self, request: Request, release: Release) -> Response:
        return answers.typed(request, self.releases.every(), release.about())

    async def description(self, request: Request) -> Response:
        return answers.typed(request, openapi.document(self.releases.current()), [])

    async def page(self, request: Request) -> Response:
        return FileResponse(ASSETS / "page.html", media_type="text/html", headers=PAGE_SAFETY)

    async def asset(self, request: Request) -> Response:
        kind = SHOWN.get(request.path_params["name"])
        if kind is None:
            raise HTTPException(404)
        return FileResponse(ASSETS / request.path_params["name"], media_type=kind)


#: The files of the interactive page.
SHOWN: Final = {
    "page.js": "text/javascript",
    "page.css": "text/css",
}
PAGE_SAFETY: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

#: Parameters that some address takes.
PARAMETERS: Final = frozenset(
    {
        *("date", "lat", "lng", "poly", "location_id", "category", "force", "q"),
        *("as_of", "format", "page", "per_page", "dataset"),
    }
)


def _headers(
    release: Release, forces: frozenset[str], month: str, kind: str, ignored: Sequence[str]
) -> list[Header]:
    dataset = {"crimes": "street", "outcomes": "outcomes", "stops": "stop-and-search"}[kind]
    headers = [*release.about(), *release.completeness(forces, month, dataset)]
    if ignored:
        headers.append((b"parameters-ignored", ", ".join(ignored).encode()))
    return headers


def _unknown(asked: Mapping[str, str]) -> list[str]:
    """The parameters that nothing reads, such as a misspelt `dat`; only words, as they are sent back."""
    unknown = [name for name in asked if name not in PARAMETERS]
    return [name if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name) else "unreadable" for name in unknown[:10]]


def _has_it(request: Request, release: Release) -> bool:
    headers = request.headers
    if (tags := headers.get("if-none-match")) is not None:
        return tags.strip() == "*" or release.tag in tags
    return headers.get("if-modified-since") == release.modified


def _not_modified(release: Release) -> Response:
    answer = answers.Ready(b"", answers.JSON, release.about(), 304)
    answer.raw_headers = [
        pair for pair in answer.raw_headers if pair[0] not in (b"content-length", b"content-type")
    ]
    return answer


def _form(request: Request, asked: Mapping[str, str]) -> str:
    return answers.form(request, asked.get("format"))


def _number(number: int) -> Header:
    return b"total-count", str(number).encode()


def _known(request: Request, release: Release) -> str:
    force: str = request.path_params["force"]
    if force not in release.forces:
        raise Refused(404, "There is no such force", "See /api/forces for their ids.")
    return force


def _force_asked(asked: Mapping[str, str], release: Release) -> str:
    force = asked.get("force")
    if not force:
        raise Refused(400, "No force was given", "Give force, an id of /api/forces.")
    if force not in release.forces and force not in release.national:
        raise Refused(404, "There is no such force", "See /api/forces for their ids.")
    return force


def _given(
    request: Request,
    layer: Layer,
    rows: Indices,
    kind: str,
    headers: list[Header],
    media_type: str,
    asked: Mapping[str, str],
) -> Response:
    """Some rows of a layer, or the page of them that was asked for."""
    headers = [*headers, _number(len(rows))]
    if "page" in asked or "per_page" in asked:
        page = asking.whole(asked, "page", 1, 10**9) or 1
        size = asking.whole(asked, "per_page", 1, MOST_CRIMES) or 1_000
        last = max(1, -(-len(rows) // size))
        headers.append((b"link", _links(request, page, last).encode()))
        rows = rows[(page - 1) * size : page * size]
    return answers.records(request, layer.pieces(rows), kind, headers, media_type)


def _links(request: Request, page: int, last: int) -> str:
    """Where the other pages are (RFC 8288); of a POST the same address is asked again with another page."""
    there = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    return ", ".join(
        f"<{request.url.include_query_params(page=number).path}?"
        f'{request.url.include_query_params(page=number).query}>; rel="{relation}"'
        for relation, number in there.items()
        if 1 <= number <= last
    )
