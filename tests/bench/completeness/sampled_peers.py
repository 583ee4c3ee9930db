"""Peers that take hours on the whole grid, on a sample of series: `python tests/bench/completeness/sampled_peers.py`.

R `surveillance` farringtonFlexible turned round and statsforecast AutoETS are given the force totals and a sample
of force-by-type series of the real cube; the judge's expectation is scored on the same series, months and losses.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import run

from transforms.completeness import evidence
from transforms.completeness.expectation import follow

MONTHS = (16, 18, 20, 22, 24)
TYPES_SAMPLED = 60
BUDGET = (
    0.02  # false alerts a force-month at each of two levels: the same share of 0.1 as in the whole benchmark
)


def farrington(series: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean and dispersion `[series, month]` and seconds a series-month; nan where the method fails."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        number, length = series.shape
        pl.DataFrame(
            {
                "series": np.repeat(np.arange(number), length),
                "t": np.tile(np.arange(1, length + 1), number),
                "y": series.ravel(),
            }
        ).write_csv(place / "in.csv")
        pl.DataFrame({"t": [t + 1 for t in MONTHS]}).write_csv(place / "months.csv")
        script = Path(__file__).with_name("farrington.R")
        subprocess.run(
            [
                "Rscript",
                str(script),
                str(place / "in.csv"),
                str(place / "months.csv"),
                str(place / "out.csv"),
            ],
            check=True,
        )
        out = pl.read_csv(place / "out.csv", null_values=["NA"])
    mean, phi = np.full((number, len(MONTHS)), np.nan), np.full((number, len(MONTHS)), np.nan)
    wanted = out.filter(pl.col("t").is_in([t + 1 for t in MONTHS]))
    for i, t, mu, dispersion in wanted.select("series", "t", "mu", "phi").iter_rows():
        column = MONTHS.index(t - 1)
        mean[i, column] = mu if mu is not None else np.nan
        phi[i, column] = dispersion if dispersion is not None else np.nan
    return mean, phi, float(out["seconds"].mean())  # type: ignore[arg-type]


def auto_ets(series: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """One-step mean and standard deviation `[series, month]` and seconds a series-month."""
    from statsforecast.models import AutoETS

    mean, sd = np.zeros((len(series), len(MONTHS))), np.zeros((len(series), len(MONTHS)))
    began = time.perf_counter()
    for i, y in enumerate(series):
        for column, t in enumerate(MONTHS):
            made = AutoETS(season_length=12 if t >= 24 else 1).forecast(y[:t].astype(float), 1, level=[68.27])
            mean[i, column] = made["mean"][0]
            sd[i, column] = (made["hi-68.27"][0] - made["lo-68.27"][0]) / 2
    return mean, sd, (time.perf_counter() - began) / (len(series) * len(MONTHS))


def main() -> None:
    """Prints recall by loss for each method at the same budget."""
    cube = run.load("national")
    counts = cube.by_force()
    track = follow(counts, np.diff(cube.first_area).astype(float), np.ones(counts.shape[:2], dtype=bool))
    forces = [f for f, name in enumerate(cube.forces) if name != "Greater Manchester"]
    rng = np.random.default_rng(1)
    types = [(f, c) for f in forces for c in range(counts.shape[2]) if counts[:, f, c].mean() >= 30]
    types = [types[i] for i in rng.choice(len(types), TYPES_SAMPLED, replace=False)]
    levels = {"force": [(f, counts.shape[2]) for f in forces], "type": types}
    losses = {"force": (0.0, 0.3, 0.5, 0.7, 0.85), "type": (0.0, 0.3, 0.5, 0.7)}
    for level, nodes in levels.items():
        at = np.array(nodes)
        y = track.counts[:, at[:, 0], at[:, 1]].T
        ours_mean = track.mean[np.ix_(MONTHS)][:, at[:, 0], at[:, 1]].T
        ours_phi = track.phi[np.ix_(MONTHS)][:, at[:, 0], at[:, 1]].T
        far_mean, far_phi, far_seconds = farrington(y)
        ets_mean, ets_sd, ets_seconds = auto_ets(y)
        good = np.array([[run.clean(cube, f, t) for t in MONTHS] for f, _ in nodes])

        def ours(now: np.ndarray, mean: np.ndarray = ours_mean, phi: np.ndarray = ours_phi) -> np.ndarray:
            return np.asarray(evidence.bayes_factor(now, mean, phi))

        def turned(now: np.ndarray, mean: np.ndarray = far_mean, phi: np.ndarray = far_phi) -> np.ndarray:
            size = mean / np.maximum(phi - 1, 1e-3)
            return np.asarray(-stats.nbinom.logcdf(now, size, size / (size + mean)))

        def ets(now: np.ndarray, mean: np.ndarray = ets_mean, sd: np.ndarray = ets_sd) -> np.ndarray:
            return np.asarray((mean - now) / np.maximum(sd, 0.5))

        now = y[:, MONTHS]
        methods = {
            "judge": (ours, 0.0),
            "farringtonFlexible turned": (turned, far_seconds),
            "AutoETS": (ets, ets_seconds),
        }
        print(f"{level}: {len(nodes)} series, {int(good.sum())} clean series-months")
        for name, (score, seconds) in methods.items():
            quiet = np.nan_to_num(score(now), nan=-np.inf)
            ranked = np.sort(quiet[good])[::-1]
            threshold = ranked[int(BUDGET * good.sum())]
            found = []
            for supplied in losses[level]:
                thin = rng.binomial(now.astype(int), supplied).astype(float)
                hit = np.nan_to_num(score(thin), nan=-np.inf)[good] > threshold
                low, high = run.wilson(int(hit.sum()), int(good.sum()))
                found.append(f"{supplied:.0%} supplied {hit.mean():.2f} ({low:.2f} to {high:.2f})")
            cost = f"  {1e6 * seconds:,.0f} s a million" if seconds else ""
            print(f"  {name:<28} " + "  ".join(found) + cost)


if __name__ == "__main__":
    main()
