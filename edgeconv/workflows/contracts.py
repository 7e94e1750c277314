"""The sensor contract of any model file: read it, or write it into the file."""

from __future__ import annotations

import math

from edgeconv.core import Contract, PathLike, Signal, as_path
from edgeconv.core.metadata import ModelMetadata
from edgeconv.errors import BadInput, UsageError
from edgeconv.ir import keras_file
from edgeconv.ir.keras_contents import is_keras
from edgeconv.targets import files
from edgeconv.targets.base import target_of


def read_contract(path: PathLike) -> Contract | None:
    """Read the sensor contract of a model file.

    Args:
        path: an artifact or a `.keras` file.

    Returns:
        The contract; None for a file of another tool, which has none.

    Raises:
        BadInput: the file is missing or damaged, or its contract contradicts itself.
    """
    file = as_path(path, "path")
    return keras_file.read_contract(file) if is_keras(file) else files.read_contract(file)


def write_contract(path: PathLike, signal: Signal) -> None:
    """Write a sensor contract into a model file, in place of the one that it has.

    Graph and weights stay as they are; the file's description and labels follow the contract.

    Args:
        path: an artifact or a `.keras` file with one input.
        signal: what the file's input means.

    Raises:
        BadInput: the file is missing or damaged, or has an input of another length.
        UsageError: `signal` is not a `Signal`.
    """
    file = as_path(path, "path")
    if not isinstance(signal, Signal):
        raise UsageError(
            f"signal must be a Signal, got {type(signal).__name__}",
            "build one with edgeconv.Signal(…)",
        )
    if is_keras(file):
        _check_size(math.prod(keras_file.input_shape(file)), signal, str(file))
        keras_file.write_contract(file, signal)
        return
    target = target_of(file)
    (spec, *others) = target.reader.graph(file).inputs
    if others:
        raise BadInput(
            f"{file} has several inputs; a sensor contract describes one",
            "a model of named tensors needs no sensor contract",
        )
    length = 1
    for dimension in spec.shape:
        length *= max(dimension, 1)
    _check_size(length, signal, str(file))
    target.conversion.write_metadata(file, ModelMetadata(file.stem, signal))


def _check_size(length: int, signal: Signal, where: str) -> None:
    if length != signal.flat_size:
        raise BadInput(
            f"{where} takes {length} values, but the contract says {signal.window} time steps × "
            f"{len(signal.channels)} channels = {signal.flat_size}",
            "describe the window that the file takes",
        )
