"""Clients of data.police.uk, installed unmodified from their registries, against the API as production starts it."""

import os
import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.serving import Server, serving
from fixtures.small_release import small_release

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).parent / "api_clients"

#: Each client with the version that was looked into, and how many things its program checks.
FROM_PYPI = {
    "police-api-client==1.2.2": ("with_police_api_client.py", 26),
    "uk_police==0.3.0": ("with_uk_police.py", 24),
    "uk-police-api==0.1.0": ("with_uk_police_api.py", 23),
    "streetworks==0.10.0": ("with_streetworks.py", 15),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with serving("--release", small_release(tmp_path_factory.mktemp("clients") / "release")) as running:
        yield running


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """A Python of its own with every client in it."""
    folder = tmp_path_factory.mktemp("pypi") / "venv"
    venv.create(folder, with_pip=True)
    there = folder / "bin" / "python"
    got = subprocess.run(
        [there, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *FROM_PYPI],
        capture_output=True, text=True,
    )  # fmt: skip
    if got.returncode:
        pytest.skip(f"the clients cannot be installed from their registry: {got.stderr.splitlines()[-1:]}")
    return there


def checks(command: list[str | Path], **options) -> int:
    """How many checks a program says it made. Fails with what it says when one does not hold."""
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert told.returncode == 0, told.stdout + told.stderr
    return int(told.stdout.split()[-1])


@pytest.mark.parametrize("client", FROM_PYPI)
def test_python_client(client, python, server):
    program, number = FROM_PYPI[client]
    assert checks([python, PROGRAMS / program, server.url]) >= number


def test_node_client(server, tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    got = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "ukpd@1.2.0"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    if got.returncode:
        pytest.skip(f"ukpd cannot be installed from its registry: {got.stderr[-200:]}")
    shutil.copy(PROGRAMS / "with_ukpd.cjs", tmp_path)
    command = ["node", "-r", str(PROGRAMS / "to_this_server.cjs"), "with_ukpd.cjs"]
    environment = {**os.environ, "API_OF_TEST": server.url}
    assert checks(command, cwd=tmp_path, env=environment) == 9


def test_requests_of_the_r_client(server):
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed (r-base-core, r-cran-httr, r-cran-jsonlite)")
    assert checks(["Rscript", str(PROGRAMS / "with_httr.R"), server.url]) == 16
