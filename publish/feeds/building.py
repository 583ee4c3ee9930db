"""One build of the bulk files, quarter by quarter: made, or taken over from a build that was made from the same."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

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
from publish.parts import Parts, code_of, key_of
from transforms.judging import Judged, among, withdrawn
from transforms.periods import Quarter, quarters_of

#: The kinds of file beside the street files, with their columns and those of their Parquet files.
BESIDE: Final = {
    "outcomes": (outcomes.COLUMNS, outcomes.NAMES),
    "stop-and-search": (tuple(searches.COLUMNS), searches.NAMES),
}
GEOJSON: Final = "geojson"
LATEST: Final = "latest.zip"
POINTS_BY_MONTH: Final = "parquet/points-by-month.parquet"
PRIVACY: Final = "privacy.csv"


class Build:
    """The files of one folder as they are written. `releases` and `before` are those of `publish.feeds.build`."""

    def __init__(
        self,
        judged: Judged,
        country: Country,
        months: Sequence[date],
        folder: Path,
        key: bytes,
        releases: Sequence[Path],
        before: Path | None,
    ) -> None:
        self.judged, self.country, self.months, self.folder, self.key = judged, country, months, folder, key
        self.releases = releases
        self.quarters = {
            quarter: [month for month in months if month in quarter.months] for quarter in quarters_of(months)
        }
        verdicts = judged.verdicts.filter(pl.col("month").is_in(months))
        states = availability.states(verdicts, country)
        states = availability.without_rows(states, "outcomes", judged.case_outcomes.scopes)
        self.states = availability.without_rows(states, "stop-and-search", judged.searches)
        self.written: list[Path] = []
        #: the lines of each file of a force and month, by force, month and kind.
        self.lines: dict[tuple[str, str, str], tuple[str, int]] = {}
        #: the SHA-256 of files by their path, as far as they are known.
        self.sums: dict[str, str] = {}
        self._allowed: dict[str, dict[date, list[str]]] = {}
        self.parts = Parts(folder, before)
        self.compared = privacy.files_with_places(releases)
        self._compare(before)
        compressing = code_of("publish.feeds").hex()
        #: whether the build before compressed a file as this one would.
        self.compressed_alike = self.parts.is_same("archive", compressing)
        self.parts.made["archive"] = compressing

    def write(self, earlier: Path | None, shapes: gpd.GeoDataFrame | None) -> list[Path]:
        """Write every file. Returns the paths, in order."""
        zipped, latest = self.folder / f"{self._newest}.zip", self.folder / LATEST
        readme = self._path("README.txt")
        readme.write_text(
            archive.readme(self.country, self.states, self.months), encoding="utf-8", newline="\r\n"
        )
        with archive.Archive(zipped, self.folder, self._of_before(LATEST)) as self.members:
            self.members.add(readme)
            figures, used = self._street()
            # The outcomes come after every street line: where those have a crime decides where its outcomes may be.
            for quarter in self.quarters:
                for kind in BESIDE:
                    self._beside(quarter, kind)
            figures.write_csv(self._path(PRIVACY), line_terminator="\r\n")
            self.members.add(self.written[-1])
            availability.write(self.states, self.lines, self._path("availability.csv"))
            self.members.add(self.written[-1])
            privacy.write_map_points(self.country, self._path("map-points.csv"))
            self.written += crosswalk.write(self.country, earlier, self.folder)
        used.write_parquet(self._path(POINTS_BY_MONTH), compression="zstd")
        counts.write(self.judged, self.country, self.months, self._path("counts.json"))
        if shapes is not None:
            self._boundaries(shapes)
        os.link(zipped, latest)
        self.written += [zipped, latest]
        # One file under two names.
        self.sums[LATEST] = self._digest(zipped.name)
        digests = self._digests(self.written)
        entries = changes.since(self.country, self.states, self.months[-1], digests, earlier)
        feed = changes.write(self.country, entries, self.folder)
        sums = self.folder / changes.SUMS
        told = (f"{digest}  {name}\n" for name, digest in (digests | self._digests(feed)).items())
        sums.write_text("".join(told), encoding="utf-8", newline="\n")
        return [*self.written, *feed, sums, self.parts.write()]

    # What is taken over ---------------------------------------------------------------------------------------------

    def _compare(self, before: Path | None) -> None:
        """Let nothing be taken over where places are to be compared with those of other releases than then.

        But the build before may have been published since: a line that it has at a place stays there, and one that it
        has at none stays so, for the same releases have it elsewhere.
        """
        name = "compared with"
        now = self.compared.keys()
        if before is not None and self.parts.earlier is not None:
            then = set(self.parts.before.get(name, "").split())
            if not then <= now <= then | privacy.files_with_places([before]).keys():
                self.parts = Parts(self.folder, None)
        self.parts.made[name] = " ".join(sorted(now))

    def _of_before(self, name: str) -> Path | None:
        """A file of the build before; None where nothing is taken over."""
        return None if self.parts.earlier is None else self.parts.earlier / name

    @cached_property
    def _basis(self) -> bytes:
        """What every quarter is made from beside its rows: the code, the key of the ids, and the country's areas."""
        country = self.country
        return key_of(
            code_of("publish.feeds", "geography", "transforms"),
            self.key,
            country.forces,
            country.lsoas.select("lsoa_code", "lsoa_name", "csp_code"),
            country.map_points,
        ).encode()

    @cached_property
    def _newest(self) -> str:
        return f"{self.months[-1]:%Y-%m}"

    @cached_property
    def _withdrawn(self) -> pl.DataFrame:
        return withdrawn(self.judged.crimes.lazy()).collect()

    def _forces(self, kind: str, quarter: Quarter) -> dict[str, list[str]]:
        """The forces whose file of a kind may be published, for each month of a quarter."""
        if kind not in self._allowed:
            self._allowed[kind] = availability.allowed(self.states, kind)
        return {f"{month:%Y-%m}": self._allowed[kind].get(month, []) for month in self.quarters[quarter]}

    @cached_property
    def _sums_before(self) -> dict[str, str]:
        return {} if self.parts.earlier is None else changes.read_sums(self.parts.earlier)

    @cached_property
    def _lines_before(self) -> dict[str, int]:
        """The lines of each file of a force and month, by its path, in the build before."""
        path = self._of_before("availability.csv")
        if path is None:
            return {}
        with path.open(encoding="utf-8", newline="") as file:
            return {row["path"]: int(row["lines"]) for row in csv.DictReader(file) if row["path"]}

    def _kept(self, part: str, key: str, *patterns: str) -> bool:
        """Take over the files of a part (`Parts.kept`), with what is known of them."""
        taken = self.parts.kept(part, key, *patterns)
        for path in taken or []:
            name = path.relative_to(self.folder).as_posix()
            self.sums[name] = self._sums_before[name]
        return taken is not None

    # The parts ------------------------------------------------------------------------------------------------------

    def _street(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Every street file, and GeoJSON of the newest month. Returns `privacy.figures` and `privacy.at_points`."""
        keys = {quarter: self._street_key(quarter) for quarter in self.quarters}
        new = [
            month
            for quarter, months in self.quarters.items()
            if not self.parts.is_same(f"street {quarter}", keys[quarter])
            for month in months
        ]
        points = street.map_points_of(self._crimes(new), self.country)
        places = privacy.places_in(list(self.compared.values())) if new else privacy.NO_PLACES
        figures, used = [], []
        for quarter, key in keys.items():
            forces = self._forces("street", quarter)
            patterns = [f"parquet/{quarter}-street.parquet", *(f"{month}/*-street.csv" for month in forces)]
            if self._newest in forces:
                patterns.append(f"{GEOJSON}/*")
            if self._kept(f"street {quarter}", key, *patterns):
                for month in forces:
                    self._take("street", month, forces[month])
                told, at = self._figures_before(list(forces))
            else:
                told, at = self._make_street(quarter, points, places)
            if self._newest in forces:
                self.written += [self.folder / _geojson(force) for force in forces[self._newest]]
            self._path(patterns[0])
            figures.append(told)
            used.append(at)
        return pl.concat(figures), pl.concat(used)

    def _crimes(self, months: Sequence[date]) -> pl.LazyFrame:
        """The judged crimes of some months, with all that a line is made from."""
        return self.judged.crimes.lazy(months).select(street.READ)

    def _street_key(self, quarter: Quarter) -> str:
        gone = among(self._withdrawn, [self._crimes(self.quarters[quarter])]).rows()
        forces = self._forces("street", quarter)
        newest = self._newest if self._newest in forces else ""
        return key_of(self._basis, self.judged.crimes.keys.get(quarter), gone, forces, newest)

    def _make_street(
        self, quarter: Quarter, points: pl.DataFrame, places: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        held, figures, used = [], [], []
        for month in self.quarters[quarter]:
            name = f"{month:%Y-%m}"
            forces = self._forces("street", quarter)[name]
            rows = street.published(
                self._crimes([month]).collect(), points, self._withdrawn, self.country, self.key, places
            )
            self._by_force(rows, "street", street.COLUMNS, name, forces)
            shown = rows.filter(pl.col("force").is_in(forces))
            figures.append(privacy.figures(name, shown))
            used.append(privacy.at_points(shown))
            held.append(shown)
            if name == self._newest:
                self._geojson(shown, forces)
        (self.folder / "parquet").mkdir(exist_ok=True)
        tables.write_quarter(pl.concat(held), self.folder / f"parquet/{quarter}-street.parquet")
        return pl.concat(figures), pl.concat(used)

    def _figures_before(self, months: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """`privacy.figures` and `privacy.at_points` of months, as the build before has them."""
        figures, points = self._of_before(PRIVACY), self._of_before(POINTS_BY_MONTH)
        assert figures is not None and points is not None
        of_months = pl.col("month").is_in(months)
        return (
            pl.read_csv(figures, schema=privacy.FIGURES).filter(of_months),
            pl.scan_parquet(points).filter(of_months).collect(),
        )

    def _geojson(self, lines: pl.DataFrame, forces: Sequence[str]) -> None:
        """A file of one month for each force."""
        (self.folder / GEOJSON).mkdir()
        # Made of all forces at once: text is escaped once for each distinct value.
        features = geojson.features(lines)
        parts = features.with_columns(lines["force"]).partition_by("force", as_dict=True, include_key=False)
        for force in forces:
            geojson.write(parts.get((force,), features.clear()), self.folder / _geojson(force))

    def _beside(self, quarter: Quarter, kind: str) -> None:
        """The outcomes or the searches of a quarter, by force and month and as Parquet, where any were supplied."""
        of_quarter = pl.col("month").is_in(self.quarters[quarter])
        told = self.judged.case_outcomes.scopes if kind == "outcomes" else self.judged.searches
        told = told.filter(of_quarter)
        if told.is_empty():
            return
        months = [f"{month:%Y-%m}" for month in told["month"].unique().sort()]
        forces = {month: self._forces(kind, quarter)[month] for month in months}
        parquet = f"parquet/{quarter}-{kind}.parquet"
        patterns = [parquet, *(f"{month}/*-{kind}.csv" for month in months)]
        columns, names = BESIDE[kind]
        streets = [f"parquet/{each}-street.parquet" for each in self.quarters if each <= quarter]
        made_from: list[object] = [self._basis, forces]
        if kind == "stop-and-search":
            made_from.append(told)
        else:
            made_from += [self.judged.case_outcomes.keys[quarter], *(self._digest(name) for name in streets)]
            if told.filter(pl.col("file_type") != "extract").height:
                made_from += [sorted(self.compared), [self._digest(name) for name in self._parquet()]]
        if self._kept(f"{kind} {quarter}", key_of(*made_from), *patterns):
            for month in months:
                self._take(kind, month, forces[month])
        else:
            lines = (
                searches.published(told)
                if kind == "stop-and-search"
                else outcomes.published(
                    self.judged.case_outcomes.collect(self.quarters[quarter]),
                    self.country,
                    self.key,
                    self.folder,
                    [self.folder / name for name in streets],
                    self.releases,
                )
            ).sort("Month", maintain_order=True)
            for (month,), part in lines.group_by("Month", maintain_order=True):
                self._by_force(part, kind, columns, str(month), forces[str(month)])
            tables.write_quarter(lines, self.folder / parquet, names)
        self._path(parquet)

    def _boundaries(self, shapes: gpd.GeoDataFrame) -> None:
        key = key_of(
            code_of("publish.feeds", "geography"),
            self._newest,
            self.country.lsoas,
            shapes["lsoa_code"].to_list(),
            b"".join(shapes.geometry.to_wkb()),
        )
        if not self._kept("boundaries", key, "boundaries"):
            boundaries.write(self.country, shapes, self._newest, self.folder / "boundaries")
        self.written += boundaries.files(self._newest, self.folder / "boundaries")

    # Files ----------------------------------------------------------------------------------------------------------

    def _path(self, name: str) -> Path:
        """The path of a file that is one of those written, in their order."""
        self.written.append(self.folder / name)
        return self.written[-1]

    def _by_force(
        self, lines: pl.DataFrame, kind: str, columns: Sequence[str], month: str, forces: Sequence[str]
    ) -> None:
        """A file of a month for each of some forces, with a header only when it has no line."""
        parts = {str(force): part for (force,), part in lines.group_by("force", maintain_order=True)}
        (self.folder / month).mkdir(exist_ok=True)
        for force in forces:
            part = parts.get(force, lines.clear())
            path = self._path(_name(month, force, kind))
            street.write(part, path, columns)
            name = _name(month, force, kind)
            self.lines[force, month, kind] = name, part.height
            # Of a quarter that is made again, most files are what they were.
            stands = self.compressed_alike and self._sums_before.get(name) == self._digest(name)
            (self.members.take if stands else self.members.add)(path)

    def _take(self, kind: str, month: str, forces: Sequence[str]) -> None:
        """Count in the files of a month that were taken over."""
        for force in forces:
            name = _name(month, force, kind)
            self.lines[force, month, kind] = name, self._lines_before[name]
            self.members.take(self._path(name))

    def _parquet(self) -> list[str]:
        """The Parquet files of lines that are there by now."""
        return sorted(
            path.relative_to(self.folder).as_posix()
            for path in (self.folder / "parquet").iterdir()
            if path != self.folder / POINTS_BY_MONTH
        )

    def _digest(self, name: str) -> str:
        """The SHA-256 of a file of the folder, which must be whole."""
        if name not in self.sums:
            with (self.folder / name).open("rb") as file:
                self.sums[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return self.sums[name]

    def _digests(self, paths: Sequence[Path]) -> dict[str, str]:
        """The SHA-256 of each file by its path, as `sha256sum --check` wants them."""
        return {
            name: self._digest(name) for name in (path.relative_to(self.folder).as_posix() for path in paths)
        }


def _geojson(force: str) -> str:
    return f"{GEOJSON}/{force}.geojson"


def _name(month: str, force: str, kind: str) -> str:
    return f"{month}/{month}-{force}-{kind}.csv"
