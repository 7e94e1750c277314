"""One small network as a Core AI file of each scheme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import InputConvention, Normalization, Signal, Variant
from edgeconv.runtimes import unavailable
from edgeconv.runtimes.predict import run_file
from edgeconv.targets.base import schemes_of
from tests.conftest import build_once
from tests.unit.conversions import export_all
from tests.unit.small_models import randomise

SIGNAL = Signal(
    window=16,
    step=8,
    labels=("still", "walk, fast", "run"),
    normalization=Normalization((0.1, 9.0, -0.4), (3.0, 4.0, 2.5)),
)


@pytest.fixture(autouse=True, scope="session")
def _needs_coreai() -> None:
    reason = unavailable("any.aimodel", "coreai")
    if reason is not None:
        pytest.skip(reason)


def windows() -> Any:
    rng = np.random.default_rng(3)
    steps = rng.normal(0, 2, (60, SIGNAL.window, 3)).cumsum(1) * 0.5 + np.array([0, 9.8, 0])
    return steps.reshape(60, -1).astype(np.float32)


def build(folder: Path) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    network = keras.Sequential(
        [
            keras.Input((SIGNAL.flat_size,), name="sensor"),
            layers.Reshape((SIGNAL.window, 3), name="steps"),
            layers.Conv1D(16, 3, padding="same", activation="relu", name="conv"),
            layers.Conv1D(16, 3, activation="relu", name="conv2"),
            layers.MaxPooling1D(4, name="pool"),
            layers.LSTM(8, name="lstm"),
            layers.Dense(3, activation="softmax", name="probabilities"),
        ],
        name="small",
    )
    randomise(network)
    folder.mkdir()
    network.save(folder / "small.keras")
    samples = windows()
    variants = [Variant("coreai", name, InputConvention.IOS) for name in schemes_of("coreai")]
    export_all(
        folder / "small.keras", SIGNAL, variants, folder, "small", samples, samples, run_file
    )


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Scheme → file; export has compared each with the Keras model."""
    folder = build_once(tmp_path_factory, "coreai-files", build)
    return {name: folder / f"small_{name}.aimodel" for name in schemes_of("coreai")}
