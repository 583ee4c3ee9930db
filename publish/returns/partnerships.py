"""Figures of Community Safety Partnerships, month by month, from judged crimes and areas."""

from __future__ import annotations

import polars as pl

from geography.areas import Country
from publish.parts import key_of
from transforms.aggregation import add_up, count_onto_grid
from transforms.contracts.columns import NO_LOCATION, OUTSIDE
from transforms.contracts.status import STATUS, Status, allows_number
from transforms.judging import Judged, counting_verdicts
from transforms.periods import Quarter


def places(country: Country) -> pl.DataFrame:
    """Where each place of a force belongs: `force`, `lsoa_code`, `csp_code`, `csp_name` and `partnership`, its key.

    Crimes without a location, or located outside the force's area, stand under “Unassigned” and the force's
    name, without a code, so that a force's partnerships add to its total.
    """
    forces = country.forces.select("force", unassigned="Unassigned " + pl.col("name"))
    nowhere = pl.DataFrame({"lsoa_code": [NO_LOCATION, OUTSIDE]})
    return pl.concat(
        [
            country.lsoas.select("force", "lsoa_code", "csp_code", "csp_name"),
            forces.join(nowhere, how="cross").select(
                "force", "lsoa_code", csp_code=pl.lit(None, pl.String), csp_name="unassigned"
            ),
        ]
    ).with_columns(partnership=pl.concat_str("force", "csp_name", separator="/"))


