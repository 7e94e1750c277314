"""Compressed weights unpack to what coremltools' own operations say that they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.errors import BadInput, Unsupported
from edgeconv.targets.coreml.weight_decompression import DECOMPRESSORS, decompress

pytestmark = pytest.mark.heavy  # coremltools' definitions of the operations

SHAPE = (6, 8, 1, 3)
SEEDS = st.integers(0, 2**32 - 1)
BITS = st.sampled_from([1, 2, 3, 4, 6, 8])
FLOATS = st.sampled_from(["float16", "float32"])


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Loads coremltools, which changes Python's recursion limit, before hypothesis looks at it."""
    oracle()


def oracle() -> tuple[Any, Any]:
    """coremltools' operations of iOS16 and of iOS18, whose `decompress` are static methods."""
    from coremltools.converters.mil.mil.ops.defs.iOS16 import constexpr_ops as old
    from coremltools.converters.mil.mil.ops.defs.iOS18 import compression as new

    return old, new


def same(kind: str, arguments: dict[str, Any], expected: Any) -> None:
    """In float64 the numbers are coremltools' up to its own rounding to float16 or float32."""
    wide = {
        k: v.astype("f8") if getattr(v, "dtype", np.dtype("i1")).kind == "f" else v
        for k, v in arguments.items()
    }
    rounded = np.asarray(expected[-1]).dtype == np.float16
    limit = 2e-3 if rounded else 2e-6
    for given_ in (arguments, wide):
        results = decompress(kind, given_, "here")
        assert len(results) == len(expected)
        for value, reference in zip(results, expected, strict=True):
            assert value.shape == reference.shape
            np.testing.assert_allclose(value.astype("f8"), reference.astype("f8"), rtol=limit)


@given(SEEDS, st.booleans(), st.booleans(), FLOATS)
def test_affine(seed: int, per_channel: bool, zero_points: bool, dtype: str) -> None:
    random = np.random.default_rng(seed)
    channels = 8 if per_channel else ()
    arguments = {
        "quantized_data": random.integers(-128, 128, SHAPE).astype(np.int8),
        "zero_point": random.integers(-5, 5, channels if zero_points else ()).astype(np.int8),
        "scale": random.uniform(0.1, 1, channels).astype(dtype),
        "axis": np.int32(1),
    }
    arguments = {k: np.asarray(v) for k, v in arguments.items()}
    decompress_ = oracle()[0].constexpr_affine_dequantize.decompress
    same("constexpr_affine_dequantize", arguments, [decompress_(**arguments)])


