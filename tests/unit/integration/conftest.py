"""A model of named tensors as packages see it, without a file that any engine could run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import Artifact, NamedTensor, Samples, Tensors, TensorSpec
from edgeconv.core.tensors import PROBABILITIES, SCORES
from edgeconv.integration.identifiers import Naming
from edgeconv.integration.model_package import ModelContext
from edgeconv.integration.self_test import make_named_self_test
from edgeconv.parity.golden.named_vectors import NamedGoldenSet

WORDS = ("<padding>", "<start>", "<unknown>", "it", "was", "good", "kelvin", "don't")
LABELS = (
    'say """hi""" \\',
    "back\\slash $x ${y} %d */ ??! \\u0022 \\0 null",
    "歩く שלום می\N{ZERO WIDTH NON-JOINER}رود`'<b>|]]>",
)
CONTRACT = Tensors(
    inputs=(
        NamedTensor("class", (6,), "int32", 0, len(WORDS) - 1),
        NamedTensor("user_id", (2, 3)),
        NamedTensor("X", (1,), low=-1.0, high=2.5),
    ),
    outputs=(
        NamedTensor("return", (3,), meaning=PROBABILITIES),
        NamedTensor("alarm", (1,), meaning=SCORES),
        NamedTensor("self", (2, 2)),
    ),
    labels=LABELS,
)

MakeContext = Callable[[Naming, Path], ModelContext]


def model_context(naming: Naming, file: Path, contract: Tensors = CONTRACT) -> ModelContext:
    """What templates get for `file`, whose bytes nobody reads as a model."""
    if file.suffix == ".mlpackage":
        file.mkdir(exist_ok=True)
        (file / "Manifest.json").write_text("{}")
    else:
        file.write_bytes(b"abcdTFL3")
    stored = {
        side: tuple(TensorSpec(t.name, (1, *t.shape), t.dtype) for t in reversed(tensors))
        for side, tensors in (("in", contract.inputs), ("out", contract.outputs))
    }
    target = "coreml" if file.suffix == ".mlpackage" else "tflite"
    artifact = Artifact(
        file, "ab" * 32, 8, target, "float32", contract, stored["in"], stored["out"]
    )
    random = np.random.default_rng(0)
    arrays = {
        t.name: random.normal(size=(4, *t.shape)).astype(np.float32)
        if t.is_float
        else random.integers(0, len(WORDS), (4, *t.shape), np.int32)
        for t in contract.inputs
    }
    outputs = {
        t.name: random.uniform(size=(4, *t.shape)).astype(np.float32) for t in contract.outputs
    }
    samples = Samples(arrays, "four random inputs", random=True)
    golden = NamedGoldenSet.of(contract, "cd" * 32, samples, outputs)
    golden = golden.recorded(artifact, "litert", outputs)
    test = make_named_self_test(artifact, golden, "ef" * 32)
    return ModelContext(
        artifact, naming, golden, "ef" * 32, WORDS, "1.0", arena_bytes=2048, self_test=test
    )


@pytest.fixture
def make_context() -> MakeContext:
    return model_context
