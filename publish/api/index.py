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
from publish.api.opened import FORMAT, INDEX
from publish.api.points import Points
from publish.api.words import CODE_OF_CATEGORY, FORCES_IN_ORDER, RECORDED
from publish.api.writing import write_layer, write_neighbourhoods
from publish.feeds.tables import read_month
from transforms.periods import Quarter

#: Crime numbers of a month begin at so many times the months since 2000: two months never share one.
NUMBERS_IN_A_MONTH: Final = 3_000_000
#: Ids of points that are in no list of ours begin here.
FIRST_FOREIGN_POINT: Final = 2**30

PLACE: Final = ("longitude", "latitude", "location")


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
        held: dict[str, Any] = {"crimes": {}}
        ids: list[pl.DataFrame] = []
        for month in self.months:
            name = f"{month:%Y-%m}"
            rows = self._crimes(month, places, national)
            folder = self.folder / "crimes" / name
            held["crimes"][name] = write_layer(folder, rows, len(points))
            ids.append(_ids(rows, len(ids)))
        _save_ids(pl.concat(ids), self.folder / "crimes-ids")
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

    def _lines(self, month: date) -> pl.DataFrame:
        return read_month(self.feeds / "parquet" / f"{Quarter.of(month)}-street.parquet", f"{month:%Y-%m}")

    def _points(self) -> tuple[Points, pl.DataFrame]:
        """Every point that a record is published at or could be: laid out, and by place with its `rank` and text."""
        listed = self.country.map_points.select(
            pl.col("longitude", "latitude").round(6),
            location="On or near " + pl.col("name"),
            point_id="point_id",
        )
        used = [
            self._lines(month).select(*PLACE, "point_id").drop_nulls("longitude").unique()
            for month in self.months
        ]
        places = (
            pl.concat(
                [listed, *(part.with_columns(pl.col("longitude", "latitude").round(6)) for part in used)]
            )
            .sort(*PLACE, "point_id", nulls_last=True)
            .unique(list(PLACE), keep="first", maintain_order=True)
        )
        places = places.with_columns(point_id=_identified(places))
        points, order = Points.laid_out(
            *(places[name].to_numpy() for name in ("point_id", "latitude", "longitude"))
        )
        laid = places[order].with_row_index("rank").with_columns(pl.col("rank").cast(pl.Int32))
        return points, laid.with_columns(at=text.location("longitude", "latitude", "point_id", "location"))

    def _crimes(self, month: date, places: pl.DataFrame, national: list[str]) -> pl.DataFrame:
        """The rows of one month's layer, sorted, with `id` and `crime_id`."""
        name = f"{month:%Y-%m}"
        number = {
            RECORDED.index(code): category for category, code in CODE_OF_CATEGORY.items() if code in RECORDED
        }
        first = ((month.year - 2000) * 12 + month.month - 1) * NUMBERS_IN_A_MONTH + 1
        rows = (
            self._lines(month)
            .with_columns(pl.col("longitude", "latitude").round(6))
            .join(places.select(*PLACE, "at", point="rank"), on=PLACE, how="left")
            .with_columns(
                category_name="crime_type",
                category=pl.col("crime_type").replace_strict(
                    {category: index for index, category in number.items()}, return_dtype=pl.UInt8
                ),
                outcome="last_outcome_category",
            )
            .sort("point", "force", "category", "crime_id", "outcome", nulls_last=True)
            .with_row_index("row")
        )
        if rows.height > NUMBERS_IN_A_MONTH:
            raise ValueError(
                f"{name} has {rows.height:,} records; crime numbers allow {NUMBERS_IN_A_MONTH:,}."
            )
        return rows.with_columns(
            id=pl.col("row") + first,
            is_national=pl.col("force").is_in(national),
            outcome_month=pl.lit(None, pl.String),
            number="category",
            category="category_name",
        ).with_columns(json=text.crime(name), category="number")

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
