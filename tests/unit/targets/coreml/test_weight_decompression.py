"""Two independent readings of packed weights agree: the file room's and the runtime's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.errors import BadInput
from edgeconv.runtimes.coreml_reference.ops import compression
from edgeconv.runtimes.coreml_reference.weights import unpack
from edgeconv.targets.coreml.weight_decompression import UNPACK, unpack_bits

SHAPE = (6, 8, 1, 3)
SEEDS = st.integers(0, 2**32 - 1)


def _agree(kind: str, given: dict[str, Any]) -> None:
    ours = UNPACK[kind](given)
    theirs = getattr(compression, kind)(**given)
    pairs = zip(_tuple(ours), _tuple(theirs), strict=True)
    for left, right in pairs:
        np.testing.assert_allclose(left.astype(float), right.astype(float), rtol=1e-6)


def _tuple(made: Any) -> tuple[Any, ...]:
    return made if isinstance(made, tuple) else (made,)


@given(SEEDS, st.booleans())
def test_affine(seed: int, per_channel: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 6 if per_channel else ()
    _agree(
        "constexpr_affine_dequantize",
        {
            "quantized_data": rng.integers(-128, 128, SHAPE).astype(np.int8),
            "zero_point": rng.integers(-5, 5, n).astype(np.int8),
            "scale": rng.uniform(0.1, 1, n).astype(np.float32),
            "axis": np.array(0),
        },
    )


@given(SEEDS, st.sampled_from([1, 2, 3, 4, 6, 8]))
def test_packed_bits_and_palettes(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(np.prod(SHAPE))
    packed = rng.integers(0, 256, -(-n * bits // 8)).astype(np.uint8)
    for signed in (False, True):
        assert (unpack_bits(packed, bits, n, signed) == unpack(packed, bits, n, signed)).all()
    lut = rng.normal(size=1 << bits).astype(np.float32)
    old = {"indices": packed, "lut": lut, "shape": np.array(SHAPE)}
    _agree("constexpr_lut_to_dense", old)
    grouped = rng.normal(size=(3, 2, 1, 1, 1 << bits, 1)).astype(np.float32)
    indices = rng.integers(0, 1 << bits, SHAPE).astype(np.uint8)
    _agree("constexpr_lut_to_dense", {"indices": indices, "lut": grouped})


@given(SEEDS)
def test_sparse_and_joint(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = (rng.random(SHAPE) < 0.5).astype(np.uint8)
    n = int(mask.sum())
    values = rng.normal(size=n).astype(np.float32)
    packed = np.packbits(mask.ravel(), bitorder="little")
    old = {"nonzero_data": values, "mask": packed, "shape": np.array(SHAPE)}
    _agree("constexpr_sparse_to_dense", old)
    _agree("constexpr_sparse_to_dense", {"nonzero_data": values, "mask": mask})
    scale = rng.uniform(0.1, 1, (6, 2, 1, 1)).astype(np.float32)
    dense = rng.integers(-8, 8, SHAPE).astype(np.int8)
    _agree("constexpr_blockwise_shift_scale", {"data": dense, "scale": scale})
    offset = rng.integers(-3, 3, (6, 2, 1, 1)).astype(np.int8)
    _agree("constexpr_blockwise_shift_scale", {"data": dense, "scale": scale, "offset": offset})
    kept = rng.integers(-8, 8, n).astype(np.int8)
    joint = {"data_mask": mask, "nonzero_data": kept, "scale": scale}
    _agree("constexpr_sparse_blockwise_shift_scale", joint)
    table = {
        "indices_mask": mask,
        "indices_nonzero_data": rng.integers(0, 16, n).astype(np.uint8),
        "lut": rng.normal(size=(1, 1, 1, 1, 16, 1)).astype(np.float32),
    }
    _agree("constexpr_lut_to_sparse", table)


def test_a_mask_that_does_not_fit_its_numbers_is_bad_input() -> None:
    given: dict[str, Any] = {"nonzero_data": np.ones(3), "mask": np.array([1, 0, 1], np.uint8)}
    with pytest.raises(BadInput, match="3 numbers for 2 places"):
        UNPACK["constexpr_sparse_to_dense"](given)
