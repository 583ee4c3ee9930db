"""The job that publishes, and the sensor that waits for the gate and says in Dagster what each release waits for."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines.country import CountryError
from pipelines.publication import Gate, gate, publish
from pipelines.settings import SettingsError, settings
from pipelines.shelves import PRIVATE, Shelves
from pipelines.store import Storage
from publish.parts import file_digest
from publish.release import MANIFEST
from transforms.contracts.columns import ZONE


class ReleaseToPublish(dg.Config):
    """Which release to publish, such as 2019-Q4/1.0.0."""

    release: str


@dg.op
def publish_release(context: dg.OpExecutionContext, config: ReleaseToPublish) -> None:
    """Move a release to where readers are, when its gate is open and its instant has come; else fail, saying why."""
    came = publish(settings(), config.release, datetime.now(ZoneInfo(ZONE)))
    context.add_output_metadata(
        {"release": str(came.name), "folder": dg.MetadataValue.path(str(came.folder))}
    )


@dg.job(
    executor_def=dg.in_process_executor,
    description="Publishes one release whose gate is open. The sensor `waiting_for_the_gate` starts it by itself.",
)
def publication() -> None:
    """Publish one release."""
    publish_release()


@dg.sensor(
    job=publication,
    minimum_interval_seconds=30,
    description="Publishes a private release at its instant once its gate is open. Until then each look says what "
    "every release waits for: alerts to decide, notes to write, people to sign, or the time.",
)
def waiting_for_the_gate(
    context: dg.SensorEvaluationContext,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Look at the gate of every private release."""
    try:
        gates = gates_now(datetime.now(ZoneInfo(ZONE)))
    except (SettingsError, CountryError) as problem:
        yield dg.SkipReason(str(problem))
        return
    ready = [each for each in gates if not each.waits_for]
    for each in ready:
        yield dg.RunRequest(
            run_key=file_digest(each.release.folder / MANIFEST),
            run_config=dg.RunConfig(
                ops={"publish_release": ReleaseToPublish(release=str(each.release.name))}
            ),
        )
    if not ready:
        told = "\n\n".join(each.words for each in gates)
        yield dg.SkipReason(told or "No release waits to be published.")


def gates_now(now: datetime) -> list[Gate]:
    """What every private release waits for at `now`."""
    where = settings()
    return [gate(where, each, now) for each in Shelves(Storage(where.workspace)).on(PRIVATE)]
