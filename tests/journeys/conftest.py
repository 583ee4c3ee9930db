"""Starts the product as production does, and keeps what came of each scenario for the whole session."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from fixtures.country import write_country
from fixtures.extracts import make_crimes, months_of
from fixtures.registry import known_by, supply_months
from fixtures.scenarios import write_scenario
from pipelines.store import Workspace

#: The command that is installed beside the Python that runs the tests.
FULLCOUNT = Path(sys.executable).with_name("fullcount")
#: The latest quarter of every scenario in months July 2018 to December 2019.
LATEST = "2019-Q4"
#: One public key for every run, so that the crime ids of two runs are the same bytes.
KEY = "a key for the journeys, as long as is wanted\n"
#: Settings of the machine that must not leak into a journey.
NOT_OURS = ("FULLCOUNT_HOME", "FULLCOUNT_SUPPLY", "FULLCOUNT_COUNTRY", "DAGSTER_HOME", "COLUMNS")


@dataclass(frozen=True)
class Product:
    """The installed command, run from a folder that is no checkout, with an environment of its own."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        return kept | {"FULLCOUNT_CRIME_ID_KEY_FILE": str(self.home / "crime-id.key"), "COLUMNS": "200"}

    def __call__(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `fullcount` with these words to its end."""
        environment = self.environment | options.pop("env", {})
        return subprocess.run(
            [FULLCOUNT, *map(str, words)],
            capture_output=True, text=True, timeout=600, env=environment, **{"cwd": self.home} | options,
        )  # fmt: skip

    def start(self, *words: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Start `fullcount` with these words, in a process group of its own."""
        environment = self.environment | options.pop("env", {})
        return subprocess.Popen(
            [FULLCOUNT, *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
            start_new_session=True, **{"cwd": self.home} | options,
        )  # fmt: skip

    def refusal(self, *words: str | Path, **options: Any) -> str:
        """What the command says when it cannot do as asked: one message and no traceback."""
        done = self(*words, **options)
        assert done.returncode == 2, f"it ended with status {done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr
        return " ".join(done.stderr.split())

    def run(
        self, workspace: Path, made: Path, *more: str | Path, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """`fullcount run` on a folder with `supply` and `country` in it."""
        return self(*run_words(workspace, made), *more, **options)


def run_words(workspace: Path, made: Path) -> list[str | Path]:
    return ["run", "--workspace", workspace, "--supply", made / "supply", "--country", made / "country"]


@dataclass(frozen=True)
class Ran:
    """A scenario that was generated and run: what was handed in, and how to look into what came of it."""

    made: Path
    workspace: Path

    @cached_property
    def expected(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.made / "expected.json").read_text(encoding="utf-8"))
        return found

    @property
    def said(self) -> str:
        """Everything that the runs said, on standard output and standard error."""
        return "".join(path.read_text() for path in sorted(self.workspace.parent.glob("*.said")))

    def release(self, quarter: str = LATEST) -> Path:
        return self.workspace / "private" / quarter / "1.0.0"

    def files(self, quarter: str = LATEST) -> dict[str, str]:
        """The SHA-256 of every file of the release, by its name there."""
        folder = self.release(quarter)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in paths
        }

    def read(self, name: str, quarter: str = LATEST) -> str:
        return (self.release(quarter) / name).read_text(encoding="utf-8")

    def table(self, name: str) -> pl.DataFrame:
        """One table of the workspace, whole, its months as `YYYY-MM`."""
        with Workspace.open(self.workspace).connect() as connection:
            frame = connection.sql(f'FROM "{name}"').pl()
        months = [column for column, dtype in frame.schema.items() if dtype == pl.Date]
        return frame.with_columns(pl.col(months).dt.strftime("%Y-%m"))

    def tables(self) -> dict[str, dict[str, str]]:
        """The object of every partition of every table, but for `supplies`, which tells when each file came."""
        head = Workspace.open(self.workspace).head
        return {
            table: {name: entry.object for name, entry in sorted(partitions.items())}
            for table, partitions in sorted(head.items())
            if table != "supplies"
        }

    def not_complete(self) -> set[tuple[str, str, str]]:
        verdicts = self.table("verdicts").with_columns(pl.col("status").cast(pl.String))
        return set(verdicts.filter(pl.col("status") != "complete")["force", "month", "status"].rows())

    def figures(self, quarter: str = LATEST) -> pl.DataFrame:
        """Every figure of the return, from its CSV; `of` is the area without what its name leaves out."""
        path = self.release(quarter) / "returns" / f"recorded-crime-{quarter}.csv"
        figures = pl.read_csv(
            path, schema_overrides={"value": pl.Float64, "marks": pl.String, "notes": pl.String}
        )
        return figures.with_columns(of=pl.col("area_name").str.replace(" excluding .*", ""))

    def printed(self, form: str, quarter: str = LATEST) -> dict[tuple[str, str, str], float | str]:
        """What each cell of the workbook shows: a number, or the shorthand in its place."""
        book = CalamineWorkbook.from_path(
            self.release(quarter) / "returns" / f"recorded-crime-{quarter}.{form}"
        )
        cells = {}
        for name in book.sheet_names:
            if not name.startswith("Table_"):
                continue
            rows = book.get_sheet_by_name(name).to_python()
            start = next(at for at, row in enumerate(rows) if row and row[0] == "Area code")
            headings = [re.sub(r" *\[note \d+\]", "", str(heading)) for heading in rows[start]]
            for row in rows[start + 1 :]:
                for heading, cell in zip(headings[2:], row[2:], strict=True):
                    if heading != "Notes":
                        cells[name, str(row[1]), heading] = cell
        return cells

    def neighbourhoods(self) -> pl.DataFrame:
        """The judged crimes of each neighbourhood, month and kind, added up here for themselves."""
        lsoas = pl.read_parquet(self.made / "country" / "lsoas.parquet")
        cells = self.table("judged_areas").with_columns(pl.col("status", "category").cast(pl.String))
        return (
            cells.join(lsoas.select("lsoa_code", "neighbourhood"), on="lsoa_code")
            .group_by("force", "neighbourhood", "month", "category")
            .agg(
                count=pl.when(pl.col("count").is_null().any()).then(None).otherwise(pl.col("count").sum()),
                statuses=pl.col("status").unique().sort(),
            )
            .sort("force", "neighbourhood", "month", "category")
        )

    def page(self, force: str, neighbourhood: str, quarter: str = LATEST) -> str:
        return self.read(f"site/{force}/{neighbourhood}/index.html", quarter)

    def availability(self, quarter: str = LATEST) -> pl.DataFrame:
        return pl.read_csv(
            self.release(quarter) / "feeds" / "availability.csv", infer_schema=False
        ).with_columns(pl.all().fill_null(""))

    def archive(self, quarter: str = LATEST) -> dict[str, bytes]:
        """The members of the archive."""
        with zipfile.ZipFile(self.release(quarter) / "feeds" / "latest.zip") as zipped:
            return {name: zipped.read(name) for name in zipped.namelist()}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time, whichever of the workers of the session it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that every worker of the session shares."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "journeys"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def fullcount(shared: Path) -> Product:
    """The product as installed."""
    with _alone(shared / "key.lock"):
        (shared / "crime-id.key").write_text(KEY)
    return Product(shared)


@pytest.fixture(scope="session")
def ran(shared: Path, fullcount: Product) -> Callable[..., Ran]:
    """`ran(scenario, quarter, …)`: the scenario generated, and run once for each quarter, once in a session."""

    def made_once(name: str, *quarters: str) -> Ran:
        folder = shared / name
        with _alone(shared / f"{name}.lock"):
            if not (folder / "made" / "expected.json").exists():
                WRITERS.get(name, lambda to: write_scenario(name, to))(folder / "made")
            for quarter in quarters or (LATEST,):
                said = folder / f"{quarter}.said"
                if not said.exists():
                    done = fullcount.run(folder / "workspace", folder / "made", "--quarter", quarter)
                    assert done.returncode == 0, done.stdout + done.stderr
                    said.write_text(done.stdout + done.stderr)
        return Ran(folder / "made", folder / "workspace")

    return made_once


def write_small(folder: Path) -> dict[str, Any]:
    """A quarter of the country, 400 crimes a month, January to March 2019: what is run again and again."""
    months = months_of("2019-01", "2019-03")
    country = write_country(folder / "country", scale=0.25, first_month="2019-01")
    crimes = make_crimes(country, months, crimes_per_month=400)
    month_over = pl.col("recorded_at").dt.truncate("1mo").dt.offset_by("1mo")
    told = supply_months(folder / "supply", country, known_by(crimes, month_over), months=months)
    (folder / "expected.json").write_text(json.dumps(told), encoding="utf-8")
    return told


#: Scenarios of the journeys' own.
WRITERS: dict[str, Callable[[Path], dict[str, Any]]] = {"small": write_small}


@pytest.fixture(scope="session")
def small(ran: Callable[..., Ran]) -> Ran:
    """The small supply, run once and undisturbed."""
    return ran("small", "2019-Q1")


@pytest.fixture
def made(small: Ran, tmp_path: Path) -> Path:
    """A copy of the small supply, to be changed."""
    subprocess.run(["cp", "-r", small.made, tmp_path / "made"], check=True)
    return tmp_path / "made"
