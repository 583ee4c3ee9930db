"""A release from build to correction: signed by two, published, revised, rebuilt elsewhere, and kept as it was."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.xdist_group("releases")

FIRST, SECOND = "2019-Q1/1.0.0", "2019-Q1/1.1.0"
LATE_FILE = "2019-02-carrow-niche-extract.csv"
NOTICE = "Carrow sent February again."
NOTE = "One record was made in error."


@dataclass(frozen=True)
class Told:
    """A workspace in which a quarter was published and then corrected, and what the commands said."""

    workspace: Path
    small: Any
    said: dict[str, str]

    def files(self, place: str) -> dict[str, bytes]:
        folder = self.workspace / place
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }


def resupply(folder: Path) -> None:
    """February comes again: its last two records are gone from it, and one is cancelled."""
    path = folder / LATE_FILE
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    names = header.split(",")
    cells = rows[3].split(",")
    changed = {"status": "cancelled", "status_reason": "C1", "status_at": "2019-05-02T10:00:00"}
    for name, value in changed.items():
        cells[names.index(name)] = value
    path.write_text("\n".join([header, *rows[:3], ",".join(cells), *rows[4:-2]]) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def told(small: Any, fullcount: Any, tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("releases")
    workspace, made = folder / "workspace", folder / "made"
    shutil.copytree(small.workspace, workspace)
    shutil.copytree(small.made, made)

    def do(*words: str | Path) -> str:
        done = fullcount(*words, "--workspace", workspace)
        assert done.returncode == 0, done.stdout + done.stderr
        return " ".join(done.stdout.split())

    def refused(*words: str | Path) -> str:
        return str(fullcount.refusal(*words, "--workspace", workspace))

    said = {"unsigned": refused("publish", FIRST)}
    do("release", "sign", FIRST, "prepared", "--as", "Ada")
    do("release", "sign", FIRST, "approved", "--as", "ada")
    said["one person"] = refused("publish", FIRST)
    do("release", "sign", FIRST, "approved", "--as", "Grace")
    said["published"] = do("publish", FIRST)
    do("release", "access", "2019-Q1", "Mary Somerville", "--post", "Minister", "--reason", "Briefing")
    do("release", "access", "2019-Q1", "Nobody Now", "--post", "Adviser", "--reason", "Briefing")
    do("release", "access", "2019-Q1", "Nobody Now", "--end")
    do("release", "note", "2019-Q1", "--force", "carrow", "--text", NOTE)
    resupply(made / "supply")
    said["built"] = do("return", "2019-Q1", "--supply", made / "supply", "--country", made / "country")
    do("revisions", FIRST, SECOND, "--output", folder / "revisions.csv")
    said["revisions"] = do("revisions", FIRST, SECOND)
    do("release", "sign", SECOND, "prepared", "--as", "Ada")
    do("release", "sign", SECOND, "approved", "--as", "Grace")
    said["no notice"] = refused("publish", SECOND)
    do("release", "correct", SECOND, "--notice", NOTICE, "--as", "Ada")
    said["corrected"] = do("publish", SECOND)
    # Nothing of the folders that it was built from is needed any more.
    shutil.rmtree(made)
    return Told(workspace, small, said)


def test_two_different_people_must_sign_before_anything_moves(told: Told) -> None:
    assert (
        "Nobody has signed that it is prepared. - Nobody has signed that it is approved."
        in told.said["unsigned"]
    )
    assert "Ada both prepared and approved it" in told.said["one person"]
    assert f"{FIRST} is public" in told.said["published"]


def test_what_was_published_is_kept_as_it_was(told: Told) -> None:
    published = told.files(f"public/{FIRST}")
    del published["publication.json"]
    built = told.small.release("2019-Q1")
    assert published == {
        path.relative_to(built).as_posix(): path.read_bytes() for path in built.rglob("*") if path.is_file()
    }


def test_a_resupply_after_publication_is_a_new_version_and_needs_a_correction_notice(told: Told) -> None:
    assert f"The release {SECOND}" in told.said["built"]
    assert (
        "It corrects a release that was published, and no correction notice is written." in told.said["built"]
    )
    assert "no correction notice is written" in told.said["no notice"]
    public = told.workspace / "public"
    assert json.loads((public / "current.json").read_text()) == {"release": SECOND}
    (notice,) = json.loads((public / "notices.json").read_text())
    assert (notice["kind"], notice["release"], notice["notice"]) == ("correction", SECOND, NOTICE)
    assert [*(told.workspace / "private").glob("*/*")] == []


def test_every_change_between_the_two_is_explained_and_adds_up(told: Told) -> None:
    changed = pl.read_csv(
        told.workspace.parent / "revisions.csv", schema_overrides={"offence_code": pl.String}
    )
    assert changed.get_column("force").unique().to_list() == ["carrow"]
    assert set(changed.get_column("why")) == {"cancelled", "resupplied"}
    by_cell = changed.group_by("force", "quarter", "offence_code").agg(
        pl.col("change").sum(), pl.col("was").first(), pl.col("now").first()
    )
    assert by_cell.filter(pl.col("was") + pl.col("change") != pl.col("now")).is_empty()
    assert changed.get_column("change").sum() == -3


def test_the_release_tells_its_revisions_in_workbook_table_and_page(told: Told) -> None:
    second = told.files(f"public/{SECOND}")
    for form in ("ods", "xlsx", "csv", "parquet"):
        assert f"returns/revisions-2019-Q1.{form}" in second
    assert second["returns/revisions-2019-Q1.csv"] == (told.workspace.parent / "revisions.csv").read_bytes()
    page = second["site/revisions/index.html"].decode()
    assert f"differs from the release {FIRST}" in page
    assert "<td>cancelled</td>" in page
    assert "<svg" in page
    assert NOTE in page
    first = told.files(f"public/{FIRST}")["site/revisions/index.html"].decode()
    assert "No release came before this one" in first
    assert "[r]" in second["returns/recorded-crime-2019-Q1.csv"].decode()


def test_the_site_lists_the_files_of_the_return_and_not_what_they_were_made_from(told: Told) -> None:
    second = told.files(f"public/{SECOND}")
    listed = second["site/releases/index.html"].decode()
    assert "recorded-crime-2019-Q1.ods" in listed
    assert "returns/built.json" in second and "built.json" not in listed


def test_the_manifest_tells_what_it_follows_who_saw_it_early_and_everything_it_was_made_from(
    told: Told,
) -> None:
    manifest = json.loads((told.workspace / "public" / SECOND / "manifest.json").read_text())
    assert manifest["release"] == SECOND
    assert manifest["follows"] == manifest["compared_with"] == FIRST
    said = [(each["action"], each["person"], each["post"]) for each in manifest["made_from"]["said"]]
    assert said == [("give access", "Mary Somerville", "Minister"), ("note a revision", None, None)]
    inputs = manifest["behind"]["inputs"]
    assert {each["state"] for each in inputs} == {"accepted", "superseded"}
    for each in inputs:
        assert (told.workspace / "supplied" / each["sha256"][:2] / each["sha256"]).exists()
    for objects in manifest["made_from"]["tables"].values():
        assert all((told.workspace / name).exists() for name in objects.values())


def test_a_file_put_back_counts_again_and_what_was_published_is_rebuilt_with_what_counted_then(
    told: Told, fullcount: Any, tmp_path: Path
) -> None:
    copy = shutil.copytree(told.workspace, tmp_path / "workspace")
    made = told.small.made
    done = fullcount("run", "--workspace", copy, "--supply", made / "supply", "--country", made / "country")
    said = " ".join(done.stdout.split())
    assert f"Put back, and counting again: {LATE_FILE}. What had taken the place" in said
    assert "Computed again: the counts of 1 of" in said
    # What is made of it is what was made of it at first.
    first = pl.read_csv(
        copy / "public" / FIRST / "returns" / "recorded-crime-2019-Q1.csv", infer_schema=False
    )
    (third,) = (copy / "private").glob("*/*/returns/recorded-crime-2019-Q1.csv")
    value = [name for name in first.columns if "value" in name.lower() or "count" in name.lower()]
    assert first.height and value
    assert pl.read_csv(third, infer_schema=False)[value].equals(first[value])
    done = fullcount("verify", SECOND, "--workspace", copy)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_is_rebuilt_to_the_same_bytes_in_a_clean_copy_without_the_folders_it_came_from(
    told: Told, fullcount: Any, tmp_path: Path
) -> None:
    copy = shutil.copytree(told.workspace, tmp_path / "workspace")
    for release in (FIRST, SECOND):
        done = fullcount("verify", release, "--workspace", copy)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "bytes, are the same" in done.stdout
    # A byte that is not what was built is found and named.
    path = copy / "public" / SECOND / "returns" / "recorded-crime-2019-Q1.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    done = fullcount("verify", SECOND, "--workspace", copy)
    assert done.returncode == 1
    assert "returns/recorded-crime-2019-Q1.csv has other bytes" in done.stdout
