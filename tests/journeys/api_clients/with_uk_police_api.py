"""uk-police-api (PyPI), unmodified, against the API at argv[1]: typed models, POST beyond 1,800 characters."""

import sys

from uk_police_api import _client

_client.BASE_URL = sys.argv[1] + "/"

from uk_police_api import PoliceAPI  # noqa: E402
from uk_police_api.exceptions import PoliceAPIError  # noqa: E402

checks = []


def check(name, holds):
    checks.append(name)
    if not holds:
        raise SystemExit(f"{name} does not hold")


small = [(52.000, -1.500), (52.020, -1.500), (52.020, -1.470), (52.000, -1.470)]
long = [(52.000, -1.500 + n * 0.0001) for n in range(150)] + [
    (52.020, -1.485 - n * 0.0001) for n in range(150)
]
with PoliceAPI(cache_ttl=None) as api:
    near = api.crimes.street(lat=52.005, lng=-1.49, date="2019-09")
    check("crimes near a point", len(near) > 100)
    check("crimes in an area", len(api.crimes.street(poly=small, date="2019-09")) > 50)
    check("crimes in a long area, by POST", len(api.crimes.street(poly=long, date="2019-09")) > 20)
    check(
        "crimes at a location", api.crimes.at_location(location_id=near[0].location.street.id, date="2019-09")
    )
    check(
        "crimes without a location",
        api.crimes.no_location(category="all-crime", force="northshire", date="2019-09"),
    )
    check("categories", len(api.crimes.categories()) == 15)
    check("last updated", str(api.crimes.last_updated().date).startswith("2019-09"))
    check(
        "outcomes", isinstance(api.crimes.outcomes_at_location(lat=52.005, lng=-1.49, date="2019-09"), list)
    )
    crime = next(each for each in near if each.persistent_id)
    check("outcomes of a crime", api.crimes.outcomes_for_crime(crime.persistent_id).outcomes)
    check("availability", api.availability.dates()[0].date.startswith("2019-09"))
    check("forces", len(api.forces.list()) == 3)
    check("a force", api.forces.get("northshire").name == "Northshire Police")
    check("people", api.forces.people("northshire") == [])
    check("neighbourhoods", len(api.neighbourhoods.list("northshire")) == 5)
    check("a neighbourhood", api.neighbourhoods.get("northshire", "NC01").name == "City Centre")
    check("a boundary", len(api.neighbourhoods.boundary("northshire", "NC01")) > 4)
    check("no people there", api.neighbourhoods.people("northshire", "NC01") == [])
    check("no events there", api.neighbourhoods.events("northshire", "NC01") == [])
    check("no priorities there", api.neighbourhoods.priorities("northshire", "NC01") == [])
    check("locate", api.neighbourhoods.locate(52.005, -1.49).neighbourhood == "NC01")
    check("stops", isinstance(api.stop_search.street(lat=52.005, lng=-1.49, date="2019-09"), list))
    check("stops of a force", isinstance(api.stop_search.by_force("northshire", date="2019-09"), list))
    try:
        api.forces.get("atlantis")
        check("an unknown force is refused", False)
    except PoliceAPIError:
        check("an unknown force is refused", True)
print(len(checks))
