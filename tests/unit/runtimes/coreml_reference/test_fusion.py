"""Fused convolutions give the bits that the operations give one by one."""

from __future__ import annotations

import inspect
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.executor import Engine
from edgeconv.runtimes.coreml_reference.fusion import fused
from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.runtimes.coreml_reference.plan import Planner, batched
from edgeconv.runtimes.coreml_reference.precision import Compute
from edgeconv.targets.coreml.program import Argument, Block, Operation
from edgeconv.targets.coreml.values import ProgramValue, ValueType

from .programs import constant

POOL = {"kernel_sizes": [1, 3], "strides": [1, 3], "pad_type": "valid"}
AFTER: dict[str, dict[str, Any]] = {"relu": {}, "relu6": {}, "max_pool": POOL}
CHAINS = [
    *((), ("relu",), ("relu6",), ("max_pool",)),
    *permutations(("relu", "max_pool")),
    *permutations(("relu6", "max_pool")),
]
CONV: dict[str, dict[str, Any]] = {
    "plain": {},
    "strided": {"strides": [2, 2]},
    "same": {"pad_type": "same", "dilations": [1, 2]},
    "groups": {"groups": 2},
}


def exact(shape: tuple[int, ...], seed: int, unit: float) -> NDArray[np.float32]:
    """Multiples of `unit`, so that float32 sums of products are exact in any order."""
    rng = np.random.default_rng(seed)
    return (rng.integers(-127, 128, shape) * unit).astype(np.float32)


def block(
    kinds: tuple[str, ...],
    conv: dict[str, Any],
    dtype: str = "float16",
    more: dict[str, dict[str, Any]] | None = None,
) -> Block:
    """conv of x (1, 4, 5, 40), then `kinds`; y0, y1, … are their values."""
    groups = conv.get("groups", 1)
    parameters = {"weight": exact((6, 4 // groups, 2, 3), 1, 2.0**-6), **conv}
    parameters["bias"] = exact((6,), 2, 2.0**-5)
    parameters.setdefault("pad_type", "valid")
    type_ = ValueType(dtype, (1, 1, 1, 1))  # only its first dimension matters here
    operations = []
    for i, kind in enumerate(("conv", *kinds)):
        fixed = parameters if i == 0 else (more or AFTER)[kind]
        inputs: dict[str, tuple[Argument, ...]] = {k: (constant(v),) for k, v in fixed.items()}
        inputs["x"] = (f"y{i - 1}" if i else "x",)
        operations.append(Operation(kind, i, inputs, (ProgramValue(f"y{i}", type_),)))
    inputs_ = {"x": ValueType("float32", (1, 4, 5, 40))}
    return Block(inputs_, (f"y{len(kinds)}",), tuple(operations))


def both(made: Block, compute: Compute, n: int = 3) -> tuple[Any, Any, int]:
    """The output one by one, the fused one, and the number of fused steps."""
    plan = batched(Planner(compute).plan(made))
    assert plan is not None
    quick = fused(plan, compute)
    x = exact((n, 4, 5, 40), 3, 2.0**-3)
    outputs = [next(iter(Engine(compute).run(p, {"x": x}).values())) for p in (plan, quick)]
    return outputs[0], outputs[1], len(quick.steps)


@pytest.mark.parametrize("compute", list(Compute))
@pytest.mark.parametrize("conv", sorted(CONV))
@pytest.mark.parametrize("kinds", CHAINS, ids="-".join)
def test_bits_are_the_same(kinds: tuple[str, ...], conv: str, compute: Compute) -> None:
    single, quick, steps = both(block(kinds, CONV[conv]), compute)
    assert steps == 1
    assert quick.dtype == single.dtype
    np.testing.assert_array_equal(quick, single)
    if compute is Compute.AS_SPECIFIED:
        np.testing.assert_array_equal(quick, quick.astype(np.float16))


def test_rounding_matters_in_these_chains() -> None:
    made = block(("relu", "max_pool"), {})
    rounded, bare = (both(made, c)[1] for c in (Compute.AS_SPECIFIED, Compute.FLOAT32))
    assert (rounded != bare).mean() > 0.1


def test_infinities_and_nan() -> None:
    made = block(("relu", "max_pool"), {})
    plan = Planner(Compute.AS_SPECIFIED).plan(made)
    x = exact((1, 4, 5, 40), 3, 2.0**-3)
    x[0, 0, 0, 3], x[0, 1, 2, 20], x[0, 2, 3, 30] = np.nan, np.inf, 3e5
    (single,) = Engine(Compute.AS_SPECIFIED).run(plan, {"x": x}).values()
    (quick,) = (
        Engine(Compute.AS_SPECIFIED).run(fused(plan, Compute.AS_SPECIFIED), {"x": x}).values()
    )
    assert np.isnan(single).any()
    assert np.isinf(single).any()
    np.testing.assert_array_equal(quick, single)


@pytest.mark.parametrize(
    "pool",
    [
        {**POOL, "strides": [1, 2]},  # windows that overlap
        {**POOL, "pad_type": "same"},
        {**POOL, "pad_type": "custom", "pad": [0, 0, 1, 1]},
        {**POOL, "ceil_mode": True},
    ],
)
def test_a_pool_that_is_not_joined(pool: dict[str, Any]) -> None:
    made = block(("max_pool",), {}, more={"max_pool": pool})
    single, quick, steps = both(made, Compute.AS_SPECIFIED)
    assert steps == 2
    np.testing.assert_array_equal(quick, single)


def test_a_value_with_another_user_is_not_joined() -> None:
    made = block(("relu", "max_pool"), {})
    for kept in ("y0", "y1"):
        shown = Block(made.inputs, (kept, "y2"), made.operations)
        plan = Planner(Compute.AS_SPECIFIED).plan(shown)
        quick = fused(plan, Compute.AS_SPECIFIED)
        x = exact((1, 4, 5, 40), 3, 2.0**-3)
        single, joined = (Engine(Compute.AS_SPECIFIED).run(p, {"x": x}) for p in (plan, quick))
        assert len(quick.steps) == (3 if kept == "y0" else 2)
        for name, value in single.items():
            np.testing.assert_array_equal(joined[name], value)


def test_other_declared_types_are_not_joined() -> None:
    made = block(("relu",), {})
    first, second = made.operations
    wide = Operation(
        "relu", 1, second.inputs, (ProgramValue("y1", ValueType("float32", (1, 1, 1, 1))),)
    )
    plan = Planner(Compute.AS_SPECIFIED).plan(Block(made.inputs, ("y1",), (first, wide)))
    assert len(fused(plan, Compute.AS_SPECIFIED).steps) == 2


@pytest.mark.parametrize("kind", ["conv", "relu", "max_pool"])
def test_an_operation_that_was_replaced_is_left_alone(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a wrong operation in the table would go unnoticed by those who break it on purpose."""
    right = OPS[kind]

    def wrong(**given: Any) -> Any:
        return right.function(**given) + 1

    wrong.__signature__ = inspect.signature(right.function)  # type: ignore[attr-defined]
    made = block(("relu", "max_pool"), {})
    expected = both(made, Compute.FLOAT32)[1]
    monkeypatch.setitem(OPS, kind, replace(right, function=wrong))
    single, quick, _ = both(made, Compute.FLOAT32)
    np.testing.assert_array_equal(quick, single)
    assert (quick != expected).any()
