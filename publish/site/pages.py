"""Lays figures out as pages and writes them."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

import geopandas
import jinja2
import polars as pl
from markupsafe import Markup

from geography.areas import Country
from publish.site import api_page, charts, country_map, words
from publish.site.documents import grouped
from publish.site.figures import CRIMES, Figure, Figures, Place
from publish.site.messages import install, say, speak
from publish.site.shapes import Outlines, outlines_of, scale_bar
from publish.site.similar import Similar, similar_places
from publish.site.supply import Gap
from publish.site.writing import Folder, key_of
from transforms.contracts.columns import BEHAVIOUR
from transforms.contracts.status import ALLOWS_NUMBER, Status
from transforms.counting.editions import load_editions, load_worked_examples
from transforms.counting.methodology import methodology
from transforms.periods import plus_months
from transforms.quarter_rows import QuarterRows

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


@dataclass(frozen=True)
class Addresses:
    """Where what is published beside the site is found, from its root."""

    feeds: str = "feeds/"
    returns: str = "returns/"
    #: Files of the return, for the page of releases.
    documents: Sequence[str] = ()


def write_pages(
    figures: Figures,
    crimes: QuarterRows,
    country: Country,
    boundaries: geopandas.GeoDataFrame,
    folder: Path,
    addresses: Addresses,
    language: str,
    revised: Mapping[str, Any],
    earlier: Path | None,
    bulk: Path | None,
) -> list[Path]:
    """Write every page of the site into `folder`. Returns the paths written, in order."""
    with Folder(folder, earlier) as files:
        _Site(figures, crimes, country, boundaries, files, addresses, language, revised, bulk).write()
    return files.written


def slug(identity: str) -> str:
    """An id as one safe, short step of a path; ids that are safe already stay as they are."""
    if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", identity):
        return identity
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", identity).strip("-")[:LONGEST_SLUG]
    return f"{plain}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


class Drawn(NamedTuple):
    """The outlines of one force's areas."""

    lsoas: Outlines
    neighbourhoods: Outlines


