"""Metrics of a file's outputs against the float model's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edgeconv.core.parity_statistics import decibels
from edgeconv.errors import BadInput
from edgeconv.parity.classification import EPSILON, SLACK
from edgeconv.parity.task_impact import largest_drop, macro_f1

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

METRICS = (
    *("max_abs", "mean_abs", "rmse", "snr_db", "psnr_db", "cosine", "cosine_min"),
    *("kl_mean", "kl_max", "js_mean"),
    *("top1_agreement", "accuracy", "reference_accuracy", "accuracy_drop"),
    *("macro_f1", "reference_macro_f1", "macro_f1_drop", "class_drop", "subject_drop"),
)
"""Every name that `compare` gives a number to."""


def compare(
    reference: NDArray[np.floating[Any]],
    candidate: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    subjects: NDArray[np.str_] | None = None,
) -> dict[str, float]:
    """All `METRICS` of class probabilities (n, classes) against the float reference's.

    Element-wise, over all n · classes values: `max_abs`, `mean_abs`, `rmse`;
    `snr_db` = 10 lg(Σ reference² / Σ difference²), `psnr_db` the same against a peak of 1, both
    within ±`MAX_DB`. By window: `cosine` (mean) and `cosine_min` of the two output vectors;
    `kl_mean`, `kl_max` of KL(reference ‖ candidate) and `js_mean`, the Jensen–Shannon divergence
    (Lin, 1991; at most ln 2), in nats, probabilities not below `EPSILON` and scaled to sum 1.
    `top1_agreement` is the share of windows with the same predicted class; `accuracy_drop` =
    `reference_accuracy` − `accuracy`, as shares: above 0 is worse; `macro_f1_drop` the same for
    macro-F1; `class_drop` and `subject_drop` are the largest drop of a class' recall and of a
    subject's accuracy (without `subjects` all windows are one subject's).

    Raises:
        BadInput: no windows, different shapes, NaN or infinity, or a reference without
            probabilities.
    """
    import numpy as np

    _check(reference, candidate, labels)
    ref, can = reference.astype(np.float64), candidate.astype(np.float64)
    return {**element_wise(ref, can), **_by_window(ref, can), **_task(ref, can, labels, subjects)}


def _task(
    ref: Floats,
    can: Floats,
    labels: NDArray[np.integer[Any]],
    subjects: NDArray[np.str_] | None,
) -> dict[str, float]:
    answers, before = can.argmax(axis=1), ref.argmax(axis=1)
    right, right_before = answers == labels, before == labels
    n, classes = ref.shape
    f1, f1_before = macro_f1(answers, labels, classes), macro_f1(before, labels, classes)
    drop = (int(right_before.sum()) - int(right.sum())) / n
    return {
        "top1_agreement": float((answers == before).mean()),
        "accuracy": int(right.sum()) / n,
        "reference_accuracy": int(right_before.sum()) / n,
        "accuracy_drop": drop,
        "macro_f1": f1,
        "reference_macro_f1": f1_before,
        "macro_f1_drop": f1_before - f1,
        "class_drop": largest_drop(right_before, right, labels),
        "subject_drop": drop if subjects is None else largest_drop(right_before, right, subjects),
    }


def element_wise(ref: Floats, can: Floats) -> dict[str, float]:
    """Errors over all values, as `compare` defines them."""
    import numpy as np

    difference = np.abs(ref - can)
    square = float(np.square(difference).mean())
    return {
        "max_abs": float(difference.max()),
        "mean_abs": float(difference.mean()),
        "rmse": math.sqrt(square),
        "snr_db": decibels(float(np.square(ref).mean()), square),
        "psnr_db": decibels(1.0, square),
    }


def _by_window(ref: Floats, can: Floats) -> dict[str, float]:
    similar = cosine(ref, can)
    return {
        "cosine": float(similar.mean()),
        "cosine_min": float(similar.min()),
        **divergences(ref, can),
    }


def divergences(ref: Floats, can: Floats) -> dict[str, float]:
    """Of class probabilities (n, classes), as `compare` defines them."""
    import numpy as np

    p, q = _distribution(ref), _distribution(can)
    middle = (p + q) / 2
    divergence = _kl(p, q)
    return {
        "kl_mean": float(divergence.mean()),
        "kl_max": float(divergence.max()),
        "js_mean": float(np.mean(_kl(p, middle) + _kl(q, middle)) / 2),
    }


def cosine(a: Floats, b: Floats) -> Floats:
    """Cosine similarity of each pair of rows; two zero rows are alike, one zero row is not."""
    import numpy as np

    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    dots = (a * b).sum(axis=1)
    ratio = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
    return np.where((a == b).all(axis=1), 1.0, np.clip(ratio, -1.0, 1.0))


def _distribution(values: Floats) -> Floats:
    """Rows as distributions: not below EPSILON, sum 1."""
    import numpy as np

    clipped = np.maximum(values, EPSILON)
    return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))


def _kl(p: Floats, q: Floats) -> Floats:
    """KL(p ‖ q) of each row in nats; rounding may not take it below 0."""
    import numpy as np

    return np.asarray(np.maximum((p * np.log(p / q)).sum(axis=1), 0.0))


def _check(reference: NDArray[Any], candidate: NDArray[Any], labels: NDArray[Any]) -> None:
    import numpy as np

    if reference.ndim != 2 or reference.shape != candidate.shape or len(labels) != len(reference):
        raise BadInput(
            f"outputs of shape {candidate.shape} cannot be compared with a reference of shape "
            f"{reference.shape} and {len(labels)} labels",
            "run both on the same windows",
        )
    if reference.size == 0:
        raise BadInput("there are no windows to compare on", "choose another split or data set")
    for name, array in (("float reference", reference), ("file", candidate)):
        if not np.isfinite(array).all():
            raise BadInput(
                f"outputs of the {name} hold NaN or infinity",
                "look for the layer that makes them: edgeconv compare --layers, or "
                "check the weights",
            )
    if reference.min() < -SLACK or reference.max() > 1 + SLACK:
        raise BadInput(
            f"the float reference's outputs, {reference.min():.4g} to {reference.max():.4g}, are "
            "no probabilities",
            "end the model with softmax",
        )
