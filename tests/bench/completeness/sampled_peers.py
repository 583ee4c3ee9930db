"""Peers that take hours on the whole grid, on a sample of series: `python -m tests.bench.completeness.sampled_peers`.

R `surveillance` farringtonFlexible turned round and statsforecast AutoETS are given the force totals and a sample
of force-by-type series of the real cube; the judge's expectation is scored on the same series, months and losses.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from scipy import stats

from tests.bench.completeness.replay import clean, load
from tests.bench.completeness.scoring import rate
from transforms.completeness import evidence
from transforms.completeness.expectation import follow

Score = Callable[[np.ndarray], np.ndarray]

FARRINGTON, ETS = "farringtonFlexible turned round", "AutoETS"
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
    began = time.process_time()
    for i, y in enumerate(series):
        for column, t in enumerate(MONTHS):
            made = AutoETS(season_length=12 if t >= 24 else 1).forecast(y[:t].astype(float), 1, level=[68.27])
            mean[i, column] = made["mean"][0]
            sd[i, column] = (made["hi-68.27"][0] - made["lo-68.27"][0]) / 2
    return mean, sd, (time.process_time() - began) / (len(series) * len(MONTHS))


def turned(y: np.ndarray, mean: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """The lower tail of farringtonFlexible's fit: the method itself raises alarms upwards only."""
    size = mean / np.maximum(phi - 1, 1e-3)
    return np.asarray(-stats.nbinom.logcdf(y, size, size / (size + mean)))


def below(y: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Standard deviations below the forecast."""
    return np.asarray((mean - y) / np.maximum(sd, 0.5))


def missing_peers() -> dict[str, str]:
    """The methods that are not installed, and how to have them."""
    absent = {}
    library = "if (!requireNamespace('surveillance', quietly = TRUE)) quit(status = 1)"
    if shutil.which("Rscript") is None or subprocess.run(["Rscript", "-e", library]).returncode:
        absent[FARRINGTON] = "it needs R with surveillance (Debian's r-cran-surveillance)."
    if importlib.util.find_spec("statsforecast") is None:
        absent[ETS] = "it needs statsforecast (uv sync --group peers)."
    return absent


def main() -> None:
    """Prints recall by loss for each method at the same budget."""
    absent = missing_peers()
    for name, how in absent.items():
        print(f"{name} is not run: {how}")
    cube = load("national")
    counts = cube.by_force()
    began = time.process_time()
    track = follow(counts, np.diff(cube.first_area).astype(float), np.ones(counts.shape[:2], dtype=bool))
    our_seconds = (time.process_time() - began) / track.mean.size
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
        good = np.array([[clean(cube, f, t) for t in MONTHS] for f, _ in nodes])

        methods: dict[str, tuple[Score, float]] = {
            "judge": (partial(evidence.bayes_factor, mean=ours_mean, phi=ours_phi), our_seconds)
        }
        if FARRINGTON not in absent:
            mean, phi, seconds = farrington(y)
            methods[FARRINGTON] = (partial(turned, mean=mean, phi=phi), seconds)
        if ETS not in absent:
            mean, sd, seconds = auto_ets(y)
            methods[ETS] = (partial(below, mean=mean, sd=sd), seconds)
        now = y[:, MONTHS]
        thinned = {share: rng.binomial(now.astype(int), share).astype(float) for share in losses[level]}
        print(f"\n| {level}: {len(nodes)} series, {int(good.sum())} clean series-months ", end="")
        print("".join(f"| {supplied:.0%} supplied " for supplied in losses[level]) + "| seconds a million |")
        print("| --- |" + " --- |" * (len(losses[level]) + 1))
        for name, (score, seconds) in methods.items():
            quiet = np.nan_to_num(score(now), nan=-np.inf)
            ranked = np.sort(quiet[good])[::-1]
            threshold = ranked[int(BUDGET * good.sum())]
            found = []
            for supplied in losses[level]:
                hit = np.nan_to_num(score(thinned[supplied]), nan=-np.inf)[good] > threshold
                found.append(rate(int(hit.sum()), int(good.sum())))
            print(f"| {name} | {' | '.join(found)} | {1e6 * seconds:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
