"""Writes the bulk files: street-level records in the police.uk layout, with what was and was not supplied."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias

import geopandas as gpd
import polars as pl

from geography.areas import Country
from publish.feeds import (
    archive,
    availability,
    boundaries,
    changes,
    counts,
    crosswalk,
    geojson,
    outcomes,
    privacy,
    searches,
    street,
    tables,
)
from transforms.judging import Judged
from transforms.periods import Quarter, quarters_of

__all__ = ["build"]


def build(
    judged: Judged,
    country: Country,
    months: Sequence[date],
    folder: Path,
    key: bytes,
    earlier: Path | None = None,
    shapes: gpd.GeoDataFrame | None = None,
    ever_public: Sequence[Path] = (),
) -> list[Path]:
    """Write the bulk files for `months` (first days of months) into `folder`, which must be empty or absent.

    For each force and month whose verdict allows a number: `YYYY-MM/YYYY-MM-<force>-street.csv`, the layout
    of data.police.uk; where supplied, `…-outcomes.csv` and `…-stop-and-search.csv` too. For every other: no file at
    all. Beside them `availability.csv` (each force, file and
    month owed: supplied, partial, not supplied, since when and why), `README.txt`, `YYYY-MM.zip` of
    everything, named after the newest month, `latest.zip` (the same bytes) and `SHA256SUMS`; and
    `parquet/<quarter>-street.parquet` (GeoParquet), every force's lines of the quarter's months; and what
    keeps them anonymous: `map-points.csv` with the addresses of each point, `privacy.csv` with the figures of
    each month, `parquet/points-by-month.parquet`. Beside those `geojson/<force>.geojson` of the newest month,
    `counts.json` (JSON-stat), `boundaries/` (KML, given `shapes` with `lsoa_code` and `geometry`), and what
    changed since the release before, as `changes.json` (JSON Feed) and `changes.xml` (Atom). `earlier` is the
    folder of the bulk files published before; when the list of points has changed since, `map-points-crosswalk.csv`
    tells what became of each. A record that those, or any of `ever_public`, have at another point gets no location.
    `key` is the secret of the crime ids, at least 16 bytes, kept apart from the data and from `folder`.
    Returns the paths written, in order. Equal inputs give equal bytes.
    Raises ValueError when no month is asked for or the key is too short.
    """
    if not months:
        raise ValueError("No month was asked for: give at least one first-of-month date.")
    folder.mkdir(parents=True, exist_ok=True)
    verdicts = judged.verdicts.filter(pl.col("month").is_in(list(months)))
    states = availability.states(verdicts, country)
    states = availability.without_rows(states, "outcomes", judged.case_outcomes)
    states = availability.without_rows(states, "stop-and-search", judged.searches)
    allowed = availability.allowed(states)
    withdrawn = street.withdrawn(judged.crimes)
    points = street.map_points_of(judged.crimes, country)
    releases = [*ever_public, *([] if earlier is None else [earlier])]
    before = privacy.places_in(releases)
    figures, used = [], []
    files: dict[tuple[str, str, str], tuple[str, int]] = {}
    ends = {quarter: max(m for m in months if m in quarter.months) for quarter in quarters_of(months)}
    written = [folder / "README.txt"]
    written[0].write_text(archive.readme(country, states, months), encoding="utf-8", newline="\r\n")
    zipped, latest = folder / f"{max(months):%Y-%m}.zip", folder / "latest.zip"
    with archive.Archive(zipped, folder) as members:
        members.add(written[0])
        held: list[pl.DataFrame] = []
        for month in sorted(months):
            crimes = judged.crimes.filter(pl.col("month") == month)
            rows = street.published(crimes, points, withdrawn, country, key, before)
            forces = allowed.get(month, [])
            made = _by_force(rows, "street", street.COLUMNS, f"{month:%Y-%m}", forces, folder)
            for path, _ in made.values():
                members.add(path)
            files |= _named(made, folder)
            written += [path for path, _ in made.values()]
            shown = rows.filter(pl.col("force").is_in(allowed.get(month, [])))
            figures.append(privacy.figures(f"{month:%Y-%m}", shown))
            used.append(privacy.at_points(shown))
            held.append(shown)
            if month == max(months):
                written += _newest(shown, allowed.get(month, []), folder)
            if month == ends[Quarter.of(month)]:
                written.append(_quarter(held, month, folder))
                held.clear()
        # The outcomes come after every street line: where those have a crime decides where its outcomes may be.
        for quarter in ends:
            made, parquet = _beside(judged, country, states, quarter, months, folder, key, releases)
            for path, _ in made.values():
                members.add(path)
            files |= _named(made, folder)
            written += [*(path for path, _ in made.values()), *parquet]
        written.append(folder / "privacy.csv")
        pl.DataFrame(figures, infer_schema_length=None).write_csv(written[-1], line_terminator="\r\n")
        members.add(written[-1])
        written.append(folder / "availability.csv")
        availability.write(states, files, written[-1])
        members.add(written[-1])
        written.append(folder / "map-points.csv")
        privacy.write_map_points(country, written[-1])
        written += crosswalk.write(country, earlier, folder)
    written.append(folder / "parquet" / "points-by-month.parquet")
    pl.concat(used).write_parquet(written[-1], compression="zstd")
    written.append(folder / "counts.json")
    counts.write(judged, country, months, written[-1])
    if shapes is not None:
        written += boundaries.write(country, shapes, f"{max(months):%Y-%m}", folder / "boundaries")
    os.link(zipped, latest)
    written += [zipped, latest]
    digests = _digests(written, folder)
    entries = changes.since(country, states, max(months), digests, earlier)
    feed = changes.write(country, entries, folder)
    sums = folder / changes.SUMS
    told = (f"{digest}  {name}\n" for name, digest in (digests | _digests(feed, folder)).items())
    sums.write_text("".join(told), encoding="utf-8", newline="\n")
    return [*written, *feed, sums]


#: The files made: their path and lines by force, month and kind.
Made: TypeAlias = dict[tuple[str, str, str], tuple[Path, int]]


def _by_force(
    lines: pl.DataFrame, kind: str, columns: Sequence[str], month: str, forces: Sequence[str], folder: Path
) -> Made:
    """A file of a month for each of some forces, with a header only when it has no line."""
    parts = {str(force): part for (force,), part in lines.group_by("force", maintain_order=True)}
    made: Made = {}
    for force in forces:
        part = parts.get(force, lines.clear())
        path = folder / month / f"{month}-{force}-{kind}.csv"
        path.parent.mkdir(exist_ok=True)
        street.write(part, path, columns)
        made[force, month, kind] = path, part.height
    return made


def _named(made: Made, folder: Path) -> dict[tuple[str, str, str], tuple[str, int]]:
    return {scope: (path.relative_to(folder).as_posix(), rows) for scope, (path, rows) in made.items()}


def _beside(
    judged: Judged,
    country: Country,
    states: pl.DataFrame,
    quarter: Quarter,
    months: Sequence[date],
    folder: Path,
    key: bytes,
    before: Sequence[Path],
) -> tuple[Made, list[Path]]:
    """The outcomes and the searches of a quarter, by force and month and as Parquet, where any were supplied."""
    made: Made = {}
    parquet = []
    for kind, rows, columns, names in (
        ("outcomes", judged.case_outcomes, outcomes.COLUMNS, outcomes.NAMES),
        ("stop-and-search", judged.searches, tuple(searches.COLUMNS), searches.NAMES),
    ):
        own = rows.filter(pl.col("month").is_in([month for month in quarter.months if month in months]))
        if own.is_empty():
            continue
        lines = (
            outcomes.published(own, country, key, folder, before)
            if kind == "outcomes"
            else searches.published(own)
        )
        allowed = availability.allowed(states, kind)
        for (month,), part in lines.group_by("Month", maintain_order=True):
            forces = allowed.get(date.fromisoformat(f"{month}-01"), [])
            made |= _by_force(part, kind, columns, str(month), forces, folder)
        parquet.append(folder / "parquet" / f"{quarter}-{kind}.parquet")
        tables.write_quarter(lines.sort("Month", maintain_order=True), parquet[-1], names)
    return made, parquet


def _newest(lines: pl.DataFrame, forces: Sequence[str], folder: Path) -> list[Path]:
    """GeoJSON of one month, a file for each force."""
    (folder / "geojson").mkdir()
    # Made of all forces at once: text is escaped once for each distinct value.
    features = geojson.features(lines)
    parts = features.with_columns(lines["force"]).partition_by("force", as_dict=True, include_key=False)
    written = []
    for force in forces:
        written.append(folder / "geojson" / f"{force}.geojson")
        geojson.write(parts.get((force,), features.clear()), written[-1])
    return written


def _quarter(held: Sequence[pl.DataFrame], month: date, folder: Path) -> Path:
    """The Parquet file of the quarter that a month ends, in this window."""
    path = folder / "parquet" / f"{Quarter.of(month)}-street.parquet"
    path.parent.mkdir(exist_ok=True)
    tables.write_quarter(pl.concat(held), path)
    return path


def _digests(paths: Sequence[Path], folder: Path) -> dict[str, str]:
    """The SHA-256 of each file by its path, as `sha256sum --check` wants them."""
    digests = {}
    for path in paths:
        with path.open("rb") as file:
            digests[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
