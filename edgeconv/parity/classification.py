"""Accuracy, balanced accuracy, macro-F1, loss, confusion: by class and by subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Dataset,
    EvaluationData,
    EvaluationResult,
    LabelMap,
    Signal,
    subject_order,
)
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EPSILON = 1e-7
"""Smallest probability under a logarithm, Keras' own: an int8 output of exactly 0 costs 16.1 nats
and not infinity."""

SLACK = 1e-3
"""A probability may leave [0, 1] by rounding, a logit leaves it by far more."""


def evaluate(
    probabilities: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    subjects: NDArray[np.str_] | None,
    label_names: Sequence[str],
    runtime: str,
    sha256: str,
    data: EvaluationData,
) -> EvaluationResult:
    """Judge class probabilities (n, classes) by the true classes (n,).

    Nothing is said by subject where `subjects` (n,) are None.

    A tie goes to the first of the tied classes. A class without windows has no recall, so balanced
    accuracy is the mean over classes that have some; macro-F1 is the mean over classes that occur
    or were answered, with 0 for one that was answered and does not occur (both are scikit-learn's
    definitions with `zero_division=0`). Loss is the mean of −ln p(true class), p scaled so that
    each row sums to 1 and not below `EPSILON` (Keras' categorical cross-entropy).

    Raises:
        BadInput: no windows, other shapes than these, an unknown class, NaN or infinity, or
            numbers that are not probabilities.
    """
    import numpy as np

    _check_shapes(probabilities, labels, subjects, label_names)
    _check_values(probabilities)
    n, classes = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    confusion = np.bincount(labels * classes + predicted, minlength=classes**2)
    confusion = confusion.reshape(classes, classes)
    per_class = _per_class(confusion, label_names)
    right = predicted == labels
    recalls = [figures["recall"] for figures in per_class.values() if figures["n"]]
    scores = [
        figures["f1"]
        for figures, answered in zip(per_class.values(), confusion.sum(axis=0), strict=True)
        if figures["n"] or answered
    ]
    return EvaluationResult(
        accuracy=float(right.mean()),
        balanced_accuracy=sum(recalls) / len(recalls),
        macro_f1=sum(scores) / len(scores),
        loss=negative_log_likelihood(probabilities, labels),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
        n=n,
        labels=tuple(label_names),
        per_class=per_class,
        per_subject={} if subjects is None else _per_subject(right, subjects),
        runtime=runtime,
        sha256=sha256,
        data=data,
    )


def labels_for(signal: Signal, dataset: Dataset) -> NDArray[np.int64]:
    """The data set's labels as the model numbers its classes, matched by name.

    Raises:
        BadInput: the data have a class that the model does not know.
    """
    import numpy as np

    names = signal.labels or dataset.signal.labels
    present = {dataset.signal.labels[i] for i in np.unique(dataset.labels)}
    unknown = sorted(present - set(names))
    if unknown:
        raise BadInput(
            f"the data have classes that the model does not know: {', '.join(unknown)}; "
            f"it knows {', '.join(names)}",
            "evaluate it on data with its own classes, or merge or drop some: evaluate --labels",
        )
    number = np.array([names.index(n) if n in names else -1 for n in dataset.signal.labels])
    mapped: NDArray[np.int64] = number[dataset.labels].astype(np.int64)
    return mapped


def merged_probabilities(
    probabilities: NDArray[np.float32], labels: Sequence[str], merged: LabelMap
) -> NDArray[np.float32]:
    """Probabilities (n, classes) of merged classes (n, `merged.merged(labels)`): the sum of theirs.

    A sum of rounded probabilities, as an int8 file gives them, may exceed 1 and then counts as 1.

    Raises:
        BadInput: another number of classes than labels, or numbers that are not probabilities.
    """
    import numpy as np

    if probabilities.ndim != 2 or probabilities.shape[1] != len(labels):
        raise BadInput(
            f"the model gives {probabilities.shape[1:]} values a window, but there are names for "
            f"{len(labels)} classes: {', '.join(labels)}",
            "a label map needs the names of the model's classes: evaluate a file with a contract",
        )
    _check_values(probabilities)
    names = merged.merged(labels)
    member = np.zeros((len(labels), len(names)), np.float32)
    for row, label in enumerate(labels):
        member[row, names.index(merged.class_of(label))] = 1.0
    return np.asarray(np.minimum(probabilities @ member, 1.0), np.float32)


def as_probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax of outputs (n, classes) that cannot be probabilities, the others as they are.

    Some value below 0 or above 1 by more than rounding is the sign of logits: a probability never
    is, and logits of hundreds of windows without one do not occur. Outputs that hold NaN or
    infinity stay as they are, to be refused as such.
    """
    import numpy as np

    if not np.isfinite(outputs).all() or not outputs.size:
        return outputs
    if outputs.min() >= -SLACK and outputs.max() <= 1 + SLACK:
        return outputs
    return softmax(outputs)


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Probabilities of logits (n, classes); a row with NaN or infinity becomes NaN."""
    import numpy as np

    finite = np.isfinite(logits).all(axis=1, keepdims=True)
    numbers = np.where(finite, logits, np.nan).astype(np.float64)
    shifted = np.exp(numbers - numbers.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)


def negative_log_likelihood(
    probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]
) -> float:
    """Mean of −ln p(true class) in nats, rows scaled to sum 1, p not below `EPSILON`."""
    import numpy as np

    p = np.clip(probabilities.astype(np.float64), 0.0, None)
    p /= np.maximum(p.sum(axis=1, keepdims=True), EPSILON)
    true = np.clip(p[np.arange(len(p)), labels], EPSILON, 1.0)
    return float(-np.log(true).mean())


def _per_class(
    confusion: NDArray[np.integer[Any]], label_names: Sequence[str]
) -> dict[str, dict[str, float]]:
    table = {}
    for i, name in enumerate(label_names):
        hits, n, answered = confusion[i, i], confusion[i].sum(), confusion[:, i].sum()
        table[name] = {
            "precision": float(hits / answered) if answered else 0.0,
            "recall": float(hits / n) if n else 0.0,
            "f1": float(2 * hits / (n + answered)) if n + answered else 0.0,
            "n": int(n),
        }
    return table


def _per_subject(
    right: NDArray[np.bool_], subjects: NDArray[np.str_]
) -> dict[str, dict[str, float]]:
    table = {}
    for subject in sorted(set(subjects.tolist()), key=subject_order):
        members = right[subjects == subject]
        table[subject] = {"accuracy": float(members.mean()), "n": len(members)}
    return table


def _check_shapes(
    probabilities: NDArray[Any],
    labels: NDArray[Any],
    subjects: NDArray[Any] | None,
    label_names: Sequence[str],
) -> None:
    if not len(labels):
        raise BadInput("no windows to evaluate on", "choose another split or data set")
    if probabilities.ndim != 2 or probabilities.shape[1] != len(label_names):
        raise BadInput(
            f"the model gives {probabilities.shape[1:]} values a window, but there are "
            f"{len(label_names)} classes: {', '.join(label_names)}",
            "evaluate it on data with its own classes",
        )
    named = labels if subjects is None else subjects
    if not len(probabilities) == len(labels) == len(named):
        raise BadInput(
            f"{len(probabilities)} outputs, {len(labels)} labels and {len(named)} subjects "
            "do not belong together",
            "give one label and one subject for each output",
        )
    if labels.min() < 0 or labels.max() >= len(label_names):
        raise BadInput(
            f"labels go from {labels.min()} to {labels.max()}, but there are "
            f"{len(label_names)} classes",
            "number the classes from 0, in the order of the names",
        )


def _check_values(probabilities: NDArray[np.floating[Any]]) -> None:
    import numpy as np

    broken = ~np.isfinite(probabilities).all(axis=1)
    if broken.any():
        raise BadInput(
            f"the model's output is NaN or infinite for {int(broken.sum())} of {len(broken)} "
            f"windows, first for window {int(broken.argmax())}",
            "the file is broken: export it again",
        )
    if probabilities.min() < -SLACK or probabilities.max() > 1 + SLACK:
        raise BadInput(
            f"outputs from {probabilities.min():.4g} to {probabilities.max():.4g} are not "
            "probabilities",
            "end the model with softmax",
        )
