"""The embedded data set: loud, deterministic, learnable but not trivial."""

from __future__ import annotations

import numpy as np

from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import split


def test_says_that_it_is_synthetic() -> None:
    report = load_dataset("synthetic").report
    assert report.synthetic
    assert "SYNTHETIC" in report.notes[0]
    assert "nothing about people" in report.notes[0]


def test_shape_and_determinism() -> None:
    one, other = load_dataset("synthetic"), load_dataset("synthetic")
    assert one.sha256 == other.sha256
    assert len(one) == 2592
    assert len(one.subject_names) == 12
    assert one.signal.labels == (
        "Downstairs",
        "Jogging",
        "Sitting",
        "Standing",
        "Upstairs",
        "Walking",
    )
    assert set(np.bincount(one.labels).tolist()) == {432}


def test_obeys_gravity() -> None:
    data = load_dataset("synthetic")
    steps = data.windows.reshape(-1, 80, 3)
    magnitude = np.linalg.norm(steps, axis=2).mean(axis=1)
    for name in ("Sitting", "Standing"):
        still = magnitude[data.labels == data.signal.labels.index(name)]
        assert abs(still - 9.81).max() < 0.6
    assert (magnitude[data.labels == 1] > magnitude[data.labels == 3].max()).mean() > 0.95


def test_a_linear_model_does_not_solve_it() -> None:
    """Least squares on the raw window, the strongest form of 'trivially separable'."""
    splits = split(load_dataset("synthetic"))

    def design(part: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        windows = splits.part(part).windows
        return np.concatenate([windows, np.ones((len(windows), 1), np.float32)], axis=1)

    weights = np.linalg.lstsq(design("train"), np.eye(6)[splits.train.labels], rcond=None)[0]
    accuracy = ((design("test") @ weights).argmax(axis=1) == splits.test.labels).mean()
    assert accuracy < 0.7


def test_simple_features_learn_most_of_it() -> None:
    """Five nearest people's windows in mean, spread and spectrum: well above chance (1/6)."""
    splits = split(load_dataset("synthetic"))

    def features(part: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        steps = splits.part(part).windows.reshape(-1, 80, 3).astype(np.float64)
        magnitude = np.linalg.norm(steps, axis=2)
        spectrum = np.abs(np.fft.rfft(magnitude - magnitude.mean(1, keepdims=True)))[:, :24]
        return np.concatenate([np.abs(steps.mean(1)), steps.std(1), np.log1p(spectrum)], axis=1)

    train, test = features("train"), features("test")
    spread = train.std(axis=0)
    distance = (((test[:, None] - train[None]) / spread) ** 2).sum(axis=2)
    near = np.argsort(distance, axis=1)[:, :5]
    votes = np.eye(6)[splits.train.labels[near]].sum(axis=1)
    assert (votes.argmax(axis=1) == splits.test.labels).mean() > 0.7
