"""The same architecture through the converters alone, called as their own pages say.

TFLite's and Core ML's converters and Keras' exporter of ONNX, each with what its makers offer for
int8. They are what a user would have without edgeconv, so no cell of ours may be below theirs. The
number of samples at once is fixed to 1 for TFLite and Core ML, without which they have no recurrent
layer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cached_property, lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from .architectures import Architecture, Arrays, build
from .judgment import CELLS, Cell, Reference


class BareConverters:
    """Files of one architecture, each made and compared with Keras when it is asked for."""

    def __init__(self, architecture: Architecture) -> None:
        self.model = architecture.model
        self.calibration = architecture.samples(0)
        self.reference = Reference.of(architecture)
        self.place = tempfile.TemporaryDirectory(prefix="edgeconv-bare-")
        self.folder = Path(self.place.name)

    def cell(self, name: str) -> Cell:
        """What becomes of the architecture in this format."""
        make: Callable[[], Path] = {
            "tflite float32": lambda: self._tflite(quantized=False),
            "tflite int8": lambda: self._tflite(quantized=True),
            "coreml float32": lambda: self._saved(self._coreml, "float32"),
            "coreml int8": lambda: self._saved(self._quantized_coreml(), "int8"),
            "onnx float32": lambda: self._onnx,
            "onnx int8": self._quantized_onnx,
        }[name]
        return self.reference.cell(make, name)

    def _samples(self) -> Iterator[Arrays]:
        """Calibration samples, one at a time."""
        for number in range(len(next(iter(self.calibration.values())))):
            yield {name: array[number : number + 1] for name, array in self.calibration.items()}

    @cached_property
    def _saved_model(self) -> str:
        import tensorflow as tf

        path = str(self.folder / "saved_model")
        inputs = [
            tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name)
            for name, tensor in zip(self.calibration, self.model.inputs, strict=True)
        ]
        signature = [inputs if len(inputs) > 1 else inputs[0]]
        self.model.export(path, input_signature=signature, verbose=False)
        return path

    def _tflite(self, quantized: bool) -> Path:
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_saved_model(self._saved_model)
        if quantized:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = self._samples
        path = self.folder / f"{quantized}.tflite"
        path.write_bytes(converter.convert())
        return path

    @cached_property
    def _coreml(self) -> Any:
        import coremltools as ct

        inputs = zip(self.calibration, self.model.inputs, strict=True)
        return ct.convert(
            self.model,
            source="tensorflow",
            convert_to="mlprogram",
            inputs=[ct.TensorType(name=name, shape=(1, *x.shape[1:])) for name, x in inputs],
            compute_precision=ct.precision.FLOAT32,
            minimum_deployment_target=ct.target.iOS17,
        )

    def _quantized_coreml(self) -> Any:
        import coremltools.optimize.coreml as cto

        config = cto.OptimizationConfig(global_config=cto.OpLinearQuantizerConfig())
        return cto.linear_quantize_weights(self._coreml, config)

    def _saved(self, package: Any, scheme: str) -> Path:
        path = self.folder / f"{scheme}.mlpackage"
        package.save(str(path))
        return path

    @cached_property
    def _onnx(self) -> Path:
        path = self.folder / "float32.onnx"
        self.model.export(str(path), format="onnx", verbose=False)
        return path

    def _quantized_onnx(self) -> Path:
        from onnxruntime.quantization import CalibrationDataReader, quantize_static

        class Reader(CalibrationDataReader):  # type: ignore[misc] # the package has no types
            def __init__(self, samples: Iterator[Arrays]) -> None:
                self.samples = samples

            def get_next(self) -> Arrays | None:
                return next(self.samples, None)

        path = self.folder / "int8.onnx"
        quantize_static(str(self._onnx), str(path), Reader(self._samples()))
        return path


@lru_cache(maxsize=1)
def _converters(number: int) -> BareConverters:
    return BareConverters(build(number))


def _cell(number: int, name: str) -> Cell:
    return _converters(number).cell(name)


class BareProcess:
    """A process for the bare converters, since some architectures crash them."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.pool = ProcessPoolExecutor(1, get_context("spawn"))

    def cells(self, number: int) -> dict[str, Cell]:
        """Every cell of an architecture."""
        return {name: self._cell(number, name) for name in CELLS}

    def _cell(self, number: int, name: str) -> Cell:
        try:
            return self.pool.submit(_cell, number, name).result()
        except BrokenProcessPool:
            self._start()
            return Cell("crashed", reason="the converter's process died")

    def close(self) -> None:
        """End the process."""
        self.pool.shutdown()
