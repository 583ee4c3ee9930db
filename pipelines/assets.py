"""The flow as Dagster assets: each is a few lines around one stage."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import dagster as dg

from pipelines.checks import contract_checks, keep_contracts
from pipelines.partitions import FORCE_MONTHS, QUARTERS
from pipelines.settings import settings
from pipelines.stages.aggregated import aggregate_quarter
from pipelines.stages.counted import count_forces, reconcile_transfers, told
from pipelines.stages.judged import judge_quarters
from pipelines.stages.line import Line
from pipelines.stages.recorded import identity, record_forces
from pipelines.stages.released import release
from pipelines.stages.supplied import Taken, take_in
from transforms.contracts import tables
from transforms.contracts.status import allows_number
from transforms.periods import Quarter

ONE_RUN: Final = dg.BackfillPolicy.single_run()


class LineResource(dg.ConfigurableResource):
    """Opens the workspace, the country and the supply folder; empty fields fall back to the environment."""

    workspace: str = ""
    supply: str = ""
    country: str = ""
    as_of: str = ""

    def open(self) -> Line:
        """Open the line for one step."""
        return Line.open(
            settings(*(given or None for given in (self.workspace, self.supply, self.country, self.as_of)))
        )


def _quarters(context: dg.AssetExecutionContext) -> list[Quarter]:
    return [Quarter.parse(key) for key in context.partition_keys]


def _read_back(context: dg.AssetExecutionContext, made: Sequence[Quarter]) -> Sequence[str]:
    """The quarters whose tables are checked: those that the run made, the latest where it made none."""
    return [str(quarter) for quarter in made] or context.partition_keys[-1:]


def _table_rows(line: Line, tables: Iterable[str], partitions: Sequence[str] | None = None) -> dict[str, Any]:
    """Rows and hashes of tables, for the page of a run."""
    found: dict[str, Any] = {}
    for table in tables:
        held = line.workspace.head.get(table, {})
        chosen = {name: held[name] for name in (held if partitions is None else partitions) if name in held}
        found[f"{table}: rows"] = sum(entry.rows for entry in chosen.values())
        if len(chosen) == 1:
            found[f"{table}: sha256"] = next(iter(chosen.values())).object
    return found


supply_files = dg.AssetSpec(
    "supply_files",
    group_name="supplied",
    partitions_def=FORCE_MONTHS,
    description="What each force has supplied for each month. Nothing runs here: every file received is marked.",
    kinds={"file"},
)


@dg.asset(
    group_name="supplied",
    kinds={"duckdb", "polars"},
    deps=[supply_files],
    check_specs=[
        dg.AssetCheckSpec("every_row_accounted_for", asset="supplied"),
        *contract_checks("supplied"),
    ],
)
def supplied(context: dg.AssetExecutionContext, line: LineResource) -> dg.MaterializeResult:
    """Every file as received, frozen by its hash; each row read into a line or a reject."""
    opened = line.open()
    with opened.workspace.lock():
        taken = take_in(opened)
    for mark in taken.marks:
        context.instance.report_runless_asset_event(
            dg.AssetMaterialization(
                "supply_files",
                partition=dg.MultiPartitionKey({"force": mark.force, "month": f"{mark.month:%Y-%m}"}),
                metadata={"file": mark.name, "rows": mark.rows, "sha256": mark.sha256, "state": mark.state},
            )
        )
    return dg.MaterializeResult(
        metadata={
            "new files": len(taken.new),
            "files that count again": len(taken.again),
            "refused files": len(taken.refused),
            "unchanged files": taken.unchanged,
            "refusals": dg.MetadataValue.md(_as_list(taken.refused)),
            **_table_rows(opened, ["lines", "street", "rejects"]),
        },
        check_results=[_accounted_for(taken), *keep_contracts(opened, "supplied", ["all"])],
    )


def _as_list(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items) or "none"


def _accounted_for(taken: Taken) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=taken.rows == taken.accepted + taken.rejected,
        check_name="every_row_accounted_for",
        metadata={"rows": taken.rows, "accepted": taken.accepted, "rejected": taken.rejected},
    )


@dg.asset(
    group_name="recorded",
    deps=[supplied],
    kinds={"polars"},
    check_specs=[dg.AssetCheckSpec("supplied_is_recorded_superseded_or_rejected", asset="recorded")],
)
def recorded(line: LineResource) -> dg.MaterializeResult:
    """One row for each crime record, the latest version of each; superseded versions are kept beside."""
    opened = line.open()
    with opened.workspace.lock():
        changed = record_forces(opened)
    rows = identity(opened)
    return dg.MaterializeResult(
        metadata={"forces recorded anew": len(changed), **rows.figures},
        check_results=[
            dg.AssetCheckResult(
                passed=rows.holds,
                check_name="supplied_is_recorded_superseded_or_rejected",
                metadata={**rows.figures},
                description=rows.sentence,
            )
        ],
    )


@dg.asset(
    group_name="counted", deps=[recorded], partitions_def=QUARTERS, backfill_policy=ONE_RUN, kinds={"polars"}
)
def counted(context: dg.AssetExecutionContext, line: LineResource) -> dg.MaterializeResult:
    """One row for each crime that counts, by the Home Office Counting Rules, with the rule beside it."""
    opened = line.open()
    with opened.workspace.lock():
        recounted = count_forces(opened)
        reconcile_transfers(opened)
    wanted = tuple(f" {key}" for key in context.partition_keys)
    partitions = [name for name in opened.workspace.head.get("counted", {}) if name.endswith(wanted)]
    return dg.MaterializeResult(
        metadata={
            "forces recounted": len(recounted),
            "to look at": dg.MetadataValue.md(_as_list(told(opened))),
            **_table_rows(opened, ["counted"], partitions),
        }
    )


@dg.asset(
    group_name="aggregated",
    deps=[counted],
    partitions_def=QUARTERS,
    backfill_policy=ONE_RUN,
    kinds={"polars"},
    check_specs=contract_checks("aggregated"),
)
def aggregated(context: dg.AssetExecutionContext, line: LineResource) -> dg.MaterializeResult:
    """One row for each period, area and offence that ought to exist, from the register of who owes what."""
    opened = line.open()
    with opened.workspace.lock():
        changed = [quarter for quarter in _quarters(context) if aggregate_quarter(opened, quarter)]
        opened.workspace.commit()
    return dg.MaterializeResult(
        metadata={
            "quarters recomputed": len(changed),
            **_table_rows(opened, ["offence_grid", "area_grid"], context.partition_keys),
        },
        check_results=[*keep_contracts(opened, "aggregated", _read_back(context, changed))],
    )


@dg.asset(
    group_name="judged",
    deps=[aggregated],
    partitions_def=QUARTERS,
    backfill_policy=ONE_RUN,
    kinds={"polars"},
    check_specs=[
        dg.AssetCheckSpec("everything_owed_was_supplied", asset="judged"),
        *contract_checks("judged"),
    ],
)
def judged(context: dg.AssetExecutionContext, line: LineResource) -> dg.MaterializeResult:
    """The same rows with a verdict on each: a number, or a stated reason why there is none."""
    opened = line.open()
    with opened.workspace.lock():
        changed = judge_quarters(opened, _quarters(context))
        opened.workspace.commit()
    missing = [sentence for quarter in context.partition_keys for sentence in _missing(opened, quarter)]
    return dg.MaterializeResult(
        metadata={
            "quarters judged anew": len(changed),
            "missing": dg.MetadataValue.md(_as_list(missing)),
            **_table_rows(opened, ["judged_offences", "judged_areas", "findings"], context.partition_keys),
        },
        check_results=[
            dg.AssetCheckResult(
                passed=not missing,
                severity=dg.AssetCheckSeverity.WARN,
                check_name="everything_owed_was_supplied",
                metadata={"missing": len(missing)},
            ),
            *keep_contracts(opened, "judged", _read_back(context, changed)),
        ],
    )


def _missing(line: Line, quarter: str) -> Iterator[str]:
    verdicts = line.workspace.read("verdicts", tables.Verdicts, [quarter])
    for row in verdicts.filter(~allows_number()).iter_rows(named=True):
        yield f"{row['force']} {row['file_type']} {row['month']:%Y-%m}: {row['reason']}, since {row['since']:%Y-%m}"


@dg.asset(
    group_name="released",
    deps=[judged],
    partitions_def=QUARTERS,
    kinds={"jinja", "plotly"},
    backfill_policy=ONE_RUN,
)
def released(context: dg.AssetExecutionContext, line: LineResource) -> dg.MaterializeResult:
    """The quarter's return, the bulk files and the site, in one folder with a manifest of hashes."""
    opened = line.open()
    with opened.workspace.lock():
        made = [release(opened, quarter) for quarter in _quarters(context)]
    return dg.MaterializeResult(
        metadata={f"{done.quarter}": dg.MetadataValue.path(str(done.folder)) for done in made}
    )


FLOW: Final = [supplied, recorded, counted, aggregated, judged, released]
