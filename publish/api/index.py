"""Builds the API's files from the bulk files of a release: everything an answer needs, ready to be copied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import polars as pl

from geography.areas import Country
from publish.api import text
from publish.api.numbers import numbers
from publish.api.opened import FORMAT, INDEX
from publish.api.points import Points
from publish.api.words import CODE_OF_CATEGORY, FORCES_IN_ORDER, RECORDED
from publish.api.writing import write_layer, write_neighbourhoods
from publish.feeds import searches
from publish.feeds.tables import read_month
from transforms.periods import Quarter

#: Ids of points that are in no list of ours begin here.
FIRST_FOREIGN_POINT: Final = 2**30

PLACE: Final = ("longitude", "latitude", "location")
#: Columns of the searches that keep the names they have in Parquet.
KEPT: Final = ("force", "month", "longitude", "latitude")
#: What police.uk calls a place without a name; the blank is part of it.
NAMELESS: Final = "On or near "

NUMBER_OF_CATEGORY: Final = {
    category: RECORDED.index(code) for category, code in CODE_OF_CATEGORY.items() if code in RECORDED
}


def build(
    feeds: Path, country: Country, boundaries: gpd.GeoDataFrame, months: Sequence[date], folder: Path
) -> list[Path]:
    """Write the API's files for `months` into `folder`, from what was published in `feeds` and nothing else.

    `feeds` is what `publish.feeds.build` wrote; `boundaries` has `lsoa_code` and `geometry`. Returns the
    paths written, in order. Equal inputs give equal bytes.
    """
    return _Build(feeds, country, boundaries, sorted(months), folder).write()


@dataclass(frozen=True)
class _Build:
    feeds: Path
    country: Country
    boundaries: gpd.GeoDataFrame
    months: list[date]
    folder: Path

    def write(self) -> list[Path]:
        self.folder.mkdir(parents=True)
        points, places = self._points()
        national = self.country.forces.filter(pl.col("kind") == "national")["force"].to_list()
        held: dict[str, Any] = {"crimes": {}, "outcomes": {}, "stops": {}}
        ids: dict[str, list[pl.DataFrame]] = {"crimes": [], "outcomes": []}
        crimes: list[pl.DataFrame] = []
        latest = self._latest_outcomes()
        for number, month in enumerate(self.months):
            rows = self._crimes(month, places, national, latest)
            held["crimes"][f"{month:%Y-%m}"] = self._layer("crimes", month, rows, points)
            ids["crimes"].append(_ids(rows, number))
            if latest is not None:
                crimes.append(_of_outcomes(rows, f"{month:%Y-%m}"))
        told = pl.concat(crimes).unique("crime_id", keep="first", maintain_order=True) if crimes else None
        for number, month in enumerate(self.months):
            outcomes = None if told is None else self._outcomes(month, places, national, told)
            if outcomes is not None:
                held["outcomes"][f"{month:%Y-%m}"] = self._layer("outcomes", month, outcomes, points)
                ids["outcomes"].append(_ids(outcomes, number))
            if (stops := self._stops(month, places)) is not None:
                held["stops"][f"{month:%Y-%m}"] = self._layer("stops", month, stops, points)
        for kind, parts in ids.items():
            if parts:
                _save_ids(pl.concat(parts), self.folder / f"{kind}-ids")
        index = {
            "format": FORMAT,
            "title": self.country.title,
            "attribution": self.country.attribution,
            "months": [f"{month:%Y-%m}" for month in self.months],
            "grid": points.save(self.folder / "points"),
            "layers": held,
            "forces": self._forces(),
            "national": national,
            "availability": self._availability(),
            "tag": _tag(self.feeds),
        }
        write_neighbourhoods(self.country, self.boundaries, self.folder / "neighbourhoods")
        (self.folder / INDEX).write_text(
            json.dumps(index, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
        )
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def _layer(self, kind: str, month: date, rows: pl.DataFrame, points: Points) -> dict[str, Any]:
        return write_layer(self.folder / kind / f"{month:%Y-%m}", rows, len(points))

    def _lines(self, month: date, kind: str = "street") -> pl.DataFrame | None:
        """The lines of one month of a kind of file; None where there are none."""
        path = self.feeds / "parquet" / f"{Quarter.of(month)}-{kind}.parquet"
        if kind != "street" and not path.exists():
            return None
        lines = read_month(path, f"{month:%Y-%m}").with_columns(pl.col("longitude", "latitude").round(6))
        return lines if kind == "street" or lines.height else None

    def _latest_outcomes(self) -> pl.DataFrame | None:
        """The month that each crime was last given each outcome; None where no outcomes were published."""
        files = sorted((self.feeds / "parquet").glob("*-outcomes.parquet"))
        if not files:
            return None
        return (
            pl.scan_parquet(files)
            .drop_nulls("crime_id")
            .group_by("crime_id", outcome="outcome_type")
            .agg(outcome_month=pl.col("month").max())
            .collect()
        )

    def _points(self) -> tuple[Points, pl.DataFrame]:
        """Every point that a record is published at or could be: laid out, and by place with its `rank` and text."""
        listed = self.country.map_points.select(
            pl.col("longitude", "latitude").round(6),
            location="On or near " + pl.col("name"),
            point_id="point_id",
        )
        used = [
            lines.select(
                *PLACE, point_id="point_id" if kind == "street" else pl.lit(None, pl.Int64)
            ).drop_nulls("longitude").unique()
            for month in self.months
            for kind in ("street", "outcomes")
            if (lines := self._lines(month, kind)) is not None
        ]  # fmt: skip
        searched = [
            lines.select("longitude", "latitude").drop_nulls().unique()
            for month in self.months
            if (lines := self._lines(month, "stop-and-search")) is not None
        ]
        named = pl.concat([listed, *used])
        # A search file gives no name: it is that of the point in any other file, or the one without a name.
        for lines in searched:
            unnamed = lines.join(named, on=["longitude", "latitude"], how="anti")
            named = pl.concat(
                [named, unnamed.with_columns(location=pl.lit(NAMELESS), point_id=pl.lit(None, pl.Int64))]
            )
        places = named.sort(*PLACE, "point_id", nulls_last=True).unique(
            list(PLACE), keep="first", maintain_order=True
        )
        places = places.with_columns(point_id=_identified(places))
        points, order = Points.laid_out(
            *(places[name].to_numpy() for name in ("point_id", "latitude", "longitude"))
        )
        laid = places[order].with_row_index("rank").with_columns(pl.col("rank").cast(pl.Int32))
        return points, laid.with_columns(at=text.location("longitude", "latitude", "point_id", "location"))

    def _crimes(
        self, month: date, places: pl.DataFrame, national: list[str], latest: pl.DataFrame | None
    ) -> pl.DataFrame:
        """The rows of one month's layer, sorted, with `id` and `crime_id`."""
        lines = self._lines(month)
        assert lines is not None
        rows = (
            lines.join(places.select(*PLACE, "at", point="rank"), on=PLACE, how="left")
            .with_columns(
                category_name="crime_type",
                category=pl.col("crime_type").replace_strict(NUMBER_OF_CATEGORY, return_dtype=pl.UInt8),
                outcome="last_outcome_category",
            )
            .sort("point", "force", "category", "crime_id", "outcome", nulls_last=True)
            .with_row_index("row")
        )
        told = pl.lit(None, pl.String) if latest is None else pl.col("outcome_month")
        if latest is not None:
            rows = rows.join(latest, on=["crime_id", "outcome"], how="left", maintain_order="left")
        return rows.with_columns(
            id=pl.Series(numbers(rows, month)),
            is_national=pl.col("force").is_in(national),
            outcome_month=told,
            number="category",
            category="category_name",
        ).with_columns(json=text.crime(f"{month:%Y-%m}"), category="number")

    def _outcomes(
        self, month: date, places: pl.DataFrame, national: list[str], crimes: pl.DataFrame
    ) -> pl.DataFrame | None:
        """The rows of one month's outcomes, sorted; None where there are none.

        An answer tells the crime beside the outcome, so the outcome of a crime that is before the release's months,
        or held back, is in the bulk file only.
        """
        lines = self._lines(month, "outcomes")
        if lines is None:
            return None
        return (
            lines.join(places.select(*PLACE, "at", point="rank"), on=PLACE, how="left")
            .with_columns(outcome="outcome_type", is_national=pl.col("force").is_in(national))
            .join(crimes, on="crime_id", how="inner")
            .with_columns(pl.col("category_name", "crime_month").cast(pl.String))
            .sort("point", "force", "category", "crime_id", "outcome", nulls_last=True)
            .with_row_index("row")
            .with_columns(number="category", category="category_name")
            .with_columns(json=text.outcome(f"{month:%Y-%m}"), category="number")
        )

    def _stops(self, month: date, places: pl.DataFrame) -> pl.DataFrame | None:
        """The rows of one month's searches, sorted; None where there are none."""
        lines = self._lines(month, "stop-and-search")
        if lines is None:
            return None
        at = places.sort("rank").unique(["longitude", "latitude"], keep="first", maintain_order=True)
        return (
            lines.rename({name: column for column, name in searches.NAMES.items() if name not in KEPT})
            .with_row_index("line")
            .join(
                at.select("longitude", "latitude", "at", point="rank"),
                on=["longitude", "latitude"],
                how="left",
            )
            .sort("point", "force", "line", nulls_last=True)
            .with_columns(json=text.stop(), category=pl.lit(0, pl.UInt8))
        )

    def _forces(self) -> list[dict[str, str]]:
        order = {force: place for place, force in enumerate(FORCES_IN_ORDER)}
        forces = self.country.forces.filter(pl.col("kind") == "territorial")
        return sorted(
            (
                {"id": force, "name": name}
                for force, name in forces.select("force", "reported_by").iter_rows()
            ),
            key=lambda each: (order.get(each["id"], len(order)), each["name"], each["id"]),
        )

    def _availability(self) -> list[dict[str, str]]:
        """What was supplied (`availability.csv`), newest month first."""
        table = pl.read_csv(self.feeds / "availability.csv", infer_schema=False)
        return (
            table.with_columns(pl.all().fill_null(""))
            .rename({"file": "dataset", "lines": "records"})
            .sort("month", "force", "dataset", descending=[True, False, False])
            .to_dicts()
        )


