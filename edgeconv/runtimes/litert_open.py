"""Opens LiteRT's interpreter on a file, and turns its refusals into errors."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeconv.errors import BadInput, EdgeconvError, Unsupported
from edgeconv.plugins import captured_stderr
from edgeconv.targets.tflite.reader import read_bytes

DEFAULT = OpResolverType.BUILTIN
BUILT_IN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
_LACKING = ("unresolved", "Didn't find op", "Select TensorFlow op", "not supported", "Unsupported")


def open_interpreter(path: Path, resolver: Any, num_threads: int, preserve: bool = False) -> Any:
    """An interpreter with its tensors allocated.

    Args:
        preserve: keep the values of all tensors, so that they can be read.

    Raises:
        BadInput: missing, truncated or damaged file.
        Unsupported: an operation that LiteRT's built-in set lacks (Flex, custom).
    """
    messages: list[str] = []
    make = partial(
        Interpreter,
        num_threads=num_threads,
        experimental_op_resolver_type=resolver,
        experimental_preserve_all_tensors=preserve,
    )
    try:
        with captured_stderr(messages), _without_advice():
            interpreter = make(model_content=read_bytes(path))
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise _refusal(path, str(error), messages) from error
    for line in messages:
        sys.stderr.write(line + "\n")
    return interpreter


def _refusal(path: Path, error: str, messages: list[str]) -> EdgeconvError:
    text = "; ".join([*messages, " ".join(error.split())])
    if any(word in text for word in _LACKING):
        return Unsupported(
            f"{path}: LiteRT's built-in operations cannot run this file: {text}",
            "export without Flex or custom operations",
        )
    return BadInput(f"{path}: LiteRT cannot open this file: {text}", "export it again")


@contextmanager
def _without_advice() -> Iterator[None]:
    """LiteRT warns that keeping every tensor costs memory; here that is intended."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*experimental_preserve_all_tensors")
        yield
