"""The contract of a model that is not a sensor window model: named tensors in, named tensors out.

Nothing is said of a sensor. A model may have any number of inputs and outputs of any rank, and
each is known by its name: the same in the Keras model's contract, in every file that is exported
from it, in `npz` data, and in golden vectors.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from edgeconv.core.json_codec import damage
from edgeconv.core.signal import Signal, check_labels
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

KIND = "tensors"
"""What tells this contract's JSON from that of a `Signal`."""
SCHEMA_VERSIONS = (1, 2)
"""The second one knows the meaning `logits`, and is written where there is one."""

PROBABILITIES, SCORES, LOGITS, VALUES = "probabilities", "scores", "logits", "values"
MEANINGS = (PROBABILITIES, SCORES, LOGITS, VALUES)
"""What an output's numbers are: of a softmax, of a sigmoid, what one of these would take, or of
nothing that is known."""


@dataclass(frozen=True)
class NamedTensor:
    """One input or output of a model.

    Attributes:
        name: letters, digits and `_`, as every file format takes it.
        shape: of one sample, without the batch axis.
        dtype: a NumPy name; `float32` or an integer type.
        low, high: what values are expected, both or neither.
        meaning: of an output, one of `MEANINGS`; of an input always `values`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None
    meaning: str = VALUES

    def __post_init__(self) -> None:
        where = f"tensor '{self.name}'"
        if not self.name:
            raise BadInput("a tensor without a name", "give every input and output one")
        if any(size < 1 for size in self.shape):
            raise BadInput(f"{where}: shape {self.shape} is not fixed", "give it a fixed shape")
        if (self.low is None) != (self.high is None):
            raise BadInput(f"{where}: a range has two ends", "give low and high")
        if self.low is not None and self.high is not None:
            finite = math.isfinite(self.low) and math.isfinite(self.high)
            if not finite or self.low > self.high:
                raise BadInput(
                    f"{where}: {self.low} to {self.high} is not a range",
                    "give two finite numbers, the lower one first",
                )
        if self.meaning not in MEANINGS:
            raise BadInput(f"{where}: unknown meaning '{self.meaning}'", ", ".join(MEANINGS))

    @property
    def size(self) -> int:
        """Numbers in one sample."""
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype.startswith(("float", "bfloat"))

    @property
    def is_bounded(self) -> bool:
        """Whether its numbers lie between 0 and 1."""
        return self.meaning in (PROBABILITIES, SCORES)

    @property
    def text(self) -> str:
        """For people: name, shape, type and range."""
        shape = " × ".join(map(str, self.shape)) or "one number"
        span = "" if self.low is None else f", {self.low:g} to {self.high:g}"
        return f"{self.name} ({shape}, {self.dtype}{span})"

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> NamedTensor:
        return cls(**{**data, "shape": tuple(map(int, data["shape"]))})


@dataclass(frozen=True)
class Tensors:
    """Inputs and outputs of a model in the order of the model.

    Attributes:
        labels: class names, in the order of the last axis of the only output whose meaning is
            `probabilities` or `scores`; empty where there are none.
    """

    inputs: tuple[NamedTensor, ...]
    outputs: tuple[NamedTensor, ...]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.inputs or not self.outputs:
            raise BadInput(
                "a model needs at least one input and one output",
                "save the model after it is built, with its inputs",
            )
        names = [tensor.name for tensor in (*self.inputs, *self.outputs)]
        for name in names:
            if names.count(name) > 1:
                raise BadInput(f"two tensors of the model are called '{name}'", "rename one")
        check_labels(self.labels, "contract")
        if self.labels and not any(t.shape[-1:] == (len(self.labels),) for t in self.outputs):
            raise BadInput(
                f"no output has {len(self.labels)} values, one for each class name",
                "give as many names as the classifying output has values",
            )

    @property
    def classes(self) -> NamedTensor | None:
        """The output that holds one probability or logit a class; None where none does.

        It is a vector: several predictions a sample have no single class.
        """
        known = (PROBABILITIES, LOGITS)
        predictions = [t for t in self.outputs if t.meaning in known and len(t.shape) == 1]
        return predictions[0] if len(predictions) == 1 and predictions[0].size > 1 else None

    @property
    def binary(self) -> NamedTensor | None:
        """The only output if it is one score, of a sigmoid, or the logit of one.

        It says class 1 from 0.5 on, or from 0.
        """
        one = len(self.outputs) == 1 and self.outputs[0].size == 1
        return self.outputs[0] if one and self.outputs[0].meaning in (SCORES, LOGITS) else None

    @property
    def with_logits(self) -> Tensors:
        """The same contract, an only output of plain numbers read as logits.

        For samples with class numbers: a network that was trained with `from_logits=True` ends
        without an activation, and the file does not say so.
        """
        only, *others = self.outputs
        if others or only.meaning != VALUES or len(only.shape) > 1:
            return self
        return replace(self, outputs=(replace(only, meaning=LOGITS),))

    @property
    def summary(self) -> str:
        """One line for people."""
        sides = (", ".join(t.text for t in side) for side in (self.inputs, self.outputs))
        return " → ".join(sides)

    def within(self, arrays: Mapping[str, NDArray[Any]]) -> Tensors:
        """The same contract whose float inputs without a range have that of these arrays.

        Whole numbers, such as an age, may go on where these arrays end.
        """
        inputs = tuple(
            replace(t, low=float(arrays[t.name].min()), high=float(arrays[t.name].max()))
            if t.low is None and t.is_float and t.name in arrays and arrays[t.name].size
            else t
            for t in self.inputs
        )
        return replace(self, inputs=inputs)

    def to_json(self) -> dict[str, Any]:
        """What is written into every file, and the manifest."""
        version = SCHEMA_VERSIONS[any(tensor.meaning == LOGITS for tensor in self.outputs)]
        return {"schema_version": version, "kind": KIND, **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tensors:
        """Read what `to_json` wrote.

        Raises:
            BadInput: a field is missing or contradicts another, or the schema is newer than this.
        """
        version = data.get("schema_version")
        if version not in SCHEMA_VERSIONS:
            raise BadInput(
                f"the contract has schema version {version}, but this edgeconv reads "
                f"{' and '.join(map(str, SCHEMA_VERSIONS))}",
                "install a newer edgeconv",
            )
        try:
            return cls(
                inputs=tuple(map(NamedTensor.from_json, data["inputs"])),
                outputs=tuple(map(NamedTensor.from_json, data["outputs"])),
                labels=tuple(data["labels"]),
            )
        except (OverflowError, KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"the contract is damaged: {damage(error)}", "export the model again"
            ) from error


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs of a model that takes named tensors.

    Attributes:
        arrays: (n, *shape) of each input, by its name.
        origin: for people: the specification that loads them, or how they were made.
        random: whether they are seeded random numbers, on which no figure says anything of a task.
        labels: (n,) true class numbers; None where they are not known.
        subjects: (n,) who each sample is of; None where it is not known.
    """

    arrays: dict[str, NDArray[Any]]
    origin: str
    random: bool = False
    labels: NDArray[np.int64] | None = None
    subjects: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def first(self, n: int) -> Samples:
        """At most `n` of them, the first ones."""
        return replace(
            self,
            arrays={name: array[:n] for name, array in self.arrays.items()},
            labels=None if self.labels is None else self.labels[:n],
            subjects=None if self.subjects is None else self.subjects[:n],
        )

    @cached_property
    def sha256(self) -> str:
        """Digest of names, types, shapes and numbers: which data a figure was measured on."""
        digest = hashlib.sha256()
        for name, array in sorted(self.arrays.items()):
            digest.update(f"{name}{array.dtype}{array.shape}".encode())
            digest.update(array.tobytes())
        if self.labels is not None:
            digest.update(self.labels.tobytes())
        return digest.hexdigest()


def by_input(names: Sequence[str], given: Mapping[str, T]) -> Mapping[str, T]:
    """What is given for each input by its name; for an only input, one thing needs no name."""
    return dict(zip(names, given.values(), strict=True)) if len(names) == len(given) == 1 else given


Contract = Signal | Tensors
"""What a model's inputs and outputs mean."""


def contract_entry(contract: Contract) -> dict[str, Any]:
    """The contract in a manifest: under `signal`, or under `tensors`."""
    return {"tensors" if isinstance(contract, Tensors) else "signal": contract.to_json()}


def contract_of_entry(data: Mapping[str, Any]) -> Contract:
    """The contract in what `contract_entry` wrote, this version's or an older one's."""
    if "tensors" in data:
        return Tensors.from_json(data["tensors"])
    return Signal.from_json(data["signal"])
