"""Which parts of the figures a finding holds back, and what people's decisions do to them."""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms.completeness.catalogue import CATALOGUE
from transforms.contracts import tables
from transforms.contracts.columns import CATEGORIES
from transforms.contracts.status import STATUS, Status, allows_number, worst
from transforms.decisions import about_scope, kind_of
from transforms.register import COUNTED_FROM

#: A finding of one of these severities holds its part of the figures until someone has decided.
HOLDING: Final = ("block", "sign-off")

#: Losses of areas that, when they are to block, are too large a part of the force to print its total without them.
MATERIAL: Final = ("W34", "W35")

#: The status that a decision gives the part it is about.
DECIDED: Final = {
    "confirm gap": Status.MISSING.value,
    "accept as genuine": Status.COMPLETE.value,
    "ask for resupply": Status.UNJUDGED.value,
    "mark partial": Status.PARTIAL.value,
    "defer": Status.UNJUDGED.value,
}
#: Decisions that hold or mark a part by themselves, when no finding does.
UNASKED: Final = ("confirm gap", "ask for resupply", "mark partial")
HELD: Final = "held until someone has decided whether it can be published"
#: Why a part is held or partial, in words that are published: never the author's own.
REASONS: Final = {
    "confirm gap": "a gap in supply, confirmed",
    "accept as genuine": "accepted as genuine",
    "ask for resupply": "held until the force has supplied it again",
    "mark partial": "supplied in part, and published under a recorded decision",
    "defer": HELD,
}
#: What tells one part of a force's month from another; null: every area, every type.
PART: Final = ("force", "month", "lsoa_code", "category")


def holds_of(findings: pl.DataFrame, lsoas: pl.DataFrame) -> pl.DataFrame:
    """The parts of the grid that findings hold: `Holds`.

    A finding holds when it is to be decided on (severity block or sign-off) and its kind is about counts that were
    supplied (`Kind.holds`): its force, its types, its areas, or its types in its areas, in each of its months.
    `area` names LSOAs, neighbourhoods or partnerships, with semicolons between; `category` one type or two (“from >
    to”). Areas whose loss is a material part of the force's crime (severity block) hold its total with them.
    `lsoas` has `force, lsoa_code, neighbourhood` and perhaps `csp_code`.
    """
    parts = (
        findings.lazy()
        .filter(
            pl.col("severity").is_in(HOLDING),
            pl.col("code").is_in([code for code, kind in CATALOGUE.items() if kind.holds]),
        )
        .select(
            "finding",
            "force",
            month=pl.date_ranges("first_month", "last_month", "1mo"),
            place=pl.col("area").str.split(";"),
            category=pl.col("category").str.split(" > "),
            coverage=(pl.col("observed") / pl.col("expected")).clip(0, 1),
            status=pl.lit(Status.UNJUDGED.value),
            reason=pl.lit(HELD),
            since="first_month",
            material=(pl.col("severity") == "block") & pl.col("code").is_in(MATERIAL),
        )
        .explode("month")
        .explode("place")
        .explode("category")
        .filter(pl.col("category").is_null() | pl.col("category").is_in(CATEGORIES))
    )
    material = parts.filter(pl.col("material")).with_columns(place=pl.lit(None, pl.String))
    return _collected(_holds(_placed(pl.concat([parts, material]), lsoas).unique(["finding", *PART])))


def _placed(parts: pl.LazyFrame, lsoas: pl.DataFrame) -> pl.LazyFrame:
    """Parts with the LSOAs of their `place`, a code or a neighbourhood; the whole force where it is null."""
    levels = [name for name in ("lsoa_code", "neighbourhood", "csp_code") if name in lsoas.columns]
    named = pl.concat(
        [lsoas.lazy().select("force", "lsoa_code", place=pl.col(name)) for name in levels]
    ).unique()
    return parts.join(named, on=["force", "place"], how="left").filter(
        pl.col("place").is_null() | pl.col("lsoa_code").is_not_null()
    )


def _holds(parts: pl.LazyFrame) -> pl.LazyFrame:
    wanted = tables.Holds.create_empty().schema
    return parts.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())


def _collected(holds: pl.LazyFrame) -> pl.DataFrame:
    return holds.sort("finding", *PART, nulls_last=True).collect()


