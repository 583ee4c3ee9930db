"""Writes the public site: static pages in which a figure is a number, zero, or not known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import geopandas

from geography.areas import Country
from publish.returns.revision_tables import Revised
from publish.site.figures import figures_of
from publish.site.messages import ENGLISH, speak
from publish.site.pages import Addresses, write_pages
from publish.site.revision_page import revision_page
from transforms.judging import Judged

__all__ = ["Addresses", "build"]

ADDRESSES = Addresses()


def build(
    judged: Judged,
    country: Country,
    boundaries: geopandas.GeoDataFrame,
    months: Sequence[date],
    folder: Path,
    addresses: Addresses = ADDRESSES,
    language: str = ENGLISH,
    revised: Revised | None = None,
    earlier: Path | None = None,
    bulk: Path | None = None,
) -> list[Path]:
    """Write the site for `months` (first days of months; the latest is shown first) into `folder`.

    One page for each neighbourhood (`<force>/<neighbourhood>/`), one for each force, the home page with its
    search, who has supplied what, about, download, and the page for an address that does not exist. Text
    files over a kilobyte have a `.br` and a `.gz` beside them for the server to send. `boundaries` has
    `lsoa_code` and `geometry`; a neighbourhood without one has its table only. `addresses` says where the
    bulk files and the return are served, and `language` which catalogue of `publish.site.messages` speaks.
    `revised` is what the page on revisions tells; None for a first release. `earlier` is the folder of
    another build: forces, months of points and outlines that are made from the same are taken over from it,
    which never changes a byte. `bulk` is the folder of the bulk files: the map's points are those of its
    lines, so that a location which is withheld there is on no map; without it they are the judged crimes at
    their map points. Returns the paths written, in order. Equal inputs give equal bytes.
    Raises ValueError when no month is asked for, when a force's month lacks a cell, or when there is no
    catalogue of the language.
    """
    if not months:
        raise ValueError("No month was asked for: give at least one first-of-month date.")
    speak(language)
    figures = figures_of(judged, country, months)
    revisions = revision_page(revised, country)
    return write_pages(
        figures,
        judged.crimes,
        country,
        boundaries,
        folder,
        addresses,
        language,
        revisions,
        earlier,
        bulk,
    )
