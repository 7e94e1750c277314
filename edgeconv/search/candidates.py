"""What is searched: candidates, the tasks that evaluate them, and a task's outcome."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from edgeconv.core import Augmentation, Training, Variant
from edgeconv.core.json_codec import damage
from edgeconv.core.paths import read_text
from edgeconv.errors import BadInput
from edgeconv.recipes import SEARCH_TARGET
from edgeconv.targets.base import find_target

INT4 = "int4"  # the scheme that may hold some layers in 8 bits
Setting = int | float | str | bool


@dataclass(frozen=True)
class SearchCandidate:
    """A network with the way it is trained and compressed, and the schemes it is exported in.

    Attributes:
        training: what differs from the recipe's [training], sorted by name; a dot leads into a
            table below it (`augmentation.mixup`).
        compress: a method's name; empty: none.
        schemes: TFLite schemes that each fold is evaluated in; the sampler sees the first one.
        int8_layers: layers whose weights an `int4` file holds in 8 bits.
    """

    model: str
    training: tuple[tuple[str, Setting], ...] = ()
    compress: str = ""
    schemes: tuple[str, ...] = ("int8",)
    int8_layers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that identify this candidate."""
        # Without `int8_layers` where it is empty: the keys of older journals do not contain it.
        values = {k: v for k, v in asdict(self).items() if v or k != "int8_layers"}
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "training": dict(self.training), "schemes": list(self.schemes)}


class Task(Protocol):
    """Work for an executor: a value that can be sent to another process."""

    @property
    def key(self) -> str:
        """What tells it from every other task."""


@dataclass(frozen=True)
class SearchTask:
    """One fold of one seed of a candidate; fold None asks for its size only, without training."""

    candidate: SearchCandidate
    seed: int
    fold: int | None = None

    @property
    def key(self) -> str:
        """The key of its outcome in a journal."""
        return f"{self.candidate.key}/{self.seed}/{'size' if self.fold is None else self.fold}"


@dataclass(frozen=True)
class TaskOutcome:
    """What a task measured: a function of the task alone, except for the seconds.

    Attributes:
        bytes: of the file in each scheme.
        accuracy: share of the held-out subjects' windows that the file of each scheme
            classifies correctly;
            empty where only the size was asked for.
        by_subject: the same for each held-out subject, by scheme.
        float_accuracy: accuracy of the float network.
        leave_one_out_db: of each layer: the signal-to-noise ratio of the outputs where all other
            layers are rounded to 4 bits; empty where no `int4` file was evaluated.
        failed: why the candidate cannot be evaluated; empty if it can.
    """

    bytes: dict[str, int] = field(default_factory=dict)
    macs: int = 0
    accuracy: dict[str, float] = field(default_factory=dict)
    by_subject: dict[str, dict[str, float]] = field(default_factory=dict)
    float_accuracy: float | None = None
    leave_one_out_db: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    failed: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TaskOutcome:
        return cls(**data)


def front_candidates(folder: Path, schemes: tuple[str, ...]) -> list[SearchCandidate]:
    """The networks on the front of a finished search, in these schemes, the smallest first.

    Raises:
        BadInput: the folder's `front.json` cannot be read.
    """
    path = folder / "front.json"
    try:
        members = json.loads(read_text(path))["members"]
        entries = [member["point"]["candidate"] for member in members]
        candidates = [
            SearchCandidate(
                str(one["model"]), tuple(sorted(one["training"].items())), one["compress"], schemes
            )
            for one in entries
        ]
    except (OverflowError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path} is not the front of a search: {damage(error)}",
            "let that search come to its end",
        ) from error
    return list(dict.fromkeys(candidates))


class Evaluate(Protocol):
    """Carries out a task. It travels to worker processes, so it can be pickled."""

    def __call__(self, task: Any) -> Any:
        """The same task gives the same outcome in every process of this machine."""


@dataclass(frozen=True)
class DesignPoint:
    """One file of a trial: a candidate in one scheme.

    Attributes:
        folds: accuracy of each fold, the mean over its seeds, in the order of the folds.
        runs: number of fits in these means.
    """

    candidate: SearchCandidate
    scheme: str
    bytes: int
    macs: int
    folds: tuple[float, ...]
    runs: int

    @property
    def accuracy(self) -> float:
        """Mean over folds."""
        return sum(self.folds) / len(self.folds)

    @property
    def key(self) -> tuple[str, str]:
        return self.candidate.key, self.scheme


def variant(candidate: SearchCandidate, scheme: str) -> Variant:
    """The file that one scheme of a candidate is."""
    layers = candidate.int8_layers if scheme == INT4 else ()
    sensor = find_target(SEARCH_TARGET).input_convention
    return Variant(SEARCH_TARGET, scheme, sensor, compress=candidate.compress, int8_layers=layers)


def training_of(training: Training, candidate: SearchCandidate) -> Training:
    """The recipe's training with the changes of the candidate."""
    settings: dict[str, Any] = dict(candidate.training)
    inner = {
        key.partition(".")[2]: settings.pop(key)
        for key in list(settings)
        if key.startswith("augmentation.")
    }
    if inner:
        augmentation = training.augmentation or Augmentation()
        settings["augmentation"] = replace(augmentation, **inner)
    return replace(training, **settings)
