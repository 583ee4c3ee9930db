"""The help groups commands by area, and a command loads its own area only: the list must be the one in force."""

from __future__ import annotations

from importlib import import_module

import pytest
import typer

from pipelines.cli import AREAS


@pytest.mark.parametrize("area", AREAS)
def test_an_area_adds_the_commands_it_is_listed_with(area: str) -> None:
    app = typer.Typer()
    import_module(f"pipelines.commands.{area}").register(app)
    commands = [each.name or each.callback.__name__ for each in app.registered_commands if each.callback]
    groups = [each.name for each in app.registered_groups]
    assert sorted([*commands, *groups]) == sorted(AREAS[area][1])


def test_no_command_belongs_to_two_areas() -> None:
    names = [name for _, commands in AREAS.values() for name in commands]
    assert len(names) == len(set(names))
