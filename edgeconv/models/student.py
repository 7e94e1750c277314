"""`student`: the network of the family that is as good as `har` and a hundred times smaller.

docs/how-to/small-models.md tells which members it was chosen from, and by what.
"""

from __future__ import annotations

from typing import Any

from edgeconv.core import Signal
from edgeconv.models import cnn

SPEC = "f2-16k5s2-32k5s2-32k4-max"


def build(signal: Signal) -> Any:
    """The untrained network: "sensor" (n, window·channels) → "probabilities" (n, classes).

    Raises:
        BadInput: the window is too short or odd, or fewer than two classes.
    """
    return cnn.build(cnn.parse(SPEC), signal, "student")
