"""`personal.json`: what the reference of the personal layer does, for the tests of every package.

Every number that goes in is a multiple of 1/64, so that float32 holds it exactly. `null` stands
for NaN. docs/explanation/personalization.md explains the file.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from edgeconv.errors import BadInput
from edgeconv.integration.personal import (
    CLOSE,
    FLOOR,
    MOST_WINDOWS,
    RIDGE,
    STRENGTH,
    EnrolledWindow,
    PersonalLayer,
    PersonalModel,
)

FORMAT, VERSION = "edgeconv-personal-vectors", 1
TOLERANCE = 1e-9
"""Of a probability: exp, log and the order of a product differ by less in double precision."""

_MODEL = PersonalModel("a" * 64, ("Sitting", "Walking", "Stairs"), 4)
_TWO = PersonalModel("b" * 64, ("Still", "Moving"), 2)
_NAN = math.nan


@dataclass(frozen=True)
class Enroll:
    """A window that is enrolled."""

    window: EnrolledWindow


@dataclass(frozen=True)
class Forget:
    """Windows that are dropped: of a class, or all."""

    label: int | None


@dataclass(frozen=True)
class Ask:
    """A window whose answer is asked for."""

    outputs: tuple[float, ...]
    embedding: tuple[float, ...]
    unsure_below: float = 0.5


Step = Enroll | Forget | Ask


def make_personal_document() -> dict[str, object]:
    """Every case with what the reference answers, ready to be written as JSON."""
    return {
        "format": FORMAT,
        "schema_version": VERSION,
        "constants": {
            "ridge": RIDGE,
            "strength": STRENGTH,
            "floor": FLOOR,
            "close": CLOSE,
            "most_windows": MOST_WINDOWS,
        },
        "tolerance": TOLERANCE,
        "layers": [_layer(name, model, steps) for name, model, steps in _cases()],
        "stored": _stored(),
    }


def _layer(name: str, model: PersonalModel, steps: Sequence[Step]) -> dict[str, object]:
    layer = PersonalLayer(model)
    return {
        "name": name,
        "model": {**asdict(model), "labels": list(model.labels)},
        "steps": [_step(layer, step) for step in steps],
        "document": layer.to_json(),
    }


def _step(layer: PersonalLayer, step: Step) -> dict[str, object]:
    """The step, with what came of it and the state after it."""
    if isinstance(step, Forget):
        layer.forget(step.label)
        done: dict[str, object] = {"forget": step.label}
    elif isinstance(step, Enroll):
        window = step.window
        accepted = layer.enroll(window.label, window.outputs, window.embedding)
        given = {**_numbers(window.outputs, window.embedding), "label": window.label}
        done = {"enroll": given, "accepted": accepted}
    else:
        answer = layer.answer(step.outputs, step.embedding, step.unsure_below)
        given = {**_numbers(step.outputs, step.embedding), "unsure_below": step.unsure_below}
        expected = {
            "probabilities": [_number(value) for value in answer.probabilities],
            "label": answer.label,
            "personal": answer.personal,
        }
        done = {"answer": given, "expected": expected}
    return {**done, "state": str(layer.state)}


def _numbers(outputs: Sequence[float], embedding: Sequence[float]) -> dict[str, object]:
    return {
        "outputs": [_number(value) for value in outputs],
        "embedding": [_number(value) for value in embedding],
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


# --- cases ------------------------------------------------------------------------------------


class _Person:
    """Windows of somebody whose class `mistaken` the model takes for its neighbor."""

    def __init__(self, model: PersonalModel, mistaken: int | None, seed: int) -> None:
        self._model, self._mistaken = model, mistaken
        self._random = random.Random(seed)  # noqa: S311 - examples, no secrets

    def window(self, label: int) -> EnrolledWindow:
        """An embedding along the axis of its class, and what the model makes of it."""
        classes, size = len(self._model.labels), self._model.embedding
        wrong = label == self._mistaken
        said = (label + 1) % classes if wrong else label
        rest = [self._random.randrange(1, 8) for _ in range(classes)]
        rest[said] += 64 - sum(rest)
        outputs = tuple(value / 64 for value in rest)
        if self._model.logits:
            outputs = tuple(2 * value - 1 for value in outputs)
        axis = [self._random.randrange(-24, 25) / 64 for _ in range(size)]
        axis[label] += 1.0
        axis[said] += 0.5
        return EnrolledWindow(label, outputs, tuple(axis))

    def enroll(self, count: int, labels: Sequence[int]) -> list[Step]:
        return [Enroll(self.window(label)) for label in labels for _ in range(count)]

    def ask(self, labels: Sequence[int], unsure_below: float = 0.5) -> list[Step]:
        windows = map(self.window, labels)
        return [Ask(w.outputs, w.embedding, unsure_below) for w in windows]


Case = tuple[str, PersonalModel, list[Step]]
_ALL = (0, 1, 2)


def _cases() -> list[Case]:
    return [*_states(), *_changes(), *_numbers_of_all_kinds()]


def _states() -> list[Case]:
    """When a layer is on."""
    walker, right, odd = (_Person(_MODEL, m, s) for m, s in ((1, 1), (None, 2), (2, 4)))
    lone: list[Step] = [Enroll(walker.window(1)), *walker.ask((1, 2))]
    mistaken = [*walker.enroll(3, _ALL), *walker.ask((0, 1, 2, 1, 1, 2))]
    tie = Ask((0.25, 0.375, 0.375), (0.0, 0.0, 0.0, 0.0), 0.25)
    certain = Ask((1.0, 0.0, 0.0), walker.window(1).embedding)  # where the logarithm has its floor
    few = [*walker.enroll(1, _ALL), *walker.ask((1, 1, 2)), certain]
    known = [*right.enroll(2, _ALL), *right.ask(_ALL)]
    scattered = [*_scattered(), *odd.ask((2, 2))]
    return [
        ("nothing is enrolled", _MODEL, [*walker.ask((0, 1)), tie]),
        ("one activity is not enough", _MODEL, lone),
        ("a walk that the model takes for stairs", _MODEL, mistaken),
        ("one window of each activity is judged as it is", _MODEL, few),
        ("where the model is right nothing changes", _MODEL, known),
        ("a layer that does not know its own windows stays off", _MODEL, scattered),
        ("a layer that loses on one activity stays off", _MODEL, _lost()),
        ("a change must be one of the model's mistakes, or nearly", _MODEL, _backed()),
    ]


def _changes() -> list[Case]:
    """Windows that come and go."""
    odd, many = _Person(_MODEL, 2, 4), _Person(_TWO, 1, 3)
    forgetting: list[Step] = [
        *odd.enroll(2, _ALL),
        *odd.ask((2,)),
        Forget(2),
        *odd.ask((2,)),
        Forget(1),
        Forget(None),
        *odd.ask((2,)),
    ]
    full = [*many.enroll(2, (0,)), *many.enroll(MOST_WINDOWS + 2, (1,)), *many.ask((0, 1))]
    return [
        ("forgetting an activity, then all", _MODEL, forgetting),
        ("the oldest window of an activity gives way", _TWO, full),
    ]


def _numbers_of_all_kinds() -> list[Case]:
    """NaN, logits, zeros, and answers that are not probable enough."""
    walker, logits = _Person(_MODEL, 1, 1), replace(_MODEL, logits=True)
    spoiled = replace(walker.window(1), embedding=(0.0, _NAN, 0.0, 0.0))
    finite: list[Step] = [*walker.enroll(1, (0, 1)), Enroll(spoiled), *walker.ask((1,))]
    finite.append(Ask((0.5, 0.25, 0.25), (_NAN, 0.0, 0.0, 0.0)))
    finite.append(Ask((_NAN, 0.5, 0.5), (1.0, 0.0, 0.0, 0.0)))
    unsure = [*walker.enroll(2, _ALL), *walker.ask((1, 2), 0.95), *walker.ask((1, 2), 0.0)]
    raw = [*_Person(logits, 0, 5).enroll(2, _ALL), *_Person(logits, 0, 6).ask(_ALL)]
    nothing = (0.0, 0.0)
    zeros: list[Step] = [
        Enroll(EnrolledWindow(0, (0.25, 0.75), nothing)),
        Enroll(EnrolledWindow(1, (0.03125, 0.96875), nothing)),
        Ask((0.5, 0.5), nothing, 0.0),
    ]
    return [
        ("what is not finite is not enrolled, and has the model's answer", _MODEL, finite),
        ("an answer that is not probable enough is none", _MODEL, unsure),
        ("logits", logits, raw),
        ("embeddings of nothing but zeros", _TWO, zeros),
    ]


def _scattered() -> list[Step]:
    """Windows of one activity that have nothing in common: each alone would be learned by heart."""
    stairs = [(2.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 2.0)]
    sure = [
        EnrolledWindow(0, (0.5, 0.375, 0.125), (0.0, 2.0, 0.0, 0.0)),
        EnrolledWindow(0, (0.5, 0.375, 0.125), (2.0, 0.0, 0.0, 0.0)),
        *(EnrolledWindow(2, (0.875, 0.0625, 0.0625), axis) for axis in stairs),
    ]
    return [Enroll(window) for window in sure]


def _window(label: int, of64: tuple[int, int, int], axis: tuple[float, ...]) -> EnrolledWindow:
    return EnrolledWindow(label, tuple(value / 64 for value in of64), axis)


def _lost() -> list[Step]:
    """Activity 2 is gained, and one window of three of activity 0 lost."""
    windows = [
        _window(0, (38, 21, 5), (0.5, 1.0, 0.5, -0.5)),
        _window(0, (40, 10, 14), (1.5, -1.0, 0.5, 0.0)),
        _window(0, (38, 14, 12), (0.0, 1.5, 1.5, 1.0)),
        _window(1, (7, 50, 7), (1.5, 0.5, -0.5, 1.0)),
        _window(1, (3, 53, 8), (-1.0, -0.5, 0.0, 0.0)),
        _window(2, (41, 16, 7), (-1.0, -0.5, 1.0, 0.5)),
        _window(2, (34, 7, 23), (-0.5, 0.0, 1.0, 0.0)),
    ]
    return [*map(Enroll, windows), Ask((0.5, 0.25, 0.25), (-0.5, 0.0, 1.0, 0.25))]


def _backed() -> list[Step]:
    """From 2 to 1 is a mistake of the model, from 1 to 2 nearly one, from 1 to 0 none."""
    axes = [(1.0, 0.0, 0.0, 0.25), (0.0, 1.0, 0.0, 0.25), (0.0, 0.0, 1.0, 0.25)]
    said = [(32, 16, 16), (8, 8, 48), (4, 29, 31)]
    asked = [(24, 30, 10), (12, 24, 28), (8, 30, 26)]
    windows = [_window(label, said[label], axes[label]) for label in range(3)]
    asks = [_window(label, asked[label], axes[label]) for label in range(3)]
    return [*map(Enroll, windows), *(Ask(w.outputs, w.embedding) for w in asks)]


def _stored() -> list[dict[str, object]]:
    """Documents that are read, and those that must be refused."""
    layer = PersonalLayer(_MODEL)
    person = _Person(_MODEL, 1, 7)
    for label in range(3):
        window = person.window(label)
        layer.enroll(label, window.outputs, window.embedding)
    whole = layer.to_json()
    first: Mapping[str, object] = whole["windows"][0]  # type: ignore[index]
    changes: list[tuple[str, dict[str, object]]] = [
        ("as it was stored", {}),
        ("of another file", {"model_sha256": "c" * 64}),
        ("of a later version", {"schema_version": VERSION + 1}),
        ("of another kind", {"format": "edgeconv-streams"}),
        ("with other class names", {"labels": ["Walking", "Sitting", "Stairs"]}),
        ("of another size", {"embedding": 5}),
        ("with a class that is none", {"windows": [{**first, "label": "Flying"}]}),
        ("with a window that is too short", {"windows": [{**first, "embedding": [0.0]}]}),
        ("with a number that is none", {"windows": [{**first, "outputs": [None, 0.5, 0.5]}]}),
    ]
    return [_read(name, {**whole, **change}) for name, change in changes]


def _read(name: str, document: dict[str, object]) -> dict[str, object]:
    try:
        state: str | None = str(PersonalLayer.from_json(document, _MODEL).state)
    except BadInput:
        state = None
    return {
        "name": name,
        "model": {**asdict(_MODEL), "labels": list(_MODEL.labels)},
        "document": document,
        "state": state,
    }
