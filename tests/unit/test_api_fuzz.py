"""Whatever is asked within the API's own description is answered as the description says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fixtures.small_release import YEAR, small_release
from publish.api.application import application
from publish.api.releases import One

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def test_every_operation_keeps_to_the_description(tmp_path):
    release = small_release(tmp_path / "release", YEAR[-3:])
    described = schemathesis.openapi.from_asgi("/api/openapi.json", application(One(release)))
    asked: set[str] = set()
    statuses: set[int] = set()
    for found in described.get_all_operations():
        operation = found.ok()
        assert operation is not None, found.err()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=15,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def keeps_to_it(case: schemathesis.Case) -> None:
            response = case.call()
            statuses.add(response.status_code)
            case.validate_response(response, checks=CHECKS)

        keeps_to_it()
        asked.add(operation.label)
    assert len(asked) > 20
    assert {200, 400, 404} <= statuses
