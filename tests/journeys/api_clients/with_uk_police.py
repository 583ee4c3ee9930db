"""uk_police (PyPI), unmodified, against the API at argv[1]."""

import sys

from uk_police.client import uk_police

uk_police.BASE_URL = sys.argv[1]

from uk_police.exceptions import APIError  # noqa: E402
from uk_police.forces import *  # noqa: E402, F403
from uk_police.neighbourhoods import *  # noqa: E402, F403
from uk_police.stop_search import *  # noqa: E402, F403
from uk_police.street_level import *  # noqa: E402, F403


def made(method):
    """The class of the package that has a method: its names differ between versions."""
    found = [each for each in list(globals().values()) if isinstance(each, type) and hasattr(each, method)]
    return found[0]()


checks = []


def check(name, holds):
    checks.append(name)
    if not holds:
        raise SystemExit(f"{name} does not hold")


street, forces = made("get_street_crimes_at_location"), made("list_forces")
places, stops = made("list_neighbourhoods"), made("stop_and_search_by_area")
poly = "52.000,-1.500:52.020,-1.500:52.020,-1.470:52.000,-1.470"
near = street.get_street_crimes_at_location(52.005, -1.49, "2019-09")
check("crimes near a point", len(near) > 100)
check("crimes in an area", len(street.get_street_crimes_in_area(poly, "2019-09")) > 50)
point = near[0]["location"]["street"]["id"]
check("crimes at a location", street.get_crimes_at_specific_location(location_id=point, date="2019-09"))
check("crimes at the nearest", street.get_crimes_at_specific_location(lat=52.005, lng=-1.49, date="2019-09"))
check("crimes without a location", street.get_crimes_no_location("all-crime", "northshire", "2019-09"))
check("categories", len(street.get_crime_categories("2019-09")) == 15)
check("last updated", "2019-09-01" in str(street.get_last_updated()))
crime = next(each for each in near if each["persistent_id"])
check("outcomes of a crime", street.get_outcomes_for_crime(crime["persistent_id"])["outcomes"])
for outcomes in (
    street.get_outcomes_at_location(point, "2019-09"),
    street.get_outcomes_by_coordinates(52.005, -1.49, "2019-09"),
    street.get_outcomes_in_area(poly, "2019-09"),
):
    check("outcomes are a list", isinstance(outcomes, list))
check("forces", len(forces.list_forces()) == 3)
check("a force", forces.get_force_details("northshire")["id"] == "northshire")
check("senior officers", forces.get_senior_officers("northshire") == [])
check("neighbourhoods", len(places.list_neighbourhoods("northshire")) == 5)
check("a neighbourhood", places.get_neighbourhood_details("northshire", "NC01")["name"] == "City Centre")
check("its boundary", len(places.get_neighbourhood_boundary("northshire", "NC01")) > 4)
check("its team", places.get_neighbourhood_team("northshire", "NC01") == [])
check("its events", places.get_neighbourhood_events("northshire", "NC01") == [])
check("its priorities", places.get_neighbourhood_priorities("northshire", "NC01") == [])
check("locate", places.locate_neighbourhood(52.005, -1.49)["neighbourhood"] == "NC01")
for found in (
    stops.stop_and_search_by_area(52.005, -1.49, None, "2019-09"),
    stops.stop_and_search_by_location(str(point), "2019-09"),
    stops.stop_and_search_no_location("northshire", "2019-09"),
    stops.stop_and_search_by_force("northshire", "2019-09"),
):
    check("stops are a list", isinstance(found, list))
try:
    forces.get_force_details("atlantis")
    check("an unknown force is refused", False)
except APIError:
    check("an unknown force is refused", True)
print(len(checks))
