"""What changed since the release before, file by file, and why: as JSON Feed and as Atom."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import polars as pl

from geography.areas import Country
from transforms.periods import plus_months

JSON_FEED: Final = "changes.json"
ATOM: Final = "changes.xml"
SUMS: Final = "SHA256SUMS"
#: What the file of a force and month ends in.
KINDS: Final = ("-street.csv", "-outcomes.csv", "-stop-and-search.csv")
#: Releases that the feed goes back.
ENTRIES: Final = 24

NEW, RESTATED, GONE, OLDER = "new", "restated", "no longer published", "left the window"


def since(
    country: Country, states: pl.DataFrame, newest: date, sums: dict[str, str], earlier: Path | None
) -> list[dict[str, Any]]:
    """The entries of the feed, newest first: this release's, then those of the release before.

    `states` is `availability.states`; `sums` has the SHA-256 of each file by its path, of which those of a force
    and month count. A file is new, restated, no longer published (with the reason of its force and month) or has
    left the window.
    """
    sums, before = (
        {name: digest for name, digest in each.items() if name.endswith(KINDS)}
        for each in (sums, {} if earlier is None else read_sums(earlier))
    )
    reasons = {
        f"{month:%Y-%m}/{month:%Y-%m}-{force}-{file}.csv": why
        for force, month, file, why in states.select("force", "month", "file", "why").iter_rows()
    }
    changed = {
        name: NEW if name not in before else RESTATED
        for name, digest in sums.items()
        if before.get(name) != digest
    }
    changed |= {name: GONE if name in reasons else OLDER for name in before if name not in sums}
    told = [
        {"path": name, "change": what, "why": reasons.get(name, "") if what == GONE else ""}
        for name, what in sorted(changed.items())
    ]
    lines = [f"{each['path']}: {each['change']}{'. ' + each['why'] if each['why'] else ''}" for each in told]
    entry = {
        "id": "urn:sha256:" + hashlib.sha256(json.dumps(sorted(sums.items())).encode()).hexdigest(),
        "title": f"{country.title}, to {newest:%B %Y}: {_counted(told)}",
        "url": f"{newest:%Y-%m}.zip",
        # A release holds no moment of its making: the day its newest month was over stands for it.
        "date_published": f"{plus_months(newest, 1):%Y-%m-%d}T00:00:00Z",
        "content_text": "\n".join(lines) or "No file differs from the release before.",
        "_changes": {"files": told},
    }
    # A release made before this feed was has none.
    there = earlier is not None and (earlier / JSON_FEED).is_file()
    past = json.loads((earlier / JSON_FEED).read_text(encoding="utf-8"))["items"] if earlier and there else []
    return [entry, *(each for each in past if each["id"] != entry["id"])][:ENTRIES]


def write(country: Country, entries: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Write `changes.json` (JSON Feed 1.1) and `changes.xml` (Atom, RFC 4287), the same entries in both."""
    title = f"{country.title}: what changed in the published files"
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "feed_url": JSON_FEED,
        "language": "en-GB",
        "items": entries,
    }
    text = json.dumps(feed, ensure_ascii=False, indent=1)
    (folder / JSON_FEED).write_text(text + "\n", encoding="utf-8", newline="\n")
    shown = "".join(
        f"<entry><id>{each['id']}</id><title>{escape(each['title'])}</title>"
        f'<link href="{each["url"]}"/><updated>{each["date_published"]}</updated>'
        f"<content>{escape(each['content_text'])}</content></entry>\n"
        for each in entries
    )
    atom = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>urn:sha256:{hashlib.sha256(title.encode()).hexdigest()}</id><title>{escape(title)}</title>"
        f"<updated>{entries[0]['date_published']}</updated><author><name>{escape(country.title)}</name></author>"
        f'<link rel="self" href="{ATOM}"/>\n{shown}</feed>\n'
    )
    (folder / ATOM).write_text(atom, encoding="utf-8", newline="\n")
    return [folder / JSON_FEED, folder / ATOM]


def read_sums(folder: Path) -> dict[str, str]:
    """The SHA-256 of each of the bulk files in `folder` by its path, as its `SHA256SUMS` says."""
    lines = (line.split("  ", 1) for line in (folder / SUMS).read_text(encoding="utf-8").splitlines())
    return {name: digest for digest, name in lines}


def by_month(sums: Mapping[str, str], kind: str) -> dict[str, dict[str, str]]:
    """The SHA-256 of the files of a kind (`street`) among some sums: by month (`2019-09`), and there by force.

    Where those of a month are the same in two releases, so are its lines in their Parquet files.
    """
    found: dict[str, dict[str, str]] = {}
    for name, digest in sums.items():
        month, _, file = name.partition("/")
        if file.startswith(f"{month}-") and file.endswith(f"-{kind}.csv"):
            found.setdefault(month, {})[file[len(month) + 1 : -len(f"-{kind}.csv")]] = digest
    return found


def _counted(told: list[dict[str, str]]) -> str:
    """How many files there are of each kind of change, in words."""
    kinds = [
        (what, [each for each in told if each["change"] == what]) for what in (NEW, RESTATED, GONE, OLDER)
    ]
    return ", ".join(f"{len(files):,} {what}" for what, files in kinds if files) or "nothing"
