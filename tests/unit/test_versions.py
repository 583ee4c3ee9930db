"""Data versions: their order, their form, and that no number is ever used twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.periods import Quarter
from transforms.versions import FIRST, Change, ReleaseName, Version, next_version

numbers = st.integers(0, 10_000)
versions = st.builds(Version, numbers, numbers, numbers)
changes = st.sampled_from(Change)
names = st.builds(ReleaseName, st.builds(Quarter, st.integers(1990, 2100), st.integers(1, 4)), versions)


@given(versions)
def test_a_version_is_read_as_it_is_written(version: Version) -> None:
    assert Version.parse(str(version)) == version


@given(names)
def test_a_release_is_read_as_it_is_written(name: ReleaseName) -> None:
    assert ReleaseName.parse(str(name)) == name


@given(versions, versions)
def test_versions_stand_in_the_order_of_their_numbers_not_of_their_letters(a: Version, b: Version) -> None:
    def numbers(version: Version) -> list[int]:
        return [int(number) for number in str(version).split(".")]

    assert (a < b) == (numbers(a) < numbers(b))


@given(st.sets(versions, min_size=1), changes)
def test_the_next_version_is_above_every_one_that_was_ever_used(used: set[Version], change: Change) -> None:
    assert next_version(used, change) > max(used)


@given(versions, st.lists(changes, max_size=30))
def test_no_number_comes_twice_however_much_changes(first: Version, history: list[Change]) -> None:
    used = [first]
    for change in history:
        used.append(next_version(used, change))
    assert len(set(used)) == len(used)
    assert used == sorted(used)


@given(versions)
def test_a_greater_change_takes_a_higher_number(version: Version) -> None:
    assert version < version.after(Change.PATCH) < version.after(Change.MINOR) < version.after(Change.MAJOR)


@given(versions, changes)
def test_the_numbers_after_the_one_that_was_raised_begin_again(version: Version, change: Change) -> None:
    major, minor, patch = (int(number) for number in str(version.after(change)).split("."))
    raised = {Change.MAJOR: (minor, patch), Change.MINOR: (patch,), Change.PATCH: ()}[change]
    assert set(raised) <= {0}
    assert major >= version.major


def test_a_quarter_is_first_released_as_1_0_0() -> None:
    assert next_version([], Change.MAJOR) == FIRST == Version(1, 0, 0)


@pytest.mark.parametrize("text", ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.-1", "v1.0.0", "1.0.x", "1,0,0"])
def test_what_is_no_version_is_refused_with_the_form_wanted(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a version: write three numbers, such as 1\.0\.0"):
        Version.parse(text)


def test_a_release_needs_both_its_quarter_and_its_version() -> None:
    with pytest.raises(ValueError, match="write its quarter and version"):
        ReleaseName.parse("2019-Q4")
    assert str(ReleaseName.parse("2019/20-Q1/1.0.0")) == "2019-Q2/1.0.0"
