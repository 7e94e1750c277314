"""Optuna, asked and answered in a fixed order; it keeps nothing on disk.

A search that is continued replays its questions: the same seed and the same answers give the same
candidates, whose outcomes stand in the journal.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from edgeconv import plugins
from edgeconv.search.candidates import DesignPoint, SearchCandidate
from edgeconv.search.space import Space

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
