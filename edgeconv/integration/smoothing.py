"""Turns a model's outputs, window after window, into a decision that does not flicker.

Also which windows need no inference while nothing moves, and the anti-alias filter of a stream,
from formulas that each language evaluates itself.

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
UNSURE_BELOW = 0.5
"""A smoothed probability below this is no decision (docs/measurements/streaming.md)."""


@dataclass(frozen=True)
class Decision:
    """The result after one window.

    Attributes:
        candidate: the class that smoothing and hysteresis arrive at.
        probabilities: the smoothed ones of all classes.
        label: what an app shows: the candidate, or None while its probability is too low.
    """

    candidate: int
    probabilities: tuple[float, ...]
    label: int | None


def softmax(logits: Sequence[float]) -> list[float]:
    """Probabilities of logits, without overflow."""
    largest = max(logits)
    powers = [math.exp(logit - largest) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


@dataclass(frozen=True)
class DecisionSettings:
    """How decisions are made of outputs.

    Attributes:
        logits: whether the model gives logits; they go through softmax first.
        alpha: weight of the newest window, above 0; 1 uses every window by itself.
        hysteresis: by how much another class's smoothed probability must exceed the current one's.
        unsure_below: the smoothed probability that a decision needs; 0: every one will do.
    """

    logits: bool = False
    alpha: float = ALPHA
    hysteresis: float = HYSTERESIS
    unsure_below: float = UNSURE_BELOW

    def __post_init__(self) -> None:
        if not (0 < self.alpha <= 1 and 0 <= self.hysteresis < 1 and 0 <= self.unsure_below <= 1):
            raise UsageError(
                f"decisions: alpha is {self.alpha}, hysteresis {self.hysteresis}, unsure_below "
                f"{self.unsure_below}",
                "alpha must be above 0 and at most 1, hysteresis at least 0 and below 1, "
                "unsure_below from 0 to 1",
            )


class Decider:
    """Exponential mean of the probabilities, and a class that changes only for a clear lead."""

    def __init__(self, settings: DecisionSettings | None = None) -> None:
        self.settings = settings or DecisionSettings()
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
        settings, old = self.settings, self._latest
        new = softmax(outputs) if settings.logits else list(outputs)
        if old is None:
            smoothed, candidate = new, _largest(new)
        else:
            smoothed = [
                before + settings.alpha * (now - before)
                for before, now in zip(old.probabilities, new, strict=True)
            ]
            challenger = _largest(smoothed)
            lead = smoothed[challenger] - smoothed[old.candidate]
            candidate = challenger if lead > settings.hysteresis else old.candidate
        unsure = smoothed[candidate] < settings.unsure_below
        self._latest = Decision(candidate, tuple(smoothed), None if unsure else candidate)
        return self._latest


def _largest(values: Sequence[float]) -> int:
    """The first of the largest."""
    return max(range(len(values)), key=values.__getitem__)


@dataclass(frozen=True)
class EnergySettings:
    """When a window needs no inference.

    Attributes:
        still_below: a window whose readings deviate less is still; in the contract's unit.
        after: how many still windows in a row are given to the model all the same.
        factor: of the further ones, every how many-th is.
    """

    still_below: float = 0.1
    after: int = 2
    factor: int = 4

    def __post_init__(self) -> None:
        if not (self.still_below >= 0 and self.after >= 0 and self.factor >= 1):
            raise UsageError(
                f"energy: still_below is {self.still_below}, after {self.after}, factor "
                f"{self.factor}",
                "still_below and after must not be negative, factor at least 1",
            )


class EnergySaver:
    """Leaves out windows while nothing moves; the first with movement is always run."""

    def __init__(self, settings: EnergySettings, channels: Sequence[int], width: int) -> None:
        """Args:
        settings: when a window is still, and how many are left out.
        channels: places in a step of those that are looked at.
        width: channels of a step.
        """
        self._settings = settings
        self._channels = tuple(channels)
        self._width = width
        self._segment = -1
        self._calm = 0
        self._skipped = 0

    def deviation(self, values: Sequence[float]) -> float:
        """The largest standard deviation of a channel over a window, time-major."""
        return max(_deviation(values[channel :: self._width]) for channel in self._channels)

    def runs(self, segment: int, values: Sequence[float]) -> bool:
        """Whether this window is given to the model."""
        return self.runs_at(segment, self.deviation(values))

    def runs_at(self, segment: int, deviation: float) -> bool:
        """The same for a window of this deviation."""
        settings = self._settings
        begins, self._segment = segment != self._segment, segment
        if begins or deviation >= settings.still_below:
            self._calm = self._skipped = 0
            return True
        self._calm += 1
        if self._calm <= settings.after:
            return True
        self._skipped = (self._skipped + 1) % settings.factor
        return self._skipped == 0


def _deviation(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
