"""One release, all that it says of small areas put together: its map, its bulk files, its returns."""

from __future__ import annotations

import io
import json
from pathlib import Path

import polars as pl
import pytest

from fixtures.attack import Attacker
from fixtures.country import FORCES, write_country
from fixtures.extracts import make_crimes, months_of
from fixtures.registry import supply_months
from geography.placing import place
from pipelines.settings import settings
from pipelines.stages.aggregated import aggregate_quarter
from pipelines.stages.counted import count_forces
from pipelines.stages.judged import judge_quarters, open_judged
from pipelines.stages.line import Line
from pipelines.stages.recorded import record_forces
from pipelines.stages.released import release
from pipelines.stages.supplied import take_in
from publish.feeds.privacy import ENOUGH_ADDRESSES, SENSITIVE
from publish.returns.small_areas import WITHHELD
from publish.site.map_figures import KINDS
from transforms.disclosure import LSOA, SMALLEST
from transforms.periods import Quarter

QUARTER = Quarter(2019, 1)
MONTHS = months_of("2018-04", "2019-03")
#: A force with areas of its own, and one without.
PLANS = FORCES[3:]


class Released:
    """A release as a reader has it, and the line that made it."""

    def __init__(self, line: Line, folder: Path) -> None:
        self.line, self.folder = line, folder
        self.lsoas = line.country.lsoas.sort("force", "lsoa_code")

    @property
    def small_areas(self) -> pl.DataFrame:
        text = (self.folder / "returns" / f"small-areas-{QUARTER}.csv").read_bytes()
        return pl.read_csv(io.BytesIO(text), schema_overrides={"value": pl.Int64, "notes": pl.String})

    @property
    def lines(self) -> pl.DataFrame:
        """The bulk files, every month."""
        files = sorted((self.folder / "feeds").glob("20*/*-street.csv"))
        return pl.concat([pl.read_csv(path, infer_schema=False) for path in files])

    def on_the_map(self) -> pl.DataFrame:
        """What the map shows of each LSOA, month and kind."""
        rows = []
        for month in MONTHS:
            for force in self.lsoas["force"].unique(maintain_order=True):
                path = self.folder / "site" / "map" / f"{month:%Y-%m}" / f"{force}.json"
                codes = self.lsoas.filter(pl.col("force") == force)["lsoa_code"]
                for kind, counts in json.loads(path.read_text())["kinds"].items():
                    rows += [
                        (f"{month:%Y-%m}", code, KINDS[int(kind)], count)
                        for code, count in zip(codes, counts, strict=True)
                    ]
        return pl.DataFrame(rows, schema=["month", "lsoa_code", "kind", "count"], orient="row")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    """The release of January to March 2019 of two forces that supplied a year."""
    home = tmp_path_factory.mktemp("small areas")
    country = write_country(home / "country", forces=PLANS, first_month="2018-04")
    # Few points, so that many a crime is shown in another LSOA than its own.
    points = country.areas.map_points.filter(pl.col("point_id") % 3 == 0)
    points.write_parquet(home / "country" / "map_points.parquet")
    crimes = make_crimes(country, MONTHS, crimes_per_month=4_000)
    (home / "supply").mkdir()
    supply_months(home / "supply", country, crimes, months=MONTHS)
    line = Line.open(settings(*(str(home / name) for name in ("workspace", "supply", "country"))))
    line.settings.save()
    assert not take_in(line).refused
    record_forces(line)
    count_forces(line)
    for quarter in line.quarters():
        aggregate_quarter(line, quarter)
    judge_quarters(line, line.quarters())
    return Released(line, release(line, QUARTER).folder)


def test_the_map_counts_the_lines_of_the_bulk_files_and_withheld_ones_that_no_point_is_told_of(
    released: Released,
) -> None:
    place = ["Longitude", "Latitude"]
    few = pl.read_csv(released.folder / "feeds" / "map-points.csv").filter(
        pl.col("addresses") < ENOUGH_ADDRESSES
    )
    few_at = few.select(pl.format("{} {}", "longitude", "latitude")).to_series().to_list()
    at = pl.format("{} {}", *(pl.col(name).cast(pl.Float64) for name in place))
    lines = (
        released.lines.join(
            released.lsoas.join(released.line.country.forces, on="force").select(
                pl.col("reported_by").alias("Reported by"), pl.col("lsoa_code").alias("LSOA code")
            ),
            on=["Reported by", "LSOA code"],
        )
        .with_columns(at=at)
        .group_by(month="Month", lsoa_code="LSOA code", kind="Crime type")
        .agg(pl.len(), shown=pl.col("at").filter(pl.col("at").is_in(few_at)).n_unique())
    )
    counted = released.on_the_map().filter(pl.col("kind") != KINDS[0], pl.col("count").is_not_null())
    number = few.group_by("lsoa_code").agg(few=pl.len())
    both = (
        counted.join(lines, on=["month", "lsoa_code", "kind"], how="left")
        .join(number, on="lsoa_code", how="left")
        .with_columns(pl.col("len", "shown", "few").fill_null(0))
        .with_columns(more=pl.col("count") - pl.col("len"), open=pl.col("few").cast(int) - pl.col("shown"))
    )
    assert both.height > 5_000 and both["count"].sum() > 2_000
    more = both.filter(pl.col("more") != 0)
    assert more.height > 50 and set(more["kind"]) == set(SENSITIVE)
    # A point has two at most, or its location would not be withheld: all of them fit without any one point.
    assert more.filter(~pl.col("more").is_between(1, 2 * (pl.col("open") - 1))).is_empty()


