"""`cnn:SPEC`: small 1-D convolutional networks, each described by its own name.

    SPEC    = ("f" STEPS "-")? layer ("-" layer)* ("-" summary)?
    layer   = "d"? FILTERS (("s" STRIDE) | ("k" TAPS))*  |  "p" SIZE
    summary = "avg" | "max" | "flat"

`cnn:24s2-32-48s2-64` is four convolutions of 24, 32, 48 and 64 filters, the first and the third
with stride 2. `k` says how many time steps a kernel spans; without it 9 in the first layer, 5 in
the second and third, 3 after that. `d` makes a layer depthwise-separable: every channel is
convolved by itself, then a convolution with one tap mixes them. `p3` is max pooling over 3 steps.
What the time steps become at the end is their average unless it says `max`, or `flat` for all of
them side by side. Then a dense layer gives a probability for each label of the contract.

`f4` in front lays every 4 time steps side by side as one step of 4 × 3 channels, before the first
convolution. `f4-24k3` is the same function as `24k12s4`, and faster on a processor whose kernels
work on whole registers of channels, which three channels leave nearly empty.

Convolutions are without padding, so that a sensor's offset folds into the first one exactly, and
end in a ReLU.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from edgeconv.core import Signal
from edgeconv.errors import BadInput, UsageError
from edgeconv.models.family import Builder, Chooser, Family, Params

TAPS = (9, 5, 5, 3)  # of the first, second, … convolution; the last number for all that follow
SUMMARIES = ("avg", "max", "flat")
MOST_LAYERS = 32
MOST_FILTERS = 1024

_CONVOLUTION = re.compile(r"(d?)([0-9]+)((?:[sk][0-9]+)*)")
_FRAME = re.compile(r"f([0-9]+)")
_POOLING = re.compile(r"p([0-9]+)")
_EXAMPLE = "write layers such as 24s2-d32k5-p2-48: filters, s stride, k kernel, d separable, p pool"


@dataclass(frozen=True)
class Convolution:
    """A convolution with its ReLU; `separable` is depthwise, then one tap over all channels."""

    filters: int
    taps: int
    stride: int = 1
    separable: bool = False


@dataclass(frozen=True)
class Pooling:
    """The maximum of every `size` time steps."""

    size: int


@dataclass(frozen=True)
class Design:
    """A network of the family.

    Attributes:
        spec: its text, as it was written.
        frame: time steps of the window that are laid side by side as one step of the network.
    """

    spec: str
    layers: tuple[Convolution | Pooling, ...]
    summary: str = "avg"
    frame: int = 1

    def steps(self, window: int) -> int:
        """Time steps that a window of `window` has after the last layer; below 1: too short."""
        window //= self.frame
        for layer in self.layers:
            if isinstance(layer, Pooling):
                window //= layer.size
            else:
                window = (window - layer.taps) // layer.stride + 1
            if window < 1:
                return 0
        return window


def from_spec(spec: str) -> Builder:
    """The function that builds network `cnn:<spec>`. Raises UsageError where it is malformed."""
    return partial(build, parse(spec))


def parse(spec: str) -> Design:
    """What a specification says. Raises UsageError, naming the part that is wrong."""
    parts = spec.split("-")
    framed = _FRAME.fullmatch(parts[0])
    frame = _number(spec, parts.pop(0), framed[1], 2, MOST_FILTERS) if framed else 1
    summary = parts.pop() if parts and parts[-1] in SUMMARIES else "avg"
    layers: list[Convolution | Pooling] = []
    count = 0
    for part in parts:
        pooling = _POOLING.fullmatch(part)
        if pooling:
            layers.append(Pooling(_number(spec, part, pooling[1], 2, MOST_FILTERS)))
            continue
        layers.append(_convolution(spec, part, TAPS[min(count, len(TAPS) - 1)]))
        count += 1
    if not count:
        raise UsageError(f"network 'cnn:{spec}' has no convolution", _EXAMPLE)
    if len(layers) > MOST_LAYERS:
        raise UsageError(
            f"network 'cnn:{spec}' has more than {MOST_LAYERS} layers",
            "leave some out, or use larger strides and fewer layers",
        )
    return Design(spec, tuple(layers), summary, frame)


def build(design: Design, signal: Signal, name: str = "") -> Any:
    """The untrained network: "sensor" (n, window·channels) → "probabilities" (n, classes).

    It is called `name`, or cnn-<spec>.

    Raises:
        BadInput: the window is too short for its convolutions, or fewer than two classes.
    """
    if signal.window % design.frame:
        raise BadInput(
            f"network 'cnn:{design.spec}' lays {design.frame} time steps side by side, but windows "
            f"have {signal.window}",
            "take a frame that divides the window",
        )
    if design.steps(signal.window) < 1:
        raise BadInput(
            f"network 'cnn:{design.spec}' has no time step left of windows of {signal.window}",
            "cut longer windows, or take smaller kernels and strides",
        )
    if len(signal.labels) < 2:
        raise BadInput(
            f"network 'cnn:{design.spec}' needs two classes or more, the data has {signal.labels}",
            "add recordings of another class, or see edgeconv data describe",
        )
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((signal.flat_size,), name="sensor"),
            layers.Reshape(
                (signal.window // design.frame, design.frame * len(signal.channels)), name="steps"
            ),
            *(x for i, layer in enumerate(design.layers, 1) for x in _keras_layers(i, layer)),
            _summary(design.summary),
            layers.Dense(len(signal.labels), activation="softmax", name="probabilities"),
        ],
        name=name or f"cnn-{design.spec}",
    )


def _convolution(spec: str, part: str, taps: int) -> Convolution:
    found = _CONVOLUTION.fullmatch(part)
    if not found:
        raise UsageError(f"network 'cnn:{spec}': '{part}' is no layer", _EXAMPLE)
    options = re.findall(r"([sk])(\d+)", found[3])
    given = dict(options)
    if len(given) < len(options):
        raise UsageError(f"network 'cnn:{spec}': '{part}' says the same thing twice", _EXAMPLE)
    return Convolution(
        filters=_number(spec, part, found[2], 1, MOST_FILTERS),
        taps=_number(spec, part, given.get("k", str(taps)), 1, MOST_FILTERS),
        stride=_number(spec, part, given.get("s", "1"), 1, MOST_FILTERS),
        separable=bool(found[1]),
    )


def _number(spec: str, part: str, digits: str, lowest: int, highest: int) -> int:
    # By length first: Python refuses to read numbers of thousands of digits.
    if len(digits) > len(str(highest)) or not lowest <= int(digits) <= highest:
        raise UsageError(
            f"network 'cnn:{spec}': {digits[:12]} in '{part[:24]}' is out of range",
            f"use {lowest} to {highest}",
        )
    return int(digits)


def _keras_layers(number: int, layer: Convolution | Pooling) -> list[Any]:
    from keras import layers

    if isinstance(layer, Pooling):
        return [layers.MaxPooling1D(layer.size, name=f"pool{number}")]
    if not layer.separable:
        return [
            layers.Conv1D(
                layer.filters, layer.taps, layer.stride, activation="relu", name=f"conv{number}"
            )
        ]
    return [
        layers.DepthwiseConv1D(
            layer.taps, layer.stride, activation="relu", name=f"depthwise{number}"
        ),
        layers.Conv1D(layer.filters, 1, activation="relu", name=f"conv{number}"),
    ]


def _summary(kind: str) -> Any:
    from keras import layers

    if kind == "flat":
        return layers.Flatten(name="flat")
    if kind == "max":
        return layers.GlobalMaxPooling1D(name="highest")
    return layers.GlobalAveragePooling1D(name="average")


# ---- what a search chooses from --------------------------------------------------------------
LAYERS, WIDTH, GROWTH, STRIDES = (2, 5), (4, 32), (1.0, 2.0), (1, 2, 4)
SEARCHED_TAPS, LATER_TAPS, SEARCHED_SUMMARIES = (5, 12), (2, 7), ("avg", "max")
WIDE = 64
"""Filters of the last layer above which a network is trained for fewer epochs: it needs fewer, and
each costs more. One such candidate took half of a search's time."""
# The search begins with networks that earlier explorations found good (see
# docs/measurements/small-models.md): one like `student`, then a larger and a smaller one.
_STARTED = ("layers", "width", "growth", "stride", "later_stride_at", "taps", "summary")
_STARTS = (
    ((3, 16, 1.4, 4, 2, 12, "max"), 9),
    ((4, 24, 1.4, 2, 3, 8, "avg"), 3),
    ((3, 8, 1.75, 4, 2, 8, "max"), 9),
)


