"""Turns a model's outputs, window after window, into a decision that does not flicker.

The anti-alias filter of a stream, from formulas that each language evaluates itself.

It is the filter that training recordings went through: flat to 0.8 of the contract's Nyquist
frequency, at least 60 dB down from 1.1 of it. Length and shape follow Kaiser's estimates
(Oppenheim & Schafer, *Discrete-Time Signal Processing*, 7.5.3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgeconv.errors import UsageError

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


ALPHA = 0.5
HYSTERESIS = 0.1


@dataclass(frozen=True)
class Decision:
    """The result after one window: the class, and the smoothed probabilities of all classes."""

    label: int
    probabilities: tuple[float, ...]


def softmax(logits: Sequence[float]) -> list[float]:
    """Probabilities of logits, without overflow."""
    largest = max(logits)
    powers = [math.exp(logit - largest) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


class Decider:
    """Exponential mean of the probabilities, and a class that changes only for a clear lead.

    Args:
        logits: whether the model gives logits; they go through softmax first.
        alpha: weight of the newest window, above 0; 1 uses every window by itself.
        hysteresis: by how much another class's smoothed probability must exceed the current one's.
    """

    def __init__(
        self, logits: bool = False, alpha: float = ALPHA, hysteresis: float = HYSTERESIS
    ) -> None:
        if not (0 < alpha <= 1 and 0 <= hysteresis < 1):
            raise UsageError(
                f"decisions: alpha is {alpha}, hysteresis {hysteresis}",
                "alpha must be above 0 and at most 1, hysteresis at least 0 and below 1",
            )
        self._logits = logits
        self._alpha = alpha
        self._hysteresis = hysteresis
        self._segment = -1
        self._latest: Decision | None = None

    def update(self, segment: int, outputs: Sequence[float]) -> Decision | None:
        """The decision after the outputs for a window of this segment.

        A new segment discards earlier windows. Outputs that are not finite are ignored: the
        decision stays as it was (None at the beginning).
        """
        if segment != self._segment:
            self._segment, self._latest = segment, None
        if not all(map(math.isfinite, outputs)):
            return self._latest
        new = softmax(outputs) if self._logits else list(outputs)
        old = self._latest
        if old is None:
            smoothed, label = new, _largest(new)
        else:
            smoothed = [
                before + self._alpha * (now - before)
                for before, now in zip(old.probabilities, new, strict=True)
            ]
            challenger = _largest(smoothed)
            lead = smoothed[challenger] - smoothed[old.label]
            label = challenger if lead > self._hysteresis else old.label
        self._latest = Decision(label, tuple(smoothed))
        return self._latest


def _largest(values: Sequence[float]) -> int:
    """The first of the largest."""
    return max(range(len(values)), key=values.__getitem__)