@given(SEEDS, BITS, FLOATS)
def test_packed_palette(seed: int, bits: int, dtype: str) -> None:
    random = np.random.default_rng(seed)
    packed = random.integers(0, 256, -(-int(np.prod(SHAPE)) * bits // 8)).astype(np.uint8)
    lut = random.normal(size=1 << bits).astype(dtype)
    arguments = {"lut": lut, "indices": packed, "shape": np.array(SHAPE)}
    expected = oracle()[0].constexpr_lut_to_dense.decompress(lut, packed, np.array(SHAPE))
    same("constexpr_lut_to_dense", arguments, [expected])


@given(SEEDS, BITS, FLOATS, st.sampled_from([(1, 1), (3, 2), (6, 8), (2, 1)]))
def test_grouped_palette(seed: int, bits: int, dtype: str, groups: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    indices = random.integers(0, 1 << bits, SHAPE).astype(np.uint8)
    lut = random.normal(size=(*groups, 1, 1, 1 << bits, 1)).astype(dtype)
    expected = oracle()[1].constexpr_lut_to_dense.decompress(indices, lut, None)
    same("constexpr_lut_to_dense", {"indices": indices, "lut": lut}, [expected])


@given(SEEDS, BITS, st.sampled_from([2, 4]), st.sampled_from([0, 1]))
def test_palette_of_vectors(seed: int, bits: int, length: int, axis: int) -> None:
    random = np.random.default_rng(seed)
    indices = random.integers(0, 1 << bits, SHAPE).astype(np.uint8)
    lut = random.normal(size=(3, 2, 1, 1, 1 << bits, length)).astype(np.float32)
    arguments = {"indices": indices, "lut": lut, "vector_axis": np.int32(axis)}
    expected = oracle()[1].constexpr_lut_to_dense.decompress(indices, lut, np.int32(axis))
    same("constexpr_lut_to_dense", arguments, [expected])


@given(SEEDS, st.floats(0, 1), FLOATS)
def test_sparse(seed: int, density: float, dtype: str) -> None:
    random = np.random.default_rng(seed)
    mask = (random.random(SHAPE) < density).astype(np.uint8)
    values = random.normal(size=int(mask.sum())).astype(dtype)
    packed = np.packbits(mask.ravel(), bitorder="little")
    shape = np.array(SHAPE)
    old, new = oracle()
    expected = old.constexpr_sparse_to_dense.decompress(values, packed, shape)
    same(
        "constexpr_sparse_to_dense",
        {"nonzero_data": values, "mask": packed, "shape": shape},
        [expected],
    )
    expected = new.constexpr_sparse_to_dense.decompress(values, mask)
    same("constexpr_sparse_to_dense", {"nonzero_data": values, "mask": mask}, [expected])


@given(SEEDS, st.booleans(), FLOATS, st.sampled_from([(1, 1), (6, 2), (3, 8), (6, 8)]))
def test_blockwise(seed: int, offsets: bool, dtype: str, groups: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    data = random.integers(-8, 8, SHAPE).astype(np.int8)
    scale = random.uniform(0.1, 1, (*groups, 1, 1)).astype(dtype)
    offset = random.integers(-3, 3, scale.shape).astype(np.int8) if offsets else None
    arguments = {"data": data, "scale": scale} | ({} if offset is None else {"offset": offset})
    expected = oracle()[1].constexpr_blockwise_shift_scale.decompress(data, scale, offset)
    same("constexpr_blockwise_shift_scale", arguments, [expected])


@given(SEEDS, BITS, st.booleans())
def test_sparse_palette_and_sparse_blockwise(seed: int, bits: int, offsets: bool) -> None:
    random = np.random.default_rng(seed)
    mask = (random.random(SHAPE) < 0.5).astype(np.uint8)
    count = int(mask.sum())
    new = oracle()[1]
    indices = random.integers(0, 1 << bits, count).astype(np.uint8)
    lut = random.normal(size=(1, 1, 1, 1, 1 << bits, 1)).astype(np.float32)
    palette = {"indices_mask": mask, "indices_nonzero_data": indices, "lut": lut}
    expected = new.constexpr_lut_to_sparse.decompress(mask, indices, lut, None)
    same("constexpr_lut_to_sparse", palette, expected)
    data = random.integers(-8, 8, count).astype(np.int8)
    scale = random.uniform(0.1, 1, (6, 2, 1, 1)).astype(np.float32)
    offset = random.integers(-3, 3, scale.shape).astype(np.int8) if offsets else None
    joint = {"data_mask": mask, "nonzero_data": data, "scale": scale}
    joint |= {} if offset is None else {"offset": offset}
    arguments = (mask, data, scale, offset)
    expected = new.constexpr_sparse_blockwise_shift_scale.decompress(*arguments)
    same("constexpr_sparse_blockwise_shift_scale", joint, expected)


def test_every_decompressor_has_an_oracle() -> None:
    old, new = oracle()
    known = {name for module in (old, new) for name in dir(module) if name.startswith("constexpr_")}
    assert set(DECOMPRESSORS) == known - {"constexpr_ops"}


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        (
            "constexpr_sparse_to_dense",
            {"nonzero_data": np.ones(3), "mask": np.array([1, 0, 1], np.uint8)},
            "3 numbers for 2 places",
        ),
        (
            "constexpr_blockwise_shift_scale",
            {"data": np.ones((4, 6), np.int8), "scale": np.ones((4, 4), np.float32)},
            r"blocks of shape \(4, 4\) do not divide a weight of shape \(4, 6\)",
        ),
        (
            "constexpr_lut_to_dense",
            {"indices": np.array([9], np.uint8), "lut": np.ones((1, 4, 1), np.float32)},
            "its parameters contradict each other",
        ),
        (
            "constexpr_lut_to_dense",
            {
                "indices": np.array([9], np.uint8),
                "lut": np.ones(4, np.float32),
                "shape": np.array([9]),
            },
            "packed weights hold 4 numbers, 9 are needed",
        ),
        ("constexpr_cast", {}, "its parameters contradict each other"),
    ],
)
def test_what_does_not_fit_is_bad_input(kind: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=f"operation 7: (.* )?{said}"):
        decompress(kind, arguments, "operation 7")


def test_an_unknown_operation_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="operation 7"):
        decompress("constexpr_new", {}, "operation 7")
