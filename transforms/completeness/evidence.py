"""Negative-binomial tails and Bayes factors: how much a count says about whether records are missing."""

from __future__ import annotations

import numpy as np
from scipy import special

from transforms.completeness import constants as k
from transforms.completeness.cube import Floats

LN10 = float(np.log(10.0))


def log_probability(y: Floats, mean: Floats, phi: Floats) -> Floats:
    """Natural log of the negative-binomial probability of `y`; variance = mean + phi mean squared."""
    size = 1.0 / phi
    mean = np.maximum(mean, 1e-9)
    return np.asarray(
        special.gammaln(y + size)
        - special.gammaln(size)
        - special.gammaln(y + 1.0)
        + size * np.log(size / (size + mean))
        + y * np.log(mean / (size + mean))
    )


def lower_tail(y: Floats, mean: Floats, phi: Floats) -> Floats:
    """Probability of a count of `y` or fewer when supply is complete."""
    size = 1.0 / phi
    return np.asarray(special.betainc(size, np.floor(y) + 1.0, size / (size + np.maximum(mean, 1e-9))))


def interval(mean: Floats, phi: Floats, share: float = 0.95) -> tuple[Floats, Floats]:
    """Central interval of the count expected when supply is complete, from the gamma limit, in crimes."""
    variance = mean + phi * mean**2
    size = np.maximum(mean, 1e-9) ** 2 / np.maximum(variance, 1e-12)
    tail = (1.0 - share) / 2.0
    scale = np.maximum(mean, 1e-9) / size
    return special.gammaincinv(size, tail) * scale, special.gammaincinv(size, 1.0 - tail) * scale


def gain(y: Floats, mean: Floats, phi: Floats, supplied: float | Floats) -> Floats:
    """Natural log of P(y | that share supplied) / P(y | complete): thinning keeps phi, so gammas cancel."""
    size = 1.0 / phi
    mean = np.maximum(mean, 1e-9)
    return y * np.log(supplied) + (y + size) * np.log((size + mean) / (size + supplied * mean))


def bayes_factor(y: Floats, mean: Floats, phi: Floats, upward: bool = False) -> Floats:
    """log10 of P(y | part is missing) / P(y | complete); with `upward`, of a surplus against complete.

    The average over shares supplied of `constants`, against a complete month that now and then scatters
    `RARE_SPREAD` times as widely. Its mean is 1 when supply is complete and the model right, so it is an
    e-value: factors of different months multiply.
    """
    shares = k.SURPLUS_SHARES if upward else k.SUPPLIED_SHARES
    weights = k.SURPLUS_WEIGHTS if upward else k.SHARE_WEIGHTS
    mean = np.maximum(mean, 1e-9)
    complete = log_probability(y, mean, phi) + rarely_wider(y, mean, phi)
    missing = special.logsumexp(
        np.stack(
            [
                log_probability(y, share * mean, phi + k.BETWEEN_SHARES) + np.log(w)
                for share, w in zip(shares, weights, strict=True)
            ]
        ),
        axis=0,
    )
    return np.asarray((missing - complete) / LN10)


def rarely_wider(y: Floats, mean: Floats, phi: Floats) -> Floats:
    """Natural log of how much likelier `y` is when a month may scatter `RARE_SPREAD` times as widely, now and then.

    What is unusual for the pooled scatter says no more than that chance allows: dispersion and shares are estimated.
    """
    size, rare = 1.0 / phi, 1.0 / _wider(phi)
    mean = np.maximum(mean, 1e-9)
    wider = (
        special.gammaln(y + rare)
        - special.gammaln(rare)
        + rare * np.log(rare)
        - (y + rare) * np.log(rare + mean)
    )
    usual = (
        special.gammaln(y + size)
        - special.gammaln(size)
        + size * np.log(size)
        - (y + size) * np.log(size + mean)
    )
    return np.asarray(np.logaddexp(np.log(1.0 - k.RARE_SHARE), np.log(k.RARE_SHARE) + wider - usual))


def _wider(phi: Floats) -> Floats:
    """The phi of a month that scatters `RARE_SPREAD` times as widely beyond its Poisson part, within reason."""
    return np.maximum(phi, np.minimum(phi * k.RARE_SPREAD**2, k.WIDEST_PHI))


def widened(phi: Floats, mean: Floats, factor: Floats) -> Floats:
    """The phi that multiplies the whole variance at `mean` by `factor`; a calm node stays above Poisson."""
    return np.maximum(phi * factor + (factor - 1.0) / np.maximum(mean, 1e-9), k.CALMEST * phi)


def group_factor(y: Floats, mean: Floats, phi: Floats) -> Floats:
    """log10 Bayes factor of a loss in a group of areas: as `bayes_factor`, without the rare wide months.

    What one area does for reasons of its own is a small part of a group; thinned and whole counts share their
    gammas, so this needs no gamma function and a country costs milliseconds.
    """
    gains = [
        gain(y, mean, phi, q) + np.log(w) for q, w in zip(k.SUPPLIED_SHARES, k.SHARE_WEIGHTS, strict=True)
    ]
    return np.asarray(np.logaddexp.reduce(np.stack(gains), axis=0) / LN10)


def place_factor(y: Floats, mean: Floats, phi: Floats) -> Floats:
    """log10 Bayes factor of a loss in one area or cell: as `group_factor`, with the rare wide months."""
    return np.asarray(group_factor(y, mean, phi) - rarely_wider(y, mean, phi) / LN10)


def needed(level: str, scopes: float) -> float:
    """Evidence that makes an alert at a level of which a force has that many testable scopes (`constants`)."""
    return max(
        k.EVIDENCE[level] + float(np.log10(max(scopes, 1) / k.REFERENCE[level])), k.LEAST_EVIDENCE[level]
    )
