"""The table of operations against coremltools' own registry: a new one there makes this red."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.targets.coreml.program import CONSTANTS

pytestmark = pytest.mark.heavy

BLOCKS = {"_true_fn", "_false_fn", "_cond", "_body", "_existing_blocks"}
"""Parameters of the builder that a file holds as nested blocks."""
OTHER_DIALECT = {"write_state"}  # coremltools calls it coreml_update_state before it is written


def registry() -> dict[str, set[Any]]:
    """Name of a core operation -> its classes, of all versions from iOS13 on."""
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    return {name: set(versions.values()) for name, versions in SSAOpRegistry.core_ops.items()}


def test_every_core_operation_is_in_the_table() -> None:
    known = registry()
    assert len(known) >= 168
    assert sorted(known.keys() - CONSTANTS - OPS.keys()) == []
    assert OPS.keys() - known.keys() == OTHER_DIALECT


def test_an_operation_that_is_missing_is_noticed() -> None:
    assert sorted(registry().keys() - CONSTANTS - (OPS.keys() - {"erf"})) == ["erf"]


def test_every_parameter_of_every_version_is_known() -> None:
    unknown = {
        f"{cls.__module__}: {name}({parameter})"
        for name, versions in registry().items()
        if name in OPS
        for cls in versions
        for parameter in set(cls.input_spec.input_types) - BLOCKS
        if parameter not in inspect.signature(OPS[name].function).parameters
    }
    assert sorted(unknown) == []
