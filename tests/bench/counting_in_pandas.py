"""The counting rules written plainly: pandas, one incident at a time. What the engine is timed and checked against."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl

from transforms.counting import load_editions

EDITIONS = load_editions()
PARTS = {(row["offence_code"], row["part_of"]) for row in EDITIONS.part_of.iter_rows(named=True)}


def count_plainly(records: pd.DataFrame) -> pd.Series:
    """Whether each record counts (1 or 0), for records of one records system in each force."""
    month = records["recorded_at"].dt.tz_localize(None).dt.to_period("M").dt.to_timestamp()
    keys = pd.DataFrame(
        {
            "offence_code": records["offence_code"],
            "victim_kind": records["victim_kind"],
            "month": month.dt.date,
        }
    )
    classes = EDITIONS.resolve(pl.from_pandas(keys.drop_duplicates())).drop("category").to_pandas()
    classes["month"] = classes["month"].dt.date
    read = keys.merge(classes, on=["offence_code", "victim_kind", "month"], how="left").set_index(
        records.index
    )
    lines = records.join(read[["class_code", "unit", "lane", "rank", "refused"]])
    contending = lines[lines["refused"].isna() & (lines["status"] == "live")]
    counted = pd.Series(0, index=records.index)
    if contending.empty:
        return counted
    incidents = contending.groupby(["force", "incident_ref"], sort=False, group_keys=False)[
        contending.columns
    ]
    kept = incidents.apply(_count_incident)
    counted[kept.index] = kept["counted"]
    return counted


def _count_incident(incident: pd.DataFrame) -> pd.DataFrame:
    lines = [_seen(line) for line in incident.to_dict("records")]
    lines.sort(key=lambda line: (line["rank"], line["recorded_at"], line["crime_ref"], line["source_system"]))
    whole = [
        line
        for line in lines
        if not any(
            (line["class_code"], other["class_code"]) in PARTS and line["offender"] == other["offender"]
            for other in lines
        )
    ]
    best: dict[Any, int] = {}
    for line in whole:
        if line["party"] is not None:
            best.setdefault((line["party"], line["offender"], line["lane"]), line["rank"])
    taken = set()
    for line in whole:
        if line["party"] is not None and line["rank"] > best[line["party"], line["offender"], line["lane"]]:
            continue
        if line["unit_ref"] is not None:
            doer = None if line["unit"] == "state" else line["offender"]
            unit = (doer, line["class_code"], line["unit"], line["unit_ref"])
            if unit in taken:
                continue
            taken.add(unit)
        line["counted"] = 1
    answer = {line["crime_ref"]: line.get("counted", 0) for line in lines}
    return pd.DataFrame({"counted": incident["crime_ref"].map(answer)})


def _seen(line: dict[str, Any]) -> dict[str, Any]:
    """A line with what it is counted by, whom it was against and who did it; None where that is not known."""
    victim, offender, owner, premises = (
        line[name] if isinstance(line[name], str) else None
        for name in ("victim_ref", "offender_ref", "owner_ref", "premises_ref")
    )
    against_state = line["victim_kind"] == "state" or line["unit"] in ("offender", "state")
    named = victim if line["victim_kind"] != "state" else None
    unit = line["unit"] if line["unit"] != "either" else ("victim" if named else "offender")
    unit_ref = {
        "victim": victim,
        "owner": owner or victim,
        "premises": premises or victim,
        "offender": offender,
        "state": "the State",
    }[unit]
    party = named or owner or premises or ("the State" if against_state else None)
    return line | {
        "unit": unit,
        "unit_ref": unit_ref,
        "party": party if unit_ref else None,
        "offender": offender,
    }
