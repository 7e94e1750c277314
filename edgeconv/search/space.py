"""The networks and settings that are tried, as questions to a sampler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from edgeconv.search.candidates import SearchCandidate

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


# The search begins with networks that earlier explorations found good (see
# docs/measurements/small-models.md): one like `student`, then a larger and a smaller one.
_STARTED = ("layers", "width", "growth", "stride", "later_stride_at", "taps", "summary", "longer")
_STARTS = (
    (3, 16, 1.4, 4, 2, 12, "max", 9),
    (4, 24, 1.4, 2, 3, 8, "avg", 3),
    (3, 8, 1.75, 4, 2, 8, "max", 9),
)
LAYERS, WIDTH, GROWTH, STRIDES = (2, 5), (4, 32), (1.0, 2.0), (1, 2, 4)
TAPS, LATER_TAPS, RATE = (5, 12), (2, 7), (1e-3, 1e-2)
SUMMARIES = ("avg", "max")
LONGER = (1, 3, 9)  # times the recipe's epochs: a small network needs more of them
WIDE = 64
"""Filters of the last layer above which a network is trained for three times the epochs at most: it
needs fewer, and each costs more. One such candidate took half of a search's time."""


@dataclass(frozen=True)
class Space:
    """Networks of the family `cnn:` × training × compression; every scheme of each is evaluated.

    Attributes:
        schemes: in which a candidate is exported, by its compression; the empty one is none. The
            first scheme steers the search.
        epochs: the recipe's.
        mixup: whether the recipe mixes windows; a candidate may leave that out.
    """

    schemes: Mapping[str, tuple[str, ...]]
    epochs: int
    mixup: bool = True

    def suggest(self, trial: Chooser) -> SearchCandidate:
        """Ask for one candidate."""
        params: Params = {
            "layers": trial.suggest_int("layers", *LAYERS),
            "width": trial.suggest_int("width", *WIDTH, log=True),
            "growth": trial.suggest_float("growth", *GROWTH),
            "stride": trial.suggest_categorical("stride", STRIDES),
            "later_stride_at": trial.suggest_int("later_stride_at", 1, LAYERS[1]),
            "taps": trial.suggest_int("taps", *TAPS),
            "later_taps": trial.suggest_int("later_taps", *LATER_TAPS),
            "summary": trial.suggest_categorical("summary", SUMMARIES),
            "separable": trial.suggest_categorical("separable", (False, True)),
            "learning_rate": trial.suggest_float("learning_rate", *RATE, log=True),
            "longer": trial.suggest_categorical("longer", LONGER),
        }
        if self.mixup:
            params["mixup"] = trial.suggest_categorical("mixup", (True, False))
        if len(self.schemes) > 1:
            params["compress"] = trial.suggest_categorical("compress", tuple(self.schemes))
        return self.candidate(params)

    def candidate(self, params: Params) -> SearchCandidate:
        """The candidate that a sampler's answers mean."""
        is_wide = _filters(params, params["layers"]) > WIDE
        longer = min(params["longer"], LONGER[1]) if is_wide else params["longer"]
        training: dict[str, Any] = {
            "learning_rate": float(f"{params['learning_rate']:.2g}"),
            "epochs": self.epochs * longer,
        }
        if not params.get("mixup", True):
            training["augmentation.mixup"] = 0.0
        compress = params.get("compress", next(iter(self.schemes)))
        settings = tuple(sorted(training.items()))
        return SearchCandidate(spec(params), settings, compress, self.schemes[compress])

    def starts(self) -> list[Params]:
        """What is tried first, with every compression."""
        rest: Params = {"later_taps": 5, "separable": False, "learning_rate": 3e-3}
        if self.mixup:
            rest["mixup"] = False
        several: list[Params] = [{"compress": c} for c in self.schemes]
        return [
            {**dict(zip(_STARTED, values, strict=True)), **rest, **how}
            for how in (several if len(several) > 1 else [{}])
            for values in _STARTS
        ]

    def smallest(self) -> tuple[SearchCandidate, ...]:
        """The candidates with the fewest weights: where they are over a budget, all are."""
        few: Params = {"layers": LAYERS[0], "width": WIDTH[0], "growth": GROWTH[0]}
        few |= {"stride": STRIDES[-1], "later_stride_at": 2, "taps": TAPS[0]}
        few |= {"later_taps": LATER_TAPS[0], "learning_rate": RATE[0], "longer": LONGER[0]}
        few["summary"] = SUMMARIES[0]
        return tuple(
            self.candidate(few | {"separable": separable, "compress": compress})
            for compress in self.schemes
            for separable in (False, True)
        )


def spec(params: Params) -> str:
    """The name of a network: `cnn:f2-24k4-32k5-48s2k5-max`.

    A stride of the first layer is said as a frame: the same function, and faster.
    """
    frame = params["stride"]
    layers = [f"f{frame}"] if frame > 1 else []
    for place in range(1, params["layers"] + 1):
        filters = _filters(params, place)
        if place == 1:
            layers.append(f"{filters}k{max(round(params['taps'] / frame), 1)}")
            continue
        # The first layer sees three channels: separating it would save nothing.
        separable = "d" if params["separable"] else ""
        stride = "s2" if place == params["later_stride_at"] else ""
        layers.append(f"{separable}{filters}{stride}k{params['later_taps']}")
    if params["summary"] != "avg":
        layers.append(params["summary"])
    return f"cnn:{'-'.join(layers)}"


def _filters(params: Params, place: int) -> int:
    """Of the layer at this place, from 1; kernels are written for blocks of four or eight."""
    filters = params["width"] * params["growth"] ** (place - 1)
    step = 4 if filters >= 16 else 2
    return max(int(filters / step + 0.5) * step, step)
