"""The published methodology of counting, made from the rules, their worked examples and the edition tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import polars as pl

from transforms.counting.editions import Editions


@dataclass(frozen=True)
class Table:
    """A small table: its caption, its headers and its cells as text."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Statement:
    """A rule as it is stated: its title and id, its sentence, and where that is from and how sure."""

    title: str
    rule: str
    sentence: str
    source: str


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it, in this order, as plain text. Level 1 is the page's own."""

    title: str
    level: int
    paragraphs: Sequence[str] = ()
    rules: Sequence[Statement] = ()
    #: where what the section says is from.
    source: str = ""
    tables: Sequence[Table] = ()


_FACTS: Final = "What was recorded"
_CRIMES: Final = "What counts"

#: The headings that extract columns have on the page.
_HEADINGS: Final = {
    "crime_ref": "Record",
    "force": "Force",
    "source_system": "System",
    "previous_crime_ref": "Earlier reference",
    "incident_ref": "Incident",
    "offence_code": "Offence",
    "reported_at": "Reported",
    "recorded_at": "Recorded",
    "occurred_from": "Happened",
    "victim_ref": "Victim",
    "victim_kind": "Kind of victim",
    "offender_ref": "Offender",
    "owner_ref": "Owner",
    "premises_ref": "Premises",
    "longitude": "Longitude",
    "latitude": "Latitude",
    "status": "Status",
    "status_reason": "Reason",
    "status_at": "Status since",
    "outcome_type": "Outcome",
    "outcome_at": "Outcome on",
    "updated_at": "Version of",
    "counted": "Counts",
    "period": "Period",
    "rule": "Rule",
    "because": "Why",
}

_OPENING: Final = (
    "A recorded crime is an offence that is notifiable to the Home Office and that a police force has recorded. "
    "What counts as one crime, in which class and in which period, is laid down by the Home Office Counting Rules. "
    "This page states the rules as this product applies them. It is made from the examples the product is tested "
    "by: if the product counted any of them differently, this page could not be made.",
    "Rules are applied in this order. A record is read and its class found. A record that is not notifiable, that "
    "has been cancelled or transferred, or that has moved to another records system does not count. Among the "
    "records left, those reported together are compared: an offence that is only a step or a means of a graver one "
    "goes; of a sequence by the same offender against the same victim only the most serious stays; and one crime "
    "counts for each victim, owner, premises or offender, whichever the class is counted by.",
    "The edition in force on the day a crime was recorded decides. The recorded date, by the calendar of "
    "Europe/London, also decides the month and quarter that it counts in, whenever it was committed.",
    "Records of different forces never decide each other: no rule looks further than the records of one force. A "
    "crime transferred to another force leaves the count of the first whether or not the second records it. Whether "
    "it did is looked into after each force has been counted, and reported; it changes no count.",
    "Each rule and each row of each table has a source and a confidence. High: found in an official publication, or "
    "a convention of the field that nobody disputes. Medium: found in part, or well known without a text to quote. "
    "Low: not verified; a Home Office reference table loaded in its place takes precedence, and every difference is "
    "reported.",
)


