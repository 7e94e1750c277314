"""The convolutions by hand, through every runtime and scheme that is there for them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
import pytest

import edgeconv
from edgeconv.core import Artifact
from edgeconv.ir.convolution_examples import EXAMPLES
from edgeconv.runtimes import RUNTIMES, runtimes_of, unavailable
from edgeconv.workflows.steps.export_options import ExportOptions

pytestmark = pytest.mark.heavy

ONNX = find_spec("onnxruntime") is not None and find_spec("onnx") is not None
CORE_AI = find_spec("coreai") is not None
EXACT = ("float32", "float16")
VARIANTS = (
    *edgeconv.make_variants(["tflite"], ["float32", "float16", "dynamic", "int8", "int16x8"]),
    *edgeconv.make_variants(["coreml"], ["float32", "float16"]),
    *(edgeconv.make_variants(["onnx"], ["float32", "float16", "dynamic", "int8"]) if ONNX else ()),
    *(edgeconv.make_variants(["coreai"], ["float32", "float16"]) if CORE_AI else ()),
)
"""The others compress no kernel of so few weights, and refuse a model without a larger one."""
STEP = 1 / 127
"""The coarsest rounding of an 8-bit scheme, as a share of the largest number."""


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifact, ...]:
    """All three in one model, so that each scheme is converted once."""
    folder = tmp_path_factory.mktemp("by_hand")
    inputs, outputs = [], []
    for number, example in enumerate(EXAMPLES, 1):
        taps, channels, filters = example.kernel().shape
        x = keras.Input((len(example.inputs), channels), name=f"in{number}")
        layer = keras.layers.Conv1D(filters, taps, use_bias=False, name=f"out{number}")
        outputs.append(layer(x))
        layer.set_weights([example.kernel()])
        inputs.append(x)
    model = folder / "by_hand.keras"
    keras.Model(inputs, outputs, name="by_hand").save(model)
    samples: dict[str, Any] = {
        f"in{n}": np.array([e.inputs, e.inputs]) for n, e in enumerate(EXAMPLES, 1)
    }
    np.savez(folder / "samples.npz", **samples)
    options = ExportOptions(calibration=f"npz:{folder / 'samples.npz'}")
    return edgeconv.export(model, VARIANTS, folder / "out", options).artifacts


def test_every_scheme_was_made(artifacts: tuple[Artifact, ...]) -> None:
    made = [(artifact.target, artifact.scheme) for artifact in artifacts]
    assert made == [(variant.target, variant.scheme) for variant in VARIANTS]


@pytest.mark.parametrize("runtime", [name for name in RUNTIMES if name != "keras"])
def test_the_result_is_the_authors(artifacts: tuple[Artifact, ...], runtime: str) -> None:
    own = [a for a in artifacts if runtime in runtimes_of(a.path)]
    if runtime == "tflite-micro":  # has kernels for these only
        own = [a for a in own if a.scheme in ("float32", "int8")]
    assert own, f"no file for {runtime}"
    if reason := unavailable(own[0].path, runtime):
        pytest.skip(reason)
    for artifact in own:
        with edgeconv.open_runner(artifact.path, runtime) as runner:
            values = {f"in{n}": np.array([e.inputs], np.float32) for n, e in enumerate(EXAMPLES, 1)}
            outputs = runner.run({name: values[name] for name in runner.inputs})
        for number, example in enumerate(EXAMPLES, 1):
            expected = np.array([example.outputs])
            tolerance = 0.0 if artifact.scheme in EXACT else 2 * STEP * expected.max()
            np.testing.assert_allclose(
                outputs[f"out{number}"], expected, rtol=0, atol=tolerance, err_msg=artifact.name
            )
