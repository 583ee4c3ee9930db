"""The command as people meet it: it explains itself, and each mistake ends with one message and no traceback."""

from __future__ import annotations

import re
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("command line")

README = Path(__file__).parents[2] / "README.md"


def commands_of_the_readme() -> list[str]:
    """Every command in the README's table: `fullcount run`, then `audit` and the like beside it."""
    rows = [
        line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `fullcount ")
    ]
    found = []
    for row in rows:
        first = row.split("|")[1]
        found += [name.removeprefix("fullcount ") for name in re.findall(r"`([^`]+)`", first)]
    return found


def flat(said: str) -> str:
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", said).split())


def test_the_readme_names_commands() -> None:
    assert {"run", "sources", "status", "serve", "doctor"} <= set(commands_of_the_readme())


def test_help_lists_every_command_of_the_readme(fullcount: Any) -> None:
    done = fullcount("--help")
    assert done.returncode == 0, done.stderr
    for command in commands_of_the_readme():
        assert re.search(rf"^\W*{command.split()[0]}\s", done.stdout, re.MULTILINE), command
    assert "A gap is never published as a zero" in flat(done.stdout)
    assert "fullcount run --supply FOLDER --country FOLDER" in flat(done.stdout)


@pytest.mark.parametrize("command", commands_of_the_readme())
def test_help_of_each_command_says_what_it_does_and_what_each_option_means(
    fullcount: Any, command: str
) -> None:
    done = fullcount(*command.split(), "--help")
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert f"fullcount {command}" in flat(said)
    above = flat("\n".join(said.partition("╭")[0].strip().splitlines()[1:]))
    assert re.match(r"[A-Z][^.]{15,}\.", above), "it opens with a sentence on what it does"
    # An option line holds its name, its kind and then words about it.
    options = [flat(line) for line in said.splitlines() if re.match(r"^\W*(\*\s+)?--(?!help)[a-z-]+", line)]
    for line in options:
        words = re.sub(r"(--?[\w-]+|\b[A-Z]{2,}\b|[\[\]<>,*])", " ", line).split()
        assert len(words) >= 2, f"no words about: {line}"


def test_with_no_command_it_explains_itself(fullcount: Any) -> None:
    done = fullcount()
    assert "Usage" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


# Mistakes --------------------------------------------------------------------------------------------------------


def test_an_unknown_command_or_option_is_told(fullcount: Any) -> None:
    assert "No such command" in flat(fullcount.refusal("rnu"))
    assert "No such option" in flat(fullcount.refusal("run", "--quater", "2019-Q1"))


def test_no_supply_folder_at_all(fullcount: Any, tmp_path: Path) -> None:
    said = fullcount.refusal("run", "--workspace", tmp_path / "workspace")
    assert "There is no supply folder" in said
    assert "--supply" in said


def test_a_supply_folder_that_is_not_there(fullcount: Any, small: Any, tmp_path: Path) -> None:
    words = ["run", "--workspace", tmp_path / "workspace", "--country", small.made / "country"]
    said = fullcount.refusal(*words, "--supply", tmp_path / "[nowhere]")
    assert f"The supply folder {tmp_path / '[nowhere]'} does not exist." in said


def test_a_country_folder_that_is_none(fullcount: Any, small: Any, tmp_path: Path) -> None:
    (tmp_path / "country").mkdir()
    words = ["run", "--workspace", tmp_path / "workspace", "--supply", small.made / "supply"]
    said = fullcount.refusal(*words, "--country", tmp_path / "country")
    assert "forces.csv is missing" in said
    assert "fullcount:" in said


def test_a_quarter_that_is_none(fullcount: Any, small: Any) -> None:
    for quarter in ("2019-Q5", "soon", "2019"):
        said = fullcount.refusal("run", "--workspace", small.workspace, "--quarter", quarter)
        assert quarter in said
        assert "2019-Q" in said, "it shows how one is written"


def test_a_quarter_that_nothing_was_supplied_for(fullcount: Any, small: Any, tmp_path: Path) -> None:
    said = fullcount.refusal("run", "--workspace", small.workspace, "--quarter", "2031-Q2")
    assert "2031-Q2" in said


def test_an_empty_supply_folder(fullcount: Any, small: Any, tmp_path: Path) -> None:
    (tmp_path / "supply").mkdir()
    done = fullcount(
        "run", "--workspace", tmp_path / "workspace", "--supply", tmp_path / "supply",
        "--country", small.made / "country",
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "nothing to count" in flat(done.stdout)


def test_a_workspace_that_is_a_file(fullcount: Any, small: Any, tmp_path: Path) -> None:
    (tmp_path / "workspace").write_text("not a folder")
    words = ["run", "--supply", small.made / "supply", "--country", small.made / "country"]
    said = fullcount.refusal(*words, env={"FULLCOUNT_HOME": str(tmp_path / "workspace")})
    assert str(tmp_path / "workspace") in said


def test_a_workspace_that_cannot_be_written(fullcount: Any, small: Any) -> None:
    # Not even root may make a folder here.
    words = ["run", "--supply", small.made / "supply", "--country", small.made / "country"]
    said = fullcount.refusal(*words, "--workspace", "/proc/fullcount/workspace")
    assert "/proc/fullcount" in said


def test_a_key_file_that_is_not_there_is_told_before_any_work(
    fullcount: Any, small: Any, tmp_path: Path
) -> None:
    words = ["run", "--workspace", tmp_path / "workspace", "--supply", small.made / "supply"]
    said = fullcount.refusal(
        *words,
        "--country",
        small.made / "country",
        env={"FULLCOUNT_CRIME_ID_KEY_FILE": str(tmp_path / "no.key")},
    )
    assert "no.key" in said
    assert not (tmp_path / "workspace" / "HEAD").exists()


def test_looking_at_a_workspace_that_holds_nothing(fullcount: Any, small: Any, tmp_path: Path) -> None:
    words = ["--workspace", tmp_path / "workspace", "--supply", small.made / "supply"]
    for command in ("status", "sources"):
        done = fullcount(command, *words, "--country", small.made / "country")
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stdout + done.stderr
    assert "There is no release" in fullcount.refusal("serve", "--workspace", tmp_path / "workspace")
    assert "There is no release of 2019-Q4" in fullcount.refusal(
        "serve", "--workspace", small.workspace, "--quarter", "2019-Q4"
    )


def test_serve_with_a_quarter_that_is_none(fullcount: Any, small: Any) -> None:
    assert "soon" in fullcount.refusal("serve", "--workspace", small.workspace, "--quarter", "soon")


# Looking ---------------------------------------------------------------------------------------------------------


def test_status_shows_who_supplied_what(fullcount: Any, small: Any) -> None:
    done = fullcount("status", "--workspace", small.workspace)
    assert done.returncode == 0, done.stderr
    for force in ("ashdene", "carrow", "greater-wickham", "northmoor-and-vale", "transport"):
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(force)]
        assert line.count("●") == 3
    assert "✕ " not in done.stdout.split("\n", 1)[1]


def test_sources_lists_every_file(fullcount: Any, small: Any) -> None:
    done = fullcount("sources", "--workspace", small.workspace)
    assert done.returncode == 0, done.stderr
    for name, rows in small.expected["lines"].items():
        (line,) = [line for line in done.stdout.splitlines() if name in line]
        assert "accepted" in line
        assert f" {rows} " in line


def test_doctor_finds_this_machine_fit(fullcount: Any, small: Any) -> None:
    done = fullcount("doctor", "--workspace", small.workspace)
    assert done.returncode == 0, done.stdout
    assert "✕" not in done.stdout


def test_output_to_a_pipe_holds_no_colours_and_no_bar(fullcount: Any, small: Any) -> None:
    done = fullcount("status", "--workspace", small.workspace)
    assert "\x1b" not in done.stdout + done.stderr


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def fetch(address: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_serve_shows_the_release_on_this_machine_and_stops(fullcount: Any, small: Any) -> None:
    port = free_port()
    process = fullcount.start("serve", "--workspace", small.workspace, "--port", str(port))
    try:
        root, end = f"http://127.0.0.1:{port}", time.monotonic() + 90
        while True:
            try:
                status, home = fetch(f"{root}/")
                break
            except OSError:
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < end, "it does not answer"
                time.sleep(0.2)
        assert status == 200
        assert b"March 2019" in home
        assert fetch(f"{root}/carrow/")[0] == 200
        release = small.release("2019-Q1")
        for name in ("feeds/availability.csv", "returns/recorded-crime-2019-Q1.csv", "feeds/latest.zip"):
            assert fetch(f"{root}/{name}") == (200, (release / name).read_bytes())
        assert fetch(f"{root}/nowhere/")[0] == 404
        assert fetch(f"{root}/feeds/../../../HEAD")[0] == 404
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert "127.0.0.1" in said


def test_serve_on_a_port_that_is_taken(fullcount: Any, small: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = fullcount("serve", "--workspace", small.workspace, "--port", port)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert port in done.stdout + done.stderr
