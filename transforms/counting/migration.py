"""One crime held in two records systems: found by crosswalk or by a stated match, counted once, and listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

#: Doublings of the pointer along a chain of previous references: 2**6 moves of one crime, more is a circle.
_DOUBLINGS: Final = 6

#: An order of records that does not depend on the order of rows.
_STABLE: Final = ("recorded_at", "crime_ref", "source_system")

#: Copies agree on the place when they agree to about ten metres.
PLACE_DECIMALS: Final = 4


@dataclass(frozen=True)
class Moves:
    """Which records and incidents of one records system went to another."""

    #: `line, moved_to, first_month`: `moved_to` is the `line` of the copy that counts (null on that copy
    #: itself); `first_month` the month the crime was first recorded in any system (null on the others).
    records: pl.DataFrame
    #: `force, source_system, incident_ref, moved_incident`: lines left behind keep company with those that moved.
    incidents: pl.DataFrame


def find_moves(lines: pl.DataFrame) -> Moves | None:
    """Which of the engine's working lines are one crime held in two systems; None when none is."""
    pairs = pair_records(lines).filter(pl.col("how") != "circular")
    if pairs.is_empty():
        return None
    recorded = lines.select("line", "recorded_at")
    first = (
        _chains(pairs)
        .join(recorded, left_on="oldest", right_on="line")
        .join(recorded, left_on="new", right_on="line", suffix="_new")
        .group_by("new")
        .agg(first=pl.min_horizontal("recorded_at", "recorded_at_new").min())
        .select(line="new", first_month=pl.col("first").dt.date().dt.month_start())
    )
    # Where several records name one old one, the choice among them must not depend on the order of rows.
    gone = (
        pairs.join(lines.select(*_STABLE, new="line"), on="new")
        .sort(_STABLE)
        .unique("old", keep="first", maintain_order=True)
        .select(line="old", moved_to="new")
    )
    records = first.join(gone, on="line", how="full", coalesce=True).select(
        "line", "moved_to", first_month=pl.when(pl.col("moved_to").is_null()).then("first_month")
    )
    incident = lines.select("line", "force", "source_system", "incident_ref")
    incidents = (
        pairs.join(incident, left_on="old", right_on="line")
        .join(incident.select("line", moved_incident="incident_ref"), left_on="new", right_on="line")
        .filter(pl.col("incident_ref") != pl.col("moved_incident"))
        .group_by("force", "source_system", "incident_ref")
        .agg(pl.col("moved_incident").min())
    )
    return Moves(records, incidents)


def pair_records(lines: pl.DataFrame) -> pl.DataFrame:
    """Pairs of the same crime in two systems: `old, new` (both `line`), `how`.

    `how` is `crosswalk` (the new record names the old reference), `stated match` (same force, incident,
    class, recorded time, place and victim, or all of these but the victim), or `circular` (the references
    go round in a circle: not followed, for a person to look at).
    The copy updated last is the new one in a stated match. Takes the working lines of the engine.
    """
    crosswalk = _crosswalk(lines)
    paired = crosswalk.filter(pl.col("how") == "crosswalk")
    several = forces_with_several_systems(lines)
    if several.is_empty():
        return crosswalk
    open_lines = (
        lines.join(several, on="force", how="semi")
        .filter(pl.col("class_code").is_not_null() & pl.col("incident_ref").is_not_null())
        .join(paired, left_on="line", right_on="old", how="anti")
        .join(paired, left_on="line", right_on="new", how="anti")
        .with_columns(pl.col("longitude", "latitude").round(PLACE_DECIMALS))
    )
    with_victim = _stated_match(open_lines, ["victim_ref"])
    rest = open_lines.join(with_victim, left_on="line", right_on="old", how="anti").join(
        with_victim, left_on="line", right_on="new", how="anti"
    )
    return pl.concat([crosswalk, with_victim, _stated_match(rest, [])])


def forces_with_several_systems(lines: pl.DataFrame) -> pl.DataFrame:
    """The forces whose records come from more than one records system: `force`."""
    systems = lines.lazy().select("force", "source_system").unique().collect()
    return systems.filter(pl.col("force").is_duplicated()).select("force").unique()


def circular_references(lines: pl.DataFrame) -> pl.DataFrame:
    """Records whose previous references lead round in a circle: `line`."""
    return _crosswalk(lines).filter(pl.col("how") == "circular").select(line="new").unique()


def _crosswalk(lines: pl.DataFrame) -> pl.DataFrame:
    naming = (
        lines.lazy()
        .filter(pl.col("previous_crime_ref").is_not_null())
        .select("force", crime_ref="previous_crime_ref", new="line", system="source_system", own="crime_ref")
        .collect()
    )
    if naming.is_empty():
        return pl.DataFrame(schema={"old": pl.UInt32, "new": pl.UInt32, "how": pl.String})
    edges = (
        naming.join(lines.select("force", *_STABLE, old="line"), on=["force", "crime_ref"])
        .filter((pl.col("source_system") != pl.col("system")) | (pl.col("crime_ref") != pl.col("own")))
        # A reference may be held by two other systems: it is taken to be that of the one that recorded it first.
        .sort(pl.col("source_system") == pl.col("system"), *_STABLE)
        .unique("new", keep="first", maintain_order=True)
        .select("old", "new")
    )
    circular = _chains(edges).filter(pl.col("circular")).select("new").unique()
    return edges.join(circular.with_columns(how=pl.lit("circular")), on="new", how="left").with_columns(
        pl.col("how").fill_null("crosswalk")
    )


def _chains(pairs: pl.DataFrame) -> pl.DataFrame:
    """The oldest record behind each new one: `new, oldest, circular`. Follows all chains at once, by doubling."""
    # Only copies found by a stated match can be several behind one, and those were recorded at the same time.
    step = pairs.select("new", to="old").unique("new", keep="any")
    reach = step
    for _ in range(_DOUBLINGS):
        further = reach.join(reach.select(to="new", beyond="to"), on="to", how="left")
        reach = further.select("new", to=pl.coalesce("beyond", "to"), moving=pl.col("beyond").is_not_null())
        if not reach["moving"].any():
            break
        reach = reach.select("new", "to")
    return reach.select("new", oldest="to", circular=pl.col("to").is_in(step["new"].implode()))


def _stated_match(lines: pl.DataFrame, also: list[str]) -> pl.DataFrame:
    """Pair the k-th line of one system with the k-th of the other, among lines that agree on everything stated."""
    key = ["force", "incident_ref", "class_code", "recorded_at", "longitude", "latitude", *also]
    order = ["victim_ref", "offender_ref", "crime_ref"]
    numbered = lines.sort(order).with_columns(k=pl.int_range(pl.len()).over([*key, "source_system"]))
    newest = pl.col("line").sort_by("updated_at", "source_system").last()
    return (
        numbered.with_columns(new=newest.over([*key, "k"]), copies=pl.len().over([*key, "k"]))
        .filter((pl.col("copies") > 1) & (pl.col("new") != pl.col("line")))
        .select(old="line", new="new", how=pl.lit("stated match"))
    )
