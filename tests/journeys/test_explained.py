"""Anyone can ask of any record in the workspace why it counted or did not."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.xdist_group("journeys")


def test_a_record_of_either_kind_is_explained_in_a_sentence(small: Any, fullcount: Any) -> None:
    rules = small.table("deciding_rules")
    assert set(rules.get_column("counted")) == {0, 1}
    for counted, says in ((1, "counts"), (0, "does not count")):
        row = rules.filter(pl.col("counted") == counted).sort("crime_ref").row(0, named=True)
        told = fullcount("explain", row["crime_ref"], "--workspace", small.workspace, "--force", row["force"])
        assert told.returncode == 0, told.stderr
        assert says in told.stdout
        assert row["rule"] in told.stdout
        assert "because" in told.stdout


def test_a_reference_that_nobody_holds_is_told_in_one_message(small: Any, fullcount: Any) -> None:
    told = fullcount("explain", "no-such-crime", "--workspace", small.workspace)
    assert told.returncode == 1
    assert "No record no-such-crime is in the workspace" in told.stderr
