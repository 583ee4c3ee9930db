"""LibreOffice opens both workbooks and keeps what makes them accessible."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from fixtures.judged_offences import country, judged_offences, offences_reference
from publish.returns import build

pytestmark = [
    pytest.mark.office,
    pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed"),
]


def converted(source: Path, form: str, folder: Path) -> Path:
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to", form,
         "--outdir", str(folder), str(source)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return folder / f"{source.stem}.{form}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    paths = build(
        judged_offences(), country(), offences_reference(), "2019-Q3", tmp_path_factory.mktemp("return")
    )
    return {path.suffix: path for path in paths if path.name.startswith("recorded-crime")}


@pytest.mark.parametrize(
    ("form", "other"), [(".ods", ".ods"), (".ods", ".xlsx"), (".xlsx", ".ods"), (".xlsx", ".xlsx")]
)
def test_libreoffice_reads_the_same_and_keeps_the_mark_up(
    made: dict[str, Path], form: str, other: str, tmp_path: Path
) -> None:
    saved = converted(made[form], other[1:], tmp_path)
    before, after = (CalamineWorkbook.from_path(path) for path in (made[form], saved))
    assert after.sheet_names == before.sheet_names
    for name in before.sheet_names:
        assert after.get_sheet_by_name(name).to_python() == before.get_sheet_by_name(name).to_python()
    with zipfile.ZipFile(saved) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".xml")}
    everything = " ".join(parts.values())
    assert "<dc:title>Police recorded crime" in everything
    for name in ("list_of_contents", "list_of_notes", "offence_group_quarter", "offence_group_rate"):
        assert f'"{name}"' in everything, f"the mark-up of {name} was lost"
    if (form, other) == (".ods", ".ods"):
        assert parts["content.xml"].count("<table:table-header-rows>") == len(before.sheet_names) - 1
        assert "<dc:language>en-GB</dc:language>" in parts["meta.xml"]
        assert 'style:display-name="Heading 1"' in parts["styles.xml"]
        assert "table:formula" not in parts["content.xml"]


def test_every_worksheet_is_printed_on_pages_of_its_own(made: dict[str, Path], tmp_path: Path) -> None:
    for form in (".ods", ".xlsx"):
        pdf = converted(made[form], "pdf", tmp_path)
        sheets = len(CalamineWorkbook.from_path(made[form]).sheet_names)
        assert pdf.read_bytes().count(b"/Type/Page\n") + pdf.read_bytes().count(b"/Type/Page/") >= sheets
