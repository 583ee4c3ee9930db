"""The rules among lines reported together: part of another crime, principal crime, one per unit."""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms.counting.editions import Editions

#: The rule that leaves one line for each unit, by what the class is counted by …
_SAME_UNIT: Final = {
    "victim": "finished-incident",
    "owner": "one-per-owner",
    "premises": "one-per-premises",
    "offender": "one-per-offender",
    "state": "one-per-incident",
}
#: … and the rule by which different units each make a crime.
_EACH_UNIT: Final = {**_SAME_UNIT, "victim": "one-per-victim"}

#: Of equal lines the earliest recorded counts; the references make the choice the same in every order of rows.
_ORDER: Final = ("rank", "recorded_at", "crime_ref", "source_system")

_INCIDENT: Final = ("force", "incident_ref")
_SEQUENCE: Final = (*_INCIDENT, "party", "offender_ref")
_UNIT: Final = (*_INCIDENT, "doer", "class_code", "unit", "unit_ref")

#: What the party to a sequence is called where the class has no victim.
_STATE: Final = "the State"


def decide_together(lines: pl.DataFrame, editions: Editions) -> pl.DataFrame:
    """Decide among lines of the same incident that nothing else has decided: `line, together, lost_to`.

    Takes the engine's working lines; those with a rule in `alone` are out of the comparison. `together` is the
    rule that decided the line; `lost_to` the `line` that counts in its stead, null when the line counts. Lines
    that were reported alone are left out. A sequence is the lines of one incident with the same victim (else
    owner, else premises; the State for a class without a victim) and the same offender, where unknown is one
    offender. In the order of the General Rules: a step or means of a graver crime goes (class pages); then all
    but the most serious of a sequence (F); then all but one of each counting unit (D and E). A line whose
    counting unit has no reference cannot be compared and stands.
    """
    shared = _reported_together(lines)
    parts = _parts(shared, editions)
    rest = shared.join(parts, on="line", how="anti", maintain_order="left").with_columns(
        # Lines are in the order of _ORDER: the first of a sequence is its principal crime.
        best=pl.col("line").first().over(*_SEQUENCE, "lane"),
        best_rank=pl.col("rank").first().over(*_SEQUENCE, "lane"),
        least_rank=pl.col("rank").last().over(*_SEQUENCE, "lane"),
        beside_others=pl.col("lane").cast(pl.UInt8).min().over(_SEQUENCE) == 0,
    )
    outranked = pl.col("party").is_not_null() & (pl.col("rank") > pl.col("best_rank"))
    kept = rest.filter(~outranked).with_columns(
        first=pl.when(pl.col("unit_ref").is_not_null()).then(pl.col("line").first().over(_UNIT)),
        same=pl.when(pl.col("unit_ref").is_not_null()).then(pl.len().over(_UNIT)),
        of_class=pl.len().over(*_INCIDENT, "class_code"),
        has_parts=pl.col("line").is_in(parts["lost_to"].implode()),
    )
    decided = pl.concat(
        [
            parts.select("line", pl.lit("part-of-crime").alias("together"), "lost_to"),
            rest.filter(outranked).select("line", together=pl.lit("principal-crime"), lost_to="best"),
            kept.select(
                "line",
                together=_rule(),
                lost_to=pl.when(pl.col("first") != pl.col("line")).then("first"),
            ),
        ]
    )
    return decided.cast({"together": editions.rule_ids})


