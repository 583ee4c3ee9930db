"""police-api-client (PyPI), unmodified, against the API at argv[1]."""

import sys

from police_api import PoliceAPI
from police_api.exceptions import APIError, InvalidCategoryException

api = PoliceAPI(base_url=sys.argv[1] + "/")
lat, lng = 52.005, -1.49
corners = [(52.000, -1.500), (52.020, -1.500), (52.020, -1.470), (52.000, -1.470)]
checks = []


def check(name, holds):
    checks.append(name)
    if not holds:
        raise SystemExit(f"{name} does not hold")


check("latest date", api.get_latest_date() == "2019-09")
check("dates are newest first", api.get_dates() == sorted(api.get_dates(), reverse=True))
check("forces", {force.id for force in api.get_forces()} == {"northshire", "mercaster", "eastmark"})
force = api.get_force("northshire")
check("force has a name", force.name == "Northshire Police")
check("senior officers are none", force.senior_officers == [])
check("engagement methods", len(force.engagement_methods) >= 1)
check("neighbourhoods", any(place.id == "NC01" for place in force.neighbourhoods))
place = api.get_neighbourhood("northshire", "NC01")
check("neighbourhood name", place.name == "City Centre")
check("population", int(place.population) == 9000)
check("boundary", len(place.boundary) > 4)
check("officers, events and priorities are none", not (place.officers or place.events or place.priorities))
check("locate", api.locate_neighbourhood(lat, lng).id == "NC01")
check("locate outside is none", api.locate_neighbourhood(10, 10) is None)
check("categories", len(api.get_crime_categories("2019-09")) == 14)
crimes = api.get_crimes_point(lat, lng, date="2019-09")
check("crimes near a point", len(crimes) > 100)
check("each has a category", all(crime.category.name for crime in crimes))
check("each has a location", all(crime.location.name.startswith("On or near") for crime in crimes))
area = api.get_crimes_area(corners, date="2019-09")
check("crimes in an area, by POST", len(area) > 50)
check(
    "one category", 0 < len(api.get_crimes_point(lat, lng, date="2019-09", category="burglary")) < len(crimes)
)
at = api.get_crimes_location(crimes[0].location.id, date="2019-09")
check("crimes at a location", crimes[0].id in {crime.id for crime in at})
nowhere = api.get_crimes_no_location("northshire", date="2019-09")
check("crimes without a location", len(nowhere) > 0)
crime = next(each for each in crimes if each.persistent_id)
check(
    "outcomes of a crime",
    api.get_crime(crime.persistent_id).outcomes[0].category.name == "Under investigation",
)
try:
    api.get_crime("0" * 64)
    check("an unknown crime is refused", False)
except APIError:
    check("an unknown crime is refused", True)
try:
    api.get_crime_category("made-up")
    check("an unknown category is refused", False)
except InvalidCategoryException:
    check("an unknown category is refused", True)
check("a gap is an empty list", api.get_crimes_no_location("mercaster", date="2019-09") == [])
check("a month to come is an empty list", api.get_crimes_point(lat, lng, date="2031-01") == [])
print(len(checks))
