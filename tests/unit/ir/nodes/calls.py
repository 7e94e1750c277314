"""Calls of Keras layers without Keras: what node readers are given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from edgeconv.ir.keras_call import KerasCall
from edgeconv.ir.nodes import Value

LINEAR = SimpleNamespace(__name__="linear")


def call(kind: str, shape: tuple[int, ...], **settings: Any) -> KerasCall:
    """A call of layer `odd`, float32 arrays among its settings."""
    arrays = {
        name: value.astype(np.float32) if isinstance(value, np.ndarray) else value
        for name, value in settings.items()
    }
    return KerasCall(SimpleNamespace(name="odd", **arrays), kind, "odd", (Value("x", shape),))
