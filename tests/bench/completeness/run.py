"""Faults planted into clean months of the real cube: `python -m tests.bench.completeness.run --base national`.

Judges each month as it would have arrived, and prints recall at a fixed budget of false alerts, alerts per event,
exact localisation, delay, calibration and cost, each method on the same cells. Needs the open data folder
(`FULLCOUNT_OPEN_DATA`, or `../shared/data`).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from tests.bench.completeness import peers, persistent
from tests.bench.completeness.calibration import Calibration
from tests.bench.completeness.injections import KINDS, Planted
from tests.bench.completeness.replay import EASE, FIRST_TESTED, Replay, changeable, clean, load
from tests.bench.completeness.scoring import overlap, rate, score_event
from transforms.completeness.alerts import goes_on
from transforms.completeness.localise import Incident

#: Mapping faults are planted this many times as often: their target is a rate of their own.
OFTEN = {"mapping fault": 3}

Rows = dict[str, list[dict[str, float]]]


def main() -> None:
    """Runs the benchmark and prints its tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", choices=("national", "25"), default="national")
    parser.add_argument("--seeds", type=int, nargs="+", default=[61, 62, 63])
    parser.add_argument("--events", type=int, default=8, help="events of each kind for each seed")
    parser.add_argument("--delays", type=int, default=8, help="losses of each kind that go on, for each seed")
    parser.add_argument("--peers", action="store_true", help="run the peers on the same cells")
    parser.add_argument("--forest", action="store_true", help="PyOD IForest too (needs the peers group)")
    parser.add_argument("--plot", type=Path, help="draw the calibration as SVG")
    parser.add_argument("--kinds", default="", help="only kinds whose name holds this")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    replay = Replay(load(arguments.base))
    cube, months = replay.cube, list(range(FIRST_TESTED, len(replay.cube.months)))
    figures: dict[str, object] = {"base": arguments.base, "months": len(months)}
    print(
        f"\n{len(cube.forces)} forces, {len(cube.areas):,} areas, {len(cube.categories)} types, "
        f"{len(months)} tested months, seeds {', '.join(map(str, arguments.seeds))}"
    )
    threshold = clean_months(replay, months, arguments.plot, figures)
    bench = peers.Bench(cube, months, clean, arguments.forest) if arguments.peers else None
    results, theirs = planted_faults(replay, months, threshold, bench, arguments, figures)
    print_kinds(results, figures)
    print_peers(results, theirs, bench, figures)
    if arguments.delays:
        found: dict[str, dict[str, list[int]]] = {}
        for seed in arguments.seeds:
            more = persistent.measure(replay, seed, arguments.delays, threshold, bench)
            for name, by_kind in more.items():
                for kind, at in by_kind.items():
                    found.setdefault(name, {}).setdefault(kind, []).extend(at)
        persistent.print_table(found)
    print(f"\n{time.process_time():,.0f} seconds of processor")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1, default=float))


def clean_months(replay: Replay, months: list[int], plot: Path | None, figures: dict[str, object]) -> float:
    """Judges the clean months: false alerts, calibration, cost. Returns the score that meets the budget."""
    cube, calibration = replay.cube, Calibration()
    scores: list[float] = []
    forces, cost = 0, []
    by_level: dict[str, int] = {}
    open_alerts: list[Incident] = []
    for t in months:
        began = time.process_time()
        incidents, track, month = replay.judge(cube, t)
        cost.append(time.process_time() - began)
        good = [f for f in range(len(cube.forces)) if clean(cube, f, t)]
        forces += len(good)
        fresh = [
            i for i in incidents if not any(i.force == old.force and goes_on(old, i) for old in open_alerts)
        ]
        open_alerts = [i for i in incidents if i.score >= 0]
        for incident in fresh:
            if incident.force in good and incident.kind != "surplus":
                scores.append(incident.score)
                if incident.score >= 0:
                    place = "one area" if incident.areas is not None and len(incident.areas) == 1 else "areas"
                    scope = incident.level if incident.areas is None else place
                    label = scope if incident.category is None else f"{scope} of a type"
                    by_level[label] = by_level.get(label, 0) + 1
        calibration.add(cube, track, month, t, good)
    ranked = sorted(scores, reverse=True)
    budget = int(0.1 * forces)
    threshold = ranked[budget] if len(ranked) > budget else -EASE
    default = sum(score >= 0 for score in scores)
    cells = len(cube.areas) * len(cube.categories)
    seconds = float(np.median(cost))
    print(
        f"\nclean force-months {forces}; new alerts at the default {default}: {rate(default, forces)} a force-month, "
        f"{default / len(months):.1f} a month: {by_level or 'none'}; score for 0.1 a force-month {threshold:.2f}\n"
        f"processor seconds for a month with its forces' history {seconds:.2f}, "
        f"{1e6 * seconds / cells:.1f} a million cells"
    )
    calibration.print()
    if plot:
        plot.write_text(calibration.plot(), encoding="utf-8")
    figures["false a month"] = default / len(months)
    figures["factors"] = {level: calibration.factor(level) for level in calibration.tails}
    figures["seconds a million"] = 1e6 * seconds / cells
    return threshold


