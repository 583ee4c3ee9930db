"""Writes a release for machines: CSV with the status in its own column, Parquet, and metadata for both.

CSVW, the data package and the catalogue entry are all derived from the one declaration of columns here.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from typing import Any, Final

import polars as pl

from publish.returns.tables import Column, Release, Table, clean, shorthand_of, written
from transforms.contracts.status import SHORTHAND_MEANING, Status, allows_number

#: The columns of the data file: one row for each published figure.
DATA_COLUMNS: Final = (
    Column("table", "Table", "Worksheet that prints the figure"),
    Column("classification", "Classification", "offence_group or crime_type: what `category` is a class of"),
    Column("period", "Period", "Period the figure is for, or the two that it compares"),
    Column("measure", "Measure", "count, percentage change, comparison (of two counts) or rate"),
    Column(
        "area", "Area", "Force by its police.uk slug, or another area by its name: the same in every release"
    ),
    Column("area_code", "Area code", "GSS code of the area; empty where it has none"),
    Column("area_name", "Area name", "Name of the area, with what a total leaves out"),
    Column("area_level", "Area level", "country, region, police force area or national force"),
    Column("category", "Offence group or crime type", "Heading of the column that prints the figure"),
    Column("unit", "Unit", "What the figure counts, or what it is for each of"),
    Column(
        "value", "Value", "The figure; empty unless the status allows a number", unit="see unit", decimals=1
    ),
    Column(
        "status", "Status", "Whether the value may be read as a number, and if not why: " + ", ".join(Status)
    ),
    Column(
        "marks",
        "Marks",
        "Marks on the figure, such as [p] or [r], and the shorthand printed instead of a number",
    ),
    Column("notes", "Notes", "Numbers of the notes on the area's figures, whose text the metadata gives"),
)
#: The measure of a table that lists what changed.
REVISION: Final = "revision"
DATA_KEY: Final = ("table", "area", "category")


def data_tables(release: Release) -> list[Table]:
    """The tables whose figures are data: all but the list of revisions."""
    return [table for table in release.tables if table.measure != REVISION]


def data(release: Release) -> pl.DataFrame:
    """Every figure of a release, one row each, in printed order: `DATA_COLUMNS`, `value` as a number."""
    return pl.concat([_of_table(release, table) for table in data_tables(release)])


def write_machine_readable(release: Release) -> dict[str, bytes]:
    """The files for machines, by name: CSV, its CSVW metadata, Parquet, a data package and a catalogue entry."""
    figures = data(release)
    csv = figures.with_columns(value=_as_printed(release)).write_csv(null_value="").encode()
    parquet = io.BytesIO()
    figures.write_parquet(parquet, compression="zstd", metadata={"title": release.title})
    files = {f"{release.name}.csv": csv, f"{release.name}.parquet": parquet.getvalue()}
    files[f"{release.name}.csv-metadata.json"] = _json(_csvw(release))
    files[f"{release.name}.datapackage.json"] = _json(_data_package(release, files))
    files[f"{release.name}.jsonld"] = _json(_catalogue_entry(release, files))
    return files


def _of_table(release: Release, table: Table) -> pl.DataFrame:
    columns = pl.DataFrame(
        [(column.key, place, column.heading, column.unit) for place, column in enumerate(table.columns)],
        schema=["column", "place", "category", "unit"],
        orient="row",
    )
    numbers = pl.col("notes").list.eval(
        pl.element().replace_strict(release.note_numbers, return_dtype=pl.Int64)
    )
    return (
        table.figures.join(table.rows, on="row")
        .join(columns, on="column")
        .sort("row", "place")
        .select(
            table=pl.lit(table.sheet),
            classification=pl.lit(table.name.rsplit("_", 1)[0]),
            period=pl.lit(table.period),
            measure=pl.lit(table.measure),
            area="area",
            area_code=pl.when(~pl.col("area_code").str.starts_with("[")).then("area_code"),
            area_name=clean(pl.col("area_name")),
            area_level="level",
            category="category",
            unit="unit",
            value=pl.when(allows_number()).then("value"),
            status=pl.col("status").cast(pl.String),
            # A workbook says it once, in the title above the figures.
            marks=pl.when(allows_number()).then(pl.lit(_in_title(table))).otherwise(pl.lit(""))
            + pl.col("marks")
            + shorthand_of(pl.col("status")),
            notes=numbers.list.sort().cast(pl.List(pl.String)).list.join(" "),
        )
    )


def _in_title(table: Table) -> str:
    """The marks in a table's title, which hold for each of its figures."""
    return "".join(re.findall(r"\[[a-z]+\]", table.title))


