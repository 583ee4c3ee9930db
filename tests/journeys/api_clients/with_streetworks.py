"""streetworks (PyPI), unmodified, against the API at argv[1]: POST beyond 2,000 characters."""

import sys

from streetworks.police import PoliceClient

checks = []


def check(name, holds):
    checks.append(name)
    if not holds:
        raise SystemExit(f"{name} does not hold")


small = [(52.000, -1.500), (52.020, -1.500), (52.020, -1.470), (52.000, -1.470)]
long = [(52.000, -1.500 + n * 0.0001) for n in range(150)] + [
    (52.020, -1.485 - n * 0.0001) for n in range(150)
]
with PoliceClient(base_url=sys.argv[1]) as police:
    near = police.street_level_crimes(52.005, -1.49, date="2019-09")
    check("crimes near a point", len(near) > 100)
    check(
        "one category",
        len(police.street_level_crimes(52.005, -1.49, category="burglary", date="2019-09")) > 0,
    )
    check("crimes in an area", len(police.street_level_crimes_in_area(small, date="2019-09")) > 50)
    check(
        "crimes in a long area, by POST", len(police.street_level_crimes_in_area(long, date="2019-09")) > 20
    )
    check("crimes at a location", police.crimes_at_location(lat=52.005, lng=-1.49, date="2019-09"))
    check(
        "crimes without a location",
        police.crimes_no_location(category="all-crime", force="northshire", date="2019-09"),
    )
    check("categories", len(police.crime_categories()) == 15)
    check("last updated", police.last_updated().startswith("2019-09"))
    check("availability", police.street_level_availability()[0]["date"] == "2019-09")
    check("forces", len(police.forces()) == 3)
    check("locate", police.locate_neighbourhood(52.005, -1.49)["neighbourhood"] == "NC01")
    check("neighbourhoods", len(police.neighbourhoods("northshire")) == 5)
    check("a neighbourhood", police.neighbourhood("northshire", "NC01")["name"] == "City Centre")
    check("a boundary", len(police.neighbourhood_boundary("northshire", "NC01")) > 4)
    check("a signal of safety", police.safety_signal(52.005, -1.49, date="2019-09"))
print(len(checks))
