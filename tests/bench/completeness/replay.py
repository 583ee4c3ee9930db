"""The real cube, whole or as 25 local authorities, and its clean history, so that a changed month costs only itself."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from transforms.completeness.cube import Cube, encode
from transforms.completeness.expectation import Track, follow
from transforms.completeness.local import LocalModel, LocalMonth
from transforms.completeness.localise import Incident, localise
from transforms.completeness.relocation import relocated

#: The first month that is tested: a year of history comes before it.
FIRST_TESTED = 13
#: Incidents up to this much evidence (log10) short of an alert are listed, to find the threshold of a budget.
EASE = 2.0
NOT_CLEAN = ("Greater Manchester",)
NOT_CLEAN_MONTHS = {("Nottinghamshire", "2024-09"), ("Derbyshire", "2024-11"), ("Dorset", "2024-07")}


def open_data() -> Path:
    """The open data folder."""
    return Path(
        os.environ.get("FULLCOUNT_OPEN_DATA", Path(__file__).resolve().parents[3].parent / "shared" / "data")
    )


def month_before(month: date) -> date:
    """The month before a month."""
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def counts_table(data: Path) -> pl.DataFrame:
    """The 26 months of located and unlocated records: month, area, category, n."""
    return pl.read_parquet(data / "counts" / "lsoa_month_crimetype_2023-05_2025-06.parquet").rename(
        {"lsoa_code": "area", "crime_type": "category"}
    )


def areas_table(data: Path) -> pl.DataFrame:
    """Areas of England and Wales, both vintages, with CSP and MSOA (an LSOA's name without its letter)."""
    lookup = pl.read_parquet(data / "geography" / "lsoa11_or_21_to_lad24_csp24_pfa24.parquet")
    names = pl.read_parquet(data / "geography" / "lookup_lsoa11_lsoa21_ltla22.parquet")
    named = pl.concat([names.select(area=f"lsoa{v}_code", name=f"lsoa{v}_name") for v in (11, 21)]).unique(
        "area", keep="last", maintain_order=True
    )
    return lookup.join(named, left_on="lsoa_code", right_on="area", how="left").select(
        area="lsoa_code",
        force="pfa24_name",
        csp="csp24_code",
        msoa=pl.col("name").str.head(-1),
        lad="ltla24_code",
    )


def load(base: str) -> Cube:
    """The national cube, or 25 local authorities (18 of London, 7 of the West Midlands) as if each were a force."""
    counts, areas = counts_table(open_data()), areas_table(open_data())
    if base == "national":
        return encode(counts, areas.drop("lad"), None)
    london = sorted(
        areas.filter(pl.col("lad").str.starts_with("E09") & (pl.col("force") != "London, City of"))[
            "lad"
        ].unique()
    )
    midlands = sorted(areas.filter(pl.col("force") == "West Midlands")["lad"].unique())
    areas = areas.filter(pl.col("lad").is_in(london[:18] + midlands)).select("area", "msoa", force="lad")
    return encode(counts.filter(pl.col("area").is_in(areas["area"].to_list())), areas, None)


def changeable(cube: Cube) -> Cube:
    """A copy whose counts may be changed."""
    work = copy.copy(cube)
    object.__setattr__(work, "n", cube.n.copy())
    object.__setattr__(work, "no_location", cube.no_location.copy())
    return work


def clean(cube: Cube, force: int, t: int) -> bool:
    """Whether a force-month has no known gap."""
    return (
        cube.forces[force] not in NOT_CLEAN
        and (cube.forces[force], f"{cube.months[t]:%Y-%m}") not in NOT_CLEAN_MONTHS
    )


@dataclass
class Replay:
    """The clean history of a cube, and the judge's state before each tested month."""

    cube: Cube
    states: dict[int, LocalModel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sizes = np.diff(self.cube.first_area).astype(float)
        self.owed = np.ones((len(self.cube.months), len(self.cube.forces)), dtype=bool)
        self.track = follow(self.cube.by_force(), self.sizes, self.owed)
        model = LocalModel(self.cube)
        for t in range(len(self.cube.months)):
            if t >= FIRST_TESTED - 1:
                model.cube = None  # type: ignore[assignment]
                self.states[t] = copy.deepcopy(model)
                model.cube = self.cube
            model.learn(t, model.expect(t), self.track.masked[t, :, :-1])

    def judge(self, cube: Cube, t: int) -> tuple[list[Incident], Track, LocalMonth]:
        """Incidents of month `t` of a cube that differs from the clean one in months `t - 1` and `t` only."""
        *_, (_, incidents, track, month) = self.judge_months(cube, t - 1, t, only=t)
        return incidents, track, month

    def judge_months(
        self, cube: Cube, first: int, last: int, only: int | None = None
    ) -> list[tuple[int, list[Incident], Track, LocalMonth]]:
        """Incidents of the months `first` to `last` as they arrive, of a cube that is clean before `first`.

        With `only`, the other months are followed and not judged.
        """
        track = follow(cube.by_force()[: last + 1], self.sizes, self.owed[: last + 1])
        model = copy.deepcopy(self.states[first])
        model.cube = cube
        out = []
        for t in range(first, last + 1):
            month = model.expect(t)
            if only is None or t == only:
                found = relocated(t, cube, track, month, localise(t, cube, track, month, EASE))
                out.append((t, found, track, month))
            if t < last:
                model.learn(t, month, track.masked[t, :, :-1])
        return out
