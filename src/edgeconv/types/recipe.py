"""A recipe: everything that decides a run, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from edgeconv.types.scheme import Target
from edgeconv.types.signal import Sensor


@dataclass(frozen=True)
class Augmentation:
    """Label-preserving changes of a window; 0 switches one off.

    Attributes:
        shift: cut the window anywhere in its recording instead of on the step grid.
        speed: largest relative change of cadence, by resampling the recording.
        rotation_rad: deviation (radians) of a random 3-D rotation.
        amplitude, axis_gain: deviation of one common and of per-axis factors.
        jitter: deviation of white noise in m/s².
        turn: probability of a 180° turn about the phone's long axis (screen in or out of a pocket).
        mixup: alpha of mixup's Beta distribution (Zhang et al., 2018).
    """

    shift: bool = True
    speed: float = 0.15
    rotation_rad: float = 0.15
    amplitude: float = 0.10
    axis_gain: float = 0.05
    jitter: float = 0.1
    turn: float = 0.5
    mixup: float = 0.0


@dataclass(frozen=True)
class Training:
    """How the network is fitted. `schedule` is `constant` or `cosine` (with warm-up)."""

    epochs: int = 60
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "cosine"
    warmup_epochs: int = 3
    label_smoothing: float = 0.1
    class_weights: bool = True
    ema: float = 0.0  # momentum of the weights' moving average; 0: none
    patience: int = 0  # epochs without a better validation loss before stopping; 0: never
    augmentation: Augmentation | None = field(default_factory=Augmentation)


@dataclass(frozen=True)
class Variant:
    """One artifact to make. `io` is for int8 only; `deployment_target` for Core ML only."""

    target: Target
    scheme: str
    sensor: Sensor
    io: str = "float"
    deployment_target: str = ""


@dataclass(frozen=True)
class Recipe:
    """Data, model, training, variants and gates of one run; `gates` override the scheme's own."""

    name: str
    data: str = "synthetic"
    model: str = "har"
    seed: int = 0
    training: Training = field(default_factory=Training)
    variants: tuple[Variant, ...] = ()
    gates: dict[str, float] = field(default_factory=dict)
    profile_runs: int = 300

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
