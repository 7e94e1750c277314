"""Input errors made on purpose: each is named, and untouched readings raise nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.core import (
    Dataset,
    InputReport,
)
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import split
from edgeconv.errors import BadInput
from edgeconv.parity.drift import InputProfile, check_inputs, make_profile
from edgeconv.parity.drift.input_profile import NAMES, features, gravity, input_errors, step_hz

Windows = NDArray[Any]


def classes(dataset: Dataset) -> list[str]:
    return [dataset.signal.labels[i] for i in dataset.labels.tolist()]


@pytest.fixture(scope="module")
def people() -> tuple[InputProfile, Dataset]:
    parts = split(load_dataset("synthetic"))
    train = parts.train
    profile = make_profile(train.windows, classes(train), train.subjects.tolist(), train.signal)
    assert profile is not None
    return profile, parts.test


def look(
    profile: InputProfile, dataset: Dataset, change: Callable[[Windows], Windows]
) -> InputReport:
    steps = dataset.windows.reshape(len(dataset), -1, 3)
    changed = np.ascontiguousarray(change(steps), np.float32).reshape(len(dataset), -1)
    return check_inputs(profile, changed, classes(dataset), dataset.subjects.tolist())


def axis_major(steps: Windows) -> Windows:
    return steps.transpose(0, 2, 1).reshape(steps.shape)


# What is done to canonical windows (n, steps, 3), and the kind that must be named.
MADE: dict[str, Callable[[Windows], Windows]] = {
    "g instead of m/s²": lambda steps: steps / 9.80665,
    "g with iOS's sign": lambda steps: steps / -9.80665,
    "m/s² taken for g": lambda steps: steps * 9.80665,
    "flipped sign": lambda steps: -steps,
    "axis-major layout": axis_major,
    "axes x z y": lambda steps: steps[:, :, [0, 2, 1]],
    "axes y x z": lambda steps: steps[:, :, [1, 0, 2]],
}


def test_check_inputs_of_untouched_readings_is_empty(people: tuple[InputProfile, Dataset]) -> None:
    report = look(*people, lambda steps: steps)
    assert report.findings == ()
    assert report.sentence == ""
    assert report.distance is not None
    assert report.distance < 2
    assert 9 < report.gravity < 11
    assert max(report.outside.values()) < 0.01


@pytest.mark.parametrize("kind", sorted(set(MADE) - {"flipped sign"}))
def test_check_inputs_names_the_input_error(
    people: tuple[InputProfile, Dataset], kind: str
) -> None:
    report = look(*people, MADE[kind])
    assert kind in (report.findings[0].kind, *report.findings[0].or_else)
    assert report.sentence
    assert json.dumps(report.to_json(), allow_nan=False)


def test_check_inputs_cannot_see_a_flipped_sign_of_subjects_who_carry_it_both_ways(
    people: tuple[InputProfile, Dataset],
) -> None:
    """Half of the synthetic people carry the phone upside down: nobody could tell."""
    assert look(*people, MADE["flipped sign"]).findings == ()


def test_check_inputs_names_readings_normalized_twice(people: tuple[InputProfile, Dataset]) -> None:
    profile, _ = people
    report = look(*people, lambda steps: (steps - np.array(profile.mean)) / np.array(profile.std))
    assert report.findings[0].kind == "normalized twice"
    assert "pass raw" in report.sentence


def test_check_inputs_names_removed_gravity(people: tuple[InputProfile, Dataset]) -> None:
    report = look(*people, lambda steps: steps - steps.mean(axis=1, keepdims=True))
    assert report.findings[0].kind == "gravity"


@pytest.mark.recordings
def test_check_inputs_names_another_rate(recordings: Path) -> None:
    """The recordings' own 50 Hz, handed in as if they were the contract's 20."""
    spec = f"motionsense:{recordings / 'motionsense'}"
    parts = split(load_dataset(spec))
    train, test = parts.train, parts.test
    profile = make_profile(train.windows, classes(train), train.subjects.tolist(), train.signal)
    assert profile is not None
    assert look(profile, test, lambda steps: steps).findings == ()
    slow = [replace(r, samples=_faster(r.samples, 2.5).astype(np.float32)) for r in test.recordings]
    index = [
        (i, start)
        for i, r in enumerate(slow)
        for start in range(0, len(r.samples) - test.signal.window + 1, test.signal.step)
    ]
    at_50 = replace(test, recordings=tuple(slow), index=np.array(index, np.int64))
    report = look(profile, at_50, lambda steps: steps)
    assert [f.kind for f in report.findings] == ["50 Hz for 20 Hz"]
    for kind, change in MADE.items():
        named = look(profile, test, change).findings[0]
        assert kind in (named.kind, *named.or_else)


def _faster(samples: Windows, factor: float) -> NDArray[np.float64]:
    """The same movement with `factor` times as many samples a second."""
    old = np.arange(len(samples))
    new = np.arange(0, len(samples) - 1, 1 / factor)
    return np.stack([np.interp(new, old, samples[:, axis]) for axis in range(3)], axis=1)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_input_errors_invert_is_exact(seed: int) -> None:
    """`invert` restores the windows on which the error was made."""
    steps: NDArray[Any] = np.random.default_rng(seed).normal(0, 5, (4, 80, 3))
    profile = InputProfile(
        20.0, 80, ("x", "y", "z"), (0,) * 3, (0,) * 3, (0.5, 7.0, 1.0), (3.0, 4.0, 5.0), {}
    )
    invert = {e.kind: e.invert for e in input_errors(profile)}
    for kind, change in MADE.items():
        np.testing.assert_allclose(invert[kind](change(steps)), steps, atol=1e-9)
    there = (steps - np.array(profile.mean)) / np.array(profile.std)
    np.testing.assert_allclose(invert["normalized twice"](there), steps, atol=1e-9)
    for first, second in (("axes y z x", [1, 2, 0]), ("axes z x y", [2, 0, 1])):
        np.testing.assert_allclose(invert[first](steps[:, :, second]), steps)


def test_features_of_a_known_signal() -> None:
    t = np.arange(80) / 20.0
    window = np.zeros((3, 80, 3))
    window[:, :, 1] = 9.81 + 2 * np.sin(2 * np.pi * 2.0 * t)
    values = dict(zip(NAMES, features(window, 20.0), strict=True))
    assert values["mean y"] == pytest.approx(9.81)
    assert values["log deviation y"] == pytest.approx(np.log(np.sqrt(2)), abs=1e-3)
    assert np.exp(values["log centroid"]) == pytest.approx(2.0, abs=0.01)
    assert gravity(window) == pytest.approx(9.81)
    assert step_hz(window, 20.0) == pytest.approx(2.0, abs=0.07)
    assert np.isfinite(features(np.zeros((3, 80, 3)), 20.0)).all()


def test_profile_survives_json(people: tuple[InputProfile, Dataset]) -> None:
    profile, _ = people
    document = json.loads(json.dumps(profile.to_json(), allow_nan=False))
    assert InputProfile.from_json(document, "x") == profile
    del document["low"]
    with pytest.raises(BadInput, match="damaged"):
        InputProfile.from_json(document, "x")
    with pytest.raises(BadInput, match="of version"):
        InputProfile.from_json({**document, "format": "other"}, "x")


def test_make_profile_needs_three_axes_and_three_subjects() -> None:
    dataset = load_dataset("synthetic")
    few = dataset.of_subjects(dataset.subject_names[:2])
    assert make_profile(few.windows, classes(few), few.subjects.tolist(), few.signal) is None
    one = replace(dataset.signal, channels=("value",), window=240)
    names = classes(dataset)
    assert make_profile(dataset.windows, names, dataset.subjects.tolist(), one) is None


def test_check_inputs_with_unknown_classes(people: tuple[InputProfile, Dataset]) -> None:
    """Without a class in common only the size of gravity can be judged."""
    profile, test = people
    people_of = test.subjects.tolist()
    report = check_inputs(profile, test.windows, ["Swimming"] * len(test), people_of)
    assert (report.distance, report.findings, report.classes) == (None, (), ())
    in_g = (test.windows / 9.80665).astype(np.float32)
    named = check_inputs(profile, in_g, ["Swimming"] * len(test), people_of)
    assert named.findings[0].kind == "g instead of m/s²"
