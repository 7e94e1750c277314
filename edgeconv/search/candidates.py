"""What is searched: candidates, the tasks that judge them, and what a task finds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

Setting = int | float | str | bool


@dataclass(frozen=True)
class Candidate:
    """A network with the way it is trained and compressed, and the schemes it is exported in.

    Attributes:
        training: what differs from the recipe's [training], sorted by name; a dot leads into a
            table below it (`augmentation.mixup`).
        compress: a method's name; empty: none.
        schemes: TFLite schemes that each of its folds is judged in; the first one steers.
        int8_layers: layers whose weights an `int4` file holds in 8 bits.
    """

    model: str
    training: tuple[tuple[str, Setting], ...] = ()
    compress: str = ""
    schemes: tuple[str, ...] = ("int8",)
    int8_layers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that belong to this candidate alone."""
        # What a candidate does not use is no part of its name, so that older journals stay good.
        said = {k: v for k, v in asdict(self).items() if v or k != "int8_layers"}
        text = json.dumps(said, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "training": dict(self.training), "schemes": list(self.schemes)}


@dataclass(frozen=True)
class Task:
    """One fold of one seed of a candidate; fold None asks for its size only, without training."""

    candidate: Candidate
    seed: int
    fold: int | None = None

    @property
    def key(self) -> str:
        """What a journal finds its outcome by."""
        return f"{self.candidate.key}/{self.seed}/{'size' if self.fold is None else self.fold}"


@dataclass(frozen=True)
class Outcome:
    """What a task found; a function of the task alone, but for the seconds it took.

    Attributes:
        bytes: of the file in each scheme.
        accuracy: share of the held-out people's windows that the file of each scheme recognises;
            empty where only the size was asked for.
        people: the same for each held-out person, by scheme.
        full: accuracy of the float network itself.
        spared_db: of each layer: the signal-to-noise ratio of the outputs where every layer is
            rounded to 4 bits but this one; empty where no `int4` file was judged.
        failed: why the candidate cannot be judged; empty: it can.
    """

    bytes: dict[str, int] = field(default_factory=dict)
    macs: int = 0
    accuracy: dict[str, float] = field(default_factory=dict)
    people: dict[str, dict[str, float]] = field(default_factory=dict)
    full: float | None = None
    spared_db: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    failed: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        return cls(**data)


class Evaluate(Protocol):
    """Carries out a task. It travels to worker processes, so it can be pickled."""

    def __call__(self, task: Task) -> Outcome:
        """The same task gives the same outcome in every process of this machine."""


@dataclass(frozen=True)
class Point:
    """One file that a trial stands for: a candidate in one scheme.

    Attributes:
        folds: accuracy of each fold, the mean over its seeds, in the order of the folds.
        runs: how many fits these are made of.
    """

    candidate: Candidate
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
