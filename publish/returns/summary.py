"""A summary of the return for a reader in a hurry: headline figures, their caveats, and charts with their tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import plotly.graph_objects as go
import plotly.io
import polars as pl
from jinja2 import Environment, StrictUndefined
from plotly.offline import get_plotlyjs

from publish.returns.errors import ReturnError
from publish.returns.tables import Release, Table, legend, printed, written
from transforms.contracts.status import SHORTHAND_MEANING

#: The row that the headlines are about.
WHOLE: Final = "England and Wales"
#: Columns that hold others, in whose parts the chart by offence is drawn.
_PARTS_OF_OTHERS: Final = ("total", "homicide", "burglary")

_INK, _BAR, _QUIET, _FONT = "#15242b", "#0e5563", "#51616a", "Arial, Helvetica, sans-serif"


@dataclass(frozen=True)
class Chart:
    """One chart and the table of the same figures."""

    key: str
    title: str
    said: str
    figure: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    height: int


def write_summary(release: Release) -> dict[str, bytes]:
    """The summary as one page of HTML that prints on A4, and the chart library that it loads from beside it.

    Every number and caveat is read from the tables of the release. Raises ReturnError when the release has
    no table for a year.
    """
    year = _table(release, "year")
    comparison = _table(release, "comparison")
    rate = _table(release, "rate")
    if year is None or rate is None:
        raise ReturnError(
            release.name, "there is no table for the year.", "Build the tables of the return first."
        )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(
        files("publish.returns").joinpath("templates", "summary.html").read_text(encoding="utf-8")
    )
    page = template.render(
        release=release,
        headlines=_headlines(release, year, comparison, rate),
        coverage=year.statements[0],
        gaps=_gaps(release, year),
        charts=[_by_offence(release, year), _by_force(release, rate)],
        legends=sorted({legend(table) for table in (year, rate)}),
        notes=[(number, release.notes[key]) for key, number in release.note_numbers.items()],
        files=[f"{release.name}.{form}" for form in ("ods", "xlsx", "csv")],
    )
    return {f"{release.name}.html": page.encode(), "plotly.min.js": get_plotlyjs().encode()}


def _table(release: Release, kind: str) -> Table | None:
    """The first table of a kind: by offence group where forces supply offence codes."""
    return next((table for table in release.tables if table.name.endswith(f"_{kind}")), None)


def _headlines(
    release: Release, year: Table, comparison: Table | None, rate: Table
) -> list[tuple[str, str, str]]:
    """Each headline as what it is about, the figure and a sentence."""
    unit = year.columns[0].unit or ""
    name, number = _shown(release, year, "total")
    about = [(year.period, number, f"{unit} recorded by the police in {name}.")]
    if comparison is not None:
        name, change = _shown(release, comparison, "change")
        meaning = f"change in {name} on the year before, on one basis in both years."
        about.append(("change", _percentage(change), meaning))
    name, per = _shown(release, rate, "total")
    about.append(("rate", per, f"{unit} per 1,000 residents of {name}."))
    quarter = _table(release, "quarter")
    if quarter is not None:
        name, number = _shown(release, quarter, "total")
        about.append((quarter.period, number, f"{unit} recorded in the quarter in {name}."))
    return [(label[0].upper() + label[1:], figure, sentence) for label, figure, sentence in about]


def _percentage(change: str) -> str:
    """A change as a reader says it: `+1.4% [e]`, `0.0%`, or the shorthand in its place."""
    if change.startswith("["):
        return change
    number, _, marks = change.partition(" ")
    sign = "+" if float(number.replace(",", "")) > 0 else ""
    return f"{sign}{number}% {marks}".strip()


def _shown(release: Release, table: Table, column: str) -> tuple[str, str]:
    """The name of the country's row, with what it leaves out, and one figure of it as text."""
    row = _text(release, table).filter(pl.col("area_name").str.starts_with(WHOLE)).row(0, named=True)
    cell = (pl.col("row") == 0) & (pl.col("column") == column)
    marks = table.figures.filter(cell)["marks"][0]
    return str(row["area_name"]), f"{row[column]} {marks}".strip()


