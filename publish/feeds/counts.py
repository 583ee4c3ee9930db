"""Counts by force, month and crime type as JSON-stat, each with its status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from geography.areas import Country
from transforms.aggregation import add_up
from transforms.contracts.columns import CATEGORIES
from transforms.contracts.status import SHORTHAND, SHORTHAND_MEANING
from transforms.judging import Judged


def write(judged: Judged, country: Country, months: Sequence[date], path: Path) -> None:
    """Write the counts of `months` as a JSON-stat 2.0 dataset.

    A cell without a number is null and its status says why, in the shorthand of the published tables; a cell
    that nobody owes is null with `[z]`. A number that is partial has `[e]`.
    """
    forces = country.forces.sort("force")
    grid = (
        forces.select("force")
        .join(pl.DataFrame({"month": sorted(months)}, schema={"month": pl.Date}), how="cross")
        .join(pl.DataFrame({"category": CATEGORIES}), how="cross")
    )
    figures = add_up(judged.by_neighbourhood(country.lsoas), by=["force", "month", "category"]).with_columns(
        pl.col("category", "status").cast(pl.String)
    )
    cells = grid.join(figures, on=["force", "month", "category"], how="left", maintain_order="left")
    marks = {status.value: mark for status, mark in SHORTHAND.items()} | {"partial": "[e]"}
    told = [marks.get(status, "") if status is not None else "[z]" for status in cells["status"].to_list()]
    dataset = {
        "version": "2.0",
        "class": "dataset",
        "label": f"{country.title}: recorded crime by force, month and type",
        "source": country.attribution,
        "id": ["force", "month", "type"],
        "size": [forces.height, len(months), len(CATEGORIES)],
        "role": {"time": ["month"], "geo": ["force"]},
        "dimension": {
            "force": _dimension("Police force", dict(forces.select("force", "name").iter_rows())),
            "month": _dimension("Month", {f"{month:%Y-%m}": f"{month:%B %Y}" for month in sorted(months)}),
            "type": _dimension("Crime type", {name: name for name in CATEGORIES}),
        },
        "value": cells["count"].to_list(),
        "status": {str(place): mark for place, mark in enumerate(told) if mark},
        "extension": {"status": {"label": SHORTHAND_MEANING}},
    }
    text = json.dumps(dataset, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _dimension(label: str, categories: dict[str, str]) -> dict[str, object]:
    return {"label": label, "category": {"index": list(categories), "label": categories}}
