"""`MLModel.predict` of coremltools, served by `coreml-reference` under the guise of a Mac."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools._deps as deps
import coremltools.converters.mil.testing_utils as testing_utils
import coremltools.models.utils as model_utils
import numpy as np
import pytest
from PIL import Image

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner

MAC = (26, 0)
Noted = Callable[[CoreMLReferenceRunner], None]


def serve(compute: str, predicted: Noted) -> None:
    """Make coremltools' tests believe in a Mac and predict for them; `predicted` hears of each."""

    def runner_of(model: Any) -> CoreMLReferenceRunner:
        if model.get_spec().WhichOneof("Type") != "mlProgram":
            pytest.skip("no ML program")
        if not hasattr(model, "_edgeconv_runner"):
            model._edgeconv_runner = _open(model, compute)
        runner: CoreMLReferenceRunner = model._edgeconv_runner
        return runner

    def predict(self: Any, data: dict[str, Any], state: Any = None) -> dict[str, Any]:
        runner = runner_of(self)
        arrays = _arrays(runner, data)
        predicted(runner)
        try:
            found = runner.infer(arrays, state)
        except BadInput as error:  # some tests want Core ML's error
            raise RuntimeError(f"Unable to compute the prediction using ML Program: {error}") from (
                error
            )
        return {name: _public(name, value, runner) for name, value in found.items()}

    testing_utils._IS_MACOS = True
    deps._IS_MACOS = True
    for module in (model_utils, ct.utils):
        module._is_macos = lambda: True
        module._macos_version = lambda: MAC
    ct.models.MLModel.predict = predict
    ct.models.MLModel.make_state = lambda self: runner_of(self).make_state()


def _open(model: Any, compute: str) -> CoreMLReferenceRunner:
    function = getattr(model, "function_name", None)
    try:
        return CoreMLReferenceRunner(Path(model.package_path), compute=compute, function=function)
    except Unsupported as error:
        if "of kind image" in error.message:
            pytest.skip("image input")
        raise


def _arrays(runner: CoreMLReferenceRunner, data: dict[str, Any]) -> dict[str, Any]:
    """Inputs converted to the declared types, as Core ML does."""
    if any(isinstance(value, Image.Image) for value in data.values()):
        pytest.skip("image input")
    arrays = {}
    for name, spec in runner.inputs.items():
        if name not in data:
            pytest.skip("an optional input was not given")
        value = np.asarray(data[name])
        arrays[name] = (value.reshape(()) if not spec.shape else value).astype(spec.dtype)
    return arrays


def _public(name: str, value: Any, runner: CoreMLReferenceRunner) -> Any:
    """As Core ML gives it: a number as an array of one, a class as its label or a dictionary."""
    if np.ndim(value) == 0:
        return np.reshape(value, (1,))
    if not runner.labels or runner.outputs[name].shape[:1] != (1,):
        return value
    if len(runner.outputs[name].shape) == 1:
        return value[0].item()
    return dict(zip(runner.labels, value[0].tolist(), strict=True))
