"""The windows of a stream, and what of a file's outputs is kept for them."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from edgeconv.core import (
    Dataset,
    InputConvention,
    LoadReport,
    Recording,
    Signal,
    StreamAnswers,
)
from edgeconv.errors import BadInput
from edgeconv.parity.output_comparison import ReferenceOutputs
from edgeconv.parity.stream_answers import WINDOWS, answers_on_stream, stream_windows

SIGNAL = Signal(window=8, step=4, labels=("walk", "sit", "run"))


def dataset(*plan: tuple[str, int, int]) -> Dataset:
    """A recording for each subject, label and number of windows."""
    rng = np.random.default_rng(0)
    recordings, index = [], []
    for number, (subject, label, windows) in enumerate(plan):
        samples = rng.normal(0, 5, (8 + 4 * (windows - 1), 3)).astype(np.float32)
        recordings.append(Recording(subject, label, samples))
        index += [(number, 4 * i) for i in range(windows)]
    return Dataset("test", SIGNAL, tuple(recordings), np.array(index), LoadReport("test", 1))


def test_windows_in_a_row_of_each_activity_of_the_subject_with_the_most() -> None:
    data = dataset(("9", 0, 30), ("10", 0, 4), ("10", 2, 20), ("10", 0, 9), ("2", 1, 9))
    rows = stream_windows(data)
    each = WINDOWS // 2  # subject 10 has two activities
    assert set(data.subjects[rows].tolist()) == {"10"}
    assert data.labels[rows].tolist() == [2] * each + [0] * each
    assert np.diff(rows[:each]).tolist() == [1] * (each - 1)  # one recording, in a row
    assert rows[0] == 34 + (20 - each) // 2  # from its middle
    assert data.index[rows[each:], 0].tolist() == [3] * each  # the longest of its recordings


def test_no_windows_no_stream() -> None:
    empty = dataset(("1", 0, 1)).of_subjects([])
    reference = ReferenceOutputs(np.empty((0, 3)), np.empty(0, np.int64))
    assert not len(stream_windows(empty))
    assert answers_on_stream(empty, SIGNAL, reference, np.empty((0, 3))) is None


@pytest.mark.parametrize("sensor", [InputConvention.ANDROID, InputConvention.IOS])
def test_a_window_of_the_raw_stream_is_the_encoded_window(sensor: InputConvention) -> None:
    """What the module's claim rests on: unit and sign are a matter of each reading alone."""
    data = dataset(("1", 0, 5), ("1", 1, 2))
    signal = SIGNAL.for_sensor(sensor)
    reading = Signal(window=1, step=1).for_sensor(sensor)
    encoded = signal.encode(data.windows)
    for (number, start), window in zip(data.index.tolist(), encoded, strict=True):
        raw = reading.encode(data.recordings[number].samples)  # the stream, reading by reading
        np.testing.assert_array_equal(raw[start : start + 8].reshape(-1), window)


def test_answers_of_a_file_in_g() -> None:
    data = dataset(("1", 1, 2), ("1", 0, 1))
    outputs = np.random.default_rng(1).dirichlet(np.ones(3), 3)
    reference = ReferenceOutputs(outputs[::-1], data.labels)
    signal = SIGNAL.for_sensor(InputConvention.IOS)
    answers = answers_on_stream(data, signal, reference, outputs)
    assert answers is not None
    first = data.recordings[0].samples[0] / -9.80665
    np.testing.assert_allclose(answers.first, first, atol=1e-6)
    assert (answers.subject, answers.window, answers.truth) == ("1", (0, 1, 2), (1, 1, 0))
    assert answers.seconds == (0.0, 0.2, 0.0)
    np.testing.assert_allclose(answers.file, outputs, atol=1e-6)
    np.testing.assert_allclose(answers.reference, outputs[::-1], atol=1e-6)
    assert StreamAnswers.from_json(json.loads(json.dumps(asdict(answers)))) == answers


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(BadInput, match="different lengths"):
        StreamAnswers("1", (0.0,), (0, 1), (0.0,), (1,), ((1.0,),), ((1.0,),))
