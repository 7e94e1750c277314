"""The networks and settings that are tried, as questions to a sampler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from edgeconv.search.candidates import Candidate

Params = dict[str, Any]


class Chooser(Protocol):
    """The part of an Optuna trial that is used."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> Any:
        """A whole number."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> Any:
        """A number."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """One of some."""


# What earlier explorations found good (docs/students.md), from large to small: the search begins
# on a front, not in the dark. layers, width, growth, first stride, place of a later stride of 2.
_STARTS = (
    (4, 24, 1.4, 2, 3),
    (3, 16, 1.4, 2, 2),
    (3, 8, 1.75, 3, 2),
    (3, 6, 1.7, 4, 2),
)
LAYERS, WIDTH, GROWTH, STRIDE, TAPS, LATER_TAPS = (
    (2, 5),
    (4, 32),
    (1.0, 2.0),
    (1, 4),
    (5, 11),
    (3, 7),
)
RATE = (7e-4, 1e-2)


@dataclass(frozen=True)
class Space:
    """Networks of the family `cnn:` × training × compression; every scheme of each is judged.

    Attributes:
        schemes: in which every candidate is exported; the first one steers the search.
        compress: methods to choose from; the empty one is none.
        epochs: the recipe's; candidates train that long or twice as long.
        teach: whether the recipe's own network may be a candidate's teacher.
    """

    schemes: tuple[str, ...]
    epochs: int
    compress: tuple[str, ...] = ("",)
    mixup: bool = True
    teach: bool = False

    def suggest(self, trial: Chooser) -> Candidate:
        """Ask for one candidate."""
        params: Params = {
            "layers": trial.suggest_int("layers", *LAYERS),
            "width": trial.suggest_int("width", *WIDTH, log=True),
            "growth": trial.suggest_float("growth", *GROWTH),
            "stride": trial.suggest_int("stride", *STRIDE),
            "later_stride_at": trial.suggest_int("later_stride_at", 1, LAYERS[1]),
            "taps": trial.suggest_int("taps", *TAPS, step=2),
            "later_taps": trial.suggest_int("later_taps", *LATER_TAPS, step=2),
            "separable": trial.suggest_categorical("separable", (False, True)),
            "learning_rate": trial.suggest_float("learning_rate", *RATE, log=True),
            "twice_as_long": trial.suggest_categorical("twice_as_long", (False, True)),
        }
        if self.mixup:
            params["mixup"] = trial.suggest_categorical("mixup", (True, False))
        if len(self.compress) > 1:
            params["compress"] = trial.suggest_categorical("compress", self.compress)
        if self.teach:
            params["teacher"] = trial.suggest_categorical("teacher", (False, True))
        return self.candidate(params)

    def candidate(self, params: Params) -> Candidate:
        """The candidate that a sampler's answers mean."""
        training: dict[str, Any] = {
            "learning_rate": float(f"{params['learning_rate']:.2g}"),
            "epochs": self.epochs * (2 if params["twice_as_long"] else 1),
        }
        if not params.get("mixup", True):
            training["augmentation.mixup"] = 0.0
        if params.get("teacher"):
            training["teacher"] = True
        compress = params.get("compress", self.compress[0])
        return Candidate(spec(params), tuple(sorted(training.items())), compress, self.schemes)

    def starts(self) -> list[Params]:
        """What is tried first."""
        names = ("layers", "width", "growth", "stride", "later_stride_at")
        rest: Params = {"taps": 9, "later_taps": 5, "separable": False, "twice_as_long": True}
        rest |= {"learning_rate": 3e-3}
        if self.mixup:
            rest["mixup"] = True
        if len(self.compress) > 1:
            rest["compress"] = self.compress[0]
        if self.teach:
            rest["teacher"] = True
        return [{**dict(zip(names, values, strict=True)), **rest} for values in _STARTS]

    def smallest(self) -> tuple[Candidate, ...]:
        """The candidates with the fewest weights: where they are over a budget, all are."""
        few: Params = {"layers": LAYERS[0], "width": WIDTH[0], "growth": GROWTH[0]}
        few |= {"stride": STRIDE[1], "later_stride_at": 2, "taps": TAPS[0]}
        few |= {"later_taps": LATER_TAPS[0], "learning_rate": RATE[0], "twice_as_long": False}
        return tuple(self.candidate(few | {"separable": how}) for how in (False, True))


def spec(params: Params) -> str:
    """The name of a network: `cnn:24s2k9-32k5-48s2k5`."""
    layers = []
    for place in range(1, params["layers"] + 1):
        filters = _rounded(params["width"] * params["growth"] ** (place - 1))
        stride = params["stride"] if place == 1 else 1
        if place > 1 and place == params["later_stride_at"]:
            stride = 2
        taps = params["taps"] if place == 1 else params["later_taps"]
        # The first layer sees three channels: separating it would save nothing.
        separable = "d" if params["separable"] and place > 1 else ""
        layers.append(f"{separable}{filters}{f's{stride}' if stride > 1 else ''}k{taps}")
    return f"cnn:{'-'.join(layers)}"


def _rounded(filters: float) -> int:
    """Kernels are written for blocks of four or eight channels."""
    step = 4 if filters >= 16 else 2
    return max(int(filters / step + 0.5) * step, step)
