"""A package is smaller and the same: to our reader, our runtime and coremltools."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core.metadata import CONTRACT_KEY, ModelMetadata
from edgeconv.core.paths import sha256, size
from edgeconv.errors import BadInput
from edgeconv.runtimes import open_runner
from edgeconv.targets.coreml import metadata
from edgeconv.targets.coreml import package as mlpackage
from edgeconv.targets.coreml.blobs import BlobFile
from edgeconv.targets.coreml.minify import INLINE_BYTES, INLINE_TOTAL, slim
from edgeconv.targets.coreml.program import read_program
from edgeconv.targets.coreml.program_graph import read_graph
from edgeconv.targets.coreml.weights import read_weights
from tests.unit.targets.conversion.expected import check_structure
from tests.unit.targets.lints.programs import SHAPE, SIGNAL, numbers, package, pooled

pytestmark = pytest.mark.heavy


def like(x: Any, *shape: int) -> Any:
    """Numbers of the type that the network computes in."""
    from coremltools.converters.mil.mil import types

    return numbers(*shape, dtype="float16" if x.dtype == types.fp16 else "float32")


def conv(mb: Any, x: Any, filters: int, taps: int, **more: Any) -> Any:
    given = {"bias": like(x, filters), "pad_type": "valid", **more}
    return mb.conv(x=x, weight=like(x, filters, x.shape[1], 1, taps), **given)


def small(mb: Any, x: Any) -> Any:
    return pooled(mb, mb.relu(x=conv(mb, x, 16, 5)))


def large(mb: Any, x: Any) -> Any:
    """Kernels of 4,800 and 1,600 numbers are more than stands in a program."""
    y = conv(mb, mb.relu(x=conv(mb, x, 16, 5, strides=[1, 2])), 100, 3)
    return pooled(mb, conv(mb, y, 16, 1))


def shared(mb: Any, x: Any) -> Any:
    """Two operations read one bias."""
    bias = mb.const(val=like(x, 16))
    return pooled(mb, conv(mb, conv(mb, x, 16, 3, bias=bias), 16, 1, bias=bias))


def run(path: Path) -> dict[str, Any]:
    windows = np.random.default_rng(0).normal(0, 1, (20, *SHAPE[1:])).astype(np.float32)
    with open_runner(path, "coreml-reference") as runner:
        return runner.run({"sensor": windows})


def bare(path: Path, network: Any, compute: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As the converter left it, but for the public names."""
    with monkeypatch.context() as patch:
        patch.setattr(metadata, "slim", lambda _, weights: weights._data[:])
        return package(path, network, compute=compute)


def weight_file(path: Path) -> bytes:
    return (mlpackage.model_file(path).parent / mlpackage.WEIGHTS).read_bytes()


@pytest.mark.parametrize("compute", ["fp16", "fp32"])
@pytest.mark.parametrize("network", [small, large, shared])
def test_smaller_and_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: Any, compute: str
) -> None:
    from coremltools.converters.mil.frontend.milproto.load import load
    from coremltools.models import MLModel

    old = bare(tmp_path / "old.mlpackage", network, compute, monkeypatch)
    new = tmp_path / "new.mlpackage"
    shutil.copytree(old, new)
    metadata.embed(new, ModelMetadata("tiny", SIGNAL))
    assert size(new) < size(old) - 1_500
    before, after = run(old), run(new)
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
    weights = [(w.values() for w in read_weights(path)) for path in (old, new)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert read_graph(new).kinds == read_graph(old).kinds
    assert read_graph(new).parameters == read_graph(old).parameters
    # Apple's own reader of the format takes it, with every type and shape as it infers them
    model = MLModel(str(new), skip_model_load=True)
    spec = model.get_spec()
    folder = model.weights_dir or ""
    program = load(spec, spec.specificationVersion, folder)
    kinds = [op.op_type for op in program.functions["main"].operations if op.op_type != "const"]
    assert tuple(kinds) == read_graph(new).kinds


def test_once_more_changes_nothing(tmp_path: Path) -> None:
    path = package(tmp_path / "p.mlpackage", large)
    once = sha256(path)
    metadata.embed(path, ModelMetadata("tiny", SIGNAL))
    # `package` gives the file another name in its description than this card
    again = sha256(path)
    metadata.embed(path, ModelMetadata("tiny", SIGNAL))
    assert sha256(path) == again
    assert weight_file(path)
    assert len(once) == len(again)


def test_large_tensors_stay_in_an_aligned_weight_file(tmp_path: Path) -> None:
    path = package(tmp_path / "p.mlpackage", large)
    data = weight_file(path)
    assert len(data) > INLINE_TOTAL
    assert len(data) % 64 == 0
    constants = [c for _, c in read_program(path).constants() if c.in_weight_file]
    stored = [c.value.tobytes() for c in constants]
    assert all(data.index(raw) % 64 == 0 for raw in stored if len(raw) > INLINE_BYTES)
    assert int.from_bytes(data[:4], "little") == sum(len(raw) > INLINE_BYTES for raw in stored)


def test_without_large_tensors_there_is_no_weight_file(tmp_path: Path) -> None:
    path = package(tmp_path / "p.mlpackage", small)
    assert not (mlpackage.model_file(path).parent / "weights").exists()
    assert "weights" not in (path / "Manifest.json").read_text()


def test_a_nan_inside_the_program_is_found(tmp_path: Path) -> None:
    path = package(tmp_path / "p.mlpackage", small)
    spec = mlpackage.read_spec(path)
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    held = next(
        op.attributes["val"].immediateValue.tensor.bytes
        for op in block.operations
        if op.type == "const" and len(op.attributes["val"].immediateValue.tensor.bytes.values) == 32
    )
    held.values = np.float16("nan").tobytes() + held.values[2:]
    mlpackage.model_file(path).write_bytes(spec.SerializeToString())
    with pytest.raises(BadInput, match="NaN"):
        check_structure(path, "float16", [])


def test_a_package_without_its_contract_is_a_foreign_one(tmp_path: Path) -> None:
    path = package(tmp_path / "p.mlpackage", small)
    spec = mlpackage.read_spec(path)
    text = spec.description.metadata.userDefined[CONTRACT_KEY]
    spec.description.metadata.userDefined[CONTRACT_KEY] = text[: len(text) // 2]
    mlpackage.model_file(path).write_bytes(spec.SerializeToString())
    with pytest.raises(BadInput, match="contract is not JSON"):
        mlpackage.read_contract(path)


def test_a_program_without_weights_keeps_its_bytes(tmp_path: Path) -> None:
    path = package(tmp_path / "p.mlpackage", small)
    spec = mlpackage.read_spec(path)
    before = spec.SerializeToString(deterministic=True)
    assert slim(spec, BlobFile(b"")) == b""
    assert spec.SerializeToString(deterministic=True) == before