class _Site:
    """The pages of one build and what they share."""

    def __init__(
        self,
        figures: Figures,
        crimes: QuarterRows,
        country: Country,
        boundaries: geopandas.GeoDataFrame,
        files: Folder,
        addresses: Addresses,
        language: str,
        revised: Mapping[str, Any],
        bulk: Path | None,
    ) -> None:
        self.figures = figures
        self.crimes = crimes
        self.country = country
        self.map_lsoas = country_map.map_lsoas(country, list(figures.forces))
        self.files = files
        self.boundaries = outlines_of(boundaries, country.lsoas, files)
        self.force_outlines = self.boundaries.forces()
        self.simple_forces = self.force_outlines.simpler(COUNTRY_DETAIL_METRES)
        areas = figures.cells.keys(files.parts)
        self.keys = {force: figures.key(force, areas.get(force)) for force in figures.forces}
        self.addresses = addresses
        self.language = language
        self.revised = revised
        self.bulk = bulk
        self.latest = figures.months[-1]
        self.gap_now = {
            force: next((gap for gap in gaps if gap.file == "crime" and gap.last == self.latest), None)
            for force, gaps in figures.gaps.items()
        }

    def write(self) -> None:
        spoken = speak(self.language)
        self.assets = self._assets()
        self.templates = templates(
            assets=self.assets,
            site={
                "title": self.country.title,
                "attribution": self.country.attribution,
                "latest": self.latest,
                "language": self.language,
                "words": json.dumps(spoken, ensure_ascii=False) if spoken else "",
            },
            months=self.figures.months,
            feeds=self.addresses.feeds,
            nothing_owed=say("nothing owed"),
        )
        self._country_map()
        self._national_pages()
        shared = self._shared_key()
        for force, place in self.figures.forces.items():
            if not self.files.kept(force, key_of(shared, self.keys[force]), force):
                self._force_pages(force, place)

    def _force_pages(self, force: str, place: Place) -> None:
        """The page of a force and those of its neighbourhoods."""
        places = self.figures.neighbourhoods(force)
        tables = self.figures.tables(force)
        # Of one force at a time: of one that is kept from an earlier build nothing is drawn.
        lsoas = self.country.lsoas.filter(pl.col("force") == force)
        drawn = Drawn(self.boundaries.lsoas(lsoas), self.boundaries.neighbourhoods(lsoas))
        sizes = drawn.neighbourhoods.square_metres()
        similar = similar_places(places, {id_: sizes.get((force, id_), 0.0) for id_ in places})
        views = [self._view(each) for each in places.values()]
        self._force_page(force, self._view(place), views, drawn)
        self._page(f"{force}/404.html", "absent.html", root="/", here="", force=place)
        for view in views:
            self._neighbourhood_page(view, tables.get(view["id"]), places, similar.get(view["id"]), drawn)

    def _shared_key(self) -> str:
        """A key of what the pages of every force are made from."""
        site = self.templates.globals["site"]
        used = ("site.css", "site.js", "icon.svg", "plotly-basic.min.js", "trend.json")
        shades = {level: self.figures.shades[level][0] for level in ("areas", "neighbourhoods")}
        assets = [self.assets[name] for name in used]
        return key_of(self.figures.months, site, assets, shades, self.addresses.feeds, self.boundaries.key)

    def _page(self, name: str, template: str, root: str, **context: Any) -> None:
        page = self.templates.get_template(template).render(root=root, **context)
        self.files.put(name, page.encode("utf-8"))

    def _assets(self) -> dict[str, str]:
        """Copy styles, scripts and data under names that change with their content."""
        folder = resources.files("publish.site") / "assets"
        contents = {
            asset.name: asset.read_bytes()
            for place in (folder, folder / "vendor")
            for asset in place.iterdir()
            if asset.is_file()
        }
        contents["trend.json"] = charts.trend_figure().encode()
        contents["search.json"] = self._search().encode()
        names = {name: _asset(name, contents[name]) for name in sorted(contents)}
        for name, place in names.items():
            # A large script takes long to compress.
            if not self.files.kept(place, key_of(contents[name]), f"{place}*"):
                self.files.put(place, contents[name])
        return names | {"areas.pmtiles": self._area_tiles()}

    def _area_tiles(self) -> str:
        forces, neighbourhoods = list(self.figures.forces), self.figures.keys
        key = key_of(self.boundaries.key, forces, neighbourhoods)
        if self.files.kept("areas", key, "assets/areas.*.pmtiles"):
            return self.files.written[-1].relative_to(self.files.folder).as_posix()
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "areas.pmtiles"
            outlines = {
                "forces": self.force_outlines,
                "neighbourhoods": self.boundaries.neighbourhoods(self.country.lsoas),
                "areas": self.boundaries.lsoas(),
            }
            country_map.write_area_tiles(path, self.map_lsoas, forces, neighbourhoods, outlines)
            content = path.read_bytes()
        place = _asset("areas.pmtiles", content)
        self.files.put(place, content)
        return place

    def _country_map(self) -> None:
        """The map's page, which tells the forces' figures without script too, and what the map reads."""
        months = country_map.write_point_tiles(
            self.files, self.crimes, self.country, self.figures.months, self.bulk
        )
        country_map.write_figures(self.files, self.figures, self.keys)
        index = country_map.index(
            self.figures,
            self.map_lsoas,
            self.force_outlines,
            months,
            self.country.attribution,
            self.country.basemap,
        )
        self.files.put("map/index.json", index.encode())
        self._page(
            "map/index.html",
            "map.html",
            root="../",
            here="map",
            map=self._forces_drawn("../"),
            legend=_legend(self.figures.shades["forces"][0]),
            forces=[(place.name, force, place.latest) for force, place in self.figures.forces.items()],
            basemap=self.country.basemap,
        )

    def _forces_drawn(self, root: str) -> dict[str, Any] | None:
        """The forces as a picture, each a way to its page."""
        bounds = self.figures.shades["forces"][0]
        shapes = {
            force: (place.name, place.latest, f"{root}{force}/", bounds)
            for force, place in self.figures.forces.items()
        }
        return self._drawn(self.simple_forces, shapes)

    def _search(self) -> str:
        """What the search looks through: short lists, so that a nation fits in a small file."""
        forces = list(self.figures.forces)
        places = self.figures.places
        partnerships = sorted(set(places.get_column("csp_name")))
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
                        name,
                        number_of_partnership[partnership],
                        number_of_force[force],
                        slug(identity),
                        int(known),
                    ]
                    for name, partnership, force, identity, known in places.select(
                        "neighbourhood_name", "csp_name", "force", "neighbourhood", "known"
                    ).iter_rows()
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
            map=self._forces_drawn(""),
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
        self._page("revisions/index.html", "revisions.html", root="../", here="about", revised=self.revised)
        self._page("download/index.html", "download.html", root="../", here="download", forces=named)
        self._page("accessibility/index.html", "accessibility.html", root="../", here="")
        self._developers_page()
        late = [
            (place.name, force, ", ".join(words.month_run(*run) for run in words.runs(sorted(months))))
            for force, place in self.figures.forces.items()
            if (months := self.figures.late.get(force))
        ]
        self._page(
            "releases/index.html",
            "releases.html",
            root="../",
            here="",
            documents=grouped(self.addresses.documents),
            returns=self.addresses.returns,
            late=late,
        )
        self._page("changes/index.html", "changes.html", root="../", here="", events=self._events())
        self._page("404.html", "absent.html", root="/", here="", force=None)

    def _developers_page(self) -> None:
        areas = sorted({force for force, _ in self.figures.keys})
        first = next(iter(self.figures.keys), None)
        release = api_page.Release(
            title=self.country.title,
            attribution=self.country.attribution,
            months=[f"{month:%Y-%m}" for month in self.figures.months],
            forces=areas,
            national=sorted(self.figures.forces.keys() - set(areas)),
            neighbourhoods=api_page.Example([{"id": first[1]}] if first else []),
        )
        self._page(
            "developers/index.html",
            "developers.html",
            root="../",
            here="",
            api=api_page.described(release),
            example=next(iter(areas), "force"),
        )

    def _events(self) -> list[tuple[date, str, str, str, str]]:
        """What forces stopped supplying, supplied short or supplied again: month, force, what and why."""
        found = []
        for force, place in self.figures.forces.items():
            for gap in self.figures.gaps.get(force, []):
                file = "" if gap.file == "crime" else f" ({words.file_type(gap.file).lower()})"
                began = words.supplied(gap.status) + file
                found.append((gap.first, place.name, force, began, words.reason(gap)))
                after = plus_months(gap.last, 1)
                status, _ = self.figures.supplied[force, gap.file].get(after, ("", None))
                if status == Status.COMPLETE.value and after <= self.latest:
                    found.append((after, place.name, force, say("supplied in full again") + file, ""))
        found.sort(key=lambda event: event[1:])
        return sorted(found, key=lambda event: event[0], reverse=True)

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
            pl.col("region").fill_null(say("The whole country")),
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
                share = (
                    ""
                    if coverage is None
                    else ", " + say("{share} of the expected records", share=f"{coverage:.0%}")
                )
                title = ""
                if status != Status.COMPLETE.value:
                    told = words.supplied(status) if status else say("nothing owed")
                    title = f"{words.month(month)}: {told}{share}"
                cells.append((status.replace(" ", "-"), MARKS.get(status, "·"), title))
            rows.append((place.short_name, force, cells))
        return rows

    def _force_page(
        self, force: str, view: dict[str, Any], neighbourhoods: list[dict[str, Any]], drawn: Drawn
    ) -> None:
        self._page(
            f"{force}/index.html",
            "force.html",
            root="../",
            here="",
            neighbourhoods=neighbourhoods,
            map=self._force_map(force, neighbourhoods, drawn),
            force=view,
            **self._shared(view),
        )

    def _neighbourhood_page(
        self,
        view: dict[str, Any],
        table: str | None,
        places: Mapping[str, Place],
        found: Similar | None,
        drawn: Drawn,
    ) -> None:
        force = self.figures.forces[view["force"]]
        view["has_table"] = table is not None
        view["compared"] = force.per_thousand() if view["population"] else None
        similar, strip = self._compared(view, places, found)
        path = f"{view['force']}/{view['slug']}"
        self._page(
            f"{path}/index.html",
            "neighbourhood.html",
            root="../../",
            here="",
            force=force,
            map=self._map(view, drawn),
            map_address=_map_address(view, drawn),
            similar=similar,
            strip=strip,
            **self._shared(view),
        )
        if table is not None:
            self.files.put(f"{path}/figures.csv", table.encode())

    def _compared(
        self, view: dict[str, Any], places: Mapping[str, Place], found: Similar | None
    ) -> tuple[dict[str, Any] | None, Markup | None]:
        """The neighbourhoods that are most alike, and their rates on one line."""
        own = view["per_thousand"]()
        if found is None or own is None or view["compared"] is None:
            return None, None
        rows = [(places[other].name, slug(other), rate) for other, rate in found.companions]
        label = say(
            "{name}: {own} crimes for each 1,000 residents. The force as a whole: {whole}. "
            "Similar neighbourhoods: {low} to {high}.",
            name=view["name"],
            own=f"{own:.1f}",
            whole=f"{view['compared']:.1f}",
            low=f"{min(found.known, default=0):.1f}",
            high=f"{max(found.known, default=0):.1f}",
        )
        similar = {
            "density": found.density,
            "median": found.median,
            "companions": found.companions,
            "rows": rows,
        }
        return similar, charts.strip_picture(own, view["compared"], found.known, label)

    def _shared(self, view: dict[str, Any]) -> dict[str, Any]:
        return {
            "place": view,
            "gap": self.gap_now.get(view["force"]),
            "gaps": self.figures.gaps.get(view["force"], []),
            "picture": charts.trend_picture(
                view["trend"],
                self.figures.months,
                f"{say('Crimes recorded each month.')} {view['words']}",
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
            "outcomes": place.outcomes,
            "words": charts.trend_words(place.trend, self.figures.months, late),
            "late": late,
        }

    def _map(self, view: dict[str, Any], drawn: Drawn) -> dict[str, Any] | None:
        """The small areas of a neighbourhood."""
        areas = {area.code: area for area in view["areas"]}
        bounds = self.figures.shades["areas"][0]
        shapes = {code: (area.name, area.crimes, "", bounds) for code, area in areas.items()}
        return self._drawn(drawn.lsoas, shapes)

    def _force_map(
        self, force: str, neighbourhoods: list[dict[str, Any]], drawn: Drawn
    ) -> dict[str, Any] | None:
        """The neighbourhoods of a force, each a way to its page."""
        bounds = self.figures.shades["neighbourhoods"][0]
        shapes = {
            (force, view["id"]): (view["name"], view["latest"], f"{view['slug']}/", bounds)
            for view in neighbourhoods
        }
        return self._drawn(drawn.neighbourhoods, shapes)

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


def _asset(name: str, content: bytes) -> str:
    """The place of a file whose name changes with its content."""
    stem, _, suffix = name.rpartition(".")
    return f"assets/{stem}.{hashlib.sha256(content).hexdigest()[:10]}.{suffix}"


def _map_address(view: dict[str, Any], drawn: Drawn) -> str:
    """Where a neighbourhood lies on the map of the country, as the end of the map's address."""
    found = drawn.neighbourhoods.middle((view["force"], view["id"]))
    return "" if found is None else "at=12/{1:.4f}/{0:.4f}".format(*found)


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
        words.number(low)
        if low == high
        else say("{low} to {high}", low=words.number(low), high=words.number(high))
        for low, high in zip(lows, bounds, strict=False)
    ]
    labels.append(say("{low} or more", low=words.number(lows[-1])))
    shades = [(f"s{number}", label) for number, label in enumerate(labels, 1)]
    return [("missing", say("? not known")), ("zero", say("0, no crime recorded")), *shades]


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


def templates(**shared: Any) -> jinja2.Environment:
    """The templates, which refuse an unknown name and escape every value."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("publish.site"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    install(environment)
    environment.globals.update(shared)
    environment.filters.update(
        number=words.number,
        said=words.said,
        figure=words.figure,
        month=words.month,
        ym=lambda month: f"{month:%Y-%m}",
        iso=date.isoformat,
        span=lambda gap: words.month_run(gap.first, gap.last),
        reason=words.reason,
        supplied=words.supplied,
        file=words.file_type,
        allows=ALLOWS_NUMBER.__contains__,
    )
    return environment
