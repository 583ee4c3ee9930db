"""The newest month of a force as GeoJSON: its records at their map points."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from publish.feeds.tables import NAMES

#: The members of `properties`: the name of each, and the column it is from.
PROPERTIES: Final = {
    alias: name
    for name, alias in NAMES.items()
    if alias not in ("force", "longitude", "latitude", "reported_by")
}


def write(features: pl.DataFrame, path: Path) -> None:
    """Write `features` as a FeatureCollection (RFC 7946), one to a line."""
    with path.open("wb") as file:
        file.write(b'{"type":"FeatureCollection","features":[\n')
        for part, end in ((features[:-1], ",\n"), (features[-1:], "\n")):
            part.write_csv(file, include_header=False, quote_style="never", line_terminator=end)
        file.write(b"]}\n")


def features(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines of a street file (`street.published`) as the members of their features, in order.

    A record without a location is a feature without a geometry: it is not left out.
    """
    places = pl.concat_str(
        pl.lit('{"type":"Feature","geometry":{"type":"Point","coordinates":['),
        pl.col("Longitude").round(6).cast(pl.String), pl.lit(","), pl.col("Latitude").round(6).cast(pl.String),
        pl.lit("]}"),
    ).fill_null('{"type":"Feature","geometry":null')  # fmt: skip
    members = [_member(alias, lines[name]).alias(alias) for alias, name in PROPERTIES.items()]
    members[0] = '"properties":{' + members[0]
    members[-1] = members[-1] + "}}"
    # A comma stands between the members of an object as between the fields of a table, and writing a table takes
    # far less time than joining hundreds of megabytes of text.
    return lines.select(places.alias("geometry")).hstack(members)


def _member(name: str, column: pl.Series) -> pl.Series:
    """A column as members of JSON objects under a name; text is escaped once for each distinct value."""
    if column.dtype != pl.String:
        return (f'"{name}":' + column.cast(pl.String)).fill_null(f'"{name}":null')
    if column.name == "Crime ID":
        # Hexadecimal, and no two alike: nothing to escape, and nothing to gain.
        return (f'"{name}":"' + column + '"').fill_null(f'"{name}":null')
    values = column.drop_nulls().unique()
    escaped = (
        values.str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all('"', '\\"', literal=True)
        .str.replace_all(r"[\x00-\x1f]", " ")
    )
    told = f'"{name}":"' + escaped + '"'
    return column.replace_strict(values, told, return_dtype=pl.String).fill_null(f'"{name}":null')