def planted_faults(
    replay: Replay,
    months: list[int],
    threshold: float,
    bench: peers.Bench | None,
    arguments: argparse.Namespace,
    figures: dict[str, object],
) -> tuple[Rows, dict[str, Rows]]:
    """Plants every kind of fault and scores the judge and its peers: rows for each kind, and for each peer and kind."""
    cube = replay.cube
    results: Rows = {kind: [] for kind in KINDS}
    theirs: dict[str, Rows] = {}
    untouched, loud = 0, 0
    for seed in arguments.seeds:
        rng = np.random.default_rng(seed)
        plan = [
            kind
            for kind in KINDS
            if arguments.kinds in kind
            for _ in range(arguments.events * OFTEN.get(kind, 1))
        ]
        rng.shuffle(plan)
        while plan:
            t = int(rng.choice(months))
            work = changeable(cube)
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
            loud += sum(i.force in quiet and i.score >= 0 and i.kind != "surplus" for i in incidents)
            for p in planted:
                results[p.kind].append(score_event(p, incidents, cube, track, t, threshold))
            if bench is not None:
                for name, rows in bench.score(work, planted, t, overlap).items():
                    for kind, row in rows:
                        theirs.setdefault(name, {}).setdefault(kind, []).append(row)
    print(
        f"\nalerts open in untouched forces while others have faults: {rate(loud, untouched)} a force-month"
    )
    figures["loud"] = loud / max(untouched, 1)
    return {kind: rows for kind, rows in results.items() if rows}, theirs


def print_kinds(results: Rows, figures: dict[str, object]) -> None:
    """Prints the judge's recall by kind, at the budget and at the default, alerts an event and exact scopes."""
    print("\n| kind | n | at 0.1 false a force-month | at the default | exact, of found | alerts an event |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind, rows in results.items():
        n, found = len(rows), [row for row in rows if row["default"]]
        name = f"{kind} (both sides: {rate(sum(r['both'] for r in rows), n)})" if kind in OFTEN else kind
        alerts = f"{np.mean([row['alerts'] for row in found]):.1f}" if found else "–"
        hits = [rate(sum(r[at] for r in rows), n) for at in ("budget", "default")]
        exact = rate(sum(r["exact"] for r in found), len(found))
        print(f"| {name} | {n} | {hits[0]} | {hits[1]} | {exact} | {alerts} |")
    means = [float(np.mean([np.mean([r[at] for r in rows]) for rows in results.values()])) for at in
             ("budget", "default")]  # fmt: skip
    found = [row for rows in results.values() for row in rows if row["default"]]
    exact = rate(sum(r["exact"] for r in found), len(found))
    alerts = f"{np.mean([row['alerts'] for row in found]):.1f}"
    count = sum(map(len, results.values()))
    print(f"| **mean over kinds** | {count} | **{means[0]:.3f}** | **{means[1]:.3f}** | {exact} | {alerts} |")
    types = [row for kind, rows in results.items() if kind.startswith("type ") for row in rows]
    wrong = sum(row["both"] for row in types)
    print(f"\na type that was lost, called a mapping fault: {rate(wrong, len(types))}")
    figures["recall"], figures["default recall"] = means
    figures["exact"] = [sum(r["exact"] for r in found), len(found)]
    figures["kinds"] = {
        kind: {
            "n": len(rows),
            "budget": sum(r["budget"] for r in rows),
            "default": sum(r["default"] for r in rows),
            "both": sum(r["both"] for r in rows),
            "alerts": float(np.mean([r["alerts"] for r in rows if r["default"]] or [0.0])),
        }
        for kind, rows in results.items()
    }


def print_peers(
    results: Rows, theirs: dict[str, Rows], bench: peers.Bench | None, figures: dict[str, object]
) -> None:
    """Prints every method's recall by kind on the same events, its alerts for a missing force and its cost."""
    if bench is None or not theirs:
        return
    kinds = [kind for kind in results if kind not in peers.NOT_COMPARED]
    print(f"\n| at 0.1 false a force-month | judge | {' | '.join(theirs)} |")
    print("| --- |" + " --- |" * (1 + len(theirs)))
    for kind in kinds:
        n = len(results[kind])
        cells = [rate(sum(r["budget"] for r in results[kind]), n)]
        cells += [rate(sum(r["hit"] for r in theirs[name][kind]), n) for name in theirs]
        print(f"| {kind} | {' | '.join(cells)} |")
    means = [float(np.mean([np.mean([r["budget"] for r in results[kind]]) for kind in kinds]))]
    means += [
        float(np.mean([np.mean([r["hit"] for r in rows[kind]]) for kind in kinds]))
        for rows in theirs.values()
    ]
    print(f"| **mean over {len(kinds)} kinds** | {' | '.join(f'**{mean:.3f}**' for mean in means)} |")
    silent = "force 0% supplied"
    if silent in results:
        alerts = [float(np.mean([r["alerts"] for r in rows[silent]])) for rows in [results, *theirs.values()]]
        print(f"| alerts for one missing force | {' | '.join(f'{each:.0f}' for each in alerts)} |")
    seconds = [figures["seconds a million"], *(bench.seconds_per_million(name) for name in theirs)]
    print(f"| processor seconds a million | {' | '.join(f'{each:.2f}' for each in seconds)} |")
    figures["peers"] = dict(zip(["judge", *theirs], means, strict=True))


if __name__ == "__main__":
    main()
