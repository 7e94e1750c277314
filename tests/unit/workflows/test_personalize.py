"""Enrolled seconds and judged windows never overlap, and the gain is that of the layer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.core import Dataset, LoadReport, Recording, Signal
from edgeconv.errors import BadInput, UsageError
from edgeconv.integration.personal import PersonalModel
from edgeconv.runtimes.predict import WindowOutputs
from edgeconv.workflows.personalize import enrollment, personalize

SIGNAL = Signal(window=8, step=4, rate_hz=4.0, labels=("sit", "walk", "run"))
MODEL = PersonalModel("f" * 64, SIGNAL.labels, 3)


def dataset(lengths: list[tuple[str, int, int]]) -> Dataset:
    """Recordings of (subject, class, steps), cut as a loader cuts them."""
    recordings = tuple(
        Recording(subject, label, np.zeros((steps, 3), np.float32))
        for subject, label, steps in lengths
    )
    index = [
        (number, start)
        for number, recording in enumerate(recordings)
        for start in range(0, len(recording.samples) - SIGNAL.window + 1, SIGNAL.step)
    ]
    grid = np.array(index, np.int64).reshape(-1, 2)
    return Dataset("made up", SIGNAL, recordings, grid, LoadReport("made up", len(grid)))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(1, 60)),
        min_size=1,
        max_size=8,
    ),
    st.floats(0.1, 12),
)
def test_no_judged_window_shares_a_step_with_what_was_recorded(
    lengths: list[tuple[str, int, int]], seconds: float
) -> None:
    data = dataset(lengths)
    enrolled, rest = enrollment(data, seconds)
    assert not (enrolled & rest).any()
    steps: dict[tuple[str, int], set[tuple[int, int]]] = {}
    for row in np.flatnonzero(enrolled):
        number, start = map(int, data.index[row])
        key = data.recordings[number].subject, data.recordings[number].label
        covered = {(number, step) for step in range(start, start + SIGNAL.window)}
        steps[key] = steps.get(key, set()) | covered
    wanted = max(round(seconds * SIGNAL.rate_hz), SIGNAL.window)
    for covered in steps.values():
        assert len(covered) <= wanted
    everything = set().union(*steps.values()) if steps else set()
    for row in np.flatnonzero(rest):
        number, start = map(int, data.index[row])
        assert everything.isdisjoint((number, step) for step in range(start, start + 8))


def test_a_recording_that_is_too_short_for_a_window_costs_no_seconds() -> None:
    enrolled, rest = enrollment(dataset([("a", 0, 5), ("a", 0, 24)]), 1.0)
    assert enrolled.tolist() == [True, False, False, False, False]
    assert rest.tolist() == [False, False, True, True, True]


def test_windows_that_were_cut_before_and_overlap_an_enrolled_one_are_not_judged() -> None:
    stream = np.random.default_rng(0).normal(0, 1, (40, 3)).astype(np.float32)
    cut = [("a", start) for start in (0, 4, 8, 12)] + [("b", 2), ("a", -4)]
    windows = [stream[s : s + 8] if s >= 0 else np.roll(stream, 4, 0)[:8] for _, s in cut]
    recordings = tuple(
        Recording(subject, 0, window) for (subject, _), window in zip(cut, windows, strict=True)
    )
    index = np.array([(n, 0) for n in range(len(cut))], np.int64)
    data = Dataset("made up", SIGNAL, recordings, index, LoadReport("made up", 6))
    enrolled, rest = enrollment(data, 2.0)
    assert enrolled.tolist() == [True, False, False, False, True, False]
    assert rest.tolist() == [False, False, True, True, False, False]  # 4 and −4 overlap 0


def mistaken(data: Dataset) -> WindowOutputs:
    """A model that takes subject b's walk for a run, with embeddings that tell them apart."""
    labels, subjects = data.labels, data.subjects
    said = np.where((subjects == "b") & (labels == 1), 2, labels)
    classes = np.full((len(data), 3), 0.2, np.float32) + 0.4 * np.eye(3, dtype=np.float32)[said]
    return WindowOutputs(classes, np.eye(3, dtype=np.float32)[labels])


def test_the_gain_is_by_subject() -> None:
    data = dataset([(s, label, 40) for s in "ab" for label in range(3)])
    result = personalize(data, mistaken(data), data.labels, MODEL, 3.0)
    a, b = result.subjects
    assert (a.state, a.gain, a.enrolled, a.windows) == ("no_gain", 0.0, 6, 18)
    assert (b.state, b.personal) == ("on", 1.0)
    assert b.model == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert result.gain.mean == pytest.approx(b.gain / 2)
    assert result.worst_quarter == b.gain
    assert [each.subject for each in result.worst] == ["b", "a"]
    assert result.worse == ()
    written = result.to_json()
    assert written["seconds"] == 3.0
    assert list(written["subjects"]) == ["a", "b"]  # type: ignore[call-overload]


def test_what_cannot_be_judged_is_refused() -> None:
    data = dataset([("a", 0, 40), ("a", 1, 12)])
    outputs = mistaken(data)
    for seconds in (0.0, math.inf, math.nan):
        with pytest.raises(UsageError, match="nothing can be enrolled"):
            personalize(data, outputs, data.labels, MODEL, seconds)
    with pytest.raises(BadInput, match="no window left after 60 s"):
        personalize(data, outputs, data.labels, MODEL, 60.0)
    with pytest.raises(BadInput, match="--embedding"):
        personalize(data, WindowOutputs(outputs.classes, None), data.labels, MODEL, 3.0)