def _as_printed(release: Release) -> pl.Series:
    """The values of `data` as text, each with the decimals of its column."""
    tables = []
    for table in data_tables(release):
        decimals = {column.key: column.decimals for column in table.columns}
        order = {column.key: place for place, column in enumerate(table.columns)}
        places = pl.col("column").replace_strict(decimals, return_dtype=pl.Int64)
        whole = pl.when(places == 0).then(written(pl.col("value"), 0)).otherwise(written(pl.col("value"), 1))
        in_order = table.figures.sort("row", pl.col("column").replace_strict(order))
        tables.append(in_order.select(pl.when(allows_number()).then(whole)).to_series())
    return pl.concat(tables)


def _csvw(release: Release) -> dict[str, Any]:
    """CSV on the Web metadata (W3C Recommendation, 2015)."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en-GB"}],
        "url": f"{release.name}.csv",
        "dc:title": release.title,
        "dc:description": " ".join(release.cover),
        "dc:language": "en-GB",
        "tableSchema": {
            "columns": [
                {
                    "name": column.key,
                    "titles": column.key,
                    "dc:title": column.heading,
                    "dc:description": column.meaning,
                    "datatype": "string" if column.unit is None else "decimal",
                    "required": column.key not in {"area_code", "value", "marks", "notes"},
                }
                for column in DATA_COLUMNS
            ],
            "primaryKey": list(DATA_KEY),
        },
        "notes": [
            *({"shorthand": mark, "meaning": meaning} for mark, meaning in SHORTHAND_MEANING.items()),
            *({"note": number, "text": release.notes[key]} for key, number in release.note_numbers.items()),
        ],
    }


def _data_package(release: Release, files: dict[str, bytes]) -> dict[str, Any]:
    """Frictionless data package, version 1."""
    name = f"{release.name}.csv"
    return {
        "profile": "tabular-data-package",
        "name": release.name.lower(),
        "title": release.title,
        "description": " ".join(release.cover),
        "resources": [
            {
                "profile": "tabular-data-resource",
                "name": "figures",
                "path": name,
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "bytes": len(files[name]),
                "hash": f"sha256:{hashlib.sha256(files[name]).hexdigest()}",
                "schema": {
                    "fields": [
                        {
                            "name": column.key,
                            "type": "string" if column.unit is None else "number",
                            "title": column.heading,
                            "description": column.meaning,
                        }
                        for column in DATA_COLUMNS
                    ],
                    "primaryKey": list(DATA_KEY),
                    "missingValues": [""],
                },
            }
        ],
    }


def _catalogue_entry(release: Release, files: dict[str, bytes]) -> dict[str, Any]:
    """One JSON-LD description that both DCAT (version 2) and schema.org readers understand."""
    forms = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
    return {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "schema": "https://schema.org/",
        },
        "@type": ["dcat:Dataset", "schema:Dataset"],
        "dct:title": release.title,
        "schema:name": release.title,
        "dct:description": release.subject,
        "schema:description": " ".join(release.cover),
        "dct:identifier": release.name,
        "schema:inLanguage": "en-GB",
        "schema:variableMeasured": [column.heading for column in DATA_COLUMNS],
        "dcat:distribution": [
            {
                "@type": ["dcat:Distribution", "schema:DataDownload"],
                "dct:title": name,
                "schema:contentUrl": name,
                "dcat:mediaType": forms[name.rsplit(".", 1)[1]],
                "dcat:byteSize": len(content),
            }
            for name, content in files.items()
            if name.rsplit(".", 1)[1] in forms
        ],
    }


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
