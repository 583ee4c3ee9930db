"""What a supplied file says it is, by its name and its first bytes."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Final, Literal, NamedTuple

from pipelines.sources.refusal import Refusal, base_name, nearest

Kind = Literal["extract", "street", "outcomes", "stop-and-search", "aggregate"]

#: The names that are read, as told to someone whose file has another.
NAMES: Final = (
    "YYYY-MM-force[-system]-extract.csv or .parquet, YYYY-MM-force-street.csv (or -outcomes, -stop-and-search) "
    "or a Home Office table prc-pfa….csv, .ods or .xlsx"
)

_MONTHS = r"(?P<first>\d{4}-\d{2})(?:_(?P<last>\d{4}-\d{2}))?"
_EXTRACT = re.compile(rf"^{_MONTHS}-(?P<rest>[a-z0-9-]+)-extract\.(?P<form>csv|parquet)$")
_POLICE_UK = re.compile(
    r"^(?P<first>\d{4}-\d{2})-(?P<rest>[a-z-]+?)-(?P<kind>street|outcomes|stop-and-search)\.csv$"
)
_HOME_OFFICE = re.compile(r"^prc-(?:pfa|csp).*\.(?P<form>csv|ods|xlsx)$")
_PACKING = re.compile(r"\.(gz|zst)$")

#: First bytes that give away what a file is, whatever its name says.
_MAGIC: Final = (
    (b"\x1f\x8b", "gz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
)


@dataclass(frozen=True)
class Recognised:
    """What one supplied file is: its kind, whose it is, which months it covers and which system it left."""

    name: str
    kind: Kind
    force: str | None = None
    first_month: date | None = None
    last_month: date | None = None
    system: str | None = None

    @property
    def label(self) -> str:
        """The months as written in file names."""
        if self.first_month is None or self.last_month is None:
            return "no month"
        first, last = f"{self.first_month:%Y-%m}", f"{self.last_month:%Y-%m}"
        return first if first == last else f"{first} to {last}"


class Scope(NamedTuple):
    """The months that the name of a file speaks of, both included."""

    first_month: date
    last_month: date


def scope_of(name: str) -> Scope | None:
    """The months that `name` speaks of, whoever's the file is; nothing when it speaks of none."""
    bare = _PACKING.sub("", base_name(name).lower())
    found = _EXTRACT.match(bare) or _POLICE_UK.match(bare)
    if found is None:
        return None
    months = _months(name, found["first"], found.groupdict().get("last"))
    return None if isinstance(months, Refusal) else Scope(*months)


def recognise(name: str, head: bytes, *, forces: Collection[str]) -> Recognised | Refusal:
    """What the file called `name`, whose first bytes are `head`, is; or why it cannot be read.

    `name` is as received: a path inside a supply folder, or inside an archive. Only its last part and a parent
    folder named like a month are looked at. `forces` are the police.uk slugs that exist.
    """
    path = PurePosixPath(name.replace("\\", "/").replace("!", "/"))
    base = path.name.lower()
    bare = _PACKING.sub("", base)
    if not head:
        return Refusal(name, "the file is empty", "ask the sender to supply it again")
    if found := _EXTRACT.match(bare):
        return _misnamed(name, base, found["form"], head) or _extract(name, found, forces)
    if found := _POLICE_UK.match(bare):
        return _misnamed(name, base, "csv", head) or _police_uk(name, path, found, forces)
    if found := _HOME_OFFICE.match(bare):
        return _misnamed(name, base, found["form"], head) or Recognised(name, "aggregate")
    return Refusal(
        name,
        "the name does not say what the file is",
        "rename the file and supply it again",
        seen=path.name,
        wanted=NAMES,
    )


def what_it_is(head: bytes) -> str:
    """The form that the first bytes of a file give away; `text` when they give away none."""
    return next((form for magic, form in _MAGIC if head.startswith(magic)), "text")


def _misnamed(name: str, base: str, form: str, head: bytes) -> Refusal | None:
    packing = _PACKING.search(base)
    wanted = packing[1] if packing else {"csv": "text", "ods": "zip", "xlsx": "zip"}.get(form, form)
    seen = what_it_is(head)
    if seen == wanted:
        return None
    return Refusal(
        name,
        "the contents are not what the name says",
        "save it in the form that its name says, or correct the name, and supply it again",
        seen=seen,
        wanted=wanted,
    )


def _extract(name: str, found: re.Match[str], forces: Collection[str]) -> Recognised | Refusal:
    months = _months(name, found["first"], found["last"])
    if isinstance(months, Refusal):
        return months
    rest = found["rest"]
    # The longest force that starts the rest: one slug may begin with another.
    holders = [force for force in forces if rest == force or rest.startswith(f"{force}-")]
    if not holders:
        return _unknown_force(name, rest, forces)
    force = max(holders, key=len)
    system = rest[len(force) + 1 :] or None
    if system is not None and "-" in system:
        return _unknown_force(name, rest, forces)
    return Recognised(name, "extract", force, months[0], months[1], system)


def _police_uk(
    name: str, path: PurePosixPath, found: re.Match[str], forces: Collection[str]
) -> Recognised | Refusal:
    months = _months(name, found["first"], None)
    if isinstance(months, Refusal):
        return months
    folder = path.parent.name
    if re.fullmatch(r"\d{4}-\d{2}", folder) and folder != found["first"]:
        return Refusal(
            name,
            "the file lies in the folder of another month",
            "move it to the folder of its own month, or correct its name",
            seen=folder,
            wanted=found["first"],
        )
    if found["rest"] not in forces:
        return _unknown_force(name, found["rest"], forces)
    kind: Kind = found["kind"]  # type: ignore[assignment]
    return Recognised(name, kind, found["rest"], months[0], months[1])


def _months(name: str, first: str, last: str | None) -> tuple[date, date] | Refusal:
    try:
        span = (date.fromisoformat(f"{first}-01"), date.fromisoformat(f"{last or first}-01"))
    except ValueError:
        return Refusal(
            name,
            "the name holds a month that does not exist",
            "rename the file and supply it again",
            seen=f"{first}_{last}" if last else first,
            wanted="YYYY-MM",
        )
    if span[0] > span[1]:
        return Refusal(
            name,
            "the months in the name run backwards",
            "rename the file, earliest month first, and supply it again",
            seen=f"{first}_{last}",
            wanted=f"{last}_{first}",
        )
    return span


def _unknown_force(name: str, rest: str, forces: Collection[str]) -> Refusal:
    return Refusal(
        name,
        "the name holds no force that is known",
        "rename the file, or add the force to the country's forces.csv, and supply it again",
        field="force",
        seen=rest,
        wanted=f"a police.uk slug such as greater-manchester{nearest(rest, forces)}",
    )
