"""The runtime against a second NumPy implementation: coremltools' own evaluation of constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.runtimes.coreml_reference.precision import Compute, cast_result

from .oracle_cases import CASES, EXCUSED, cases
from .oracle_inputs import Case

ALL = [(name, number) for name in sorted(CASES) for number in range(len(cases(name)))]


def inferred(name: str, case: Case) -> list[tuple[Any, str]]:
    """Value and type of each output, as coremltools evaluates the operation on constants."""
    import coremltools as ct
    from coremltools.converters.mil.mil import Builder, Function, types

    target = ct.target.iOS18
    with Function({}, opset_version=target):
        made = getattr(Builder, name)(**case)
    outputs = made if isinstance(made, list | tuple) else [made]
    assert all(var.val is not None for var in outputs), "coremltools did not evaluate it"
    return [(var.val, types.builtin_to_string(var.dtype)) for var in outputs]


def computed(name: str, case: Case) -> tuple[Any, ...]:
    """The outputs of the runtime's own function; lists become arrays, as constants are."""
    given = {key: np.array(v) if isinstance(v, list) else v for key, v in case.items()}
    found = OPS[name].function(**given)
    return found if isinstance(found, tuple) else (found,)


def operations_with_inference() -> set[str]:
    from coremltools.converters.mil.mil import Operation
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    def own(kind: Any) -> Callable[..., Any]:
        method: Callable[..., Any] = kind.value_inference
        return method

    return {
        name
        for name, versions in SSAOpRegistry.core_ops.items()
        if any(own(kind) is not Operation.value_inference for kind in versions.values())
    }


@pytest.mark.heavy
def test_every_value_inference_has_cases_or_an_excuse() -> None:
    assert operations_with_inference() == CASES.keys() | EXCUSED.keys()
    assert not CASES.keys() & EXCUSED.keys()
    assert all(len(cases(name)) >= 2 for name in CASES)


@pytest.mark.heavy
@pytest.mark.parametrize(("name", "number"), ALL)
def test_the_runtime_agrees_with_coremltools_itself(name: str, number: int) -> None:
    case = cases(name)[number]
    expected = inferred(name, case)
    for value, (wanted, dtype) in zip(computed(name, case), expected, strict=True):
        dtype = {"fp16": "float16", "fp32": "float32"}.get(dtype, dtype)
        ours = cast_result(value, dtype, Compute.AS_SPECIFIED)
        assert np.shape(ours) == np.shape(wanted)
        np.testing.assert_allclose(ours, wanted, rtol=2e-6, atol=1e-6)