def methodology(editions: Editions, examples: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Every section of the page, in order. `examples` are those of `load_worked_examples`."""
    return [
        Section("How police recorded crime is counted", 1, _OPENING),
        *_chapters(editions, examples),
        *_tables(editions),
    ]


def _chapters(editions: Editions, examples: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    rules = {row["rule"]: row for row in editions.rules.iter_rows(named=True)}
    for chapter, group in groupby(examples, key=lambda example: str(example["chapter"])):
        members = list(group)
        yield Section(chapter, 2, rules=[_stated(rules[rule]) for rule in members[0]["rules"]])
        for example in members:
            yield Section(
                f"{example['id']}. {example['title']}",
                3,
                [example["note"]] if example["note"] else [],
                source=example["source"],
                tables=[_headed(_FACTS, example["facts"]), _headed(_CRIMES, example["crimes"])],
            )


def _headed(caption: str, table: Mapping[str, Any]) -> Table:
    return Table(caption, [_HEADINGS[name] for name in table["columns"]], table["rows"])


def _stated(rule: Mapping[str, Any]) -> Statement:
    note = f"; {rule['note']}" if rule["note"] else ""
    return Statement(
        rule["title"],
        rule["rule"],
        rule["sentence"],
        f"Looks at {rule['looks_at']}. {rule['source']}; {rule['confidence']} confidence{note}.",
    )


def _tables(editions: Editions) -> Iterator[Section]:
    yield Section(
        "The tables behind the rules",
        2,
        ["Each row is dated, and is read for the month a crime was recorded in."],
    )
    yield Section("What each class is counted by", 3, [], tables=[_units(editions)])
    yield Section(
        "The principal-crime order",
        3,
        ["Most serious first. The official look-up table (Annex C) is known here only in part."],
        tables=[_order(editions)],
    )
    yield Section("Steps and means that are not counted in addition", 3, [], tables=[_parts(editions)])
    yield Section(
        "Rules that have changed", 3, [], tables=[_plain(editions.rule_changes, "Periods of each rule")]
    )
    yield Section("Classes that began or ended", 3, [], tables=[_dated_classes(editions)])
    yield Section(
        "Why a record may leave the count", 3, [], tables=[_plain(editions.removal_reasons, "Reasons")]
    )
    yield Section("Outcomes", 3, [], tables=[_plain(editions.outcomes.drop("source"), "Outcome types")])
    yield Section(
        "Home Office codes and the classes they count in",
        3,
        [],
        tables=[_plain(editions.home_office_codes, "Codes")],
    )
    yield Section(
        "What is uncertain",
        3,
        [
            "Rows that are not of high confidence, and classes of high confidence about which something is open."
        ],
        tables=[_uncertain(editions)],
    )


def _units(editions: Editions) -> Table:
    units = (
        editions.counting_units.join(
            editions.offences.select("offence_code", "description"), on="offence_code", how="left"
        )
        .with_row_index("place")
        .group_by("unit", "confidence", "source", "note")
        .agg(pl.col("place").min(), pl.col("offence_code").str.join(", "))
        .sort("unit", "place")
    )
    return _plain(
        units.select("unit", classes="offence_code", source="source", confidence="confidence", note="note"),
        "Counting units",
    )


def _order(editions: Editions) -> Table:
    named = editions.principal_order.join(
        editions.offences.select("offence_code", "description"), on="offence_code", how="left"
    )
    return _plain(
        named.sort("rank").select(
            "rank", "offence_code", "description", "valid_from", "valid_to", "confidence"
        ),
        "Order of classes",
    )


def _parts(editions: Editions) -> Table:
    parts = (
        editions.part_of.with_row_index("place")
        .group_by("part_of", "reason", "source", "confidence")
        .agg(pl.col("place").min(), pl.col("offence_code").str.join(", "))
        .group_by("offence_code", "reason", "source", "confidence")
        .agg(pl.col("place").min(), pl.col("part_of").sort_by("place").str.join(", "))
        .sort("place")
    )
    return _plain(
        parts.select("offence_code", "part_of", "reason", "source", "confidence"), "Steps and means"
    )


def _dated_classes(editions: Editions) -> Table:
    dated = editions.offences.filter(pl.col("valid_from").is_not_null() | pl.col("valid_to").is_not_null())
    return _plain(
        dated.select("offence_code", "description", "valid_from", "valid_to", "confidence", "note"),
        "Dated classes",
    )


def _uncertain(editions: Editions) -> Table:
    parts = [
        editions.offences.select(
            table=pl.lit("class"), row="offence_code", confidence="confidence", note="note"
        ),
        editions.home_office_codes.select(
            table=pl.lit("Home Office code"), row="home_office_code", confidence="confidence", note="note"
        ),
        editions.counting_units.select(
            table=pl.lit("counting unit"), row="offence_code", confidence="confidence", note="note"
        ),
        editions.rule_changes.select(
            table=pl.lit("dated rule"),
            row=pl.format("{}: {}", "change", "treatment"),
            confidence="confidence",
            note="note",
        ),
        editions.outcomes.select(
            table=pl.lit("outcome"), row="outcome_type", confidence="confidence", note="note"
        ),
    ]
    open_rows = (
        pl.concat(parts)
        .filter(
            (pl.col("confidence") != "high") | (pl.col("note").is_not_null() & (pl.col("table") == "class"))
        )
        .with_row_index("place")
        .group_by("table", "confidence", "note")
        .agg(pl.col("place").min(), rows=pl.col("row").str.join(", "))
        .sort("place")
        .select("table", "rows", "confidence", "note")
    )
    return _plain(open_rows, "Uncertain rows")


def _plain(frame: pl.DataFrame, caption: str) -> Table:
    text = frame.with_columns(pl.col(pl.Date).dt.to_string("%-d %B %Y")).cast(pl.String)
    rows = [["" if cell is None else cell for cell in row] for row in text.iter_rows()]
    return Table(caption, [name.replace("_", " ").capitalize() for name in frame.columns], rows)


def markdown(sections: Sequence[Section]) -> str:
    """The page as Markdown: one blank line between blocks, tables in pipes."""
    blocks: list[str] = []
    for section in sections:
        blocks.append(f"{'#' * section.level} {section.title}")
        blocks.extend(section.paragraphs)
        blocks.extend(
            f"**{each.title}** (`{each.rule}`). {each.sentence} *{each.source}*" for each in section.rules
        )
        blocks.extend([f"*{section.source}*"] if section.source else [])
        for table in section.tables:
            blocks.append(f"{table.caption}:")
            blocks.append(_piped(table))
    return "\n\n".join(blocks) + "\n"


def _piped(table: Table) -> str:
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
