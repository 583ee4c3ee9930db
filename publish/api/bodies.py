"""The typed body of every answer, in the key order that is sent. JSON Schema is made from these."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

Month = Annotated[str, Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", examples=["2019-09"])]
Coordinate = Annotated[str, Meta(pattern=r"^-?\d{1,3}\.\d{6}$", description="WGS 84 degrees, six decimals")]
Id = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Street(Struct, frozen=True):
    """An anonymised map point: not where the crime was, but a point shared with everything near it."""

    id: Id
    name: str


class Location(Struct, frozen=True):
    """Coordinates of a map point."""

    latitude: Coordinate
    street: Street
    longitude: Coordinate


class OutcomeStatus(Struct, frozen=True):
    """The latest outcome. `date` is its month where it was supplied, and else the month of the crime."""

    category: str
    date: Month


class BareCrime(Struct, frozen=True):
    """A crime without its outcome, as it appears beside one."""

    category: str
    location_type: Literal["Force", "BTP"] | None
    location: Location | None
    context: str
    persistent_id: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]
    id: Id
    location_subtype: str
    month: Month


class Crime(Struct, frozen=True):
    """A crime or an incident of anti-social behaviour, at its map point or without a location."""

    category: str
    location_type: Literal["Force", "BTP"] | None
    location: Location | None
    context: str
    outcome_status: OutcomeStatus | None
    persistent_id: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]
    id: Id
    location_subtype: str
    month: Month

    def bare(self) -> BareCrime:
        """The same crime without its outcome."""
        return BareCrime(
            self.category, self.location_type, self.location, self.context, self.persistent_id, self.id,
            self.location_subtype, self.month,
        )  # fmt: skip


class OutcomeCategory(Struct, frozen=True):
    """An outcome, from a closed list."""

    code: str
    name: str


class OutcomeOfCrime(Struct, frozen=True):
    """One outcome of a crime that is named beside it. No person is ever numbered."""

    category: OutcomeCategory
    date: Month
    person_id: None


class Outcome(Struct, frozen=True):
    """One outcome and its crime."""

    category: OutcomeCategory
    date: Month
    person_id: None
    crime: BareCrime


class CaseHistory(Struct, frozen=True):
    """A crime and its outcomes, oldest first."""

    crime: BareCrime
    outcomes: list[OutcomeOfCrime]


class StopOutcome(Struct, frozen=True):
    """The disposal of a stop and search."""

    id: str
    name: str


class Stop(Struct, frozen=True):
    """A stop and search, as the force supplied it, at a map point or without a location."""

    age_range: str | None
    self_defined_ethnicity: str | None
    outcome_linked_to_object_of_search: bool | None
    datetime: str
    removal_of_more_than_outer_clothing: bool | None
    operation: bool | None
    officer_defined_ethnicity: str | None
    object_of_search: str | None
    involved_person: bool
    gender: str | None
    legislation: str | None
    location: Location | None
    outcome: str
    outcome_object: StopOutcome
    type: str
    operation_name: str | None


class Category(Struct, frozen=True):
    """A crime category: its code in addresses, and its name."""

    url: str
    name: str


class LastUpdated(Struct, frozen=True):
    """The first day of the newest month that is published."""

    date: str


class StreetDate(Struct, frozen=True):
    """A month that is published, and the forces that supplied stops for it."""

    date: Month
    stop_and_search: list[str] = field(name="stop-and-search")


class ForceName(Struct, frozen=True):
    """A police force."""

    id: str
    name: str


class EngagementMethod(Struct, frozen=True):
    """Where to read about a force."""

    url: str
    type: str
    description: str
    title: str


class Force(Struct, frozen=True):
    """A police force in more detail."""

    description: str
    url: str
    engagement_methods: list[EngagementMethod]
    telephone: str
    id: str
    name: str


class Position(Struct, frozen=True):
    """A position in degrees, as text."""

    latitude: str
    longitude: str


class Neighbourhood(Struct, frozen=True):
    """A policing neighbourhood. `population` is digits, “0” when it is not known."""

    url_force: str
    contact_details: dict[str, str]
    name: str
    links: list[dict[str, str]]
    centre: Position
    locations: list[dict[str, str]]
    description: str
    id: str
    population: Annotated[str, Meta(pattern=r"^\d+$")]


class Located(Struct, frozen=True):
    """The neighbourhood at a position."""

    force: str
    neighbourhood: str


class Availability(Struct, frozen=True):
    """What a force supplied for a month: why an answer is empty, or short."""

    force: str
    name: str
    dataset: Literal["street", "outcomes", "stop-and-search"]
    month: Month
    state: Literal["supplied", "partial", "not supplied", "withheld", "not judged", "not owed"]
    coverage: str
    since: str
    why: str
    path: str
    records: str


class Release(Struct, frozen=True):
    """A release that can be asked for with `as_of`."""

    release: str
    newest_month: Month
    oldest_month: Month
    current: bool


class Problem(Struct, frozen=True, omit_defaults=True):
    """What is wrong, and what to do (RFC 9457)."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    crimes: int | None = None


def schemas(*types: object) -> tuple[list[dict[str, object]], dict[str, object]]:
    """JSON Schema of each type, and the definitions they refer to, as OpenAPI 3.1 wants them."""
    found, definitions = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return list(found), dict(definitions)
