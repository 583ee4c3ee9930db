"""A national shock in the real cube, as in April 2020: `python -m tests.bench.completeness.shock`.

Theft, robbery and violence fall and anti-social behaviour rises in every force at once, unevenly; the judge must stay
quiet, and still find half of one force's records planted as missing in that same month.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from tests.bench.completeness.injections import Planted, everything, thinned
from tests.bench.completeness.replay import Replay, changeable, clean, load
from tests.bench.completeness.scoring import explains, rate
from transforms.completeness.cube import Cube

#: Change of each type in April 2020 against the months before, London boroughs, rounded.
SHOCK = {
    "Anti-social behaviour": 2.0, "Theft from the person": 0.25, "Shoplifting": 0.5, "Robbery": 0.45, "Burglary": 0.65,
    "Other theft": 0.5, "Vehicle crime": 0.6, "Bicycle theft": 0.75, "Public order": 0.8,
    "Violence and sexual offences": 0.8, "Criminal damage and arson": 0.75, "Drugs": 1.3,
}  # fmt: skip
#: How unevenly forces take the shock: standard deviation of the log of the change.
UNEVEN = 0.05
MONTHS = (14, 18, 22)


def main() -> None:
    """Prints the alerts of the shocked months, and how many planted halves are found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    figures = {}
    print(
        "\n| a shocked month | force-months | alerts: force | type | below the force | planted halves found |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for base in ("25", "national"):
        replay = Replay(load(base))
        rng = np.random.default_rng(7)
        quiet, found, planted = {"force": 0, "type": 0, "below": 0}, 0, 0
        for t in MONTHS:
            shocked = shock(replay, t, rng)
            good = [f for f in range(len(replay.cube.forces)) if clean(replay.cube, f, t)]
            incidents, _, _ = replay.judge(shocked, t)
            for incident in incidents:
                if incident.force in good and incident.score >= 0 and incident.kind != "surplus":
                    whole = "force" if incident.category is None else "type"
                    quiet[whole if incident.areas is None else "below"] += 1
            order = rng.permutation(good)
            for part in np.array_split(order, 5):
                work = changeable(shocked)
                faults = []
                for force in part:
                    here = work.areas_of(int(force))
                    before = shocked.n[t, here]
                    work.n[t, here] = thinned(rng, before, 0.5)
                    lost = before - work.n[t, here]
                    faults.append(Planted("half in a shock", int(force), lost, everything(before), before))
                incidents, track, _ = replay.judge(work, t)
                for p in faults:
                    own = [i for i in incidents if i.force == p.force and i.score >= 0]
                    planted += 1
                    found += any(explains(p, i, work, track, t)[0] for i in own)
        told = " | ".join(str(number) for number in quiet.values())
        print(f"| {base} | {planted} | {told} | {rate(found, planted)} |", flush=True)
        figures[base] = {**quiet, "found": found, "planted": planted}
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1))


def shock(replay: Replay, t: int, rng: np.random.Generator) -> Cube:
    """The cube with month `t` shocked: every force and type changed alike but for its unevenness.

    Of a type that falls, each record stays with the same chance. Of one that rises, more records come where its
    records were in the last year: to double each count would double its scatter too.
    """
    cube = replay.cube
    change = np.array([SHOCK.get(name, 0.8) for name in cube.categories])
    uneven = np.exp(rng.normal(0.0, UNEVEN, (len(cube.forces), len(cube.categories))))
    factor = (change * uneven)[cube.force_of_area]
    work = changeable(cube)
    before = cube.n[t].astype(np.int64)
    usual = cube.n[t - 12 : t].mean(axis=0)
    now, then = (np.add.reduceat(values, cube.first_area[:-1], axis=0) for values in (before, usual))
    level = (now / np.maximum(then, 1e-9))[cube.force_of_area]
    kept = rng.binomial(before, np.minimum(factor, 1.0))
    work.n[t] = kept + rng.poisson(np.maximum(factor - 1.0, 0.0) * usual * level)
    return work


if __name__ == "__main__":
    main()
