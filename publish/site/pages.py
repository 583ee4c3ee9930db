"""Lays figures out as pages and writes them."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tempfile
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import jinja2
import polars as pl

from geography.areas import Country
from publish.site import charts, country_map, words
from publish.site.figures import CRIMES, Figure, Figures, Gap, Place
from publish.site.shapes import Boundaries, Outlines, scale_bar
from transforms.contracts.columns import BEHAVIOUR
from transforms.contracts.status import ALLOWS_NUMBER, Status
from transforms.counting.editions import load_editions, load_worked_examples
from transforms.counting.methodology import methodology
from transforms.periods import month_title

#: Smaller files are not worth a compressed copy.
WORTH_COMPRESSING: Final = 1024
COMPRESSED: Final = {".html", ".css", ".js", ".json", ".svg", ".csv"}
#: Kept in place of a whole force's longer name for a path.
LONGEST_SLUG: Final = 60
#: Detail of the picture of the whole country.
COUNTRY_DETAIL_METRES: Final = 700.0

MARKS: Final = {
    Status.COMPLETE.value: "●",
    Status.PARTIAL.value: "◐",
    Status.MISSING.value: "✕",
    Status.UNJUDGED.value: "?",
    Status.WITHHELD.value: "?",
    Status.NOT_APPLICABLE.value: "·",
}


def write_pages(
    figures: Figures,
    crimes: pl.DataFrame,
    country: Country,
    boundaries: Boundaries,
    folder: Path,
    feeds: str,
) -> list[Path]:
    """Write every page of the site into `folder`. Returns the paths written, in order."""
    return _Site(figures, crimes, country, boundaries, folder, feeds).write()


def slug(identity: str) -> str:
    """An id as one safe, short step of a path; ids that are safe already stay as they are."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", identity):
        return identity
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", identity).strip("-")[:LONGEST_SLUG]
    return f"{plain}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