def _text(release: Release, table: Table) -> pl.DataFrame:
    """A table as printed, every figure as text."""
    return printed(release, table).with_columns(
        pl.when(pl.col(column.key).struct.field("number").is_null())
        .then(pl.col(column.key).struct.field("text"))
        .otherwise(written(pl.col(column.key).struct.field("number"), column.decimals, ","))
        .alias(column.key)
        for column in table.columns
    )


def _gaps(release: Release, year: Table) -> list[str]:
    """The notes on forces with a gap or a partial figure in the year, in order of the table."""
    keys = dict.fromkeys(key for row in year.rows.sort("row")["notes"].to_list() for key in row)
    return [release.notes[key] for key in keys]


def _by_offence(release: Release, year: Table) -> Chart:
    """What was recorded, by the columns of the year's table that hold no other."""
    groups = [
        column for column in year.columns if column.key not in _PARTS_OF_OTHERS and "group" in column.meaning
    ]
    columns = [c for c in groups if "subgroup" not in c.meaning] or [
        c for c in year.columns if c.key != "total"
    ]
    row = printed(release, year).filter(pl.col("area_name").str.starts_with(WHOLE)).row(0, named=True)
    text = _text(release, year).filter(pl.col("area_name").str.starts_with(WHOLE)).row(0, named=True)
    ordered = sorted(columns, key=lambda column: -(row[column.key]["number"] or 0))
    names = [column.heading for column in ordered]
    values = [row[column.key]["number"] for column in ordered]
    shown = [str(text[column.key]) for column in ordered]
    title = f"Recorded most often: {row['area_name']}, {year.period}"
    return _chart(
        "by_offence", title, names, values, shown, ("Offence", (year.columns[0].unit or "").capitalize())
    )


def _by_force(release: Release, rate: Table) -> Chart:
    """Rates by police force area, highest first, with those that are not available last."""
    total = rate.columns[0].key
    text = _text(release, rate)
    both = (
        rate.rows.select("row", "level")
        .sort("row")
        .with_columns(
            name=text["area_name"],
            shown=text[total],
            value=printed(release, rate)[total].struct.field("number"),
        )
        .filter(pl.col("level") == "police force area")
        .sort("value", "name", descending=[True, False], nulls_last=True)
    )
    title = f"Crime per 1,000 residents by police force area, {rate.period}"
    names, values, shown = (both[name].to_list() for name in ("name", "value", "shown"))
    return _chart(
        "by_force",
        title,
        names,
        values,
        shown,
        ("Police force area", (rate.columns[0].unit or "").capitalize()),
    )


def _chart(
    key: str,
    title: str,
    names: list[str],
    values: list[float | None],
    shown: list[str],
    headings: tuple[str, str],
) -> Chart:
    """Horizontal bars. A figure that is not there has no bar and says why in its place."""
    meanings = {mark: meaning.split(":")[0] for mark, meaning in SHORTHAND_MEANING.items()}
    labels = [f"{text} {meanings[text]}" if text in meanings else text for text in shown]
    bars = go.Bar(
        x=[value if value is not None else 0 for value in values],
        y=names,
        orientation="h",
        text=labels,
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        marker={"color": _BAR},
        textfont={"color": _INK},
    )
    height = 26 * len(names) + 20
    figure = go.Figure(
        bars,
        layout={
            "height": height,
            "margin": {"l": 10, "r": 90, "t": 0, "b": 0},
            "font": {"family": _FONT, "size": 13, "color": _INK},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": {"visible": False, "fixedrange": True},
            "yaxis": {
                "autorange": "reversed",
                "automargin": True,
                "fixedrange": True,
                "ticklabelstandoff": 8,
            },
            "template": "none",
        },
    )
    there = [
        (name, text) for name, value, text in zip(names, values, shown, strict=True) if value is not None
    ]
    said = f"Highest: {there[0][0]}, {there[0][1]}. Lowest: {there[-1][0]}, {there[-1][1]}." if there else ""
    absent = [name for name, value in zip(names, values, strict=True) if value is None]
    if absent:
        said += f" No figure: {', '.join(absent)}."
    rows = tuple(zip(names, shown, strict=True))
    return Chart(key, title, said.strip(), _json(figure), headings, rows, height)


def _json(figure: go.Figure) -> str:
    """The figure for a script element: no tag can end it early."""
    content: dict[str, Any] = json.loads(plotly.io.to_json(figure, validate=True))
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
