"""The same bytes everywhere, names of our own, and types that Apple's package wants."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeconv.core.paths import sha256
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import SOFTMAX, Activation, Conv, Dense, Reshape, Value
from edgeconv.targets.coreai import reader
from edgeconv.targets.coreai.builder import ProgramBuilder
from edgeconv.targets.coreai.lowering import LOWERINGS
from edgeconv.targets.coreai.storage import store_float

_SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from {module} import write
write(Path(sys.argv[2]))
"""


def small() -> Graph:
    import numpy as np

    rng = np.random.default_rng(0)
    x = Value("sensor", (12,))
    steps = Reshape(label="steps", inputs=(x,), shape=(4, 3))
    kernel = rng.normal(size=(2, 3, 5))
    conv = Conv(label="conv/1", inputs=steps.outputs, kernel=kernel, bias=rng.normal(size=5))
    flat = Reshape(label="flat", inputs=conv.outputs, shape=(15,))
    dense = Dense(
        label="dense", inputs=flat.outputs, kernel=rng.normal(size=(15, 3)), bias=np.zeros(3)
    )
    last = Activation(label="probabilities", inputs=dense.outputs, function=SOFTMAX)
    return Graph("small", (x,), last.outputs, (steps, conv, flat, dense, last))


def write(path: Path) -> None:
    """Also called by other processes."""
    ProgramBuilder(small(), LOWERINGS, "float16", store_float).write(("probabilities",), path)


def test_two_processes_folders_and_hash_seeds_give_the_same_program(tmp_path: Path) -> None:
    here = tmp_path / "here.aimodel"
    write(here)
    copy = tmp_path / "elsewhere" / "renamed_module.py"  # names of source files must not get in
    copy.parent.mkdir()
    copy.write_text("\n\n" + Path(__file__).read_text())
    there = copy.parent / "there.aimodel"
    subprocess.run(
        [
            *(sys.executable, "-c", _SCRIPT.format(module="renamed_module")),
            *(str(copy.parent), str(there)),
        ],
        check=True,
        cwd=copy.parent,
        env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
    )
    for name in ("main.mlirb", "main.hash"):
        assert sha256(here / name) == sha256(there / name)


def test_nothing_of_this_machine_is_inside(tmp_path: Path) -> None:
    path = tmp_path / "m.aimodel"
    write(path)
    data = (path / "main.mlirb").read_bytes()
    for word in (b".py", os.sep.encode() + b"tmp", b"edgeconv", b"dense_resource"):
        assert word not in data, word
    assert b"conv_1_kernel" in data


def test_values_are_called_after_their_layers(tmp_path: Path) -> None:
    path = tmp_path / "m.aimodel"
    write(path)
    graph = reader.read_graph(path)
    assert [(spec.name, spec.shape, spec.dtype) for spec in (*graph.inputs, *graph.outputs)] == [
        ("sensor", (1, 12), "float32"),
        ("probabilities", (1, 3), "float32"),
    ]
    named = {op.name: op.kind for op in graph.ops}
    assert named["conv_1_conv"] == named["dense_matmul"] == "conv2d"
    assert named["conv_1"] == named["dense"] == "decomposable.broadcasting_add"
    assert graph.macs == 3 * 5 * 2 * 3 + 15 * 3
    assert graph.parameters == 30 + 5 + 45 + 3


@pytest.mark.parametrize(
    ("dtype", "text"),
    [("float16", "f16"), ("bool", "i1"), ("int32", "si32"), ("uint8", "ui8"), ("uint4", "ui4")],
)
def test_types(dtype: str, text: str) -> None:
    builder = ProgramBuilder(small(), LOWERINGS, "float32", store_float)
    with builder._context, builder._ir.Location.unknown():
        assert str(builder.type((2, 3), dtype)) == f"tensor<2x3x{text}>"


def test_a_small_number_does_not_become_zero_in_float16() -> None:
    builder = ProgramBuilder(small(), LOWERINGS, "float16", store_float)
    assert builder.representable(1e-24) == 2.0**-24
    assert builder.representable(0.0) == 0.0
    assert builder.representable(-1e-24) == -(2.0**-24)
    assert builder.representable(0.1) == pytest.approx(0.1, rel=1e-3)
