"""Predicted tail probabilities of clean months against how often they came, and the mean evidence against them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from transforms.completeness import evidence
from transforms.completeness.cube import Cube
from transforms.completeness.expectation import Track
from transforms.completeness.local import LocalMonth

LEVELS = ("force", "category", "area")
SHARES = (0.1, 0.05, 0.01, 0.001, 0.0001)


@dataclass
class Calibration:
    """Lower tail probabilities and Bayes factors of clean nodes, by level."""

    tails: dict[str, list[float]] = field(default_factory=lambda: {level: [] for level in LEVELS})
    factors: dict[str, list[float]] = field(default_factory=lambda: {level: [] for level in LEVELS})

    def add(self, cube: Cube, track: Track, month: LocalMonth, t: int, good: list[int]) -> None:
        """Takes in the clean forces of one month."""
        y, mean, phi = track.counts[t, good], track.mean[t, good], track.phi[t, good]
        self.tails["force"].extend(evidence.lower_tail(y[:, -1], mean[:, -1], phi[:, -1]))
        self.tails["category"].extend(evidence.lower_tail(y[:, :-1], mean[:, :-1], phi[:, :-1]).ravel())
        self.factors["force"].extend(10 ** track.down[t, good, -1])
        self.factors["category"].extend((10 ** track.down[t, good, :-1]).ravel())
        here = np.isin(cube.force_of_area, good) & ~month.new & (month.area_mean >= 5)
        at = month.area_y[here], month.area_mean[here], month.phi_area[here]
        self.tails["area"].extend(evidence.lower_tail(*at))
        self.factors["area"].extend(10 ** evidence.place_factor(*at))

    def factor(self, level: str) -> float:
        """Mean Bayes factor: at most one where the evidence may be multiplied."""
        return float(np.mean(self.factors[level]))

    def print(self) -> None:
        """Prints both as a table."""
        print(
            f"\n| clean nodes, share with p below | {' | '.join(f'{x:g}' for x in SHARES)} | mean Bayes factor |"
        )
        print("| --- |" + " --- |" * (len(SHARES) + 1))
        for level, values in self.tails.items():
            p = np.asarray(values)
            shares = " | ".join(f"{np.mean(p < x):.2g}" for x in SHARES)
            print(f"| {level} ({len(p):,}) | {shares} | {self.factor(level):.3f} |")

    def plot(self) -> str:
        """Observed share of clean nodes below each predicted tail probability, both on log scales, as SVG."""
        left, top, size, decades = 70, 30, 360, 4
        colours = {"force": "#1d70b8", "category": "#d4351c", "area": "#00703c"}

        def at(p: float, share: float) -> tuple[float, float]:
            x = left + size * (1 + np.log10(max(p, 10.0**-decades)) / decades)
            return float(x), float(top + size * -np.log10(max(share, 10.0**-decades)) / decades)

        grid = []
        for power in range(decades + 1):
            label = f"{10.0**-power:g}"
            (x, _), (_, y) = at(10.0**-power, 1.0), at(1.0, 10.0**-power)
            grid.append(f'<path d="M{x:.0f},{top}V{top + size}M{left},{y:.0f}H{left + size}" stroke="#ccc"/>')
            grid.append(f'<text x="{x:.0f}" y="{top + size + 18}" text-anchor="middle">{label}</text>')
            grid.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{label}</text>')
        lines = [f'<path d="M{left},{top + size}L{left + size},{top}" stroke="#000" stroke-dasharray="4 4"/>']
        for row, (level, values) in enumerate(self.tails.items()):
            p = np.asarray(values)
            steps = [10.0**-e for e in np.arange(0, decades + 0.01, 0.25) if len(p) * 10.0**-e >= 1]
            points = " ".join("{:.1f},{:.1f}".format(*at(x, float(np.mean(p < x)))) for x in steps)
            lines.append(
                f'<polyline points="{points}" fill="none" stroke="{colours[level]}" stroke-width="2"/>'
            )
            name = f"{level} ({len(p):,})"
            lines.append(
                f'<text x="{left + 12}" y="{top + 20 + 18 * row}" fill="{colours[level]}">{name}</text>'
            )
        title = "predicted probability of a count this low"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + size + 30} {top + size + 50}" '
            'font-family="sans-serif" font-size="13" fill="none"><g fill="#0b0c0c">'
            + f'<rect width="{left + size + 30}" height="{top + size + 50}" fill="#fff"/>'
            + f'<text x="{left}" y="18">share of clean force-months, types and areas observed below it</text>'
            + f'<text x="{left + size / 2:.0f}" y="{top + size + 40}" text-anchor="middle">{title}</text>'
            + "".join(grid + lines)
            + "</g></svg>\n"
        )
