"""What a scheme's number format leaves of a layer's weights, in dB, derived and not guessed.

Signal to noise of weights that are spread as a normal distribution, the case that formulas exist
for; trained kernels have heavier tails, which a pruning loses less of.

- b even steps: 6.02 b + 4.77 − 20 lg(R/σ) dB at R = 8σ (Bennett, 1948).
- a palette of 2^b numbers fitted to the weights: 6.02 b − 4.35 dB, noise π√3/2 · σ² · 2^(−2b)
  (Panter and Dite, 1951); for one bit 4.40 dB, noise 1 − 2/π (Max, 1960).
- the share s of smallest weights set to 0: their own energy, s − 2tφ(t) of all, with t the quantile
  of |w| at s: 11.5 dB for half of them, 5.6 dB for three quarters.

Noise of several adds. Weights that make up for their own error on recordings do better, not worse.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from edgeconv.core import Scheme

_CREST_DB = 20 * math.log10(8)  # R/σ of the weights: wide, outliers included
_ONE_BIT_DB = -10 * math.log10(1 - 2 / math.pi)


def explained_db(scheme: Scheme) -> float:
    """What the weights of a layer are at least at, by their scheme alone; infinity for floats."""
    powers = [10 ** (-db / 10) for db in (_rounding_db(scheme), _pruning_db(scheme.sparsity))]
    noise = sum(powers)
    return -10 * math.log10(noise) if noise else math.inf


def bits_of(scheme: Scheme) -> int:
    """Bits of one stored weight."""
    return int("".join(c for c in scheme.weights if c.isdigit()))


def _rounding_db(scheme: Scheme) -> float:
    bits = bits_of(scheme)
    if scheme.palette:
        return _ONE_BIT_DB if bits == 1 else 6.02 * bits - 4.35
    return math.inf if scheme.weights.startswith("float") else 6.02 * bits + 4.77 - _CREST_DB


def _pruning_db(share: float) -> float:
    if not share:
        return math.inf
    normal = NormalDist()
    edge = normal.inv_cdf((1 + share) / 2)
    return -10 * math.log10(share - 2 * edge * normal.pdf(edge))
