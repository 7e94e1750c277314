"""Stored outputs of the Keras model: used for the data and model that they are of, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.bundle.reference import FILE, read_outputs
from edgeconv.errors import BadInput

DATA, MODEL = "a" * 64, "b" * 64
OUTPUTS = np.eye(3, dtype=np.float32)


def store(folder: Path, **digests: str) -> None:
    np.savez(folder / FILE, probabilities=OUTPUTS, **digests)  # type: ignore[arg-type]


def test_outputs_are_those_of_exactly_this_data_and_model(tmp_path: Path) -> None:
    assert read_outputs(tmp_path, DATA, MODEL) is None
    store(tmp_path, data_sha256=DATA, model_sha256=MODEL)
    stored = read_outputs(tmp_path, DATA, MODEL)
    assert stored is not None
    np.testing.assert_array_equal(stored["probabilities"], OUTPUTS)
    assert read_outputs(tmp_path, MODEL, MODEL) is None
    assert read_outputs(tmp_path, DATA, DATA) is None


def test_a_file_without_a_digest_is_damaged(tmp_path: Path) -> None:
    store(tmp_path, data_sha256=DATA)
    with pytest.raises(BadInput, match="'model_sha256' is missing") as refused:
        read_outputs(tmp_path, DATA, MODEL)
    assert "remove it" in refused.value.hint
