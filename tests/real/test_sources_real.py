"""The adapters on real open data: every police.uk archive and the Home Office table beside the checkout."""

from __future__ import annotations

import os
import zipfile
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from pipelines.sources.finding import Found, find
from pipelines.sources.freeze import freeze
from pipelines.sources.home_office import HOMICIDE, absent_keys, read_prc_table
from pipelines.sources.naming import Recognised, recognise
from pipelines.sources.police_uk import read_outcomes, read_searches, read_street
from pipelines.sources.refusal import Refusal

DATA = Path(os.environ.get("FULLCOUNT_OPEN_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no open data at {DATA}; set FULLCOUNT_OPEN_DATA"),
]
#: Copies that somebody added columns to: refused, with the columns named.
ALTERED = ("archive-single-months.zip!2021-01/2021-01-south-yorkshire-street.csv",)


@pytest.fixture(scope="module")
def forces() -> pl.DataFrame:
    return pl.read_csv(files("geography").joinpath("data", "forces.csv").read_bytes())


def line_counts() -> dict[str, int]:
    """Rows of every member of every archive, by counting line ends: no quoted field of police.uk spans lines."""
    counts = {}
    for place in sorted((DATA / "police-uk").glob("*.zip")):
        with zipfile.ZipFile(place) as archive:
            counts |= {
                f"{place.name}!{name}": archive.read(name).count(b"\n") - 1 for name in archive.namelist()
            }
    return counts


@pytest.mark.slow
def test_every_row_of_the_archives_is_counted_or_its_file_is_refused(
    tmp_path: Path, forces: pl.DataFrame
) -> None:
    wanted = line_counts()
    seen, refused = {}, []
    for found in find(DATA / "police-uk"):
        assert isinstance(found, Found), found
        recognised = recognise(found.name, found.head(), forces=forces["force"].to_list())
        assert isinstance(recognised, Recognised), recognised
        frozen = freeze(found, tmp_path / "store")
        try:
            if recognised.kind == "street":
                read = read_street(frozen, recognised, forces, tmp_path)
                assert read.rejects.is_empty() and read.counted.height == read.rows
                assert read.counted.select(pl.col("force", "month").n_unique()).row(0) == (1, 1)
                seen[found.name] = read.rows
            else:
                other = (
                    read_outcomes(frozen, recognised, forces, tmp_path)
                    if recognised.kind == "outcomes"
                    else read_searches(frozen, recognised, tmp_path)
                )
                assert other.rejects.is_empty() and other.kept.height == other.rows
                seen[found.name] = other.rows
        except Refusal as refusal:
            refused.append(found.name)
            assert "unknown: MSOA, COLOUR" in str(refusal)
        frozen.path.unlink()
    assert tuple(refused) == ALTERED
    assert seen == {name: count for name, count in wanted.items() if name not in ALTERED}


def test_the_home_office_table_of_2017_18_adds_to_what_was_published(
    tmp_path: Path, forces: pl.DataFrame
) -> None:
    path = DATA / "official" / "prc-pfa-mar2013-onwards-tables_2017-18.csv"
    table = read_prc_table(freeze(path, tmp_path), Recognised(path.name, "aggregate"), forces, tmp_path)
    territorial = table.filter(pl.col("force").is_not_null())
    # 44 forces (British Transport Police among them) x 4 quarters x 128 codes, homicide as one code of the 128.
    assert territorial.height == 44 * 4 * 128 and absent_keys(table).is_empty()
    assert territorial.filter(pl.col("offence_code") == HOMICIDE).height == 44 * 4
    totals = dict(territorial.group_by("force").agg(pl.col("count").sum()).iter_rows())
    assert (totals["greater-manchester"], totals["btp"]) == (339_818, 59_591)
    # 36 in the file, two of them parts of homicide totals that are not negative.
    assert territorial.filter(pl.col("count") < 0).height == 34
    assert table["status"].unique().to_list() == ["complete"]