def test_the_year_of_small_areas_is_twelve_months_of_the_map(released: Released) -> None:
    year = (
        released.on_the_map()
        .group_by(area="lsoa_code", category="kind")
        .agg(pl.col("count").sum(), whole=pl.col("count").is_not_null().all())
    )
    figures = released.small_areas.filter(
        pl.col("area_level") == LSOA, pl.col("category") != WITHHELD.heading
    ).with_columns(pl.col("category").str.replace(r"^All crime.*", KINDS[0]))
    assert "withheld" not in figures["status"].to_list()
    both = figures.drop_nulls("value").join(year.filter("whole"), on=["area", "category"])
    assert both.height == figures["value"].count() > 500
    assert both.filter(pl.col("value") != pl.col("count")).is_empty()


def test_partnerships_count_where_a_crime_was_and_not_where_the_map_shows_it(released: Released) -> None:
    judged = open_judged(released.line, released.line.quarters())
    placed = place(
        judged.crimes.collect().select("force", "longitude", "latitude", "csp_code", map_lsoa="lsoa_code"),
        released.line.loaded.boundaries,
    ).join(released.lsoas.select("lsoa_code", own="csp_code"), on="lsoa_code", how="left")
    assert placed["csp_code"].equals(placed["own"])
    moved = placed.filter(pl.col("map_lsoa") != pl.col("lsoa_code"))
    assert moved.height > 50, "some points lie in another LSOA than the crime"
    homes = released.lsoas.select("csp_code", map_lsoa="lsoa_code")
    elsewhere = placed.drop_nulls("map_lsoa").join(homes, on=["csp_code", "map_lsoa"], how="anti")
    assert elsewhere.is_empty(), "none is shown in another partnership"


def test_nothing_published_pins_how_many_locations_are_withheld_in_a_small_area(released: Released) -> None:
    """By linear programming over the map, the bulk files, the list of map points and every table of the return."""
    (sensitive,) = SENSITIVE
    small = released.small_areas
    homes = released.lsoas.with_columns(neighbourhood=pl.concat_str("force", "neighbourhood", separator="/"))
    atom = {code: n for n, code in enumerate(homes["lsoa_code"])}
    inside = {code: [code] for code in homes["lsoa_code"]} | {
        str(name): part["lsoa_code"].to_list()
        for key in ("neighbourhood", "csp_code")
        for (name,), part in homes.group_by(key)
    }
    withheld = small.filter(pl.col("category") == WITHHELD.heading)
    sums = [
        ([atom[code] for code in inside[area]], value)
        for area, value in withheld.select("area", "value").drop_nulls().iter_rows()
    ]
    # What a partnership's own figure has beyond its part of the map.
    kinds = released.line.offences_reference(QUARTER).select("offence_code", "category")
    codes = kinds.filter(pl.col("category").cast(pl.String) == sensitive)["offence_code"]
    year = pl.read_csv(released.folder / "returns" / f"prc-csp-{QUARTER}.csv", infer_schema=False).filter(
        pl.col("Financial Year") == "2018/19", pl.col("Offence Code").is_in(codes.to_list())
    )
    of_partnerships = dict(year.group_by("CSP Name").agg(pl.col("Offence Count").cast(int).sum()).iter_rows())
    shown = released.on_the_map().filter(pl.col("kind") == sensitive)
    mapped = dict(shown.group_by("lsoa_code").agg(pl.col("count").sum()).iter_rows())
    for code, name in homes.select("csp_code", "csp_name").unique().iter_rows():
        on_the_map = sum(mapped[place] for place in inside[code])
        sums.append(([atom[place] for place in inside[code]], of_partnerships[name] - on_the_map))
    # Where no point has few addresses, nothing is withheld; elsewhere no LSOA's figure is given.
    few = released.line.country.map_points.filter(pl.col("addresses") < ENOUGH_ADDRESSES)["lsoa_code"]
    sums += [([number], 0) for code, number in atom.items() if code not in set(few)]
    attacker = Attacker(sums, len(atom))
    hidden = withheld.filter(pl.col("status") == "withheld")["area"].to_list()
    assert len(hidden) >= 3, "there is something to find"
    for area in hidden:
        low, high = attacker.between([atom[code] for code in inside[area]])
        assert high - low >= SMALLEST, f"{area} is between {low} and {high}"
    print(f"{len(hidden)} of {withheld.height} figures hidden, {len(sums)} sums known, none of them pinned")