class Figures:
    """Figures of partnerships, a quarter at a time: made when they are asked for, and once."""

    def __init__(self, judged: Judged, country: Country) -> None:
        self.judged = judged
        where = places(country)
        self._kinds = {
            name: pl.Enum(where.get_column(name).drop_nulls().unique().sort())
            for name in ("force", "csp_code", "partnership")
        } | {"offence_code": pl.Enum(judged.offences.get_column("offence_code").unique().sort())}
        self._where = where
        self._coded = where.with_columns(
            pl.col(name).cast(self._kinds[name]) for name in ("force", "csp_code", "partnership")
        )
        self._made: dict[Quarter, pl.DataFrame] = {}
        self._counted: dict[Quarter, pl.DataFrame] = {}

    def by_offence(self, quarter: Quarter) -> pl.DataFrame:
        """Figures by `force`, `partnership`, `month` and `offence_code`, of forces that supply offence codes.

        The three are of type Enum: millions of rows name a few hundred places and codes, which are compared as
        numbers. Where a force's partnerships do not add to its total, as for one that supplies totals and no crimes,
        and where part of a partnership is held, the figure is missing.
        """
        if quarter not in self._made:
            self._made[quarter] = self._by_offence(quarter)
        return self._made[quarter]

    def made_from(self, quarter: Quarter) -> str:
        """A key of all that the figures of a quarter are made of, whose crimes it does not read."""
        months = pl.col("month").is_in(quarter.months)
        return key_of(
            self._where,
            self.judged.offences.filter(months),
            counting_verdicts(self.judged.verdicts).filter(months).select("force", "month", "status"),
            self.judged.crimes.keys.get(quarter),
            self.judged.crimes.scopes.filter(months),
            self.judged.areas.keys.get(quarter),
        )

    def by_crime_type(self, quarter: Quarter) -> pl.DataFrame:
        """Figures by `force`, `partnership`, `month` and `category`, of every force; missing where an area is held."""
        key = ["force", "partnership", "month", "category"]
        areas = self.judged.areas.lazy(quarter.months)
        placed = areas.join(self._where.lazy(), on=["force", "lsoa_code"])
        grid = add_up(placed, by=key).drop("count").with_columns(supplied=allows_number())
        crimes = _in_partnerships(self._listed(quarter).lazy(), self._where)
        return count_onto_grid(grid.lazy(), crimes, key).select(*key, "count", "status").sort(key).collect()

    def _listed(self, quarter: Quarter) -> pl.DataFrame:
        """How many crimes are listed (`counted`) of each `force, month, csp_code, offence_code, category`."""
        if quarter not in self._counted:
            self._counted[quarter] = self.judged.listed_counts(quarter.months).collect()
        return self._counted[quarter]

    def _by_offence(self, quarter: Quarter) -> pl.DataFrame:
        months, kinds = pl.col("month").is_in(quarter.months), self._kinds
        force, code = kinds["force"], kinds["offence_code"]
        owed = (
            self.judged.offences.lazy()
            .filter(months)
            .select(pl.col("force").cast(force), "month", pl.col("offence_code").cast(code))
        )
        parts = self._coded.lazy().select("force", "partnership").unique()
        verdicts = (
            counting_verdicts(self.judged.verdicts)
            .lazy()
            .filter(months)
            .select(pl.col("force").cast(force, strict=False), "month", "status")
        )
        grid = (
            owed.join(parts, on="force")
            .join(verdicts, on=["force", "month"], how="left")
            .with_columns(status=pl.col("status").fill_null(pl.lit(Status.MISSING.value, STATUS)))
            .with_columns(supplied=allows_number())
        )
        key = ["force", "month", "partnership", "offence_code"]
        # A crime of a force or a code that nobody owes is on no row of the grid.
        crimes = (
            self._listed(quarter)
            .lazy()
            .select(
                pl.col("force").cast(force, strict=False),
                "month",
                pl.col("csp_code").cast(kinds["csp_code"], strict=False),
                pl.col("offence_code").cast(code, strict=False),
                "counted",
            )
        )
        crimes = _in_partnerships(crimes, self._coded)
        figures = count_onto_grid(grid, crimes, key).select(*key, "count", "status").collect()
        return self._unless_short(figures, quarter)

    def _held(self, quarter: Quarter) -> pl.DataFrame:
        """The areas whose figures are held in a quarter: `force, month, lsoa_code`."""
        areas = self.judged.areas.lazy(quarter.months)
        held = areas.filter(~allows_number()).select("force", "month", "lsoa_code")
        return held.unique().collect(engine="streaming")

    def _open(self, quarter: Quarter, held: pl.DataFrame) -> pl.DataFrame:
        """What the areas that are not held add to, of each `force` and `month` of a quarter that has one that is."""
        areas = self.judged.areas.lazy(quarter.months).filter(allows_number())
        some_held = held.lazy().select("force", "month").unique()
        return add_up(areas.join(some_held, on=["force", "month"], how="semi"), by=["force", "month"])

    def _unless_short(self, figures: pl.DataFrame, quarter: Quarter) -> pl.DataFrame:
        """Partnership figures, missing where a force's do not add to its total or an area in one is held."""
        months, force = pl.col("month").is_in(quarter.months), self._kinds["force"]
        of_force = pl.col("force").cast(force, strict=False)
        ours = add_up(figures, by=["force", "month"])
        theirs = add_up(self.judged.offences.filter(months), by=["force", "month"]).with_columns(of_force)
        # The crimes of a held area are not listed: a force with one must then agree with the areas that are not held.
        held = self._held(quarter)
        open_areas = self._open(quarter, held).with_columns(of_force)
        agrees_apart = (pl.col("count") > 0) & (pl.col("count") == pl.col("count placed"))
        short = (
            ours.join(theirs, on=["force", "month"], suffix=" of force")
            .join(open_areas, on=["force", "month"], how="left", suffix=" placed")
            .filter(pl.col("count").ne_missing(pl.col("count of force")), ~agrees_apart.fill_null(False))
            .select("force", "month", short=pl.lit(True))
        )
        held = (
            held.with_columns(of_force)
            .join(self._coded, on=["force", "lsoa_code"])
            .select("force", "month", "partnership", held=pl.lit(True))
            .unique()
        )
        unfit = pl.col("short").is_not_null() | pl.col("held").is_not_null()
        return (
            figures.lazy()
            .join(short.lazy(), on=["force", "month"], how="left")
            .join(held.lazy(), on=["force", "month", "partnership"], how="left")
            .with_columns(
                status=pl.when(unfit & allows_number())
                .then(pl.lit(Status.MISSING.value, STATUS))
                .otherwise("status")
            )
            .with_columns(count=pl.when(allows_number()).then("count"))
            .select("force", "partnership", "month", "offence_code", "count", "status")
            .collect()
        )


def _in_partnerships(crimes: pl.LazyFrame, where: pl.DataFrame) -> pl.LazyFrame:
    """The crimes that may be listed with the `partnership` that they lie in, wherever the map shows them."""
    homes = where.lazy().select("force", "csp_code", "partnership").unique()
    assigned = homes.filter(pl.col("csp_code").is_not_null())
    nowhere = homes.filter(pl.col("csp_code").is_null()).select("force", unassigned="partnership")
    return (
        crimes.join(assigned, on=["force", "csp_code"], how="left")
        .join(nowhere, on="force")
        .with_columns(partnership=pl.coalesce("partnership", "unassigned"))
    )
