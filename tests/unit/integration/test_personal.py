"""The personal layer against NumPy's own solution of the same equations, and its rules."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.errors import BadInput, UsageError
from edgeconv.integration.personal import (
    CLOSE,
    FLOOR,
    MOST_WINDOWS,
    RIDGE,
    STRENGTH,
    PersonalLayer,
    PersonalModel,
    PersonalState,
)
from edgeconv.integration.personal_vectors import TOLERANCE, make_personal_document

MODEL = PersonalModel("d" * 64, ("a", "b", "c"), 5)
Rows = list[tuple[int, NDArray[np.float64], NDArray[np.float64]]]


def rows(seed: int, counts: tuple[int, ...] = (3, 2, 4)) -> Rows:
    """Class, probabilities and embedding of windows whose classes lie apart."""
    random = np.random.default_rng(seed)
    centers = random.normal(0, 2, (len(counts), 5))
    return [
        (label, random.dirichlet(np.ones(3)), center + random.normal(0, 0.3, 5))
        for label, (count, center) in enumerate(zip(counts, centers, strict=True))
        for _ in range(count)
    ]


def layer_of(windows: Rows, model: PersonalModel = MODEL) -> PersonalLayer:
    layer = PersonalLayer(model)
    for label, outputs, embedding in windows:
        assert layer.enroll(label, outputs.tolist(), embedding.tolist())
    return layer


def expected(windows: Rows, p: NDArray[np.float64], e: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same by NumPy, in the primal form: a linear map of (embedding, √scale).

    `p` where the class changes in a way in which no window was mistaken, or nearly.
    """
    classes = sorted({label for label, _, _ in windows})
    means = np.array([np.mean([w[2] for w in windows if w[0] == c], axis=0) for c in classes])
    residual = np.array(
        [np.eye(3)[c] - np.mean([w[1] for w in windows if w[0] == c], axis=0) for c in classes]
    )
    scale = (means**2).sum(axis=1).mean()
    x = np.hstack([means / math.sqrt(scale), np.ones((len(means), 1))])
    weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(6), x.T @ (STRENGTH * residual))
    z = np.log(np.maximum(p, FLOOR)) + np.append(e / math.sqrt(scale), 1) @ weights
    powers = np.exp(z - z.max())
    before, after = int(p.argmax()), int(z.argmax())
    backed = {
        (int(k), label) for label, q, _ in windows for k in np.flatnonzero(q >= CLOSE * q.max())
    }
    if before != after and (before, after) not in backed:
        return p
    return np.asarray(powers / powers.sum())


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_the_answer_is_that_of_ridge_regression(seed: int) -> None:
    windows = rows(seed)
    layer = layer_of(windows)
    assume(layer.state is PersonalState.ON)
    (_, p, e), *_ = rows(seed + 1)
    answer = layer.answer(p.tolist(), e.tolist(), 0.0)
    np.testing.assert_allclose(answer.probabilities, expected(windows, p, e), rtol=1e-9)
    assert answer.label == np.argmax(answer.probabilities)
    assert answer.personal


@settings(deadline=None)
@given(st.integers(0, 10_000), st.tuples(*[st.integers(0, 3)] * 3))
def test_it_is_on_only_if_it_beats_the_model_and_loses_no_activity_that_it_has_not_seen(
    seed: int, counts: tuple[int, ...]
) -> None:
    windows = rows(seed, counts)
    layer = layer_of(windows)
    known = {label for label, _, _ in windows}
    if len(known) < 2:
        assert layer.state is (PersonalState.ONE_ACTIVITY if known else PersonalState.EMPTY)
        return
    shares: list[tuple[float, float]] = []
    for label in known:
        own = [n for n, window in enumerate(windows) if window[0] == label]
        seen = [windows if len(own) == 1 else windows[:n] + windows[n + 1 :] for n in own]
        right = [
            expected(others, windows[n][1], windows[n][2]).argmax() == label
            for n, others in zip(own, seen, strict=True)
        ]
        shares.append((np.mean(right), np.mean([windows[n][1].argmax() == label for n in own])))
    personal, model = np.mean(shares, axis=0)
    loses = any(own < other for own, other in shares)
    assert (layer.state is PersonalState.ON) == (personal > model + 1e-9 and not loses)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_stored_and_read_again_answers_the_same(seed: int) -> None:
    layer = layer_of(rows(seed))
    again = PersonalLayer.from_json(json.loads(json.dumps(layer.to_json())), MODEL)
    (_, p, e), *_ = rows(seed + 1)
    assert again.state is layer.state
    assert again.answer(p.tolist(), e.tolist()) == layer.answer(p.tolist(), e.tolist())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_change_nothing(value: float) -> None:
    layer = layer_of(rows(3))
    assert layer.state is PersonalState.ON
    before = layer.to_json()
    p, e = [0.2, 0.5, 0.3], [1.0, 0.0, 0.0, 0.0, 0.0]
    assert not layer.enroll(0, [value, 0.5, 0.3], e)
    assert not layer.enroll(0, p, [value, *e[1:]])
    assert layer.to_json() == before
    assert layer.answer(p, [value, *e[1:]]).probabilities == (0.2, 0.5, 0.3)
    assert layer.answer([value, 0.5, 0.3], e).label is None


