"""Kernels that are packed, and what Apple's interpreter unpacks of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import Conv, Dense, Reshape, TransposedConv, Value
from edgeconv.ir.numpy_interpreter import evaluate
from edgeconv.runtimes import open_runner
from edgeconv.targets.coreai import weights
from edgeconv.targets.coreai.builder import ProgramBuilder, Store
from edgeconv.targets.coreai.lowering import LOWERINGS
from edgeconv.targets.coreai.reader import _unpacked, kernels_of, read_program
from edgeconv.targets.coreai.storage import pack, palette, store_int4, store_int8
from edgeconv.targets.coreml.weight_compression import nearest, palette_of


def network(bits: int = 0) -> Graph:
    """Three kinds of kernels, all large enough to be packed, perhaps of few numbers each."""
    rng = np.random.default_rng(0)

    def kernel(*shape: int) -> Any:
        array = rng.normal(size=shape)
        return nearest(palette_of(array, 1 << bits), array) if bits else array

    x = Value("steps", (6, 16))
    conv = Conv(label="conv", inputs=(x,), kernel=kernel(2, 16, 24), bias=rng.normal(size=24))
    spread = TransposedConv(
        label="spread",
        inputs=conv.outputs,
        kernel=kernel(3, 10, 24),
        bias=rng.normal(size=10),
        size=(11,),
        stride=(2,),
    )
    flat = Reshape(label="flat", inputs=spread.outputs, shape=(110,))
    dense = Dense(label="dense", inputs=flat.outputs, kernel=kernel(110, 9), bias=np.zeros(9))
    return Graph("packed", (x,), dense.outputs, (conv, spread, flat, dense))


CASES: dict[str, tuple[Store, int, float]] = {
    "int8": (store_int8, 0, 0.5 / 127),
    "int4": (store_int4, 0, 0.5 / 7),
    "palette8": (palette(8), 8, 0),
    "palette4": (palette(4), 4, 0),
}
"""How it is stored, bits of the numbers in the network, and the largest rounding as a share of the
largest weight."""


@pytest.mark.parametrize("name", CASES)
def test_the_file_holds_rounded_weights_and_computes_with_them(name: str, tmp_path: Path) -> None:
    store, bits, share = CASES[name]
    graph, path = network(bits), tmp_path / "m.aimodel"
    ProgramBuilder(graph, LOWERINGS, "float32", store).write(("result",), path)
    program = read_program(path)
    kernels = kernels_of(program)
    assert all(kernel.unpacked_by for kernel in kernels)
    read = [weights.unpacked(program, kernel) for kernel in kernels]
    conv, spread, dense = read
    assert conv is not None
    assert spread is not None
    assert dense is not None
    by_label = {
        "conv": conv.transpose(2, 3, 1, 0)[0],
        "spread": spread.transpose(2, 3, 1, 0)[0],
        "dense": dense[:, :, 0, 0].T,
    }
    # the rows of a dense layer are in the order in which channels come first
    order = np.arange(110).reshape(11, 10).T.reshape(-1)
    rows = np.empty_like(by_label["dense"])
    rows[order] = by_label["dense"]
    by_label["dense"] = rows
    for node in graph.kernel_nodes:
        off = np.abs(by_label[node.label] - node.kernel).max()
        assert off <= 1.001 * share * np.abs(node.kernel).max() + 1e-6
    stored = graph.map_nodes(
        lambda node: (
            (node.with_kernels({"kernel": by_label[node.label]}),)
            if node.label in by_label
            else (node,)
        )
    )
    x = np.random.default_rng(1).normal(size=(3, 6, 16)).astype(np.float32)
    (expected,) = evaluate(stored, x.astype(np.float64))
    with open_runner(path) as runner:
        outputs = runner.run({"steps": x})["result"]
    np.testing.assert_allclose(outputs, expected, atol=1e-5 * np.abs(expected).max())


def test_blocks_of_int4_share_a_scale(tmp_path: Path) -> None:
    path = tmp_path / "m.aimodel"
    ProgramBuilder(network(), LOWERINGS, "float16", store_int4).write(("result",), path)
    program = read_program(path)
    scales = {}
    for kernel in kernels_of(program):
        assert kernel.unpacked_by is not None
        name = program.names[kernel.unpacked_by.inputs[1]]
        scales[name] = program.type(kernel.unpacked_by.inputs[1])[0]
    assert scales == {
        "conv_kernel_scale": (24, 1, 1, 1),  # 16 input channels are one block
        "spread_kernel_scale": (1, 10, 1, 1),
        "dense_kernel_scale": (9, 5, 1, 1),
    }


@given(st.lists(st.integers(-8, 7), min_size=1, max_size=9))
@settings(deadline=None, max_examples=50)
def test_two_numbers_of_four_bits_share_a_byte(numbers: list[int]) -> None:
    packed = pack(np.array(numbers, np.int8), 4)
    assert packed.size == (len(numbers) + 1) // 2
    assert _unpacked(packed.tobytes(), "int4", (len(numbers),)).tolist() == numbers
    positive = np.array(numbers) + 8
    again = _unpacked(pack(positive, 4).tobytes(), "uint4", (len(numbers),))
    assert again.tolist() == positive.tolist()


def test_small_kernels_stay_float(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = Value("x", (20,))
    small = Dense(label="small", inputs=(x,), kernel=rng.normal(size=(20, 20)), bias=np.zeros(20))
    large = Dense(
        label="large", inputs=small.outputs, kernel=rng.normal(size=(20, 500)), bias=np.zeros(500)
    )
    path = tmp_path / "m.aimodel"
    graph = Graph("two", (x,), large.outputs, (small, large))
    ProgramBuilder(graph, LOWERINGS, "float16", store_int8).write(("result",), path)
    storage = {each.op: each.stored for each in weights.kernel_storage(path)}
    assert storage == {"small_matmul": "float16", "large_matmul": "int8"}


@pytest.mark.heavy
def test_export_says_what_it_packed_and_what_not(exported: dict[str, Path]) -> None:
    for scheme in ("int8", "int4", "palette8", "palette4", "w8a8"):
        packed = {each.op for each in weights.kernel_storage(exported[scheme]) if each.compressed}
        assert packed == {"conv2_conv", "lstm_recurrent"}
