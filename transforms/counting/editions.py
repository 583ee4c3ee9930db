"""The dated tables that the counting rules are read from, and the one place where they are loaded."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, fields
from datetime import date
from importlib import resources
from typing import Any

import polars as pl

from transforms.contracts.columns import CATEGORY
from transforms.counting.codes import code_fault, normalise_offence_code

#: After every place in the principal-crime order.
UNRANKED = 9_999

_DATED = ("valid_from", "valid_to")


@dataclass(frozen=True)
class Editions:
    """Every edition of the counting rules, financial year 2012/13 on, as dated tables.

    Each row of each table cites its `source` and its `confidence` (high, medium or low); `note` says
    what is uncertain. A row is in force from `valid_from` to `valid_to`, both included; null is open.
    """

    #: one row for each offence code: description, subgroup, group, police.uk category, validity.
    offences: pl.DataFrame
    #: one row for each offence code and vintage of the tables: the group and subgroup it was published under.
    subgroup_vintages: pl.DataFrame
    #: one row for each Home Office class/sub-class (and victim kind, and period) and the class it counts in.
    home_office_codes: pl.DataFrame
    #: one row for each offence code: what one crime of it is counted by.
    counting_units: pl.DataFrame
    #: one row for each offence code and period: its place, the most serious first.
    principal_order: pl.DataFrame
    #: one row for each pair of a class and a graver class that it is only a step or a means of.
    part_of: pl.DataFrame
    #: one row for each reason that a record may leave the count.
    removal_reasons: pl.DataFrame
    #: one row for each outcome type and sub-type, with its group and police.uk text.
    outcomes: pl.DataFrame
    #: one row for each period of a rule that has changed.
    rule_changes: pl.DataFrame
    #: one row for each rule: its id, its title and its sentence.
    rules: pl.DataFrame

    @property
    def rule_ids(self) -> pl.Enum:
        """The ids of the rules, as a Polars Enum."""
        return pl.Enum(self.rules["rule"])

    def known_codes(self) -> frozenset[str]:
        """Every code that some edition knows, as `normalise_offence_code` writes it."""
        written = pl.concat([self.offences["offence_code"], self.home_office_codes["home_office_code"]])
        return frozenset(written.to_frame("code").select(normalise_offence_code(pl.col("code"))).to_series())

    def codes_on(self, day: date) -> pl.DataFrame:
        """The published classes in force on a day: `offence_code, description, group, subgroup, category`."""
        published = (pl.col("kind") == "notifiable") & (pl.col("offence_code") == pl.col("published_as"))
        return (
            self.offences.filter(published & _in_force(pl.lit(day)))
            .select("offence_code", "description", "group", "subgroup", "category")
            .sort("offence_code")
        )

    def resolve(self, keys: pl.DataFrame) -> pl.DataFrame:
        """What the editions say of each (`offence_code` as written, `victim_kind`, `month`).

        Takes one row for each distinct key; gives the same rows with `class_code` (as published; null when
        no class is known), `category`, `unit`, `lane` (1: a conduct crime counted in addition), `rank`,
        `refused` (the id of the rule that keeps such a line out of the count, else null), `code_note` (what is
        uncertain about how the code was read) and `in_force` (whether the class is valid in the month).
        """
        written = keys.with_columns(normal=normalise_offence_code(pl.col("offence_code")))
        direct = self._classes().select(pl.col("code").alias("normal"), pl.col("code").alias("direct"))
        read = (
            written.join(direct, on="normal", how="left")
            .join(self._home_office_classes(written), on=["normal", "victim_kind", "month"], how="left")
            .with_columns(by_class=pl.col("normal").str.extract(r"^(\d+)/\d+$"))
            .join(direct.select(by_class="normal", fallback="direct"), on="by_class", how="left")
            .with_columns(
                code=pl.coalesce("direct", "mapped", "fallback"),
                code_note=pl.when(pl.col("direct").is_null()).then(
                    pl.when(pl.col("mapped").is_not_null())
                    .then("mapped_note")
                    .when(pl.col("fallback").is_not_null())
                    .then(pl.lit("the sub-class is not listed; the class it begins with is taken"))
                ),
            )
        )
        return (
            read.join(self._classes(), on="code", how="left")
            .join(self._ranks(read), on=["code", "month"], how="left")
            .with_columns(
                rank=pl.col("rank").fill_null(UNRANKED).cast(pl.UInt16),
                in_force=_in_force(pl.col("month")),
                lane=(pl.col("conduct") & self._treatment("conduct", "in addition")).fill_null(False),
                refused=self._refused().cast(self.rule_ids),
            )
            .select(
                "offence_code", "victim_kind", "month", "class_code", "category", "unit", "lane", "rank",
                "refused", "code_note", "in_force",
            )
        )  # fmt: skip

    def _classes(self) -> pl.DataFrame:
        units = self.counting_units.select("offence_code", "unit", conduct=pl.col("conduct") == "yes")
        return self.offences.join(units, on="offence_code", how="left").select(
            code=normalise_offence_code(pl.col("offence_code")),
            class_code="published_as",
            category=pl.col("category").cast(CATEGORY),
            kind="kind",
            unit="unit",
            conduct="conduct",
            valid_from="valid_from",
            valid_to="valid_to",
        )

    def _home_office_classes(self, written: pl.DataFrame) -> pl.DataFrame:
        table = self.home_office_codes.select(
            normal=normalise_offence_code(pl.col("home_office_code")),
            of_kind="victim_kind",
            mapped=normalise_offence_code(pl.col("offence_code")),
            mapped_note="note",
            valid_from="valid_from",
            valid_to="valid_to",
        )
        return (
            written.join(table, on="normal")
            .filter(_in_force(pl.col("month")))
            .filter(pl.col("of_kind").is_null() | (pl.col("of_kind") == pl.col("victim_kind")))
            .sort("normal", "victim_kind", "month", "of_kind", "mapped", nulls_last=True)
            .unique(["normal", "victim_kind", "month"], keep="first", maintain_order=True)
            .select("normal", "victim_kind", "month", "mapped", "mapped_note")
        )

    def _ranks(self, read: pl.DataFrame) -> pl.DataFrame:
        order = self.principal_order.with_columns(code=normalise_offence_code(pl.col("offence_code")))
        return (
            read.select("code", "month")
            .unique()
            .join(order, on="code")
            .filter(_in_force(pl.col("month")))
            .select("code", "month", "rank")
        )

    def _treatment(self, change: str, treatment: str) -> pl.Expr:
        """Whether a rule that has changed is treated so in `month`."""
        rows = self.rule_changes.filter((pl.col("change") == change) & (pl.col("treatment") == treatment))
        return pl.any_horizontal(
            pl.lit(False),
            *(
                _between(pl.col("month"), row["valid_from"], row["valid_to"])
                for row in rows.iter_rows(named=True)
            ),
        )

    def _refused(self) -> pl.Expr:
        kind = pl.col("kind")
        return (
            pl.when(code_fault(pl.col("offence_code")).is_not_null())
            .then(pl.lit("damaged-code"))
            .when(kind.is_null())
            .then(pl.lit("unknown-code"))
            .when(kind == "reported-incident")
            .then(pl.lit("n100"))
            .when(kind.is_in(["incident", "not-notifiable"]))
            .then(pl.lit("not-notifiable"))
            .when(
                (kind == "fraud")
                & (pl.col("unit").is_null() | self._treatment("fraud", "not counted by forces"))
            )
            .then(pl.lit("fraud"))
        )


def _between(day: pl.Expr, first: date | None, last: date | None) -> pl.Expr:
    after = pl.lit(True) if first is None else day >= first
    return after & (pl.lit(True) if last is None else day <= last)


def _in_force(day: pl.Expr) -> pl.Expr:
    """Whether `day` lies within `valid_from` and `valid_to`, both included; null ends are open."""
    return (pl.col("valid_from").is_null() | (pl.col("valid_from") <= day)) & (
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= day)
    )


@functools.cache
def load_editions() -> Editions:
    """The edition tables that come with the product, read once a process."""
    folder = resources.files("transforms.counting") / "data"
    return Editions(
        **{field.name: _table((folder / f"{field.name}.csv").read_bytes()) for field in fields(Editions)}
    )


def load_worked_examples() -> list[dict[str, Any]]:
    """The worked examples that the rules are tested by: `chapter, rules, id, title, source, note, facts, crimes`.

    `facts` and `crimes` are tables: `columns` and `rows` of text.
    """
    content = (resources.files("transforms.counting") / "data" / "worked_examples.json").read_text("utf-8")
    examples: list[dict[str, Any]] = json.loads(content)
    return examples


def _table(content: bytes) -> pl.DataFrame:
    table = pl.read_csv(content, infer_schema=False)
    return table.with_columns(
        pl.col(name).cast(pl.Int32) if name == "rank" else pl.col(name).str.to_date()
        for name in table.columns
        if name in (*_DATED, "rank")
    )
