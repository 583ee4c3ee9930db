"""Contract to asset check: every table contract becomes a check that Dagster shows. Checks report; the type guards."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import dagster as dg
import dataframely as dy

from pipelines.stages.line import Line
from transforms.contracts import tables

#: The tables of each asset that is cut by quarter.
CONTRACTS: Final[Mapping[str, Mapping[str, type[dy.Schema]]]] = {
    "supplied": {"supplies": tables.Supplies},
    "aggregated": {"offence_grid": tables.OffenceGrid, "area_grid": tables.AreaGrid},
    "judged": {
        "verdicts": tables.Verdicts,
        "findings": tables.Findings,
        "holds": tables.Holds,
        "judged_offences": tables.OffenceCounts,
        "judged_areas": tables.AreaCounts,
    },
}

#: A run that made many quarters checks the latest of them: each was checked when it was written, too.
MOST_PARTITIONS: Final = 4


def contract_checks(asset: str) -> list[dg.AssetCheckSpec]:
    """One check for each table of an asset, told in the words of its contract."""
    return [
        dg.AssetCheckSpec(f"{table}_keeps_its_contract", asset=asset, description=schema.__doc__)
        for table, schema in CONTRACTS[asset].items()
    ]


def keep_contracts(line: Line, asset: str, partitions: Sequence[str]) -> Iterator[dg.AssetCheckResult]:
    """Read the tables of an asset back from the workspace and check every rule of their contracts."""
    checked = list(partitions)[-MOST_PARTITIONS:]
    for table, schema in CONTRACTS[asset].items():
        good, failed = schema.filter(line.workspace.scan(table, schema, checked).collect(), cast=True)
        yield dg.AssetCheckResult(
            passed=len(failed) == 0,
            check_name=f"{table}_keeps_its_contract",
            metadata={
                "partitions": ", ".join(checked),
                "rows": good.height,
                "broken": str(failed.counts() or "none"),
            },
        )
