"""Limits of a file, by target and scheme; docs/explanation/parity-gates.md derives each figure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edgeconv.core import Artifact, Check, ModelFile, Status, Target
from edgeconv.errors import BadInput, UsageError
from edgeconv.parity.noninferiority import CONFIDENCE, DROP, GATE, LEVEL, check_limits

DIRECTIONS: dict[str, str] = {
    "max_abs": "<=",
    "mean_abs": "<=",
    "rmse": "<=",
    "snr_db": ">=",
    "psnr_db": ">=",
    "cosine": ">=",
    "cosine_min": ">=",
    "kl_mean": "<=",
    "kl_max": "<=",
    "js_mean": "<=",
    "top1_agreement": ">=",
    "accuracy": ">=",
    "accuracy_drop": "<=",
    GATE: "<=",  # the drop with confidence: `noninferiority.py`
    "macro_f1": ">=",
    "macro_f1_drop": "<=",
    "class_drop": "<=",
    "subject_drop": "<=",
    "saturated": "<=",  # integer files: `saturation.py`
}
"""Every gate, and on which side of its limit a good file lies."""

_DROP = {"accuracy_drop": 0.005}  # half a point on people never seen, the promise of every scheme
# Only the order of sums differs: 2^-24 relative a step, grown over the layers.
_FLOAT32 = {"max_abs": 1e-4, "snr_db": 90.0, "kl_mean": 1e-6, "top1_agreement": 0.999}
# Weights rounded to float16, 2^-11 relative: at the worst 5 layers · 2^-11 of a logit of 10, and a
# probability changes by half of what two logits move apart.
_FLOAT16_WEIGHTS = {"max_abs": 0.0125, "snr_db": 60.0, "kl_mean": 1e-5, "top1_agreement": 0.995}
# Activations are rounded after every operation too: twice as many roundings.
_FLOAT16 = {"max_abs": 0.025, "snr_db": 50.0, "kl_mean": 1e-4, "top1_agreement": 0.99}
# 8-bit weights, 127 steps a channel; single windows near a boundary may move far, means may not.
_INT8_WEIGHTS = {
    **{"mean_abs": 0.01, "snr_db": 30.0, "cosine": 0.999},
    **{"kl_mean": 0.005, "top1_agreement": 0.98},
}
# 8-bit activations as well, in 256 steps of the calibrated range.
_INT8 = {
    **{"mean_abs": 0.015, "snr_db": 20.0, "cosine": 0.99},
    **{"kl_mean": 0.02, "top1_agreement": 0.97},
}

_DEFAULTS: dict[tuple[Target, str], dict[str, float]] = {
    (Target.TFLITE, "float32"): _FLOAT32 | _DROP,
    (Target.TFLITE, "float16"): _FLOAT16_WEIGHTS | _DROP,
    (Target.TFLITE, "dynamic"): _INT8_WEIGHTS | _DROP,
    (Target.TFLITE, "int8"): _INT8 | _DROP,
    (Target.TFLITE, "int4"): _INT8 | _DROP,  # half the size buys no worse answers
    (Target.TFLITE, "int16x8"): _INT8_WEIGHTS | _DROP,
    (Target.COREML, "float32"): _FLOAT32 | _DROP,
    (Target.COREML, "float16"): _FLOAT16 | _DROP,
    **{(Target.COREML, name): _INT8_WEIGHTS | _DROP for name in ("int8", "palette8", "palette6")},
    # Fewer bits buy size, not worse answers: held to int8's promise, whatever is left of the
    # weights. palette2 and palette1 do not keep it without training after compression.
    **{
        (Target.COREML, name): _INT8 | _DROP
        for name in (
            *("w8a8", "int4", "palette4", "palette3", "palette2", "palette1"),
            *("pruned50", "pruned75", "pruned50-int8", "pruned75-int8"),
            *("pruned50-palette4", "pruned75-palette4"),
        )
    },
}


def default_gates(target: Target, scheme: str) -> dict[str, float]:
    """The limits of a scheme; those of int8 for a scheme that has none of its own yet."""
    return dict(_DEFAULTS.get((target, scheme), _INT8 | _DROP))


def resolve_gates(
    target: Target, scheme: str, overrides: Mapping[str, float], retrained: bool = False
) -> dict[str, float]:
    """The scheme's limits with those of a recipe or of `--gate NAME=VALUE` put over them.

    A file whose weights were trained on is another network: it may answer otherwise, and be no
    worse. Of the scheme's limits only that of accuracy holds for it against the float model;
    the others hold against the network that it was made of.

    `max_drop` is the limit of `accuracy_drop` as well, unless that one is set too: who allows two
    points with confidence does not mean to fail at half a point without. `confidence` among the
    overrides is no gate: `noninferiority.level_of` reads it.

    Raises:
        UsageError: an unknown gate, or a limit that is no finite number (`max_drop`: no share).
    """
    check_limits(overrides.get(GATE, DROP), overrides.get(CONFIDENCE, LEVEL))
    given = {name: limit for name, limit in overrides.items() if name != CONFIDENCE}
    for name, limit in given.items():
        direction_of(name)
        if not math.isfinite(limit):
            raise UsageError(f"gate {name}: the limit must be a finite number, got {limit}")
    drop = {"accuracy_drop": given[GATE]} if GATE in given else {}
    own = dict(_DROP) if retrained else default_gates(target, scheme)
    return {**own, **drop, **given}


def gates_of(file: ModelFile, overrides: Mapping[str, float]) -> dict[str, float]:
    """The limits for a file of any origin; those of float32, which no target changes, for Keras.

    Raises:
        UsageError: as `resolve_gates`.
    """
    target = file.target if isinstance(file, Artifact) else Target.TFLITE
    return resolve_gates(target, file.scheme, overrides)


def judge(name: str, limit: float, metrics: Mapping[str, float]) -> Check:
    """One number against its limit; NaN never passes.

    Raises:
        UsageError: no such gate.
        BadInput: the metric was not measured. A missing number is no pass.
    """
    direction = direction_of(name)
    if name not in metrics:
        raise BadInput(f"gate {name}: its metric was not measured")
    value = metrics[name]
    passed = value <= limit if direction == "<=" else value >= limit
    return Check(name, Status.PASSED if passed else Status.FAILED, value, limit, direction)


def direction_of(name: str) -> str:
    """`<=` or `>=`. Raises UsageError for an unknown gate; the message lists the known ones."""
    if name not in DIRECTIONS:
        raise UsageError(f"unknown gate '{name}'", f"choose one of: {', '.join(DIRECTIONS)}")
    return DIRECTIONS[name]
