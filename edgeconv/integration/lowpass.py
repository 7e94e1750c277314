"""The anti-alias filter of a stream, from formulas that each language evaluates itself.

It is the filter that training recordings went through: flat to 0.8 of the contract's Nyquist
frequency, at least 60 dB down from 1.1 of it. Length and shape follow Kaiser's estimates
(Oppenheim & Schafer, *Discrete-Time Signal Processing*, 7.5.3).
"""

from __future__ import annotations

import math

PASS_EDGE, STOP_EDGE = 0.8, 1.1  # of the contract's Nyquist frequency
DESIGN_DB = 65.0  # Kaiser's formula is an estimate: five more than promised
NOMINAL_TOLERANCE = 0.03  # a sensor whose clock is off by up to this much needs no filter


def oversampling(sensor_hz: float, rate_hz: float) -> int:
    """How many points of the fine grid make one step of the contract; 1 means no filter.

    The lowest multiple of the contract's rate that is not below the sensor's.
    """
    return max(1, math.ceil(sensor_hz / rate_hz - NOMINAL_TOLERANCE))


def lowpass(factor: int) -> list[float]:
    """Taps of the filter on a grid `factor` times as fine as the contract's steps.

    An odd number of them, symmetric, with sum 1, so that gravity passes unchanged; `[1.0]` for
    factor 1.
    """
    if factor == 1:
        return [1.0]
    # In units of the Nyquist frequency of the fine grid.
    width = (STOP_EDGE - PASS_EDGE) / factor
    cutoff = (STOP_EDGE + PASS_EDGE) / 2 / factor
    beta = 0.1102 * (DESIGN_DB - 8.7)
    length = math.ceil((DESIGN_DB - 7.95) / 2.285 / (math.pi * width) + 1) | 1
    half = length // 2
    taps = [
        _sinc(cutoff * n) * _bessel_i0(beta * math.sqrt(1 - (n / half) ** 2))
        for n in range(-half, half + 1)
    ]
    total = math.fsum(taps)
    return [tap / total for tap in taps]


def _sinc(x: float) -> float:
    return 1.0 if x == 0 else math.sin(math.pi * x) / (math.pi * x)


def _bessel_i0(x: float) -> float:
    """Modified Bessel function of order 0 by its power series; x below 7 needs 25 terms."""
    term = total = 1.0
    k = 1
    while term > 1e-17 * total:
        term *= (x / (2 * k)) ** 2
        total += term
        k += 1
    return total
