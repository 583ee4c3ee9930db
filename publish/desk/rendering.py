"""Makes the desk's pages from its templates: everything is escaped, whoever wrote it."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader

from publish.desk.alerts import SEVERITY_WORDS, STATE_WORDS
from transforms.contracts.columns import ZONE
from transforms.contracts.status import Status
from transforms.periods import month_title

#: What stands in place of a number.
NO_NUMBER = {
    Status.MISSING.value: "not known",
    Status.UNJUDGED.value: "held",
    Status.WITHHELD.value: "withheld",
    Status.NOT_APPLICABLE.value: "does not apply",
}


@cache
def environment() -> Environment:
    """The desk's templates, and how they say days and numbers."""
    made = Environment(
        loader=PackageLoader("publish.desk"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        day=lambda value: f"{_day(value):%-d %B %Y}" if value else "",
        moment=lambda value: f"{value.astimezone(ZoneInfo(ZONE)):%-d %B %Y, %H:%M}",
        month=month_title,
        number=lambda value: f"{value:,.0f}" if value is not None else "–",
        share=lambda value: f"{value:.0%}" if value is not None else "–",
        hours=lambda value: f"{value:.0f} hours" if value < 72 else f"{value / 24:.0f} days",
        figure=lambda shown: NO_NUMBER[shown.status] if shown.count is None else f"{shown.count:,}",
    )
    made.globals.update(SEVERITY_WORDS=SEVERITY_WORDS, STATE_WORDS=STATE_WORDS)
    return made


def render(template: str, **context: Any) -> str:
    """One page."""
    return environment().get_template(template).render(**context)


def _day(value: date | datetime | str) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    return value.astimezone(ZoneInfo(ZONE)).date() if isinstance(value, datetime) else value
