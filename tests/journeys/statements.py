"""What a published file states, line by line or row by row, so that two releases can be compared by what they say."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import brotli
import polars as pl
from polars import selectors

#: The fingerprint of some bytes, in a name or a manifest, and their number: they follow the bytes themselves.
FINGERPRINT = re.compile(r'\b[0-9a-f]{10,64}\b|"bytes": \d+|\b(?:bytes|byteSize): \d+')


def statements(name: str, content: bytes) -> Counter[str]:
    """Every statement of a published file, as often as it is made, without fingerprints of other files.

    A line of text, a row of Parquet, an innermost record of JSON. A packed file states what it holds. Of a file of
    another kind all that is said is its fingerprint.
    """
    return Counter(FINGERPRINT.sub("#", each) for each in _stated(name, content)) or Counter([name])


def _stated(name: str, content: bytes) -> Iterator[str]:
    suffix = PurePosixPath(name).suffix
    if suffix in (".gz", ".br"):
        plain = gzip.decompress(content) if suffix == ".gz" else brotli.decompress(content)
        yield from _stated(name.removesuffix(suffix), plain)
    elif suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for member in packed.namelist():
                yield from (f"{member}: {each}" for each in _stated(member, packed.read(member)))
    elif suffix == ".parquet":
        rows = pl.read_parquet(content).with_columns(selectors.binary().bin.encode("base64"))
        yield from rows.write_ndjson().splitlines()
    elif suffix in (".json", ".jsonld", ".geojson"):
        found = json.loads(content)
        yield from _cells(found) if "dimension" in found and "value" in found else _records(found, "")
    elif suffix in (".html", ".csv", ".txt", ".xml", ".kml", ".svg", ".css", ".js", ".mjs") or not suffix:
        yield from content.decode().splitlines()
    else:
        # In capitals, so that it is not taken for the fingerprint of another file.
        yield f"{name}: {hashlib.sha256(content).hexdigest().upper()}"


def _cells(cube: dict[str, Any]) -> Iterator[str]:
    """Each cell of a JSON-stat cube, by the categories that it stands for, with its status."""
    indices = [cube["dimension"][name]["category"]["index"] for name in cube["id"]]
    for place, categories in enumerate(itertools.product(*indices)):
        status = cube.get("status", {}).get(str(place), "")
        yield f"{', '.join(categories)}: {cube['value'][place]} {status}"


def _records(found: Any, path: str) -> Iterator[str]:
    """Each object or list that holds no other, with the names that lead to it; and what stands beside them."""
    if not isinstance(found, dict | list):
        yield f"{path}: {found}"
        return
    inner = found.items() if isinstance(found, dict) else (("", each) for each in found)
    nested = [(key, each) for key, each in inner if isinstance(each, dict | list)]
    if not nested:
        yield f"{path}: {json.dumps(found, ensure_ascii=False)}"
        return
    for key, each in nested:
        yield from _records(each, f"{path}/{key}")
    if isinstance(found, dict):
        for key, each in found.items():
            if not isinstance(each, dict | list):
                yield f"{path}/{key}: {each}"
