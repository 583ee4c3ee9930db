"""One build of the bulk files, quarter by quarter: made, or taken over from a build that was made from the same."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
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
from publish.feeds.earlier import AVAILABILITY, LATEST, POINTS_BY_MONTH, PRIVACY, Earlier
from publish.parts import Parts, code_of, file_digest, key_of
from transforms.judging import Judged, among, withdrawn
from transforms.periods import Quarter, quarters_of

GEOJSON: Final = "geojson"


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
        self.earlier = Earlier.open(before)
        self.parts = Parts(folder, None if self.earlier is None else before)
        self.compared = privacy.files_with_places(releases)
        self._compare()
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
        compressed = None if self.earlier is None else self.earlier.folder / LATEST
        with archive.Archive(zipped, self.folder, compressed) as self.members:
            self.members.add(readme)
            figures, used = self._street()
            # The outcomes come after every street line: where those have a crime decides where its outcomes may be.
            for quarter in self.quarters:
                self._outcomes(quarter)
                self._searches(quarter)
            figures.write_csv(self._path(PRIVACY), line_terminator="\r\n")
            self.members.add(self.written[-1])
            availability.write(self.states, self.lines, self._path(AVAILABILITY))
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

    def _compare(self) -> None:
        """Let nothing be taken over where places are to be compared with those of other releases than then.

        But the build before may have been published since: a line that it has at a place stays there, and one that it
        has at none stays so, for the same releases have it elsewhere.
        """
        name = "compared with"
        now = self.compared.keys()
        if self.earlier is not None:
            then = set(self.parts.before.get(name, "").split())
            if not then <= now <= then | privacy.files_with_places([self.earlier.folder]).keys():
                self.earlier, self.parts = None, Parts(self.folder, None)
        self.parts.made[name] = " ".join(sorted(now))

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

    def _forces_of(self, kind: str, quarter: Quarter, scopes: pl.DataFrame) -> dict[str, list[str]]:
        """`_forces` of the months in which anything was supplied (`scopes`), in order."""
        forces = self._forces(kind, quarter)
        supplied = scopes["month"].unique().sort().dt.strftime("%Y-%m")
        return {month: forces[month] for month in supplied}

    @cached_property
    def _places(self) -> pl.DataFrame:
        """Where the releases before have each record."""
        return privacy.places_in(list(self.compared.values()))

    @cached_property
    def _lines_before(self) -> dict[str, int]:
        """The lines of each file of a force and month, by its path, in the build before."""
        return {} if self.earlier is None else self.earlier.lines_by_file()

    def _stands(self, part: str, key: str, files: Sequence[str]) -> bool:
        """Whether the build before made a part from the same, and has its files. The part is known by its key now."""
        self.parts.made[part] = key
        return self.earlier is not None and self.parts.is_same(part, key) and self.earlier.has(files)

    def _keep(self, part: str, files: Sequence[str]) -> None:
        """Take over the files of a part that stands (`Parts.kept`), with what is known of them and of what is in it."""
        assert self.earlier is not None
        self.parts.kept(part, self.parts.made[part], *files)
        within = {name: key for name, key in self.parts.before.items() if name.startswith(f"{part} ")}
        self.parts.made |= within
        self.sums |= {name: self.earlier.sums[name] for name in files}

    # The street lines -----------------------------------------------------------------------------------------------

    def _street(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Every street file, and GeoJSON of the newest month. Returns `privacy.figures` and `privacy.at_points`."""
        figures, used = [], []
        for quarter in self.quarters:
            forces = self._forces("street", quarter)
            part, parquet = f"street {quarter}", _parquet(quarter, "street")
            files = [
                parquet,
                *(name for month in forces for name in self._street_files(month, forces[month])),
            ]
            if self._stands(part, self._street_key(quarter), files):
                self._keep(part, files)
                told, at = self._take_months(forces)
            else:
                told, at = self._make_street(quarter)
            if self._newest in forces:
                self.written += [self.folder / _geojson(force) for force in forces[self._newest]]
            self._path(parquet)
            figures.append(told)
            used.append(at)
        return pl.concat(figures), pl.concat(used)

    def _street_files(self, month: str, forces: Sequence[str]) -> list[str]:
        """The files that hold the street lines of a month and no other."""
        drawn = [_geojson(force) for force in forces] if month == self._newest else []
        return [*(_name(month, force, "street") for force in forces), *drawn]

    def _crimes(self, months: Sequence[date]) -> pl.LazyFrame:
        """The judged crimes of some months, with all that a line is made from."""
        return self.judged.crimes.lazy(months).select(street.READ)

    def _crimes_by_month(self, quarter: Quarter) -> dict[str, pl.DataFrame]:
        every = self._crimes(self.quarters[quarter]).collect()
        return {f"{month:%Y-%m}": every.filter(month=month) for month in self.quarters[quarter]}

    def _street_key(self, quarter: Quarter) -> str:
        gone = among(self._withdrawn, [self._crimes(self.quarters[quarter])]).rows()
        forces = self._forces("street", quarter)
        newest = self._newest if self._newest in forces else ""
        return key_of(self._basis, self.judged.crimes.keys.get(quarter), gone, forces, newest)

    def _month_key(self, month: str, crimes: pl.DataFrame, forces: Sequence[str]) -> str:
        gone = among(self._withdrawn, [crimes.lazy()]).rows()
        return key_of(self._basis, crimes, gone, forces, month == self._newest)

    def _make_street(self, quarter: Quarter) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The street files of a quarter of which something differs; months of which nothing does are taken over.

        Returns what `_make_month` says of each.
        """
        forces, parquet = self._forces("street", quarter), _parquet(quarter, "street")
        files = {month: self._street_files(month, forces[month]) for month in forces}
        crimes = self._crimes_by_month(quarter)
        standing = {
            month
            for month, rows in crimes.items()
            if self._stands(
                f"street {quarter} {month}", self._month_key(month, rows, forces[month]), files[month]
            )
        }
        before = self.earlier.lines(parquet, tables.NAMES) if self.earlier and standing else None
        if before is None:
            standing = set()
        new = pl.concat([rows[:0] if month in standing else rows for month, rows in crimes.items()])
        points = street.map_points_of(new.lazy(), self.country)
        held, figures, used = [], [], []
        for month, rows in crimes.items():
            if before is not None and month in standing:
                self._keep(f"street {quarter} {month}", files[month])
                told, at = self._take_months({month: forces[month]})
                lines = before.filter(pl.col("Month") == month)
            else:
                lines, told, at = self._make_month(month, rows, points, forces[month])
                self._note_places(quarter, month, lines)
            # One chunk for each month, as chunks decide the pages of the file.
            held.append(lines.select(*tables.NAMES).rechunk())
            figures.append(told)
            used.append(at)
        lines = pl.concat(held, rechunk=False)
        (self.folder / "parquet").mkdir(exist_ok=True)
        tables.write_quarter(lines, self.folder / parquet)
        return pl.concat(figures), pl.concat(used)

    def _make_month(
        self, month: str, crimes: pl.DataFrame, points: pl.DataFrame, forces: Sequence[str]
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """The files of a month. Returns the lines that are published, `privacy.figures` and `privacy.at_points`."""
        every = street.published(crimes, points, self._withdrawn, self.country, self.key, self._places)
        self._by_force(every, "street", street.COLUMNS, month, forces)
        lines = every.filter(pl.col("force").is_in(forces))
        if month == self._newest:
            self._geojson(lines, forces)
        return lines, privacy.figures(month, lines), privacy.at_points(lines)

    def _take_months(self, forces: Mapping[str, Sequence[str]]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Count in the street files of months, by their `forces`. Returns what `_make_month` says of each."""
        assert self.earlier is not None
        for month in forces:
            self._take("street", month, forces[month])
        return self.earlier.figures(list(forces))

    def _note_places(self, quarter: Quarter, month: str, lines: pl.DataFrame) -> None:
        """Note what the lines of each force in a month say of where crimes are: its outcomes are made from that."""
        identified = lines.drop_nulls("Crime ID").select("force", *outcomes.PLACED)
        for (force,), part in identified.partition_by("force", as_dict=True).items():
            self.parts.made[_placed(quarter, month, str(force))] = key_of(part)

    def _geojson(self, lines: pl.DataFrame, forces: Sequence[str]) -> None:
        """A file of one month for each force."""
        (self.folder / GEOJSON).mkdir()
        # Made of all forces at once: text is escaped once for each distinct value.
        features = geojson.features(lines)
        parts = features.with_columns(lines["force"]).partition_by("force", as_dict=True, include_key=False)
        for force in forces:
            geojson.write(parts.get((force,), features.clear()), self.folder / _geojson(force))

    # What is beside them --------------------------------------------------------------------------------------------

    def _outcomes(self, quarter: Quarter) -> None:
        """The outcomes of a quarter, by force and month and as Parquet, where any were supplied.

        Those of a force are taken over where the force tells the same, and of crimes that are where they were.
        """
        rows, kind = self.judged.case_outcomes, "outcomes"
        scopes = rows.scopes.filter(pl.col("month").is_in(self.quarters[quarter]))
        if scopes.is_empty():
            return
        forces = self._forces_of(kind, quarter, scopes)
        parquet = _parquet(quarter, kind)
        telling = [of for of in self.quarters if of <= quarter]
        told_by = [(of, month) for of in telling for month in self._forces("street", of)]
        # What a file tells is compared with every release, and with all of this one that is there by now.
        compared = [sorted(self.compared), [self._digest(name) for name in self._parquet()]]
        of_files = set(scopes.filter(pl.col("file_type") != "extract")["force"])
        beside = {
            force: [
                [(month, self.parts.made.get(_placed(of, month, force))) for of, month in told_by],
                compared if force in of_files else [],
            ]
            for force in scopes["force"].unique().sort()
        }
        every = [parquet, *(_name(month, force, kind) for month in forces for force in forces[month])]
        if self._stands(f"{kind} {quarter}", key_of(self._basis, forces, rows.keys[quarter], beside), every):
            self._keep(f"{kind} {quarter}", every)
            for month in forces:
                self._take(kind, month, forces[month])
        else:
            streets = [self.folder / _parquet(of, "street") for of in telling]
            self._make_outcomes(quarter, forces, beside, streets)
        self._path(parquet)

    def _make_outcomes(
        self,
        quarter: Quarter,
        forces: Mapping[str, Sequence[str]],
        beside: Mapping[str, object],
        streets: Sequence[Path],
    ) -> None:
        """The outcomes files of a quarter of which something differs; of forces of which nothing does, as they are.

        `beside` is what those of each force are made from beside its rows, `streets` the files of the crimes.
        """
        kind, parquet = "outcomes", _parquet(quarter, "outcomes")
        # Which file tells an outcome decides nothing.
        rows = self.judged.case_outcomes.lazy(self.quarters[quarter]).drop("supply").collect()
        standing = {}
        for (force,), part in rows.partition_by("force", as_dict=True).items():
            months = [month for month in forces if force in forces[month]]
            files = [_name(month, force, kind) for month in months]
            if self._stands(
                f"{kind} {quarter} {force}", key_of(self._basis, part, months, beside[force]), files
            ):
                standing[force] = files
        before = self.earlier.lines(parquet, outcomes.NAMES) if self.earlier and standing else None
        if before is None:
            standing = {}
        for force, files in standing.items():
            self._keep(f"{kind} {quarter} {force}", files)
        other = ~pl.col("force").is_in(list(standing))
        made = outcomes.published(
            rows.filter(other), self.country, self.key, self.folder, streets, self.releases
        )
        for month in forces:
            of_month = made.filter(pl.col("Month") == month)
            self._by_force(of_month, kind, outcomes.COLUMNS, month, forces[month], standing.keys())
        lines = made.select(*outcomes.NAMES)
        if before is not None:
            lines = pl.concat([before.filter(~other), lines])
        # In one chunk, as chunks decide the pages of the file.
        lines = lines.sort("Month", "force", maintain_order=True).rechunk()
        tables.write_quarter(lines, self.folder / parquet, outcomes.NAMES)

    def _searches(self, quarter: Quarter) -> None:
        """The searches of a quarter, by force and month and as Parquet, where any were supplied."""
        kind = "stop-and-search"
        told = self.judged.searches.filter(pl.col("month").is_in(self.quarters[quarter]))
        if told.is_empty():
            return
        forces = self._forces_of(kind, quarter, told)
        part, parquet = f"{kind} {quarter}", _parquet(quarter, kind)
        files = [parquet, *(_name(month, force, kind) for month in forces for force in forces[month])]
        if self._stands(part, key_of(self._basis, forces, told), files):
            self._keep(part, files)
            for month in forces:
                self._take(kind, month, forces[month])
        else:
            lines = searches.published(told).sort("Month", maintain_order=True)
            for month in forces:
                of_month = lines.filter(pl.col("Month") == month)
                self._by_force(of_month, kind, tuple(searches.COLUMNS), month, forces[month])
            tables.write_quarter(lines, self.folder / parquet, searches.NAMES)
        self._path(parquet)

    def _boundaries(self, shapes: gpd.GeoDataFrame) -> None:
        key = key_of(
            code_of("publish.feeds", "geography"),
            self._newest,
            self.country.lsoas,
            shapes["lsoa_code"].to_list(),
            b"".join(shapes.geometry.to_wkb()),
        )
        folder = self.folder / "boundaries"
        paths = boundaries.files(self._newest, folder)
        files = [path.relative_to(self.folder).as_posix() for path in paths]
        if self._stands("boundaries", key, files):
            self._keep("boundaries", files)
        else:
            boundaries.write(self.country, shapes, self._newest, folder)
        self.written += paths

    # Files ----------------------------------------------------------------------------------------------------------

    def _path(self, name: str) -> Path:
        """The path of a file that is one of those written, in their order."""
        self.written.append(self.folder / name)
        return self.written[-1]

    def _by_force(
        self,
        lines: pl.DataFrame,
        kind: str,
        columns: Sequence[str],
        month: str,
        forces: Sequence[str],
        standing: Set[str] = frozenset(),
    ) -> None:
        """A file of a month for each of some forces, with a header only when it has no line.

        The files of those that are `standing` were taken over.
        """
        parts = {str(force): part for (force,), part in lines.group_by("force", maintain_order=True)}
        (self.folder / month).mkdir(exist_ok=True)
        for force in forces:
            if force in standing:
                self._take(kind, month, [force])
                continue
            part = parts.get(force, lines.clear())
            name = _name(month, force, kind)
            path = self._path(name)
            street.write(part, path, columns)
            self.lines[force, month, kind] = name, part.height
            # Of a month that is made again, most files are what they were.
            stands = (
                self.compressed_alike and self.earlier and self.earlier.sums.get(name) == self._digest(name)
            )
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
            self.sums[name] = file_digest(self.folder / name)
        return self.sums[name]

    def _digests(self, paths: Sequence[Path]) -> dict[str, str]:
        """The SHA-256 of each file by its path, as `sha256sum --check` wants them."""
        return {
            name: self._digest(name) for name in (path.relative_to(self.folder).as_posix() for path in paths)
        }


def _geojson(force: str) -> str:
    return f"{GEOJSON}/{force}.geojson"


def _parquet(quarter: Quarter, kind: str) -> str:
    return f"parquet/{quarter}-{kind}.parquet"


def _placed(quarter: Quarter, month: str, force: str) -> str:
    return f"street {quarter} {month} places of {force}"


def _name(month: str, force: str, kind: str) -> str:
    return f"{month}/{month}-{force}-{kind}.csv"