def test_a_caller_that_mixes_files_up_is_told() -> None:
    layer = PersonalLayer(MODEL)
    with pytest.raises(UsageError, match="3 outputs and an embedding of 5, not 2 and 5"):
        layer.enroll(0, [0.5, 0.5], [0.0] * 5)
    with pytest.raises(UsageError, match="no class number 3"):
        layer.enroll(3, [0.2, 0.5, 0.3], [0.0] * 5)
    with pytest.raises(UsageError, match="--embedding"):
        PersonalModel("", ("a", "b"), 0)


def test_only_the_models_own_mistakes_are_mended() -> None:
    """Activity 1 is taken for 2: what is called 0 is never called 1, however alike it is."""
    one, alike = (0.0, 1.0, 0.0, 0.0, 0.0), (0.0, 2.0, 0.0, 0.0, 0.0)
    layer = PersonalLayer(MODEL)
    layer.enroll(0, [0.6, 0.2, 0.2], [1.0, 0.0, 0.0, 0.0, 0.0])
    layer.enroll(1, [0.1, 0.2, 0.7], one)
    assert layer.state is PersonalState.ON
    assert layer.answer([0.1, 0.4, 0.5], alike).label == 1
    answer = layer.answer([0.5, 0.4, 0.1], alike)
    assert (answer.probabilities, answer.personal) == ((0.5, 0.4, 0.1), True)


def test_forgetting_is_as_if_it_had_never_been_enrolled() -> None:
    windows = rows(3)
    layer = layer_of(windows)
    layer.forget(1)
    assert layer.to_json() == layer_of([w for w in windows if w[0] != 1]).to_json()
    layer.forget()
    assert layer.state is PersonalState.EMPTY


def test_the_oldest_window_of_an_activity_gives_way() -> None:
    layer = layer_of([(1, *rows(3)[0][1:]), *(rows(5, (MOST_WINDOWS + 1, 0, 0)))])
    assert [w.label for w in layer.windows].count(0) == MOST_WINDOWS
    assert layer.windows[0].label == 1


def test_every_situation_is_among_the_vectors() -> None:
    document = make_personal_document()
    text = json.dumps(document, allow_nan=False)
    states = {step["state"] for layer in json.loads(text)["layers"] for step in layer["steps"]}
    assert states == set(PersonalState)
    answers = [
        step["expected"]
        for layer in json.loads(text)["layers"]
        for step in layer["steps"]
        if "expected" in step
    ]
    assert {(a["label"] is None, a["personal"]) for a in answers} == {
        (one, other) for one in (True, False) for other in (True, False)
    }
    assert any(step.get("accepted") is False for la in document["layers"] for step in la["steps"])  # type: ignore[attr-defined]
    assert [each["state"] for each in json.loads(text)["stored"]] == ["on", *[None] * 8]
    assert make_personal_document() == document
    assert 0 < TOLERANCE < 1e-6


def test_refused_documents_say_why() -> None:
    whole = layer_of(rows(3)).to_json()
    for change, words in (
        ({"model_sha256": "e" * 64}, "another file"),
        ({"schema_version": 2}, "schema version 2"),
        ({"format": "x"}, "no personal layer"),
        ({"windows": [{"label": "a", "outputs": [0.1], "embedding": [1.0] * 5}]}, "damaged"),
        ({"windows": [{"label": "z"}]}, "damaged"),
        ({"windows": 3}, "damaged"),
    ):
        with pytest.raises(BadInput, match=words):
            PersonalLayer.from_json({**whole, **change}, MODEL)
    with pytest.raises(BadInput, match="no personal layer"):
        PersonalLayer.from_json([], MODEL)