def decide(holds: pl.DataFrame, decisions: pl.DataFrame, lsoas: pl.DataFrame) -> pl.DataFrame:
    """Holds after the decisions that stand (`transforms.decisions.in_force`): `Holds`.

    A decision on a finding changes what that finding, and one of its kind about the same scope, holds in the months
    that it names: a gap that was confirmed stays so when the next month is missing too. It lapses with the last such
    finding. One on a scope changes every hold inside it, and holds or marks the scope by itself. The latest about a
    part counts. A confirmed gap is missing; what is accepted as genuine is held no longer; a part marked partial is
    published as such; what is asked for again or deferred stays held.
    """
    scopes = (
        decisions.lazy()
        .filter(
            pl.col("action").cast(pl.String).is_in(list(DECIDED)),
            pl.col("file_type").is_null() | pl.col("file_type").is_in(COUNTED_FROM),
        )
        .with_columns(pl.col("action").cast(pl.String), month=pl.date_ranges("first_month", "last_month", "1mo"))
        .explode("month")
        .select(
            "entry", "force", "month", "action", about="finding", of_type="category", place="area",
            share="coverage", from_month="first_month",
        )
    )  # fmt: skip
    of_type = pl.col("category").cast(pl.String)
    inside = about_scope(pl.col("lsoa_code"), of_type, "place", "of_type") | about_scope(
        pl.col("neighbourhood"), of_type, "place", "of_type"
    )
    latest = (
        holds.lazy()
        .select("finding", *PART)
        .join(
            lsoas.lazy().select("force", "lsoa_code", "neighbourhood"), on=["force", "lsoa_code"], how="left"
        )
        .join(scopes, on=["force", "month"])
        .filter(
            (pl.col("about") == pl.col("finding")).fill_null(False)
            | (inside & (pl.col("about").is_null() | (kind_of("about") == kind_of("finding"))))
        )
        .sort("entry")
        .unique(["finding", *PART], keep="last", maintain_order=True)
        .select("finding", *PART, "action", "share")
    )
    answered = (
        holds.lazy()
        .join(latest, on=["finding", *PART], how="left", nulls_equal=True)
        .with_columns(
            status=pl.col("action").replace_strict(DECIDED, default=pl.col("status").cast(pl.String)),
            reason=pl.col("action").replace_strict(REASONS, default=pl.col("reason")),
            coverage=pl.coalesce("share", "coverage"),
        )
        .filter(pl.col("status") != Status.COMPLETE.value)
    )
    unasked = (
        _placed(scopes.filter(pl.col("about").is_null()), lsoas)
        .with_columns(category="of_type")
        .sort("entry")
        .unique(PART, keep="last", maintain_order=True)
        .filter(pl.col("action").is_in(UNASKED))
        .with_columns(
            finding=pl.format("decision-{}", "entry"),
            status=pl.col("action").replace_strict(DECIDED),
            reason=pl.col("action").replace_strict(REASONS),
            coverage="share",
            since="from_month",
        )
    )
    return _collected(pl.concat([_holds(answered), _holds(unasked)]))


def hold_verdicts(verdicts: pl.DataFrame, holds: pl.DataFrame) -> pl.DataFrame:
    """Verdicts with the holds on whole force-months applied: the worst stands, its reason and coverage beside it.

    A month that was not supplied stays missing whatever was decided: there is nothing to publish.
    """
    order = pl.col("held").to_physical()
    whole = (
        holds.lazy()
        .filter(pl.col("lsoa_code").is_null(), pl.col("category").is_null())
        .select("force", "month", held="status", why="reason", share="coverage", from_month="since")
        .sort(order, "share", descending=[True, False], nulls_last=True)
        .unique(["force", "month"], keep="first", maintain_order=True)
    )
    worse = pl.col("held").is_not_null() & allows_number() & pl.col("file_type").is_in(COUNTED_FROM)
    return (
        verdicts.lazy()
        .join(whole, on=["force", "month"], how="left")
        .with_columns(
            pl.when(worse).then(new).otherwise(old).alias(old)
            for old, new in (
                ("status", "held"), ("reason", "why"), ("coverage", "share"), ("since", "from_month"),
            )
        )
        .select(verdicts.columns)
        .sort("force", "file_type", "month")
        .collect()
    )  # fmt: skip


def hold_cells(cells: pl.LazyFrame, holds: pl.DataFrame) -> pl.LazyFrame:
    """Cells with the status of the worst hold on any part they lie in; their number stays only where it may.

    `cells` has `force, month, category, count, status`, and `lsoa_code` where it is by area; without one only the
    holds on a type everywhere apply.
    """
    by_area = "lsoa_code" in cells.collect_schema().names()
    placed, typed = pl.col("lsoa_code").is_not_null(), pl.col("category").is_not_null()
    parts = [(~placed & typed, ["force", "month", "category"])]
    if by_area:
        parts += [
            (placed & ~typed, ["force", "month", "lsoa_code"]),
            (placed & typed, ["force", "month", "lsoa_code", "category"]),
        ]
    for which, key in parts:
        held = holds.lazy().filter(which).group_by(key).agg(held=worst(pl.col("status")))
        cells = (
            cells.join(held, on=key, how="left")
            .with_columns(
                status=pl.max_horizontal(
                    pl.col("status").to_physical(), pl.col("held").to_physical()
                ).replace_strict(dict(enumerate(STATUS.categories)), return_dtype=STATUS)
            )
            .drop("held")
        )
    return cells.with_columns(count=pl.when(allows_number()).then("count"))


def without_held(crimes: pl.LazyFrame, holds: pl.DataFrame) -> pl.LazyFrame:
    """Crimes outside every part that is held: what may be listed one by one."""
    held = holds.filter(~allows_number())
    placed, typed = pl.col("lsoa_code").is_not_null(), pl.col("category").is_not_null()
    for which, key in (
        (~placed & ~typed, ["force", "month"]),
        (~placed & typed, ["force", "month", "category"]),
        (placed & ~typed, ["force", "month", "lsoa_code"]),
        (placed & typed, ["force", "month", "lsoa_code", "category"]),
    ):
        parts = held.filter(which).select(key).unique()
        if parts.height:
            crimes = crimes.join(parts.lazy(), on=key, how="anti")
    return crimes
