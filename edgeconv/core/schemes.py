"""Schemes: the number formats of one artifact, and every limit that belongs to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

# How an activation's range is chosen from the values that were seen: docs/how-to/export.md.
MINMAX, PERCENTILE, MSE = "minmax", "percentile", "mse"
CALIBRATION_METHODS = (MINMAX, PERCENTILE, MSE)

FLOAT_LAYERS, INT8_LAYERS = "float", "int8"
"""Precisions that single layers of a mixed-precision file may have."""

_REQUIRED_GATE = "accuracy_drop"


@dataclass(frozen=True)
class Tolerance:
    """How far a device's probabilities may be from the expected ones, and the derivation."""

    value: float
    derivation: str

    def __post_init__(self) -> None:
        if not 0 < self.value < 1 or not self.derivation.strip():
            raise ValueError(f"a tolerance is a probability with its derivation, got {self}")


DECIDED = 0.1
"""Two classes whose probabilities are nearer than this may change places in a sound file."""


@dataclass(frozen=True)
class OutputLimits:
    """Differences from the float model that a sound conversion shows.

    Parity judges precision; these limits find broken files.

    Attributes:
        max_abs, mean_abs: the largest and the mean difference of a probability.
        min_snr_db: the lowest ratio of outputs to their error, in dB.
        min_agreement: the lowest share of samples with the same class, of those that the float
            model decides by more than `DECIDED`.
    """

    max_abs: float
    mean_abs: float
    min_snr_db: float = -math.inf
    min_agreement: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.mean_abs <= self.max_abs <= 1:
            raise ValueError(f"output limits need 0 < mean_abs <= max_abs <= 1, got {self}")
        if not 0 <= self.min_agreement <= 1:
            raise ValueError(f"an agreement is a share, got {self.min_agreement}")


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One scheme of one target. Whatever has no default must be given for every scheme.

    Attributes:
        weights, activations: element types inside the file; of a palette, the type of its indices.
        gates: limits that a file of this scheme must keep in parity, by the gate's name.
        tolerance: how far another device's outputs may be from the golden ones.
        output_limits: the sanity limits of export's own check.
        only_rounds_weights: whether each weight is only rounded, so that it has a bound of its
            own. Palettes, pruning and error compensation change weights on purpose.
        default: whether it is exported when no scheme is named.
        granularity: what shares a scale or a palette: `per-tensor`, `per-channel`, `per-block`;
            empty for floats.
        palette: whether weights are indices into a table of float16 numbers.
        sparsity: share of each compressed kernel's weights that is set to 0 and not stored.
        min_deployment_target: the first system version whose format can hold it; empty where the
            target has no system versions.
        calibration_windows: windows of training subjects that set activation ranges, or on which
            weights compensate for each other's error; 0 for none.
        methods: ways to choose activation ranges, the default first; empty where there are none
            to choose, and calibration windows are optional.
        io_types: element types that input and output may have, the default first.
        mixed_precision: precisions that single layers may keep, of `float` and `int8`.
        finetune_bits: bits of the weights for which quantization-aware training imitates exactly
            this scheme's rounding; 0 where none does.
        warning: why the scheme's cost may outweigh its benefit, with the figure; usually empty.
    """

    name: str
    weights: str
    activations: str
    gates: Mapping[str, float] = field(hash=False)
    tolerance: Tolerance
    output_limits: OutputLimits
    only_rounds_weights: bool
    default: bool = False
    granularity: str = ""
    palette: bool = False
    sparsity: float = 0.0
    min_deployment_target: str = ""
    calibration_windows: int = 0
    methods: tuple[str, ...] = ()
    io_types: tuple[str, ...] = ("float",)
    mixed_precision: tuple[str, ...] = ()
    finetune_bits: int = 0
    warning: str = ""

    def __post_init__(self) -> None:
        if _REQUIRED_GATE not in self.gates:
            raise ValueError(f"scheme '{self.name}' has no gate {_REQUIRED_GATE}")
        if not all(map(math.isfinite, self.gates.values())):
            raise ValueError(f"scheme '{self.name}' has a gate without a finite limit")
        if unknown := set(self.methods) - set(CALIBRATION_METHODS):
            raise ValueError(f"scheme '{self.name}': unknown calibration methods {unknown}")
        if self.methods and not self.calibration_windows:
            raise ValueError(f"scheme '{self.name}' chooses ranges on 0 calibration windows")
        object.__setattr__(self, "gates", MappingProxyType(dict(self.gates)))

    @property
    def needs_calibration(self) -> bool:
        """Whether it cannot be exported without calibration windows."""
        return bool(self.methods)

    @property
    def accepts_external_ranges(self) -> bool:
        """Whether activation ranges from a training can replace calibration."""
        return self.needs_calibration and self.activations == "int8"

    @property
    def error_compensated(self) -> bool:
        """Whether weights are quantized together on calibration windows, where there are any."""
        return self.calibration_windows > 0 and not self.methods

    @property
    def compressed(self) -> bool:
        """Whether weights are stored as anything but float numbers in full."""
        return self.sparsity > 0 or not self.weights.startswith("float")
