"""What every stage works on: the workspace, the country and the window of months, opened once a run."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from importlib.metadata import version
from pathlib import Path

import polars as pl

from geography.areas import Country
from pipelines.country import LoadedCountry, load_country
from pipelines.settings import Settings
from pipelines.sources.reference_table import editions_from, reference_table_in
from pipelines.store import Workspace, digest
from transforms import register as registers
from transforms.contracts import tables
from transforms.counting.corrections import AGGREGATE, RECORD_LEVEL
from transforms.counting.editions import Editions
from transforms.periods import Quarter, months_between, quarters_of


@dataclass(frozen=True)
class Line:
    """One opened run: settings, workspace, country and counting editions."""

    settings: Settings
    workspace: Workspace
    loaded: LoadedCountry
    editions: Editions
    #: the Home Office offence reference table that the classes are from, and every difference from the bundled ones.
    reference: Path | None = None
    differences: pl.DataFrame | None = None
    #: the list of files as it was read last, by the name of its object.
    _supplies: dict[str, pl.DataFrame] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def open(cls, settings: Settings) -> Line:
        """Open the workspace and read the country folder. Raises with one clear message when either is wrong.

        An offence reference table in the country folder takes the place of the bundled classes.
        """
        workspace, country = Workspace.open(settings.workspace), load_country(settings.country)
        reference = reference_table_in(Path(settings.country))
        editions, differences = editions_from(reference)
        return cls(settings, workspace, country, editions, reference, differences)

    @property
    def country(self) -> Country:
        """The areas that figures are published for."""
        return self.loaded.country

    @functools.cached_property
    def basis(self) -> list[str]:
        """What every table rests on besides its input: code, country and counting editions."""
        return [version("fullcount"), self.loaded.digest, self._editions_digest]

    @functools.cached_property
    def _editions_digest(self) -> str:
        return digest([getattr(self.editions, each.name).write_csv() for each in fields(self.editions)])

    @property
    def forces(self) -> list[str]:
        """The slugs of every force of the country."""
        return self.country.forces.get_column("force").to_list()

    def codes(self, quarter: Quarter) -> list[str]:
        """The offence codes published in some month of the quarter."""
        held = {code for month in quarter.months for code in self.editions.codes_on(month)["offence_code"]}
        return sorted(held)

    def offences_reference(self, quarter: Quarter) -> pl.DataFrame:
        """The published classes of the two years that the quarter ends: code, description, group, subgroup, category.

        A class that expired within them is there too, as its offences are in the year before; the latest
        wording of a class stands.
        """
        return self.classes_of([quarter])

    def classes_of(self, quarters: Sequence[Quarter]) -> pl.DataFrame:
        """The published classes of every quarter and the two years that it ends, as in `offences_reference`."""
        latest_first = dict.fromkeys(
            month
            for quarter in sorted(quarters, reverse=True)
            for year in (quarter, quarter.plus(-4))
            for month in year.year_ending[::-1]
        )
        classes = pl.concat([self.editions.codes_on(month) for month in latest_first])
        return (
            classes.unique("offence_code", keep="first", maintain_order=True)
            .sort("offence_code")
            .rename({name: f"offence_{name}" for name in ("description", "group", "subgroup")})
        )

    def supplies(self) -> pl.DataFrame:
        """One row for each file received."""
        held = "".join(name for _, name in self.workspace.key("supplies"))
        if held not in self._supplies:
            self._supplies.clear()
            self._supplies[held] = self.workspace.read("supplies", tables.Supplies)
        return self._supplies[held]

    def window(self) -> list[date]:
        """Every month from the first to the last that any force has supplied."""
        accepted = self.supplies().filter(pl.col("state") == "accepted", pl.col("first_month").is_not_null())
        if accepted.is_empty():
            return []
        first, last = accepted.select(pl.col("first_month").min(), pl.col("last_month").max()).row(0)
        return months_between(first, last)

    def quarters(self) -> list[Quarter]:
        """Every quarter that the window touches."""
        return quarters_of(self.window())

    def whole_quarter(self) -> Quarter | None:
        """The latest quarter whose every month some force has supplied; none where no quarter is whole yet."""
        window = set(self.window())
        whole = [quarter for quarter in self.quarters() if window.issuperset(quarter.months)]
        return whole[-1] if whole else None

    def treatment(self, force: str) -> str:
        """How a force's return takes in changes to published quarters, as its latest register entry says."""
        entries = self.loaded.register.filter(
            pl.col("force") == force, pl.col("file_type") == "extract"
        ).sort("first_month", "entered")
        return RECORD_LEVEL if entries.is_empty() else str(entries["treatment"][-1])

    def returning(self, force: str) -> list[str]:
        """What a force's counts depend on besides its records: for an aggregate force, the quarters returned."""
        if self.treatment(force) == RECORD_LEVEL:
            return []
        return [AGGREGATE, *map(str, self.quarters())]

    def present(self, months: Sequence[date]) -> pl.DataFrame:
        """What came of each file owed for the months (`register.presence`)."""
        return registers.presence(registers.owed(self.loaded.register, months), self.supplies())
