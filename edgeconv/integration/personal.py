"""What a few labeled windows of one user change in a model's answers, without any training.

The reference of docs/explanation/personalization.md, which the packages follow number by number:
no NumPy, double precision, every sum from the first term to the last.

A prototype is the mean embedding of an activity's enrolled windows. What the model gets wrong at
the prototypes is spread to other windows by how much their embeddings are alike (ridge regression
in its dual form, one equation a prototype), and added to the logarithms of the model's own
probabilities. An answer may change from one activity to another only if the model mistook an
enrolled window in that way, or nearly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edgeconv.errors import BadInput, UsageError
from edgeconv.integration.smoothing import UNSURE_BELOW, softmax

RIDGE = 0.03
"""How far the prototypes need not be met: what keeps few windows from saying too much."""
STRENGTH = 2.0
"""By how much an answer that is wrong altogether is moved, in units of a logarithm."""
FLOOR = 1e-6
"""A smaller probability counts as this one."""
CLOSE = 0.9
"""A class with this share of the largest probability is nearly the model's answer."""
MOST_WINDOWS = 32
"""Of one activity; the oldest one gives way to a further one."""
_EQUAL = 1e-9  # shares of right windows that differ by less are equal

FORMAT, VERSION = "edgeconv-personal", 1


@dataclass(frozen=True)
class PersonalModel:
    """The file whose answers are personalized; windows of another one are worth nothing.

    Attributes:
        sha256: of the file.
        labels: class names, in the order of its outputs.
        embedding: size of its output `embedding`.
        logits: whether its outputs go through softmax first.
    """

    sha256: str
    labels: tuple[str, ...]
    embedding: int
    logits: bool = False

    def __post_init__(self) -> None:
        if not self.labels or self.embedding < 1:
            raise UsageError(
                f"a personal layer needs class names and an embedding, got {len(self.labels)} "
                f"names and {self.embedding} numbers",
                "export the model with --embedding",
            )


@dataclass(frozen=True)
class EnrolledWindow:
    """A window whose activity the user told: its class number, and what the file gave."""

    label: int
    outputs: tuple[float, ...]
    embedding: tuple[float, ...]


class PersonalState(StrEnum):
    """Why a layer changes answers, or why it does not."""

    ON = "on"
    EMPTY = "empty"  # nothing is enrolled
    ONE_ACTIVITY = "one_activity"  # there is nothing to tell it from
    NO_GAIN = "no_gain"  # the model is right as often on what is enrolled, or on an activity of it


@dataclass(frozen=True)
class PersonalAnswer:
    """The result for one window.

    Attributes:
        probabilities: of all classes.
        label: the most probable class; None where it is less probable than was asked for, or
            the file's outputs are not finite.
        personal: whether the layer took part.
    """

    probabilities: tuple[float, ...]
    label: int | None
    personal: bool


@dataclass(frozen=True)
class _Fitted:
    """Prototypes, their common scale, and the coefficients of each, one a class.

    Attributes:
        mistaken: [a][c] whether the model nearly answered class a for a window of class c.
    """

    prototypes: list[list[float]]
    scale: float
    coefficients: list[list[float]]
    mistaken: list[list[bool]]


