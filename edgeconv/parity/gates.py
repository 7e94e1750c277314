"""Limits of a file, by target and scheme; docs/explanation/parity-gates.md derives each figure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edgeconv.core import Artifact, Check, ModelFile, Status
from edgeconv.errors import BadInput, UsageError
from edgeconv.parity.significance import CONFIDENCE, DROP, GATE, LEVEL, check_limits
from edgeconv.targets import limits
from edgeconv.targets.base import find_target

EMBEDDING_SNR = "embedding_snr_db"
"""How far a file's embedding is above its error; the limit is that of the scheme's `snr_db`."""

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
    EMBEDDING_SNR: ">=",  # files with the output `embedding`
}
"""Every gate, and the side of its limit on which a file passes."""

# A Keras model is not for any target; it computes in float32.
_KERAS = {"float32": limits.FLOAT32_GATES}


def default_gates(target: str, scheme: str) -> dict[str, float]:
    """The limits of a target's scheme.

    Raises:
        Unsupported: no such target or scheme.
    """
    return find_target(target).gates(scheme)


def resolve_gates(
    target: str,
    scheme: str,
    overrides: Mapping[str, float],
    *,
    retrained: bool = False,
    embedding: bool = False,
) -> dict[str, float]:
    """The scheme's limits, replaced by those of a recipe or of `--gate NAME=VALUE`.

    A retrained artifact is another network, which may predict other classes without being worse. Of
    the scheme's limits only the accuracy drop holds for it against the float model; the others hold
    against the compressed network that it was exported from.

    `max_drop` is also the limit of `accuracy_drop`, unless that one is set too: two points with
    confidence are not meant to fail at half a point without. `confidence` among the overrides is
    not a gate: `noninferiority.level_of` reads it.

    Args:
        target: of the artifact.
        scheme: of the artifact.
        overrides: limits by gate.
        retrained: whether a compression trained its weights again.
        embedding: whether the file gives an embedding, which is then judged too, against that of
            the network that it was exported from.

    Raises:
        UsageError: an unknown gate, or a limit that is not a finite number (`max_drop`: not a
            fraction).
    """
    defaults = default_gates(target, scheme)
    inner = {EMBEDDING_SNR: defaults["snr_db"]} if embedding and "snr_db" in defaults else {}
    if retrained:
        return _overridden({**limits.ACCURACY_DROP, **inner}, overrides)
    return _overridden({**defaults, **inner}, overrides)


def gates_of(file: ModelFile, overrides: Mapping[str, float]) -> dict[str, float]:
    """The limits for a file of any origin; those of float32, which no target changes, for Keras.

    Raises:
        UsageError: as `resolve_gates`.
    """
    if isinstance(file, Artifact):
        return resolve_gates(file.target, file.scheme, overrides)
    return _overridden(_KERAS[file.scheme], overrides)


def _overridden(defaults: Mapping[str, float], overrides: Mapping[str, float]) -> dict[str, float]:
    check_limits(overrides.get(GATE, DROP), overrides.get(CONFIDENCE, LEVEL))
    given = {name: limit for name, limit in overrides.items() if name != CONFIDENCE}
    for name, limit in given.items():
        direction_of(name)
        if not math.isfinite(limit):
            raise UsageError(
                f"gate {name}: the limit must be a finite number, got {limit}",
                "give a number, such as 0.01",
            )
    drop = {"accuracy_drop": given[GATE]} if GATE in given else {}
    return {**defaults, **drop, **given}


def judge(name: str, limit: float, metrics: Mapping[str, float]) -> Check:
    """One number against its limit; NaN never passes.

    Raises:
        UsageError: no such gate.
        BadInput: the metric was not measured, which is not a pass.
    """
    direction = direction_of(name)
    if name not in metrics:
        raise BadInput(
            f"gate {name}: its metric was not measured",
            "take the gate out, or give the data it needs: see docs/reference/metrics.md",
        )
    value = metrics[name]
    passed = value <= limit if direction == "<=" else value >= limit
    return Check(name, Status.PASSED if passed else Status.FAILED, value, limit, direction)


def direction_of(name: str) -> str:
    """`<=` or `>=`. Raises UsageError for an unknown gate; the message lists the known ones."""
    if name not in DIRECTIONS:
        raise UsageError(f"unknown gate '{name}'", f"choose one of: {', '.join(DIRECTIONS)}")
    return DIRECTIONS[name]