class _Site:
    """The pages of one build and what they share."""

    def __init__(
        self,
        figures: Figures,
        crimes: pl.DataFrame,
        country: Country,
        boundaries: Boundaries,
        folder: Path,
        feeds: str,
    ) -> None:
        self.figures = figures
        self.crimes = crimes
        self.country = country
        self.map_lsoas = country_map.map_lsoas(country, list(figures.forces))
        self.force_outlines = boundaries.forces(country.lsoas)
        self.lsoas = boundaries.lsoas()
        self.neighbourhoods = boundaries.neighbourhoods(country.lsoas)
        self.folder = folder
        self.feeds = feeds
        self.latest = figures.months[-1]
        self.written: list[Path] = []
        self.gap_now = {
            force: next((gap for gap in gaps if gap.file == "crime" and gap.last == self.latest), None)
            for force, gaps in figures.gaps.items()
        }
        self.owned: dict[str, list[dict[str, Any]]] = {}

    def write(self) -> list[Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        views = {key: self._view(place) for key, place in self.figures.neighbourhoods.items()}
        for view in views.values():
            self.owned.setdefault(view["force"], []).append(view)
        self.templates = _templates(
            assets=self._assets(),
            site={
                "title": self.country.title,
                "attribution": self.country.attribution,
                "latest": self.latest,
            },
            months=self.figures.months,
            feeds=self.feeds,
        )
        self._country_map()
        self._national_pages()
        for force, place in self.figures.forces.items():
            self._force_page(force, self._view(place))
        for view in views.values():
            self._neighbourhood_page(view)
        return self.written

    def _put(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.written.append(path)
        if path.suffix in COMPRESSED and len(content) > WORTH_COMPRESSING:
            beside = path.with_name(path.name + ".gz")
            beside.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))
            self.written.append(beside)

    def _page(self, name: str, template: str, root: str, **context: Any) -> None:
        page = self.templates.get_template(template).render(root=root, **context)
        self._put(name, page.encode("utf-8"))

    def _assets(self) -> dict[str, str]:
        """Copy styles, scripts and data under names that change with their content."""
        folder = resources.files("publish.site") / "assets"
        contents = {
            asset.name: asset.read_bytes()
            for place in (folder, folder / "vendor")
            for asset in place.iterdir()
            if asset.is_file()
        }
        contents["areas.pmtiles"] = self._area_tiles()
        contents["trend.json"] = charts.trend_figure().encode()
        contents["search.json"] = self._search().encode()
        names = {}
        for name in sorted(contents):
            stem, _, suffix = name.rpartition(".")
            names[name] = f"assets/{stem}.{hashlib.sha256(contents[name]).hexdigest()[:10]}.{suffix}"
            self._put(names[name], contents[name])
        return names

    def _area_tiles(self) -> bytes:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "areas.pmtiles"
            outlines = {
                "forces": self.force_outlines,
                "neighbourhoods": self.neighbourhoods,
                "areas": self.lsoas,
            }
            forces, neighbourhoods = list(self.figures.forces), list(self.figures.neighbourhoods)
            country_map.write_area_tiles(path, self.map_lsoas, forces, neighbourhoods, outlines)
            return path.read_bytes()

    def _country_map(self) -> None:
        """The map's page, which tells the forces' figures without script too, and what the map reads."""
        folder = self.folder / "map"
        written = country_map.write_point_tiles(folder, self.crimes, self.country, self.figures.months)
        self.written += [path for _, path in written]
        country_map.write_figures(self._put, self.figures, self.map_lsoas, "map")
        index = country_map.index(
            self.figures,
            self.map_lsoas,
            self.force_outlines,
            [month for month, _ in written],
            self.country.attribution,
        )
        self._put("map/index.json", index.encode())
        bounds = self.figures.shades["forces"][0]
        shapes = {
            force: (place.name, place.latest, f"../{force}/", bounds)
            for force, place in self.figures.forces.items()
        }
        self._page(
            "map/index.html",
            "map.html",
            root="../",
            here="map",
            map=self._drawn(self.force_outlines.simpler(COUNTRY_DETAIL_METRES), shapes),
            legend=_legend(bounds),
            forces=[(place.name, force, place.latest) for force, place in self.figures.forces.items()],
            script_words="{}",
            basemap="",
        )

    def _search(self) -> str:
        """What the search looks through: short lists, so that a nation fits in a small file."""
        forces = list(self.figures.forces)
        partnerships = sorted({place.partnership for place in self.figures.neighbourhoods.values()})
        number_of_force = {force: number for number, force in enumerate(forces)}
        number_of_partnership = {name: number for number, name in enumerate(partnerships)}
        return json.dumps(
            {
                "forces": [
                    [self.figures.forces[force].name, force, int(self.figures.forces[force].latest.is_known)]
                    for force in forces
                ],
                "partnerships": partnerships,
                "places": [
                    [
                        place.name,
                        number_of_partnership[place.partnership],
                        number_of_force[place.force],
                        slug(place.neighbourhood),
                        int(place.latest.is_known),
                    ]
                    for place in self.figures.neighbourhoods.values()
                ],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    def _national_pages(self) -> None:
        states = {force: self._state(force) for force in self.figures.forces}
        owed = [force for force, status in states.items() if status]
        named = [(self.figures.forces[force].name, force, states[force]) for force in self.figures.forces]
        self._page(
            "index.html",
            "home.html",
            root="",
            here="home",
            whole=len([force for force in owed if states[force] == Status.COMPLETE.value]),
            owed=len(owed),
            lacking=[(name, force, gap) for name, force, _ in named if (gap := self.gap_now.get(force))],
            earlier=self._earlier_gaps(),
            regions=self._regions(states),
        )
        self._page(
            "supplied/index.html",
            "supplied.html",
            root="../",
            here="supplied",
            years=[
                (year, len(list(run))) for year, run in groupby(m.year for m in self.figures.months[::-1])
            ],
            files=[(file, self._grid(file)) for file in self._files()],
            gaps=[
                (place.name, force, gap)
                for force, place in self.figures.forces.items()
                for gap in self.figures.gaps.get(force, [])
            ],
        )
        self._page("about/index.html", "about.html", root="../", here="about")
        rules = methodology(load_editions(), load_worked_examples())
        self._page("counting/index.html", "counting.html", root="../", here="about", sections=rules)
        self._page("download/index.html", "download.html", root="../", here="download", forces=named)
        self._page("404.html", "absent.html", root="/", here="")

    def _earlier_gaps(self) -> list[tuple[str, str, Gap]]:
        """Gaps in crime records that ended before the latest month, latest first."""
        gaps = [
            (self.figures.forces[force].name, force, gap)
            for force in self.figures.forces
            for gap in self.figures.gaps.get(force, [])
            if gap.file == "crime" and gap.last < self.latest
        ]
        return sorted(gaps, key=lambda row: row[2].last, reverse=True)

    def _regions(self, states: Mapping[str, str]) -> list[tuple[str, list[tuple[str, str, str]]]]:
        rows = self.country.forces.select(
            pl.col("region").fill_null("The whole country"),
            "reported_by",
            "force",
            national=pl.col("kind") == "national",
        ).sort("national", "region", "reported_by")
        return [
            (region, [(name, force, states[force]) for _, name, force, _ in members])
            for region, members in groupby(rows.iter_rows(), key=lambda row: str(row[0]))
        ]

    def _state(self, force: str) -> str:
        """The status of the force's crime records in the latest month; empty when none are owed."""
        return self.figures.supplied.get((force, "crime"), {}).get(self.latest, ("", None))[0]

    def _files(self) -> list[str]:
        """The file types of the completeness page, crime first."""
        return sorted({file for _, file in self.figures.supplied}, key=lambda file: (file != "crime", file))

    def _grid(self, file: str) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
        rows = []
        for force, place in self.figures.forces.items():
            months = self.figures.supplied.get((force, file))
            if months is None:
                continue
            cells = []
            for month in self.figures.months[::-1]:
                status, coverage = months.get(month, ("", None))
                share = "" if coverage is None else f", {coverage:.0%} of the expected records"
                title = ""
                if status != Status.COMPLETE.value:
                    said = words.SUPPLIED[status] if status else "nothing owed"
                    title = f"{month_title(month)}: {said}{share}"
                cells.append((status.replace(" ", "-"), MARKS.get(status, "·"), title))
            rows.append((place.short_name, force, cells))
        return rows

    def _force_page(self, force: str, view: dict[str, Any]) -> None:
        self._page(
            f"{force}/index.html",
            "force.html",
            root="../",
            here="",
            neighbourhoods=self.owned.get(force, []),
            map=self._force_map(force),
            force=view,
            **self._shared(view),
        )

    def _neighbourhood_page(self, view: dict[str, Any]) -> None:
        force = self.figures.forces[view["force"]]
        table = self.figures.tables.get((view["force"], view["id"]))
        view["has_table"] = table is not None
        view["compared"] = force.per_thousand() if view["population"] else None
        path = f"{view['force']}/{view['slug']}"
        self._page(
            f"{path}/index.html",
            "neighbourhood.html",
            root="../../",
            here="",
            force=force,
            map=self._map(view),
            map_address=self._map_address(view),
            **self._shared(view),
        )
        if table is not None:
            self._put(f"{path}/figures.csv", table.encode())

    def _shared(self, view: dict[str, Any]) -> dict[str, Any]:
        return {
            "place": view,
            "gap": self.gap_now.get(view["force"]),
            "gaps": self.figures.gaps.get(view["force"], []),
            "picture": charts.trend_picture(
                view["trend"],
                self.figures.months,
                f"Crimes recorded each month. {view['words']}",
                self.figures.late.get(view["force"], ()),
            ),
            "words": view["words"],
        }

    def _view(self, place: Place) -> dict[str, Any]:
        """What the templates show of a place."""
        by_month = list(zip(self.figures.months, place.trend, strict=True))
        late = self.figures.late.get(place.force, set())
        known = [(month, figure) for month, figure in by_month if figure.is_known]
        return {
            "force": place.force,
            "id": place.neighbourhood,
            "slug": slug(place.neighbourhood),
            "name": place.name,
            "partnership": place.partnership,
            "population": place.population,
            "trend": place.trend,
            "latest": place.latest,
            "year": place.year,
            "per_thousand": place.per_thousand,
            "by_month": by_month[::-1],
            "last_known": known[-1] if known else None,
            "kinds": _kinds(place),
            "asb": place.categories[BEHAVIOUR],
            "areas": place.areas,
            "elsewhere": place.elsewhere,
            "words": charts.trend_words(place.trend, self.figures.months, late),
            "late": late,
        }

    def _map(self, view: dict[str, Any]) -> dict[str, Any] | None:
        """The small areas of a neighbourhood."""
        areas = {area.code: area for area in view["areas"]}
        bounds = self.figures.shades["areas"][0]
        shapes = {code: (area.name, area.crimes, "", bounds) for code, area in areas.items()}
        return self._drawn(self.lsoas, shapes)

    def _map_address(self, view: dict[str, Any]) -> str:
        """Where a neighbourhood lies on the map of the country, as the end of the map's address."""
        found = self.neighbourhoods.middle((view["force"], view["id"]))
        return "" if found is None else "at=12/{1:.4f}/{0:.4f}".format(*found)

    def _force_map(self, force: str) -> dict[str, Any] | None:
        """The neighbourhoods of a force, each a way to its page."""
        bounds = self.figures.shades["neighbourhoods"][0]
        shapes = {
            (force, view["id"]): (view["name"], view["latest"], f"{view['slug']}/", bounds)
            for view in self.owned.get(force, [])
        }
        return self._drawn(self.neighbourhoods, shapes)

    def _drawn(
        self, outlines: Outlines, shapes: Mapping[Any, tuple[str, Figure, str, Sequence[int]]]
    ) -> dict[str, Any] | None:
        drawn = outlines.drawn(list(shapes))
        if drawn is None:
            return None
        bounds = next(iter(shapes.values()))[3]
        return {
            "width": drawn.width,
            "height": drawn.height,
            "bar": scale_bar(drawn.kilometre),
            "legend": _legend(bounds),
            "shapes": [
                {
                    "path": shape.path,
                    "x": shape.x,
                    "y": shape.y,
                    "has_room": shape.has_room,
                    "name": shapes[shape.key][0],
                    "figure": shapes[shape.key][1],
                    "href": shapes[shape.key][2],
                    "code": "" if shapes[shape.key][2] else shape.key,
                    "shade": _shade(shapes[shape.key][1], bounds),
                }
                for shape in drawn.shapes
            ],
        }


def _shade(figure: Figure, bounds: Sequence[int]) -> str:
    """The class of a shape: one of three states, and within numbers a shade."""
    if figure.count is None:
        return "missing"
    if figure.count == 0:
        return "zero"
    shade = f"s{bisect_left(bounds, figure.count) + 1}"
    return f"{shade} short" if figure.is_partial else shade


def _legend(bounds: Sequence[int]) -> list[tuple[str, str]]:
    """Each class of a map with its meaning."""
    lows = [1, *(bound + 1 for bound in bounds)]
    labels = [
        words.number(low) if low == high else f"{words.number(low)} to {words.number(high)}"
        for low, high in zip(lows, bounds, strict=False)
    ]
    labels.append(f"{words.number(lows[-1])} or more")
    shades = [(f"s{number}", label) for number, label in enumerate(labels, 1)]
    return [("missing", "? not known"), ("zero", "0, no crime recorded"), *shades]


def _kinds(place: Place) -> list[tuple[str, Figure, Figure | None, int | None]]:
    """Kinds of crime, most first, each with its share in percent of the largest, for a bar."""
    rows = [(name, *place.categories[name]) for name in CRIMES]
    most = max((year.count for _, _, year in rows if year is not None and year.count is not None), default=0)
    rows.sort(key=lambda row: (-(row[2].count or 0) if row[2] else -(row[1].count or 0), row[0]))
    return [
        (
            name,
            month,
            year,
            round(100 * year.count / most) if year and year.count is not None and most > 0 else None,
        )
        for name, month, year in rows
    ]


def _templates(**shared: Any) -> jinja2.Environment:
    """The templates, which refuse an unknown name and escape every value."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("publish.site"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(shared)
    environment.filters.update(
        number=words.number,
        said=words.said,
        figure=words.figure,
        month=month_title,
        ym=lambda month: f"{month:%Y-%m}",
        iso=date.isoformat,
        span=lambda gap: words.month_run(gap.first, gap.last),
        reason=words.reason,
        no_number=words.NO_NUMBER.__getitem__,
        supplied=words.SUPPLIED.__getitem__,
        file=lambda file: words.FILES.get(file, file),
        allows=ALLOWS_NUMBER.__contains__,
    )
    return environment
