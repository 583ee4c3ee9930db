"""The newest month of a force as GeoJSON: its records at their map points."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from publish.feeds.tables import NAMES


def write(lines: pl.DataFrame, path: Path) -> None:
    """Write lines of a street file (`street.published`) as a FeatureCollection (RFC 7946), one to a line.

    A record without a location is a feature without a geometry: it is not left out.
    """
    properties = {
        alias: name
        for name, alias in NAMES.items()
        if alias not in ("force", "longitude", "latitude", "reported_by")
    }
    members = [
        pl.concat_str(
            pl.lit(f'"{alias}":'),
            pl.when(pl.col(name).is_null())
            .then(pl.lit("null"))
            .otherwise(_written(name, lines.schema[name])),
        )
        for alias, name in properties.items()
    ]
    places = pl.concat_str(
        pl.lit('{"type":"Point","coordinates":['),
        pl.col("Longitude").round(6).cast(pl.String), pl.lit(","), pl.col("Latitude").round(6).cast(pl.String),
        pl.lit("]}"),
    )  # fmt: skip
    features = lines.select(
        pl.concat_str(
            pl.lit('{"type":"Feature","geometry":'), places.fill_null("null"),
            pl.lit(',"properties":{'), pl.concat_str(members, separator=","), pl.lit("}}"),
        )
    ).to_series()  # fmt: skip
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type":"FeatureCollection","features":[\n')
        file.write(features.str.join(",\n").item())
        file.write("\n]}\n")


def _written(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype != pl.String:
        return pl.col(name).cast(pl.String)
    escaped = (
        pl.col(name).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    )
    return pl.concat_str(pl.lit('"'), escaped.str.replace_all(r"[\x00-\x1f]", " "), pl.lit('"'))
