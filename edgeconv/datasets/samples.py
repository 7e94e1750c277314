"""Inputs of a model that takes named tensors: from an `npz` file, or seeded random numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import NamedTensor, Samples, Tensors
from edgeconv.core.npz import read_npz
from edgeconv.core.tensors import by_input
from edgeconv.errors import BadInput, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NPZ = "npz"
LABELS, SUBJECT = "labels", "subject"
RANDOM, SEED = 128, 0
"""How many random samples there are where there are no data, and their seed."""


def samples_of(source: object, contract: Tensors) -> Samples:
    """What a command's data are for this contract.

    Args:
        source: `npz:FILE`; a mapping of arrays by name; None or "": seeded random numbers.
        contract: names and shapes of the inputs.

    Raises:
        UsageError: data of another kind, which hold no named tensors.
        BadInput: the file cannot be read, or its arrays are not the inputs of the model.
    """
    if source is None or source == "":
        return random_samples(contract)
    if isinstance(source, Mapping):
        return _samples(dict(source), contract, "arrays in memory")
    if isinstance(source, str) and is_npz(source):
        return _samples(read_npz(path_of(source)), contract, source)
    names = ", ".join(tensor.text for tensor in contract.inputs)
    what = f"'{source}'" if isinstance(source, str) else f"{type(source).__name__}"
    raise UsageError(
        f"{what} are no data for this model, which takes {names}",
        "save arrays under these names with numpy.savez, and name the file: npz:FILE",
    )


def shapes_in(source: object) -> dict[str, tuple[int, ...]]:
    """The shape of one sample of each input in the data; empty where there are none.

    Raises:
        BadInput: the file cannot be read.
    """
    if isinstance(source, Mapping):
        arrays = source
    elif isinstance(source, str) and is_npz(source):
        arrays = read_npz(path_of(source))
    else:
        return {}
    return {
        str(name): tuple(array.shape[1:])
        for name, array in arrays.items()
        if name not in (LABELS, SUBJECT)
    }


def is_npz(source: object) -> bool:
    """Whether it is a specification of arrays in a file."""
    return isinstance(source, str) and source.partition(":")[0] == NPZ


def random_samples(contract: Tensors, n: int = RANDOM, seed: int = SEED) -> Samples:
    """Seeded random inputs within the declared ranges; standard normal where none is declared."""
    import numpy as np

    random = np.random.default_rng(seed)

    def numbers(tensor: NamedTensor) -> NDArray[Any]:
        shape = (n, *tensor.shape)
        if not tensor.is_float:
            low, high = (0, 1) if tensor.low is None else (int(tensor.low), int(tensor.high or 0))
            return random.integers(low, high, shape, tensor.dtype, endpoint=True)
        if tensor.low is None or tensor.high is None:
            return random.normal(size=shape).astype(np.float32)
        return random.uniform(tensor.low, tensor.high, shape).astype(np.float32)

    undeclared = [t.name for t in contract.inputs if t.low is None]
    span = "within the declared range"
    if undeclared:
        span = f"standard normal, since {', '.join(undeclared)} declares no range"
    origin = f"{n} seeded random inputs (seed {seed}), {span}"
    return Samples({t.name: numbers(t) for t in contract.inputs}, origin, random=True)


def path_of(spec: str) -> Path:
    """The file of an `npz:FILE`. Raises UsageError where none is named."""
    _, _, path = spec.partition(":")
    if not path:
        raise UsageError(f"data specification '{spec}' names no file", f"write {NPZ}:FILE")
    return Path(path).expanduser()


def _samples(arrays: dict[str, NDArray[Any]], contract: Tensors, origin: str) -> Samples:
    import numpy as np

    labels, subjects = arrays.pop(LABELS, None), arrays.pop(SUBJECT, None)
    expected = {tensor.name: tensor for tensor in contract.inputs}
    arrays = dict(by_input([*expected], arrays))
    if set(arrays) != set(expected):
        raise BadInput(
            f"{origin} holds {', '.join(sorted(arrays)) or 'no inputs'}; the model's inputs are "
            f"{', '.join(tensor.text for tensor in contract.inputs)}",
            f"name the arrays like the inputs; `{LABELS}` and `{SUBJECT}` may be there too",
        )
    checked = {
        name: _checked(np.asarray(arrays[name]), expected[name], origin) for name in expected
    }
    lengths = {name: len(array) for name, array in checked.items()}
    lengths |= {n: len(a) for n, a in ((LABELS, labels), (SUBJECT, subjects)) if a is not None}
    if len(set(lengths.values())) != 1 or not min(lengths.values()):
        counts = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise BadInput(
            f"{origin}: the arrays must hold one row a sample, but have {counts}",
            "save as many labels and subjects as samples, at least one",
        )
    return Samples(
        checked,
        origin,
        labels=None if labels is None else _classes(labels, contract, origin),
        subjects=None if subjects is None else np.asarray(subjects).astype(str),
    )


def _checked(array: NDArray[Any], tensor: NamedTensor, origin: str) -> NDArray[Any]:
    import numpy as np

    where = f"{origin}: array '{tensor.name}'"
    if array.ndim == 0 or array.shape[1:] != tensor.shape:
        raise BadInput(
            f"{where} has shape {array.shape}, but the input takes (n, "
            f"{', '.join(map(str, tensor.shape))})",
            "the first axis counts the samples",
        )
    if array.dtype.kind not in "fiub":
        raise BadInput(
            f"{where} holds {array.dtype}, which are no numbers",
            "save it as float32 or as whole numbers",
        )
    if not tensor.is_float and array.dtype.kind == "f" and (array != np.rint(array)).any():
        raise BadInput(
            f"{where} holds fractions, but the input takes {tensor.dtype}",
            "round the values, or save what the model was trained on",
        )
    if not np.isfinite(array).all():
        raise BadInput(f"{where} holds NaN or infinity", "remove the damaged samples")
    limits = None if tensor.is_float else np.iinfo(tensor.dtype)
    if limits is not None and array.size and (array.min() < limits.min or array.max() > limits.max):
        raise BadInput(
            f"{where} holds numbers beyond {tensor.dtype}", "save values that the input can hold"
        )
    return np.ascontiguousarray(array.astype(tensor.dtype))


def _classes(labels: NDArray[Any], contract: Tensors, origin: str) -> NDArray[Any]:
    """Class numbers; names are those of the contract."""
    import numpy as np

    values = np.asarray(labels)
    if values.ndim != 1:
        raise BadInput(
            f"{origin}: '{LABELS}' has shape {values.shape}; one class a sample",
            "save a vector of class numbers or names; of one-hot rows, their argmax",
        )
    if values.dtype.kind in "iu":
        return values.astype(np.int64)
    names = [str(value) for value in values.tolist()]
    unknown = sorted(set(names) - set(contract.labels))
    if unknown:
        raise BadInput(
            f"{origin}: the model has no class {', '.join(unknown)}",
            f"its classes are {', '.join(contract.labels) or 'not named: use numbers from 0'}",
        )
    return np.array([contract.labels.index(name) for name in names], np.int64)
