"""What a search tries: networks of a family × training × compression.

Optuna, asked and answered in a fixed order; it keeps nothing on disk.

A search that is continued replays its questions: the same seed and the same answers give the same
candidates, whose outcomes stand in the journal.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeconv import plugins
from edgeconv.models.family import Chooser, NetworkSpace, Params
from edgeconv.search.candidates import DesignPoint, SearchCandidate, Setting

STARTUP = 10  # trials that are drawn blindly, those that the space begins with included


class Sampler:
    """A multi-objective tree-structured Parzen estimator (Ozaki et al., 2022) over a space.

    It minimises the error, the logarithm of the bytes and that of the multiply-accumulates.

    Raises:
        MissingDependency: Optuna is not installed.
    """

    def __init__(self, space: Space, seed: int) -> None:
        optuna = import_optuna()
        self._pruned = optuna.trial.TrialState.PRUNED
        self._space = space
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study = optuna.create_study(
                directions=["minimize"] * 3,
                sampler=optuna.samplers.TPESampler(
                    seed=seed, multivariate=True, n_startup_trials=STARTUP
                ),
            )
        for params in space.starts():
            self._study.enqueue_trial(params)

    def ask(self) -> tuple[Any, SearchCandidate]:
        """The next candidate, and the optuna_trial to tell its figures by."""
        trial = self._study.ask()
        return trial, self._space.suggest(trial)

    def tell(self, optuna_trial: Any, point: DesignPoint | None) -> None:
        """What a trial came to; None where it was not measured."""
        if point is None:
            self._study.tell(optuna_trial, state=self._pruned)
            return
        size, work = math.log10(max(point.bytes, 1)), math.log10(max(point.macs, 1))
        self._study.tell(optuna_trial, [1.0 - point.accuracy, size, work])


def import_optuna() -> Any:
    """Optuna, which then says nothing unasked. Raises MissingDependency."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise plugins.missing(error) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


LEARNING_RATE = (1e-3, 1e-2)
LONGER = (1, 3, 9)  # times the recipe's epochs: a small network needs more of them
STRONG_MOTION = {"effort": 0.2, "coupling": 0.3}  # docs/measurements/small-models.md


@dataclass(frozen=True)
class Space:
    """Networks of a family × training × compression; every scheme of each is evaluated.

    Attributes:
        schemes: in which a candidate is exported, by its compression; the empty one is none. The
            first scheme steers the search.
        epochs: the recipe's.
        family: name of the networks' family, and `networks`: its space.
        mixup: whether the recipe mixes windows; a candidate may leave that out.
        motion: strengths of the augmentation of motion that a candidate may take, by key; empty
            where the recipe augments nothing.
    """

    schemes: Mapping[str, tuple[str, ...]]
    epochs: int
    family: str
    networks: NetworkSpace
    mixup: bool = True
    motion: Mapping[str, float] = field(default_factory=lambda: STRONG_MOTION)

    def suggest(self, trial: Chooser) -> SearchCandidate:
        """Choose one candidate."""
        # The order is part of the sampler's random sequence: earlier searches repeat only with it.
        params = self.networks.suggest(trial)
        params["learning_rate"] = trial.suggest_float("learning_rate", *LEARNING_RATE, log=True)
        params["longer"] = trial.suggest_categorical("longer", LONGER)
        if self.mixup:
            params["mixup"] = trial.suggest_categorical("mixup", (True, False))
        if self.motion:
            params["motion"] = trial.suggest_categorical("motion", (True, False))
        if len(self.schemes) > 1:
            params["compress"] = trial.suggest_categorical("compress", tuple(self.schemes))
        return self.candidate(params)

    def candidate(self, params: Params) -> SearchCandidate:
        """The candidate with these parameters."""
        longer = int(params["longer"])
        if self.networks.is_wide(params):
            longer = min(longer, LONGER[1])
        training: dict[str, Setting] = {
            "learning_rate": float(f"{float(params['learning_rate']):.2g}"),
            "epochs": self.epochs * longer,
        }
        if not params.get("mixup", True):
            training["augmentation.mixup"] = 0.0
        for key, strength in self.motion.items():
            training[f"augmentation.{key}"] = strength if params.get("motion", True) else 0.0
        compress = str(params.get("compress", next(iter(self.schemes))))
        settings = tuple(sorted(training.items()))
        model = f"{self.family}:{self.networks.spec(params)}"
        return SearchCandidate(model, settings, compress, self.schemes[compress])

    def starts(self) -> list[Params]:
        """What is tried first, with every compression."""
        rest: Params = {"learning_rate": 3e-3}
        if self.mixup:
            rest["mixup"] = False
        if self.motion:
            rest["motion"] = True
        several: list[Params] = [{"compress": c} for c in self.schemes]
        return [
            {**network, "longer": longer, **rest, **compress}
            for compress in (several if len(several) > 1 else [{}])
            for network, longer in self.networks.starts()
        ]

    def smallest(self) -> tuple[SearchCandidate, ...]:
        """The candidates with the fewest weights: where they are over a budget, all are."""
        few: Params = {"learning_rate": LEARNING_RATE[0], "longer": LONGER[0]}
        return tuple(
            self.candidate(few | network | {"compress": compress})
            for compress in self.schemes
            for network in self.networks.smallest()
        )
