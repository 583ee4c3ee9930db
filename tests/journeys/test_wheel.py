"""The wheel that people install works away from the checkout: nothing that it needs was left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    uv = shutil.which("uv") or next(
        (
            str(path)
            for path in (CHECKOUT / ".uv/bin/uv", Path(sys.executable).with_name("uv"))
            if path.exists()
        ),
        None,
    )
    if uv is None:
        pytest.skip("uv is not here to build the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", folder, CHECKOUT], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh environment with the wheel in it and the locked dependencies lent to it."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    site = next((environment / "lib").glob("python3*/site-packages"))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    # The dependencies come last on the path, and without the editable link to the checkout: .pth files count
    # only in a site folder, which a line of ours is not.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    command = environment / "bin" / "fullcount"
    command.write_text(
        f"#!{environment / 'bin' / 'python'}\nimport sys\nfrom pipelines.cli import main\nsys.exit(main())\n"
    )
    command.chmod(0o755)
    return environment / "bin"


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FULLCOUNT", "PYTHON", "DAGSTER", "VIRTUAL_ENV"))
    }
    return subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, env=kept, timeout=600)


def test_the_wheel_carries_code_and_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        points = packed.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    folders = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert folders == {"pipelines", "transforms", "geography", "publish"}, "the example country stays behind"
    assert "fullcount = pipelines.cli:main" in points
    in_checkout = {
        path.relative_to(CHECKOUT).as_posix()
        for folder in folders
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert in_checkout <= set(names), "every template, table and column map is in it"


def test_the_command_explains_itself(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "fullcount", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "never published as a zero" in " ".join(done.stdout.split())
    where = run(installed / "python", "-c", "import pipelines; print(pipelines.__file__)", cwd=tmp_path)
    assert str(installed.parent) in where.stdout, "it is the wheel that runs and not the checkout"


def test_the_whole_example_runs_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    made = run(sys.executable, "-m", "fixtures", "iops", tmp_path / "example", cwd=CHECKOUT)
    assert made.returncode == 0, made.stderr
    done = run(
        installed / "fullcount", "run",
        "--supply", tmp_path / "example/supply", "--country", tmp_path / "example/country",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    workspace = tmp_path / ".fullcount" / "workspace"
    release = workspace / "private" / "2019-Q4" / "1.0.0"
    assert (release / "returns" / "recorded-crime-2019-Q4.ods").exists()
    assert (release / "feeds" / "latest.zip").exists()
    assert (release / "site" / "index.html").exists()
    assert "never as zero" in " ".join(done.stdout.split())
    for command in ("status", "sources", "doctor"):
        told = run(installed / "fullcount", command, cwd=tmp_path)
        assert told.returncode == 0, told.stdout + told.stderr
    assert "greater-wickham extract, July 2019 to September 2019" in " ".join(
        run(installed / "fullcount", "status", cwd=tmp_path).stdout.split()
    )
