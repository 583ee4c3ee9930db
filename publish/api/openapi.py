"""The API described as OpenAPI 3.1, from the same types that its answers are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from publish.api import answers, asking, bodies, words

PLACE_HELP: Final = "Give lat and lng, for everything within a mile, or poly."
MOST_IN_A_PAGE: Final = 10_000


class Places(Protocol):
    """Neighbourhoods, one of which stands as an example."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Each with its `id`."""


class Described(Protocol):
    """What the description says of a release."""

    @property
    def name(self) -> str:
        """What `as_of` calls it."""

    @property
    def title(self) -> str:
        """The country."""

    @property
    def attribution(self) -> str:
        """Whose data it is made from."""

    @property
    def months(self) -> Sequence[str]:
        """Its months, oldest first."""

    @property
    def newest(self) -> str:
        """The latest of them."""

    @property
    def forces(self) -> Collection[str]:
        """Forces with an area."""

    @property
    def national(self) -> Collection[str]:
        """Forces without one."""

    @property
    def neighbourhoods(self) -> Places:
        """The neighbourhoods of all forces."""


def document(release: Described) -> dict[str, Any]:
    """The description of the API as `release` makes it: its months and forces are the examples."""
    return _Document(release).whole()


class _Document:
    def __init__(self, release: Described) -> None:
        self.release = release
        self.definitions: dict[str, Any] = {}

    def whole(self) -> dict[str, Any]:
        paths = self._paths()
        return {
            "openapi": "3.1.0",
            "info": {
                "title": f"{self.release.title}: recorded crime",
                "version": self.release.name,
                "description": (
                    "The interface of data.police.uk, from released figures only. An empty list can mean that "
                    "nothing was recorded or that nothing was supplied: the header Completeness says which, "
                    "Completeness-Detail names the forces that are short, and /availability says why. "
                    f"{self.release.attribution}"
                ),
            },
            "servers": [{"url": "/api"}],
            "paths": paths,
            "components": {"schemas": self.definitions, "headers": _headers()},
        }

    def _paths(self) -> dict[str, Any]:
        area = [*_area(), self._date(), *_given()]
        point = [_location_id(), _lat(), _lng(), self._date(), *_given()]
        force = [_required(self._force("query")), self._date(), *_given()]
        crimes, outcomes, stops = list[bodies.Crime], list[bodies.Outcome], list[bodies.Stop]
        by_force = self._force("path")
        one = [by_force, _path("neighbourhood", "Id of a neighbourhood of the force.", self._neighbourhood())]
        return {
            "/crimes-street/{category}": self._both(
                "Crimes near a place or in an area", crimes, [_category("path"), *area], too_many=True
            ),
            "/crimes-at-location": self._get(
                "Crimes at one map point: by its id, or the nearest", crimes, point
            ),
            "/crimes-no-location": self._get(
                "Crimes of a force that have no location", crimes, [_category("query"), *force]
            ),
            "/outcomes-at-location": self._both(
                "Outcomes of a month, at a map point, near a place or in an area",
                outcomes, [_location_id(), *area], too_many=True,
            ),
            "/outcomes-for-crime/{persistent_id}": self._get(
                "A crime and its outcomes", bodies.CaseHistory,
                [_path("persistent_id", "The id of a crime: 64 digits.", {"pattern": "^[0-9a-f]{64}$"}), _as_of()],
            ),
            "/crimes-street-dates": self._get("The months published, newest first",
                list[bodies.StreetDate], [_as_of()]),
            "/crime-categories": self._get("Crime categories", list[bodies.Category], [self._date(), _as_of()]),
            "/crime-last-updated": self._get("The newest month", bodies.LastUpdated, [_as_of()]),
            "/stops-street": self._both("Stops near a place or in an area", stops, area, too_many=True),
            "/stops-at-location": self._get(
                "Stops at one map point", stops, [_required(_location_id()), self._date(), *_given()]
            ),
            "/stops-no-location": self._get("Stops of a force that have no location", stops, force),
            "/stops-force": self._get("Stops of a force", stops, force),
            "/forces": self._get("Police forces", list[bodies.ForceName], [_as_of()]),
            "/forces/{force}": self._get("A police force", bodies.Force, [by_force, _as_of()]),
            "/forces/{force}/people": self._get("Always empty: not recorded crime", list[Any], [by_force, _as_of()]),
            "/{force}/neighbourhoods": self._get(
                "Neighbourhoods of a force", list[bodies.ForceName], [by_force, _as_of()]
            ),
            "/{force}/{neighbourhood}": self._get("A neighbourhood", bodies.Neighbourhood, [*one, _as_of()]),
            "/{force}/{neighbourhood}/boundary": self._get(
                "The boundary of a neighbourhood", list[bodies.Position], [*one, _as_of()]
            ),
            **{
                f"/{{force}}/{{neighbourhood}}/{part}": self._get(
                    "Always empty: not recorded crime", list[Any], [*one, _as_of()]
                )
                for part in ("people", "events", "priorities")
            },
            "/locate-neighbourhood": self._get(
                "The neighbourhood at a place", bodies.Located,
                [_query("q", "Latitude, a comma, longitude.", {"example": "52.63,-1.13"}, required=True), _as_of()],
            ),
            "/availability": self._get(
                "What each force supplied for each month, and why not", list[bodies.Availability],
                [
                    self._date(), self._force("query"), _lat(), _lng(), _poly(),
                    _query("dataset", "street, outcomes or stop-and-search.",
                           {"enum": ["street", "outcomes", "stop-and-search"]}),
                    _as_of(),
                ],
            ),
            "/releases": self._get("Releases that as_of can name", list[bodies.Release], [_as_of()]),
        }  # fmt: skip

    def _get(
        self, summary: str, body: Any, parameters: Sequence[dict[str, Any]], too_many: bool = False
    ) -> dict[str, Any]:
        return {"get": self._operation(summary, body, parameters, too_many)}

    def _both(
        self, summary: str, body: Any, parameters: Sequence[dict[str, Any]], too_many: bool = False
    ) -> dict[str, Any]:
        got = self._operation(summary, body, parameters, too_many)
        in_form = [each for each in parameters if each["in"] == "query"]
        posted = self._operation(
            summary, body, [each for each in parameters if each["in"] == "path"], too_many
        )
        posted["requestBody"] = {
            "required": True,
            "content": {
                asking.FORM: {
                    "schema": {
                        "type": "object",
                        "properties": {each["name"]: each["schema"] for each in in_form},
                        "additionalProperties": False,
                    }
                }
            },
        }
        posted["responses"]["408"] = posted["responses"]["413"] = posted["responses"]["400"]
        return {"get": got, "post": posted}

    def _operation(
        self, summary: str, body: Any, parameters: Sequence[dict[str, Any]], too_many: bool
    ) -> dict[str, Any]:
        is_records = body in (list[bodies.Crime], list[bodies.Outcome], list[bodies.Stop])
        content: dict[str, Any] = {answers.JSON: {"schema": self._schema(body)}}
        if is_records:
            content[answers.GEOJSON] = {"schema": {"type": "object", "required": ["type", "features"]}}
            content |= {kind: {"schema": {}} for kind in (answers.CSV, answers.PARQUET, answers.LINES)}
        names = [
            "Release",
            "Completeness",
            "Completeness-Detail",
            "Parameters-Ignored",
            "Total-Count",
            "ETag",
        ]
        problem = {answers.PROBLEM: {"schema": self._schema(bodies.Problem)}}
        responses: dict[str, Any] = {
            "200": {
                "description": summary,
                "content": content,
                "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
            },
            "304": {"description": "The client has this already."},
            "400": {"description": "Something cannot be read.", "content": problem},
            "404": {"description": "There is no such thing.", "content": problem},
            "429": {
                "description": "Too many requests: wait as long as Retry-After says.",
                "content": problem,
            },
        }
        if too_many:
            responses["503"] = {
                "description": "More records than are given at once: `crimes` says how many.",
                "content": problem,
            }
        return {"summary": summary, "parameters": list(parameters), "responses": responses}

    def _schema(self, body: Any) -> dict[str, Any]:
        (found,), definitions = bodies.schemas(body)
        self.definitions |= definitions
        return found

    def _date(self) -> dict[str, Any]:
        return _query(
            "date", f"A month from {self.release.months[0]} to {self.release.newest}; the newest when left out.",
            {"pattern": r"^\d{4}-(0[1-9]|1[0-2])$", "example": self.release.newest},
        )  # fmt: skip

    def _force(self, where: str) -> dict[str, Any]:
        schema = {"enum": [*self.release.forces, *(self.release.national if where == "query" else [])]}
        if where == "path":
            return _path("force", "Id of a force.", schema)
        return _query("force", "Id of a force.", schema)

    def _neighbourhood(self) -> dict[str, Any]:
        rows = self.release.neighbourhoods.rows
        return {"example": rows[0]["id"]} if rows else {}