def _reported_together(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines that share their incident, with what each is counted by and whom it was against, most serious first."""
    open_lines = pl.col("alone").is_null() & pl.col("incident_ref").is_not_null()
    # A hash is only used to leave out lines reported alone: two incidents with one hash do no harm.
    hashed = pl.col("incident_ref").hash() ^ pl.col("force").to_physical().cast(pl.UInt64)
    incidents = lines.lazy().filter(open_lines).select("line", incident=hashed).collect()
    shared = incidents.filter(pl.col("incident").is_duplicated())["line"]
    with_victim = pl.col("victim_ref").is_not_null() & (pl.col("victim_kind") != "state")
    unit = (
        pl.when(pl.col("unit") != "either")
        .then(pl.col("unit").cast(pl.String))
        .otherwise(pl.when(with_victim).then(pl.lit("victim")).otherwise(pl.lit("offender")))
    )
    against_state = (pl.col("victim_kind") == "state") | pl.col("unit").cast(pl.String).is_in(
        ["offender", "state"]
    )
    columns = (
        "line", *_INCIDENT, "class_code", "rank", "lane", "recorded_at", "crime_ref", "source_system",
        "victim_ref", "victim_kind", "offender_ref", "owner_ref", "premises_ref", "unit",
    )  # fmt: skip
    return (
        lines.select(columns)[shared]
        .with_columns(unit=unit)
        .with_columns(
            unit_ref=pl.when(pl.col("unit") == "victim")
            .then("victim_ref")
            .when(pl.col("unit") == "owner")
            .then(pl.coalesce("owner_ref", "victim_ref"))
            .when(pl.col("unit") == "premises")
            .then(pl.coalesce("premises_ref", "victim_ref"))
            .when(pl.col("unit") == "offender")
            .then("offender_ref")
            .otherwise(pl.lit(_STATE)),
            # Disorder is one crime of everybody who took part.
            doer=pl.when(pl.col("unit") != "state").then("offender_ref"),
            party=pl.when(with_victim)
            .then("victim_ref")
            .otherwise(pl.coalesce("owner_ref", "premises_ref", pl.when(against_state).then(pl.lit(_STATE)))),
        )
        .with_columns(party=pl.when(pl.col("unit_ref").is_not_null()).then("party"))
        .sort(_ORDER)
    )


def _parts(shared: pl.DataFrame, editions: Editions) -> pl.DataFrame:
    """Lines that are only a step or a means of a graver crime by the same offender: `line, lost_to`."""
    pairs = editions.part_of.select(class_code="offence_code", graver="part_of").cast(pl.Categorical)
    same_offender = [*_INCIDENT, "offender_ref"]
    steps = shared.join(pairs.select("class_code").unique(), on="class_code", how="semi").select(
        "line", *same_offender, "class_code"
    )
    # One line of each graver class is enough, the first in the order: a crowded incident stays linear.
    graver = (
        shared.join(
            pairs.select(class_code="graver").unique(), on="class_code", how="semi", maintain_order="left"
        )
        .unique([*same_offender, "class_code"], keep="first", maintain_order=True)
        .select(*same_offender, *_ORDER, graver="class_code", lost_to="line")
    )
    return (
        steps.join(pairs, on="class_code")
        .join(graver, on=[*same_offender, "graver"], nulls_equal=True)
        .sort(*_ORDER, "line")
        .unique("line", keep="first", maintain_order=True)
        .select("line", "lost_to")
    )


def _rule() -> pl.Expr:
    """The rule of a line that was not outranked: the most telling one that applies to it."""
    same = pl.col("unit").replace_strict(_SAME_UNIT, default=None)
    each = pl.col("unit").replace_strict(_EACH_UNIT, default=None)
    in_sequence = pl.col("party").is_not_null()
    return (
        pl.when(pl.col("first") != pl.col("line"))
        .then(same)
        .when(in_sequence & pl.col("lane") & pl.col("beside_others"))
        .then(pl.lit("conduct-crime"))
        .when(in_sequence & (pl.col("line") == pl.col("best")) & (pl.col("least_rank") > pl.col("best_rank")))
        .then(pl.lit("principal-crime"))
        .when(pl.col("same") > 1)
        .then(same)
        .when("has_parts")
        .then(pl.lit("part-of-crime"))
        .when(pl.col("unit_ref").is_null())
        .then(pl.lit("untested"))
        .when(pl.col("of_class") > 1)
        .then(each)
    )
