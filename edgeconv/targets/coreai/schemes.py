"""The schemes of Core AI, each with its limits and how its kernels are stored."""

from __future__ import annotations

from dataclasses import dataclass

from edgeconv.core.schemes import Scheme
from edgeconv.targets import limits
from edgeconv.targets.coreai.builder import Store
from edgeconv.targets.coreai.storage import store_float


@dataclass(frozen=True, kw_only=True)
class CoreAIScheme(Scheme):
    """A scheme with the way in which its kernels are stored."""

    store: Store


_ALL = (
    CoreAIScheme(
        name="float16",
        weights="float16",
        activations="float16",
        gates=limits.FLOAT16_GATES,
        tolerance=limits.HALF,
        output_limits=limits.FLOAT16_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        store=store_float,
    ),
    CoreAIScheme(
        name="float32",
        weights="float32",
        activations="float32",
        gates=limits.FLOAT32_GATES,
        tolerance=limits.SUMS,
        output_limits=limits.FLOAT32_OUTPUTS,
        only_rounds_weights=True,
        default=True,
        store=store_float,
    ),
)
SCHEMES = {scheme.name: scheme for scheme in _ALL}
