"""Boundaries as KML, laid out as data.police.uk lays out those of forces and neighbourhoods. Text in, text out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
import shapely
from numpy.typing import NDArray

from geography.boundaries import polygons_of

#: Decimals of a degree that are written: a tenth of a metre.
DECIMALS: Final = 6

_NAMESPACE: Final = "http://earth.google.com/kml/2.1"


def write_kml(shape: shapely.Geometry, name: str) -> str:
    """One placemark with the shape of an area (WGS 84 degrees), holes included, to a tenth of a metre.

    Raises ValueError when the shape has no area.
    """
    polygons = polygons_of(shape)
    if not len(polygons):
        raise ValueError(f"the boundary of {name} has no area: there is nothing to write.")
    shapes = "".join(
        "<Polygon>"
        f"<outerBoundaryIs>{_ring(polygon.exterior)}</outerBoundaryIs>"
        + "".join(f"<innerBoundaryIs>{_ring(hole)}</innerBoundaryIs>" for hole in polygon.interiors)
        + "</Polygon>"
        for polygon in polygons
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<kml xmlns="{_NAMESPACE}">\n<Document>\n'
        f"<Placemark><name>{escape(name)}</name><MultiGeometry>{shapes}</MultiGeometry></Placemark>\n"
        "</Document>\n</kml>\n"
    )


def read_kml(text: str) -> shapely.MultiPolygon:
    """The area that the polygons of a KML document cover together, in WGS 84 degrees; heights are left out.

    Any KML namespace will do. Raises ValueError when the text is not KML, holds no polygon, or a ring has
    fewer than four positions or one that is no longitude and latitude.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("the KML declares entities: a boundary has no need of them, so it is not read.")
    try:
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        raise ValueError(f"this is not KML: {error}.") from error
    polygons = [
        shapely.Polygon(
            next(_rings(element, "outerBoundaryIs"), np.empty((0, 2))),
            list(_rings(element, "innerBoundaryIs")),
        )
        for element in root.iter()
        if _local(element) == "Polygon"
    ]
    area = shapely.union_all(shapely.make_valid(polygons, method="structure", keep_collapsed=False))
    if area.is_empty:
        raise ValueError("the KML holds no polygon: a boundary is one or more of them.")
    return shapely.MultiPolygon(list(polygons_of(area)))


def _ring(ring: shapely.LinearRing) -> str:
    places = (f"{x:.{DECIMALS}f},{y:.{DECIMALS}f},0" for x, y in shapely.get_coordinates(ring))
    return f"<LinearRing><coordinates>{' '.join(places)}</coordinates></LinearRing>"


def _rings(polygon: ElementTree.Element, kind: str) -> Iterator[NDArray[np.float64]]:
    """The rings of one kind in a polygon, each as longitudes and latitudes."""
    for boundary in polygon:
        if _local(boundary) == kind:
            for element in boundary.iter():
                if _local(element) == "coordinates":
                    yield _positions(element.text or "")


def _positions(text: str) -> NDArray[np.float64]:
    """Longitude and latitude of each position of a ring."""
    try:
        positions = np.array([[float(part) for part in place.split(",")[:2]] for place in text.split()])
    except ValueError as error:
        raise ValueError(f"a ring of the KML has a position that is not numbers: {error}.") from error
    if positions.ndim != 2 or positions.shape[1] != 2 or len(positions) < 4:
        raise ValueError("a ring of the KML has fewer than four positions of longitude and latitude.")
    # Not a number fails this too.
    beyond = ~(np.abs(positions) <= [180, 90]).all(axis=1)
    if beyond.any():
        raise ValueError(
            f"a ring of the KML has the position {positions[beyond][0].tolist()}, which is nowhere."
        )
    return positions


def _local(element: ElementTree.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]
