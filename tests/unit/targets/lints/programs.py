"""Core ML packages for the lints: one that is in order, and ways to break it.

They are made with coremltools' MIL builder and no pass of its converter, so that what stands here
is what stands in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeconv.core import InputConvention, Signal
from edgeconv.core.metadata import ModelMetadata
from edgeconv.targets.coreml import metadata
from edgeconv.targets.coreml import package as mlpackage

CHANNELS, STEPS, FEATURES, CLASSES = 3, 16, 16, 2
SHAPE = (1, CHANNELS, 1, STEPS)
SIGNAL = Signal(window=STEPS, step=8, labels=("still", "walking"), sensor=InputConvention.IOS)

Network = Callable[[Any, Any], Any]
"""From MIL's builder and the float16 input to the float16 features, (1, FEATURES)."""


def numbers(*shape: int, dtype: str = "float16") -> Any:
    return np.random.default_rng(len(shape)).normal(0, 0.1, shape).astype(dtype)


def convolution(mb: Any, x: Any, **changes: Any) -> Any:
    given = {
        "weight": numbers(FEATURES, CHANNELS, 1, 5),
        "bias": numbers(FEATURES),
        "pad_type": "valid",
    }
    return mb.conv(x=x, **{k: v for k, v in {**given, **changes}.items() if v is not None})


def pooled(mb: Any, x: Any) -> Any:
    return mb.reduce_mean(x=x, axes=list(range(2, x.rank)), keep_dims=False)


def plain(mb: Any, x: Any) -> Any:
    return pooled(mb, mb.relu(x=convolution(mb, x)))


def package(
    path: Path,
    network: Network = plain,
    *,
    shape: tuple[int, ...] = SHAPE,
    input_type: str = "fp32",
    compute: str = "fp16",
    target: str = "iOS15",
    labels: bool = True,
    signal: Signal = SIGNAL,
    head: bool = True,
) -> Path:
    """Convert `network` with a softmax behind it, named and with the contract as by edgeconv."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types

    kind = {"fp32": types.fp32, "int32": types.int32}[input_type]
    entry = mb.TensorSpec(shape=shape, dtype=kind)

    @mb.program(input_specs=[entry], opset_version=getattr(ct.target, target))  # type: ignore[untyped-decorator]
    def program(sensor: Any) -> Any:
        x = network(mb, mb.cast(x=sensor, dtype=compute) if compute != input_type else sensor)
        if head:
            dtype = "float16" if compute == "fp16" else "float32"
            weight, bias = numbers(CLASSES, FEATURES, dtype=dtype), numbers(CLASSES, dtype=dtype)
            x = mb.linear(x=x, weight=weight, bias=bias)
        x = mb.softmax(x=x, axis=-1)
        return mb.cast(x=x, dtype="fp32", name="p") if compute == "fp16" else x

    model = ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=getattr(ct.target, target),
        compute_precision=ct.precision.FLOAT32,
        pass_pipeline=ct.PassPipeline.EMPTY,
        skip_model_load=True,
        classifier_config=ct.ClassifierConfig(list(signal.labels)) if labels else None,
    )
    model.save(str(path))
    metadata.embed(path, ModelMetadata("tiny", signal))
    return path


def edit(path: Path, change: Callable[[Any], None]) -> Path:
    """Change the protobuf in place."""
    spec = mlpackage.read_spec(path)
    change(spec)
    mlpackage.model_file(path).write_bytes(spec.SerializeToString(deterministic=True))
    return path


def block(spec: Any) -> Any:
    function = spec.mlProgram.functions["main"]
    return function.block_specializations[function.opset]


def stateful(path: Path) -> Path:
    """A running sum: what comes in is added to a state of two numbers, which is the output."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types

    entries = [
        mb.TensorSpec(shape=(1, 2), dtype=types.fp16),
        mb.StateTensorSpec(shape=(1, 2), dtype=types.fp16),
    ]

    @mb.program(input_specs=entries, opset_version=ct.target.iOS18)  # type: ignore[untyped-decorator]
    def program(step: Any, total: Any) -> Any:
        total_now = mb.add(x=mb.read_state(input=total), y=step)
        return mb.coreml_update_state(state=total, value=total_now, name="total_out")

    model = ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS18,
        skip_model_load=True,
    )
    model.save(str(path))
    return path
