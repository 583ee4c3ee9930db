"""The words of a return: cover, notes and labels, generated from what is and is not there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from geography.areas import Country
from publish.returns.tables import Table
from transforms.comparability import in_words, total_label
from transforms.periods import MONTH_NAMES, Quarter, month_title, plus_months

#: A total that leaves out more forces than this gives their number, and names them in its notes.
NAMED_IN_LABEL: Final = 4

SOURCE: Final = "Source: crime records and counts supplied by police forces."

STANDING_NOTES: Final = {
    "provisional": (
        "Figures are provisional: forces restate earlier periods every quarter as crimes are reclassified, "
        "cancelled, transferred or recorded late. A figure can be negative where such corrections exceed the "
        "crimes recorded in the period."
    ),
    "total": "Police forces do not record fraud. It is recorded nationally and is not part of any figure here.",
    "small base": (
        "No percentage change is given where the earlier figure is below 50; the cell then shows [z]. Rounding "
        "is half away from zero."
    ),
    "rate": (
        "Rates use the latest mid-year population estimates held for each area. No rate is given, and the cell "
        "shows [z], for the City of London, because few people live there, and for national forces, which have "
        "no resident population. Crimes of national forces count towards England and Wales."
    ),
    "recorded basis": (
        "By the period in which the crime was recorded: every crime counts once, under the outcome it has so far. "
        "Recent periods have more crimes not yet assigned an outcome, and will change."
    ),
    "closed basis": (
        "By the period in which the outcome was given, whenever the crime was recorded. Not to be divided by the "
        "crimes recorded in the period. After a month that was not supplied in full, nobody knows how many outcomes "
        "its crimes got: the force has no figure from that month on, until the month is supplied."
    ),
    "removed": (
        "A record is cancelled when it was made in error or more was learnt that shows there was no crime, and "
        "transferred when the crime happened in the area of another force. Both leave the count of recorded crime."
    ),
    "behaviour": "Incidents of anti-social behaviour are not crimes and are in no total.",
}


def total_name(name: str, excluding: Sequence[str]) -> str:
    """The label of a total: who is left out by name, or by number when they are many."""
    if len(excluding) <= NAMED_IN_LABEL:
        return total_label(name, excluding)
    return f"{name} excluding {len(excluding)} police forces"


def coverage(excluding: Sequence[str], has_national_forces: bool) -> str:
    """One line on what the totals of a table hold."""
    national = (
        " National forces count towards England and Wales and are shown last." if has_national_forces else ""
    )
    if not excluding:
        return f"Every police force is included.{national}"
    label = total_name("England and Wales", excluding)
    return f"Any total refers to {label}; a total that leaves a force out says so in its name.{national}"


def because(name: str, spells: str, is_partial: bool) -> str:
    """The note on a force whose figures are missing or partial."""
    if is_partial:
        return f"{name}: figures marked [e] are partial and are part of totals. {spells}"
    return (
        f"{name}: figures shown as [x] were not supplied in full; they are not zero. Totals that would hold them "
        f"leave {name} out of every period compared, and say so. Nothing is estimated in its place. {spells}"
    )


def left_out(name: str, reason: str) -> str:
    """The note on a force that a person has left out of comparisons."""
    return (
        f"{name} is left out of every period of comparisons, and of the totals in them, because its figures are not "
        f"comparable. {reason}"
    )


def spells_in_words(months: pl.DataFrame) -> str:
    """Runs of months with one reason, in words. `months` has `month`, `why` and `coverage`, sorted by month."""
    runs: list[tuple[date, date, str]] = []
    for month, why, share in months.iter_rows():
        text = why if share is None else f"{why}; about {100 * share:.0f}% of what was expected was supplied"
        if runs and runs[-1][2] == text and plus_months(runs[-1][1], 1) == month:
            runs[-1] = (runs[-1][0], month, text)
        else:
            runs.append((month, month, text))
    return " ".join(f"{_span(first, last)}: {text.rstrip('. ')}." for first, last, text in runs)


def _span(first: date, last: date) -> str:
    if first == last:
        return month_title(first)
    start = MONTH_NAMES[first.month - 1] if first.year == last.year else month_title(first)
    return f"{start} to {month_title(last)}"


def cover(
    country: Country, quarter: Quarter, tables: Sequence[Table], compares: bool = True
) -> tuple[str, ...]:
    """The paragraphs of the cover sheet; `compares` when the tables are to give changes on the year before."""
    lines = [
        f"Crimes recorded by the police in {country.title} in {quarter.title} (financial year "
        f"{quarter.financial_year}, quarter {quarter.financial_quarter}) and in the {quarter.year_title}.",
        "A figure that was owed and has not been supplied in full is shown as [x], never as zero, and no total "
        "hides it.",
        "Police recorded crime is a good measure of crime-related demand on the police. It is not a reliable "
        "measure of all crime, because it depends on what is reported and how it is recorded.",
        "These are official statistics. They are not accredited official statistics.",
    ]
    said = dict.fromkeys(table.statements[0] for table in tables)
    for statement in said:
        where = [
            str(number) for number, table in enumerate(tables, start=1) if table.statements[0] == statement
        ]
        lines.append(f"{'Table' if len(where) == 1 else 'Tables'} {in_words(where)}: {statement}")
    if compares and not any(table.measure == "percentage change" for table in tables):
        lines.append(
            f"No change on the {quarter.plus(-4).year_title} is given, because no police force's figures for that "
            "year are held in full."
        )
    if country.attribution:
        lines.append(country.attribution)
    return tuple(lines)
