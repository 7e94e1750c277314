"""What a personal layer gains for people whom the model does not know.

The first seconds of each activity of each subject are enrolled, and both the model and the layer
are judged on the rest of that subject's recordings, which no enrolled second is part of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, EvaluationData
from edgeconv.errors import BadInput, UsageError
from edgeconv.integration.personal import PersonalLayer, PersonalModel
from edgeconv.parity import classification
from edgeconv.runtimes.predict import WindowOutputs
from edgeconv.training.fold_results import Estimate, estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORSE = 0.01
"""A subject whose macro-F1 falls by more than this is worse."""


@dataclass(frozen=True)
class PersonalizedSubject:
    """One subject, on the windows that were not enrolled.

    Attributes:
        enrolled: windows that were enrolled.
        windows: windows that both were judged on.
        state: whether the layer was on, and why not.
        model, personal: macro-F1 without and with the layer.
        unsure: share of windows that the layer gives no decision for.
    """

    subject: str
    enrolled: int
    windows: int
    state: str
    model: float
    personal: float
    unsure: float

    @property
    def gain(self) -> float:
        return self.personal - self.model


@dataclass(frozen=True)
class Personalized:
    """All subjects.

    Attributes:
        seconds: that were enrolled of each activity, at least one window.
        gain: mean over subjects, paired, with its interval.
    """

    seconds: float
    subjects: tuple[PersonalizedSubject, ...]
    gain: Estimate

    @property
    def worst(self) -> tuple[PersonalizedSubject, PersonalizedSubject]:
        """The subject with the lowest macro-F1 of the model, and the one of the layer."""
        return (
            min(self.subjects, key=lambda each: each.model),
            min(self.subjects, key=lambda each: each.personal),
        )

    @property
    def worst_quarter(self) -> float:
        """The mean gain of the quarter of the subjects that the model knows worst."""
        order = sorted(self.subjects, key=lambda each: each.model)
        return fmean(each.gain for each in order[: max(1, len(order) // 4)])

    @property
    def worse(self) -> tuple[str, ...]:
        """Subjects whom the layer harms."""
        return tuple(each.subject for each in self.subjects if each.gain < -WORSE)

    def to_json(self) -> dict[str, object]:
        before, after = self.worst
        return {
            "seconds": self.seconds,
            "gain": {"mean": self.gain.mean, "half": self.gain.half},
            "worst_quarter_gain": self.worst_quarter,
            "worst_subject": {"model": before.model, "personal": after.personal},
            "worse": list(self.worse),
            "subjects": {
                each.subject: {
                    "enrolled": each.enrolled,
                    "n": each.windows,
                    "state": each.state,
                    "macro_f1": each.model,
                    "personal_macro_f1": each.personal,
                    "unsure": each.unsure,
                }
                for each in self.subjects
            },
        }


def personalize(
    dataset: Dataset,
    outputs: WindowOutputs,
    labels: NDArray[np.int64],
    model: PersonalModel,
    seconds: float,
) -> Personalized:
    """Enroll the beginning of every subject's recordings, and judge the rest.

    Args:
        dataset: the windows, with the recordings that they were cut from.
        outputs: what the file gave for them.
        labels: (n,) their classes, as the model numbers them.
        model: the file.
        seconds: of each activity, at least one window.

    Raises:
        UsageError: no second.
        BadInput: the file gives no embedding, or nothing is left to judge on.
    """
    import numpy as np

    if not 0 < seconds < math.inf:
        raise UsageError(
            f"--personalize {seconds:g}: nothing can be enrolled", "3 seconds are a good start"
        )
    if outputs.embedding is None:
        raise BadInput(
            "the file gives no embedding, so it cannot be personalized",
            "export it with --embedding, or evaluate its model.keras",
        )
    enrolled, rest = enrollment(dataset, seconds)
    people = []
    for subject in dataset.subject_names:
        theirs = dataset.subjects == subject
        chosen, judged = np.flatnonzero(theirs & enrolled), np.flatnonzero(theirs & rest)
        if not len(judged):
            raise BadInput(
                f"subject {subject} has no window left after {seconds:g} s of each activity",
                "enroll fewer seconds, or give longer recordings",
            )
        layer = PersonalLayer(model)
        for row in chosen:
            layer.enroll(
                int(labels[row]), outputs.classes[row].tolist(), outputs.embedding[row].tolist()
            )
        people.append(_judged(subject, layer, outputs, labels, judged))
    return Personalized(seconds, tuple(people), estimate([each.gain for each in people]))


def enrollment(dataset: Dataset, seconds: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which windows are enrolled, and which share no second with those that were recorded for it.

    Of each subject's activity, recordings of a window or more are used in their order until the
    seconds are reached; a window is enrolled if it lies within them. Windows that were cut before
    are recordings of their own: one that begins or ends with the readings with which an enrolled
    one ends or begins overlaps it.
    """
    import numpy as np

    signal = dataset.signal
    wanted = max(round(seconds * signal.rate_hz), signal.window)
    left: dict[tuple[str, int], int] = {}
    used = np.zeros(len(dataset.recordings), np.int64)
    for number, recording in enumerate(dataset.recordings):
        key = recording.subject, recording.label
        if len(recording.samples) < signal.window:
            continue
        used[number] = min(left.get(key, wanted), len(recording.samples))
        left[key] = left.get(key, wanted) - int(used[number])
    recorded = used[dataset.index[:, 0]]
    start = dataset.index[:, 1]
    apart = ~_overlapping(dataset, used)[dataset.index[:, 0]]
    return start + signal.window <= recorded, (start >= recorded) & apart


def _overlapping(dataset: Dataset, used: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(recordings,) which of those as long as a window share steps with an enrolled one."""
    import numpy as np

    window = dataset.signal.window
    overlapping = np.zeros(len(dataset.recordings), np.bool_)
    enrolled: dict[str, list[NDArray[np.float32]]] = {}
    for recording, steps in zip(dataset.recordings, used, strict=True):
        if len(recording.samples) == steps == window:
            enrolled.setdefault(recording.subject, []).append(recording.samples)
    for number, recording in enumerate(dataset.recordings):
        if len(recording.samples) == window and not used[number]:
            overlapping[number] = any(
                _continues(other, recording.samples) or _continues(recording.samples, other)
                for other in enrolled.get(recording.subject, ())
            )
    return overlapping


def _continues(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether `other` begins with the readings with which `one` ends, so that they overlap."""
    import numpy as np

    begins = np.flatnonzero((one == other[0]).all(axis=1))
    return any(np.array_equal(one[begin:], other[: len(one) - begin]) for begin in begins)


def _judged(
    subject: str,
    layer: PersonalLayer,
    outputs: WindowOutputs,
    labels: NDArray[np.int64],
    rows: Sequence[int] | NDArray[np.int64],
) -> PersonalizedSubject:
    import numpy as np

    assert outputs.embedding is not None
    answers = [
        layer.answer(outputs.classes[row].tolist(), outputs.embedding[row].tolist()) for row in rows
    ]
    personal = np.array([answer.probabilities for answer in answers])

    def score(probabilities: NDArray[np.floating]) -> float:
        result = classification.evaluate(
            probabilities, labels[rows], None, layer.model.labels, "", "", EvaluationData()
        )
        return result.macro_f1

    return PersonalizedSubject(
        subject=subject,
        enrolled=len(layer.windows),
        windows=len(rows),
        state=str(layer.state),
        model=score(outputs.classes[rows]),
        personal=score(personal),
        unsure=float(np.mean([answer.label is None for answer in answers])),
    )
