"""What a search's words mean to the stages: folds of people, a candidate's training and files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgeconv.core import Augmentation, Training, Variant
from edgeconv.recipes import SEARCH_TARGET
from edgeconv.search import Candidate
from edgeconv.search.mixed import INT4
from edgeconv.targets.base import find_target


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
