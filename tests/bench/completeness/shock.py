"""A national shock in the real cube, as in April 2020: `python tests/bench/completeness/shock.py`.

Theft, robbery and violence fall and anti-social behaviour rises in every force at once, unevenly; the judge must stay
quiet at force and type level, and still find half of one force's records planted as missing in that same month.
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import run

from transforms.completeness.expectation import MISSING, PARTIAL, follow

#: Change of each type in April 2020 against the months before, London boroughs, rounded.
SHOCK = {
    "Anti-social behaviour": 2.0, "Theft from the person": 0.25, "Shoplifting": 0.5, "Robbery": 0.45, "Burglary": 0.65,
    "Other theft": 0.5, "Vehicle crime": 0.6, "Bicycle theft": 0.75, "Public order": 0.8,
    "Violence and sexual offences": 0.8, "Criminal damage and arson": 0.75, "Drugs": 1.3,
}  # fmt: skip
#: How unevenly forces take the shock: standard deviation of the log of the change.
UNEVEN = 0.05


def main() -> None:
    """Prints the alerts of the shocked month, and how many planted halves are found."""
    for base in ("national", "25"):
        cube = run.load(base)
        rng = np.random.default_rng(7)
        sizes = np.diff(cube.first_area).astype(float)
        clean = cube.by_force()
        owed = np.ones(clean.shape[:2], dtype=bool)
        quiet_force, quiet_type, found, planted = 0, 0, 0, 0
        for t in (14, 18, 22):
            shocked = copy.copy(clean)
            change = np.array([SHOCK.get(name, 0.8) for name in cube.categories])
            uneven = np.exp(rng.normal(0.0, UNEVEN, clean.shape[1:]))
            shocked[t] = rng.poisson(clean[t] * change * uneven)
            good = [f for f in range(len(cube.forces)) if run.clean(cube, f, t)]
            track = follow(shocked[: t + 1], sizes, owed[: t + 1])
            quiet_force += int(np.isin(track.state[t, good], (MISSING, PARTIAL)).sum())
            low = (track.down[t, good, :-1] > 1.7) & ~np.isin(track.state[t, good], (MISSING, PARTIAL))[
                :, None
            ]
            quiet_type += int(low.sum())
            for force in good:
                halved = shocked[: t + 1].copy()
                halved[t, force] = rng.binomial(halved[t, force].astype(int), 0.5)
                planted += 1
                found += int(follow(halved, sizes, owed[: t + 1]).state[t, force] in (MISSING, PARTIAL))
        alerts = f"{quiet_force} force alerts, {quiet_type} type alerts"
        print(f"{base}: three shocked months, {planted} force-months: {alerts}")
        print(f"  half of one force planted as missing in a shocked month: {found} of {planted} found")


if __name__ == "__main__":
    main()
