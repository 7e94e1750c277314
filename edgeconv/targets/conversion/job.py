"""The job of a conversion worker, and the messages that it sends back, one JSON line each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Contract, InputConvention, Signal, Tensors, Variant
from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.targets.base import ConversionSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeconv.ir.model_inputs import Arrays

REFERENCE = "reference.npz"  # (n, …) float32 of each output: the Keras model on the probe


@dataclass(frozen=True)
class Task:
    """One file to make; `number` is its place in the caller's list."""

    number: int
    variant: Variant
    file: str


@dataclass(frozen=True)
class Job:
    """Several files from one model.

    Attributes:
        folder: where the worker writes. `probe.npz` and `calibration.npz` are there, both
            canonical samples of each input.
        signal, tensors: the contract that the model was trained with, one of the two.
        unsafe: open models with custom code.
        ranges: of activations by layer, as `convert_all` takes them; None: measure them.
        expects: what the model takes.
        embedding: whether files give what the last dense layer reads, too.
    """

    model: Path
    folder: Path
    tasks: tuple[Task, ...]
    signal: Signal | None = None
    tensors: Tensors | None = None
    unsafe: bool = False
    ranges: dict[str, tuple[float, float]] | None = None
    expects: InputConvention = InputConvention.NORMALIZED
    embedding: bool = False

    @property
    def contract(self) -> Contract:
        """What the model was trained with."""
        contract = self.tensors or self.signal
        assert contract is not None
        return contract

    @property
    def probe(self) -> Path:
        return self.folder / "probe.npz"

    @property
    def calibration(self) -> Path:
        return self.folder / "calibration.npz"

    def write(self, path: Path) -> None:
        """For the worker to `read`."""
        path.write_text(json.dumps(encode_fields(self)))

    @classmethod
    def read(cls, path: Path) -> Job:
        """The job that `write` wrote."""
        return decode_fields(cls, json.loads(path.read_text()))


@dataclass(frozen=True)
class Started:
    """The worker begins a task.

    Attributes:
        opaque_layers: layers of the network that only Keras can compute, with their class.
    """

    task: int
    opaque_layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Converted:
    """A task's file is written, with what the parent needs to check and describe it.

    Attributes:
        folding_error: largest difference between the folded network in NumPy and Keras.
        unfolded_layers: layers that could not be folded and stay operations.
        kernels: name, number of weights and sum of magnitudes of each kernel.
        is_chain: whether each operation reads the one before it, so that kernels have one order.
        settings: how the target made the file.
        outputs: names of the outputs in the file.
        embedding: size of the embedding; 0 where the file gives none.
        scales: what differences of each output are measured in.
        opaque_layers: layers that only Keras can compute, with their class.
        calibration_windows: how many windows were measured.
        versions: of the packages that decide the bytes.
    """

    task: int
    folding_error: float
    unfolded_layers: tuple[str, ...]
    kernels: tuple[tuple[str, int, float], ...]
    settings: ConversionSettings
    outputs: tuple[str, ...]
    embedding: int
    scales: tuple[float, ...]
    is_chain: bool
    opaque_layers: tuple[str, ...]
    calibration_windows: int
    versions: dict[str, str]


@dataclass(frozen=True)
class Refused:
    """A task that ended with an `EdgeconvError`: the name of its class, and its words."""

    task: int
    kind: str
    message: str
    hint: str


@dataclass(frozen=True)
class WorkerUserError:
    """An `EdgeconvError` that ended the worker: the name of its class, and its words."""

    kind: str
    message: str
    hint: str


@dataclass(frozen=True)
class WorkerOSError:
    """An `OSError` that ended the worker."""

    errno: int | None
    path: str


def save_arrays(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    """One array for each input or output."""
    import numpy as np

    np.savez(path, *arrays)


def load_arrays(path: Path) -> Arrays:
    """What `save_arrays` stored, in its order."""
    import numpy as np

    with np.load(path) as stored:
        return tuple(stored[f"arr_{number}"] for number in range(len(stored.files)))


Message = Started | Converted | Refused | WorkerUserError | WorkerOSError
_KINDS: dict[str, type[Message]] = {
    "started": Started,
    "converted": Converted,
    "refused": Refused,
    "user-error": WorkerUserError,
    "system-error": WorkerOSError,
}


def write_message(message: Message) -> str:
    """The message as one line of JSON."""
    event = next(name for name, kind in _KINDS.items() if isinstance(message, kind))
    return json.dumps({"event": event, **encode_fields(message)})


def read_message(line: str | bytes) -> Message:
    """The message that `write_message` wrote."""
    data = json.loads(line)
    return decode_fields(_KINDS[data.pop("event")], data)
