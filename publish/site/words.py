"""How figures, months and gaps are said in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from publish.site.figures import Figure
from publish.site.messages import say
from publish.site.supply import Gap
from transforms.contracts.status import Status
from transforms.periods import MONTH_NAMES, plus_months


def no_number(status: str) -> str:
    """What stands in place of a number."""
    return {
        Status.MISSING.value: say("not known"),
        Status.UNJUDGED.value: say("not known yet"),
        Status.WITHHELD.value: say("withheld"),
        Status.NOT_APPLICABLE.value: say("does not apply"),
    }[status]


def supplied(status: str) -> str:
    """What a force did, by the status of a month."""
    return {
        Status.COMPLETE.value: say("supplied"),
        Status.PARTIAL.value: say("short"),
        Status.MISSING.value: say("not supplied"),
        Status.UNJUDGED.value: say("being checked"),
        Status.WITHHELD.value: say("withheld"),
        Status.NOT_APPLICABLE.value: say("not owed"),
    }[status]


def file_type(name: str) -> str:
    """A type of file, as a reader would call it."""
    known = {
        "crime": say("Crime records"),
        "outcomes": say("Outcomes"),
        "stop-and-search": say("Stop and search"),
    }
    return known.get(name, name)


def number(count: float) -> str:
    """A number with a comma for each thousand: 12,345."""
    return f"{count:,}"


def said(figure: Figure) -> str:
    """A figure in a sentence: `14 crimes`, `no crimes (0)`, `14 crimes, supplied in part`, `not known`."""
    if figure.count is None:
        return no_number(figure.status)
    part = f", {say('supplied in part')}" if figure.is_partial else ""
    noun = say("crime") if figure.count == 1 else say("crimes")
    return f"{number(figure.count)} {noun}{part}"


def figure(shown: Figure | None) -> Markup:
    """A figure in a table: the number, marked when it is short, or the words in its place."""
    if shown is None:
        return Markup('<span class="quiet">–</span>')
    if shown.count is None:
        return Markup(f'<span class="unknown">{no_number(shown.status)}</span>')
    if shown.is_partial:
        return Markup(f'{number(shown.count)} <span class="part">{say("in part")}</span>')
    return Markup(number(shown.count))


def month_name(month: date) -> str:
    """The name of a month without its year: `July`."""
    return say(MONTH_NAMES[month.month - 1])


def month(month: date) -> str:
    """A month and its year: `July 2019`."""
    return f"{month_name(month)} {month.year}"


def month_run(first: date, last: date) -> str:
    """A run of months: `July 2019`, `July to September 2019`, `December 2018 to January 2019`."""
    if first == last:
        return month(first)
    if first.year == last.year:
        return say("{first} to {last}", first=month_name(first), last=month(last))
    return say("{first} to {last}", first=month(first), last=month(last))


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
    """Why, as a sentence of its own, with the share that came when it is known.

    A verdict speaks of one month; a run of months is spoken of as one.
    """
    told = gap.reason if gap.first == gap.last else gap.reason.replace("for this month", "for these months")
    sentence = told[:1].upper() + told[1:]
    if not sentence.endswith("."):
        sentence += "."
    if gap.coverage is not None:
        sentence += " " + say("About {share} of the expected records came.", share=f"{gap.coverage:.0%}")
    return sentence
