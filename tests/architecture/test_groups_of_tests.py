"""Tests of a group run in one process: what they share (a cluster's ports, a workspace) is made once."""

import pytest


@pytest.mark.xdist_group("one")
def test_the_tests_of_a_group_stay_together(request: pytest.FixtureRequest) -> None:
    """pytest-xdist tells the groups apart by the end of a test's name, which not every pytest lets it write."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("only where tests are given out by group (make test)")
    assert request.node.nodeid.endswith("@one")
