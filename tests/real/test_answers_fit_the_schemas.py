"""Answers about outcomes and searches, none of them empty, in the shapes that police.uk was observed to give."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from fixtures.small_release import small_release
from publish.api.application import application
from publish.api.releases import One

SHARED = Path(__file__).parents[3] / "shared"
OPEN_DATA = Path(os.environ.get("FULLCOUNT_OPEN_DATA", SHARED / "data"))
SCHEMAS = OPEN_DATA.parent / "domain" / "police-uk-schemas"
CENTRE = {"lat": "52.005", "lng": "-1.49", "date": "2019-09"}
FORCE = {"force": "northshire", "date": "2019-09"}

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not SCHEMAS.exists(), reason="the schemas of police.uk's answers are not beside the checkout"
    ),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    client = TestClient(application(One(small_release(tmp_path_factory.mktemp("shapes") / "release"))))

    def get(path: str, **asked: str) -> Any:
        answer = client.get(f"/api/{path}", params=asked)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    outcomes, stops = get("outcomes-at-location", **CENTRE), get("stops-street", **CENTRE)
    point = str(stops[0]["location"]["street"]["id"])
    return {
        "outcomes-at-location": outcomes,
        "outcomes-for-crime": get(f"outcomes-for-crime/{outcomes[0]['crime']['persistent_id']}"),
        "stops-street": stops,
        "stops-at-location": get("stops-at-location", location_id=point, date="2019-09"),
        "stops-no-location": get("stops-no-location", **FORCE),
        "stops-force": get("stops-force", **FORCE),
    }


@pytest.mark.parametrize("shapes", ["observed", "emit"])
@pytest.mark.parametrize(
    "name",
    [
        "outcomes-at-location",
        "outcomes-for-crime",
        "stops-street",
        "stops-at-location",
        "stops-no-location",
        "stops-force",
    ],
)
def test_an_answer_that_holds_something_fits_the_schema(
    answers: dict[str, Any], name: str, shapes: str
) -> None:
    folder = SCHEMAS if shapes == "observed" else SCHEMAS / "emit"
    schema = json.loads((folder / f"{name}.json").read_text())
    body = answers[name]
    assert body["outcomes"] if name == "outcomes-for-crime" else body
    mistakes = list(jsonschema.Draft202012Validator(schema).iter_errors(body))
    assert not mistakes, f"{mistakes[0].message} at {list(mistakes[0].path)}"
