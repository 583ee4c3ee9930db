"""The deployment files name what the product reads, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipelines.engines import engine

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SIZES = sorted(path.name for path in DEPLOY.glob("*.env"))


def settings_in(name: str) -> dict[str, str]:
    lines = [line for line in (DEPLOY / name).read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_there_is_one_for_each_size() -> None:
    assert SIZES == ["cluster.env", "laptop.env", "server.env"]


@pytest.mark.parametrize("name", SIZES)
def test_every_setting_is_one_that_the_product_reads(name: str) -> None:
    source = "".join(
        path.read_text() for package in ("pipelines", "publish") for path in (ROOT / package).rglob("*.py")
    )
    for setting in settings_in(name):
        assert f'"{setting}"' in source, f"nothing reads {setting}"
    assert engine(settings_in(name)["FULLCOUNT_ENGINE"])


def test_the_parts_find_each_other_by_the_names_they_have() -> None:
    parts = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for setting, value in settings_in("cluster.env").items():
        for host in re.findall(r"(?:@|//)([a-z]+)(?::\d+)?(?:/|$)", value):
            assert host in parts, f"{setting} names {host}, which is no part"
    address = settings_in("cluster.env")["FULLCOUNT_ENGINE"].removeprefix("dask:")
    assert address in parts["worker"]["command"]


def test_the_image_copies_every_package_of_the_wheel() -> None:
    copied = re.findall(r"^COPY (\w+) \w+$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    assert sorted(copied) == ["geography", "pipelines", "publish", "transforms"]
