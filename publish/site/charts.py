"""The trend of a place: a still picture that needs no script, and the Plotly figure that a script fills."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from itertools import groupby
from typing import Final

import plotly.graph_objects as go
from markupsafe import Markup

from publish.site.figures import Figure
from publish.site.messages import say
from publish.site.words import month, month_run, number, runs

#: Heights in pixels; widths are shares of the page, so that letters keep their size at any width.
TOP: Final = 26
PLOT: Final = 190
HEIGHT: Final = TOP + PLOT + 26
#: A gap of fewer months than this share of the window has its label written upwards.
WIDE_GAP: Final = 0.24
#: Steps that a scale may rise by, times a power of ten.
STEPS: Final = (1, 2, 5)


def trend_words(trend: Sequence[Figure], months: Sequence[date], late: Collection[date] = ()) -> str:
    """What the chart shows, for those who cannot see it."""
    whole = [
        (figure.count, each)
        for figure, each in zip(trend, months, strict=True)
        if figure.count is not None and not figure.is_partial
    ]
    sentences = []
    if whole:
        low, high = min(whole), max(whole)
        sentences.append(
            say(
                "The lowest month was {low_month} ({low}) and the highest {high_month} ({high}).",
                low_month=month(low[1]),
                low=number(low[0]),
                high_month=month(high[1]),
                high=number(high[0]),
            )
        )
    lacking = [each for figure, each in zip(trend, months, strict=True) if figure.count is None]
    if lacking:
        spans = ", ".join(month_run(first, last) for first, last in runs(lacking))
        sentences.append(say("Not known: {spans}.", spans=spans))
    part = [each for figure, each in zip(trend, months, strict=True) if figure.is_partial]
    if part:
        spans = ", ".join(month_run(first, last) for first, last in runs(part))
        sentences.append(say("Supplied in part: {spans}.", spans=spans))
    shown_late = _shown_late(trend, months, late)
    if shown_late:
        spans = ", ".join(month_run(first, last) for first, last in runs(shown_late))
        sentences.append(say("Recorded late: {spans} holds crimes of earlier months.", spans=spans))
    return " ".join(sentences)


def _shown_late(trend: Sequence[Figure], months: Sequence[date], late: Collection[date]) -> list[date]:
    return [each for figure, each in zip(trend, months, strict=True) if figure.is_known and each in late]


def trend_picture(
    trend: Sequence[Figure], months: Sequence[date], title: str, late: Collection[date] = ()
) -> Markup:
    """The trend as SVG. Months without a figure are a hatched, labelled band; the line stops at its edge.

    A month in `late` is labelled: it holds crimes of earlier months, so its height is not that month's own.
    """
    known = [figure.count for figure in trend if figure.count is not None]
    top = _ceiling(max(known, default=0))
    size = len(months)
    parts = [
        f'<svg class="trend" role="img" aria-label="{Markup.escape(title)}" width="100%" height="{HEIGHT}">',
        *(_grid(top) if known else []),
        *_years(months),
        *_bands(trend, size),
        f'<svg x="0" y="{TOP}" width="100%" height="{PLOT}" viewBox="0 0 {size} 100" '
        'preserveAspectRatio="none" overflow="visible">',
        *_line(trend, top),
        "</svg>",
        *_late_labels(trend, months, late, top),
        "</svg>",
    ]
    return Markup("".join(parts))


def _ceiling(highest: int) -> int:
    """The top of the scale: a multiple of its step, at least 4."""
    step = _step(highest)
    return max(-(-highest // step) * step, 4 * step)


def _step(highest: int) -> int:
    power = 1
    while True:
        for step in STEPS:
            if highest <= 5 * step * power:
                return step * power
        power *= 10


def _grid(top: int) -> list[str]:
    step = top // 4 if top % 4 == 0 else _step(top)
    lines = []
    for value in range(0, top + 1, step):
        y = TOP + PLOT * (1 - value / top)
        lines.append(f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="0" y="{y - 4:.1f}">{number(value)}</text>')
    return lines


def _years(months: Sequence[date]) -> list[str]:
    """A tick where each year begins, and its number."""
    size = len(months)
    starts = [index for index, each in enumerate(months) if each.month == 1 or index == 0]
    if len(starts) > 1 and starts[1] - starts[0] < size / 9:
        starts = starts[1:]
    return [
        f'<line class="tick" x1="{100 * index / size:.2f}%" x2="{100 * index / size:.2f}%" '
        f'y1="{TOP + PLOT}" y2="{HEIGHT - 14}"/>'
        f'<text x="{100 * index / size:.2f}%" dx="4" y="{HEIGHT - 8}">{months[index].year}</text>'
        for index in starts
    ]


def _bands(trend: Sequence[Figure], size: int) -> list[str]:
    parts = []
    start = 0
    for known, group in groupby(trend, key=lambda figure: figure.is_known):
        length = len(list(group))
        if not known:
            left, width, middle = 100 * start / size, 100 * length / size, 100 * (start + length / 2) / size
            upright = length / size < WIDE_GAP
            turn = ' transform="rotate(-90)"' if upright else ""
            parts.append(
                f'<rect class="gap" x="{left:.2f}%" width="{width:.2f}%" y="{TOP}" height="{PLOT}"/>'
                f'<svg x="{middle:.2f}%" y="{TOP + PLOT // 2}" overflow="visible">'
                f'<text class="gap-label" dy="4"{turn}>{say("not known")}</text></svg>'
            )
        start += length
    return parts


def _late_labels(
    trend: Sequence[Figure], months: Sequence[date], late: Collection[date], top: int
) -> list[str]:
    parts = []
    for index, (figure, each) in enumerate(zip(trend, months, strict=True)):
        if figure.count is not None and each in late:
            x, y = 100 * (index + 0.5) / len(trend), TOP + PLOT * (1 - figure.count / top)
            anchor, step = ("end", 4) if x > 50 else ("start", -4)
            # Above the plot, so that it never lies over the band of the gap that it follows.
            parts.append(
                f'<line class="late-line" x1="{x:.2f}%" x2="{x:.2f}%" y1="{TOP - 10}" y2="{y - 6:.1f}"/>'
                f'<text class="late" x="{x:.2f}%" dx="{step}" y="{TOP - 14}" text-anchor="{anchor}">'
                f"{say('recorded late')}</text>"
            )
    return parts


def _line(trend: Sequence[Figure], top: int) -> list[str]:
    """Lines through neighbouring whole months; a month supplied in part stands alone, as a ring."""
    place = [
        None if figure.count is None else f"{index + 0.5:g} {100 - 100 * figure.count / top:.2f}"
        for index, figure in enumerate(trend)
    ]
    whole = [
        spot if spot and not figure.is_partial else None for spot, figure in zip(place, trend, strict=True)
    ]
    part = [spot for spot, figure in zip(place, trend, strict=True) if spot and figure.is_partial]
    strokes = [list(group) for solid, group in groupby(whole, key=bool) if solid]
    lines = "".join("M" + "L".join(str(spot) for spot in stroke) for stroke in strokes)
    parts = [f'<path class="line" d="{lines}"/>'] if lines else []
    if dots := "".join(f"M{spot}h0" for spot in whole if spot):
        parts.append(f'<path class="dot" d="{dots}"/>')
    if rings := "".join(f"M{spot}h0" for spot in part):
        parts.append(f'<path class="ring" d="{rings}"/><path class="ring-hole" d="{rings}"/>')
    return parts


def strip_picture(own: float | None, whole: float | None, others: Sequence[float], label: str) -> Markup:
    """Rates on one line: a tick for each similar neighbourhood, a bar for the force, a dot for the place."""
    known = [rate for rate in (own, whole, *others) if rate is not None]
    top = _ceiling(round(max(known, default=0)))

    def at(rate: float) -> str:
        return f"{2 + 96 * rate / top:.2f}%"

    parts = [
        f'<svg class="compare" role="img" aria-label="{Markup.escape(label)}" width="100%" height="64">',
        '<line class="grid" x1="2%" x2="98%" y1="34" y2="34"/>',
        *(f'<line class="other" x1="{at(rate)}" x2="{at(rate)}" y1="26" y2="42"/>' for rate in others),
        f'<text x="2%" y="60">0</text><text x="98%" y="60" text-anchor="end">{number(top)}</text>',
    ]
    if whole is not None:
        parts.append(f'<line class="whole" x1="{at(whole)}" x2="{at(whole)}" y1="20" y2="48"/>')
        anchor = "end" if whole > top / 2 else "start"
        parts.append(f'<text x="{at(whole)}" y="14" text-anchor="{anchor}">{say("the force")}</text>')
    if own is not None:
        parts.append(f'<circle class="own" cx="{at(own)}" cy="34" r="8"/>')
    return Markup("".join([*parts, "</svg>"]))


def trend_figure() -> str:
    """The Plotly figure of a trend as JSON, without data: the page's own table supplies it.

    Lines are broken at gaps (`connectgaps` off); months supplied in part are open markers of their own.
    """
    figure = go.Figure(
        data=[
            go.Scatter(
                name="Crimes",
                mode="lines+markers",
                connectgaps=False,
                hovertemplate="%{x|%B %Y}: %{y:,}<extra></extra>",
            ),
            go.Scatter(
                name="Supplied in part",
                mode="markers",
                marker={"symbol": "circle-open", "size": 10},
                hovertemplate="%{x|%B %Y}: %{y:,}, supplied in part<extra></extra>",
            ),
        ],
        layout=go.Layout(
            template="none",
            separators=".,",
            height=HEIGHT,
            margin={"l": 44, "r": 8, "t": TOP, "b": 34},
            showlegend=False,
            hovermode="x",
            yaxis={"rangemode": "tozero", "tickformat": ",d", "fixedrange": True, "zeroline": True},
            xaxis={"type": "date", "tickformat": "%b\n%Y", "hoverformat": "%B %Y"},
        ),
    )
    return str(figure.to_json())
