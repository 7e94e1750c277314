"""Errors counted by size and sign."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeconv.core import ErrorHistogram
from edgeconv.parity.task_impact import error_histogram

OUTPUTS = arrays(np.float32, (7, 3), elements=st.floats(-4, 4, width=32))


@given(OUTPUTS, OUTPUTS)
def test_error_histogram_counts_every_output_once(
    reference: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    candidate: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> None:
    histogram = error_histogram(reference, candidate)
    assert histogram.total == 21
    assert histogram.equal == (reference == candidate).sum()
    assert sum(histogram.above) == (candidate > reference).sum()
    assert len(histogram.edges) == len(histogram.above) + 1 == len(histogram.below) + 1
    assert list(histogram.edges) == sorted(histogram.edges)


def test_error_histogram_bins() -> None:
    reference = np.zeros((1, 4))
    histogram = error_histogram(reference, np.array([[0.0, 1.0, -2e-3, 1e-20]]))
    assert (histogram.edges[0], histogram.edges[-1]) == (1e-9, 1.0)
    assert (histogram.equal, histogram.above[0], histogram.above[-1]) == (1, 1, 1)
    (at,) = np.flatnonzero(histogram.below)
    assert histogram.edges[at] <= 2e-3 < histogram.edges[at + 1]


def test_error_histogram_of_logits_adds_decades() -> None:
    assert error_histogram(np.zeros((1, 1)), np.array([[37.0]])).edges[-1] == 100.0


def test_error_histogram_survives_json() -> None:
    histogram = error_histogram(np.zeros((2, 2)), np.array([[0.1, 0.0], [-0.2, 0.3]]))
    assert ErrorHistogram.from_json(json.loads(json.dumps(asdict(histogram)))) == histogram
