"""Every file and every row handed in is accounted for: read, superseded or refused with one clear message."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.store import Workspace

pytestmark = pytest.mark.xdist_group("nothing is lost")

IDENTITY = re.compile(
    r"([\d,]+) rows supplied = ([\d,]+) recorded \+ ([\d,]+) superseded \+ ([\d,]+) rejected"
)


def accounted(said: str) -> dict[str, int]:
    """The four numbers that a run prints, after making sure that they add up."""
    found = IDENTITY.search(said)
    assert found, said
    numbers = [int(number.replace(",", "")) for number in found.groups()]
    told = dict(zip(("supplied", "recorded", "superseded", "rejected"), numbers, strict=True))
    assert told["supplied"] == told["recorded"] + told["superseded"] + told["rejected"]
    return told


def unfolded(said: str) -> str:
    return " ".join(said.split())


def states(came: Any) -> pl.DataFrame:
    return came.table("supplies").with_columns(pl.col("state", "kind").cast(pl.String))


# What goes wrong with files --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dirty(ran: Callable[..., Any]) -> Any:
    return ran("dirty")


def test_every_row_handed_in_is_recorded_superseded_or_rejected(dirty: Any) -> None:
    told = accounted(dirty.said)
    read = [case for case in dirty.expected["cases"].values() if case["fate"] in ("read", "rejects")]
    # A row too long or a good row each is one record of the file; a file supplied twice is one file.
    assert told["supplied"] == dirty.expected["total_lines"] + sum(case["rows"] for case in read)
    assert told["rejected"] == sum(case["bad_rows"] for case in read)
    rejects = dirty.table("rejects")
    assert rejects.height == told["rejected"]
    lines = dirty.table("lines")
    assert lines.height == told["recorded"] + told["superseded"]


def test_every_spoiled_file_meets_the_fate_it_should(dirty: Any) -> None:
    supplies = states(dirty)
    fates = {
        "read": ("accepted", 0),
        "rejects": ("accepted", None),
        "empty": ("refused", 0),
        "refused": ("refused", 0),
    }
    wrong = {}
    for name, case in dirty.expected["cases"].items():
        own = supplies.filter(pl.col("name").str.starts_with(case["files"][0]))
        state, rejected = fates[case["fate"]]
        met = own.select("state", "rejected").rows()
        if met != [(state, case["bad_rows"] if rejected is None else rejected)]:
            wrong[name] = met
    assert wrong == {}


def test_every_refusal_is_one_message_with_file_field_and_what_to_do(dirty: Any, fullcount: Any) -> None:
    supplies = states(dirty)
    reasons = dict(supplies.filter(pl.col("state") == "refused")["name", "reason"].rows())
    said = unfolded(fullcount("sources", "--refused", "--workspace", dirty.workspace).stdout)
    for case in dirty.expected["cases"].values():
        if case["fate"] != "refused":
            continue
        told = [reason for name, reason in reasons.items() if name.startswith(case["files"][0])]
        assert len(told) == 1, case
        (reason,) = told
        assert reason.startswith(case["files"][0])
        assert ";" in reason, "it says what to do"
        assert reason.endswith(".")
        assert "\n" not in reason
        assert unfolded(reason) in said
        if case["field"]:
            assert case["field"] in reason
        if case["fate"] == "rejects":
            assert case["files"][0] in said


def test_rejected_rows_name_line_field_and_value(dirty: Any) -> None:
    rejects = dirty.table("rejects")
    for name, case in dirty.expected["cases"].items():
        if case["fate"] != "rejects":
            continue
        own = rejects.filter(pl.col("name") == case["files"][0])
        assert own.height == case["bad_rows"], name
        assert (own["line"] > 1).all()
        if case["field"]:
            assert own["field"].unique().to_list() == [case["field"]]
        assert own["wanted"].null_count() == 0


def test_a_spoiled_file_leaves_every_other_file_running(dirty: Any) -> None:
    assert dirty.not_complete() == {tuple(cell) for cell in dirty.expected["not_complete"]}
    supplies = states(dirty)
    good = supplies.filter(pl.col("name").is_in(list(dirty.expected["lines"])))
    assert good["state"].unique().to_list() == ["accepted"]
    assert dict(good["name", "rows"].rows()) == dirty.expected["lines"]


def test_all_that_came_is_kept_as_it_came(dirty: Any) -> None:
    """Every file that could be opened lies in the workspace under the hash of its bytes, whatever became of it."""
    kept = {path.name for path in (dirty.workspace / "supplied").rglob("*") if path.is_file()}
    for path in (dirty.made / "supply").rglob("*"):
        if path.is_file() and path.suffix != ".zip":
            assert hashlib.sha256(path.read_bytes()).hexdigest() in kept, path.name


# Again, and again ------------------------------------------------------------------------------------------------


def test_a_run_with_nothing_new_does_nothing_and_says_so(
    small: Any, fullcount: Any, made: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(small.workspace, workspace)
    head = (workspace / "HEAD").read_bytes()
    release = workspace / "private" / "2019-Q1" / "1.0.0"
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    objects = set((workspace / "objects").rglob("*"))
    done = fullcount.run(workspace, small.made)
    assert done.returncode == 0, done.stderr
    assert "Nothing new was supplied: every table and the release stand as they were." in unfolded(
        done.stdout
    )
    accounted(done.stdout)
    assert (workspace / "HEAD").read_bytes() == head
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == before
    assert set((workspace / "objects").rglob("*")) == objects
    assert [*(workspace / "scratch").iterdir()] == []


def test_a_resupply_supersedes_and_is_seen(small: Any, fullcount: Any, made: Path, tmp_path: Path) -> None:
    """A month handed in again: the first file is kept and superseded, the second counts, nothing counts twice."""
    workspace = tmp_path / "workspace"
    shutil.copytree(small.workspace, workspace)
    again = made / "supply" / "2019-02-carrow-niche-extract.csv"
    header, *rows = again.read_text(encoding="utf-8").splitlines(keepends=True)
    again.write_text("".join([header, *rows[:20]]), encoding="utf-8")
    done = fullcount.run(workspace, made)
    assert done.returncode == 0, done.stderr
    told, first = accounted(done.stdout), small.expected["lines"][again.name]
    assert told["supplied"] == small.expected["total_lines"] + 20
    assert told["superseded"] == first
    came = type(small)(made, workspace)
    assert states(came).filter(pl.col("name") == again.name).sort("received_order")["state"].to_list() == [
        "superseded",
        "accepted",
    ]
    lines = [
        line
        for line in fullcount("sources", "--workspace", workspace).stdout.splitlines()
        if again.name in line
    ]
    assert ["superseded" in line for line in lines] == [True, False]
    counted = came.table("counted").filter(force="carrow", month="2019-02")
    assert 0 < counted.height <= 20
    assert "Nothing new" not in done.stdout


def test_taking_a_file_out_of_the_folder_takes_nothing_back(
    small: Any, fullcount: Any, made: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(small.workspace, workspace)
    (made / "supply" / "2019-02-carrow-niche-extract.csv").unlink()
    done = fullcount.run(workspace, made)
    assert done.returncode == 0, done.stderr
    assert accounted(done.stdout)["supplied"] == small.expected["total_lines"]
    assert "Nothing new" in done.stdout


def test_a_file_named_like_markup_is_told_by_its_name(
    small: Any, fullcount: Any, made: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(small.workspace, workspace)
    (made / "supply" / "[bold]of [red] Ünïcode.csv").write_text("force\n", encoding="utf-8")
    done = fullcount.run(workspace, made)
    assert done.returncode == 0, done.stderr
    listed = fullcount("sources", "--workspace", workspace, "--refused")
    assert listed.returncode == 0, listed.stderr
    assert "[bold]of [red] Ünïcode.csv" in listed.stdout


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_run(
    fullcount: Any, made: Path, tmp_path: Path
) -> None:
    """A file written to without pause while the run goes on is never read half: it waits, and all else is read."""
    path = made / "supply" / "2019-03-carrow-niche-extract.csv"
    whole = path.read_bytes()
    done = threading.Event()

    def keep_writing() -> None:
        while not done.is_set():
            with path.open("r+b") as stream:
                stream.truncate(len(whole) // 2)
                stream.seek(len(whole) // 2)
                stream.write(whole[len(whole) // 2 :])

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        ended = fullcount.run(tmp_path / "workspace", made)
    finally:
        done.set()
        writer.join()
    assert ended.returncode == 0, ended.stderr
    assert path.read_bytes() == whole
    came = received(made, tmp_path / "workspace")
    told = came.filter(pl.col("name") == path.name)
    (state, reason, rows) = told.select("state", "reason", "rows").row(0)
    whole_rows = json.loads((made / "expected.json").read_text())["lines"][path.name]
    if state == "refused":
        assert "changed while it was read" in reason
    else:
        assert rows == whole_rows, "it was read at a moment when it was whole"
    others = came.filter(pl.col("name") != path.name)
    assert others["state"].unique().to_list() == ["accepted"]

    again = fullcount.run(tmp_path / "workspace", made)
    assert again.returncode == 0, again.stderr
    after = received(made, tmp_path / "workspace").filter(
        pl.col("name") == path.name, pl.col("state") == "accepted"
    )
    assert after["rows"].to_list() == [whole_rows]


def received(made: Path, workspace: Path) -> pl.DataFrame:
    """The files received, as the workspace tells them."""
    with Workspace.open(workspace).connect() as connection:
        return connection.sql("FROM supplies").pl().with_columns(pl.col("state").cast(pl.String))
