"""The Dagster code location: assets, the job that statisticians launch, its calendar and the file sensor."""

import dagster as dg

from pipelines.assets import FLOW, LineResource, supply_files
from pipelines.automation import new_supply, quarterly_return, release_day
from pipelines.gatekeeping import publication, waiting_for_the_gate


@dg.definitions
def defs() -> dg.Definitions:
    """Everything that Dagster shows."""
    return dg.Definitions(
        assets=[supply_files, *FLOW],
        jobs=[quarterly_return, publication],
        schedules=[release_day],
        sensors=[new_supply, waiting_for_the_gate],
        resources={"line": LineResource()},
        executor=dg.in_process_executor,
    )
