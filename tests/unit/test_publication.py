"""A release moves to where readers are at its instant, whole, once; and is taken back as quickly."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fixtures.country import write_country
from pipelines import publication
from pipelines.publication import GateError
from pipelines.settings import Settings, settings
from pipelines.shelves import PRIVATE, PUBLIC, WITHDRAWN, Shelves
from pipelines.store import Storage, StoreError
from transforms.versions import ReleaseName

LONDON = ZoneInfo("Europe/London")
#: In summer time and in winter time: the second is a Thursday in January.
SUMMER = datetime(2019, 10, 17, 9, 30, tzinfo=LONDON)
WINTER = datetime(2020, 1, 23, 9, 30, tzinfo=LONDON)
LATER = datetime(2020, 2, 3, 15, 0, tzinfo=LONDON)
TICK = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "country"
    write_country(folder, scale=0.25)
    (folder / "calendar.csv").write_text(
        "quarter,release_at\n2019-Q2,2019-10-17T09:30:00\n2019-Q3,2020-01-23T09:30:00\n"
    )
    return folder


@pytest.fixture
def where(tmp_path: Path, country: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.delenv("FULLCOUNT_LEDGER", raising=False)
    (tmp_path / "workspace").mkdir()
    yield settings(str(tmp_path / "workspace"), str(tmp_path), str(country))


@pytest.fixture
def built(where: Settings) -> Callable[[str], ReleaseName]:
    """`built("2019-Q2/1.0.0")`: such a release in the private area, with a page and a manifest that names it."""

    def build(text: str) -> ReleaseName:
        name = ReleaseName.parse(text)
        folder = Shelves(Storage(where.workspace)).place(PRIVATE, name)
        (folder / "site").mkdir(parents=True)
        page = f"<p>{text}".encode()
        (folder / "site" / "index.html").write_bytes(page)
        manifest = {
            "release": text,
            "follows": None,
            "made_from": {"tables": {"findings": {}}, "said": []},
            "notes_wanted": [],
            "ever_public": [str(each.name) for each in Shelves(Storage(where.workspace)).ever_public()],
            "files": {"site/index.html": {"sha256": hashlib.sha256(page).hexdigest(), "bytes": len(page)}},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return name

    return build


def signed(where: Settings, text: str) -> None:
    publication.sign(where, text, "Ada", "prepared", None)
    publication.sign(where, text, "Grace", "approved", None)


def lies(where: Settings) -> dict[str, list[str]]:
    """Which releases lie where."""
    shelves = Shelves(Storage(where.workspace))
    return {
        shelf: names
        for shelf in (PRIVATE, PUBLIC, WITHDRAWN)
        if (names := [str(each.name) for each in shelves.on(shelf)])
    }


def current(where: Settings) -> str | None:
    path = Path(where.workspace) / "public" / "current.json"
    return json.loads(path.read_text())["release"] if path.exists() else None


def notices(where: Settings) -> list[tuple[str, str]]:
    path = Path(where.workspace) / "public" / "notices.json"
    return [(each["kind"], each["release"]) for each in json.loads(path.read_text())] if path.exists() else []


@pytest.mark.parametrize(
    ("text", "instant", "utc"),
    [("2019-Q2/1.0.0", SUMMER, "08:30"), ("2019-Q3/1.0.0", WINTER, "09:30")],
)
def test_it_is_private_until_half_past_nine_in_london_and_public_from_then(
    where: Settings, built: Callable[[str], ReleaseName], text: str, instant: datetime, utc: str
) -> None:
    assert f"{instant.astimezone(UTC):%H:%M}" == utc
    built(text)
    signed(where, text)
    with pytest.raises(GateError, match="It is due at 09:30"):
        publication.publish(where, text, (instant - TICK).astimezone(UTC))
    assert (lies(where), current(where)) == ({PRIVATE: [text]}, None)
    publication.publish(where, text, instant.astimezone(UTC))
    assert (lies(where), current(where)) == ({PUBLIC: [text]}, text)


def test_every_thing_it_waits_for_is_told_at_once_and_nothing_moves(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    built("2019-Q2/1.0.0")
    with pytest.raises(GateError) as told:
        publication.publish(where, "2019-Q2", SUMMER - TICK)
    assert str(told.value).splitlines() == [
        "2019-Q2/1.0.0 waits for:",
        "- Nobody has signed that it is prepared.",
        "- Nobody has signed that it is approved.",
        "- It is due at 09:30 on Thursday 17 October 2019 (BST), and not before.",
    ]
    assert lies(where) == {PRIVATE: ["2019-Q2/1.0.0"]}


def test_a_quarter_that_the_calendar_does_not_hold_stays_private(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    built("2021-Q4/1.0.0")
    signed(where, "2021-Q4")
    with pytest.raises(GateError, match="without one it stays private"):
        publication.publish(where, "2021-Q4", datetime(2099, 1, 1, tzinfo=UTC))


def test_a_file_that_was_changed_added_or_taken_out_stops_both_signing_and_publication(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    folder = Shelves(Storage(where.workspace)).place(PRIVATE, built("2019-Q2/1.0.0"))
    signed(where, "2019-Q2")
    page = folder / "site" / "index.html"
    whole = page.read_bytes()
    for spoil in (
        lambda: page.write_bytes(whole + b" "),
        lambda: page.unlink(),
        lambda: (folder / "extra.html").write_bytes(b""),
    ):
        spoil()
        with pytest.raises(StoreError, match="is not what its manifest says: see "):
            publication.publish(where, "2019-Q2", SUMMER)
        with pytest.raises(StoreError, match="is not what its manifest says: see "):
            publication.sign(where, "2019-Q2", "Mary", "approved", None)
        page.write_bytes(whole)
    assert lies(where) == {PRIVATE: ["2019-Q2/1.0.0"]}


def test_publication_changes_no_byte_that_the_manifest_names(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    folder = Shelves(Storage(where.workspace)).place(PRIVATE, built("2019-Q2/1.0.0"))
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    signed(where, "2019-Q2")
    came = publication.publish(where, "2019-Q2", SUMMER).folder
    after = {path.relative_to(came): path.read_bytes() for path in came.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {Path("publication.json")}
    assert {name: after[name] for name in before} == before


def test_publishing_twice_is_publishing_once(where: Settings, built: Callable[[str], ReleaseName]) -> None:
    built("2019-Q2/1.0.0")
    signed(where, "2019-Q2")
    came = publication.publish(where, "2019-Q2", SUMMER)
    told = (came.folder / "publication.json").read_bytes()
    assert publication.publish(where, "2019-Q2", LATER) == came
    assert (came.folder / "publication.json").read_bytes() == told


@pytest.mark.parametrize("step", ["_write", "_move", "settle", "_point"])
def test_killed_at_any_step_the_next_publication_completes_it(
    where: Settings, built: Callable[[str], ReleaseName], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    built("2019-Q2/1.0.0")
    signed(where, "2019-Q2")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publication, step, killed)
        with pytest.raises(KeyboardInterrupt):
            publication.publish(where, "2019-Q2", SUMMER)
    assert sum(len(names) for names in lies(where).values()) == 1, "whole, in one place"
    publication.publish(where, "2019-Q2", SUMMER)
    assert (lies(where), current(where)) == ({PUBLIC: ["2019-Q2/1.0.0"]}, "2019-Q2/1.0.0")


def test_a_correction_needs_its_notice_and_the_version_it_corrects_is_kept(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    built("2019-Q2/1.0.0")
    signed(where, "2019-Q2")
    publication.publish(where, "2019-Q2", SUMMER)
    built("2019-Q2/1.1.0")
    signed(where, "2019-Q2/1.1.0")
    with pytest.raises(GateError, match="no correction notice is written"):
        publication.publish(where, "2019-Q2/1.1.0", LATER)
    publication.announce(where, "2019-Q2/1.1.0", "Ada", "Ashdene was doubled.", None)
    publication.publish(where, "2019-Q2/1.1.0", LATER)
    assert lies(where) == {PUBLIC: ["2019-Q2/1.0.0", "2019-Q2/1.1.0"]}
    assert current(where) == "2019-Q2/1.1.0"
    assert notices(where) == [("correction", "2019-Q2/1.1.0")]


def test_a_release_built_before_another_was_published_is_built_again_first(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    built("2019-Q2/1.0.0")
    built("2019-Q3/1.0.0")
    for text in ("2019-Q2", "2019-Q3"):
        signed(where, text)
    publication.publish(where, "2019-Q2", SUMMER)
    with pytest.raises(GateError) as told:
        publication.publish(where, "2019-Q3", WINTER)
    assert str(told.value).splitlines() == [
        "2019-Q3/1.0.0 waits for:",
        "- 2019-Q2/1.0.0 was published since it was built, and the places of its records are not compared with those: "
        "build it again.",
    ]
    # A release that was taken back was public all the same.
    publication.stop(where, "2019-Q2", "Grace", "A total is wrong.", LATER)
    with pytest.raises(GateError, match=r"2019-Q2/1\.0\.0 was published since"):
        publication.publish(where, "2019-Q3", WINTER)


def test_a_scheduled_correction_waits_for_its_own_instant(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    built("2019-Q2/1.0.0")
    signed(where, "2019-Q2")
    publication.publish(where, "2019-Q2", SUMMER)
    built("2019-Q2/1.1.0")
    signed(where, "2019-Q2/1.1.0")
    publication.announce(where, "2019-Q2/1.1.0", "Ada", "Ashdene was doubled.", WINTER)
    with pytest.raises(GateError, match="It is due at 09:30 on Thursday 23 January 2020"):
        publication.publish(where, "2019-Q2/1.1.0", WINTER - TICK)
    publication.publish(where, "2019-Q2/1.1.0", WINTER)
    told = json.loads((Path(where.workspace) / "public" / "notices.json").read_text())
    assert told == [
        {
            "at": "2020-01-23T09:30:00+00:00", "release": "2019-Q2/1.1.0", "kind": "correction",
            "scheduled": True, "notice": "Ashdene was doubled.",
        }
    ]  # fmt: skip


def test_a_notice_for_what_corrects_nothing_is_refused(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    built("2019-Q2/1.0.0")
    with pytest.raises(StoreError, match="corrects none"):
        publication.announce(where, "2019-Q2", "Ada", "Nothing.", None)


def test_a_stop_takes_a_public_release_back_and_leads_readers_to_the_one_before(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    for text, instant in (("2019-Q2/1.0.0", SUMMER), ("2019-Q3/1.0.0", WINTER)):
        built(text)
        signed(where, text)
        publication.publish(where, text, instant)
    publication.stop(where, "2019-Q3", "Grace", "A total is wrong.", LATER)
    assert lies(where) == {PUBLIC: ["2019-Q2/1.0.0"], WITHDRAWN: ["2019-Q3/1.0.0"]}
    assert current(where) == "2019-Q2/1.0.0"
    assert notices(where) == [("withdrawal", "2019-Q3/1.0.0")]
    publication.stop(where, "2019-Q2", "Grace", "So is this one.", LATER)
    assert current(where) is None


@pytest.mark.parametrize("step", ["_point", "_move"])
def test_a_stop_that_was_killed_is_completed_by_whoever_comes_next(
    where: Settings, built: Callable[[str], ReleaseName], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    for text in ("2019-Q2/1.0.0", "2019-Q3/1.0.0"):
        built(text)
        signed(where, text)
        publication.publish(where, text, WINTER)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publication, step, killed)
        with pytest.raises(KeyboardInterrupt):
            publication.stop(where, "2019-Q3", "Grace", "A total is wrong.", LATER)
    publication.publish(where, "2019-Q2", LATER)
    assert lies(where) == {PUBLIC: ["2019-Q2/1.0.0"], WITHDRAWN: ["2019-Q3/1.0.0"]}
    assert current(where) == "2019-Q2/1.0.0"


def test_a_private_release_that_was_stopped_goes_out_once_that_is_lifted(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    built("2019-Q2/1.0.0")
    signed(where, "2019-Q2")
    publication.stop(where, "2019-Q2", "Grace", "Wait for Ashdene.", SUMMER)
    with pytest.raises(GateError, match="Grace stopped it: Wait for Ashdene"):
        publication.publish(where, "2019-Q2", SUMMER)
    publication.lift(where, "2019-Q2", "Grace", "Ashdene has answered.")
    publication.publish(where, "2019-Q2", SUMMER)
    assert current(where) == "2019-Q2/1.0.0"


def test_a_release_that_is_not_there_is_refused_with_those_that_are(
    where: Settings, built: Callable[[str], ReleaseName]
) -> None:
    built("2019-Q2/1.0.0")
    with pytest.raises(
        StoreError, match=r"There is no release 2019-Q3/1\.0\.0.*The releases are 2019-Q2/1\.0\.0\."
    ):
        publication.publish(where, "2019-Q3/1.0.0", SUMMER)
    with pytest.raises(StoreError, match="names no release"):
        publication.publish(where, "../../etc/1.0.0", SUMMER)
