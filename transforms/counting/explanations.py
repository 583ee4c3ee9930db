"""Why a record counted or did not, in one plain sentence that names the other lines that decided it."""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms.counting.editions import Editions

#: How many other lines a sentence names before it only says how many more there are.
_NAMED: Final = 3

#: Links from one record to the next that are followed when one record is explained; the engine follows no longer chain.
_LINKS: Final = 64

_INCIDENT: Final = ["force", "incident_ref"]
#: By which rules a line counts beside others, and what it has in common with those that its sentence names.
_BESIDE: Final = (
    (
        ("one-per-victim", "one-per-owner", "one-per-premises", "one-per-offender", "one-per-incident"),
        [*_INCIDENT, "class_code"],
    ),
    (("conduct-crime", "untested"), _INCIDENT),
)


def decisions_of(lines: pl.DataFrame, editions: Editions) -> pl.LazyFrame:
    """CountingDecisions of the engine's working lines, lazily.

    The sentences are made when `because` is collected: a query that drops it pays nothing for them.
    """

    def sentences(asked: pl.Series) -> pl.Series:
        return because(lines, editions).sort("line").collect()["because"].gather(asked)

    return lines.lazy().select(
        pl.col("force").cast(pl.String),
        pl.col("source_system").cast(pl.String),
        "crime_ref",
        "counted",
        pl.col("class_code").cast(pl.String).alias("offence_code"),
        "month",
        pl.col("rule").cast(pl.String),
        because=pl.col("line").map_batches(sentences, return_dtype=pl.String),
    )


def because(lines: pl.DataFrame, editions: Editions) -> pl.LazyFrame:
    """The sentence of each working line of the engine: `line, because`."""
    templates = pl.concat(
        editions.rules.select(
            pl.col("rule").cast(editions.rule_ids), counted=pl.lit(counted, pl.Int8), template=column
        )
        for counted, column in ((1, "counts"), (0, "does_not_count"))
    )
    reasons = editions.removal_reasons.select(
        pl.col("reason").cast(pl.Categorical).alias("status_reason"),
        reason=pl.format("{}, {}", "reason", "meaning"),
    )
    deciders = lines.lazy().select(
        by="line", decider=_named(), system=pl.col("source_system").cast(pl.String)
    )
    marks = {
        "{class}": pl.col("class_code").cast(pl.String),
        "{by}": pl.col("decider"),
        "{system}": pl.col("system"),
        "{others}": pl.col("others"),
        "{unit}": pl.col("unit").cast(pl.String).replace({"either": "victim or offender"}),
        "{code}": pl.col("offence_code").cast(pl.String),
        "{reason}": pl.coalesce("reason", pl.lit("no reason given")),
    }
    sentence = pl.col("template")
    for mark, value in marks.items():
        sentence = sentence.str.replace(mark, pl.coalesce(value, pl.lit("")), literal=True)
    not_in_force = pl.format(
        " {} was not in force that month: counted as recorded, and reported to the force.", "class_code"
    )
    return (
        lines.lazy()
        .join(templates.lazy(), on=["rule", "counted"], how="left")
        .join(deciders, on="by", how="left")
        .join(_others(lines), on="line", how="left")
        .join(reasons.lazy(), on="status_reason", how="left")
        .select(
            "line",
            because=pl.concat_str(
                sentence,
                pl.when(pl.col("code_note").is_not_null()).then(pl.format(" Note: {}.", "code_note")),
                pl.when(~pl.col("in_force") & (pl.col("counted") == 1)).then(not_in_force),
                ignore_nulls=True,
            ),
        )
    )


def _named() -> pl.Expr:
    return pl.format("{} ({})", "crime_ref", "class_code")


def _others(lines: pl.DataFrame) -> pl.LazyFrame:
    """The lines that each line stands for, or else those that count beside it: `line, others`, in words."""
    winners = lines.lazy().select(by="line", for_parts=pl.col("rule") == "part-of-crime")
    displaced = (
        lines.lazy()
        .filter(pl.col("by").is_not_null())
        .join(winners, on="by")
        .filter((pl.col("rule") == "part-of-crime") == pl.col("for_parts"))
        .sort("crime_ref", "source_system")
        .group_by(line="by", maintain_order=True)
        .agg(names=_named().head(_NAMED), all=pl.len())
    )
    beside = [
        _beside(lines.lazy().join(displaced, on="line", how="anti"), lines.lazy(), rules, key)
        for rules, key in _BESIDE
    ]
    shown = pl.col("names").list.join(", ")
    unnamed = pl.col("all") - pl.col("names").list.len()
    words = pl.when(unnamed > 0).then(pl.format("{} and {} more", shown, unnamed)).otherwise(shown)
    return pl.concat([displaced, *beside]).select("line", others=words)


def _beside(alone: pl.LazyFrame, lines: pl.LazyFrame, rules: tuple[str, ...], key: list[str]) -> pl.LazyFrame:
    """For lines decided by `rules`, the other lines that count and agree on `key`: `line, names, all`."""
    asking = alone.filter(pl.col("rule").cast(pl.String).is_in(rules)).select("line", *key)
    counting = (
        lines.filter(pl.col("counted") == 1)
        .join(asking.select(key).unique(), on=key, how="semi")
        .sort("crime_ref", "source_system")
        .group_by(key, maintain_order=True)
        # One more than is named, since a line may find itself among the first.
        .agg(other=pl.col("line").head(_NAMED + 1), named=_named().head(_NAMED + 1), all=pl.len())
    )
    return (
        asking.join(counting, on=key)
        .explode("other", "named")
        .filter(pl.col("other") != pl.col("line"))
        .group_by("line", maintain_order=True)
        .agg(names=pl.col("named").head(_NAMED), all=pl.col("all").first() - 1)
    )


def having_a_say(force_records: pl.LazyFrame, crime_ref: str) -> pl.DataFrame:
    """The records of a force that can have a say in the count of those with the reference, themselves included.

    They share an incident, or one names the other as its previous reference, or so on along such links: no
    counting rule joins records in another way. Within these records each is decided as it is among all.
    """
    incidents, references = set[str](), {crime_ref}
    for _ in range(_LINKS):
        found = force_records.filter(
            pl.col("incident_ref").is_in(list(incidents))
            | pl.col("crime_ref").is_in(list(references))
            | pl.col("previous_crime_ref").is_in(list(references))
        ).collect()
        seen = len(incidents), len(references)
        incidents |= set(found["incident_ref"].drop_nulls())
        references |= set(found["crime_ref"]) | set(found["previous_crime_ref"].drop_nulls())
        if seen == (len(incidents), len(references)):
            break
    return found
