"""Models of older Keras, of HDF5 and of half precision, as the float32 `.keras` that is exported.

A `.keras` of Keras 3 in float32 needs none of this and is copied as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core.parity_statistics import decibels
from edgeconv.errors import BadInput
from edgeconv.ir import keras_file
from edgeconv.ir.keras_contents import objects, read_contents

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POLICY_SNR = {"float16": 30.0, "bfloat16": 12.0}
"""Lowest ratio in dB of a model's outputs to what its policy's rounding changes in them.

One rounding is up to 2^-11 (float16) or 2^-8 (bfloat16) of a value: 71 and 53 dB. Some hundred of
them, and values that cancel, cost up to 41 dB.
"""
_POLICIES = ("DTypePolicy", "Policy")
_SAMPLES = 32


@dataclass(frozen=True)
class Rewriting:
    """Why a file is not exported as it is.

    Attributes:
        reason: of the container, in words; empty where only the policy differs.
        policy: of half precision that the model was built under; empty in float32.
    """

    reason: str
    policy: str

    def __bool__(self) -> bool:
        return bool(self.reason or self.policy)


def needed_rewriting(path: Path) -> Rewriting:
    """What has to change in a whole model before it is exported.

    Raises:
        BadInput: as `read_contents`.
    """
    contents = read_contents(path)
    reason = ""
    if contents.is_hdf5:
        reason = f"HDF5 of Keras {contents.version or '2'}"
    elif contents.of_keras_2:
        reason = f"saved by Keras {contents.version}"
    return Rewriting(reason, next(iter(_half_policies(contents.config)), ""))


def rewrite(path: Path, target: Path, unsafe: bool = False) -> str:
    """Save the model in `path` as a float32 `.keras` file of Keras 3, with its contract.

    Returns:
        What changed, as one sentence.

    Raises:
        BadInput: the model cannot be opened, or its outputs change by more than the policy's
            rounding explains.
    """
    import keras

    rewriting = needed_rewriting(path)
    model = keras_file.load_model(path, unsafe)
    notes = [rewriting.reason] if rewriting.reason else []
    if rewriting.policy:
        model, note = _in_float32(model, rewriting.policy, path, unsafe)
        notes.append(note)
    keras.saving.save_model(model, target)
    keras_file.write_contract(target, keras_file.read_contract(path))
    return f"{path.name}: {'; '.join(notes)}; the bundle's model.keras holds it for Keras 3"


def _half_policies(config: Any) -> list[str]:
    """Names of the policies below float32 in an architecture, each once."""
    found: dict[str, None] = {}
    for item in objects(config):
        settings = item.settings if isinstance(item.settings, dict) else {}
        names = [settings.get("name")] if item.kind in _POLICIES else []
        names.append(settings.get("dtype"))
        found |= {name: None for name in names if isinstance(name, str) and "float16" in name}
    return list(found)


def _in_float32(model: Any, policy: str, path: Path, unsafe: bool) -> tuple[Any, str]:
    """The same layers and weights computed in float32, and how far the two are apart."""
    import keras
    import numpy as np

    config = _float32(keras.saving.serialize_keras_object(model))
    twin = keras.saving.deserialize_keras_object(config, safe_mode=not unsafe)
    twin.set_weights(model.get_weights())
    samples = _samples(twin)
    if samples is None:
        return twin, f"built under {policy}; exported from its float32 weights"
    half = [_outputs(model, samples), _outputs(twin, samples)]
    largest = float(abs(half[0] - half[1]).max())
    if not np.isfinite(half).all() or _snr(*half) < POLICY_SNR[policy.removeprefix("mixed_")]:
        raise BadInput(
            f"{path}: built under {policy}; in float32 it gives other answers: off by up to "
            f"{largest:.3g} on random inputs",
            "values leave the range of half precision: build and save the model in float32",
        )
    return twin, (
        f"built under {policy}; exported from its float32 weights, whose answers differ from the "
        f"model's own by up to {largest:.2g} on random inputs"
    )


def _float32(node: Any) -> Any:
    """An architecture with every half-precision policy replaced."""
    if isinstance(node, list):
        return [_float32(value) for value in node]
    if not isinstance(node, dict):
        return node
    changed = {key: _float32(value) for key, value in node.items()}
    if changed.get("class_name") in _POLICIES and _half_policies(node):
        changed["config"] = {**changed["config"], "name": "float32"}
    if isinstance(changed.get("dtype"), str) and "float16" in changed["dtype"]:
        changed["dtype"] = "float32"
    return changed


def _samples(model: Any) -> list[NDArray[Any]] | None:
    """Seeded random inputs; None where an input is not a plain float array of a known size."""
    import numpy as np

    random = np.random.default_rng(0)
    if any(None in t.shape[1:] or "float" not in str(t.dtype) for t in model.inputs):
        return None
    return [
        random.normal(size=(t.shape[0] or _SAMPLES, *t.shape[1:])).astype(np.float32)
        for t in model.inputs
    ]


def _outputs(model: Any, samples: list[NDArray[Any]]) -> NDArray[np.float64]:
    import keras
    import numpy as np

    values = keras_file.outputs_of(model, samples)
    flat = [np.asarray(keras.ops.cast(value, "float32"), np.float64).ravel() for value in values]
    return np.concatenate(flat)


def _snr(half: NDArray[Any], full: NDArray[Any]) -> float:
    return decibels(float((full**2).sum()), float(((half - full) ** 2).sum()))