class PersonalLayer:
    """Enrolled windows of one user, and the answers that they give.

    Args:
        model: whose outputs they are.
    """

    def __init__(self, model: PersonalModel) -> None:
        self.model = model
        self.windows: list[EnrolledWindow] = []
        self._fitted: _Fitted | None = None
        self._state: PersonalState | None = PersonalState.EMPTY

    def enroll(self, label: int, outputs: Sequence[float], embedding: Sequence[float]) -> bool:
        """Add a window of an activity; False, and nothing changes, if a number is not finite.

        Raises:
            UsageError: no such class, or as many numbers as another file gives.
        """
        self._check(outputs, embedding)
        if not 0 <= label < len(self.model.labels):
            raise UsageError(
                f"there is no class number {label}", f"0 to {len(self.model.labels) - 1}"
            )
        if not all(map(math.isfinite, (*outputs, *embedding))):
            return False
        same = [place for place, window in enumerate(self.windows) if window.label == label]
        if len(same) >= MOST_WINDOWS:
            del self.windows[same[0]]
        self.windows.append(EnrolledWindow(label, tuple(outputs), tuple(embedding)))
        self._state = None
        return True

    def forget(self, label: int | None = None) -> None:
        """Drop the windows of one class; None: of all."""
        self.windows = [w for w in self.windows if label is not None and w.label != label]
        self._state = None

    @property
    def state(self) -> PersonalState:
        """Whether the layer changes answers.

        It must be right more often than the model, and on no activity less often.
        """
        if self._state is None:
            self._state, self._fitted = self._judged()
        return self._state

    def answer(
        self,
        outputs: Sequence[float],
        embedding: Sequence[float],
        unsure_below: float = UNSURE_BELOW,
    ) -> PersonalAnswer:
        """The answer for one window: the model's own, unless the layer is on.

        Raises:
            UsageError: as many numbers as another file gives.
        """
        self._check(outputs, embedding)
        if not all(map(math.isfinite, outputs)):
            return PersonalAnswer(tuple(outputs), None, False)
        on = self.state is PersonalState.ON and all(map(math.isfinite, embedding))
        probabilities = self._probabilities(outputs)
        if on and self._fitted is not None:
            probabilities = _corrected(self._fitted, probabilities, embedding)
        label = _largest(probabilities)
        sure = probabilities[label] >= unsure_below
        return PersonalAnswer(tuple(probabilities), label if sure else None, on)

    def to_json(self) -> dict[str, object]:
        """What an app stores, and exports; it holds windows' embeddings, not readings."""
        return {
            "format": FORMAT,
            "schema_version": VERSION,
            "model_sha256": self.model.sha256,
            "labels": list(self.model.labels),
            "embedding": self.model.embedding,
            "windows": [
                {
                    "label": self.model.labels[window.label],
                    "outputs": list(window.outputs),
                    "embedding": list(window.embedding),
                }
                for window in self.windows
            ],
        }

    @classmethod
    def from_json(cls, data: object, model: PersonalModel) -> PersonalLayer:
        """Read what `to_json` wrote, for the same file.

        Raises:
            BadInput: not such a document, one of another file, or damaged.
        """
        layer = cls(model)
        for label, outputs, embedding in _stored_windows(data, model):
            try:
                accepted = layer.enroll(label, outputs, embedding)
            except UsageError as error:
                raise _damaged(error.message) from error
            if not accepted:
                raise _damaged("a number is not finite")
        return layer

    # --- arithmetic ---------------------------------------------------------------------------

    def _judged(self) -> tuple[PersonalState, _Fitted | None]:
        labels = {window.label for window in self.windows}
        if len(labels) < 2:
            return PersonalState.ONE_ACTIVITY if labels else PersonalState.EMPTY, None
        fitted = self._fit(self.windows)
        personal = self._shares_right(
            [self._predicted(place, fitted) for place in range(len(self.windows))]
        )
        model = self._shares_right([_largest(self._probabilities(w.outputs)) for w in self.windows])
        loses = any(own < other for own, other in zip(personal, model, strict=True))
        if loses or _mean(personal) <= _mean(model) + _EQUAL:
            return PersonalState.NO_GAIN, None
        return PersonalState.ON, fitted

    def _predicted(self, place: int, fitted: _Fitted) -> int:
        """The class of an enrolled window, by a layer that has not seen it where its activity has
        another one."""
        window = self.windows[place]
        if sum(other.label == window.label for other in self.windows) > 1:
            fitted = self._fit([*self.windows[:place], *self.windows[place + 1 :]])
        return _largest(_corrected(fitted, self._probabilities(window.outputs), window.embedding))

    def _shares_right(self, predicted: Sequence[int]) -> list[float]:
        """The share of windows that are right, of each enrolled activity."""
        shares = []
        for label in range(len(self.model.labels)):
            right = [
                guess == label
                for window, guess in zip(self.windows, predicted, strict=True)
                if window.label == label
            ]
            if right:
                shares.append(sum(right) / len(right))
        return shares

    def _fit(self, windows: Sequence[EnrolledWindow]) -> _Fitted:
        """The prototypes and coefficients of some windows, of two activities or more."""
        classes = len(self.model.labels)
        prototypes, residuals = [], []
        mistaken = [[False] * classes for _ in range(classes)]
        for label in range(classes):
            members = [window for window in windows if window.label == label]
            if not members:
                continue
            answers = [self._probabilities(window.outputs) for window in members]
            for answer in answers:
                close = CLOSE * max(answer)
                for k, probability in enumerate(answer):
                    mistaken[k][label] |= probability >= close
            means = _means(answers)
            prototypes.append(_means([window.embedding for window in members]))
            residuals.append([(k == label) - mean for k, mean in enumerate(means)])
        scale = _mean([_product(prototype, prototype) for prototype in prototypes]) or 1.0
        gram = [[_product(a, b) / scale + 1.0 for b in prototypes] for a in prototypes]
        for place, row in enumerate(gram):
            row[place] += RIDGE
        return _Fitted(prototypes, scale, _solved(gram, residuals), mistaken)

    def _probabilities(self, outputs: Sequence[float]) -> list[float]:
        return softmax(outputs) if self.model.logits else list(outputs)

    def _check(self, outputs: Sequence[float], embedding: Sequence[float]) -> None:
        wanted = len(self.model.labels), self.model.embedding
        if (len(outputs), len(embedding)) != wanted:
            raise UsageError(
                f"the model gives {wanted[0]} outputs and an embedding of {wanted[1]}, not "
                f"{len(outputs)} and {len(embedding)}",
                "give what the same file gave for one window",
            )


