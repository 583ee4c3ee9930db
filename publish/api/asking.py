"""Reads what was asked for: parameters from the address or a form, and what is wrong with them."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import numpy as np
import shapely
from starlette.requests import ClientDisconnect, Request

from publish.api.opened import Release
from publish.api.points import Degrees, Indices

ONE_MILE: Final = 1_609.344
LARGEST_FORM: Final = 1_000_000
MOST_PARAMETERS: Final = 100
MOST_CORNERS: Final = 10_000
SECONDS_FOR_A_FORM: Final = 10.0
#: What clients send when they mean to leave the month out.
NO_MONTH: Final = ("", "undefined", "null")
FORM: Final = "application/x-www-form-urlencoded"

MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
NUMBER: Final = re.compile(r"\s*[+-]?(\d{1,6}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?\s*", re.ASCII)
DIGITS: Final = re.compile(r"\d{1,10}", re.ASCII)


class Refused(Exception):  # noqa: N818 - an answer, not a mistake of the program
    """A request that gets no data: the status, what is wrong, and what to do."""

    def __init__(self, status: int, title: str, detail: str, crimes: int | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.crimes = status, title, detail, crimes


@dataclass(frozen=True)
class Area:
    """The points in what was asked about, and the forces that police it."""

    ranks: Indices
    forces: frozenset[str]


def from_address(request: Request) -> dict[str, str]:
    """The parameters in the address. Of one given twice the first counts."""
    return _pairs(request.scope["query_string"])


async def everything(request: Request) -> dict[str, str]:
    """The parameters in the address and, of a POST, in its form, which counts before the address."""
    asked = from_address(request)
    if request.method != "POST":
        return asked
    kind = request.headers.get("content-type", FORM).split(";")[0].strip().lower()
    if kind != FORM:
        raise Refused(400, "The form cannot be read", f"Send the parameters as {FORM}, not as {_told(kind)}.")
    return asked | _pairs(await _form(request))


async def _form(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS_FOR_A_FORM):
            async for part in request.stream():
                body += part
                if len(body) > LARGEST_FORM:
                    raise Refused(413, "The form is too large", f"A form has at most {LARGEST_FORM:,} bytes.")
    except TimeoutError:
        raise Refused(
            408, "The form did not arrive", f"A form has to arrive within {SECONDS_FOR_A_FORM:g} seconds."
        ) from None
    except ClientDisconnect:
        raise Refused(400, "The form did not arrive", "The connection was closed before its end.") from None
    return bytes(body)


def _pairs(text: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise Refused(400, "There are too many parameters", f"At most {MOST_PARAMETERS} are read.") from None
    asked: dict[str, str] = {}
    for name, value in pairs:
        asked.setdefault(name, value)
    return asked


def month(asked: Mapping[str, str], release: Release) -> str:
    """The month asked for; the newest when none is. Raises Refused (404) outside the window or when malformed.

    A month after the newest is let through: its answer is empty and says that it is not published yet.
    """
    text = asked.get("date", "")
    if text in NO_MONTH:
        return release.newest
    if not MONTH.fullmatch(text) or text < release.months[0]:
        raise Refused(
            404,
            "There is no such month",
            f"Ask for a month from {release.months[0]} to {release.newest}, such as date={release.newest}.",
        )
    return text


def area(asked: Mapping[str, str], release: Release) -> Area:
    """What lies within a mile of `lat` and `lng`, or inside `poly`. Raises Refused (400)."""
    if "poly" in asked:
        return _polygon(asked["poly"], release)
    latitude, longitude = position(asked, release)
    ranks = release.points.in_circle(latitude, longitude, ONE_MILE)
    return Area(ranks, release.neighbourhoods.forces_near(latitude, longitude))


def position(asked: Mapping[str, str], release: Release) -> tuple[float, float]:
    """`lat` and `lng` in degrees. Raises Refused (400)."""
    if "lat" not in asked or "lng" not in asked:
        raise Refused(400, "No place was given", "Give lat and lng, such as lat=52.63&lng=-1.13, or poly.")
    return place(asked["lat"], asked["lng"], release)


def place(latitude_text: str, longitude_text: str, release: Release) -> tuple[float, float]:
    """A latitude and a longitude in degrees. Raises Refused (400)."""
    latitude = _number(latitude_text, "The latitude", 90)
    longitude = _number(longitude_text, "The longitude", 180)
    if not release.covers(latitude, longitude) and release.covers(longitude, latitude):
        raise Refused(
            400, "Latitude and longitude are swapped", "Give the latitude as lat and the longitude as lng."
        )
    return latitude, longitude


def _number(text: str, what: str, most: float) -> float:
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not abs(value) <= most:
        raise Refused(400, f"{what} cannot be read", f"It is a number of degrees from -{most:g} to {most:g}.")
    return value


def _polygon(text: str, release: Release) -> Area:
    corners = text.strip().strip(":").split(":")
    if len(corners) > MOST_CORNERS:
        raise Refused(
            400, "The polygon has too many corners", f"At most {MOST_CORNERS:,} are read; simplify it."
        )
    pairs = [corner.split(",") for corner in corners]
    if any(len(pair) != 2 for pair in pairs):
        raise Refused(
            400,
            "The polygon cannot be read",
            "Give corners as latitude,longitude with a colon between, such as 52.2,0.5:52.8,0.2:52.1,0.9.",
        )
    if len(pairs) < 3:
        raise Refused(400, "The polygon has too few corners", "Give at least three.")
    ring: Degrees = np.array(
        [(_number(x, "A longitude", 180), _number(y, "A latitude", 90)) for y, x in pairs]
    )
    west, south = ring.min(axis=0)
    east, north = ring.max(axis=0)
    if east - west > 180:
        raise Refused(
            400,
            "The polygon crosses the antimeridian",
            "It spans more than half the globe: check the longitudes, or ask for two polygons.",
        )
    centre = ring.mean(axis=0)
    if not release.covers(centre[1], centre[0]) and release.covers(centre[0], centre[1]):
        raise Refused(
            400, "Latitude and longitude are swapped", "Each corner is the latitude, a comma, the longitude."
        )
    polygon = shapely.Polygon(ring)
    shapely.prepare(polygon)
    near = release.points.in_box(south, west, north, east)
    inside = shapely.intersects_xy(polygon, release.points.longitude[near], release.points.latitude[near])
    # A ring that crosses itself has no well-defined inside for areas: who polices its hull is told instead.
    outline = polygon if polygon.is_valid else polygon.convex_hull
    return Area(np.sort(near[inside]), release.neighbourhoods.forces_in(outline))


def location(asked: Mapping[str, str], release: Release) -> int:
    """The rank of the map point of `location_id`, or nearest to `lat` and `lng`. Raises Refused (400, 404)."""
    if "location_id" in asked:
        text = asked["location_id"].strip()
        rank = release.points.rank(int(text)) if DIGITS.fullmatch(text) else None
        if rank is None:
            raise Refused(
                404, "There is no such location", "location_id is the street id of a crime in an answer."
            )
        return rank
    latitude, longitude = position(asked, release)
    rank = release.points.nearest(latitude, longitude)
    if rank is None:
        raise Refused(404, "There is no such location", "This release has no map point.")
    return rank


def whole(asked: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    """A whole number parameter; None when it is not given. Raises Refused (400)."""
    if name not in asked:
        return None
    text = asked[name]
    if not DIGITS.fullmatch(text) or not least <= int(text) <= most:
        raise Refused(400, f"{name} cannot be read", f"It is a whole number from {least:,} to {most:,}.")
    return int(text)


def _told(text: Any) -> str:
    return re.sub(r"[^\w./+-]", "?", str(text))[:60] or "nothing"
