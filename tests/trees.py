"""What is in a folder, for tests that compare two."""

from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file under a folder, by its place there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