def _corrected(
    fitted: _Fitted, probabilities: Sequence[float], embedding: Sequence[float]
) -> list[float]:
    """Softmax of the logarithms and what the prototypes add to them.

    The probabilities stay as they are where that would be a change that no enrolled window backs.
    """
    logits = [math.log(max(p, FLOOR)) for p in probabilities]
    for prototype, coefficients in zip(fitted.prototypes, fitted.coefficients, strict=True):
        alike = _product(prototype, embedding) / fitted.scale + 1.0
        logits = [z + alike * c for z, c in zip(logits, coefficients, strict=True)]
    corrected = softmax(logits)
    before, after = _largest(probabilities), _largest(corrected)
    return corrected if before == after or fitted.mistaken[before][after] else list(probabilities)


def _solved(gram: list[list[float]], residuals: list[list[float]]) -> list[list[float]]:
    """A with `gram · A = STRENGTH · residuals`, by Cholesky's decomposition."""
    n = len(gram)
    lower = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = gram[i][j]
            for k in range(j):
                rest -= lower[i][k] * lower[j][k]
            lower[i][j] = math.sqrt(rest) if i == j else rest / lower[j][j]
    solved = [[0.0] * len(residuals[0]) for _ in range(n)]
    for column in range(len(residuals[0])):
        for i in range(n):
            rest = STRENGTH * residuals[i][column]
            for k in range(i):
                rest -= lower[i][k] * solved[k][column]
            solved[i][column] = rest / lower[i][i]
        for i in reversed(range(n)):
            rest = solved[i][column]
            for k in range(i + 1, n):
                rest -= lower[k][i] * solved[k][column]
            solved[i][column] = rest / lower[i][i]
    return solved


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    return [_mean(column) for column in zip(*rows, strict=True)]


def _mean(values: Sequence[float]) -> float:
    """Not by `sum`, which corrects its rounding in some versions of Python."""
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


def _product(a: Sequence[float], b: Sequence[float]) -> float:
    total = 0.0
    for x, y in zip(a, b, strict=True):
        total += x * y
    return total


def _largest(values: Sequence[float]) -> int:
    """The first of the largest."""
    return max(range(len(values)), key=values.__getitem__)


def _stored_windows(
    data: object, model: PersonalModel
) -> list[tuple[int, list[float], list[float]]]:
    """Class number, outputs and embedding of each window of a document."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise BadInput("this is no personal layer", "give the JSON that an app exported")
    if data.get("schema_version") != VERSION:
        raise BadInput(
            f"the personal layer has schema version {data.get('schema_version')}, but this "
            f"edgeconv reads {VERSION}",
            "install a newer edgeconv",
        )
    if data.get("model_sha256") != model.sha256:
        raise BadInput(
            f"the personal layer is of another file ({str(data.get('model_sha256'))[:12]}…)",
            "embeddings of two files do not compare: enroll again",
        )
    try:
        if tuple(data["labels"]) != model.labels or data["embedding"] != model.embedding:
            raise _damaged("its class names or its size are not those of the file")
        return [
            (
                model.labels.index(window["label"]),
                [float(value) for value in window["outputs"]],
                [float(value) for value in window["embedding"]],
            )
            for window in data["windows"]
        ]
    except (OverflowError, KeyError, TypeError, ValueError) as error:
        raise _damaged(repr(error)) from error


def _damaged(reason: str) -> BadInput:
    return BadInput(f"the personal layer is damaged: {reason}", "forget it, and enroll again")
