"""The files of the return as a reader looks for them: by what they tell, with each form they come in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from publish.site.messages import say

#: A file of a release: what it tells, the quarter, a part of it, and its form.
NAME: Final = re.compile(r"(?P<what>.+?)-\d{4}-Q[1-4](?P<part>-[a-z-]+)?\.(?P<form>.+)")

#: Forms in the order in which most readers want them.
FORMS: Final = (
    "html",
    "ods",
    "xlsx",
    "csv",
    "parquet",
    "csv-metadata.json",
    "datapackage.json",
    "jsonld",
)

Group = tuple[str, list[tuple[str, str]]]


def grouped(names: Sequence[str]) -> list[Group]:
    """Each kind of table with its files, as its title and the form and name of each.

    Files that are not of a quarter, such as a script that a page needs, are no document.
    """
    known = {
        "recorded-crime": say("Recorded crime: the statistical release"),
        "outcomes": say("Outcomes of crimes"),
        "community-safety-partnerships": say("Recorded crime by community safety partnership"),
        "revisions": say("Revisions since the release before"),
        "revisions-triangle": say("Each quarter, release by release"),
        "prc-pfa": say("Home Office open data layout: police force areas"),
        "prc-csp": say("Home Office open data layout: community safety partnerships"),
        "prc-outcomes": say("Home Office open data layout: outcomes"),
    }
    found: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        if match := NAME.fullmatch(name):
            found.setdefault(match["what"] + (match["part"] or ""), []).append((match["form"], name))
    order = [*known, *sorted(found.keys() - known.keys())]
    return [
        (known.get(what, what), [(_form(form), name) for form, name in sorted(found[what], key=_place)])
        for what in order
        if what in found
    ]


def _place(file: tuple[str, str]) -> tuple[int, str]:
    form, name = file
    return (FORMS.index(form) if form in FORMS else len(FORMS), name)


def _form(form: str) -> str:
    return {
        "html": say("web page"),
        "ods": say("OpenDocument spreadsheet"),
        "xlsx": say("Excel workbook"),
        "csv": "CSV",
        "parquet": "Parquet",
        "csv-metadata.json": say("description of the CSV (CSVW)"),
        "datapackage.json": say("data package"),
        "jsonld": say("catalogue entry (DCAT)"),
    }.get(form, form)
