"""How figures, months and gaps are said in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from markupsafe import Markup

from publish.site.figures import Figure, Gap
from transforms.contracts.status import Status
from transforms.periods import MONTH_NAMES, month_title, plus_months

#: What stands in place of a number.
NO_NUMBER: Final = {
    Status.MISSING.value: "not known",
    Status.UNJUDGED.value: "not known yet",
    Status.WITHHELD.value: "withheld",
    Status.NOT_APPLICABLE.value: "does not apply",
}

#: What a force did, by the status of a month.
SUPPLIED: Final = {
    Status.COMPLETE.value: "supplied",
    Status.PARTIAL.value: "short",
    Status.MISSING.value: "not supplied",
    Status.UNJUDGED.value: "being checked",
    Status.WITHHELD.value: "withheld",
    Status.NOT_APPLICABLE.value: "not owed",
}

#: The file types, as a reader would call them.
FILES: Final = {
    "crime": "Crime records",
    "outcomes": "Outcomes",
    "stop-and-search": "Stop and search",
}


def number(count: float) -> str:
    """A number with a comma for each thousand: 12,345."""
    return f"{count:,}"


def said(figure: Figure) -> str:
    """A figure in a sentence: `14 crimes`, `no crimes (0)`, `14 crimes, supplied in part`, `not known`."""
    if figure.count is None:
        return NO_NUMBER[figure.status]
    part = ", supplied in part" if figure.is_partial else ""
    if figure.count == 0:
        return f"0 crimes{part}"
    return f"{number(figure.count)} {'crime' if figure.count == 1 else 'crimes'}{part}"


def figure(shown: Figure | None) -> Markup:
    """A figure in a table: the number, marked when it is short, or the words in its place."""
    if shown is None:
        return Markup('<span class="quiet">–</span>')
    if shown.count is None:
        return Markup(f'<span class="unknown">{NO_NUMBER[shown.status]}</span>')
    if shown.is_partial:
        return Markup(f'{number(shown.count)} <span class="part">in part</span>')
    return Markup(number(shown.count))


def month_run(first: date, last: date) -> str:
    """A run of months: `July 2019`, `July to September 2019`, `December 2018 to January 2019`."""
    if first == last:
        return month_title(first)
    if first.year == last.year:
        return f"{MONTH_NAMES[first.month - 1]} to {month_title(last)}"
    return f"{month_title(first)} to {month_title(last)}"


def short_month(month: date) -> str:
    """A month where there is little room: `Jul 2019`."""
    return f"{MONTH_NAMES[month.month - 1][:3]} {month.year}"


def runs(months: Sequence[date]) -> list[tuple[date, date]]:
    """Sorted months as runs of neighbours, each as its first and last."""
    found: list[tuple[date, date]] = []
    for month in months:
        if found and plus_months(found[-1][1], 1) == month:
            found[-1] = (found[-1][0], month)
        else:
            found.append((month, month))
    return found


def reason(gap: Gap) -> str:
    """Why, as a sentence of its own, with the share that came when it is known."""
    sentence = gap.reason[:1].upper() + gap.reason[1:]
    if not sentence.endswith("."):
        sentence += "."
    if gap.coverage is not None:
        sentence += f" About {gap.coverage:.0%} of the expected records came."
    return sentence