@dataclass(frozen=True)
class _Choice:
    """A network of the space: each layer has `growth` times the filters of the one before."""

    layers: int
    width: int
    growth: float
    stride: int
    later_stride_at: int
    taps: int
    later_taps: int
    summary: str
    separable: bool

    @classmethod
    def of(cls, params: Params) -> _Choice:
        """From named parameters, of which a search has more."""
        values: Any = {field.name: params[field.name] for field in fields(cls)}
        return cls(**values)

    def filters(self, place: int) -> int:
        """Of the layer at this place, from 1; kernels are written for blocks of four or eight."""
        filters = self.width * self.growth ** (place - 1)
        step = 4 if filters >= 16 else 2
        return max(int(filters / step + 0.5) * step, step)


class CnnSpace:
    """Networks whose layers grow by a factor, with one or two strides."""

    def suggest(self, chooser: Chooser) -> Params:
        """Choose every parameter."""
        return {
            "layers": chooser.suggest_int("layers", *LAYERS),
            "width": chooser.suggest_int("width", *WIDTH, log=True),
            "growth": chooser.suggest_float("growth", *GROWTH),
            "stride": chooser.suggest_categorical("stride", STRIDES),
            "later_stride_at": chooser.suggest_int("later_stride_at", 1, LAYERS[1]),
            "taps": chooser.suggest_int("taps", *SEARCHED_TAPS),
            "later_taps": chooser.suggest_int("later_taps", *LATER_TAPS),
            "summary": chooser.suggest_categorical("summary", SEARCHED_SUMMARIES),
            "separable": chooser.suggest_categorical("separable", (False, True)),
        }

    def spec(self, params: Params) -> str:
        """The specification of a network: `f2-24k4-32k5-48s2k5-max`.

        A stride of the first layer is written as a frame: the same function, and faster.
        """
        choice = _Choice.of(params)
        frame = choice.stride
        layers = [f"f{frame}"] if frame > 1 else []
        for place in range(1, choice.layers + 1):
            filters = choice.filters(place)
            if place == 1:
                layers.append(f"{filters}k{max(round(choice.taps / frame), 1)}")
                continue
            # The first layer sees three channels: separating it would save nothing.
            separable = "d" if choice.separable else ""
            stride = "s2" if place == choice.later_stride_at else ""
            layers.append(f"{separable}{filters}{stride}k{choice.later_taps}")
        if choice.summary != "avg":
            layers.append(choice.summary)
        return "-".join(layers)

    def is_wide(self, params: Params) -> bool:
        """Whether the last layer has more than `WIDE` filters."""
        choice = _Choice.of(params)
        return choice.filters(choice.layers) > WIDE

    def starts(self) -> list[tuple[Params, int]]:
        """Networks to begin with, each with the factor of the recipe's epochs that it needs."""
        rest: Params = {"later_taps": 5, "separable": False}
        return [
            ({**dict(zip(_STARTED, values, strict=True)), **rest}, epochs)
            for values, epochs in _STARTS
        ]

    def smallest(self) -> list[Params]:
        """The networks with the fewest weights, with and without separable convolutions."""
        few: Params = {
            "layers": LAYERS[0],
            "width": WIDTH[0],
            "growth": GROWTH[0],
            "stride": STRIDES[-1],
            "later_stride_at": 2,
            "taps": SEARCHED_TAPS[0],
            "later_taps": LATER_TAPS[0],
            "summary": SEARCHED_SUMMARIES[0],
        }
        return [few | {"separable": separable} for separable in (False, True)]


FAMILY = Family(from_spec, CnnSpace())