def _identified(places: pl.DataFrame) -> pl.Series:
    """The id of each place: its own, or for one that came from elsewhere a number made from what it is."""
    known = places["point_id"].to_list()
    used = {identity for identity in known if identity is not None}
    for at, (longitude, latitude, location, identity) in enumerate(
        places.select(*PLACE, "point_id").iter_rows()
    ):
        if identity is None:
            digest = hashlib.sha256(f"{longitude:.6f} {latitude:.6f} {location}".encode()).digest()
            number = FIRST_FOREIGN_POINT + int.from_bytes(digest[:4], "big") % (2**30 - 1)
            while number in used:
                number = number + 1 if number < 2**31 - 1 else FIRST_FOREIGN_POINT
            used.add(number)
            known[at] = number
    return pl.Series("point_id", known, pl.Int64)


def _of_outcomes(rows: pl.DataFrame, month: str) -> pl.DataFrame:
    """What an outcome tells of its crime, by `crime_id`: `category`, `category_name`, `id`, `crime_month`."""
    return (
        rows.filter(pl.col("crime_id").is_not_null())
        .select("crime_id", "category", "id", category_name="crime_type", crime_month=pl.lit(month))
        .with_columns(pl.col("category_name", "crime_month").cast(pl.Categorical))
    )


def _ids(rows: pl.DataFrame, month: int) -> pl.DataFrame:
    """Where each crime id is: `key` (its first 60 bits), `month` (its place in the list of months), `row`."""
    return (
        rows.select("crime_id", "row")
        .drop_nulls()
        .select(
            key=pl.col("crime_id").str.head(15).str.to_integer(base=16, strict=False),
            month=pl.lit(month, pl.Int16),
            row=pl.col("row").cast(pl.Int32),
        )
        .drop_nulls()
    )


def _tag(feeds: Path) -> str:
    """A name for what is published: equal exactly when every bulk file is."""
    return hashlib.sha256((feeds / "SHA256SUMS").read_bytes()).hexdigest()[:20]


def _save_ids(ids: pl.DataFrame, folder: Path) -> None:
    folder.mkdir()
    ids = ids.sort("key", "month", "row")
    for name in ids.columns:
        np.save(folder / f"{name}.npy", ids[name].to_numpy(), allow_pickle=False)


def described(index: Mapping[str, Any]) -> str:
    """One line for people: what a release's API holds."""
    return f"{index['title']}, {index['months'][0]} to {index['months'][-1]}"
