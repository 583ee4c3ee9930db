"""What the page on revisions tells: what changed by force and cause, and the triangle as a picture and a table."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
from markupsafe import Markup

from geography.areas import Country
from publish.returns.revision_tables import Revised
from publish.site.words import number
from transforms.aggregation import net_of, rows_by
from transforms.revisions import MEANING, common_total

#: Size of the picture in its own units, and the room around the lines for words.
WIDTH: Final = 640
HEIGHT: Final = 240
#: Room that a line's name takes, above and below.
LABEL: Final = 14
LEFT: Final = 64
RIGHT: Final = 76
TOP: Final = 16
BOTTOM: Final = 44


def revision_page(revised: Revised | None, country: Country) -> dict[str, Any]:
    """The context of the page; a first release has nothing to compare with and says so."""
    if revised is None:
        return {"compared_with": None}
    names = dict(country.forces.select("force", "name").iter_rows())
    totals = common_total(revised.corner)
    quarters = totals.get_column("quarter").unique().sort().to_list()
    counts = {(row["release"], row["quarter"]): row["count"] for row in totals.iter_rows(named=True)}
    left_out = dict(totals.select("quarter", "without").unique().iter_rows())
    return {
        "compared_with": revised.compared_with,
        "changes": _by_cause(revised.changes, names),
        "notes": [(names[force], text) for force, text in revised.notes],
        "meanings": [(why, MEANING[why]) for why in revised.changes.get_column("why").unique().sort()],
        "releases": revised.vintages,
        "triangle": [
            (
                quarter,
                [_written(counts.get((release, quarter))) for release in revised.vintages],
                ", ".join(names[force] for force in left_out[quarter].split(", ") if force),
            )
            for quarter in quarters
        ],
        "picture": _picture(counts, quarters, list(revised.vintages)),
    }  # fmt: skip


def _written(count: int | None) -> str | None:
    return None if count is None else number(count)


def _by_cause(
    changes: pl.DataFrame, names: dict[str, str]
) -> list[tuple[str, str | None, str, int, int | None]]:
    """Each force, period and cause with how many figures it changed and by how many offences in all."""
    key = ["force", "quarter", "why"]
    figures = rows_by(changes.lazy(), key).collect()
    net = net_of(changes.filter(pl.col("change").is_not_null()), key, "change")
    told = figures.join(net, on=key, how="left", nulls_equal=True).sort(key, nulls_last=True)
    return [
        (names[row["force"]], row["quarter"], row["why"], row["rows"], row["change"])
        for row in told.iter_rows(named=True)
    ]


def _picture(
    counts: dict[tuple[str, str], int | None], quarters: list[str], releases: list[str]
) -> Markup | None:
    """A line for each quarter: how far each release's total lies from the first that held it, in per cent."""
    lines = {}
    for quarter in quarters:
        held = [
            (at, counts[release, quarter])
            for at, release in enumerate(releases)
            if counts.get((release, quarter))
        ]
        if len(held) > 1:
            first = float(held[0][1] or 0)
            lines[quarter] = [(at, 100 * (float(count or 0) - first) / first) for at, count in held]
    if not lines:
        return None
    heights = [share for line in lines.values() for _, share in line]
    low, high = min(0.0, *heights), max(0.0, *heights)
    span = (high - low) or 1.0
    step = (WIDTH - LEFT - RIGHT) / max(1, len(releases) - 1)
    height = max(HEIGHT, TOP + BOTTOM + LABEL * len(lines))

    def x(at: int) -> float:
        return round(LEFT + at * step, 1)

    def y(share: float) -> float:
        return round(TOP + (high - share) / span * (height - TOP - BOTTOM), 1)

    parts = [
        f'<svg class="triangle" role="img" viewBox="0 0 {WIDTH} {height}" width="100%" '
        'aria-label="Change of each quarter’s total since it was first published, by release">',
        *(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(share)}" y2="{y(share)}" stroke="currentColor" '
            f'stroke-opacity="0.25"/><text x="{LEFT - 8}" y="{y(share) + 4}" text-anchor="end" font-size="12" '
            f'fill="currentColor">{_share(share)}</text>'
            for share in sorted({low, 0.0, high})
        ),
        *(
            f'<text y="{height - 24}" text-anchor="{_anchor(at, len(releases))}" font-size="12" fill="currentColor">'
            + "".join(
                f'<tspan x="{x(at)}" dy="{14 * row}">{Markup.escape(part)}</tspan>'
                for row, part in enumerate(release.split("/"))
            )
            + "</text>"
            for at, release in enumerate(releases)
        ),
    ]
    names = _apart({quarter: y(line[-1][1]) for quarter, line in lines.items()}, float(height - BOTTOM))
    for age, (quarter, line) in enumerate(reversed(lines.items())):
        # The latest quarter is drawn strongest: it is the one that still moves.
        strength = max(0.3, 1 - 0.1 * age)
        points = " ".join(f"{x(at)},{y(share)}" for at, share in line)
        at, share = line[-1]
        parts += [
            f'<g opacity="{strength:.1f}"><polyline points="{points}" fill="none" stroke="currentColor" '
            'stroke-width="2"/>',
            *(f'<circle cx="{x(at)}" cy="{y(share)}" r="3" fill="currentColor"/>' for at, share in line),
            f'<line x1="{x(at) + 4}" y1="{y(share)}" x2="{x(at) + 16}" y2="{names[quarter]}" '
            'stroke="currentColor" stroke-opacity="0.5"/></g>',
            f'<text x="{x(at) + 18}" y="{names[quarter] + 4}" font-size="12" fill="currentColor">{quarter}</text>',
        ]
    return Markup("".join([*parts, "</svg>"]))


def _apart(places: dict[str, float], lowest: float) -> dict[str, float]:
    """Where each name stands so that none lies on another: as near to its place as the names above it allow."""
    found: dict[str, float] = {}
    above = float(TOP - LABEL)
    for left, (name, place) in zip(
        range(len(places), 0, -1), sorted(places.items(), key=lambda item: item[1]), strict=True
    ):
        # Room is kept for those below.
        above = max(above + LABEL, min(place, lowest - LABEL * (left - 1)))
        found[name] = round(above, 1)
    return found


def _share(share: float) -> str:
    return f"{share:+.1f}%".replace("-", "−") if share else "0%"


def _anchor(at: int, size: int) -> str:
    return "start" if at == 0 else "end" if at == size - 1 else "middle"
