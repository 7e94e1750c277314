"""Core ML's protobuf message classes without coremltools itself.

They come from the installed coremltools, loaded without its `__init__`, which imports TensorFlow
and takes ten seconds.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

from edgeconv.plugins import missing

_PROTO = "edgeconv_coreml_proto"


def proto(name: str) -> Any:
    """A message module of coremltools, such as `Model_pb2` or `MIL_pb2`.

    Raises:
        MissingDependency: coremltools is not installed.
    """
    if _PROTO not in sys.modules:
        spec = importlib.util.find_spec("coremltools")
        if spec is None or not spec.submodule_search_locations:
            raise missing(ModuleNotFoundError("No module named 'coremltools'", name="coremltools"))
        package = types.ModuleType(_PROTO)
        package.__path__ = [str(Path(spec.submodule_search_locations[0]) / "proto")]
        sys.modules[_PROTO] = package
    return importlib.import_module(f"{_PROTO}.{name}")
