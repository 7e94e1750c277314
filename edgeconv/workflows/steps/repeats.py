"""The same training with several seeds."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.core import Bundle, EvaluationResult

REPEATED_METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "loss")
REPEATS = "repeats.json"
"""What `train --repeats` writes beside the model."""


@dataclass(frozen=True, eq=False)
class RepeatedTraining:
    """The same training with several seeds, each evaluated on the same held-out part.

    Attributes:
        bundle: with the model of the first seed. Were it the best one on the held-out part, its
            accuracy would be a chosen one.
        seeds: of each training.
        evaluations: of each training, in the order of the seeds.
    """

    bundle: Bundle
    seeds: tuple[int, ...]
    evaluations: tuple[EvaluationResult, ...]

    def figures(self, metric: str) -> tuple[float, float]:
        """Mean and sample standard deviation of `accuracy`, `macro_f1` or another figure."""
        values = [getattr(evaluation, metric) for evaluation in self.evaluations]
        return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0

    def to_json(self) -> dict[str, Any]:
        """Mean, deviation and values of each figure, and the seeds."""
        return {
            "seeds": list(self.seeds),
            **{
                metric: {
                    "mean": self.figures(metric)[0],
                    "std": self.figures(metric)[1],
                    "values": [getattr(evaluation, metric) for evaluation in self.evaluations],
                }
                for metric in REPEATED_METRICS
            },
        }

    def write(self, folder: Path) -> None:
        """Write `repeats.json`, if there was more than one training."""
        if len(self.seeds) > 1:
            text = json.dumps(self.to_json(), indent=1, sort_keys=True)
            bundles.write_text(folder / REPEATS, text + "\n")
