"""Classifier output (MIL: classify)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def classify(probabilities: NDArray[Any], classes: list[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Labels (samples,) of the largest probability, the first of equals, and (samples, classes).

    MIL makes a dictionary of label → probability; here it is an array in the order of `classes`.
    """
    table = np.reshape(probabilities, (-1, len(classes)))
    return np.array(classes)[np.argmax(table, axis=1)], table
