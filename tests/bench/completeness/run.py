"""Benchmark of the completeness judge and its peers: `python tests/bench/completeness/run.py --base national`.

Plants faults into clean months of the real cube, judges each month as it would have arrived, and prints recall
at a fixed budget of false alerts, alerts per event, exact localisation, delay, calibration and cost, each
method on the same cells. Needs the open data folder (`FULLCOUNT_OPEN_DATA`, or `../shared/data`).
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import sys
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import peers
from injections import KINDS, Planted

from transforms.completeness import evidence
from transforms.completeness.alerts import goes_on, relocated
from transforms.completeness.cube import Cube, encode
from transforms.completeness.expectation import PARTIAL, follow
from transforms.completeness.local import LocalModel
from transforms.completeness.localise import Incident, localise

FIRST_TESTED = 13
EASE = 2.0
NOT_CLEAN = ("Greater Manchester",)
NOT_CLEAN_MONTHS = {("Nottinghamshire", "2024-09"), ("Derbyshire", "2024-11"), ("Dorset", "2024-07")}


def open_data() -> Path:
    """The open data folder."""
    return Path(
        os.environ.get("FULLCOUNT_OPEN_DATA", Path(__file__).resolve().parents[3].parent / "shared" / "data")
    )


def month_before(month: date) -> date:
    """The month before a month."""
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def areas_table(data: Path) -> pl.DataFrame:
    """Areas of England and Wales, both vintages, with CSP and MSOA (an LSOA's name without its letter)."""
    lookup = pl.read_parquet(data / "geography" / "lsoa11_or_21_to_lad24_csp24_pfa24.parquet")
    names = pl.read_parquet(data / "geography" / "lookup_lsoa11_lsoa21_ltla22.parquet")
    named = pl.concat([names.select(area=f"lsoa{v}_code", name=f"lsoa{v}_name") for v in (11, 21)]).unique(
        "area", keep="last", maintain_order=True
    )
    return lookup.join(named, left_on="lsoa_code", right_on="area", how="left").select(
        area="lsoa_code",
        force="pfa24_name",
        csp="csp24_code",
        msoa=pl.col("name").str.head(-1),
        lad="ltla24_code",
    )


def load(base: str) -> Cube:
    """The national cube, or 25 local authorities (18 of London, 7 of the West Midlands) as if each were a force."""
    data = open_data()
    counts = pl.read_parquet(data / "counts" / "lsoa_month_crimetype_2023-05_2025-06.parquet").rename(
        {"lsoa_code": "area", "crime_type": "category"}
    )
    areas = areas_table(data)
    if base == "25":
        london = sorted(
            areas.filter(pl.col("lad").str.starts_with("E09") & (pl.col("force") != "London, City of"))[
                "lad"
            ].unique()
        )
        midlands = sorted(areas.filter(pl.col("force") == "West Midlands")["lad"].unique())
        areas = areas.filter(pl.col("lad").is_in(london[:18] + midlands)).select("area", "msoa", force="lad")
        counts = counts.filter(pl.col("area").is_in(areas["area"].to_list()))
        return encode(counts, areas, None)
    return encode(counts, areas.drop("lad"), None)


@dataclass
class Replay:
    """The clean history, kept so that each planted month costs only itself and the month before."""

    cube: Cube
    states: dict[int, LocalModel] = field(default_factory=dict)

    def prepare(self) -> None:
        """Follows the clean months once and keeps the model before each tested one."""
        self.sizes = np.diff(self.cube.first_area).astype(float)
        self.owed = np.ones((len(self.cube.months), len(self.cube.forces)), dtype=bool)
        self.track = follow(self.cube.by_force(), self.sizes, self.owed)
        model = LocalModel(self.cube)
        for t in range(len(self.cube.months)):
            if t >= FIRST_TESTED - 1:
                model.cube = None  # type: ignore[assignment]
                self.states[t] = copy.deepcopy(model)
                model.cube = self.cube
            model.learn(t, model.expect(t), self.track.masked[t, :, :-1])

    def judge(self, cube: Cube, t: int) -> tuple[list[Incident], object, object]:
        """Incidents of month `t` of a cube that differs from the clean one in months `t - 1` and `t` only."""
        track = follow(cube.by_force()[: t + 1], self.sizes, self.owed[: t + 1])
        model = copy.deepcopy(self.states[t - 1]) if t - 1 in self.states else copy.deepcopy(self.states[t])
        model.cube = cube
        if t - 1 in self.states:
            model.learn(t - 1, model.expect(t - 1), track.masked[t - 1, :, :-1])
        month = model.expect(t)
        return relocated(t, cube, track, localise(t, cube, track, month, EASE)), track, month


def clean(cube: Cube, force: int, t: int) -> bool:
    """Whether a force-month has no known gap."""
    return (
        cube.forces[force] not in NOT_CLEAN
        and (cube.forces[force], f"{cube.months[t]:%Y-%m}") not in NOT_CLEAN_MONTHS
    )


def scope_mask(cube: Cube, incident: Incident) -> np.ndarray:
    """The cells of its force that an incident covers."""
    here = cube.areas_of(incident.force)
    mask = np.zeros((here.stop - here.start, len(cube.categories)), dtype=bool)
    rows = slice(None) if incident.areas is None else incident.areas - here.start
    if incident.category is None:
        mask[rows] = True
    else:
        mask[rows, incident.category] = True
    return mask


def overlap(planted: Planted, mask: np.ndarray) -> tuple[float, float, float]:
    """Purity, share of the lost records covered, and Jaccard, by records before the fault."""
    mass = planted.before
    inside = mass[mask].sum()
    purity = mass[mask & planted.mask].sum() / inside if inside else 0.0
    covered = planted.lost[mask].sum() / max(planted.lost.sum(), 1e-9)
    union = mass[mask | planted.mask].sum()
    return float(purity), float(covered), float(mass[mask & planted.mask].sum() / union) if union else 0.0


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson 95% interval of a rate."""
    if n == 0:
        return 0.0, 1.0
    z, rate = 1.96, hits / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def explains(planted: Planted, incident: Incident, cube: Cube, track: object, t: int) -> tuple[bool, bool]:
    """Whether an incident finds the fault, and whether its scope (and kind, where it has one) is exact."""
    kind = planted.kind
    if kind == "backlog then spike":
        linked = incident.kind == "surplus" and incident.areas is None and incident.category is None
        return linked and track.state[t - 1, planted.force] == PARTIAL, linked  # type: ignore[attr-defined]
    if kind == "duplicated file":
        return incident.kind in (
            "twice",
            "surplus",
        ) and incident.areas is None and incident.category is None, incident.kind == "twice"
    if kind == "repeated month":
        return incident.kind == "repeat", incident.kind == "repeat"
    if incident.kind in ("surplus", "twice"):
        return False, False
    purity, covered, jaccard = overlap(planted, scope_mask(cube, incident))
    exact = jaccard >= 0.8
    if kind == "location lost":
        exact = exact and incident.kind == "location"
    return purity >= 0.5 and covered >= 0.5, exact


def main() -> None:
    """Runs the benchmark and prints its tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", choices=("national", "25"), default="national")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--events", type=int, default=24, help="events of each kind for each seed")
    parser.add_argument("--peers", action="store_true", help="run the peers on the same cells")
    parser.add_argument("--forest", action="store_true", help="PyOD IForest too (needs the peers group)")
    parser.add_argument("--plot", type=Path, help="draw the calibration as SVG")
    parser.add_argument("--kinds", default="", help="only kinds whose name holds this")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    cube = load(arguments.base)
    replay = Replay(cube)
    replay.prepare()
    months = list(range(FIRST_TESTED, len(cube.months)))
    print(
        f"base {arguments.base}: {len(cube.forces)} forces, {len(cube.areas):,} areas, {len(months)} tested months"
    )

    false_scores, clean_months = [], 0
    by_level: dict[str, int] = {}
    open_alerts: list[Incident] = []
    tails: dict[str, list[float]] = {"force": [], "category": [], "area": []}
    factors: dict[str, list[float]] = {"force": [], "category": [], "area": []}
    cost = []
    for t in months:
        began = time.perf_counter()
        incidents, track, month = replay.judge(cube, t)
        cost.append(time.perf_counter() - began)
        good = [f for f in range(len(cube.forces)) if clean(cube, f, t)]
        clean_months += len(good)
        fresh = [
            i for i in incidents if not any(i.force == old.force and goes_on(old, i) for old in open_alerts)
        ]
        open_alerts = [i for i in incidents if i.score >= 0]
        for incident in fresh:
            if incident.force in good and incident.kind != "surplus":
                false_scores.append(incident.score)
                if incident.score >= 0:
                    place = "one area" if incident.areas is not None and len(incident.areas) == 1 else "areas"
                    scope = incident.level if incident.areas is None else place
                    label = scope if incident.category is None else f"{scope} of a type"
                    by_level[label] = by_level.get(label, 0) + 1
        calibrate(cube, track, month, t, good, tails, factors)
    budget = int(0.1 * clean_months)
    ranked = sorted(false_scores, reverse=True)
    threshold = ranked[budget] if len(ranked) > budget else -EASE
    default = sum(score >= 0 for score in false_scores)
    print(f"clean force-months {clean_months}; score for 0.1 false alerts a force-month: {threshold:.2f}")
    rate = default / clean_months
    print(
        f"new alerts at the default {default}: {rate:.3f} a force-month, {default / len(months):.1f} a month"
    )
    print("alerts on clean months by level:", by_level)
    cells = len(cube.areas) * len(cube.categories)
    print(
        f"seconds for a month with its forces' history: {np.median(cost):.2f} "
        f"({1e6 * np.median(cost) / cells:.2f} per million cells)"
    )
    print_calibration(tails, factors)
    if arguments.plot:
        arguments.plot.write_text(calibration_plot(tails), encoding="utf-8")

    bench = peers.Bench(cube, months, clean, arguments.forest) if arguments.peers else None
    results: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    peer_results: dict[str, dict[str, list[dict[str, float]]]] = {}
    false_injected, untouched = 0, 0
    for seed in arguments.seeds:
        rng = np.random.default_rng(seed)
        plan = [kind for kind in KINDS if arguments.kinds in kind for _ in range(arguments.events)]
        rng.shuffle(plan)
        while plan:
            t = int(rng.choice(months))
            work = copy.copy(cube)
            n = cube.n.copy()
            object.__setattr__(work, "n", n)
            object.__setattr__(work, "no_location", cube.no_location.copy())
            candidates = [f for f in range(len(cube.forces)) if clean(cube, f, t) and clean(cube, f, t - 1)]
            planted: list[Planted] = []
            for force in rng.permutation(candidates)[: max(2, len(cube.forces) // 5)]:
                if not plan:
                    break
                kind = plan.pop()
                made = KINDS[kind](rng, work, t, int(force), kind)
                if made is not None and made.lost.sum() > 0:
                    planted.append(made)
            incidents, track, _ = replay.judge(work, t)
            touched = {p.force for p in planted}
            quiet = [f for f in range(len(cube.forces)) if clean(cube, f, t) and f not in touched]
            untouched += len(quiet)
            false_injected += sum(
                i.force in quiet and i.score >= 0 and i.kind != "surplus" for i in incidents
            )
            for p in planted:
                results[p.kind].append(score_event(p, incidents, cube, track, t, threshold))
            if bench is not None:
                for name, by_kind in bench.score(work, planted, t, overlap).items():
                    for kind, row in by_kind:
                        peer_results.setdefault(name, {}).setdefault(kind, []).append(row)
    report(results, peer_results, false_injected, untouched, arguments, bench)


def score_event(
    p: Planted, incidents: list[Incident], cube: Cube, track: object, t: int, threshold: float
) -> dict[str, float]:
    """Whether a fault was found, at both operating points, by how many alerts and how exactly."""
    own = [i for i in incidents if i.force == p.force]
    at_budget = [explains(p, i, cube, track, t) for i in own if i.score > threshold]
    listed = [i for i in own if i.score >= 0]
    at_default = [explains(p, i, cube, track, t) for i in listed]
    pairs = [i for i in listed if i.partner is not None]
    both = (
        any(i.category == p.category and i.partner == p.partner for i in pairs)
        if p.partner is not None
        else bool(pairs)
    )
    return {
        "budget": any(hit for hit, _ in at_budget), "default": any(hit for hit, _ in at_default),
        "exact": any(hit and exact for hit, exact in at_default), "alerts": len(listed), "both": both,
    }  # fmt: skip


def calibrate(
    cube: Cube, track: object, month: object, t: int, good: list[int], tails: dict, factors: dict
) -> None:
    """Tail probabilities and Bayes factors of clean nodes of one month."""
    y, mean, phi = track.counts[t, good], track.mean[t, good], track.phi[t, good]  # type: ignore[attr-defined]
    tails["force"].extend(evidence.lower_tail(y[:, -1], mean[:, -1], phi[:, -1]))
    tails["category"].extend(evidence.lower_tail(y[:, :-1], mean[:, :-1], phi[:, :-1]).ravel())
    factors["force"].extend(10 ** track.down[t, good, -1])  # type: ignore[attr-defined]
    factors["category"].extend((10 ** track.down[t, good, :-1]).ravel())  # type: ignore[attr-defined]
    here = np.isin(cube.force_of_area, good) & ~month.new  # type: ignore[attr-defined]
    area_y, area_mean = cube.n[t].sum(axis=1)[here].astype(float), month.mean.sum(axis=1)[here].astype(float)  # type: ignore[attr-defined]
    large = area_mean >= 5
    area_phi = month.phi_area[here]  # type: ignore[attr-defined]
    tails["area"].extend(evidence.lower_tail(area_y[large], area_mean[large], area_phi[large]))
    factors["area"].extend(10 ** evidence.place_factor(area_y[large], area_mean[large], area_phi[large]))


def print_calibration(tails: dict, factors: dict) -> None:
    """Predicted tail probabilities against observed frequencies."""
    print("calibration on clean months: share of nodes with p below")
    for level, values in tails.items():
        p = np.asarray(values)
        shares = "  ".join(f"<{x:g}: {np.mean(p < x):.2g}" for x in (0.1, 0.05, 0.01, 0.001, 0.0001))
        print(f"  {level:<9} n={len(p):<7} {shares}  mean BF {np.mean(factors[level]):.3f}")


def calibration_plot(tails: dict) -> str:
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
    for row, (level, values) in enumerate(tails.items()):
        p = np.asarray(values)
        steps = [10.0**-e for e in np.arange(0, decades + 0.01, 0.25) if len(p) * 10.0**-e >= 1]
        points = " ".join("{:.1f},{:.1f}".format(*at(x, float(np.mean(p < x)))) for x in steps)
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colours[level]}" stroke-width="2"/>')
        name = f"{level} ({len(p):,})"
        lines.append(f'<text x="{left + 12}" y="{top + 20 + 18 * row}" fill="{colours[level]}">{name}</text>')
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


def report(
    results: dict,
    peer_results: dict,
    false_injected: int,
    untouched: int,
    arguments: argparse.Namespace,
    bench: object,
) -> None:
    """Prints recall by kind and method."""
    print(
        f"{'kind':<26} {'n':>4} {'@0.1/fm':>8} {'95% interval':>14} {'default':>8} {'exact of found':>15} {'alerts':>7}"
    )
    budget_means, default_means = [], []
    out: dict[str, object] = {}
    for kind, rows in results.items():
        n = len(rows)
        if not n:
            continue
        hits, default = sum(r["budget"] for r in rows), sum(r["default"] for r in rows)
        low, high = wilson(int(hits), n)
        exact = sum(r["exact"] for r in rows) / max(default, 1)
        alerts = np.mean([r["alerts"] for r in rows if r["default"]]) if default else float("nan")
        named = sum(r["both"] for r in rows) / n
        extra = f"  both sides named {named:.2f}" if kind == "mapping fault" else ""
        extra = f"  wrongly called a mapping fault {named:.2f}" if named and not extra else extra
        found = f"{hits / n:>8.2f} {f'{low:.2f} to {high:.2f}':>14} {default / n:>8.2f}"
        print(f"{kind:<26} {n:>4} {found} {exact:>15.2f} {alerts:>7.1f}{extra}")
        budget_means.append(hits / n)
        default_means.append(default / n)
        out[kind] = {
            "n": n,
            "budget": hits / n,
            "default": default / n,
            "exact": exact,
            "alerts": float(alerts),
        }
    print(
        f"{'mean over kinds':<26} {'':>4} {np.mean(budget_means):>8.3f} {'':>14} {np.mean(default_means):>8.3f}"
    )
    rate = false_injected / max(untouched, 1)
    print(
        f"alerts open in untouched forces at the default: {false_injected} in {untouched} force-months = {rate:.4f}"
    )
    for name, by_kind in peer_results.items():
        rates = {kind: np.mean([r["hit"] for r in rows]) for kind, rows in by_kind.items()}
        loud = np.mean([r["alerts"] for r in by_kind.get("force 0% supplied", [{"alerts": np.nan}])])
        mean = np.mean([rates[k] for k in KINDS if k in rates and k not in peers.NOT_COMPARED])
        seconds = bench.seconds_per_million(name) if bench is not None else float("nan")  # type: ignore[attr-defined]
        print(
            f"peer {name:<28} mean {mean:.3f}  alerts for a missing force {loud:>6.0f}  s/million {seconds:.2f}  "
            + " ".join(f"{k}={v:.2f}" for k, v in rates.items())
        )
        out[f"peer {name}"] = {k: float(v) for k, v in rates.items()}
    if peer_results:
        ours = np.mean(
            [
                np.mean([r["budget"] for r in rows])
                for k, rows in results.items()
                if rows and k not in peers.NOT_COMPARED
            ]
        )
        print(f"ours on the same kinds: {ours:.3f}")
    if arguments.out:
        arguments.out.write_text(json.dumps(out, indent=1, default=float))


if __name__ == "__main__":
    main()