def _headers() -> dict[str, Any]:
    told = {
        "Release": "Which release the answer is from.",
        "Completeness": "complete, partial, not-supplied, not-published or outside.",
        "Completeness-Detail": "The forces that are short, with their state, since when, and coverage (RFC 8941).",
        "Parameters-Ignored": "Parameters that had no effect, such as an unknown category.",
        "Total-Count": "Records in all, of which a page may hold some.",
        "ETag": "Names the release: the same for every answer from it.",
    }
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in told.items()}


def _area() -> list[dict[str, Any]]:
    return [_lat(), _lng(), _poly()]


def _given() -> list[dict[str, Any]]:
    return [
        _as_of(),
        _query("format", "The form of the answer; or use Accept.", {"enum": list(answers.FORMS)}),
        _query("page", "Which page, from 1.", {"type": "integer", "minimum": 1, "maximum": 10**9}),
        _query(
            "per_page", "Records in a page.", {"type": "integer", "minimum": 1, "maximum": MOST_IN_A_PAGE}
        ),
    ]


def _lat() -> dict[str, Any]:
    return _query("lat", f"Latitude. {PLACE_HELP}", {"type": "number", "minimum": -90, "maximum": 90})


def _lng() -> dict[str, Any]:
    return _query("lng", f"Longitude. {PLACE_HELP}", {"type": "number", "minimum": -180, "maximum": 180})


