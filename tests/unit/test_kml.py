"""Boundaries as KML: what is written reads back, what data.police.uk writes is read, and the rest is refused."""

from xml.etree import ElementTree

import pytest
import shapely

from geography.kml import read_kml, write_kml

SQUARE = shapely.box(-2.5, 53.0, -2.25, 53.25)
HOLE = shapely.box(-2.4, 53.1, -2.3, 53.2)
ISLAND = shapely.box(-3.0, 53.5, -2.9, 53.6)

POLICE_UK = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://earth.google.com/kml/2.1">
<Document>

  <Placemark>
	<Style><PolyStyle><color>cc4dedf7</color></PolyStyle></Style>
    <MultiGeometry><Polygon><outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></outerBoundaryIs></Polygon></MultiGeometry>
  </Placemark>

</Document>
</kml>
"""


@pytest.mark.parametrize(
    "shape",
    [
        SQUARE,
        SQUARE - HOLE,
        shapely.MultiPolygon([SQUARE, ISLAND]),
        shapely.MultiPolygon([SQUARE - HOLE, shapely.box(-2.39, 53.11, -2.31, 53.19), ISLAND]),
        shapely.GeometryCollection([SQUARE, shapely.LineString([(0, 0), (1, 1)])]),
    ],
)
def test_what_is_written_reads_back(shape: shapely.Geometry) -> None:
    again = read_kml(write_kml(shape, "Pilning & Severn Beach <north>"))
    assert again.area == pytest.approx(shape.area)
    assert shapely.area(again ^ shapely.union_all(shapely.get_parts(shape))) == pytest.approx(0, abs=1e-12)


def test_the_name_is_escaped_and_positions_have_six_decimals() -> None:
    text = write_kml(SQUARE, "Pilning & Severn Beach")
    root = ElementTree.fromstring(text)
    assert [e.text for e in root.iter() if e.tag.endswith("}name")] == ["Pilning & Severn Beach"]
    assert "-2.500000,53.000000,0" in text
    assert text == write_kml(SQUARE, "Pilning & Severn Beach")


def test_the_layout_of_police_uk_is_read() -> None:
    read = read_kml(POLICE_UK.format("-2.5,53.0,0 -2.25,53.0,0 -2.25,53.25,0 -2.5,53.25,0 -2.5,53.0,0"))
    assert read.equals(SQUARE)


def test_a_ring_that_crosses_itself_is_mended() -> None:
    read = read_kml(POLICE_UK.format("0,0 2,2 2,0 0,2 0,0"))
    assert read.is_valid
    assert read.area == pytest.approx(2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("longitude,latitude\n1,2\n", "not KML"),
        (POLICE_UK.format("1,2")[:-20], "not KML"),
        ('<kml xmlns="http://www.opengis.net/kml/2.2"><Document/></kml>', "no polygon"),
        (POLICE_UK.format(""), "fewer than four"),
        (POLICE_UK.format("0,0 1,1 0,0"), "fewer than four"),
        (POLICE_UK.format("0 1 2 0"), "fewer than four"),
        (POLICE_UK.format("0,0 1,1 1,x 0,0"), "not numbers"),
        (POLICE_UK.format("53.1,-2.5 53.1,-2 999,0 53.1,-2.5"), r"\[999.0, 0.0\]"),
        (POLICE_UK.format("0,0 1,1 nan,1 0,0"), "nowhere"),
        ('<!DOCTYPE kml [<!ENTITY a "b">]><kml>&a;</kml>', "entities"),
        ("<kml><Polygon/></kml>", "no polygon"),
    ],
)
def test_what_is_no_boundary_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_kml(text)


def test_nothing_is_not_written() -> None:
    with pytest.raises(ValueError, match="Somewhere"):
        write_kml(shapely.Polygon(), "Somewhere")
