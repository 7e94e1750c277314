"""What a search's words mean to the stages: folds of people, a candidate's training and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from edgeconv.core import Augmentation, Training, Variant
from edgeconv.errors import BadInput, UsageError
from edgeconv.recipes import SEARCH_TARGET
from edgeconv.search import Candidate
from edgeconv.search.mixed import INT4
from edgeconv.targets.base import find_target

FOLD_SEED = 7  # who is in which fold depends on the people alone, not on the search's seed


def make_folds(subjects: Sequence[str], count: int) -> tuple[tuple[str, ...], ...]:
    """People in `count` groups of nearly equal size; each is held out once.

    Raises:
        UsageError: fewer than two folds.
        BadInput: fewer people than folds.
    """
    import numpy as np

    if count < 2:
        raise UsageError(f"--folds {count}: a fold is judged by those of the others", "use 2 to 10")
    if len(subjects) < count:
        raise BadInput(
            f"{len(subjects)} people besides those of the test, but {count} folds",
            f"pass --folds {len(subjects)} or record more people",
        )
    order = np.random.default_rng(FOLD_SEED).permutation(len(subjects))
    parts = np.array_split(order, count)
    return tuple(tuple(subjects[i] for i in sorted(part)) for part in parts)


def variant(candidate: Candidate, scheme: str) -> Variant:
    """The file that one scheme of a candidate is."""
    layers = candidate.int8_layers if scheme == INT4 else ()
    sensor = find_target(SEARCH_TARGET).input_convention
    return Variant(SEARCH_TARGET, scheme, sensor, compress=candidate.compress, int8_layers=layers)


def with_settings(training: Training, candidate: Candidate) -> Training:
    """The recipe's training with what the candidate says instead."""
    settings: dict[str, Any] = dict(candidate.training)
    inner = {
        key.partition(".")[2]: settings.pop(key)
        for key in list(settings)
        if key.startswith("augmentation.")
    }
    if inner:
        augmentation = training.augmentation or Augmentation()
        settings["augmentation"] = replace(augmentation, **inner)
    return replace(training, **settings)