def _poly() -> dict[str, Any]:
    return _query(
        "poly", "Corners of an area: latitude,longitude with a colon between.",
        {"example": "52.268,0.543:52.794,0.238:52.130,0.478"},
    )  # fmt: skip


def _location_id() -> dict[str, Any]:
    return _query(
        "location_id", "Id of a map point: the street id of an answer.",
        {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    )  # fmt: skip


def _category(where: str) -> dict[str, Any]:
    told = "A category; an unknown one is answered as all-crime, and Parameters-Ignored says so."
    schema = {"enum": list(words.CATEGORIES)}
    return _path("category", told, schema) if where == "path" else _query("category", told, schema)


def _as_of() -> dict[str, Any]:
    return _query("as_of", "A past release, as /releases names it, or its quarter.", {})


def _query(name: str, told: str, schema: dict[str, Any], required: bool = False) -> dict[str, Any]:
    return {
        "name": name, "in": "query", "description": told, "required": required,
        "schema": {"type": "string", **schema},
    }  # fmt: skip


def _path(name: str, told: str, schema: dict[str, Any]) -> dict[str, Any]:
    return _query(name, told, schema, required=True) | {"in": "path"}


def _required(parameter: dict[str, Any]) -> dict[str, Any]:
    return parameter | {"required": True}
