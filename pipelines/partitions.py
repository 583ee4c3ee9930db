"""How the flow is cut for Dagster: computation by quarter, supply by force and month."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines.country import load_country
from pipelines.settings import settings
from transforms.contracts.columns import ZONE
from transforms.periods import Quarter, months_between

#: The first quarter that a supply may reach back to: before 1972 the clocks did not go forward and back each year.
FIRST: Final = Quarter(1972, 1)


def _owing() -> tuple[list[str], date]:
    """The forces of the country in use and the first month any owes; stand-ins while there is no country."""
    try:
        loaded = load_country(settings().country)
    except (ValueError, OSError):
        return ["no-country-folder-yet"], FIRST.months[2]
    first = loaded.register.get_column("first_month").to_list()
    return loaded.country.forces.get_column("force").to_list(), min(first, default=FIRST.months[2])


_NOW: Final = datetime.now(ZoneInfo(ZONE)).date()
_QUARTERS: Final = [
    FIRST.plus(step)
    for step in range((_NOW.year - FIRST.year) * 4 + Quarter.of(_NOW).number - FIRST.number + 1)
]

#: One partition for each quarter: every force is computed in one step.
QUARTERS: Final = dg.StaticPartitionsDefinition([str(quarter) for quarter in _QUARTERS])

_FORCES, _FIRST_MONTH = _owing()

#: The supply calendar: nothing is computed in it, each file received is marked on it.
FORCE_MONTHS: Final = dg.MultiPartitionsDefinition(
    {
        "force": dg.StaticPartitionsDefinition(_FORCES),
        "month": dg.StaticPartitionsDefinition(
            [f"{month:%Y-%m}" for month in months_between(_FIRST_MONTH, _NOW.replace(day=1))]
        ),
    }
)
