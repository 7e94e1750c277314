"""Turns a model's outputs, window after window, into a decision that does not flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgeconv.errors import UsageError

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
