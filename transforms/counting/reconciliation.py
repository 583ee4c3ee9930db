"""The reconciliation of two records systems: what is in the old one only, in the new one only, and in both."""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms.counting.migration import circular_references, forces_with_several_systems

#: What two copies of one crime are compared on.
COMPARED: Final = ("class_code", "recorded_at", "status", "outcome_type", "outcome_at", "victim_ref")

#: The columns of `Counts.lines` that are looked at.
RECONCILED: Final = (
    "line", "by", "rule", "force", "source_system", "crime_ref", "previous_crime_ref", "month", "counted", *COMPARED,
)  # fmt: skip

#: Where a record is, in the words of the printed reconciliation.
PLACES: Final = ("old only", "new only", "both", "both but different", "circular references")


def reconcile(lines: pl.DataFrame, old_systems: pl.DataFrame | None = None) -> pl.DataFrame:
    """One row for each crime of each force with more than one records system; takes `Counts.lines`.

    `force, place` (one of `PLACES`), `old_system, old_ref, new_system, new_ref, how` (`crosswalk` or `stated
    match`; null when in one system), `differs` (the fields that differ, comma-separated; null otherwise),
    `open` (whether no outcome is assigned), `counted`, `offence_code`, `month`. Rows of `old only` are the
    records left behind: they are counted where the rules count them, and listed here to be moved or closed.
    `old_systems` (`force, source_system`) names the old systems; otherwise they are those that pairs come
    from, or where there is no pair the system that stopped recording first.
    """
    lines = lines.join(forces_with_several_systems(lines), on="force", how="semi")
    moved = lines.filter(pl.col("rule") == "migrated-duplicate").select(old="line", new="by")
    circular = circular_references(lines)
    both = _compared(lines, moved)
    old = _old_systems(lines, moved) if old_systems is None else old_systems.cast(pl.Categorical)
    single = (
        lines.join(moved, left_on="line", right_on="old", how="anti")
        .join(moved, left_on="line", right_on="new", how="anti")
        .join(circular, on="line", how="anti")
        .join(old.with_columns(old=pl.lit(True)), on=["force", "source_system"], how="left")
        .with_columns(old=pl.col("old").fill_null(False))
    )
    named = pl.concat(
        [
            both,
            _single(single.filter("old"), "old only", "old"),
            _single(single.filter(~pl.col("old")), "new only", "new"),
            _single(lines.join(circular, on="line", how="semi"), "circular references", "new"),
        ],
        how="diagonal",
    )
    return named.select(
        pl.col("force").cast(pl.String),
        "place",
        pl.col("old_system").cast(pl.String),
        "old_ref",
        pl.col("new_system").cast(pl.String),
        "new_ref",
        "how",
        "differs",
        "open",
        "counted",
        pl.col("class_code").cast(pl.String).alias("offence_code"),
        "month",
    ).sort("force", "place", "old_ref", "new_ref")


def summarise(reconciled: pl.DataFrame) -> pl.DataFrame:
    """How many crimes of each force are in each place, and how many of those are open: `force, place, crimes, open`."""
    return (
        reconciled.group_by("force", "place")
        .agg(crimes=pl.len(), open=pl.col("open").filter("open").len())
        .sort("force", pl.col("place").cast(pl.Enum(PLACES)))
    )


def _old_systems(lines: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """The systems that records moved from; where none moved, the one that stopped recording first."""
    from_pairs = (
        lines.join(moved, left_on="line", right_on="old", how="semi")
        .select("force", "source_system")
        .unique()
    )
    stopped = (
        lines.join(from_pairs, on="force", how="anti")
        .group_by("force", "source_system")
        .agg(last=pl.col("recorded_at").max())
        .sort("force", "last", pl.col("source_system").cast(pl.String))
        .unique("force", keep="first", maintain_order=True)
        .select("force", "source_system")
    )
    return pl.concat([from_pairs, stopped])


def _compared(lines: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """Pairs, with the fields on which the copies differ."""
    old = lines.select("line", "source_system", "crime_ref", *COMPARED).rename(lambda name: f"old_{name}")
    pairs = moved.join(old, left_on="old", right_on="old_line").join(lines, left_on="new", right_on="line")
    differs = pl.concat_str(
        (
            pl.when(pl.col(name).ne_missing(pl.col(f"old_{name}"))).then(pl.lit(_FIELD.get(name, name)))
            for name in COMPARED
        ),
        separator=", ",
        ignore_nulls=True,
    )
    return pairs.with_columns(differs=pl.when(differs != "").then(differs)).select(
        "force",
        place=pl.when(pl.col("differs").is_null())
        .then(pl.lit("both"))
        .otherwise(pl.lit("both but different")),
        old_system="old_source_system",
        old_ref="old_crime_ref",
        new_system="source_system",
        new_ref="crime_ref",
        how=pl.when(pl.col("previous_crime_ref") == pl.col("old_crime_ref"))
        .then(pl.lit("crosswalk"))
        .otherwise(pl.lit("stated match")),
        differs="differs",
        open=_open(),
        counted="counted",
        class_code="class_code",
        month="month",
    )


_FIELD: Final = {"class_code": "offence_code"}


def _single(lines: pl.DataFrame, place: str, side: str) -> pl.DataFrame:
    return lines.select(
        "force",
        pl.lit(place).alias("place"),
        pl.col("source_system").alias(f"{side}_system"),
        pl.col("crime_ref").alias(f"{side}_ref"),
        "counted",
        "class_code",
        "month",
        open=_open(),
    )


def _open() -> pl.Expr:
    outcome = pl.col("outcome_type").cast(pl.String)
    return (pl.col("status") == "live") & (outcome.is_null() | (outcome == "0"))
