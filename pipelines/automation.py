"""What starts the flow: a person with a quarter, the release calendar, or a newly supplied file."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl

from pipelines.assets import FLOW
from pipelines.country import load_country
from pipelines.partitions import QUARTERS
from pipelines.settings import SettingsError, settings
from pipelines.sources.finding import Found, find
from pipelines.sources.naming import scope_of
from pipelines.store import digest
from transforms.contracts.columns import ZONE
from transforms.periods import Quarter

quarterly_return = dg.define_asset_job(
    "quarterly_return",
    selection=dg.AssetSelection.assets(*FLOW),
    partitions_def=QUARTERS,
    executor_def=dg.in_process_executor,
    description="Take in what was supplied, count, judge and build the release of one quarter. "
    "Choose the quarter; nothing else is needed.",
)


@dg.schedule(
    job=quarterly_return,
    cron_schedule="0 6 * * *",
    execution_timezone=ZONE,
    description="At 06:00 on a release day of the country's calendar, builds that quarter's release.",
)
def release_day(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Build the quarters that the calendar releases today."""
    today = context.scheduled_execution_time.astimezone(ZoneInfo(ZONE)).date()
    calendar = load_country(settings().country).calendar
    due = calendar.filter(pl.col("release_at").dt.date() == today).get_column("quarter").to_list()
    if not due:
        yield dg.SkipReason(f"The release calendar has nothing for {today:%d %B %Y}.")
    for quarter in due:
        yield dg.RunRequest(run_key=f"{quarter} {today}", partition_key=quarter)


@dg.sensor(
    job=quarterly_return,
    minimum_interval_seconds=60,
    description="When a file is new or changed in the supply folder, builds the latest quarter it bears on.",
)
def new_supply(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Look for files that were not there at the last look."""
    try:
        found = [each for each in find(settings().supply) if isinstance(each, Found)]
    except SettingsError as problem:
        yield dg.SkipReason(str(problem))
        return
    seen = {each.name: each.state().marks for each in found}
    look = digest(seen)
    if look == context.cursor or not seen:
        yield dg.SkipReason("Nothing new in the supply folder.")
        return
    context.update_cursor(look)
    quarter = latest_quarter(list(seen)) or Quarter.of(datetime.now(ZoneInfo(ZONE)).date()).plus(-1)
    yield dg.RunRequest(run_key=look, partition_key=str(quarter))


def latest_quarter(names: list[str]) -> Quarter | None:
    """The latest quarter that is over by the names of supplied files, if they speak of any."""
    months = [scope.last_month for name in names if (scope := scope_of(name)) is not None]
    if not months:
        return None
    newest = Quarter.of(max(months))
    return newest if max(months) == newest.months[-1] else newest.plus(-1)
