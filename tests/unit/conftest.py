"""What tests of several rooms start."""

from collections.abc import Iterator

import pytest

from tests.journeys.object_store import Faltering, environment, make_bucket, serving


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faltering]:
    """An object store in this process, empty but for the bucket `crime`, and the environment that leads to it."""
    with serving() as (served, url):
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        make_bucket("crime")
        yield served
