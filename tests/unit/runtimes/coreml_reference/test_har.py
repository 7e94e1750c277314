"""The exported `har` network against Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import InputConvention, Normalization, Signal, Variant
from edgeconv.ir.keras_file import load_model
from edgeconv.models.har import build
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner
from tests.unit.conversions import export_all

pytestmark = pytest.mark.heavy

LABELS = ("a", "b", "c", "d", "e", "f")
SIGNAL = Signal(labels=LABELS, normalization=Normalization((0.1, 0.2, 9.0), (2.0, 3.0, 4.0)))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[Any], NDArray[Any]]:
    """The folder of float32 and float16 packages, windows, and Keras' answer to them."""
    import keras

    folder = tmp_path_factory.mktemp("har")
    keras.utils.set_random_seed(3)
    build(SIGNAL).save(folder / "model.keras")
    rng = np.random.default_rng(0)
    x = (rng.normal(0, 3, (200, 240)) + np.tile([0, 0, 9.8], 80)).astype(np.float32)
    variants = [Variant("coreml", s, InputConvention.ANDROID) for s in ("float32", "float16")]
    export_all(folder / "model.keras", SIGNAL, variants, folder, "har", None, x[:32])
    model = load_model(folder / "model.keras")
    normalized = SIGNAL.for_sensor(InputConvention.NORMALIZED).encode(x)
    return folder, x, np.asarray(model.predict(normalized, verbose=0))


# Measured 3.3e-7 and 3.3e-4; probabilities near 1/6 are spaced 1.2e-4 apart in float16.
@pytest.mark.parametrize(("scheme", "limit"), [("float32", 1e-6), ("float16", 1e-3)])
def test_agreement_with_keras(exported: Any, scheme: str, limit: float) -> None:
    folder, x, expected = exported
    (path,) = folder.glob(f"har_{scheme}*.mlpackage")
    runner = CoreMLReferenceRunner(path)
    assert runner.vectorized
    outputs = runner.run({"sensor": x})
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=limit)
    top = outputs["probabilities"].argmax(1)
    assert [LABELS[i] for i in top] == outputs["label"].tolist()


def test_float16_is_what_the_difference_is_made_of(exported: Any) -> None:
    """With float32 arithmetic only the rounding of the weights is left."""
    folder, x, expected = exported
    (path,) = folder.glob("har_float16*.mlpackage")
    errors = [
        np.abs(CoreMLReferenceRunner(path, c).run({"sensor": x})["probabilities"] - expected).max()
        for c in ("as-specified", "float32")
    ]
    assert errors[1] < errors[0]


def test_the_three_computes(exported: Any) -> None:
    """float32 and float64 ignore declared types, so that float64 judges the others."""
    folder, x, _ = exported
    (half,), (single,) = (list(folder.glob(f"har_{s}*.mlpackage")) for s in ("float16", "float32"))

    def answers(path: Path) -> dict[str, NDArray[Any]]:
        return {
            compute: CoreMLReferenceRunner(path, compute).run({"sensor": x})["probabilities"]
            for compute in ("as-specified", "float32", "float64")
        }

    found = answers(half)
    assert [str(a.dtype) for a in found.values()] == ["float32", "float32", "float64"]
    errors = {name: np.abs(a - found["float64"]).max() for name, a in found.items()}
    assert 0 < errors["float32"] < 1e-6
    assert 1e-5 < errors["as-specified"] < 1e-3
    # Nothing is declared as float16 in the float32 file, so that nothing is rounded to it.
    found = answers(single)
    np.testing.assert_array_equal(found["as-specified"], found["float32"])
    assert 0 < np.abs(found["float32"] - found["float64"]).max() < 1e-6


def test_fused_and_one_by_one_agree_on_the_network(exported: Any) -> None:
    """Not bit for bit: the matrix products are of other sizes, so that sums may differ by rounding,
    which float16 may make a whole unit in the last place."""
    folder, x, _ = exported
    (path,) = folder.glob("har_float16*.mlpackage")
    runner = CoreMLReferenceRunner(path)
    last = list(runner.tensors)[-1]
    inside = runner.intermediates({"sensor": x}, [last])[last]
    np.testing.assert_allclose(inside, runner.run({"sensor": x})["probabilities"], atol=5e-4)
