"""A recipe: all settings of a run, as data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from edgeconv.core.compression import Distillation, FinetuneConfig
from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.core.label_map import LabelMap
from edgeconv.core.signal import InputConvention, Signal
from edgeconv.errors import UsageError


@dataclass(frozen=True)
class Augmentation:
    """Label-preserving random changes of a training window; 0 switches one off.

    Attributes:
        shift: largest shift off the step grid, in time steps, inside the same recording.
        speed: largest change of cadence: the factor is exp(uniform(−speed, speed)).
        turn: probability of a 180° turn about the phone's long axis (screen in or out of a pocket).
        upside_down: probability of a 180° turn about the screen's normal.
        mirror: probability of a reflection left to right (the other pocket).
        axis_gain: deviation of a factor for each axis (sensor sensitivity).
        amplitude: deviation of the logarithm of one factor for all axes (how hard a subject steps).
        effort: deviation of the logarithm of one factor for all motion; gravity stays (how hard a
            subject steps).
        coupling: deviation of the logarithm of the gain of each band of frequencies of the motion
            (how loosely the phone sits in the pocket).
        roll_rad: deviation of a rotation about the screen's normal, in radians (the phone leans).
        rotation_rad: deviation of each component of a small rotation vector, in radians.
        jitter: deviation of white noise, in m/s².
        mixup: alpha of mixup's Beta distribution (Zhang et al., 2018).
    """

    shift: int = 20
    speed: float = 0.15
    turn: float = 0.5
    upside_down: float = 0.1
    mirror: float = 0.5
    axis_gain: float = 0.05
    amplitude: float = 0.1
    effort: float = 0.2
    coupling: float = 0.3
    roll_rad: float = 0.4
    rotation_rad: float = 0.15
    jitter: float = 0.1
    mixup: float = 0.2

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < math.inf:
                raise UsageError(
                    f"augmentation: {name} must be 0 or above, got {value}", "0 turns it off"
                )
        for name in ("turn", "upside_down", "mirror"):
            if getattr(self, name) > 1:
                raise UsageError(
                    f"augmentation: {name} is a probability, at most 1",
                    "1 augments every window, 0.5 every second one",
                )


OPTIMIZERS = ("adam", "adamw", "rmsprop")
SCHEDULES = ("constant", "cosine")
NORMALIZATIONS = ("axis", "common")
KEEPS = ("best", "last")
SEEDS = 2**32  # number of seeds of NumPy's and TensorFlow's generators


@dataclass(frozen=True)
class Training:
    """How the network is fitted.

    Attributes:
        epochs: passes over the training windows, at most.
        batch_size: windows in one step.
        optimizer: `adam`, `rmsprop`, or `adamw` with `weight_decay` on kernels (not on biases).
        learning_rate: the highest rate, if there is a schedule.
        weight_decay: of `adamw`, on kernels; 0: none.
        schedule: of the learning rate: `constant`, or `cosine` down to 0.5 % of it.
        warmup: share of all steps during which a cosine schedule first rises to the rate.
        clipnorm: largest norm of one step's whole gradient; 0: unlimited.
        label_smoothing: share of the label that is spread over all classes.
        class_weights: power of a class's inverse frequency in the loss; 0: none, 1: balanced.
        ema: momentum of the moving average of the weights, which is then the model; 0: none.
        normalization: `axis`: mean and deviation of each channel; `common`: mean 0 and one scale,
            the root mean square of all channels, so that a turned phone looks the same.
        keep: which epoch is the model: `last`, or `best` by validation loss.
        patience: epochs without a better validation loss before stopping; 0: never.
        refit: fit again on training and validation subjects, for as many epochs as the first fit
            chose; validation figures stay those of the first fit.
        augmentation: a table; false trains on the windows as they are.
        distillation: a table; without it, the network learns from the labels only.
    """

    epochs: int = 30
    batch_size: int = 128
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "cosine"
    warmup: float = 0.05
    clipnorm: float = 1.0
    label_smoothing: float = 0.1
    class_weights: float = 0.0
    ema: float = 0.99
    normalization: str = "common"
    keep: str = "last"
    patience: int = 0
    refit: bool = True
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    distillation: Distillation | None = None

    def __post_init__(self) -> None:
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("normalization", self.normalization, NORMALIZATIONS)
        _one_of("keep", self.keep, KEEPS)
        for name, lowest in (("epochs", 1), ("batch_size", 1), ("patience", 0)):
            if getattr(self, name) < lowest:
                raise UsageError(
                    f"training: {name} must be at least {lowest}",
                    "epochs and batch_size count from 1; patience 0 never stops early",
                )
        for name in ("warmup", "label_smoothing", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"training: {name} must be from 0 to below 1", "0 turns it off")
        for name in ("weight_decay", "clipnorm", "class_weights"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"training: {name} must be 0 or above", "0 turns it off")
        if not 0 < self.learning_rate < math.inf:
            raise UsageError("training: learning_rate must be above 0", "1e-3 is usual")
        if self.optimizer != "adamw" and self.weight_decay:
            raise UsageError(
                f"training: {self.optimizer} has no weight decay", "use adamw, or weight_decay = 0"
            )


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"training: unknown {name} '{value}'", f"choose: {', '.join(choices)}")


@dataclass(frozen=True)
class Windowing:
    """How recordings are cut into windows; 0 or empty: as the data set does it by itself.

    Attributes:
        rate_hz: sampling rate of the windows; recordings are resampled to it.
        window: time steps in a window.
        step: time steps between the starts of two windows; with a `window` and no step, half of it.
        channels: names of the data set's channels, in the order of the input.
    """

    rate_hz: float = 0.0
    window: int = 0
    step: int = 0
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("rate_hz", "window", "step"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(
                    f"windowing: {name} must be above 0, got {getattr(self, name)}",
                    "leave it out for what the data set or the network says",
                )
        if len(set(self.channels)) < len(self.channels):
            raise UsageError(
                f"windowing: a channel stands twice in {list(self.channels)}",
                "name each channel once",
            )

    @classmethod
    def of(cls, contract: object) -> Windowing:
        """The windows that a model takes, by its contract; an empty one if that says nothing."""
        if not isinstance(contract, Signal) or contract.plain_tensors or contract.window == 1:
            return cls()
        axes = ("x", "y", "z")
        own = len(contract.channels) == len(axes) and contract.accelerometer_only
        channels = axes if own else contract.channels
        return cls(contract.rate_hz, contract.window, contract.step, channels)

    def applied(self, signal: Signal) -> Signal:
        """A data set's own contract with these windows in place of its own."""
        half = max(self.window // 2, 1) if self.window else signal.step
        return replace(
            signal,
            rate_hz=self.rate_hz or signal.rate_hz,
            window=self.window or signal.window,
            step=self.step or half,
        )


@dataclass(frozen=True)
class Variant:
    """The settings of one artifact.

    Attributes:
        target: `tflite`, `coreml`, or an alias.
        scheme: number formats of the file.
        sensor: input convention: `android`, `ios` or `normalized`; empty: the target's default.
        io: `int8` input and output, for TFLite's int8 only.
        deployment_target: for Core ML only; empty: the oldest one that supports the scheme.
        calibration_method: how activation ranges are chosen, for schemes with integer activations;
            empty: the scheme's default.
        float_layers: layers that an `int8` or `int4` TFLite file computes in float32.
        int8_layers: layers whose weights an `int4` TFLite file stores in 8 bits.
        min_snr_db: signal-to-noise ratio of the outputs of an `int8` or `int4` TFLite file on
            calibration windows: layers stay float (int8 in an int4 file) until it is reached.
        compress: compression of the trained weights before export, a name such as
            `prune80-qat8`; empty: none.
    """

    target: str
    scheme: str
    sensor: InputConvention
    io: str = "float"
    deployment_target: str = ""
    calibration_method: str = ""
    compress: str = ""
    float_layers: tuple[str, ...] = ()
    int8_layers: tuple[str, ...] = ()
    min_snr_db: float = 0.0


@dataclass(frozen=True)
class ExportSettings:
    """What all files of a run have in common.

    Attributes:
        embedding: give the input of the last dense layer as a second output, `embedding`, which
            an app needs to learn how its user moves.
    """

    embedding: bool = False


@dataclass(frozen=True)
class Recipe:
    """Data, model, training, variants and gates of one run.

    Attributes:
        name: name of the recipe, and of its folder below `out/`.
        data: data specification; several are joined by ` + `, or stand in a list.
        model: the network.
        seed: of all random choices.
        windowing: how the recordings are cut.
        labels: labels to merge or to drop: a table, or the name of a TOML file with it.
        compression: how variants with `compress` are fine-tuned.
        export: what all files have in common.
        gates: limits that replace those of the scheme.
        profile_runs: timed inferences of each file.
    """

    name: str
    data: str = "synthetic"
    model: str = "har"
    seed: int = 0
    windowing: Windowing = field(default_factory=Windowing)
    training: Training = field(default_factory=Training)
    compression: FinetuneConfig = field(default_factory=FinetuneConfig)
    export: ExportSettings = field(default_factory=ExportSettings)
    variants: tuple[Variant, ...] = ()
    gates: dict[str, float] = field(default_factory=dict)
    profile_runs: int = 300
    labels: LabelMap = field(default_factory=LabelMap)

    def __post_init__(self) -> None:
        if not self.name.strip(" .") or set(self.name) & set("/\\"):
            raise UsageError(
                f"recipe: name = {self.name!r} cannot be a folder's name", "choose a plain word"
            )
        if not 0 <= self.seed < SEEDS:
            raise UsageError(
                f"a seed is a number from 0 to {SEEDS - 1}, got {self.seed}",
                "give a whole number in that range, such as 7",
            )
        if self.profile_runs < 1:
            raise UsageError(
                f"recipe: profile_runs must be at least 1, got {self.profile_runs}",
                "50 or more give a stable median",
            )

    def to_json(self) -> dict[str, Any]:
        """The resolved recipe, as it is stored in the manifest."""
        return encode_fields(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Recipe:
        """Read the output of `to_json`.

        Raises:
            ValueError: an unknown key, or a value of another type; the message names it.
            UsageError: an illegal value.
        """
        return decode_fields(cls, data)
